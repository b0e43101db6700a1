//! What sources told of findings beside their listings, whose turn it is to be asked for, and how the asking went.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::detail::Detail;
use poamd_contract::finding::{Channel, Signal, WeaknessKind};
use poamd_contract::severity::Severity;

use super::columns::Col;
use super::schema::{detail_rounds, finding_details, finding_reports, findings};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, from_json};

const KEYS_A_QUERY: usize = 500;
/// Whoever is rated worst is asked for first.
const TURNS: [Option<Severity>; 6] = [
    Some(Severity::Critical),
    Some(Severity::High),
    Some(Severity::Medium),
    Some(Severity::Low),
    None,
    Some(Severity::Informational),
];

/// A finding of which its source has not been asked for more since its report last changed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Waiting {
    pub account: String,
    pub fingerprint: String,
    pub native_id: String,
    pub content_hash: i64,
}

/// What was told of one finding, for one version of its report.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = finding_details, treat_none_as_default_value = false)]
pub struct DetailRow {
    pub account: String,
    pub fingerprint: String,
    pub cell: String,
    pub native_id: String,
    pub for_hash: i64,
    /// JSON of `Detail`; empty if the source knows nothing more.
    pub detail: String,
    pub taken_at: Stamp,
    pub pack_id: Option<i64>,
    pub pack_at: Option<i64>,
}

/// How the last round of asking in a cell went.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = detail_rounds, treat_none_as_default_value = false)]
pub struct RoundRow {
    /// `account/region/service`.
    pub cell: String,
    pub asked_at: Stamp,
    /// Findings that wait for the next one.
    pub waiting: i64,
    /// Why it ended before all were asked for.
    pub trouble: Option<String>,
}

macro_rules! waiting {
    ($cell:expr) => {{
        let told = finding_details::table.on(finding_details::account
            .eq(findings::account)
            .and(finding_details::fingerprint.eq(findings::fingerprint))
            .and(finding_details::for_hash.eq(finding_reports::content_hash)));
        let open = [
            Signal::Open,
            Signal::OpenSuppressedAtSource,
            Signal::OpenResolvedAtSource,
        ];
        finding_reports::table
            .inner_join(findings::table)
            .left_join(told)
            .filter(finding_reports::cell.eq($cell))
            .filter(finding_reports::channel.eq(Col(Channel::Pull)))
            .filter(finding_reports::signal.eq_any(open.map(Col)))
            .filter(finding_reports::absent.eq(0))
            .filter(findings::weakness_kind.eq(Col(WeaknessKind::Vulnerability)))
            .filter(findings::sample.eq(false))
            .filter(finding_details::id.nullable().is_null())
    }};
}

/// Whose turn it is in a cell, at most so many.
pub fn waiting(conn: &mut AnyConnection, cell: &str, limit: usize) -> Result<Vec<Waiting>> {
    let mut found: Vec<Waiting> = Vec::new();
    for turn in TURNS {
        let left = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
        if left == 0 {
            break;
        }
        let columns = (
            findings::account,
            findings::fingerprint,
            finding_reports::native_id,
            finding_reports::content_hash,
        );
        let query = waiting!(cell)
            .order((findings::account, findings::fingerprint))
            .limit(left)
            .select(columns);
        found.extend(match turn {
            Some(severity) => query
                .filter(findings::severity.eq(Col(severity)))
                .load::<Waiting>(conn)?,
            None => query
                .filter(findings::severity.is_null())
                .load::<Waiting>(conn)?,
        });
    }
    Ok(found)
}

/// How many wait in a cell.
pub fn count_waiting(conn: &mut AnyConnection, cell: &str) -> Result<i64> {
    Ok(waiting!(cell).count().get_result(conn)?)
}

/// What is known of these findings beside their listings, by fingerprint: the newest word.
pub fn of_findings(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
) -> Result<HashMap<String, Detail>> {
    let mut found = HashMap::new();
    for keys in fingerprints.chunks(KEYS_A_QUERY) {
        let rows: Vec<(String, String)> = finding_details::table
            .filter(finding_details::account.eq(account))
            .filter(finding_details::fingerprint.eq_any(keys))
            .order(finding_details::id)
            .select((finding_details::fingerprint, finding_details::detail))
            .load(conn)?;
        for (fingerprint, detail) in rows {
            // That it knows nothing more takes nothing back.
            if !detail.is_empty() {
                found.insert(fingerprint, from_json("the detail of a finding", &detail)?);
            }
        }
    }
    Ok(found)
}

/// What held of these findings when `moment` ended: the newest until then, by fingerprint.
pub(super) fn at(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
    moment: Stamp,
) -> Result<HashMap<String, DetailRow>> {
    let rows: Vec<DetailRow> = finding_details::table
        .filter(finding_details::account.eq(account))
        .filter(finding_details::fingerprint.eq_any(fingerprints))
        .filter(finding_details::taken_at.le(moment))
        .filter(finding_details::pack_id.is_not_null())
        .order(finding_details::id)
        .select(DetailRow::as_select())
        .load(conn)?;
    let keyed = rows.into_iter().map(|row| (row.fingerprint.clone(), row));
    Ok(keyed.collect())
}

pub fn insert(conn: &mut AnyConnection, row: &DetailRow) -> Result<()> {
    diesel::insert_into(finding_details::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Notes how a round went. Writes only what differs.
pub fn note_round(
    conn: &mut AnyConnection,
    cell: &str,
    waiting: i64,
    trouble: Option<&str>,
    at: DateTime<Utc>,
) -> Result<()> {
    let known: Option<RoundRow> = detail_rounds::table
        .find(cell)
        .select(RoundRow::as_select())
        .first(conn)
        .optional()?;
    let same = |row: &RoundRow| row.waiting == waiting && row.trouble.as_deref() == trouble;
    if known.as_ref().is_some_and(same) || (known.is_none() && waiting == 0 && trouble.is_none()) {
        return Ok(());
    }
    let row = RoundRow {
        cell: cell.to_owned(),
        asked_at: stamp(at),
        waiting,
        trouble: trouble.map(str::to_owned),
    };
    diesel::delete(detail_rounds::table.find(cell)).execute(conn)?;
    diesel::insert_into(detail_rounds::table)
        .values(&row)
        .execute(conn)?;
    Ok(())
}

/// How the last rounds went, by cell.
pub fn rounds(conn: &mut AnyConnection) -> Result<Vec<RoundRow>> {
    Ok(detail_rounds::table
        .order(detail_rounds::cell)
        .select(RoundRow::as_select())
        .load(conn)?)
}
