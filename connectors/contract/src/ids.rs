//! Account numbers, regions and partitions. Partition and region are data: no list of them is
//! complete, so unknown ones pass if their form is right.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an id: the text, and the form that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct BadId {
    pub text: String,
    pub expected: &'static str,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadId { text: text.chars().take(80).collect(), expected: $expected })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;

            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

text_id!(
    /// An AWS account number: twelve digits.
    AccountId,
    "an AWS account number (twelve digits)",
    |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit())
);
text_id!(
    /// A region name such as `us-gov-west-1`, or [`Region::global`] for what has none.
    Region,
    "a region name (letters, digits and dashes)",
    |t| (1..=64).contains(&t.len())
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
text_id!(
    /// A partition name such as `aws` or `aws-us-gov`.
    Partition,
    "a partition name (aws, aws-us-gov, aws-cn, aws-iso …)",
    |t| t.starts_with("aws") && t.len() <= 32
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

impl Region {
    /// The place of what belongs to no region (IAM, organizations).
    pub fn global() -> Self {
        Self("global".to_owned())
    }

    pub fn is_global(&self) -> bool {
        self.0 == "global"
    }
}

impl Partition {
    /// The partition a region belongs to, by the prefixes of AWS's endpoint data
    /// (botocore `endpoints.json`, November 2026).
    pub fn of_region(region: &Region) -> Self {
        let name = region.as_str();
        let partition = [
            ("us-gov-", "aws-us-gov"),
            ("cn-", "aws-cn"),
            ("us-isob-", "aws-iso-b"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-isof-", "aws-iso-f"),
            ("us-iso-", "aws-iso"),
            ("eusc-", "aws-eusc"),
        ]
        .into_iter()
        .find(|(prefix, _)| name.starts_with(prefix))
        .map_or("aws", |(_, partition)| partition);
        Self(partition.to_owned())
    }
}

impl Default for Partition {
    fn default() -> Self {
        Self("aws".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_numbers_are_twelve_digits() {
        assert!("123456789012".parse::<AccountId>().is_ok());
        for bad in ["", "12345678901", "1234567890123", "12345678901x"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn regions_know_their_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(
                Partition::of_region(&region.parse().unwrap()).as_str(),
                partition
            );
        }
    }
}
