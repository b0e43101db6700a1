//! Every source, in every region of every account: pages into the ledger, coverage noted, records planned.
//! A cell that fails leaves the others whole.

use std::sync::Arc;

use chrono::TimeDelta;
use futures::StreamExt;
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::ids::{AccountId, Region};
use poamd_contract::source::{Aggregates, Extent, FindingSource, Scope};
use serde::Serialize;
use serde_json::json;

use super::details::{self, Asked};
use super::progress::{Keeper, Progress};
use super::{Context, Gap, JobError, Result, Selection, blind, feeds};
use crate::config;
use crate::config::aws::Read;
use crate::domain::pulling::Rules;
use crate::intake::{Counts, Door, Ending, Intake, IntakeSink};
use crate::poam::{self, Planned};
use crate::store::audit::{self, Event};
use crate::store::watched::{self, Watched};
use crate::store::{StoreError, coverage, evidence};

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
    scope: Scope,
    /// Accounts and regions that it has to show something of.
    gathers: Vec<(String, String)>,
}

impl Asked {
    /// A cell whose source knows more than it lists.
    fn of(task: &Task) -> Option<Self> {
        (task.source.details_at_once() > 0).then(|| Self {
            source: Arc::clone(&task.source),
            account: task.account.access.clone(),
            region: task.region.clone(),
        })
    }
}

/// Pulls now.
pub async fn run(ctx: &Context, selection: &Selection) -> Result<Summary> {
    let tasks = tasks(ctx, selection).await?;
    let asked: Vec<Asked> = tasks.iter().filter_map(Asked::of).collect();
    let run = ctx.begin_run("pull").await?;
    ctx.progress.begin("pull", Some(tasks.len() as u64));
    let (mut summary, full) = (Summary::default(), selection.full);
    let mut done = futures::stream::iter(tasks.into_iter().map(|task| {
        let ctx = ctx.clone();
        async move { pull_cell(&ctx, task, run, full).await }
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
    match feeds::read(ctx, selection, run).await {
        Ok(fed) => {
            summary.cells += fed.cells;
            summary.counts += fed.counts;
            summary.gaps.extend(fed.gaps);
            if let Some(error) = fed.failed {
                failed.get_or_insert(error.into());
            }
        }
        Err(error) => {
            tracing::error!(%error, "a feed could not be taken into the ledger");
            failed.get_or_insert(error);
        }
    }
    summary.gaps.sort_by(|a, b| a.cell.cmp(&b.cell));
    let names = ctx.sources.iter().map(|s| s.name().to_owned());
    let fed = ctx.config.feeds.iter().map(config::Feed::service);
    let services = names.chain(fed).collect();
    summary.counts += blind::watch(ctx, selection, run, ACTOR, services).await?;
    match plan(ctx, ACTOR).await {
        Ok(planned) => summary.records = planned,
        Err(error) => {
            failed.get_or_insert(error);
        }
    }
    // Last: what is known of a finding beside its listing keeps no finding and no record waiting.
    match details::ask(ctx, asked, run, ACTOR).await {
        Ok(0) => {}
        Ok(_) => match plan(ctx, ACTOR).await {
            Ok(planned) => summary.records += planned,
            Err(error) => {
                failed.get_or_insert(error);
            }
        },
        Err(error) => {
            tracing::error!(%error, "details of findings could not be taken into the ledger");
            failed.get_or_insert(error);
        }
    }
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
    let accounts = ctx.accounts(selection).await?;
    let watched = ctx.store.read(watched::watched).await?;
    if let Some(why) = unread(&ctx.config.aws.read, &watched) {
        return Err(JobError::Refused(why));
    }
    let mut tasks = Vec::new();
    for account in accounts {
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
                let Some(scope) = scope(
                    &ctx.config.aws.read,
                    source.aggregates(),
                    &account.access.id,
                    region,
                ) else {
                    continue;
                };
                let task = Task {
                    source: source.clone(),
                    account: account.clone(),
                    region: region.clone(),
                    scope,
                    gathers: Vec::new(),
                };
                let gathers = gathered(&task, &watched);
                tasks.push(Task { gathers, ..task });
            }
        }
    }
    Ok(tasks)
}

/// Why the administrator's hub would be read nowhere, as the accounts are watched now.
pub fn unread(read: &Read, watched: &[Watched]) -> Option<String> {
    let Read::Aggregator { account, home } = read else {
        return None;
    };
    let Some(hub) = watched.iter().find(|w| w.access.id == *account) else {
        return Some(format!(
            "[aws] aggregator {account} is not watched, so no findings would be read: add it (poamd account add), or set read = \"members\""
        ));
    };
    let regions = &hub.access.regions;
    let home = home.as_ref().filter(|home| !regions.contains(home))?;
    let names: Vec<&str> = regions.iter().map(|region| region.as_str()).collect();
    Some(format!(
        "[aws] home_region {home} is none of the regions of the aggregator {account} ({}), so Security Hub would be read nowhere: \
         watch the account there too (poamd account remove {account}, then poamd account add), or name the region that gathers \
         the findings of all",
        names.join(", ")
    ))
}

/// The places that the administrator's hub has to show something of in a cell: each watched account, in each region that
/// is gathered there. One of which it shows nothing is not known to be clean: it may be no member, or its region not linked.
fn gathered(task: &Task, watched: &[Watched]) -> Vec<(String, String)> {
    if task.scope == Scope::Own || task.source.aggregates() != Aggregates::AccountsAndRegions {
        return Vec::new();
    }
    let here = |region: &&Region| task.scope == Scope::Everything || **region == task.region;
    let places = watched.iter().flat_map(|w| {
        let regions = w.access.regions.iter().filter(here);
        regions.map(|region| (w.access.id.to_string(), region.to_string()))
    });
    places.collect()
}

/// Whose findings are read in a cell; `None`: the aggregator shows them, so nothing is read twice.
fn scope(read: &Read, shows: Aggregates, account: &AccountId, region: &Region) -> Option<Scope> {
    let Read::Aggregator { account: hub, home } = read else {
        return Some(Scope::Own);
    };
    match (shows, home) {
        (Aggregates::Nothing, _) => Some(Scope::Own),
        _ if account != hub => None,
        (Aggregates::AccountsAndRegions, Some(home)) => {
            (region == home).then_some(Scope::Everything)
        }
        (Aggregates::Accounts | Aggregates::AccountsAndRegions, _) => Some(Scope::Members),
    }
}

async fn pull_cell(
    ctx: &Context,
    task: Task,
    run: i64,
    full: bool,
) -> Result<(Cell, Coverage, Counts)> {
    let now = ctx.clock.now();
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
    let (looked, gathers) = (cell.clone(), task.gathers);
    let rules = Rules {
        reconcile: TimeDelta::from_std(ctx.config.aws.reconcile).unwrap_or(TimeDelta::MAX),
        overlap: TimeDelta::from_std(ctx.config.aws.overlap).unwrap_or(TimeDelta::MAX),
    };
    let begun = blocking(move || {
        let mut intake = Intake::open_by_page(store.clone(), door, run, ACTOR, now, synonyms);
        intake.expect(gathers);
        let progress = Progress::begin(&store, &looked, task.scope, &mut intake, now, rules, full)?;
        Ok::<_, StoreError>((intake, progress))
    })
    .await??;
    let (intake, progress) = begun;
    let request = progress.request(task.scope);
    let mut sink = Keeper::new(IntakeSink::new(intake), ctx.store.clone(), progress);
    let pulled = task
        .source
        .pull(&task.account.access, &task.region, &request, &mut sink)
        .await;
    let (mut intake, progress) = sink.into_parts()?;
    let mut pulled = pulled.map_err(|e| JobError::Refused(e.to_string()))?;
    if !progress.knows_its_beginning() {
        // Whatever it shows now: what it showed before is not known, so it counts as the look at changes that it was.
        pulled.extent = request.extent;
    }
    let (store, noted, ended) = (ctx.store.clone(), cell.clone(), ctx.clock.now());
    let (coverage, counts) = blocking(move || -> Result<_, StoreError> {
        let (complete, full) = (pulled.coverage.is_complete(), pulled.extent.is_full());
        if !full {
            intake.asked(&json!(pulled.extent).to_string());
        } else if complete {
            // Asked for changes and shown everything: what was not among it is missing all the same.
            intake.know_all()?;
        }
        let ending = Ending {
            complete: complete && full,
            ..Ending::default()
        };
        // All in one: a look that was counted and is gone on with after a crash would count twice.
        store.write_here(|c| {
            intake.finish_in(c, &ending)?;
            let seen = intake.qualify(pulled.coverage.clone());
            evidence::note(c, &intake.manifest(ended))?;
            note(c, &noted, &seen, pulled.extent, run, now, ACTOR)?;
            progress.end(c, &pulled, &seen, &mut intake)?;
            Ok((seen, intake.counts()))
        })
    })
    .await??;
    Ok((cell, coverage, counts))
}

/// Notes how a look went; a change of it is an event.
pub(in crate::jobs) fn note(
    conn: &mut crate::store::AnyConnection,
    cell: &Cell,
    seen: &Coverage,
    extent: Extent,
    run: i64,
    began: chrono::DateTime<chrono::Utc>,
    actor: &str,
) -> Result<(), StoreError> {
    if coverage::note_look(conn, cell, seen, extent, run, began)? {
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
