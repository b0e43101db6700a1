//! `poamd poam`: the records.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::audit::EventView;
use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::exchange::{self, Entry};
use crate::query::filter::Filter;
use crate::query::poam::{self, PoamView};
use crate::store::audit;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All records, those due first first
    List(Box<List>),
    /// One record: its findings, tickets and history
    Show(One),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
    /// Only those past their due day that are not closed
    #[arg(long, help_heading = "Filters")]
    late: bool,
    #[command(flatten)]
    filters: Filters,
}

#[derive(Debug, Args)]
pub struct One {
    /// POAM-000123, or 123
    record: RecordId,
    #[command(flatten)]
    told: Told,
}

/// One record with what it rests on and what happened to it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    entry: Entry,
    /// Newest first.
    history: Vec<EventView>,
}

/// How many events of a record are shown.
const HISTORY: i64 = 200;

const LAYOUT: Layout<PoamView> = Layout {
    headings: &[
        "id", "rating", "due", "status", "weakness", "title", "account", "items", "ticket",
    ],
    cells: |r| {
        vec![
            Ink::Plain(r.id.to_string()),
            rating(r.rating),
            Ink::Plain(r.due.map(|d| d.to_string()).unwrap_or_default()),
            status(r.status, r.justification.is_some()),
            Ink::Plain(listing::short(&r.weakness, 32)),
            Ink::Plain(listing::short(&r.title, 60)),
            Ink::Plain(r.account_name.clone().unwrap_or_else(|| r.account.clone())),
            Ink::Plain(listing::first_of(r.items.iter().map(|i| i.name.as_str()))),
            Ink::Plain(listing::first_of(r.tickets.iter().map(|t| t.key.as_str()))),
        ]
    },
    rank: |r| {
        let due = r.due.map_or(i64::MAX, |d| {
            i64::from(chrono::Datelike::num_days_from_ce(&d))
        });
        (due, r.id.to_string())
    },
    spare: &[7, 4, 3],
    again: "poamd poam list",
};

fn rating(rating: Option<Rating>) -> Ink {
    let word = rating.map_or("-", Rating::word).to_owned();
    match rating {
        Some(Rating::High) => Ink::Alarm(word),
        Some(Rating::Moderate) => Ink::Warning(word),
        _ => Ink::Plain(word),
    }
}

fn status(status: RecordStatus, justified: bool) -> Ink {
    let word = format!("{status}{}", if justified { ", justified" } else { "" });
    match status {
        RecordStatus::Closed => Ink::Calm(word),
        _ => Ink::Plain(word),
    }
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => {
            let filter = list.filters.filter();
            filter.check_status("records", &RecordStatus::ALL.map(RecordStatus::as_str))?;
            let opened = load::look(at, shell)?;
            let mut rows = opened.filtered(&filter, |conn, snapshot| {
                poam::list(conn, snapshot, &filter)
            })?;
            let today = shell.clock.now().date_naive();
            rows.retain(|row| !list.late || row.is_late(today));
            listing::print(shell, &list.shown, list.filters.any_status(), rows, &LAYOUT)
        }
        Verb::Show(one) => {
            let opened = load::look(at, shell)?;
            let all = opened
                .view(|conn, snapshot| exchange::dataset(conn, snapshot, &Filter::default()))?;
            let Some(entry) = all.into_iter().find(|e| e.record.id == one.record) else {
                return Err(Failure::work(format!(
                    "there is no record {}; see poamd poam list --all",
                    one.record
                )));
            };
            let subject = one.record.to_string();
            let events = opened
                .store
                .read_here(|conn| audit::list(conn, Some(&subject), HISTORY))?;
            let whole = Whole {
                entry,
                history: events.into_iter().map(EventView::of).collect(),
            };
            one.told.tell(shell, &whole, lines)
        }
    }
}

fn lines(whole: &Whole) -> Vec<String> {
    let r = &whole.entry.record;
    let mut lines = vec![
        format!("{}  {}", r.id, r.title),
        format!("weakness  {} ({})", r.weakness, r.kind.as_str()),
        format!(
            "account   {} {}",
            r.account,
            r.account_name.as_deref().unwrap_or("(not watched)")
        ),
        format!("status    {}", r.status),
        format!(
            "rating    {}, score {} ({} unjustified)",
            r.rating.map_or("-", Rating::word),
            r.score,
            r.unjustified_score
        ),
        format!("detected  {}", r.detected),
        match r.due {
            Some(due) => format!("due       {due} ({})", r.due_rule),
            None => "due       no day".to_owned(),
        },
        format!("seen by   {}", r.sources.join(", ")),
    ];
    lines.extend(
        r.items
            .iter()
            .map(|i| format!("item      {} {}", i.technology, i.arn)),
    );
    lines.extend(
        r.tickets
            .iter()
            .map(|t| format!("ticket    {} {} {} {}", t.desk, t.key, t.state, t.url)),
    );
    if let Some(j) = &r.justification {
        lines.push(format!(
            "justified by {} at {}, holds to the end of {}: {}",
            j.author, j.at, j.until, j.text
        ));
    }
    lines.extend(
        whole
            .entry
            .findings
            .iter()
            .map(|f| format!("finding   {} {} {} {}", f.id, f.status, f.source, f.title)),
    );
    lines.extend(
        whole
            .history
            .iter()
            .map(|e| format!("event     {} {} {} by {}", e.n, e.at, e.kind, e.actor)),
    );
    lines
}
