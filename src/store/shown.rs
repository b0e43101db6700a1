//! Rows as the views read them: only the columns that are shown, whole tables at a time, nothing is written.

use std::collections::HashSet;

use diesel::prelude::*;
use poamd_contract::finding::{Channel, WeaknessKind};
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

use super::columns::Col;
use super::findings::FindingRow;
use super::schema::{
    finding_reports, findings, inbox_comments, item_revisions, items, justifications, outbox,
};
use super::time::Stamp;
use super::{AnyConnection, Result, dialect};
use crate::domain::finding::FindingStatus;
use crate::domain::ticket::OutboxState;

/// A finding without its long texts; also what is kept of it when it changes.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = findings)]
pub struct ShownFinding {
    pub account: String,
    pub fingerprint: String,
    pub region: String,
    pub source: String,
    pub weakness_id: String,
    pub weakness_kind: Col<WeaknessKind>,
    pub title: String,
    pub severity: Option<Col<Severity>>,
    pub score: i64,
    pub status: Col<FindingStatus>,
    pub at_source: Option<String>,
    /// JSON array of text.
    pub marks: String,
    pub sample: bool,
    pub justified: bool,
    pub arn: String,
    /// JSON array of `ResourceRef`.
    pub resources: String,
    pub record_id: Option<i64>,
    pub detected_at: Stamp,
    pub first_seen: Stamp,
    pub last_seen: Stamp,
    pub closed_at: Option<Stamp>,
    pub taken_at: Stamp,
    pub joined_at: Option<Stamp>,
}

impl ShownFinding {
    pub fn of(row: &FindingRow) -> Self {
        Self {
            account: row.account.clone(),
            fingerprint: row.fingerprint.clone(),
            region: row.region.clone(),
            source: row.source.clone(),
            weakness_id: row.weakness_id.clone(),
            weakness_kind: row.weakness_kind,
            title: row.title.clone(),
            severity: row.severity,
            score: row.score,
            status: row.status,
            at_source: row.at_source.clone(),
            marks: row.marks.clone(),
            sample: row.sample,
            justified: row.justified,
            arn: row.arn.clone(),
            resources: row.resources.clone(),
            record_id: row.record_id,
            detected_at: row.detected_at,
            first_seen: row.first_seen,
            last_seen: row.last_seen,
            closed_at: row.closed_at,
            taken_at: row.taken_at,
            joined_at: row.joined_at,
        }
    }

    /// A source says every day that it saw it again: that alone is no other state.
    pub(super) fn shows_otherwise(&self, other: &Self) -> bool {
        let seen_then = Self {
            last_seen: self.last_seen,
            ..other.clone()
        };
        *self != seen_then
    }
}

/// The long texts of a finding that is on a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = findings)]
pub struct ShownText {
    pub account: String,
    pub fingerprint: String,
    pub description: String,
    pub remediation: String,
    /// JSON array of text.
    pub requirements: String,
    /// JSON of `Detail`; empty if there is none.
    pub detail: String,
}

/// One native id of a finding and the way it came.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = finding_reports)]
pub struct ShownReport {
    pub account: String,
    #[diesel(select_expression = findings::fingerprint)]
    pub fingerprint: String,
    pub native_id: String,
    pub channel: Col<Channel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = justifications)]
pub struct ShownJustification {
    pub id: i64,
    pub record_id: i64,
    pub desk: String,
    pub ticket_key: String,
    pub author: String,
    pub reason: String,
    pub state: String,
    pub commented_at: Stamp,
    pub accepted_at: Stamp,
    pub expires_at: Stamp,
}

/// An effect on a desk that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct ShownEffect {
    pub id: i64,
    pub desk: String,
    pub ticket_id: i64,
    pub kind: String,
    pub state: Col<OutboxState>,
    pub attempt: i64,
    pub not_before: Stamp,
    pub error: Option<String>,
}

/// A comment that was read on a ticket, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = inbox_comments)]
pub struct ShownComment {
    pub ticket_id: i64,
    pub verdict: String,
    pub detail: String,
    pub commented_at: Stamp,
}

/// Reads everything as it was at one moment, on both databases.
pub fn at_one_moment<T>(
    conn: &mut AnyConnection,
    read: impl FnOnce(&mut AnyConnection) -> Result<T>,
) -> Result<T> {
    let begun = dialect::begin_read(conn)?;
    let outcome = read(conn);
    if begun {
        // Nothing was written; the first error is the one to tell.
        let ended = dialect::rollback(conn);
        let value = outcome?;
        ended?;
        return Ok(value);
    }
    outcome
}

/// Every finding, account by account.
pub fn findings(conn: &mut AnyConnection) -> Result<Vec<ShownFinding>> {
    Ok(findings::table
        .order((findings::account, findings::fingerprint))
        .select(ShownFinding::as_select())
        .load(conn)?)
}

/// The long texts of every finding that is on a record.
pub fn texts(conn: &mut AnyConnection) -> Result<Vec<ShownText>> {
    Ok(findings::table
        .filter(findings::record_id.is_not_null())
        .select(ShownText::as_select())
        .load(conn)?)
}

/// The details of findings on a record, as JSON, of those that are not fixed before the others.
pub fn details_of(conn: &mut AnyConnection, record: i64) -> Result<Vec<String>> {
    let mut rows: Vec<(Col<FindingStatus>, String)> = findings::table
        .filter(findings::record_id.eq(record))
        .filter(findings::detail.ne(""))
        .order((findings::detected_at, findings::fingerprint))
        .select((findings::status, findings::detail))
        .load(conn)?;
    rows.sort_by_key(|(status, _)| status.0 == FindingStatus::Fixed);
    Ok(rows.into_iter().map(|(_, detail)| detail).collect())
}

/// Every report, in the order of the findings.
pub fn reports(conn: &mut AnyConnection) -> Result<Vec<ShownReport>> {
    Ok(findings::table
        .inner_join(finding_reports::table)
        .order((
            findings::account,
            findings::fingerprint,
            finding_reports::native_id,
            finding_reports::cell,
        ))
        .select(ShownReport::as_select())
        .load(conn)?)
}

/// Every justification, oldest first.
pub fn justifications(conn: &mut AnyConnection) -> Result<Vec<ShownJustification>> {
    Ok(justifications::table
        .order(justifications::id)
        .select(ShownJustification::as_select())
        .load(conn)?)
}

/// Effects on desks that are still to come, or never came.
pub fn unsettled(conn: &mut AnyConnection) -> Result<Vec<ShownEffect>> {
    Ok(outbox::table
        .filter(outbox::state.ne_all([OutboxState::Done, OutboxState::Adopted].map(Col)))
        .order(outbox::id)
        .select(ShownEffect::as_select())
        .load(conn)?)
}

/// Every comment that was read, in the order of its time.
pub fn comments(conn: &mut AnyConnection) -> Result<Vec<ShownComment>> {
    Ok(inbox_comments::table
        .order((
            inbox_comments::commented_at,
            inbox_comments::desk,
            inbox_comments::comment_id,
        ))
        .select(ShownComment::as_select())
        .load(conn)?)
}

/// Account and ARN of the items whose present configuration passes a test.
pub fn items_with_config(
    conn: &mut AnyConnection,
    test: impl Fn(&str) -> bool,
) -> Result<HashSet<(String, String)>> {
    let rows = items::table
        .inner_join(
            item_revisions::table.on(item_revisions::account
                .eq(items::account)
                .and(item_revisions::arn.eq(items::arn))
                .and(item_revisions::number.eq(items::revision))),
        )
        .select((items::account, items::arn, item_revisions::config))
        .load_iter::<(String, String, String), _>(conn)?;
    let mut found = HashSet::new();
    for row in rows {
        let (account, arn, config) = row?;
        if test(&config) {
            found.insert((account, arn));
        }
    }
    Ok(found)
}
