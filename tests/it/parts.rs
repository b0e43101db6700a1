//! What arrives at once is worked out in parts, some beside the writing of others: the ledger is that of small pages, and
//! the same every time.

use chrono::{DateTime, TimeDelta, Utc};
use poamd::store::{DatabaseUrl, Store, audit, findings, items, records};
use poamd_contract::finding::{FindingReport, Identity, Signal};
use poamd_contract::source::Page;

use crate::support::databases::for_each_database;
use crate::support::findings::{assert_audited, hub, open, plan, report};

/// More than two parts of an account.
const FINDINGS: usize = 2_300;

fn at(hour: i64) -> DateTime<Utc> {
    "2026-11-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hour)
}

/// One of many findings: of one account or another, about a bucket of its own and one that hundreds are about.
fn one(n: usize, hour: i64, signal: Signal) -> FindingReport {
    let mut report = report(&format!("bucket-{n:04}"), at(hour), signal);
    let mut shared = report.resources[0].clone();
    shared.name = format!("shared-{}", n % 7);
    shared.id = format!("arn:aws:s3:::{}", shared.name);
    report.resources.push(shared);
    report.raw = Some(format!("bucket {n} at {hour}: {signal:?}").into());
    if n.is_multiple_of(3) {
        report.account = "210987654321".parse().unwrap();
        if let Identity::Control { account, .. } = &mut report.identity {
            account.clone_from(&report.account);
        }
    }
    report
}

/// First all are open, some of them said twice; then some pass, some are older than what is known, some come anew, some of
/// those that passed are open again, and some of all these are said once more, also what the ledger held before.
fn rounds() -> [Vec<FindingReport>; 2] {
    let first = (0..FINDINGS).chain((0..FINDINGS).step_by(10));
    let second = |n| match n % 4 {
        0 => one(n, 5, Signal::Passed),
        1 => one(n, 1, Signal::Passed),
        _ => one(n, 6, Signal::Open),
    };
    let again = (0..700).step_by(8).map(|n| one(n, 6, Signal::Open));
    [
        first.map(|n| one(n, 2, Signal::Open)).collect(),
        (0..FINDINGS + 300)
            .map(second)
            .chain(again)
            .chain((0..700).map(second))
            .chain((0..700).step_by(9).map(|n| one(n, 2, Signal::Open)))
            .collect(),
    ]
}

/// Everything after each round, but where documents lie; `most` reports a page, so many pages a transaction.
fn play(store: &Store, most: usize, together: usize) -> Vec<String> {
    let hours = [3, 7];
    let told = rounds().into_iter().zip(hours).map(|(reports, hour)| {
        let mut intake = open(store, hub(), at(hour));
        let preparer = intake.preparer();
        let pages: Vec<Vec<FindingReport>> = reports.chunks(most).map(<[_]>::to_vec).collect();
        for pages in pages.chunks(together) {
            let mut pages = pages.iter().map(|reports| {
                preparer.prepare(Page {
                    reports: reports.clone(),
                    ..Page::default()
                })
            });
            let first = pages.next().unwrap();
            intake.take_all(first, || pages.next()).unwrap();
        }
        plan(store, at(hour));
        let counts = intake.counts();
        let mut reports = store.read_here(findings::all_reports).unwrap();
        for report in &mut reports {
            (report.pack_id, report.pack_at) = (None, None);
            report.finding_id = 0;
        }
        let rest = store.read_here(|c| {
            // Which of a page comes first is no matter.
            let mut rows = findings::all(c)?;
            rows.iter_mut().for_each(|row| row.id = 0);
            Ok(format!(
                "{:?}\n{:?}\n{:?}",
                rows,
                items::all(c)?,
                records::all(c)?
            ))
        });
        format!("{counts:?}\n{reports:?}\n{}", rest.unwrap())
    });
    let told = told.collect();
    assert_audited(store);
    told
}

fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
    let store = Store::open(url, 2).unwrap();
    (folder, store)
}

#[test]
fn parts_make_the_ledger_that_small_pages_make() {
    let (_kept, paged) = fresh();
    let by_pages = play(&paged, 90, 1);
    for_each_database(|store| {
        let at_once = play(store, 1_100, 3);
        for (round, (pages, parts)) in by_pages.iter().zip(&at_once).enumerate() {
            let lines = pages.lines().zip(parts.lines());
            for (line, (pages, parts)) in lines.enumerate() {
                // Not `assert_eq!`: it would print megabytes.
                let at = pages.bytes().zip(parts.bytes()).position(|(a, b)| a != b);
                let near = |text: &str| {
                    let from = at.unwrap_or_default().saturating_sub(150);
                    text.chars().skip(from).take(300).collect::<String>()
                };
                assert!(
                    pages == parts,
                    "round {round}, line {line}: {} against {}",
                    near(pages),
                    near(parts)
                );
            }
            assert_eq!(pages.lines().count(), parts.lines().count());
        }
    });
}

#[test]
fn parts_are_written_in_the_same_order_every_time() {
    // How many pages share a transaction hangs on how fast they come: nothing else may.
    let heads = [3, 3, 2, 1].map(|together| {
        let (_kept, store) = fresh();
        play(&store, 1_100, together);
        format!("{:?}", store.read_here(audit::head).unwrap())
    });
    assert!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
}
