//! One run of one job by its name, under a lease where several daemons share the work.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::GRACE;
use crate::jobs::{self, Context, JobError, Selection};
use crate::store::leases;

const LEASE: TimeDelta = TimeDelta::seconds(60);
/// The outcome of a job that another daemon is doing.
pub(super) const ELSEWHERE: &str = "elsewhere";
/// The outcome of a job that could not do its work.
pub(super) const FAILED: &str = "failed";
const RENEW: Duration = Duration::from_secs(20);

/// Runs the job; the word for its outcome.
pub(super) async fn work(ctx: &Context, job: &str, stop: &CancellationToken) -> &'static str {
    if ctx.store.url().is_sqlite() {
        return guarded(ctx, job, stop).await;
    }
    match renew(ctx, job).await {
        Ok(true) => {}
        Ok(false) => return ELSEWHERE,
        Err(error) => {
            tracing::error!(%error, job, "its lease could not be taken");
            return FAILED;
        }
    }
    let outcome = tokio::select! {
        outcome = guarded(ctx, job, stop) => outcome,
        () = until_lost(ctx, job) => "lease-lost",
    };
    let (name, holder, now) = (job.to_owned(), ctx.holder.clone(), ctx.clock.now());
    if let Err(error) = ctx
        .store
        .write(move |c| leases::release(c, &name, &holder, now))
        .await
    {
        tracing::warn!(%error, job, "its lease could not be given back; it runs out by itself");
    }
    outcome
}

async fn renew(ctx: &Context, job: &str) -> Result<bool, JobError> {
    let (name, holder, now) = (job.to_owned(), ctx.holder.clone(), ctx.clock.now());
    Ok(ctx
        .store
        .write(move |c| leases::acquire(c, &name, &holder, now, LEASE))
        .await?
        .is_some())
}

/// Ends when the lease could not be renewed: another daemon may have it, so this one must not go on.
async fn until_lost(ctx: &Context, job: &str) {
    loop {
        tokio::time::sleep(RENEW).await;
        match renew(ctx, job).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, job, "its lease could not be renewed"),
        }
    }
}

async fn guarded(ctx: &Context, job: &str, stop: &CancellationToken) -> &'static str {
    let cut_off = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    let outcome = tokio::select! {
        outcome = run(ctx, job) => outcome,
        () = cut_off => Err(JobError::CutOff(job.to_owned())),
    };
    match outcome {
        Ok(()) => "done",
        Err(error) => {
            tracing::error!(%error, job, "the job failed");
            FAILED
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
        "sync" => jobs::sync::run(ctx).await.map(|_| ())?,
        other => match other.strip_prefix("report:") {
            Some(name) => jobs::report::scheduled(ctx, name).await.map(|_| ())?,
            None => return Err(JobError::Refused(format!("there is no job {other:?}"))),
        },
    }
    Ok(())
}
