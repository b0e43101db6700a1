//! What a watch delivers: one resource as it is now.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{AccountId, Partition, Region};

/// One AWS resource and its configuration. It reads; it never judges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeenItem {
    pub account: AccountId,
    pub partition: Partition,
    /// `global` for what has no region.
    pub region: Region,
    /// `securitygroup`, `s3`, `iamuser`, `policy` …
    pub technology: String,
    /// What its owners call it.
    pub name: String,
    pub arn: String,
    /// The configuration with AWS's own field names, keys sorted, lists whose order means nothing sorted,
    /// nothing volatile (last-used times stand in `volatile`).
    pub config: Value,
    /// Facts that change without anybody changing the resource; handed to policies, never a revision.
    pub volatile: Value,
}
