//! Takes reports into the ledger: what is known and unchanged costs a look-up, the rest is folded, and only the
//! difference is written, one transaction a page. Records are not its business; it puts weaknesses in line for
//! the planner in the same transaction.

mod absence;
mod batch;
mod blind;
mod door;
mod inventory;
mod known;
mod merge;
mod shown;
mod sink;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::finding::{FindingReport, SetAside};
use poamd_contract::source::Page;
use serde::Serialize;
use serde_json::json;

pub use absence::{Ending, passed_key};
use batch::Batch;
pub use blind::Vigil;
pub use door::Door;
pub use inventory::{Inventory, take_items};
use known::Known;
pub use shown::Places;
use shown::Shown;
pub use sink::IntakeSink;

use crate::store::audit::{self, Event};
use crate::store::{AnyConnection, Result, Store, quarantine, to_json};

/// Other names of a weakness (a policy's `equivalent` controls) → the one that records are kept under.
pub type Synonyms = BTreeMap<String, String>;

/// Further ahead than this a clock is wrong, not only a little fast.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// What came of the pages so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Documents that were taken.
    pub documents: u64,
    /// Documents that said what was known.
    pub unchanged: u64,
    /// Findings seen for the first time.
    pub new: u64,
    /// Findings whose facts changed.
    pub changed: u64,
    /// Documents without identity, and pages that were not JSON.
    pub set_aside: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.unchanged += other.unchanged;
        self.new += other.new;
        self.changed += other.changed;
        self.set_aside += other.set_aside;
    }
}

/// One run through one door.
pub struct Intake {
    store: Store,
    door: Door,
    /// The door's name, under which its reports stand.
    door_name: String,
    run: i64,
    actor: String,
    now: DateTime<Utc>,
    synonyms: Arc<Synonyms>,
    known: Known,
    shown: Shown,
    /// What the door's own detector does not look for, though findings of it are held open.
    unlooked: BTreeSet<String>,
    counts: Counts,
}

impl Intake {
    /// Loads what is known of the door. `now` is the time of the run: everything it writes bears it.
    pub fn open(
        store: Store,
        door: Door,
        run: i64,
        actor: &str,
        now: DateTime<Utc>,
        synonyms: Arc<Synonyms>,
    ) -> Result<Self> {
        let known = store.read_here(|c| Known::load(c, &door))?;
        Ok(Self {
            store,
            door_name: door.name(),
            door,
            run,
            actor: actor.to_owned(),
            now,
            synonyms,
            known,
            shown: Shown::default(),
            unlooked: BTreeSet::new(),
            counts: Counts::default(),
        })
    }

    /// Keeps count of what is shown from here on, so that an interrupted look can go on: [`Intake::progress`].
    pub fn remember(&mut self) {
        self.known.remember();
    }

    /// What was shown since the last call (sixteen bytes a report), and all places that were.
    pub fn progress(&mut self) -> (Vec<u8>, Places) {
        (self.known.newly_seen(), self.shown.places())
    }

    /// Takes over what an interrupted look has shown: none of it is absent from the one that goes on.
    pub fn recall(&mut self, prints: &[u8]) {
        self.known.recall(prints);
    }

    /// The places of an interrupted look.
    pub fn recall_places(&mut self, places: Places) {
        self.shown.recall(places);
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Takes a page: durable when it returns, nothing of it on an error.
    pub fn page(&mut self, page: Page) -> Result<()> {
        let mut counts = Counts {
            documents: page.reports.len() as u64,
            set_aside: page.set_aside.len() as u64,
            ..Counts::default()
        };
        self.shown.vouch(page.vouched);
        let fresh: Vec<(FindingReport, i64)> = page
            .reports
            .into_iter()
            .map(|mut r| {
                let hash = stored_hash(&r);
                self.shown.see(&r);
                not_in_the_future(&mut r, self.now);
                (r, hash)
            })
            .filter(|(report, hash)| {
                let unchanged = self.known.see(report, *hash);
                counts.unchanged += u64::from(unchanged);
                !unchanged
            })
            .collect();
        if !fresh.is_empty() || !page.set_aside.is_empty() {
            let batch = self
                .store
                .write_here(|conn| self.write(conn, &fresh, &page.set_aside))?;
            counts.unchanged += batch.stale;
            counts.new = batch.new;
            counts.changed = batch.changed;
            // What is committed is known from here on; on an error nothing was.
            self.known.learn(&batch);
        }
        self.counts += counts;
        Ok(())
    }

    fn write(
        &self,
        conn: &mut AnyConnection,
        fresh: &[(FindingReport, i64)],
        aside: &[SetAside],
    ) -> Result<Batch> {
        let batch = Batch::work_out(conn, self, fresh)?;
        batch.write(conn)?;
        if !batch.changes.is_empty() {
            let body = json!({ "new": batch.new, "changed": batch.changed });
            let event = self.event("findings.taken", body);
            audit::append_batch(conn, event, &to_json(&batch.changes)?)?;
        }
        let kept = quarantine::keep(conn, self.run, self.now, aside)?;
        if !kept.is_empty() {
            let event = self.event("documents.set-aside", json!({ "ids": kept }));
            audit::append(conn, &event)?;
        }
        Ok(batch)
    }

    fn event(&self, kind: &'static str, body: serde_json::Value) -> Event {
        Event {
            at: self.now,
            actor: self.actor.clone(),
            kind,
            subject: format!("run:{} {}", self.run, self.door_name),
            body,
        }
    }
}

/// A product with a wrong clock must not have the last word for years: what it dates ahead counts as said now.
fn not_in_the_future(report: &mut FindingReport, now: DateTime<Utc>) {
    if report.updated.is_some_and(|at| at > now) {
        if report.updated.is_some_and(|at| at > now + CLOCK_SKEW) {
            report.marks.push("updated-in-future".to_owned());
        }
        report.updated = Some(now);
    }
}

/// What tells one version of a report from another: its meaning and its time. Without the time a report that says
/// the same again, after another one said the opposite, would go unheard.
pub fn stored_hash(report: &FindingReport) -> i64 {
    let time = report.updated.map_or(0, |t| t.timestamp_micros());
    let mixed = time.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (poamd_formats::content_hash(report) ^ mixed).cast_signed()
}
