//! What sources know of findings beside their listings, asked for when a pull has taken and planned what it saw: of what is
//! new or has changed, the worst rated first. What cannot be had is told by `poamd doctor` and asked for again.

use std::sync::Arc;

use futures::StreamExt;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Cell;
use poamd_contract::ids::Region;
use poamd_contract::source::{Details, FindingSource};

use super::pull::blocking;
use super::{Context, Result};
use crate::intake::{Door, Supplements};
use crate::store::details::{self, Waiting};
use crate::store::{Store, StoreError};

/// Findings of a cell that are asked for in one run: at Inspector's rate some minutes. The others wait for the next.
const A_RUN: usize = 5_000;
/// Calls whose answers are taken together.
const CALLS: usize = 10;

/// A cell to ask in.
pub(super) struct Asked {
    pub source: Arc<dyn FindingSource>,
    pub account: AccountAccess,
    pub region: Region,
}

impl Asked {
    fn door(&self) -> String {
        let cell = Cell {
            account: self.account.id.clone(),
            region: self.region.clone(),
            service: self.source.name().to_owned(),
        };
        Door::Cell(cell).name()
    }
}

/// Asks in all of these cells. Gives how many findings changed by it.
pub(super) async fn ask(
    ctx: &Context,
    cells: Vec<Asked>,
    run: i64,
    actor: &'static str,
) -> Result<u64> {
    let mut done = futures::stream::iter(cells.into_iter().map(|cell| {
        let ctx = ctx.clone();
        async move { ask_cell(&ctx, &cell, run, actor).await }
    }))
    .buffer_unordered(ctx.config.aws.concurrency as usize);
    let (mut changed, mut failed) = (0, None);
    while let Some(outcome) = done.next().await {
        match outcome {
            Ok(count) => changed += count,
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(changed), Err)
}

async fn ask_cell(ctx: &Context, cell: &Asked, run: i64, actor: &'static str) -> Result<u64> {
    let door = cell.door();
    let of = door.clone();
    let turn = ctx
        .store
        .read(move |c| details::waiting(c, &of, A_RUN))
        .await?;
    let (mut changed, mut trouble, mut refused) = (0, None, None);
    let at_once = cell.source.details_at_once().max(1);
    for group in turn.chunks(at_once * CALLS) {
        if trouble.is_some() || ctx.stop.is_cancelled() {
            break;
        }
        let told = told(cell, group, at_once).await;
        trouble.clone_from(&told.trouble);
        refused = refused.or_else(|| told.refused.clone());
        let (store, door, now) = (ctx.store.clone(), door.clone(), ctx.clock.now());
        let group = group.to_vec();
        changed += blocking(move || {
            let round = Supplements {
                store: &store,
                door: &door,
                run,
                actor,
                now,
            };
            round.take(&group, &told)
        })
        .await??;
    }
    let trouble = trouble.or(refused);
    if let Some(cause) = &trouble {
        tracing::warn!(cell = door, cause, "details of findings are still to come");
    }
    note(&ctx.store, door, trouble, ctx.clock.now()).await?;
    Ok(changed)
}

/// Asks for a group, call by call, to its end or the first trouble.
async fn told(cell: &Asked, group: &[Waiting], at_once: usize) -> Details {
    let mut all = Details::default();
    for some in group.chunks(at_once) {
        let ids: Vec<String> = some.iter().map(|w| w.native_id.clone()).collect();
        let told = cell.source.details(&cell.account, &cell.region, &ids).await;
        all.known.extend(told.known);
        all.nothing.extend(told.nothing);
        all.refused = all.refused.or(told.refused);
        if told.trouble.is_some() {
            all.trouble = told.trouble;
            break;
        }
    }
    all
}

async fn note(
    store: &Store,
    door: String,
    trouble: Option<String>,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<()> {
    let store = store.clone();
    blocking(move || -> std::result::Result<_, StoreError> {
        let waiting = store.read_here(|c| details::count_waiting(c, &door))?;
        store.write_here(|c| details::note_round(c, &door, waiting, trouble.as_deref(), now))
    })
    .await??;
    Ok(())
}
