//! `poamd finding`: single findings.

use std::path::Path;

use clap::{Args, Subcommand};
use poamd_contract::severity::Severity;
use serde::Serialize;

use super::failure::Failure;
use super::filters::Filters;
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::domain::finding::FindingStatus;
use crate::query::filter::Filter;
use crate::query::finding::{self, FindingView};
use crate::store::findings;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All findings, those with the highest score first
    List(Box<List>),
    /// One finding in full
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
    /// Its id, or what a detector calls it
    finding: String,
    #[command(flatten)]
    told: Told,
}

/// One finding with its texts.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    finding: FindingView,
    description: String,
    remediation: String,
    requirements: Vec<String>,
}

const LAYOUT: Layout<FindingView> = Layout {
    headings: &[
        "id", "severity", "score", "weakness", "title", "item", "account", "source", "poam",
    ],
    cells: |f| {
        vec![
            Ink::Plain(f.id.clone()),
            severity(f.severity),
            Ink::Number(f.score.to_string()),
            Ink::Plain(listing::short(&f.weakness, 32)),
            Ink::Plain(listing::short(&f.title, 60)),
            Ink::Plain(
                f.item
                    .as_ref()
                    .map(|i| listing::short(&i.name, 40))
                    .unwrap_or_default(),
            ),
            Ink::Plain(f.account_name.clone().unwrap_or_else(|| f.account.clone())),
            Ink::Plain(f.source.clone()),
            Ink::Plain(f.poam.map(|id| id.to_string()).unwrap_or_default()),
        ]
    },
    rank: |f| (-listing::tenths(&f.score), f.id.clone()),
    spare: &[7, 2, 6, 3],
    again: "poamd finding list",
};

fn severity(severity: Option<Severity>) -> Ink {
    let word = severity.map_or("untriaged", Severity::as_str).to_owned();
    match severity {
        Some(Severity::Critical | Severity::High) => Ink::Alarm(word),
        Some(Severity::Medium) => Ink::Warning(word),
        _ => Ink::Plain(word),
    }
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => {
            let filter = list.filters.filter();
            filter.check_status("findings", &FindingStatus::ALL.map(FindingStatus::as_str))?;
            let opened = load::look(at, shell)?;
            let rows = opened.filtered(&filter, |conn, snapshot| {
                finding::list(conn, snapshot, &filter)
            })?;
            listing::print(shell, &list.shown, list.filters.any_status(), rows, &LAYOUT)
        }
        Verb::Show(one) => {
            let opened = load::look(at, shell)?;
            let all =
                opened.view(|conn, snapshot| finding::list(conn, snapshot, &Filter::default()))?;
            let named =
                |f: &FindingView| f.id == one.finding || f.native_ids.contains(&one.finding);
            let Some(finding) = all.into_iter().find(named) else {
                return Err(Failure::work(format!(
                    "there is no finding {:?}; see poamd finding list --all",
                    one.finding
                )));
            };
            let row = opened.store.read_here(|conn| {
                findings::by_fingerprints(conn, &finding.account, &[&finding.id])
            })?;
            let row = row.get(&finding.id);
            let whole = Whole {
                description: row.map(|r| r.description.clone()).unwrap_or_default(),
                remediation: row.map(|r| r.remediation.clone()).unwrap_or_default(),
                requirements: row
                    .and_then(|r| serde_json::from_str(&r.requirements).ok())
                    .unwrap_or_default(),
                finding,
            };
            one.told.tell(shell, &whole, lines)
        }
    }
}

fn lines(whole: &Whole) -> Vec<String> {
    let f = &whole.finding;
    let mut lines = vec![
        format!("{}  {}", f.id, f.title),
        format!("weakness  {} ({})", f.weakness, f.kind.as_str()),
        format!(
            "status    {}{}{}",
            f.status,
            f.at_source
                .as_deref()
                .map(|s| format!(", {s}"))
                .unwrap_or_default(),
            if f.justified { ", justified" } else { "" }
        ),
        format!(
            "severity  {}, score {}",
            f.severity.map_or("untriaged", Severity::as_str),
            f.score
        ),
        format!(
            "account   {} {}",
            f.account,
            f.account_name.as_deref().unwrap_or("(not watched)")
        ),
        format!("region    {}", f.region),
        format!("seen by   {} through {}", f.source, f.channels.join(", ")),
        format!("seen      {} to {}", f.first_seen, f.last_seen),
    ];
    lines.extend(
        f.items
            .iter()
            .map(|i| format!("item      {} {}", i.technology, i.arn)),
    );
    lines.extend(f.native_ids.iter().map(|id| format!("native    {id}")));
    if let Some(poam) = f.poam {
        lines.push(format!("record    {poam}"));
    }
    lines.extend(
        f.tickets
            .iter()
            .map(|t| format!("ticket    {} {} {}", t.key, t.state, t.url)),
    );
    lines.extend(f.marks.iter().map(|mark| format!("mark      {mark}")));
    lines.extend(whole.requirements.iter().map(|r| format!("breaks    {r}")));
    lines.push(format!("what      {}", whole.description));
    lines.push(format!("fix       {}", whole.remediation));
    lines
}
