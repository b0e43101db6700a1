//! How a key is described: name, type, default, example, comment. Each section's file holds its table; the
//! reader, the example file, `poamd config keys` and the suggestions for misspelt names all come from it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{
    accounts, aws, database, deployment, desks, feeds, grouping, mail, organization, poam,
    policies, reports, schedule, system, telemetry, templates, tickets, writeback,
};

/// All sections, in the order of the example file.
pub const SECTIONS: [&Section; 21] = [
    &deployment::SECTION,
    &system::SECTION,
    &database::SECTION,
    &aws::SECTION,
    &organization::SECTION,
    &accounts::SECTION,
    &feeds::SECTION,
    &schedule::SECTION,
    &policies::SECTION,
    &templates::SECTION,
    &poam::SECTION,
    &poam::CLOCKS,
    &poam::LABELS,
    &grouping::SECTION,
    &grouping::CONTACTS,
    &tickets::SECTION,
    &desks::SECTION,
    &writeback::SECTION,
    &mail::SECTION,
    &reports::SECTION,
    &telemetry::SECTION,
];

/// One `[section]` or `[[section]]`; a dot in its name says that it stands inside another.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    /// `[[name]]`: may stand several times.
    pub many: bool,
    pub doc: &'static str,
    /// The key whose value decides which others apply, with its values; the example shows the section once for each.
    pub variants: Option<(&'static str, &'static [&'static str])>,
    pub keys: &'static [Key],
}

impl Section {
    /// `[mail]` or `[[desks]]`.
    pub fn heading(&self) -> String {
        if self.many {
            format!("[[{}]]", self.name)
        } else {
            format!("[{}]", self.name)
        }
    }

    /// Where it stands: `poam`, or `poam` and in it `clocks`.
    pub fn place(&self) -> (&'static str, Option<&'static str>) {
        match self.name.split_once('.') {
            Some((outer, inner)) => (outer, Some(inner)),
            None => (self.name, None),
        }
    }

    /// Whether a name in it is a section of its own.
    pub fn holds(&self, name: &str) -> bool {
        SECTIONS
            .iter()
            .any(|section| section.place() == (self.name, Some(name)))
    }

    /// The keys that apply to a variant (all common ones, and its own).
    pub fn keys_of(&self, variant: Option<&str>) -> impl Iterator<Item = &'static Key> + use<'_> {
        let variant = variant.map(str::to_owned);
        self.keys
            .iter()
            .filter(move |key| match (key.only, &variant) {
                (None, _) | (Some(_), None) => true,
                (Some(only), Some(variant)) => only == variant,
            })
    }
}

/// One key of a section.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// As TOML; `None` if absence means something of its own, which `doc` says.
    pub default: Option<&'static str>,
    /// As TOML.
    pub example: &'static str,
    pub required: bool,
    /// The variant it belongs to.
    pub only: Option<&'static str>,
    pub doc: &'static str,
}

impl Key {
    /// A key that may be left out.
    pub const fn new(
        name: &'static str,
        kind: Kind,
        example: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default: None,
            example,
            required: false,
            only: None,
            doc,
        }
    }

    /// With a default, which is also the example.
    pub const fn with_default(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            example: default,
            required: false,
            only: None,
            doc,
        }
    }

    /// That has to be there.
    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// That exists only in one variant of the section.
    pub const fn only(self, variant: &'static str) -> Self {
        Self {
            only: Some(variant),
            ..self
        }
    }

    /// With an example other than its default.
    pub const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

/// What a value has to look like.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One line, not empty.
    Text,
    /// Any text, may be empty.
    Prose,
    /// Lower-case letters, digits and dashes, at most 32.
    Name,
    Flag,
    Integer {
        min: i64,
        max: i64,
    },
    Fraction {
        min: f64,
        max: f64,
    },
    Duration {
        min: Duration,
        max: Duration,
    },
    Choice(&'static [&'static str]),
    /// Where a secret is kept.
    Secret,
    /// https, or http to a loopback address.
    Url,
    /// http or https; what goes through it is encrypted by itself.
    Proxy,
    DatabaseUrl,
    /// Relative ones count from the folder of the configuration file.
    Path,
    Cron,
    Zone,
    /// `name@host` or `Name <name@host>`.
    Mailbox,
    Region,
    Partition,
    AccountId,
    List(&'static Kind),
    /// A table whose keys are ours; no keys named means any.
    Map {
        keys: &'static [&'static str],
        of: &'static Kind,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Prose => f.write_str("text, may be empty"),
            Self::Name => f.write_str("name of lower-case letters, digits and dashes, at most 32"),
            Self::Flag => f.write_str("true or false"),
            Self::Integer { min, max } => write!(f, "whole number from {min} to {max}"),
            Self::Fraction { min, max } => write!(f, "number from {min} to {max}"),
            Self::Duration { min, max } => {
                write!(
                    f,
                    "duration from {} to {}",
                    super::duration::show(*min),
                    super::duration::show(*max)
                )
            }
            Self::Choice(names) => write!(f, "one of {}", names.join(", ")),
            Self::Secret => {
                f.write_str(r#"{ credential = "name" }, { file = "path" } or { env = "NAME" }"#)
            }
            Self::Url => f.write_str("address (https; http only to loopback)"),
            Self::Proxy => f.write_str("address of a proxy (http or https)"),
            Self::DatabaseUrl => f.write_str(
                "sqlite:///absolute/path, sqlite://relative/path or postgres://user@host/name",
            ),
            Self::Path => f.write_str("path"),
            Self::Cron => f.write_str("cron expression"),
            Self::Zone => f.write_str("IANA time zone"),
            Self::Mailbox => f.write_str("mail address"),
            Self::Region => f.write_str("region"),
            Self::Partition => f.write_str("partition"),
            Self::AccountId => f.write_str("account number, twelve digits in quotes"),
            Self::List(of) => write!(f, "list of: {of}"),
            Self::Map { keys: [], of } => write!(f, "table of: {of}"),
            Self::Map { keys, of } => write!(f, "table with keys {}, each: {of}", keys.join(", ")),
        }
    }
}

/// One key as `poamd config keys --format json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyInfo {
    /// `[mail]`, `[[desks]]`.
    pub section: String,
    pub key: &'static str,
    /// For which variant of the section only, as `system = "servicenow"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub required: bool,
    pub default: Option<&'static str>,
    pub example: &'static str,
    pub doc: &'static str,
}

/// Every key there is.
pub fn keys() -> Vec<KeyInfo> {
    let describe = |section: &'static Section, key: &'static Key| KeyInfo {
        section: section.heading(),
        key: key.name,
        only: key
            .only
            .and_then(|only| section.variants.map(|(by, _)| format!("{by} = \"{only}\""))),
        kind: key.kind.to_string(),
        required: key.required,
        default: key.default,
        example: key.example,
        doc: key.doc,
    };
    SECTIONS
        .into_iter()
        .flat_map(|s| s.keys.iter().map(move |k| describe(s, k)))
        .collect()
}
