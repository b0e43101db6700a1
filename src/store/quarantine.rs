//! Documents that could not be taken, until a person has seen to them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::finding::SetAside;

use super::audit::sha256_hex;
use super::schema::set_aside;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = set_aside)]
pub struct SetAsideRow {
    pub id: i64,
    pub run_id: i64,
    /// Where it stood: page and position, or file and position.
    pub place: String,
    pub reason: String,
    /// The beginning of it, control characters escaped.
    pub excerpt: String,
    pub seen_at: Stamp,
    pub dismissed_at: Option<Stamp>,
    pub dismissed_by: Option<String>,
    pub dismissed_why: Option<String>,
}

impl SetAsideRow {
    /// Nobody has seen to it yet.
    pub fn waits(&self) -> bool {
        self.dismissed_at.is_none()
    }
}

/// Keeps what could not be taken; the same document is kept once, also when it was dismissed. Returns the new ones.
pub fn keep(
    conn: &mut AnyConnection,
    run: i64,
    at: DateTime<Utc>,
    documents: &[SetAside],
) -> Result<Vec<i64>> {
    let mut kept = Vec::new();
    for document in documents {
        let text = format!(
            "{}\n{}\n{}",
            document.place, document.reason, document.excerpt
        );
        let hash = sha256_hex(text.as_bytes());
        let known: i64 = set_aside::table
            .filter(set_aside::content_hash.eq(&hash))
            .count()
            .get_result(conn)?;
        if known > 0 {
            continue;
        }
        let id = diesel::insert_into(set_aside::table)
            .values((
                set_aside::run_id.eq(run),
                set_aside::place.eq(&document.place),
                set_aside::reason.eq(&document.reason),
                set_aside::excerpt.eq(&document.excerpt),
                set_aside::seen_at.eq(stamp(at)),
                set_aside::content_hash.eq(&hash),
            ))
            .returning(set_aside::id)
            .get_result(conn)?;
        kept.push(id);
    }
    Ok(kept)
}

/// All of them, the newest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<SetAsideRow>> {
    Ok(set_aside::table
        .order(set_aside::id.desc())
        .select(SetAsideRow::as_select())
        .load(conn)?)
}

pub fn find(conn: &mut AnyConnection, id: i64) -> Result<Option<SetAsideRow>> {
    Ok(set_aside::table
        .find(id)
        .select(SetAsideRow::as_select())
        .first(conn)
        .optional()?)
}

/// A person has seen to it. False if it does not wait.
pub fn dismiss(
    conn: &mut AnyConnection,
    id: i64,
    by: &str,
    why: &str,
    at: DateTime<Utc>,
) -> Result<bool> {
    let waiting = set_aside::table
        .find(id)
        .filter(set_aside::dismissed_at.is_null());
    let done = diesel::update(waiting)
        .set((
            set_aside::dismissed_at.eq(stamp(at)),
            set_aside::dismissed_by.eq(by),
            set_aside::dismissed_why.eq(why),
        ))
        .execute(conn)?;
    Ok(done > 0)
}
