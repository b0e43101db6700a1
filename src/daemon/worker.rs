//! One run of one job by its name: taken and booked in one transaction each, so that of several daemons one runs what
//! is due, once.

use chrono::{DateTime, Utc};

use super::{GRACE, timetable};
use crate::jobs::lease::{self, Asked, Lease};
use crate::jobs::{self, Context, JobError, Selection};
use crate::store::{AnyConnection, Result, schedule};

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// It could not do its work and stays due.
    Failed,
    /// Another daemon is doing it.
    Elsewhere,
    /// Another daemon has done it.
    NotDue,
    /// Another daemon may have taken it over, and books it.
    Lost,
}

enum Begun {
    Ours(Lease),
    NotOurs(Outcome),
}

/// Runs the job and books its outcome; `next` is when it is due after a run that did its work.
pub(super) async fn work(ctx: &Context, job: &str, next: DateTime<Utc>) -> Outcome {
    let (name, holder, now) = (job.to_owned(), ctx.holder.clone(), ctx.clock.now());
    let begun = ctx
        .store
        .write(move |c| begin(c, &name, &holder, now))
        .await;
    let lease = match begun {
        Ok(Begun::Ours(lease)) => lease,
        Ok(Begun::NotOurs(outcome)) => return outcome,
        Err(error) => {
            tracing::error!(%error, job, "a run could not be booked");
            return Outcome::Failed;
        }
    };
    let outcome = tokio::select! {
        outcome = guarded(ctx, job) => outcome,
        () = lease.until_lost(&ctx.store) => Outcome::Lost,
    };
    let (name, now) = (job.to_owned(), ctx.clock.now());
    let booked = ctx
        .store
        .write(move |c| end(c, &name, &lease, outcome, now, next))
        .await;
    booked.unwrap_or_else(|error| {
        tracing::error!(%error, job, "a run's end could not be booked; it is run again");
        Outcome::Failed
    })
}

/// Looks again under the lease: another daemon may have booked the job since it was found due.
fn begin(conn: &mut AnyConnection, job: &str, holder: &str, now: DateTime<Utc>) -> Result<Begun> {
    let lease = match lease::ask(conn, job, holder)? {
        Asked::Held(lease) => lease,
        Asked::Elsewhere(_) => return Ok(Begun::NotOurs(Outcome::Elsewhere)),
    };
    if !timetable::is_due(conn, job, now)? {
        lease.give_back(conn)?;
        return Ok(Begun::NotOurs(Outcome::NotDue));
    }
    schedule::started(conn, job, now)?;
    Ok(Begun::Ours(lease))
}

fn end(
    conn: &mut AnyConnection,
    job: &str,
    lease: &Lease,
    outcome: Outcome,
    now: DateTime<Utc>,
    next: DateTime<Utc>,
) -> Result<Outcome> {
    if !lease.give_back(conn)? {
        tracing::warn!(job, "its lease was lost; whoever has it runs it again");
        return Ok(Outcome::Lost);
    }
    match outcome {
        Outcome::Done => schedule::finished(conn, job, now, next)?,
        Outcome::Failed => schedule::failed(conn, job, now)?,
        Outcome::Elsewhere | Outcome::NotDue | Outcome::Lost => {}
    }
    Ok(outcome)
}

async fn guarded(ctx: &Context, job: &str) -> Outcome {
    let cut_off = async {
        ctx.stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let outcome = tokio::select! {
        outcome = run(ctx, job) => outcome,
        () = cut_off => Err(JobError::CutOff(job.to_owned())),
    };
    match outcome {
        Ok(()) => Outcome::Done,
        Err(error) => {
            tracing::error!(%error, job, "the job failed");
            Outcome::Failed
        }
    }
}

async fn run(ctx: &Context, job: &str) -> Result<(), JobError> {
    let everything = Selection::default();
    match job {
        "pull" => {
            let summary = jobs::pull::run(ctx, &everything).await?;
            tracing::info!(
                cells = summary.cells,
                new = summary.counts.new,
                changed = summary.counts.changed,
                gaps = summary.gaps.len(),
                "pulled"
            );
        }
        "scan" => {
            let summary = jobs::scan::run(ctx, &everything).await?;
            tracing::info!(
                cells = summary.cells,
                items = summary.items.seen,
                new = summary.counts.new,
                gaps = summary.gaps.len(),
                "scanned"
            );
        }
        "discover" => {
            let summary = jobs::discover::run(ctx, false).await?;
            tracing::info!(
                members = summary.members,
                added = summary.added.len(),
                retired = summary.retired.len(),
                "discovered"
            );
        }
        "sync" => jobs::sync::run(ctx).await.map(|_| ())?,
        other => match other.strip_prefix("report:") {
            Some(name) => jobs::report::scheduled(ctx, name).await.map(|_| ())?,
            None => return Err(JobError::Refused(format!("there is no job {other:?}"))),
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::store::{DatabaseUrl, Store};

    fn at(hour: u32) -> DateTime<Utc> {
        format!("2026-11-22T{hour:02}:00:00Z").parse().unwrap()
    }

    #[test]
    fn what_another_daemon_has_booked_is_not_run_again_and_what_failed_stays_due() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(DatabaseUrl::Sqlite(folder.path().join("poamd.db")), 2).unwrap();
        let job = "report:weekly";
        let begun = |c: &mut AnyConnection| begin(c, job, "node:1:a", at(7));
        store
            .write_here(|c| {
                schedule::ensure(c, job, "weekly", at(6), |_| Some(at(7)))?;
                for outcome in [Outcome::Failed, Outcome::Lost, Outcome::Done] {
                    let Begun::Ours(lease) = begun(c)? else {
                        panic!("it is due");
                    };
                    let next = at(7) + TimeDelta::days(7);
                    assert_eq!(end(c, job, &lease, outcome, at(7), next)?, outcome);
                    let row = schedule::find(c, job)?.unwrap();
                    assert_eq!(
                        row.due_at() == at(7),
                        outcome != Outcome::Done,
                        "{outcome:?}"
                    );
                    assert_eq!(row.has_failed(), outcome == Outcome::Failed, "{outcome:?}");
                }
                assert!(matches!(begun(c)?, Begun::NotOurs(Outcome::NotDue)));
                Ok(())
            })
            .unwrap();
    }
}
