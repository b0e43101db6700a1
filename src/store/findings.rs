//! Findings and what each native id said of them.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::dsl::max;
use diesel::prelude::*;
use poamd_contract::finding::{Channel, Signal, WeaknessKind};
use poamd_contract::severity::Severity;

use super::columns::Col;
use super::dialect::{insert_many, insert_rows};
use super::schema::{finding_reports, findings, planner_queue};
use super::shown::ShownFinding;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, evidence, versions};
use crate::domain::finding::FindingStatus;

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Identifiable)]
#[diesel(table_name = findings, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct FindingRow {
    /// In the order in which they came; given when it is written first.
    pub id: i64,
    pub account: String,
    pub fingerprint: String,
    pub region: String,
    pub source: String,
    pub weakness_id: String,
    pub weakness_kind: Col<WeaknessKind>,
    pub title: String,
    pub description: String,
    pub remediation: String,
    pub severity: Option<Col<Severity>>,
    pub score: i64,
    pub status: Col<FindingStatus>,
    pub at_source: Option<String>,
    /// JSON array of text.
    pub marks: String,
    pub sample: bool,
    pub opened: bool,
    pub justified: bool,
    /// JSON array of text.
    pub requirements: String,
    pub arn: String,
    /// JSON array of `ResourceRef`.
    pub resources: String,
    /// JSON of `Detail`; empty if there is none.
    pub detail: String,
    pub record_id: Option<i64>,
    pub detected_at: Stamp,
    pub first_seen: Stamp,
    pub last_seen: Stamp,
    pub closed_at: Option<Stamp>,
    /// Since when the row is as it is.
    pub changed_at: Stamp,
    /// When the ledger first had it: before that it was not there, whatever the source says of its age.
    pub taken_at: Stamp,
    /// Since when it is on its record.
    pub joined_at: Option<Stamp>,
}

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Identifiable)]
#[diesel(table_name = finding_reports, primary_key(finding_id, report_key), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct ReportRow {
    /// Of a finding that is new: nothing before that is written.
    pub finding_id: i64,
    pub account: String,
    /// [`report_key`] of the native id and the cell.
    pub report_key: i64,
    pub native_id: String,
    /// `account/region/service`, or `file`.
    pub cell: String,
    pub channel: Col<Channel>,
    pub source: String,
    pub signal: Col<Signal>,
    pub updated_at: Option<Stamp>,
    pub severity: Option<Col<Severity>>,
    /// The `updated_at` of the version that gave the rating: a pass or a gap has none of its own.
    pub rated_at: Option<Stamp>,
    /// Of what is put away: the newest word before that on whether the weakness is there, and when it was said.
    pub stated: Option<Col<Signal>>,
    pub stated_at: Option<Stamp>,
    pub content_hash: i64,
    pub absent: i64,
    /// The pack in which the document is that says this, and its place there; `None` where no document says it.
    pub pack_id: Option<i64>,
    pub pack_at: Option<i64>,
    /// As the report has it: that of its finding may be another channel's.
    pub region: String,
    /// What the document that says this is known by ([`poamd_formats::Reading::key`]); `None` where it has to be read again.
    pub document: Option<Vec<u8>>,
}

/// Tells the reports of one finding apart.
pub fn report_key(native_id: &str, cell: &str) -> i64 {
    poamd_formats::raw_hash(format!("{native_id}\n{cell}").as_bytes()).cast_signed()
}

/// What of a report is needed to see that nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct KnownReport {
    pub account: String,
    pub report_key: i64,
    pub content_hash: i64,
    pub absent: i64,
    pub signal: Col<Signal>,
}

impl KnownReport {
    pub fn of(row: &ReportRow) -> Self {
        Self {
            account: row.account.clone(),
            report_key: row.report_key,
            content_hash: row.content_hash,
            absent: row.absent,
            signal: row.signal,
        }
    }
}

/// PostgreSQL takes 65,535 variables; a finding has 30 columns.
const ROWS_A_STATEMENT: usize = 1_000;
const KEYS_A_QUERY: usize = 500;

/// What is held of a report while its door is open.
#[derive(Debug, Queryable)]
pub struct HeldReport {
    pub known: KnownReport,
    pub native_id: String,
    pub region: String,
    pub document: Option<Vec<u8>>,
}

/// All reports that came through a cell, one after the other so that memory stays flat.
pub fn reports_of_cell(
    conn: &mut AnyConnection,
    cell: &str,
    mut each: impl FnMut(HeldReport),
) -> Result<()> {
    let rows = finding_reports::table
        .filter(finding_reports::cell.eq(cell))
        .select((
            (
                finding_reports::account,
                finding_reports::report_key,
                finding_reports::content_hash,
                finding_reports::absent,
                finding_reports::signal,
            ),
            finding_reports::native_id,
            finding_reports::region,
            finding_reports::document,
        ))
        .load_iter::<HeldReport, _>(conn)?;
    for row in rows {
        each(row?);
    }
    Ok(())
}

/// What came through a cell of these findings of an account. Asked by finding, and the cell looked at here: SQLite would
/// rather walk all of the cell.
pub fn known_of_cell(
    conn: &mut AnyConnection,
    account: &str,
    cell: &str,
    fingerprints: &[&str],
) -> Result<Vec<KnownReport>> {
    let mut found = Vec::with_capacity(fingerprints.len());
    for keys in fingerprints.chunks(KEYS_A_QUERY) {
        let ids: Vec<i64> = findings::table
            .filter(findings::account.eq(account))
            .filter(findings::fingerprint.eq_any(keys))
            .select(findings::id)
            .load(conn)?;
        let rows: Vec<(KnownReport, String)> = finding_reports::table
            .filter(finding_reports::finding_id.eq_any(ids))
            .select((
                (
                    finding_reports::account,
                    finding_reports::report_key,
                    finding_reports::content_hash,
                    finding_reports::absent,
                    finding_reports::signal,
                ),
                finding_reports::cell,
            ))
            .load(conn)?;
        let through = rows.into_iter().filter(|(_, of)| of == cell);
        found.extend(through.map(|(known, _)| known));
    }
    Ok(found)
}

/// The worst rating that anything shown through a cell has and was last spoken of as open.
pub fn worst_open_of_cell(conn: &mut AnyConnection, cell: &str) -> Result<Option<Severity>> {
    let open = Signal::ALL.into_iter().filter(|s| s.is_open()).map(Col);
    let rated: Vec<Option<Col<Severity>>> = finding_reports::table
        .filter(finding_reports::cell.eq(cell))
        .filter(finding_reports::signal.eq_any(open))
        .select(finding_reports::severity)
        .distinct()
        .load(conn)?;
    Ok(rated.into_iter().flatten().map(|s| s.0).max())
}

/// The detector's own ids of what came through a cell, and what was last said of each.
pub fn native_ids_of_cell(conn: &mut AnyConnection, cell: &str) -> Result<Vec<(String, Signal)>> {
    let rows: Vec<(String, Col<Signal>)> = finding_reports::table
        .filter(finding_reports::cell.eq(cell))
        .select((finding_reports::native_id, finding_reports::signal))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, signal)| (id, signal.0))
        .collect())
}

/// All reports that came through a cell, each with the id of its finding.
pub fn findings_of_cell(
    conn: &mut AnyConnection,
    cell: &str,
    mut each: impl FnMut(KnownReport, i64),
) -> Result<()> {
    let rows = finding_reports::table
        .filter(finding_reports::cell.eq(cell))
        .select((
            (
                finding_reports::account,
                finding_reports::report_key,
                finding_reports::content_hash,
                finding_reports::absent,
                finding_reports::signal,
            ),
            finding_reports::finding_id,
        ))
        .load_iter::<(KnownReport, i64), _>(conn)?;
    for row in rows {
        let (known, finding) = row?;
        each(known, finding);
    }
    Ok(())
}

/// Findings of one account by fingerprint.
pub fn by_fingerprints(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
) -> Result<HashMap<String, FindingRow>> {
    let mut found = HashMap::with_capacity(fingerprints.len());
    for keys in fingerprints.chunks(KEYS_A_QUERY) {
        let rows: Vec<FindingRow> = findings::table
            .filter(findings::account.eq(account))
            .filter(findings::fingerprint.eq_any(keys))
            .select(FindingRow::as_select())
            .load(conn)?;
        found.extend(rows.into_iter().map(|r| (r.fingerprint.clone(), r)));
    }
    Ok(found)
}

/// Findings by id, in that order.
pub fn by_ids(conn: &mut AnyConnection, ids: &[i64]) -> Result<Vec<FindingRow>> {
    let mut found = Vec::with_capacity(ids.len());
    for keys in ids.chunks(KEYS_A_QUERY) {
        let rows = findings::table
            .filter(findings::id.eq_any(keys))
            .select(FindingRow::as_select());
        found.extend(rows.load(conn)?);
    }
    found.sort_unstable_by_key(|row| row.id);
    Ok(found)
}

/// All reports of these findings, by the id of their finding.
pub fn reports_of(conn: &mut AnyConnection, ids: &[i64]) -> Result<HashMap<i64, Vec<ReportRow>>> {
    let mut found: HashMap<i64, Vec<ReportRow>> = HashMap::with_capacity(ids.len());
    for keys in ids.chunks(KEYS_A_QUERY) {
        let rows: Vec<ReportRow> = finding_reports::table
            .filter(finding_reports::finding_id.eq_any(keys))
            .select(ReportRow::as_select())
            .load(conn)?;
        for row in rows {
            found.entry(row.finding_id).or_default().push(row);
        }
    }
    Ok(found)
}

/// Writes findings that are new and gives each its id. Nobody else gives ids while a transaction writes.
pub fn insert_all(conn: &mut AnyConnection, rows: &mut [FindingRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let newest: Option<i64> = findings::table.select(max(findings::id)).first(conn)?;
    for (row, id) in rows.iter_mut().zip(newest.unwrap_or_default() + 1..) {
        row.id = id;
    }
    Ok(insert_rows!(conn, findings::table, rows, ROWS_A_STATEMENT)?)
}

pub fn insert_reports(conn: &mut AnyConnection, rows: &[ReportRow]) -> Result<()> {
    Ok(insert_rows!(
        conn,
        finding_reports::table,
        rows,
        ROWS_A_STATEMENT
    )?)
}

/// Writes a finding anew and keeps what was shown of it, if that changed.
pub fn update(conn: &mut AnyConnection, row: &FindingRow) -> Result<()> {
    let was = findings::table
        .find(row.id)
        .select(FindingRow::as_select())
        .first(conn)
        .optional()?;
    match was {
        Some(was) => replace(conn, &was, row),
        None => Ok(()),
    }
}

/// The same for who has at hand what it was.
pub fn replace(conn: &mut AnyConnection, was: &FindingRow, row: &FindingRow) -> Result<()> {
    let (before, after) = (ShownFinding::of(was), ShownFinding::of(row));
    if before.shows_otherwise(&after) {
        versions::keep_findings(conn, &[before], row.changed_at)?;
    }
    versions::keep_texts(conn, was, row)?;
    diesel::update(findings::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// Writes a report anew and keeps where its document was, if another took its place.
pub fn replace_report(
    conn: &mut AnyConnection,
    was: &ReportRow,
    row: &ReportRow,
    at: DateTime<Utc>,
) -> Result<()> {
    if (was.pack_id, was.pack_at) != (row.pack_id, row.pack_at) {
        evidence::keep_report(conn, was, stamp(at))?;
    }
    diesel::update(finding_reports::table.find((row.finding_id, row.report_key)))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// Puts weaknesses in line for the planner; one that stands there already stays once.
pub fn enqueue_planning<'a>(
    conn: &mut AnyConnection,
    touched: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<()> {
    let mut wanted: Vec<(&str, &str)> = touched.into_iter().collect();
    wanted.sort_unstable();
    wanted.dedup();
    for same_account in wanted.chunk_by(|a, b| a.0 == b.0) {
        let account = same_account[0].0;
        for chunk in same_account.chunks(KEYS_A_QUERY) {
            let keys: Vec<&str> = chunk.iter().map(|(_, w)| *w).collect();
            let there: Vec<String> = planner_queue::table
                .filter(planner_queue::account.eq(account))
                .filter(planner_queue::weakness_id.eq_any(&keys))
                .select(planner_queue::weakness_id)
                .load(conn)?;
            let rows: Vec<_> = keys
                .iter()
                .filter(|k| !there.iter().any(|t| t == *k))
                .map(|w| {
                    (
                        planner_queue::account.eq(account),
                        planner_queue::weakness_id.eq(*w),
                    )
                })
                .collect();
            insert_many!(conn, planner_queue::table, &rows)?;
        }
    }
    Ok(())
}

/// Puts in line what has to be planned anew: `touched` weaknesses, and all of what is, or no longer is, `reached`. Both name
/// the account first.
pub fn enqueue(
    conn: &mut AnyConnection,
    reached: &BTreeSet<(String, String)>,
    touched: &BTreeSet<(String, String)>,
) -> Result<()> {
    for (account, arn) in reached {
        enqueue_resources(conn, account, &[arn])?;
    }
    enqueue_planning(conn, touched.iter().map(|(a, w)| (a.as_str(), w.as_str())))
}

/// All weaknesses of an account of which something is not fixed: what its records go by has changed.
pub fn enqueue_account(conn: &mut AnyConnection, account: &str) -> Result<()> {
    let weaknesses: Vec<String> = findings::table
        .filter(findings::account.eq(account))
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .select(findings::weakness_id)
        .distinct()
        .load(conn)?;
    enqueue_planning(conn, weaknesses.iter().map(|w| (account, w.as_str())))
}

/// All weaknesses of these resources of which something is not fixed: what is known of the resources has changed.
pub fn enqueue_resources(conn: &mut AnyConnection, account: &str, arns: &[&str]) -> Result<()> {
    for keys in arns.chunks(KEYS_A_QUERY) {
        let weaknesses: Vec<String> = findings::table
            .filter(findings::account.eq(account))
            .filter(findings::arn.eq_any(keys))
            .filter(findings::status.ne(Col(FindingStatus::Fixed)))
            .select(findings::weakness_id)
            .distinct()
            .load(conn)?;
        enqueue_planning(conn, weaknesses.iter().map(|w| (account, w.as_str())))?;
    }
    Ok(())
}

/// The next weaknesses to plan behind one, account by account.
pub fn next_to_plan(
    conn: &mut AnyConnection,
    (account, weakness): &(String, String),
    limit: i64,
) -> Result<Vec<(String, String)>> {
    let later = planner_queue::account
        .eq(account)
        .and(planner_queue::weakness_id.gt(weakness));
    Ok(planner_queue::table
        .filter(planner_queue::account.gt(account).or(later))
        .order((planner_queue::account, planner_queue::weakness_id))
        .limit(limit)
        .select((planner_queue::account, planner_queue::weakness_id))
        .load(conn)?)
}

pub fn planned(conn: &mut AnyConnection, account: &str, weakness: &str) -> Result<()> {
    diesel::delete(planner_queue::table.find((account, weakness))).execute(conn)?;
    Ok(())
}

/// All findings of one weakness in one account, by fingerprint.
pub fn of_weakness(
    conn: &mut AnyConnection,
    account: &str,
    weakness: &str,
) -> Result<Vec<FindingRow>> {
    // Sorted here: asked for this order, SQLite walks the account's whole primary key instead of the weakness's index.
    let mut rows: Vec<FindingRow> = findings::table
        .filter(findings::account.eq(account))
        .filter(findings::weakness_id.eq(weakness))
        .select(FindingRow::as_select())
        .load(conn)?;
    rows.sort_unstable_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    Ok(rows)
}

/// Findings on a record.
pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<FindingRow>> {
    Ok(findings::table
        .filter(findings::record_id.eq(record))
        .order(findings::fingerprint)
        .select(FindingRow::as_select())
        .load(conn)?)
}

/// Whether a record holds findings of another weakness, as after a merge.
pub fn has_others(conn: &mut AnyConnection, record: i64, weakness: &str) -> Result<bool> {
    Ok(findings::table
        .filter(findings::record_id.eq(record))
        .filter(findings::weakness_id.ne(weakness))
        .select(findings::fingerprint)
        .first::<String>(conn)
        .optional()?
        .is_some())
}

/// Puts findings on a record. Those that were on another one are kept as they were.
pub fn set_record(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
    record: i64,
    at: DateTime<Utc>,
) -> Result<()> {
    let at = stamp(at);
    for keys in fingerprints.chunks(KEYS_A_QUERY) {
        let moved = findings::table
            .filter(findings::account.eq(account))
            .filter(findings::fingerprint.eq_any(keys))
            .filter(findings::record_id.is_not_null())
            .order(findings::fingerprint)
            .select(ShownFinding::as_select())
            .load(conn)?;
        versions::keep_findings(conn, &moved, at)?;
        diesel::update(
            findings::table
                .filter(findings::account.eq(account))
                .filter(findings::fingerprint.eq_any(keys)),
        )
        .set((
            findings::record_id.eq(record),
            findings::joined_at.eq(at),
            findings::changed_at.eq(at),
        ))
        .execute(conn)?;
    }
    Ok(())
}

/// Says of findings that they are justified, or no longer; those that change by it are kept as they were.
pub fn set_justified(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
    justified: bool,
    at: DateTime<Utc>,
) -> Result<()> {
    let at = stamp(at);
    for keys in fingerprints.chunks(KEYS_A_QUERY) {
        let changing = findings::table
            .filter(findings::account.eq(account))
            .filter(findings::fingerprint.eq_any(keys))
            .filter(findings::justified.ne(justified))
            .order(findings::fingerprint)
            .select(ShownFinding::as_select())
            .load(conn)?;
        versions::keep_findings(conn, &changing, at)?;
        diesel::update(
            findings::table
                .filter(findings::account.eq(account))
                .filter(findings::fingerprint.eq_any(keys))
                .filter(findings::justified.ne(justified)),
        )
        .set((
            findings::justified.eq(justified),
            findings::changed_at.eq(at),
        ))
        .execute(conn)?;
    }
    Ok(())
}

/// How many findings are there that their detector has not rated and that are on no record, by account and source: what
/// Inspector and Security Hub call UNTRIAGED. They have no due day until somebody rates them.
pub fn unrated(conn: &mut AnyConnection) -> Result<Vec<(String, String, i64)>> {
    Ok(findings::table
        .filter(findings::opened.eq(true))
        .filter(findings::severity.is_null())
        .filter(findings::record_id.is_null())
        .filter(findings::sample.eq(false))
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .group_by((findings::account, findings::source))
        .order((findings::account, findings::source))
        .select((
            findings::account,
            findings::source,
            diesel::dsl::count_star(),
        ))
        .load(conn)?)
}

/// Every finding, account by account; a filter over the columns is the caller's.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<FindingRow>> {
    Ok(findings::table
        .order((findings::account, findings::fingerprint))
        .select(FindingRow::as_select())
        .load(conn)?)
}

/// Every report in the same order.
pub fn all_reports(conn: &mut AnyConnection) -> Result<Vec<ReportRow>> {
    Ok(findings::table
        .inner_join(finding_reports::table)
        .order((
            findings::account,
            findings::fingerprint,
            finding_reports::native_id,
        ))
        .select(ReportRow::as_select())
        .load(conn)?)
}
