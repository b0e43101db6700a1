//! What is laid down about a record beside what was detected: who answers for it, how it will be fixed, how it was
//! evaluated. The newest row of a name holds; earlier ones are its history. Values are JSON of the shape of their name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use poamd_contract::clock::is_of_our_days;
use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::controls::ControlId;

/// Most characters of a text (eMASS takes 2,000).
const LONG: usize = 2_000;
/// Most characters of a name (eMASS takes 250 for resources).
const SHORT: usize = 250;

/// A fact's name. Its word is what stands in `record_facts.name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactName {
    /// The person or role that answers for it (workbook H). Text.
    Contact,
    /// How it will be fixed (workbook J). Text.
    Plan,
    /// What the fix needs beyond the usual: hours, money, licences (workbook I). Text.
    ResourcesRequired,
    /// NIST SP 800-53 controls it hits (workbook B). Array of text, `AC-3(7)`.
    Controls,
    /// Names of the offering's services, `All` or `Internal` (workbook AE). Array of text.
    ServiceName,
    /// What may be told to others without helping an attacker (VER). Text.
    SafeDescription,
    /// What it would mean for an agency (VER `potentialAgencyImpact`). Text.
    AgencyImpact,
    /// The asset is open to the untrusted over a public network (BOD 26-04). Boolean.
    Exposed,
    /// Internet-reachable vulnerability (VER). Boolean.
    Irv,
    /// Likely exploitable vulnerability (VER). Boolean.
    Lev,
    /// Potential agency impact (VER), `"N1"` to `"N5"`. A later lower one is a reduction, at its time.
    NRating,
    /// When its evaluation was completed (VER: the clock runs from here). RFC 3339.
    EvaluatedAt,
    /// The next reduction that is planned: `{"day": "2026-12-01", "to": 2}`; `to` 0 takes it back.
    NextReduction,
    /// Why it is overdue or likely to be (VER). Text.
    OverdueReason,
    /// Anything else an agency should know (VER). Text.
    Supplementary,
    /// Why it is accepted rather than fixed (VER). Text.
    AcceptanceRationale,
    /// How far it is mitigated while it is still detected: `none`, `partial`, `full`.
    Mitigation,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Text(usize),
    Names,
    Controls,
    Flag,
    /// `N1` to `N5`.
    Level,
    Moment,
    Reduction,
    Words(&'static [&'static str]),
}

/// Why a value is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct BadFact {
    pub name: FactName,
    pub why: String,
}

impl FactName {
    pub const ALL: [Self; 17] = [
        Self::Contact,
        Self::Plan,
        Self::ResourcesRequired,
        Self::Controls,
        Self::ServiceName,
        Self::SafeDescription,
        Self::AgencyImpact,
        Self::Exposed,
        Self::Irv,
        Self::Lev,
        Self::NRating,
        Self::EvaluatedAt,
        Self::NextReduction,
        Self::OverdueReason,
        Self::Supplementary,
        Self::AcceptanceRationale,
        Self::Mitigation,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Plan => "plan",
            Self::ResourcesRequired => "resources-required",
            Self::Controls => "controls",
            Self::ServiceName => "service-name",
            Self::SafeDescription => "safe-description",
            Self::AgencyImpact => "agency-impact",
            Self::Exposed => "exposed",
            Self::Irv => "irv",
            Self::Lev => "lev",
            Self::NRating => "n-rating",
            Self::EvaluatedAt => "evaluated-at",
            Self::NextReduction => "next-reduction",
            Self::OverdueReason => "overdue-reason",
            Self::Supplementary => "supplementary",
            Self::AcceptanceRationale => "acceptance-rationale",
            Self::Mitigation => "mitigation",
        }
    }

    pub fn shape(self) -> Shape {
        match self {
            Self::Contact => Shape::Text(SHORT),
            Self::Plan
            | Self::ResourcesRequired
            | Self::SafeDescription
            | Self::AgencyImpact
            | Self::OverdueReason
            | Self::Supplementary
            | Self::AcceptanceRationale => Shape::Text(LONG),
            Self::Controls => Shape::Controls,
            Self::ServiceName => Shape::Names,
            Self::Exposed | Self::Irv | Self::Lev => Shape::Flag,
            Self::NRating => Shape::Level,
            Self::EvaluatedAt => Shape::Moment,
            Self::NextReduction => Shape::Reduction,
            Self::Mitigation => Shape::Words(&["none", "partial", "full"]),
        }
    }

    /// A rule of ours may lay it down; the others are a person's judgement.
    pub fn by_rule(self) -> bool {
        matches!(
            self,
            Self::Contact
                | Self::Plan
                | Self::Controls
                | Self::ServiceName
                | Self::Exposed
                | Self::Irv
                | Self::Lev
        )
    }

    /// The value as people write it.
    pub fn read(self, text: &str) -> Result<Value, BadFact> {
        let text = text.trim();
        let bad = |why: String| BadFact { name: self, why };
        let list = || text.split(',').map(str::trim).filter(|p| !p.is_empty());
        let value = match self.shape() {
            Shape::Text(_) | Shape::Words(_) | Shape::Moment | Shape::Level => Value::from(text),
            Shape::Names | Shape::Controls => list().map(Value::from).collect(),
            Shape::Flag => match text.to_ascii_lowercase().as_str() {
                "yes" | "true" => Value::from(true),
                "no" | "false" => Value::from(false),
                _ => return Err(bad(format!("{text:?} is neither yes nor no"))),
            },
            Shape::Reduction => {
                let (day, to) = text
                    .split_once(' ')
                    .ok_or_else(|| bad("write it as a day and a rating: 2026-12-01 N2".into()))?;
                let to = to.trim().trim_start_matches(['N', 'n']).parse::<u8>();
                json!({ "day": day, "to": to.map_err(|_| bad(format!("{text:?} names no rating from N1 to N5")))? })
            }
        };
        self.check(&value)
    }

    /// A value in its one spelling, or what is wrong with it.
    pub fn check(self, value: &Value) -> Result<Value, BadFact> {
        let bad = |why: String| BadFact { name: self, why };
        let text = || {
            let text = value.as_str().map(str::trim).unwrap_or_default();
            (!text.is_empty())
                .then_some(text)
                .ok_or_else(|| bad("is empty; say what holds".to_owned()))
        };
        match self.shape() {
            Shape::Text(most) => {
                let text = text()?;
                let long = text.chars().count();
                if long > most {
                    return Err(bad(format!(
                        "has {long} characters, at most {most} fit the forms"
                    )));
                }
                Ok(Value::from(text))
            }
            Shape::Words(words) => {
                let text = text()?.to_ascii_lowercase();
                if !words.contains(&text.as_str()) {
                    return Err(bad(format!("{text:?} is none of {}", words.join(", "))));
                }
                Ok(Value::from(text))
            }
            Shape::Moment => {
                let text = text()?;
                let at: Option<DateTime<Utc>> = text.parse().ok();
                // A year has four digits in every form and database.
                let at = at.filter(is_of_our_days);
                let at = at.ok_or_else(|| {
                    bad(format!("{text:?} is no time such as 2026-11-22T07:00:00Z"))
                })?;
                Ok(Value::from(at.to_rfc3339_opts(SecondsFormat::Secs, true)))
            }
            Shape::Flag => value
                .as_bool()
                .map(Value::from)
                .ok_or_else(|| bad("is neither true nor false".to_owned())),
            Shape::Level => n_of(text()?)
                .map(|n| Value::from(format!("N{n}")))
                .ok_or_else(|| bad(format!("{value} is no rating from N1 to N5"))),
            Shape::Names => {
                let names = self.texts(value)?;
                match names.iter().find(|n| n.chars().count() > SHORT) {
                    Some(long) => Err(bad(format!("{long:?} is longer than {SHORT} characters"))),
                    None => Ok(names.into_iter().map(Value::from).collect()),
                }
            }
            Shape::Controls => {
                let mut ids = Vec::new();
                for text in self.texts(value)? {
                    let id: ControlId = text.parse().map_err(|e: BadId| bad(e.to_string()))?;
                    ids.push(id);
                }
                ids.sort();
                ids.dedup();
                Ok(ids.iter().map(|id| Value::from(id.to_string())).collect())
            }
            Shape::Reduction => {
                let reduction: Reduction = serde_json::from_value(value.clone())
                    .map_err(|e| bad(format!("{value} is no planned reduction: {e}")))?;
                if reduction.to > 5 {
                    return Err(bad(format!("N{} is no rating from N1 to N5", reduction.to)));
                }
                Ok(json!(reduction))
            }
        }
    }

    fn texts(self, value: &Value) -> Result<Vec<String>, BadFact> {
        let texts: Vec<String> = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|t| t.trim().to_owned())
            .filter(|t| !t.is_empty())
            .collect();
        if texts.is_empty() {
            return Err(BadFact {
                name: self,
                why: "names nothing; give at least one".to_owned(),
            });
        }
        Ok(texts)
    }
}

/// A reduction that is planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    pub day: NaiveDate,
    /// From 1 to 5; 0 if none is planned any more.
    pub to: u8,
}

/// One row, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Laid {
    pub value: Value,
    pub why: String,
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// All facts of one record: of each name every row, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordFacts(BTreeMap<FactName, Vec<Laid>>);

impl RecordFacts {
    /// Adds a row that is newer than those before it.
    pub fn add(&mut self, name: FactName, laid: Laid) {
        self.0.entry(name).or_default().push(laid);
    }

    /// The rows that hold, by name.
    pub fn holding(&self) -> impl Iterator<Item = (FactName, &Laid)> {
        self.0
            .keys()
            .filter_map(|name| Some((*name, self.get(*name)?)))
    }

    /// The row that holds; a `null` takes back what was said before it.
    pub fn get(&self, name: FactName) -> Option<&Laid> {
        self.0.get(&name)?.last().filter(|l| !l.value.is_null())
    }

    /// Every row of a name, oldest first.
    pub fn history(&self, name: FactName) -> &[Laid] {
        self.0.get(&name).map_or(&[], Vec::as_slice)
    }

    /// A text; empty if nobody laid it down.
    pub fn text(&self, name: FactName) -> &str {
        self.get(name)
            .and_then(|l| l.value.as_str())
            .unwrap_or_default()
    }

    /// Names or controls.
    pub fn texts(&self, name: FactName) -> Vec<String> {
        let values = self.get(name).and_then(|l| l.value.as_array());
        values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    pub fn flag(&self, name: FactName) -> Option<bool> {
        self.get(name)?.value.as_bool()
    }

    /// The present N-rating.
    pub fn n_rating(&self) -> Option<u8> {
        level(self.get(FactName::NRating)?)
    }

    /// Every N-rating there was, oldest first, each with its time.
    pub fn n_ratings(&self) -> Vec<(DateTime<Utc>, u8)> {
        self.history(FactName::NRating)
            .iter()
            .filter_map(|laid| Some((laid.at, level(laid)?)))
            .collect()
    }

    pub fn evaluated_at(&self) -> Option<DateTime<Utc>> {
        self.text(FactName::EvaluatedAt).parse().ok()
    }

    /// The next reduction, unless it was taken back.
    pub fn next_reduction(&self) -> Option<Reduction> {
        let value = self.get(FactName::NextReduction)?.value.clone();
        let reduction: Reduction = serde_json::from_value(value).ok()?;
        (reduction.to > 0).then_some(reduction)
    }
}

fn level(laid: &Laid) -> Option<u8> {
    laid.value.as_str().and_then(n_of)
}

/// The number of an N-rating.
fn n_of(text: &str) -> Option<u8> {
    let digits = text.trim_start_matches(['N', 'n']);
    digits.parse().ok().filter(|n| (1..=5).contains(n))
}

impl AsRef<str> for FactName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FactName {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.chars().take(40).collect(),
                expected: "the name of a fact (contact, plan, controls, n-rating …)",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_in_one_spelling() {
        for (name, written, kept) in [
            (FactName::Contact, " Dana Reyes ", json!("Dana Reyes")),
            (
                FactName::Controls,
                "ac-3.7, AC-03, SC-7",
                json!(["AC-3", "AC-3(7)", "SC-7"]),
            ),
            (
                FactName::ServiceName,
                "Portal,Search",
                json!(["Portal", "Search"]),
            ),
            (FactName::Lev, "Yes", json!(true)),
            (FactName::Irv, "false", json!(false)),
            (FactName::NRating, "n4", json!("N4")),
            (
                FactName::EvaluatedAt,
                "2026-11-22T08:00:00+01:00",
                json!("2026-11-22T07:00:00Z"),
            ),
            (
                FactName::NextReduction,
                "2026-12-01 N2",
                json!({"day": "2026-12-01", "to": 2}),
            ),
            (FactName::Mitigation, "Partial", json!("partial")),
        ] {
            assert_eq!(name.read(written).unwrap(), kept, "{name}");
            assert_eq!(name.check(&kept).unwrap(), kept, "{name}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused_with_a_reason() {
        for (name, written, why) in [
            (FactName::Contact, "  ", "is empty"),
            (FactName::Controls, "RA", "is not"),
            (FactName::Controls, ",", "names nothing"),
            (FactName::Lev, "perhaps", "neither yes nor no"),
            (FactName::NRating, "N6", "N1 to N5"),
            (FactName::NRating, "high", "N1 to N5"),
            (FactName::EvaluatedAt, "today", "no time"),
            (FactName::EvaluatedAt, "+262142-12-31T00:00:00Z", "no time"),
            (FactName::NextReduction, "soon", "a day and a rating"),
            (FactName::Mitigation, "mostly", "none of"),
        ] {
            let refused = name.read(written).unwrap_err().to_string();
            assert!(
                refused.contains(why) && refused.starts_with(name.as_str()),
                "{refused}"
            );
        }
        let long = "x".repeat(SHORT + 1);
        assert!(FactName::Contact.read(&long).is_err() && FactName::Plan.read(&long).is_ok());
    }

    #[test]
    fn the_newest_holds_and_the_rest_is_history() {
        let laid = |value: Value, hour: u32| Laid {
            value,
            why: String::new(),
            actor: "cli:dana".into(),
            at: format!("2026-11-22T{hour:02}:00:00Z").parse().unwrap(),
        };
        let mut facts = RecordFacts::default();
        facts.add(FactName::NRating, laid(json!("N4"), 1));
        facts.add(FactName::NRating, laid(json!("N2"), 2));
        facts.add(
            FactName::NextReduction,
            laid(json!({"day": "2026-12-01", "to": 1}), 1),
        );
        assert_eq!(facts.n_rating(), Some(2));
        assert_eq!(
            facts
                .n_ratings()
                .iter()
                .map(|(_, n)| *n)
                .collect::<Vec<_>>(),
            [4, 2]
        );
        assert_eq!(facts.next_reduction().unwrap().to, 1);
        facts.add(
            FactName::NextReduction,
            laid(json!({"day": "2026-12-01", "to": 0}), 3),
        );
        assert_eq!(facts.next_reduction(), None);
        assert_eq!(facts.text(FactName::Contact), "");
    }

    #[test]
    fn names_read_as_they_print() {
        for name in FactName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
            assert_eq!(serde_json::to_value(name).unwrap(), json!(name.as_str()));
        }
    }
}
