//! Vendor dependencies and their check-ins.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::schema::{vendor_checkins, vendor_dependencies};
use super::time::Stamp;
use super::{AnyConnection, Result};
use crate::domain::vendor::Wait;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = vendor_dependencies, treat_none_as_null = true)]
pub struct VendorDependencyRow {
    pub id: i64,
    pub record_id: i64,
    pub product: String,
    pub vendor: String,
    pub live: bool,
    pub actor: String,
    pub since: Stamp,
    /// The day the vendor shipped the fix: the clock starts.
    pub released: Option<NaiveDate>,
    pub ended_at: Option<Stamp>,
    /// When that was written down.
    pub released_at: Option<Stamp>,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = vendor_dependencies)]
pub struct NewVendorDependency {
    pub record_id: i64,
    pub product: String,
    pub vendor: String,
    pub live: bool,
    pub actor: String,
    pub since: Stamp,
    pub released: Option<NaiveDate>,
    pub ended_at: Option<Stamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = vendor_checkins, treat_none_as_null = true)]
pub struct VendorCheckinRow {
    pub id: i64,
    pub dependency_id: i64,
    pub day: NaiveDate,
    pub note: String,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = vendor_checkins)]
pub struct NewVendorCheckin {
    pub dependency_id: i64,
    pub day: NaiveDate,
    pub note: String,
    pub actor: String,
    pub at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &NewVendorDependency) -> Result<i64> {
    Ok(diesel::insert_into(vendor_dependencies::table)
        .values(row)
        .returning(vendor_dependencies::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<VendorDependencyRow>> {
    Ok(vendor_dependencies::table
        .order(vendor_dependencies::id)
        .select(VendorDependencyRow::as_select())
        .load(conn)?)
}

pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<VendorDependencyRow>> {
    Ok(vendor_dependencies::table
        .filter(vendor_dependencies::record_id.eq(record))
        .order(vendor_dependencies::id)
        .select(VendorDependencyRow::as_select())
        .load(conn)?)
}

pub fn insert_checkin(conn: &mut AnyConnection, row: &NewVendorCheckin) -> Result<i64> {
    Ok(diesel::insert_into(vendor_checkins::table)
        .values(row)
        .returning(vendor_checkins::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all_checkin(conn: &mut AnyConnection) -> Result<Vec<VendorCheckinRow>> {
    Ok(vendor_checkins::table
        .order(vendor_checkins::id)
        .select(VendorCheckinRow::as_select())
        .load(conn)?)
}

pub fn of_dependency_checkin(
    conn: &mut AnyConnection,
    dependency: i64,
) -> Result<Vec<VendorCheckinRow>> {
    Ok(vendor_checkins::table
        .filter(vendor_checkins::dependency_id.eq(dependency))
        .order(vendor_checkins::id)
        .select(VendorCheckinRow::as_select())
        .load(conn)?)
}

pub fn update(conn: &mut AnyConnection, row: &VendorDependencyRow) -> Result<()> {
    diesel::update(vendor_dependencies::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// The wait that is on, if there is one.
pub fn live(conn: &mut AnyConnection, record: i64) -> Result<Option<VendorDependencyRow>> {
    Ok(vendor_dependencies::table
        .filter(vendor_dependencies::record_id.eq(record))
        .filter(vendor_dependencies::live.eq(true))
        .select(VendorDependencyRow::as_select())
        .first(conn)
        .optional()?)
}

/// A wait as the rules want it, with its newest check-in.
pub fn wait(row: &VendorDependencyRow, newest: Option<&VendorCheckinRow>) -> Wait {
    Wait {
        since: row.since.date(),
        last_check_in: newest.map(|checkin| checkin.day),
        released: row.released,
    }
}

/// The check-in of the latest day, by dependency: one that is written down late moves no day back.
pub fn newest(checkins: Vec<VendorCheckinRow>) -> HashMap<i64, VendorCheckinRow> {
    let mut newest: HashMap<i64, VendorCheckinRow> = HashMap::new();
    for row in checkins {
        let known = newest.get(&row.dependency_id);
        if known.is_none_or(|known| known.day <= row.day) {
            newest.insert(row.dependency_id, row);
        }
    }
    newest
}

/// Records that a wait keeps from being late on this day.
pub fn excused(conn: &mut AnyConnection, today: NaiveDate) -> Result<HashSet<i64>> {
    let newest = newest(all_checkin(conn)?);
    Ok(all(conn)?
        .into_iter()
        .filter(|row| row.live && wait(row, newest.get(&row.id)).excuses(today))
        .map(|row| row.record_id)
        .collect())
}
