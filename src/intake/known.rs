//! What is known of a door, as small as it can be held: 64 bits of identity, the content hash, and whether this run saw
//! it. Two reports that share an identity would each make the other look changed: work, but no loss.

use std::collections::{BTreeMap, HashMap};

use poamd_contract::finding::Signal;

use super::batch::Batch;
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
    /// All of the door is at hand; if not, only what the page under way shows.
    whole: bool,
    /// What was seen since it was last asked for, if anybody wants it.
    seen: Option<Vec<u64>>,
    /// What was seen before all of the door was at hand: a source that is asked for changes may show everything.
    before: Vec<u64>,
}

/// Identity of a report of this door: its key says nothing of the account.
pub(super) fn identity(account: &str, report_key: i64) -> u64 {
    let number = account.bytes().fold(0_u64, |number, byte| {
        number.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    report_key.cast_unsigned() ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Known {
    /// Takes all of the door: what a look at everything needs, since it asks what it did not see.
    pub fn load(&mut self, conn: &mut AnyConnection, door: &str) -> Result<()> {
        findings::reports_of_cell(conn, door, |row| self.put(&row, false))?;
        self.whole = true;
        for key in std::mem::take(&mut self.before) {
            self.mark(key);
        }
        Ok(())
    }

    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes what a page shows and lets go of the page before it, so that looks at changes cost what they read and no
    /// more.
    pub fn fetch(
        &mut self,
        conn: &mut AnyConnection,
        door: &str,
        arrived: &[Arrived],
    ) -> Result<()> {
        self.entries.clear();
        let mut prints: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in arrived {
            let of_account = prints.entry(one.report.account.as_str()).or_default();
            of_account.push(&one.fingerprint);
        }
        for (account, prints) in prints {
            for row in findings::known_of_cell(conn, account, door, &prints)? {
                self.put(&row, false);
            }
        }
        Ok(())
    }

    fn put(&mut self, row: &KnownReport, seen: bool) {
        let entry = Entry {
            content_hash: row.content_hash,
            absent: u8::try_from(row.absent).unwrap_or(u8::MAX),
            archived: row.signal.0 == Signal::Archived,
            seen,
        };
        self.entries
            .insert(identity(&row.account, row.report_key), entry);
    }

    /// Marks a report as seen; true if it says what is known.
    pub fn see(&mut self, arrived: &Arrived) -> bool {
        let key = identity(arrived.report.account.as_str(), arrived.report_key);
        if let Some(seen) = &mut self.seen {
            seen.push(key);
        }
        if !self.whole {
            self.before.push(key);
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
            self.mark(u64::from_be_bytes(*print));
        }
    }

    fn mark(&mut self, key: u64) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.seen = true;
        }
    }

    /// Takes over what a committed batch wrote.
    pub fn learn(&mut self, batch: &Batch) {
        for row in batch.written_reports() {
            self.put(&KnownReport::of(row), true);
        }
    }

    /// True if this run saw the report.
    pub fn was_seen(&self, row: &KnownReport) -> bool {
        self.entries
            .get(&identity(&row.account, row.report_key))
            .is_some_and(|e| e.seen)
    }
}
