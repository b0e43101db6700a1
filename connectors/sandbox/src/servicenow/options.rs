//! How a ServiceNow stand-in is set up, and what every instance starts with.

use chrono_tz::Tz;

use crate::faults::Faults;

/// What the instance is like.
#[derive(Debug, Clone)]
pub struct ServiceNowOptions {
    /// 0 for a free one.
    pub port: u16,
    /// The first is the account poamd signs in with.
    pub people: Vec<Person>,
    pub password: String,
    /// Fields of `incident` beyond the usual ones (`u_poam_key`).
    pub extra_fields: Vec<String>,
    /// Fields a data policy asks for when an incident is made.
    pub mandatory: Vec<String>,
    pub rules: Vec<Rule>,
    /// Whether our account may read `sys_journal_field` (`audit_viewer` or a read rule); without it the list is empty.
    pub journal_readable: bool,
    /// Whether it may read the entries of `work_notes` among them; hidden ones are still counted.
    pub work_notes_readable: bool,
    /// Columns our account may not read: they are missing from every answer.
    pub hidden_fields: Vec<String>,
    /// `glide.invalid_query.returns_no_rows`: a bad clause gives nothing, not everything.
    pub invalid_query_returns_no_rows: bool,
    /// Close codes of this release, label and value alike.
    pub close_codes: Vec<String>,
    pub faults: Faults,
}

impl Default for ServiceNowOptions {
    fn default() -> Self {
        Self {
            port: 0,
            people: people(),
            password: "sandbox-servicenow-password".to_owned(),
            extra_fields: vec![],
            mandatory: vec![],
            rules: vec![],
            journal_readable: true,
            work_notes_readable: true,
            hidden_fields: vec![],
            invalid_query_returns_no_rows: false,
            close_codes: [
                "Solution provided",
                "Workaround provided",
                "No resolution provided",
                "Known error",
                "Duplicate",
                "User error",
            ]
            .map(str::to_owned)
            .into(),
            faults: Faults::default(),
        }
    }
}

/// A business rule of the customer's.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Every new incident gets this value, whatever was sent.
    OnInsert { field: String, value: String },
    /// A write that sets the field to the value is aborted.
    Abort {
        field: String,
        value: String,
        message: String,
    },
}

/// A user of the instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub user_name: String,
    pub name: String,
    pub active: bool,
    /// *Web service access only*: an integration, not a human.
    pub integration: bool,
    pub zone: Tz,
    pub groups: Vec<String>,
}

impl Person {
    pub fn new(user_name: &str, name: &str) -> Self {
        Self {
            user_name: user_name.to_owned(),
            name: name.to_owned(),
            active: true,
            integration: false,
            zone: Tz::UTC,
            groups: vec![],
        }
    }

    pub fn group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }
}

/// The account poamd signs in with.
pub const OWN: &str = "svc.poamd";
/// A person whose word counts.
pub const ALLOWED: &str = "ada.allowed";
/// A second person whose word counts.
pub const SECOND: &str = "ben.second";
/// A person nobody gave leave to decide.
pub const STRANGER: &str = "sam.stranger";
/// Another integration.
pub const APP: &str = "svc.automation";
/// What unmatched inbound mail is written by.
pub const GUEST: &str = "guest";
/// A person who has left.
pub const DEACTIVATED: &str = "dana.gone";

/// Group of those whose word counts.
pub const APPROVERS: &str = "POAM Approvers";

fn people() -> Vec<Person> {
    vec![
        Person {
            integration: true,
            ..Person::new(OWN, "POAM Daemon")
        },
        Person::new(ALLOWED, "Ada Allowed").group(APPROVERS),
        Person::new(SECOND, "Ben Second").group(APPROVERS),
        Person::new(STRANGER, "Sam Stranger"),
        Person {
            integration: true,
            ..Person::new(APP, "Automation")
        },
        Person::new(GUEST, "Guest"),
        Person {
            active: false,
            ..Person::new(DEACTIVATED, "Dana Gone").group(APPROVERS)
        },
    ]
}
