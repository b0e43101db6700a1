//! `[[grouping]]` and `[[contacts]]`: what makes one record, and who answers for it.

use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::value::choice;

pub const SECTION: Section = Section {
    name: "grouping",
    many: true,
    doc: "What makes one record, where it is not a weakness in an account. The first rule that fits a finding holds; what is \
          on an open record stays there when rules change.",
    variants: None,
    keys: &[
        Key::new(
            "by",
            Kind::Choice(By::NAMES),
            r#""per-item""#,
            "per-weakness: one record for all items; per-item: one for each.",
        )
        .required(),
        Key::new(
            "source",
            Kind::Text,
            r#""inspector""#,
            "Only findings of this detector.",
        ),
        Key::new(
            "technology",
            Kind::Text,
            r#""ec2instance""#,
            "Only items of this technology.",
        ),
        Key::new(
            "account",
            Kind::AccountId,
            r#""123456789012""#,
            "Only this account.",
        ),
        Key::new(
            "label",
            Kind::Text,
            r#""Prod""#,
            "Only accounts of this label, in any case.",
        ),
    ],
};

pub const CONTACTS: Section = Section {
    name: "contacts",
    many: true,
    doc: "Who answers for new records. The first rule that fits and names somebody holds; without one the account's contacts.",
    variants: None,
    keys: &[
        Key::new(
            "tag",
            Kind::Text,
            r#""Owner""#,
            "Only items with this tag; its value is the contact unless contact says who.",
        ),
        Key::new(
            "contact",
            Kind::Text,
            r#""web-team@example.gov""#,
            "A person or a role.",
        ),
        Key::new(
            "technology",
            Kind::Text,
            r#""s3""#,
            "Only items of this technology.",
        ),
        Key::new(
            "account",
            Kind::AccountId,
            r#""123456789012""#,
            "Only this account.",
        ),
        Key::new(
            "label",
            Kind::Text,
            r#""Prod""#,
            "Only accounts of this label, in any case.",
        ),
    ],
};

choice! {
    /// What makes one record.
    pub enum By {
        PerWeakness = "per-weakness",
        PerItem = "per-item",
    }
}

/// A rule of grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    pub by: By,
    pub source: Option<String>,
    pub technology: Option<String>,
    pub account: Option<String>,
    pub label: Option<String>,
}

/// A rule of contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub tag: Option<String>,
    pub contact: Option<String>,
    pub technology: Option<String>,
    pub account: Option<String>,
    pub label: Option<String>,
}

fn account(r: Reader<'_>) -> Option<String> {
    let id: Option<poamd_contract::ids::AccountId> = r.optional("account");
    id.map(String::from)
}

impl Grouping {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        Some(Self {
            source: r.optional("source"),
            technology: r.optional("technology"),
            account: account(r),
            label: r.optional("label"),
            by: r.get("by")?,
        })
    }
}

impl Contact {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let read = Self {
            tag: r.optional("tag"),
            contact: r.optional("contact"),
            technology: r.optional("technology"),
            account: account(r),
            label: r.optional("label"),
        };
        if read.tag.is_none() && read.contact.is_none() {
            r.fail("contact", "names nobody; give contact, tag or both");
        }
        Some(read)
    }
}
