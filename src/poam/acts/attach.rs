//! Files that support a record.

use serde_json::json;

use super::{Act, Done, Result, refused};
use crate::domain::record::RecordId;
use crate::store::attachments::{self, AttachmentRow, NewAttachment};
use crate::store::time::stamp;
use crate::store::{Store, deviations};

/// Most bytes of one file.
pub const MOST_BYTES: usize = 20 * 1024 * 1024;

/// What a file can be.
pub const KINDS: [&str; 7] = [
    "scan",
    "configuration",
    "screenshot",
    "vendor",
    "change",
    "approval",
    "other",
];

/// A file as it is handed over.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its name without folders.
    pub name: &'a str,
    /// One of [`KINDS`].
    pub kind: &'a str,
    pub bytes: &'a [u8],
}

impl<'a> Act<'a> {
    /// Attaches a file; also to a closed record, whose evidence may come late. A deviation that lives is supported by it.
    pub fn attach(&'a self, document: Document<'_>) -> Result<Done> {
        let name = document.name.trim();
        if name.is_empty() || name.chars().count() > 200 || name.contains(['/', '\\', '\0']) {
            return refused(format!("{name:?} is no name of a file"));
        }
        if !KINDS.contains(&document.kind) {
            return refused(format!(
                "{:?} is none of {}",
                document.kind,
                KINDS.join(", ")
            ));
        }
        if document.bytes.is_empty() {
            return refused(format!("{name} is empty"));
        }
        if document.bytes.len() > MOST_BYTES {
            return refused(format!(
                "{name} has {} bytes, at most {MOST_BYTES} are kept; attach an excerpt and say where the whole lies",
                document.bytes.len()
            ));
        }
        self.any(|doing| {
            let sha256 = attachments::keep(doing.conn, document.bytes)?;
            let there = attachments::of_record(doing.conn, doing.row.id)?;
            if there.iter().any(|a| a.sha256 == sha256 && a.name == name) {
                return refused(format!("{name} with these bytes is attached already"));
            }
            let deviation = deviations::live(doing.conn, doing.row.id)?.map(|d| d.id);
            let row = NewAttachment {
                record_id: doing.row.id,
                deviation_id: deviation,
                kind: document.kind.to_owned(),
                name: name.to_owned(),
                media_type: media_type(name, document.bytes).to_owned(),
                sha256: sha256.clone(),
                note: self.why.trim().to_owned(),
                actor: self.actor.to_owned(),
                at: stamp(self.now),
            };
            let id = attachments::insert(doing.conn, &row)?;
            doing.event(
                "record.evidence-attached",
                json!({ "evidence": id, "name": name, "kind": row.kind, "sha256": sha256,
                    "bytes": document.bytes.len(), "deviation": deviation }),
            )?;
            doing.touch()?;
            Ok(format!("has evidence {id}, {name} (SHA-256 {sha256})"))
        })
    }
}

/// A file of a record, by its number or its name (the newest of that name), with its bytes.
pub fn evidence(store: &Store, record: RecordId, wanted: &str) -> Result<(AttachmentRow, Vec<u8>)> {
    let found = store.read_here(|conn| {
        let all = attachments::of_record(conn, record.0)?;
        let Some(row) = all
            .into_iter()
            .rfind(|a| a.name == wanted || a.id.to_string() == wanted)
        else {
            return Ok(None);
        };
        let bytes = attachments::bytes(conn, &row.sha256)?;
        Ok(Some((row, bytes)))
    })?;
    match found {
        Some(found) => Ok(found),
        None => refused(format!(
            "{record} has no evidence {wanted:?}; poamd poam show {record} lists what it has"
        )),
    }
}

/// By the file's own beginning, then by its name; what is unknown is bytes.
fn media_type(name: &str, bytes: &[u8]) -> &'static str {
    let begins: [(&[u8], &str); 4] = [
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"\x1f\x8b", "application/gzip"),
    ];
    if let Some((_, kind)) = begins.iter().find(|(head, _)| bytes.starts_with(head)) {
        return kind;
    }
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    match ending.as_deref() {
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("txt" | "log" | "md") => "text/plain",
        _ => "application/octet-stream",
    }
}
