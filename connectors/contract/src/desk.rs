//! A connected ticket system: one ServiceNow instance or one Jira site.
//!
//! All differences between the systems stay inside the adapters. Text is plain here: an adapter turns
//! [`Text`] into its own sink (ADF, journal text) and escapes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::health::Check;

/// Text for people, as blocks; every string is data, never markup.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Text {
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "block", rename_all = "lowercase")]
pub enum Block {
    Heading {
        text: String,
    },
    Paragraph {
        text: String,
    },
    Bullets {
        items: Vec<String>,
    },
    /// Shown as it is, in a fixed font.
    Code {
        text: String,
    },
}

/// A ticket as we want it when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketDraft {
    pub marker: Marker,
    /// One line, at most 250 characters.
    pub summary: String,
    pub description: Text,
    pub rating: Urgency,
    pub due: Option<NaiveDate>,
    /// Extra labels; the adapter adds the marker's own.
    pub labels: Vec<String>,
}

/// How urgent; the adapter maps it to its priority, impact and urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    Low,
    Moderate,
    High,
    Critical,
}

/// What makes a ticket ours (`itsm.md` 4.2): the full key and its short form, safe in JQL and encoded queries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marker {
    /// `poamd:v1:<deployment>:<poam id>[:g<generation>]`
    pub key: String,
    /// `poamd-` and the first 16 hex digits of SHA-256 of the key.
    pub label: String,
}

/// A ticket on the desk. `id` never changes, `key` is for people and may (Jira moves).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketRef {
    pub id: String,
    pub key: String,
    pub url: String,
}

/// What a ticket looks like now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketSnapshot {
    pub ticket: TicketRef,
    pub state: TicketState,
    /// The system's own word for the state (`In Progress`, `6`).
    pub status: String,
    pub summary: String,
    pub due: Option<NaiveDate>,
    /// Opaque and equal as long as nothing changed (Jira `updated`, ServiceNow `sys_updated_on` and `sys_mod_count`).
    pub version: String,
    /// Whose marker it bears, as the ticket itself proves it; `None` if the proof is missing.
    pub marker_key: Option<String>,
}

/// Status categories shared by all desks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketState {
    New,
    InProgress,
    /// A person says done (Jira category done; ServiceNow 6).
    Done,
    /// Cannot be changed any more (ServiceNow 7 and 8).
    Closed,
}

impl TicketState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in-progress",
            Self::Done => "done",
            Self::Closed => "closed",
        }
    }
}

impl AsRef<str> for TicketState {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for TicketState {
    type Err = crate::ids::BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::New, Self::InProgress, Self::Done, Self::Closed]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| crate::ids::BadId {
                text: text.to_owned(),
                expected: "a ticket state (new, in-progress, done, closed)",
            })
    }
}

/// Fields of a ticket that are ours; `None` leaves one alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct TicketUpdate {
    pub summary: Option<String>,
    /// Replaces our part of the description.
    pub description: Option<Text>,
    pub rating: Option<Urgency>,
    pub due: Option<NaiveDate>,
}

/// Who wrote a comment, by what cannot be changed at will.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Author {
    /// Jira `accountId`; ServiceNow user `sys_id`. Names and addresses are never compared.
    pub id: String,
    /// As shown, for people only.
    pub display: String,
    pub kind: AuthorKind,
    pub active: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorKind {
    Person,
    /// An app, bot or integration user.
    App,
    /// A portal customer or external caller.
    Customer,
    /// The account poamd itself signs in with.
    Ourselves,
    /// It could not be found out: refuse.
    Unknown,
}

/// A comment as it stands on the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    pub id: String,
    pub author: Author,
    /// Who last changed it, if not the author: then it is not a command.
    pub updated_by: Option<String>,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
    /// Plain text, one element a top-level line; quotes, code and panels are left out of `lines` and kept in `text`.
    pub lines: Vec<String>,
    /// The whole of it as plain text, for the record.
    pub text: String,
    /// False where the desk shows it to customers and commands are taken from internal comments only.
    pub internal: bool,
    /// The id of the comment this is our reply to, as the reply itself proves it.
    pub reply_to: Option<String>,
}

/// What a comment of ours is: its text, and if it answers one, which.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommentDraft {
    pub body: Text,
    pub reply_to: Option<String>,
    /// A key of ours by which a repeated send recognises that it already stands there.
    pub key: String,
}

/// Waiting times and addresses that differ between desks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskTraits {
    /// `jira-cloud`, `servicenow`.
    pub system: &'static str,
    /// How long after an unclear create nothing found still proves nothing (`itsm.md` 4.2, step 3).
    pub settle: Duration,
}

/// One ticket system behind one trait.
#[async_trait]
pub trait Desk: Send + Sync {
    fn traits(&self) -> DeskTraits;

    /// Who we are there. Every poll compares it: a dead credential must not read as "no tickets".
    async fn identity(&self) -> Result<Author>;

    /// Set-up proved part by part.
    async fn health(&self) -> Vec<Check>;

    /// Tickets that bear the marker, each verified by the proof it carries. More than one is the caller's problem to report.
    /// `probe_after` is the highest key known before the first attempt: a desk whose search lags looks at the keys behind it too.
    async fn find(&self, marker: &Marker, probe_after: Option<&str>)
    -> Result<Vec<TicketSnapshot>>;

    /// The highest key of the project before a create, where that helps `find`.
    async fn high_water(&self) -> Result<Option<String>>;

    /// Creates with marker and proof in the same call. Never repeated by the adapter.
    async fn create(&self, draft: &TicketDraft) -> Result<TicketRef>;

    /// Writes our fields, reads nothing back.
    async fn update(&self, ticket: &TicketRef, update: &TicketUpdate) -> Result<()>;

    /// Moves the ticket to a state, by whatever transition leads there; `note` is what a closing field asks for.
    async fn transition(&self, ticket: &TicketRef, to: TicketState, note: &str) -> Result<()>;

    /// Adds a comment. Never repeated by the adapter; look with `comments` before repeating.
    async fn comment(&self, ticket: &TicketRef, draft: &CommentDraft) -> Result<String>;

    /// Tickets by id; one that is absent or hidden is left out.
    async fn read(&self, ids: &[String]) -> Result<Vec<TicketSnapshot>>;

    /// All comments of a ticket, oldest first.
    async fn comments(&self, ticket: &TicketRef) -> Result<Vec<Comment>>;

    /// Keys ([`CommentDraft::key`]) of our own comments that stand on the ticket, each with the id of its comment.
    async fn own_comment_keys(&self, ticket: &TicketRef) -> Result<Vec<(String, String)>>;
}
