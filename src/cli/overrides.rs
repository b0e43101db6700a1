//! `poamd override`: what findings of a weakness, a technology or an account count with, by a person's word.

use std::path::Path;

use clap::{Args, Subcommand};
use poamd_contract::severity::Severity;
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::listing::{self, Ink, Layout, Shown};
use super::load::{self, Opened};
use super::shell::Shell;
use crate::domain::overrides::AccountPattern;
use crate::domain::record::RecordId;
use crate::domain::score;
use crate::jobs::rules;
use crate::poam;
use crate::query::{Column, View, time};
use crate::store::audit::{self, Event};
use crate::store::columns::Col;
use crate::store::overrides::{self, NewOverride, OverrideRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, findings, records};

/// Reasons shorter than this say nothing.
const LEAST_REASON: usize = 10;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lay down a score or a severity, or switch a weakness off
    ///
    /// The first override that matches wins, and those that name accounts go before those that do not. It counts from
    /// now on. It never lowers the rating of a record that is there: that needs an approved deviation.
    Add(Add),
    /// Overrides in force; with --all also those that were removed
    List(List),
    /// Take one back; it stays in the list as history
    Remove(Remove),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["weakness", "technology", "account_pattern"]))]
#[command(group = clap::ArgGroup::new("how").required(true).multiple(true).args(["score", "severity", "disable"]))]
pub struct Add {
    /// Weakness id: a control, a CVE, a policy; * and ? allowed
    #[arg(long, value_name = "ID")]
    weakness: Option<String>,
    /// Technology of the item: s3, iamuser …; * and ? allowed
    #[arg(long, value_name = "NAME")]
    technology: Option<String>,
    /// id=…, name=…, label=…, partition=…, or an account's number or name; * and ? allowed
    #[arg(long, value_name = "PATTERN")]
    account_pattern: Option<AccountPattern>,
    /// Points from 0 to 10
    #[arg(long, value_name = "POINTS", value_parser = points)]
    score: Option<i64>,
    /// critical, high, medium, low, informational
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    severity: Option<Severity>,
    /// Findings count nothing and make no new record
    #[arg(long, conflicts_with_all = ["score", "severity"])]
    disable: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    why: String,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Its number in the list
    id: i64,
    /// Why
    #[arg(long, value_name = "TEXT")]
    why: String,
}

fn points(text: &str) -> Result<i64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|points| (0.0..=10.0).contains(points))
        .map(|points| (points * 10.0).round() as i64)
        .ok_or_else(|| format!("{text:?} is no score: points from 0 to 10, such as 7.5"))
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_label(text).ok_or_else(|| {
        format!(
            "{text:?} is no severity; there are {}",
            Severity::ALL.map(Severity::as_str).join(", ")
        )
    })
}

/// One override.
#[derive(Debug, Serialize)]
struct OverrideView {
    id: i64,
    weakness: Option<String>,
    technology: Option<String>,
    account_pattern: Option<String>,
    score: Option<serde_json::Number>,
    severity: Option<Severity>,
    disabled: bool,
    why: String,
    actor: String,
    at: String,
    removed: Option<String>,
    removed_by: Option<String>,
    removed_why: Option<String>,
}

impl View for OverrideView {
    const NOUN: &'static str = "overrides";
    const OPEN: &'static str = "overrides in force";
    const COLUMNS: &'static [Column] = &[
        ("id", &["id"]),
        ("weakness", &["weakness"]),
        ("technology", &["technology"]),
        ("account_pattern", &["account_pattern"]),
        ("score", &["score"]),
        ("severity", &["severity"]),
        ("disabled", &["disabled"]),
        ("why", &["why"]),
        ("actor", &["actor"]),
        ("at", &["at"]),
        ("removed", &["removed"]),
        ("removed_by", &["removed_by"]),
        ("removed_why", &["removed_why"]),
    ];

    fn is_open(&self) -> bool {
        self.removed.is_none()
    }
}

impl OverrideView {
    fn of(row: OverrideRow) -> Self {
        Self {
            id: row.id,
            weakness: row.weakness,
            technology: row.technology,
            account_pattern: row.account_pattern,
            score: row.score.map(score::number),
            severity: row.severity.map(|s| s.0),
            disabled: row.disabled,
            why: row.why,
            actor: row.actor,
            at: time(row.at),
            removed: row.removed_at.map(time),
            removed_by: row.removed_by,
            removed_why: row.removed_why,
        }
    }
}

const LAYOUT: Layout<OverrideView> = Layout {
    headings: &[
        "id",
        "weakness",
        "technology",
        "account",
        "counts as",
        "why",
        "by",
        "since",
    ],
    cells: |row| {
        let any = |text: &Option<String>| text.clone().unwrap_or_else(|| "any".to_owned());
        let counts = match (row.disabled, row.severity, &row.score) {
            (true, _, _) => Ink::Warning("nothing (disabled)".to_owned()),
            (_, Some(severity), Some(score)) => Ink::Plain(format!("{severity}, {score}")),
            (_, Some(severity), None) => Ink::Plain(severity.to_string()),
            (_, None, Some(score)) => Ink::Plain(format!("score {score}")),
            (_, None, None) => Ink::Plain(String::new()),
        };
        vec![
            Ink::Number(row.id.to_string()),
            Ink::Plain(any(&row.weakness)),
            Ink::Plain(any(&row.technology)),
            Ink::Plain(any(&row.account_pattern)),
            counts,
            Ink::Plain(listing::short(&row.why, 60)),
            Ink::Plain(row.actor.clone()),
            Ink::Plain(listing::day(&row.at)),
        ]
    },
    rank: |row| {
        (
            i64::from(row.account_pattern.is_none()),
            format!("{:012}", row.id),
        )
    },
    spare: &[7, 6, 2],
    again: "poamd override list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Add(new) => add(shell, at, new),
        Verb::List(list) => {
            let opened = load::look(at, shell)?;
            let rows = opened.store.read_here(overrides::all)?;
            let rows = rows.into_iter().map(OverrideView::of).collect();
            listing::print(shell, &list.shown, true, rows, &LAYOUT)
        }
        Verb::Remove(one) => remove(shell, at, one),
    }
}

fn reason(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.chars().count() < LEAST_REASON || text.chars().count() > 2_000 {
        return Err(Failure::work(format!(
            "--why is no reason yet: say it in {LEAST_REASON} to 2000 characters, an assessor will read it"
        )));
    }
    Ok(text.to_owned())
}

fn add(shell: &mut Shell<'_>, at: Option<&Path>, new: &Add) -> Result<(), Failure> {
    let why = reason(&new.why)?;
    let opened = load::open(at, shell)?;
    let (now, actor) = (shell.clock.now(), shell.actor());
    let row = NewOverride {
        weakness: new.weakness.clone(),
        technology: new.technology.clone(),
        account_pattern: new.account_pattern.as_ref().map(ToString::to_string),
        score: new.score,
        severity: new.severity.map(Col),
        disabled: new.disable,
        why: why.clone(),
        actor: actor.clone(),
        at: stamp(now),
    };
    let body = json!({
        "weakness": row.weakness, "technology": row.technology, "account": row.account_pattern,
        "score": row.score, "severity": new.severity, "disabled": row.disabled, "why": why,
    });
    let (id, touched, kept) = opened.store.write_here(|conn| {
        let id = overrides::insert(conn, &row)?;
        let event = Event {
            at: now,
            actor: actor.clone(),
            kind: "override.added",
            subject: format!("override:{id}"),
            body,
        };
        let touched = note(conn, id, &event)?;
        let kept = keeps_rating(conn, &touched, new)?;
        Ok((id, touched.len(), kept))
    })?;
    plan(shell, &opened)?;
    shell.say(&format!(
        "override {id} is in force; {} planned anew",
        listing::counted(touched as i128, "weaknesses")
    ))?;
    if !kept.is_empty() {
        shell.say(&format!(
            "{} {} as before: an override opens no door to a lower rating, an approved deviation does ({}{})",
            listing::counted(kept.len() as i128, "open records"),
            if kept.len() == 1 { "stays" } else { "stay" },
            kept.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(", "),
            if kept.len() > 5 { ", …" } else { "" },
        ))?;
    }
    Ok(())
}

/// The event, and everything the override is about into the planner's line.
fn note(
    conn: &mut AnyConnection,
    id: i64,
    event: &Event,
) -> crate::store::Result<std::collections::BTreeSet<(String, String)>> {
    audit::append(conn, event)?;
    let touched = match overrides::find(conn, id)? {
        Some(row) => overrides::touched(conn, &row.parsed()?)?,
        None => Default::default(),
    };
    findings::enqueue_planning(conn, touched.iter().map(|(a, w)| (a.as_str(), w.as_str())))?;
    Ok(touched)
}

/// Live records of what it is about that are rated higher than it says, or that it switches off.
fn keeps_rating(
    conn: &mut AnyConnection,
    touched: &std::collections::BTreeSet<(String, String)>,
    new: &Add,
) -> crate::store::Result<Vec<RecordId>> {
    if new.severity.is_none() && !new.disable {
        return Ok(Vec::new());
    }
    Ok(records::all(conn)?
        .into_iter()
        .filter(|row| row.status.0.is_live())
        .filter(|row| touched.contains(&(row.account.clone(), row.weakness_id.clone())))
        .filter(|row| new.disable || row.severity.map(|s| s.0) > new.severity)
        .map(|row| RecordId(row.id))
        .collect())
}

fn plan(shell: &Shell<'_>, opened: &Opened) -> Result<(), Failure> {
    poam::activate(
        &opened.store,
        &rules::poam(&opened.config.poam),
        shell.clock.now(),
        &shell.actor(),
    )?;
    Ok(())
}

fn remove(shell: &mut Shell<'_>, at: Option<&Path>, one: &Remove) -> Result<(), Failure> {
    let why = reason(&one.why)?;
    let opened = load::open(at, shell)?;
    let (now, actor) = (shell.clock.now(), shell.actor());
    let touched = opened.store.write_here(|conn| {
        let Some(row) = overrides::find(conn, one.id)?.filter(|row| row.removed_at.is_none())
        else {
            return Ok(None);
        };
        overrides::update(
            conn,
            &OverrideRow {
                removed_at: Some(stamp(now)),
                removed_by: Some(actor.clone()),
                removed_why: Some(why.clone()),
                ..row
            },
        )?;
        let event = Event {
            at: now,
            actor: actor.clone(),
            kind: "override.removed",
            subject: format!("override:{}", one.id),
            body: json!({ "why": why }),
        };
        note(conn, one.id, &event).map(|touched| Some(touched.len()))
    })?;
    let Some(touched) = touched else {
        return Err(Failure::work(format!(
            "there is no override {} in force; see poamd override list",
            one.id
        )));
    };
    plan(shell, &opened)?;
    shell.say(&format!(
        "override {} is in force no longer; {} planned anew",
        one.id,
        listing::counted(touched as i128, "weaknesses")
    ))
}
