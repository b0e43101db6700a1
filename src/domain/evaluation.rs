//! The evaluation of a record for VDR and VER (FedRAMP Consolidated Rules 2026): whether the internet reaches it (IRV),
//! whether it is likely to be exploited (LEV), how bad the worst would be (N1–N5), and when that was settled.
//!
//! People lay these down as facts of a record ([`FactName`]); what they did not say is assumed here, each with its reason.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record_fact::FactName;

/// Potential adverse impact (VER): minimal, narrow, disruptive for one agency, debilitating for one or disruptive for
/// several, debilitating for several.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum NRating {
    N1,
    N2,
    #[default]
    N3,
    N4,
    N5,
}

impl NRating {
    pub const ALL: [Self; 5] = [Self::N1, Self::N2, Self::N3, Self::N4, Self::N5];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::N1 => "N1",
            Self::N2 => "N2",
            Self::N3 => "N3",
            Self::N4 => "N4",
            Self::N5 => "N5",
        }
    }

    /// From the fact of a record: 1 to 5, or `"N4"`.
    fn of(value: &Value) -> Option<Self> {
        match value.as_u64() {
            Some(level) => usize::try_from(level)
                .ok()
                .and_then(|level| Self::ALL.get(level.checked_sub(1)?).copied()),
            None => value.as_str().and_then(|n| n.parse().ok()),
        }
    }

    /// What it means, in the words of the rule.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::N1 => "minimal",
            Self::N2 => "narrow",
            Self::N3 => "disruptive for one agency",
            Self::N4 => "debilitating for one agency or disruptive for several",
            Self::N5 => "debilitating for several agencies",
        }
    }
}

impl AsRef<str> for NRating {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for NRating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for NRating {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|n| n.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| BadId {
                text: text.chars().take(40).collect(),
                expected: "an N-rating (N1, N2, N3, N4, N5)",
            })
    }
}

/// A value and why it is so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged<T> {
    pub value: T,
    pub why: String,
    /// Nobody said so; it is assumed until somebody evaluates.
    pub assumed: bool,
}

impl<T> Judged<T> {
    pub fn by_person(value: T, why: impl Into<String>) -> Self {
        Self {
            value,
            why: why.into(),
            assumed: false,
        }
    }

    pub fn assumed(value: T, why: impl Into<String>) -> Self {
        Self {
            value,
            why: why.into(),
            assumed: true,
        }
    }
}

/// What people said of a record; the newest word on each counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    /// Open to the untrusted over a public network (BOD 26-04).
    pub exposed: Option<(bool, String)>,
    pub irv: Option<(bool, String)>,
    pub lev: Option<(bool, String)>,
    pub n: Option<(NRating, String)>,
    pub evaluated_at: Option<DateTime<Utc>>,
}

impl Laid {
    /// From the facts of a record, oldest first: name, JSON value, why. Other facts, and values that are none of ours,
    /// say nothing; `null` takes back what was said.
    pub fn of<'a>(facts: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Self {
        let mut laid = Self::default();
        for (name, value, why) in facts {
            let Ok(value) = serde_json::from_str::<Value>(value) else {
                continue;
            };
            let why = || why.to_owned();
            match name.parse() {
                Ok(FactName::Exposed) => laid.exposed = value.as_bool().map(|v| (v, why())),
                Ok(FactName::Irv) => laid.irv = value.as_bool().map(|v| (v, why())),
                Ok(FactName::Lev) => laid.lev = value.as_bool().map(|v| (v, why())),
                Ok(FactName::NRating) => laid.n = NRating::of(&value).map(|n| (n, why())),
                Ok(FactName::EvaluatedAt) => {
                    laid.evaluated_at = value.as_str().and_then(|at| at.parse().ok());
                }
                _ => {}
            }
        }
        laid
    }
}

/// The evaluation as clocks and forms use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evaluation {
    pub irv: Judged<bool>,
    pub lev: Judged<bool>,
    pub n: Judged<NRating>,
    /// `None`: not evaluated yet.
    pub evaluated_at: Option<DateTime<Utc>>,
}

impl Evaluation {
    /// What people said, and for the rest what is to be assumed: reachable as the evidence has it, exploitable by a
    /// machine unless somebody has evidence against it (VER: MUST), and the system's own N-rating, which a person has
    /// to confirm from N4 on since no finding says how many agencies would suffer.
    pub fn of(laid: &Laid, exposed: &Judged<bool>, default_n: NRating) -> Self {
        let said = |value: &Option<(bool, String)>| {
            value
                .clone()
                .map(|(value, why)| Judged::by_person(value, why))
        };
        Self {
            irv: said(&laid.irv)
                .or_else(|| said(&laid.exposed))
                .unwrap_or_else(|| exposed.clone()),
            lev: said(&laid.lev).unwrap_or_else(|| {
                Judged::assumed(
                    true,
                    "assumed: exploitation can be automated unless there is evidence against it (VER)",
                )
            }),
            n: laid.n.clone().map_or_else(
                || {
                    Judged::assumed(
                        default_n,
                        format!("assumed: the system's default, {}", default_n.meaning()),
                    )
                },
                |(value, why)| Judged::by_person(value, why),
            ),
            evaluated_at: laid.evaluated_at,
        }
    }
}

impl Laid {
    /// Whether the asset is exposed: the owner's word on that, then on reachability, then the evidence.
    pub fn exposed_or(&self, evidence: &Judged<bool>) -> Judged<bool> {
        self.exposed.as_ref().or(self.irv.as_ref()).map_or_else(
            || evidence.clone(),
            |(value, why)| Judged::by_person(*value, why.clone()),
        )
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self::of(
            &Laid::default(),
            &Judged::assumed(false, "assumed: nothing says that the internet reaches it"),
            NRating::default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_counts_and_null_takes_it_back() {
        let laid = Laid::of([
            ("irv", "true", "seen from outside"),
            ("n-rating", "4", "two agencies"),
            ("irv", "false", "behind the VPN"),
            ("lev", "false", "no path"),
            ("lev", "null", "withdrawn"),
            ("contact", "\"ann\"", ""),
            ("n-rating", "broken", ""),
            ("exposed", "true", "a public address"),
            ("evaluated-at", "\"2026-11-02T10:00:00Z\"", ""),
        ]);
        assert_eq!(laid.irv, Some((false, "behind the VPN".to_owned())));
        assert_eq!(laid.lev, None);
        assert_eq!(laid.n, Some((NRating::N4, "two agencies".to_owned())));
        let evidence = Judged::assumed(false, "nothing");
        assert_eq!(
            laid.exposed_or(&evidence),
            Judged::by_person(true, "a public address")
        );
        assert!(
            !Laid {
                exposed: None,
                ..laid.clone()
            }
            .exposed_or(&evidence)
            .value
        );
        assert_eq!(Laid::default().exposed_or(&evidence), evidence);
        assert_eq!(laid.evaluated_at, "2026-11-02T10:00:00Z".parse().ok());
    }

    #[test]
    fn without_evidence_exploitation_is_taken_for_automatable() {
        let exposed = Judged::assumed(true, "a network path is open");
        let evaluation = Evaluation::of(&Laid::default(), &exposed, NRating::N4);
        assert_eq!(evaluation.irv, exposed);
        assert!(evaluation.lev.value && evaluation.lev.assumed);
        assert_eq!(evaluation.n.value, NRating::N4);
        let said = Laid::of([
            ("lev", "false", "no code path"),
            ("irv", "false", "internal"),
        ]);
        let evaluation = Evaluation::of(&said, &exposed, NRating::N4);
        assert!(!evaluation.lev.value && !evaluation.lev.assumed && !evaluation.irv.value);
    }

    #[test]
    fn n_ratings_read_as_they_print() {
        for n in NRating::ALL {
            assert_eq!(n.to_string().parse(), Ok(n));
            assert_eq!(n.as_str().to_lowercase().parse(), Ok(n));
        }
        assert!("N6".parse::<NRating>().is_err());
    }
}
