//! Bites into the ledger, one after the other, inside one transaction.

use std::collections::BTreeSet;

use hashbrown::HashSet;
use serde_json::json;

use super::Counts;
use super::batch::{Batch, Change};
use super::bite::Bite;
use super::lanes::Working;
use super::terms::Terms;
use crate::store::evidence::{self, Packed};
use crate::store::findings::{self, KnownReport};
use crate::store::{AnyConnection, Result, StoreError, audit, items, quarantine, to_json};

pub(super) struct Writing<'a> {
    terms: &'a Terms,
    /// Account and ARN of each item that was written: who reads beside does not see it.
    items: HashSet<(String, String)>,
}

/// What came of a bite.
pub(super) struct Taken {
    pub reports: Vec<KnownReport>,
    pub counts: Counts,
    /// Documents that are kept.
    pub kept: i64,
}

/// What its parts came to.
#[derive(Default)]
struct Outcome {
    counts: Counts,
    reports: Vec<KnownReport>,
    changes: Vec<Change>,
    /// Packs in which documents lie that say what the ledger says.
    packs: BTreeSet<i64>,
    touched: BTreeSet<(String, String)>,
    reached: BTreeSet<(String, String)>,
    /// Written and no longer needed.
    spent: Vec<Batch>,
}

impl<'a> Writing<'a> {
    pub fn new(terms: &'a Terms) -> Self {
        Self {
            terms,
            items: HashSet::new(),
        }
    }

    /// Writes a bite; `meanwhile` is called again and again, to have the next worked out beside it.
    pub fn bite(
        &mut self,
        conn: &mut AnyConnection,
        working: Working,
        meanwhile: impl FnMut() -> Result<()>,
    ) -> Result<Taken> {
        let bite = working.bite.clone();
        // Packing needs nothing of the ledger: beside the writing it costs no time.
        let (outcome, packed) = std::thread::scope(|scope| {
            let packing = scope.spawn(|| bite.packs.pack(&bite.fresh));
            let outcome = self.findings(conn, &working, meanwhile);
            let cut_off = || Err(StoreError::Task("the packing of evidence".to_owned()));
            (outcome, packing.join().unwrap_or_else(|_| cut_off()))
        });
        let mut outcome = outcome?;
        let kept = self.evidence(conn, &outcome, packed?)?;
        self.set_aside(conn, &bite)?;
        let mut counts = bite.counts;
        counts += outcome.counts;
        let spent = std::mem::take(&mut outcome.spent);
        elsewhere((spent, working, bite));
        Ok(Taken {
            reports: outcome.reports,
            counts,
            kept,
        })
    }

    fn findings(
        &mut self,
        conn: &mut AnyConnection,
        working: &Working,
        mut meanwhile: impl FnMut() -> Result<()>,
    ) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        for nth in 0..working.bite.count() {
            meanwhile()?;
            let batch = working.part(conn, self.terms, nth)?;
            outcome.add(self.rows(conn, batch)?);
        }
        let again = Batch::work_out(conn, self.terms, &working.bite.again())?;
        outcome.add(self.rows(conn, again)?);
        // The order in which parts were worked out is no matter.
        let by_finding =
            |a: &Change, b: &Change| (&a.account, &a.finding).cmp(&(&b.account, &b.finding));
        outcome.changes.sort_by(by_finding);
        findings::enqueue(conn, &outcome.reached, &outcome.touched)?;
        Ok(outcome)
    }

    fn rows(&mut self, conn: &mut AnyConnection, mut batch: Batch) -> Result<Batch> {
        let items = batch.take_items(|key| self.items.contains(key));
        items::insert_all(conn, &items)?;
        self.items
            .extend(items.into_iter().map(|item| (item.account, item.arn)));
        batch.write_rows(conn, self.terms.now)?;
        Ok(batch)
    }

    /// The event and the documents behind it; how many are kept.
    fn evidence(
        &self,
        conn: &mut AnyConnection,
        outcome: &Outcome,
        mut packed: Vec<(i64, Packed)>,
    ) -> Result<i64> {
        packed.retain(|(id, _)| outcome.packs.contains(id));
        if outcome.changes.is_empty() && packed.is_empty() {
            return Ok(0);
        }
        let terms = self.terms;
        let hashes: Vec<&str> = packed.iter().map(|(_, p)| p.sha256.as_str()).collect();
        let Counts { new, changed, .. } = outcome.counts;
        let body = json!({ "new": new, "changed": changed, "packs": hashes });
        let event = terms.event("findings.taken", body);
        let n = audit::append_batch(conn, event, &to_json(&outcome.changes)?)?;
        for (id, pack) in &packed {
            evidence::insert_pack(conn, *id, pack, terms.run, &terms.door, terms.now, n)?;
        }
        Ok(packed.iter().map(|(_, p)| p.documents).sum())
    }

    fn set_aside(&self, conn: &mut AnyConnection, bite: &Bite) -> Result<()> {
        let kept = quarantine::keep(conn, self.terms.run, self.terms.now, &bite.set_aside)?;
        if !kept.is_empty() {
            let body = json!({ "ids": kept });
            audit::append(conn, &self.terms.event("documents.set-aside", body))?;
        }
        Ok(())
    }
}

impl Outcome {
    /// Takes note of a part that is written.
    fn add(&mut self, mut part: Batch) {
        self.counts += Counts {
            new: part.new,
            changed: part.changed,
            unchanged: part.stale,
            ..Counts::default()
        };
        self.reports
            .extend(part.written_reports().map(KnownReport::of));
        self.packs
            .extend(part.written_reports().filter_map(|r| r.pack_id));
        self.changes.append(&mut part.changes);
        self.touched.append(&mut part.touched);
        self.reached.append(&mut part.reached);
        self.spent.push(part);
    }
}

/// Gives memory back on a thread of its own: of thousands of documents that takes as long as reading some of them. Where
/// no thread is to be had, it is done here.
fn elsewhere(used: impl Send + 'static) {
    let _ = std::thread::Builder::new().spawn(move || drop(used));
}
