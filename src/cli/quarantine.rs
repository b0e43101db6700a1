//! `poamd quarantine`: documents that could not be taken, until a person has seen to them.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Failure;
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::query::quarantine::SetAsideView;
use crate::store::audit::{self, Event};
use crate::store::quarantine;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// What was set aside, and why; a table shows what waits
    List(List),
    /// One document: where it stood, what is wrong with it, how it begins
    Show(One),
    /// Say that a document was seen to: it no longer waits, and stays in the list
    Dismiss(Dismiss),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct One {
    /// The number in poamd quarantine list
    id: i64,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct Dismiss {
    /// The numbers in poamd quarantine list
    #[arg(required = true)]
    ids: Vec<i64>,
    /// What was done about it, for the audit log
    #[arg(long, value_name = "TEXT")]
    why: String,
}

const LAYOUT: Layout<SetAsideView> = Layout {
    headings: &["id", "seen", "place", "reason", "begins with"],
    cells: |row| {
        vec![
            Ink::Plain(row.id.to_string()),
            Ink::Plain(row.seen.clone()),
            Ink::Plain(listing::short(&row.place, 80)),
            Ink::Warning(listing::short(&row.reason, 120)),
            Ink::Plain(listing::short(&row.excerpt, 60)),
        ]
    },
    rank: |row| (-row.id, String::new()),
    spare: &[4, 1],
    again: "poamd quarantine list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => {
            let opened = load::look(at, shell)?;
            let rows = opened.store.read_here(quarantine::all)?;
            let rows = rows.into_iter().map(SetAsideView::of).collect();
            listing::print(shell, &list.shown, true, rows, &LAYOUT)
        }
        Verb::Show(one) => {
            let opened = load::look(at, shell)?;
            let row = opened.store.read_here(|c| quarantine::find(c, one.id))?;
            let found = row.map(SetAsideView::of).ok_or_else(|| unknown(one.id))?;
            one.told.tell(shell, &found, lines)
        }
        Verb::Dismiss(dismiss) => take_off(shell, at, dismiss),
    }
}

fn unknown(id: i64) -> Failure {
    Failure::work(format!(
        "no document {id} was set aside; poamd quarantine list --format json shows them all"
    ))
}

fn lines(row: &SetAsideView) -> Vec<String> {
    let mut lines = vec![
        format!("{}  {}, run {}, {}", row.id, row.state, row.run, row.seen),
        format!("place   {}", row.place),
        format!("reason  {}", row.reason),
        format!("begins  {}", row.excerpt),
    ];
    if let (Some(at), Some(by), Some(why)) = (&row.dismissed, &row.dismissed_by, &row.dismissed_why)
    {
        lines.push(format!("dismissed {at} by {by}: {why}"));
    }
    lines
}

fn take_off(shell: &mut Shell<'_>, at: Option<&Path>, dismiss: &Dismiss) -> Result<(), Failure> {
    let why = dismiss.why.trim();
    if why.is_empty() {
        return Err(Failure::usage(
            "--why is empty; say what was done about it: the audit log keeps it",
        ));
    }
    let opened = load::open(at, shell)?;
    let (actor, now) = (shell.actor(), shell.clock.now());
    for id in &dismiss.ids {
        let known = opened.store.write_here(|conn| {
            let Some(row) = quarantine::find(conn, *id)? else {
                return Ok(None);
            };
            let is_new = quarantine::dismiss(conn, *id, &actor, why, now)?;
            if is_new {
                let event = Event {
                    at: now,
                    actor: actor.clone(),
                    kind: "quarantine.dismissed",
                    subject: format!("set-aside:{id}"),
                    body: json!({ "place": row.place, "reason": row.reason, "why": why }),
                };
                audit::append(conn, &event)?;
            }
            Ok(Some(is_new))
        })?;
        match known {
            None => return Err(unknown(*id)),
            Some(true) => shell.say(&format!("{id} is dismissed"))?,
            Some(false) => shell.say(&format!("{id} was dismissed before; nothing was written"))?,
        }
    }
    Ok(())
}
