//! `poamd account add`: one account by hand.

use std::path::Path;

use clap::Args;
use poamd_contract::account::{AccountAccess, BadPartition, partition_of};
use poamd_contract::chance::Chance;
use poamd_contract::ids::{AccountId, Partition, Region};

use super::file;
use crate::cli::failure::Failure;
use crate::cli::load;
use crate::cli::shell::Shell;
use crate::config::accounts::DEFAULT_ROLE;
use crate::domain::account::Account;
use crate::store::accounts::{self, By};

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

impl Add {
    pub fn run(self, shell: &mut Shell<'_>, at: Option<&Path>) -> Result<(), Failure> {
        let account = self.into_account(&*shell.chance)?;
        let opened = load::open(at, shell)?;
        let (actor, now) = (shell.actor(), shell.clock.now());
        let by = By {
            actor: &actor,
            at: now,
        };
        let id = account.access.id.clone();
        if !opened
            .store
            .write_here(|conn| accounts::add(conn, &account, by))?
        {
            return Err(Failure::work(format!(
                "account {id} is watched already; see poamd account show {id}, or remove it first: poamd account remove {id}"
            )));
        }
        shell.say(&format!(
            "account {id} ({}) is watched in {}",
            account.access.name, account.access.partition
        ))?;
        match &account.access.external_id {
            Some(external) => shell.say(&format!("its role has to demand sts:ExternalId {external}"))?,
            None if account.access.role.is_some() => shell.note(&format!(
                "poamd: account {id} has no external id, so anybody whom we serve could name its role; remove it and add it \
                 with --external-id generate"
            ))?,
            None => {}
        }
        shell.say(&format!(
            "its baseline scan starts with the next run, or now: poamd scan --account {id}"
        ))
    }

    fn into_account(self, chance: &dyn Chance) -> Result<Account, Failure> {
        let partition =
            partition_of(&self.regions, self.partition.as_ref()).map_err(|bad| match bad {
                BadPartition::Regions(what) => Failure::usage(format!("--regions {what}")),
                BadPartition::Given(what) => Failure::usage(format!("--partition {what}")),
            })?;
        let account = Account {
            access: AccountAccess {
                id: self.id,
                name: self.name,
                partition,
                role: Some(self.role).filter(|role| !role.is_empty()),
                external_id: self.external_id.map(|id| {
                    if id == "generate" {
                        generated(chance)
                    } else {
                        id
                    }
                }),
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
            Some((field, what)) => Err(Failure::usage(format!(
                "--{} {what}",
                field.replace('_', "-")
            ))),
        }
    }
}

/// 128 bits of chance in the form people know. It is no secret, but nobody should guess it.
pub fn generated(chance: &dyn Chance) -> String {
    let hex = format!("{:016x}{:016x}", chance.next_u64(), chance.next_u64());
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// Points of weight as people write them, in hundredths; the bounds of `[[accounts]] weight`.
fn weight(text: &str) -> Result<i64, String> {
    file::weight(
        text.parse()
            .map_err(|_| format!("{text:?} is not a number such as 1 or 2.5"))?,
    )
}
