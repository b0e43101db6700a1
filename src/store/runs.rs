//! Runs of jobs.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;

use super::schema::runs;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, to_json};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = runs)]
pub struct RunRow {
    pub id: i64,
    pub job: String,
    pub started_at: Stamp,
    pub finished_at: Option<Stamp>,
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
