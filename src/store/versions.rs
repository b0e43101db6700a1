//! What records, findings and tickets were before they changed, kept in the transaction that changes them, and how they
//! stood at a moment. A version holds what was until a moment; what is, stands in the table itself.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use poamd_contract::desk::TicketState;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::columns::{Col, stamp};
use super::dialect::insert_many;
use super::justifications::{ACCEPTED, EXPIRED};
use super::records::RecordRow;
use super::schema::{finding_versions, record_versions, ticket_versions};
use super::shown::{self, ShownFinding, ShownJustification};
use super::tickets::TicketRow;
use super::{AnyConnection, Result, from_json, records, tickets, to_json};
use crate::domain::ticket::Link;

/// SQLite takes 32,766 variables; a version has four.
const ROWS_A_STATEMENT: usize = 1_000;

/// Keeps what a record was until it changes.
pub(super) fn keep_record(
    conn: &mut AnyConnection,
    was: &RecordRow,
    until: NaiveDateTime,
) -> Result<()> {
    // Each change of a record is dated: what changed twice at one instant stood at no instant in between.
    if was.changed_at == until {
        return Ok(());
    }
    diesel::insert_into(record_versions::table)
        .values((
            record_versions::record_id.eq(was.id),
            record_versions::until.eq(until),
            record_versions::was.eq(to_json(was)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps what findings were until they change.
pub(super) fn keep_findings(
    conn: &mut AnyConnection,
    were: &[ShownFinding],
    until: NaiveDateTime,
) -> Result<()> {
    for chunk in were.chunks(ROWS_A_STATEMENT) {
        let mut rows = Vec::with_capacity(chunk.len());
        for was in chunk {
            rows.push((
                finding_versions::account.eq(&was.account),
                finding_versions::fingerprint.eq(&was.fingerprint),
                finding_versions::until.eq(until),
                finding_versions::was.eq(to_json(was)?),
            ));
        }
        insert_many!(conn, finding_versions::table, &rows)?;
    }
    Ok(())
}

/// What is shown of a ticket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Face {
    link: Col<Link>,
    remote_id: Option<String>,
    remote_key: Option<String>,
    url: Option<String>,
    state: Option<Col<TicketState>>,
    status: Option<String>,
    changed_at: NaiveDateTime,
}

impl Face {
    fn of(row: &TicketRow) -> Self {
        Self {
            link: row.link,
            remote_id: row.remote_id.clone(),
            remote_key: row.remote_key.clone(),
            url: row.url.clone(),
            state: row.state,
            status: row.status.clone(),
            changed_at: row.changed_at,
        }
    }

    fn put(self, row: &mut TicketRow) {
        row.link = self.link;
        row.remote_id = self.remote_id;
        row.remote_key = self.remote_key;
        row.url = self.url;
        row.state = self.state;
        row.status = self.status;
        row.changed_at = self.changed_at;
    }
}

/// Keeps what was shown of a ticket until it changes.
pub(super) fn keep_ticket(
    conn: &mut AnyConnection,
    was: &TicketRow,
    row: &TicketRow,
) -> Result<()> {
    let face = Face::of(was);
    if face == Face::of(row) {
        return Ok(());
    }
    diesel::insert_into(ticket_versions::table)
        .values((
            ticket_versions::ticket_id.eq(was.id),
            ticket_versions::until.eq(row.changed_at),
            ticket_versions::was.eq(to_json(&face)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// Records as they were when `moment` ended, by id; those opened later are left out.
pub fn records_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<RecordRow>> {
    let moment = stamp(moment);
    let kept: Vec<(i64, String)> = record_versions::table
        .filter(record_versions::until.gt(moment))
        .order(record_versions::id)
        .select((record_versions::record_id, record_versions::was))
        .load(conn)?;
    let mut then = first_of_each::<_, RecordRow>("a version of a record", kept)?;
    let mut rows = records::all(conn)?;
    rows.retain(|row| row.opened_at <= moment);
    for row in &mut rows {
        if let Some(was) = then.remove(&row.id) {
            *row = was;
        }
    }
    Ok(rows)
}

/// Findings as they were when `moment` ended, account by account; those taken later are left out. What a source says of
/// its last look is not kept for each day: a later one counts as the moment itself.
pub fn findings_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<ShownFinding>> {
    let moment = stamp(moment);
    let kept: Vec<(String, String, String)> = finding_versions::table
        .filter(finding_versions::until.gt(moment))
        .order(finding_versions::id)
        .select((
            finding_versions::account,
            finding_versions::fingerprint,
            finding_versions::was,
        ))
        .load(conn)?;
    let keyed = kept.into_iter().map(|(a, f, was)| ((a, f), was));
    let mut then = first_of_each::<_, ShownFinding>("a version of a finding", keyed)?;
    let mut rows = shown::findings(conn)?;
    rows.retain(|row| row.taken_at <= moment);
    for row in &mut rows {
        let key = (row.account.clone(), row.fingerprint.clone());
        if let Some(was) = then.remove(&key) {
            *row = was;
        }
        if row.joined_at.is_some_and(|at| at > moment) {
            (row.record_id, row.joined_at) = (None, None);
        }
        row.last_seen = row.last_seen.min(moment);
    }
    Ok(rows)
}

/// Tickets as they were when `moment` ended, by id; those wanted later are left out.
pub fn tickets_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<TicketRow>> {
    let moment = stamp(moment);
    let kept: Vec<(i64, String)> = ticket_versions::table
        .filter(ticket_versions::until.gt(moment))
        .order(ticket_versions::id)
        .select((ticket_versions::ticket_id, ticket_versions::was))
        .load(conn)?;
    let mut then = first_of_each::<_, Face>("a version of a ticket", kept)?;
    let mut rows = tickets::all(conn)?;
    rows.retain(|row| row.created_at <= moment);
    for row in &mut rows {
        if let Some(was) = then.remove(&row.id) {
            was.put(row);
        }
    }
    Ok(rows)
}

/// Justifications as they were when `moment` ended, oldest first.
pub fn justifications_at(
    conn: &mut AnyConnection,
    moment: DateTime<Utc>,
) -> Result<Vec<ShownJustification>> {
    let moment = stamp(moment);
    let mut rows = shown::justifications(conn)?;
    rows.retain(|row| row.accepted_at <= moment);
    for row in &mut rows {
        if row.state == EXPIRED && row.expires_at > moment {
            ACCEPTED.clone_into(&mut row.state);
        }
    }
    Ok(rows)
}

/// Of each thing the oldest of these versions: it held at the moment after which they all end.
fn first_of_each<K: Eq + Hash, V: DeserializeOwned>(
    what: &str,
    kept: impl IntoIterator<Item = (K, String)>,
) -> Result<HashMap<K, V>> {
    let mut first = HashMap::new();
    for (key, was) in kept {
        first.entry(key).or_insert(was);
    }
    first
        .into_iter()
        .map(|(key, was)| Ok((key, from_json(what, &was)?)))
        .collect()
}

/// How many versions are kept, of everything.
pub fn count(conn: &mut AnyConnection) -> Result<i64> {
    let records: i64 = record_versions::table.count().get_result(conn)?;
    let findings: i64 = finding_versions::table.count().get_result(conn)?;
    let tickets: i64 = ticket_versions::table.count().get_result(conn)?;
    Ok(records + findings + tickets)
}
