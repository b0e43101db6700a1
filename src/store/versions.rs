//! What records, findings, items and tickets were before they changed, kept in the transaction that changes them, and how they
//! stood at a moment. A version holds what was until a moment; what is, stands in the table itself.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::desk::TicketState;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::accounts::AccountRow;
use super::columns::Col;
use super::dialect::insert_many;
use super::findings::FindingRow;
use super::items::ItemRow;
use super::justifications::{ACCEPTED, EXPIRED};
use super::records::RecordRow;
use super::schema::{
    audit, evidence_packs, finding_reports, finding_text_versions, finding_versions, findings,
    item_versions, record_versions, report_versions, ticket_versions,
};
use super::shown::{self, ShownFinding, ShownJustification, ShownReport, ShownText};
use super::tickets::TicketRow;
use super::time::{Stamp, stamp};
use super::{
    AnyConnection, Result, accounts, from_json, items, records, settings, tickets, to_json,
};
use crate::domain::ticket::Link;

/// SQLite takes 32,766 variables; a version has four.
const ROWS_A_STATEMENT: usize = 1_000;
const KEYS_A_QUERY: usize = 500;

/// Keeps what a record was until it changes.
pub(super) fn keep_record(conn: &mut AnyConnection, was: &RecordRow, until: Stamp) -> Result<()> {
    // Each change of a record is dated: what changed twice at one instant stood at no instant in between.
    if was.changed_at == until {
        return Ok(());
    }
    diesel::insert_into(record_versions::table)
        .values((
            record_versions::record_id.eq(was.id),
            record_versions::until.eq(until),
            record_versions::was.eq(to_json(was)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// Keeps what findings were until they change.
pub(super) fn keep_findings(
    conn: &mut AnyConnection,
    were: &[ShownFinding],
    until: Stamp,
) -> Result<()> {
    for chunk in were.chunks(ROWS_A_STATEMENT) {
        let mut rows = Vec::with_capacity(chunk.len());
        for was in chunk {
            rows.push((
                finding_versions::account.eq(&was.account),
                finding_versions::fingerprint.eq(&was.fingerprint),
                finding_versions::until.eq(until),
                finding_versions::was.eq(to_json(was)?),
            ));
        }
        insert_many!(conn, finding_versions::table, &rows)?;
    }
    Ok(())
}

/// Long texts that were otherwise; those that stayed are left out.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Texts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remediation: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requirements: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl Texts {
    fn put(self, text: &mut ShownText) {
        let put = |place: &mut String, was: Option<String>| {
            if let Some(was) = was {
                *place = was;
            }
        };
        put(&mut text.description, self.description);
        put(&mut text.remediation, self.remediation);
        put(&mut text.requirements, self.requirements);
        put(&mut text.detail, self.detail);
    }
}

/// Keeps what the long texts of a finding on a record were until they change; nobody is shown those of others.
pub(super) fn keep_texts(
    conn: &mut AnyConnection,
    was: &FindingRow,
    row: &FindingRow,
) -> Result<()> {
    if was.record_id.is_none() {
        return Ok(());
    }
    let other = |was: &String, is: &String| (was != is).then(|| was.clone());
    let texts = Texts {
        description: other(&was.description, &row.description),
        remediation: other(&was.remediation, &row.remediation),
        requirements: other(&was.requirements, &row.requirements),
        detail: other(&was.detail, &row.detail),
    };
    if texts == Texts::default() {
        return Ok(());
    }
    diesel::insert_into(finding_text_versions::table)
        .values((
            finding_text_versions::account.eq(&was.account),
            finding_text_versions::fingerprint.eq(&was.fingerprint),
            finding_text_versions::until.eq(row.changed_at),
            finding_text_versions::was.eq(to_json(&texts)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// How an item is called.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Called {
    name: String,
    technology: String,
    region: String,
}

impl Called {
    fn of(row: &ItemRow) -> Self {
        Self {
            name: row.name.clone(),
            technology: row.technology.clone(),
            region: row.region.clone(),
        }
    }
}

/// Keeps how an item was called until that changes.
pub(super) fn keep_item(
    conn: &mut AnyConnection,
    was: &ItemRow,
    row: &ItemRow,
    until: Stamp,
) -> Result<()> {
    let called = Called::of(was);
    if called == Called::of(row) {
        return Ok(());
    }
    diesel::insert_into(item_versions::table)
        .values((
            item_versions::account.eq(&was.account),
            item_versions::arn.eq(&was.arn),
            item_versions::until.eq(until),
            item_versions::was.eq(to_json(&called)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// What is shown of a ticket.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Face {
    link: Col<Link>,
    remote_id: Option<String>,
    remote_key: Option<String>,
    url: Option<String>,
    state: Option<Col<TicketState>>,
    status: Option<String>,
    changed_at: Stamp,
}

impl Face {
    fn of(row: &TicketRow) -> Self {
        Self {
            link: row.link,
            remote_id: row.remote_id.clone(),
            remote_key: row.remote_key.clone(),
            url: row.url.clone(),
            state: row.state,
            status: row.status.clone(),
            changed_at: row.changed_at,
        }
    }

    fn put(self, row: &mut TicketRow) {
        row.link = self.link;
        row.remote_id = self.remote_id;
        row.remote_key = self.remote_key;
        row.url = self.url;
        row.state = self.state;
        row.status = self.status;
        row.changed_at = self.changed_at;
    }
}

/// Keeps what was shown of a ticket until it changes.
pub(super) fn keep_ticket(
    conn: &mut AnyConnection,
    was: &TicketRow,
    row: &TicketRow,
) -> Result<()> {
    let face = Face::of(was);
    if face == Face::of(row) {
        return Ok(());
    }
    diesel::insert_into(ticket_versions::table)
        .values((
            ticket_versions::ticket_id.eq(was.id),
            ticket_versions::until.eq(row.changed_at),
            ticket_versions::was.eq(to_json(&face)?),
        ))
        .execute(conn)?;
    Ok(())
}

/// Records as they were when `moment` ended, by id; those opened later are left out.
pub fn records_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<RecordRow>> {
    let moment = stamp(moment);
    let kept: Vec<(i64, String)> = record_versions::table
        .filter(record_versions::until.gt(moment))
        .order(record_versions::id)
        .select((record_versions::record_id, record_versions::was))
        .load(conn)?;
    let mut then = first_of_each::<_, RecordRow>("a version of a record", kept)?;
    let mut rows = records::all(conn)?;
    rows.retain(|row| row.opened_at <= moment);
    for row in &mut rows {
        if let Some(was) = then.remove(&row.id) {
            *row = was;
        }
    }
    Ok(rows)
}

/// Findings as they were when `moment` ended, account by account; those taken later are left out. What a source says of
/// its last look is not kept for each day: a later one counts as the moment itself.
pub fn findings_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<ShownFinding>> {
    let moment = stamp(moment);
    let kept: Vec<(String, String, String)> = finding_versions::table
        .filter(finding_versions::until.gt(moment))
        .order(finding_versions::id)
        .select((
            finding_versions::account,
            finding_versions::fingerprint,
            finding_versions::was,
        ))
        .load(conn)?;
    let keyed = kept.into_iter().map(|(a, f, was)| ((a, f), was));
    let mut then = first_of_each::<_, ShownFinding>("a version of a finding", keyed)?;
    let mut rows = shown::findings(conn)?;
    rows.retain(|row| row.taken_at <= moment);
    for row in &mut rows {
        let key = (row.account.clone(), row.fingerprint.clone());
        if let Some(was) = then.remove(&key) {
            *row = was;
        }
        if row.joined_at.is_some_and(|at| at > moment) {
            (row.record_id, row.joined_at) = (None, None);
        }
        row.last_seen = row.last_seen.min(moment);
    }
    Ok(rows)
}

/// Name in the settings of the moment before which texts were not kept; only older ledgers have it.
const TEXTS_SINCE: &str = "texts-kept-since";

/// The long texts of findings on records as they were when `moment` ended, and of how many they are not known: those
/// have none. A ledger keeps them from its first day, unless it is older than that.
pub fn texts_at(
    conn: &mut AnyConnection,
    moment: DateTime<Utc>,
) -> Result<(Vec<ShownText>, usize)> {
    let unknown = unknown_texts(conn, moment)?;
    let moment = stamp(moment);
    let kept: Vec<(String, String, String)> = finding_text_versions::table
        .filter(finding_text_versions::until.gt(moment))
        .order(finding_text_versions::id.desc())
        .select((
            finding_text_versions::account,
            finding_text_versions::fingerprint,
            finding_text_versions::was,
        ))
        .load(conn)?;
    let mut earlier: HashMap<(String, String), Vec<String>> = HashMap::new();
    for (account, fingerprint, was) in kept {
        earlier.entry((account, fingerprint)).or_default().push(was);
    }
    let mut texts = shown::texts(conn)?;
    for text in &mut texts {
        let key = (text.account.clone(), text.fingerprint.clone());
        // From the newest back to the one that held at the moment.
        for was in earlier.remove(&key).into_iter().flatten() {
            from_json::<Texts>("a version of a finding's texts", &was)?.put(text);
        }
    }
    texts.retain(|text| !unknown.contains(&(text.account.clone(), text.fingerprint.clone())));
    Ok((texts, unknown.len()))
}

/// Findings on records that changed between a moment and the day from which texts are kept.
fn unknown_texts(
    conn: &mut AnyConnection,
    moment: DateTime<Utc>,
) -> Result<HashSet<(String, String)>> {
    let since = settings::get(conn, TEXTS_SINCE)?;
    let since: Option<Stamp> = since.and_then(|since| since.parse().ok());
    let moment = stamp(moment);
    if since.is_none_or(|since| since <= moment) {
        return Ok(HashSet::new());
    }
    let changed: Vec<(String, String)> = findings::table
        .filter(findings::record_id.is_not_null())
        .filter(findings::taken_at.le(moment))
        .filter(findings::changed_at.gt(moment))
        .select((findings::account, findings::fingerprint))
        .load(conn)?;
    Ok(changed.into_iter().collect())
}

/// Reports as they were when `moment` ended. One without a document is taken for as old as its finding.
pub fn reports_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<ShownReport>> {
    let late: HashSet<i64> = evidence_packs::table
        .filter(evidence_packs::taken_at.gt(stamp(moment)))
        .select(evidence_packs::id)
        .load_iter::<i64, _>(conn)?
        .collect::<std::result::Result<_, _>>()?;
    let earlier: Vec<((i64, i64), i64)> = report_versions::table
        .select((
            (report_versions::finding_id, report_versions::report_key),
            report_versions::pack_id,
        ))
        .load(conn)?;
    let there: HashSet<(i64, i64)> = earlier
        .into_iter()
        .filter(|(_, pack)| !late.contains(pack))
        .map(|(key, _)| key)
        .collect();
    let rows: Vec<(ShownReport, (i64, i64), Option<i64>)> = findings::table
        .inner_join(finding_reports::table)
        .order((
            findings::account,
            findings::fingerprint,
            finding_reports::native_id,
            finding_reports::cell,
        ))
        .select((
            ShownReport::as_select(),
            (finding_reports::finding_id, finding_reports::report_key),
            finding_reports::pack_id,
        ))
        .load(conn)?;
    let was_there = |(_, key, pack): &(ShownReport, (i64, i64), Option<i64>)| {
        pack.is_none_or(|pack| !late.contains(&pack)) || there.contains(key)
    };
    let kept = rows.into_iter().filter(was_there);
    Ok(kept.map(|(row, ..)| row).collect())
}

/// Items as they were called when `moment` ended; those that were not known yet are left out.
pub fn items_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<ItemRow>> {
    let moment = stamp(moment);
    let kept: Vec<(String, String, String)> = item_versions::table
        .filter(item_versions::until.gt(moment))
        .order(item_versions::id)
        .select((
            item_versions::account,
            item_versions::arn,
            item_versions::was,
        ))
        .load(conn)?;
    let keyed = kept.into_iter().map(|(a, arn, was)| ((a, arn), was));
    let mut then = first_of_each::<_, Called>("a version of an item", keyed)?;
    let mut rows = items::all(conn)?;
    rows.retain(|row| row.first_seen <= moment);
    for row in &mut rows {
        if let Some(was) = then.remove(&(row.account.clone(), row.arn.clone())) {
            (row.name, row.technology, row.region) = (was.name, was.technology, was.region);
        }
    }
    Ok(rows)
}

/// What an event says of how an account is called.
#[derive(Deserialize)]
struct Naming {
    name: Option<String>,
    label: Option<String>,
}

/// Accounts by number, named and labelled as they were when `moment` ended, by the audit log; those that nobody had
/// written down by then are left out.
pub fn accounts_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<AccountRow>> {
    let moment = stamp(moment);
    let mut rows = accounts::all(conn)?;
    rows.retain(|row| row.created_at <= moment);
    let mut named: HashMap<String, (String, String)> = HashMap::new();
    // Few walks through the log, which has no index by subject.
    for keys in rows.chunks(KEYS_A_QUERY) {
        let subjects: Vec<String> = keys.iter().map(|r| format!("account:{}", r.id)).collect();
        let said: Vec<(String, String)> = audit::table
            .filter(audit::subject.eq_any(subjects))
            .filter(audit::at.le(moment))
            .order(audit::n)
            .select((audit::subject, audit::body))
            .load(conn)?;
        for (subject, body) in said {
            let said: Naming = from_json("an audit event", &body)?;
            // Those that end a watch name nothing.
            if let (Some(name), Some(label)) = (said.name, said.label) {
                named.insert(subject, (name, label));
            }
        }
    }
    for row in &mut rows {
        if let Some(called) = named.remove(&format!("account:{}", row.id)) {
            (row.name, row.label) = called;
        }
    }
    Ok(rows)
}

/// Tickets as they were when `moment` ended, by id; those wanted later are left out.
pub fn tickets_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Vec<TicketRow>> {
    let moment = stamp(moment);
    let kept: Vec<(i64, String)> = ticket_versions::table
        .filter(ticket_versions::until.gt(moment))
        .order(ticket_versions::id)
        .select((ticket_versions::ticket_id, ticket_versions::was))
        .load(conn)?;
    let mut then = first_of_each::<_, Face>("a version of a ticket", kept)?;
    let mut rows = tickets::all(conn)?;
    rows.retain(|row| row.created_at <= moment);
    for row in &mut rows {
        if let Some(was) = then.remove(&row.id) {
            was.put(row);
        }
    }
    Ok(rows)
}

/// Justifications as they were when `moment` ended, oldest first.
pub fn justifications_at(
    conn: &mut AnyConnection,
    moment: DateTime<Utc>,
) -> Result<Vec<ShownJustification>> {
    let moment = stamp(moment);
    let mut rows = shown::justifications(conn)?;
    rows.retain(|row| row.accepted_at <= moment);
    for row in &mut rows {
        if row.state == EXPIRED && row.expires_at > moment {
            ACCEPTED.clone_into(&mut row.state);
        }
    }
    Ok(rows)
}

/// Of each thing the oldest of these versions: it held at the moment after which they all end.
fn first_of_each<K: Eq + Hash, V: DeserializeOwned>(
    what: &str,
    kept: impl IntoIterator<Item = (K, String)>,
) -> Result<HashMap<K, V>> {
    let mut first = HashMap::new();
    for (key, was) in kept {
        first.entry(key).or_insert(was);
    }
    first
        .into_iter()
        .map(|(key, was)| Ok((key, from_json(what, &was)?)))
        .collect()
}

/// How many versions are kept, of everything.
pub fn count(conn: &mut AnyConnection) -> Result<i64> {
    let records: i64 = record_versions::table.count().get_result(conn)?;
    let findings: i64 = finding_versions::table.count().get_result(conn)?;
    let tickets: i64 = ticket_versions::table.count().get_result(conn)?;
    let texts: i64 = finding_text_versions::table.count().get_result(conn)?;
    let items: i64 = item_versions::table.count().get_result(conn)?;
    Ok(records + findings + tickets + texts + items)
}
