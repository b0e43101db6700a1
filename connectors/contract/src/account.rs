//! What a connector needs to know of a watched account to reach it, and which values of that can work.

use crate::ids::{AccountId, Partition, Region};

/// How to reach one AWS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAccess {
    pub id: AccountId,
    pub name: String,
    pub partition: Partition,
    /// Role to assume, by name or full ARN; `None` uses the base credentials as they are (the hub's own account).
    pub role: Option<String>,
    /// `sts:ExternalId`; its absence is a warning elsewhere, not an error.
    pub external_id: Option<String>,
    /// Regions to look at; at least one.
    pub regions: Vec<Region>,
}

impl AccountAccess {
    /// The ARN of the role to assume, if one is configured.
    pub fn role_arn(&self) -> Option<String> {
        self.role.as_ref().map(|role| {
            if role.starts_with("arn:") {
                role.clone()
            } else {
                format!("arn:{}:iam::{}:role/{}", self.partition, self.id, role)
            }
        })
    }
}

/// Why a list of regions cannot be looked at.
pub fn check_regions(regions: &[Region]) -> Result<(), String> {
    if regions.is_empty() {
        return Err(
            "names no region; an account without one is never looked at (active = false says so openly)".to_owned(),
        );
    }
    if regions.iter().any(Region::is_global) {
        return Err(
            "\"global\" is not a region to list: what belongs to no region is looked at anyway"
                .to_owned(),
        );
    }
    let mut sorted: Vec<&Region> = regions.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("names {} twice", pair[0])),
        None => Ok(()),
    }
}

/// What is wrong with a partition beside its regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadPartition {
    /// The regions belong to several partitions; the text says which.
    Regions(String),
    /// The partition that was given is not the one of the regions.
    Given(String),
}

/// The one partition of all regions, which a given one has to equal.
pub fn partition_of(
    regions: &[Region],
    given: Option<&Partition>,
) -> Result<Partition, BadPartition> {
    let mut of_regions: Vec<Partition> = regions.iter().map(Partition::of_region).collect();
    of_regions.sort();
    of_regions.dedup();
    match (of_regions.as_slice(), given) {
        ([one], Some(given)) if one != given && *one != Partition::default() => Err(
            BadPartition::Given(format!("is {given}, but the regions are of {one}")),
        ),
        // A region of no known prefix may belong to a partition that is newer than this program.
        ([_], Some(given)) => Ok(given.clone()),
        ([one], None) => Ok(one.clone()),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(Partition::as_str).collect();
            Err(BadPartition::Regions(format!(
                "are of several partitions ({}); an account lies in one",
                names.join(", ")
            )))
        }
    }
}

/// An ARN has to be a role of this account; a name has to be one IAM allows.
pub fn check_role(role: &str, partition: &Partition, account: &AccountId) -> Result<(), String> {
    let expected = format!("arn:{partition}:iam::{account}:role/");
    let name = if role.starts_with("arn:") {
        role.strip_prefix(&expected).ok_or_else(|| {
            format!("is not a role of this account; its ARN begins with {expected}")
        })?
    } else {
        role
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&b);
    if name.is_empty() || name.starts_with('/') || name.len() > 512 || !name.bytes().all(allowed) {
        return Err("is not the name of a role (letters, digits and + = , . @ _ - /)".to_owned());
    }
    Ok(())
}

/// The form STS accepts (`AssumeRole`, `ExternalId`): 2 to 1,224 of these characters.
pub fn check_external_id(id: &str) -> Result<(), String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b);
    if (2..=1224).contains(&id.len()) && id.bytes().all(allowed) {
        Ok(())
    } else {
        Err(
            "is not one that STS accepts: 2 to 1224 letters, digits and _ + = , . @ : / -"
                .to_owned(),
        )
    }
}
