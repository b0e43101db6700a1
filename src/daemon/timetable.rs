//! When which job runs: kept in the database in UTC, so that a restart makes up for what was missed, once.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::heartbeat::Heart;
use super::running::Running;
use super::worker::{self, Outcome};
use crate::config::{Config, CronExpr};
use crate::jobs::Context;
use crate::store::schedule::{self, ScheduleRow};
use crate::store::{AnyConnection, Result, watched};

/// How often the timetable is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The job that takes a new account's baseline, ahead of its time.
const BASELINE: &str = "scan";

/// A job and when it runs.
struct Entry {
    expression: CronExpr,
    zone: Tz,
}

fn entries(config: &Config) -> BTreeMap<String, Entry> {
    let plan = &config.schedule;
    let own = |expression: &CronExpr| Entry {
        expression: expression.clone(),
        zone: plan.time_zone,
    };
    let mut entries = BTreeMap::from([
        ("pull".to_owned(), own(&plan.pull)),
        ("scan".to_owned(), own(&plan.scan)),
        ("sync".to_owned(), own(&plan.sync)),
    ]);
    if config.organization.is_some() {
        entries.insert("discover".to_owned(), own(&plan.discover));
    }
    for report in config.reports.iter().filter(|r| r.enabled) {
        let entry = Entry {
            expression: report.schedule.clone(),
            zone: report.time_zone,
        };
        entries.insert(format!("report:{}", report.name), entry);
    }
    entries
}

impl Entry {
    /// Names expression and zone: if either changes, the next time is worked out anew.
    fn text(&self) -> String {
        format!("{} {}", self.expression, self.zone)
    }

    fn next(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.expression.next_after(after, self.zone)
    }
}

/// Keeps the timetable until the stop. Each job runs at most once at a time; different jobs run beside each other.
pub async fn keep(mut contexts: watch::Receiver<Context>, heart: Heart, stop: CancellationToken) {
    let mut running = Running::default();
    while !stop.is_cancelled() {
        heart.beat();
        if contexts.has_changed().unwrap_or(false) {
            running.forget_pauses();
        }
        let ctx = Context {
            stop: stop.clone(),
            ..contexts.borrow_and_update().clone()
        };
        match due(&ctx).await {
            Ok(jobs) => {
                for job in jobs {
                    if running.is_free(&job) {
                        running.start(job.clone(), one(ctx.clone(), job));
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the timetable could not be read"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = running.one_ended(), if !running.is_idle() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while running.one_ended().await {
        heart.beat();
    }
}

/// Jobs whose time has come. New accounts bring their baseline scan forward.
async fn due(ctx: &Context) -> Result<Vec<String>> {
    let entries = entries(&ctx.config);
    let now = ctx.clock.now();
    let store = ctx.store.clone();
    ctx.store
        .read(move |c| {
            if is_stale(&schedule::all(c)?, &entries, now) {
                store.write_here(|c| set_up(c, &entries, now))?;
            }
            let mut due: Vec<String> = schedule::due(c, now)?.into_iter().map(|r| r.job).collect();
            if wants_baseline(c)? && !due.iter().any(|j| j == BASELINE) {
                due.push(BASELINE.to_owned());
            }
            Ok(due)
        })
        .await
}

/// Whether one job's time has come.
pub(super) fn is_due(conn: &mut AnyConnection, job: &str, now: DateTime<Utc>) -> Result<bool> {
    let in_time = schedule::find(conn, job)?.is_some_and(|row| row.due_at() <= now);
    Ok(in_time || (job == BASELINE && wants_baseline(conn)?))
}

fn wants_baseline(conn: &mut AnyConnection) -> Result<bool> {
    Ok(watched::watched(conn)?.iter().any(|w| w.baseline_due))
}

/// The stored timetable is not that of the configuration, or the clock went back behind it.
fn is_stale(rows: &[ScheduleRow], entries: &BTreeMap<String, Entry>, now: DateTime<Utc>) -> bool {
    let fits = |job: &String, entry: &Entry| {
        rows.iter()
            .any(|r| r.job == *job && r.stands(&entry.text(), now, |at| entry.next(at)))
    };
    rows.len() != entries.len() || !entries.iter().all(|(job, entry)| fits(job, entry))
}

fn set_up(
    conn: &mut AnyConnection,
    entries: &BTreeMap<String, Entry>,
    now: DateTime<Utc>,
) -> Result<()> {
    let names: Vec<&str> = entries.keys().map(String::as_str).collect();
    schedule::retain(conn, &names)?;
    for (job, entry) in entries {
        schedule::ensure(conn, job, &entry.text(), now, |at| entry.next(at))?;
    }
    Ok(())
}

/// Runs one job, if the configuration still has it.
async fn one(ctx: Context, job: String) -> Outcome {
    let began = ctx.clock.now();
    match entries(&ctx.config).get(&job) {
        Some(entry) => {
            let next = entry.next(began).unwrap_or_else(|| schedule::never(began));
            worker::work(&ctx, &job, next).await
        }
        None => Outcome::NotDue,
    }
}
