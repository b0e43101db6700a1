//! What people said of a record here; what they said on its ticket stands in the inbox.

use diesel::prelude::*;

use super::schema::record_comments;
use super::time::Stamp;
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = record_comments, treat_none_as_null = true)]
pub struct RecordCommentRow {
    pub id: i64,
    pub record_id: i64,
    pub body: String,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = record_comments)]
pub struct NewRecordComment {
    pub record_id: i64,
    pub body: String,
    pub actor: String,
    pub at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &NewRecordComment) -> Result<i64> {
    Ok(diesel::insert_into(record_comments::table)
        .values(row)
        .returning(record_comments::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<RecordCommentRow>> {
    Ok(record_comments::table
        .order(record_comments::id)
        .select(RecordCommentRow::as_select())
        .load(conn)?)
}

pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<RecordCommentRow>> {
    Ok(record_comments::table
        .filter(record_comments::record_id.eq(record))
        .order(record_comments::id)
        .select(RecordCommentRow::as_select())
        .load(conn)?)
}
