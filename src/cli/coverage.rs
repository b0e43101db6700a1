//! `poamd coverage`: where we looked, and where we could not.

use std::path::Path;

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use crate::query::coverage::{self, CoverageView};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Account × region × service: how far the last look got; a table shows the gaps
    List(List),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    filters: Filters,
}

const LAYOUT: Layout<CoverageView> = Layout {
    headings: &["account", "region", "service", "state", "since", "reason"],
    cells: |c| {
        vec![
            Ink::Plain(c.account_name.clone().unwrap_or_else(|| c.account.clone())),
            Ink::Plain(c.region.clone()),
            Ink::Plain(c.service.clone()),
            match c.state.as_str() {
                "complete" => Ink::Calm(c.state.clone()),
                "off" | "ended" => Ink::Warning(c.state.clone()),
                _ => Ink::Alarm(c.state.clone()),
            },
            Ink::Plain(c.since.clone()),
            Ink::Plain(listing::short(c.reason.as_deref().unwrap_or_default(), 160)),
        ]
    },
    rank: |c| (0, format!("{} {} {}", c.account, c.region, c.service)),
    spare: &[4],
    again: "poamd coverage list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    let Verb::List(list) = verb;
    let filter = list.filters.filter();
    filter.check_status("coverage", &coverage::STATUSES)?;
    let opened = load::look(at, shell)?;
    let now = shell.clock.now();
    let rows = opened.filtered(&filter, |conn, snapshot| {
        coverage::list(conn, snapshot, &filter, now)
    })?;
    listing::print(shell, &list.shown, list.filters.any_status(), rows, &LAYOUT)
}
