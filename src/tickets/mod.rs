//! Records and their tickets: what is wanted on the desks, and what people say there.
//!
//! In reading order: `view` (a record as its ticket tells it), `planner` (what is wanted), `poller` (what changed),
//! `site` (whether the desk is the one it was), `interpreter` (what a comment means), `accept` (what that writes),
//! `expiry`. Not in it: sending, which is `delivery`'s.

mod accept;
mod expiry;
mod interpreter;
pub mod planner;
mod poller;
mod replies;
mod site;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::clock::Clocks;
use crate::domain::rating::Rating;
use crate::domain::record::RecordId;
use crate::render::templates::RenderFailure;
use crate::store::StoreError;
use crate::store::audit::Event;

pub use expiry::expire;
pub use poller::{Polled, poll};

/// Whether a desk takes the records of an account, by its number, name and label.
pub type Takes = Arc<dyn Fn(&str, &str, &str) -> bool + Send + Sync>;

/// What the configuration says of one desk.
#[derive(Clone)]
pub struct DeskRules {
    pub name: String,
    /// `jira-cloud`, `servicenow`: decides the templates.
    pub system: &'static str,
    /// The name it signs in with: its identity is pinned under it.
    pub sign_in: String,
    /// Its address; its tickets pin it.
    pub site: String,
    pub takes: Takes,
    /// Ids of the people whose justifications count.
    pub justifiers: BTreeSet<String>,
    pub max_expiry_days: u32,
}

/// What the configuration says of tickets.
#[derive(Clone)]
pub struct Rules {
    /// Name of the deployment, part of every marker.
    pub deployment: String,
    /// In the order of the file: a record goes to the first that takes its account.
    pub desks: Vec<DeskRules>,
    pub minimum_rating: Rating,
    pub creates_per_run: u32,
    pub transitions_per_run: u32,
    pub comments_per_run: u32,
    /// Days within which the same weakness reopens its record; said when a record closes.
    pub reopen_days: u32,
    /// What exposure counts as where nobody knows, for the priority that tickets show.
    pub clocks: Clocks,
    /// Desks from whose poll nothing may be concluded: nothing is wanted there now, and nothing elsewhere instead.
    pub void: BTreeSet<String>,
}

impl Rules {
    pub fn desk(&self, name: &str) -> Option<&DeskRules> {
        self.desks.iter().find(|d| d.name == name)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Render(#[from] RenderFailure),
}

pub type Result<T, E = TicketError> = std::result::Result<T, E>;

fn event(at: DateTime<Utc>, actor: &str, kind: &'static str, record: i64, body: Value) -> Event {
    Event {
        at,
        actor: actor.to_owned(),
        kind,
        subject: RecordId(record).to_string(),
        body,
    }
}
