//! `poamd evidence`: what each run read, and the proof that what it kept is as it came; for `poamd poam show --evidence`
//! the documents themselves.

use std::path::Path;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::failure::Failure;
use super::listing::{self, Ink, Layout, Shown, counted};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::domain::record::RecordId;
use crate::query::evidence::{self, EvidenceView, ManifestView};
use crate::query::{end_of, instant};
use crate::store::attachments::{self, Files};
use crate::store::evidence::{Verdict, verify};
use crate::store::records;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// What each run read: account, region and service, window, pages, documents, their hash
    List(List),
    /// Hash every document that is kept anew, and hold it against the audit log
    Verify(Told),
}

#[derive(Debug, Args)]
pub struct List {
    /// Of one run, by its number
    #[arg(long, value_name = "N")]
    run: Option<i64>,
    #[command(flatten)]
    shown: Shown,
}

const LAYOUT: Layout<ManifestView> = Layout {
    headings: &[
        "run",
        "door",
        "began",
        "ended",
        "pages",
        "documents",
        "kept",
        "bytes",
        "sha256",
    ],
    cells: |m| {
        vec![
            Ink::Plain(m.run.to_string()),
            Ink::Plain(m.door.clone()),
            Ink::Plain(m.began.clone()),
            Ink::Plain(m.ended.clone()),
            Ink::Plain(m.pages.to_string()),
            Ink::Plain(m.documents.to_string()),
            Ink::Plain(m.kept.to_string()),
            Ink::Plain(m.bytes.to_string()),
            Ink::Plain(listing::short(&m.sha256, 16)),
        ]
    },
    rank: |m| (-m.run, m.door.clone()),
    spare: &[8, 7, 3],
    again: "poamd evidence list",
};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<(), Failure> {
    let opened = load::look(at, shell)?;
    match verb {
        Verb::List(list) => {
            let rows = opened
                .store
                .read_here(|conn| evidence::manifests(conn, list.run))?;
            listing::print(shell, &list.shown, false, rows, &LAYOUT)
        }
        Verb::Verify(told) => {
            let proof = opened.store.read_here(|conn| {
                Ok(Proof {
                    documents: verify(conn)?,
                    files: attachments::verify(conn)?,
                })
            })?;
            told.tell(shell, &proof, |p| {
                vec![kept(&p.documents), attached(&p.files)]
            })?;
            whole(&proof.documents)?;
            whole_files(&proof.files)
        }
    }
}

/// Everything that was hashed anew.
#[derive(Serialize)]
struct Proof {
    #[serde(flatten)]
    documents: Verdict,
    files: Files,
}

fn attached(files: &Files) -> String {
    let state = match files.broken {
        None => "as they were attached",
        Some(_) => "before the first that is not as it was attached",
    };
    format!("attached: {} {state}", counted(files.files, "files"))
}

fn whole_files(files: &Files) -> Result<(), Failure> {
    let Some(why) = &files.broken else {
        return Ok(());
    };
    Err(Failure::work(format!(
        "a file that was attached is damaged: {why}; keep this database as it is and compare it with a backup"
    )))
}

/// What was found of the documents, in one line.
pub(super) fn kept(verdict: &Verdict) -> String {
    format!(
        "evidence: {} in {} {}",
        counted(verdict.documents, "documents"),
        counted(verdict.packs, "packs"),
        match verdict.broken {
            None => "as they came",
            Some(_) => "before the first that is not as it came",
        }
    )
}

/// Fails if a document is not as it came.
pub(super) fn whole(verdict: &Verdict) -> Result<(), Failure> {
    let Some(why) = &verdict.broken else {
        return Ok(());
    };
    Err(Failure::work(format!(
        "the evidence is broken: {why}; keep this database as it is and compare it with a backup"
    )))
}

/// The documents a record rested on.
#[derive(Serialize)]
struct Said {
    record: RecordId,
    /// The moment that is asked for.
    at: String,
    documents: Vec<EvidenceView>,
    /// Items of which no document was kept: what our own scan saw, or what came before documents were kept.
    without: Vec<String>,
}

/// `poamd poam show ID --evidence [--on DATE]`: what the sources said, at the end of a day or now.
pub(super) fn show(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    record: RecordId,
    on: Option<NaiveDate>,
    into: Option<&Path>,
    told: &Told,
) -> Result<(), Failure> {
    if let Some(day) = on.filter(|day| *day > shell.clock.now().date_naive()) {
        return Err(Failure::usage(format!("--on {day} is still to come")));
    }
    let opened = load::look(at, shell)?;
    let moment = on.map_or_else(|| shell.clock.now(), end_of);
    let row = opened
        .store
        .read_here(|conn| records::find(conn, record.0))?;
    let opened_at = row.map(|row| row.opened_at.and_utc());
    match opened_at {
        None => {
            return Err(Failure::work(format!(
                "there is no record {record}; see poamd poam list --all"
            )));
        }
        Some(opened_at) if opened_at > moment => {
            return Err(Failure::work(format!(
                "{record} was opened at {}, after {}: ask for a later day",
                instant(opened_at),
                instant(moment)
            )));
        }
        Some(_) => {}
    }
    let (documents, without) = opened
        .store
        .read_here(|conn| evidence::of_record(conn, record.0, moment))?;
    let said = Said {
        record,
        at: instant(moment),
        documents,
        without,
    };
    match into {
        Some(folder) => write(shell, folder, &said),
        None => told.tell(shell, &said, lines),
    }
}

/// One file a document, named by its hash and the same byte for byte.
fn write(shell: &mut Shell<'_>, folder: &Path, said: &Said) -> Result<(), Failure> {
    for one in &said.documents {
        let path = folder.join(format!("{}.json", one.sha256));
        let written = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, one.document.as_bytes()));
        written.map_err(|cause| {
            Failure::work(format!("{} cannot be written: {cause}", path.display()))
        })?;
        shell.say(&format!("{} said by {}", path.display(), one.native_id))?;
    }
    for item in &said.without {
        shell.say(&format!("no document is kept of what was found on {item}"))?;
    }
    Ok(())
}

fn lines(said: &Said) -> Vec<String> {
    let mut lines = vec![format!("{} as of {}", said.record, said.at)];
    for one in &said.documents {
        lines.push(format!("finding   {} on {}", one.finding, one.item));
        lines.push(format!("said by   {} through {}", one.native_id, one.door));
        lines.push(format!("taken     {} by run {}", one.taken, one.run));
        lines.push(format!("sha256    {}", one.sha256));
        lines.extend(one.document.lines().map(str::to_owned));
    }
    lines.extend(
        said.without
            .iter()
            .map(|item| format!("no document is kept of what was found on {item}")),
    );
    lines
}
