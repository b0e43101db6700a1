//! When each job is due next and how its last run went: the schedule outlives the process. Which times an expression
//! names is `config::cron`'s and comes as a function, what a clock that jumps means is `domain::timetable`'s.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;

use super::schema::schedule;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result};
use crate::domain::timetable;

const DONE: &str = "done";
const FAILED: &str = "failed";

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = schedule)]
pub struct ScheduleRow {
    /// `pull`, `report:weekly-poam`.
    pub job: String,
    /// With its zone: `0 7 * * MON America/New_York`.
    pub expression: String,
    pub next_due: Stamp,
    pub last_started: Option<Stamp>,
    pub last_finished: Option<Stamp>,
    pub last_outcome: Option<String>,
}

impl ScheduleRow {
    pub fn due_at(&self) -> DateTime<Utc> {
        self.next_due.and_utc()
    }

    /// Its last run could not do its work. While one is running, nothing is known of it.
    pub fn has_failed(&self) -> bool {
        self.last_outcome
            .as_deref()
            .is_some_and(|outcome| outcome != DONE)
    }

    /// It stands in the schedule as it should.
    pub fn stands(
        &self,
        expression: &str,
        now: DateTime<Utc>,
        next_after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
    ) -> bool {
        self.expression == expression
            && self.due_at() == planned(Some(self), expression, now, next_after)
    }
}

/// The next time of a job. Another expression or zone counts from now on, but what is due already is still run.
fn planned(
    known: Option<&ScheduleRow>,
    expression: &str,
    now: DateTime<Utc>,
    next_after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let kept = known
        .filter(|row| row.expression == expression || row.due_at() <= now)
        .map(ScheduleRow::due_at);
    timetable::next_due(kept, now, next_after).unwrap_or_else(|| never(now))
}

/// An expression without a next time (a date gone by) waits for the year 9999.
pub fn never(now: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(253_370_764_800, 0).unwrap_or(now)
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

/// Sees to it that a job stands in the schedule as its expression, and the clock, want it. Returns true if anything was
/// written.
pub fn ensure(
    conn: &mut AnyConnection,
    job: &str,
    expression: &str,
    now: DateTime<Utc>,
    next_after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> Result<bool> {
    let known = find(conn, job)?;
    let next = stamp(planned(known.as_ref(), expression, now, next_after));
    let Some(known) = known else {
        diesel::insert_into(schedule::table)
            .values((
                schedule::job.eq(job),
                schedule::expression.eq(expression),
                schedule::next_due.eq(next),
            ))
            .execute(conn)?;
        return Ok(true);
    };
    if known.expression == expression && known.next_due == next {
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

/// A run did its work. `next` is the first time the expression names after the run *began*: a run that outlasts its
/// interval is followed by one more at once, and what was missed before it began is not made up for again.
pub fn finished(
    conn: &mut AnyConnection,
    job: &str,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
) -> Result<()> {
    diesel::update(schedule::table.find(job))
        .set((
            schedule::last_finished.eq(stamp(now)),
            schedule::last_outcome.eq(DONE),
            schedule::next_due.eq(stamp(next)),
        ))
        .execute(conn)?;
    Ok(())
}

/// A run could not do its work: it stays due.
pub fn failed(conn: &mut AnyConnection, job: &str, now: DateTime<Utc>) -> Result<()> {
    diesel::update(schedule::table.find(job))
        .set((
            schedule::last_finished.eq(stamp(now)),
            schedule::last_outcome.eq(FAILED),
        ))
        .execute(conn)?;
    Ok(())
}
