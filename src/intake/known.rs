//! What is known of a door, as small as it can be held: 64 bits of identity, the content hash, and whether this run saw
//! it. Two reports that share an identity would each make the other look changed: work, but no loss.

use std::collections::HashMap;

use poamd_contract::finding::Signal;

use super::batch::Batch;
use super::door::Door;
use super::prepared::Arrived;
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
    entries: HashMap<u64, Entry>,
    /// What was seen since it was last asked for, if anybody wants it.
    seen: Option<Vec<u64>>,
}

/// Identity of a report of this door: its key says nothing of the account.
pub(super) fn identity(account: &str, report_key: i64) -> u64 {
    let number = account.bytes().fold(0_u64, |number, byte| {
        number.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    report_key.cast_unsigned() ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Known {
    pub fn load(conn: &mut AnyConnection, door: &Door) -> Result<Self> {
        let mut known = Self::default();
        findings::reports_of_cell(conn, &door.name(), |row| {
            known.entries.insert(
                identity(&row.account, row.report_key),
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
    pub fn see(&mut self, arrived: &Arrived) -> bool {
        let key = identity(arrived.report.account.as_str(), arrived.report_key);
        if let Some(seen) = &mut self.seen {
            seen.push(key);
        }
        match self.entries.get_mut(&key) {
            Some(entry)
                if entry.content_hash == arrived.content_hash
                    && (entry.absent == 0 || entry.archived) =>
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

    /// What was seen since the last call, eight bytes each.
    pub fn newly_seen(&mut self) -> Vec<u8> {
        let seen = self.seen.as_mut().map(std::mem::take).unwrap_or_default();
        seen.into_iter().flat_map(u64::to_be_bytes).collect()
    }

    /// Marks as seen what an interrupted look has seen.
    pub fn recall(&mut self, prints: &[u8]) {
        for print in prints.as_chunks::<8>().0 {
            if let Some(entry) = self.entries.get_mut(&u64::from_be_bytes(*print)) {
                entry.seen = true;
            }
        }
    }

    /// Takes over what a committed batch wrote.
    pub fn learn(&mut self, batch: &Batch) {
        for row in batch.written_reports() {
            self.entries.insert(
                identity(&row.account, row.report_key),
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
            .get(&identity(&row.account, row.report_key))
            .is_some_and(|e| e.seen)
    }
}
