//! One report against what is stored of it, and the stored finding against the fold. Pure.

use chrono::{DateTime, Utc};
use poamd_contract::finding::{Channel, FindingReport, Signal};

use super::Synonyms;
use crate::domain::finding::{FindingStatus, Folded, Said, fold};
use crate::domain::score::finding_score;
use crate::store::columns::{Col, stamp};
use crate::store::findings::{FindingRow, ReportRow, report_key};
use crate::store::{Result, to_json};

/// A report as its row.
pub fn report_row(
    report: &FindingReport,
    fingerprint: &str,
    cell: &str,
    content_hash: i64,
) -> ReportRow {
    // A pass or an archive is no rating (INFORMATIONAL there only says "passed").
    let severity = report.severity.filter(|_| report.signal.is_open());
    let updated_at = report.updated.map(stamp);
    ReportRow {
        account: report.account.to_string(),
        fingerprint: fingerprint.to_owned(),
        report_key: report_key(&report.native_id, cell),
        native_id: report.native_id.clone(),
        cell: cell.to_owned(),
        channel: Col(report.channel),
        source: report.source.clone(),
        signal: Col(report.signal),
        updated_at,
        severity: severity.map(Col),
        rated_at: severity.and(updated_at),
        content_hash,
        absent: 0,
    }
}

/// What of two versions of one native id through one door stays: the newest conclusion, with the newest rating.
/// `None` if the stored one stays as it is. The outcome does not hang on which of them came first.
pub fn newer_version(stored: &ReportRow, arrived: &ReportRow) -> Option<ReportRow> {
    let age = |r: &ReportRow| (r.updated_at, r.content_hash);
    // Our own scan has no time of its own: what it says now is the newest.
    let later = arrived.channel.0 == Channel::Scan || age(arrived) >= age(stored);
    let concludes = |r: &ReportRow| r.signal.0 != Signal::NoConclusion;
    let newer = match (concludes(stored), concludes(arrived)) {
        // "No conclusion" takes nothing back, however new it is.
        (true, false) => false,
        (false, true) => true,
        _ => later,
    };
    let mut kept = if newer { arrived } else { stored }.clone();
    let rating = |r: &ReportRow| (r.severity.is_some(), r.rated_at, r.severity);
    let scanned = arrived.channel.0 == Channel::Scan && arrived.severity.is_some();
    let rated = if scanned || rating(arrived) >= rating(stored) {
        arrived
    } else {
        stored
    };
    (kept.severity, kept.rated_at) = (rated.severity, rated.rated_at);
    // Shown again, in whatever version: it is not absent. What is put away goes on counting its looks.
    kept.absent = match (kept.signal.0, stored.signal.0) {
        (Signal::Archived, Signal::Archived) => stored.absent,
        _ => 0,
    };
    (kept != *stored).then_some(kept)
}

/// Folds the reports of a finding.
pub fn fold_rows(reports: &[ReportRow]) -> Option<Folded> {
    let said: Vec<Said> = reports
        .iter()
        .map(|r| Said {
            signal: r.signal.0,
            updated: r.updated_at.map(|t| t.and_utc()),
            channel: r.channel.0,
            severity: r.severity.map(|s| s.0),
            rated: r.rated_at.map(|t| t.and_utc()),
            content_hash: r.content_hash,
            absent: r.absent,
            keeps_open: r.source == "guardduty",
        })
        .collect();
    fold(&said)
}

/// A finding seen for the first time, with the text of one of its reports.
pub fn first_row(
    report: &FindingReport,
    fingerprint: &str,
    synonyms: &Synonyms,
    now: DateTime<Utc>,
) -> Result<FindingRow> {
    let detected = detection(report, now);
    let mut row = FindingRow {
        account: report.account.to_string(),
        fingerprint: fingerprint.to_owned(),
        region: report.region.to_string(),
        source: report.source.clone(),
        weakness_id: weakness_id(report, synonyms),
        weakness_kind: Col(report.weakness.kind),
        title: String::new(),
        description: String::new(),
        remediation: String::new(),
        severity: report.severity.map(Col),
        score: 0,
        status: Col(FindingStatus::NotObserved),
        at_source: None,
        marks: String::new(),
        sample: report.sample,
        opened: false,
        justified: false,
        requirements: String::new(),
        arn: String::new(),
        resources: String::new(),
        record_id: None,
        detected_at: stamp(detected),
        first_seen: stamp(detected),
        last_seen: stamp(last_seen(report, now)),
        closed_at: None,
    };
    take_text(&mut row, report)?;
    Ok(row)
}

/// When the weakness was detected: what the source says, never in the future.
pub fn detection(report: &FindingReport, now: DateTime<Utc>) -> DateTime<Utc> {
    report
        .first_observed
        .or(report.created)
        .map_or(now, |t| t.min(now))
}

fn last_seen(report: &FindingReport, now: DateTime<Utc>) -> DateTime<Utc> {
    report
        .last_observed
        .or(report.updated)
        .map_or(now, |t| t.min(now))
}

fn weakness_id(report: &FindingReport, synonyms: &Synonyms) -> String {
    synonyms
        .get(&report.weakness.id)
        .unwrap_or(&report.weakness.id)
        .clone()
}

/// Text and resources of the deciding report.
fn take_text(row: &mut FindingRow, report: &FindingReport) -> Result<()> {
    row.source.clone_from(&report.source);
    row.title.clone_from(&report.title);
    row.description.clone_from(&report.description);
    row.remediation.clone_from(&report.remediation);
    row.sample = report.sample;
    row.marks = to_json(&report.marks)?;
    row.requirements = to_json(&report.requirements)?;
    row.arn = report
        .resources
        .first()
        .map_or_else(|| report.native_id.clone(), |r| r.id.clone());
    row.resources = to_json(&report.resources)?;
    Ok(())
}

/// The finding as it is after the fold. `text` is the deciding report if it is at hand, else text stays.
pub fn apply(
    row: &FindingRow,
    folded: &Folded,
    text: Option<&FindingReport>,
    now: DateTime<Utc>,
) -> Result<FindingRow> {
    let mut next = row.clone();
    if let Some(report) = text {
        take_text(&mut next, report)?;
        next.last_seen = stamp(last_seen(report, now)).max(row.first_seen);
        if row.record_id.is_none() {
            // Once it stands on a record its date is frozen.
            next.detected_at = row.detected_at.min(stamp(detection(report, now)));
            next.first_seen = next.detected_at;
        }
    }
    next.severity = match (folded.severity, text) {
        (Some(rated), _) => Some(Col(rated)),
        (None, Some(report)) => report.severity.map(Col),
        (None, None) => row.severity,
    };
    if text.is_some() || next.severity != row.severity {
        next.score = finding_score(text.and_then(|t| t.score), next.severity.map(|s| s.0));
    }
    next.status = Col(folded.status);
    next.at_source = folded.at_source.map(str::to_owned);
    next.opened = row.opened || next.status.0 == FindingStatus::Open || folded.shown_open;
    next.closed_at = match next.status.0 {
        FindingStatus::Fixed => row.closed_at.or_else(|| Some(stamp(now))),
        FindingStatus::Open | FindingStatus::NotObserved => None,
    };
    Ok(next)
}
