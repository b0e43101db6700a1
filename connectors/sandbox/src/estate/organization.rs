//! The organization that the estate's accounts are members of.

use super::EstateAccount;

/// An organization: who may ask, its units, its accounts.
#[derive(Debug, Clone)]
pub struct Organization {
    /// The management account and delegated administrators.
    pub askers: Vec<String>,
    pub units: Vec<Unit>,
    pub members: Vec<OrganizationMember>,
}

/// A unit; the root has no parent.
#[derive(Debug, Clone)]
pub struct Unit {
    pub id: String,
    pub name: String,
    pub parent: Option<String>,
}

#[derive(Debug, Clone)]
pub struct OrganizationMember {
    pub id: String,
    pub name: String,
    /// `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE` …
    pub state: String,
    /// Id of its unit.
    pub unit: String,
    pub tags: Vec<(String, String)>,
}

pub const ROOT: &str = "r-exam";

impl Organization {
    /// Accounts in units by their labels, below one unit of workloads; whoever asks is in the root.
    pub fn of(home: &str, accounts: &[EstateAccount]) -> Self {
        let unit = |id: &str, name: &str, parent: Option<&str>| Unit {
            id: id.to_owned(),
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
        };
        let mut units = vec![
            unit(ROOT, "Root", None),
            unit("ou-exam-workload", "Workloads", Some(ROOT)),
        ];
        let mut members = vec![OrganizationMember {
            id: home.to_owned(),
            name: "management".to_owned(),
            state: "ACTIVE".to_owned(),
            unit: ROOT.to_owned(),
            tags: Vec::new(),
        }];
        for account in accounts {
            let id = format!("ou-exam-{}", account.label.to_lowercase());
            if !units.iter().any(|unit| unit.id == id) {
                units.push(unit(&id, &account.label, Some("ou-exam-workload")));
            }
            members.push(OrganizationMember {
                id: account.id.clone(),
                name: account.name.clone(),
                state: "ACTIVE".to_owned(),
                unit: id,
                tags: vec![("env".to_owned(), account.label.to_lowercase())],
            });
        }
        Self {
            askers: vec![home.to_owned()],
            units,
            members,
        }
    }
}
