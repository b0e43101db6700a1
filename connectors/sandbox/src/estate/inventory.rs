//! What stands in the accounts for our own scan, and which policies each resource must fail.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A resource laid down in the estate; its configuration is in the recorded replies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resource {
    /// `securitygroup`, `s3`, `iamuser`, `policy`.
    pub technology: String,
    /// `global` for IAM.
    pub region: String,
    pub name: String,
    /// The service's own id (group id, bucket name, user name, policy ARN).
    pub id: String,
    pub arn: String,
    /// Ids of the packaged policies that it fails.
    pub weak: Vec<String>,
}

static INVENTORY: LazyLock<BTreeMap<String, Vec<Resource>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../estate/inventory.json"))
        .expect("the file is part of the program and its form is tested")
});

/// The resources of one account.
pub fn of(account: &str) -> Vec<Resource> {
    INVENTORY.get(account).cloned().unwrap_or_default()
}
