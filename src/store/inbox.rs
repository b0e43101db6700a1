//! Comments that were read, each text once, with what was made of it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::schema::inbox_comments;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = inbox_comments)]
pub struct CommentRow {
    pub desk: String,
    pub comment_id: String,
    /// SHA-256 of the normalised text: an edit of form only is the same comment.
    pub content_hash: String,
    pub ticket_id: i64,
    pub author_id: String,
    /// `nothing`, `accepted`, `refused`, `answered`, `silent`, `edited`, `gone`.
    pub verdict: String,
    /// Why, or which command.
    pub detail: String,
    pub commented_at: Stamp,
    pub read_at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &CommentRow) -> Result<()> {
    diesel::insert_into(inbox_comments::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// All that was read on a ticket, oldest first.
pub fn of_ticket(conn: &mut AnyConnection, ticket: i64) -> Result<Vec<CommentRow>> {
    Ok(inbox_comments::table
        .filter(inbox_comments::ticket_id.eq(ticket))
        .order((inbox_comments::read_at, inbox_comments::comment_id))
        .select(CommentRow::as_select())
        .load(conn)?)
}

/// How often an author was answered other than by a receipt, on a ticket, since a time.
pub fn answers_since(
    conn: &mut AnyConnection,
    ticket: i64,
    author: &str,
    since: DateTime<Utc>,
) -> Result<i64> {
    Ok(inbox_comments::table
        .filter(inbox_comments::ticket_id.eq(ticket))
        .filter(inbox_comments::author_id.eq(author))
        .filter(inbox_comments::verdict.eq_any(["refused", "answered"]))
        .filter(inbox_comments::read_at.ge(stamp(since)))
        .count()
        .get_result(conn)?)
}

/// Comments by verdict over all desks.
pub fn counts(conn: &mut AnyConnection) -> Result<Vec<(String, i64)>> {
    Ok(inbox_comments::table
        .group_by(inbox_comments::verdict)
        .select((inbox_comments::verdict, diesel::dsl::count_star()))
        .order(inbox_comments::verdict)
        .load(conn)?)
}
