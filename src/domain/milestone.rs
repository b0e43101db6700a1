//! Milestones: dated steps of a plan, followed only by changes (`poam.md` 1.1, column N).

use std::fmt;
use std::str::FromStr;

use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};

/// What a change says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MilestoneChangeKind {
    /// A step was added.
    New,
    /// A step moved or was reworded.
    Update,
    Complete,
}

impl MilestoneChangeKind {
    pub const ALL: [Self; 3] = [Self::New, Self::Update, Self::Complete];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Update => "update",
            Self::Complete => "complete",
        }
    }
}

impl AsRef<str> for MilestoneChangeKind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for MilestoneChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for MilestoneChangeKind {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a milestone change (new, update, complete)",
            })
    }
}
