//! The last look at each cell, and since when it has been like this.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use poamd_contract::coverage::{Cell, Coverage};

use super::columns::stamp;
use super::schema::coverage;
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = coverage, primary_key(account, region, service), treat_none_as_null = true)]
pub struct CoverageRow {
    pub account: String,
    pub region: String,
    pub service: String,
    pub state: String,
    pub reason: Option<String>,
    pub since: NaiveDateTime,
    pub last_run: i64,
    pub last_complete: Option<NaiveDateTime>,
    /// The complete look before the last one.
    pub previous_complete: Option<NaiveDateTime>,
}

/// Notes how a look went. Returns true if the state of the cell changed with it.
pub fn note(
    conn: &mut AnyConnection,
    cell: &Cell,
    seen: &Coverage,
    run: i64,
    began: DateTime<Utc>,
) -> Result<bool> {
    let key = (
        cell.account.as_str(),
        cell.region.as_str(),
        cell.service.as_str(),
    );
    let known: Option<CoverageRow> = coverage::table
        .find(key)
        .select(CoverageRow::as_select())
        .first(conn)
        .optional()?;
    let at = stamp(began);
    let changed = known.as_ref().is_none_or(|k| k.state != seen.state());
    let last = known.as_ref().and_then(|k| k.last_complete);
    let previous = known.as_ref().and_then(|k| k.previous_complete);
    let row = CoverageRow {
        account: cell.account.to_string(),
        region: cell.region.to_string(),
        service: cell.service.clone(),
        state: seen.state().to_owned(),
        reason: seen.reason().map(str::to_owned),
        since: known.as_ref().filter(|_| !changed).map_or(at, |k| k.since),
        last_run: run,
        last_complete: if seen.is_complete() { Some(at) } else { last },
        previous_complete: if seen.is_complete() { last } else { previous },
    };
    if known.is_some() {
        diesel::update(coverage::table.find(key))
            .set(&row)
            .execute(conn)?;
    } else {
        diesel::insert_into(coverage::table)
            .values(&row)
            .execute(conn)?;
    }
    Ok(changed)
}

pub fn all(conn: &mut AnyConnection) -> Result<Vec<CoverageRow>> {
    Ok(coverage::table
        .order((coverage::account, coverage::region, coverage::service))
        .select(CoverageRow::as_select())
        .load(conn)?)
}

/// Cells that could not be looked at.
pub fn gaps(conn: &mut AnyConnection) -> Result<Vec<CoverageRow>> {
    Ok(all(conn)?
        .into_iter()
        .filter(|c| c.state != "complete")
        .collect())
}
