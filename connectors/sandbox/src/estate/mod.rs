//! The bundled estate of `poamd demo`: three accounts, one of them in GovCloud, with resources to scan
//! (replies recorded from an emulator, `estate/recorded/`) and findings made from the tables in
//! `estate/*.json`. The same `now` gives the same estate, to the byte.
//!
//! Not in it: the HTTP that hands it out (`crate::aws`).

pub mod bulk;
pub mod counts;
mod dice;
mod guardduty;
mod hub;
mod inspector;
mod inventory;
mod moment;
pub mod ocsf;
mod organization;
mod recorded;
mod tables;
mod third_party;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use counts::Counts;
pub use inventory::Resource;
pub use organization::{Organization, OrganizationMember, Unit};
pub use recorded::RecordedReply;

use dice::Dice;
use moment::Moment;

/// The role that poamd assumes in each account of the estate.
pub const ROLE: &str = "poamd-audit";

/// One account of the estate, as `[[accounts]]` would declare it, and what stands in it.
#[derive(Debug, Clone)]
pub struct EstateAccount {
    /// Twelve digits.
    pub id: String,
    pub name: String,
    pub partition: String,
    /// `Prod`, `Dev` or `Test`.
    pub label: String,
    pub role: String,
    /// Asked for by the role's trust policy; `None` accepts any.
    pub external_id: Option<String>,
    pub cells: Vec<Cell>,
    /// What our own scan sees, with the policies it must fail: the answer key.
    pub resources: Vec<Resource>,
    /// Replies of EC2, IAM and S3.
    pub replies: Vec<RecordedReply>,
}

impl EstateAccount {
    pub fn regions(&self) -> Vec<String> {
        self.cells.iter().map(|cell| cell.region.clone()).collect()
    }

    pub fn cell(&self, region: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.region == region)
    }

    pub fn cell_mut(&mut self, region: &str) -> Option<&mut Cell> {
        self.cells.iter_mut().find(|cell| cell.region == region)
    }
}

/// What the detectors of one account and region hold, as their APIs give it.
#[derive(Debug, Clone)]
pub struct Cell {
    pub region: String,
    /// `None`: Security Hub is not enabled here. ASFF documents.
    pub hub: Option<Vec<Value>>,
    /// `None`: the new Security Hub is not switched on here. OCSF documents, copies of those of `hub`.
    pub hub_v2: Option<Vec<Value>>,
    /// `None`: no detector.
    pub detector: Option<Detector>,
    /// `None`: Inspector is not enabled here. Wire form (camelCase, times as seconds).
    pub inspector: Option<Vec<Value>>,
    /// What Inspector tells of findings beside its listing, by ARN, wire form.
    pub inspector_details: BTreeMap<String, Value>,
    /// Inspector's scan types that are switched off (`ec2`, `ecr`, `lambda`, `lambdaCode`, `codeRepository`).
    pub scans_off: Vec<String>,
}

/// A GuardDuty detector and its findings, wire form (camelCase).
#[derive(Debug, Clone)]
pub struct Detector {
    pub id: String,
    pub findings: Vec<Value>,
}

/// The whole estate.
#[derive(Debug, Clone)]
pub struct Estate {
    /// What "120 days ago" is counted from.
    pub now: DateTime<Utc>,
    /// The account of the base credentials, which holds no findings of its own.
    pub home_account: String,
    /// The partition of that account. Its key reaches the other partitions too: a loopback's privilege.
    pub home_partition: String,
    /// `None`: the home account is in no organization.
    pub organization: Option<Organization>,
    accounts: Vec<EstateAccount>,
}

/// The account of the base credentials.
const HOME: &str = "999900001111";

/// Who is in the estate: number, name, partition, label, regions.
const ACCOUNTS: [(&str, &str, &str, &str, &[&str]); 3] = [
    (
        "111122223333",
        "claims-prod",
        "aws",
        "Prod",
        &["us-east-1", "us-west-2"],
    ),
    (
        "444455556666",
        "claims-dev",
        "aws",
        "Dev",
        &["us-east-1", "us-west-2"],
    ),
    (
        "777788889999",
        "records-gov",
        "aws-us-gov",
        "Prod",
        &["us-gov-west-1"],
    ),
];

impl Estate {
    /// The bundled estate as it stands at `now`.
    pub fn bundled(now: DateTime<Utc>) -> Self {
        let accounts: Vec<EstateAccount> = ACCOUNTS
            .iter()
            .map(|&(id, name, partition, label, regions)| {
                let resources = inventory::of(id);
                let cells = regions
                    .iter()
                    .map(|region| {
                        Place {
                            account: id,
                            name,
                            partition,
                            region,
                            now,
                            resources: &resources,
                        }
                        .cell()
                    })
                    .collect();
                EstateAccount {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    partition: partition.to_owned(),
                    label: label.to_owned(),
                    role: ROLE.to_owned(),
                    external_id: Some(format!("poamd-{id}")),
                    cells,
                    resources: resources.clone(),
                    replies: recorded::of(id),
                }
            })
            .collect();
        Self {
            now,
            home_account: HOME.to_owned(),
            home_partition: "aws".to_owned(),
            organization: Some(Organization::of(HOME, &accounts)),
            accounts,
        }
    }

    pub fn accounts(&self) -> &[EstateAccount] {
        &self.accounts
    }

    pub fn account(&self, id: &str) -> Option<&EstateAccount> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// To change the estate between two scans or pulls.
    pub fn account_mut(&mut self, id: &str) -> Option<&mut EstateAccount> {
        self.accounts.iter_mut().find(|account| account.id == id)
    }

    /// What a right ledger holds, worked out from the documents by the rules of the design and
    /// without any code of the ledger's.
    pub fn counts(&self) -> Counts {
        Counts::of(self)
    }
}

/// One account and region while its findings are being made.
struct Place<'a> {
    account: &'a str,
    name: &'a str,
    partition: &'a str,
    region: &'a str,
    now: DateTime<Utc>,
    resources: &'a [Resource],
}

impl Place<'_> {
    fn cell(&self) -> Cell {
        let (inspector, inspector_copies) = inspector::findings(self);
        let (detector, guardduty_copies) = guardduty::findings(self);
        let mut hub = hub::controls(self);
        hub.extend(inspector_copies);
        hub.extend(guardduty_copies);
        hub.extend(third_party::findings(self));
        // As the real hub hands them out: in no order that helps.
        hub.sort_by_cached_key(|document| dice::Dice::new(&[&document["Id"].to_string()]).hex(8));
        Cell {
            region: self.region.to_owned(),
            hub_v2: Some(ocsf::copies(&hub)),
            hub: Some(hub),
            detector: Some(detector),
            inspector_details: inspector::details(&inspector),
            inspector: Some(inspector),
            scans_off: Vec::new(),
        }
    }

    fn dice(&self, parts: &[&str]) -> Dice {
        let mut all = vec![self.account, self.region];
        all.extend_from_slice(parts);
        Dice::new(&all)
    }

    /// `arn:partition:service:region:account:resource`; services without regions leave theirs empty.
    fn arn(&self, service: &str, resource: &str) -> String {
        let (region, account) = match service {
            "iam" => ("", self.account),
            "s3" => ("", ""),
            _ => (self.region, self.account),
        };
        format!(
            "arn:{}:{service}:{region}:{account}:{resource}",
            self.partition
        )
    }

    fn hub_product(&self, product: &str) -> String {
        format!(
            "arn:{}:securityhub:{}::product/aws/{product}",
            self.partition, self.region
        )
    }

    /// First seen 5 to 118 days ago, updated within the last two days.
    fn moment(&self, dice: &Dice) -> Moment {
        Moment::new(
            self.now,
            5 * 86_400 + dice.below("first", 113 * 86_400),
            600 + dice.below("last", 46 * 3600),
        )
    }
}

#[cfg(test)]
mod tests;
