//! Deviations and their steps.

use chrono::NaiveDate;
use diesel::prelude::*;
use poamd_contract::severity::Severity;

use super::columns::Col;
use super::schema::{deviation_steps, deviations};
use super::time::Stamp;
use super::{AnyConnection, Result};
use crate::domain::deviation::{Adjustment, DeviationKind, DeviationState};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = deviations, treat_none_as_null = true)]
pub struct DeviationRow {
    pub id: i64,
    pub record_id: i64,
    pub kind: Col<DeviationKind>,
    pub state: Col<DeviationState>,
    /// False once it ended; an approved one lives until it expires or is withdrawn.
    pub live: bool,
    /// The severity asked for (risk adjustment).
    pub severity: Option<Col<Severity>>,
    pub rationale: String,
    pub mitigations: String,
    pub requested_by: String,
    pub requested_at: Stamp,
    pub decided_at: Option<Stamp>,
    /// The last day it holds.
    pub expires: Option<NaiveDate>,
    /// What detection said when it was asked for.
    pub from_severity: Option<Col<Severity>>,
    /// The AO who approved or rejected.
    pub decided_by: Option<String>,
}

impl DeviationRow {
    /// The lower severity it gives, while it is approved.
    pub fn adjustment(&self) -> Option<Adjustment> {
        let approved = self.live && self.state.0 == DeviationState::Approved;
        let (from, to) = (self.from_severity?.0, self.severity?.0);
        approved.then_some(Adjustment { from, to })
    }
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = deviations)]
pub struct NewDeviation {
    pub record_id: i64,
    pub kind: Col<DeviationKind>,
    pub state: Col<DeviationState>,
    pub live: bool,
    pub severity: Option<Col<Severity>>,
    pub rationale: String,
    pub mitigations: String,
    pub requested_by: String,
    pub requested_at: Stamp,
    pub decided_at: Option<Stamp>,
    pub expires: Option<NaiveDate>,
    pub from_severity: Option<Col<Severity>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = deviation_steps, treat_none_as_null = true)]
pub struct DeviationStepRow {
    pub id: i64,
    pub deviation_id: i64,
    pub state: Col<DeviationState>,
    pub note: String,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = deviation_steps)]
pub struct NewDeviationStep {
    pub deviation_id: i64,
    pub state: Col<DeviationState>,
    pub note: String,
    pub actor: String,
    pub at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &NewDeviation) -> Result<i64> {
    Ok(diesel::insert_into(deviations::table)
        .values(row)
        .returning(deviations::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<DeviationRow>> {
    Ok(deviations::table
        .order(deviations::id)
        .select(DeviationRow::as_select())
        .load(conn)?)
}

pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<DeviationRow>> {
    Ok(deviations::table
        .filter(deviations::record_id.eq(record))
        .order(deviations::id)
        .select(DeviationRow::as_select())
        .load(conn)?)
}

pub fn insert_step(conn: &mut AnyConnection, row: &NewDeviationStep) -> Result<i64> {
    Ok(diesel::insert_into(deviation_steps::table)
        .values(row)
        .returning(deviation_steps::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all_step(conn: &mut AnyConnection) -> Result<Vec<DeviationStepRow>> {
    Ok(deviation_steps::table
        .order(deviation_steps::id)
        .select(DeviationStepRow::as_select())
        .load(conn)?)
}

pub fn of_deviation_step(
    conn: &mut AnyConnection,
    deviation: i64,
) -> Result<Vec<DeviationStepRow>> {
    Ok(deviation_steps::table
        .filter(deviation_steps::deviation_id.eq(deviation))
        .order(deviation_steps::id)
        .select(DeviationStepRow::as_select())
        .load(conn)?)
}

pub fn update(conn: &mut AnyConnection, row: &DeviationRow) -> Result<()> {
    diesel::update(deviations::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// The one that lives, if there is one.
pub fn live(conn: &mut AnyConnection, record: i64) -> Result<Option<DeviationRow>> {
    Ok(deviations::table
        .filter(deviations::record_id.eq(record))
        .filter(deviations::live.eq(true))
        .select(DeviationRow::as_select())
        .first(conn)
        .optional()?)
}

/// Approved ones whose last day is over.
pub fn run_out(conn: &mut AnyConnection, today: NaiveDate) -> Result<Vec<DeviationRow>> {
    Ok(deviations::table
        .filter(deviations::live.eq(true))
        .filter(deviations::state.eq(Col(DeviationState::Approved)))
        .filter(deviations::expires.lt(today))
        .order(deviations::id)
        .select(DeviationRow::as_select())
        .load(conn)?)
}

/// Of these records those that a false positive closed whose approval still stands.
pub fn false_positives(conn: &mut AnyConnection, records: &[i64]) -> Result<Vec<i64>> {
    Ok(deviations::table
        .filter(deviations::record_id.eq_any(records))
        .filter(deviations::live.eq(true))
        .filter(deviations::state.eq(Col(DeviationState::Approved)))
        .filter(deviations::kind.eq(Col(DeviationKind::FalsePositive)))
        .select(deviations::record_id)
        .load(conn)?)
}
