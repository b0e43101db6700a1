//! `[policies]`: policies of one's own.

use std::path::PathBuf;

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

pub const SECTION: Section = Section {
    name: "policies",
    many: false,
    doc: "Rules over the configuration of resources.",
    variants: None,
    keys: &[Key::new(
        "dir",
        Kind::Path,
        r#""/etc/poamd/policies""#,
        "Folder of Rego policies of your own; one with the id of a packaged \
            policy replaces it. Try them: poamd policy test.",
    )],
};

/// Policies beside the packaged ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policies {
    pub dir: Option<PathBuf>,
}

impl Policies {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        Some(Self {
            dir: r.optional("dir"),
        })
    }
}
