//! Milestones: added, moved, completed; never rewritten.

use chrono::NaiveDate;
use serde_json::json;

use super::{Act, ActError, Doing, Done, Result, refused};
use crate::domain::milestone::{self, MilestoneChangeKind, Step};
use crate::domain::record::RecordStatus;
use crate::store::columns::Col;
use crate::store::milestones::{self, NewMilestone, NewMilestoneChange};
use crate::store::time::stamp;

/// What changes of a step; a part that is not given stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edit<'a> {
    pub description: Option<&'a str>,
    pub due: Option<NaiveDate>,
}

impl<'a> Act<'a> {
    /// Adds a step.
    pub fn add_milestone(&'a self, description: &str, due: NaiveDate) -> Result<Done> {
        let description = milestone::description(description).map_err(ActError::Refused)?;
        self.live(|doing| {
            if due < doing.today() {
                return refused(format!("{due} is over; give a day to come"));
            }
            let number = doing.steps()?.iter().map(|s| s.number).max().unwrap_or(0) + 1;
            milestones::insert(
                doing.conn,
                &NewMilestone {
                    record_id: doing.row.id,
                    number,
                    description: description.to_owned(),
                    due,
                    actor: self.actor.to_owned(),
                    at: stamp(self.now),
                },
            )?;
            doing.change(number, MilestoneChangeKind::New, description, Some(due))?;
            let warning = milestone::warning(due, doing.row.due);
            doing.warnings.extend(warning);
            Ok(format!("has milestone {number}, by {due}"))
        })
    }

    /// Moves a step, or says it otherwise.
    pub fn update_milestone(&'a self, number: i64, edit: Edit<'_>) -> Result<Done> {
        let text = match edit.description {
            Some(text) => milestone::description(text).map_err(ActError::Refused)?,
            None => "",
        };
        self.live(|doing| {
            if text.is_empty() && edit.due.is_none() {
                return refused("nothing is to change: give --due, --text or both");
            }
            doing.changeable(number)?;
            let steps = doing.steps()?;
            let stands = steps
                .iter()
                .find(|s| s.number == number)
                .is_some_and(|step| {
                    let says = text.is_empty() || step.description == text;
                    says && edit.due.is_none_or(|due| step.due == due)
                });
            if stands {
                return refused(format!(
                    "milestone {number} says that already; nothing was written"
                ));
            }
            doing.change(number, MilestoneChangeKind::Update, text, edit.due)?;
            let warning = edit
                .due
                .and_then(|due| milestone::warning(due, doing.row.due));
            doing.warnings.extend(warning);
            Ok(format!("has milestone {number} changed"))
        })
    }

    /// Says that a step is done. It says nothing about the weakness.
    pub fn complete_milestone(&'a self, number: i64, on: Option<NaiveDate>) -> Result<Done> {
        self.live(|doing| {
            let day = on.unwrap_or_else(|| doing.today());
            if day > doing.today() {
                return refused(format!("{day} is still to come"));
            }
            doing.changeable(number)?;
            doing.change(
                number,
                MilestoneChangeKind::Complete,
                self.why.trim(),
                Some(day),
            )?;
            if doing.row.status.0 == RecordStatus::Open {
                doing.go(
                    RecordStatus::InProgress,
                    "record.begun",
                    json!({ "milestone": number }),
                )?;
            }
            let left = doing
                .steps()?
                .iter()
                .filter(|s| s.completed.is_none())
                .count();
            Ok(format!("has milestone {number} completed, {left} left"))
        })
    }
}

impl Doing<'_, '_> {
    fn steps(&mut self) -> Result<Vec<Step>> {
        Ok(milestones::steps_of(self.conn, self.row.id)?)
    }

    fn changeable(&mut self, number: i64) -> Result<()> {
        milestone::changeable(&self.steps()?, number)
            .map(|_| ())
            .map_err(ActError::Refused)
    }

    fn change(
        &mut self,
        number: i64,
        kind: MilestoneChangeKind,
        description: &str,
        due: Option<NaiveDate>,
    ) -> Result<()> {
        milestones::insert_change(
            self.conn,
            &NewMilestoneChange {
                record_id: self.row.id,
                number,
                kind: Col(kind),
                description: description.to_owned(),
                due,
                why: self.act.why.trim().to_owned(),
                actor: self.act.actor.to_owned(),
                at: stamp(self.act.now),
            },
        )?;
        let event = match kind {
            MilestoneChangeKind::New => "milestone.added",
            MilestoneChangeKind::Update => "milestone.updated",
            MilestoneChangeKind::Complete => "milestone.completed",
        };
        self.event(
            event,
            json!({ "milestone": number, "text": description, "due": due }),
        )?;
        self.touch()
    }
}
