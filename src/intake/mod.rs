//! Takes reports into the ledger: what is known and unchanged costs a look-up, the rest is folded, and only the
//! difference is written, one transaction a page or, of a file, several. Records are not its business; it puts weaknesses in line for
//! the planner in the same transaction.

mod absence;
mod batch;
mod bite;
mod blind;
mod door;
mod evidence;
mod feed;
mod heard;
mod inventory;
mod known;
mod lanes;
mod merge;
mod prepared;
mod shown;
mod sink;
mod supplement;
mod terms;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poamd_contract::source::{Page, Recognised};
use poamd_formats::Given;
use serde::Serialize;

pub use absence::{Ending, passed_key};
use bite::Sifted;
pub use blind::Vigil;
pub use door::Door;
use evidence::Tally;
pub use feed::{feed, feed_documents};
use heard::Heard;
pub use inventory::{Inventory, take_items};
use known::{Known, Recogniser};
use lanes::Lanes;
use prepared::Arrived;
pub use prepared::{Prepared, Preparer, stored_hash};
pub use shown::Places;
use shown::Shown;
pub use sink::IntakeSink;
pub use supplement::Supplements;
use terms::Terms;
use writing::Writing;

use crate::store::evidence::{self as store_evidence, Manifest};
use crate::store::{Result, Store};

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
    terms: Arc<Terms>,
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
        let terms = Terms {
            run,
            door: door.name(),
            actor: actor.to_owned(),
            now,
            synonyms,
        };
        Self {
            store,
            door,
            terms: Arc::new(terms),
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
        store.read_here(|conn| known.load(conn, &self.terms.door))
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
        let Terms { run, door, now, .. } = &*self.terms;
        self.tally.manifest(*run, door, *now, ended)
    }

    /// What can be worked out of pages before the ledger is asked: on another thread, if need be.
    pub fn preparer(&self) -> Preparer {
        let reading = self.given.as_ref().map(Given::reading);
        Preparer::new(&self.terms.door, self.terms.now, reading)
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

    /// The same with `more` that is ready by now, in one transaction: what is written of many pages shares the leaves of an
    /// index, and one sync to the disk. It is asked again and again while those before are written.
    pub fn take_all(
        &mut self,
        first: Prepared,
        mut more: impl FnMut() -> Option<Prepared>,
    ) -> Result<()> {
        let first = self.sift(first, &Heard::default())?;
        if first.says_nothing() {
            self.counts += first.counts;
            return Ok(());
        }
        let (store, terms) = (self.store.clone(), self.terms.clone());
        let (taken, heard) = store.write_here(|conn| {
            std::thread::scope(|scope| {
                let mut heard = Heard::nothing(store_evidence::next_pack(conn)?);
                let mut lanes = Lanes::new(scope, store.clone(), terms.clone());
                let (mut writing, mut taken) = (Writing::new(&terms), Vec::new());
                let mut next = Some(lanes.begin(heard.take(first)));
                while let Some(working) = next.take() {
                    let mut look_ahead = || -> Result<()> {
                        if next.is_none()
                            && let Some(prepared) = more()
                        {
                            let sifted = self.sift(prepared, &heard)?;
                            next = Some(lanes.begin(heard.take(sifted)));
                        }
                        Ok(())
                    };
                    taken.push(writing.bite(conn, working, &mut look_ahead)?);
                    look_ahead()?;
                }
                Ok((taken, heard))
            })
        })?;
        // What is committed is known from here on; on an error nothing was.
        for one in taken {
            self.known.learn(&one.reports);
            self.counts += one.counts;
            self.tally.kept += one.kept;
        }
        self.known.hear(heard.said());
        Ok(())
    }

    /// What of the pages is new.
    fn sift(&mut self, prepared: Prepared, heard: &Heard) -> Result<Sifted> {
        let mut counts = Counts {
            documents: prepared.documents() as u64,
            set_aside: prepared.set_aside.len() as u64,
            ..Counts::default()
        };
        self.tally.count(&prepared);
        self.shown.vouch(prepared.vouched);
        if !self.known.is_whole() && !prepared.arrived.is_empty() {
            let (store, known) = (&self.store, &mut self.known);
            store.read_here(|conn| known.fetch(conn, &self.terms.door, &prepared.arrived))?;
        }
        let mut fresh = Vec::new();
        let mut recognised = prepared.recognised.into_iter().peekable();
        for (at, arrived) in prepared.arrived.into_iter().enumerate() {
            while let Some(one) = recognised.next_if(|one| one.before <= at) {
                fresh.extend(self.recognise(one, heard));
            }
            fresh.extend(self.look(arrived, heard));
        }
        for one in recognised {
            fresh.extend(self.recognise(one, heard));
        }
        counts.unchanged = counts.documents - fresh.len() as u64;
        Ok(Sifted {
            fresh,
            set_aside: prepared.set_aside,
            counts,
        })
    }

    /// The report if it says something new.
    fn look(&mut self, arrived: Arrived, heard: &Heard) -> Option<Arrived> {
        let bytes = arrived.report.raw.as_ref().map_or(0, |raw| raw.len());
        self.tally.document(bytes, &arrived.sha256);
        self.shown.see(&arrived.report);
        (!self.known.see(&arrived, heard)).then_some(arrived)
    }

    /// The same of a document that was known when the door was opened: it is read only if its report has moved since.
    fn recognise(&mut self, one: Recognised, heard: &Heard) -> Option<Arrived> {
        let given = self.given.as_ref()?;
        if self
            .known
            .see_document(&given.reading().key(&one.sha256), heard, &mut self.shown)
        {
            self.tally.document(one.bytes.len(), &one.sha256);
            return None;
        }
        let mut pages = poamd_formats::read_documents(given.clone(), "", &*one.bytes);
        // It was read before, to this report: memory does not fail, and nothing of it is set aside.
        let report = pages.next()?.ok()?.reports.pop()?;
        let arrived = self.preparer().arrived(report);
        self.look(arrived, heard)
    }
}
