//! `poamd run`: start, work by schedule, stop. What a job does is the jobs'; here is only when, and what happens
//! around it.

mod heartbeat;
pub mod instance;
mod lifecycle;
mod running;
mod timetable;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use heartbeat::Heartbeats;
use lifecycle::Lifecycle;
pub use lifecycle::Reload;

use crate::jobs::Context;
use crate::store::StoreError;
use crate::store::audit::{self, Event};

/// How long running jobs may go on after a soft stop. What is then cut off is safe: a request in flight is found as
/// unclear at the next start.
pub const GRACE: Duration = Duration::from_secs(10);

/// How the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Asked to stop, and everything was put down.
    Stopped,
    /// Jobs were cut off: the grace was over, or a second signal came.
    CutOff,
}

/// Works until it is told to stop. `stop` is the caller's own switch beside the signals (the demo has one).
pub async fn run(
    ctx: Context,
    reload: Arc<dyn Reload>,
    stop: CancellationToken,
) -> Result<End, StoreError> {
    note(&ctx, "daemon.started").await?;
    let hearts = Heartbeats::new();
    let tasks = TaskTracker::new();
    let (now, later) = tokio::sync::watch::channel(ctx.clone());
    tasks.spawn(timetable::keep(
        later,
        hearts.register("scheduler"),
        stop.clone(),
    ));
    tasks.spawn(heartbeat::prove_writer(
        ctx.store.clone(),
        hearts.register("database writer"),
        stop.clone(),
    ));
    tasks.close();
    let life = Lifecycle {
        hearts,
        reload,
        contexts: now,
        stop: stop.clone(),
    };
    life.ready();
    let hard = life.until_stopped().await;
    let end = tokio::select! {
        () = tasks.wait() => End::Stopped,
        () = tokio::time::sleep(GRACE) => End::CutOff,
        () = hard => End::CutOff,
    };
    note(
        &ctx,
        if end == End::Stopped {
            "daemon.stopped"
        } else {
            "daemon.cut-off"
        },
    )
    .await?;
    ctx.store
        .read(|c| Ok(crate::store::dialect::checkpoint(c)?))
        .await?;
    Ok(end)
}

async fn note(ctx: &Context, kind: &'static str) -> Result<(), StoreError> {
    let event = Event {
        at: ctx.clock.now(),
        actor: format!("daemon:{}", ctx.holder),
        kind,
        subject: "daemon".to_owned(),
        body: json!({ "version": env!("CARGO_PKG_VERSION") }),
    };
    ctx.store.write(move |c| audit::append(c, &event)).await?;
    Ok(())
}
