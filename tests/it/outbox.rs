//! The outbox, the leases and what hangs on them, on both databases: one claim at a time, in order for each ticket,
//! fenced when it ends.

use chrono::{DateTime, TimeDelta, Utc};
use poamd::domain::ticket::{Effect, Link, OutboxState};
use poamd::store::columns::Col;
use poamd::store::justifications::NewJustification;
use poamd::store::outbox::{self, Claimed, Dead, Settlement};
use poamd::store::time::stamp;
use poamd::store::{AnyConnection, Store, findings, inbox, justifications, records, tickets};
use poamd::tickets::expire;
use poamd_contract::desk::{CommentDraft, Marker, Text, TicketDraft, TicketState, Urgency};

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
            let id = tickets::insert(conn, record, DESK, 1, &marker, stamp(now))?;
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
        assert_eq!(claim(store, "two", "2026-11-22T08:59"), []);
        assert_eq!(claim(store, "two", "2026-11-22T09:00").len(), 1);
    });
}

#[test]
fn a_clock_that_was_ahead_holds_nothing_back_for_ever() {
    for_each_database(|store| {
        let waiting = ticket(store, "a", true, &[moved()]);
        ticket(store, "b", true, &[moved()]);
        // Claimed and put off in days to come; then the clock was put right.
        let far = claim(store, "ahead", "2026-11-29T07:00");
        assert_eq!((far.len(), far[0].row.ticket_id), (2, waiting));
        let put_off = Some("2026-11-29T07:00");
        assert!(settle(store, &far[0], OutboxState::Ambiguous, put_off));
        let now = at("2026-11-22T07:01");
        let left = store
            .write_here(|conn| {
                outbox::bring_near(conn, DESK, TimeDelta::minutes(15), now)?;
                outbox::left_over(conn, DESK, Dead::Expired, now)
            })
            .unwrap();
        assert_eq!(left.len(), 1, "a lease of a week is none");
        // Not at once: it may still be settling.
        assert_eq!(claim(store, "two", "2026-11-22T07:15"), []);
        assert_eq!(claim(store, "two", "2026-11-22T07:16").len(), 1);
    });
}

fn made(key: &str) -> Effect {
    Effect::Create {
        draft: TicketDraft {
            marker: Marker {
                key: key.to_owned(),
                label: key.to_owned(),
            },
            summary: String::new(),
            description: Text::default(),
            rating: Urgency::Low,
            due: None,
            labels: vec![],
        },
    }
}

#[test]
fn creates_that_were_refused_in_a_row_wait_again_with_all_others() {
    for_each_database(|store| {
        for name in ["a", "b", "c"] {
            ticket(store, name, false, &[made(name)]);
        }
        ticket(store, "d", true, &[moved()]);
        let claimed = claim(store, "one", "2026-11-22T07:01");
        let ended = [claimed[0].row.id, claimed[1].row.id];
        settle(store, &claimed[0], OutboxState::Failed, None);
        settle(store, &claimed[1], OutboxState::NeedsOperator, None);
        settle(store, &claimed[2], OutboxState::Pending, None);
        settle(store, &claimed[3], OutboxState::Pending, None);
        let back = store
            .write_here(|conn| outbox::hold_creates(conn, DESK, &ended, at("2026-11-22T08:00")))
            .unwrap();
        assert_eq!((back.failed, back.needs_operator), (1, 1));
        let moves = claim(store, "one", "2026-11-22T07:59");
        assert_eq!(
            (moves.len(), moves[0].row.kind.0.as_str()),
            (1, "transition")
        );
        let now = claim(store, "one", "2026-11-22T08:00");
        let was: Vec<&str> = now.iter().map(|c| c.was.as_str()).collect();
        assert_eq!(was, ["pending", "ambiguous", "pending"]);
    });
}

/// A justification of one finding.
fn cover(
    conn: &mut AnyConnection,
    record: i64,
    fingerprint: &str,
    until: DateTime<Utc>,
) -> poamd::store::Result<i64> {
    let text = "/justify It is the public web site.";
    let row = NewJustification {
        record_id: record,
        desk: DESK.to_owned(),
        ticket_key: "SEC-1".to_owned(),
        comment_id: "77".to_owned(),
        author_id: "u-1".to_owned(),
        author: "Dana Reyes".to_owned(),
        reason: text.to_owned(),
        verbatim: text.to_owned(),
        verbatim_sha256: "0".repeat(64),
        state: justifications::ACCEPTED.to_owned(),
        commented_at: stamp(until),
        accepted_at: stamp(until),
        expires_at: stamp(until),
    };
    justifications::insert(conn, &row, ledger::ACCOUNT, &[fingerprint])
}

#[test]
fn a_justification_that_ends_counts_again_where_its_finding_went() {
    for_each_database(|store| {
        let (start, end) = (at("2026-11-20T05:00"), at("2027-01-01T00:00"));
        let successor = store
            .write_here(|conn| {
                let record = ledger::open_record(conn, ledger::ACCOUNT, "a", start)?;
                let successor = ledger::open_record(conn, ledger::ACCOUNT, "b", start)?;
                let finding = ledger::finding(ledger::ACCOUNT, Some(record), "policy", "arn:x");
                ledger::add_findings(conn, std::slice::from_ref(&finding))?;
                cover(conn, record, &finding.fingerprint, end)?;
                for mut finding in findings::of_record(conn, record)? {
                    finding.record_id = Some(successor);
                    finding.justified = true;
                    findings::update(conn, &finding)?;
                }
                justifications::rescore(conn, successor, start)?;
                Ok(successor)
            })
            .unwrap();
        let score = || {
            let row = store.read_here(|conn| records::find(conn, successor));
            row.unwrap().unwrap().unjustified_score
        };
        assert_eq!(score(), 0);
        assert_eq!(expire(store, end, "job:sync").unwrap(), 1);
        assert_eq!(score(), 90);
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
