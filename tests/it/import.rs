//! Files through the door of files: which of their documents are one finding, in whatever order they come, and
//! what becomes of documents in bad form.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use poamd::domain::finding::FindingStatus;
use poamd::domain::record::RecordStatus;
use poamd::intake::{Counts, Door};
use poamd::store::findings::FindingRow;
use poamd::store::{Store, findings, quarantine, records};
use poamd_contract::finding::Channel;
use poamd_contract::severity::Severity;
use poamd_contract::source::Page;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use crate::support::databases::for_each_database;
use crate::support::findings::{
    assert_audited, files, fixtures, native_ids, open, pages, plan, untouched,
};

const OCSF: &str = "ocsf/get-findings-v2-inspector-vulnerability.json";

pub fn now() -> DateTime<Utc> {
    "2026-11-22T07:00:00Z".parse().unwrap()
}

/// Everything the answer key speaks of, in its order: ASFF first, then the native pulls, then OCSF.
fn all_files() -> Vec<String> {
    let mut all = files("asff");
    for folder in ["guardduty", "inspector2"] {
        all.extend(
            files(folder)
                .into_iter()
                .filter(|f| f.contains("/get-findings") || f.contains("/list-findings-"))
                .filter(|f| !f.contains("guardduty/list")),
        );
    }
    all.push(OCSF.to_owned());
    all
}

/// One import of these files, then the planner.
fn import(store: &Store, files: &[String]) -> Counts {
    let mut intake = open(store, Door::File, now());
    for file in files {
        for page in pages(Channel::File, file) {
            intake.page(page).unwrap();
        }
    }
    plan(store, now());
    intake.counts()
}

/// Every id that the raw JSON of a file gives a finding, read without poamd's own parser.
fn raw_ids(file: &str) -> Vec<String> {
    let text = std::fs::read(fixtures().join(file)).unwrap();
    let value: Value = serde_json::from_slice(&text).unwrap();
    let list = match &value {
        Value::Array(list) => list.clone(),
        Value::Object(map) => ["Findings", "findings"]
            .iter()
            .find_map(|k| map.get(*k)?.as_array().cloned())
            .unwrap_or_else(|| vec![value.clone()]),
        _ => Vec::new(),
    };
    let id = |v: &Value| {
        let keys: &[&str] = match file.split('/').next() {
            Some("asff") => &["Id"],
            _ => &["Arn", "arn", "findingArn", "FindingArn"],
        };
        let info = v.get("finding_info").and_then(|info| info.get("uid"));
        keys.iter()
            .find_map(|k| v.get(*k))
            .or(info)
            .and_then(|id| id.as_str().map(str::to_owned))
    };
    list.iter().filter_map(id).collect()
}

fn key() -> Value {
    let text = std::fs::read(fixtures().join("asff/expected-dedupe.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// The whole answer key against a ledger that has taken all the files.
pub fn assert_as_expected(store: &Store) {
    let rows: BTreeMap<String, FindingRow> = store
        .read_here(findings::all)
        .unwrap()
        .into_iter()
        .map(|f| (f.fingerprint.clone(), f))
        .collect();
    let native = native_ids(store);
    let with = |id: &str| -> Vec<&FindingRow> {
        let holders = native.iter().filter(|(_, ids)| ids.contains(id));
        holders.map(|(print, _)| &rows[print]).collect()
    };
    let expected: BTreeSet<String> = all_files().iter().flat_map(|f| raw_ids(f)).collect();
    let kept: BTreeSet<String> = native.values().flatten().cloned().collect();
    assert_eq!(kept, expected, "every native id is kept, none is made up");
    let mut folded = 0;
    for group in key()["same_finding_groups"].as_array().unwrap() {
        let mut ids = texts(&group["native_ids"]);
        ids.extend(group["native_id"].as_str().map(str::to_owned));
        let prints: BTreeSet<&str> = ids
            .iter()
            .flat_map(|id| with(id))
            .map(|f| f.fingerprint.as_str())
            .collect();
        assert_eq!(
            prints.len() as u64,
            group["findings"].as_u64().unwrap(),
            "{group:#}"
        );
        folded += ids.len() - prints.len();
        for file in texts(&group["seen_in"]) {
            assert!(
                raw_ids(&file).iter().any(|id| ids.contains(id)),
                "{file} was read"
            );
        }
        if let Some(wanted) = group["poam_items"].as_u64() {
            let of: BTreeSet<i64> = ids
                .iter()
                .flat_map(|id| with(id))
                .filter_map(|f| f.record_id)
                .collect();
            assert_eq!(of.len() as u64, wanted, "{group:#}");
        }
    }
    assert_eq!(
        rows.len(),
        expected.len() - folded,
        "nothing else is folded"
    );
    assert_states(store, &with);
    assert_audited(store);
}

fn assert_states<'a>(store: &Store, with: &dyn Fn(&str) -> Vec<&'a FindingRow>) {
    let listed = store.read_here(records::all).unwrap();
    let of_file =
        |file: &str| -> Vec<&FindingRow> { raw_ids(file).iter().flat_map(|id| with(id)).collect() };
    for row in of_file("asff/04-securityhub-rds.3-archived-not-available.json") {
        assert_eq!(
            (row.status.0, row.record_id),
            (FindingStatus::NotObserved, None)
        );
    }
    let samples = of_file("guardduty/get-findings-sample-marked.json");
    assert!(!samples.is_empty());
    for row in samples {
        assert!(row.sample && row.record_id.is_none(), "{row:?}");
    }
    for row in of_file("asff/03b-securityhub-ec2.19-passed-resolved.json") {
        let record = listed.iter().find(|r| Some(r.id) == row.record_id);
        assert_eq!(row.status.0, FindingStatus::Fixed);
        assert!(record.is_none_or(|r| r.status.0 == RecordStatus::Closed));
    }
    for row in of_file("asff/05-securityhub-iam.3-govcloud-suppressed-with-note.json") {
        assert_eq!(
            (row.status.0, row.at_source.as_deref()),
            (FindingStatus::Open, Some("suppressed-at-source"))
        );
        assert!(row.record_id.is_some());
    }
}

#[test]
fn import_folds_as_the_key_says_in_every_rotation() {
    let files = all_files();
    assert!(files.len() >= 25, "{files:?}");
    for_each_database(|store| {
        import(store, &files);
        assert_as_expected(store);
    });
    let folder = tempfile::tempdir().unwrap();
    for turn in 1..files.len() {
        let mut turned = files.clone();
        turned.rotate_left(turn);
        let url = poamd::store::DatabaseUrl::Sqlite(folder.path().join(format!("{turn}.db")));
        let store = Store::open(url, 2).unwrap();
        import(&store, &turned);
        assert_as_expected(&store);
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 20, ..Config::with_cases(8) })]

    /// One file an import, planned in between: what a person does who drags them in one by one.
    #[test]
    fn import_folds_as_the_key_says_one_by_one(files in Just(all_files()).prop_shuffle()) {
        for_each_database(|store| {
            for file in &files {
                import(store, std::slice::from_ref(file));
            }
            assert_as_expected(store);
        });
    }
}

#[test]
fn import_of_the_same_files_writes_nothing_more() {
    for_each_database(|store| {
        let first = import(store, &all_files());
        let before = untouched(store);
        let again = import(store, &all_files());
        assert_eq!(untouched(store), before);
        assert_eq!(
            (again.documents, again.unchanged, again.new, again.changed),
            (first.documents, first.documents, 0, 0)
        );
        assert_eq!(
            again.set_aside, first.set_aside,
            "they are counted each time and kept once"
        );
    });
}

/// A finding with some of its fields replaced.
fn document(id: &str, with: Value) -> Value {
    let mut document = json!({
        "SchemaVersion": "2018-10-08", "Id": format!("custom/{id}"), "AwsAccountId": "123456789012",
        "ProductArn": "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default",
        "GeneratorId": "gen", "Title": "A weakness", "Description": "Something is open.", "Region": "us-east-1",
        "CreatedAt": "2026-10-01T00:00:00Z", "UpdatedAt": "2026-11-01T00:00:00Z", "Severity": { "Label": "HIGH" },
        "Resources": [{ "Type": "AwsS3Bucket", "Id": format!("arn:aws:s3:::{id}") }],
        "RecordState": "ACTIVE", "Workflow": { "Status": "NEW" }
    });
    let map = document.as_object_mut().unwrap();
    for (key, value) in with.as_object().unwrap() {
        map.insert(key.clone(), value.clone());
    }
    document
}

fn take_bytes(store: &Store, bytes: &[u8]) -> Counts {
    let mut intake = open(store, Door::File, now());
    for page in poamd_formats::parse_documents(Channel::File, "bad.json", bytes) {
        let page: Page = page;
        intake.page(page).unwrap();
    }
    plan(store, now());
    intake.counts()
}

#[test]
fn import_takes_what_is_in_bad_form_and_marks_it() {
    let bad = [
        (
            "wrong-types",
            json!({ "Severity": 7, "Resources": "a bucket", "Title": ["x"], "UpdatedAt": 5, "Types": {} }),
        ),
        ("long-title", json!({ "Title": "T".repeat(10 << 20) })),
        (
            "nul",
            json!({ "Title": "a\u{0}b", "Description": "c\u{0}\u{1b}[31md" }),
        ),
        (
            "unknown-severity",
            json!({ "Severity": { "Label": "HUGE" } }),
        ),
        ("no-severity", json!({ "Severity": null })),
        (
            "missing",
            json!({ "Title": null, "Description": null, "CreatedAt": null, "UpdatedAt": null, "Resources": null }),
        ),
    ];
    let list: Vec<Value> = bad
        .iter()
        .map(|(id, with)| document(id, with.clone()))
        .collect();
    let bytes = serde_json::to_vec(&json!({ "Findings": list })).unwrap();
    for_each_database(|store| {
        let counts = take_bytes(store, &bytes);
        assert_eq!((counts.documents, counts.new, counts.set_aside), (6, 6, 0));
        let rows = store.read_here(findings::all).unwrap();
        let reports = store.read_here(findings::all_reports).unwrap();
        let of = |id: &str| {
            let report = reports.iter().find(|r| r.native_id.ends_with(id)).unwrap();
            rows.iter().find(|f| f.id == report.finding_id).unwrap()
        };
        for (id, _) in &bad {
            let row = of(id);
            assert_eq!(
                row.status.0,
                FindingStatus::Open,
                "{id}: an open weakness is not lost to bad form"
            );
            assert!(
                row.title.chars().count() <= 256
                    && !row.title.contains('\0')
                    && !row.description.contains('\0')
            );
        }
        for id in ["wrong-types", "unknown-severity", "no-severity"] {
            let rated = of(id).severity.map(|s| s.0);
            assert_eq!(rated, Some(Severity::Medium), "{id} makes a record");
        }
        for id in ["wrong-types", "long-title", "unknown-severity"] {
            assert_ne!(of(id).marks, "[]", "{id} is marked");
        }
        assert!(of("unknown-severity").marks.contains("HUGE"));
        let before = untouched(store);
        assert_eq!(take_bytes(store, &bytes).unchanged, 6);
        assert_eq!(untouched(store), before);
        assert_audited(store);
    });
}

#[test]
fn import_sets_aside_only_what_has_no_identity_or_is_no_json() {
    let whole = serde_json::to_string(&document("whole", json!({}))).unwrap();
    let nameless = serde_json::to_string(&document("x", json!({ "Id": null }))).unwrap();
    let cut = &whole.replace("custom/whole", "custom/cut")[..300];
    let bytes = format!("{{\"Findings\":[{whole},{nameless},{cut}");
    for_each_database(|store| {
        let counts = take_bytes(store, bytes.as_bytes());
        assert_eq!((counts.documents, counts.new), (1, 1));
        let aside = store.read_here(quarantine::all).unwrap();
        assert_eq!(aside.len() as u64, counts.set_aside);
        for reason in ["no id", "cut off"] {
            assert!(
                aside.iter().any(|a| a.reason.contains(reason)),
                "{reason}: {aside:?}"
            );
        }
        take_bytes(store, bytes.as_bytes());
        assert_eq!(
            store.read_here(quarantine::all).unwrap().len(),
            aside.len(),
            "kept once"
        );
        assert_eq!(take_bytes(store, b"<html>no</html>").documents, 0);
    });
}

/// Times of no calendar people live by: they are left out, and nothing that reckons with days stumbles over the others.
#[test]
fn times_at_the_end_of_the_calendar_stop_nothing() {
    for_each_database(|store| {
        let text = std::fs::read_to_string(
            fixtures().join("asff/01-securityhub-s3.8-consolidated-failed.json"),
        )
        .unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let times = [
            "+262142-12-31T23:59:59Z",
            "+262142-12-31T23:59:59.999+0000",
            "-262143-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
        ];
        let made: Vec<Value> = times
            .iter()
            .enumerate()
            .map(|(at, time)| {
                let mut one = document["Findings"][0].clone();
                for name in [
                    "CreatedAt",
                    "UpdatedAt",
                    "FirstObservedAt",
                    "LastObservedAt",
                ] {
                    one[name] = json!(time);
                }
                one["Id"] = json!(format!("{}-{at}", one["Id"].as_str().unwrap()));
                one["Resources"][0]["Id"] = json!(format!("arn:aws:s3:::at-the-end-{at}"));
                one
            })
            .collect();
        let bytes = json!({ "Findings": made }).to_string();
        let mut intake = open(store, Door::File, now());
        for page in poamd_formats::parse_documents(Channel::File, "ends.json", bytes.as_bytes()) {
            intake.page(page).unwrap();
        }
        assert_eq!(intake.counts().new, times.len() as u64);
        plan(store, now());
        let known = store.read_here(findings::all).unwrap();
        for finding in &known {
            assert!(
                finding.detected_at.and_utc() <= now(),
                "{}",
                finding.detected_at.and_utc()
            );
            assert!(finding.detected_at.and_utc().timestamp() >= 0);
        }
        let opened = store.read_here(records::all).unwrap();
        assert!(!opened.is_empty() && opened.iter().all(|r| r.due.is_some()));
        assert_audited(store);
    });
}
