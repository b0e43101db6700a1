//! `poamd poam`: the records.

mod acts;
mod show;

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};

use super::day::day;
use super::evidence;
use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use super::triggers;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::domain::record_fact::FactName;
use crate::jobs::rules;
use crate::query::poam::{self, PoamView};
use crate::query::priority;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All records, those due first first
    List(Box<List>),
    /// One record: its findings, plan, tickets and history
    Show(Show),
    /// How far the records are from what makes an agency escalate
    Triggers(Told),
    /// Everything that happened to a record, oldest first
    History(One),
    /// Begin with the work
    Begin(acts::Maybe),
    /// Say that it is done; evidence closes it
    ClaimDone(acts::Because),
    /// Keep a remark
    Comment(acts::Comment),
    /// Who answers for it
    Contact(acts::Fact),
    /// How it will be fixed
    Plan(acts::Fact),
    /// What the fix needs beyond the usual
    Resources(acts::Fact),
    /// Which controls of NIST SP 800-53 it hits
    Controls(acts::Fact),
    /// Which services of the offering it concerns
    Service(acts::Fact),
    /// Evaluate it: reachable, exploitable, how bad (FedRAMP VER, BOD 26-04)
    Evaluate(Box<acts::Evaluate>),
    /// Steps of the plan
    #[command(subcommand)]
    Milestone(acts::Milestone),
    /// False positives, risk adjustments, operational requirements
    #[command(subcommand)]
    Deviation(acts::Deviation),
    /// Fixes that only a vendor can ship
    #[command(subcommand)]
    Vendor(acts::Vendor),
    /// Attach a file that supports it
    Attach(acts::Attach),
    /// Files that were attached
    #[command(subcommand)]
    Evidence(acts::Evidence),
    /// Merge it into another record of its account
    Merge(acts::Merge),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
    /// Only those past their due day that are not closed
    #[arg(long, help_heading = "Filters")]
    late: bool,
    /// Only those due within so many days
    #[arg(
        long,
        value_name = "DAYS",
        conflicts_with = "late",
        help_heading = "Filters"
    )]
    due_soon: Option<u32>,
    /// Only those with a deviation that waits for somebody's word
    #[arg(long, help_heading = "Filters")]
    deviation_pending: bool,
    /// Only those whose vendor should have been asked again by now
    #[arg(long, help_heading = "Filters")]
    check_in_overdue: bool,
    /// What comes first
    #[arg(long, value_enum, default_value = "due", value_name = "ORDER")]
    sort: Sort,
    #[command(flatten)]
    filters: Filters,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// What is due first
    Due,
    /// What to work on first
    Priority,
}

#[derive(Debug, Args)]
pub struct One {
    /// POAM-000123, or 123
    record: RecordId,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    one: One,
    /// What the sources said of its findings: every document as it came, with its hash
    #[arg(long)]
    evidence: bool,
    /// With --evidence: what held at the end of that day in UTC (2026-11-30); otherwise what holds now
    #[arg(long, value_name = "DATE", value_parser = day, requires = "evidence")]
    on: Option<NaiveDate>,
    /// With --evidence: a folder for the documents, one file each, byte for byte as they came
    #[arg(long, value_name = "FOLDER", requires = "evidence")]
    into: Option<PathBuf>,
}

const LAYOUT: Layout<PoamView> = Layout {
    headings: &[
        "id", "rating", "due", "priority", "status", "weakness", "title", "account", "items",
        "ticket",
    ],
    cells: |r| {
        vec![
            Ink::Plain(r.id.to_string()),
            rating(r.rating),
            Ink::Plain(r.due.map(|d| d.to_string()).unwrap_or_default()),
            Ink::Number(r.priority.map(|p| p.to_string()).unwrap_or_default()),
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
    spare: &[8, 5, 4, 3],
    again: "poamd poam list",
};

const BY_PRIORITY: Layout<PoamView> = Layout {
    rank: |r| (-r.priority.unwrap_or_default(), r.id.to_string()),
    ..LAYOUT
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
        Verb::List(args) => list(shell, at, args),
        Verb::Show(args) if args.evidence => {
            let one = &args.one;
            evidence::show(
                shell,
                at,
                one.record,
                args.on,
                args.into.as_deref(),
                &one.told,
            )
        }
        Verb::Show(args) => show::run(shell, at, args.one.record, &args.one.told),
        Verb::Triggers(told) => triggers::run(shell, at, told),
        Verb::History(one) => show::history(shell, at, one.record, &one.told),
        Verb::Begin(args) => acts::begin(shell, at, args),
        Verb::ClaimDone(args) => acts::claim_done(shell, at, args),
        Verb::Comment(args) => acts::comment(shell, at, args),
        Verb::Contact(args) => acts::fact(shell, at, FactName::Contact, args),
        Verb::Plan(args) => acts::fact(shell, at, FactName::Plan, args),
        Verb::Resources(args) => acts::fact(shell, at, FactName::ResourcesRequired, args),
        Verb::Controls(args) => acts::fact(shell, at, FactName::Controls, args),
        Verb::Service(args) => acts::fact(shell, at, FactName::ServiceName, args),
        Verb::Evaluate(args) => acts::evaluate(shell, at, args),
        Verb::Milestone(verb) => acts::milestone(shell, at, verb),
        Verb::Deviation(verb) => acts::deviation(shell, at, verb),
        Verb::Vendor(verb) => acts::vendor(shell, at, verb),
        Verb::Attach(args) => acts::attach(shell, at, args),
        Verb::Evidence(verb) => acts::evidence(shell, at, verb),
        Verb::Merge(args) => acts::merge(shell, at, args),
    }
}

fn list(shell: &mut Shell<'_>, at: Option<&Path>, list: &List) -> Result<(), Failure> {
    let filter = list.filters.filter();
    filter.check_status("records", &RecordStatus::ALL.map(RecordStatus::as_str))?;
    let opened = load::look(at, shell)?;
    let today = shell.clock.now().date_naive();
    let clocks = rules::poam(&opened.config.poam).clocks;
    let mut rows = opened.filtered(&filter, |conn, snapshot| {
        let mut rows = poam::list(conn, snapshot, &filter)?;
        priority::fill(conn, snapshot, &clocks, today, &mut rows)?;
        Ok(rows)
    })?;
    rows.retain(|row| !list.late || row.is_late(today));
    rows.retain(|row| !list.deviation_pending || row.is_deviation_pending());
    rows.retain(|row| !list.check_in_overdue || row.is_check_in_overdue(today));
    rows.retain(|row| {
        list.due_soon
            .is_none_or(|days| row.is_due_soon(today, days))
    });
    let layout = match list.sort {
        Sort::Due => &LAYOUT,
        Sort::Priority => {
            rows.sort_by_key(|row| (std::cmp::Reverse(row.priority), row.id));
            &BY_PRIORITY
        }
    };
    let early: Vec<String> = rows
        .iter()
        .filter(|row| row.due_before_detection && row.is_late(today))
        .map(|row| row.id.to_string())
        .collect();
    let is_table = list.shown.format == listing::Format::Table;
    listing::print(shell, &list.shown, list.filters.any_status(), rows, layout)?;
    match early.as_slice() {
        [] => Ok(()),
        _ if !is_table => Ok(()),
        some => shell.say(&format!("due before it was detected: {}", named(some))),
    }
}

/// The first of them, and how many more.
fn named(ids: &[String]) -> String {
    const NAMED: usize = 10;
    let more = ids.len().saturating_sub(NAMED);
    let first = ids[..ids.len() - more].join(", ");
    match more {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
