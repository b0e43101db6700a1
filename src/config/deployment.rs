//! `[deployment]`: which installation this is.

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

pub const SECTION: Section = Section {
    name: "deployment",
    many: false,
    doc: "Which installation of poamd this is.",
    variants: None,
    keys: &[Key::with_default(
        "name",
        Kind::Name,
        r#""poamd""#,
        "Stands in the marker of every ticket, in message ids and in AWS session names, so that two installations on one desk \
         never take each other's tickets. Do not change it once tickets exist.",
    )
    .example(r#""agency-prod""#)],
};

/// Our own installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub name: String,
}

impl Deployment {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        Some(Self {
            name: r.get("name")?,
        })
    }
}
