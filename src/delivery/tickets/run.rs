//! What one desk's run keeps in mind, and when it leaves the desk alone.

use chrono::TimeDelta;
use serde_json::json;

use super::outcome::Outcome;
use super::{Dispatcher, Summary, Waits};
use crate::domain::ticket::EffectKind;
use crate::store::audit::{self, Event};
use crate::store::{Result, outbox};

/// Refusals to serve in a row after which a desk is left alone for this run, and creates in a row that ended badly
/// after which no more are made for a while.
const PATIENCE: usize = 5;
/// How long creates are held back then. What stands in their way (a field that became mandatory, a project that was
/// archived) is for people to remove.
const HELD: TimeDelta = TimeDelta::hours(1);

#[derive(Default)]
pub(super) struct Run {
    pub summary: Summary,
    pub paused: Option<String>,
    refusals: usize,
    /// Rows of the creates in a row that were refused for good or need an operator.
    bad_creates: Vec<i64>,
}

impl Run {
    pub fn note(&mut self, row: i64, kind: EffectKind, outcome: &Outcome) {
        self.summary.count(kind, outcome);
        if kind == EffectKind::Create {
            self.note_create(row, outcome);
        }
        match outcome {
            Outcome::Paused(why) => self.paused = Some(why.clone()),
            Outcome::Later(_, why) | Outcome::LookLater(_, why) => {
                self.refusals += 1;
                if self.refusals >= PATIENCE {
                    self.paused = Some(format!("it refused {PATIENCE} calls in a row: {why}"));
                }
            }
            _ => self.refusals = 0,
        }
    }

    /// One bad record is a matter of that record; several in a row are a matter of the desk.
    fn note_create(&mut self, row: i64, outcome: &Outcome) {
        match outcome {
            Outcome::Failed(why) | Outcome::NeedsOperator(why) => {
                self.bad_creates.push(row);
                if self.bad_creates.len() == PATIENCE {
                    self.paused = Some(format!(
                        "{PATIENCE} new tickets in a row were refused: {why}; put that right, then poamd ticket retry \
                         --desk; without it they are tried again in {} minutes",
                        HELD.num_minutes()
                    ));
                }
            }
            Outcome::Created(_) | Outcome::Adopted(_) if self.bad_creates.len() < PATIENCE => {
                self.bad_creates.clear();
            }
            _ => {}
        }
    }
}

impl Dispatcher {
    /// A desk that refused new tickets in a row keeps them all, and gets no more for a while.
    pub(super) async fn hold_creates(&self, name: &str, waits: Waits, run: &mut Run) -> Result<()> {
        if run.bad_creates.len() < PATIENCE {
            return Ok(());
        }
        let ended = std::mem::take(&mut run.bad_creates);
        let now = self.clock.now();
        let until = now + HELD.max(waits.settle);
        let event = Event {
            at: now,
            actor: self.actor.clone(),
            kind: "desk.creates-held",
            subject: name.to_owned(),
            body: json!({ "desk": name, "outbox": ended, "until": until, "why": run.paused }),
        };
        let desk = name.to_owned();
        let back = self
            .store
            .write(move |conn| {
                audit::append(conn, &event)?;
                outbox::hold_creates(conn, &desk, &ended, until)
            })
            .await?;
        run.summary.put_back(back);
        Ok(())
    }
}
