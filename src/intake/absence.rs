//! What may be concluded at the end of a look: absence only from a complete one, and only the second time;
//! a pass for what we judged ourselves and found in order.

use std::collections::HashSet;

use poamd_contract::coverage::Coverage;
use poamd_contract::finding::Signal;
use serde_json::json;

use super::batch::Batch;
use super::shown::{PutAway, Silence, Weight};
use super::{Door, Intake};
use crate::domain::finding::{ABSENCES, EXPIRED, FindingStatus, hub_keeps, standard_of};
use crate::store::audit::{self, Event};
use crate::store::columns::Col;
use crate::store::findings::{self, FindingRow, KnownReport, ReportRow};
use crate::store::time::{Stamp, stamp};
use crate::store::{AnyConnection, Result, to_json};

/// Looks that are granted to a detector whose scan was off: it is on again before all its findings are back.
const REFILL: i64 = 48;
/// Findings that are held in memory at once while a look is closed.
const AT_ONCE: usize = 2_000;

/// How a look ended.
#[derive(Debug, Default)]
pub struct Ending {
    /// Everything was read: absence counts.
    pub complete: bool,
    /// `policy:<id>:<arn>:` for each policy that judged an item to the end: a finding of it that did not come again
    /// has passed, whatever else was not seen.
    pub passed: HashSet<String>,
    /// ARNs of items that were seen. Where a policy is gone or failed, the silence about them proves nothing.
    pub present: HashSet<String>,
}

impl Intake {
    /// Accounts and regions that a look at everything has to show something of: one it shows nothing of is a gap.
    pub fn expect(&mut self, places: Vec<(String, String)>) {
        self.shown.expect(places);
    }

    /// Closes the look. Returns the number of findings that changed by it.
    pub fn finish(&mut self, ending: &Ending) -> Result<u64> {
        let store = self.store.clone();
        store.write_here(|conn| self.finish_in(conn, ending))
    }

    /// The same in the caller's transaction, for what has to stand or fall with it: a look that was counted must not be
    /// gone on with.
    pub fn finish_in(&mut self, conn: &mut AnyConnection, ending: &Ending) -> Result<u64> {
        // Who does not know what there is cannot miss it.
        let is_look = matches!(self.door, Door::Cell(_)) && self.known.is_whole();
        let looked = is_look && (ending.complete || !ending.passed.is_empty());
        if !looked {
            return Ok(0);
        }
        let unseen = self.candidates(conn)?;
        let mut silence = Silence::read(conn, &self.door, &self.shown, self.terms.now)?;
        let mut changed = 0;
        for some in unseen.chunks(AT_ONCE) {
            let mut batch = self.conclude(conn, some, ending, &mut silence)?;
            batch.write(conn, self.terms.now)?;
            if !batch.changes.is_empty() {
                let body = json!({ "changed": batch.changed });
                let event = self.terms.event("findings.concluded", body);
                audit::append_batch(conn, event, &to_json(&batch.changes)?)?;
            }
            changed += batch.changed;
        }
        let unlooked = std::mem::take(&mut silence.unlooked);
        if ending.complete {
            for (cell, stands) in silence.note(conn, self.terms.run)? {
                let event = Event {
                    subject: cell,
                    ..self.terms.event("coverage.changed", stands)
                };
                audit::append(conn, &event)?;
            }
        }
        self.counts.changed += changed;
        self.unlooked = unlooked;
        Ok(changed)
    }

    /// How far the look really got: not all the way where a finding stays open only because nobody looks for it.
    pub fn qualify(&self, seen: Coverage) -> Coverage {
        if !seen.is_complete() || self.unlooked.is_empty() {
            return seen;
        }
        let why: Vec<&str> = self.unlooked.iter().map(String::as_str).collect();
        let reason = format!("{}: its findings stay as they were", why.join("; "));
        Coverage::Partial { reason }
    }

    /// Findings with reports that this look did not show, or showed put away, and that can still move.
    fn candidates(&self, conn: &mut AnyConnection) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        let movable = |row: &KnownReport| match row.signal.0 {
            Signal::Open | Signal::OpenSuppressedAtSource | Signal::OpenResolvedAtSource => {
                row.absent < ABSENCES && !self.known.was_seen(row)
            }
            Signal::Archived => row.absent < ABSENCES,
            Signal::Passed | Signal::NoConclusion | Signal::ArchivedByHand => false,
        };
        findings::findings_of_cell(conn, &self.terms.door, |row, finding| {
            if movable(&row) {
                found.push(finding);
            }
        })?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn conclude(
        &self,
        conn: &mut AnyConnection,
        ids: &[i64],
        ending: &Ending,
        silence: &mut Silence<'_>,
    ) -> Result<Batch> {
        let mut batch = Batch::default();
        let door = &self.terms.door;
        let mut reports = findings::reports_of(conn, ids)?;
        for row in &findings::by_ids(conn, ids)? {
            let Some(mut rows) = reports.remove(&row.id) else {
                continue;
            };
            // What was never open has nothing to be absent from.
            if !row.opened {
                continue;
            }
            let weight = if ending.complete {
                silence.weigh(row)
            } else {
                Weight::Nothing
            };
            for report in rows.iter_mut().filter(|r| r.cell == *door) {
                let weight = self.retired(report, row, weight, silence);
                if let Some(next) = self.concluded(report, &row.arn, ending, weight) {
                    batch.change_report(report.clone(), next.clone());
                    *report = next;
                }
            }
            batch.refold(row, &rows, self.terms.now)?;
        }
        Ok(batch)
    }

    /// A standard that was switched off, or replaced by consolidated findings, has ended none of its findings.
    fn retired(
        &self,
        report: &ReportRow,
        row: &FindingRow,
        weight: Weight,
        silence: &mut Silence<'_>,
    ) -> Weight {
        if report.signal.0 != Signal::Archived || weight != Weight::Counts {
            return weight;
        }
        match self.shown.put_away(row, &report.native_id) {
            PutAway::Ended => weight,
            PutAway::NotAtAll => Weight::Nothing,
            PutAway::Replaced if report.absent == 0 => Weight::NotLooked,
            PutAway::Replaced => weight,
            PutAway::Retired => {
                if row.status.0 != FindingStatus::Fixed {
                    let standard = standard_of(&report.native_id).unwrap_or_default();
                    let why = format!(
                        "account {}: all findings of the standard {standard} were archived at once (is it switched off?)",
                        row.account
                    );
                    silence.unlooked.insert(why);
                }
                Weight::Nothing
            }
        }
    }

    /// It left the hub when the hub had kept it as long as it keeps anything.
    fn has_expired(&self, report: &ReportRow) -> bool {
        let Door::Cell(cell) = &self.door else {
            return false;
        };
        let Some(keeps) = hub_keeps(&cell.service, report.signal.0) else {
            return false;
        };
        let old = |at: Stamp| self.terms.now - at.and_utc() >= keeps;
        report.absent <= 0 && report.updated_at.is_some_and(old)
    }

    /// `weight` is that of not having been seen.
    fn concluded(
        &self,
        report: &ReportRow,
        arn: &str,
        ending: &Ending,
        weight: Weight,
    ) -> Option<ReportRow> {
        let seen = self.known.was_seen(&KnownReport::of(report));
        let open = report.signal.0.is_open();
        if open
            && !seen
            && ending
                .passed
                .contains(&judgement_key(&report.native_id, arn))
        {
            return Some(ReportRow {
                signal: Col(Signal::Passed),
                updated_at: Some(stamp(self.terms.now)),
                // No document says so: whatever comes next differs from it.
                content_hash: 0,
                pack_id: None,
                pack_at: None,
                document: None,
                ..report.clone()
            });
        }
        let absent = open && !seen && !ending.present.contains(arn);
        let next = match weight {
            Weight::Counts if absent && self.has_expired(report) => EXPIRED,
            Weight::Counts if absent || report.signal.0 == Signal::Archived => {
                (report.absent + 1).min(ABSENCES)
            }
            Weight::NotLooked if absent || report.signal.0 == Signal::Archived => -REFILL,
            _ => report.absent,
        };
        (next != report.absent).then(|| ReportRow {
            absent: next,
            ..report.clone()
        })
    }
}

/// `policy:<id>:<arn>:` of a policy finding's native id `policy:<id>:<arn>:<evidence>`.
fn judgement_key(native_id: &str, arn: &str) -> String {
    let policy = native_id
        .strip_prefix("policy:")
        .and_then(|rest| rest.split(':').next())
        .unwrap_or_default();
    passed_key(policy, arn)
}

/// The entry of [`Ending::passed`] for a policy and an item.
pub fn passed_key(policy: &str, arn: &str) -> String {
    format!("policy:{policy}:{arn}:")
}
