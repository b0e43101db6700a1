//! How far each feed has been read.

use diesel::prelude::*;

use super::schema::feeds;
use super::{AnyConnection, Result};

/// The file by its own marks, not its name, and the place up to which its lines were taken.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = feeds, primary_key(name))]
pub struct FeedRow {
    pub name: String,
    pub path: String,
    pub device: i64,
    pub inode: i64,
    pub position: i64,
    /// SHA-256 of its beginning: a file that was emptied and has grown again is another one.
    pub head: String,
}

pub fn find(conn: &mut AnyConnection, name: &str) -> Result<Option<FeedRow>> {
    Ok(feeds::table
        .find(name)
        .select(FeedRow::as_select())
        .first(conn)
        .optional()?)
}

pub fn save(conn: &mut AnyConnection, row: &FeedRow) -> Result<()> {
    let known = diesel::update(feeds::table.find(&row.name))
        .set(row)
        .execute(conn)?;
    if known == 0 {
        diesel::insert_into(feeds::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}
