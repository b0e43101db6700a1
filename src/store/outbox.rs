//! The outbox of the desks: every effect, written in the transaction that wants it, claimed in a transaction of its
//! own before the first byte leaves, and settled by whoever holds the claim.
//!
//! Not in it: which state follows from which answer (`delivery`), and mails.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::columns::Col;
use super::schema::{outbox, tickets};
use super::tickets::TicketRow;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, from_json, to_json};
use crate::domain::ticket::{Effect, EffectKind, Link, OutboxState};

#[derive(Debug, Clone, PartialEq, Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub struct OutboxRow {
    pub id: i64,
    pub desk: String,
    pub ticket_id: i64,
    pub kind: Col<EffectKind>,
    /// The same effect is wanted once.
    pub idempotency: String,
    /// JSON of [`Effect`].
    pub payload: String,
    pub state: Col<OutboxState>,
    /// How often it was claimed.
    pub attempt: i64,
    /// Unclear answers and failed look-ups in a row.
    pub unclear: i64,
    pub not_before: Stamp,
    pub lease_holder: Option<String>,
    pub lease_until: Option<Stamp>,
    /// Why it is where it is; empty when all is well.
    pub error: Option<String>,
    pub created_at: Stamp,
    pub settled_at: Option<Stamp>,
}

impl OutboxRow {
    pub fn effect(&self) -> Result<Effect> {
        from_json(&format!("outbox row {}", self.id), &self.payload)
    }
}

/// A row in our hands until its lease ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    pub row: OutboxRow,
    /// Where it was before the claim: pending or ambiguous.
    pub was: OutboxState,
    pub ticket: TicketRow,
}

/// Where a claimed row goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    pub state: OutboxState,
    /// For pending and ambiguous; elsewhere ignored.
    pub not_before: Option<DateTime<Utc>>,
    /// Unclear answers in a row, counting this one.
    pub unclear: i64,
    pub error: Option<String>,
}

/// Whose rows in `sending` are known to be left over from a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dead {
    /// Those whose lease ended.
    Expired,
    /// All: the caller holds the database alone and has claimed nothing yet.
    All,
}

/// Neither a wait nor a lease is longer, a desk's settle time aside. A time beyond it was written by a clock that has
/// been put back since.
const FARTHEST: TimeDelta = TimeDelta::days(1);

/// Wants an effect. False if the same was wanted before, whatever became of it.
pub fn enqueue(
    conn: &mut AnyConnection,
    ticket: i64,
    desk: &str,
    idempotency: &str,
    effect: &Effect,
    now: DateTime<Utc>,
) -> Result<bool> {
    let known: i64 = outbox::table
        .filter(outbox::idempotency.eq(idempotency))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(false);
    }
    diesel::insert_into(outbox::table)
        .values((
            outbox::desk.eq(desk),
            outbox::ticket_id.eq(ticket),
            outbox::kind.eq(Col(effect.kind())),
            outbox::idempotency.eq(idempotency),
            outbox::payload.eq(to_json(effect)?),
            outbox::state.eq(Col(OutboxState::Pending)),
            outbox::attempt.eq(0),
            outbox::unclear.eq(0),
            outbox::not_before.eq(stamp(now)),
            outbox::created_at.eq(stamp(now)),
        ))
        .execute(conn)?;
    Ok(true)
}

diesel::alias!(outbox as earlier: Earlier);

/// Claims at most `limit` due rows of a desk, each the first that is on its way for its ticket. Only a create goes
/// before its ticket is linked. The caller commits before the first byte leaves.
pub fn claim(
    conn: &mut AnyConnection,
    desk: &str,
    holder: &str,
    now: DateTime<Utc>,
    lease: TimeDelta,
    limit: i64,
) -> Result<Vec<Claimed>> {
    let waiting_before = earlier
        .filter(earlier.field(outbox::ticket_id).eq(outbox::ticket_id))
        .filter(earlier.field(outbox::id).lt(outbox::id))
        .filter(
            earlier
                .field(outbox::state)
                .eq_any(OutboxState::UNSETTLED.map(Col)),
        );
    let due: Vec<(OutboxRow, TicketRow)> = outbox::table
        .inner_join(tickets::table.on(tickets::id.eq(outbox::ticket_id)))
        .filter(outbox::desk.eq(desk))
        .filter(outbox::state.eq_any([OutboxState::Pending, OutboxState::Ambiguous].map(Col)))
        .filter(outbox::not_before.le(stamp(now)))
        .filter(
            outbox::kind
                .eq(Col(EffectKind::Create))
                .or(tickets::link.eq(Col(Link::Linked))),
        )
        .filter(not(exists(waiting_before)))
        .order(outbox::id)
        .limit(limit)
        .select((OutboxRow::as_select(), TicketRow::as_select()))
        .load(conn)?;
    let mut claimed = Vec::with_capacity(due.len());
    for (mut row, ticket) in due {
        let was = row.state.0;
        let until = stamp(now + lease);
        // Compare and set: of two daemons that saw the row, one gets it.
        let won = diesel::update(
            outbox::table
                .filter(outbox::id.eq(row.id))
                .filter(outbox::state.eq(Col(was)))
                .filter(outbox::attempt.eq(row.attempt)),
        )
        .set((
            outbox::state.eq(Col(OutboxState::Sending)),
            outbox::attempt.eq(row.attempt + 1),
            outbox::lease_holder.eq(holder),
            outbox::lease_until.eq(until),
        ))
        .execute(conn)?;
        if won == 1 {
            row.state = Col(OutboxState::Sending);
            row.attempt += 1;
            row.lease_holder = Some(holder.to_owned());
            row.lease_until = Some(until);
            claimed.push(Claimed { row, was, ticket });
        }
    }
    Ok(claimed)
}

/// Extends a claim before a step that must not be done twice. False if it is no longer ours.
pub fn renew(conn: &mut AnyConnection, row: &OutboxRow, until: DateTime<Utc>) -> Result<bool> {
    let held = diesel::update(
        outbox::table
            .filter(outbox::id.eq(row.id))
            .filter(outbox::state.eq(Col(OutboxState::Sending)))
            .filter(outbox::lease_holder.eq(row.lease_holder.as_deref()))
            .filter(outbox::attempt.eq(row.attempt)),
    )
    .set(outbox::lease_until.eq(stamp(until)))
    .execute(conn)?;
    Ok(held == 1)
}

/// Puts a claimed row where its answer leads. False if the claim was lost meanwhile: then the row is somebody else's
/// and nothing was written.
pub fn settle(
    conn: &mut AnyConnection,
    row: &OutboxRow,
    to: &Settlement,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = !OutboxState::UNSETTLED.contains(&to.state);
    let held = diesel::update(
        outbox::table
            .filter(outbox::id.eq(row.id))
            .filter(outbox::state.eq(Col(OutboxState::Sending)))
            .filter(outbox::lease_holder.eq(row.lease_holder.as_deref()))
            .filter(outbox::attempt.eq(row.attempt)),
    )
    .set((
        outbox::state.eq(Col(to.state)),
        outbox::not_before.eq(stamp(to.not_before.unwrap_or(now))),
        outbox::unclear.eq(to.unclear),
        outbox::error.eq(to.error.as_deref()),
        outbox::lease_holder.eq(None::<String>),
        outbox::lease_until.eq(None::<Stamp>),
        outbox::settled_at.eq(done.then(|| stamp(now))),
    ))
    .execute(conn)?;
    Ok(held == 1)
}

/// Rows of a desk that wait longer than anything waits, `settle` included, come due `until` instead: they were written
/// while the clock was ahead. Not at once, since an unclear one may still be settling.
pub fn bring_near(
    conn: &mut AnyConnection,
    desk: &str,
    settle: TimeDelta,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        outbox::table
            .filter(outbox::desk.eq(desk))
            .filter(outbox::state.eq_any([OutboxState::Pending, OutboxState::Ambiguous].map(Col)))
            .filter(outbox::not_before.gt(stamp(now + FARTHEST + settle))),
    )
    .set(outbox::not_before.eq(stamp(now + settle)))
    .execute(conn)?;
    Ok(())
}

/// Rows that a dead process left in `sending`.
pub fn left_over(
    conn: &mut AnyConnection,
    desk: &str,
    dead: Dead,
    now: DateTime<Utc>,
) -> Result<Vec<OutboxRow>> {
    let mut query = outbox::table
        .filter(outbox::desk.eq(desk))
        .filter(outbox::state.eq(Col(OutboxState::Sending)))
        .into_boxed();
    if dead == Dead::Expired {
        query = query.filter(
            outbox::lease_until
                .lt(stamp(now))
                .or(outbox::lease_until.gt(stamp(now + FARTHEST))),
        );
    }
    Ok(query
        .order(outbox::id)
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// Whether anything was ever sent to a desk.
pub fn was_tried(conn: &mut AnyConnection, desk: &str) -> Result<bool> {
    let tried = outbox::table
        .filter(outbox::desk.eq(desk))
        .filter(outbox::attempt.gt(0));
    Ok(diesel::select(exists(tried)).get_result(conn)?)
}

pub fn of_ticket(conn: &mut AnyConnection, ticket: i64) -> Result<Vec<OutboxRow>> {
    Ok(outbox::table
        .filter(outbox::ticket_id.eq(ticket))
        .order(outbox::id)
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// What stands in a state, oldest first: what is stuck, for people to see.
pub fn in_state(conn: &mut AnyConnection, state: OutboxState) -> Result<Vec<OutboxRow>> {
    Ok(outbox::table
        .filter(outbox::state.eq(Col(state)))
        .order(outbox::id)
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// Rows by state.
pub fn counts(conn: &mut AnyConnection) -> Result<Vec<(OutboxState, i64)>> {
    let rows: Vec<(Col<OutboxState>, i64)> = outbox::table
        .group_by(outbox::state)
        .select((outbox::state, diesel::dsl::count_star()))
        .order(outbox::state)
        .load(conn)?;
    Ok(rows.into_iter().map(|(s, n)| (s.0, n)).collect())
}

/// When the next row of these desks may be touched: its time, or the end of a lease. `None` if nothing is on its way.
pub fn next_due(conn: &mut AnyConnection, desks: &[&str]) -> Result<Option<DateTime<Utc>>> {
    let waiting: Option<Stamp> = outbox::table
        .inner_join(tickets::table.on(tickets::id.eq(outbox::ticket_id)))
        .filter(outbox::desk.eq_any(desks))
        .filter(outbox::state.eq_any([OutboxState::Pending, OutboxState::Ambiguous].map(Col)))
        .filter(
            outbox::kind
                .eq(Col(EffectKind::Create))
                .or(tickets::link.eq(Col(Link::Linked))),
        )
        .select(diesel::dsl::min(outbox::not_before))
        .first(conn)?;
    let leased: Option<Stamp> = outbox::table
        .filter(outbox::desk.eq_any(desks))
        .filter(outbox::state.eq(Col(OutboxState::Sending)))
        .select(diesel::dsl::min(outbox::lease_until))
        .first(conn)?;
    Ok(waiting.into_iter().chain(leased).min().map(|t| t.and_utc()))
}

/// An operator wants a refused or unclear effect tried again, not before a time; it is looked up first. False if the
/// row is in neither state.
pub fn retry(conn: &mut AnyConnection, id: i64, not_before: DateTime<Utc>) -> Result<bool> {
    let stuck = [OutboxState::Failed, OutboxState::NeedsOperator].map(Col);
    let moved = diesel::update(
        outbox::table
            .filter(outbox::id.eq(id))
            .filter(outbox::state.eq_any(stuck)),
    )
    .set((
        outbox::state.eq(Col(OutboxState::Ambiguous)),
        outbox::unclear.eq(0),
        outbox::not_before.eq(stamp(not_before)),
        outbox::settled_at.eq(None::<Stamp>),
    ))
    .execute(conn)?;
    Ok(moved == 1)
}

/// How many rows came back from where they had ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PutBack {
    pub failed: u64,
    pub needs_operator: u64,
}

/// Puts creates that ended badly back where they wait, and lets no create of their desk begin before a time. What was
/// unclear is looked up still.
pub fn hold_creates(
    conn: &mut AnyConnection,
    desk: &str,
    ended: &[i64],
    until: DateTime<Utc>,
) -> Result<PutBack> {
    let mut back = |from: OutboxState, to: OutboxState| -> Result<u64> {
        let moved = diesel::update(
            outbox::table
                .filter(outbox::id.eq_any(ended))
                .filter(outbox::state.eq(Col(from))),
        )
        .set((
            outbox::state.eq(Col(to)),
            outbox::unclear.eq(0),
            outbox::settled_at.eq(None::<Stamp>),
        ))
        .execute(conn)?;
        Ok(moved as u64)
    };
    let back = PutBack {
        failed: back(OutboxState::Failed, OutboxState::Pending)?,
        needs_operator: back(OutboxState::NeedsOperator, OutboxState::Ambiguous)?,
    };
    diesel::update(
        outbox::table
            .filter(outbox::desk.eq(desk))
            .filter(outbox::kind.eq(Col(EffectKind::Create)))
            .filter(outbox::state.eq_any([OutboxState::Pending, OutboxState::Ambiguous].map(Col)))
            .filter(outbox::not_before.lt(stamp(until))),
    )
    .set(outbox::not_before.eq(stamp(until)))
    .execute(conn)?;
    Ok(back)
}

/// Lets what waits without being unclear come due now. Returns how many rows.
pub fn hasten(conn: &mut AnyConnection, rows: &[i64], now: DateTime<Utc>) -> Result<usize> {
    Ok(diesel::update(
        outbox::table
            .filter(outbox::id.eq_any(rows))
            .filter(outbox::state.eq(Col(OutboxState::Pending)))
            .filter(outbox::not_before.gt(stamp(now))),
    )
    .set(outbox::not_before.eq(stamp(now)))
    .execute(conn)?)
}

/// All rows of a desk in a state, oldest first.
pub fn of_desk(conn: &mut AnyConnection, desk: &str, state: OutboxState) -> Result<Vec<OutboxRow>> {
    Ok(outbox::table
        .filter(outbox::desk.eq(desk))
        .filter(outbox::state.eq(Col(state)))
        .order(outbox::id)
        .select(OutboxRow::as_select())
        .load(conn)?)
}
