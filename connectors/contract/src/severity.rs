//! The five severities, in order, and how each source's own scale maps onto them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::BadId;

/// ASFF's five labels. "Untriaged" is the absence of one (`Option<Severity>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 5] = [
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// A label as AWS writes it, in any case (ASFF `Severity.Label`, Inspector2 `severity`,
    /// Inspector Classic `severity`). `None` for an unknown or untriaged one.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str().eq_ignore_ascii_case(label))
    }

    /// ASFF `Severity.Normalized`, 0–100 (Security Hub user guide, ASFF severity).
    pub fn from_normalized(value: i64) -> Self {
        match value {
            i64::MIN..=0 => Self::Informational,
            1..=39 => Self::Low,
            40..=69 => Self::Medium,
            70..=89 => Self::High,
            _ => Self::Critical,
        }
    }

    /// GuardDuty's scale: Low 1.0–3.9, Medium 4.0–6.9, High 7.0–8.9, Critical from 9.0.
    pub fn from_guardduty(value: f64) -> Self {
        match value {
            v if v < 1.0 => Self::Informational,
            v if v < 4.0 => Self::Low,
            v if v < 7.0 => Self::Medium,
            v if v < 9.0 => Self::High,
            _ => Self::Critical,
        }
    }
}

impl AsRef<str> for Severity {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::from_label(text).ok_or_else(|| BadId {
            text: text.to_owned(),
            expected: "a severity (informational, low, medium, high, critical)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bands_meet_without_gap() {
        use Severity::{Critical, High, Informational, Low, Medium};
        for (value, want) in [
            (0, Informational),
            (1, Low),
            (39, Low),
            (40, Medium),
            (69, Medium),
            (70, High),
            (89, High),
            (90, Critical),
            (100, Critical),
        ] {
            assert_eq!(Severity::from_normalized(value), want, "{value}");
        }
        for (value, want) in [
            (1.0, Low),
            (3.9, Low),
            (4.0, Medium),
            (6.9, Medium),
            (7.0, High),
            (8.9, High),
            (9.0, Critical),
        ] {
            assert_eq!(Severity::from_guardduty(value), want, "{value}");
        }
        assert_eq!(Severity::from_label("HIGH"), Some(High));
        assert_eq!(Severity::from_label("UNTRIAGED"), None);
    }
}
