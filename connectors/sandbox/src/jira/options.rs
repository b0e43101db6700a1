//! How a Jira stand-in is set up.

use super::fields::{self, Field};
use super::users::{self, User};
use super::workflow::Workflow;
use crate::faults::Faults;

/// What the site is like; the default is a company-managed project `POAM` with a simple workflow.
#[derive(Debug, Clone)]
pub struct JiraOptions {
    /// 0 for a free one.
    pub port: u16,
    /// Key of the project poamd files its tickets in.
    pub project: String,
    pub other_projects: Vec<String>,
    pub issue_types: Vec<String>,
    pub email: String,
    pub token: String,
    /// The first is the account poamd signs in with.
    pub people: Vec<User>,
    pub fields: Vec<Field>,
    pub workflow: Workflow,
    /// Whether the projects are service projects, whose comments customers see unless marked internal.
    pub service_desk: bool,
    /// Whether lists of comments heed `expand=properties`, which is not documented.
    pub expands_comment_properties: bool,
    pub faults: Faults,
}

impl Default for JiraOptions {
    fn default() -> Self {
        Self {
            port: 0,
            project: "POAM".to_owned(),
            other_projects: vec!["OPS".to_owned()],
            issue_types: vec!["Task".to_owned(), "Bug".to_owned()],
            email: "poamd@example.com".to_owned(),
            token: "sandbox-jira-token".to_owned(),
            people: users::bundled(),
            fields: fields::bundled(),
            workflow: Workflow::simple(),
            service_desk: false,
            expands_comment_properties: true,
            faults: Faults::default(),
        }
    }
}
