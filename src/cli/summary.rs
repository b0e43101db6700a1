//! What a job tells when it is done: a few lines for people, or its summary as one JSON object.

use clap::{Args, ValueEnum};
use poamd_contract::coverage::Coverage;
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::shell::Shell;
use crate::intake::Counts;
use crate::jobs::Gap;
use crate::poam::Planned;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Args)]
pub struct Told {
    /// text for people, or one JSON object
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
}

impl Told {
    /// Prints a summary: `lines` for people, itself for programs.
    pub fn tell<T: Serialize>(
        &self,
        shell: &mut Shell<'_>,
        summary: &T,
        lines: impl FnOnce(&T) -> Vec<String>,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut *shell.out, summary)?;
                shell.say("")
            }
            Format::Text => lines(summary)
                .iter()
                .try_for_each(|line| shell.say(&crate::render::sink::text(line))),
        }
    }
}

/// Documents, findings and what they did to the records.
pub fn findings(counts: &Counts, records: &Planned) -> Vec<String> {
    let mut lines = vec![format!(
        "findings: {} taken, {} new, {} changed, {} as known{}",
        counts.documents,
        counts.new,
        counts.changed,
        counts.unchanged,
        match counts.set_aside {
            0 => String::new(),
            n => format!(", {n} set aside (see poamd doctor)"),
        }
    )];
    lines.push(format!(
        "records: {} opened, {} reopened, {} changed, {} closed",
        records.opened, records.reopened, records.changed, records.closed
    ));
    lines
}

/// How many gaps a summary names; `poamd coverage list` has them all.
const GAPS_SHOWN: usize = 10;

/// Where we could not look.
pub fn gaps(gaps: &[Gap]) -> Vec<String> {
    let mut lines: Vec<String> = gaps
        .iter()
        .take(GAPS_SHOWN)
        .map(|gap| {
            format!(
                "not seen: {} in {} {} is {}: {}",
                gap.cell.service,
                gap.cell.account,
                gap.cell.region,
                gap.coverage.state(),
                gap.coverage.reason().unwrap_or("no reason given")
            )
        })
        .collect();
    if gaps.len() > GAPS_SHOWN {
        lines.push(format!(
            "not seen: {} more; all of them: poamd coverage list",
            gaps.len() - GAPS_SHOWN
        ));
    }
    lines
}

/// A gap is a result. The work failed if nothing could be looked at although something should be there.
pub fn exit(cells: u64, gaps: &[Gap]) -> Exit {
    let trouble = |gap: &Gap| {
        matches!(
            gap.coverage,
            Coverage::Partial { .. } | Coverage::Denied { .. } | Coverage::Failed { .. }
        )
    };
    if gaps.len() as u64 == cells && gaps.iter().any(trouble) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// Says what to do if there was nothing to look at.
pub fn nothing_to_look_at(cells: u64) -> Option<String> {
    if cells > 0 {
        return None;
    }
    Some(if cfg!(feature = "aws") {
        "nothing was looked at: no account is watched, or the options leave none; poamd account add adds one".to_owned()
    } else {
        "nothing was looked at: this program was built without the feature \"aws\"; poamd import takes findings from files"
            .to_owned()
    })
}
