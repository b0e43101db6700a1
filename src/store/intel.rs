//! Intelligence on CVEs: KEV, EPSS, SSVC as they were handed over, and which weaknesses speak of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use diesel::prelude::*;

use super::columns::Col;
use super::dialect::insert_rows;
use super::schema::{findings, intel_epss, intel_files, intel_kev, intel_ssvc};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result};
use crate::domain::clock::Impact;
use crate::domain::finding::FindingStatus;
use crate::domain::intel::{EpssEntry, IntelKind, KevEntry, SsvcEntry};
use crate::domain::priority::epss_step;
use crate::domain::signals::cves_of;

/// Which file of a kind is in the ledger.
#[derive(
    Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset, Identifiable,
)]
#[diesel(table_name = intel_files, primary_key(kind))]
pub struct IntelFile {
    pub kind: Col<IntelKind>,
    /// The publisher's date.
    pub as_of: Stamp,
    pub imported_at: Stamp,
    pub entries: i64,
    pub sha256: String,
    pub name: String,
    pub actor: String,
}

/// An entry of the KEV catalog, and for how long the catalog here said so.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = intel_kev, treat_none_as_default_value = false)]
pub struct KevRow {
    pub cve: String,
    /// The import that brought it.
    pub since: Stamp,
    /// The import that changed it or took it out; `None`: it holds.
    pub until: Option<Stamp>,
    pub added: NaiveDate,
    pub due: NaiveDate,
    pub name: String,
    pub ransomware: bool,
    pub triage: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = intel_epss)]
struct EpssRow {
    cve: String,
    epss: i64,
    percentile: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = intel_ssvc, treat_none_as_default_value = false)]
pub struct SsvcRow {
    pub cve: String,
    pub exploitation: Option<String>,
    pub automatable: Option<bool>,
    pub impact: Option<String>,
    pub at: Option<Stamp>,
}

impl SsvcRow {
    pub fn impact(&self) -> Option<Impact> {
        self.impact.as_deref().and_then(Impact::parse)
    }
}

/// What is known of one CVE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CveIntel {
    pub kev: Option<KevRow>,
    /// Millionths.
    pub epss: Option<u32>,
    pub ssvc: Option<SsvcRow>,
}

/// SQLite takes 32,766 variables; a row has at most six.
const ROWS_A_STATEMENT: usize = 5_000;
const KEYS_A_QUERY: usize = 500;

pub fn files(conn: &mut AnyConnection) -> Result<Vec<IntelFile>> {
    Ok(intel_files::table
        .order(intel_files::kind)
        .select(IntelFile::as_select())
        .load(conn)?)
}

pub fn file(conn: &mut AnyConnection, kind: IntelKind) -> Result<Option<IntelFile>> {
    Ok(intel_files::table
        .find(Col(kind))
        .select(IntelFile::as_select())
        .first(conn)
        .optional()?)
}

/// Notes which file is in.
pub fn note(conn: &mut AnyConnection, row: &IntelFile) -> Result<()> {
    diesel::delete(intel_files::table.find(row.kind)).execute(conn)?;
    diesel::insert_into(intel_files::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Puts a catalog in the place of the old one and keeps what the old one said; the CVEs that are otherwise now. Only the
/// difference is written.
pub fn replace_kev(
    conn: &mut AnyConnection,
    entries: &[KevEntry],
    now: Stamp,
) -> Result<BTreeSet<String>> {
    let old: BTreeMap<String, KevRow> = intel_kev::table
        .filter(intel_kev::until.is_null())
        .select(KevRow::as_select())
        .load(conn)?
        .into_iter()
        .map(|row: KevRow| (row.cve.clone(), row))
        .collect();
    let given: BTreeSet<&str> = entries.iter().map(|entry| entry.cve.as_str()).collect();
    let fresh: Vec<KevRow> = entries
        .iter()
        .filter(|entry| old.get(&entry.cve).is_none_or(|row| !row.says(entry)))
        .map(|entry| KevRow::new(entry, now))
        .collect();
    let gone = old.keys().filter(|cve| !given.contains(cve.as_str()));
    let gone = gone.cloned().collect::<Vec<String>>();
    let over: Vec<&str> = fresh
        .iter()
        .map(|row| row.cve.as_str())
        .filter(|cve| old.contains_key(*cve))
        .chain(gone.iter().map(String::as_str))
        .collect();
    for keys in over.chunks(KEYS_A_QUERY) {
        // What held for no time at all was never shown to anybody.
        let held = || intel_kev::until.is_null().and(intel_kev::cve.eq_any(keys));
        diesel::delete(intel_kev::table.filter(held().and(intel_kev::since.eq(now))))
            .execute(conn)?;
        diesel::update(intel_kev::table.filter(held()))
            .set(intel_kev::until.eq(now))
            .execute(conn)?;
    }
    insert_rows!(conn, intel_kev::table, &fresh, ROWS_A_STATEMENT)?;
    let mut changed: BTreeSet<String> = gone.into_iter().collect();
    changed.extend(fresh.into_iter().map(|row| row.cve));
    Ok(changed)
}

impl KevRow {
    fn new(entry: &KevEntry, now: Stamp) -> Self {
        Self {
            cve: entry.cve.clone(),
            since: now,
            until: None,
            added: entry.added,
            due: entry.due,
            name: entry.name.clone(),
            ransomware: entry.ransomware,
            triage: entry.triage.clone(),
        }
    }

    fn says(&self, entry: &KevEntry) -> bool {
        Self::new(entry, self.since) == *self
    }
}

/// The catalog as it is here, or as it was here at a moment; by CVE.
pub fn kev(conn: &mut AnyConnection, until: Option<Stamp>) -> Result<HashMap<String, KevRow>> {
    let rows: Vec<KevRow> = match until {
        None => intel_kev::table
            .filter(intel_kev::until.is_null())
            .select(KevRow::as_select())
            .load(conn)?,
        Some(moment) => intel_kev::table
            .filter(intel_kev::since.le(moment))
            .filter(
                intel_kev::until
                    .is_null()
                    .or(intel_kev::until.gt(moment).assume_not_null()),
            )
            .select(KevRow::as_select())
            .load(conn)?,
    };
    Ok(rows.into_iter().map(|row| (row.cve.clone(), row)).collect())
}

/// Probabilities of these CVEs in millionths. Scores have no history: of a moment before the file came there are none.
pub fn epss(
    conn: &mut AnyConnection,
    cves: &[&str],
    until: Option<Stamp>,
) -> Result<HashMap<String, u32>> {
    let mut known = HashMap::new();
    if let Some(moment) = until
        && file(conn, IntelKind::Epss)?.is_none_or(|file| file.imported_at > moment)
    {
        return Ok(known);
    }
    for keys in cves.chunks(KEYS_A_QUERY) {
        let rows: Vec<(String, i64)> = intel_epss::table
            .filter(intel_epss::cve.eq_any(keys))
            .select((intel_epss::cve, intel_epss::epss))
            .load(conn)?;
        known.extend(
            rows.into_iter()
                .filter_map(|(cve, epss)| Some((cve, u32::try_from(epss).ok()?))),
        );
    }
    Ok(known)
}

/// The same for scores. Changed are those whose step in the priority is another: the rest moves by a hair every day.
pub fn replace_epss(conn: &mut AnyConnection, entries: &[EpssEntry]) -> Result<BTreeSet<String>> {
    let step = |row: &EpssRow| epss_step(u32::try_from(row.epss).unwrap_or(u32::MAX));
    let old: BTreeMap<String, i64> = intel_epss::table
        .select(EpssRow::as_select())
        .load(conn)?
        .into_iter()
        .map(|row: EpssRow| (row.cve.clone(), step(&row)))
        .filter(|(_, step)| *step > 0)
        .collect();
    diesel::delete(intel_epss::table).execute(conn)?;
    let mut new = BTreeMap::new();
    for chunk in entries.chunks(ROWS_A_STATEMENT) {
        let rows: Vec<EpssRow> = chunk
            .iter()
            .map(|entry| EpssRow {
                cve: entry.cve.clone(),
                epss: i64::from(entry.epss),
                percentile: i64::from(entry.percentile),
            })
            .collect();
        insert_rows!(conn, intel_epss::table, &rows, ROWS_A_STATEMENT)?;
        new.extend(
            rows.iter()
                .filter(|row| step(row) > 0)
                .map(|row| (row.cve.clone(), step(row))),
        );
    }
    Ok(changed(old, new))
}

/// The same for SSVC answers; `whole`: what is not among them is gone, else it stays.
pub fn replace_ssvc(
    conn: &mut AnyConnection,
    entries: &[SsvcEntry],
    whole: bool,
) -> Result<BTreeSet<String>> {
    let all: Vec<SsvcRow> = intel_ssvc::table.select(SsvcRow::as_select()).load(conn)?;
    let rows: Vec<SsvcRow> = entries
        .iter()
        .map(|entry| SsvcRow {
            cve: entry.cve.clone(),
            exploitation: entry.exploitation.clone(),
            automatable: entry.automatable,
            impact: entry.impact.map(|impact| impact.as_str().to_owned()),
            at: entry.at.map(stamp),
        })
        .collect();
    let given: BTreeSet<&String> = rows.iter().map(|row| &row.cve).collect();
    let old: BTreeMap<String, SsvcRow> = all
        .into_iter()
        .filter(|row| whole || given.contains(&row.cve))
        .map(|row| (row.cve.clone(), row))
        .collect();
    if whole {
        diesel::delete(intel_ssvc::table).execute(conn)?;
    } else {
        let keys: Vec<&String> = old.keys().collect();
        for chunk in keys.chunks(KEYS_A_QUERY) {
            diesel::delete(
                intel_ssvc::table.filter(intel_ssvc::cve.eq_any(chunk.iter().map(|k| k.as_str()))),
            )
            .execute(conn)?;
        }
    }
    insert_rows!(conn, intel_ssvc::table, &rows, ROWS_A_STATEMENT)?;
    Ok(changed(
        old,
        rows.into_iter().map(|row| (row.cve.clone(), row)),
    ))
}

/// How many CVEs have SSVC answers.
pub fn ssvc_count(conn: &mut AnyConnection) -> Result<i64> {
    Ok(intel_ssvc::table.count().get_result(conn)?)
}

fn changed<T: PartialEq>(
    mut old: BTreeMap<String, T>,
    new: impl IntoIterator<Item = (String, T)>,
) -> BTreeSet<String> {
    let mut changed: BTreeSet<String> = new
        .into_iter()
        .filter(|(cve, now)| old.remove(cve).is_none_or(|was| was != *now))
        .map(|(cve, _)| cve)
        .collect();
    // What is left was taken out.
    changed.extend(old.into_keys());
    changed
}

/// What is known of these CVEs.
pub fn of_cves(conn: &mut AnyConnection, cves: &[&str]) -> Result<HashMap<String, CveIntel>> {
    let mut known: HashMap<String, CveIntel> = HashMap::new();
    for keys in cves.chunks(KEYS_A_QUERY) {
        let kev: Vec<KevRow> = intel_kev::table
            .filter(intel_kev::cve.eq_any(keys))
            .filter(intel_kev::until.is_null())
            .select(KevRow::as_select())
            .load(conn)?;
        for row in kev {
            let cve = row.cve.clone();
            known.entry(cve).or_default().kev = Some(row);
        }
        let epss: Vec<EpssRow> = intel_epss::table
            .filter(intel_epss::cve.eq_any(keys))
            .select(EpssRow::as_select())
            .load(conn)?;
        for row in epss {
            known.entry(row.cve).or_default().epss = u32::try_from(row.epss).ok();
        }
        let ssvc: Vec<SsvcRow> = intel_ssvc::table
            .filter(intel_ssvc::cve.eq_any(keys))
            .select(SsvcRow::as_select())
            .load(conn)?;
        for row in ssvc {
            let cve = row.cve.clone();
            known.entry(cve).or_default().ssvc = Some(row);
        }
    }
    Ok(known)
}

/// What was known of these CVEs at a moment; now without one. SSVC answers have no history and are those of today.
pub fn at(
    conn: &mut AnyConnection,
    cves: &[&str],
    until: Option<Stamp>,
) -> Result<HashMap<String, CveIntel>> {
    let mut known = of_cves(conn, cves)?;
    if until.is_none() {
        return Ok(known);
    }
    let (mut listed, scores) = (kev(conn, until)?, epss(conn, cves, until)?);
    for cve in cves {
        let entry = known.entry((*cve).to_owned()).or_default();
        entry.kev = listed.remove(*cve);
        entry.epss = scores.get(*cve).copied();
    }
    Ok(known)
}

/// Account and weakness of every finding that is not fixed and names one of these CVEs.
pub fn weaknesses_naming(
    conn: &mut AnyConnection,
    cves: &BTreeSet<String>,
) -> Result<BTreeSet<(String, String)>> {
    let mut named = BTreeSet::new();
    if cves.is_empty() {
        return Ok(named);
    }
    let rows = findings::table
        .filter(findings::status.ne(Col(FindingStatus::Fixed)))
        .filter(
            findings::weakness_id
                .like("CVE-%")
                .or(findings::detail.like("%\"cves\"%")),
        )
        .select((findings::account, findings::weakness_id, findings::detail))
        .load_iter::<(String, String, String), _>(conn)?;
    for row in rows {
        let (account, weakness, detail) = row?;
        if cves.contains(&weakness) || cves_of(&detail).iter().any(|cve| cves.contains(cve)) {
            named.insert((account, weakness));
        }
    }
    Ok(named)
}
