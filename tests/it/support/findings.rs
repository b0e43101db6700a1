//! Finding reports through doors: the fixture documents, made-up ones, and what the ledger makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poamd::domain::finding::FindingStatus;
use poamd::domain::record::RecordStatus;
use poamd::intake::{Counts, Door, Ending, Intake, Synonyms};
use poamd::store::{Store, audit, coverage, findings, items, quarantine, records, runs};
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::finding::{
    Channel, FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use poamd_contract::ids::{Partition, Region};
use poamd_contract::severity::Severity;
use poamd_contract::source::Page;

pub const ACCOUNT: &str = "123456789012";

/// The folder of the AWS fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/aws")
}

/// Pages of a fixture, as they come through a channel.
pub fn pages(channel: Channel, file: &str) -> Vec<Page> {
    let bytes = std::fs::read(fixtures().join(file)).unwrap();
    poamd_formats::parse_documents(channel, file, &bytes).collect()
}

/// JSON files of a folder of the fixtures, sorted, without the answer key.
pub fn files(folder: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(fixtures().join(folder))
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|f| f.ends_with(".json") && f != "expected-dedupe.json")
        .map(|f| format!("{folder}/{f}"))
        .collect();
    names.sort();
    names
}

pub fn cell(service: &str) -> Cell {
    Cell {
        account: ACCOUNT.parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        service: service.to_owned(),
    }
}

pub fn hub() -> Door {
    Door::Cell(cell("securityhub"))
}

/// A run of its own through a door.
pub fn open(store: &Store, door: Door, now: DateTime<Utc>) -> Intake {
    open_with(store, door, now, Synonyms::new())
}

pub fn open_with(store: &Store, door: Door, now: DateTime<Utc>, names: Synonyms) -> Intake {
    let run = store.write_here(|c| runs::begin(c, "test", now)).unwrap();
    Intake::open(store.clone(), door, run, "test", now, Arc::new(names)).unwrap()
}

/// Takes reports as one page; concludes nothing.
pub fn take(store: &Store, door: Door, reports: Vec<FindingReport>, now: DateTime<Utc>) -> Counts {
    let mut intake = open(store, door, now);
    let page = Page {
        reports,
        ..Page::default()
    };
    intake.page(page).unwrap();
    intake.counts()
}

/// One whole look at a cell: its page, its end, its coverage, the planner.
pub fn look(
    store: &Store,
    cell: &Cell,
    reports: Vec<FindingReport>,
    seen: &Coverage,
    now: DateTime<Utc>,
) -> Counts {
    let mut intake = open(store, Door::Cell(cell.clone()), now);
    let page = Page {
        reports,
        ..Page::default()
    };
    intake.page(page).unwrap();
    let ending = Ending {
        complete: seen.is_complete(),
        ..Ending::default()
    };
    intake.finish(&ending).unwrap();
    store
        .write_here(|c| coverage::note(c, cell, seen, 1, now))
        .unwrap();
    plan(store, now);
    intake.counts()
}

pub fn plan(store: &Store, now: DateTime<Utc>) {
    poamd::poam::activate(store, &poamd::poam::Rules::default(), now, "test").unwrap();
}

/// A control finding of the hub on a bucket, open since the beginning of September.
pub fn report(bucket: &str, updated: DateTime<Utc>, signal: Signal) -> FindingReport {
    let resource = format!("arn:aws:s3:::{bucket}");
    let region: Region = "us-east-1".parse().unwrap();
    FindingReport {
        source: "securityhub".to_owned(),
        channel: Channel::Hub,
        native_id: format!("S3.8/{bucket}"),
        identity: Identity::Control {
            account: ACCOUNT.parse().unwrap(),
            region: region.clone(),
            control: "S3.8".to_owned(),
            resource: resource.clone(),
        },
        weakness: Weakness {
            id: "S3.8".to_owned(),
            kind: WeaknessKind::Control,
            equivalent: Vec::new(),
        },
        account: ACCOUNT.parse().unwrap(),
        partition: Partition::of_region(&region),
        region,
        title: "Buckets should block public access".to_owned(),
        description: String::new(),
        remediation: String::new(),
        severity: Some(Severity::Medium),
        score: None,
        resources: vec![ResourceRef {
            id: resource,
            kind: "AwsS3Bucket".to_owned(),
            technology: Some("s3".to_owned()),
            name: bucket.to_owned(),
            region: None,
        }],
        requirements: Vec::new(),
        first_observed: Some("2026-09-01T00:00:00Z".parse().unwrap()),
        last_observed: None,
        created: None,
        updated: Some(updated),
        signal,
        sample: false,
        marks: Vec::new(),
        detail: Box::default(),
        raw: None,
    }
}

pub fn complete() -> Coverage {
    Coverage::Complete
}

pub fn partial() -> Coverage {
    Coverage::Partial {
        reason: "cut off".to_owned(),
    }
}

/// Status of the only finding.
pub fn status(store: &Store) -> FindingStatus {
    let rows = store.read_here(findings::all).unwrap();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows[0].status.0
}

/// Statuses of all records, oldest first.
pub fn record_statuses(store: &Store) -> Vec<RecordStatus> {
    let rows = store.read_here(records::all).unwrap();
    rows.iter().map(|r| r.status.0).collect()
}

/// What must not hang on the order of arrival.
#[derive(Debug, PartialEq)]
pub struct Ledger {
    pub findings: BTreeMap<String, String>,
    pub records: BTreeSet<String>,
    pub items: BTreeSet<String>,
}

/// Native ids of each finding, by fingerprint.
pub fn native_ids(store: &Store) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let rows = store.read_here(findings::all).unwrap();
    let prints: BTreeMap<i64, String> = rows.into_iter().map(|f| (f.id, f.fingerprint)).collect();
    for report in store.read_here(findings::all_reports).unwrap() {
        ids.entry(prints[&report.finding_id].clone())
            .or_default()
            .insert(report.native_id);
    }
    ids
}

pub fn ledger(store: &Store) -> Ledger {
    let native = native_ids(store);
    let rows = store.read_here(findings::all).unwrap();
    let listed = store.read_here(records::all).unwrap();
    let key = |id: Option<i64>| {
        listed
            .iter()
            .find(|r| Some(r.id) == id)
            .map(|r| r.group_key.clone())
    };
    Ledger {
        findings: rows
            .iter()
            .map(|f| {
                let facts = format!(
                    "{} {} {} {} {:?} {} {:?} {} {} {} {} {} {} {:?} {} {} {:?}",
                    f.account,
                    f.region,
                    f.source,
                    f.weakness_id,
                    f.severity.map(|s| s.0),
                    f.status.0,
                    f.at_source,
                    f.score,
                    f.title,
                    f.sample,
                    f.arn,
                    f.resources,
                    f.marks,
                    f.detected_at.and_utc(),
                    f.last_seen.and_utc(),
                    f.remediation,
                    key(f.record_id),
                );
                let text = format!("{facts} {:?}", native.get(&f.fingerprint));
                (f.fingerprint.clone(), text)
            })
            .collect(),
        records: listed
            .iter()
            .map(|r| {
                format!(
                    "{} {} {} {:?} {:?} {} {} {} {} {:?} {}",
                    r.account,
                    r.group_key,
                    r.weakness_id,
                    r.severity.map(|s| s.0),
                    r.rating.map(|s| s.0),
                    r.score,
                    r.unjustified_score,
                    r.status.0,
                    r.detected_at.and_utc(),
                    r.due,
                    r.title,
                )
            })
            .collect(),
        items: store
            .read_here(items::all)
            .unwrap()
            .iter()
            .map(|i| format!("{} {}", i.account, i.arn))
            .collect(),
    }
}

/// Everything a run that saw nothing new may not touch: the rows themselves and how often anything was written.
pub fn untouched(store: &Store) -> String {
    store
        .read_here(|c| {
            Ok(format!(
                "{:?} {:?} {:?} {:?} {:?} {}",
                audit::head(c)?,
                findings::all(c)?,
                findings::all_reports(c)?,
                items::all(c)?,
                records::all(c)?,
                quarantine::all(c)?.len(),
            ))
        })
        .unwrap()
}

/// The audit chain holds.
pub fn assert_audited(store: &Store) {
    let verdict = store.read_here(audit::verify).unwrap();
    assert_eq!(verdict.broken, None);
}
