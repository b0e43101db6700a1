//! When which job runs: kept in the database in UTC, so that a restart makes up for what was missed, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::heartbeat::Heart;
use super::worker;
use crate::config::{Config, CronExpr};
use crate::jobs::Context;
use crate::store::schedule::{self, ScheduleRow};
use crate::store::{Result, watched};

/// How often the timetable is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a job that failed is left alone.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

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

    fn next(&self, after: DateTime<Utc>) -> DateTime<Utc> {
        // An expression without a next time (a date gone by) waits for the year 9999.
        let never = || DateTime::from_timestamp(253_370_764_800, 0).unwrap_or(after);
        self.expression
            .next_after(after, self.zone)
            .unwrap_or_else(never)
    }
}

/// Keeps the timetable until the stop. Each job runs at most once at a time; different jobs run beside each other.
pub async fn keep(contexts: watch::Receiver<Context>, heart: Heart, stop: CancellationToken) {
    let mut running: JoinSet<String> = JoinSet::new();
    let mut busy: BTreeSet<String> = BTreeSet::new();
    while !stop.is_cancelled() {
        heart.beat();
        let ctx = contexts.borrow().clone();
        match due(&ctx).await {
            Ok(jobs) => {
                for job in jobs {
                    if busy.insert(job.clone()) {
                        running.spawn(one(ctx.clone(), job, stop.clone()));
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the timetable could not be read"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(done) = running.join_next(), if !running.is_empty() => match done {
                Ok(job) => { busy.remove(&job); }
                // Only a panic brings us here; its name is unknown, so all idle names are freed.
                Err(error) => { tracing::error!(%error, "a job broke"); busy.clear(); }
            },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while running.join_next().await.is_some() {
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
            let baseline = watched::watched(c)?.iter().any(|w| w.baseline_due);
            if baseline && !due.iter().any(|j| j == "scan") {
                due.push("scan".to_owned());
            }
            Ok(due)
        })
        .await
}

/// The stored timetable is not that of the configuration, or the clock went back behind it.
fn is_stale(rows: &[ScheduleRow], entries: &BTreeMap<String, Entry>, now: DateTime<Utc>) -> bool {
    let fits = |job: &String, entry: &Entry| {
        rows.iter()
            .any(|r| r.job == *job && r.expression == entry.text() && r.due_at() <= entry.next(now))
    };
    rows.len() != entries.len() || !entries.iter().all(|(job, entry)| fits(job, entry))
}

fn set_up(
    conn: &mut crate::store::AnyConnection,
    entries: &BTreeMap<String, Entry>,
    now: DateTime<Utc>,
) -> Result<()> {
    let names: Vec<&str> = entries.keys().map(String::as_str).collect();
    schedule::retain(conn, &names)?;
    for (job, entry) in entries {
        schedule::ensure(conn, job, &entry.text(), entry.next(now))?;
    }
    Ok(())
}

/// Runs one job and books its outcome. A stop cuts it off at its next await after the grace.
async fn one(ctx: Context, job: String, stop: CancellationToken) -> String {
    let began = ctx.clock.now();
    let name = job.clone();
    if let Err(error) = ctx
        .store
        .write(move |c| schedule::started(c, &name, began))
        .await
    {
        tracing::error!(%error, %job, "a run could not be booked");
        return job;
    }
    let outcome = worker::work(&ctx, &job, &stop).await;
    if outcome == worker::ELSEWHERE {
        // Another daemon has it and books it; looking again at once would only knock on the lease.
        tokio::time::sleep(LOOK * 5).await;
        return job;
    }
    let Some(entry) = entries(&ctx.config).remove(&job) else {
        return job;
    };
    let (name, now) = (job.clone(), ctx.clock.now());
    let booked = ctx
        .store
        .write(move |c| schedule::finished(c, &name, now, outcome, entry.next(began)))
        .await;
    if let Err(error) = booked {
        tracing::error!(%error, %job, "a run's end could not be booked");
    }
    if outcome == worker::FAILED {
        // What is due again at once (a baseline scan) is not tried again at once.
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(AFTER_FAILURE) => {}
        }
    }
    job
}
