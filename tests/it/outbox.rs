//! The outbox, the leases and what hangs on them, on both databases: one claim at a time, in order for each ticket,
//! fenced when it ends.

use chrono::TimeDelta;
use poamd::domain::ticket::{Effect, Link, OutboxState};
use poamd::store::columns::Col;
use poamd::store::outbox::{self, Claimed, Dead, Settlement};
use poamd::store::{Store, inbox, justifications, leases, tickets};
use poamd_contract::desk::{CommentDraft, Marker, Text, TicketState};

use crate::support::databases::for_each_database;
use crate::support::ledger::{self, at};

const DESK: &str = "tracker";

fn said(key: &str) -> Effect {
    Effect::Comment {
        draft: CommentDraft {
            body: Text::default(),
            reply_to: None,
            key: key.to_owned(),
        },
    }
}

fn moved() -> Effect {
    Effect::Transition {
        to: TicketState::Done,
        note: String::new(),
    }
}

/// A record with a ticket, and effects wanted on it.
fn ticket(store: &Store, weakness: &str, linked: bool, effects: &[Effect]) -> i64 {
    let now = at("2026-11-22T07:00");
    store
        .write_here(|conn| {
            let record = ledger::open_record(conn, ledger::ACCOUNT, weakness, now)?;
            let marker = Marker {
                key: format!("poamd:v1:test:{record}"),
                label: format!("poamd-{record:016x}"),
            };
            let id = tickets::insert(conn, record, DESK, 1, &marker, now.naive_utc())?;
            if linked {
                let mut row = tickets::find(conn, id)?.unwrap();
                row.link = Col(Link::Linked);
                tickets::update(conn, &row)?;
            }
            for (n, effect) in effects.iter().enumerate() {
                let name = format!("{weakness}/{n}");
                assert!(outbox::enqueue(conn, id, DESK, &name, effect, now)?);
                assert!(!outbox::enqueue(conn, id, DESK, &name, effect, now)?);
            }
            Ok(id)
        })
        .unwrap()
}

fn claim(store: &Store, holder: &str, time: &str) -> Vec<Claimed> {
    let lease = TimeDelta::minutes(5);
    store
        .write_here(|conn| outbox::claim(conn, DESK, holder, at(time), lease, 10))
        .unwrap()
}

fn settle(store: &Store, one: &Claimed, state: OutboxState, until: Option<&str>) -> bool {
    let to = Settlement {
        state,
        not_before: until.map(at),
        unclear: 0,
        error: None,
    };
    store
        .write_here(|conn| outbox::settle(conn, &one.row, &to, at("2026-11-22T07:02")))
        .unwrap()
}

#[test]
fn one_row_a_ticket_in_order_and_to_one_holder() {
    for_each_database(|store| {
        let first = ticket(store, "a", true, &[said("1"), moved()]);
        let second = ticket(store, "b", true, &[moved()]);
        // Not linked yet: only a create may go before.
        ticket(store, "c", false, &[moved()]);
        let claimed = claim(store, "one", "2026-11-22T07:01");
        let of: Vec<i64> = claimed.iter().map(|c| c.row.ticket_id).collect();
        assert_eq!(of, [first, second]);
        assert_eq!(
            (claimed[0].was, claimed[0].row.attempt),
            (OutboxState::Pending, 1)
        );
        assert_eq!(claim(store, "two", "2026-11-22T07:01"), []);

        assert!(settle(
            store,
            &claimed[0],
            OutboxState::Ambiguous,
            Some("2026-11-22T08:00")
        ));
        assert!(
            !settle(store, &claimed[0], OutboxState::Done, None),
            "settled once"
        );
        // What is unclear holds back what comes after it on the same ticket.
        assert_eq!(claim(store, "two", "2026-11-22T07:30"), []);
        let again = claim(store, "two", "2026-11-22T08:00");
        assert_eq!(
            (again[0].was, again[0].row.attempt),
            (OutboxState::Ambiguous, 2)
        );
        assert!(settle(store, &again[0], OutboxState::Adopted, None));
        let next = claim(store, "two", "2026-11-22T08:00");
        assert_eq!((next.len(), next[0].row.kind.0.as_str()), (1, "transition"));
    });
}

#[test]
fn a_claim_that_was_lost_writes_nothing() {
    for_each_database(|store| {
        ticket(store, "a", true, &[moved()]);
        let old = claim(store, "one", "2026-11-22T07:01");
        let left = |dead, time| {
            store
                .read_here(|conn| outbox::left_over(conn, DESK, dead, at(time)))
                .unwrap()
        };
        assert_eq!(left(Dead::Expired, "2026-11-22T07:05"), []);
        assert_eq!(left(Dead::All, "2026-11-22T07:05").len(), 1);
        assert_eq!(left(Dead::Expired, "2026-11-22T07:07").len(), 1);
        assert!(settle(
            store,
            &old[0],
            OutboxState::Pending,
            Some("2026-11-22T07:07")
        ));
        let new = claim(store, "two", "2026-11-22T07:07");
        let until = at("2026-11-22T09:00");
        let holds = |one: &Claimed| {
            store
                .write_here(|conn| outbox::renew(conn, &one.row, until))
                .unwrap()
        };
        assert!(!holds(&old[0]) && holds(&new[0]));
        assert!(!settle(store, &old[0], OutboxState::Done, None));
        let due = store
            .read_here(|conn| outbox::next_due(conn, &[DESK]))
            .unwrap();
        assert_eq!(due, Some(until));
        assert!(settle(store, &new[0], OutboxState::Failed, None));
        let (due, counts) = store
            .read_here(|conn| Ok((outbox::next_due(conn, &[DESK])?, outbox::counts(conn)?)))
            .unwrap();
        assert_eq!((due, counts), (None, vec![(OutboxState::Failed, 1)]));
        let retried = store
            .write_here(|conn| outbox::retry(conn, new[0].row.id, at("2026-11-22T09:00")))
            .unwrap();
        assert!(retried);
        let gone = store
            .write_here(|conn| {
                outbox::give_up(conn, new[0].ticket.id, "gone", at("2026-11-22T09:00"))
            })
            .unwrap();
        assert_eq!((gone, claim(store, "two", "2026-11-22T09:00")), (1, vec![]));
    });
}

#[test]
fn a_lease_is_held_by_one_and_each_holder_has_its_epoch() {
    for_each_database(|store| {
        let take = |holder: &str, time: &str| {
            store
                .write_here(|conn| {
                    leases::acquire(conn, "desks", holder, at(time), TimeDelta::minutes(1))
                })
                .unwrap()
        };
        assert_eq!(take("one", "2026-11-22T07:00"), Some(1));
        assert_eq!(take("two", "2026-11-22T07:00"), None);
        assert_eq!(take("one", "2026-11-22T07:00"), Some(1));
        assert_eq!(take("two", "2026-11-22T07:01"), Some(2));
        assert_eq!(take("one", "2026-11-22T07:01"), None);
        store
            .write_here(|conn| leases::release(conn, "desks", "two", at("2026-11-22T07:01")))
            .unwrap();
        assert_eq!(take("one", "2026-11-22T07:01"), Some(3));
    });
}

#[test]
fn justifications_and_answers_are_counted_alike() {
    for_each_database(|store| {
        let end = at("2027-01-01T00:00");
        store
            .write_here(|conn| {
                let record =
                    ledger::open_record(conn, ledger::ACCOUNT, "a", at("2026-11-20T05:00"))?;
                let finding = ledger::finding(ledger::ACCOUNT, Some(record), "policy", "arn:x");
                ledger::add_findings(conn, std::slice::from_ref(&finding))?;
                ledger::justify(conn, record, end)?;
                assert_eq!(
                    justifications::ended(conn, end - TimeDelta::seconds(1))?,
                    []
                );
                assert_eq!(justifications::ended(conn, end)?.len(), 1);
                assert!(!justifications::covers(
                    conn,
                    ledger::ACCOUNT,
                    &finding.fingerprint
                )?);
                assert_eq!(justifications::rescore(conn, record, end)?, (90, 90));
                assert_eq!(inbox::answers_since(conn, 1, "ada", end)?, 0);
                assert_eq!(inbox::counts(conn)?, []);
                Ok(())
            })
            .unwrap();
    });
}
