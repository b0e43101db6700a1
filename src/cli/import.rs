//! `poamd import`: findings from files, offline.

use std::path::{Path, PathBuf};

use poamd_contract::ids::{AccountId, Region};

use super::failure::{Exit, Failure};
use super::load;
use super::shell::Shell;
use super::summary::{self, Told};
use crate::jobs;
use crate::jobs::import::Whose;

#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// ASFF, OCSF, GuardDuty, Inspector2, Inspector Classic or Suricata EVE, as JSON or JSON lines, packed with gzip or
    /// not; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The account of documents that name none (Suricata's never do)
    #[arg(long, value_name = "NUMBER")]
    account: Option<AccountId>,
    /// Their region
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,
    #[command(flatten)]
    told: Told,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<Exit, Failure> {
    let whose = Whose {
        account: args.account.clone(),
        region: args.region.clone(),
    };
    let done = load::job(at, shell, async |context| {
        jobs::import::run(context, &args.files, &whose).await
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
        if done.passed > 0 {
            lines.push(format!(
                "passed over: {} records that are no findings",
                done.passed
            ));
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
             GuardDuty, Inspector or Suricata write it",
        ));
    }
    Ok(if done.unreadable.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}
