//! A plan, its findings and its audit events, in the caller's transaction.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::group::Loaded;
use super::{Round, opening};
use crate::domain::deviation::DeviationState;
use crate::domain::plan::{Facts, Plan, Target};
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::store::audit::{self, Event};
use crate::store::columns::Col;
use crate::store::deviations::{self, NewDeviationStep};
use crate::store::records::{self, NewRecord, RecordRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Result, StoreError, findings};

pub(super) fn apply(
    conn: &mut AnyConnection,
    round: &Round<'_>,
    group: &Loaded,
    plan: &Plan,
) -> Result<()> {
    let now = round.now;
    let id = match &plan.target {
        Target::New { previous } => insert(conn, group, plan, *previous, now)?,
        Target::Existing(id) => {
            update(conn, group, plan, *id, now)?;
            id.0
        }
    };
    let joining: Vec<&str> = plan
        .attach
        .iter()
        .map(|i| group.facts.members[*i].fingerprint.as_str())
        .collect();
    findings::set_record(conn, &group.account, &joining, id, now)?;
    let subject = RecordId(id).to_string();
    let mut events: Vec<Event> = plan
        .events
        .iter()
        .map(|(kind, body)| Event {
            at: now,
            actor: round.actor.to_owned(),
            kind,
            subject: subject.clone(),
            body: body.clone(),
        })
        .collect();
    if let Target::New { .. } = plan.target {
        events.push(opening::lay(conn, round, group, plan, id)?);
    }
    if plan.status == RecordStatus::Closed {
        events.extend(withdraw(conn, round, id)?);
    }
    audit::append_all(conn, &events)?;
    Ok(())
}

/// What was asked for ends with the record: on what is fixed nobody has to decide.
fn withdraw(conn: &mut AnyConnection, round: &Round<'_>, record: i64) -> Result<Option<Event>> {
    let pending = deviations::live(conn, record)?.filter(|row| row.state.0.is_pending());
    let Some(mut row) = pending else {
        return Ok(None);
    };
    let (from, why) = (row.state.0, "the record closed by evidence");
    row.state = Col(DeviationState::Withdrawn);
    row.live = false;
    deviations::update(conn, &row)?;
    let step = NewDeviationStep {
        deviation_id: row.id,
        state: row.state,
        note: why.to_owned(),
        actor: round.actor.to_owned(),
        at: stamp(round.now),
    };
    deviations::insert_step(conn, &step)?;
    Ok(Some(Event {
        at: round.now,
        actor: round.actor.to_owned(),
        kind: "deviation.withdrawn",
        subject: RecordId(record).to_string(),
        body: json!({ "deviation": row.id, "kind": row.kind.0, "from": from, "to": row.state.0, "why": why }),
    }))
}

fn insert(
    conn: &mut AnyConnection,
    group: &Loaded,
    plan: &Plan,
    previous: Option<RecordId>,
    now: DateTime<Utc>,
) -> Result<i64> {
    let facts = &plan.facts;
    records::insert(
        conn,
        &NewRecord {
            account: group.account.clone(),
            group_key: group.key.clone(),
            weakness_id: group.weakness.clone(),
            weakness_kind: Col(group.kind),
            title: facts.title.clone(),
            original_severity: Col(group.facts.original(plan)),
            severity: Some(Col(facts.severity)),
            rating: Rating::of(facts.effective()).map(Col),
            score: facts.score,
            unjustified_score: facts.unjustified_score,
            status: Col(plan.status),
            detected_at: stamp(facts.detected_at),
            due: facts.due,
            due_rule: facts.due_rule.clone(),
            opened_at: stamp(now),
            changed_at: stamp(now),
            previous: previous.map(|p| p.0),
        },
    )
}

fn update(
    conn: &mut AnyConnection,
    group: &Loaded,
    plan: &Plan,
    id: RecordId,
    now: DateTime<Utc>,
) -> Result<()> {
    let stored = group
        .row
        .as_ref()
        .filter(|r| r.id == id.0)
        .ok_or_else(|| StoreError::Row {
            what: id.to_string(),
            why: "it changed while it was planned; the next run plans it again".to_owned(),
        })?;
    let status = if plan.status == stored.status.0 {
        plan.status
    } else {
        stored
            .status
            .0
            .to(plan.status)
            .map_err(|e| StoreError::Row {
                what: id.to_string(),
                why: e.to_string(),
            })?
    };
    records::update(conn, &next_row(stored, &plan.facts, status, now))
}

fn next_row(
    stored: &RecordRow,
    facts: &Facts,
    status: RecordStatus,
    now: DateTime<Utc>,
) -> RecordRow {
    let closed = status == RecordStatus::Closed;
    RecordRow {
        severity: Some(Col(facts.severity)),
        adjusted_severity: facts.adjusted.map(Col),
        rating: Rating::of(facts.effective()).map(Col),
        score: facts.score,
        unjustified_score: facts.unjustified_score,
        status: Col(status),
        detected_at: stamp(facts.detected_at),
        due: facts.due,
        due_rule: facts.due_rule.clone(),
        held_due: facts.held.as_ref().map(|held| held.due),
        held_rule: facts.held.as_ref().map(|held| held.rule.clone()),
        closed_at: if closed {
            stored.closed_at.or_else(|| Some(stamp(now)))
        } else {
            None
        },
        claimed_at: stored
            .claimed_at
            .filter(|_| status == RecordStatus::PendingVerification),
        changed_at: stamp(now),
        ..stored.clone()
    }
}
