//! The accounts of an organization against those that are watched: who is added, changed, retired, and comes back.
//! Pure; what somebody wrote down, in the configuration or by hand, is never touched.

use std::collections::BTreeMap;

use poamd_contract::account::AccountAccess;
use poamd_contract::ids::{Partition, Region};
use poamd_contract::organization::{Member, Pattern, Wants};

use super::account::Account;

/// Which accounts are watched, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Any of them takes an account; none at all takes every one.
    pub include: Vec<Pattern>,
    /// Any of them leaves it out, whatever includes it.
    pub exclude: Vec<Pattern>,
    /// The first that fits says the label.
    pub labels: Vec<(String, Pattern)>,
    /// The label of all others.
    pub label: String,
    /// The role in each account.
    pub role: String,
    pub external_id: Option<String>,
    pub regions: Vec<Region>,
    pub partition: Partition,
}

impl Rules {
    /// What the patterns have to be told.
    pub fn wants(&self) -> Wants {
        let labels = self.labels.iter().map(|(_, pattern)| pattern);
        let all = self.include.iter().chain(&self.exclude).chain(labels);
        all.map(Pattern::wants)
            .fold(Wants::default(), |a, b| Wants {
                paths: a.paths || b.paths,
                tags: a.tags || b.tags,
            })
    }

    fn take(&self, member: &Member) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|p| p.takes(member));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }

    /// The account of a member; what people laid down about it stays.
    fn account(&self, member: &Member, known: Option<&Account>) -> Account {
        let label = self
            .labels
            .iter()
            .find(|(_, pattern)| pattern.takes(member));
        let name = member.name.trim();
        Account {
            access: AccountAccess {
                id: member.id.clone(),
                name: if name.is_empty() {
                    member.id.to_string()
                } else {
                    name.to_owned()
                },
                partition: self.partition.clone(),
                role: Some(self.role.clone()),
                external_id: self.external_id.clone(),
                regions: self.regions.clone(),
            },
            label: label.map_or_else(|| self.label.clone(), |(label, _)| label.clone()),
            contacts: known.map(|a| a.contacts.clone()).unwrap_or_default(),
            notes: known.map(|a| a.notes.clone()).unwrap_or_default(),
            weight: known.map_or(100, |a| a.weight),
            active: true,
            s3_canonical_id: known.and_then(|a| a.s3_canonical_id.clone()),
            s3_name: known.and_then(|a| a.s3_name.clone()),
        }
    }
}

/// An account of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub account: Account,
    /// Found in the organization that is looked at, and written down by nobody.
    pub found: bool,
    /// A person ended the watch over it.
    pub removed: bool,
}

/// What is to be done with one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Add(Account),
    Change(Account),
    /// It was retired, and is to be watched again.
    Return(Account),
    /// Looked at no longer. What is known of it stays as it is.
    Retire {
        account: Account,
        why: String,
    },
}

/// What a complete look means, account by account.
pub fn plan(rules: &Rules, members: &[Member], known: &[Known]) -> Vec<Step> {
    let members: BTreeMap<&str, &Member> = members.iter().map(|m| (m.id.as_str(), m)).collect();
    let known: BTreeMap<&str, &Known> = known
        .iter()
        .map(|k| (k.account.access.id.as_str(), k))
        .collect();
    let mut steps = Vec::new();
    for (id, member) in &members {
        let wanted = member.active && rules.take(member);
        match known.get(id) {
            None if wanted => steps.push(Step::Add(rules.account(member, None))),
            Some(k) if k.found && !k.removed => {
                let next = rules.account(member, Some(&k.account));
                match (wanted, k.account.active) {
                    (true, false) => steps.push(Step::Return(next)),
                    (true, true) if next != k.account => steps.push(Step::Change(next)),
                    (false, true) => steps.push(Step::Retire {
                        account: k.account.clone(),
                        why: reason(member),
                    }),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    let left = |k: &&&Known| k.found && !k.removed && k.account.active;
    let gone = known
        .values()
        .filter(left)
        .filter(|k| !members.contains_key(k.account.access.id.as_str()));
    steps.extend(gone.map(|k| Step::Retire {
        account: k.account.clone(),
        why: "it is no longer in the organization".to_owned(),
    }));
    steps
}

fn reason(member: &Member) -> String {
    if member.active {
        "the rules of [aws.organization] leave it out".to_owned()
    } else {
        format!("the organization calls it {}", member.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            include: vec![],
            exclude: vec!["name:sandbox-*".parse().unwrap()],
            labels: vec![("Dev".to_owned(), "ou:*/Dev".parse().unwrap())],
            label: "Prod".to_owned(),
            role: "poamd-audit".to_owned(),
            external_id: None,
            regions: vec!["us-gov-west-1".parse().unwrap()],
            partition: "aws-us-gov".parse().unwrap(),
        }
    }

    fn member(id: u64, name: &str, path: &str) -> Member {
        Member {
            id: format!("{id:012}").parse().unwrap(),
            name: name.to_owned(),
            active: true,
            state: "ACTIVE".to_owned(),
            path: path.to_owned(),
            tags: BTreeMap::new(),
        }
    }

    fn found(member: &Member) -> Known {
        Known {
            account: rules().account(member, None),
            found: true,
            removed: false,
        }
    }

    #[test]
    fn new_members_are_added_by_the_rules() {
        let members = [
            member(1, "pay", "/Work/Dev"),
            member(2, "sandbox-7", "/"),
            member(3, "web", "/Work"),
        ];
        let steps = plan(&rules(), &members, &[]);
        let told: Vec<(&str, &str)> = steps
            .iter()
            .map(|step| match step {
                Step::Add(a) => (a.access.name.as_str(), a.label.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [("pay", "Dev"), ("web", "Prod")]);
        let known: Vec<Known> = [0, 2].map(|n| found(&members[n])).into();
        assert_eq!(
            plan(&rules(), &members, &known),
            [],
            "a second look finds nothing to do"
        );
        assert_eq!(
            rules().wants(),
            Wants {
                paths: true,
                tags: false
            }
        );
    }

    #[test]
    fn who_left_or_is_suspended_is_retired_and_comes_back() {
        let (one, two) = (member(1, "a", "/"), member(2, "b", "/"));
        let known = [found(&one), found(&two)];
        let suspended = Member {
            active: false,
            state: "SUSPENDED".to_owned(),
            ..one.clone()
        };
        let steps = plan(&rules(), &[suspended], &known);
        let why: Vec<&str> = steps
            .iter()
            .map(|step| match step {
                Step::Retire { why, .. } => why.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(
            why[0].contains("SUSPENDED") && why[1].contains("no longer"),
            "{why:?}"
        );
        let mut retired = found(&one);
        retired.account.active = false;
        assert!(matches!(&plan(&rules(), &[one], &[retired])[..], [Step::Return(a)] if a.active));
    }

    #[test]
    fn what_somebody_wrote_down_or_removed_stays_as_it_is() {
        let one = member(1, "a", "/");
        for known in [
            Known {
                found: false,
                ..found(&one)
            },
            Known {
                removed: true,
                ..found(&one)
            },
            Known {
                found: false,
                removed: true,
                ..found(&one)
            },
        ] {
            let renamed = Member {
                name: "other".to_owned(),
                ..one.clone()
            };
            for members in [vec![renamed], vec![]] {
                assert_eq!(
                    plan(&rules(), &members, std::slice::from_ref(&known)),
                    [],
                    "{known:?}"
                );
            }
        }
    }
}
