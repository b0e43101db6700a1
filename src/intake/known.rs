//! What is known of a door, as small as it can be held: 64 bits of identity, the content hash, whether this run saw it,
//! and half the hash of its document. Two reports that share an identity would each make the other look changed: work,
//! but no loss.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hashbrown::HashTable;
use poamd_contract::finding::Signal;
use poamd_formats::Reading;

use super::heard::Heard;
use super::prepared::Arrived;
use super::shown::{Shown, standard_shown};
use crate::store::findings::{self, HeldReport, KnownReport};
use crate::store::{AnyConnection, Result};

/// What is held of one report.
#[derive(Debug, Clone, Copy)]
struct Entry {
    identity: u64,
    content_hash: i64,
    /// Of [`Known::places`].
    place: u32,
    /// Absences of the report so far; an archived one counts them while it is shown.
    absent: u8,
    archived: bool,
    seen: bool,
    /// What its document said when the door was opened still stands.
    stands: bool,
}

impl Entry {
    /// What is said again changes nothing.
    fn rests(self) -> bool {
        self.absent == 0 || self.archived
    }
}

/// Account, region, and the standard that is seen to be looked at.
type Place = (String, String, Option<String>);

#[derive(Debug, Default)]
pub(super) struct Known {
    entries: Vec<Entry>,
    /// Places in `entries`, by identity.
    index: HashTable<u32>,
    /// All of the door is at hand; if not, only what the page under way shows.
    whole: bool,
    documents: Arc<Documents>,
    /// Where reports were when the door was opened, and whether this run has shown it.
    places: Vec<(Place, bool)>,
    /// What was seen since it was last asked for, if anybody wants it.
    seen: Option<Vec<u64>>,
    /// What was seen before all of the door was at hand: a source that is asked for changes may show everything.
    before: Vec<u64>,
}

/// The documents that were known when a door was opened. They are asked for on another thread while the door's entries
/// move on; who finds one asks the entry too.
#[derive(Debug, Default)]
struct Documents {
    /// One for each entry; zeros where the document has to be read.
    keys: Vec<[u8; 16]>,
    index: HashTable<u32>,
}

impl Documents {
    fn find(&self, key: &[u8; 16]) -> Option<usize> {
        let is = |at: &u32| self.keys.get(*at as usize) == Some(key);
        self.index.find(hash_of(key), is).map(|at| *at as usize)
    }

    fn add(&mut self, key: [u8; 16]) {
        let (at, keys) = (self.keys.len(), &mut self.keys);
        keys.push(key);
        if let (Ok(at), true) = (u32::try_from(at), key != [0; 16]) {
            let hash = |at: &u32| keys.get(*at as usize).map_or(0, hash_of);
            self.index.insert_unique(hash_of(&key), at, hash);
        }
    }
}

/// A hash's own bytes are as good as another hash of it.
fn hash_of(key: &[u8; 16]) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|at| key[at]))
}

/// Says which documents need not be read.
#[derive(Debug, Clone)]
pub(super) struct Recogniser {
    documents: Arc<Documents>,
    reading: Reading,
}

impl Recogniser {
    pub fn knows(&self, sha256: &[u8; 32]) -> bool {
        self.documents.find(&self.reading.key(sha256)).is_some()
    }
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
        self.clear();
        let mut documents = Documents::default();
        let mut places = HashMap::new();
        findings::reports_of_cell(conn, door, |row| {
            self.hold(&row, &mut documents, &mut places);
        })?;
        self.documents = Arc::new(documents);
        self.whole = true;
        for key in std::mem::take(&mut self.before) {
            self.mark(key);
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
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
        self.clear();
        let mut prints: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for one in arrived {
            let of_account = prints.entry(one.report.account.as_str()).or_default();
            of_account.push(&one.fingerprint);
        }
        for (account, prints) in prints {
            for row in findings::known_of_cell(conn, account, door, &prints)? {
                self.put(said(&row, false));
            }
        }
        Ok(())
    }

    fn hold(
        &mut self,
        row: &HeldReport,
        documents: &mut Documents,
        places: &mut HashMap<Place, u32>,
    ) {
        let signal = row.known.signal.0;
        let entry = Entry {
            place: self.place(row, places),
            stands: true,
            ..said(&row.known, false)
        };
        if self.put(entry) {
            // What has no conclusion must be looked at by its id, which is not held.
            let document = row
                .document
                .as_deref()
                .filter(|_| entry.rests() && signal != Signal::NoConclusion);
            let key = document.and_then(|key| key.try_into().ok());
            documents.add(key.unwrap_or_default());
        }
    }

    fn place(&mut self, row: &HeldReport, places: &mut HashMap<Place, u32>) -> u32 {
        let standard = standard_shown(&row.native_id, row.known.signal.0);
        // Reports lie by account and time: mostly it is that of the one before.
        if let Some(((account, region, shown), _)) = self.places.last()
            && (account, region) == (&row.known.account, &row.region)
            && shown.as_deref() == standard
        {
            return number(self.places.len() - 1);
        }
        let place = (
            row.known.account.clone(),
            row.region.clone(),
            standard.map(str::to_owned),
        );
        *places.entry(place).or_insert_with_key(|place| {
            self.places.push((place.clone(), false));
            number(self.places.len() - 1)
        })
    }

    fn at(&self, identity: u64) -> Option<usize> {
        let is = |at: &u32| {
            let entry = self.entries.get(*at as usize);
            entry.is_some_and(|entry| entry.identity == identity)
        };
        self.index.find(identity, is).map(|at| *at as usize)
    }

    fn entry(&mut self, identity: u64) -> Option<&mut Entry> {
        self.at(identity).and_then(|at| self.entries.get_mut(at))
    }

    /// True if the identity is a new one; else the entry takes the other's place.
    fn put(&mut self, entry: Entry) -> bool {
        if let Some(there) = self.entry(entry.identity) {
            *there = Entry {
                stands: false,
                ..entry
            };
            return false;
        }
        let at = number(self.entries.len());
        self.entries.push(entry);
        let entries = &self.entries;
        let hash = |at: &u32| entries.get(*at as usize).map_or(0, |e| e.identity);
        self.index.insert_unique(entry.identity, at, hash);
        true
    }

    /// What recognises documents that are read this way; `None` if there is none to recognise.
    pub fn recogniser(&self, reading: Reading) -> Option<Recogniser> {
        let documents = self.documents.clone();
        (!documents.index.is_empty()).then_some(Recogniser { documents, reading })
    }

    /// Marks the report of a document as seen, as [`Known::see`] and [`Shown::see`] would; false if it has to be read.
    /// One that something else was heard of since (`heard`) does not stand.
    pub fn see_document(&mut self, key: &[u8; 16], heard: &Heard, shown: &mut Shown) -> bool {
        let found = self.documents.find(key);
        let Some(entry) = found.and_then(|at| self.entries.get_mut(at)) else {
            return false;
        };
        if !entry.stands || !entry.rests() || heard.last(entry.identity).is_some() {
            return false;
        }
        entry.seen = true;
        if let Some(seen) = &mut self.seen {
            seen.push(entry.identity);
        }
        if let Some((place, told @ false)) = self.places.get_mut(entry.place as usize) {
            shown.see_at(&place.0, &place.1, place.2.as_deref());
            *told = true;
        }
        true
    }

    /// Marks a report as seen; true if it says what was heard last (`heard`), or else what is known.
    pub fn see(&mut self, arrived: &Arrived, heard: &Heard) -> bool {
        let key = arrived.identity();
        if let Some(seen) = &mut self.seen {
            seen.push(key);
        }
        if !self.whole {
            self.before.push(key);
        }
        let known = self.entry(key).is_some_and(|entry| {
            entry.seen = true;
            entry.content_hash == arrived.content_hash && entry.rests()
        });
        let last = heard.last(key);
        last.map_or(known, |said| said == arrived.content_hash)
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
        if let Some(entry) = self.entry(key) {
            entry.seen = true;
        }
    }

    /// Takes over what was written and committed.
    pub fn learn(&mut self, reports: &[KnownReport]) {
        for row in reports {
            self.put(said(row, true));
        }
    }

    /// Takes note of what reports said last, by identity. What was too old to be written is no news either when it is
    /// said again.
    pub fn hear(&mut self, said: hashbrown::HashMap<u64, i64>) {
        for (identity, content_hash) in said {
            if let Some(entry) = self.entry(identity) {
                entry.content_hash = content_hash;
                entry.stands = false;
            }
        }
    }

    /// True if this run saw the report.
    pub fn was_seen(&self, row: &KnownReport) -> bool {
        self.at(identity(&row.account, row.report_key))
            .and_then(|at| self.entries.get(at))
            .is_some_and(|e| e.seen)
    }
}

/// What is known of a report whose document has to be read.
fn said(row: &KnownReport, seen: bool) -> Entry {
    Entry {
        identity: identity(&row.account, row.report_key),
        content_hash: row.content_hash,
        // Only documents that were known at the opening are asked for theirs.
        place: u32::MAX,
        absent: u8::try_from(row.absent).unwrap_or(u8::MAX),
        archived: row.signal.0 == Signal::Archived,
        seen,
        stands: false,
    }
}

/// As many entries as memory holds have smaller numbers.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
