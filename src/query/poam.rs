//! POA&M records as they are listed.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;
use serde::Serialize;
use serde_json::Value;

use super::filter::{Facts, Filter};
use super::laid::{self, LaidDown};
use super::{Column, ItemRef, Snapshot, TicketRef, View, points, time};
use crate::domain::clock;
use crate::domain::deadline::{is_due_before_detection, last_day};
use crate::domain::finding::FindingStatus;
use crate::domain::priority::Term;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::store::justifications::ACCEPTED;
use crate::store::records::RecordRow;
use crate::store::shown::{ShownFinding, ShownJustification};
use crate::store::{AnyConnection, Result};

/// One record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PoamView {
    pub id: RecordId,
    /// The weakness's id: a control, a CVE, a policy.
    pub weakness: String,
    pub kind: WeaknessKind,
    pub title: String,
    /// Twelve digits.
    pub account: String,
    pub account_name: Option<String>,
    pub rating: Option<Rating>,
    pub severity: Option<Severity>,
    pub score: Value,
    pub unjustified_score: Value,
    pub status: RecordStatus,
    pub detected: String,
    /// A day.
    pub due: Option<NaiveDate>,
    pub due_rule: String,
    /// That day was over when it was detected, as a KEV date can be: it is late from its first day.
    pub due_before_detection: bool,
    /// The order of work, higher is sooner; set where the day is known (`query::priority`).
    pub priority: Option<i64>,
    /// What the priority is made of.
    pub priority_terms: Vec<Term>,
    pub closed: Option<String>,
    pub changed: String,
    /// Detectors that see it.
    pub sources: Vec<String>,
    /// What it affects: for a record that is not closed, the items on which it is not fixed.
    pub items: Vec<ItemRef>,
    pub tickets: Vec<TicketRef>,
    /// The newest that holds.
    pub justification: Option<Justification>,
    #[serde(flatten)]
    pub laid: LaidDown,
    /// How many findings are on it.
    pub finding_count: usize,
    /// The closed record that this one follows.
    pub previous: Option<RecordId>,
    /// The record that it was merged into.
    pub superseded_by: Option<RecordId>,
}

/// Why a person says it may be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Justification {
    pub text: String,
    pub author: String,
    pub at: String,
    /// The last day it holds, in UTC.
    pub until: String,
}

impl View for PoamView {
    const NOUN: &'static str = "records";
    const OPEN: &'static str = "open records";
    const COLUMNS: &'static [Column] = &[
        ("id", &["id"]),
        ("weakness", &["weakness"]),
        ("kind", &["kind"]),
        ("title", &["title"]),
        ("account", &["account"]),
        ("account_name", &["account_name"]),
        ("rating", &["rating"]),
        ("severity", &["severity"]),
        ("score", &["score"]),
        ("unjustified_score", &["unjustified_score"]),
        ("status", &["status"]),
        ("detected", &["detected"]),
        ("due", &["due"]),
        ("due_rule", &["due_rule"]),
        ("due_before_detection", &["due_before_detection"]),
        ("priority", &["priority"]),
        ("priority_terms", &["priority_terms", "name"]),
        ("priority_terms.points", &["priority_terms", "points"]),
        ("priority_terms.why", &["priority_terms", "why"]),
        ("closed", &["closed"]),
        ("changed", &["changed"]),
        ("sources", &["sources"]),
        ("items", &["items", "arn"]),
        ("items.name", &["items", "name"]),
        ("items.technology", &["items", "technology"]),
        ("items.region", &["items", "region"]),
        ("tickets", &["tickets", "key"]),
        ("tickets.desk", &["tickets", "desk"]),
        ("tickets.url", &["tickets", "url"]),
        ("tickets.state", &["tickets", "state"]),
        ("justification", &["justification", "text"]),
        ("justification.author", &["justification", "author"]),
        ("justification.at", &["justification", "at"]),
        ("justification.until", &["justification", "until"]),
        ("contact", &["contact"]),
        ("controls", &["controls"]),
        ("plan", &["plan"]),
        ("milestones", &["milestones", "description"]),
        ("milestones.number", &["milestones", "number"]),
        ("milestones.due", &["milestones", "due"]),
        ("milestones.completed", &["milestones", "completed"]),
        ("deviation", &["deviation", "kind"]),
        ("deviation.state", &["deviation", "state"]),
        ("deviation.severity", &["deviation", "severity"]),
        ("deviation.rationale", &["deviation", "rationale"]),
        ("deviation.requested_by", &["deviation", "requested_by"]),
        ("deviation.decided_by", &["deviation", "decided_by"]),
        ("deviation.until", &["deviation", "until"]),
        ("vendor", &["vendor", "vendor"]),
        ("vendor.product", &["vendor", "product"]),
        ("vendor.since", &["vendor", "since"]),
        ("vendor.last_check_in", &["vendor", "last_check_in"]),
        ("vendor.check_in_due", &["vendor", "check_in_due"]),
        ("vendor.released", &["vendor", "released"]),
        ("finding_count", &["finding_count"]),
        ("previous", &["previous"]),
        ("superseded_by", &["superseded_by"]),
    ];

    fn is_open(&self) -> bool {
        self.status.is_live()
    }
}

/// Records by id.
pub fn list(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<PoamView>> {
    let mut views = bare(conn, snapshot, filter)?;
    let mut laid = laid::by_record(conn, snapshot.until)?;
    for view in &mut views {
        view.laid = laid.remove(&view.id.0).unwrap_or_default();
    }
    Ok(views)
}

/// The same without what people laid down, for whoever reads that for himself.
pub fn bare(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<PoamView>> {
    let sieve = filter.sieve(conn)?;
    let findings = snapshot.findings_by_record();
    let mut tickets = snapshot.tickets_by_record();
    let justifications = holding(&snapshot.justifications);
    let mut views = Vec::new();
    for row in &snapshot.records {
        let findings = findings.get(&row.id).map_or(&[][..], Vec::as_slice);
        let view = PoamView {
            tickets: tickets.remove(&row.id).unwrap_or_default(),
            justification: justifications.get(&row.id).map(|j| Justification::of(j)),
            ..PoamView::of(row, findings, snapshot)
        };
        let account_type = snapshot.account_type(&row.account);
        let desks: Vec<String> = view.tickets.iter().map(|t| t.desk.clone()).collect();
        let facts = Facts {
            account: &row.account,
            account_name: view.account_name.as_deref(),
            account_type: account_type.as_deref(),
            items: &view.items,
            region: "",
            score: row.score,
            unjustified: row.unjustified_score,
            status: row.status.0.as_str(),
            sources: &view.sources,
            ratings: &view.rating.into_iter().collect::<Vec<_>>(),
            desks: &desks,
        };
        if sieve.takes(&facts) {
            views.push(view);
        }
    }
    Ok(views)
}

impl PoamView {
    /// Past its day and still somebody's business, unless its vendor is waited for and was asked lately.
    pub fn is_late(&self, today: NaiveDate) -> bool {
        let waits = self.laid.vendor.as_ref().is_some_and(|v| v.excuses(today));
        let excused = waits && clock::knows_vendors(&self.due_rule);
        self.status.is_live() && !excused && self.due.is_some_and(|due| due < today)
    }

    /// A deviation of it waits for somebody's word.
    pub fn is_deviation_pending(&self) -> bool {
        self.laid
            .deviation
            .as_ref()
            .is_some_and(|d| d.state.is_pending())
    }

    /// Its vendor should have been asked again by now.
    pub fn is_check_in_overdue(&self, today: NaiveDate) -> bool {
        let due = self.laid.vendor.as_ref().and_then(|v| v.check_in_due);
        self.status.is_live() && due.is_some_and(|due| due < today)
    }

    /// Its day comes within so many days, and has not passed.
    pub fn is_due_soon(&self, today: NaiveDate, days: u32) -> bool {
        let left = |due: NaiveDate| due.signed_duration_since(today).num_days();
        self.status.is_live()
            && self
                .due
                .is_some_and(|due| (0..=i64::from(days)).contains(&left(due)))
    }

    fn of(row: &RecordRow, findings: &[&ShownFinding], snapshot: &Snapshot) -> Self {
        let sources: BTreeSet<&String> = findings.iter().map(|f| &f.source).collect();
        Self {
            id: RecordId(row.id),
            weakness: row.weakness_id.clone(),
            kind: row.weakness_kind.0,
            title: row.title.clone(),
            account: row.account.clone(),
            account_name: snapshot.account_name(&row.account),
            rating: row.rating.map(|r| r.0),
            severity: row.severity.map(|s| s.0),
            score: points(row.score),
            unjustified_score: points(row.unjustified_score),
            status: row.status.0,
            detected: time(row.detected_at),
            due: row.due,
            due_rule: row.due_rule.clone(),
            due_before_detection: is_due_before_detection(row.due, row.detected_at.and_utc()),
            priority: None,
            priority_terms: Vec::new(),
            closed: row.closed_at.map(time),
            changed: time(row.changed_at),
            sources: sources.into_iter().cloned().collect(),
            items: items(row.status.0, findings, snapshot),
            tickets: Vec::new(),
            justification: None,
            laid: LaidDown::default(),
            finding_count: findings.len(),
            previous: row.previous.map(RecordId),
            superseded_by: row.superseded_by.map(RecordId),
        }
    }
}

fn items(status: RecordStatus, findings: &[&ShownFinding], snapshot: &Snapshot) -> Vec<ItemRef> {
    let affected = |f: &&&ShownFinding| !status.is_live() || f.status.0 != FindingStatus::Fixed;
    let mut items: Vec<ItemRef> = findings
        .iter()
        .filter(affected)
        .flat_map(|finding| snapshot.items_of(finding))
        .collect();
    items.sort_by(|a, b| (&a.arn, a).cmp(&(&b.arn, b)));
    items.dedup();
    items
}

/// The newest justification of each record that was accepted and has not run out.
fn holding(all: &[ShownJustification]) -> HashMap<i64, &ShownJustification> {
    all.iter()
        .filter(|j| j.state == ACCEPTED)
        .map(|j| (j.record_id, j))
        .collect()
}

impl Justification {
    fn of(row: &ShownJustification) -> Self {
        Self {
            text: row.reason.clone(),
            author: row.author.clone(),
            at: time(row.accepted_at),
            until: last_day(row.expires_at.and_utc()).to_string(),
        }
    }
}
