//! `poamd account discover`: the accounts of the organization, now.

use std::path::Path;

use clap::Args;

use crate::cli::failure::{Exit, Failure};
use crate::cli::load;
use crate::cli::shell::Shell;
use crate::cli::summary::{self, Told};
use crate::jobs::discover::{self, Summary};

#[derive(Debug, Args)]
pub struct Discover {
    /// Say what would become of which account; write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    told: Told,
}

impl Discover {
    pub fn run(self, shell: &mut Shell<'_>, at: Option<&Path>) -> Result<Exit, Failure> {
        let dry = self.dry_run;
        let done = load::leased(at, shell, "discover", async |context| {
            discover::run(context, dry).await
        })?;
        self.told.tell(shell, &done, lines)?;
        Ok(if done.gap.is_some() {
            Exit::Failed
        } else {
            Exit::Done
        })
    }
}

fn lines(done: &Summary) -> Vec<String> {
    if let Some(gap) = &done.gap {
        let mut lines = summary::gaps(std::slice::from_ref(gap));
        lines.push(
            "the organization was not read whole, so no account was added or retired".to_owned(),
        );
        return lines;
    }
    let mut lines = Vec::new();
    for (word, accounts) in [
        ("added", &done.added),
        ("changed", &done.changed),
        ("watched again", &done.returned),
        ("looked at no longer", &done.retired),
    ] {
        lines.extend(accounts.iter().map(|a| {
            let why = a
                .why
                .as_ref()
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            format!("{word}: {} {} ({}){why}", a.account, a.name, a.label)
        }));
    }
    lines.push(format!(
        "{} accounts in the organization: {} added, {} changed, {} watched again, {} retired{}",
        done.members,
        done.added.len(),
        done.changed.len(),
        done.returned.len(),
        done.retired.len(),
        if done.written {
            ""
        } else {
            "; nothing was written"
        }
    ));
    lines
}
