//! POA&M records.

use chrono::NaiveDate;
use diesel::prelude::*;
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

use super::columns::Col;
use super::schema::records;
use super::time::Stamp;
use super::{AnyConnection, Result, versions};
use crate::domain::rating::Rating;
use crate::domain::record::RecordStatus;

#[derive(
    Debug,
    Clone,
    PartialEq,
    Queryable,
    Selectable,
    Identifiable,
    AsChangeset,
    Serialize,
    Deserialize,
)]
#[diesel(table_name = records, treat_none_as_null = true)]
pub struct RecordRow {
    pub id: i64,
    pub account: String,
    pub group_key: String,
    pub weakness_id: String,
    pub weakness_kind: Col<WeaknessKind>,
    pub title: String,
    /// At detection: the severity the record was opened with. Never changes.
    pub original_severity: Col<Severity>,
    /// What detection says now, never less than before.
    pub severity: Option<Col<Severity>>,
    pub rating: Option<Col<Rating>>,
    pub score: i64,
    pub unjustified_score: i64,
    pub status: Col<RecordStatus>,
    pub detected_at: Stamp,
    pub due: Option<NaiveDate>,
    pub due_rule: String,
    pub opened_at: Stamp,
    pub closed_at: Option<Stamp>,
    pub changed_at: Stamp,
    pub previous: Option<i64>,
    pub superseded_by: Option<i64>,
    /// When a person said done, while that is being verified.
    pub claimed_at: Option<Stamp>,
    /// What an approved deviation makes of `severity`; `rating` follows it.
    #[serde(default)]
    pub adjusted_severity: Option<Col<Severity>>,
    /// The nearer day that an approved adjustment moved later, and its rule: they stand again when it counts no more.
    #[serde(default)]
    pub held_due: Option<NaiveDate>,
    #[serde(default)]
    pub held_rule: Option<String>,
}

impl RecordRow {
    /// The severity that rating, clock and priority go by.
    pub fn effective_severity(&self) -> Option<Severity> {
        self.adjusted_severity.or(self.severity).map(|s| s.0)
    }
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = records)]
pub struct NewRecord {
    pub account: String,
    pub group_key: String,
    pub weakness_id: String,
    pub weakness_kind: Col<WeaknessKind>,
    pub title: String,
    /// At detection: the severity the record was opened with. Never changes.
    pub original_severity: Col<Severity>,
    pub severity: Option<Col<Severity>>,
    pub rating: Option<Col<Rating>>,
    pub score: i64,
    pub unjustified_score: i64,
    pub status: Col<RecordStatus>,
    pub detected_at: Stamp,
    pub due: Option<NaiveDate>,
    pub due_rule: String,
    pub opened_at: Stamp,
    pub changed_at: Stamp,
    pub previous: Option<i64>,
}

pub fn insert(conn: &mut AnyConnection, row: &NewRecord) -> Result<i64> {
    Ok(diesel::insert_into(records::table)
        .values(row)
        .returning(records::id)
        .get_result(conn)?)
}

/// Writes a record anew and keeps what it was until its `changed_at`.
pub fn update(conn: &mut AnyConnection, row: &RecordRow) -> Result<()> {
    let Some(was) = find(conn, row.id)?.filter(|was| was != row) else {
        return Ok(());
    };
    versions::keep_record(conn, &was, row.changed_at)?;
    diesel::update(records::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut AnyConnection, id: i64) -> Result<Option<RecordRow>> {
    Ok(records::table
        .find(id)
        .select(RecordRow::as_select())
        .first(conn)
        .optional()?)
}

/// All records of a weakness in an account, newest first.
pub fn of_group(
    conn: &mut AnyConnection,
    account: &str,
    group_key: &str,
) -> Result<Vec<RecordRow>> {
    Ok(records::table
        .filter(records::account.eq(account))
        .filter(records::group_key.eq(group_key))
        .order(records::id.desc())
        .select(RecordRow::as_select())
        .load(conn)?)
}

pub fn all(conn: &mut AnyConnection) -> Result<Vec<RecordRow>> {
    Ok(records::table
        .order(records::id)
        .select(RecordRow::as_select())
        .load(conn)?)
}

/// Records whose claim to be done waits for evidence.
pub fn pending_verification(conn: &mut AnyConnection) -> Result<Vec<RecordRow>> {
    Ok(records::table
        .filter(records::status.eq(Col(RecordStatus::PendingVerification)))
        .order(records::id)
        .select(RecordRow::as_select())
        .load(conn)?)
}

/// All records of a weakness in an account, of every key, newest first.
pub fn of_weakness(
    conn: &mut AnyConnection,
    account: &str,
    weakness: &str,
) -> Result<Vec<RecordRow>> {
    Ok(records::table
        .filter(records::account.eq(account))
        .filter(records::weakness_id.eq(weakness))
        .order(records::id.desc())
        .select(RecordRow::as_select())
        .load(conn)?)
}
