//! `[[accounts]]`: declared AWS accounts. Further ones live in the database (`poamd account add`).

use poamd_contract::account::{self, AccountAccess, BadPartition};
use poamd_contract::ids::{AccountId, Partition, Region};

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

/// The role assumed in an account that names no other.
pub const DEFAULT_ROLE: &str = "poamd-audit";

pub const SECTION: Section = Section {
    name: "accounts",
    many: true,
    doc: "A declared AWS account, once for each. Accounts can also be kept in the \
            database: poamd account add.",
    variants: None,
    keys: &[
        Key::new(
            "id",
            Kind::AccountId,
            r#""123456789012""#,
            "Account number, twelve digits in quotes.",
        )
        .required(),
        Key::new(
            "name",
            Kind::Text,
            r#""payments-prod""#,
            "What people call it.",
        )
        .required(),
        Key::new(
            "regions",
            Kind::List(&Kind::Region),
            r#"["us-gov-west-1", "us-gov-east-1"]"#,
            "Regions to look at; at least one.",
        )
        .required(),
        Key::new(
            "partition",
            Kind::Partition,
            r#""aws-us-gov""#,
            "Without it: the partition of the regions.",
        ),
        Key::with_default(
            "label",
            Kind::Text,
            r#""Prod""#,
            "Kind of account: Prod, Dev, Test or a word of your own; desks and \
            filters choose by it.",
        ),
        Key::with_default(
            "role",
            Kind::Prose,
            r#""poamd-audit""#,
            "Role to assume there, by name or ARN. \"\" uses the base credentials as \
            they are (poamd's own account).",
        ),
        Key::new(
            "external_id",
            Kind::Text,
            r#""7f3c0a52-6d0e-4c57-9a6d-1f2f6f0c8b11""#,
            "External id that the role's trust policy asks for. Do have one.",
        ),
        Key::with_default(
            "contacts",
            Kind::List(&Kind::Text),
            "[]",
            "Who answers for the account; shown on records and reports.",
        )
        .example(r#"["payments-team@example.gov"]"#),
        Key::with_default(
            "notes",
            Kind::Prose,
            r#""""#,
            "Anything people should know.",
        )
        .example(r#""moves to the new landing zone in March""#),
        Key::with_default(
            "weight",
            Kind::Fraction {
                min: 0.1,
                max: 10.0,
            },
            "1.0",
            "How much more (or less) its findings count in the order of work.",
        )
        .example("2.0"),
        Key::with_default(
            "active",
            Kind::Flag,
            "true",
            "false: keep its records, look no more.",
        ),
        Key::new(
            "s3_canonical_id",
            Kind::Text,
            r#""79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be""#,
            "Canonical user id, by which S3 grants name the account.",
        ),
        Key::new(
            "s3_name",
            Kind::Text,
            r#""payments-prod""#,
            "Display name that S3 gives the account in grants.",
        ),
    ],
};

/// One declared account.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub regions: Vec<Region>,
    pub partition: Partition,
    pub label: String,
    /// Name or ARN; `None` uses the base credentials as they are.
    pub role: Option<String>,
    pub external_id: Option<String>,
    pub contacts: Vec<String>,
    pub notes: String,
    pub weight: f64,
    pub active: bool,
    pub s3_canonical_id: Option<String>,
    pub s3_name: Option<String>,
}

impl Account {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (id, name) = (r.get("id"), r.get("name"));
        let regions = regions(r);
        let given = r.optional("partition");
        let partition = regions
            .as_deref()
            .and_then(|regions| partition(r, regions, given));
        let (label, role) = (r.get("label"), r.get("role"));
        let (contacts, notes, weight, active) = (
            r.get("contacts"),
            r.get("notes"),
            r.get("weight"),
            r.get("active"),
        );
        let read = Self {
            external_id: r.optional("external_id"),
            s3_canonical_id: r.optional("s3_canonical_id"),
            s3_name: r.optional("s3_name"),
            id: id?,
            name: name?,
            regions: regions?,
            partition: partition?,
            label: label?,
            role: role.map(|role: String| Some(role).filter(|role| !role.is_empty()))?,
            contacts: contacts?,
            notes: notes?,
            weight: weight?,
            active: active?,
        };
        read.check_role(r);
        read.check_external_id(r);
        Some(read)
    }

    /// What a connector needs to reach it.
    pub fn access(&self) -> AccountAccess {
        AccountAccess {
            id: self.id.clone(),
            name: self.name.clone(),
            partition: self.partition.clone(),
            role: self.role.clone(),
            external_id: self.external_id.clone(),
            regions: self.regions.clone(),
        }
    }

    fn check_role(&self, r: Reader<'_>) {
        let Some(role) = &self.role else { return };
        if let Err(what) = account::check_role(role, &self.partition, &self.id) {
            r.fail("role", what);
        }
    }

    fn check_external_id(&self, r: Reader<'_>) {
        if let Some(Err(what)) = self.external_id.as_deref().map(account::check_external_id) {
            r.fail("external_id", what);
        }
    }
}

fn regions(r: Reader<'_>) -> Option<Vec<Region>> {
    let regions: Vec<Region> = r.get("regions")?;
    match account::check_regions(&regions) {
        Ok(()) => Some(regions),
        Err(what) => {
            r.fail("regions", what);
            None
        }
    }
}

/// The one partition of all regions, which a given one has to equal.
fn partition(r: Reader<'_>, regions: &[Region], given: Option<Partition>) -> Option<Partition> {
    match account::partition_of(regions, given.as_ref()) {
        Ok(partition) => Some(partition),
        Err(BadPartition::Regions(what)) => {
            r.fail("regions", what);
            None
        }
        Err(BadPartition::Given(what)) => {
            r.fail("partition", what);
            None
        }
    }
}
