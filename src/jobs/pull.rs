//! Every source, in every region of every account: pages into the ledger, coverage noted, records planned.
//! A cell that fails leaves the others whole.

use std::sync::Arc;

use futures::StreamExt;
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::ids::Region;
use poamd_contract::source::FindingSource;
use serde::Serialize;
use serde_json::json;

use super::{Context, Gap, JobError, Result, Selection, blind};
use crate::intake::{Counts, Door, Ending, Intake, IntakeSink};
use crate::poam::{self, Planned};
use crate::store::audit::{self, Event};
use crate::store::watched::Watched;
use crate::store::{StoreError, coverage};

const ACTOR: &str = "job:pull";

/// What a pull brought.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub cells: u64,
    pub counts: Counts,
    pub gaps: Vec<Gap>,
    pub records: Planned,
}

/// One cell to read.
struct Task {
    source: Arc<dyn FindingSource>,
    account: Watched,
    region: Region,
}

/// Pulls now.
pub async fn run(ctx: &Context, selection: &Selection) -> Result<Summary> {
    let tasks = tasks(ctx, selection).await?;
    let run = ctx.begin_run("pull").await?;
    ctx.progress.begin("pull", Some(tasks.len() as u64));
    let mut summary = Summary::default();
    let mut done = futures::stream::iter(tasks.into_iter().map(|task| {
        let ctx = ctx.clone();
        async move { pull_cell(&ctx, task, run).await }
    }))
    .buffer_unordered(ctx.config.aws.concurrency as usize);
    let mut failed = None;
    while let Some(outcome) = done.next().await {
        ctx.progress.step("pull");
        let (cell, coverage, counts) = match outcome {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "a cell could not be taken into the ledger; the others are finished first");
                failed.get_or_insert(error);
                continue;
            }
        };
        summary.cells += 1;
        summary.counts += counts;
        if !coverage.is_complete() {
            summary.gaps.push(Gap { cell, coverage });
        }
    }
    drop(done);
    summary.gaps.sort_by(|a, b| a.cell.cmp(&b.cell));
    let services = ctx.sources.iter().map(|s| s.name().to_owned()).collect();
    summary.counts += blind::watch(ctx, selection, run, ACTOR, services).await?;
    summary.records = plan(ctx, ACTOR).await?;
    ctx.progress.end("pull");
    let outcome = outcome_of(&summary.gaps, failed.as_ref());
    ctx.finish_run(run, outcome, json!(summary.counts)).await?;
    failed.map_or(Ok(summary), Err)
}

/// The word for how a run over cells went.
pub(super) fn outcome_of(gaps: &[Gap], failed: Option<&JobError>) -> &'static str {
    match failed {
        Some(_) => "failed",
        None if gaps.is_empty() => "complete",
        None => "gaps",
    }
}

async fn tasks(ctx: &Context, selection: &Selection) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for account in ctx.accounts(selection).await? {
        for region in account
            .access
            .regions
            .iter()
            .filter(|r| selection.takes_region(r.as_str()))
        {
            for source in ctx
                .sources
                .iter()
                .filter(|s| selection.takes_service(s.name()))
            {
                tasks.push(Task {
                    source: source.clone(),
                    account: account.clone(),
                    region: region.clone(),
                });
            }
        }
    }
    Ok(tasks)
}

async fn pull_cell(ctx: &Context, task: Task, run: i64) -> Result<(Cell, Coverage, Counts)> {
    let began = ctx.clock.now();
    let cell = Cell {
        account: task.account.access.id.clone(),
        region: task.region.clone(),
        service: task.source.name().to_owned(),
    };
    let (store, door, synonyms) = (
        ctx.store.clone(),
        Door::Cell(cell.clone()),
        ctx.synonyms.clone(),
    );
    let intake = blocking(move || Intake::open(store, door, run, ACTOR, began, synonyms)).await??;
    let mut sink = IntakeSink::new(intake);
    let pulled = task
        .source
        .pull(&task.account.access, &task.region, &mut sink)
        .await;
    let mut intake = sink.into_inner()?;
    let coverage = pulled.map_err(|e| JobError::Refused(e.to_string()))?;
    let (seen, noted) = (coverage, cell.clone());
    let store = ctx.store.clone();
    let (coverage, counts) = blocking(move || -> Result<_, StoreError> {
        intake.finish(&Ending {
            complete: seen.is_complete(),
            ..Ending::default()
        })?;
        let seen = intake.qualify(seen);
        store.write_here(|c| note(c, &noted, &seen, run, began, ACTOR))?;
        Ok((seen, intake.counts()))
    })
    .await??;
    Ok((cell, coverage, counts))
}

/// Notes how a look went; a change of it is an event.
pub(super) fn note(
    conn: &mut crate::store::AnyConnection,
    cell: &Cell,
    seen: &Coverage,
    run: i64,
    began: chrono::DateTime<chrono::Utc>,
    actor: &str,
) -> Result<(), StoreError> {
    if coverage::note(conn, cell, seen, run, began)? {
        let event = Event {
            at: began,
            actor: actor.to_owned(),
            kind: "coverage.changed",
            subject: format!("{}/{}/{}", cell.account, cell.region, cell.service),
            body: json!(seen),
        };
        audit::append(conn, &event)?;
    }
    Ok(())
}

/// Plans what the run put in line.
pub(super) async fn plan(ctx: &Context, actor: &'static str) -> Result<Planned> {
    let (store, now) = (ctx.store.clone(), ctx.clock.now());
    let rules = super::rules::poam(&ctx.config.poam);
    Ok(blocking(move || poam::activate(&store, &rules, now, actor)).await??)
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| JobError::CutOff(e.to_string()))
}
