//! The filters, the same for everything that is listed. Several values of one filter: any of them. Several filters:
//! all of them, and those about items on the same item.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;

use super::ItemRef;
use crate::domain::glob;
use crate::domain::rating::Rating;
use crate::store::{AnyConnection, Result, shown};

/// Text to look for: a part of the value, or all of it with `*` and `?`. Case does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    is_glob: bool,
}

/// A filter that could match nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFilter(pub String);

impl FromStr for Pattern {
    type Err = BadFilter;

    fn from_str(text: &str) -> std::result::Result<Self, BadFilter> {
        if text.is_empty() {
            return Err(BadFilter(
                "an empty text filters nothing; leave the option out".to_owned(),
            ));
        }
        Ok(Self {
            text: text.to_lowercase(),
            is_glob: text.contains(['*', '?']),
        })
    }
}

impl Pattern {
    pub fn matches(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        if self.is_glob {
            glob::matches(&self.text, &value)
        } else {
            value.contains(&self.text)
        }
    }

    /// The whole value, where a part of it could mean another one: an account's number or name.
    pub fn names(&self, value: &str) -> bool {
        if self.is_glob {
            self.matches(value)
        } else {
            value.to_lowercase() == self.text
        }
    }

    /// Whether it occurs anywhere in a long text.
    fn occurs_in(&self, text: &str) -> bool {
        if self.is_glob {
            let inside: Pattern = Pattern {
                text: format!("*{}*", self.text),
                is_glob: true,
            };
            inside.matches(text)
        } else {
            self.matches(text)
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What is asked for. Empty: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub region: Vec<Pattern>,
    pub technology: Vec<Pattern>,
    /// Number or name.
    pub account: Vec<Pattern>,
    /// The account's label.
    pub account_type: Vec<Pattern>,
    pub name: Vec<Pattern>,
    pub arn: Vec<Pattern>,
    /// In the item's present configuration.
    pub config_text: Vec<Pattern>,
    /// Tenths of a point.
    pub min_score: Option<i64>,
    /// Tenths of a point.
    pub min_unjustified: Option<i64>,
    pub status: Vec<String>,
    pub source: Vec<Pattern>,
    pub rating: Vec<Rating>,
    /// Tickets only.
    pub desk: Vec<Pattern>,
}

/// One row as the filters see it.
pub struct Facts<'a> {
    pub account: &'a str,
    pub account_name: Option<&'a str>,
    pub account_type: Option<&'a str>,
    pub items: &'a [ItemRef],
    /// Where it is, if it has no item.
    pub region: &'a str,
    pub score: i64,
    pub unjustified: i64,
    pub status: &'a str,
    pub sources: &'a [String],
    pub ratings: &'a [Rating],
    pub desks: &'a [String],
}

/// A filter with what it had to look up.
pub struct Sieve<'f> {
    filter: &'f Filter,
    /// Account and ARN of the items whose configuration holds the text asked for.
    configured: Option<HashSet<(String, String)>>,
}

impl Filter {
    /// Holds the status asked for against those there are.
    ///
    /// # Errors
    /// Names the valid ones.
    pub fn check_status(&self, noun: &str, valid: &[&str]) -> std::result::Result<(), BadFilter> {
        match self.status.iter().find(|s| !valid.contains(&s.as_str())) {
            Some(unknown) => Err(BadFilter(format!(
                "{unknown:?} is no status of {noun}; there are {}",
                valid.join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// Holds the accounts asked for against those there are: a list that is empty for a slip of the pen would pass for
    /// good news.
    ///
    /// # Errors
    /// Names the ones there are.
    pub fn check_accounts(&self, known: &BTreeSet<String>) -> std::result::Result<(), BadFilter> {
        let unknown = |p: &&Pattern| !known.iter().any(|name| p.names(name));
        match self.account.iter().find(unknown) {
            Some(pattern) => Err(BadFilter(format!(
                "no account is called {pattern}; there are {}; several: a glob such as prod-*",
                known.iter().cloned().collect::<Vec<_>>().join(", ")
            ))),
            None => Ok(()),
        }
    }

    /// Looks up what the rows themselves do not say.
    pub fn sieve(&self, conn: &mut AnyConnection) -> Result<Sieve<'_>> {
        let configured = if self.config_text.is_empty() {
            None
        } else {
            Some(shown::items_with_config(conn, |config| {
                self.config_text.iter().any(|p| p.occurs_in(config))
            })?)
        };
        Ok(Sieve {
            filter: self,
            configured,
        })
    }

    fn asks_for_items(&self) -> bool {
        [
            &self.region,
            &self.technology,
            &self.name,
            &self.arn,
            &self.config_text,
        ]
        .iter()
        .any(|patterns| !patterns.is_empty())
    }
}

impl Sieve<'_> {
    /// Whether a row is asked for.
    pub fn takes(&self, facts: &Facts<'_>) -> bool {
        let f = self.filter;
        let mut accounts = [Some(facts.account), facts.account_name]
            .into_iter()
            .flatten();
        (f.account.is_empty() || accounts.any(|name| f.account.iter().any(|p| p.names(name))))
            && any(&f.account_type, facts.account_type.into_iter())
            && f.min_score.is_none_or(|least| facts.score >= least)
            && f.min_unjustified
                .is_none_or(|least| facts.unjustified >= least)
            && (f.status.is_empty() || f.status.iter().any(|s| s == facts.status))
            && any(&f.source, facts.sources.iter().map(String::as_str))
            && any(&f.desk, facts.desks.iter().map(String::as_str))
            && (f.rating.is_empty() || facts.ratings.iter().any(|r| f.rating.contains(r)))
            && self.takes_place(facts)
    }

    fn takes_place(&self, facts: &Facts<'_>) -> bool {
        if !self.filter.asks_for_items() {
            return true;
        }
        if facts.items.is_empty() {
            let nowhere = ItemRef {
                name: String::new(),
                arn: String::new(),
                technology: String::new(),
                region: facts.region.to_owned(),
            };
            return self.takes_item(facts.account, &nowhere);
        }
        facts
            .items
            .iter()
            .any(|item| self.takes_item(facts.account, item))
    }

    fn takes_item(&self, account: &str, item: &ItemRef) -> bool {
        let f = self.filter;
        let one = |patterns: &[Pattern], value: &str| any(patterns, std::iter::once(value));
        one(&f.region, &item.region)
            && one(&f.technology, &item.technology)
            && one(&f.name, &item.name)
            && one(&f.arn, &item.arn)
            && self
                .configured
                .as_ref()
                .is_none_or(|found| found.contains(&(account.to_owned(), item.arn.clone())))
    }
}

/// No pattern takes everything; several take what any of them does.
fn any<'v>(patterns: &[Pattern], mut values: impl Iterator<Item = &'v str>) -> bool {
    patterns.is_empty() || values.any(|value| patterns.iter().any(|p| p.matches(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_part_or_a_glob_in_any_case() {
        for (pattern, value, want) in [
            ("prod", "Payments-PROD", true),
            ("prod", "dev", false),
            ("us-gov-*", "us-gov-west-1", true),
            ("us-gov-*", "x-us-gov-west-1", false),
            ("*west-?", "us-gov-west-1", true),
            ("*west-?", "us-gov-west-10", false),
            ("a*b*c", "a--b-b--c", true),
            ("a*b*c", "a--b-b--", false),
            ("*", "", true),
            ("?", "", false),
            ("GRÜN*", "grüner Eimer", true),
        ] {
            assert_eq!(
                pattern.parse::<Pattern>().unwrap().matches(value),
                want,
                "{pattern} {value}"
            );
        }
        assert!("".parse::<Pattern>().is_err());
    }

    #[test]
    fn an_unknown_status_names_the_valid_ones() {
        let filter = Filter {
            status: vec!["opne".into()],
            ..Filter::default()
        };
        let text = filter
            .check_status("records", &["open", "closed"])
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "\"opne\" is no status of records; there are open, closed"
        );
    }

    #[test]
    fn filters_about_items_hold_on_one_item() {
        let item = |name: &str, technology: &str| ItemRef {
            name: name.into(),
            arn: String::new(),
            technology: technology.into(),
            region: "us-east-1".into(),
        };
        let items = [item("web", "ec2"), item("logs", "s3")];
        let facts = Facts {
            account: "123456789012",
            account_name: Some("payments"),
            account_type: None,
            items: &items,
            region: "us-east-1",
            score: 50,
            unjustified: 0,
            status: "open",
            sources: &[],
            ratings: &[],
            desks: &[],
        };
        let takes = |name: &str, technology: &str| {
            let filter = Filter {
                name: vec![name.parse().unwrap()],
                technology: vec![technology.parse().unwrap()],
                ..Filter::default()
            };
            Sieve {
                filter: &filter,
                configured: None,
            }
            .takes(&facts)
        };
        assert!(takes("logs", "s3"));
        assert!(!takes("web", "s3"));
    }
}
