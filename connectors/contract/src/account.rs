//! What a connector needs to know of a watched account to reach it.

use crate::ids::{AccountId, Partition, Region};

/// How to reach one AWS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAccess {
    pub id: AccountId,
    pub name: String,
    pub partition: Partition,
    /// Role to assume, by name or full ARN; `None` uses the base credentials as they are (the hub's own account).
    pub role: Option<String>,
    /// `sts:ExternalId`; its absence is a warning elsewhere, not an error.
    pub external_id: Option<String>,
    /// Regions to look at; at least one.
    pub regions: Vec<Region>,
}

impl AccountAccess {
    /// The ARN of the role to assume, if one is configured.
    pub fn role_arn(&self) -> Option<String> {
        self.role.as_ref().map(|role| {
            if role.starts_with("arn:") {
                role.clone()
            } else {
                format!("arn:{}:iam::{}:role/{}", self.partition, self.id, role)
            }
        })
    }
}
