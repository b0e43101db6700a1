//! Writing back to the hub that findings came from: what stands there, and the little that may be changed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::account::AccountAccess;
use crate::error::Result;
use crate::health::Check;
use crate::ids::Region;

/// What names a finding in a hub.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HubId {
    pub id: String,
    pub product: String,
}

/// What people and programs hold of a finding in its hub, as read just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub id: HubId,
    pub account: String,
    /// The workflow's word: `NEW`, `NOTIFIED`, `SUPPRESSED`, `RESOLVED`, or one that is newer than this program.
    pub workflow: String,
    /// `UNKNOWN`, `TRUE_POSITIVE`, `FALSE_POSITIVE`, `BENIGN_POSITIVE`; empty if nobody said.
    pub verification: String,
    /// Everybody's fields, ours among them.
    pub fields: BTreeMap<String, String>,
}

/// The states of the workflow that we set. `RESOLVED` is none: evidence says that, in the hub as here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Workflow {
    New,
    Notified,
    Suppressed,
}

impl Workflow {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Notified => "NOTIFIED",
            Self::Suppressed => "SUPPRESSED",
        }
    }
}

/// What we say of a finding's truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verification {
    Unknown,
    FalsePositive,
}

impl Verification {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::FalsePositive => "FALSE_POSITIVE",
        }
    }
}

/// One change for some findings; what is `None` is left as it is. There is no word for notes, severity or types.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubChange {
    /// All fields as they shall be, others' included: the hub replaces them as a whole.
    pub fields: Option<BTreeMap<String, String>>,
    pub workflow: Option<Workflow>,
    pub verification: Option<Verification>,
}

impl HubChange {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A finding that the hub did not change though it took the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubRefusal {
    pub id: HubId,
    /// Its code and words, one line.
    pub why: String,
}

/// A hub that may be written to.
#[async_trait]
pub trait HubWriter: Send + Sync {
    /// The service of the coverage cells whose findings it writes (`securityhub`).
    fn service(&self) -> &'static str;

    /// The IAM actions it needs beside those of the sources.
    fn actions(&self) -> &'static [&'static str];

    /// How many findings one [`HubWriter::write`] takes.
    fn most(&self) -> usize;

    /// What stands there of the findings with these ids; those that are gone are missing.
    ///
    /// # Errors
    /// Any that keeps one of the ids from being read: half an answer is none.
    async fn read(
        &self,
        account: &AccountAccess,
        region: &Region,
        ids: &[String],
    ) -> Result<Vec<Standing>>;

    /// Makes one change on findings. Asked once: after an unclear answer the caller reads before it writes again.
    async fn write(
        &self,
        account: &AccountAccess,
        region: &Region,
        ids: &[HubId],
        change: &HubChange,
    ) -> Result<Vec<HubRefusal>>;

    /// Whether it can be reached with these rights. Writes nothing.
    async fn health(&self, account: &AccountAccess, region: &Region) -> Check;
}
