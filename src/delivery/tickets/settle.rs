//! What an outcome writes: the row, the ticket and the event, in one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::desk::{TicketRef, TicketState};
use serde_json::{Value, json};

use super::outcome::Outcome;
use super::{Dispatcher, Waits};
use crate::delivery::backoff;
use crate::domain::record::RecordId;
use crate::domain::ticket::{Effect, EffectKind, Link, OutboxState, Seen, Written};
use crate::store::audit::{self, Event};
use crate::store::columns::Col;
use crate::store::outbox::{self, Claimed, Settlement};
use crate::store::tickets::{self, TicketRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Result};

/// Unclear answers or failed look-ups in a row after which a person has to look.
const UNCLEAR_LIMIT: i64 = 3;
/// How long an effect waits whose ticket was not to be seen.
const HIDDEN: TimeDelta = TimeDelta::hours(1);

impl Dispatcher {
    /// Gives what it came to: an unclear answer may be one too many, and a claim may be lost.
    pub(super) async fn settle(
        &self,
        waits: Waits,
        claimed: Claimed,
        outcome: Outcome,
    ) -> Result<Outcome> {
        let now = self.clock.now();
        let outcome = match outcome {
            Outcome::Unclear(why) if claimed.row.unclear + 1 >= UNCLEAR_LIMIT => {
                Outcome::NeedsOperator(format!(
                    "{UNCLEAR_LIMIT} unclear answers in a row, the last: {why}; look at the desk, then retry"
                ))
            }
            Outcome::Lost => return Ok(Outcome::Lost),
            other => other,
        };
        let to = self.settlement(waits, &claimed, &outcome, now);
        let actor = self.actor.clone();
        self.store
            .write(move |conn| {
                if !outbox::settle(conn, &claimed.row, &to, now)? {
                    return Ok(Outcome::Lost);
                }
                write_ticket(conn, &claimed, &outcome, now)?;
                if let Some((kind, body)) = event_of(&claimed, &outcome) {
                    audit::append(
                        conn,
                        &Event {
                            at: now,
                            actor,
                            kind,
                            subject: RecordId(claimed.ticket.record_id).to_string(),
                            body,
                        },
                    )?;
                }
                Ok(outcome)
            })
            .await
    }

    fn settlement(
        &self,
        waits: Waits,
        claimed: &Claimed,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Settlement {
        let row = &claimed.row;
        let end = |state| Settlement {
            state,
            not_before: None,
            unclear: 0,
            error: None,
        };
        let because = |state, why: &String| Settlement {
            error: Some(why.clone()),
            ..end(state)
        };
        let backoff = || backoff::wait(row.attempt, self.chance.as_ref());
        match outcome {
            Outcome::Created(_) | Outcome::Done => end(OutboxState::Done),
            Outcome::Adopted(_) | Outcome::CommentStood | Outcome::Lost => {
                end(OutboxState::Adopted)
            }
            Outcome::Later(wait, why) => Settlement {
                not_before: Some(now + wait.unwrap_or_else(backoff)),
                ..because(OutboxState::Pending, why)
            },
            // Where it was, so that what was unclear is still looked up.
            Outcome::LookLater(wait, why) => Settlement {
                not_before: Some(now + wait.unwrap_or_else(backoff)),
                unclear: row.unclear,
                ..because(claimed.was, why)
            },
            Outcome::Paused(why) => Settlement {
                unclear: row.unclear,
                ..because(claimed.was, why)
            },
            Outcome::Unclear(why) => Settlement {
                not_before: Some(now + waits.after_unclear(row.kind.0)),
                unclear: row.unclear + 1,
                ..because(OutboxState::Ambiguous, why)
            },
            // Whether it is gone is the poller's to say, by all tickets together; rights that were lost for a while
            // must cost nothing.
            Outcome::Missing(why) => Settlement {
                not_before: Some(now + HIDDEN),
                unclear: row.unclear,
                ..because(claimed.was, why)
            },
            Outcome::Failed(why) => because(OutboxState::Failed, why),
            Outcome::NeedsOperator(why) => Settlement {
                unclear: row.unclear + 1,
                ..because(OutboxState::NeedsOperator, why)
            },
        }
    }
}

/// What is known of the ticket after an outcome. Read again here: the poller may have written since the claim.
fn write_ticket(
    conn: &mut AnyConnection,
    claimed: &Claimed,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(mut row) = tickets::find(conn, claimed.ticket.id)? else {
        return Ok(());
    };
    let before = row.clone();
    match (outcome, claimed.row.effect()?) {
        (Outcome::Created(ticket), Effect::Create { draft }) => {
            link(&mut row, ticket);
            row.state = Some(Col(TicketState::New));
            row.set_written(&Written::of(&draft))?;
        }
        (Outcome::Adopted(found), Effect::Create { draft }) => {
            link(&mut row, &found.ticket);
            row.state = Some(Col(TicketState::New));
            row.set_written(&Written::of(&draft))?;
            row.set_seen(&Seen {
                summary: Some(found.summary.clone()),
                due: found.due,
            })?;
        }
        (Outcome::Done, Effect::Update { update }) => {
            let mut written = row.written()?;
            written.take(&update);
            row.set_written(&written)?;
            let mut seen = row.seen()?;
            // Ours stands there now; the next poll would say the same.
            seen.summary = update.summary.or(seen.summary);
            row.set_seen(&seen)?;
        }
        (Outcome::Done, Effect::Transition { to, .. }) => {
            let mut written = row.written()?;
            written.state = Some(to);
            row.set_written(&written)?;
            row.state = Some(Col(to));
        }
        _ => {}
    }
    if row != before {
        row.changed_at = stamp(now);
        tickets::update(conn, &row)?;
    }
    Ok(())
}

fn link(row: &mut TicketRow, ticket: &TicketRef) {
    row.link = Col(Link::Linked);
    row.remote_id = Some(ticket.id.clone());
    row.remote_key = Some(ticket.key.clone());
    row.url = Some(ticket.url.clone());
}

fn event_of(claimed: &Claimed, outcome: &Outcome) -> Option<(&'static str, Value)> {
    let (row, ticket) = (&claimed.row, &claimed.ticket);
    let common = |more: Value| {
        let mut body = json!({ "desk": row.desk, "ticket": ticket.name(), "effect": row.kind.0.as_str(), "outbox": row.id });
        if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
            body.extend(more);
        }
        body
    };
    let made = |t: &TicketRef| json!({ "ticket": t.key, "id": t.id, "marker": ticket.marker_key });
    Some(match outcome {
        Outcome::Created(t) => ("ticket.created", common(made(t))),
        Outcome::Adopted(found) => ("ticket.adopted", common(made(&found.ticket))),
        Outcome::Done | Outcome::CommentStood => {
            let kind = match row.kind.0 {
                EffectKind::Create => "ticket.created",
                EffectKind::Update => "ticket.updated",
                EffectKind::Transition => "ticket.moved",
                EffectKind::Comment => "ticket.commented",
            };
            (kind, common(json!({})))
        }
        Outcome::Unclear(why) => ("ticket.unclear", common(json!({ "why": why }))),
        Outcome::Failed(why) => ("ticket.failed", common(json!({ "why": why }))),
        Outcome::NeedsOperator(why) => ("ticket.needs-operator", common(json!({ "why": why }))),
        Outcome::Later(..)
        | Outcome::LookLater(..)
        | Outcome::Paused(_)
        | Outcome::Missing(_)
        | Outcome::Lost => return None,
    })
}
