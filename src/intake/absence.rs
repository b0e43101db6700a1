//! What may be concluded at the end of a look: absence only from a complete one, and only the second time;
//! a pass for what we judged ourselves and found in order.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use poamd_contract::finding::Signal;
use serde_json::json;

use super::Intake;
use super::batch::Batch;
use crate::domain::finding::ABSENCES;
use crate::store::audit;
use crate::store::columns::{Col, stamp};
use crate::store::findings::{self, KnownReport, ReportRow};
use crate::store::{AnyConnection, Result, to_json};

/// How a look ended.
#[derive(Debug, Default)]
pub struct Ending {
    /// Everything was read: absence counts.
    pub complete: bool,
    /// ARNs of items that were judged in this look; a policy finding on one of them that did not come again has
    /// passed, whatever else was not seen.
    pub judged: HashSet<String>,
}

impl Intake {
    /// Closes the look. Returns the number of findings that changed by it.
    pub fn finish(&mut self, ending: &Ending) -> Result<u64> {
        if !ending.complete && ending.judged.is_empty() {
            return Ok(0);
        }
        let changed = self.store.clone().write_here(|conn| {
            let unseen = self.candidates(conn)?;
            let batch = self.conclude(conn, unseen, ending)?;
            batch.write(conn)?;
            if !batch.changes.is_empty() {
                let event = self.event("findings.concluded", json!({ "changed": batch.changed }));
                audit::append_batch(conn, event, &to_json(&batch.changes)?)?;
            }
            Ok(batch.changed)
        })?;
        self.counts.changed += changed;
        Ok(changed)
    }

    /// Reports that this look did not show, or showed put away, and that can still move.
    fn candidates(&self, conn: &mut AnyConnection) -> Result<BTreeMap<String, BTreeSet<String>>> {
        let mut prints: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let movable = |row: &KnownReport| match row.signal.0 {
            Signal::Open | Signal::OpenSuppressedAtSource | Signal::OpenResolvedAtSource => {
                row.absent < ABSENCES && !self.known.was_seen(row)
            }
            Signal::Archived => row.absent < ABSENCES,
            Signal::Passed | Signal::NoConclusion | Signal::ArchivedByHand => false,
        };
        findings::reports_of_cell(conn, &self.door.name(), |row| {
            if movable(&row) {
                prints
                    .entry(row.account)
                    .or_default()
                    .insert(row.fingerprint);
            }
        })?;
        Ok(prints)
    }

    fn conclude(
        &self,
        conn: &mut AnyConnection,
        candidates: BTreeMap<String, BTreeSet<String>>,
        ending: &Ending,
    ) -> Result<Batch> {
        let mut batch = Batch::default();
        let door = self.door.name();
        for (account, prints) in candidates {
            let keys: Vec<&str> = prints.iter().map(String::as_str).collect();
            let stored = findings::by_fingerprints(conn, &account, &keys)?;
            let mut reports = findings::reports_of(conn, &account, &keys)?;
            for print in &prints {
                let (Some(row), Some(mut rows)) = (stored.get(print), reports.remove(print)) else {
                    continue;
                };
                // What was never open has nothing to be absent from.
                if !row.opened {
                    continue;
                }
                let judged = ending.judged.contains(&row.arn);
                for report in rows.iter_mut().filter(|r| r.cell == door) {
                    if let Some(next) = self.concluded(report, judged, ending.complete) {
                        batch.change_report(next.clone());
                        *report = next;
                    }
                }
                batch.refold(row, &rows, self.now)?;
            }
        }
        Ok(batch)
    }

    fn concluded(&self, report: &ReportRow, judged: bool, complete: bool) -> Option<ReportRow> {
        let known = KnownReport {
            account: report.account.clone(),
            fingerprint: report.fingerprint.clone(),
            native_id: report.native_id.clone(),
            content_hash: report.content_hash,
            absent: report.absent,
            signal: report.signal,
        };
        let seen = self.known.was_seen(&known);
        let open = report.signal.0.is_open();
        if judged && open && !seen {
            return Some(ReportRow {
                signal: Col(Signal::Passed),
                updated_at: Some(stamp(self.now)),
                content_hash: 0,
                ..report.clone()
            });
        }
        let counts = complete
            && report.absent < ABSENCES
            && (!seen && open || report.signal.0 == Signal::Archived);
        counts.then(|| ReportRow {
            absent: report.absent + 1,
            ..report.clone()
        })
    }
}
