//! `poamd ticket`: what stands on the desks, what is on its way there, and what is stuck.

use std::path::Path;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use poamd_contract::desk::TicketState;
use serde_json::json;

use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load::{self, Opened};
use super::shell::Shell;
use super::summary::Told;
use crate::delivery::tickets as delivery;
use crate::domain::record::RecordId;
use crate::domain::ticket::{EffectKind, Link, OutboxState};
use crate::query::filter::{Filter, Pattern};
use crate::query::ticket::{self, TicketView};
use crate::store::audit::{self, Event};
use crate::store::outbox::{self, OutboxRow};
use crate::store::{AnyConnection, StoreError, tickets};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All tickets
    List(Box<List>),
    /// One ticket: what waits for it, which commands were read on it
    Show(One),
    /// Try again what was refused or stayed unclear on a ticket; a create is looked up first
    Retry(Retry),
    /// Say that a desk's new url is the same site under another address
    Moved(Moved),
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
    #[arg(required_unless_present = "desk", conflicts_with = "desk")]
    ticket: Option<String>,
    /// Everything on this desk, with the new tickets that are held back
    #[arg(long, value_name = "NAME")]
    desk: Option<String>,
}

#[derive(Debug, Args)]
pub struct Moved {
    /// The desk whose url changed
    #[arg(long, value_name = "NAME")]
    desk: String,
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
    spare: &[7, 6, 1],
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
            let opened = load::look(at, shell)?;
            let rows = opened.filtered(&filter, |conn, snapshot| {
                ticket::list(conn, snapshot, &filter)
            })?;
            listing::print(shell, &list.shown, list.filters.any_status(), rows, &LAYOUT)
        }
        Verb::Show(one) => {
            let opened = load::look(at, shell)?;
            let found = find(&opened, &one.ticket)?;
            one.told.tell(shell, &found, |found| {
                found.iter().flat_map(lines).collect()
            })
        }
        Verb::Retry(Retry {
            desk: Some(desk), ..
        }) => retry_desk(shell, at, desk),
        Verb::Retry(one) => retry(shell, at, one.ticket.as_deref().unwrap_or_default()),
        Verb::Moved(one) => moved(shell, at, &one.desk),
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
    let by = Retrying::of(shell, &opened);
    let count = opened.store.write_here(|conn| {
        let mut count = 0;
        for ticket in &found {
            for row in outbox::of_ticket(conn, ticket.id)? {
                count += usize::from(by.retry(conn, &row, &ticket.poam.to_string())?);
            }
        }
        Ok(count)
    })?;
    if count == 0 {
        return Err(Failure::work(format!(
            "nothing on {wanted} was refused or stayed unclear; see poamd ticket show"
        )));
    }
    shell.say(&format!(
        "{count} will be tried again with the next sync, or now: poamd sync"
    ))
}

fn retry_desk(shell: &mut Shell<'_>, at: Option<&Path>, desk: &str) -> Result<(), Failure> {
    let opened = load::open(at, shell)?;
    known_desk(&opened, desk)?;
    let by = Retrying::of(shell, &opened);
    let count = opened.store.write_here(|conn| {
        let held: Vec<i64> = outbox::of_desk(conn, desk, OutboxState::Pending)?
            .iter()
            .filter(|row| row.kind.0 == EffectKind::Create)
            .map(|row| row.id)
            .collect();
        let mut count = outbox::hasten(conn, &held, by.now)?;
        for state in [OutboxState::Failed, OutboxState::NeedsOperator] {
            for row in outbox::of_desk(conn, desk, state)? {
                let Some(ticket) = tickets::find(conn, row.ticket_id)? else {
                    continue;
                };
                let poam = RecordId(ticket.record_id).to_string();
                count += usize::from(by.retry(conn, &row, &poam)?);
            }
        }
        Ok(count)
    })?;
    shell.say(&match count {
        0 => format!("nothing on {desk} was refused, is held back or stayed unclear"),
        count => format!("{count} will be tried again with the next sync, or now: poamd sync"),
    })
}

/// Who tries again, and when that may begin.
struct Retrying<'a> {
    opened: &'a Opened,
    actor: String,
    now: DateTime<Utc>,
}

impl<'a> Retrying<'a> {
    fn of(shell: &Shell<'_>, opened: &'a Opened) -> Self {
        let (actor, now) = (shell.actor(), shell.clock.now());
        Self { opened, actor, now }
    }

    fn retry(
        &self,
        conn: &mut AnyConnection,
        row: &OutboxRow,
        poam: &str,
    ) -> Result<bool, StoreError> {
        let desk = self.opened.config.desks.iter().find(|d| d.name == row.desk);
        let settle = desk.map(|d| d.settle).unwrap_or_default();
        let not_before = delivery::earliest_retry(row, settle, self.now);
        if !outbox::retry(conn, row.id, not_before)? {
            return Ok(false);
        }
        let event = Event {
            at: self.now,
            actor: self.actor.clone(),
            kind: "ticket.retried",
            subject: poam.to_owned(),
            body: json!({ "desk": row.desk, "effect": row.kind.0, "outbox": row.id, "was": row.state.0 }),
        };
        audit::append(conn, &event)?;
        Ok(true)
    }
}

fn moved(shell: &mut Shell<'_>, at: Option<&Path>, desk: &str) -> Result<(), Failure> {
    let opened = load::open(at, shell)?;
    let url = known_desk(&opened, desk)?;
    let (actor, now) = (shell.actor(), shell.clock.now());
    opened.store.write_here(|conn| {
        let from = tickets::pinned_site(conn, desk)?;
        tickets::unpin_site(conn, desk)?;
        let event = Event {
            at: now,
            actor,
            kind: "desk.moved",
            subject: desk.to_owned(),
            body: json!({ "desk": desk, "from": from, "to": url }),
        };
        audit::append(conn, &event)?;
        Ok(())
    })?;
    shell.say(&format!(
        "{desk} is taken to be the same site at {url}; the next sync checks the marker of every ticket there"
    ))
}

/// The address of a configured desk.
fn known_desk(opened: &Opened, name: &str) -> Result<String, Failure> {
    let desk = opened.config.desks.iter().find(|d| d.name == name);
    desk.map(|d| d.url.to_string()).ok_or_else(|| {
        Failure::work(format!(
            "no [[desks]] in the configuration is named {name:?}; poamd config show lists them"
        ))
    })
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
