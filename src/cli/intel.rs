//! `poamd intel`: KEV, EPSS and SSVC from files, for machines that reach nothing but AWS too.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::domain::intel::IntelKind;
use crate::jobs::intel as job;
use crate::jobs::rules;
use crate::query::{Column, View, time};
use crate::store::intel::{self, IntelFile};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Take KEV (JSON), EPSS (CSV, .gz) and SSVC (CVE records: JSON, a folder, a .tar.gz), told apart by content
    ///
    /// A catalog, a list of scores, a folder or an archive replaces what was there of its kind; single CVE records are
    /// added to it. A bad file changes nothing.
    Import(Import),
    /// What is there, of which day, and how old it is
    List(List),
}

#[derive(Debug, Args)]
pub struct Import {
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take it though it is older than what is there
    #[arg(long)]
    older: bool,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
}

/// One kind.
#[derive(Debug, Serialize)]
struct IntelView {
    kind: IntelKind,
    title: &'static str,
    /// The publisher's date; none if nothing was imported.
    as_of: Option<String>,
    age_days: Option<i64>,
    stale: bool,
    entries: i64,
    file: String,
    sha256: String,
    imported: Option<String>,
    actor: String,
}

impl View for IntelView {
    const NOUN: &'static str = "kinds of intelligence";
    const OPEN: &'static str = "kinds of intelligence";
    const COLUMNS: &'static [Column] = &[
        ("kind", &["kind"]),
        ("title", &["title"]),
        ("as_of", &["as_of"]),
        ("age_days", &["age_days"]),
        ("stale", &["stale"]),
        ("entries", &["entries"]),
        ("file", &["file"]),
        ("sha256", &["sha256"]),
        ("imported", &["imported"]),
        ("actor", &["actor"]),
    ];

    fn is_open(&self) -> bool {
        true
    }
}

impl IntelView {
    fn of(kind: IntelKind, files: &[IntelFile], now: DateTime<Utc>) -> Self {
        let file = files.iter().find(|file| file.kind.0 == kind);
        let age = file.map(|file| now - file.as_of.and_utc());
        Self {
            kind,
            title: kind.title(),
            as_of: file.map(|file| time(file.as_of)),
            age_days: age.map(|age| age.num_days()),
            stale: age.is_some_and(|age| age > kind.stale_after()),
            entries: file.map_or(0, |file| file.entries),
            file: file.map(|file| file.name.clone()).unwrap_or_default(),
            sha256: file.map(|file| file.sha256.clone()).unwrap_or_default(),
            imported: file.map(|file| time(file.imported_at)),
            actor: file.map(|file| file.actor.clone()).unwrap_or_default(),
        }
    }
}

const LAYOUT: Layout<IntelView> = Layout {
    headings: &["kind", "what", "as of", "age", "entries", "file"],
    cells: |row| {
        let age = row.age_days.map_or_else(
            || "none yet".to_owned(),
            |days| listing::counted(days, "days"),
        );
        vec![
            Ink::Plain(row.kind.to_string()),
            Ink::Plain(row.title.to_owned()),
            Ink::Plain(row.as_of.as_deref().map(listing::day).unwrap_or_default()),
            if row.stale {
                Ink::Warning(format!("{age}, old"))
            } else {
                Ink::Plain(age)
            },
            Ink::Number(row.entries.to_string()),
            Ink::Plain(listing::short(&row.file, 60)),
        ]
    },
    rank: |row| (0, row.kind.to_string()),
    spare: &[5, 1],
    again: "poamd intel list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::Import(import) => take(shell, at, import),
        Verb::List(list) => {
            let opened = load::look(at, shell)?;
            let now = shell.clock.now();
            let files = opened.store.read_here(intel::files)?;
            let rows: Vec<IntelView> = IntelKind::ALL
                .into_iter()
                .map(|kind| IntelView::of(kind, &files, now))
                .collect();
            let old: Vec<&str> = rows.iter().filter(|r| r.stale).map(|r| r.title).collect();
            let note = (!old.is_empty()).then(|| {
                format!(
                    "poamd: old: {}; fetch it anew and hand it over: poamd intel import FILE",
                    old.join(", ")
                )
            });
            listing::print(shell, &list.shown, false, rows, &LAYOUT)?;
            note.map_or(Ok(()), |note| shell.note(&note))
        }
    }
}

fn take(shell: &mut Shell<'_>, at: Option<&Path>, import: &Import) -> Result<(), Failure> {
    let opened = load::open(at, shell)?;
    let done = job::import(
        &opened.store,
        &rules::poam(&opened.config.poam),
        &import.files,
        import.older,
        shell.clock.now(),
        &shell.actor(),
    )?;
    import.told.tell(shell, &done, |done| {
        let mut lines: Vec<String> = done
            .imported
            .iter()
            .map(|one| {
                format!(
                    "{}: as of {}, {}, {} changed, {} planned anew",
                    one.kind.title(),
                    one.as_of.date_naive(),
                    listing::counted(one.entries, "entries"),
                    one.changed,
                    listing::counted(one.weaknesses as i128, "weaknesses")
                )
            })
            .collect();
        if done.unanswered > 0 {
            lines.push(format!(
                "CVE records without SSVC answers: {}",
                done.unanswered
            ));
        }
        if done.others > 0 {
            lines.push(format!("passed over, no CVE records: {}", done.others));
        }
        lines.push(format!(
            "records: {} opened, {} reopened, {} changed, {} closed",
            done.records.opened, done.records.reopened, done.records.changed, done.records.closed
        ));
        lines
    })
}
