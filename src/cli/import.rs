//! `poamd import`: findings from files, offline.

use std::path::{Path, PathBuf};

use super::failure::{Exit, Failure};
use super::load;
use super::shell::Shell;
use super::summary::{self, Told};
use crate::jobs;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// ASFF, GuardDuty, Inspector2 or Inspector Classic JSON, as AWS or its command line writes them; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    told: Told,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<Exit, Failure> {
    let done = load::job(at, shell, async |context| {
        jobs::import::run(context, &args.files).await
    })?;
    args.told.tell(shell, &done, |done| {
        let mut lines = vec![format!(
            "files: {} read",
            done.files - done.unreadable.len() as u64
        )];
        lines.extend(summary::findings(&done.counts, &done.records));
        for aside in &done.set_aside {
            lines.push(format!("set aside: {}: {}", aside.place, aside.reason));
        }
        if done.counts.documents == 0 && done.counts.set_aside == 0 {
            lines.push("there is no finding in it".to_owned());
        }
        lines
    })?;
    for file in &done.unreadable {
        shell.note(&crate::render::sink::text(&format!("poamd: {file}")))?;
    }
    let empty = done.counts.set_aside == 0 && done.unreadable.is_empty();
    if done.nothing_usable() && !empty {
        return Err(Failure::work(
            "nothing of it could be used: see what was set aside above, and hand over JSON as Security Hub, \
             GuardDuty or Inspector write it",
        ));
    }
    Ok(if done.unreadable.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
