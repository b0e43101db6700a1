//! The planner: what stands in its line is compared with its record, and the difference is written with its events,
//! one transaction a bite. Planning again finds nothing to do.

mod apply;
mod group;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::domain::plan;
use crate::store::{AnyConnection, Result, Store, findings, records};

/// Default of the reopen window (`design.md`, Records).
pub const REOPEN_WINDOW: TimeDelta = TimeDelta::days(90);

/// Weaknesses planned in one transaction.
const BITE: i64 = 200;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Planned {
    pub opened: u64,
    pub reopened: u64,
    pub closed: u64,
    pub changed: u64,
}

/// Plans everything that waits, and the records whose claim to be done has been looked at twice.
pub fn activate(store: &Store, now: DateTime<Utc>, actor: &str) -> Result<Planned> {
    let mut planned = Planned::default();
    let waiting = store.read_here(|conn| {
        Ok(records::pending_verification(conn)?
            .into_iter()
            .map(|r| (r.account, r.group_key))
            .collect::<Vec<_>>())
    })?;
    for bite in waiting.chunks(BITE.unsigned_abs() as usize) {
        store.write_here(|conn| {
            bite.iter()
                .try_for_each(|(a, w)| one(conn, a, w, now, actor, &mut planned))
        })?;
    }
    loop {
        let done = store.write_here(|conn| {
            let next = findings::next_to_plan(conn, BITE)?;
            for (account, weakness) in &next {
                one(conn, account, weakness, now, actor, &mut planned)?;
                findings::planned(conn, account, weakness)?;
            }
            Ok(next.is_empty())
        })?;
        if done {
            return Ok(planned);
        }
    }
}

fn one(
    conn: &mut AnyConnection,
    account: &str,
    weakness: &str,
    now: DateTime<Utc>,
    actor: &str,
    planned: &mut Planned,
) -> Result<()> {
    let group = group::load(conn, account, weakness)?;
    if let Some(plan) = plan::plan(&group.facts, now, REOPEN_WINDOW) {
        for (kind, _) in &plan.events {
            match *kind {
                "record.opened" => planned.opened += 1,
                "record.reopened" | "record.seen-again" => planned.reopened += 1,
                "record.closed" => planned.closed += 1,
                _ => planned.changed += 1,
            }
        }
        apply::apply(conn, &group, &plan, now, actor)?;
    }
    Ok(())
}
