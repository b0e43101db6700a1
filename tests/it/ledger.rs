//! The rules of the ledger: order of arrival, doing it twice, absence, dates, crashes. On both databases.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use poamd::domain::finding::FindingStatus::{self, Fixed, NotObserved, Open};
use poamd::domain::record::RecordStatus;
use poamd::intake::{Door, Ending, passed_key, take_items};
use poamd::store::findings::FindingRow;
use poamd::store::time::stamp;
use poamd::store::{Store, coverage, findings, items, records};
use poamd_contract::coverage::{Cell, Coverage, Flaws, Part, Vouched};
use poamd_contract::finding::{Channel, FindingReport, Identity, Signal};
use poamd_contract::item::SeenItem;
use poamd_contract::severity::Severity;
use poamd_contract::source::Page;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use serde_json::json;

use crate::support::databases::for_each_database;
use crate::support::findings::{
    ACCOUNT, assert_audited, cell, complete, files, hub, ledger, look, open, pages, partial, plan,
    record_statuses, report, status, take, untouched,
};

fn at(day: i64) -> DateTime<Utc> {
    "2026-10-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day)
}

/// Every fixture document through every door it could come through.
fn arrivals() -> Vec<(Door, FindingReport)> {
    let mut all = Vec::new();
    let mut through = |door: &Door, channel: Channel, folder: &str| {
        for file in files(folder) {
            for page in pages(channel, &file) {
                all.extend(page.reports.into_iter().map(|r| (door.clone(), r)));
            }
        }
    };
    for folder in ["asff", "guardduty", "inspector2"] {
        through(&Door::File, Channel::File, folder);
    }
    through(&hub(), Channel::Hub, "asff");
    through(&Door::Cell(cell("guardduty")), Channel::Pull, "guardduty");
    through(&Door::Cell(cell("inspector")), Channel::Pull, "inspector2");
    all
}

/// Takes them in this order, as runs of up to `run` documents.
fn take_all(store: &Store, arrivals: &[(Door, FindingReport)], run: usize, now: DateTime<Utc>) {
    for chunk in arrivals.chunks(run) {
        for same_door in chunk.chunk_by(|a, b| a.0 == b.0) {
            let reports = same_door.iter().map(|(_, r)| r.clone()).collect();
            take(store, same_door[0].0.clone(), reports, now);
        }
    }
}

fn canonical() -> &'static crate::support::findings::Ledger {
    static ONCE: std::sync::OnceLock<crate::support::findings::Ledger> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let url = poamd::store::DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
        let store = Store::open(url, 2).unwrap();
        take_all(&store, &arrivals(), 2_000, at(60));
        plan(&store, at(60));
        let ledger = ledger(&store);
        assert!(
            ledger.findings.len() > 20 && ledger.records.len() > 12,
            "{ledger:#?}"
        );
        ledger
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 30, ..Config::with_cases(10) })]

    #[test]
    fn ledger_does_not_hang_on_the_order_of_arrival(
        order in Just((0..arrivals().len()).collect::<Vec<_>>()).prop_shuffle(),
        run in 1usize..60,
    ) {
        let all = arrivals();
        let shuffled: Vec<_> = order.iter().map(|i| all[*i].clone()).collect();
        let outcome = std::sync::Mutex::new(Ok(()));
        for_each_database(|store| {
            take_all(store, &shuffled, run, at(60));
            plan(store, at(60));
            let there = ledger(store);
            if there != *canonical() {
                *outcome.lock().unwrap() = Err(TestCaseError::fail(difference(&there, canonical())));
            }
        });
        outcome.into_inner().unwrap()?;
    }
}

pub fn difference(
    a: &crate::support::findings::Ledger,
    b: &crate::support::findings::Ledger,
) -> String {
    let mut lines: Vec<String> = a
        .findings
        .iter()
        .filter(|(k, v)| b.findings.get(*k) != Some(v))
        .map(|(k, v)| format!("{v}\n  instead of {:?}", b.findings.get(k)))
        .collect();
    lines.extend(a.records.symmetric_difference(&b.records).cloned());
    lines.extend(a.items.symmetric_difference(&b.items).cloned());
    lines.join("\n")
}

#[test]
fn ledger_names_the_weakness_as_the_deciding_report_does() {
    let named = |native_id: &str, minute, weakness: &str| {
        let when = at(0) + chrono::TimeDelta::minutes(minute);
        let mut report = report("a", when, Signal::Open);
        report.native_id = native_id.to_owned();
        report.weakness.id = weakness.to_owned();
        report
    };
    let (older, newer) = (named("x", 1, "T on user"), named("y", 2, "T on key"));
    for order in [
        [older.clone(), newer.clone()],
        [newer.clone(), older.clone()],
    ] {
        for_each_database(|store| {
            for report in order.clone() {
                take(store, hub(), vec![report], at(1));
            }
            let row = store.read_here(findings::all).unwrap().remove(0);
            assert_eq!(row.weakness_id, "T on key");
            plan(store, at(2));
            let record = store.read_here(records::all).unwrap().remove(0);
            assert_eq!(record.weakness_id, "T on key");
            // Once it stands on a record, its name stays.
            take(store, hub(), vec![named("z", 3, "T on role")], at(3));
            let row = store.read_here(findings::all).unwrap().remove(0);
            assert_eq!(row.weakness_id, "T on key");
            assert_audited(store);
        });
    }
}

/// What an administrator's hub shows of another account.
fn of_member(bucket: &str, day: i64) -> FindingReport {
    let mut report = report(bucket, at(day), Signal::Open);
    report.account = MEMBER.parse().unwrap();
    if let Identity::Control { account, .. } = &mut report.identity {
        *account = report.account.clone();
    }
    report
}

const MEMBER: &str = "222233334444";

fn status_of(store: &Store, bucket: &str) -> FindingStatus {
    let rows = store.read_here(findings::all).unwrap();
    let row = rows.iter().find(|r| r.arn.ends_with(bucket)).unwrap();
    row.status.0
}

#[test]
fn ledger_takes_silence_about_a_whole_member_for_a_gap() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let own = |day| report("own", at(day), Signal::Open);
        let gaps = |day| {
            let gaps = store.read_here(|c| coverage::gaps(c, at(day))).unwrap();
            gaps.into_iter().map(|g| g.account).collect::<Vec<_>>()
        };
        look(
            store,
            &hub,
            vec![own(0), of_member("theirs", 0), of_member("more", 0)],
            &complete(),
            at(1),
        );
        // It left the administrator: two complete looks show nothing of it.
        for day in [2, 3] {
            look(store, &hub, vec![own(0)], &complete(), at(day));
        }
        assert_eq!(status_of(store, "theirs"), Open);
        assert_eq!(gaps(3), [MEMBER]);
        // It is back: what is not shown beside what is, is absent.
        for day in [4, 5] {
            let shown = vec![own(0), of_member("more", 0)];
            look(store, &hub, shown, &complete(), at(day));
        }
        assert_eq!(status_of(store, "theirs"), Fixed);
        assert_eq!(status_of(store, "more"), Open);
        assert!(gaps(5).is_empty());
        assert_audited(store);
    });
}

#[test]
fn ledger_takes_the_day_of_a_report_that_was_absent_and_says_the_same_again() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let other = || report("other", at(0), Signal::Open);
        let seen_on = |day| FindingReport {
            last_observed: Some(at(day)),
            ..report("back", at(0), Signal::Open)
        };
        look(store, &hub, vec![seen_on(1), other()], &complete(), at(1));
        for day in [2, 3] {
            look(store, &hub, vec![other()], &complete(), at(day));
        }
        assert_eq!(status_of(store, "back"), Fixed);
        look(store, &hub, vec![seen_on(5), other()], &complete(), at(5));
        assert_eq!(status_of(store, "back"), Open);
        let rows = store.read_here(findings::all).unwrap();
        let row = rows.iter().find(|row| row.arn.ends_with("back")).unwrap();
        assert_eq!(row.last_seen, stamp(at(5)));
    });
}

#[test]
fn ledger_takes_a_look_of_long_ago_through_a_members_own_door_for_none() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let own = |day| report("own", at(day), Signal::Open);
        let members = Cell {
            account: MEMBER.parse().unwrap(),
            ..hub.clone()
        };
        look(
            store,
            &hub,
            vec![own(0), of_member("theirs", 0)],
            &complete(),
            at(1),
        );
        store
            .write_here(|c| coverage::note(c, &members, &complete(), 1, at(1)))
            .unwrap();
        for day in [10, 11, 12] {
            look(store, &hub, vec![own(0)], &complete(), at(day));
        }
        assert_eq!(status_of(store, "theirs"), Open);
        // Looked at lately, its own door answers for it.
        for day in [13, 14] {
            store
                .write_here(|c| coverage::note(c, &members, &complete(), 1, at(day)))
                .unwrap();
            look(store, &hub, vec![own(0)], &complete(), at(day));
        }
        assert_eq!(status_of(store, "theirs"), Fixed);
        assert_audited(store);
    });
}

#[test]
fn ledger_gives_a_scan_that_was_off_time_to_find_again() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let first = vec![report("a", at(0), Signal::Open)];
        look(store, &hub, first, &complete(), at(1));
        let silent = |hours: i64, off: Option<&str>| {
            let now = at(1) + TimeDelta::hours(hours);
            let mut intake = open(store, Door::Cell(hub.clone()), now);
            let part = Part {
                account: ACCOUNT.parse().unwrap(),
                resources: "",
                flaws: Flaws::Any,
                off: off.map(str::to_owned),
            };
            let page = Page {
                vouched: Some(Vouched { parts: vec![part] }),
                ..Page::default()
            };
            intake.page(page).unwrap();
            let ending = Ending {
                complete: true,
                ..Ending::default()
            };
            intake.finish(&ending).unwrap();
            status(store)
        };
        for hour in 1..4 {
            assert_eq!(silent(hour, Some("the S3 scan is off")), Open);
        }
        for hour in 4..51 {
            assert_eq!(silent(hour, None), Open, "hour {hour}");
        }
        // Two days of looks later it counts as any other.
        let last: Vec<_> = (51..55).map(|hour| silent(hour, None)).collect();
        assert_eq!(last, [Open, NotObserved, Fixed, Fixed]);
        assert_audited(store);
    });
}

#[test]
fn ledger_takes_what_is_dated_ahead_as_said_now() {
    for_each_database(|store| {
        let passed_in_years = report("a", at(2_000), Signal::Passed);
        take(store, hub(), vec![passed_in_years], at(1));
        take(store, hub(), vec![report("a", at(2), Signal::Open)], at(3));
        assert_eq!(status(store), Open);
        assert_audited(store);
    });
}

#[test]
fn ledger_taken_twice_is_written_once() {
    for_each_database(|store| {
        let all = arrivals();
        take_all(store, &all, 2_000, at(60));
        plan(store, at(60));
        let before = untouched(store);
        for door in [
            Door::File,
            hub(),
            Door::Cell(cell("guardduty")),
            Door::Cell(cell("inspector")),
        ] {
            let mine: Vec<FindingReport> = all
                .iter()
                .filter(|(d, _)| *d == door)
                .map(|(_, r)| r.clone())
                .collect();
            let documents = mine.len() as u64;
            let counts = take(store, door, mine, at(61));
            assert!(documents > 0);
            assert_eq!(
                (
                    counts.documents,
                    counts.unchanged,
                    counts.new,
                    counts.changed
                ),
                (documents, documents, 0, 0)
            );
        }
        plan(store, at(61));
        assert_eq!(untouched(store), before);
        assert_audited(store);
    });
}

#[test]
fn ledger_closes_by_absence_only_after_two_complete_looks() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        look(
            store,
            &hub,
            vec![report("a", at(0), Signal::Open)],
            &complete(),
            at(1),
        );
        assert_eq!(
            (status(store), record_statuses(store)),
            (Open, vec![RecordStatus::Open])
        );
        for seen in [
            partial(),
            Coverage::Denied {
                reason: "no".into(),
            },
            Coverage::Off {
                reason: "no hub".into(),
            },
            Coverage::Failed {
                reason: "500".into(),
            },
        ] {
            for _ in 0..3 {
                look(store, &hub, vec![], &seen, at(2));
                assert_eq!(status(store), Open, "{seen:?}");
            }
        }
        look(store, &hub, vec![], &complete(), at(3));
        assert_eq!(
            (status(store), record_statuses(store)),
            (NotObserved, vec![RecordStatus::Open])
        );
        look(store, &hub, vec![], &partial(), at(4));
        assert_eq!(status(store), NotObserved);
        look(store, &hub, vec![], &complete(), at(5));
        assert_eq!(
            (status(store), record_statuses(store)),
            (Fixed, vec![RecordStatus::Closed])
        );
        assert_audited(store);
    });
}

#[test]
fn ledger_counts_absences_in_a_row_only() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let same = || vec![report("a", at(0), Signal::Open)];
        for _ in 0..3 {
            look(store, &hub, same(), &complete(), at(1));
            assert_eq!(status(store), Open);
            look(store, &hub, vec![], &complete(), at(2));
            assert_eq!(status(store), NotObserved);
        }
        assert_eq!(record_statuses(store), [RecordStatus::Open]);
    });
}

#[test]
fn ledger_sees_the_absence_of_one_twin_only() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let twin = |id: &str, day| FindingReport {
            native_id: format!("{id}/S3.8/a"),
            ..report("a", at(day), Signal::Open)
        };
        look(
            store,
            &hub,
            vec![twin("fsbp", 0), twin("nist", 0)],
            &complete(),
            at(1),
        );
        for day in 2..6 {
            // The page of one twin touches the stored row of the other: that is no sight of it.
            look(store, &hub, vec![twin("fsbp", day)], &complete(), at(day));
            assert_eq!(status(store), Open);
        }
        for day in 6..8 {
            look(store, &hub, vec![], &complete(), at(day));
        }
        assert_eq!(
            status(store),
            Fixed,
            "the other twin was absent long before"
        );
    });
}

#[test]
fn ledger_counts_archived_as_fixed_with_the_second_look() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let archived = || vec![report("a", at(2), Signal::Archived)];
        look(
            store,
            &hub,
            vec![report("a", at(0), Signal::Open)],
            &complete(),
            at(1),
        );
        look(store, &hub, archived(), &partial(), at(2));
        assert_eq!(status(store), NotObserved);
        look(store, &hub, archived(), &complete(), at(3));
        assert_eq!(status(store), NotObserved);
        look(store, &hub, archived(), &complete(), at(4));
        assert_eq!(
            (status(store), record_statuses(store)),
            (Fixed, vec![RecordStatus::Closed])
        );
        let before = untouched(store);
        look(store, &hub, archived(), &complete(), at(5));
        assert_eq!(untouched(store), before);
    });
}

#[test]
fn ledger_keeps_guardduty_open_whatever_is_not_seen() {
    for_each_database(|store| {
        let door = cell("guardduty");
        let arn = "arn:aws:guardduty:us-east-1:123456789012:detector/d/finding/f";
        let finding = |day, signal| FindingReport {
            source: "guardduty".into(),
            channel: Channel::Pull,
            native_id: arn.into(),
            identity: Identity::Native { arn: arn.into() },
            ..report("a", at(day), signal)
        };
        look(
            store,
            &door,
            vec![finding(0, Signal::Open)],
            &complete(),
            at(1),
        );
        for day in 2..5 {
            look(store, &door, vec![], &complete(), at(day));
        }
        assert_eq!(
            (status(store), record_statuses(store)),
            (NotObserved, vec![RecordStatus::Open])
        );
        for day in 5..9 {
            look(
                store,
                &door,
                vec![finding(5, Signal::ArchivedByHand)],
                &complete(),
                at(day),
            );
        }
        assert_eq!(
            (status(store), record_statuses(store)),
            (NotObserved, vec![RecordStatus::Open])
        );
    });
}

#[test]
fn ledger_takes_no_conclusion_for_none() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        look(
            store,
            &hub,
            vec![report("a", at(0), Signal::Open)],
            &complete(),
            at(1),
        );
        for day in 2..6 {
            look(
                store,
                &hub,
                vec![report("a", at(day), Signal::NoConclusion)],
                &complete(),
                at(day),
            );
            assert_eq!(
                (status(store), record_statuses(store)),
                (Open, vec![RecordStatus::Open])
            );
        }
        look(
            store,
            &hub,
            vec![report("a", at(6), Signal::Passed)],
            &complete(),
            at(6),
        );
        look(
            store,
            &hub,
            vec![report("a", at(7), Signal::NoConclusion)],
            &complete(),
            at(7),
        );
        assert_eq!(
            (status(store), record_statuses(store)),
            (Fixed, vec![RecordStatus::Closed])
        );
    });
}

#[test]
fn ledger_reopens_inside_the_window_and_starts_anew_after_it() {
    for_each_database(|store| {
        let hub = cell("securityhub");
        let seen = |day, signal| {
            look(
                store,
                &hub,
                vec![report("a", at(day), signal)],
                &complete(),
                at(day),
            );
        };
        seen(1, Signal::Open);
        let due = store.read_here(records::all).unwrap()[0].due;
        seen(2, Signal::Passed);
        assert_eq!(record_statuses(store), [RecordStatus::Closed]);
        seen(91, Signal::Open);
        assert_eq!(record_statuses(store), [RecordStatus::Open]);
        assert_eq!(store.read_here(records::all).unwrap()[0].due, due);
        seen(92, Signal::Passed);
        seen(192, Signal::Open);
        assert_eq!(
            record_statuses(store),
            [RecordStatus::Closed, RecordStatus::Open]
        );
        let rows = store.read_here(records::all).unwrap();
        assert_eq!(rows[1].previous, Some(rows[0].id));
        assert_audited(store);
    });
}

fn policy_finding(bucket: &str) -> FindingReport {
    let arn = format!("arn:aws:s3:::{bucket}");
    FindingReport {
        source: "policy".into(),
        channel: Channel::Scan,
        native_id: format!("policy:s3-plain:{arn}:bucket"),
        identity: Identity::Policy {
            account: ACCOUNT.parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            technology: "s3".into(),
            item: arn,
            policy: "s3-plain".into(),
            evidence: "bucket".into(),
        },
        score: Some(55),
        first_observed: None,
        updated: None,
        ..report(bucket, at(0), Signal::Open)
    }
}

/// A scan of one bucket: what was found on it, which policies judged it, and whether all was seen.
fn scan(store: &Store, found: Vec<FindingReport>, judged: &[&str], complete: bool, day: i64) {
    let mut intake = open(store, Door::Cell(cell("scan:s3")), at(day));
    let page = Page {
        reports: found,
        ..Page::default()
    };
    intake.page(page).unwrap();
    let arn = "arn:aws:s3:::a";
    let ending = Ending {
        complete,
        passed: judged.iter().map(|p| passed_key(p, arn)).collect(),
        present: HashSet::from([arn.to_owned()]),
    };
    intake.finish(&ending).unwrap();
    plan(store, at(day));
}

#[test]
fn ledger_passes_a_policy_finding_only_when_its_item_was_judged() {
    for_each_database(|store| {
        let found = || vec![policy_finding("a")];
        scan(store, found(), &["s3-plain"], true, 1);
        assert_eq!(
            (status(store), record_statuses(store)),
            (Open, vec![RecordStatus::Open])
        );
        for day in 2..6 {
            // The policy failed, or is gone: the item is there, nothing judged it.
            scan(store, vec![], &["another"], true, day);
            assert_eq!(status(store), Open);
        }
        // Judged in a listing that broke off: judged all the same.
        scan(store, vec![], &["s3-plain"], false, 6);
        assert_eq!(
            (status(store), record_statuses(store)),
            (Fixed, vec![RecordStatus::Closed])
        );
        scan(store, found(), &["s3-plain"], true, 7);
        assert_eq!(
            (status(store), record_statuses(store)),
            (Open, vec![RecordStatus::Open])
        );
        assert_eq!(store.read_here(findings::all).unwrap()[0].score, 55);
        let before = untouched(store);
        scan(store, found(), &["s3-plain"], true, 8);
        assert_eq!(untouched(store), before);
    });
}

#[test]
fn ledger_fixes_a_policy_finding_when_its_item_is_gone_twice() {
    for_each_database(|store| {
        let door = cell("scan:s3");
        look(store, &door, vec![policy_finding("a")], &complete(), at(1));
        look(store, &door, vec![], &partial(), at(2));
        assert_eq!(status(store), Open);
        look(store, &door, vec![], &complete(), at(3));
        assert_eq!(status(store), NotObserved);
        look(store, &door, vec![], &complete(), at(4));
        assert_eq!(
            (status(store), record_statuses(store)),
            (Fixed, vec![RecordStatus::Closed])
        );
    });
}

fn bucket(name: &str, config: serde_json::Value) -> SeenItem {
    let region = "us-east-1".parse().unwrap();
    SeenItem {
        account: ACCOUNT.parse().unwrap(),
        partition: poamd_contract::ids::Partition::of_region(&region),
        region,
        technology: "s3".into(),
        name: name.into(),
        arn: format!("arn:aws:s3:::{name}"),
        config,
        volatile: json!({}),
    }
}

#[test]
fn ledger_takes_an_item_that_is_listed_twice_once() {
    for_each_database(|store| {
        let twice = [
            bucket("a", json!({ "x": 1 })),
            bucket("a", json!({ "x": 1 })),
        ];
        let taken = store
            .write_here(|c| take_items(c, &cell("scan:s3"), "s3", &twice, true, at(1), "test"))
            .unwrap();
        assert_eq!((taken.seen, taken.new), (1, 1));
        assert_eq!(store.read_here(items::all).unwrap().len(), 1);
    });
}

#[test]
fn ledger_makes_an_item_inactive_when_it_is_gone_twice() {
    for_each_database(|store| {
        let list = |seen: &[SeenItem], complete, day| {
            store
                .write_here(|c| {
                    take_items(c, &cell("scan:s3"), "s3", seen, complete, at(day), "test")
                })
                .unwrap()
        };
        let row = || store.read_here(items::all).unwrap().remove(0);
        let same = [bucket("a", json!({ "x": 1 }))];
        assert_eq!(list(&same, true, 1).new, 1);
        let before = untouched(store);
        assert_eq!(list(&same, true, 2).seen, 1);
        assert_eq!(untouched(store), before);
        list(&[], false, 3);
        assert_eq!(untouched(store), before);
        list(&[], true, 4);
        assert!(row().active);
        list(&same, true, 5);
        list(&[], true, 6);
        assert!(row().active, "not twice in a row");
        assert_eq!(list(&[], true, 7).gone, 1);
        assert!(!row().active);
        let gone = untouched(store);
        list(&[], true, 8);
        assert_eq!(untouched(store), gone);
        list(&[bucket("a", json!({ "x": 2 }))], true, 9);
        assert!(row().active);
        let revisions = store
            .read_here(|c| items::revisions(c, ACCOUNT, &row().arn))
            .unwrap();
        assert_eq!(revisions.len(), 2);
        assert_audited(store);
    });
}

#[test]
fn ledger_plans_after_a_crash_what_was_taken_before_it() {
    for_each_database(|store| {
        take(store, hub(), vec![report("a", at(0), Signal::Open)], at(1));
        assert_eq!(record_statuses(store), []);
        let reborn = Store::open(store.url().clone(), 2).unwrap();
        plan(&reborn, at(2));
        assert_eq!(record_statuses(store), [RecordStatus::Open]);
        let before = untouched(store);
        plan(&reborn, at(3));
        assert_eq!(untouched(store), before);
    });
}

/// What one look shows of one bucket.
#[derive(Debug, Clone)]
struct Glimpse {
    signal: Option<Signal>,
    severity: Option<Severity>,
    observed: i64,
}

fn glimpse() -> impl Strategy<Value = Glimpse> {
    let signal = prop_oneof![
        4 => Just(Some(Signal::Open)),
        1 => Just(Some(Signal::OpenSuppressedAtSource)),
        1 => Just(Some(Signal::Passed)),
        1 => Just(Some(Signal::Archived)),
        1 => Just(Some(Signal::NoConclusion)),
        3 => Just(None),
    ];
    let severity = prop::option::of(prop::sample::select(Severity::ALL.to_vec()));
    (signal, severity, -200i64..20).prop_map(|(signal, severity, observed)| Glimpse {
        signal,
        severity,
        observed,
    })
}

fn history() -> impl Strategy<Value = Vec<(i64, bool, Vec<Glimpse>)>> {
    let step = (
        1i64..40,
        prop::bool::weighted(0.7),
        prop::collection::vec(glimpse(), 3),
    );
    prop::collection::vec(step, 1..12)
}

fn play(store: &Store, history: &[(i64, bool, Vec<Glimpse>)]) {
    let mut day = 0;
    for (days, whole, glimpses) in history {
        day += days;
        let reports: Vec<FindingReport> = glimpses
            .iter()
            .enumerate()
            .filter_map(|(i, g)| {
                Some(FindingReport {
                    severity: g.severity,
                    first_observed: Some(at(g.observed)),
                    ..report(&format!("b{i}"), at(day), g.signal?)
                })
            })
            .collect();
        let shown: HashSet<String> = reports.iter().map(|r| r.resources[0].id.clone()).collect();
        let before = store.read_here(findings::all).unwrap();
        let records_before = store.read_here(records::all).unwrap();
        let seen = if *whole { complete() } else { partial() };
        look(store, &cell("securityhub"), reports, &seen, at(day));
        let after = store.read_here(findings::all).unwrap();
        for old in &before {
            let new = after
                .iter()
                .find(|f| f.fingerprint == old.fingerprint)
                .unwrap();
            assert!(
                new.detected_at <= old.detected_at,
                "a detection date moved later"
            );
            if old.record_id.is_some() {
                assert_eq!(new.detected_at, old.detected_at, "a frozen date moved");
            }
            if !whole && !shown.contains(&old.arn) {
                assert_eq!(new, old, "a look that broke off concluded something");
            }
            if old.status.0 == Open && !shown.contains(&old.arn) {
                assert_ne!(new.status.0, Fixed, "one look fixed it");
            }
        }
        let records_after = store.read_here(records::all).unwrap();
        for old in &records_before {
            let new = records_after.iter().find(|r| r.id == old.id).unwrap();
            assert!(new.detected_at <= old.detected_at && new.due <= old.due);
        }
        for record in records_after
            .iter()
            .filter(|r| r.status.0 == RecordStatus::Closed)
        {
            let ours: Vec<_> = after
                .iter()
                .filter(|f| f.record_id == Some(record.id))
                .collect();
            // What AWS calls informational or has not rated opens no record, so it keeps none from being closed.
            let held = |f: &FindingRow| f.severity.is_none_or(|s| s.0 <= Severity::Informational);
            let just_closed = !records_before
                .iter()
                .any(|old| old.id == record.id && old.status == record.status);
            assert!(
                ours.iter()
                    .all(|f| f.status.0 == Fixed || (held(f) && !just_closed)),
                "closed over an open finding"
            );
        }
        for finding in after.iter().filter(|f| {
            f.status.0 == Open && f.severity.is_some_and(|s| s.0 > Severity::Informational)
        }) {
            let record = records_after
                .iter()
                .find(|r| Some(r.id) == finding.record_id);
            assert!(
                record.is_some_and(|r| r.status.0.is_live()),
                "an open finding without a live record"
            );
        }
        let again = untouched(store);
        plan(store, at(day));
        assert_eq!(untouched(store), again, "planning twice changed something");
    }
    assert_audited(store);
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(24) })]

    #[test]
    fn ledger_dates_never_move_later(history in history()) {
        for_each_database(|store| play(store, &history));
    }
}
