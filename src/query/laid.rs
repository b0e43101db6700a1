//! What people laid down about records, as lists show it: contact, controls, plan, milestones, deviation, vendor.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::severity::Severity;
use serde::Serialize;

use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::record_fact::FactName;
use crate::domain::vendor::Wait;
use crate::store::deviations::DeviationRow;
use crate::store::milestones::{MilestoneChangeRow, MilestoneRow};
use crate::store::time::{Stamp, stamp};
use crate::store::vendors::{VendorCheckinRow, VendorDependencyRow};
use crate::store::{self, AnyConnection, Result, deviations, facts, milestones, vendors};

/// Everything that was laid down about one record.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LaidDown {
    /// Who answers for it.
    pub contact: Option<String>,
    pub controls: Vec<String>,
    /// How it will be fixed.
    pub plan: Option<String>,
    pub milestones: Vec<MilestoneView>,
    /// The newest.
    pub deviation: Option<DeviationView>,
    /// The newest, while it goes on.
    pub vendor: Option<VendorView>,
}

/// One step of the plan as it stands after its changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MilestoneView {
    pub number: i64,
    pub description: String,
    pub due: NaiveDate,
    pub completed: Option<NaiveDate>,
}

/// What was asked for, and how far it got.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviationView {
    pub kind: DeviationKind,
    pub state: DeviationState,
    /// The severity asked for.
    pub severity: Option<Severity>,
    pub rationale: String,
    pub requested_by: String,
    /// The authorizing official who decided it.
    pub decided_by: Option<String>,
    /// The last day it holds.
    pub until: Option<NaiveDate>,
}

/// A fix that a vendor has to ship.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VendorView {
    pub product: String,
    pub vendor: String,
    pub since: NaiveDate,
    pub last_check_in: Option<NaiveDate>,
    /// The last day of the next check-in; until then its record does not count as late.
    pub check_in_due: Option<NaiveDate>,
    pub released: Option<NaiveDate>,
}

impl VendorView {
    fn wait(&self) -> Wait {
        Wait {
            since: self.since,
            last_check_in: self.last_check_in,
            released: self.released,
        }
    }

    /// Keeps its record from counting as late (`poam.md` 1.3).
    pub fn excuses(&self, today: NaiveDate) -> bool {
        self.wait().excuses(today)
    }
}

/// By record; with a moment, as it was then.
pub fn by_record(
    conn: &mut AnyConnection,
    until: Option<DateTime<Utc>>,
) -> Result<HashMap<i64, LaidDown>> {
    let saw = |at: Stamp| until.is_none_or(|end| at <= stamp(end));
    let mut all: HashMap<i64, LaidDown> = HashMap::new();
    let mut laid = facts::all(conn)?;
    laid.retain(|row| saw(row.at));
    for (record, facts) in facts::by_record(&laid)? {
        let entry = all.entry(record).or_default();
        let text = |name| Some(facts.text(name).to_owned()).filter(|text| !text.is_empty());
        entry.contact = text(FactName::Contact);
        entry.plan = text(FactName::Plan);
        entry.controls = facts.texts(FactName::Controls);
    }
    add_milestones(conn, &mut all, saw)?;
    add_deviations(conn, &mut all, saw)?;
    add_vendors(conn, &mut all, saw)?;
    Ok(all)
}

fn add_milestones(
    conn: &mut AnyConnection,
    all: &mut HashMap<i64, LaidDown>,
    saw: impl Fn(Stamp) -> bool,
) -> Result<()> {
    type Rows = (Vec<MilestoneRow>, Vec<MilestoneChangeRow>);
    let mut plans: HashMap<i64, Rows> = HashMap::new();
    for row in milestones::all(conn)?.into_iter().filter(|r| saw(r.at)) {
        plans.entry(row.record_id).or_default().0.push(row);
    }
    for row in milestones::all_change(conn)?
        .into_iter()
        .filter(|r| saw(r.at))
    {
        plans.entry(row.record_id).or_default().1.push(row);
    }
    for (record, (written, changes)) in plans {
        let steps = milestones::steps(&written, &changes);
        all.entry(record).or_default().milestones = steps
            .into_iter()
            .map(|step| MilestoneView {
                number: step.number,
                description: step.description,
                due: step.due,
                completed: step.completed,
            })
            .collect();
    }
    Ok(())
}

fn add_deviations(
    conn: &mut AnyConnection,
    all: &mut HashMap<i64, LaidDown>,
    saw: impl Fn(Stamp) -> bool,
) -> Result<()> {
    let mut states: HashMap<i64, DeviationState> = HashMap::new();
    for step in deviations::all_step(conn)?
        .into_iter()
        .filter(|s| saw(s.at))
    {
        states.insert(step.deviation_id, step.state.0);
    }
    for row in deviations::all(conn)?
        .into_iter()
        .filter(|d| saw(d.requested_at))
    {
        let state = states.get(&row.id).copied().unwrap_or(row.state.0);
        let laid = all.entry(row.record_id).or_default();
        laid.deviation = Some(DeviationView::of(row, state));
    }
    Ok(())
}

impl DeviationView {
    fn of(row: DeviationRow, state: DeviationState) -> Self {
        use DeviationState::{Approved, Rejected};
        let is_decided = matches!(state, Approved | Rejected);
        Self {
            kind: row.kind.0,
            state,
            severity: row.severity.map(|s| s.0),
            rationale: row.rationale,
            requested_by: row.requested_by,
            decided_by: row.decided_by.filter(|_| is_decided),
            until: row.expires,
        }
    }
}

fn add_vendors(
    conn: &mut AnyConnection,
    all: &mut HashMap<i64, LaidDown>,
    saw: impl Fn(Stamp) -> bool,
) -> Result<()> {
    let mut checkins = vendors::all_checkin(conn)?;
    checkins.retain(|c| saw(c.at));
    let newest = vendors::newest(checkins);
    for row in vendors::all(conn)?.into_iter().filter(|v| saw(v.since)) {
        let goes_on = !row.ended_at.is_some_and(&saw);
        let knew = row.released_at.is_none_or(&saw);
        let then = VendorDependencyRow {
            released: row.released.filter(|_| knew),
            ..row
        };
        let vendor = goes_on.then(|| vendor(&then, newest.get(&then.id)));
        all.entry(then.record_id).or_default().vendor = vendor;
    }
    Ok(())
}

fn vendor(row: &VendorDependencyRow, newest: Option<&VendorCheckinRow>) -> VendorView {
    let wait = store::vendors::wait(row, newest);
    VendorView {
        product: row.product.clone(),
        vendor: row.vendor.clone(),
        since: wait.since,
        last_check_in: wait.last_check_in,
        check_in_due: wait.check_in_due(),
        released: wait.released,
    }
}
