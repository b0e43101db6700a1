//! `poamd audit`: the log of everything that changed, and the proof that it is whole.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::failure::{Exit, Failure};
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::query::{Column, View, time};
use crate::store::audit::{self, AuditRow};
use crate::wiring;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Walk the chain of hashes from the first event to the last
    Verify(Told),
    /// Events, newest first
    List(List),
}

#[derive(Debug, Args)]
pub struct List {
    /// Of one record (POAM-000123), account or run
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    pub n: i64,
    pub at: String,
    pub actor: String,
    pub kind: String,
    pub subject: String,
    pub body: Value,
    pub hash: String,
}

impl View for EventView {
    const NOUN: &'static str = "events";
    const OPEN: &'static str = "events";
    const COLUMNS: &'static [Column] = &[
        ("n", &["n"]),
        ("at", &["at"]),
        ("actor", &["actor"]),
        ("kind", &["kind"]),
        ("subject", &["subject"]),
        ("hash", &["hash"]),
    ];

    fn is_open(&self) -> bool {
        true
    }
}

impl EventView {
    pub fn of(row: AuditRow) -> Self {
        Self {
            n: row.n,
            at: time(row.at),
            actor: row.actor,
            kind: row.kind,
            subject: row.subject,
            // Shown as it is kept, even if it is no JSON any more.
            body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
            hash: row.hash,
        }
    }
}

const LAYOUT: Layout<EventView> = Layout {
    headings: &["n", "at", "actor", "kind", "subject", "details"],
    cells: |e| {
        vec![
            Ink::Plain(e.n.to_string()),
            Ink::Plain(e.at.clone()),
            Ink::Plain(e.actor.clone()),
            Ink::Plain(e.kind.clone()),
            Ink::Plain(e.subject.clone()),
            Ink::Plain(listing::short(&e.body.to_string(), 120)),
        ]
    },
    rank: |e| (-e.n, String::new()),
    again: "poamd audit list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Verify(told) => verify(shell, at, told),
        Verb::List(list) => {
            let opened = load::open(at, shell)?;
            let subject = list.subject.as_deref();
            let rows = opened
                .store
                .read_here(|conn| audit::list(conn, subject, i64::MAX))?;
            let rows = rows.into_iter().map(EventView::of).collect();
            listing::print(shell, &list.shown, false, rows, &LAYOUT)?;
            Ok(Exit::Done)
        }
    }
}

/// Nothing is written here, not even what the configuration declares: the log is looked at as it is.
fn verify(shell: &mut Shell<'_>, at: Option<&Path>, told: &Told) -> Result<Exit, Failure> {
    let config = load::config(at, shell)?;
    let store = wiring::store(&config, &*shell.env)?;
    let verdict = store.read_here(audit::verify)?;
    told.tell(shell, &verdict, |v| {
        vec![format!("{} events, head {}", v.events, v.head)]
    })?;
    match verdict.broken {
        None => Ok(Exit::Done),
        Some(why) => Err(Failure::work(format!(
            "the audit log is broken: {why}; keep this database as it is, compare it with a backup, and treat every \
             event from there on as unproven"
        ))),
    }
}
