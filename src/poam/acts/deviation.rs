//! Deviations: asked for, approved here by a second person, submitted, decided by the AO.

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::severity::Severity;
use serde_json::json;

use super::super::{Ground, Rules};
use super::{Act, ActError, Doing, Done, Result, found, refused};
use crate::domain::actor;
use crate::domain::deviation::{self, DeviationKind, DeviationState, Request};
use crate::domain::record::{RecordId, RecordStatus};
use crate::domain::vendor::Wait;
use crate::store::columns::Col;
use crate::store::deviations::{self, DeviationRow, NewDeviation, NewDeviationStep};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Store, attachments, findings, vendors};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub kind: DeviationKind,
    /// The severity that is asked for.
    pub to: Option<Severity>,
    /// What lowers the risk meanwhile.
    pub mitigations: &'a str,
    /// The last day it shall hold.
    pub expires: Option<NaiveDate>,
}

/// A step after the request.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    ApproveInternally,
    Submit,
    /// The AO's decision, by the AO's name.
    Approve {
        ao: &'a str,
    },
    Reject {
        ao: &'a str,
    },
    Withdraw,
}

impl Step<'_> {
    fn state(self) -> DeviationState {
        match self {
            Self::ApproveInternally => DeviationState::ApprovedInternally,
            Self::Submit => DeviationState::Submitted,
            Self::Approve { .. } => DeviationState::Approved,
            Self::Reject { .. } => DeviationState::Rejected,
            Self::Withdraw => DeviationState::Withdrawn,
        }
    }
}

impl<'a> Act<'a> {
    /// Asks for a deviation; `why` is its rationale.
    pub fn request(&'a self, asked: &Asked<'_>) -> Result<Done> {
        self.live(|doing| {
            if let Some(live) = deviations::live(doing.conn, doing.row.id)? {
                return refused(format!(
                    "{} has a {} that is {}; a record has one at most: withdraw it first",
                    self.record, live.kind.0, live.state.0
                ));
            }
            let present = doing.row.severity.map_or(Severity::Low, |s| s.0);
            let request = Request {
                kind: asked.kind,
                to: asked.to,
                present,
                rationale: self.why,
                mitigations: asked.mitigations,
                expires: asked.expires,
                detected: doing.row.detected_at.and_utc(),
                due: doing.row.due,
                today: doing.today(),
            };
            let checked = request.check().map_err(ActError::Refused)?;
            doing.warnings.extend(checked.warnings);
            let row = NewDeviation {
                record_id: doing.row.id,
                kind: Col(asked.kind),
                state: Col(DeviationState::Requested),
                live: true,
                severity: asked.to.map(Col),
                rationale: self.why.trim().to_owned(),
                mitigations: asked.mitigations.trim().to_owned(),
                requested_by: self.actor.to_owned(),
                requested_at: stamp(self.now),
                decided_at: None,
                expires: checked.expires,
                from_severity: Some(Col(present)),
            };
            let id = deviations::insert(doing.conn, &row)?;
            doing.step(id, DeviationState::Requested, self.why.trim())?;
            doing.event(
                "deviation.requested",
                json!({ "deviation": id, "kind": asked.kind, "from": present, "to": asked.to,
                    "mitigations": row.mitigations, "expires": row.expires }),
            )?;
            doing.touch()?;
            Ok(format!(
                "asks for a {}; next, by another person: poamd poam deviation approve-internally {}",
                asked.kind, self.record
            ))
        })
    }

    /// Takes the record's deviation a step further.
    pub fn step(&'a self, step: Step<'_>) -> Result<Done> {
        self.any(|doing| {
            let Some(mut row) = deviations::live(doing.conn, doing.row.id)? else {
                return refused(format!(
                    "{} has no deviation that lives; ask for one: poamd poam deviation request {}",
                    self.record, self.record
                ));
            };
            let from = row.state.0;
            let next = from.to(step.state()).map_err(|e| {
                let hint = from.next_verb().map_or(String::new(), |verb| {
                    format!("; next is poamd poam deviation {verb} {}", self.record)
                });
                ActError::Refused(format!("{e}{hint}"))
            })?;
            if !matches!(step, Step::Withdraw) {
                doing.refuse_ended()?;
            }
            doing.check_step(&row, step)?;
            row.state = Col(next);
            row.live = next.is_live();
            let note = match step {
                Step::Approve { ao } | Step::Reject { ao } => {
                    row.decided_at = Some(stamp(self.now));
                    row.decided_by = Some(ao.trim().to_owned());
                    format!("{}: {}", ao.trim(), self.why.trim())
                }
                _ => self.why.trim().to_owned(),
            };
            deviations::update(doing.conn, &row)?;
            doing.step(row.id, next, &note)?;
            let kind = event_of(next);
            doing.event(
                kind,
                json!({ "deviation": row.id, "kind": row.kind.0, "from": from, "to": next, "by": row.decided_by }),
            )?;
            doing.touch()?;
            doing.after(&row, from)
        })
    }
}

fn event_of(state: DeviationState) -> &'static str {
    match state {
        DeviationState::Requested => "deviation.requested",
        DeviationState::ApprovedInternally => "deviation.approved-internally",
        DeviationState::Submitted => "deviation.submitted",
        DeviationState::Approved => "deviation.approved",
        DeviationState::Rejected => "deviation.rejected",
        DeviationState::Withdrawn => "deviation.withdrawn",
        DeviationState::Expired => "deviation.expired",
    }
}

impl Doing<'_, '_> {
    fn step(&mut self, deviation: i64, state: DeviationState, note: &str) -> Result<()> {
        let row = NewDeviationStep {
            deviation_id: deviation,
            state: Col(state),
            note: note.to_owned(),
            actor: self.act.actor.to_owned(),
            at: stamp(self.act.now),
        };
        deviations::insert_step(self.conn, &row)?;
        Ok(())
    }

    /// Who may, and what has to be there.
    fn check_step(&mut self, row: &DeviationRow, step: Step<'_>) -> Result<()> {
        match step {
            Step::ApproveInternally if actor::is_same(&row.requested_by, self.act.actor) => {
                refused(format!(
                    "{} asked for it, and {} is the same person; another person has to approve it",
                    row.requested_by, self.act.actor
                ))
            }
            Step::Submit if row.kind.0 == DeviationKind::FalsePositive => {
                if attachments::of_record(self.conn, row.record_id)?.is_empty() {
                    return refused(format!(
                        "a false positive needs evidence: poamd poam attach {} FILE",
                        self.act.record
                    ));
                }
                Ok(())
            }
            Step::Approve { ao } | Step::Reject { ao } if ao.trim().is_empty() => {
                refused("say who decided: --ao \"Name of the authorizing official\"")
            }
            Step::Approve { .. } => self.still_fits(row),
            _ => Ok(()),
        }
    }

    /// Detection and the calendar may have moved on since it was asked for.
    fn still_fits(&self, row: &DeviationRow) -> Result<()> {
        let present = self.row.severity.map_or(Severity::Low, |s| s.0);
        let again = "withdraw it and ask anew";
        if let Some(end) = row.expires.filter(|end| *end <= self.today()) {
            return refused(format!(
                "it was asked for to the end of {end}, which is over; {again}"
            ));
        }
        if let Some(from) = row
            .from_severity
            .map(|s| s.0)
            .filter(|from| present > *from)
        {
            return refused(format!(
                "it was asked for when detection said {}; now it says {}: {again}",
                from.as_str(),
                present.as_str()
            ));
        }
        deviation::fits(row.kind.0, row.severity.map(|s| s.0), present)
            .map_err(|why| ActError::Refused(format!("{why}; {again}")))
    }

    /// What follows from a step that was just written.
    fn after(&mut self, row: &DeviationRow, from: DeviationState) -> Result<String> {
        let id = self.act.record;
        let decision = json!({ "deviation": row.id, "kind": row.kind.0, "state": row.state.0,
            "by": row.decided_by, "why": self.act.why });
        match row.state.0 {
            DeviationState::Approved if row.kind.0 == DeviationKind::FalsePositive => {
                let body = json!({ "evidence": "false positive approved", "deviation": row.id, "by": row.decided_by });
                self.go(RecordStatus::Closed, "record.closed", body)?;
                Ok("is closed as a false positive".to_owned())
            }
            DeviationState::Approved => {
                let ground = match row.kind.0.adjusts() {
                    true => Ground::Adjustment,
                    false => Ground::Other,
                };
                self.decide(ground, &decision)?;
                self.warn_of_vendor()?;
                let end = row
                    .expires
                    .map_or(String::new(), |d| format!(" to the end of {d}"));
                Ok(format!(
                    "has an approved {}{end}{}",
                    row.kind.0,
                    self.stands()
                ))
            }
            DeviationState::Withdrawn if from == DeviationState::Approved => {
                self.revive(&decision)?;
                Ok(format!("has its {} withdrawn", row.kind.0))
            }
            state => {
                let next = state.next_verb().map_or(String::new(), |verb| {
                    format!("; next: poamd poam deviation {verb} {id}")
                });
                Ok(format!("has a {} that is {state}{next}", row.kind.0))
            }
        }
    }

    /// What the record counts as after a decision.
    fn stands(&self) -> String {
        let rating = self
            .row
            .rating
            .map(|r| format!("; it is {} now", r.0.word()));
        let due = self.row.due.map(|due| format!(", due {due}"));
        rating.unwrap_or_default() + &due.unwrap_or_default()
    }

    /// What an approval did is undone: rating and due day follow detection again, a false positive is planned anew.
    fn revive(&mut self, decision: &serde_json::Value) -> Result<()> {
        if self.row.status.0.is_live() {
            return self.decide(Ground::Other, decision);
        }
        let (account, weakness) = (self.row.account.clone(), self.row.weakness_id.clone());
        findings::enqueue_planning(self.conn, [(account.as_str(), weakness.as_str())])?;
        Ok(())
    }

    pub(super) fn warn_of_vendor(&mut self) -> Result<()> {
        let Some(wait) = vendors::live(self.conn, self.row.id)? else {
            return Ok(());
        };
        let wait = Wait {
            since: wait.since.date(),
            last_check_in: None,
            released: wait.released,
        };
        let warning = wait.warning(self.row.rating.map(|r| r.0), self.today());
        self.warnings.extend(warning);
        Ok(())
    }
}

/// Ends approved deviations whose last day is over; returns how many.
pub fn expire(store: &Store, rules: &Rules, now: DateTime<Utc>, actor: &str) -> Result<u64> {
    let over = |conn: &mut AnyConnection| deviations::run_out(conn, now.date_naive());
    let ended = store.read_here(over)?;
    let mut count = 0;
    for one in ended {
        let act = Act {
            store,
            rules,
            record: RecordId(one.record_id),
            actor,
            now,
            why: "",
        };
        act.any(|doing| {
            let Some(mut row) =
                deviations::live(doing.conn, one.record_id)?.filter(|r| r.id == one.id)
            else {
                return Ok(String::new());
            };
            row.state = Col(DeviationState::Expired);
            row.live = false;
            deviations::update(doing.conn, &row)?;
            doing.step(row.id, DeviationState::Expired, "its last day is over")?;
            let body = json!({ "deviation": row.id, "kind": row.kind.0, "ended": row.expires });
            doing.event("deviation.expired", body.clone())?;
            doing.row = found(doing.conn, doing.act.record)?;
            doing.touch()?;
            doing.revive(&body)?;
            count += 1;
            Ok(String::new())
        })?;
    }
    Ok(count)
}
