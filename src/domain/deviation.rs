//! Deviations: what is asked for, and how far it got (`poam.md` 1.3, `design.md` States).

use std::fmt;
use std::str::FromStr;

use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationKind {
    FalsePositive,
    RiskAdjustment,
    OperationalRequirement,
    /// Operational requirement together with a risk adjustment (`OR RA` in the form).
    OperationalRequirementAdjusted,
}

impl DeviationKind {
    pub const ALL: [Self; 4] = [
        Self::FalsePositive,
        Self::RiskAdjustment,
        Self::OperationalRequirement,
        Self::OperationalRequirementAdjusted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalsePositive => "false-positive",
            Self::RiskAdjustment => "risk-adjustment",
            Self::OperationalRequirement => "operational-requirement",
            Self::OperationalRequirementAdjusted => "operational-requirement-adjusted",
        }
    }
}

impl AsRef<str> for DeviationKind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for DeviationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DeviationKind {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a deviation (false-positive, risk-adjustment, operational-requirement, operational-requirement-adjusted)",
            })
    }
}

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationState {
    Requested,
    ApprovedInternally,
    /// With the AO.
    Submitted,
    Approved,
    Rejected,
    Withdrawn,
    Expired,
}

impl DeviationState {
    pub const ALL: [Self; 7] = [
        Self::Requested,
        Self::ApprovedInternally,
        Self::Submitted,
        Self::Approved,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::ApprovedInternally => "approved-internally",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }
}

impl AsRef<str> for DeviationState {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for DeviationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DeviationState {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a deviation state (requested, approved-internally, submitted, approved, rejected, withdrawn, expired)",
            })
    }
}
