//! The store on both databases: schema, audit log, what triggers and indexes refuse, the schedule.

use std::collections::BTreeSet;
use std::sync::Barrier;

use chrono::TimeDelta;
use chrono_tz::Tz;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use poamd::config::cron::CronExpr;
use poamd::domain::timetable;
use poamd::store::audit::{self, Event};
use poamd::store::leases::Claim;
use poamd::store::time::stamp;
use poamd::store::{
    AnyConnection, DatabaseUrl, Store, coverage, dialect, findings, leases, schedule,
};
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::{Cell, Coverage};

use crate::support::databases::for_each_database;
use crate::support::ledger::{ACCOUNT, add_findings, at, close_record, finding, open_record};

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = diesel::sql_types::Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    nullable: bool,
}

/// `table.column` of everything that is there, and whether it may be empty.
#[allow(
    clippy::disallowed_methods,
    reason = "the catalogues have no typed form"
)]
fn columns(store: &Store) -> BTreeSet<(String, bool)> {
    let rows: Vec<Column> = store
        .read_here(|conn| {
            Ok(match conn {
                AnyConnection::Sqlite(c) => diesel::sql_query(
                    "SELECT m.name || '.' || p.name AS name, p.\"notnull\" = 0 AS nullable \
                     FROM sqlite_master m, pragma_table_info(m.name) p \
                     WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
                )
                .load(c)?,
                AnyConnection::Postgres(c) => diesel::sql_query(
                    "SELECT table_name || '.' || column_name AS name, is_nullable = 'YES' AS nullable \
                     FROM information_schema.columns WHERE table_schema = 'public'",
                )
                .load(c)?,
            })
        })
        .unwrap();
    rows.into_iter()
        .map(|column| (column.name, column.nullable))
        .filter(|(name, _)| !name.starts_with("__diesel"))
        .collect()
}

/// The same, as `src/store/schema.rs` says it.
fn columns_of_schema() -> BTreeSet<(String, bool)> {
    let source = include_str!("../../src/store/schema.rs");
    let mut table = String::new();
    let mut found = BTreeSet::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("diesel::joinable!") {
            continue;
        }
        if let Some((column, kind)) = line.split_once(" -> ") {
            found.insert((format!("{table}.{column}"), kind.starts_with("Nullable<")));
        } else if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{')) {
            name.clone_into(&mut table);
        }
    }
    found
}

#[test]
fn both_databases_have_the_tables_of_the_schema() {
    let wanted = columns_of_schema();
    assert!(wanted.len() > 150, "the schema was not read: {wanted:?}");
    for_each_database(|store| {
        let found = columns(store);
        let missing: Vec<_> = wanted.difference(&found).collect();
        let more: Vec<_> = found.difference(&wanted).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "missing {missing:?}, too many {more:?}"
        );
    });
}

#[test]
fn migrations_go_back_and_forth() {
    for_each_database(|store| {
        let before = columns(store);
        store
            .read_here(|conn| {
                dialect::revert_all(conn)?;
                Ok(())
            })
            .unwrap();
        assert_eq!(columns(store), BTreeSet::new());
        let applied = store.read_here(dialect::migrate).unwrap();
        assert!(!applied.is_empty());
        assert_eq!(columns(store), before);
        assert!(store.read_here(dialect::migrate).unwrap().is_empty());
    });
}

fn event(number: u32) -> Event {
    Event {
        at: at("2026-11-22T07:00") + TimeDelta::microseconds(i64::from(number)),
        actor: "cli:tester".to_owned(),
        kind: "record.opened",
        subject: format!("POAM-{number:06}"),
        body: serde_json::json!({ "n": number, "text": "Grüße \u{1f512} \"quoted\"" }),
    }
}

#[test]
fn the_audit_chain_holds_and_every_kind_of_tampering_shows() {
    let tampering: [(&str, &str); 6] = [
        ("UPDATE audit SET body = '{}' WHERE n = 7", "event 7"),
        ("UPDATE audit SET actor = 'x' WHERE n = 1", "event 1"),
        ("DELETE FROM audit WHERE n = 5", "event 5 is missing"),
        (
            "DELETE FROM audit WHERE n = 12",
            "the chain ends at event 11",
        ),
        (
            "INSERT INTO audit SELECT n + 1, at, actor, kind, subject, body, previous_hash, hash FROM audit WHERE n = 12",
            "behind event 12",
        ),
        (
            "UPDATE audit_changes SET changes = '[]'",
            "change list of event 12",
        ),
    ];
    for (statement, words) in tampering {
        for_each_database(|store| {
            let events: Vec<Event> = (1..=11).map(event).collect();
            store
                .write_here(|conn| audit::append_all(conn, &events))
                .unwrap();
            store
                .write_here(|conn| audit::append_batch(conn, event(12), "[1,2,3]"))
                .unwrap();
            let good = store.read_here(audit::verify).unwrap();
            assert_eq!((good.events, good.broken), (12, None));
            assert!(store.read_here(audit::ends_at_head).unwrap());
            disarm(store);
            execute(store, statement).unwrap();
            let bad = store.read_here(audit::verify).unwrap();
            let broken = bad.broken.unwrap_or_default();
            assert!(broken.contains(words), "{statement}: {broken:?}");
        });
    }
}

#[test]
fn the_chain_holds_while_it_grows() {
    for_each_database(|store| {
        let growing = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=100 {
                    store
                        .write_here(|conn| audit::append(conn, &event(number)))
                        .unwrap();
                }
                growing.store(false, std::sync::atomic::Ordering::Relaxed);
            });
            while growing.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(store.read_here(audit::verify).unwrap().broken, None);
                assert!(store.read_here(audit::ends_at_head).unwrap());
            }
        });
        assert_eq!(store.read_here(audit::verify).unwrap().events, 100);
    });
}

#[test]
fn the_audit_log_refuses_to_be_changed() {
    for_each_database(|store| {
        store
            .write_here(|conn| audit::append_batch(conn, event(1), "[]"))
            .unwrap();
        for statement in [
            "UPDATE audit SET actor = 'x'",
            "DELETE FROM audit",
            "UPDATE audit_changes SET changes = 'x'",
            "DELETE FROM audit_changes",
        ] {
            let refused = execute(store, statement).unwrap_err().to_string();
            assert!(refused.contains("append only"), "{statement}: {refused}");
        }
        if !store.url().is_sqlite() {
            for statement in ["TRUNCATE audit", "TRUNCATE audit_changes"] {
                let refused = execute(store, statement).unwrap_err().to_string();
                assert!(refused.contains("append only"), "{statement}: {refused}");
            }
        }
        assert_eq!(store.read_here(audit::verify).unwrap().broken, None);
    });
}

#[test]
fn an_event_of_a_transaction_that_fails_is_not_there() {
    for_each_database(|store| {
        store
            .write_here(|conn| audit::append(conn, &event(1)))
            .unwrap();
        let failed = store.write_here(|conn| {
            audit::append(conn, &event(2))?;
            open_record(conn, ACCOUNT, "S3.5", at("2026-11-22T07:00"))?;
            open_record(conn, ACCOUNT, "S3.5", at("2026-11-22T07:00"))
        });
        assert!(
            failed.is_err(),
            "a weakness has one live record in an account"
        );
        let verdict = store.read_here(audit::verify).unwrap();
        assert_eq!((verdict.events, verdict.broken), (1, None));
    });
}

#[test]
fn a_weakness_has_one_live_record_and_any_number_of_closed_ones() {
    for_each_database(|store| {
        let time = at("2026-11-22T07:00");
        let open = |weakness: &str, account: &str| {
            store.write_here(|conn| open_record(conn, account, weakness, time))
        };
        let first = open("S3.5", ACCOUNT).unwrap();
        assert!(open("S3.5", ACCOUNT).is_err());
        open("S3.5", "345678901234").unwrap();
        open("S3.6", ACCOUNT).unwrap();
        store
            .write_here(|conn| close_record(conn, first, time))
            .unwrap();
        let second = open("S3.5", ACCOUNT).unwrap();
        assert!(second > first, "ids are never used again");
        store
            .write_here(|conn| close_record(conn, second, time))
            .unwrap();
    });
}

#[test]
fn findings_come_back_as_they_were_written() {
    for_each_database(|store| {
        let mut rows: Vec<_> = (0..1_200)
            .map(|n| finding(ACCOUNT, None, "securityhub", &format!("item-{n:04}")))
            .collect();
        rows[3].severity = None;
        rows[3].title = "tab\tquote'\" \u{1f512} \u{202e}".to_owned();
        rows[3].closed_at = Some(stamp(at("2026-11-22T07:00")) + TimeDelta::microseconds(123_456));
        store
            .write_here(|conn| findings::insert_all(conn, &mut rows))
            .unwrap();
        let mut found = store.read_here(findings::all).unwrap();
        found.sort_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
        assert_eq!(found, rows);
        rows[3].justified = true;
        store
            .write_here(|conn| findings::update(conn, &rows[3]))
            .unwrap();
        let keys = [rows[3].fingerprint.as_str()];
        let one = store
            .read_here(|conn| findings::by_fingerprints(conn, ACCOUNT, &keys))
            .unwrap();
        assert_eq!(one.values().collect::<Vec<_>>(), [&rows[3]]);
    });
}

#[test]
fn coverage_keeps_since_when_it_is_like_this_and_the_last_complete_looks() {
    for_each_database(|store| {
        let cell = Cell {
            account: ACCOUNT.parse().unwrap(),
            region: "us-gov-west-1".parse().unwrap(),
            service: "guardduty".to_owned(),
        };
        let denied = || Coverage::Denied {
            reason: "the role may not".to_owned(),
        };
        let looks = [
            ("07:00", Coverage::Complete, true),
            ("08:00", Coverage::Complete, false),
            ("09:00", denied(), true),
            ("10:00", denied(), false),
        ];
        for (run, (hour, seen, changed)) in (1..).zip(looks) {
            let began = at(&format!("2026-11-22T{hour}"));
            let noted = store
                .write_here(|conn| coverage::note(conn, &cell, &seen, run, began))
                .unwrap();
            assert_eq!(noted, changed, "{hour}");
        }
        let now = at("2026-11-22T10:30");
        let gaps = store.read_here(|c| coverage::gaps(c, now)).unwrap();
        let stamped = |hour: &str| stamp(at(&format!("2026-11-22T{hour}")));
        assert_eq!((gaps.len(), gaps[0].since), (1, stamped("09:00")));
        assert_eq!(gaps[0].last_complete, Some(stamped("08:00")));
        assert_eq!(gaps[0].previous_full, Some(stamped("07:00")));
        assert_eq!(gaps[0].reason.as_deref(), Some("the role may not"));
    });
}

#[test]
fn a_lease_has_one_holder_and_counts_its_changes_of_hands() {
    for_each_database(|store| {
        let take = |holder: &str, minutes: i64| {
            let lease = TimeDelta::minutes(minutes);
            store
                .write_here(|conn| leases::acquire(conn, "pull", holder, lease))
                .unwrap()
        };
        assert_eq!(take("a", 60), Claim::Held(1));
        assert_eq!(take("b", 60), Claim::Elsewhere("a".to_owned()));
        // Its holder renews it, here for no time at all: it runs out by the database's clock.
        assert_eq!(take("a", 0), Claim::Held(1));
        assert_eq!(take("b", 60), Claim::Held(2));
        assert_eq!(take("a", 60), Claim::Elsewhere("b".to_owned()));
        store
            .write_here(|conn| {
                let hour = TimeDelta::minutes(60);
                assert!(!leases::renew(conn, "pull", "a", 1, hour)?);
                assert!(!leases::release(conn, "pull", "a", 1)?);
                assert!(leases::renew(conn, "pull", "b", 2, hour)?);
                assert!(leases::release(conn, "pull", "b", 2)?);
                Ok(())
            })
            .unwrap();
        assert_eq!(take("a", 60), Claim::Held(3));
    });
}

/// One job the way the daemon drives it; the times it ran at.
fn tick(store: &Store, clock: &ManualClock, cron: &CronExpr, ran: &mut Vec<String>) {
    let zone = Tz::UTC;
    let now = clock.now();
    let next = |after| cron.next_after(after, zone);
    store
        .write_here(|conn| {
            schedule::ensure(conn, "pull", &format!("{cron} {zone}"), now, next)?;
            for job in schedule::due(conn, now)? {
                let latest = timetable::latest_due(job.due_at(), now, next);
                ran.push(format!("{}", latest.format("%m-%d %H:%M")));
                schedule::started(conn, &job.job, now)?;
                schedule::finished(conn, &job.job, now, next(now).unwrap())?;
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_schedule_runs_once_after_downtime_and_skips_nothing_when_the_clock_goes_back() {
    for_each_database(|store| {
        let hourly = CronExpr::parse("0 * * * *").unwrap();
        let clock = ManualClock::at(at("2026-11-22T06:30"));
        let mut ran = Vec::new();
        let mut go = |time: &str, cron: &CronExpr, wanted: &[&str]| {
            clock.set(at(time));
            ran.clear();
            tick(store, &clock, cron, &mut ran);
            assert_eq!(ran, wanted, "{time}");
        };
        go("2026-11-22T06:30", &hourly, &[]);
        go("2026-11-22T06:59", &hourly, &[]);
        go("2026-11-22T07:00", &hourly, &["11-22 07:00"]);
        go("2026-11-22T07:00", &hourly, &[]);
        // Down for a day: one run, for the last time missed.
        go("2026-11-23T09:20", &hourly, &["11-23 09:00"]);
        go("2026-11-23T09:59", &hourly, &[]);
        // The clock leaps 400 days ahead, and back.
        go("2027-12-28T09:20", &hourly, &["12-28 09:00"]);
        go("2026-11-23T09:40", &hourly, &[]);
        go("2026-11-23T10:00", &hourly, &["11-23 10:00"]);
        // An hour back: the next hour runs.
        go("2026-11-23T09:05", &hourly, &[]);
        go("2026-11-23T10:00", &hourly, &["11-23 10:00"]);
        // Another expression counts from now; what was due by the old one is still run.
        let daily = CronExpr::parse("0 12 * * *").unwrap();
        go("2026-11-23T10:30", &daily, &[]);
        go("2026-11-23T12:00", &daily, &["11-23 12:00"]);
        go("2026-11-24T12:30", &hourly, &["11-24 12:00"]);
        go("2026-11-24T12:40", &hourly, &[]);
        // What is no longer configured is forgotten.
        store
            .write_here(|conn| {
                let due = at("2026-11-23T13:00");
                schedule::ensure(conn, "scan", "x", due, |_| Some(due))?;
                assert_eq!(schedule::retain(conn, &["scan"])?, ["pull"]);
                assert!(schedule::retain(conn, &["scan"])?.is_empty());
                assert_eq!(schedule::all(conn)?.len(), 1);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn a_run_that_was_cut_off_is_run_again() {
    for_each_database(|store| {
        let due = at("2026-11-22T07:00");
        store
            .write_here(|conn| {
                schedule::ensure(conn, "pull", "0 * * * *", due, |_| Some(due))?;
                schedule::started(conn, "pull", due)
            })
            .unwrap();
        let again = store
            .read_here(|conn| schedule::due(conn, due + TimeDelta::minutes(1)))
            .unwrap();
        assert_eq!(again.len(), 1);
    });
}

fn execute(store: &Store, statement: &str) -> Result<(), diesel::result::Error> {
    let mut outcome = Ok(());
    store
        .read_here(|conn| {
            outcome = conn.batch_execute(statement);
            Ok(())
        })
        .unwrap();
    outcome
}

/// What somebody with the rights of the owner would do first.
fn disarm(store: &Store) {
    let on_sqlite = "DROP TRIGGER audit_keeps_rows; DROP TRIGGER audit_keeps_text; \
                     DROP TRIGGER audit_changes_keeps_rows; DROP TRIGGER audit_changes_keeps_text;";
    let on_postgres =
        "ALTER TABLE audit DISABLE TRIGGER USER; ALTER TABLE audit_changes DISABLE TRIGGER USER;";
    let statements = if store.url().is_sqlite() {
        on_sqlite
    } else {
        on_postgres
    };
    execute(store, statements).unwrap();
}

/// What two nodes do at once: each reads a number, takes its time, and writes one more.
#[test]
fn writers_of_two_nodes_write_no_change_of_the_other_away() {
    const EACH: usize = 20;
    for_each_database(|store| {
        store
            .write_here(|conn| add_findings(conn, &[finding(ACCOUNT, None, "securityhub", "item")]))
            .unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                // A store of its own has a writer of its own, as another process has.
                let node = Store::open(store.url().clone(), 2).unwrap();
                scope.spawn(move || (0..EACH).for_each(|_| count_up(&node)));
            }
        });
        let rows = store.read_here(findings::all).unwrap();
        assert_eq!(rows[0].title.matches('+').count(), 2 * EACH);
    });
}

/// Lengthens a finding's title by one, as intake changes a finding: read, judged, and written as a whole.
fn count_up(store: &Store) {
    store
        .write_here(|conn| {
            let mut row = findings::all(conn)?.remove(0);
            row.title.push('+');
            // Long enough that the other node is in the middle of its own.
            std::thread::sleep(std::time::Duration::from_millis(1));
            findings::update(conn, &row)
        })
        .unwrap();
}

#[test]
fn a_write_that_panics_takes_nothing_and_holds_up_no_other() {
    for_each_database(|store| {
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.write_here(|conn| -> poamd::store::Result<()> {
                audit::append(conn, &event(1))?;
                panic!("as a fault would");
            })
        }));
        assert!(broken.is_err());
        for number in [1, 2] {
            store
                .write_here(|conn| audit::append(conn, &event(number)))
                .unwrap();
        }
        let verdict = store.read_here(audit::verify).unwrap();
        assert_eq!((verdict.events, verdict.broken), (2, None));
    });
}

#[test]
fn readers_hold_up_no_writer() {
    for_each_database(|store| {
        // As many as the pool has, each waiting for a write that another thread makes.
        const READERS: usize = 4;
        let (all_read, written) = (Barrier::new(READERS + 1), Barrier::new(READERS + 1));
        std::thread::scope(|scope| {
            for _ in 0..READERS {
                scope.spawn(|| {
                    store.read_here(|_| {
                        all_read.wait();
                        written.wait();
                        Ok(())
                    })
                });
            }
            all_read.wait();
            let done = store.write_here(|conn| audit::append(conn, &event(1)));
            written.wait();
            assert_eq!(done.unwrap(), 1);
        });
    });
}

#[test]
fn a_new_file_has_large_pages_and_an_older_one_keeps_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap();
        u16::from_be_bytes([bytes[16], bytes[17]])
    };
    let fill = |name: &str| {
        let url = DatabaseUrl::Sqlite(folder.path().join(name));
        let store = Store::open(url, 2).unwrap();
        let row = finding(ACCOUNT, None, "securityhub", "a");
        store.write_here(|conn| add_findings(conn, &[row])).unwrap();
        assert_eq!(store.read_here(findings::all).unwrap().len(), 1);
    };
    fill("new.db");
    let older = folder.path().join("older.db");
    SqliteConnection::establish(older.to_str().unwrap())
        .unwrap()
        .batch_execute(
            "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)",
        )
        .unwrap();
    fill("older.db");
    assert_eq!((page("new.db"), page("older.db")), (16_384, 4_096));
}

#[test]
fn looking_for_a_ledger_makes_none() {
    for_each_database(|store| {
        let look = || Store::open_as_is(store.url().clone(), 2).unwrap();
        assert!(look().is_some());
        store.read_here(dialect::revert_all).unwrap();
        assert!(look().is_none());
        assert!(look().is_none(), "the first look made nothing");
        Store::open(store.url().clone(), 2).unwrap();
        assert!(look().is_some());
    });
}
