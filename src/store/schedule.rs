//! When each job is due next and how its last run went: the schedule outlives the process. Which times an expression
//! names is `config::cron`'s, what a clock that jumps means is `domain::timetable`'s.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use super::columns::stamp;
use super::schema::schedule;
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = schedule)]
pub struct ScheduleRow {
    /// `pull`, `report:weekly-poam`.
    pub job: String,
    /// With its zone: `0 7 * * MON America/New_York`.
    pub expression: String,
    pub next_due: NaiveDateTime,
    pub last_started: Option<NaiveDateTime>,
    pub last_finished: Option<NaiveDateTime>,
    pub last_outcome: Option<String>,
}

impl ScheduleRow {
    pub fn due_at(&self) -> DateTime<Utc> {
        self.next_due.and_utc()
    }

    /// Its last run began and did not come to an end. Times would not tell: the clock may have been put back.
    pub fn was_cut_off(&self) -> bool {
        self.last_started.is_some() && self.last_outcome.is_none()
    }
}

pub fn find(conn: &mut AnyConnection, job: &str) -> Result<Option<ScheduleRow>> {
    Ok(schedule::table
        .find(job)
        .select(ScheduleRow::as_select())
        .first(conn)
        .optional()?)
}

pub fn all(conn: &mut AnyConnection) -> Result<Vec<ScheduleRow>> {
    Ok(schedule::table
        .order(schedule::job)
        .select(ScheduleRow::as_select())
        .load(conn)?)
}

/// Sees to it that a job stands in the schedule; `next` is the first time its expression names after now. Kept is what
/// is due already or comes sooner; another expression or zone, and a clock that went back, give `next`. Returns true if
/// anything was written.
pub fn ensure(
    conn: &mut AnyConnection,
    job: &str,
    expression: &str,
    next: DateTime<Utc>,
) -> Result<bool> {
    let next = stamp(next);
    let Some(known) = find(conn, job)? else {
        diesel::insert_into(schedule::table)
            .values((
                schedule::job.eq(job),
                schedule::expression.eq(expression),
                schedule::next_due.eq(next),
            ))
            .execute(conn)?;
        return Ok(true);
    };
    if known.expression == expression && known.next_due <= next {
        return Ok(false);
    }
    diesel::update(schedule::table.find(job))
        .set((
            schedule::expression.eq(expression),
            schedule::next_due.eq(next),
        ))
        .execute(conn)?;
    Ok(true)
}

/// Forgets jobs that are no longer configured. Returns their names.
pub fn retain(conn: &mut AnyConnection, jobs: &[&str]) -> Result<Vec<String>> {
    let gone: Vec<String> = all(conn)?
        .into_iter()
        .map(|row| row.job)
        .filter(|job| !jobs.contains(&job.as_str()))
        .collect();
    if !gone.is_empty() {
        diesel::delete(schedule::table.filter(schedule::job.eq_any(&gone))).execute(conn)?;
    }
    Ok(gone)
}

/// Jobs whose time has come, the longest waiting first.
pub fn due(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<ScheduleRow>> {
    Ok(schedule::table
        .filter(schedule::next_due.le(stamp(now)))
        .order((schedule::next_due, schedule::job))
        .select(ScheduleRow::as_select())
        .load(conn)?)
}

/// A run began. The job stays due until it is finished: a run that is cut off is run again.
pub fn started(conn: &mut AnyConnection, job: &str, now: DateTime<Utc>) -> Result<()> {
    diesel::update(schedule::table.find(job))
        .set((
            schedule::last_started.eq(stamp(now)),
            schedule::last_outcome.eq(None::<String>),
        ))
        .execute(conn)?;
    Ok(())
}

/// A run came to its end. `next` is the first time the expression names after the run *began*: a run that outlasts its
/// interval is followed by one more at once, and what was missed before it began is not made up for again.
pub fn finished(
    conn: &mut AnyConnection,
    job: &str,
    now: DateTime<Utc>,
    outcome: &str,
    next: DateTime<Utc>,
) -> Result<()> {
    diesel::update(schedule::table.find(job))
        .set((
            schedule::last_finished.eq(stamp(now)),
            schedule::last_outcome.eq(outcome),
            schedule::next_due.eq(stamp(next)),
        ))
        .execute(conn)?;
    Ok(())
}
