//! Runs of jobs, and the documents they had to set aside.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use poamd_contract::finding::SetAside;
use serde_json::Value;

use super::audit::sha256_hex;
use super::columns::stamp;
use super::schema::{runs, set_aside};
use super::{AnyConnection, Result, to_json};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = runs)]
pub struct RunRow {
    pub id: i64,
    pub job: String,
    pub started_at: NaiveDateTime,
    pub finished_at: Option<NaiveDateTime>,
    pub outcome: Option<String>,
    /// JSON object of counts.
    pub counts: String,
}

pub fn begin(conn: &mut AnyConnection, job: &str, at: DateTime<Utc>) -> Result<i64> {
    Ok(diesel::insert_into(runs::table)
        .values((
            runs::job.eq(job),
            runs::started_at.eq(stamp(at)),
            runs::counts.eq("{}"),
        ))
        .returning(runs::id)
        .get_result(conn)?)
}

pub fn finish(
    conn: &mut AnyConnection,
    id: i64,
    at: DateTime<Utc>,
    outcome: &str,
    counts: &Value,
) -> Result<()> {
    diesel::update(runs::table.find(id))
        .set((
            runs::finished_at.eq(stamp(at)),
            runs::outcome.eq(outcome),
            runs::counts.eq(to_json(counts)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// The newest runs first.
pub fn latest(conn: &mut AnyConnection, limit: i64) -> Result<Vec<RunRow>> {
    Ok(runs::table
        .order(runs::id.desc())
        .limit(limit)
        .select(RunRow::as_select())
        .load(conn)?)
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = set_aside)]
pub struct SetAsideRow {
    pub run_id: i64,
    pub place: String,
    pub reason: String,
    pub excerpt: String,
    pub seen_at: NaiveDateTime,
}

/// Keeps what could not be taken; the same document is kept once.
pub fn keep_aside(
    conn: &mut AnyConnection,
    run: i64,
    at: DateTime<Utc>,
    documents: &[SetAside],
) -> Result<()> {
    for document in documents {
        let hash = sha256_hex(
            format!(
                "{}\n{}\n{}",
                document.place, document.reason, document.excerpt
            )
            .as_bytes(),
        );
        let known: i64 = set_aside::table
            .filter(set_aside::content_hash.eq(&hash))
            .count()
            .get_result(conn)?;
        if known > 0 {
            continue;
        }
        diesel::insert_into(set_aside::table)
            .values((
                set_aside::run_id.eq(run),
                set_aside::place.eq(&document.place),
                set_aside::reason.eq(&document.reason),
                set_aside::excerpt.eq(&document.excerpt),
                set_aside::seen_at.eq(stamp(at)),
                set_aside::content_hash.eq(&hash),
            ))
            .execute(conn)?;
    }
    Ok(())
}

pub fn set_aside_rows(conn: &mut AnyConnection) -> Result<Vec<SetAsideRow>> {
    Ok(set_aside::table
        .order(set_aside::id.desc())
        .select(SetAsideRow::as_select())
        .load(conn)?)
}
