//! The end of justifications: what they covered counts again.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::event;
use crate::domain::record::RecordId;
use crate::store::{Result, Store, audit, findings, justifications};

/// Ends what has reached its end; returns how many justifications ended.
pub fn expire(store: &Store, now: DateTime<Utc>, actor: &str) -> Result<u64> {
    if store
        .read_here(|conn| justifications::ended(conn, now))?
        .is_empty()
    {
        return Ok(0);
    }
    store.write_here(|conn| {
        let ended = justifications::ended(conn, now)?;
        for one in &ended {
            justifications::set_state(conn, one.id, justifications::EXPIRED)?;
            // A finding that moved to a successor counts there.
            let mut elsewhere = justifications::records_of(conn, one.id)?;
            elsewhere.remove(&one.record_id);
            for (account, fingerprint) in justifications::covered(conn, one.id)? {
                // A later justification may still cover it.
                if !justifications::covers(conn, &account, &fingerprint)? {
                    findings::set_justified(conn, &account, &[&fingerprint], false, now)?;
                }
            }
            let (before, after) = justifications::rescore(conn, one.record_id, now)?;
            let mut others = Vec::new();
            for record in elsewhere {
                let (before, after) = justifications::rescore(conn, record, now)?;
                others.push(json!({ "record": RecordId(record), "from": before, "to": after }));
            }
            let body = json!({ "justification": one.id, "ended": one.expires_at,
                "unjustified_score": { "from": before, "to": after }, "others": others });
            audit::append(
                conn,
                &event(now, actor, "justification.expired", one.record_id, body),
            )?;
        }
        Ok(ended.len() as u64)
    })
}
