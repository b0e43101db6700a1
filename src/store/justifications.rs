//! Justifications: the word as it was given, by whom, until when, and the findings it covers.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::severity::Severity;

use super::columns::Col;
use super::dialect::insert_many;
use super::records::RecordRow;
use super::schema::{findings, justifications, justified_findings};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, overrides, records};
use crate::domain::finding::FindingStatus;
use crate::domain::overrides::Subject;

pub const ACCEPTED: &str = "accepted";
pub const EXPIRED: &str = "expired";

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = justifications)]
pub struct JustificationRow {
    pub id: i64,
    pub record_id: i64,
    pub desk: String,
    pub ticket_key: String,
    pub comment_id: String,
    pub author_id: String,
    /// As the desk showed them.
    pub author: String,
    pub reason: String,
    /// The whole comment as it was taken.
    pub verbatim: String,
    pub verbatim_sha256: String,
    /// `accepted` or `expired`.
    pub state: String,
    pub commented_at: Stamp,
    pub accepted_at: Stamp,
    /// The first moment it no longer holds.
    pub expires_at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = justifications)]
pub struct NewJustification {
    pub record_id: i64,
    pub desk: String,
    pub ticket_key: String,
    pub comment_id: String,
    pub author_id: String,
    pub author: String,
    pub reason: String,
    pub verbatim: String,
    pub verbatim_sha256: String,
    pub state: String,
    pub commented_at: Stamp,
    pub accepted_at: Stamp,
    pub expires_at: Stamp,
}

/// SQLite takes 32,766 variables; a pair has three.
const ROWS_A_STATEMENT: usize = 1_000;

/// Keeps a justification with the findings of `account` it covers.
pub fn insert(
    conn: &mut AnyConnection,
    row: &NewJustification,
    account: &str,
    fingerprints: &[&str],
) -> Result<i64> {
    let id: i64 = diesel::insert_into(justifications::table)
        .values(row)
        .returning(justifications::id)
        .get_result(conn)?;
    let pairs: Vec<_> = fingerprints
        .iter()
        .map(|fingerprint| {
            (
                justified_findings::justification_id.eq(id),
                justified_findings::account.eq(account),
                justified_findings::fingerprint.eq(*fingerprint),
            )
        })
        .collect();
    for chunk in pairs.chunks(ROWS_A_STATEMENT) {
        let chunk = chunk.to_vec();
        insert_many!(conn, justified_findings::table, &chunk)?;
    }
    Ok(id)
}

/// Justifications of a record, the newest first.
pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<JustificationRow>> {
    Ok(justifications::table
        .filter(justifications::record_id.eq(record))
        .order(justifications::id.desc())
        .select(JustificationRow::as_select())
        .load(conn)?)
}

/// Justifications in force whose end has come.
pub fn ended(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<JustificationRow>> {
    Ok(justifications::table
        .filter(justifications::state.eq(ACCEPTED))
        .filter(justifications::expires_at.le(stamp(now)))
        .order(justifications::id)
        .select(JustificationRow::as_select())
        .load(conn)?)
}

pub fn set_state(conn: &mut AnyConnection, id: i64, state: &str) -> Result<()> {
    diesel::update(justifications::table.find(id))
        .set(justifications::state.eq(state))
        .execute(conn)?;
    Ok(())
}

/// Account and fingerprint of the findings a justification covers.
pub fn covered(conn: &mut AnyConnection, id: i64) -> Result<Vec<(String, String)>> {
    Ok(justified_findings::table
        .filter(justified_findings::justification_id.eq(id))
        .order((justified_findings::account, justified_findings::fingerprint))
        .select((justified_findings::account, justified_findings::fingerprint))
        .load(conn)?)
}

/// The records on which the findings stand that a justification covers.
pub fn records_of(conn: &mut AnyConnection, id: i64) -> Result<BTreeSet<i64>> {
    let found: Vec<Option<i64>> = justified_findings::table
        .inner_join(
            findings::table.on(findings::account
                .eq(justified_findings::account)
                .and(findings::fingerprint.eq(justified_findings::fingerprint))),
        )
        .filter(justified_findings::justification_id.eq(id))
        .select(findings::record_id)
        .distinct()
        .load(conn)?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether a justification in force still covers a finding.
pub fn covers(conn: &mut AnyConnection, account: &str, fingerprint: &str) -> Result<bool> {
    let count: i64 = justified_findings::table
        .inner_join(
            justifications::table.on(justifications::id.eq(justified_findings::justification_id)),
        )
        .filter(justified_findings::account.eq(account))
        .filter(justified_findings::fingerprint.eq(fingerprint))
        .filter(justifications::state.eq(ACCEPTED))
        .count()
        .get_result(conn)?;
    Ok(count > 0)
}

/// Writes a record's unjustified score anew from its findings; gives the one before and the one after.
pub fn rescore(conn: &mut AnyConnection, record: i64, now: DateTime<Utc>) -> Result<(i64, i64)> {
    let Some(mut row) = records::find(conn, record)? else {
        return Err(diesel::result::Error::NotFound.into());
    };
    let before = row.unjustified_score;
    row.unjustified_score = counted(conn, &row)?;
    let after = row.unjustified_score;
    if after != before {
        row.changed_at = stamp(now);
        records::update(conn, &row)?;
    }
    Ok((before, after))
}

/// What the findings of a record that are neither fixed nor justified count with, overrides included, as the planner has it.
fn counted(conn: &mut AnyConnection, row: &RecordRow) -> Result<i64> {
    let overrides = overrides::in_force(conn)?;
    let account = overrides::names_of(&overrides::account_names(conn)?, &row.account);
    let rows: Vec<(String, String, Option<Col<Severity>>, i64)> = findings::table
        .filter(findings::record_id.eq(row.id))
        .filter(findings::justified.eq(false))
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .select((
            findings::weakness_id,
            findings::resources,
            findings::severity,
            findings::score,
        ))
        .load(conn)?;
    let score =
        |(weakness, resources, severity, score): &(String, String, Option<Col<Severity>>, i64)| {
            let subject = Subject {
                weakness,
                technology: &overrides::technology(resources),
                account: &account,
            };
            let severity = severity.map(|s| s.0);
            overrides.count(&subject, severity, *score).score
        };
    Ok(rows.iter().map(score).sum())
}
