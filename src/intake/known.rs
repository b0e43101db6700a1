//! What is known of a door, as small as it can be held: 128 bits of identity, the content hash, and whether this
//! run saw it.

use std::collections::HashMap;

use poamd_contract::finding::{FindingReport, Signal};
use sha2::{Digest, Sha256};

use super::batch::Batch;
use super::door::Door;
use crate::store::findings::{self, KnownReport};
use crate::store::{AnyConnection, Result};

#[derive(Debug, Clone, Copy)]
struct Entry {
    content_hash: i64,
    /// Absences of the report so far; an archived one counts them while it is shown.
    absent: u8,
    archived: bool,
    seen: bool,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    entries: HashMap<u128, Entry>,
    /// What was seen since it was last asked for, if anybody wants it.
    seen: Option<Vec<u128>>,
}

fn key(account: &str, native_id: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update(account.as_bytes());
    hash.update([0]);
    hash.update(native_id.as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(bytes)
}

impl Known {
    pub fn load(conn: &mut AnyConnection, door: &Door) -> Result<Self> {
        let mut known = Self::default();
        findings::reports_of_cell(conn, &door.name(), |row| {
            known.entries.insert(
                key(&row.account, &row.native_id),
                Entry {
                    content_hash: row.content_hash,
                    absent: u8::try_from(row.absent).unwrap_or(u8::MAX),
                    archived: row.signal.0 == Signal::Archived,
                    seen: false,
                },
            );
        })?;
        Ok(known)
    }

    /// Marks a report as seen; true if it says what is known.
    pub fn see(&mut self, report: &FindingReport, content_hash: i64) -> bool {
        let key = key(report.account.as_str(), &report.native_id);
        if let Some(seen) = &mut self.seen {
            seen.push(key);
        }
        match self.entries.get_mut(&key) {
            Some(entry)
                if entry.content_hash == content_hash && (entry.absent == 0 || entry.archived) =>
            {
                entry.seen = true;
                true
            }
            Some(entry) => {
                entry.seen = true;
                false
            }
            None => false,
        }
    }

    /// Keeps what is seen from here on, for [`Known::newly_seen`].
    pub fn remember(&mut self) {
        self.seen.get_or_insert_default();
    }

    /// What was seen since the last call, sixteen bytes each.
    pub fn newly_seen(&mut self) -> Vec<u8> {
        let seen = self.seen.as_mut().map(std::mem::take).unwrap_or_default();
        seen.into_iter().flat_map(u128::to_be_bytes).collect()
    }

    /// Marks as seen what an interrupted look has seen.
    pub fn recall(&mut self, prints: &[u8]) {
        for print in prints.as_chunks::<16>().0 {
            if let Some(entry) = self.entries.get_mut(&u128::from_be_bytes(*print)) {
                entry.seen = true;
            }
        }
    }

    /// Takes over what a committed batch wrote.
    pub fn learn(&mut self, batch: &Batch) {
        for row in batch.written_reports() {
            self.entries.insert(
                key(&row.account, &row.native_id),
                Entry {
                    content_hash: row.content_hash,
                    absent: u8::try_from(row.absent).unwrap_or(u8::MAX),
                    archived: row.signal.0 == Signal::Archived,
                    seen: true,
                },
            );
        }
    }

    /// True if this run saw the report.
    pub fn was_seen(&self, row: &KnownReport) -> bool {
        self.entries
            .get(&key(&row.account, &row.native_id))
            .is_some_and(|e| e.seen)
    }
}
