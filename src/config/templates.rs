//! `[templates]`: texts of one's own.

use std::path::PathBuf;

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

pub const SECTION: Section = Section {
    name: "templates",
    many: false,
    doc: "Texts of tickets, replies and mails (handlebars).",
    variants: None,
    keys: &[Key::new(
        "dir",
        Kind::Path,
        r#""/etc/poamd/templates""#,
        "Folder of templates of your own; one with the path of a packaged template replaces it.",
    )],
};

/// Templates beside the packaged ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Templates {
    pub dir: Option<PathBuf>,
}

impl Templates {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        Some(Self {
            dir: r.optional("dir"),
        })
    }
}
