//! Milestones and what became of them.

use chrono::NaiveDate;
use diesel::prelude::*;

use super::columns::Col;
use super::schema::{milestone_changes, milestones};
use super::time::Stamp;
use super::{AnyConnection, Result};
use crate::domain::milestone::{self, Change, MilestoneChangeKind, Step};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = milestones, treat_none_as_null = true)]
pub struct MilestoneRow {
    pub id: i64,
    pub record_id: i64,
    /// From 1.
    pub number: i64,
    pub description: String,
    pub due: NaiveDate,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = milestones)]
pub struct NewMilestone {
    pub record_id: i64,
    pub number: i64,
    pub description: String,
    pub due: NaiveDate,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = milestone_changes, treat_none_as_null = true)]
pub struct MilestoneChangeRow {
    pub id: i64,
    pub record_id: i64,
    pub number: i64,
    pub kind: Col<MilestoneChangeKind>,
    pub description: String,
    pub due: Option<NaiveDate>,
    /// Why it was changed.
    pub why: String,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = milestone_changes)]
pub struct NewMilestoneChange {
    pub record_id: i64,
    pub number: i64,
    pub kind: Col<MilestoneChangeKind>,
    pub description: String,
    pub due: Option<NaiveDate>,
    /// Why it was changed.
    pub why: String,
    pub actor: String,
    pub at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &NewMilestone) -> Result<i64> {
    Ok(diesel::insert_into(milestones::table)
        .values(row)
        .returning(milestones::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<MilestoneRow>> {
    Ok(milestones::table
        .order(milestones::id)
        .select(MilestoneRow::as_select())
        .load(conn)?)
}

pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<MilestoneRow>> {
    Ok(milestones::table
        .filter(milestones::record_id.eq(record))
        .order(milestones::id)
        .select(MilestoneRow::as_select())
        .load(conn)?)
}

pub fn insert_change(conn: &mut AnyConnection, row: &NewMilestoneChange) -> Result<i64> {
    Ok(diesel::insert_into(milestone_changes::table)
        .values(row)
        .returning(milestone_changes::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all_change(conn: &mut AnyConnection) -> Result<Vec<MilestoneChangeRow>> {
    Ok(milestone_changes::table
        .order(milestone_changes::id)
        .select(MilestoneChangeRow::as_select())
        .load(conn)?)
}

pub fn of_record_change(conn: &mut AnyConnection, record: i64) -> Result<Vec<MilestoneChangeRow>> {
    Ok(milestone_changes::table
        .filter(milestone_changes::record_id.eq(record))
        .order(milestone_changes::id)
        .select(MilestoneChangeRow::as_select())
        .load(conn)?)
}

/// The plan of a record as it stands after its changes.
pub fn steps_of(conn: &mut AnyConnection, record: i64) -> Result<Vec<Step>> {
    Ok(steps(
        &of_record(conn, record)?,
        &of_record_change(conn, record)?,
    ))
}

/// The same from rows of one record.
pub fn steps(written: &[MilestoneRow], changes: &[MilestoneChangeRow]) -> Vec<Step> {
    let written = written
        .iter()
        .map(|row| (row.number, row.description.clone(), row.due));
    let changes = changes.iter().map(|row| Change {
        number: row.number,
        kind: row.kind.0,
        description: &row.description,
        due: row.due,
        day: row.at.date(),
    });
    milestone::steps(written, changes)
}
