//! `poamd ticket`: what is tried again, and a desk that has another address.

use poamd::cli::failure::Exit;
use poamd::domain::ticket::{Effect, OutboxState};
use poamd::store::outbox::{self, Settlement};
use poamd::store::time::stamp;
use poamd::store::{Store, audit, tickets};
use poamd_contract::clock::Clock;
use poamd_contract::desk::TicketState;

use super::House;
use crate::support::ledger;

const DESK: &str = "[[desks]]\nname = \"tracker\"\nsystem = \"jira-cloud\"\nurl = \"https://agency.example.net\"\n\
     email = \"poamd@example.com\"\ntoken = { env = \"TOKEN\" }\nproject = \"SEC\"\nsettle = \"15m\"\n";

/// Two effects, one refused, one that needs an operator.
fn stuck(house: &House) -> Store {
    let (store, now) = (house.store(), house.clock.now());
    store
        .write_here(|conn| {
            for (n, state) in [OutboxState::Failed, OutboxState::NeedsOperator]
                .into_iter()
                .enumerate()
            {
                let record = ledger::open_record(conn, ledger::ACCOUNT, &format!("S3.{n}"), now)?;
                let ticket = ledger::link_ticket(conn, record, &format!("SEC-{n}"))?;
                let effect = Effect::Transition {
                    to: TicketState::Done,
                    note: String::new(),
                };
                outbox::enqueue(conn, ticket, "tracker", &format!("k{n}"), &effect, now)?;
                let lease = chrono::TimeDelta::minutes(5);
                let claimed = outbox::claim(conn, "tracker", "test", now, lease, 1)?;
                let to = Settlement {
                    state,
                    not_before: None,
                    unclear: 0,
                    error: Some("the project is archived".to_owned()),
                };
                assert!(outbox::settle(conn, &claimed[0].row, &to, now)?);
            }
            Ok(())
        })
        .unwrap();
    store
}

#[test]
fn a_whole_desk_is_tried_again() {
    let house = House::with(DESK);
    let store = stuck(&house);
    let ran = house.run(&["ticket", "retry", "--desk", "trakcer"]);
    assert_eq!(ran.exit, Exit::Failed);
    assert!(ran.err.contains("trakcer"), "{}", ran.err);
    assert_eq!(house.run(&["ticket", "retry"]).exit, Exit::Usage);
    let ran = house.run(&["ticket", "retry", "--desk", "tracker"]).done();
    assert!(ran.out.contains("2 will be tried again"), "{}", ran.out);
    let rows = store
        .read_here(|conn| outbox::in_state(conn, OutboxState::Ambiguous))
        .unwrap();
    let now = stamp(house.clock.now());
    // What was refused may go at once, what was unclear once it has settled.
    assert_eq!((rows.len(), rows[0].not_before), (2, now));
    assert!(rows[1].not_before > now);
    let ran = house.run(&["ticket", "retry", "--desk", "tracker"]).done();
    assert!(ran.out.contains("nothing on tracker"), "{}", ran.out);
}

#[test]
fn a_desk_that_moved_is_said_to_have_moved() {
    let house = House::with(DESK);
    let store = house.store();
    store
        .write_here(|conn| tickets::pin_site(conn, "tracker", "https://old.example.net"))
        .unwrap();
    let ran = house.run(&["ticket", "moved", "--desk", "tracker"]).done();
    assert!(
        ran.out.contains("https://agency.example.net"),
        "{}",
        ran.out
    );
    let (pin, events) = store
        .read_here(|conn| {
            Ok((
                tickets::pinned_site(conn, "tracker")?,
                audit::list(conn, None, 100)?,
            ))
        })
        .unwrap();
    assert_eq!(pin, None);
    assert_eq!(events.iter().filter(|e| e.kind == "desk.moved").count(), 1);
}
