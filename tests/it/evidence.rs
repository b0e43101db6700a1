//! What AWS said on a day: documents as they came, kept once, found again by day, proven by their hashes.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use poamd::intake::{Door, feed};
use poamd::query::end_of;
use poamd::query::evidence::of_record;
use poamd::store::audit::sha256_hex;
use poamd::store::schema::{evidence_packs, report_versions};
use poamd::store::{AnyConnection, Store, evidence, records};
use poamd_contract::finding::{FindingReport, Signal};
use poamd_contract::source::Page;

use crate::support::databases::for_each_database;
use crate::support::findings::{hub, open, plan, report};

fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, number).unwrap()
}

fn noon(number: u32) -> DateTime<Utc> {
    day(number).and_hms_opt(12, 0, 0).unwrap().and_utc()
}

/// The words of a document, which differ by day.
fn words(bucket: &str, day: u32) -> String {
    format!(
        r#"{{"Id":"S3.8/{bucket}","UpdatedAt":"day {day}","Ü":"\u00e9 {}"}}"#,
        "x".repeat(500)
    )
}

fn said(bucket: &str, number: u32, signal: Signal) -> FindingReport {
    let mut one = report(bucket, noon(number), signal);
    one.raw = Some(words(bucket, number).into());
    one
}

/// One run that reads these, on a day.
fn read(store: &Store, number: u32, reports: Vec<FindingReport>) -> i64 {
    let mut intake = open(store, hub(), noon(number));
    let page = Page {
        reports,
        request: Some(format!("request-{number}")),
        ..Page::default()
    };
    intake.page(page).unwrap();
    let manifest = intake.manifest(noon(number));
    store.write_here(|c| evidence::note(c, &manifest)).unwrap();
    plan(store, noon(number));
    manifest.run_id
}

fn documents(store: &Store, number: u32) -> Vec<String> {
    let record = store.read_here(records::all).unwrap()[0].id;
    let (views, _) = store
        .read_here(|c| of_record(c, record, end_of(day(number))))
        .unwrap();
    for view in &views {
        assert_eq!(view.sha256, sha256_hex(view.document.as_bytes()));
    }
    views.into_iter().map(|view| view.document).collect()
}

fn story(store: &Store) {
    read(
        store,
        1,
        vec![said("a", 1, Signal::Open), said("b", 1, Signal::Open)],
    );
    // Nothing new of b.
    read(
        store,
        3,
        vec![said("a", 3, Signal::Open), said("b", 1, Signal::Open)],
    );
    read(
        store,
        5,
        vec![said("a", 5, Signal::Passed), said("b", 1, Signal::Open)],
    );
}

#[test]
fn what_was_said_on_a_day_is_told_later() {
    for_each_database(|store| {
        story(store);
        for (number, a) in [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5), (9, 5)] {
            let mut told = documents(store, number);
            told.sort();
            let mut wanted = vec![words("a", a), words("b", 1)];
            wanted.sort();
            assert_eq!(told, wanted, "on day {number}");
        }
        assert!(documents(store, 1).len() == 2);
        let record = store.read_here(records::all).unwrap()[0].id;
        let before = noon(1) - chrono::TimeDelta::days(1);
        let (none, _) = store.read_here(|c| of_record(c, record, before)).unwrap();
        assert_eq!(none, []);
    });
}

#[test]
fn what_says_nothing_new_is_not_kept_again() {
    for_each_database(|store| {
        story(store);
        let kept: i64 = store
            .read_here(|c| {
                let all: Vec<i64> = evidence_packs::table
                    .select(evidence_packs::documents)
                    .load(c)?;
                Ok(all.iter().sum())
            })
            .unwrap();
        assert_eq!(kept, 4);
        let versions: i64 = store
            .read_here(|c| Ok(report_versions::table.count().get_result(c)?))
            .unwrap();
        assert_eq!(versions, 2, "the first document of a report makes no row");
        let head = store.read_here(poamd::store::audit::head).unwrap();
        read(
            store,
            6,
            vec![said("a", 5, Signal::Passed), said("b", 1, Signal::Open)],
        );
        assert_eq!(store.read_here(poamd::store::audit::head).unwrap(), head);
    });
}

#[test]
fn a_manifest_says_what_a_run_read() {
    for_each_database(|store| {
        let run = read(
            store,
            1,
            vec![said("a", 1, Signal::Open), said("b", 1, Signal::Open)],
        );
        let again = read(
            store,
            2,
            vec![said("a", 1, Signal::Open), said("b", 1, Signal::Open)],
        );
        let first = store
            .read_here(|c| evidence::manifests(c, Some(run)))
            .unwrap();
        assert_eq!(first.len(), 1);
        let first = &first[0];
        let bytes = words("a", 1).len() + words("b", 1).len();
        assert_eq!(
            (first.pages, first.documents, first.kept, first.bytes),
            (1, 2, 2, i64::try_from(bytes).unwrap())
        );
        assert_eq!(first.first_request.as_deref(), Some("request-1"));
        assert_eq!(first.door, "123456789012/us-east-1/securityhub");
        let second = &store
            .read_here(|c| evidence::manifests(c, Some(again)))
            .unwrap()[0];
        assert_eq!((second.documents, second.kept), (2, 0));
        assert_eq!(second.sha256, first.sha256, "the same was read");
    });
}

#[test]
fn evidence_that_was_altered_shows() {
    for_each_database(|store| {
        story(store);
        let good = store.read_here(evidence::verify).unwrap();
        assert_eq!((good.packs, good.documents, good.broken), (3, 4, None));
        type Harm = fn(&mut AnyConnection) -> QueryResult<usize>;
        let other = evidence::pack(&[("{}", &[0; 32])]).unwrap();
        let forged = evidence::Packed {
            sha256: sha256_hex(&[0; 32]),
            ..other
        };
        store
            .write_here(|c| evidence::insert_pack(c, 99, &forged, 1, "file", noon(1), 1))
            .unwrap();
        let broken = store.read_here(evidence::verify).unwrap().broken;
        assert!(broken.is_some_and(|why| why.contains("pack 99")));
        let harms: [(Harm, &str); 3] = [
            (
                |c| diesel::delete(evidence_packs::table.find(99)).execute(c),
                "",
            ),
            (
                |c| {
                    diesel::update(evidence_packs::table.find(2))
                        .set(evidence_packs::sha256.eq("0".repeat(64)))
                        .execute(c)
                },
                "pack 2",
            ),
            (
                |c| diesel::delete(evidence_packs::table.find(2)).execute(c),
                "is missing",
            ),
        ];
        for (harm, words) in harms {
            store.write_here(|c| Ok(harm(c)?)).unwrap();
            let broken = store.read_here(evidence::verify).unwrap().broken;
            match broken {
                None => assert_eq!(words, ""),
                Some(why) => assert!(!words.is_empty() && why.contains(words), "{why}"),
            }
        }
    });
}

#[test]
fn many_pages_are_taken_in_order_while_others_are_read() {
    for_each_database(|store| {
        let pages = (1..=9).flat_map(|number| {
            let page = |n: u32| Page {
                reports: (0..30)
                    .map(|b| said(&format!("b{b}"), n, Signal::Open))
                    .collect(),
                ..Page::default()
            };
            [Ok(page(number))]
        });
        let mut intake = open(store, Door::File, noon(20));
        feed(&mut intake, pages, |_| {}).unwrap();
        let counts = intake.counts();
        assert_eq!((counts.documents, counts.new), (270, 30));
        plan(store, noon(20));
        let told = documents(store, 20);
        assert_eq!(told.len(), 30);
        assert!(told.contains(&words("b7", 9)), "the newest document stands");
        assert_eq!(store.read_here(evidence::verify).unwrap().broken, None);
    });
}

#[test]
fn a_large_look_is_kept_in_several_packs() {
    for_each_database(|store| {
        let reports = (0..40)
            .map(|b| {
                let mut one = said(&format!("b{b}"), 1, Signal::Open);
                one.raw =
                    Some(format!("{{\"n\":{b},\"text\":\"{}\"}}", "y".repeat(300_000)).into());
                one
            })
            .collect();
        read(store, 1, reports);
        let verdict = store.read_here(evidence::verify).unwrap();
        assert_eq!((verdict.packs, verdict.documents), (4, 40));
        assert_eq!(documents(store, 1).len(), 40);
    });
}
