//! What a source tells of findings beside its listing, taken after them: it is put to their detail, its documents are kept,
//! and neither their state nor the hash of their reports knows of it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use poamd_contract::source::Details;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::batch::Batch;
use crate::domain::supplement::with_supplement;
use crate::store::audit::{self, Event};
use crate::store::details::{self, DetailRow, Waiting};
use crate::store::evidence as store_evidence;
use crate::store::findings::{self, FindingRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Result, Store, from_json, to_json};

/// One round of asking in a cell.
pub struct Supplements<'a> {
    pub store: &'a Store,
    /// `account/region/service`: the door of the findings.
    pub door: &'a str,
    pub run: i64,
    pub actor: &'a str,
    pub now: DateTime<Utc>,
}

/// What was told of one that waited; `None`: the source knows nothing more.
type Told<'a> = (&'a Waiting, Option<usize>);

impl Supplements<'_> {
    /// Takes what was told of those that waited: durable when it returns. Gives how many findings changed by it.
    pub fn take(&self, waiting: &[Waiting], told: &Details) -> Result<u64> {
        let known: HashMap<&str, usize> = told
            .known
            .iter()
            .enumerate()
            .map(|(n, one)| (one.native_id.as_str(), n))
            .collect();
        let mut answers: Vec<Told<'_>> = Vec::new();
        for one in waiting {
            let at = known.get(one.native_id.as_str()).copied();
            if at.is_some() || told.nothing.contains(&one.native_id) {
                answers.push((one, at));
            }
        }
        if answers.is_empty() {
            return Ok(0);
        }
        self.store
            .write_here(|conn| self.write(conn, &answers, told))
    }

    fn write(&self, conn: &mut AnyConnection, answers: &[Told<'_>], told: &Details) -> Result<u64> {
        let documents: Vec<(&str, [u8; 32])> = answers
            .iter()
            .filter_map(|(_, at)| told.known.get((*at)?))
            .map(|one| (&*one.raw, Sha256::digest(one.raw.as_bytes()).into()))
            .collect();
        let mut pack = None;
        if !documents.is_empty() {
            let parts: Vec<(&str, &[u8; 32])> =
                documents.iter().map(|(raw, hash)| (*raw, hash)).collect();
            let packed = store_evidence::pack(&parts)?;
            pack = Some((store_evidence::next_pack(conn)?, packed));
        }
        let mut batch = Batch::default();
        let mut place = 0;
        for (waiting, at) in answers {
            let supplement = at.and_then(|at| told.known.get(at));
            let mut row = DetailRow {
                account: waiting.account.clone(),
                fingerprint: waiting.fingerprint.clone(),
                cell: self.door.to_owned(),
                native_id: waiting.native_id.clone(),
                for_hash: waiting.content_hash,
                detail: String::new(),
                taken_at: stamp(self.now),
                pack_id: None,
                pack_at: None,
            };
            if let (Some(supplement), Some((pack, _))) = (supplement, &pack) {
                row.detail = to_json(&supplement.detail)?;
                (row.pack_id, row.pack_at) = (Some(*pack), Some(place));
                place += 1;
                if let Some(was) = self.finding(conn, waiting)? {
                    let next = FindingRow {
                        detail: merged(&was, &row.detail)?,
                        changed_at: stamp(self.now),
                        ..was.clone()
                    };
                    if next.detail != was.detail {
                        batch.add_detail(&was, next, &waiting.native_id);
                    }
                }
            }
            details::insert(conn, &row)?;
        }
        batch.write(conn, self.now)?;
        if let Some((id, packed)) = &pack {
            let body = json!({ "new": 0, "changed": batch.changed, "packs": [packed.sha256], "details": packed.documents });
            let event = Event {
                at: self.now,
                actor: self.actor.to_owned(),
                kind: "findings.taken",
                subject: format!("run:{} {}", self.run, self.door),
                body,
            };
            let n = audit::append_batch(conn, event, &to_json(&batch.changes)?)?;
            store_evidence::insert_pack(conn, *id, packed, self.run, self.door, self.now, n)?;
        }
        Ok(batch.changed)
    }

    fn finding(&self, conn: &mut AnyConnection, of: &Waiting) -> Result<Option<FindingRow>> {
        let mut found = findings::by_fingerprints(conn, &of.account, &[&of.fingerprint])?;
        Ok(found.remove(&of.fingerprint))
    }
}

/// The JSON of a finding's detail with what a supplement adds.
fn merged(row: &FindingRow, more: &str) -> Result<String> {
    let what = "the detail of a finding";
    let detail = match row.detail.as_str() {
        "" => Default::default(),
        text => from_json(what, text)?,
    };
    let whole = with_supplement(&detail, &from_json(what, more)?);
    if whole.is_empty() {
        Ok(String::new())
    } else {
        to_json(&whole)
    }
}
