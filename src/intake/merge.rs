//! One report against what is stored of it, and the stored finding against the fold. Pure.

use chrono::{DateTime, Utc};
use poamd_contract::finding::{Channel, FindingReport, Signal};
use poamd_contract::severity::Severity;

use super::Synonyms;
use super::prepared::Arrived;
use crate::domain::finding::{EXPIRED, FindingStatus, Folded, Said, fold};
use crate::domain::score::finding_score;
use crate::store::columns::Col;
use crate::store::findings::{FindingRow, ReportRow};
use crate::store::time::{Stamp, stamp};
use crate::store::{Result, to_json};

/// A report as its row; the finding may have to be written first.
pub fn report_row(arrived: &Arrived, finding: Option<i64>, cell: &str) -> ReportRow {
    let report = &arrived.report;
    // A pass or an archive is no rating (INFORMATIONAL there only says "passed").
    let severity = report.severity.filter(|_| report.signal.is_open());
    let updated_at = report.updated.map(stamp);
    ReportRow {
        finding_id: finding.unwrap_or_default(),
        account: report.account.to_string(),
        report_key: arrived.report_key,
        native_id: report.native_id.clone(),
        cell: cell.to_owned(),
        channel: Col(report.channel),
        source: report.source.clone(),
        signal: Col(report.signal),
        updated_at,
        severity: severity.map(Col),
        rated_at: severity.and(updated_at),
        stated: None,
        stated_at: None,
        content_hash: arrived.content_hash,
        absent: 0,
        pack_id: arrived.place.map(|(pack, _)| pack),
        pack_at: arrived.place.map(|(_, at)| at),
        region: report.region.to_string(),
        document: arrived.document.map(Vec::from),
    }
}

/// What of two versions of one native id through one door stays: the newest conclusion, with the newest rating.
/// `None` if the stored one stays as it is. The outcome does not hang on which of them came first.
pub fn newer_version(stored: &ReportRow, arrived: &ReportRow) -> Option<ReportRow> {
    let age = |r: &ReportRow| (r.updated_at, r.signal.0.is_open(), r.content_hash);
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
    (kept.stated_at, kept.stated) = match kept.signal.0.states() {
        true => (None, None),
        false => [stored, arrived]
            .into_iter()
            .map(last_statement)
            .max_by_key(|(at, signal)| (*at, signal.is_some_and(|s| s.0.is_open())))
            .unwrap_or_default(),
    };
    // Shown again, in whatever version: it is not absent. What is put away goes on counting the looks without it.
    kept.absent = match kept.signal.0 {
        Signal::Archived if stored.signal.0 == Signal::Archived => stored.absent,
        // One look that missed it and one that shows it put away are not two of the same.
        Signal::Archived if stored.absent != EXPIRED => stored.absent.min(0),
        _ => 0,
    };
    // The same words in another document: the first one stands for them.
    if kept.content_hash == stored.content_hash && stored.pack_id.is_some() {
        (kept.pack_id, kept.pack_at) = (stored.pack_id, stored.pack_at);
        kept.document.clone_from(&stored.document);
    }
    (kept != *stored).then_some(kept)
}

/// The newest word of a report on whether the weakness is there. At one time, "there" outweighs "passed".
fn last_statement(row: &ReportRow) -> (Option<Stamp>, Option<Col<Signal>>) {
    if row.signal.0.states() {
        (row.updated_at, Some(row.signal))
    } else {
        (row.stated_at, row.stated)
    }
}

/// Folds the reports of a finding.
pub fn fold_rows(reports: &[ReportRow]) -> Option<Folded> {
    let said: Vec<Said> = reports
        .iter()
        .map(|r| Said {
            twin: reports
                .iter()
                .position(|other| other.native_id == r.native_id)
                .unwrap_or_default(),
            signal: r.signal.0,
            updated: r.updated_at.map(|t| t.and_utc()),
            channel: r.channel.0,
            severity: r.severity.map(|s| s.0),
            rated: r.rated_at.map(|t| t.and_utc()),
            stated: r
                .stated_at
                .zip(r.stated)
                .map(|(at, signal)| (at.and_utc(), signal.0)),
            content_hash: r.content_hash,
            absent: r.absent,
            keeps_open: r.source == "guardduty",
        })
        .collect();
    fold(&said)
}

/// A finding seen for the first time, without its text, which [`apply`] takes.
pub fn first_row(
    report: &FindingReport,
    fingerprint: &str,
    synonyms: &Synonyms,
    now: DateTime<Utc>,
) -> FindingRow {
    let detected = detection(report, now);
    FindingRow {
        id: 0,
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
        detail: String::new(),
        record_id: None,
        detected_at: stamp(detected),
        first_seen: stamp(detected),
        last_seen: stamp(last_seen(report, now)),
        closed_at: None,
        changed_at: stamp(now),
        taken_at: stamp(now),
        joined_at: None,
    }
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

/// What is wrong, and where, as the deciding report names it: two channels may name it differently.
pub fn take_weakness(row: &mut FindingRow, report: &FindingReport, synonyms: &Synonyms) {
    row.region = report.region.to_string();
    row.weakness_id = weakness_id(report, synonyms);
    row.weakness_kind = Col(report.weakness.kind);
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
    row.detail = if report.detail.is_empty() {
        String::new()
    } else {
        to_json(&report.detail)?
    };
    Ok(())
}

/// The rating of an open weakness whose own rating is missing or no word we know: without one it would make no
/// record and be lost to bad form. What AWS itself has not rated yet (UNTRIAGED) is held instead (`poam.md` 3.2).
fn unreadable(report: &FindingReport) -> Option<Severity> {
    let bad = |mark: &String| mark.starts_with("severity-");
    (report.signal.is_open() && report.marks.iter().any(bad)).then_some(Severity::Medium)
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
        (None, Some(report)) => report.severity.or_else(|| unreadable(report)).map(Col),
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
    if next != *row {
        next.changed_at = stamp(now);
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(signal: Signal, minute: i64) -> ReportRow {
        let at = DateTime::from_timestamp(minute * 60, 0).map(stamp);
        ReportRow {
            account: "111122223333".to_owned(),
            finding_id: 1,
            report_key: 1,
            native_id: "n".to_owned(),
            cell: "c".to_owned(),
            channel: Col(Channel::Hub),
            source: "securityhub".to_owned(),
            signal: Col(signal),
            updated_at: at,
            severity: signal.is_open().then_some(Col(Severity::High)),
            rated_at: at.filter(|_| signal.is_open()),
            stated: None,
            stated_at: None,
            content_hash: minute,
            absent: 0,
            pack_id: None,
            pack_at: None,
            region: "us-east-1".to_owned(),
            document: None,
        }
    }

    fn after(versions: &[ReportRow]) -> ReportRow {
        let first = versions[0].clone();
        versions[1..].iter().fold(first, |stored, arrived| {
            newer_version(&stored, arrived).unwrap_or(stored)
        })
    }

    #[test]
    fn what_is_put_away_remembers_what_it_said_before() {
        let row = after(&[
            version(Signal::Open, 1),
            version(Signal::Passed, 2),
            version(Signal::Archived, 3),
        ]);
        assert_eq!(row.signal.0, Signal::Archived);
        assert_eq!(row.stated, Some(Col(Signal::Passed)));
        let again = after(&[row, version(Signal::Open, 4)]);
        assert_eq!((again.signal.0, again.stated), (Signal::Open, None));
    }

    proptest! {
        #[test]
        fn versions_meet_in_any_order(
            signals in prop::collection::vec(0usize..Signal::ALL.len(), 1..7),
            order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let versions: Vec<ReportRow> =
                (0i64..).zip(&signals).map(|(minute, i)| version(Signal::ALL[*i], minute)).collect();
            let shuffled: Vec<ReportRow> = order
                .iter()
                .filter_map(|i| versions.get(*i).cloned())
                .collect();
            prop_assert_eq!(after(&versions), after(&shuffled));
        }
    }
}
