//! `poamd pull`: findings from where they are kept, now.

use std::path::Path;

use clap::Args;

use super::failure::{Exit, Failure};
use super::selection::Selected;
use super::shell::Shell;
use super::{load, summary};
use crate::jobs;

#[derive(Debug, Clone, Args)]
pub struct PullArgs {
    #[command(flatten)]
    selected: Selected,
    /// Read everything now, not only what was updated since the last pull
    #[arg(long)]
    full: bool,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &PullArgs) -> Result<Exit, Failure> {
    let selection = jobs::Selection {
        full: args.full,
        ..args.selected.selection()
    };
    let done = load::leased(at, shell, "pull", async |context| {
        jobs::pull::run(context, &selection).await
    })?;
    args.selected.told.tell(shell, &done, |done| {
        let mut lines: Vec<String> = summary::nothing_to_look_at(done.cells)
            .into_iter()
            .collect();
        lines.extend(summary::findings(&done.counts, &done.records));
        lines.extend(summary::gaps(&done.gaps));
        lines
    })?;
    Ok(summary::exit(done.cells, &done.gaps))
}
