//! What an operator says of a Jira Cloud site.

use std::collections::BTreeMap;
use std::time::Duration;

use poamd_contract::desk::{TicketState, Urgency};
use poamd_contract::secret::SecretString;
use poamd_http::Endpoint;
use url::Url;

/// A project on a Jira Cloud site, and how tickets are kept there.
#[derive(Debug, Clone)]
pub struct JiraConfig {
    /// The site (`https://x.atlassian.net`) or, for scoped tokens, the gateway
    /// (`https://api.atlassian.com/ex/jira/<cloudId>`); `itsm.md` 1.2.
    pub endpoint: Endpoint,
    /// Where people look at issues, if that is not the endpoint.
    pub browse_url: Option<Url>,
    pub email: String,
    pub token: SecretString,
    /// The account the token must belong to; without it, the one that first answers.
    pub account_id: Option<String>,
    /// Project key.
    pub project: String,
    /// Issue type name.
    pub issue_type: String,
    /// Names of priorities; where one is missing the site's default holds.
    pub priorities: BTreeMap<Urgency, String>,
    pub statuses: StatusNames,
    /// Name of the resolution a closing screen asks for.
    pub resolution: Option<String>,
    /// Field that takes the due date; left out where the create or edit screen lacks it.
    pub due_field: String,
    /// How long after an unclear create a search that finds nothing proves nothing.
    pub settle: Duration,
}

/// Names (or ids) of statuses by target, the preferred first. Where none is offered, the status category decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNames {
    pub new: Vec<String>,
    pub in_progress: Vec<String>,
    pub done: Vec<String>,
}

impl StatusNames {
    pub(crate) fn of(&self, state: TicketState) -> &[String] {
        match state {
            TicketState::New => &self.new,
            TicketState::InProgress => &self.in_progress,
            TicketState::Done | TicketState::Closed => &self.done,
        }
    }
}

/// The names of Jira's own workflows.
impl Default for StatusNames {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            new: names(&["To Do", "Open", "Reopened", "Backlog"]),
            in_progress: names(&["In Progress"]),
            done: names(&["Done", "Resolved", "Closed"]),
        }
    }
}

impl JiraConfig {
    /// Everything else as usual: issue type `Task`, no priorities, settle time 15 minutes (`itsm.md` 4.2).
    pub fn new(
        endpoint: Endpoint,
        email: impl Into<String>,
        token: SecretString,
        project: impl Into<String>,
    ) -> Self {
        Self {
            endpoint,
            browse_url: None,
            email: email.into(),
            token,
            account_id: None,
            project: project.into(),
            issue_type: "Task".to_owned(),
            priorities: BTreeMap::new(),
            statuses: StatusNames::default(),
            resolution: None,
            due_field: "duedate".to_owned(),
            settle: Duration::from_secs(15 * 60),
        }
    }
}
