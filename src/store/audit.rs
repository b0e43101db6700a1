//! The audit log: append only, numbered without gaps, each hash covering the one before
//! (`h(n) = SHA-256(h(n-1) ‖ canonical JSON(event n))`).

use chrono::{DateTime, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::dialect::insert_many;
use super::schema::{audit, audit_changes, audit_head};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, StoreError, to_json};

/// Something that happened, before it is numbered.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: DateTime<Utc>,
    /// `job:pull`, `person:<id>`, `cli:<name>#<uid>`.
    pub actor: String,
    /// `finding.opened`, `record.closed`, `ticket.created` …
    pub kind: &'static str,
    /// What it happened to: `POAM-000123`, an account, a run.
    pub subject: String,
    pub body: Value,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
pub struct AuditRow {
    pub n: i64,
    pub at: Stamp,
    pub actor: String,
    pub kind: String,
    pub subject: String,
    pub body: String,
    pub previous_hash: String,
    pub hash: String,
}

/// What the chain is hashed over, in this order of keys.
#[derive(Serialize)]
struct Canonical<'a> {
    n: i64,
    at: Stamp,
    actor: &'a str,
    kind: &'a str,
    subject: &'a str,
    body: &'a str,
}

fn link(previous: &str, event: &Canonical<'_>) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(previous.as_bytes());
    hash.update(to_json(event)?.as_bytes());
    Ok(HEXLOWER.encode(&hash.finalize()))
}

/// SHA-256 in lowercase hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lowercase hex.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Appends an event to the chain, inside the caller's transaction.
pub fn append(conn: &mut AnyConnection, event: &Event) -> Result<i64> {
    append_all(conn, std::slice::from_ref(event))
}

/// Appends events in order; returns the number of the last one (the head if there are none).
pub fn append_all(conn: &mut AnyConnection, events: &[Event]) -> Result<i64> {
    // The update locks the row on PostgreSQL, so that chains of two writers cannot fork.
    diesel::update(audit_head::table.find(1))
        .set(audit_head::n.eq(audit_head::n))
        .execute(conn)?;
    let (mut n, mut previous): (i64, String) = audit_head::table
        .find(1)
        .select((audit_head::n, audit_head::hash))
        .first(conn)?;
    if events.is_empty() {
        return Ok(n);
    }
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        n += 1;
        let body = to_json(&event.body)?;
        let at = stamp(event.at);
        let hash = link(
            &previous,
            &Canonical {
                n,
                at,
                actor: &event.actor,
                kind: event.kind,
                subject: &event.subject,
                body: &body,
            },
        )?;
        rows.push(AuditRow {
            n,
            at,
            actor: event.actor.clone(),
            kind: event.kind.to_owned(),
            subject: event.subject.clone(),
            body,
            previous_hash: std::mem::replace(&mut previous, hash.clone()),
            hash,
        });
    }
    for chunk in rows.chunks(500) {
        insert_many!(conn, audit::table, chunk)?;
    }
    diesel::update(audit_head::table.find(1))
        .set((audit_head::n.eq(n), audit_head::hash.eq(&previous)))
        .execute(conn)?;
    Ok(n)
}

/// One event for a whole batch: its body holds the SHA-256 of the change list, the list stands beside it.
pub fn append_batch(conn: &mut AnyConnection, mut event: Event, changes: &str) -> Result<i64> {
    if let Value::Object(body) = &mut event.body {
        body.insert(
            "changes_sha256".to_owned(),
            Value::String(sha256_hex(changes.as_bytes())),
        );
    }
    let n = append(conn, &event)?;
    diesel::insert_into(audit_changes::table)
        .values((audit_changes::n.eq(n), audit_changes::changes.eq(changes)))
        .execute(conn)?;
    Ok(n)
}

/// Number and hash of the newest event.
pub fn head(conn: &mut AnyConnection) -> Result<(i64, String)> {
    Ok(audit_head::table
        .find(1)
        .select((audit_head::n, audit_head::hash))
        .first(conn)?)
}

/// The hash of one event.
pub fn hash_of(conn: &mut AnyConnection, n: i64) -> Result<Option<String>> {
    Ok(audit::table
        .filter(audit::n.eq(n))
        .select(audit::hash)
        .first(conn)
        .optional()?)
}

/// What `poamd audit verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub events: i64,
    pub head: String,
    /// The first break of the chain, in words; `None` if it holds.
    pub broken: Option<String>,
}

/// Whether the newest event is the one that the head names. What is appended meanwhile is no contradiction.
pub fn ends_at_head(conn: &mut AnyConnection) -> Result<bool> {
    let (n, hash) = head(conn)?;
    let fits = hash_of(conn, n)?.map_or(n == 0, |last| last == hash);
    Ok(fits && !goes_on_behind_head(conn)?)
}

/// An event and its head are written together, so a head that is read after the newest event is not behind it.
fn goes_on_behind_head(conn: &mut AnyConnection) -> Result<bool> {
    let newest: Option<i64> = audit::table
        .select(diesel::dsl::max(audit::n))
        .first(conn)?;
    Ok(newest.unwrap_or(0) > head(conn)?.0)
}

/// Walks the chain from the first event to the head. Others may append meanwhile: the head that was read first counts.
pub fn verify(conn: &mut AnyConnection) -> Result<Verdict> {
    let (head_n, head_hash) = head(conn)?;
    let mut previous = "0".repeat(64);
    let mut n = 0;
    let broken = |n: i64, head: &str, why: String| {
        Ok(Verdict {
            events: n,
            head: head.to_owned(),
            broken: Some(why),
        })
    };
    loop {
        let rows: Vec<AuditRow> = audit::table
            .filter(audit::n.gt(n).and(audit::n.le(head_n)))
            .order(audit::n)
            .limit(2_000)
            .select(AuditRow::as_select())
            .load(conn)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if row.n != n + 1 {
                return broken(n, &head_hash, format!("event {} is missing", n + 1));
            }
            if let Some(why) = fault_of(row, &previous)? {
                return broken(n, &head_hash, why);
            }
            previous.clone_from(&row.hash);
            n = row.n;
        }
        if let Some(why) = changes_fault(conn, &rows)? {
            return broken(n, &head_hash, why);
        }
    }
    if (n, &previous) != (head_n, &head_hash) {
        return broken(
            n,
            &head_hash,
            format!("the chain ends at event {n}, the head says {head_n}"),
        );
    }
    if goes_on_behind_head(conn)? {
        return broken(
            n,
            &head_hash,
            format!("events stand behind event {n}, which is the last the head knows of"),
        );
    }
    Ok(Verdict {
        events: n,
        head: head_hash,
        broken: None,
    })
}

fn fault_of(row: &AuditRow, previous: &str) -> Result<Option<String>> {
    let expected = link(
        previous,
        &Canonical {
            n: row.n,
            at: row.at,
            actor: &row.actor,
            kind: &row.kind,
            subject: &row.subject,
            body: &row.body,
        },
    )?;
    Ok(
        (row.previous_hash != previous || row.hash != expected).then(|| {
            format!(
                "event {} ({}, {}) was altered",
                row.n, row.kind, row.subject
            )
        }),
    )
}

/// Change lists whose SHA-256 differs from what their event says, or that are gone.
fn changes_fault(conn: &mut AnyConnection, rows: &[AuditRow]) -> Result<Option<String>> {
    for row in rows {
        let body: Value = super::from_json("an audit event", &row.body)?;
        let Some(wanted) = body.get("changes_sha256").and_then(Value::as_str) else {
            continue;
        };
        let found: Option<String> = audit_changes::table
            .find(row.n)
            .select(audit_changes::changes)
            .first(conn)
            .optional()?;
        match found {
            Some(text) if sha256_hex(text.as_bytes()) == wanted => {}
            Some(_) => {
                return Ok(Some(format!(
                    "the change list of event {} was altered",
                    row.n
                )));
            }
            None => {
                return Ok(Some(format!(
                    "the change list of event {} is missing",
                    row.n
                )));
            }
        }
    }
    Ok(None)
}

/// A clock further behind the newest event than this is wrong, not slow.
pub const CLOCK_BEHIND: TimeDelta = TimeDelta::minutes(5);

/// Refuses a clock that has gone back: what it dates would be dated before what is known.
pub fn check_clock(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<()> {
    let newest = list(conn, None, 1)?.into_iter().next();
    match newest.map(|row| row.at.and_utc()) {
        Some(newest) if newest - now > CLOCK_BEHIND => Err(StoreError::ClockBehind { now, newest }),
        _ => Ok(()),
    }
}

/// The newest events first.
pub fn list(conn: &mut AnyConnection, subject: Option<&str>, limit: i64) -> Result<Vec<AuditRow>> {
    let mut query = audit::table
        .order(audit::n.desc())
        .limit(limit)
        .into_boxed();
    if let Some(subject) = subject {
        query = query.filter(audit::subject.eq(subject.to_owned()));
    }
    query
        .select(AuditRow::as_select())
        .load(conn)
        .map_err(StoreError::from)
}
