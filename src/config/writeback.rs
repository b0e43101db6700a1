//! `[writeback]`: what poamd leaves with findings in Security Hub.

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

const WHAT: &[&str] = &["fields", "notified", "suppressed"];

pub const SECTION: Section = Section {
    name: "writeback",
    many: false,
    doc: "What poamd leaves with findings in Security Hub. Off by default: the roles then need nothing but to read. \
          Switched on they need docs/aws-writeback-permissions.json too.",
    variants: None,
    keys: &[
        Key::with_default(
            "enabled",
            Kind::Flag,
            "false",
            "true: write to Security Hub after each sync.",
        )
        .example("true"),
        Key::with_default(
            "what",
            Kind::List(&Kind::Choice(WHAT)),
            r#"["fields", "notified", "suppressed"]"#,
            "fields: our id, ticket and deviation as user-defined fields, beside those of others. notified: workflow \
             NOTIFIED when there is a ticket and it is NEW. suppressed: workflow SUPPRESSED for an approved false positive \
             (verification FALSE_POSITIVE with it) or operational requirement. Notes, severities and RESOLVED are never written.",
        )
        .example(r#"["fields", "notified"]"#),
    ],
};

/// What is left in the hub; nothing unless it is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writeback {
    pub enabled: bool,
    pub fields: bool,
    pub notified: bool,
    pub suppressed: bool,
}

impl Writeback {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (enabled, what) = (r.get("enabled"), r.get::<Vec<String>>("what"));
        let (enabled, what) = (enabled?, what?);
        if enabled && what.is_empty() {
            r.fail(
                "what",
                "is empty, so nothing is ever written; name some of fields, notified, suppressed, or set enabled = false",
            );
        }
        let holds = |word: &str| what.iter().any(|w| w == word);
        Some(Self {
            enabled,
            fields: holds("fields"),
            notified: holds("notified"),
            suppressed: holds("suppressed"),
        })
    }
}
