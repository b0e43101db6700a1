//! `[[desks]]`: the ticket systems, and which accounts' records go to which.

mod keys;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use poamd_contract::desk::Urgency;
use url::Url;

use super::address::is_loopback;
use super::duration;
use super::reader::Reader;
use super::secret::Secret;
use super::value::choice;

pub use keys::SECTION;

choice! {
    /// The ticket systems there are.
    pub enum System {
        JiraCloud = "jira-cloud",
        ServiceNow = "servicenow",
    }
}

/// One ticket system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    pub name: String,
    /// Base address of the API.
    pub url: Url,
    /// Base address for people's links.
    pub browse_url: Url,
    /// Account numbers or names whose records go here.
    pub accounts: Vec<String>,
    /// Account labels whose records go here. With `accounts` empty as well, everything does.
    pub account_labels: Vec<String>,
    /// How long after an unclear create nothing found still proves nothing.
    pub settle: Duration,
    /// Ids of the people whose justifications count; empty means nobody.
    pub justifiers: Vec<String>,
    pub max_expiry_days: u32,
    pub ca_file: Option<PathBuf>,
    pub proxy: Option<Url>,
    pub backend: Backend,
}

/// What only one kind of ticket system has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    JiraCloud(JiraCloud),
    ServiceNow(ServiceNow),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JiraCloud {
    pub email: String,
    pub token: Secret,
    /// The project's key.
    pub project: String,
    pub issue_type: String,
    /// Names of priorities; none for an urgency leaves the project's default.
    pub priorities: BTreeMap<Urgency, String>,
    /// Names of statuses, the preferred first; empty takes any of the category.
    pub status_new: Vec<String>,
    pub status_in_progress: Vec<String>,
    pub status_done: Vec<String>,
    pub resolution: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceNow {
    pub user: String,
    pub password: Secret,
    pub table: String,
    /// `sys_id` of the caller.
    pub caller: Option<String>,
    /// `sys_id` of the group.
    pub assignment_group: Option<String>,
    /// Further fields set when a ticket is made.
    pub fields: BTreeMap<String, String>,
    /// `1` to `3`.
    pub impacts: BTreeMap<Urgency, String>,
    /// `1` to `3`.
    pub urgencies: BTreeMap<Urgency, String>,
    pub close_code: String,
    /// The journal field our comments go to.
    pub comment_element: String,
    /// The journal fields commands are taken from.
    pub accept_from: Vec<String>,
}

impl Desk {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        let system: Option<System> = r.get("system");
        let r = system.map_or(r, |system| r.with_variant(system.as_str()));
        r.reject_unknown();
        let system = system?;
        let (name, url) = (r.get("name"), r.get::<Url>("url"));
        let (accounts, account_labels) = (r.get("accounts"), r.get("account_labels"));
        let (settle, justifiers, max_expiry_days) = (
            r.get("settle"),
            r.get("justifiers"),
            r.get("max_expiry_days"),
        );
        let browse_url = r.optional("browse_url").or_else(|| url.clone());
        if let (Some(url), Some(settle)) = (&url, settle) {
            check_settle(r, system, url, settle);
        }
        check_justifiers(r, justifiers.as_deref().unwrap_or_default());
        let backend = match system {
            System::JiraCloud => JiraCloud::read(r).map(Backend::JiraCloud),
            System::ServiceNow => ServiceNow::read(r).map(Backend::ServiceNow),
        };
        Some(Self {
            ca_file: r.optional("ca_file"),
            proxy: r.optional("proxy"),
            name: name?,
            url: url?,
            browse_url: browse_url?,
            accounts: accounts?,
            account_labels: account_labels?,
            settle: settle?,
            justifiers: justifiers?,
            max_expiry_days: max_expiry_days?,
            backend: backend?,
        })
    }

    pub fn system(&self) -> System {
        match self.backend {
            Backend::JiraCloud(_) => System::JiraCloud,
            Backend::ServiceNow(_) => System::ServiceNow,
        }
    }

    /// Whether it takes every account that reaches it.
    pub fn takes_everything(&self) -> bool {
        self.accounts.is_empty() && self.account_labels.is_empty()
    }

    /// Whether it takes the records of an account: one that it lists, or one with a label that it lists.
    pub fn takes(&self, account_id: &str, account_name: &str, label: &str) -> bool {
        self.takes_everything()
            || !self.accounts.is_empty()
                && super::names_account(&self.accounts, account_id, account_name)
            || !self.account_labels.is_empty() && super::names_label(&self.account_labels, label)
    }

    /// The secret it signs in with, and its key.
    pub fn secret(&self) -> (&'static str, &Secret) {
        match &self.backend {
            Backend::JiraCloud(jira) => ("token", &jira.token),
            Backend::ServiceNow(servicenow) => ("password", &servicenow.password),
        }
    }
}

impl JiraCloud {
    fn read(r: Reader<'_>) -> Option<Self> {
        let (email, token, issue_type) = (r.get("email"), r.get("token"), r.get("issue_type"));
        let project: Option<String> = r.get("project");
        let (new, in_progress, done) = (
            r.get("status_new"),
            r.get("status_in_progress"),
            r.get("status_done"),
        );
        let key = |project: &String| {
            project.starts_with(|c: char| c.is_ascii_uppercase())
                && project
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        };
        if project.as_ref().is_some_and(|project| !key(project)) {
            r.fail(
                "project",
                "is not the key of a project: capitals and digits, as in \"SEC\"",
            );
        }
        Some(Self {
            priorities: by_urgency(r, "priorities"),
            resolution: r.optional("resolution"),
            email: email?,
            token: token?,
            project: project?,
            issue_type: issue_type?,
            status_new: new?,
            status_in_progress: in_progress?,
            status_done: done?,
        })
    }
}

impl ServiceNow {
    fn read(r: Reader<'_>) -> Option<Self> {
        let (user, password, table) = (r.get("user"), r.get("password"), r.get("table"));
        let (close_code, comment_element) = (r.get("close_code"), r.get("comment_element"));
        let (accept_from, fields) = (
            r.get("accept_from"),
            r.get::<BTreeMap<String, String>>("fields"),
        );
        check_table(r, table.as_ref());
        for field in fields
            .iter()
            .flat_map(BTreeMap::keys)
            .filter(|field| OUR_FIELDS.contains(&field.as_str()))
        {
            r.fail(
                "fields",
                format!("sets {field}, which poamd writes itself; take it out"),
            );
        }
        Some(Self {
            caller: r.optional("caller"),
            assignment_group: r.optional("assignment_group"),
            impacts: by_urgency(r, "impacts"),
            urgencies: by_urgency(r, "urgencies"),
            user: user?,
            password: password?,
            table: table?,
            fields: fields?,
            close_code: close_code?,
            comment_element: comment_element?,
            accept_from: accept_from?,
        })
    }
}

/// Fields that carry the marker and the state; set by hand they would break the tie between record and ticket.
const OUR_FIELDS: [&str; 9] = [
    "sys_id",
    "number",
    "correlation_id",
    "correlation_display",
    "short_description",
    "description",
    "state",
    "impact",
    "urgency",
];

fn check_table(r: Reader<'_>, table: Option<&String>) {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if table.is_some_and(|table| !table.bytes().all(plain)) {
        r.fail(
            "table",
            "is not the name of a table: lower-case letters, digits and \"_\"",
        );
    }
}

/// A map from urgency: what the file gives, else the default of the key.
fn by_urgency(r: Reader<'_>, key: &'static str) -> BTreeMap<Urgency, String> {
    let named: BTreeMap<String, String> = r.get(key).unwrap_or_default();
    let urgencies = [
        Urgency::Low,
        Urgency::Moderate,
        Urgency::High,
        Urgency::Critical,
    ];
    keys::URGENCIES
        .iter()
        .zip(urgencies)
        .filter_map(|(name, urgency)| Some((urgency, named.get(*name)?.clone())))
        .collect()
}

/// Against a real desk a settle time shorter than its search index lags makes duplicates.
fn check_settle(r: Reader<'_>, system: System, url: &Url, settle: Duration) {
    let floor = match system {
        System::JiraCloud => Duration::from_secs(300),
        System::ServiceNow => Duration::from_secs(60),
    };
    if settle < floor && !is_loopback(url) {
        let floor = duration::show(floor);
        r.fail(
            "settle",
            format!(
                "is too short: a ticket that was made may be invisible longer and be \
            made twice; at least {floor} except against loopback"
            ),
        );
    }
}

/// Names and mail addresses change hands; ids do not.
fn check_justifiers(r: Reader<'_>, justifiers: &[String]) {
    let is_id = |id: &String| {
        id.len() <= 128
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b":_-".contains(&b))
    };
    for who in justifiers.iter().filter(|who| !is_id(who)) {
        r.fail(
            "justifiers",
            format!(
                "{} is not an id; names and mail addresses can be changed at will, write \
            Jira's accountId or ServiceNow's sys_id of the user",
                super::problem::quoted(who)
            ),
        );
    }
}
