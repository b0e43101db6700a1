//! `[[feeds]]`: files that another program appends to and poamd reads on.

use std::path::PathBuf;

use poamd_contract::ids::{AccountId, Region};

use super::reader::Reader;
use super::schema::{Key, Kind, Section};

pub const SECTION: Section = Section {
    name: "feeds",
    many: true,
    doc: "A file that grows, as Suricata's eve.json or findings as JSON lines: each pull \
            reads what was appended since. Its alerts never close by not coming again.",
    variants: None,
    keys: &[
        Key::new(
            "name",
            Kind::Name,
            r#""ids-west""#,
            "Names it in coverage, as feed:ids-west.",
        )
        .required(),
        Key::new(
            "path",
            Kind::Path,
            r#""/var/log/suricata/eve.json""#,
            "The file. poamd's user must be allowed to read it. Let logrotate rename it \
            and pack it one turn later (delaycompress), so that its last lines are found.",
        )
        .required(),
        Key::new(
            "account",
            Kind::AccountId,
            r#""123456789012""#,
            "The account of documents that name none: where the sensor stands.",
        )
        .required(),
        Key::new(
            "region",
            Kind::Region,
            r#""us-gov-west-1""#,
            "Their region.",
        )
        .required(),
    ],
};

/// One feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    pub name: String,
    pub path: PathBuf,
    pub account: AccountId,
    pub region: Region,
}

impl Feed {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (name, path, account, region) = (
            r.get("name"),
            r.get("path"),
            r.get("account"),
            r.get("region"),
        );
        Some(Self {
            name: name?,
            path: path?,
            account: account?,
            region: region?,
        })
    }

    /// Its name among the services of coverage.
    pub fn service(&self) -> String {
        format!("feed:{}", self.name)
    }
}
