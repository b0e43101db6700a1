//! The outbox of the hubs: one row for each finding that a hub holds, with what shall stand there.
//!
//! Not in it: what shall (`domain::writeback`), and the sending (`delivery::writeback`).

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::columns::Col;
use super::schema::{finding_reports, findings, meta, records, tickets, writebacks};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, from_json, to_json};
use crate::domain::ticket::Link;
use crate::domain::writeback::{Asked, Wanted, Written};
use poamd_contract::finding::Channel;
use poamd_contract::severity::Severity;

/// Waiting to be brought into step.
pub const PENDING: &str = "pending";
/// It stands there as wanted.
pub const DONE: &str = "done";
/// Refused too often; tried again when something changes.
pub const FAILED: &str = "failed";
/// The hub holds it no longer.
pub const GONE: &str = "gone";

const KEYS_A_QUERY: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = writebacks, treat_none_as_null = true)]
pub struct WritebackRow {
    pub id: i64,
    /// The finding's.
    pub account: String,
    pub native_id: String,
    /// The coverage cell it is read through, and written through: `account/region/service`.
    pub cell: String,
    pub record_id: i64,
    /// JSON of [`Wanted`].
    pub wanted: String,
    /// The report's content hash when that was worked out: another one makes us look again.
    pub seen_hash: i64,
    pub state: String,
    /// Refusals and failures in a row.
    pub attempt: i64,
    pub not_before: Stamp,
    /// JSON of [`Written`]: what the last request was to leave, while its answer is not known.
    pub sent: Option<String>,
    /// JSON of [`Written`].
    pub written: String,
    pub error: Option<String>,
    pub changed_at: Stamp,
}

impl WritebackRow {
    fn what(&self) -> String {
        format!("write-back {}", self.id)
    }

    pub fn wanted(&self) -> Result<Wanted> {
        from_json(&self.what(), &self.wanted)
    }

    pub fn written(&self) -> Result<Written> {
        from_json(&self.what(), &self.written)
    }

    pub fn sent(&self) -> Result<Option<Written>> {
        let sent = self.sent.as_deref();
        sent.map(|text| from_json(&self.what(), text)).transpose()
    }
}

/// A finding of a record as a hub shows it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct InHub {
    pub record_id: Option<i64>,
    pub account: String,
    pub native_id: String,
    pub cell: String,
    pub content_hash: i64,
    /// Complete looks in a row that did not show it.
    pub absent: i64,
    /// When it came onto the record.
    pub joined_at: Option<Stamp>,
    pub severity: Option<Col<Severity>>,
}

/// What a record says of its findings: its ticket's key and its deviation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    pub ticket: Option<String>,
    pub asked: Option<Asked>,
}

/// The numbers of the next records after one.
pub fn records_after(conn: &mut AnyConnection, after: i64, limit: i64) -> Result<Vec<i64>> {
    Ok(records::table
        .filter(records::id.gt(after))
        .order(records::id)
        .limit(limit)
        .select(records::id)
        .load(conn)?)
}

/// What reached us through the hubs' cells of a service, on these records; by native id and cell.
pub fn in_hub(conn: &mut AnyConnection, records: &[i64], service: &str) -> Result<Vec<InHub>> {
    let mut found: Vec<InHub> = Vec::new();
    for ids in records.chunks(KEYS_A_QUERY) {
        found.extend(
            findings::table
                .inner_join(finding_reports::table)
                .filter(findings::record_id.eq_any(ids))
                .filter(finding_reports::channel.eq(Col(Channel::Hub)))
                .filter(finding_reports::cell.like(format!("%/{service}")))
                .select((
                    findings::record_id,
                    findings::account,
                    finding_reports::native_id,
                    finding_reports::cell,
                    finding_reports::content_hash,
                    finding_reports::absent,
                    findings::joined_at,
                    findings::severity,
                ))
                .load::<InHub>(conn)?,
        );
    }
    found.sort_unstable_by(|a, b| {
        (&a.account, &a.native_id, &a.cell).cmp(&(&b.account, &b.native_id, &b.cell))
    });
    Ok(found)
}

/// What one record says of its findings.
pub fn said(conn: &mut AnyConnection, record: i64) -> Result<Said> {
    let ticket: Option<Option<String>> = tickets::table
        .filter(tickets::record_id.eq(record))
        .filter(tickets::link.eq(Col(Link::Linked)))
        .order(tickets::generation.desc())
        .select(tickets::remote_key)
        .first(conn)
        .optional()?;
    let live = super::deviations::live(conn, record)?;
    Ok(Said {
        ticket: ticket.flatten(),
        asked: live.map(|row| Asked {
            kind: row.kind.0,
            state: row.state.0,
            expires: row.expires,
            decided: row.decided_at.map(|at| at.and_utc()),
            from: row.from_severity.map(|s| s.0),
        }),
    })
}

/// The rows of these native ids in an account.
pub fn of_findings(
    conn: &mut AnyConnection,
    account: &str,
    native_ids: &[&str],
) -> Result<Vec<WritebackRow>> {
    let mut rows = Vec::new();
    for ids in native_ids.chunks(KEYS_A_QUERY) {
        rows.extend(
            writebacks::table
                .filter(writebacks::account.eq(account))
                .filter(writebacks::native_id.eq_any(ids))
                .select(WritebackRow::as_select())
                .load(conn)?,
        );
    }
    Ok(rows)
}

/// Wants something of a finding that nothing was wanted of before.
pub fn insert(
    conn: &mut AnyConnection,
    finding: &InHub,
    record: i64,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::insert_into(writebacks::table)
        .values((
            writebacks::account.eq(&finding.account),
            writebacks::native_id.eq(&finding.native_id),
            writebacks::cell.eq(&finding.cell),
            writebacks::record_id.eq(record),
            writebacks::wanted.eq(to_json(wanted)?),
            writebacks::seen_hash.eq(finding.content_hash),
            writebacks::state.eq(PENDING),
            writebacks::attempt.eq(0),
            writebacks::not_before.eq(stamp(now)),
            writebacks::written.eq(to_json(&Written::default())?),
            writebacks::changed_at.eq(stamp(now)),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn update(conn: &mut AnyConnection, row: &WritebackRow) -> Result<()> {
    diesel::update(writebacks::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// Puts a row where its answer leads. False if something else is wanted by now: then it waits for that.
pub fn settle(conn: &mut AnyConnection, row: &WritebackRow) -> Result<bool> {
    let same = diesel::update(
        writebacks::table
            .filter(writebacks::id.eq(row.id))
            .filter(writebacks::wanted.eq(&row.wanted))
            .filter(writebacks::seen_hash.eq(row.seen_hash)),
    )
    .set(row)
    .execute(conn)?;
    if same == 0 {
        // What stands there is known all the same.
        diesel::update(writebacks::table.find(row.id))
            .set((
                writebacks::written.eq(&row.written),
                writebacks::sent.eq(&row.sent),
            ))
            .execute(conn)?;
    }
    Ok(same == 1)
}

/// Keeps what a request is to leave, before its first byte goes.
pub fn sending(conn: &mut AnyConnection, id: i64, sent: &Written) -> Result<()> {
    diesel::update(writebacks::table.find(id))
        .set(writebacks::sent.eq(to_json(sent)?))
        .execute(conn)?;
    Ok(())
}

/// Due rows of the first cell that has any and is none of `without`.
pub fn due(
    conn: &mut AnyConnection,
    without: &[String],
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<WritebackRow>> {
    let mut rows: Vec<WritebackRow> = writebacks::table
        .filter(writebacks::state.eq(PENDING))
        .filter(writebacks::not_before.le(stamp(now)))
        .filter(writebacks::cell.ne_all(without))
        .order((writebacks::cell, writebacks::id))
        .limit(limit)
        .select(WritebackRow::as_select())
        .load(conn)?;
    let first = rows.first().map(|row| row.cell.clone());
    rows.retain(|row| Some(&row.cell) == first.as_ref());
    Ok(rows)
}

/// Every row, by number.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<WritebackRow>> {
    Ok(writebacks::table
        .order(writebacks::id)
        .select(WritebackRow::as_select())
        .load(conn)?)
}

/// Rows in a state, oldest first.
pub fn in_state(conn: &mut AnyConnection, state: &str) -> Result<Vec<WritebackRow>> {
    Ok(writebacks::table
        .filter(writebacks::state.eq(state))
        .order(writebacks::id)
        .select(WritebackRow::as_select())
        .load(conn)?)
}

const MARK: &str = "writeback-planned";

/// For which state of the ledger all wishes were worked out last.
pub fn mark(conn: &mut AnyConnection) -> Result<Option<String>> {
    Ok(meta::table
        .find(MARK)
        .select(meta::value)
        .first(conn)
        .optional()?)
}

pub fn set_mark(conn: &mut AnyConnection, mark: &str) -> Result<()> {
    diesel::delete(meta::table.find(MARK)).execute(conn)?;
    diesel::insert_into(meta::table)
        .values((meta::key.eq(MARK), meta::value.eq(mark)))
        .execute(conn)?;
    Ok(())
}
