//! What a scan or pull could see. "Could not look" is a result, never silence.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, Region};

/// One cell of coverage: account × region × service. `service` is the name of a finding source
/// (`securityhub`, `guardduty`, `inspector`, `inspector-classic`) or `scan:<technology>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    pub account: AccountId,
    pub region: Region,
    pub service: String,
}

/// How far a look at a cell got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Coverage {
    /// Everything was read, to the last page.
    Complete,
    /// Some pages were read, then it stopped.
    Partial { reason: String },
    /// The service refused us.
    Denied { reason: String },
    /// The service is not switched on here (no hub, no detector).
    Off { reason: String },
    /// The service no longer exists (Inspector Classic, ended 20 May 2026).
    Ended { reason: String },
    /// It could not be reached or answered with errors.
    Failed { reason: String },
}

impl Coverage {
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }

    pub fn state(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial { .. } => "partial",
            Self::Denied { .. } => "denied",
            Self::Off { .. } => "off",
            Self::Ended { .. } => "ended",
            Self::Failed { .. } => "failed",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Complete => None,
            Self::Partial { reason }
            | Self::Denied { reason }
            | Self::Off { reason }
            | Self::Ended { reason }
            | Self::Failed { reason } => Some(reason),
        }
    }
}
