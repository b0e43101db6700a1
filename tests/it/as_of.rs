//! The ledger as it was: what a snapshot showed at the end of a day is shown again when that day is asked for later.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use poamd::domain::account::Account;
use poamd::domain::record::RecordStatus;
use poamd::exchange::dataset::{self, Dataset, Moment, System};
use poamd::query::filter::Filter;
use poamd::query::{Snapshot, end_of, finding, poam};
use poamd::store::columns::Col;
use poamd::store::justifications::NewJustification;
use poamd::store::overrides::{self, NewOverride};
use poamd::store::time::stamp;
use poamd::store::{
    AnyConnection, Result, Store, accounts, findings, items, justifications, records, settings,
    tickets,
};
use poamd_contract::account::AccountAccess;
use poamd_contract::desk::{Marker, TicketState};
use poamd_contract::detail::{Detail, Flaw};
use poamd_contract::finding::Signal;
use poamd_contract::ids::Partition;
use poamd_contract::severity::Severity;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::support::databases::for_each_database;
use crate::support::findings::{ACCOUNT, hub, plan, report, take};

/// Something that happens on a day.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A bucket is reported with a signal and a severity.
    Report(usize, usize, usize),
    /// The newest live record is justified for two and a half days.
    Justify,
    /// The newest record gets a ticket, or its ticket moves.
    Ticket,
    /// A person begins with the newest live record.
    Begin,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0..4usize, 0..3usize, 0..3usize).prop_map(|(b, s, r)| Act::Report(b, s, r)),
        2 => Just(Act::Justify),
        2 => Just(Act::Ticket),
        1 => Just(Act::Begin),
    ]
}

fn day(number: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 1).unwrap() + TimeDelta::days(number.try_into().unwrap())
}

fn hour(number: usize, hour: u32) -> DateTime<Utc> {
    day(number).and_hms_opt(hour, 0, 0).unwrap().and_utc()
}

fn perform(store: &Store, act: Act, now: DateTime<Utc>) {
    match act {
        Act::Report(bucket, signal, severity) => {
            let signal = [Signal::Open, Signal::Passed, Signal::OpenSuppressedAtSource][signal];
            let mut one = report(&format!("bucket-{bucket}"), now, signal);
            one.severity = Some([Severity::Low, Severity::Medium, Severity::Critical][severity]);
            take(store, hub(), vec![one], now);
            plan(store, now);
        }
        Act::Justify => store.write_here(|conn| justify(conn, now)).unwrap(),
        Act::Ticket => store.write_here(|conn| ticket(conn, now)).unwrap(),
        Act::Begin => store.write_here(|conn| begin(conn, now)).unwrap(),
    }
}

fn newest_live(conn: &mut AnyConnection) -> Result<Option<records::RecordRow>> {
    let live = |row: &records::RecordRow| row.status.0.is_live();
    Ok(records::all(conn)?.into_iter().rev().find(live))
}

fn justify(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
    let Some(record) = newest_live(conn)? else {
        return Ok(());
    };
    let rows = findings::of_record(conn, record.id)?;
    let prints: Vec<&str> = rows.iter().map(|f| f.fingerprint.as_str()).collect();
    let row = NewJustification {
        record_id: record.id,
        desk: "soc".to_owned(),
        ticket_key: "SEC-1".to_owned(),
        comment_id: now.to_rfc3339(),
        author_id: "u1".to_owned(),
        author: "Dana".to_owned(),
        reason: format!("said at {now}"),
        verbatim: String::new(),
        verbatim_sha256: String::new(),
        state: justifications::ACCEPTED.to_owned(),
        commented_at: stamp(now),
        accepted_at: stamp(now),
        expires_at: stamp(now + TimeDelta::hours(60)),
    };
    justifications::insert(conn, &row, ACCOUNT, &prints)?;
    findings::set_justified(conn, ACCOUNT, &prints, true, now)?;
    justifications::rescore(conn, record.id, now)?;
    Ok(())
}

fn ticket(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
    let Some(record) = newest_live(conn)? else {
        return Ok(());
    };
    let Some(mut row) = tickets::of_record(conn, record.id)?.pop() else {
        let marker = Marker {
            key: format!("poamd-{}", record.id),
            label: format!("poamd-{}", record.id),
        };
        tickets::insert(conn, record.id, "soc", 1, &marker, stamp(now))?;
        return Ok(());
    };
    row.remote_key = Some(format!("SEC-{}", row.id));
    row.state = Some(Col(match row.state() {
        Some(TicketState::New) => TicketState::InProgress,
        Some(TicketState::InProgress) => TicketState::Done,
        _ => TicketState::New,
    }));
    row.changed_at = stamp(now);
    tickets::update(conn, &row)
}

fn begin(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
    let Some(mut record) = newest_live(conn)? else {
        return Ok(());
    };
    record.status = Col(RecordStatus::InProgress);
    record.changed_at = stamp(now);
    records::update(conn, &record)
}

/// Everything a form is made from, as text.
fn shown(conn: &mut AnyConnection, snapshot: &Snapshot) -> Result<String> {
    let views = poam::list(conn, snapshot, &Filter::default())?;
    Ok(format!(
        "{}\n{:#?}\n{:#?}\n{:#?}",
        serde_json::to_string_pretty(&views).unwrap(),
        snapshot.records,
        snapshot.findings,
        snapshot
            .tickets
            .iter()
            .map(|t| (t.id, &t.remote_key, t.state, t.link, t.changed_at))
            .collect::<Vec<_>>(),
    ))
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 20, ..Config::with_cases(6) })]

    #[test]
    fn a_day_asked_for_later_is_shown_as_it_was(
        days in prop::collection::vec(prop::collection::vec(act(), 0..5), 4..9),
    ) {
        let outcome = std::sync::Mutex::new(Ok(()));
        for_each_database(|store| {
            let mut then = vec![store.read_here(|c| { let s = Snapshot::load(c)?; shown(c, &s) }).unwrap()];
            for (number, acts) in days.iter().enumerate() {
                for (i, act) in acts.iter().enumerate() {
                    perform(store, *act, hour(number + 1, 3 + u32::try_from(i).unwrap()));
                }
                poamd::tickets::expire(store, hour(number + 1, 23), "test").unwrap();
                then.push(store.read_here(|c| { let s = Snapshot::load(c)?; shown(c, &s) }).unwrap());
            }
            for (number, shown_then) in then.iter().enumerate() {
                let again = store.read_here(|c| {
                    let snapshot = Snapshot::as_of(c, end_of(day(number)))?;
                    shown(c, &snapshot)
                });
                let again = strip(&again.unwrap());
                if again != strip(shown_then) {
                    let told = format!("day {number} of {days:?}\nthen {shown_then}\nnow  {again}");
                    *outcome.lock().unwrap() = Err(TestCaseError::fail(told));
                }
            }
        });
        outcome.into_inner().unwrap()?;
    }
}

/// Without what a source said last of its own looks, which is not kept for each day.
fn strip(shown: &str) -> String {
    let kept: Vec<&str> = shown.lines().filter(|l| !l.contains("last_seen")).collect();
    kept.join("\n")
}

#[test]
fn what_changes_nothing_shown_makes_no_version() {
    for_each_database(|store| {
        for number in 1..6 {
            let now = hour(number, 3);
            take(store, hub(), vec![report("a", now, Signal::Open)], now);
            plan(store, now);
        }
        let first = store
            .read_here(|c| Snapshot::as_of(c, end_of(day(1))))
            .unwrap();
        assert_eq!(first.findings.len(), 1);
        assert_eq!(first.findings[0].record_id, Some(first.records[0].id));
        assert_eq!(first.findings[0].last_seen, stamp(end_of(day(1))));
        let kept = store.read_here(poamd::store::versions::count).unwrap();
        assert_eq!(kept, 0);
    });
}

/// Everything a form of a day is made of, with the settings of the test.
fn form(store: &Store, number: usize) -> Dataset {
    let moment = Moment::as_of(Some(day(number)), hour(20, 0));
    let read = |conn: &mut AnyConnection| {
        let snapshot = moment.snapshot(conn)?;
        dataset::load(
            conn,
            &snapshot,
            &Filter::default(),
            &System::default(),
            moment,
        )
    };
    store.read_here(read).unwrap()
}

/// The bucket is reported with other words, another CVE and another port.
fn say(store: &Store, number: usize, words: &str, cve: &str, port: u16) {
    let now = hour(number, 3);
    let mut one = report("a", now, Signal::Open);
    one.severity = Some(Severity::Medium);
    one.description = words.to_owned();
    one.remediation = format!("fix {words}");
    one.detail = Box::new(Detail {
        flaw: Some(Flaw {
            cves: vec![cve.to_owned()],
            ..Flaw::default()
        }),
        ports: vec![(port, port)],
        ..Detail::default()
    });
    take(store, hub(), vec![one], now);
    plan(store, now);
}

fn lay_override(conn: &mut AnyConnection) -> Result<()> {
    let row = NewOverride {
        weakness: Some("S3.8".to_owned()),
        technology: None,
        account_pattern: Some("label=Prod".to_owned()),
        score: None,
        severity: Some(Col(Severity::High)),
        disabled: false,
        why: "ours".to_owned(),
        actor: "test".to_owned(),
        at: stamp(hour(2, 5)),
    };
    let id = overrides::insert(conn, &row)?;
    let mut row = overrides::find(conn, id)?.unwrap();
    row.removed_at = Some(stamp(hour(3, 5)));
    overrides::update(conn, &row)
}

fn account(name: &str, label: &str) -> Account {
    Account {
        access: AccountAccess {
            id: ACCOUNT.parse().unwrap(),
            name: name.to_owned(),
            partition: Partition::of_region(&"us-east-1".parse().unwrap()),
            role: None,
            external_id: None,
            regions: vec!["us-east-1".parse().unwrap()],
        },
        label: label.to_owned(),
        contacts: Vec::new(),
        notes: String::new(),
        weight: 100,
        active: true,
        s3_canonical_id: None,
        s3_name: None,
    }
}

fn call_account(conn: &mut AnyConnection, number: usize, name: &str, label: &str) -> Result<()> {
    let by = accounts::By {
        actor: "test",
        at: hour(number, 4),
    };
    accounts::declare(
        conn,
        &[account(name, label)],
        accounts::Undeclared::Kept,
        by,
    )
    .map(|_| ())
}

fn call_item(conn: &mut AnyConnection, number: usize, name: &str) -> Result<()> {
    let was = items::all(conn)?.remove(0);
    let row = items::ItemRow {
        name: name.to_owned(),
        ..was.clone()
    };
    items::update(conn, &was, &row, stamp(hour(number, 6)))
}

#[test]
fn a_past_day_says_what_was_said_that_day() {
    for_each_database(|store| {
        store
            .write_here(|c| {
                let account = account("payments", "Prod");
                let by = accounts::By {
                    actor: "test",
                    at: hour(1, 0),
                };
                accounts::add(c, &account, by)
            })
            .unwrap();
        say(store, 1, "open to all", "CVE-2026-0001", 22);
        store.write_here(lay_override).unwrap();
        let told = |number| {
            let data = form(store, number);
            assert_eq!(data.unkept_texts, 0);
            let record = data.records.into_iter().next().unwrap();
            (
                record.description,
                record.recommendation,
                record.flaw.cves,
                record.assets[0].ports.clone(),
                record.assets[0].item.name.clone(),
                (record.account_name, record.account_label),
                (record.findings[0].severity, record.findings[0].overridden),
            )
        };
        let then: Vec<_> = (1..=3).map(told).collect();
        // From the fourth day on everything is otherwise, and the word of a second scanner comes.
        say(store, 4, "open to some", "CVE-2026-0002", 443);
        say(store, 5, "open to few", "CVE-2026-0003", 80);
        store
            .write_here(|c| call_account(c, 5, "billing", "Dev"))
            .unwrap();
        store.write_here(|c| call_item(c, 5, "renamed")).unwrap();
        let mut other = report("a", hour(7, 3), Signal::Open);
        other.native_id = "another-standard".to_owned();
        other.raw = Some("{}".into());
        take(store, hub(), vec![other], hour(7, 3));

        let again: Vec<_> = (1..=3).map(told).collect();
        assert_eq!(again, then);
        assert_eq!(then[0].0, "open to all");
        assert_eq!(then[0].3, [(22, 22)]);
        assert_eq!(then[0].6, (Some(Severity::Medium), false));
        assert_eq!(then[1].6, (Some(Severity::High), true));
        assert_eq!(then[2].6, (Some(Severity::Medium), false));
        assert_eq!(told(4).2, ["CVE-2026-0002"]);
        let last = told(6);
        assert_eq!(last.0, "open to few");
        assert_eq!(last.4, "renamed");
        assert_eq!(last.5, (Some("billing".into()), Some("Dev".into())));

        let ids = |number| {
            let read = |c: &mut AnyConnection| {
                let snapshot = Snapshot::as_of(c, end_of(day(number)))?;
                finding::list(c, &snapshot, &Filter::default())
            };
            store.read_here(read).unwrap().remove(0).native_ids
        };
        assert_eq!(ids(6), ["S3.8/a"]);
        assert_eq!(ids(7), ["S3.8/a", "another-standard"]);
    });
}

#[test]
fn what_an_older_ledger_did_not_keep_is_left_out_and_counted() {
    for_each_database(|store| {
        say(store, 1, "open to all", "CVE-2026-0001", 22);
        say(store, 4, "open to some", "CVE-2026-0002", 443);
        store
            .write_here(|c| settings::set(c, "texts-kept-since", "2026-11-09T00:00:00"))
            .unwrap();
        let before = form(store, 2);
        assert_eq!(before.unkept_texts, 1);
        assert_eq!(before.records[0].description, "");
        assert!(before.records[0].flaw.cves.is_empty());
        let after = form(store, 6);
        assert_eq!(after.unkept_texts, 0, "nothing changed since");
        assert_eq!(after.records[0].description, "open to some");
    });
}
