//! The accounts of an organization, and the patterns by which some of them are chosen.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

use crate::account::AccountAccess;
use crate::coverage::Coverage;
use crate::health::Check;
use crate::ids::{AccountId, BadId};

/// One account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: AccountId,
    pub name: String,
    /// It is in use; `false`: suspended, closing, or not begun.
    pub active: bool,
    /// The organization's own word for its state.
    pub state: String,
    /// Names of its units from the root on: `/Workloads/Prod`; `/` is the root. Empty if not asked for.
    pub path: String,
    /// Empty if not asked for.
    pub tags: BTreeMap<String, String>,
}

/// What a look has to bring beside number, name and state; each costs calls of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wants {
    pub paths: bool,
    pub tags: bool,
}

/// What one look saw. Nothing may be concluded from it, not even what to add, unless `coverage` is complete.
#[derive(Debug)]
pub struct Members {
    pub members: Vec<Member>,
    pub coverage: Coverage,
}

/// An organization that lists its accounts.
#[async_trait]
pub trait Organization: Send + Sync {
    /// The IAM actions that the asking role needs.
    fn actions(&self) -> &'static [&'static str];

    /// All accounts, asked with the rights of the management account or a delegated administrator.
    async fn members(&self, asking: &AccountAccess, wants: Wants) -> Members;

    /// Whether it can be asked with these rights.
    async fn health(&self, asking: &AccountAccess) -> Check;
}

/// What an account is chosen by: `id:GLOB`, `name:GLOB`, `ou:GLOB` (path of unit names) or `tag:KEY=GLOB`.
/// In a glob `*` is any text and `?` one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Id(String),
    Name(String),
    Unit(String),
    Tag { key: String, value: String },
}

impl Pattern {
    pub fn takes(&self, member: &Member) -> bool {
        match self {
            Self::Id(glob) => matches(glob, member.id.as_str()),
            Self::Name(glob) => matches(glob, &member.name),
            Self::Unit(glob) => matches(glob, &member.path),
            Self::Tag { key, value } => member.tags.get(key).is_some_and(|v| matches(value, v)),
        }
    }

    /// What has to be asked for so that it can decide.
    pub fn wants(&self) -> Wants {
        Wants {
            paths: matches!(self, Self::Unit(_)),
            tags: matches!(self, Self::Tag { .. }),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(glob) => write!(f, "id:{glob}"),
            Self::Name(glob) => write!(f, "name:{glob}"),
            Self::Unit(glob) => write!(f, "ou:{glob}"),
            Self::Tag { key, value } => write!(f, "tag:{key}={value}"),
        }
    }
}

impl FromStr for Pattern {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            text: text.chars().take(80).collect(),
            expected: "a pattern such as id:1234*, name:prod-*, ou:/Workloads/Prod* or tag:env=prod",
        };
        let (kind, glob) = text.split_once(':').ok_or_else(bad)?;
        let glob = glob.trim().to_owned();
        if glob.is_empty() {
            return Err(bad());
        }
        match kind.trim() {
            "id" => Ok(Self::Id(glob)),
            "name" => Ok(Self::Name(glob)),
            "ou" if glob.starts_with(['/', '*']) => Ok(Self::Unit(glob)),
            "tag" => {
                let (key, value) = glob.split_once('=').unwrap_or((&glob, "*"));
                let pattern = Self::Tag {
                    key: key.trim().to_owned(),
                    value: value.trim().to_owned(),
                };
                if key.trim().is_empty() {
                    Err(bad())
                } else {
                    Ok(pattern)
                }
            }
            _ => Err(bad()),
        }
    }
}

/// Whether a glob takes the whole of a text. Two positions and no recursion: a long pattern costs no more than its length
/// times the text's.
fn matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    g = at + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member() -> Member {
        Member {
            id: "123456789012".parse().unwrap(),
            name: "payments-prod".to_owned(),
            active: true,
            state: "ACTIVE".to_owned(),
            path: "/Workloads/Prod".to_owned(),
            tags: BTreeMap::from([("env".to_owned(), "prod".to_owned())]),
        }
    }

    #[test]
    fn patterns_take_what_they_name() {
        for (pattern, takes) in [
            ("id:123456789012", true),
            ("id:1234*", true),
            ("id:1234", false),
            ("name:*-prod", true),
            ("name:payments-????", true),
            ("name:*-dev", false),
            ("name:*p*p*d", true),
            ("ou:/Workloads/*", true),
            ("ou:/Workloads", false),
            ("ou:*", true),
            ("tag:env", true),
            ("tag:env=prod", true),
            ("tag:env=p*", true),
            ("tag:env=dev", false),
            ("tag:owner", false),
        ] {
            let pattern: Pattern = pattern.parse().unwrap();
            assert_eq!(pattern.takes(&member()), takes, "{pattern}");
            assert_eq!(pattern.to_string().parse::<Pattern>().unwrap(), pattern);
        }
        for bad in [
            "",
            "prod",
            "id:",
            "ou:Workloads",
            "tag:",
            "tag:=x",
            "unit:/x",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_little() {
        let glob = "*a".repeat(500);
        assert!(!matches(&glob, &"a".repeat(400)));
        assert!(matches("*", "") && matches("", "") && !matches("?", ""));
    }
}
