//! The difference a page makes: worked out in memory against what is stored, then written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use poamd_contract::arn::Arn;
use poamd_contract::detail::Detail;
use poamd_contract::finding::{FindingReport, ResourceRef};
use serde::Serialize;

use super::bite::Part;
use super::merge;
use super::prepared::Arrived;
use super::terms::Terms;
use crate::domain::finding::FindingStatus;
use crate::domain::signals;
use crate::domain::supplement::with_supplement;
use crate::store::details;
use crate::store::findings::{self, FindingRow, ReportRow};
use crate::store::items::{self, ItemRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Result};

/// One line of the change list.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Change {
    pub finding: String,
    pub account: String,
    pub native_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<FindingStatus>,
    pub to: FindingStatus,
}

#[derive(Debug, Default)]
pub(super) struct Batch {
    new_findings: Vec<FindingRow>,
    /// The reports of each of them.
    their_reports: Vec<Vec<ReportRow>>,
    /// What was, and what is.
    changed_findings: Vec<(FindingRow, FindingRow)>,
    new_reports: Vec<ReportRow>,
    /// What was, and what is.
    changed_reports: Vec<(ReportRow, ReportRow)>,
    items: BTreeMap<(String, String), ItemRow>,
    /// Weaknesses whose record may have to change.
    pub touched: BTreeSet<(String, String)>,
    /// Account and ARN of what is, or no longer is, said to be reachable: every weakness there counts with that.
    pub reached: BTreeSet<(String, String)>,
    pub changes: Vec<Change>,
    pub new: u64,
    pub changed: u64,
    /// Documents that were older than what is stored, or concluded nothing: seen, nothing to write.
    pub stale: u64,
}

/// All that is at hand of one finding while a page is worked through.
struct Draft {
    stored: Option<FindingRow>,
    /// What is stored, then what is new.
    reports: Vec<ReportRow>,
    /// How many of them are stored.
    kept: usize,
    /// What was, of those stored that changed.
    was: BTreeMap<usize, ReportRow>,
    /// What its source told of it beside its listing.
    supplement: Option<Detail>,
}

impl Draft {
    /// Takes what a report says; false if it is older than what is stored, or concludes nothing.
    fn hear(&mut self, one: &Arrived, cell: &str) -> bool {
        let finding = self.stored.as_ref().map(|row| row.id);
        let arrived = merge::report_row(one, finding, cell);
        let same = |r: &ReportRow| r.native_id == arrived.native_id && r.cell == arrived.cell;
        let Some(at) = self.reports.iter().position(same) else {
            self.reports.push(arrived);
            return true;
        };
        let there = &mut self.reports[at];
        let Some(newer) = merge::newer_version(there, &arrived) else {
            return false;
        };
        let was = std::mem::replace(there, newer);
        if at < self.kept {
            // Of several versions in one page, what stood before the first.
            self.was.entry(at).or_insert(was);
        }
        true
    }
}

impl Batch {
    /// Compares a part with the ledger; writes nothing.
    pub fn work_out(conn: &mut AnyConnection, terms: &Terms, part: &Part<'_>) -> Result<Self> {
        let mut batch = Self::default();
        for (account, prints) in part {
            let keys: Vec<&str> = prints.iter().map(|(print, _)| *print).collect();
            let mut stored = findings::by_fingerprints(conn, account, &keys)?;
            let known: Vec<&str> = stored.keys().map(String::as_str).collect();
            let ids: Vec<i64> = stored.values().map(|row| row.id).collect();
            let mut reports = findings::reports_of(conn, &ids)?;
            let mut supplements = details::of_findings(conn, account, &known)?;
            for (print, arrived) in prints {
                let stored = stored.remove(*print);
                let id = stored.as_ref().map(|row| row.id);
                let reports = id.and_then(|id| reports.remove(&id)).unwrap_or_default();
                let draft = Draft {
                    stored,
                    kept: reports.len(),
                    was: BTreeMap::new(),
                    reports,
                    supplement: supplements.remove(*print),
                };
                batch.take(print, draft, arrived, terms)?;
            }
        }
        batch.forget_known_items(conn)?;
        Ok(batch)
    }

    fn take(
        &mut self,
        print: &str,
        mut draft: Draft,
        arrived: &[&Arrived],
        terms: &Terms,
    ) -> Result<()> {
        for one in arrived {
            if draft.hear(one, &terms.door) {
                let known = draft.stored.as_ref().map(|row| row.arn.as_str());
                self.add_items(&one.report, known, terms.now);
            } else {
                self.stale += 1;
            }
        }
        let Some(folded) = merge::fold_rows(&draft.reports) else {
            return Ok(());
        };
        let deciding = &draft.reports[folded.winner];
        let text = arrived
            .iter()
            .find(|one| one.content_hash == deciding.content_hash)
            .map(|one| &*one.report);
        let whole = draft
            .supplement
            .as_ref()
            .zip(text)
            .map(|(more, report)| supplemented(report, more));
        let text = whole.as_ref().or(text);
        // What decides of a finding that is not stored has arrived.
        let first = match draft.stored {
            Some(_) => None,
            None => text.map(|t| merge::first_row(t, print, &terms.synonyms, terms.now)),
        };
        let Some(base) = draft.stored.as_ref().or(first.as_ref()) else {
            return Ok(());
        };
        // The earliest date any report gives, as long as no record has frozen it.
        let mut next = merge::apply(base, &folded, text, terms.now)?;
        if base.record_id.is_none() {
            let earliest = arrived
                .iter()
                .map(|one| stamp(merge::detection(&one.report, terms.now)))
                .min();
            next.detected_at = earliest.map_or(next.detected_at, |t| t.min(next.detected_at));
            next.first_seen = next.detected_at;
            if let Some(report) = text {
                merge::take_weakness(&mut next, report, &terms.synonyms);
            }
        }
        let is_new = draft.stored.is_none();
        if draft.stored.as_ref() != Some(&next) {
            self.add_change(draft.stored.take(), next, &deciding.native_id);
        }
        self.add_reports(draft, is_new);
        Ok(())
    }

    /// Takes a finding whose reports changed without a new document (absence).
    pub fn refold(
        &mut self,
        stored: &FindingRow,
        reports: &[ReportRow],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Some(folded) = merge::fold_rows(reports) else {
            return Ok(());
        };
        let next = merge::apply(stored, &folded, None, now)?;
        if next != *stored {
            let deciding = &reports[folded.winner];
            self.add_change(Some(stored.clone()), next, &deciding.native_id);
        }
        Ok(())
    }

    /// Takes a finding of which its source told more.
    pub fn add_detail(&mut self, was: &FindingRow, next: FindingRow, native_id: &str) {
        self.add_change(Some(was.clone()), next, native_id);
    }

    pub fn change_report(&mut self, was: ReportRow, row: ReportRow) {
        self.changed_reports.push((was, row));
    }

    fn add_change(&mut self, stored: Option<FindingRow>, next: FindingRow, native_id: &str) {
        let opens = next.status.0 == FindingStatus::Open;
        let planned_by = |r: &FindingRow| (r.status, r.severity, r.score, r.sample);
        let matters = stored.as_ref().is_some_and(|s| {
            (planned_by(s) != planned_by(&next)
                || s.weakness_id != next.weakness_id
                // CISA's dates and reachability stand there: the clocks go by them.
                || s.detail != next.detail)
                && (opens || s.record_id.is_some())
        });
        if matters || (stored.is_none() && opens) {
            self.touched
                .insert((next.account.clone(), next.weakness_id.clone()));
        }
        let reaches = |r: &FindingRow| {
            r.status.0 == FindingStatus::Open && signals::says_reachable(&r.detail)
        };
        if stored.as_ref().is_some_and(reaches) != reaches(&next) {
            let key = (next.account.clone(), next.arn.clone());
            self.reached.insert(key);
        }
        self.changes.push(Change {
            finding: next.fingerprint.clone(),
            account: next.account.clone(),
            native_id: native_id.to_owned(),
            from: stored.as_ref().map(|s| s.status.0),
            to: next.status.0,
        });
        if let Some(was) = stored {
            self.changed += 1;
            self.changed_findings.push((was, next));
        } else {
            self.new += 1;
            self.new_findings.push(next);
        }
    }

    fn add_reports(&mut self, mut draft: Draft, of_new: bool) {
        if of_new {
            self.their_reports.push(draft.reports);
            return;
        }
        for (at, row) in draft.reports.into_iter().enumerate() {
            match draft.was.remove(&at) {
                Some(was) if was != row => self.changed_reports.push((was, row)),
                None if at >= draft.kept => self.new_reports.push(row),
                _ => {}
            }
        }
    }

    /// Every resource a finding names is an item, if only by name so far; the one it is known to be on is one already.
    fn add_items(&mut self, report: &FindingReport, known: Option<&str>, now: DateTime<Utc>) {
        let others = |resource: &&ResourceRef| known != Some(resource.id.as_str());
        for resource in report.resources.iter().filter(others) {
            let key = (report.account.to_string(), resource.id.clone());
            self.items
                .entry(key)
                .or_insert_with(|| item_row(report, resource, now));
        }
    }

    fn forget_known_items(&mut self, conn: &mut AnyConnection) -> Result<()> {
        let mut by_account: HashMap<&str, Vec<&str>> = HashMap::new();
        for (account, arn) in self.items.keys() {
            by_account.entry(account).or_default().push(arn);
        }
        let mut known = Vec::new();
        for (account, arns) in by_account {
            known.extend(
                items::known(conn, account, &arns)?
                    .into_iter()
                    .map(|arn| (account.to_owned(), arn)),
            );
        }
        for key in known {
            self.items.remove(&key);
        }
        Ok(())
    }

    /// What it wrote of reports, all of them through the door of the run.
    pub fn written_reports(&self) -> impl Iterator<Item = &ReportRow> {
        let changed = self.changed_reports.iter().map(|(_, row)| row);
        self.new_reports.iter().chain(changed)
    }

    pub fn write(&mut self, conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
        self.write_rows(conn, now)?;
        findings::enqueue(conn, &self.reached, &self.touched)
    }

    /// The items that its findings name, but those that are written already.
    pub fn take_items(&mut self, written: impl Fn(&(String, String)) -> bool) -> Vec<ItemRow> {
        std::mem::take(&mut self.items)
            .into_iter()
            .filter(|(key, _)| !written(key))
            .map(|(_, item)| item)
            .collect()
    }

    /// Findings and their reports.
    pub fn write_rows(&mut self, conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
        findings::insert_all(conn, &mut self.new_findings)?;
        for (finding, reports) in self.new_findings.iter().zip(&mut self.their_reports) {
            reports.iter_mut().for_each(|r| r.finding_id = finding.id);
        }
        self.new_reports
            .extend(self.their_reports.drain(..).flatten());
        for (was, row) in &self.changed_findings {
            findings::replace(conn, was, row)?;
        }
        findings::insert_reports(conn, &self.new_reports)?;
        for (was, row) in &self.changed_reports {
            findings::replace_report(conn, was, row, now)?;
        }
        Ok(())
    }
}

/// The report with what its source told beside its listing. Its hash stays that of the listing.
fn supplemented(report: &FindingReport, more: &Detail) -> FindingReport {
    FindingReport {
        detail: Box::new(with_supplement(&report.detail, more)),
        ..report.clone()
    }
}

fn item_row(report: &FindingReport, resource: &ResourceRef, now: DateTime<Utc>) -> ItemRow {
    let technology = resource
        .technology
        .clone()
        .unwrap_or_else(|| resource.kind.to_lowercase());
    let region = resource.region.as_ref().unwrap_or(&report.region);
    let global = resource.id.parse::<Arn>().is_ok_and(|a| a.is_global());
    ItemRow {
        account: report.account.to_string(),
        arn: resource.id.clone(),
        region: if global {
            "global".to_owned()
        } else {
            region.to_string()
        },
        technology: if technology.is_empty() {
            "unknown".to_owned()
        } else {
            technology
        },
        name: resource.name.clone(),
        active: true,
        revision: 0,
        config_hash: String::new(),
        absent: 0,
        first_seen: stamp(now),
        last_modified: stamp(now),
    }
}
