//! What `poamd config check` says of `[aws.organization]` and `[writeback]`: what contradicts itself can be read off the
//! page; whether AWS allows it has to be asked.

use std::collections::BTreeSet;

use poamd_contract::account::AccountAccess;
use poamd_contract::health::{Check, Verdict};
use poamd_contract::organization::Pattern;

use super::doctor;
use crate::config::{Config, Organization};
use crate::wiring::{self, Surroundings};

/// Asks nobody.
pub fn offline(config: &Config) -> Vec<Check> {
    let organization = config.organization.as_ref();
    let writeback = config.writeback.enabled.then(|| {
        doctor::over(
            "writeback",
            "what is written goes to a hub that is read, and has something to say",
            &idle(config),
            Verdict::Warning,
            "see [writeback] in poamd config example",
        )
    });
    organization
        .map(|of| {
            doctor::over(
                "organization",
                &format!("account {} in {} is asked; {}", of.asking.id, of.partition, taken(of)),
                &contradictions(config, of),
                Verdict::Warning,
                "see [aws.organization] in poamd config example; poamd account discover --dry-run shows what would be watched",
            )
        })
        .into_iter()
        .chain(writeback)
        .collect()
}

/// What the rules take, in words.
fn taken(of: &Organization) -> String {
    let words = |patterns: &[Pattern]| {
        let all: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        all.join(", ")
    };
    let taken = match of.include.as_slice() {
        [] => "it takes every account".to_owned(),
        include => format!("it takes {}", words(include)),
    };
    match of.exclude.as_slice() {
        [] => taken,
        exclude => format!("{taken} but {}", words(exclude)),
    }
}

fn contradictions(config: &Config, of: &Organization) -> Vec<String> {
    let mut troubles = Vec::new();
    let strangers: Vec<&str> = config
        .accounts
        .iter()
        .filter(|account| account.partition != of.partition)
        .map(|account| account.name.as_str())
        .collect();
    if !strangers.is_empty() {
        troubles.push(format!(
            "its regions are of {}, but {} of [[accounts]] is of another partition, and AWS's credentials do not cross: \
             watch them from an installation each",
            of.partition,
            strangers.join(", ")
        ));
    }
    let everything = |p: &Pattern| match p {
        Pattern::Id(glob) | Pattern::Name(glob) | Pattern::Unit(glob) => {
            glob.chars().all(|c| c == '*')
        }
        Pattern::Tag { .. } => false,
    };
    if let Some(all) = of.exclude.iter().find(|p| everything(p)) {
        troubles.push(format!("exclude has {all}, which leaves out every account"));
    }
    for both in of.include.iter().filter(|p| of.exclude.contains(p)) {
        troubles.push(format!("{both} is included and excluded; excluded counts"));
    }
    let labels = of.labels.iter().map(|(_, pattern)| pattern);
    let all = of.include.iter().chain(&of.exclude).chain(labels);
    let nobody = |p: &&Pattern| matches!(p, Pattern::Id(glob) if !fits_a_number(glob));
    let unfit: BTreeSet<String> = all.filter(nobody).map(ToString::to_string).collect();
    troubles.extend(
        unfit
            .iter()
            .map(|p| format!("{p} fits no account: a number has twelve digits")),
    );
    for (nth, (label, pattern)) in of.labels.iter().enumerate() {
        let mut before = of.labels[..nth].iter();
        if let Some((first, _)) = before.find(|(_, p)| p == pattern || everything(p)) {
            troubles.push(format!(
                "label {label:?} is never given: {first:?} takes {pattern} before it"
            ));
        }
    }
    if of.external_id.is_none() {
        troubles.push(format!(
            "no external_id: whoever poamd's own role trusts reaches {} in every account",
            of.role
        ));
    }
    troubles
}

/// Whether a glob can be twelve digits.
fn fits_a_number(glob: &str) -> bool {
    let fixed = glob.chars().filter(|c| *c != '*').count();
    let rest = if glob.contains('*') {
        fixed <= 12
    } else {
        fixed == 12
    };
    rest && glob.chars().all(|c| c.is_ascii_digit() || "*?".contains(c))
}

/// What is switched on and will never write anything.
fn idle(config: &Config) -> Vec<String> {
    let of = &config.writeback;
    let mut troubles = Vec::new();
    if of.notified && (config.desks.is_empty() || !config.tickets.enabled) {
        troubles.push(
            "what has \"notified\", which says that there is a ticket, and no ticket is ever made"
                .to_owned(),
        );
    }
    troubles
}

/// Asks AWS whether the organization may be listed and the hub written to; nothing is written.
pub async fn online(
    config: &Config,
    around: &Surroundings,
    accounts: &[AccountAccess],
) -> Vec<Check> {
    if config.organization.is_none() && !config.writeback.enabled {
        return Vec::new();
    }
    let offered = match wiring::estate(config, around) {
        Ok(offered) => offered,
        Err(error) => {
            return vec![Check::failed(
                "organization and writeback",
                error.to_string(),
            )];
        }
    };
    let mut checks = Vec::new();
    let unable = |name: &str| {
        Check::warning(
            name,
            "this program was built without the feature \"aws\"; it cannot be asked with it",
        )
    };
    match (&config.organization, offered.organization) {
        (Some(of), Some(service)) => checks.push(service.health(&of.asking).await),
        (Some(_), None) => checks.push(unable("organization: permission")),
        (None, _) => {}
    }
    match offered.hub {
        // A role is the same in every region: one of them shows what it may.
        Some(hub) => {
            for account in accounts {
                if let Some(region) = account.regions.first() {
                    checks.push(hub.health(account, region).await);
                }
            }
        }
        None if config.writeback.enabled => checks.push(unable("writeback: permission")),
        None => {}
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_for_a_number_can_be_twelve_digits() {
        for good in [
            "*",
            "1234*",
            "????????????",
            "123456789012",
            "1*2",
            "123456789012*",
        ] {
            assert!(fits_a_number(good), "{good}");
        }
        for bad in [
            "prod*",
            "12345",
            "1234567890123",
            "1234567890123*",
            "1234-*",
        ] {
            assert!(!fits_a_number(bad), "{bad}");
        }
    }
}
