//! What the stand-ins saw and did, in the order it happened: the judge of every test that asks
//! whether something was made twice, lost or kept.
//!
//! Append-only. In memory for tests in the same process, and as JSON lines (`history.jsonl`) flushed
//! line by line if a path is given.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use poamd_contract::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of the answer to the call that caused an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// Sent, as far as the stand-in can tell.
    #[default]
    Delivered,
    /// The work was done and the connection closed without an answer, on purpose.
    Dropped,
    /// The work was done later than the call came in, on purpose; whoever called may be gone.
    Late,
    /// No call caused it: a test or the scripted person did.
    Direct,
}

/// One thing a stand-in saw or did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 1, 2, 3 … over all stand-ins that share the history.
    pub seq: u64,
    pub at: DateTime<Utc>,
    /// `jira`, `servicenow`, `smtp`, `aws`.
    pub stand_in: String,
    /// `request`, `issue.created`, `comment.created`, `mail.accepted`, `contract.violation` …
    pub kind: String,
    /// The id that never changes (issue id, `sys_id`, Message-ID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name for people (`POAM-7`, `INC0010001`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The marker label or correlation id the thing bears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Account id or user name of who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// A status code, or a word such as `accepted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    pub reply: Reply,
    /// Whatever else is worth keeping; `null` if nothing is.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// An entry before it has its place and time.
#[derive(Debug, Clone)]
pub struct Record(Entry);

impl Record {
    pub fn new(stand_in: &str, kind: &str) -> Self {
        Self(Entry {
            seq: 0,
            at: DateTime::default(),
            stand_in: stand_in.to_owned(),
            kind: kind.to_owned(),
            id: None,
            key: None,
            marker: None,
            actor: None,
            outcome: None,
            reply: Reply::Delivered,
            detail: Value::Null,
        })
    }

    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.0.id = Some(id.into());
        self
    }

    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    pub fn marker(mut self, marker: Option<String>) -> Self {
        self.0.marker = marker;
        self
    }

    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.0.actor = Some(actor.into());
        self
    }

    pub fn outcome(mut self, outcome: impl Into<String>) -> Self {
        self.0.outcome = Some(outcome.into());
        self
    }

    pub fn reply(mut self, reply: Reply) -> Self {
        self.0.reply = reply;
        self
    }

    pub fn detail(mut self, detail: Value) -> Self {
        self.0.detail = detail;
        self
    }
}

/// The log itself; clones share it.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    file: Option<File>,
    failure: Option<String>,
}

impl History {
    /// In memory only.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            clock,
            log: Mutex::default(),
        }))
    }

    /// In memory and appended to `path`, one JSON object a line.
    ///
    /// # Errors
    /// If the file cannot be opened for appending.
    pub fn to_file(clock: Arc<dyn Clock>, path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let log = Log {
            file: Some(file),
            ..Log::default()
        };
        Ok(Self(Arc::new(Inner {
            clock,
            log: Mutex::new(log),
        })))
    }

    /// Appends one entry; returns its number.
    pub fn record(&self, record: Record) -> u64 {
        let mut entry = record.0;
        let mut log = self.lock();
        entry.seq = log.entries.len() as u64 + 1;
        entry.at = self.0.clock.now();
        let seq = entry.seq;
        if let Err(error) = log.write(&entry) {
            log.failure.get_or_insert(error.to_string());
        }
        log.entries.push(entry);
        seq
    }

    /// All entries so far, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Entries that `keep` accepts, oldest first.
    pub fn select(&self, keep: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        self.lock()
            .entries
            .iter()
            .filter(|e| keep(e))
            .cloned()
            .collect()
    }

    /// Entries of one kind of one stand-in, oldest first.
    pub fn of_kind(&self, stand_in: &str, kind: &str) -> Vec<Entry> {
        self.select(|e| e.stand_in == stand_in && e.kind == kind)
    }

    /// How many entries of one kind a stand-in made.
    pub fn count(&self, stand_in: &str, kind: &str) -> usize {
        self.lock()
            .entries
            .iter()
            .filter(|e| e.stand_in == stand_in && e.kind == kind)
            .count()
    }

    /// Requests that broke a product's contract; a test of a connector wants none.
    pub fn violations(&self) -> Vec<Entry> {
        self.select(|e| e.kind == "contract.violation")
    }

    /// Why the file stopped following the memory, if it did.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// One `write` a line: a reader, or a process killed meanwhile, never sees half an entry of ours.
    fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.flush()
    }
}
