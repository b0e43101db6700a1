//! What the ledger says of findings, left with them in Security Hub; after each sync, where it is switched on.

use std::collections::BTreeMap;

use super::{Context, Result, pull};
use crate::delivery::writeback::Summary;
use crate::delivery::writeback::planner;
use crate::delivery::writeback::sender::Sender;
use crate::domain::writeback::Switches;
use crate::store::watched;

const ACTOR: &str = "job:writeback";

/// Plans and sends now. `None` where nothing is to be written back.
pub async fn run(ctx: &Context) -> Result<Option<Summary>> {
    let Some(hub) = ctx.hub.clone() else {
        return Ok(None);
    };
    let config = ctx.config.writeback;
    let switches = Switches {
        fields: config.fields,
        notified: config.notified,
        suppressed: config.suppressed,
    };
    let (store, service, now) = (ctx.store.clone(), hub.service(), ctx.clock.now());
    let wanted =
        pull::blocking(move || planner::plan(&store, switches, service, now, ACTOR)).await??;
    let accounts: BTreeMap<_, _> = ctx
        .store
        .read(watched::watched)
        .await?
        .into_iter()
        .map(|account| (account.access.id.to_string(), account.access))
        .collect();
    let sender = Sender {
        store: ctx.store.clone(),
        hub,
        accounts,
        clock: ctx.clock.clone(),
        actor: ACTOR.to_owned(),
    };
    let mut summary = sender.drain(&ctx.stop).await?;
    summary.wanted = wanted;
    for (cell, why) in &summary.paused {
        tracing::warn!(%cell, %why, "Security Hub is not written to there for an hour");
    }
    Ok(Some(summary))
}
