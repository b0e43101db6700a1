//! `poamd ticket`: what stands on the desks, what is on its way there, and what is stuck.

use std::path::Path;

use clap::{Args, Subcommand};
use poamd_contract::desk::TicketState;
use serde_json::json;

use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load::{self, Opened};
use super::shell::Shell;
use super::summary::Told;
use crate::domain::ticket::{Link, OutboxState};
use crate::query::filter::{Filter, Pattern};
use crate::query::ticket::{self, TicketView};
use crate::store::audit::{self, Event};
use crate::store::outbox;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All tickets
    List(Box<List>),
    /// One ticket: what waits for it, which commands were read on it
    Show(One),
    /// Try again what was refused or stayed unclear on a ticket; a create is looked up first
    Retry(Retry),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    filters: Filters,
    /// Name of a desk
    #[arg(
        long,
        value_name = "TEXT",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    desk: Vec<Pattern>,
}

#[derive(Debug, Args)]
pub struct One {
    /// The desk's key (SEC-12, INC0010001), POAM-000123, or the number in poamd ticket list
    ticket: String,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct Retry {
    /// The desk's key, POAM-000123, or the number in poamd ticket list
    ticket: String,
}

const LAYOUT: Layout<TicketView> = Layout {
    headings: &[
        "key", "id", "desk", "state", "poam", "title", "waiting", "changed",
    ],
    cells: |t| {
        vec![
            Ink::Plain(t.key.clone().unwrap_or_else(|| "-".to_owned())),
            Ink::Plain(t.id.to_string()),
            Ink::Plain(t.desk.clone()),
            if t.link == Link::Missing {
                Ink::Alarm(t.state.clone())
            } else if t.state == TicketState::Done.as_str()
                || t.state == TicketState::Closed.as_str()
            {
                Ink::Calm(t.state.clone())
            } else {
                Ink::Plain(t.state.clone())
            },
            Ink::Plain(t.poam.to_string()),
            Ink::Plain(listing::short(&t.title, 60)),
            waiting(t),
            Ink::Plain(t.changed.clone()),
        ]
    },
    rank: |t| (i64::from(t.waiting.is_empty()), t.poam.to_string()),
    again: "poamd ticket list",
};

fn waiting(ticket: &TicketView) -> Ink {
    let text = ticket
        .waiting
        .iter()
        .map(|w| format!("{} {}", w.kind, w.state))
        .collect::<Vec<_>>()
        .join(", ");
    let stuck = |s: OutboxState| matches!(s, OutboxState::Failed | OutboxState::NeedsOperator);
    if ticket.waiting.iter().any(|w| stuck(w.state)) {
        Ink::Alarm(text)
    } else {
        Ink::Plain(text)
    }
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => {
            let filter = Filter {
                desk: list.desk.clone(),
                ..list.filters.filter()
            };
            filter.check_status("tickets", &ticket::STATUSES)?;
            let opened = load::open(at, shell)?;
            let rows = opened.view(|conn, snapshot| ticket::list(conn, snapshot, &filter))?;
            listing::print(shell, &list.shown, list.filters.any_status(), rows, &LAYOUT)
        }
        Verb::Show(one) => {
            let opened = load::open(at, shell)?;
            let found = find(&opened, &one.ticket)?;
            one.told.tell(shell, &found, |found| {
                found.iter().flat_map(lines).collect()
            })
        }
        Verb::Retry(one) => retry(shell, at, &one.ticket),
    }
}

/// Tickets of that key, record or number.
fn find(opened: &Opened, wanted: &str) -> Result<Vec<TicketView>, Failure> {
    let all = opened.view(|conn, snapshot| ticket::list(conn, snapshot, &Filter::default()))?;
    let named = |t: &TicketView| {
        t.key
            .as_deref()
            .is_some_and(|key| key.eq_ignore_ascii_case(wanted))
            || t.poam.to_string().eq_ignore_ascii_case(wanted)
            || t.id.to_string() == wanted
    };
    let found: Vec<TicketView> = all.into_iter().filter(named).collect();
    if found.is_empty() {
        return Err(Failure::work(format!(
            "there is no ticket {wanted:?}; see poamd ticket list --all"
        )));
    }
    Ok(found)
}

fn retry(shell: &mut Shell<'_>, at: Option<&Path>, wanted: &str) -> Result<(), Failure> {
    let opened = load::open(at, shell)?;
    let found = find(&opened, wanted)?;
    let (actor, now) = (shell.actor(), shell.clock.now());
    let moved = opened.store.write_here(|conn| {
        let mut moved = 0;
        for ticket in &found {
            for row in outbox::of_ticket(conn, ticket.id)? {
                if !outbox::retry(conn, row.id, now)? {
                    continue;
                }
                moved += 1;
                let event = Event {
                    at: now,
                    actor: actor.clone(),
                    kind: "ticket.retried",
                    subject: ticket.poam.to_string(),
                    body: json!({ "desk": ticket.desk, "effect": row.kind.0, "outbox": row.id, "was": row.state.0 }),
                };
                audit::append(conn, &event)?;
            }
        }
        Ok(moved)
    })?;
    if moved == 0 {
        return Err(Failure::work(format!(
            "nothing on {wanted} was refused or stayed unclear; see poamd ticket show"
        )));
    }
    shell.say(&format!(
        "{moved} will be tried again with the next sync, or now: poamd sync"
    ))
}

fn lines(t: &TicketView) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}  {}",
            t.key.as_deref().unwrap_or("(not made yet)"),
            t.title
        ),
        format!("desk      {} ({})", t.desk, t.link),
        format!(
            "state     {}{}",
            t.state,
            t.status
                .as_deref()
                .map(|s| format!(" ({s})"))
                .unwrap_or_default()
        ),
        format!("record    {} in {}", t.poam, t.account),
    ];
    lines.extend(t.url.iter().map(|url| format!("url       {url}")));
    lines.extend(t.waiting.iter().map(|w| {
        let why = w
            .error
            .as_deref()
            .map(|e| format!(": {e}"))
            .unwrap_or_default();
        format!(
            "waiting   {} is {} after {} attempts{why}",
            w.kind, w.state, w.attempts
        )
    }));
    lines.extend(
        t.comments
            .iter()
            .map(|c| format!("comment   {} {} {}", c.at, c.verdict, c.detail)),
    );
    lines
}
