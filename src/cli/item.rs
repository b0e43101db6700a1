//! `poamd item`: resources, what is wrong with them, how they changed.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load::{self, Opened};
use super::shell::Shell;
use super::summary::Told;
use crate::query::filter::Filter;
use crate::query::finding::{self, FindingView};
use crate::query::item::{self, ItemView};
use crate::query::time;
use crate::store::{self, AnyConnection, items};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All items, those with the highest score first
    List(Box<List>),
    /// One item: its findings and the revisions of its configuration
    Show(One),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
    #[command(flatten)]
    filters: Filters,
}

#[derive(Debug, Args)]
pub struct One {
    /// ARN, or name
    item: String,
    #[command(flatten)]
    told: Told,
}

/// One item with all there is to know of it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    item: ItemView,
    open_findings: Vec<FindingView>,
    revisions: Vec<Revision>,
}

#[derive(Serialize)]
struct Revision {
    number: i64,
    seen: String,
    config: Value,
}

const LAYOUT: Layout<ItemView> = Layout {
    headings: &[
        "name",
        "technology",
        "account",
        "region",
        "score",
        "unjust.",
        "findings",
        "modified",
    ],
    cells: |item| {
        vec![
            Ink::Plain(listing::short(&item.name, 60)),
            Ink::Plain(item.technology.clone()),
            Ink::Plain(
                item.account_name
                    .clone()
                    .unwrap_or_else(|| item.account.clone()),
            ),
            Ink::Plain(item.region.clone()),
            Ink::Number(item.score.to_string()),
            Ink::Number(item.unjustified_score.to_string()),
            Ink::Number(item.findings.to_string()),
            Ink::Plain(listing::day(&item.last_modified)),
        ]
    },
    rank: |item| (-listing::tenths(&item.unjustified_score), item.arn.clone()),
    spare: &[],
    again: "poamd item list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => {
            let filter = list.filters.filter();
            filter.check_status("items", &item::STATUSES)?;
            let opened = load::look(at, shell)?;
            let rows = opened.filtered(&filter, |conn, snapshot| {
                item::list(conn, snapshot, &filter)
            })?;
            listing::print(shell, &list.shown, list.filters.any_status(), rows, &LAYOUT)
        }
        Verb::Show(one) => {
            let opened = load::look(at, shell)?;
            let whole = find(&opened, &one.item)?;
            one.told.tell(shell, &whole, lines)
        }
    }
}

fn find(opened: &Opened, wanted: &str) -> Result<Whole, Failure> {
    let everything = Filter::default();
    let (items, findings) = opened.view(|conn, snapshot| {
        Ok((
            item::list(conn, snapshot, &everything)?,
            finding::list(conn, snapshot, &everything)?,
        ))
    })?;
    let mut named: Vec<ItemView> = items
        .into_iter()
        .filter(|i| i.arn == wanted || i.name == wanted)
        .collect();
    if named.len() > 1 {
        let arns: Vec<&str> = named.iter().take(5).map(|i| i.arn.as_str()).collect();
        return Err(Failure::work(format!(
            "{} items are called {wanted:?}; name one by its ARN: {}",
            named.len(),
            arns.join(", ")
        )));
    }
    let Some(item) = named.pop() else {
        return Err(Failure::work(format!(
            "no item is called {wanted:?}; see poamd item list --all"
        )));
    };
    let sits_on = |f: &FindingView| {
        f.account == item.account
            && f.items.iter().any(|i| i.arn == item.arn)
            && crate::query::View::is_open(f)
    };
    let open_findings = findings.into_iter().filter(sits_on).collect();
    let revisions = opened.store.read_here(|conn| revisions(conn, &item))?;
    Ok(Whole {
        item,
        open_findings,
        revisions,
    })
}

fn revisions(conn: &mut AnyConnection, item: &ItemView) -> store::Result<Vec<Revision>> {
    items::revisions(conn, &item.account, &item.arn)?
        .into_iter()
        .map(|row| {
            Ok(Revision {
                number: row.number,
                seen: time(row.seen_at),
                config: store::from_json("the configuration of an item", &row.config)?,
            })
        })
        .collect()
}

fn lines(whole: &Whole) -> Vec<String> {
    let item = &whole.item;
    let mut lines = vec![
        format!("{}  {}", item.technology, item.name),
        format!("arn       {}", item.arn),
        format!(
            "account   {} {}",
            item.account,
            item.account_name.as_deref().unwrap_or("(not watched)")
        ),
        format!("region    {}", item.region),
        format!(
            "score     {} ({} unjustified)",
            item.score, item.unjustified_score
        ),
        format!(
            "seen      since {}, last changed {}",
            item.first_seen, item.last_modified
        ),
    ];
    if !item.active {
        lines.push("gone      two complete looks did not show it".to_owned());
    }
    for finding in &whole.open_findings {
        let poam = finding
            .poam
            .map(|id| format!(" on {id}"))
            .unwrap_or_default();
        lines.push(format!(
            "finding   {} {} {}{poam}",
            finding.id, finding.weakness, finding.title
        ));
    }
    for revision in &whole.revisions {
        lines.push(format!(
            "revision  {} seen {}",
            revision.number, revision.seen
        ));
    }
    if let Some(last) = whole.revisions.last() {
        lines.push(format!("config    {}", last.config));
    }
    lines
}
