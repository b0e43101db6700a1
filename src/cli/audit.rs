//! `poamd audit`: the log of everything that changed, and the proof that it is whole.

use std::path::Path;

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::Value;

use super::evidence;
use super::failure::{Exit, Failure};
use super::listing::{self, Ink, Layout, Shown, counted};
use super::load;
use super::shell::Shell;
use super::summary::{Format, Told};
use crate::domain::record::RecordId;
use crate::query::{Column, View, time};
use crate::store;
use crate::store::audit::{self, AuditRow};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Walk the chain of hashes from the first event to the last
    Verify(Verify),
    /// Events, newest first
    List(List),
}

#[derive(Debug, Args)]
pub struct Verify {
    /// The number of an event that was told elsewhere: every report names the one it was made at
    #[arg(long, value_name = "N", requires = "hash")]
    event: Option<i64>,
    /// The hash (SHA-256) that was told with it, whole or its first characters
    #[arg(long, value_name = "HASH", requires = "event")]
    hash: Option<String>,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct List {
    /// Of one record (POAM-000123), account (its number) or run (run:7)
    #[arg(long, value_name = "SUBJECT")]
    subject: Option<String>,
    #[command(flatten)]
    shown: Shown,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventView {
    pub n: i64,
    pub at: String,
    pub actor: String,
    pub kind: String,
    pub subject: String,
    pub body: Value,
    pub hash: String,
}

impl View for EventView {
    const NOUN: &'static str = "events";
    const OPEN: &'static str = "events";
    const COLUMNS: &'static [Column] = &[
        ("n", &["n"]),
        ("at", &["at"]),
        ("actor", &["actor"]),
        ("kind", &["kind"]),
        ("subject", &["subject"]),
        ("body", &["body"]),
        ("hash", &["hash"]),
    ];

    fn is_open(&self) -> bool {
        true
    }
}

impl EventView {
    pub fn of(row: AuditRow) -> Self {
        Self {
            n: row.n,
            at: time(row.at),
            actor: row.actor,
            kind: row.kind,
            subject: row.subject,
            // Shown as it is kept, even if it is no JSON any more.
            body: serde_json::from_str(&row.body).unwrap_or(Value::String(row.body)),
            hash: row.hash,
        }
    }
}

const LAYOUT: Layout<EventView> = Layout {
    headings: &["n", "at", "actor", "kind", "subject", "details"],
    cells: |e| {
        vec![
            Ink::Plain(e.n.to_string()),
            Ink::Plain(e.at.clone()),
            Ink::Plain(e.actor.clone()),
            Ink::Plain(e.kind.clone()),
            Ink::Plain(e.subject.clone()),
            Ink::Plain(listing::short(&e.body.to_string(), 120)),
        ]
    },
    rank: |e| (-e.n, String::new()),
    spare: &[2],
    again: "poamd audit list",
};

/// What holds of the log and of the documents whose hashes stand in it.
#[derive(Serialize)]
struct Proof {
    #[serde(flatten)]
    chain: audit::Verdict,
    evidence: store::evidence::Verdict,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Verify(args) => verify(shell, at, args),
        Verb::List(list) => {
            let opened = load::look(at, shell)?;
            let subject = list.subject.as_deref().map(subject_of);
            let rows = opened
                .store
                .read_here(|conn| audit::list(conn, subject.as_deref(), i64::MAX))?;
            let rows = rows.into_iter().map(EventView::of).collect();
            listing::print(shell, &list.shown, false, rows, &LAYOUT)?;
            Ok(Exit::Done)
        }
    }
}

/// A subject as people write it: an account is its number, a record's id may be in small letters.
fn subject_of(text: &str) -> String {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return format!("account:{text}");
    }
    match text.parse::<RecordId>() {
        Ok(record) => record.to_string(),
        Err(_) => text.to_owned(),
    }
}

fn verify(shell: &mut Shell<'_>, at: Option<&Path>, args: &Verify) -> Result<Exit, Failure> {
    let opened = load::look(at, shell)?;
    let verdict = opened.store.read_here(audit::verify)?;
    let broken = verdict.broken.clone();
    let proof = Proof {
        chain: verdict,
        evidence: opened.store.read_here(store::evidence::verify)?,
    };
    args.told.tell(shell, &proof, |p| match &p.chain.broken {
        None => vec![
            format!(
                "unbroken: {}, head {}",
                counted(p.chain.events, "events"),
                p.chain.head
            ),
            evidence::kept(&p.evidence),
        ],
        Some(_) => Vec::new(),
    })?;
    if let Some(why) = broken {
        return Err(Failure::work(format!(
            "the audit log is broken: {why}; keep this database as it is, compare it with a backup, and treat every \
             event from there on as unproven"
        )));
    }
    evidence::whole(&proof.evidence)?;
    if let (Some(event), Some(hash)) = (args.event, &args.hash) {
        let kept = opened.store.read_here(|conn| audit::hash_of(conn, event))?;
        let bears_it = compared(event, hash, kept.as_deref())?;
        if args.told.format == Format::Text {
            shell.say(&bears_it)?;
        }
    }
    Ok(Exit::Done)
}

/// Holds a hash that was told elsewhere against the log's: whoever could write the whole log anew could not change what
/// had been mailed.
fn compared(event: i64, told: &str, kept: Option<&str>) -> Result<String, Failure> {
    let told = told.trim().to_lowercase();
    match kept {
        Some(kept) if told.len() >= SHORTEST_HASH && kept.starts_with(&told) => {
            Ok(format!("event {event} bears that hash"))
        }
        Some(_) if told.len() < SHORTEST_HASH => Err(Failure::usage(format!(
            "{told:?} is too short to prove anything: give at least {SHORTEST_HASH} characters of the hash"
        ))),
        Some(kept) => Err(Failure::work(format!(
            "event {event} bears {kept}, not {told}: this log is not the one that hash was taken from; keep this \
             database as it is and compare it with a backup"
        ))),
        None => Err(Failure::work(format!(
            "there is no event {event}: this log is not the one that hash was taken from, or it has been cut"
        ))),
    }
}

/// Characters of a hash that chance does not meet.
const SHORTEST_HASH: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_found_as_people_write_it() {
        for (text, subject) in [
            ("777788889999", "account:777788889999"),
            ("poam-000001", "POAM-000001"),
            ("POAM-000001", "POAM-000001"),
            ("run:7", "run:7"),
            ("daemon", "daemon"),
        ] {
            assert_eq!(subject_of(text), subject);
        }
    }

    #[test]
    fn a_hash_told_elsewhere_is_held_against_the_log() {
        let kept = "0ac7".repeat(16);
        assert!(compared(7, &kept, Some(&kept)).is_ok());
        assert!(compared(7, &kept[..12].to_uppercase(), Some(&kept)).is_ok());
        for (told, there) in [
            (&kept[..11], Some(kept.as_str())),
            (&"f".repeat(64), Some(kept.as_str())),
            (kept.as_str(), None),
        ] {
            assert!(compared(7, told, there).is_err(), "{told}");
        }
    }
}
