//! What reports read across the ledger, in columns no wider than they need. Reads only; every list has one order.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;

use super::columns::Col;
use super::justifications::ACCEPTED;
use super::schema::{accounts, audit, findings, justifications, records, tickets};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result};
use crate::domain::blind;
use crate::domain::escalation::Aged;
use crate::domain::finding::FindingStatus;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::domain::ticket::Link;

const KEYS_A_QUERY: usize = 500;

/// An account by the names people give it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct AccountName {
    pub id: String,
    pub name: String,
    pub label: String,
    pub active: bool,
    pub created_at: Stamp,
    pub removed_at: Option<Stamp>,
}

/// A record without what reports do not show.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = records)]
pub struct RecordFacts {
    pub id: i64,
    pub account: String,
    pub weakness_id: String,
    pub title: String,
    pub severity: Option<Col<Severity>>,
    pub rating: Option<Col<Rating>>,
    pub score: i64,
    pub status: Col<RecordStatus>,
    pub detected_at: Stamp,
    pub due: Option<NaiveDate>,
    pub due_rule: String,
}

/// A finding that keeps its record open.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct FindingFacts {
    pub record: Option<i64>,
    pub source: String,
    /// Of the primary item; empty if the source named none.
    pub arn: String,
}

/// A ticket that exists on its desk.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct TicketFacts {
    pub record: i64,
    pub desk: String,
    pub key: Option<String>,
    pub url: Option<String>,
}

/// A justification that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct JustificationFacts {
    pub record: i64,
    pub reason: String,
    pub author: String,
    pub expires_at: Stamp,
}

/// Every account ever known, by number.
pub fn accounts(conn: &mut AnyConnection) -> Result<Vec<AccountName>> {
    Ok(accounts::table
        .order(accounts::id)
        .select(AccountName::as_select())
        .load(conn)?)
}

/// Records that are still somebody's work, by id.
pub fn live_records(conn: &mut AnyConnection) -> Result<Vec<RecordFacts>> {
    let live: Vec<_> = RecordStatus::ALL
        .into_iter()
        .filter(|status| status.is_live())
        .map(Col)
        .collect();
    Ok(records::table
        .filter(records::status.eq_any(live))
        .order(records::id)
        .select(RecordFacts::as_select())
        .load(conn)?)
}

/// These records, by id.
pub fn records(conn: &mut AnyConnection, ids: &[i64]) -> Result<Vec<RecordFacts>> {
    let mut found = Vec::with_capacity(ids.len());
    for keys in ids.chunks(KEYS_A_QUERY) {
        let rows: Vec<RecordFacts> = records::table
            .filter(records::id.eq_any(keys))
            .select(RecordFacts::as_select())
            .load(conn)?;
        found.extend(rows);
    }
    found.sort_unstable_by_key(|record| record.id);
    Ok(found)
}

/// Findings on records that are not fixed, by record, source and item.
pub fn findings(conn: &mut AnyConnection) -> Result<Vec<FindingFacts>> {
    Ok(findings::table
        .filter(findings::record_id.is_not_null())
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .order((findings::record_id, findings::source, findings::arn))
        .select((findings::record_id, findings::source, findings::arn))
        .load(conn)?)
}

/// Linked tickets, by record and desk.
pub fn tickets(conn: &mut AnyConnection) -> Result<Vec<TicketFacts>> {
    Ok(tickets::table
        .filter(tickets::link.eq(Col(Link::Linked)))
        .order((tickets::record_id, tickets::desk, tickets::generation))
        .select((
            tickets::record_id,
            tickets::desk,
            tickets::remote_key,
            tickets::url,
        ))
        .load(conn)?)
}

/// Accepted justifications that hold at this time, by record; the newest stands last.
pub fn justifications(
    conn: &mut AnyConnection,
    now: DateTime<Utc>,
) -> Result<Vec<JustificationFacts>> {
    Ok(justifications::table
        .filter(justifications::state.eq(ACCEPTED))
        .filter(justifications::expires_at.gt(stamp(now)))
        .order((justifications::record_id, justifications::id))
        .select((
            justifications::record_id,
            justifications::reason,
            justifications::author,
            justifications::expires_at,
        ))
        .load(conn)?)
}

/// Kind and subject of the events of these kinds behind event number `behind`, in order.
pub fn events_behind(
    conn: &mut AnyConnection,
    behind: i64,
    kinds: &[&str],
) -> Result<Vec<(String, String)>> {
    Ok(audit::table
        .filter(audit::n.gt(behind))
        .filter(audit::kind.eq_any(kinds))
        .order(audit::n)
        .select((audit::kind, audit::subject))
        .load(conn)?)
}

/// The record that each gap in coverage is by now, by the id of its place ([`blind::Place`]).
pub fn gap_records(conn: &mut AnyConnection) -> Result<BTreeMap<String, i64>> {
    let rows: Vec<(String, Option<i64>)> = findings::table
        .filter(findings::source.eq(blind::SOURCE))
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .select((findings::arn, findings::record_id))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(place, record)| Some((place, record?)))
        .collect())
}

/// Every record as escalation triggers see it, with its account; merged ones are left out.
pub fn aged(conn: &mut AnyConnection) -> Result<Vec<(String, Aged)>> {
    let rows = records::table
        .filter(records::status.ne(Col(RecordStatus::Superseded)))
        .order(records::id)
        .select((
            records::id,
            records::account,
            records::weakness_id,
            records::weakness_kind,
            records::rating,
            records::detected_at,
            records::closed_at,
        ))
        .load::<AgedRow>(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, account, weakness, kind, rating, detected, closed)| {
            let aged = Aged {
                id: RecordId(id),
                weakness,
                rating: rating?.0,
                detected: detected.date(),
                closed: closed.map(|at| at.date()),
                is_vulnerability: kind.0 == WeaknessKind::Vulnerability,
            };
            Some((account, aged))
        })
        .collect())
}

type AgedRow = (
    i64,
    String,
    String,
    Col<WeaknessKind>,
    Option<Col<Rating>>,
    Stamp,
    Option<Stamp>,
);
