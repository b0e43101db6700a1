//! Milestones: dated steps of a plan, followed only by changes (`poam.md` 1.1, column N).

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use poamd_contract::ids::BadId;
use serde::{Deserialize, Serialize};

/// Most characters of a step; eMASS takes 2,000 for the whole column.
const LONGEST: usize = 500;

/// A step as it stands after its changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// From 1.
    pub number: i64,
    pub description: String,
    pub due: NaiveDate,
    /// Planned when the record was opened; a later one came by a change.
    pub planned: bool,
    pub completed: Option<NaiveDate>,
}

impl Step {
    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.completed.is_none() && self.due < today
    }
}

/// One change, as [`steps`] wants it.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    pub number: i64,
    pub kind: MilestoneChangeKind,
    pub description: &'a str,
    pub due: Option<NaiveDate>,
    /// The day it was made; of a completion the day of that.
    pub day: NaiveDate,
}

/// The plan as it stands: the rows as they were written (number, text, day), then their changes in order.
pub fn steps<'a>(
    written: impl IntoIterator<Item = (i64, String, NaiveDate)>,
    changes: impl IntoIterator<Item = Change<'a>>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = written
        .into_iter()
        .map(|(number, description, due)| Step {
            number,
            description,
            due,
            planned: true,
            completed: None,
        })
        .collect();
    for change in changes {
        let Some(step) = steps.iter_mut().find(|s| s.number == change.number) else {
            continue;
        };
        match change.kind {
            MilestoneChangeKind::New => step.planned = false,
            MilestoneChangeKind::Update => {
                step.due = change.due.unwrap_or(step.due);
                if !change.description.is_empty() {
                    change.description.clone_into(&mut step.description);
                }
            }
            MilestoneChangeKind::Complete => {
                step.completed = Some(change.due.unwrap_or(change.day))
            }
        }
    }
    steps
}

/// A step's text, or what is wrong with it.
pub fn description(text: &str) -> Result<&str, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("the step says nothing: say what will be done".to_owned()),
        n if n > LONGEST => Err(format!("the step has {n} characters; keep it to {LONGEST}")),
        _ => Ok(text),
    }
}

/// What a day of a step draws: eMASS takes one behind the record's due day for a request to extend it.
pub fn warning(day: NaiveDate, due: Option<NaiveDate>) -> Option<String> {
    due.filter(|due| day > *due).map(|due| {
        format!(
            "{day} is after the record's due day {due}: eMASS takes that for a request to extend it"
        )
    })
}

/// The step that a change is about, or why it cannot be changed.
pub fn changeable(steps: &[Step], number: i64) -> Result<&Step, String> {
    let Some(step) = steps.iter().find(|s| s.number == number) else {
        let there: Vec<String> = steps.iter().map(|s| s.number.to_string()).collect();
        return Err(if there.is_empty() {
            "the record has no milestones; add one".to_owned()
        } else {
            format!(
                "there is no milestone {number}; there are {}",
                there.join(", ")
            )
        });
    };
    match step.completed {
        Some(day) => Err(format!(
            "milestone {number} was completed on {day}; add a new one instead"
        )),
        None => Ok(step),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn changes_follow_and_nothing_is_rewritten() {
        let change = |number, kind, description, due: Option<&str>| Change {
            number,
            kind,
            description,
            due: due.map(day),
            day: day("2026-11-20"),
        };
        let steps = steps(
            [
                (1, "Look".to_owned(), day("2026-12-01")),
                (2, "Fix".to_owned(), day("2026-12-10")),
                (3, "Ask".to_owned(), day("2026-12-12")),
            ],
            [
                change(3, MilestoneChangeKind::New, "Ask", None),
                change(1, MilestoneChangeKind::Complete, "", None),
                change(2, MilestoneChangeKind::Update, "", Some("2026-12-15")),
                change(2, MilestoneChangeKind::Update, "Fix both", None),
            ],
        );
        assert_eq!(steps[0].completed, Some(day("2026-11-20")));
        assert_eq!(
            (steps[1].due, steps[1].description.as_str()),
            (day("2026-12-15"), "Fix both")
        );
        assert_eq!(
            steps.iter().map(|s| s.planned).collect::<Vec<_>>(),
            [true, true, false]
        );
        assert!(
            changeable(&steps, 1)
                .unwrap_err()
                .contains("completed on 2026-11-20")
        );
        assert!(
            changeable(&steps, 9)
                .unwrap_err()
                .contains("there are 1, 2, 3")
        );
        assert_eq!(changeable(&steps, 2).unwrap().number, 2);
        assert!(steps[1].is_overdue(day("2026-12-16")) && !steps[0].is_overdue(day("2027-01-01")));
    }

    #[test]
    fn a_day_behind_the_due_day_is_warned_of() {
        let due = Some(day("2026-12-15"));
        assert_eq!(warning(day("2026-12-15"), due), None);
        assert!(warning(day("2026-12-16"), due).unwrap().contains("eMASS"));
    }
}
