//! What every [`Desk`] must do, whatever system stands behind it.
//!
//! A desk crate implements [`Bench`] over its stand-in and runs [`all`] in a test; a new desk gets the whole suite by that.
//! Each case starts on a bench of its own and gives `Err` with what was expected and what was seen.
//! Not in it: what only one system does (transition screens, journal text), which its own crate tests.

mod comments;
mod faults;
mod states;
mod tickets;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::desk::{Block, Desk, Marker, Text, TicketDraft, TicketRef, TicketState, Urgency};
use crate::error::{ConnectorError, Retry};

/// A desk, and the hands of other people on the system behind it.
#[async_trait]
pub trait Bench: Send + Sync {
    /// The desk signed in as poamd's account.
    fn desk(&self) -> Arc<dyn Desk>;

    /// A desk on the same system whose credential has died.
    fn dead_desk(&self) -> Arc<dyn Desk>;

    /// A person other than poamd comments; gives the comment's id and the person's stable id.
    async fn person_comments(&self, ticket: &TicketRef, text: &str) -> (String, String);

    /// A person moves the ticket.
    async fn person_moves(&self, ticket: &TicketRef, to: TicketState);

    /// A person copies the ticket with all its fields. `None` where the system cannot, or where a copy is exact.
    async fn person_clones(&self, ticket: &TicketRef) -> Option<TicketRef>;

    async fn person_deletes(&self, ticket: &TicketRef);

    /// The next write is carried out, but its answer never arrives.
    fn lose_next_reply(&self);

    /// The next call is refused with 429 and this wait.
    fn throttle_next(&self, wait: Duration);

    /// New tickets are from now on missing from search, though not from the system; without an index nothing happens.
    fn freeze_search(&self);

    /// How many tickets bear the marker in truth.
    fn bearing(&self, marker: &Marker) -> usize;

    /// A well-formed id that no ticket has.
    fn absent_id(&self) -> String;
}

/// Makes a bench that nothing has happened on.
pub type Factory<'a> =
    &'a (dyn Fn() -> Pin<Box<dyn Future<Output = Arc<dyn Bench>> + Send>> + Sync);

/// Why a case does not hold.
pub type Outcome = Result<(), String>;

type Case = for<'a> fn(&'a dyn Bench) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Every case by name.
const CASES: &[(&str, Case)] = &[
    ("a ticket is made and found by its marker", |bench| {
        Box::pin(tickets::made_and_found(bench))
    }),
    ("a marker nobody bears finds nothing", |bench| {
        Box::pin(tickets::unknown_marker(bench))
    }),
    ("a copy with our label is not ours", |bench| {
        Box::pin(tickets::copy_is_not_ours(bench))
    }),
    ("an update changes what it names", |bench| {
        Box::pin(tickets::update(bench))
    }),
    ("absent and deleted tickets are left out", |bench| {
        Box::pin(tickets::absent_left_out(bench))
    }),
    ("many tickets are read at once", |bench| {
        Box::pin(tickets::read_many(bench))
    }),
    ("hostile and oversize text is taken", |bench| {
        Box::pin(tickets::hostile_text(bench))
    }),
    ("a ticket is done, stays done, and comes back", |bench| {
        Box::pin(states::done_and_back(bench))
    }),
    ("a person's move is seen", |bench| {
        Box::pin(states::persons_move(bench))
    }),
    ("our comment bears its key and what it answers", |bench| {
        Box::pin(comments::reply(bench))
    }),
    ("a person's comment names its author", |bench| {
        Box::pin(comments::authors(bench))
    }),
    ("comments come oldest first and all of them", |bench| {
        Box::pin(comments::many(bench))
    }),
    ("a person cannot forge our reply", |bench| {
        Box::pin(comments::forged(bench))
    }),
    ("a dead credential never reads as empty", |bench| {
        Box::pin(faults::dead_credential(bench))
    }),
    ("429 means later, at the given time", |bench| {
        Box::pin(faults::throttled(bench))
    }),
    (
        "a lost answer is unclear, and the ticket is found",
        |bench| Box::pin(faults::lost_create(bench)),
    ),
    ("a lost comment is unclear, and its key is found", |bench| {
        Box::pin(faults::lost_comment(bench))
    }),
    (
        "a ticket that search does not show is found by probing",
        |bench| Box::pin(faults::lagging_search(bench)),
    ),
    (
        "health of a good set-up has no failure, of a dead one has",
        |bench| Box::pin(faults::health(bench)),
    ),
];

/// Runs every case, each on a bench of its own. `Err` lists the cases that failed.
pub async fn all(factory: Factory<'_>) -> Outcome {
    let mut failed = Vec::new();
    for (name, case) in CASES {
        let bench = factory().await;
        if let Err(why) = case(bench.as_ref()).await {
            failed.push(format!("{name}: {why}"));
        }
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} of {} cases failed:\n{}",
            failed.len(),
            CASES.len(),
            failed.join("\n")
        ))
    }
}

/// The draft of record `n`. Key and label have the real form; the label is a stand-in for the digest.
pub fn draft(n: u32) -> TicketDraft {
    TicketDraft {
        marker: Marker {
            key: format!("poamd:v1:test:POAM-{n:06}"),
            label: format!("poamd-{n:016x}"),
        },
        summary: format!("[POAM-{n:06}] S3 bucket allows public read"),
        description: paragraph("Two buckets allow public read."),
        rating: Urgency::High,
        due: chrono::NaiveDate::from_ymd_opt(2026, 12, 24),
        labels: vec!["poamd".to_owned()],
    }
}

pub(crate) fn paragraph(text: &str) -> Text {
    Text {
        blocks: vec![Block::Paragraph {
            text: text.to_owned(),
        }],
    }
}

pub(crate) fn hold(true_: bool, expected: &str) -> Outcome {
    if true_ {
        Ok(())
    } else {
        Err(format!("expected {expected}"))
    }
}

pub(crate) fn same<T: PartialEq + Debug>(what: &str, seen: T, expected: T) -> Outcome {
    if seen == expected {
        Ok(())
    } else {
        Err(format!("{what}: expected {expected:?}, saw {seen:?}"))
    }
}

/// A call that must work.
pub(crate) fn works<T>(what: &str, result: Result<T, ConnectorError>) -> Result<T, String> {
    result.map_err(|error| format!("{what}: {error} ({:?})", error.retry))
}

/// A call that must fail in one way.
pub(crate) fn fails<T: Debug>(
    what: &str,
    result: Result<T, ConnectorError>,
    retry: Retry,
) -> Outcome {
    match result {
        Err(error) if error.retry == retry => Ok(()),
        Err(error) => Err(format!(
            "{what}: expected {retry:?}, saw {:?}: {error}",
            error.retry
        )),
        Ok(value) => Err(format!("{what}: expected {retry:?}, but it gave {value:?}")),
    }
}
