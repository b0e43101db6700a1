//! One finding while a page is worked through: what is stored of it, what arrived, and what becomes of it.

use std::collections::{BTreeMap, HashMap};

use poamd_contract::detail::Detail;
use poamd_contract::finding::FindingReport;

use super::merge;
use super::prepared::Arrived;
use super::terms::Terms;
use crate::domain::finding::Folded;
use crate::domain::supplement::with_supplement;
use crate::store::columns::stamp;
use crate::store::findings::{self, FindingRow, ReportRow};
use crate::store::{AnyConnection, Result, details};

pub(super) struct Draft<'a> {
    print: &'a str,
    pub arrived: &'a [&'a Arrived],
    /// Without its texts as long as nothing needs them.
    pub stored: Option<FindingRow>,
    /// What is stored, then what is new.
    pub reports: Vec<ReportRow>,
    /// How many of them are stored.
    pub kept: usize,
    /// What was, of those stored that changed.
    pub was: BTreeMap<usize, ReportRow>,
    folded: Option<Folded>,
    /// The report that decided so far, and what it said.
    decided: Option<(i64, i64)>,
    /// What its source told of it beside its listing.
    supplement: Option<Detail>,
}

/// What is stored of the findings of an account that something arrived about.
pub(super) fn drafts<'a>(
    conn: &mut AnyConnection,
    account: &str,
    prints: &'a [(&'a str, Vec<&'a Arrived>)],
) -> Result<Vec<Draft<'a>>> {
    let keys: Vec<&str> = prints.iter().map(|(print, _)| *print).collect();
    let mut stored = findings::outlines(conn, account, &keys)?;
    let known: Vec<&str> = stored.keys().map(String::as_str).collect();
    let ids: Vec<i64> = stored.values().map(|row| row.id).collect();
    let mut reports = findings::reports_of(conn, &ids)?;
    let mut supplements = details::of_findings(conn, account, &known)?;
    let draft = |(print, arrived): &'a (&'a str, Vec<&'a Arrived>)| {
        let stored = stored.remove(*print);
        let id = stored.as_ref().map(|row| row.id);
        let reports = id.and_then(|id| reports.remove(&id)).unwrap_or_default();
        Draft {
            print,
            arrived,
            stored,
            kept: reports.len(),
            was: BTreeMap::new(),
            reports,
            folded: None,
            decided: None,
            supplement: supplements.remove(*print),
        }
    };
    Ok(prints.iter().map(draft).collect())
}

/// Reads the texts of those that change, or whose texts may.
pub(super) fn complete(
    conn: &mut AnyConnection,
    drafts: &mut [Draft<'_>],
    terms: &Terms,
) -> Result<()> {
    let mut ids = Vec::new();
    for draft in &*drafts {
        if let Some(row) = &draft.stored
            && (draft.text().is_some() || draft.next(terms)?.as_ref() != Some(row))
        {
            ids.push(row.id);
        }
    }
    let whole = findings::by_ids(conn, &ids)?;
    let mut whole: HashMap<i64, FindingRow> = whole.into_iter().map(|r| (r.id, r)).collect();
    for row in drafts.iter_mut().filter_map(|draft| draft.stored.as_mut()) {
        if let Some(found) = whole.remove(&row.id) {
            *row = found;
        }
    }
    Ok(())
}

impl Draft<'_> {
    /// Takes what arrived; `heard` is told of each report whether it changes anything.
    pub fn hear_all(&mut self, cell: &str, mut heard: impl FnMut(&Self, &FindingReport, bool)) {
        self.folded = merge::fold_rows(&self.reports);
        self.decided = self
            .deciding()
            .map(|row| (row.report_key, row.content_hash));
        for one in self.arrived {
            let news = self.hear(one, cell);
            heard(self, &one.report, news);
        }
        self.folded = merge::fold_rows(&self.reports);
    }

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

    /// The report that decides text and times.
    pub fn deciding(&self) -> Option<&ReportRow> {
        self.reports.get(self.folded.as_ref()?.winner)
    }

    /// The same as it arrived, if it did and did not decide before: then its text is stored.
    fn text(&self) -> Option<&FindingReport> {
        let row = self.deciding()?;
        let hash = row.content_hash;
        if self.decided == Some((row.report_key, hash)) {
            return None;
        }
        let one = self.arrived.iter().find(|one| one.content_hash == hash)?;
        Some(&one.report)
    }

    /// The finding as it is after this; `None` if nothing can be made of it.
    pub fn next(&self, terms: &Terms) -> Result<Option<FindingRow>> {
        let Some(folded) = &self.folded else {
            return Ok(None);
        };
        let text = self.text();
        let whole = self.supplement.as_ref().zip(text);
        let whole = whole.map(|(more, report)| supplemented(report, more));
        let text = whole.as_ref().or(text);
        // What decides of a finding that is not stored has arrived.
        let first = match self.stored {
            Some(_) => None,
            None => text.map(|t| merge::first_row(t, self.print, &terms.synonyms, terms.now)),
        };
        let Some(base) = self.stored.as_ref().or(first.as_ref()) else {
            return Ok(None);
        };
        let mut next = merge::apply(base, folded, text, terms.now)?;
        // The earliest date any report gives, as long as no record has frozen it.
        if base.record_id.is_none() {
            let dates = self.arrived.iter();
            let dates = dates.map(|one| stamp(merge::detection(&one.report, terms.now)));
            next.detected_at = dates.fold(next.detected_at, Ord::min);
            next.first_seen = next.detected_at;
            if let Some(report) = text {
                merge::take_weakness(&mut next, report, &terms.synonyms);
            }
        }
        Ok(Some(next))
    }
}

/// The report with what its source told beside its listing. Its hash stays that of the listing.
fn supplemented(report: &FindingReport, more: &Detail) -> FindingReport {
    FindingReport {
        detail: Box::new(with_supplement(&report.detail, more)),
        ..report.clone()
    }
}
