//! `poamd report`: reports by mail, by hand.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::config::next_runs;
use super::failure::{Exit, Failure};
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::config::Report;
use crate::jobs;
use crate::query::{Column, View, time};
use crate::reports::Content;
use crate::store::mails;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The reports of the configuration, and how their last mails went
    List(List),
    /// When they go out next
    Next,
    /// Make one now and mail it
    Run(Run),
    /// Make one now and mail nothing
    Preview(Preview),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct Run {
    name: String,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct Preview {
    name: String,
    /// Folder for the text, the HTML and the attachments; without it the text on standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// One report.
#[derive(Debug, Serialize)]
struct ReportView {
    name: String,
    kind: String,
    schedule: String,
    time_zone: String,
    recipients: Vec<String>,
    enabled: bool,
    next: Vec<String>,
    /// When its last mail was made, and where that stands.
    last: Option<String>,
    last_state: Option<String>,
}

impl View for ReportView {
    const NOUN: &'static str = "reports";
    const OPEN: &'static str = "reports";
    const COLUMNS: &'static [Column] = &[
        ("name", &["name"]),
        ("kind", &["kind"]),
        ("schedule", &["schedule"]),
        ("time_zone", &["time_zone"]),
        ("recipients", &["recipients"]),
        ("enabled", &["enabled"]),
        ("next", &["next"]),
        ("last", &["last"]),
        ("last_state", &["last_state"]),
    ];

    fn is_open(&self) -> bool {
        true
    }
}

const LAYOUT: Layout<ReportView> = Layout {
    headings: &["name", "schedule", "zone", "next", "last", "state", "to"],
    cells: |r| {
        vec![
            Ink::Plain(r.name.clone()),
            Ink::Plain(r.schedule.clone()),
            Ink::Plain(r.time_zone.clone()),
            Ink::Plain(r.next.first().cloned().unwrap_or_else(|| "off".to_owned())),
            Ink::Plain(r.last.clone().unwrap_or_else(|| "never".to_owned())),
            Ink::Plain(r.last_state.clone().unwrap_or_default()),
            Ink::Plain(listing::first_of(r.recipients.iter().map(String::as_str))),
        ]
    },
    rank: |r| (0, r.name.clone()),
    spare: &[],
    again: "poamd report list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::List(list) => list_all(shell, at, &list.shown).map(|()| Exit::Done),
        Verb::Next => next(shell, at).map(|()| Exit::Done),
        Verb::Run(args) => send(shell, at, args),
        Verb::Preview(args) => preview(shell, at, args).map(|()| Exit::Done),
    }
}

fn list_all(shell: &mut Shell<'_>, at: Option<&Path>, shown: &Shown) -> Result<(), Failure> {
    let opened = load::look(at, shell)?;
    let mut rows = Vec::new();
    for report in &opened.config.reports {
        let last = opened
            .store
            .read_here(|conn| mails::last_of(conn, &report.name))?;
        rows.push(ReportView {
            name: report.name.clone(),
            kind: report.kind.as_str().to_owned(),
            schedule: report.schedule.to_string(),
            time_zone: report.time_zone.to_string(),
            recipients: report.recipients.clone(),
            enabled: report.enabled,
            next: runs(report, shell),
            last: last.as_ref().map(|mail| time(mail.created_at)),
            last_state: last.map(|mail| mail.state.0.as_str().to_owned()),
        });
    }
    listing::print(shell, shown, false, rows, &LAYOUT)
}

fn runs(report: &Report, shell: &Shell<'_>) -> Vec<String> {
    if report.enabled {
        next_runs(&report.schedule, report.time_zone, shell)
    } else {
        Vec::new()
    }
}

/// Needs no ledger: only the configuration and the clock.
fn next(shell: &mut Shell<'_>, at: Option<&Path>) -> Result<(), Failure> {
    let config = load::config(at, shell)?;
    if config.reports.is_empty() {
        return shell.say("no report is configured: add [[reports]]");
    }
    for report in &config.reports {
        let runs = runs(report, shell);
        let when = if runs.is_empty() {
            "only by hand: poamd report run".to_owned()
        } else {
            runs.join(", ")
        };
        shell.say(&format!("{}: {when}", report.name))?;
    }
    Ok(())
}

fn send(shell: &mut Shell<'_>, at: Option<&Path>, args: &Run) -> Result<Exit, Failure> {
    let actor = shell.actor();
    let lease = format!("report:{}", args.name);
    let done = load::leased(at, shell, &lease, async |context| {
        jobs::report::run(context, &args.name, &actor).await
    })?;
    args.told.tell(shell, &done, |done| {
        let made = if done.queued {
            "made"
        } else {
            "was made before"
        };
        vec![format!(
            "report {} {made}, Message-ID {}",
            done.report, done.message_id
        )]
    })?;
    let state = mail_state(shell, at, &done.message_id)?;
    if state == "sent" {
        return Ok(Exit::Done);
    }
    Err(Failure::work(format!(
        "the mail of report {} is {state}; why, and what happens next: poamd doctor",
        done.report
    )))
}

fn mail_state(shell: &Shell<'_>, at: Option<&Path>, message_id: &str) -> Result<String, Failure> {
    let opened = load::look(at, shell)?;
    let mail = opened
        .store
        .read_here(|conn| mails::by_message_id(conn, message_id))?;
    Ok(mail.map_or("gone", |mail| mail.state.0.as_str()).to_owned())
}

fn preview(shell: &mut Shell<'_>, at: Option<&Path>, args: &Preview) -> Result<(), Failure> {
    let content = load::rehearse(at, shell, async |context| {
        jobs::report::preview(context, &args.name).await
    })?;
    let Some(dir) = &args.out else {
        shell.say(&format!("Subject: {}\n\n{}", content.subject, content.text))?;
        for file in &content.attachments {
            shell.note(&format!(
                "attached: {} ({} bytes)",
                file.name,
                file.bytes.len()
            ))?;
        }
        return Ok(());
    };
    let written = write(dir, &args.name, &content).map_err(|cause| {
        Failure::work(format!(
            "the report cannot be written to {}: {cause}; name another folder with --out",
            dir.display()
        ))
    })?;
    shell.note(&format!("{written} files in {}", dir.display()))
}

fn write(dir: &Path, name: &str, content: &Content) -> std::io::Result<usize> {
    std::fs::create_dir_all(dir)?;
    let text = format!("Subject: {}\n\n{}", content.subject, content.text);
    std::fs::write(dir.join(format!("{name}.txt")), text)?;
    std::fs::write(dir.join(format!("{name}.html")), &content.html)?;
    for file in &content.attachments {
        // A name without a folder in it, whoever made it.
        let plain = file.name.replace(['/', '\\'], "_");
        std::fs::write(dir.join(plain), &file.bytes)?;
    }
    Ok(2 + content.attachments.len())
}
