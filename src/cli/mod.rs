//! The command line: a verb a file. A verb reads its options, calls what does the work, prints what came of it; the
//! work itself stands elsewhere.

mod account;
mod audit;
mod config;
mod coverage;
mod day;
mod demo;
mod doctor;
mod estate;
mod evidence;
mod export;
pub mod failure;
mod filters;
mod finding;
mod import;
mod intel;
mod item;
mod listing;
pub mod load;
mod overrides;
mod pages;
mod poam;
mod policy;
pub mod progress;
mod pull;
mod quarantine;
mod report;
mod run;
mod scan;
mod selection;
pub mod shell;
mod summary;
mod sync;
mod ticket;
mod triggers;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use failure::{Exit, Failure};
use shell::Shell;

/// Watches AWS accounts, keeps their POA&M, writes tickets on Jira and ServiceNow, mails reports.
///
/// Exit codes: 0 done, 1 the work failed, 2 usage, 78 configuration, 79 another instance or a damaged database.
#[derive(Debug, Parser)]
#[command(name = "poamd", disable_version_flag = true, max_term_width = 100)]
pub struct Cli {
    /// Configuration; without it $POAMD_CONFIG, then /etc/poamd/poamd.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the version
    #[arg(short = 'V', long)]
    version: bool,
    /// With --version: commit, features, database and cryptography
    #[arg(short, long)]
    verbose: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the whole loop on a bundled estate: no account, no key, no network
    Demo(demo::Args),
    /// Work by schedule: the daemon
    Run,
    /// Scan the configuration of resources now
    Scan(selection::Selected),
    /// Pull findings now
    Pull(pull::PullArgs),
    /// Bring tickets into step now: read comments and states, write what is wanted
    Sync(sync::Args),
    /// Take findings from files: ASFF, GuardDuty, Inspector JSON
    Import(import::Args),
    /// Reports by mail
    #[command(subcommand)]
    Report(report::Verb),
    /// The AWS accounts that are watched
    #[command(subcommand)]
    Account(account::Verb),
    /// Resources and how they are configured
    #[command(subcommand)]
    Item(item::Verb),
    /// Single findings
    #[command(subcommand)]
    Finding(finding::Verb),
    /// POA&M records
    #[command(subcommand)]
    Poam(poam::Verb),
    /// Tickets on the desks
    #[command(subcommand)]
    Ticket(ticket::Verb),
    /// What findings of a weakness, a technology or an account count with, by a person's word
    #[command(subcommand)]
    Override(overrides::Verb),
    /// KEV, EPSS and SSVC from files
    #[command(subcommand)]
    Intel(intel::Verb),
    /// Write the POA&M for other programs
    Export(export::Args),
    /// The log of everything that changed
    #[command(subcommand)]
    Audit(audit::Verb),
    /// What the sources said, as it came: what each run read, and whether it is whole
    #[command(subcommand)]
    Evidence(evidence::Verb),
    /// Rules over the configuration of resources
    #[command(subcommand)]
    Policy(policy::Verb),
    /// Where we looked, and where we could not
    #[command(subcommand)]
    Coverage(coverage::Verb),
    /// Documents that could not be taken
    #[command(subcommand)]
    Quarantine(quarantine::Verb),
    /// What is wrong with this installation, and what to do about it
    Doctor(doctor::Args),
    /// The configuration file
    #[command(subcommand)]
    Config(config::Verb),
    /// Completions for a shell, on standard output
    Completions(pages::Completions),
    /// Manual pages
    Man(pages::Man),
}

/// Runs one command line (the program's name first) and says how it ended.
pub fn run(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    shell: &mut Shell<'_>,
) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, shell),
    };
    // What is only in a buffer has not been said: a full disk behind it is a failure.
    let outcome = cli
        .execute(shell)
        .and_then(|exit| Ok(shell.out.flush().map(|()| exit)?));
    match outcome {
        Ok(exit) => exit,
        Err(failure) => {
            for (index, line) in failure.lines().enumerate() {
                let lead = if index == 0 { "poamd: " } else { "       " };
                // If even that cannot be written, the code has to say it.
                let _ = writeln!(shell.err, "{lead}{line}");
            }
            failure.exit
        }
    }
}

/// What clap has to say: help on standard output, everything else beside it.
fn refuse(error: &clap::Error, shell: &mut Shell<'_>) -> Exit {
    let text = error.render();
    let is_help = error.exit_code() == 0;
    let shown = if shell.colours() {
        text.ansi().to_string()
    } else {
        text.to_string()
    };
    let sink = if is_help {
        &mut shell.out
    } else {
        &mut shell.err
    };
    let _ = write!(sink, "{shown}");
    if is_help { Exit::Done } else { Exit::Usage }
}

impl Cli {
    fn execute(self, shell: &mut Shell<'_>) -> Result<Exit, Failure> {
        if self.version {
            return version::print(shell, self.verbose).map(|()| Exit::Done);
        }
        let Some(verb) = self.verb else {
            let help = Self::command().render_help();
            write!(shell.err, "{help}")?;
            return Ok(Exit::Usage);
        };
        let at = self.config.as_deref();
        let done = |outcome: Result<(), Failure>| outcome.map(|()| Exit::Done);
        match verb {
            Verb::Demo(args) => demo::run(shell, &args),
            Verb::Run => run::run(shell, at),
            Verb::Scan(args) => scan::run(shell, at, &args),
            Verb::Pull(args) => pull::run(shell, at, &args),
            Verb::Sync(args) => sync::run(shell, at, &args),
            Verb::Import(args) => import::run(shell, at, &args),
            Verb::Report(verb) => report::run(shell, at, &verb),
            Verb::Account(verb) => account::run(shell, at, verb),
            Verb::Item(verb) => done(item::run(shell, at, &verb)),
            Verb::Finding(verb) => done(finding::run(shell, at, &verb)),
            Verb::Poam(verb) => done(poam::run(shell, at, &verb)),
            Verb::Ticket(verb) => done(ticket::run(shell, at, &verb)),
            Verb::Override(verb) => done(overrides::run(shell, at, &verb)),
            Verb::Intel(verb) => done(intel::run(shell, at, &verb)),
            Verb::Export(args) => done(export::run(shell, at, &args)),
            Verb::Audit(verb) => audit::run(shell, at, &verb),
            Verb::Evidence(verb) => done(evidence::run(shell, at, &verb)),
            Verb::Policy(verb) => policy::run(shell, at, &verb),
            Verb::Coverage(verb) => done(coverage::run(shell, at, &verb)),
            Verb::Quarantine(verb) => done(quarantine::run(shell, at, &verb)),
            Verb::Doctor(args) => doctor::run(shell, at, &args),
            Verb::Config(verb) => config::run(shell, at, &verb),
            Verb::Completions(args) => done(args.run(shell)),
            Verb::Man(args) => done(args.run(shell)),
        }
    }
}

/// Runs what waits for others on a runtime of its own.
fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Failure::work(format!("no threads could be started: {e}")))?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
