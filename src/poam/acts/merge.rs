//! Two records that are one: the findings go to the one that stays, the other names it.

use serde_json::{Value, json};

use super::{Act, Doing, Done, Event, Result, found, refused};
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::store::columns::Col;
use crate::store::records::RecordRow;
use crate::store::time::stamp;
use crate::store::{deviations, findings, records, tickets, vendors};

impl Doing<'_, '_> {
    /// The record that this one can be merged into.
    fn mergeable(&mut self, into: RecordId) -> Result<RecordRow> {
        if into == self.act.record {
            return refused("a record cannot be merged into itself");
        }
        let Some(other) = records::find(self.conn, into.0)? else {
            return refused(format!(
                "there is no record {into}; see poamd poam list --all"
            ));
        };
        if !other.status.0.is_live() {
            return refused(format!(
                "{into} is {}; merge into one that is open",
                other.status.0
            ));
        }
        if other.account != self.row.account {
            return refused(format!(
                "{} is of account {}, {into} of {}: a record is of one account",
                self.act.record, self.row.account, other.account
            ));
        }
        if let Some(live) = deviations::live(self.conn, self.row.id)? {
            return refused(format!(
                "{} has a {} that is {}; withdraw it first, it was not asked for {into}",
                self.act.record, live.kind.0, live.state.0
            ));
        }
        if let Some(wait) = vendors::live(self.conn, self.row.id)? {
            return refused(format!(
                "{} waits for {}: end that first (poamd poam vendor end {}), and let {into} wait if it has to",
                self.act.record, wait.vendor, self.act.record
            ));
        }
        Ok(other)
    }

    /// What is told of the record that stays.
    fn told(&self, of: RecordId, kind: &'static str, body: Value) -> Event {
        Event {
            at: self.act.now,
            actor: self.act.actor.to_owned(),
            kind,
            subject: of.to_string(),
            body,
        }
    }
}

impl<'a> Act<'a> {
    /// Merges this record into another of the same account. The earlier detection and due day stay.
    pub fn merge(&'a self, into: RecordId) -> Result<Done> {
        self.live(|doing| {
            let mut other = doing.mergeable(into)?;
            let moved = findings::of_record(doing.conn, doing.row.id)?;
            let keys: Vec<&str> = moved.iter().map(|f| f.fingerprint.as_str()).collect();
            findings::set_record(doing.conn, &other.account, &keys, other.id, self.now)?;
            doing.row.superseded_by = Some(other.id);
            doing.go(
                RecordStatus::Superseded,
                "record.superseded",
                json!({ "into": into, "findings": keys }),
            )?;
            let (detected, due) = (
                other.detected_at.min(doing.row.detected_at),
                other.due.into_iter().chain(doing.row.due).min(),
            );
            if (detected, due) != (other.detected_at, other.due) {
                if due != other.due {
                    other.due_rule.clone_from(&doing.row.due_rule);
                }
                (other.detected_at, other.due) = (detected, due);
            }
            let raised = doing.row.severity.filter(|s| Some(*s) > other.severity);
            let was = other.severity;
            other.severity = raised.or(was);
            let mut events = Vec::new();
            if other.severity != was {
                // Whether an adjustment still covers it is the planner's to say, and the rating then.
                if other.adjusted_severity.is_none() {
                    other.rating = other.severity.and_then(|s| Rating::of(s.0)).map(Col);
                }
                events.push(doing.told(into, "record.rating-raised", json!({ "from": was, "to": other.severity, "merged": self.record })));
            }
            other.changed_at = stamp(self.now);
            records::update(doing.conn, &other)?;
            let body = json!({ "from": self.record, "findings": keys, "detected": detected, "due": due,
                "severity": { "from": was, "to": other.severity }, "why": self.why });
            events.insert(0, doing.told(into, "record.merged", body));
            super::audit::append_all(doing.conn, &events)?;
            findings::enqueue_planning(doing.conn, [(other.account.as_str(), other.weakness_id.as_str())])?;
            doing.row = found(doing.conn, self.record)?;
            if tickets::all(doing.conn)?.iter().any(|t| t.record_id == self.record.0) {
                doing.warnings.push("its ticket stays on the desk; the next sync says there where the record went".to_owned());
            }
            Ok(format!("is merged into {into} with {} findings", keys.len()))
        })
    }
}
