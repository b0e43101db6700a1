//! Whose finding it is: account, region and partition, from the fields that say so, else from the ARNs.

use poamd_contract::ids::{AccountId, Partition, Region};

use crate::arn_view::ArnView;
use crate::given::Given;
use crate::marks::Marks;

/// The word for a region nobody named. No cell of coverage has it, so the absence of such a finding counts only in looks
/// that show another one of the same account without a region.
const UNKNOWN_REGION: &str = "unknown";

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Origin {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) partition: Partition,
}

/// What a document says of its origin, each empty if it does not.
#[derive(Debug, Default)]
pub(crate) struct Clues<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) partition: &'a str,
    /// The finding's id, its resources, its product, in this order.
    pub(crate) ids: Vec<&'a str>,
}

impl Clues<'_> {
    /// `None` without an account: such a document has no identity.
    pub(crate) fn settle(&self, given: &Given, marks: &mut Marks) -> Option<Origin> {
        let account = self.account(given, marks)?;
        let region = self.region(given, marks);
        let partition = region_partition(self, &region);
        Some(Origin {
            account,
            region,
            partition,
        })
    }

    fn account(&self, given: &Given, marks: &mut Marks) -> Option<AccountId> {
        let said = self.account.trim();
        if let Ok(account) = said.parse() {
            return Some(account);
        }
        // A number that lost its leading zeros to a spreadsheet or a JSON number.
        let padded = format!("{said:0>12}");
        if !said.is_empty()
            && let Ok(account) = padded.parse()
        {
            marks.add("account-padded");
            return Some(account);
        }
        let found = self.ids.iter().find_map(|id| match ArnView::of(id) {
            Some(arn) => arn.account.parse().ok(),
            None => id.strip_prefix("AWS::::Account:")?.parse().ok(),
        });
        match (found, &given.account) {
            (None, Some(account)) => {
                marks.add("account-given");
                Some(account.clone())
            }
            (found, _) => {
                marks.add("account-from-arn");
                found
            }
        }
    }

    fn region(&self, given: &Given, marks: &mut Marks) -> Region {
        if let Ok(region) = self.region.parse() {
            return region;
        }
        if let Ok(region) = self.region.trim().to_ascii_lowercase().parse() {
            marks.add("region-wrong-form");
            return region;
        }
        let found = self
            .ids
            .iter()
            .find_map(|id| ArnView::of(id)?.region.parse().ok());
        if let (None, Some(region)) = (&found, &given.region) {
            marks.add("region-given");
            return region.clone();
        }
        marks.add(if found.is_some() {
            "region-from-arn"
        } else {
            "region-missing"
        });
        found.unwrap_or_else(|| UNKNOWN_REGION.parse().unwrap_or_else(|_| Region::global()))
    }
}

fn region_partition(clues: &Clues<'_>, region: &Region) -> Partition {
    clues
        .partition
        .parse()
        .ok()
        .or_else(|| {
            clues
                .ids
                .iter()
                .find_map(|id| ArnView::of(id)?.partition.parse().ok())
        })
        .unwrap_or_else(|| Partition::of_region(region))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use poamd_contract::finding::Channel;

    use super::*;

    fn given() -> Given {
        Channel::File.into()
    }

    #[test]
    fn what_is_said_for_the_file_counts_only_where_the_document_is_silent() {
        let given = Given {
            account: Some("111111111111".parse().unwrap()),
            region: Some("us-gov-east-1".parse().unwrap()),
            ..given()
        };
        let mut marks = Marks::default();
        let origin = Clues::default().settle(&given, &mut marks).unwrap();
        assert_eq!(origin.account.as_str(), "111111111111");
        assert_eq!(origin.region.as_str(), "us-gov-east-1");
        assert_eq!(origin.partition.as_str(), "aws-us-gov");
        assert_eq!(marks.into_list(), ["account-given", "region-given"]);
        let clues = Clues {
            ids: vec!["arn:aws:ec2:us-east-1:123456789012:instance/i-1"],
            ..Clues::default()
        };
        let origin = clues.settle(&given, &mut Marks::default()).unwrap();
        assert_eq!(origin.account.as_str(), "123456789012");
        assert_eq!(origin.region.as_str(), "us-east-1");
    }

    #[test]
    fn what_is_missing_comes_from_the_arns() {
        let mut marks = Marks::default();
        let clues = Clues {
            ids: vec![
                "x",
                "arn:aws-us-gov:ec2:us-gov-west-1:210987654321:instance/i-1",
            ],
            ..Clues::default()
        };
        let origin = clues.settle(&given(), &mut marks).unwrap();
        assert_eq!(origin.account.as_str(), "210987654321");
        assert_eq!(origin.region.as_str(), "us-gov-west-1");
        assert_eq!(origin.partition.as_str(), "aws-us-gov");
        assert_eq!(marks.into_list(), ["account-from-arn", "region-from-arn"]);
    }

    #[test]
    fn without_any_region_the_partition_is_the_common_one_and_it_is_marked() {
        let mut marks = Marks::default();
        let clues = Clues {
            account: "12345678901",
            ids: vec!["x"],
            ..Clues::default()
        };
        let origin = clues.settle(&given(), &mut marks).unwrap();
        assert_eq!(origin.account.as_str(), "012345678901");
        assert_eq!(origin.region.as_str(), "unknown");
        assert_eq!(origin.partition.as_str(), "aws");
        assert_eq!(marks.into_list(), ["account-padded", "region-missing"]);
    }

    #[test]
    fn no_account_is_no_origin() {
        assert!(
            Clues {
                region: "us-east-1",
                ..Clues::default()
            }
            .settle(&given(), &mut Marks::default())
            .is_none()
        );
        let by_resource = Clues {
            ids: vec!["AWS::::Account:123456789012"],
            ..Clues::default()
        };
        assert!(
            by_resource
                .settle(&given(), &mut Marks::default())
                .is_some()
        );
    }
}
