//! A small ledger, written through the store's own functions.

use chrono::{DateTime, TimeDelta, Utc};
use poamd::domain::finding::FindingStatus;
use poamd::domain::rating::Rating;
use poamd::domain::record::{RecordId, RecordStatus};
use poamd::store::audit::{self, Event};
use poamd::store::columns::Col;
use poamd::store::findings::FindingRow;
use poamd::store::justifications::NewJustification;
use poamd::store::records::NewRecord;
use poamd::store::time::stamp;
use poamd::store::{AnyConnection, Result, findings, justifications, records, tickets};
use poamd_contract::desk::Marker;
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;

pub const ACCOUNT: &str = "210987654321";

/// An instant, from `2026-11-22T07:00`.
pub fn at(minute: &str) -> DateTime<Utc> {
    format!("{minute}:00Z").parse().unwrap()
}

/// A record of a weakness, opened and audited at a time, due ten days later.
pub fn open_record(
    conn: &mut AnyConnection,
    account: &str,
    weakness: &str,
    time: DateTime<Utc>,
) -> Result<i64> {
    let id = records::insert(
        conn,
        &NewRecord {
            account: account.to_owned(),
            group_key: weakness.to_owned(),
            weakness_id: weakness.to_owned(),
            weakness_kind: Col(WeaknessKind::Control),
            title: format!("Weakness {weakness}"),
            original_severity: Col(Severity::High),
            severity: Some(Col(Severity::High)),
            rating: Some(Col(Rating::High)),
            score: 90,
            unjustified_score: 90,
            status: Col(RecordStatus::Open),
            detected_at: stamp(time),
            due: Some((time + TimeDelta::days(10)).date_naive()),
            due_rule: "a test".to_owned(),
            opened_at: stamp(time),
            changed_at: stamp(time),
            previous: None,
        },
    )?;
    tell(conn, "record.opened", id, time)?;
    Ok(id)
}

/// Closes a record, with its event.
pub fn close_record(conn: &mut AnyConnection, id: i64, time: DateTime<Utc>) -> Result<()> {
    let mut row = records::find(conn, id)?.unwrap();
    row.status = Col(RecordStatus::Closed);
    row.closed_at = Some(stamp(time));
    row.changed_at = stamp(time);
    records::update(conn, &row)?;
    tell(conn, "record.closed", id, time)
}

fn tell(conn: &mut AnyConnection, kind: &'static str, id: i64, time: DateTime<Utc>) -> Result<()> {
    let event = Event {
        at: time,
        actor: "test".to_owned(),
        kind,
        subject: RecordId(id).to_string(),
        body: serde_json::json!({}),
    };
    audit::append(conn, &event).map(|_| ())
}

/// An open finding of a source on an item.
pub fn finding(account: &str, record: Option<i64>, source: &str, item: &str) -> FindingRow {
    let seen = stamp(at("2026-11-20T05:00"));
    FindingRow {
        id: 0,
        account: account.to_owned(),
        fingerprint: format!("{source}/{item}/{}", record.unwrap_or(0)),
        region: "us-gov-west-1".to_owned(),
        source: source.to_owned(),
        weakness_id: "S3.5".to_owned(),
        weakness_kind: Col(WeaknessKind::Control),
        title: "=SUM(1) „Grüße“ from a bucket".to_owned(),
        description: String::new(),
        remediation: String::new(),
        severity: Some(Col(Severity::High)),
        score: 90,
        status: Col(FindingStatus::Open),
        at_source: None,
        marks: "[]".to_owned(),
        sample: false,
        opened: true,
        justified: false,
        requirements: "[]".to_owned(),
        arn: item.to_owned(),
        resources: "[]".to_owned(),
        detail: String::new(),
        record_id: record,
        detected_at: seen,
        first_seen: seen,
        last_seen: seen,
        closed_at: None,
        changed_at: seen,
        taken_at: seen,
        joined_at: record.map(|_| seen),
    }
}

pub fn add_findings(conn: &mut AnyConnection, rows: &[FindingRow]) -> Result<()> {
    findings::insert_all(conn, &mut rows.to_vec())
}

/// A ticket that is linked under a key.
pub fn link_ticket(conn: &mut AnyConnection, record: i64, key: &str) -> Result<i64> {
    let marker = Marker {
        key: format!("poamd:v1:test:{record}"),
        label: format!("poamd-{record:016x}"),
    };
    let now = stamp(at("2026-11-20T06:00"));
    let id = tickets::insert(conn, record, "tracker", 1, &marker, now)?;
    let mut row = tickets::find(conn, id)?.unwrap();
    row.link = Col("linked".parse().unwrap());
    row.remote_id = Some(format!("1{record}"));
    row.remote_key = Some(key.to_owned());
    row.url = Some(format!("https://agency.example.net/browse/{key}"));
    tickets::update(conn, &row)?;
    Ok(id)
}

/// A justification that holds before a time.
pub fn justify(conn: &mut AnyConnection, record: i64, until: DateTime<Utc>) -> Result<i64> {
    let given = stamp(at("2026-11-20T07:00"));
    justifications::insert(
        conn,
        &NewJustification {
            record_id: record,
            desk: "tracker".to_owned(),
            ticket_key: "SEC-1".to_owned(),
            comment_id: "77".to_owned(),
            author_id: "u-1".to_owned(),
            author: "Dana Reyes".to_owned(),
            reason: "The bucket holds the public web site, see SSP 3.14.".to_owned(),
            verbatim: "/justify The bucket holds the public web site, see SSP 3.14.".to_owned(),
            verbatim_sha256: "0".repeat(64),
            state: justifications::ACCEPTED.to_owned(),
            commented_at: given,
            accepted_at: given,
            expires_at: stamp(until),
        },
        ACCOUNT,
        &[],
    )
}
