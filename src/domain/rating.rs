//! The compliance word. Five levels stay underneath (FedRAMP counts Critical inside High).

use std::fmt;
use std::str::FromStr;

use poamd_contract::ids::BadId;
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    Low,
    Moderate,
    High,
}

impl Rating {
    pub const ALL: [Self; 3] = [Self::Low, Self::Moderate, Self::High];

    /// `None` for informational: such findings make no record.
    pub fn of(severity: Severity) -> Option<Self> {
        match severity {
            Severity::Critical | Severity::High => Some(Self::High),
            Severity::Medium => Some(Self::Moderate),
            Severity::Low => Some(Self::Low),
            Severity::Informational => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
        }
    }

    /// As forms write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Moderate => "Moderate",
            Self::High => "High",
        }
    }
}

impl AsRef<str> for Rating {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Rating {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|r| r.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a rating (low, moderate, high)",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_levels_read_as_three() {
        let words: Vec<_> = Severity::ALL
            .into_iter()
            .map(|s| Rating::of(s).map(Rating::word))
            .collect();
        assert_eq!(
            words,
            [
                None,
                Some("Low"),
                Some("Moderate"),
                Some("High"),
                Some("High")
            ]
        );
    }
}
