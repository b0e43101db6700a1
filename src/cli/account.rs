//! `poamd account`: which AWS accounts are watched, and how they are reached.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use poamd_contract::account::{AccountAccess, BadPartition, partition_of};
use poamd_contract::chance::Chance;
use poamd_contract::health::Check;
use poamd_contract::ids::{AccountId, Partition, Region};

use super::account_file;
use super::doctor::{self, Findings};
use super::failure::{Exit, Failure};
use super::listing::{self, Ink, Layout, Shown};
use super::load;
use super::shell::Shell;
use super::summary::Told;
use super::wait_for;
use crate::config::accounts::DEFAULT_ROLE;
use crate::domain::account::Account;
use crate::jobs::Quiet;
use crate::query::account::{self, AccountView};
use crate::store::accounts::{self, By};
use crate::store::watched;
use crate::wiring;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Watch an account; its baseline scan follows
    Add(Box<Add>),
    /// All accounts
    List(List),
    /// One account
    Show(One),
    /// Try to reach accounts, and that others cannot reach them through us
    Test(Test),
    /// Watch an account no longer; what is known of it stays
    Remove(Remove),
    /// Add all accounts of a CSV or JSON file, or none if one of them is wrong
    Import(Import),
}

#[derive(Debug, Args)]
pub struct Add {
    /// Account number, twelve digits
    id: AccountId,
    /// What people call it
    #[arg(long)]
    name: String,
    /// Regions to look at
    #[arg(long, required = true, value_delimiter = ',', value_name = "REGION")]
    regions: Vec<Region>,
    /// Without it: the partition of the regions
    #[arg(long)]
    partition: Option<Partition>,
    /// Prod, Dev, Test or a word of your own
    #[arg(long, default_value = "Prod")]
    label: String,
    /// Role to assume there, name or ARN; "" uses the base credentials as they are
    #[arg(long, default_value = DEFAULT_ROLE)]
    role: String,
    /// External id that the role's trust policy asks for; "generate" makes one
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "WHO")]
    contact: Vec<String>,
    #[arg(long, default_value = "")]
    notes: String,
    /// How much its findings count in the order of work
    #[arg(long, default_value = "1", value_parser = weight)]
    weight: i64,
    /// Canonical user id, by which S3 grants name the account
    #[arg(long, value_name = "ID")]
    s3_canonical_id: Option<String>,
    /// Display name that S3 gives the account in grants
    #[arg(long, value_name = "NAME")]
    s3_name: Option<String>,
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
    headings: &["account", "name", "type", "partition", "regions", "findings", "records", "state"],
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
        Verb::Add(new) => add(shell, at, *new).map(|()| Exit::Done),
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
        Verb::Remove(one) => remove(shell, at, &one.account).map(|()| Exit::Done),
        Verb::Import(import) => take_file(shell, at, &import.file).map(|()| Exit::Done),
    }
}

fn add(shell: &mut Shell<'_>, at: Option<&Path>, new: Add) -> Result<(), Failure> {
    let account = new.into_account(&*shell.chance)?;
    let opened = load::open(at, shell)?;
    let (actor, now) = (shell.actor(), shell.clock.now());
    let by = By { actor: &actor, at: now };
    let id = account.access.id.clone();
    if !opened.store.write_here(|conn| accounts::add(conn, &account, by))? {
        return Err(Failure::work(format!(
            "account {id} is watched already; see poamd account show {id}, or remove it first: poamd account remove {id}"
        )));
    }
    shell.say(&format!("account {id} ({}) is watched in {}", account.access.name, account.access.partition))?;
    match &account.access.external_id {
        Some(external) => shell.say(&format!("its role has to demand sts:ExternalId {external}"))?,
        None if account.access.role.is_some() => shell.note(&format!(
            "poamd: account {id} has no external id, so anybody whom we serve could name its role; remove it and add it \
             with --external-id generate"
        ))?,
        None => {}
    }
    shell.say(&format!("its baseline scan starts with the next run, or now: poamd scan --account {id}"))
}

impl Add {
    fn into_account(self, chance: &dyn Chance) -> Result<Account, Failure> {
        let partition = partition_of(&self.regions, self.partition.as_ref()).map_err(|bad| match bad {
            BadPartition::Regions(what) => Failure::usage(format!("--regions {what}")),
            BadPartition::Given(what) => Failure::usage(format!("--partition {what}")),
        })?;
        let account = Account {
            access: AccountAccess {
                id: self.id,
                name: self.name,
                partition,
                role: Some(self.role).filter(|role| !role.is_empty()),
                external_id: self.external_id.map(|id| if id == "generate" { generated(chance) } else { id }),
                regions: self.regions,
            },
            label: self.label,
            contacts: self.contact,
            notes: self.notes,
            weight: self.weight,
            active: true,
            s3_canonical_id: self.s3_canonical_id,
            s3_name: self.s3_name,
        };
        match account.problems().first() {
            None => Ok(account),
            Some((field, what)) => Err(Failure::usage(format!("--{} {what}", field.replace('_', "-")))),
        }
    }
}

/// 128 bits of chance in the form people know. It is no secret, but nobody should guess it.
pub fn generated(chance: &dyn Chance) -> String {
    let hex = format!("{:016x}{:016x}", chance.next_u64(), chance.next_u64());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Points of weight as people write them, in hundredths; the bounds of `[[accounts]] weight`.
fn weight(text: &str) -> Result<i64, String> {
    account_file::weight(text.parse().map_err(|_| format!("{text:?} is not a number such as 1 or 2.5"))?)
}

fn find(opened: &load::Opened, wanted: &str) -> Result<AccountView, Failure> {
    let all = opened.view(|_, snapshot| account::list(snapshot))?;
    all.into_iter()
        .find(|a| a.account == wanted || a.name == wanted)
        .ok_or_else(|| Failure::work(format!("there is no account {wanted:?}; see poamd account list --all")))
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
    let by = By { actor: &actor, at: now };
    if !opened.store.write_here(|conn| accounts::remove(conn, &account.account, by))? {
        return Err(Failure::work(format!("account {} was removed before", account.account)));
    }
    shell.say(&format!(
        "account {} ({}) is watched no longer; its items, findings and records stay",
        account.account, account.name
    ))
}

/// All or none: a file that is half taken is worse than one that is refused.
fn take_file(shell: &mut Shell<'_>, at: Option<&Path>, file: &Path) -> Result<(), Failure> {
    let wanted = account_file::read(file, &*shell.chance)?;
    let opened = load::open(at, shell)?;
    let (actor, now) = (shell.actor(), shell.clock.now());
    let by = By { actor: &actor, at: now };
    let (mut added, mut known) = (0, 0);
    opened.store.write_here(|conn| {
        for account in &wanted {
            if accounts::add(conn, account, by)? { added += 1 } else { known += 1 }
        }
        Ok(())
    })?;
    shell.say(&format!("{added} accounts added, {known} were watched already"))?;
    if added > 0 {
        shell.say("their baseline scans start with the next run, or now: poamd scan")?;
    }
    Ok(())
}

fn try_out(shell: &mut Shell<'_>, at: Option<&Path>, test: &Test) -> Result<Exit, Failure> {
    let opened = load::open(at, shell)?;
    let all = opened.store.read_here(watched::watched)?;
    let wanted = |a: &AccountAccess| test.account.as_ref().is_none_or(|w| *w == a.name || w == a.id.as_str());
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
        format!("role      {}", a.role.as_deref().unwrap_or("(base credentials)")),
        format!("ext. id   {}", a.external_id.as_deref().unwrap_or("(none: poamd doctor says why that matters)")),
        format!("active    {}, declared in the configuration: {}", yes(a.active), yes(a.declared)),
        format!("baseline  {}", a.baseline.as_deref().unwrap_or("not yet scanned")),
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
