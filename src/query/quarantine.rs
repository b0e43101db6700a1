//! Documents that were set aside as they are listed.

use serde::Serialize;

use super::{Column, View, time};
use crate::store::quarantine::SetAsideRow;

/// One document, or a page that was none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAsideView {
    pub id: i64,
    /// `waiting` or `dismissed`.
    pub state: String,
    /// The run that met it.
    pub run: i64,
    /// Page and position, or file and position.
    pub place: String,
    pub reason: String,
    /// The beginning of it, control characters escaped.
    pub excerpt: String,
    pub seen: String,
    pub dismissed: Option<String>,
    pub dismissed_by: Option<String>,
    pub dismissed_why: Option<String>,
}

impl View for SetAsideView {
    const NOUN: &'static str = "documents set aside";
    const OPEN: &'static str = "documents that wait";
    const COLUMNS: &'static [Column] = &[
        ("id", &["id"]),
        ("state", &["state"]),
        ("run", &["run"]),
        ("place", &["place"]),
        ("reason", &["reason"]),
        ("excerpt", &["excerpt"]),
        ("seen", &["seen"]),
        ("dismissed", &["dismissed"]),
        ("dismissed_by", &["dismissed_by"]),
        ("dismissed_why", &["dismissed_why"]),
    ];

    fn is_open(&self) -> bool {
        self.dismissed.is_none()
    }
}

impl SetAsideView {
    pub fn of(row: SetAsideRow) -> Self {
        Self {
            id: row.id,
            state: if row.waits() { "waiting" } else { "dismissed" }.to_owned(),
            run: row.run_id,
            place: row.place,
            reason: row.reason,
            excerpt: row.excerpt,
            seen: time(row.seen_at),
            dismissed: row.dismissed_at.map(time),
            dismissed_by: row.dismissed_by,
            dismissed_why: row.dismissed_why,
        }
    }
}
