//! Takes reports into the ledger: what is known and unchanged costs a look-up, the rest is folded, and only the
//! difference is written, one transaction a page. Records are not its business; it puts weaknesses in line for
//! the planner in the same transaction.

mod absence;
mod batch;
mod blind;
mod door;
mod evidence;
mod feed;
mod inventory;
mod known;
mod merge;
mod prepared;
mod shown;
mod sink;
mod supplement;
mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use chrono::{DateTime, Utc};
use poamd_contract::finding::SetAside;
use poamd_contract::source::{Page, Recognised};
use poamd_formats::Given;
use serde::Serialize;
use serde_json::json;

pub use absence::{Ending, passed_key};
use batch::{Batch, Parts};
pub use blind::Vigil;
pub use door::Door;
use evidence::{Packs, Tally};
pub use feed::{feed, feed_documents};
pub use inventory::{Inventory, take_items};
use known::{Known, Recogniser};
use prepared::Arrived;
pub use prepared::{Prepared, Preparer, stored_hash};
pub use shown::Places;
use shown::Shown;
pub use sink::IntakeSink;
pub use supplement::Supplements;
use written::Written;

use crate::store::audit::{self, Event};
use crate::store::evidence::{self as store_evidence, Manifest};
use crate::store::findings::KnownReport;
use crate::store::{AnyConnection, Result, Store, StoreError, quarantine, to_json};

/// Other names of a weakness (a policy's `equivalent` controls) → the one that records are kept under.
pub type Synonyms = BTreeMap<String, String>;

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
    tally: Tally,
    /// What was said for the documents that are being read, where they come as documents.
    given: Option<Given>,
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
        let mut intake = Self::open_by_page(store, door, run, actor, now, synonyms);
        intake.know_all()?;
        Ok(intake)
    }

    /// Loads nothing: what is known is asked page by page, until [`Intake::know_all`]. For looks that conclude nothing
    /// from what they do not see.
    pub fn open_by_page(
        store: Store,
        door: Door,
        run: i64,
        actor: &str,
        now: DateTime<Utc>,
        synonyms: Arc<Synonyms>,
    ) -> Self {
        Self {
            store,
            door_name: door.name(),
            door,
            run,
            actor: actor.to_owned(),
            now,
            synonyms,
            known: Known::default(),
            shown: Shown::default(),
            unlooked: BTreeSet::new(),
            counts: Counts::default(),
            tally: Tally::default(),
            given: None,
        }
    }

    /// Loads what is known of the door, for a look at everything: before it, or when it turns out to have been one.
    pub fn know_all(&mut self) -> Result<()> {
        if self.known.is_whole() {
            return Ok(());
        }
        let (store, known) = (&self.store, &mut self.known);
        store.read_here(|conn| known.load(conn, &self.door_name))
    }

    /// Keeps count of what is shown from here on, so that an interrupted look can go on: [`Intake::progress`].
    pub fn remember(&mut self) {
        self.known.remember();
    }

    /// What was shown since the last call (eight bytes a report), and all places that were.
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

    /// Says what the door is asked for, for the manifest: a window, a filter; nothing for all there is.
    pub fn asked(&mut self, asked: &str) {
        asked.clone_into(&mut self.tally.asked);
    }

    /// What this run read so far, as it is kept.
    pub fn manifest(&self, ended: DateTime<Utc>) -> Manifest {
        self.tally
            .manifest(self.run, &self.door_name, self.now, ended)
    }

    /// What can be worked out of pages before the ledger is asked: on another thread, if need be.
    pub fn preparer(&self) -> Preparer {
        let reading = self.given.as_ref().map(Given::reading);
        Preparer::new(&self.door_name, self.now, reading)
    }

    /// Says what was given for the documents that come next; answers who knows those that need not be read.
    fn give(&mut self, given: &Given) -> Option<Recogniser> {
        self.given = Some(given.clone());
        self.known.recogniser(given.reading())
    }

    /// Takes a page: durable when it returns, nothing of it on an error.
    pub fn page(&mut self, page: Page) -> Result<()> {
        let prepared = self.preparer().prepare(page);
        self.take(prepared)
    }

    /// Takes pages that were prepared for this door: durable when it returns, nothing of them on an error.
    pub fn take(&mut self, prepared: Prepared) -> Result<()> {
        self.take_all(prepared, || None)
    }

    /// The same with those that are ready as soon as the first are written, in one transaction: what is written of many
    /// pages shares the leaves of an index, and one sync to the disk.
    pub fn take_all(
        &mut self,
        first: Prepared,
        mut more: impl FnMut() -> Option<Prepared>,
    ) -> Result<()> {
        let first = self.sift(first)?;
        if first.says_nothing() {
            self.counts += first.counts;
            return Ok(());
        }
        let store = self.store.clone();
        let taken = store.write_here(|conn| {
            let (mut written, mut taken) = (Written::default(), Vec::new());
            let mut next = Some(first);
            while let Some(sifted) = next {
                taken.push(self.write(conn, sifted, &mut written)?);
                next = more().map(|prepared| self.sift(prepared)).transpose()?;
                if let Some(next) = &mut next {
                    next.forget_said(&written);
                }
            }
            Ok(taken)
        })?;
        // What is committed is known from here on; on an error nothing was.
        for one in taken {
            self.known.learn(&one.reports);
            self.counts += one.counts;
            self.tally.kept += one.kept;
        }
        Ok(())
    }

    /// What of the pages is new.
    fn sift(&mut self, prepared: Prepared) -> Result<Sifted> {
        let mut counts = Counts {
            documents: prepared.documents() as u64,
            set_aside: prepared.set_aside.len() as u64,
            ..Counts::default()
        };
        self.tally.count(&prepared);
        self.shown.vouch(prepared.vouched);
        if !self.known.is_whole() && !prepared.arrived.is_empty() {
            let (store, known) = (&self.store, &mut self.known);
            store.read_here(|conn| known.fetch(conn, &self.door_name, &prepared.arrived))?;
        }
        let mut fresh = Vec::new();
        let mut recognised = prepared.recognised.into_iter().peekable();
        for (at, arrived) in prepared.arrived.into_iter().enumerate() {
            while let Some(one) = recognised.next_if(|one| one.before <= at) {
                fresh.extend(self.recognise(one));
            }
            fresh.extend(self.look(arrived));
        }
        for one in recognised {
            fresh.extend(self.recognise(one));
        }
        counts.unchanged = counts.documents - fresh.len() as u64;
        Ok(Sifted {
            fresh,
            set_aside: prepared.set_aside,
            counts,
        })
    }

    /// The report if it says something new.
    fn look(&mut self, arrived: Arrived) -> Option<Arrived> {
        let bytes = arrived.report.raw.as_ref().map_or(0, |raw| raw.len());
        self.tally.document(bytes, &arrived.sha256);
        self.shown.see(&arrived.report);
        (!self.known.see(&arrived)).then_some(arrived)
    }

    /// The same of a document that was known when the door was opened: it is read only if its report has moved since.
    fn recognise(&mut self, one: Recognised) -> Option<Arrived> {
        let given = self.given.as_ref()?;
        if self
            .known
            .see_document(&given.reading().key(&one.sha256), &mut self.shown)
        {
            self.tally.document(one.bytes.len(), &one.sha256);
            return None;
        }
        let mut pages = poamd_formats::read_documents(given.clone(), "", &*one.bytes);
        // It was read before, to this report: memory does not fail, and nothing of it is set aside.
        let report = pages.next()?.ok()?.reports.pop()?;
        let arrived = self.preparer().arrived(report);
        self.look(arrived)
    }

    fn write(
        &self,
        conn: &mut AnyConnection,
        sifted: Sifted,
        written: &mut Written,
    ) -> Result<Taken> {
        let Sifted {
            mut fresh,
            set_aside,
            mut counts,
        } = sifted;
        let (batch, kept) = self.write_fresh(conn, &mut fresh, written)?;
        let set_aside = quarantine::keep(conn, self.run, self.now, &set_aside)?;
        if !set_aside.is_empty() {
            let event = self.event("documents.set-aside", json!({ "ids": set_aside }));
            audit::append(conn, &event)?;
        }
        counts.unchanged += batch.stale;
        counts.new = batch.new;
        counts.changed = batch.changed;
        let reports = batch.written_reports().map(KnownReport::of).collect();
        elsewhere((batch, fresh));
        Ok(Taken {
            reports,
            counts,
            kept,
        })
    }

    /// Findings, reports and documents; how many of these are kept.
    fn write_fresh(
        &self,
        conn: &mut AnyConnection,
        fresh: &mut [Arrived],
        written: &mut Written,
    ) -> Result<(Batch, i64)> {
        let first = store_evidence::next_pack(conn)?;
        let packs = Packs::lay_out(fresh, first);
        let fresh = &*fresh;
        // Packing needs nothing of the ledger: beside the writing it costs no time.
        let (batch, packed) = std::thread::scope(|scope| {
            let packing = scope.spawn(|| packs.pack(fresh));
            let batch = self.write_findings(conn, fresh, written);
            let cut_off = || Err(StoreError::Task("the packing of evidence".to_owned()));
            (batch, packing.join().unwrap_or_else(|_| cut_off()))
        });
        let (batch, mut packed) = (batch?, packed?);
        let used: BTreeSet<i64> = batch.written_reports().filter_map(|r| r.pack_id).collect();
        packed.retain(|(id, _)| used.contains(id));
        if !batch.changes.is_empty() || !packed.is_empty() {
            let hashes: Vec<&str> = packed.iter().map(|(_, p)| p.sha256.as_str()).collect();
            let body = json!({ "new": batch.new, "changed": batch.changed, "packs": hashes });
            let event = self.event("findings.taken", body);
            let n = audit::append_batch(conn, event, &to_json(&batch.changes)?)?;
            for (id, pack) in &packed {
                store_evidence::insert_pack(
                    conn,
                    *id,
                    pack,
                    self.run,
                    &self.door_name,
                    self.now,
                    n,
                )?;
            }
        }
        let kept = packed.iter().map(|(_, p)| p.documents).sum();
        Ok((batch, kept))
    }

    /// Works out what changed and writes it. While one part is written the next are worked out beside it, on connections
    /// that read: nobody else writes meanwhile, and no part needs what another writes, so they read what this one would.
    fn write_findings(
        &self,
        conn: &mut AnyConnection,
        fresh: &[Arrived],
        written: &mut Written,
    ) -> Result<Batch> {
        let Parts { parts, again } = Parts::of(fresh, written);
        let lanes = LANES.min(parts.len().saturating_sub(1));
        let mut whole = Batch::default();
        std::thread::scope(|scope| {
            let worked: Vec<_> = (0..lanes)
                .map(|lane| {
                    let (hand_on, worked) = sync_channel(1);
                    let mine = parts.iter().skip(lane).step_by(lanes);
                    scope.spawn(move || {
                        for part in mine {
                            let batch = self.store.read_here(|c| Batch::work_out(c, self, part));
                            if hand_on.send(batch).is_err() {
                                return;
                            }
                        }
                    });
                    worked
                })
                .collect();
            let mut in_turn = worked.iter().cycle();
            for part in &parts {
                let mut batch = match in_turn.next().and_then(|lane| lane.recv().ok()) {
                    // No lane, or no connection left for it: then here.
                    None | Some(Err(StoreError::Pool(_))) => Batch::work_out(conn, self, part)?,
                    Some(batch) => batch?,
                };
                batch.forget_items(written);
                batch.write_rows(conn, self.now)?;
                written.add(&mut batch);
                whole.append(batch);
            }
            // Only this connection sees what it wrote itself.
            let mut batch = Batch::work_out(conn, self, &again)?;
            batch.write_rows(conn, self.now)?;
            written.add(&mut batch);
            whole.append(batch);
            whole.sort_changes();
            whole.write_queue(conn)?;
            Ok(whole)
        })
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

/// What of some pages is new.
struct Sifted {
    fresh: Vec<Arrived>,
    set_aside: Vec<SetAside>,
    counts: Counts,
}

impl Sifted {
    fn says_nothing(&self) -> bool {
        self.fresh.is_empty() && self.set_aside.is_empty()
    }

    /// What the transaction has written is not known before it is committed, but no news either.
    fn forget_said(&mut self, written: &Written) {
        let all = self.fresh.len();
        self.fresh.retain(|one| !written.says(one));
        self.counts.unchanged += (all - self.fresh.len()) as u64;
    }
}

/// What came of them.
struct Taken {
    reports: Vec<KnownReport>,
    counts: Counts,
    /// Documents that are kept.
    kept: i64,
}

/// Threads that work parts out beside the one that writes them.
const LANES: usize = 2;

/// Gives memory back on a thread of its own: of thousands of documents that takes as long as reading some of them. Where
/// no thread is to be had, it is done here.
fn elsewhere(used: impl Send + 'static) {
    let _ = std::thread::Builder::new().spawn(move || drop(used));
}
