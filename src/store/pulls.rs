//! How far each cell has been read, and what is kept of a look that is under way, so that it goes on after a crash.

use diesel::prelude::*;
use poamd_contract::coverage::Cell;

use super::schema::{pull_shown, pulls};
use super::time::Stamp;
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = pulls, primary_key(account, region, source), treat_none_as_null = true)]
pub struct PullRow {
    pub account: String,
    pub region: String,
    pub source: String,
    /// Whose findings were looked at; of another scope nothing is known.
    pub scope: String,
    /// When the last complete look began.
    pub watermark: Option<Stamp>,
    /// When the last complete look at everything began.
    pub full_at: Option<Stamp>,
    /// JSON: dates that cut the cell into equal parts.
    pub cuts: String,
    /// JSON: the look that is under way, or was interrupted.
    pub look: Option<String>,
}

impl PullRow {
    /// A cell that was never looked at.
    pub fn new(cell: &Cell, scope: &str) -> Self {
        Self {
            account: cell.account.to_string(),
            region: cell.region.to_string(),
            source: cell.service.clone(),
            scope: scope.to_owned(),
            watermark: None,
            full_at: None,
            cuts: "[]".to_owned(),
            look: None,
        }
    }
}

pub fn of(conn: &mut AnyConnection, cell: &Cell) -> Result<Option<PullRow>> {
    Ok(pulls::table
        .find((
            cell.account.as_str(),
            cell.region.as_str(),
            cell.service.as_str(),
        ))
        .select(PullRow::as_select())
        .first(conn)
        .optional()?)
}

/// Writes the row of a cell, new or not.
pub fn save(conn: &mut AnyConnection, row: &PullRow) -> Result<()> {
    let key = (&row.account, &row.region, &row.source);
    let updated = diesel::update(pulls::table.find(key))
        .set(row)
        .execute(conn)?;
    if updated == 0 {
        diesel::insert_into(pulls::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}

/// Adds to what the look under way has shown.
pub fn add_shown(conn: &mut AnyConnection, row: &PullRow, part: i64, prints: &[u8]) -> Result<()> {
    diesel::insert_into(pull_shown::table)
        .values((
            pull_shown::account.eq(&row.account),
            pull_shown::region.eq(&row.region),
            pull_shown::source.eq(&row.source),
            pull_shown::part.eq(part),
            pull_shown::prints.eq(prints),
        ))
        .execute(conn)?;
    Ok(())
}

/// What the look under way has shown, in its parts.
pub fn shown(conn: &mut AnyConnection, row: &PullRow) -> Result<Vec<(i64, Vec<u8>)>> {
    Ok(pull_shown::table
        .filter(pull_shown::account.eq(&row.account))
        .filter(pull_shown::region.eq(&row.region))
        .filter(pull_shown::source.eq(&row.source))
        .order(pull_shown::part)
        .select((pull_shown::part, pull_shown::prints))
        .load(conn)?)
}

/// Forgets it: the look has ended, or is not gone on with.
pub fn forget_shown(conn: &mut AnyConnection, row: &PullRow) -> Result<()> {
    diesel::delete(
        pull_shown::table
            .filter(pull_shown::account.eq(&row.account))
            .filter(pull_shown::region.eq(&row.region))
            .filter(pull_shown::source.eq(&row.source)),
    )
    .execute(conn)?;
    Ok(())
}
