//! `poamd scan`: the configuration of resources, now.

use std::path::Path;

use super::failure::{Exit, Failure};
use super::selection::Selected;
use super::shell::Shell;
use super::{load, summary};
use crate::intake::Inventory;
use crate::jobs;

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Selected) -> Result<Exit, Failure> {
    let selection = args.selection();
    let done = load::leased(at, shell, "scan", async |context| {
        jobs::scan::run(context, &selection).await
    })?;
    args.told.tell(shell, &done, |done| {
        let mut lines: Vec<String> = summary::nothing_to_look_at(done.cells)
            .into_iter()
            .collect();
        lines.push(items(&done.items));
        lines.extend(summary::findings(&done.counts, &done.records));
        lines.extend(summary::gaps(&done.gaps));
        lines
    })?;
    Ok(summary::exit(done.cells, &done.gaps))
}

fn items(items: &Inventory) -> String {
    format!(
        "items: {} seen, {} new, {} changed, {} gone",
        items.seen, items.new, items.changed, items.gone
    )
}
