//! Overrides: what a finding of a weakness, a technology or an account counts with, laid down by a person with a reason
//! (`lineage.md` 1.1). The first that matches wins; those that name accounts go before those that do not.
//!
//! They change what findings count with from now on, never the rating of a record that is there: lowering that needs a
//! deviation. What a detector said stays as it said it.

use std::fmt;
use std::str::FromStr;

use poamd_contract::ids::BadId;
use poamd_contract::severity::Severity;

use super::glob;
use super::score::finding_score;

/// What of an account a pattern is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountField {
    /// Its number or its name.
    Any,
    Id,
    Name,
    Label,
    Partition,
}

impl AccountField {
    pub const ALL: [Self; 5] = [
        Self::Any,
        Self::Id,
        Self::Name,
        Self::Label,
        Self::Partition,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Id => "id",
            Self::Name => "name",
            Self::Label => "label",
            Self::Partition => "partition",
        }
    }
}

/// `label=Prod`, `name=prod-*`, or just a number or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPattern {
    pub field: AccountField,
    /// Whole value, with `*` and `?`, in any case.
    pub pattern: String,
}

impl FromStr for AccountPattern {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            text: text.chars().take(60).collect(),
            expected: "an account pattern (id=…, name=…, label=…, partition=…, or a number or name; * and ? allowed)",
        };
        let (field, pattern) = match text.split_once('=') {
            Some((field, pattern)) => (
                AccountField::ALL
                    .into_iter()
                    .find(|f| f.as_str() == field)
                    .ok_or_else(bad)?,
                pattern,
            ),
            None => (AccountField::Any, text),
        };
        if pattern.trim().is_empty() {
            return Err(bad());
        }
        Ok(Self {
            field,
            pattern: pattern.to_owned(),
        })
    }
}

impl fmt::Display for AccountPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            AccountField::Any => f.write_str(&self.pattern),
            field => write!(f, "{}={}", field.as_str(), self.pattern),
        }
    }
}

/// An account as patterns see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountNames {
    pub id: String,
    pub name: String,
    pub label: String,
    pub partition: String,
}

impl AccountPattern {
    pub fn matches(&self, account: &AccountNames) -> bool {
        let is = |value: &str| glob::matches(&self.pattern, value);
        match self.field {
            AccountField::Any => is(&account.id) || is(&account.name),
            AccountField::Id => is(&account.id),
            AccountField::Name => is(&account.name),
            AccountField::Label => is(&account.label),
            AccountField::Partition => is(&account.partition),
        }
    }
}

/// One override that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub id: i64,
    /// Weakness id with `*` and `?`; `None`: any.
    pub weakness: Option<String>,
    /// Technology with `*` and `?`; `None`: any.
    pub technology: Option<String>,
    pub account: Option<AccountPattern>,
    /// Tenths of a point.
    pub score: Option<i64>,
    pub severity: Option<Severity>,
    /// Findings count nothing and make no record.
    pub disabled: bool,
}

/// A finding as overrides see it.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub weakness: &'a str,
    /// Of the primary item; empty if unknown.
    pub technology: &'a str,
    pub account: &'a AccountNames,
}

impl Override {
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let is = |pattern: &Option<String>, value: &str| {
            pattern
                .as_ref()
                .is_none_or(|pattern| glob::matches(pattern, value))
        };
        is(&self.weakness, subject.weakness)
            && is(&self.technology, subject.technology)
            && self
                .account
                .as_ref()
                .is_none_or(|pattern| pattern.matches(subject.account))
    }
}

/// What a finding counts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    pub severity: Option<Severity>,
    /// Tenths of a point.
    pub score: i64,
    pub disabled: bool,
    /// The override that says so.
    pub by: Option<i64>,
}

/// The overrides in force, in the order in which they are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides(Vec<Override>);

impl Overrides {
    /// Those that name accounts first, then by id.
    pub fn new(mut all: Vec<Override>) -> Self {
        all.sort_by_key(|one| (one.account.is_none(), one.id));
        Self(all)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that decides.
    pub fn first(&self, subject: &Subject<'_>) -> Option<&Override> {
        self.0.iter().find(|one| one.matches(subject))
    }

    /// What a finding with this severity and score counts with.
    pub fn count(&self, subject: &Subject<'_>, severity: Option<Severity>, score: i64) -> Counted {
        let Some(one) = self.first(subject) else {
            return Counted {
                severity,
                score,
                disabled: false,
                by: None,
            };
        };
        let by_severity = one.severity.map(|s| finding_score(None, Some(s)));
        Counted {
            severity: one.severity.or(severity),
            score: if one.disabled {
                0
            } else {
                one.score.or(by_severity).unwrap_or(score)
            },
            disabled: one.disabled,
            by: Some(one.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(id: i64) -> Override {
        Override {
            id,
            weakness: None,
            technology: None,
            account: None,
            score: None,
            severity: None,
            disabled: false,
        }
    }

    fn account(name: &str, label: &str) -> AccountNames {
        AccountNames {
            id: "111122223333".into(),
            name: name.into(),
            label: label.into(),
            partition: "aws-us-gov".into(),
        }
    }

    fn count(all: Vec<Override>, weakness: &str, technology: &str, of: &AccountNames) -> Counted {
        let subject = Subject {
            weakness,
            technology,
            account: of,
        };
        Overrides::new(all).count(&subject, Some(Severity::Medium), 50)
    }

    #[test]
    fn the_first_match_wins_and_account_patterns_go_before_plain_ones() {
        let all = vec![
            Override {
                weakness: Some("S3.*".into()),
                severity: Some(Severity::Low),
                ..plain(1)
            },
            Override {
                weakness: Some("S3.8".into()),
                severity: Some(Severity::High),
                ..plain(2)
            },
            Override {
                weakness: Some("S3.8".into()),
                account: Some("label=prod".parse().unwrap()),
                severity: Some(Severity::Critical),
                ..plain(3)
            },
        ];
        let (prod, dev) = (account("pay", "Prod"), account("pay", "Dev"));
        let by = |weakness, of| count(all.clone(), weakness, "s3", of);
        assert_eq!(by("S3.8", &prod).by, Some(3));
        assert_eq!(by("S3.8", &prod).severity, Some(Severity::Critical));
        assert_eq!(by("S3.8", &dev).by, Some(1));
        assert_eq!(by("S3.1", &prod).by, Some(1));
        assert_eq!(by("EC2.1", &prod).by, None);
        assert_eq!(by("EC2.1", &prod).severity, Some(Severity::Medium));
    }

    #[test]
    fn a_score_follows_a_severity_unless_it_is_given() {
        let of = account("pay", "Prod");
        let with = |severity, score, disabled| {
            let one = Override {
                technology: Some("s3".into()),
                severity,
                score,
                disabled,
                ..plain(1)
            };
            count(vec![one], "S3.8", "s3", &of)
        };
        assert_eq!(with(Some(Severity::High), None, false).score, 90);
        assert_eq!(with(None, Some(35), false).score, 35);
        assert_eq!(with(None, Some(35), false).severity, Some(Severity::Medium));
        let off = with(None, None, true);
        assert!(off.disabled && off.score == 0);
    }

    #[test]
    fn an_account_is_named_by_one_field_or_by_number_or_name() {
        let of = account("prod-pay", "Prod");
        for (pattern, want) in [
            ("111122223333", true),
            ("prod-*", true),
            ("name=PROD-?ay", true),
            ("label=prod", true),
            ("label=pro", false),
            ("partition=aws", false),
            ("id=1111*", true),
        ] {
            let pattern: AccountPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(&of), want, "{pattern}");
            assert_eq!(pattern.to_string().parse(), Ok(pattern));
        }
        for bad in ["", "owner=x", "label="] {
            assert!(bad.parse::<AccountPattern>().is_err(), "{bad}");
        }
    }
}
