//! What an operator says of a ServiceNow instance.

use std::collections::BTreeMap;
use std::time::Duration;

use poamd_contract::desk::Urgency;
use poamd_contract::secret::SecretString;
use poamd_http::Endpoint;

/// A task table of one instance, and how tickets are kept there.
#[derive(Debug, Clone)]
pub struct ServiceNowConfig {
    pub endpoint: Endpoint,
    /// Login of an account marked *Web service access only*.
    pub user: String,
    pub password: SecretString,
    /// `incident`, or a table with the same states.
    pub table: String,
    /// `sys_id` of the caller, where the instance demands one.
    pub caller_id: Option<String>,
    /// `sys_id` of the group that gets new tickets.
    pub assignment_group: Option<String>,
    /// Further fields of a new ticket, by column name.
    pub fields: BTreeMap<String, String>,
    /// Impact and urgency (1 high, 2 medium, 3 low); the instance computes the priority from them (`itsm.md` 2.5).
    pub impact_urgency: BTreeMap<Urgency, (u8, u8)>,
    /// Taken when a ticket is resolved; must be one of the instance's choices.
    pub close_code: String,
    /// Taken when the caller gives no note.
    pub close_notes: String,
    /// Where our comments go: `work_notes` (staff) or `comments` (the caller sees them).
    pub comment_element: String,
    /// Where commands are taken from.
    pub accept_elements: Vec<String>,
    /// How long after an unclear create a look-up that finds nothing proves nothing.
    pub settle: Duration,
}

impl ServiceNowConfig {
    /// Everything else as usual: table `incident`, work notes only, settle time 5 minutes (`itsm.md` 4.2).
    pub fn new(endpoint: Endpoint, user: impl Into<String>, password: SecretString) -> Self {
        Self {
            endpoint,
            user: user.into(),
            password,
            table: "incident".to_owned(),
            caller_id: None,
            assignment_group: None,
            fields: BTreeMap::new(),
            impact_urgency: BTreeMap::from([
                (Urgency::Critical, (1, 1)),
                (Urgency::High, (1, 2)),
                (Urgency::Moderate, (2, 2)),
                (Urgency::Low, (3, 3)),
            ]),
            close_code: "Solution provided".to_owned(),
            close_notes: "Closed by poamd.".to_owned(),
            comment_element: "work_notes".to_owned(),
            accept_elements: vec!["work_notes".to_owned()],
            settle: Duration::from_secs(5 * 60),
        }
    }
}
