//! Delivers effects to the desks: claimed before the first byte, settled by the answer, looked up before anything
//! unclear is repeated (`design.md`, Delivery; `itsm.md` 4.2).

mod effects;
mod outcome;
mod run;
mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{FuturesUnordered, StreamExt};
use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::desk::Desk;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::domain::ticket::{EffectKind, OutboxState};
use crate::store::outbox::{self, Claimed, Dead, OutboxRow};
use crate::store::{Result, Store};

use outcome::Outcome;
use run::Run;

/// How long a claim holds: longer than the longest chain of requests for one row.
pub const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Requests under way on one desk.
pub const AT_ONCE: usize = 4;
/// A comment shows at once; only a request that is still under way can bring one later.
const COMMENT_SETTLE: TimeDelta = TimeDelta::seconds(60);
/// Updates and moves may simply be repeated.
const REPEAT_SETTLE: TimeDelta = TimeDelta::seconds(5);

/// Sends what the outbox holds. One for a process; cheap to make.
pub struct Dispatcher {
    pub store: Store,
    /// By name, as the outbox rows name them.
    pub desks: BTreeMap<String, Arc<dyn Desk>>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// Names this process among those that share the database; a restarted one is another.
    pub holder: String,
    pub lease: TimeDelta,
    /// Requests under way on one desk.
    pub at_once: usize,
    /// Who is named in the audit log, e.g. `job:sync`.
    pub actor: String,
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub created: u64,
    /// Found on the desk after an unclear answer.
    pub adopted: u64,
    pub updated: u64,
    pub moved: u64,
    pub commented: u64,
    /// Not served now; tried again by itself.
    pub later: u64,
    pub unclear: u64,
    pub failed: u64,
    pub needs_operator: u64,
    /// Effects whose ticket was not to be seen; they wait until it is.
    pub missing: u64,
    /// Desks left alone for the rest of the run, and why.
    pub paused: BTreeMap<String, String>,
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.created += other.created;
        self.adopted += other.adopted;
        self.updated += other.updated;
        self.moved += other.moved;
        self.commented += other.commented;
        self.later += other.later;
        self.unclear += other.unclear;
        self.failed += other.failed;
        self.needs_operator += other.needs_operator;
        self.missing += other.missing;
        self.paused.extend(other.paused);
    }

    /// Effects that now stand on a desk.
    pub fn done(&self) -> u64 {
        self.created + self.adopted + self.updated + self.moved + self.commented
    }

    /// Creates that were counted as ended and wait again.
    fn put_back(&mut self, back: outbox::PutBack) {
        self.later += back.failed + back.needs_operator;
        self.failed -= back.failed.min(self.failed);
        self.needs_operator -= back.needs_operator.min(self.needs_operator);
    }

    fn count(&mut self, kind: EffectKind, outcome: &Outcome) {
        let field = match outcome {
            Outcome::Created(_) => &mut self.created,
            Outcome::Adopted(_) | Outcome::CommentStood => &mut self.adopted,
            Outcome::Done => match kind {
                EffectKind::Create => &mut self.created,
                EffectKind::Update => &mut self.updated,
                EffectKind::Transition => &mut self.moved,
                EffectKind::Comment => &mut self.commented,
            },
            Outcome::Later(..) | Outcome::Paused(_) | Outcome::LookLater(..) => &mut self.later,
            Outcome::Unclear(_) => &mut self.unclear,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::NeedsOperator(_) => &mut self.needs_operator,
            Outcome::Missing(_) => &mut self.missing,
            Outcome::Lost => return,
        };
        *field += 1;
    }
}

impl Dispatcher {
    /// Puts what a crash left in the middle where it is looked up. At its start, whoever holds
    /// the database alone (SQLite's lock) need not wait for leases to end.
    pub async fn recover(&self, dead: Dead) -> Result<u64> {
        let mut count = 0;
        for (name, desk) in &self.desks {
            count += self.recover_desk(name, desk.as_ref(), dead).await?;
        }
        Ok(count)
    }

    async fn recover_desk(&self, name: &str, desk: &dyn Desk, dead: Dead) -> Result<u64> {
        let now = self.clock.now();
        let waits = Waits::of(desk);
        let name = name.to_owned();
        self.store
            .write(move |conn| {
                outbox::bring_near(conn, &name, waits.settle, now)?;
                let rows = outbox::left_over(conn, &name, dead, now)?;
                let mut count = 0;
                for row in rows {
                    // A crash is no unclear answer: it does not count towards needs-operator.
                    let to = outbox::Settlement {
                        state: OutboxState::Ambiguous,
                        not_before: Some(now + waits.after_unclear(row.kind.0)),
                        unclear: row.unclear,
                        error: Some("the process ended while this was being sent".to_owned()),
                    };
                    count += u64::from(outbox::settle(conn, &row, &to, now)?);
                }
                Ok(count)
            })
            .await
    }

    /// Sends everything that is due now, desk by desk at the same time, in order of wanting for each ticket. Stops
    /// claiming when `stop` is cancelled and waits for what is under way.
    pub async fn run_once(&self, stop: &CancellationToken) -> Result<Summary> {
        let runs = self
            .desks
            .iter()
            .map(|(name, desk)| self.run_desk(name, desk, stop));
        let mut summary = Summary::default();
        for one in futures::future::join_all(runs).await {
            summary.add(one?);
        }
        Ok(summary)
    }

    /// Runs until nothing more is due now.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<Summary> {
        let mut all = Summary::default();
        loop {
            let summary = self.run_once(stop).await?;
            let done = summary.done() == 0 || stop.is_cancelled();
            all.add(summary);
            if done {
                return Ok(all);
            }
        }
    }

    /// When there is something to do next; `None` while nothing is on its way.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        let names: Vec<String> = self.desks.keys().cloned().collect();
        self.store
            .read(move |conn| {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                outbox::next_due(conn, &names)
            })
            .await
    }

    async fn run_desk(
        &self,
        name: &str,
        desk: &Arc<dyn Desk>,
        stop: &CancellationToken,
    ) -> Result<Summary> {
        self.recover_desk(name, desk.as_ref(), Dead::Expired)
            .await?;
        let mut run = Run::default();
        let mut under_way = FuturesUnordered::new();
        let mut broken = None;
        loop {
            let free = self.at_once.max(1) - under_way.len();
            if free > 0 && run.paused.is_none() && broken.is_none() && !stop.is_cancelled() {
                match self.claim(name, free).await {
                    Ok(claimed) => {
                        let sent = claimed.into_iter().map(|c| self.deliver(desk.as_ref(), c));
                        under_way.extend(sent.map(Box::pin));
                    }
                    Err(error) => broken = Some(error),
                }
            }
            match under_way.next().await {
                Some(Ok((row, kind, outcome))) => run.note(row, kind, &outcome),
                Some(Err(error)) => broken = broken.or(Some(error)),
                None => break,
            }
        }
        self.hold_creates(name, Waits::of(desk.as_ref()), &mut run)
            .await?;
        if let Some(why) = run.paused {
            run.summary.paused.insert(name.to_owned(), why);
        }
        broken.map_or(Ok(run.summary), Err)
    }

    async fn claim(&self, desk: &str, free: usize) -> Result<Vec<Claimed>> {
        let (desk, holder, lease) = (desk.to_owned(), self.holder.clone(), self.lease);
        let now = self.clock.now();
        self.store
            .write(move |conn| outbox::claim(conn, &desk, &holder, now, lease, free as i64))
            .await
    }

    /// One claimed row from request to settlement.
    async fn deliver(
        &self,
        desk: &dyn Desk,
        claimed: Claimed,
    ) -> Result<(i64, EffectKind, Outcome)> {
        let (row, kind) = (claimed.row.id, claimed.row.kind.0);
        let outcome = self.effect(desk, &claimed).await?;
        let outcome = self.settle(Waits::of(desk), claimed, outcome).await?;
        Ok((row, kind, outcome))
    }
}

/// How long after an unclear answer each kind of effect is looked at again.
#[derive(Debug, Clone, Copy)]
struct Waits {
    settle: TimeDelta,
}

/// When an operator's retry may begin: what is unclear has settled by then.
pub fn earliest_retry(row: &OutboxRow, settle: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let wait = Waits::new(settle).after_unclear(row.kind.0);
    match row.settled_at {
        Some(at) if row.state.0 == OutboxState::NeedsOperator => now.max(at.and_utc() + wait),
        _ => now,
    }
}

impl Waits {
    fn of(desk: &dyn Desk) -> Self {
        Self::new(desk.traits().settle)
    }

    fn new(settle: Duration) -> Self {
        let settle = TimeDelta::from_std(settle).unwrap_or(TimeDelta::days(1));
        Self { settle }
    }

    fn after_unclear(self, kind: EffectKind) -> TimeDelta {
        match kind {
            EffectKind::Create => self.settle,
            EffectKind::Comment => self.settle.min(COMMENT_SETTLE),
            EffectKind::Update | EffectKind::Transition => self.settle.min(REPEAT_SETTLE),
        }
    }
}
