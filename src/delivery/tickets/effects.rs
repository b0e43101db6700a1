//! The calls of each kind of effect, and what goes before them when an earlier attempt may have done it already.

use poamd_contract::desk::{CommentDraft, Desk, TicketDraft, TicketRef};
use poamd_contract::error::Retry;

use super::Dispatcher;
use super::outcome::Outcome;
use crate::domain::ticket::{Effect, OutboxState};
use crate::store::outbox::{self, Claimed};
use crate::store::{Result, tickets};

impl Dispatcher {
    pub(super) async fn effect(&self, desk: &dyn Desk, claimed: &Claimed) -> Result<Outcome> {
        let effect = claimed.row.effect()?;
        if let Effect::Create { draft } = &effect {
            return self.create(desk, claimed, draft).await;
        }
        let Some(ticket) = claimed.ticket.remote() else {
            return Ok(Outcome::Failed("its ticket was never made".to_owned()));
        };
        let answer = match &effect {
            Effect::Update { update } => desk.update(&ticket, update).await,
            Effect::Transition { to, note } => desk.transition(&ticket, *to, note).await,
            Effect::Comment { draft } => {
                return Ok(comment(desk, claimed, &ticket, draft).await);
            }
            Effect::Create { .. } => Ok(()),
        };
        Ok(answer.map_or_else(|e| Outcome::of_write(&e), |()| Outcome::Done))
    }

    /// The first attempt creates; every later one looks first (`itsm.md` 4.2).
    async fn create(
        &self,
        desk: &dyn Desk,
        claimed: &Claimed,
        draft: &TicketDraft,
    ) -> Result<Outcome> {
        let mut probe_after = claimed.ticket.probe_after.clone();
        if claimed.row.attempt > 1 {
            let found = look_up(desk, draft, probe_after.as_deref()).await;
            // Nothing found: the row was not claimed before its settle time was over, so nothing is still to come.
            if let Some(outcome) = found {
                return Ok(outcome);
            }
        }
        if probe_after.is_none() {
            probe_after = match desk.high_water().await {
                Ok(key) => key,
                Err(error) if claimed.was == OutboxState::Pending => {
                    return Ok(Outcome::of_preparation(&error));
                }
                Err(error) => return Ok(Outcome::of_look_up(&error)),
            };
        }
        if !self.ready_to_create(claimed, probe_after).await? {
            return Ok(Outcome::Lost);
        }
        match desk.create(draft).await {
            Ok(ticket) => Ok(Outcome::Created(ticket)),
            // A refusal may hide a unique index: then it is there already.
            Err(error) if error.retry == Retry::Never => {
                Ok(match desk.find(&draft.marker, None).await.as_deref() {
                    Ok([one]) => Outcome::Adopted(Box::new(one.clone())),
                    _ => Outcome::Failed(error.what),
                })
            }
            // No such project or table, not no such ticket.
            Err(error) if error.retry == Retry::Gone => Ok(Outcome::Failed(error.what)),
            Err(error) => Ok(Outcome::of_write(&error)),
        }
    }

    /// Keeps where a later look-up begins, and makes sure that the claim is still ours: a process that slept since
    /// its look-up must not create.
    async fn ready_to_create(
        &self,
        claimed: &Claimed,
        probe_after: Option<String>,
    ) -> Result<bool> {
        let (row, ticket) = (claimed.row.clone(), claimed.ticket.id);
        let now = self.clock.now();
        if row.attempt == 1 && probe_after.is_none() {
            return Ok(row.lease_until.is_some_and(|until| until.and_utc() > now));
        }
        let until = now + self.lease;
        self.store
            .write(move |conn| {
                if let Some(key) = probe_after {
                    tickets::set_probe_after(conn, ticket, &key)?;
                }
                outbox::renew(conn, &row, until)
            })
            .await
    }
}

/// `None`: looked, and it is not there.
async fn look_up(
    desk: &dyn Desk,
    draft: &TicketDraft,
    probe_after: Option<&str>,
) -> Option<Outcome> {
    match desk.find(&draft.marker, probe_after).await {
        Err(error) if error.retry == Retry::Gone => Some(Outcome::Failed(error.what)),
        Err(error) => Some(Outcome::of_look_up(&error)),
        Ok(found) => match found.as_slice() {
            [] => None,
            [one] => Some(Outcome::Adopted(Box::new(one.clone()))),
            several => {
                let keys: Vec<&str> = several.iter().map(|t| t.ticket.key.as_str()).collect();
                Some(Outcome::NeedsOperator(format!(
                    "several tickets bear the marker {}: {}; keep the oldest, remove the others, then retry",
                    draft.marker.key,
                    keys.join(", ")
                )))
            }
        },
    }
}

async fn comment(
    desk: &dyn Desk,
    claimed: &Claimed,
    ticket: &TicketRef,
    draft: &CommentDraft,
) -> Outcome {
    if claimed.was == OutboxState::Ambiguous {
        match desk.own_comment_keys(ticket).await {
            Ok(keys) if keys.iter().any(|(key, _)| *key == draft.key) => {
                return Outcome::CommentStood;
            }
            Ok(_) => {}
            Err(error) => return Outcome::of_look_up(&error),
        }
    }
    match desk.comment(ticket, draft).await {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::of_write(&error),
    }
}
