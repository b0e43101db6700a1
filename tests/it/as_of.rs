//! The ledger as it was: what a snapshot showed at the end of a day is shown again when that day is asked for later.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use poamd::domain::record::RecordStatus;
use poamd::query::filter::Filter;
use poamd::query::{Snapshot, end_of, poam};
use poamd::store::columns::{Col, stamp};
use poamd::store::justifications::NewJustification;
use poamd::store::{AnyConnection, Result, Store, findings, justifications, records, tickets};
use poamd_contract::desk::{Marker, TicketState};
use poamd_contract::finding::Signal;
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
