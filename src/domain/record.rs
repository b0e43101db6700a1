//! A POA&M record: its public id, its states and legal moves.

use std::fmt;
use std::str::FromStr;

use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize, Serializer};

/// Public as `POAM-000123`; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct RecordId(pub i64);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("POAM-{:06}", self.0))
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for RecordId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let digits = if text
            .get(..5)
            .is_some_and(|p| p.eq_ignore_ascii_case("POAM-"))
        {
            &text[5..]
        } else {
            text
        };
        digits
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .map(Self)
            .ok_or_else(|| BadId {
                text: text.chars().take(40).collect(),
                expected: "a record id such as POAM-000123",
            })
    }
}

impl TryFrom<String> for RecordId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordStatus {
    Open,
    /// A person moved the ticket or began a milestone.
    InProgress,
    /// A person says done; only evidence closes.
    PendingVerification,
    /// All findings fixed by evidence, or a false positive approved.
    Closed,
    /// Merged into another record, which it names.
    Superseded,
}

/// A move the states do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a record cannot go from {} to {}", from.as_str(), to.as_str())]
pub struct IllegalMove {
    pub from: RecordStatus,
    pub to: RecordStatus,
}

impl RecordStatus {
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::InProgress,
        Self::PendingVerification,
        Self::Closed,
        Self::Superseded,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InProgress => "in-progress",
            Self::PendingVerification => "pending-verification",
            Self::Closed => "closed",
            Self::Superseded => "superseded",
        }
    }

    /// Still somebody's work.
    pub fn is_live(self) -> bool {
        match self {
            Self::Open | Self::InProgress | Self::PendingVerification => true,
            Self::Closed | Self::Superseded => false,
        }
    }

    /// The transitions of `design.md`, Records.
    pub fn to(self, next: Self) -> Result<Self, IllegalMove> {
        use RecordStatus::{Closed, InProgress, Open, PendingVerification, Superseded};
        let legal = match (self, next) {
            (Open, InProgress) => true,
            (Open | InProgress, PendingVerification) => true,
            (Open | InProgress | PendingVerification, Closed) => true,
            (PendingVerification | Closed, Open) => true,
            (from, Superseded) => from != Superseded,
            _ => false,
        };
        if legal {
            Ok(next)
        } else {
            Err(IllegalMove {
                from: self,
                to: next,
            })
        }
    }
}

impl AsRef<str> for RecordStatus {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for RecordStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RecordStatus {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| BadId {
            text: text.to_owned(),
            expected: "a record status (open, in-progress, pending-verification, closed, superseded)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RecordStatus::{Closed, InProgress, Open, PendingVerification, Superseded};
    use super::*;

    #[test]
    fn only_the_written_moves_are_legal() {
        let legal = [
            (Open, InProgress),
            (Open, PendingVerification),
            (InProgress, PendingVerification),
            (Open, Closed),
            (InProgress, Closed),
            (PendingVerification, Closed),
            (PendingVerification, Open),
            (Closed, Open),
            (Open, Superseded),
            (InProgress, Superseded),
            (PendingVerification, Superseded),
            (Closed, Superseded),
        ];
        for from in RecordStatus::ALL {
            for to in RecordStatus::ALL {
                assert_eq!(
                    from.to(to).is_ok(),
                    legal.contains(&(from, to)),
                    "{from} -> {to}"
                );
            }
        }
    }

    #[test]
    fn ids_read_as_they_print() {
        assert_eq!(RecordId(123).to_string(), "POAM-000123");
        assert_eq!("poam-000123".parse(), Ok(RecordId(123)));
        assert_eq!("123".parse(), Ok(RecordId(123)));
        assert!("POAM-".parse::<RecordId>().is_err());
        assert!("0".parse::<RecordId>().is_err());
    }
}
