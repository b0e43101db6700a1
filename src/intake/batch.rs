//! The difference a page makes: worked out in memory against what is stored, then written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use poamd_contract::arn::Arn;
use poamd_contract::detail::Detail;
use poamd_contract::finding::{FindingReport, ResourceRef};
use serde::Serialize;

use super::Intake;
use super::merge;
use super::prepared::Arrived;
use crate::domain::finding::FindingStatus;
use crate::domain::signals;
use crate::domain::supplement::with_supplement;
use crate::store::columns::stamp;
use crate::store::details;
use crate::store::findings::{self, FindingRow, ReportRow};
use crate::store::items::{self, ItemRow};
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
    /// What was, and what is.
    changed_findings: Vec<(FindingRow, FindingRow)>,
    new_reports: Vec<ReportRow>,
    /// What was, and what is.
    changed_reports: Vec<(ReportRow, ReportRow)>,
    items: BTreeMap<(String, String), ItemRow>,
    /// Weaknesses whose record may have to change.
    touched: BTreeSet<(String, String)>,
    /// Account and ARN of what is, or no longer is, said to be reachable: every weakness there counts with that.
    reached: BTreeSet<(String, String)>,
    pub changes: Vec<Change>,
    pub new: u64,
    pub changed: u64,
    /// Documents that were older than what is stored, or concluded nothing: seen, nothing to write.
    pub stale: u64,
}

/// Findings of one account, by fingerprint, each with its reports.
type OfAccount<'a> = Vec<(&'a str, Vec<&'a Arrived>)>;
/// Some of what arrived: whole findings, by account.
pub(super) type Part<'a> = Vec<(&'a str, OfAccount<'a>)>;

/// Findings of one part.
const PART: usize = 1_000;

/// What arrived in parts that share no finding, in order of account and fingerprint.
pub(super) fn parts(fresh: &[Arrived]) -> Vec<Part<'_>> {
    let mut findings: BTreeMap<(&str, &str), Vec<&Arrived>> = BTreeMap::new();
    for arrived in fresh {
        let key = (arrived.report.account.as_str(), &*arrived.fingerprint);
        findings.entry(key).or_default().push(arrived);
    }
    let mut parts: Vec<Part<'_>> = Vec::new();
    for (at, ((account, print), arrived)) in findings.into_iter().enumerate() {
        if at % PART == 0 {
            parts.push(Part::new());
        }
        let Some(part) = parts.last_mut() else {
            continue;
        };
        match part.last_mut().filter(|(of, _)| *of == account) {
            Some((_, prints)) => prints.push((print, arrived)),
            None => part.push((account, vec![(print, arrived)])),
        }
    }
    parts
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
        let arrived = merge::report_row(one, cell);
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
    pub fn work_out(conn: &mut AnyConnection, intake: &Intake, part: &Part<'_>) -> Result<Self> {
        let mut batch = Self::default();
        for (account, prints) in part {
            let keys: Vec<&str> = prints.iter().map(|(print, _)| *print).collect();
            let mut stored = findings::by_fingerprints(conn, account, &keys)?;
            let known: Vec<&str> = stored.keys().map(String::as_str).collect();
            let mut reports = findings::reports_of(conn, account, &known)?;
            let mut supplements = details::of_findings(conn, account, &known)?;
            for (print, arrived) in prints {
                let reports = reports.remove(*print).unwrap_or_default();
                let draft = Draft {
                    stored: stored.remove(*print),
                    kept: reports.len(),
                    was: BTreeMap::new(),
                    reports,
                    supplement: supplements.remove(*print),
                };
                batch.take(print, draft, arrived, intake)?;
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
        intake: &Intake,
    ) -> Result<()> {
        for one in arrived {
            if draft.hear(one, &intake.door_name) {
                self.add_items(&one.report, intake.now);
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
            None => text.map(|t| merge::first_row(t, print, &intake.synonyms, intake.now)),
        };
        let Some(base) = draft.stored.as_ref().or(first.as_ref()) else {
            return Ok(());
        };
        // The earliest date any report gives, as long as no record has frozen it.
        let mut next = merge::apply(base, &folded, text, intake.now)?;
        if base.record_id.is_none() {
            let earliest = arrived
                .iter()
                .map(|one| stamp(merge::detection(&one.report, intake.now)))
                .min();
            next.detected_at = earliest.map_or(next.detected_at, |t| t.min(next.detected_at));
            next.first_seen = next.detected_at;
            if let Some(report) = text {
                merge::take_weakness(&mut next, report, &intake.synonyms);
            }
        }
        if draft.stored.as_ref() != Some(&next) {
            self.add_change(draft.stored.take(), next, &deciding.native_id);
        }
        self.add_reports(draft);
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

    fn add_reports(&mut self, mut draft: Draft) {
        for (at, row) in draft.reports.into_iter().enumerate() {
            match draft.was.remove(&at) {
                Some(was) if was != row => self.changed_reports.push((was, row)),
                None if at >= draft.kept => self.new_reports.push(row),
                _ => {}
            }
        }
    }

    /// Every resource a finding names is an item, if only by name so far.
    fn add_items(&mut self, report: &FindingReport, now: DateTime<Utc>) {
        for resource in &report.resources {
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
                items::by_arns(conn, account, &arns)?
                    .into_keys()
                    .map(|arn| (account.to_owned(), arn)),
            );
        }
        for key in known {
            self.items.remove(&key);
        }
        Ok(())
    }

    /// What it writes of reports, all of them through the door of the run: known from now on.
    pub fn written_reports(&self) -> impl Iterator<Item = &ReportRow> {
        let changed = self.changed_reports.iter().map(|(_, row)| row);
        self.new_reports.iter().chain(changed)
    }

    pub fn write(&self, conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
        self.write_rows(conn, now)?;
        self.write_queue(conn)
    }

    /// Findings, their reports and their items.
    pub fn write_rows(&self, conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
        let items: Vec<ItemRow> = self.items.values().cloned().collect();
        items::insert_all(conn, &items)?;
        findings::insert_all(conn, &self.new_findings)?;
        for (was, row) in &self.changed_findings {
            findings::replace(conn, was, row)?;
        }
        findings::insert_reports(conn, &self.new_reports)?;
        for (was, row) in &self.changed_reports {
            findings::replace_report(conn, was, row, now)?;
        }
        Ok(())
    }

    /// What has to be planned anew because of them.
    pub fn write_queue(&self, conn: &mut AnyConnection) -> Result<()> {
        for (account, arn) in &self.reached {
            findings::enqueue_resources(conn, account, &[arn])?;
        }
        findings::enqueue_planning(
            conn,
            self.touched.iter().map(|(a, w)| (a.as_str(), w.as_str())),
        )
    }

    /// Forgets the items that another part has already.
    pub fn forget_items_of(&mut self, other: &Self) {
        self.items.retain(|key, _| !other.items.contains_key(key));
    }

    /// Takes over a part that shares no finding with it.
    pub fn append(&mut self, mut part: Self) {
        self.new_findings.append(&mut part.new_findings);
        self.changed_findings.append(&mut part.changed_findings);
        self.new_reports.append(&mut part.new_reports);
        self.changed_reports.append(&mut part.changed_reports);
        self.items.append(&mut part.items);
        self.touched.append(&mut part.touched);
        self.reached.append(&mut part.reached);
        self.changes.append(&mut part.changes);
        self.new += part.new;
        self.changed += part.changed;
        self.stale += part.stale;
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
