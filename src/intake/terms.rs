//! What all that one run writes through its door has in common.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Synonyms;
use crate::store::audit::Event;

#[derive(Debug)]
pub(super) struct Terms {
    pub run: i64,
    /// The door's name, under which its reports stand.
    pub door: String,
    pub actor: String,
    /// The time of the run: everything it writes bears it.
    pub now: DateTime<Utc>,
    pub synonyms: Arc<Synonyms>,
}

impl Terms {
    pub fn event(&self, kind: &'static str, body: serde_json::Value) -> Event {
        Event {
            at: self.now,
            actor: self.actor.clone(),
            kind,
            subject: format!("run:{} {}", self.run, self.door),
            body,
        }
    }
}
