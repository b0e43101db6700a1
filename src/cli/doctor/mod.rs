//! `poamd doctor`: what is wrong with this installation, and what to do about it. It looks at what is here; whether
//! others answer is asked by `poamd config check`.

mod intel;
mod ledger;
mod machine;
mod work;

use std::path::Path;

use clap::Args as ClapArgs;
use poamd_contract::health::{Check, Verdict};
use serde::Serialize;

use super::failure::{Exit, Failure};
use super::listing::{self, Ink};
use super::load;
use super::shell::Shell;
use super::summary::{Format, Told};

#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(flatten)]
    told: Told,
}

/// What was looked at, and how it is.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Findings {
    pub checks: Vec<Check>,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<Exit, Failure> {
    let opened = load::open(at, shell)?;
    let now = shell.clock.now();
    let mut checks = machine::checks(&opened)?;
    checks.extend(opened.store.read_here(|conn| {
        let mut checks = ledger::checks(conn, now)?;
        checks.extend(intel::checks(conn, &opened.config, now)?);
        checks.extend(work::checks(conn, &opened.config, now)?);
        Ok(checks)
    })?);
    print(shell, &args.told, Findings { checks })
}

/// Prints checks; 1 if any of them failed.
pub fn print(shell: &mut Shell<'_>, told: &Told, findings: Findings) -> Result<Exit, Failure> {
    match told.format {
        Format::Json => told.tell(shell, &findings, |_| Vec::new())?,
        Format::Text => {
            let rows = findings
                .checks
                .iter()
                .map(|check| {
                    vec![
                        verdict(check.verdict),
                        Ink::Plain(check.name.clone()),
                        Ink::Plain(check.detail.clone()),
                    ]
                })
                .collect();
            let text = listing::grid(
                shell,
                &["verdict", "what", "how it is"],
                rows,
                listing::Lines::Many,
            );
            shell.say(&text)?;
        }
    }
    let count = |wanted| {
        findings
            .checks
            .iter()
            .filter(|c| c.verdict == wanted)
            .count()
    };
    if told.format == Format::Text {
        shell.say(&format!(
            "{} ok, {}, {} failed",
            count(Verdict::Ok),
            listing::counted(count(Verdict::Warning) as i128, "warnings"),
            count(Verdict::Failed)
        ))?;
    }
    Ok(if count(Verdict::Failed) == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn verdict(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Ok => Ink::Calm("ok".to_owned()),
        Verdict::Warning => Ink::Warning("warning".to_owned()),
        Verdict::Failed => Ink::Alarm("FAILED".to_owned()),
    }
}

/// A check over a list of troubles: fine if there are none, else `bad` with the first few of them.
pub fn over(name: &str, fine: &str, troubles: &[String], bad: Verdict, next: &str) -> Check {
    const SHOWN: usize = 3;
    if troubles.is_empty() {
        return Check::ok(name, fine);
    }
    let shown = troubles
        .iter()
        .take(SHOWN)
        .map(|t| listing::short(t, 200))
        .collect::<Vec<_>>()
        .join("; ");
    let more = match troubles.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Check {
        name: name.to_owned(),
        verdict: bad,
        detail: format!("{}: {shown}{more}; {next}", troubles.len()),
    }
}
