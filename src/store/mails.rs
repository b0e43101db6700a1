//! The mail outbox: mails with their frozen bytes, and where each of them stands. How a mail is handed over and what
//! the answer means is `delivery::mail`'s.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use poamd_contract::mailing::Envelope;
use serde::Serialize;
use serde_json::json;

use super::audit::{self, Event, sha256_hex};
use super::columns::Col;
use super::schema::mails;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, from_json, to_json};
use crate::domain::mail::MailState;

/// A mail as people are told of it, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Serialize)]
#[diesel(table_name = mails)]
pub struct MailRow {
    pub id: i64,
    pub report: String,
    pub period: String,
    pub message_id: String,
    pub subject: String,
    pub sender: String,
    /// JSON array of addresses.
    pub recipients: String,
    /// Of the bytes, lowercase hex.
    pub sha256: String,
    /// Number of the audit event that queued it.
    pub queued_event: i64,
    #[serde(serialize_with = "state_word")]
    pub state: Col<MailState>,
    pub attempt: i64,
    pub not_before: Stamp,
    pub error: Option<String>,
    /// What the server said when it took the mail.
    pub answer: Option<String>,
    pub created_at: Stamp,
    pub settled_at: Option<Stamp>,
}

fn state_word<S: serde::Serializer>(state: &Col<MailState>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(state.0.as_str())
}

/// A mail to be queued.
#[derive(Debug, Clone)]
pub struct NewMail {
    pub report: String,
    pub period: String,
    /// Unique: the same report for the same period to the same people is queued once.
    pub message_id: String,
    pub subject: String,
    pub envelope: Envelope,
}

/// A mail that this process may hand over, and nobody else until the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    pub id: i64,
    /// This attempt's number, from 1.
    pub attempt: i64,
    pub report: String,
    pub message_id: String,
    pub created_at: DateTime<Utc>,
    pub envelope: Envelope,
    /// What the bytes had to be when they were frozen.
    pub sha256: String,
}

impl Claimed {
    /// Whether the bytes are still those that were frozen.
    pub fn is_intact(&self) -> bool {
        sha256_hex(&self.envelope.bytes) == self.sha256
    }
}

/// No mail waits longer. A time beyond it was written by a clock that has been put back since, and counts as come.
const FARTHEST: TimeDelta = TimeDelta::days(1);

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub state: MailState,
    /// Not before then again; the time itself where nothing follows.
    pub not_before: DateTime<Utc>,
    pub error: Option<String>,
    pub answer: Option<String>,
}

/// Queues a mail with its audit event, in the caller's transaction. `None` if its Message-ID is there already.
pub fn queue(
    conn: &mut AnyConnection,
    mail: &NewMail,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Option<i64>> {
    if by_message_id(conn, &mail.message_id)?.is_some() {
        return Ok(None);
    }
    let sha256 = sha256_hex(&mail.envelope.bytes);
    let event = audit::append(
        conn,
        &Event {
            at: now,
            actor: actor.to_owned(),
            kind: "mail.queued",
            subject: mail.report.clone(),
            body: json!({
                "message_id": mail.message_id, "period": mail.period, "to": mail.envelope.to,
                "sha256": sha256, "bytes": mail.envelope.bytes.len(),
            }),
        },
    )?;
    let id = diesel::insert_into(mails::table)
        .values((
            mails::report.eq(&mail.report),
            mails::period.eq(&mail.period),
            mails::message_id.eq(&mail.message_id),
            mails::subject.eq(&mail.subject),
            mails::sender.eq(&mail.envelope.from),
            mails::recipients.eq(to_json(&mail.envelope.to)?),
            mails::bytes.eq(&mail.envelope.bytes),
            mails::sha256.eq(&sha256),
            mails::queued_event.eq(event),
            mails::state.eq(Col(MailState::Rendered)),
            mails::attempt.eq(0),
            mails::not_before.eq(stamp(now)),
            mails::created_at.eq(stamp(now)),
        ))
        .returning(mails::id)
        .get_result(conn)?;
    Ok(Some(id))
}

pub fn by_message_id(conn: &mut AnyConnection, message_id: &str) -> Result<Option<MailRow>> {
    Ok(mails::table
        .filter(mails::message_id.eq(message_id))
        .select(MailRow::as_select())
        .first(conn)
        .optional()?)
}

/// The newest mail of a report that reached its readers or still may.
pub fn last_of(conn: &mut AnyConnection, report: &str) -> Result<Option<MailRow>> {
    let lost = [Col(MailState::Rejected), Col(MailState::Expired)];
    Ok(mails::table
        .filter(mails::report.eq(report))
        .filter(mails::state.ne_all(lost))
        .order(mails::id.desc())
        .select(MailRow::as_select())
        .first(conn)
        .optional()?)
}

/// The newest mails first.
pub fn latest(conn: &mut AnyConnection, limit: i64) -> Result<Vec<MailRow>> {
    Ok(mails::table
        .order(mails::id.desc())
        .limit(limit)
        .select(MailRow::as_select())
        .load(conn)?)
}

/// Mails in these states, oldest first; `MailState::LOST` for what `poamd doctor` shows.
pub fn in_states(conn: &mut AnyConnection, states: &[MailState]) -> Result<Vec<MailRow>> {
    Ok(mails::table
        .filter(mails::state.eq_any(states.iter().copied().map(Col)))
        .order(mails::id)
        .select(MailRow::as_select())
        .load(conn)?)
}

/// The frozen bytes of a mail.
pub fn bytes_of(conn: &mut AnyConnection, id: i64) -> Result<Option<Vec<u8>>> {
    Ok(mails::table
        .find(id)
        .select(mails::bytes)
        .first(conn)
        .optional()?)
}

/// Mails whose sender died: after their lease nobody can say whether the server took them, so they are sent again,
/// the same bytes. Returns how many.
pub fn recover(conn: &mut AnyConnection, actor: &str, now: DateTime<Utc>) -> Result<usize> {
    let dead: Vec<(i64, String, String, i64)> = mails::table
        .filter(mails::state.eq(Col(MailState::Sending)))
        .filter(
            mails::lease_until
                .le(stamp(now))
                .or(mails::lease_until.gt(stamp(now + FARTHEST))),
        )
        .order(mails::id)
        .select((mails::id, mails::report, mails::message_id, mails::attempt))
        .load(conn)?;
    let why = "poamd stopped while it was sending; the server may have taken the mail";
    let mut recovered = 0;
    for (id, report, message_id, attempt) in dead {
        let changed = diesel::update(
            mails::table
                .find(id)
                .filter(mails::state.eq(Col(MailState::Sending)))
                .filter(mails::attempt.eq(attempt)),
        )
        .set((
            mails::state.eq(Col(MailState::Ambiguous)),
            // The lease was the wait.
            mails::not_before.eq(stamp(now)),
            mails::lease_holder.eq(None::<String>),
            mails::lease_until.eq(None::<Stamp>),
            mails::error.eq(why),
        ))
        .execute(conn)?;
        if changed == 1 {
            audit::append(
                conn,
                &event(
                    MailState::Ambiguous,
                    &report,
                    &message_id,
                    attempt,
                    Some(why),
                    actor,
                    now,
                ),
            )?;
            recovered += 1;
        }
    }
    Ok(recovered)
}

/// Gives up on mails that were tried and whose time is over. Returns how many.
pub fn expire(
    conn: &mut AnyConnection,
    life: TimeDelta,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<usize> {
    let waiting = [Col(MailState::Retry), Col(MailState::Ambiguous)];
    let old: Vec<MailRow> = mails::table
        .filter(mails::state.eq_any(waiting))
        .filter(mails::created_at.le(stamp(now - life)))
        .order(mails::id)
        .select(MailRow::as_select())
        .load(conn)?;
    let mut expired = 0;
    for row in &old {
        let last = row.error.as_deref().unwrap_or("no cause was noted");
        let why = format!(
            "given up after {} days and {} attempts; the last one: {last}",
            life.num_days(),
            row.attempt
        );
        let changed = diesel::update(
            mails::table
                .find(row.id)
                .filter(mails::state.eq(row.state))
                .filter(mails::attempt.eq(row.attempt)),
        )
        .set((
            mails::state.eq(Col(MailState::Expired)),
            mails::settled_at.eq(stamp(now)),
            mails::error.eq(&why),
        ))
        .execute(conn)?;
        if changed == 0 {
            continue;
        }
        expired += 1;
        audit::append(
            conn,
            &event(
                MailState::Expired,
                &row.report,
                &row.message_id,
                row.attempt,
                Some(&why),
                actor,
                now,
            ),
        )?;
    }
    Ok(expired)
}

/// Takes the mail that has waited longest, if one is due: compare and set, to be committed before the first byte
/// leaves. Whoever holds the lease is the only one to send until it runs out.
pub fn claim(
    conn: &mut AnyConnection,
    holder: &str,
    lease: TimeDelta,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>> {
    let next: Option<(i64, Col<MailState>, i64)> = mails::table
        .filter(mails::state.eq_any(MailState::WAITING.map(Col)))
        .filter(
            mails::not_before
                .le(stamp(now))
                .or(mails::not_before.gt(stamp(now + FARTHEST))),
        )
        .order((mails::not_before, mails::id))
        .select((mails::id, mails::state, mails::attempt))
        .first(conn)
        .optional()?;
    let Some((id, state, attempt)) = next else {
        return Ok(None);
    };
    let taken = diesel::update(
        mails::table
            .find(id)
            .filter(mails::state.eq(state))
            .filter(mails::attempt.eq(attempt)),
    )
    .set((
        mails::state.eq(Col(MailState::Sending)),
        mails::attempt.eq(attempt + 1),
        mails::lease_holder.eq(holder),
        mails::lease_until.eq(stamp(now + lease)),
    ))
    .execute(conn)?;
    if taken == 0 {
        // Another process was faster; its mail is in hand and the next one is found by the next claim.
        return Ok(None);
    }
    type Frozen = (String, String, String, String, Vec<u8>, String, Stamp);
    let (report, message_id, from, to, bytes, sha256, created_at): Frozen = mails::table
        .find(id)
        .select((
            mails::report,
            mails::message_id,
            mails::sender,
            mails::recipients,
            mails::bytes,
            mails::sha256,
            mails::created_at,
        ))
        .first(conn)?;
    Ok(Some(Claimed {
        id,
        attempt: attempt + 1,
        report,
        message_id,
        created_at: created_at.and_utc(),
        envelope: Envelope {
            from,
            to: from_json("the recipients of a mail", &to)?,
            bytes,
        },
        sha256,
    }))
}

/// Writes what became of an attempt, with its audit event. False if the lease was lost meanwhile: then somebody else
/// decides about this mail, and nothing is written.
pub fn settle(
    conn: &mut AnyConnection,
    mail: &Claimed,
    holder: &str,
    verdict: &Verdict,
    now: DateTime<Utc>,
) -> Result<bool> {
    let settled_at = verdict.state.is_final().then(|| stamp(now));
    let changed = diesel::update(
        mails::table
            .find(mail.id)
            .filter(mails::state.eq(Col(MailState::Sending)))
            .filter(mails::lease_holder.eq(holder))
            .filter(mails::attempt.eq(mail.attempt)),
    )
    .set((
        mails::state.eq(Col(verdict.state)),
        mails::not_before.eq(stamp(verdict.not_before)),
        mails::lease_holder.eq(None::<String>),
        mails::lease_until.eq(None::<Stamp>),
        mails::error.eq(&verdict.error),
        mails::answer.eq(&verdict.answer),
        mails::settled_at.eq(settled_at),
    ))
    .execute(conn)?;
    if changed == 0 {
        return Ok(false);
    }
    // A delay that repairs itself is no news; the row keeps its cause.
    if verdict.state != MailState::Retry {
        let words = verdict.error.as_deref().or(verdict.answer.as_deref());
        audit::append(
            conn,
            &event(
                verdict.state,
                &mail.report,
                &mail.message_id,
                mail.attempt,
                words,
                holder,
                now,
            ),
        )?;
    }
    Ok(true)
}

fn event(
    state: MailState,
    report: &str,
    message_id: &str,
    attempt: i64,
    words: Option<&str>,
    actor: &str,
    at: DateTime<Utc>,
) -> Event {
    Event {
        at,
        actor: actor.to_owned(),
        kind: state.event(),
        subject: report.to_owned(),
        body: json!({ "message_id": message_id, "attempt": attempt, "words": words }),
    }
}
