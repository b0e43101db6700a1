//! Findings as they are listed.

use std::collections::{BTreeSet, HashMap};

use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;
use serde::Serialize;
use serde_json::Value;

use super::filter::{Facts, Filter, Sieve};
use super::{Column, ItemRef, Snapshot, TicketRef, View, points, texts, time};
use crate::domain::finding::FindingStatus;
use crate::domain::rating::Rating;
use crate::domain::record::RecordId;
use crate::store::shown::{self, ShownFinding};
use crate::store::{AnyConnection, Result, versions};

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingView {
    /// The fingerprint.
    pub id: String,
    /// What its detectors call it, one for each report that was folded into it.
    pub native_ids: Vec<String>,
    pub source: String,
    /// `scan`, `pull`, `hub`, `file`.
    pub channels: Vec<String>,
    /// Twelve digits.
    pub account: String,
    pub account_name: Option<String>,
    pub region: String,
    pub title: String,
    /// The one it sits on.
    pub item: Option<ItemRef>,
    /// All it names, the primary one first.
    pub items: Vec<ItemRef>,
    pub weakness: String,
    pub kind: WeaknessKind,
    pub severity: Option<Severity>,
    pub score: Value,
    pub status: FindingStatus,
    pub detected: String,
    pub first_seen: String,
    pub last_seen: String,
    pub closed: Option<String>,
    pub justified: bool,
    /// The record it is on.
    pub poam: Option<RecordId>,
    pub tickets: Vec<TicketRef>,
    /// `suppressed-at-source`, `resolved-at-source`.
    pub at_source: Option<String>,
    /// What was wrong with its form.
    pub marks: Vec<String>,
    pub sample: bool,
}

impl View for FindingView {
    const NOUN: &'static str = "findings";
    const OPEN: &'static str = "open findings";
    const COLUMNS: &'static [Column] = &[
        ("id", &["id"]),
        ("native_ids", &["native_ids"]),
        ("source", &["source"]),
        ("channels", &["channels"]),
        ("account", &["account"]),
        ("account_name", &["account_name"]),
        ("region", &["region"]),
        ("title", &["title"]),
        ("item", &["item", "arn"]),
        ("item.name", &["item", "name"]),
        ("item.technology", &["item", "technology"]),
        ("item.region", &["item", "region"]),
        ("items", &["items", "arn"]),
        ("weakness", &["weakness"]),
        ("kind", &["kind"]),
        ("severity", &["severity"]),
        ("score", &["score"]),
        ("status", &["status"]),
        ("detected", &["detected"]),
        ("first_seen", &["first_seen"]),
        ("last_seen", &["last_seen"]),
        ("closed", &["closed"]),
        ("justified", &["justified"]),
        ("poam", &["poam"]),
        ("tickets", &["tickets", "key"]),
        ("tickets.desk", &["tickets", "desk"]),
        ("tickets.url", &["tickets", "url"]),
        ("tickets.state", &["tickets", "state"]),
        ("at_source", &["at_source"]),
        ("marks", &["marks"]),
        ("sample", &["sample"]),
    ];

    fn is_open(&self) -> bool {
        self.status == FindingStatus::Open
    }
}

/// What was said of one finding.
#[derive(Default)]
struct Said {
    native_ids: BTreeSet<String>,
    channels: BTreeSet<String>,
}

/// Findings by account and id.
pub fn list(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<FindingView>> {
    let sieve = filter.sieve(conn)?;
    let mut said: HashMap<(String, String), Said> = HashMap::new();
    let reports = match snapshot.until {
        Some(moment) => versions::reports_at(conn, moment)?,
        None => shown::reports(conn)?,
    };
    for report in reports {
        let entry = said
            .entry((report.account, report.fingerprint))
            .or_default();
        entry.native_ids.insert(report.native_id);
        entry.channels.insert(report.channel.0.as_str().to_owned());
    }
    let tickets = snapshot.tickets_by_record();
    Ok(snapshot
        .findings
        .iter()
        .filter_map(|finding| {
            let key = (finding.account.clone(), finding.fingerprint.clone());
            let said = said.remove(&key).unwrap_or_default();
            let tickets = finding.record_id.and_then(|id| tickets.get(&id));
            view(finding, said, tickets, snapshot, &sieve)
        })
        .collect())
}

fn view(
    finding: &ShownFinding,
    said: Said,
    tickets: Option<&Vec<TicketRef>>,
    snapshot: &Snapshot,
    sieve: &Sieve<'_>,
) -> Option<FindingView> {
    let items = snapshot.items_of(finding);
    let account_name = snapshot.account_name(&finding.account);
    let account_type = snapshot.account_type(&finding.account);
    let facts = Facts {
        account: &finding.account,
        account_name: account_name.as_deref(),
        account_type: account_type.as_deref(),
        items: &items,
        region: &finding.region,
        score: finding.score,
        unjustified: unjustified(finding),
        status: finding.status.0.as_str(),
        sources: std::slice::from_ref(&finding.source),
        ratings: &rating(finding).into_iter().collect::<Vec<_>>(),
        desks: &[],
    };
    sieve.takes(&facts).then(|| FindingView {
        id: finding.fingerprint.clone(),
        native_ids: said.native_ids.into_iter().collect(),
        source: finding.source.clone(),
        channels: said.channels.into_iter().collect(),
        account: finding.account.clone(),
        account_name,
        region: finding.region.clone(),
        title: finding.title.clone(),
        item: items.first().cloned(),
        items,
        weakness: finding.weakness_id.clone(),
        kind: finding.weakness_kind.0,
        severity: finding.severity.map(|s| s.0),
        score: points(finding.score),
        status: finding.status.0,
        detected: time(finding.detected_at),
        first_seen: time(finding.first_seen),
        last_seen: time(finding.last_seen),
        closed: finding.closed_at.map(time),
        justified: finding.justified,
        poam: finding.record_id.map(RecordId),
        tickets: tickets.cloned().unwrap_or_default(),
        at_source: finding.at_source.clone(),
        marks: texts(&finding.marks),
        sample: finding.sample,
    })
}

pub(super) fn is_open(finding: &ShownFinding) -> bool {
    finding.status.0 == FindingStatus::Open
}

/// What it counts once the justified ones are left out.
pub(super) fn unjustified(finding: &ShownFinding) -> i64 {
    if finding.justified { 0 } else { finding.score }
}

pub(super) fn rating(finding: &ShownFinding) -> Option<Rating> {
    finding.severity.and_then(|s| Rating::of(s.0))
}
