//! Tickets as they are listed: what stands on the desk, and what is still on its way there.

use std::collections::HashMap;

use poamd_contract::desk::TicketState;
use serde::Serialize;

use super::filter::{Facts, Filter};
use super::{Column, Snapshot, View, poam, time};
use crate::domain::record::RecordId;
use crate::domain::ticket::{Link, OutboxState};
use crate::store::shown::{self, ShownComment, ShownEffect};
use crate::store::tickets::TicketRow;
use crate::store::{AnyConnection, Result};

/// What a ticket can be asked for by `--status`.
pub const STATUSES: [&str; 6] = [
    "creating",
    "new",
    "in-progress",
    "done",
    "closed",
    "missing",
];

/// One ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TicketView {
    /// By which `poamd ticket retry` takes it.
    pub id: i64,
    pub desk: String,
    /// The desk's own; `null` until the ticket is made.
    pub key: Option<String>,
    pub url: Option<String>,
    /// `creating`, `new`, `in-progress`, `done`, `closed`, `missing`.
    pub state: String,
    /// The desk's own word for the state.
    pub status: Option<String>,
    pub poam: RecordId,
    pub title: String,
    /// Twelve digits.
    pub account: String,
    /// Higher than 1 if an earlier ticket of the record cannot be opened again.
    pub generation: i64,
    pub link: Link,
    pub created: String,
    pub changed: String,
    /// Effects that are still to be delivered, or never were.
    pub waiting: Vec<Waiting>,
    /// Comments on it that were read as commands, and what came of them.
    pub comments: Vec<Answered>,
}

/// An effect that is not done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    /// `create`, `update`, `transition`, `comment`.
    pub kind: String,
    pub state: OutboxState,
    pub attempts: i64,
    pub not_before: String,
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    pub at: String,
    pub verdict: String,
    pub detail: String,
}

impl View for TicketView {
    const NOUN: &'static str = "tickets";
    const OPEN: &'static str = "tickets at work";
    const COLUMNS: &'static [Column] = &[
        ("id", &["id"]),
        ("desk", &["desk"]),
        ("key", &["key"]),
        ("url", &["url"]),
        ("state", &["state"]),
        ("status", &["status"]),
        ("poam", &["poam"]),
        ("title", &["title"]),
        ("account", &["account"]),
        ("generation", &["generation"]),
        ("link", &["link"]),
        ("created", &["created"]),
        ("changed", &["changed"]),
        ("waiting", &["waiting", "kind"]),
        ("waiting.state", &["waiting", "state"]),
        ("waiting.attempts", &["waiting", "attempts"]),
        ("waiting.not_before", &["waiting", "not_before"]),
        ("waiting.error", &["waiting", "error"]),
        ("comments", &["comments", "verdict"]),
        ("comments.at", &["comments", "at"]),
        ("comments.detail", &["comments", "detail"]),
    ];

    fn is_open(&self) -> bool {
        self.link != Link::Retired
            && (self.state != TicketState::Closed.as_str()
                && self.state != TicketState::Done.as_str()
                || !self.waiting.is_empty())
    }
}

/// How a ticket stands, in one word.
pub(super) fn state_of(row: &TicketRow) -> String {
    if row.link.0 == Link::Missing {
        return row.link.0.to_string();
    }
    match row.state() {
        Some(state) => state.as_str().to_owned(),
        None if row.remote_key.is_some() => TicketState::New.as_str().to_owned(),
        None => Link::Creating.as_str().to_owned(),
    }
}

/// Tickets by record, desk and generation. Filters are those of the record; `--status` is the ticket's own.
pub fn list(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<TicketView>> {
    let sieve = filter.sieve(conn)?;
    let records = poam::list(conn, snapshot, &Filter::default())?;
    let records: HashMap<i64, &poam::PoamView> = records.iter().map(|r| (r.id.0, r)).collect();
    let scores: HashMap<i64, (i64, i64)> = snapshot
        .records
        .iter()
        .map(|r| (r.id, (r.score, r.unjustified_score)))
        .collect();
    let mut waiting = group(shown::unsettled(conn)?, |e| e.ticket_id, Waiting::of);
    let mut comments = group(shown::comments(conn)?, |c| c.ticket_id, Answered::of);
    let mut views = Vec::new();
    for row in &snapshot.tickets {
        let Some(record) = records.get(&row.record_id) else {
            continue;
        };
        let state = state_of(row);
        let account_type = snapshot.account_type(&record.account);
        let (score, unjustified) = scores.get(&row.record_id).copied().unwrap_or_default();
        let facts = Facts {
            account: &record.account,
            account_name: record.account_name.as_deref(),
            account_type: account_type.as_deref(),
            items: &record.items,
            region: "",
            score,
            unjustified,
            status: &state,
            sources: &record.sources,
            ratings: &record.rating.into_iter().collect::<Vec<_>>(),
            desks: std::slice::from_ref(&row.desk),
        };
        if sieve.takes(&facts) {
            views.push(TicketView {
                waiting: waiting.remove(&row.id).unwrap_or_default(),
                comments: comments.remove(&row.id).unwrap_or_default(),
                ..TicketView::of(row, record, state)
            });
        }
    }
    Ok(views)
}

impl TicketView {
    fn of(row: &TicketRow, record: &poam::PoamView, state: String) -> Self {
        Self {
            id: row.id,
            desk: row.desk.clone(),
            key: row.remote_key.clone(),
            url: row.url.clone(),
            state,
            status: row.status.clone(),
            poam: record.id,
            title: record.title.clone(),
            account: record.account.clone(),
            generation: row.generation,
            link: row.link.0,
            created: time(row.created_at),
            changed: time(row.changed_at),
            waiting: Vec::new(),
            comments: Vec::new(),
        }
    }
}

fn group<R, V>(
    rows: Vec<R>,
    key: impl Fn(&R) -> i64,
    view: impl Fn(R) -> V,
) -> HashMap<i64, Vec<V>> {
    let mut groups: HashMap<i64, Vec<V>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(view(row));
    }
    groups
}

impl Waiting {
    fn of(row: ShownEffect) -> Self {
        Self {
            kind: row.kind,
            state: row.state.0,
            attempts: row.attempt,
            not_before: time(row.not_before),
            error: row.error,
        }
    }
}

impl Answered {
    fn of(row: ShownComment) -> Self {
        Self {
            at: time(row.commented_at),
            verdict: row.verdict,
            detail: row.detail,
        }
    }
}
