//! `poamd account`: which AWS accounts are watched, and how they are reached.

mod add;
mod discover;
mod file;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use poamd_contract::account::AccountAccess;
use poamd_contract::health::Check;

use super::doctor::{self, Findings};
use super::failure::{Exit, Failure};
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use super::wait_for;
use crate::jobs::Quiet;
use crate::query::account::{self, AccountView};
use crate::store::accounts::{self, By};
use crate::store::watched;
use crate::wiring;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Watch an account; its baseline scan follows
    Add(Box<add::Add>),
    /// All accounts
    List(List),
    /// One account
    Show(One),
    /// Try to reach accounts, and that others cannot reach them through us
    Test(Test),
    /// Find the accounts of the organization now; add those the rules take, retire those that left
    Discover(discover::Discover),
    /// Watch an account no longer; what is known of it stays
    Remove(Remove),
    /// Add all accounts of a CSV or JSON file, or none if one of them is wrong
    Import(Import),
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, Args)]
pub struct One {
    /// Number or name
    account: String,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct Test {
    /// Number or name; without one all that are watched
    account: Option<String>,
    #[command(flatten)]
    told: Told,
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Number or name
    account: String,
}

#[derive(Debug, Args)]
pub struct Import {
    /// .csv with a line of names, or .json with an array of objects; the names are those of [[accounts]]
    file: PathBuf,
}

const LAYOUT: Layout<AccountView> = Layout {
    headings: &[
        "account",
        "name",
        "type",
        "partition",
        "regions",
        "findings",
        "records",
        "state",
    ],
    cells: |a| {
        vec![
            Ink::Plain(a.account.clone()),
            Ink::Plain(a.name.clone()),
            Ink::Plain(a.account_type.clone()),
            Ink::Plain(a.partition.clone()),
            Ink::Plain(listing::short(&a.regions.join(" "), 48)),
            Ink::Number(a.findings.to_string()),
            Ink::Number(a.records.to_string()),
            state(a),
        ]
    },
    rank: |a| (0, a.account.clone()),
    spare: &[],
    again: "poamd account list",
};

fn state(a: &AccountView) -> Ink {
    if a.removed.is_some() {
        Ink::Plain("removed".to_owned())
    } else if !a.active {
        Ink::Warning("inactive".to_owned())
    } else if a.external_id.is_none() && a.role.is_some() {
        Ink::Warning("no external id".to_owned())
    } else if a.baseline.is_none() {
        Ink::Warning("not yet scanned".to_owned())
    } else {
        Ink::Calm("watched".to_owned())
    }
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Add(new) => new.run(shell, at).map(|()| Exit::Done),
        Verb::List(list) => {
            let opened = load::open(at, shell)?;
            let rows = opened.view(|_, snapshot| account::list(snapshot))?;
            listing::print(shell, &list.shown, true, rows, &LAYOUT)?;
            Ok(Exit::Done)
        }
        Verb::Show(one) => {
            let opened = load::open(at, shell)?;
            let found = find(&opened, &one.account)?;
            one.told.tell(shell, &found, lines)?;
            Ok(Exit::Done)
        }
        Verb::Test(test) => try_out(shell, at, &test),
        Verb::Discover(now) => now.run(shell, at),
        Verb::Remove(one) => remove(shell, at, &one.account).map(|()| Exit::Done),
        Verb::Import(import) => take_file(shell, at, &import.file).map(|()| Exit::Done),
    }
}

fn find(opened: &load::Opened, wanted: &str) -> Result<AccountView, Failure> {
    let all = opened.view(|_, snapshot| account::list(snapshot))?;
    all.into_iter()
        .find(|a| a.account == wanted || a.name == wanted)
        .ok_or_else(|| {
            Failure::work(format!(
                "there is no account {wanted:?}; see poamd account list --all"
            ))
        })
}

fn remove(shell: &mut Shell<'_>, at: Option<&Path>, wanted: &str) -> Result<(), Failure> {
    let opened = load::open(at, shell)?;
    let account = find(&opened, wanted)?;
    if account.declared {
        return Err(Failure::work(format!(
            "account {} stands in the configuration; take it out there, then it becomes inactive",
            account.account
        )));
    }
    let (actor, now) = (shell.actor(), shell.clock.now());
    let by = By {
        actor: &actor,
        at: now,
    };
    if !opened
        .store
        .write_here(|conn| accounts::remove(conn, &account.account, by))?
    {
        return Err(Failure::work(format!(
            "account {} was removed before",
            account.account
        )));
    }
    shell.say(&format!(
        "account {} ({}) is watched no longer; its items, findings and records stay",
        account.account, account.name
    ))
}

/// All or none: a file that is half taken is worse than one that is refused.
fn take_file(shell: &mut Shell<'_>, at: Option<&Path>, path: &Path) -> Result<(), Failure> {
    let wanted = file::read(path, &*shell.chance)?;
    let opened = load::open(at, shell)?;
    let (actor, now) = (shell.actor(), shell.clock.now());
    let by = By {
        actor: &actor,
        at: now,
    };
    let (mut added, mut known) = (0, 0);
    opened.store.write_here(|conn| {
        for account in &wanted {
            if accounts::add(conn, account, by)? {
                added += 1
            } else {
                known += 1
            }
        }
        Ok(())
    })?;
    shell.say(&format!(
        "{added} accounts added, {known} were watched already"
    ))?;
    if added > 0 {
        shell.say("their baseline scans start with the next run, or now: poamd scan")?;
    }
    Ok(())
}

fn try_out(shell: &mut Shell<'_>, at: Option<&Path>, test: &Test) -> Result<Exit, Failure> {
    let opened = load::open(at, shell)?;
    let all = opened.store.read_here(watched::watched)?;
    let wanted = |a: &AccountAccess| {
        test.account
            .as_ref()
            .is_none_or(|w| *w == a.name || w == a.id.as_str())
    };
    let chosen: Vec<AccountAccess> = all.into_iter().map(|w| w.access).filter(wanted).collect();
    if chosen.is_empty() {
        return Err(Failure::work(match &test.account {
            Some(name) => format!("no account {name:?} is watched; see poamd account list --all"),
            None => "no account is watched; poamd account add adds one".to_owned(),
        }));
    }
    let around = load::surroundings(shell, std::sync::Arc::new(Quiet));
    let checks = wait_for(probe(&opened.config, &around, &chosen))??;
    doctor::print(shell, &test.told, Findings { checks })
}

/// Asks each account who it is.
pub async fn probe(
    config: &crate::config::Config,
    around: &wiring::Surroundings,
    accounts: &[AccountAccess],
) -> Result<Vec<Check>, Failure> {
    let Some(probe) = wiring::probe(config, around)? else {
        return Ok(vec![Check::warning(
            "accounts",
            "this program was built without the feature \"aws\"; no account can be reached with it",
        )]);
    };
    let mut checks = Vec::new();
    for account in accounts {
        checks.extend(probe.probe(account).await);
    }
    Ok(checks)
}

fn lines(a: &AccountView) -> Vec<String> {
    let yes = |value: bool| if value { "yes" } else { "no" };
    let mut lines = vec![
        format!("{}  {}", a.account, a.name),
        format!("type      {}", a.account_type),
        format!("partition {}", a.partition),
        format!("regions   {}", a.regions.join(", ")),
        format!(
            "role      {}",
            a.role.as_deref().unwrap_or("(base credentials)")
        ),
        format!(
            "ext. id   {}",
            a.external_id
                .as_deref()
                .unwrap_or("(none: poamd doctor says why that matters)")
        ),
        format!(
            "active    {}, declared in the configuration: {}",
            yes(a.active),
            yes(a.declared)
        ),
        format!(
            "baseline  {}",
            a.baseline.as_deref().unwrap_or("not yet scanned")
        ),
        format!("open      {} findings, {} records", a.findings, a.records),
        format!("weight    {}", a.weight),
    ];
    lines.extend(a.contacts.iter().map(|who| format!("contact   {who}")));
    if !a.notes.is_empty() {
        lines.push(format!("notes     {}", a.notes));
    }
    lines.extend(a.removed.iter().map(|at| format!("removed   {at}")));
    lines
}
