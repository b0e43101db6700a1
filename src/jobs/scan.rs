//! Every watch over every account and region. Global technologies are looked at once an account.

use std::sync::Arc;

use futures::StreamExt;
use poamd_contract::ids::Region;
use poamd_contract::source::Extent;
use poamd_contract::watch::AccountWatch;
use serde::Serialize;
use serde_json::json;

use super::{Context, Gap, Result, Selection, blind, pull};
use crate::intake::{Counts, Inventory};
use crate::poam::Planned;
use crate::scan::look::{Looked, Looking};
use crate::store::watched::{self, Watched};

const ACTOR: &str = "job:scan";

/// What a scan saw.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub cells: u64,
    pub items: Inventory,
    pub counts: Counts,
    pub gaps: Vec<Gap>,
    pub records: Planned,
}

struct Task {
    watch: Arc<dyn AccountWatch>,
    account: Watched,
    region: Region,
}

/// Scans now.
pub async fn run(ctx: &Context, selection: &Selection) -> Result<Summary> {
    let accounts = ctx.accounts(selection).await?;
    let tasks = tasks(ctx, selection, &accounts);
    let run = ctx.begin_run("scan").await?;
    let looking = Looking {
        store: ctx.store.clone(),
        policies: ctx.policies.clone(),
        synonyms: ctx.synonyms.clone(),
        run,
        actor: ACTOR.to_owned(),
        now: ctx.clock.now(),
    };
    ctx.progress.begin("scan", Some(tasks.len() as u64));
    let mut summary = Summary::default();
    let mut done = futures::stream::iter(tasks.into_iter().map(|task| {
        let (ctx, looking) = (ctx.clone(), looking.clone());
        async move { look(&ctx, &looking, task).await }
    }))
    .buffer_unordered(ctx.config.aws.concurrency as usize);
    let mut failed = None;
    while let Some(outcome) = done.next().await {
        ctx.progress.step("scan");
        let looked = match outcome {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(%error, "a look could not be taken into the ledger; the others are finished first");
                failed.get_or_insert(error);
                continue;
            }
        };
        summary.cells += 1;
        summary.items += looked.inventory;
        summary.counts += looked.counts;
        if !looked.coverage.is_complete() {
            summary.gaps.push(Gap {
                cell: looked.cell,
                coverage: looked.coverage,
            });
        }
    }
    drop(done);
    summary.gaps.sort_by(|a, b| a.cell.cmp(&b.cell));
    if failed.is_none() {
        note_baselines(ctx, selection, &accounts).await?;
    }
    let services = ctx
        .watches
        .iter()
        .map(|w| format!("scan:{}", w.technology()));
    summary.counts += blind::watch(ctx, selection, run, ACTOR, services.collect()).await?;
    match pull::plan(ctx, ACTOR).await {
        Ok(planned) => summary.records = planned,
        Err(error) => {
            failed.get_or_insert(error);
        }
    }
    ctx.progress.end("scan");
    let outcome = pull::outcome_of(&summary.gaps, failed.as_ref());
    let counts = json!({ "items": summary.items, "findings": summary.counts });
    ctx.finish_run(run, outcome, counts).await?;
    failed.map_or(Ok(summary), Err)
}

/// One look, and how it went.
async fn look(ctx: &Context, looking: &Looking, task: Task) -> Result<Looked> {
    let account = &task.account;
    let looked = looking
        .look(&*task.watch, &account.access, &account.label, &task.region)
        .await?;
    let (cell, seen) = (looked.cell.clone(), looked.coverage.clone());
    let (run, began) = (looking.run, looking.now);
    ctx.store
        .write(move |c| pull::note(c, &cell, &seen, Extent::Full, run, began, ACTOR))
        .await?;
    Ok(looked)
}

fn tasks(ctx: &Context, selection: &Selection, accounts: &[Watched]) -> Vec<Task> {
    let mut tasks = Vec::new();
    for account in accounts {
        for watch in ctx
            .watches
            .iter()
            .filter(|w| selection.takes_service(w.technology()))
        {
            let regions = account
                .access
                .regions
                .iter()
                .filter(|r| selection.takes_region(r.as_str()));
            let often = if watch.is_global() { 1 } else { usize::MAX };
            tasks.extend(regions.take(often).map(|region| Task {
                watch: watch.clone(),
                account: account.clone(),
                region: region.clone(),
            }));
        }
    }
    tasks
}

/// A whole scan of a new account is its baseline.
async fn note_baselines(ctx: &Context, selection: &Selection, accounts: &[Watched]) -> Result<()> {
    if !selection.regions.is_empty() || !selection.services.is_empty() {
        return Ok(());
    }
    let due: Vec<String> = accounts
        .iter()
        .filter(|a| a.baseline_due)
        .map(|a| a.access.id.to_string())
        .collect();
    let now = ctx.clock.now();
    if due.is_empty() {
        return Ok(());
    }
    Ok(ctx
        .store
        .write(move |c| {
            due.iter()
                .try_for_each(|account| watched::baseline_done(c, account, now))
        })
        .await?)
}
