//! `poamd policy`: the rules in force, their form and their tests.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use crate::domain::score;
use crate::policy::{Origin, Policy, PolicyProblems, PolicySet};
use crate::query::{Column, View};
use crate::render::sink;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All policies in force
    List(List),
    /// Run the tests that stand beside the policies
    Test(Where),
    /// Check the form of all policies: they parse, say what they are, have tests
    Check(Where),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct Where {
    /// Folder of your own policies; without it the one in the configuration, if there is a configuration
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// One policy.
#[derive(Debug, Serialize)]
struct PolicyView {
    id: String,
    title: String,
    technology: String,
    severity: String,
    score: serde_json::Number,
    controls: Vec<String>,
    equivalent: Vec<String>,
    references: Vec<String>,
    rationale: String,
    remediation: String,
    /// `packaged` or `custom`.
    origin: &'static str,
    file: String,
}

impl View for PolicyView {
    const NOUN: &'static str = "policies";
    const OPEN: &'static str = "policies";
    const COLUMNS: &'static [Column] = &[
        ("id", &["id"]),
        ("title", &["title"]),
        ("technology", &["technology"]),
        ("severity", &["severity"]),
        ("score", &["score"]),
        ("controls", &["controls"]),
        ("equivalent", &["equivalent"]),
        ("references", &["references"]),
        ("rationale", &["rationale"]),
        ("remediation", &["remediation"]),
        ("origin", &["origin"]),
        ("file", &["file"]),
    ];

    fn is_open(&self) -> bool {
        true
    }
}

impl PolicyView {
    fn of(policy: &Policy) -> Self {
        let meta = policy.meta();
        Self {
            id: meta.id.clone(),
            title: meta.title.clone(),
            technology: meta.technology.clone(),
            severity: meta.severity.to_string(),
            score: score::number(i64::from(meta.score)),
            controls: meta.controls.clone(),
            equivalent: meta.equivalent.clone(),
            references: meta.references.clone(),
            rationale: meta.rationale.clone(),
            remediation: meta.remediation.clone(),
            origin: match policy.origin() {
                Origin::Packaged => "packaged",
                Origin::Custom => "custom",
            },
            file: policy.source().path.clone(),
        }
    }
}

const LAYOUT: Layout<PolicyView> = Layout {
    headings: &[
        "id",
        "technology",
        "severity",
        "score",
        "title",
        "equals",
        "origin",
    ],
    cells: |p| {
        vec![
            Ink::Plain(p.id.clone()),
            Ink::Plain(p.technology.clone()),
            Ink::Plain(p.severity.clone()),
            Ink::Number(p.score.to_string()),
            Ink::Plain(listing::short(&p.title, 70)),
            Ink::Plain(p.equivalent.join(" ")),
            Ink::Plain(p.origin.to_owned()),
        ]
    },
    rank: |p| (0, p.id.clone()),
    spare: &[],
    again: "poamd policy list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::List(list) => {
            let set = load_set(shell, at, &list.place)?;
            let rows: Vec<PolicyView> = set.policies().map(PolicyView::of).collect();
            listing::print(shell, &list.shown, false, rows, &LAYOUT)?;
            Ok(Exit::Done)
        }
        Verb::Test(place) => test(shell, &load_set(shell, at, place)?),
        Verb::Check(place) => {
            let set = load_set(shell, at, place)?;
            shell.say(&format!(
                "{} policies are well formed",
                set.policies().count()
            ))?;
            Ok(Exit::Done)
        }
    }
}

/// The packaged policies and those of a folder: the one named, else the configuration's, if there is one.
fn load_set(shell: &Shell<'_>, at: Option<&Path>, place: &Where) -> Result<PolicySet, Failure> {
    let wanted = at.is_some() || load::config_path(at, shell).exists();
    let dir = match &place.dir {
        Some(dir) => Some(dir.clone()),
        None if wanted => load::config(at, shell)?.policies.dir,
        None => None,
    };
    PolicySet::load(dir.as_deref()).map_err(|PolicyProblems(problems)| {
        let mut text = format!("the policies cannot be used, {} problems:", problems.len());
        for problem in &problems {
            text.push_str(&format!("\n{}", sink::text(&problem.to_string())));
        }
        Failure::work(text)
    })
}

fn test(shell: &mut Shell<'_>, set: &PolicySet) -> Result<Exit, Failure> {
    let outcomes = set.test();
    let failed = outcomes.iter().filter(|o| !o.passed()).count();
    for outcome in outcomes.iter().filter(|o| !o.passed()) {
        let why = outcome.failure.as_deref().unwrap_or_default();
        shell.say(&sink::text(&format!(
            "FAILED {} {}: {why}",
            outcome.file, outcome.name
        )))?;
    }
    shell.say(&format!(
        "{} tests passed, {failed} failed",
        outcomes.len() - failed
    ))?;
    Ok(if failed == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}
