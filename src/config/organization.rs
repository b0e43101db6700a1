//! `[aws.organization]`: the organization whose accounts are watched without being written down one by one.

use poamd_contract::account::{self, AccountAccess};
use poamd_contract::ids::{AccountId, Partition, Region};
use poamd_contract::organization::Pattern;

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

pub const SECTION: Section = Section {
    name: "aws.organization",
    many: false,
    doc: "Finds the accounts of an AWS organization every day (poamd account discover does it at once), adds those that the rules \
          take, and looks no longer at those that left or are suspended. Accounts that are declared or were added by hand stay as \
          they are. The asking role needs docs/aws-organization-permissions.json.",
    variants: None,
    keys: &[
        Key::new(
            "account",
            Kind::AccountId,
            r#""999900001111""#,
            "The management account, or one that is a delegated administrator.",
        )
        .required(),
        Key::new(
            "regions",
            Kind::List(&Kind::Region),
            r#"["us-gov-west-1", "us-gov-east-1"]"#,
            "Regions to look at in each account found; the organization itself is asked through the first.",
        )
        .required(),
        Key::new(
            "asking_role",
            Kind::Text,
            r#""poamd-organization""#,
            "Role to assume there to ask, by name or ARN. Without it: the base credentials, which have to be of that account.",
        ),
        Key::new(
            "asking_external_id",
            Kind::Text,
            r#""0d5f2c1e-9a53-4a3a-8c5e-7a1b7c0f4d10""#,
            "External id that this role's trust policy asks for.",
        ),
        Key::with_default(
            "role",
            Kind::Text,
            r#""poamd-audit""#,
            "Role to assume in each account found, by name.",
        ),
        Key::new(
            "external_id",
            Kind::Text,
            r#""7f3c0a52-6d0e-4c57-9a6d-1f2f6f0c8b11""#,
            "External id that those roles' trust policies ask for.",
        ),
        Key::with_default(
            "include",
            Kind::List(&Kind::Text),
            "[]",
            "Accounts to watch: id:GLOB, name:GLOB, ou:GLOB (unit names from the root, /Workloads/Prod) or tag:KEY=GLOB; * is any text. \
             Without one: all.",
        )
        .example(r#"["ou:/Workloads/*", "tag:poamd=yes"]"#),
        Key::with_default(
            "exclude",
            Kind::List(&Kind::Text),
            "[]",
            "Accounts to leave out, whatever includes them.",
        )
        .example(r#"["name:sandbox-*"]"#),
        Key::with_default(
            "labels",
            Kind::List(&Kind::Text),
            "[]",
            "Labels by pattern, the first that fits: \"LABEL = PATTERN\".",
        )
        .example(r#"["Dev = ou:*/Dev", "Test = name:*-test"]"#),
        Key::with_default(
            "label",
            Kind::Text,
            r#""Prod""#,
            "The label of all other accounts.",
        ),
    ],
};

/// An organization, and which of its accounts are watched how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// How it is asked.
    pub asking: AccountAccess,
    pub include: Vec<Pattern>,
    pub exclude: Vec<Pattern>,
    pub labels: Vec<(String, Pattern)>,
    pub label: String,
    pub role: String,
    pub external_id: Option<String>,
    pub regions: Vec<Region>,
    pub partition: Partition,
}

impl Organization {
    /// Every label that an account found can get.
    pub fn all_labels(&self) -> impl Iterator<Item = &str> {
        let named = self.labels.iter().map(|(label, _)| label.as_str());
        named.chain([self.label.as_str()])
    }

    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (id, regions) = (r.get::<AccountId>("account"), r.get("regions"));
        let (role, label) = (r.get::<String>("role"), r.get("label"));
        let include = patterns(r, "include");
        let exclude = patterns(r, "exclude");
        let labels = labels(r);
        let asking_role: Option<String> = r.optional("asking_role");
        let external_ids = ["external_id", "asking_external_id"].map(|key| external_id(r, key));
        let (id, regions): (AccountId, Vec<Region>) = (id?, regions?);
        if let Err(what) = account::check_regions(&regions) {
            r.fail("regions", what);
            return None;
        }
        let partition = match account::partition_of(&regions, None) {
            Ok(partition) => partition,
            Err(bad) => {
                r.fail("regions", format!("have to be of one partition ({bad:?})"));
                return None;
            }
        };
        let role = role?;
        if role.starts_with("arn:") {
            r.fail(
                "role",
                "has to be a name: it stands for a role in every account",
            );
        }
        if let Err(what) = account::check_role(&role, &partition, &id) {
            r.fail("role", what);
        }
        if let Some(Err(what)) = asking_role
            .as_deref()
            .map(|role| account::check_role(role, &partition, &id))
        {
            r.fail("asking_role", what);
        }
        let [external_id, asking_external_id] = external_ids;
        if asking_external_id.is_some() && !r.has("asking_role") {
            r.fail(
                "asking_external_id",
                "is asked of nobody: it belongs to asking_role, which is not here; add that, or take this out \
                (the id for the role in each account is external_id)",
            );
        }
        Some(Self {
            asking: AccountAccess {
                id,
                name: "organization".to_owned(),
                partition: partition.clone(),
                role: asking_role,
                external_id: asking_external_id,
                regions: regions.clone(),
            },
            include: include?,
            exclude: exclude?,
            labels: labels?,
            label: label?,
            role,
            external_id,
            regions,
            partition,
        })
    }
}

fn external_id(r: Reader<'_>, key: &'static str) -> Option<String> {
    let given: Option<String> = r.optional(key);
    if let Some(Err(what)) = given.as_deref().map(account::check_external_id) {
        r.fail(key, what);
    }
    given
}

fn patterns(r: Reader<'_>, key: &'static str) -> Option<Vec<Pattern>> {
    let texts: Vec<String> = r.get(key)?;
    let read = texts.iter().map(|text| pattern(r, key, text));
    read.collect()
}

fn pattern(r: Reader<'_>, key: &'static str, text: &str) -> Option<Pattern> {
    text.trim()
        .parse()
        .map_err(|error| r.fail(key, format!("{error}")))
        .ok()
}

fn labels(r: Reader<'_>) -> Option<Vec<(String, Pattern)>> {
    let texts: Vec<String> = r.get("labels")?;
    let one = |text: &String| match text.split_once('=') {
        Some((label, rest)) if !label.trim().is_empty() && !label.contains(':') => {
            Some((label.trim().to_owned(), pattern(r, "labels", rest)?))
        }
        _ => {
            r.fail(
                "labels",
                format!("{text:?} is not LABEL = PATTERN, such as \"Dev = ou:*/Dev\""),
            );
            None
        }
    };
    texts.iter().map(one).collect()
}
