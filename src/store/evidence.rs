//! Documents as they came, kept in packs by what is in them; which of them held when; what each run read.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::audit::{hex, sha256_hex};
use super::findings::ReportRow;
use super::schema::{audit, evidence_packs, finding_reports, findings, manifests, report_versions};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, StoreError, details, from_json};

/// Fast rather than small: findings repeat themselves so much that more effort gains little.
const LEVEL: i32 = 1;
/// No pack is larger than what one document may be, and its lengths.
const LARGEST: i64 = 40 << 20;
const KEYS_A_QUERY: usize = 500;

/// Documents in one frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    pub documents: i64,
    /// Bytes before compression.
    pub size: i64,
    /// Over the SHA-256 of each document, in order.
    pub sha256: String,
    pub zstd: Vec<u8>,
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = evidence_packs)]
pub struct PackRow {
    pub id: i64,
    pub run_id: i64,
    pub door: String,
    pub taken_at: Stamp,
    /// The audit event that names its hash.
    pub event: i64,
    pub documents: i64,
    pub size: i64,
    pub sha256: String,
    pub zstd: Vec<u8>,
}

/// What a run read through one door.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = manifests, treat_none_as_default_value = false)]
pub struct Manifest {
    pub run_id: i64,
    /// `account/region/service`, or `file`.
    pub door: String,
    /// Filter or window that was asked for; empty for all there is.
    pub asked: String,
    pub pages: i64,
    pub documents: i64,
    pub bytes: i64,
    /// Documents that were kept: the others were known.
    pub kept: i64,
    pub set_aside: i64,
    /// The source's own ids of the first and the last request, where it gives them.
    pub first_request: Option<String>,
    pub last_request: Option<String>,
    pub began_at: Stamp,
    pub ended_at: Stamp,
    /// Over the SHA-256 of each document in the order it came.
    pub sha256: String,
}

fn damaged(pack: i64, why: impl std::fmt::Display) -> StoreError {
    StoreError::Row {
        what: format!("pack {pack} of the evidence"),
        why: why.to_string(),
    }
}

/// Puts documents, each with its SHA-256, into one frame.
pub fn pack(documents: &[(&str, &[u8; 32])]) -> Result<Packed> {
    let size: usize = documents.iter().map(|(text, _)| text.len() + 4).sum();
    let mut bytes = Vec::with_capacity(size);
    let mut hash = Sha256::new();
    for (text, sha256) in documents {
        let length = u32::try_from(text.len()).map_err(|e| damaged(0, e))?;
        bytes.extend_from_slice(&length.to_le_bytes());
        hash.update(sha256);
    }
    for (text, _) in documents {
        bytes.extend_from_slice(text.as_bytes());
    }
    Ok(Packed {
        documents: i64::try_from(documents.len()).map_err(|e| damaged(0, e))?,
        size: i64::try_from(size).map_err(|e| damaged(0, e))?,
        sha256: hex(&hash.finalize()),
        zstd: zstd::bulk::compress(&bytes, LEVEL).map_err(|e| damaged(0, e))?,
    })
}

/// The documents of a pack.
pub fn unpack(row: &PackRow) -> Result<Vec<String>> {
    let wrong = |why: &str| damaged(row.id, why);
    if !(0..=LARGEST).contains(&row.size) || row.documents > row.size / 4 {
        return Err(wrong("its size cannot be"));
    }
    let size = usize::try_from(row.size).map_err(|e| damaged(row.id, e))?;
    let bytes = zstd::bulk::decompress(&row.zstd, size).map_err(|e| damaged(row.id, e))?;
    let head = usize::try_from(row.documents * 4).map_err(|e| damaged(row.id, e))?;
    let (lengths, mut rest) = bytes
        .split_at_checked(head)
        .ok_or_else(|| wrong("it is short"))?;
    let mut documents = Vec::with_capacity(head / 4);
    for length in lengths.chunks_exact(4) {
        let length = length
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | usize::from(*byte));
        let (text, after) = rest
            .split_at_checked(length)
            .ok_or_else(|| wrong("it is short"))?;
        documents.push(String::from_utf8(text.to_vec()).map_err(|e| damaged(row.id, e))?);
        rest = after;
    }
    if rest.is_empty() {
        Ok(documents)
    } else {
        Err(wrong("it is longer than its documents"))
    }
}

/// The number of the next pack. Only inside a write transaction, which is alone.
pub fn next_pack(conn: &mut AnyConnection) -> Result<i64> {
    let last: Option<i64> = evidence_packs::table
        .select(diesel::dsl::max(evidence_packs::id))
        .first(conn)?;
    Ok(last.unwrap_or(0) + 1)
}

pub fn insert_pack(
    conn: &mut AnyConnection,
    id: i64,
    packed: &Packed,
    run: i64,
    door: &str,
    at: DateTime<Utc>,
    event: i64,
) -> Result<()> {
    diesel::insert_into(evidence_packs::table)
        .values((
            evidence_packs::id.eq(id),
            evidence_packs::run_id.eq(run),
            evidence_packs::door.eq(door),
            evidence_packs::taken_at.eq(stamp(at)),
            evidence_packs::event.eq(event),
            evidence_packs::documents.eq(packed.documents),
            evidence_packs::size.eq(packed.size),
            evidence_packs::sha256.eq(&packed.sha256),
            evidence_packs::zstd.eq(&packed.zstd),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps where the document of a report was until another takes its place.
pub(super) fn keep_report(conn: &mut AnyConnection, was: &ReportRow, until: Stamp) -> Result<()> {
    let (Some(pack), Some(at)) = (was.pack_id, was.pack_at) else {
        return Ok(());
    };
    diesel::insert_into(report_versions::table)
        .values((
            report_versions::finding_id.eq(was.finding_id),
            report_versions::report_key.eq(was.report_key),
            report_versions::until.eq(until),
            report_versions::pack_id.eq(pack),
            report_versions::pack_at.eq(at),
        ))
        .execute(conn)?;
    Ok(())
}

/// A document that held at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub fingerprint: String,
    pub native_id: String,
    pub door: String,
    pub run: i64,
    pub taken_at: Stamp,
    pub sha256: String,
    pub document: String,
}

/// A report of a finding and where its document is.
#[derive(Debug, Queryable)]
struct Placed {
    finding_id: i64,
    fingerprint: String,
    report_key: i64,
    native_id: String,
    pack_id: Option<i64>,
    pack_at: Option<i64>,
}

/// What the sources said of these findings when `moment` ended, by finding and native id.
pub fn held_at(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
    moment: DateTime<Utc>,
) -> Result<Vec<Held>> {
    let moment = stamp(moment);
    let mut by_pack: BTreeMap<i64, Vec<(i64, Placed)>> = BTreeMap::new();
    for keys in fingerprints.chunks(KEYS_A_QUERY) {
        let mut all = placed_at(conn, account, keys, moment)?;
        all.extend(told_at(conn, account, keys, moment)?);
        for placed in all {
            if let (Some(pack), Some(at)) = (placed.pack_id, placed.pack_at) {
                by_pack.entry(pack).or_default().push((at, placed));
            }
        }
    }
    let mut held = Vec::new();
    for (id, wanted) in by_pack {
        let row = evidence_packs::table
            .find(id)
            .select(PackRow::as_select())
            .first(conn)
            .optional()?
            .ok_or_else(|| damaged(id, "it is missing"))?;
        if row.taken_at > moment {
            continue;
        }
        let documents = unpack(&row)?;
        for (at, placed) in wanted {
            let document = usize::try_from(at)
                .ok()
                .and_then(|at| documents.get(at))
                .ok_or_else(|| damaged(id, "a document that a report names is not in it"))?;
            held.push(Held {
                fingerprint: placed.fingerprint,
                native_id: placed.native_id,
                door: row.door.clone(),
                run: row.run_id,
                taken_at: row.taken_at,
                sha256: sha256_hex(document.as_bytes()),
                document: document.clone(),
            });
        }
    }
    held.sort_by(|a, b| {
        (&a.fingerprint, &a.native_id, &a.door).cmp(&(&b.fingerprint, &b.native_id, &b.door))
    });
    Ok(held)
}

/// What sources told of these findings beside their listings, as it held at a moment.
fn told_at(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
    moment: Stamp,
) -> Result<Vec<Placed>> {
    let told = details::at(conn, account, fingerprints, moment)?;
    let placed = told.into_values().map(|row| Placed {
        finding_id: 0,
        fingerprint: row.fingerprint,
        report_key: 0,
        native_id: row.native_id,
        pack_id: row.pack_id,
        pack_at: row.pack_at,
    });
    Ok(placed.collect())
}

/// Reports with the places their documents had at a moment.
fn placed_at(
    conn: &mut AnyConnection,
    account: &str,
    fingerprints: &[&str],
    moment: Stamp,
) -> Result<Vec<Placed>> {
    let mut rows: Vec<Placed> = findings::table
        .inner_join(finding_reports::table)
        .filter(findings::account.eq(account))
        .filter(findings::fingerprint.eq_any(fingerprints))
        .select((
            findings::id,
            findings::fingerprint,
            finding_reports::report_key,
            finding_reports::native_id,
            finding_reports::pack_id,
            finding_reports::pack_at,
        ))
        .load(conn)?;
    let ids: HashSet<i64> = rows.iter().map(|row| row.finding_id).collect();
    let kept: Vec<(i64, i64, i64, i64)> = report_versions::table
        .filter(report_versions::finding_id.eq_any(ids))
        .filter(report_versions::until.gt(moment))
        .order(report_versions::id)
        .select((
            report_versions::finding_id,
            report_versions::report_key,
            report_versions::pack_id,
            report_versions::pack_at,
        ))
        .load(conn)?;
    let mut then: HashMap<(i64, i64), (i64, i64)> = HashMap::new();
    for (finding, key, pack, at) in kept {
        then.entry((finding, key)).or_insert((pack, at));
    }
    for row in &mut rows {
        if let Some((pack, at)) = then.get(&(row.finding_id, row.report_key)) {
            (row.pack_id, row.pack_at) = (Some(*pack), Some(*at));
        }
    }
    Ok(rows)
}

/// Keeps what a run read through a door.
pub fn note(conn: &mut AnyConnection, manifest: &Manifest) -> Result<()> {
    diesel::insert_into(manifests::table)
        .values(manifest)
        .execute(conn)?;
    Ok(())
}

/// What runs read, the newest first; of one run if it is named.
pub fn manifests(conn: &mut AnyConnection, run: Option<i64>) -> Result<Vec<Manifest>> {
    let mut query = manifests::table
        .order((manifests::run_id.desc(), manifests::door))
        .into_boxed();
    if let Some(run) = run {
        query = query.filter(manifests::run_id.eq(run));
    }
    Ok(query.select(Manifest::as_select()).load(conn)?)
}

/// What a look at all documents found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    pub packs: i64,
    pub documents: i64,
    /// The first that is not as it was taken, in words; `None` if all are.
    pub broken: Option<String>,
}

/// Hashes every document anew and holds it against the pack's hash, and that against the audit event that took it.
/// Whether the events are whole is the audit log's to say.
pub fn verify(conn: &mut AnyConnection) -> Result<Verdict> {
    let mut verdict = Verdict {
        packs: 0,
        documents: 0,
        broken: None,
    };
    let mut named = named_packs(conn)?;
    let mut last = 0;
    loop {
        let row = evidence_packs::table
            .filter(evidence_packs::id.gt(last))
            .order(evidence_packs::id)
            .select(PackRow::as_select())
            .first(conn)
            .optional()?;
        let Some(row) = row else {
            break;
        };
        last = row.id;
        if let Some(why) = fault(&row, &mut named) {
            verdict.broken = Some(format!("pack {}: {why}", row.id));
            return Ok(verdict);
        }
        verdict.packs += 1;
        verdict.documents += row.documents;
    }
    if let Some((event, hash)) = named.first() {
        verdict.broken = Some(format!(
            "the pack {hash} that event {event} took is missing"
        ));
    }
    Ok(verdict)
}

fn fault(row: &PackRow, named: &mut BTreeSet<(i64, String)>) -> Option<String> {
    let documents = match unpack(row) {
        Ok(documents) => documents,
        Err(error) => return Some(error.to_string()),
    };
    let mut hash = Sha256::new();
    for document in &documents {
        hash.update(Sha256::digest(document.as_bytes()));
    }
    if hex(&hash.finalize()) != row.sha256 {
        return Some("its documents are not those whose hash it bears".to_owned());
    }
    let there = named.remove(&(row.event, row.sha256.clone()));
    (!there).then(|| format!("event {} does not name its hash", row.event))
}

/// Event and hash of every pack that the audit log names.
fn named_packs(conn: &mut AnyConnection) -> Result<BTreeSet<(i64, String)>> {
    let rows = audit::table
        .filter(audit::kind.eq("findings.taken"))
        .order(audit::n)
        .select((audit::n, audit::body))
        .load_iter::<(i64, String), _>(conn)?;
    let mut named = BTreeSet::new();
    for row in rows {
        let (n, body) = row?;
        let body: Value = from_json("an audit event", &body)?;
        let packs = body.get("packs").and_then(Value::as_array);
        let hashes = packs.into_iter().flatten().filter_map(Value::as_str);
        named.extend(hashes.map(|hash| (n, hash.to_owned())));
    }
    Ok(named)
}
