//! After a whole pull or scan: what has not been seen for too long is a weakness of its own.

use chrono::TimeDelta;

use super::{Context, Result, Selection, pull};
use crate::intake::{Counts, Vigil};

/// Looks at the looks of one job. A run over a selection left other places alone, so it says nothing of them.
pub(super) async fn watch(
    ctx: &Context,
    selection: &Selection,
    run: i64,
    actor: &'static str,
    services: Vec<String>,
) -> Result<Counts> {
    let everywhere = Selection {
        full: selection.full,
        ..Selection::default()
    };
    if *selection != everywhere || services.is_empty() {
        return Ok(Counts::default());
    }
    let (store, now) = (ctx.store.clone(), ctx.clock.now());
    let limit = TimeDelta::from_std(ctx.config.poam.gap_limit).unwrap_or(TimeDelta::MAX);
    Ok(pull::blocking(move || {
        let vigil = Vigil {
            run,
            actor,
            now,
            limit,
            services: &|service| services.iter().any(|s| s == service),
        };
        vigil.keep(&store)
    })
    .await??)
}
