//! Carries out what is wanted in the hubs: read what stands there, work out the step, keep what it is to leave, send,
//! settle with its event. At any instant a kill leaves a row that the next run reads again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::Clock;
use poamd_contract::error::{ConnectorError, Retry};
use poamd_contract::hub::{HubChange, HubId, HubWriter, Standing};
use poamd_contract::ids::Region;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Summary;
use crate::domain::record::RecordId;
use crate::domain::writeback::{MOST_FIELDS, Step, step};
use crate::store::audit::{self, Event};
use crate::store::time::stamp;
use crate::store::writebacks::{self, DONE, FAILED, GONE, PENDING, WritebackRow};
use crate::store::{Result, Store, to_json};

/// Refusals and failures in a row after which a finding is given up until something changes.
pub const TRIES: i64 = 5;
/// How long a cell is left alone that refuses us.
const PAUSE: TimeDelta = TimeDelta::hours(1);

/// Brings what is wanted into the hubs.
pub struct Sender {
    pub store: Store,
    pub hub: Arc<dyn HubWriter>,
    /// The watched accounts, by number.
    pub accounts: BTreeMap<String, AccountAccess>,
    pub clock: Arc<dyn Clock>,
    pub actor: String,
}

/// Rows of one cell in hand.
struct Batch {
    cell: String,
    rows: Vec<WritebackRow>,
}

/// Where a row goes, and what was sent for it.
struct Settled {
    row: WritebackRow,
    change: Option<HubChange>,
}

impl Sender {
    /// Sends all that is due, cell by cell, until nothing is or a stop is wanted.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<Summary> {
        let mut summary = Summary::default();
        while !stop.is_cancelled() {
            let without: Vec<String> = summary.paused.keys().cloned().collect();
            let (now, most) = (self.clock.now(), self.hub.most() as i64);
            let rows = self
                .store
                .read(move |c| writebacks::due(c, &without, now, most))
                .await?;
            let Some(first) = rows.first() else {
                break;
            };
            let cell = first.cell.clone();
            self.deliver(Batch { cell, rows }, &mut summary).await?;
        }
        Ok(summary)
    }

    async fn deliver(&self, batch: Batch, summary: &mut Summary) -> Result<()> {
        let Some((access, region)) = self.place(&batch.cell) else {
            let why = "the account it is read through is watched no longer".to_owned();
            return self.pause(batch, why, summary).await;
        };
        let ids: Vec<String> = batch.rows.iter().map(|r| r.native_id.clone()).collect();
        let there = match self.hub.read(&access, &region, &ids).await {
            Ok(there) => there,
            Err(error) => return self.unanswered(batch, &error, summary).await,
        };
        let mut settled = Vec::new();
        let mut groups: BTreeMap<HubChange, Vec<(WritebackRow, HubId, Step)>> = BTreeMap::new();
        for row in batch.rows {
            match self.look(row, &there)? {
                Looked::Settled(row) => settled.push(Settled { row, change: None }),
                Looked::Change(row, id, step) => groups
                    .entry(step.change.clone())
                    .or_default()
                    .push((row, id, step)),
            }
        }
        self.settle(&batch.cell, settled, summary).await?;
        for (change, members) in groups {
            if summary.paused.contains_key(&batch.cell) {
                break;
            }
            self.send(&batch.cell, (&access, &region), change, members, summary)
                .await?;
        }
        Ok(())
    }

    /// What one row needs, by what stands there.
    fn look(&self, mut row: WritebackRow, there: &[Standing]) -> Result<Looked> {
        let mut own = there
            .iter()
            .filter(|s| s.id.id == row.native_id && s.account == row.account);
        let (first, second) = (own.next(), own.next());
        let Some(standing) = first else {
            self.end(
                &mut row,
                GONE,
                Some("the hub holds it no longer".to_owned()),
            );
            row.sent = None;
            return Ok(Looked::Settled(row));
        };
        if let Some(second) = second {
            let why = format!(
                "{} and {} both have a finding of this id: which is meant cannot be told",
                standing.id.product, second.id.product
            );
            self.end(&mut row, FAILED, Some(why));
            return Ok(Looked::Settled(row));
        }
        let step = step(
            &row.wanted()?,
            &row.written()?,
            row.sent()?.as_ref(),
            standing,
        );
        if step.change.is_empty() {
            self.end(&mut row, DONE, no_room(&step));
            row.written = to_json(&step.after)?;
            row.sent = None;
            return Ok(Looked::Settled(row));
        }
        Ok(Looked::Change(row, standing.id.clone(), step))
    }

    async fn send(
        &self,
        cell: &str,
        (access, region): (&AccountAccess, &Region),
        change: HubChange,
        members: Vec<(WritebackRow, HubId, Step)>,
        summary: &mut Summary,
    ) -> Result<()> {
        let ids: Vec<HubId> = members.iter().map(|(_, id, _)| id.clone()).collect();
        let intents: Vec<_> = members
            .iter()
            .map(|(row, _, step)| (row.id, step.after.clone()))
            .collect();
        self.store
            .write(move |c| {
                intents
                    .iter()
                    .try_for_each(|(id, after)| writebacks::sending(c, *id, after))
            })
            .await?;
        let refused = match self.hub.write(access, region, &ids, &change).await {
            Ok(refused) => refused,
            Err(error) => {
                let mut rows = Vec::with_capacity(members.len());
                for (mut row, _, step) in members {
                    row.sent = Some(to_json(&step.after)?);
                    rows.push(row);
                }
                let batch = Batch {
                    cell: cell.to_owned(),
                    rows,
                };
                return self.unanswered(batch, &error, summary).await;
            }
        };
        let why: BTreeMap<&HubId, &str> = refused.iter().map(|r| (&r.id, r.why.as_str())).collect();
        let mut settled = Vec::with_capacity(members.len());
        for (mut row, id, step) in members {
            row.sent = None;
            if let Some(why) = why.get(&id) {
                self.again(&mut row, why);
                settled.push(Settled { row, change: None });
            } else {
                row.written = to_json(&step.after)?;
                self.end(&mut row, DONE, no_room(&step));
                settled.push(Settled {
                    row,
                    change: Some(change.clone()),
                });
            }
        }
        self.settle(cell, settled, summary).await
    }

    /// A call that brought no answer we can use: the cell rests if it refuses us, else its rows are read again later.
    async fn unanswered(
        &self,
        batch: Batch,
        error: &ConnectorError,
        summary: &mut Summary,
    ) -> Result<()> {
        if matches!(error.retry, Retry::Auth | Retry::Gone) {
            return self.pause(batch, error.what.clone(), summary).await;
        }
        let settled = batch.rows.into_iter().map(|mut row| {
            self.again(&mut row, &error.what);
            if let Retry::Later(Some(asked)) = error.retry {
                let asked = TimeDelta::from_std(asked).unwrap_or(PAUSE);
                row.not_before = row.not_before.max(stamp(self.clock.now() + asked));
            }
            Settled { row, change: None }
        });
        let settled = settled.collect();
        self.settle(&batch.cell, settled, summary).await
    }

    /// Leaves a cell alone for a while. It is nobody's try: what is wrong is the right to write, not the finding.
    async fn pause(&self, batch: Batch, why: String, summary: &mut Summary) -> Result<()> {
        let until = stamp(self.clock.now() + PAUSE);
        let settled = batch.rows.into_iter().map(|mut row| {
            row.not_before = until;
            row.error = Some(why.clone());
            Settled { row, change: None }
        });
        let settled = settled.collect();
        self.settle(&batch.cell, settled, summary).await?;
        summary.paused.insert(batch.cell, why);
        Ok(())
    }

    /// One refusal or failure more: later, each time later, or given up.
    fn again(&self, row: &mut WritebackRow, why: &str) {
        row.attempt += 1;
        row.error = Some(why.to_owned());
        if row.attempt >= TRIES {
            FAILED.clone_into(&mut row.state);
        } else {
            PENDING.clone_into(&mut row.state);
            // 1, 4, 16, 64 minutes.
            let minutes = 1_i64 << (2 * (row.attempt - 1)).clamp(0, 12);
            row.not_before = stamp(self.clock.now() + TimeDelta::minutes(minutes));
        }
    }

    fn end(&self, row: &mut WritebackRow, state: &str, error: Option<String>) {
        state.clone_into(&mut row.state);
        row.attempt = 0;
        row.error = error;
    }

    /// Puts rows where they go, with the event of what was written and of what was given up.
    async fn settle(
        &self,
        cell: &str,
        mut settled: Vec<Settled>,
        summary: &mut Summary,
    ) -> Result<()> {
        if settled.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        for one in &mut settled {
            one.row.changed_at = stamp(now);
            let count = match (one.row.state.as_str(), &one.change) {
                (DONE, Some(_)) => &mut summary.written,
                (DONE, None) => &mut summary.as_wanted,
                (GONE, _) => &mut summary.gone,
                (FAILED, _) => &mut summary.failed,
                _ => &mut summary.later,
            };
            *count += 1;
        }
        let (cell, actor) = (cell.to_owned(), self.actor.clone());
        self.store
            .write(move |conn| {
                for one in &settled {
                    writebacks::settle(conn, &one.row)?;
                }
                let told = told(&settled);
                if told.is_empty() {
                    return Ok(());
                }
                let event = event(now, actor, &cell, told.len());
                audit::append_batch(conn, event, &to_json(&told)?).map(|_| ())
            })
            .await
    }

    /// How a cell is reached; `None` if its account is not watched.
    fn place(&self, cell: &str) -> Option<(AccountAccess, Region)> {
        let mut parts = cell.split('/');
        let access = self.accounts.get(parts.next()?)?.clone();
        Some((access, parts.next()?.parse().ok()?))
    }
}

enum Looked {
    Settled(WritebackRow),
    Change(WritebackRow, HubId, Step),
}

fn no_room(step: &Step) -> Option<String> {
    step.no_room
        .then(|| format!("its {MOST_FIELDS} user fields are taken, so ours are not there"))
}

fn event(at: DateTime<Utc>, actor: String, cell: &str, findings: usize) -> Event {
    Event {
        at,
        actor,
        kind: "writeback.settled",
        subject: format!("hub:{cell}"),
        body: json!({ "findings": findings }),
    }
}

/// The change list of an event: what was written, and what was given up. Another try is no event.
fn told(settled: &[Settled]) -> Vec<serde_json::Value> {
    let ends = BTreeSet::from([FAILED, GONE]);
    settled
        .iter()
        .filter(|one| one.change.is_some() || ends.contains(one.row.state.as_str()))
        .map(|one| {
            let change = one.change.clone().unwrap_or_default();
            json!({
                "finding": one.row.native_id, "poam": RecordId(one.row.record_id), "state": one.row.state,
                "fields": change.fields, "workflow": change.workflow, "verification": change.verification,
                "error": one.row.error,
            })
        })
        .collect()
}
