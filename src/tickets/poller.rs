//! What people did on the desk: known tickets read by id, comments where something changed, states as claims, never as
//! decisions (`itsm.md` 4.4, 4.10).

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::clock::Clock;
use poamd_contract::desk::{Comment, Desk, TicketSnapshot, TicketState};
use poamd_contract::error::Retry;
use serde::Serialize;
use serde_json::json;

use super::accept::{self, Reading, Taken};
use super::{DeskRules, Result, Rules, event, site};
use crate::domain::finding::FindingStatus;
use crate::domain::record::RecordStatus;
use crate::domain::ticket::{EffectKind, Link, OutboxState, Seen};
use crate::render::templates::Templates;
use crate::store::columns::Col;
use crate::store::inbox::CommentRow;
use crate::store::records::RecordRow;
use crate::store::tickets::TicketRow;
use crate::store::time::stamp;
use crate::store::{AnyConnection, Store, audit, findings, inbox, outbox, records, tickets};

/// Tickets read in one call.
const AT_A_TIME: usize = 100;
const FULL_READ: TimeDelta = TimeDelta::hours(24);
/// By how many minutes of those 24 hours tickets differ.
const FULL_READ_SPREAD: i64 = 240;
/// So many tickets gone at once are a matter of rights, not of people (`itsm.md` 4.6).
const MISSING_AT_ONCE: usize = 5;

/// What a poll of one desk saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Polled {
    /// Tickets looked at.
    pub tickets: u64,
    /// Tickets that had changed.
    pub changed: u64,
    /// Comments read for the first time.
    pub comments: u64,
    pub accepted: u64,
    pub refused: u64,
    pub answered: u64,
    /// Tickets found to be gone.
    pub missing: u64,
    /// Tickets that had changed and whose comments could not be read: commands may wait there.
    pub unreadable: u64,
    /// Why nothing was concluded from it; `None` if all went well.
    pub void: Option<String>,
}

/// Polls one desk. Tells in [`Polled::void`] what the desk did wrong; errors are the ledger's own.
pub async fn poll(
    store: &Store,
    desk: &Arc<dyn Desk>,
    rules: &Rules,
    desk_rules: &DeskRules,
    templates: &Templates,
    clock: &dyn Clock,
    actor: &str,
) -> Result<Polled> {
    let poll = Poll {
        store,
        desk,
        rules,
        desk_rules,
        templates,
        now: clock.now(),
        actor,
    };
    let mut polled = Polled::default();
    if let Err(stopped) = poll.run(&mut polled).await {
        match stopped {
            Stopped::Void(why) => polled.void = Some(why),
            Stopped::Failed(error) => return Err(error),
        }
    }
    Ok(polled)
}

enum Stopped {
    Void(String),
    Failed(super::TicketError),
}

impl<E: Into<super::TicketError>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

struct Poll<'a> {
    store: &'a Store,
    desk: &'a Arc<dyn Desk>,
    rules: &'a Rules,
    desk_rules: &'a DeskRules,
    templates: &'a Templates,
    now: DateTime<Utc>,
    actor: &'a str,
}

impl Poll<'_> {
    async fn run(&self, polled: &mut Polled) -> Result<(), Stopped> {
        if let Some(why) = site::doubt(self.store, self.desk, self.desk_rules).await? {
            return Err(Stopped::Void(why));
        }
        let known = self.store.read_here(|conn| self.watched(conn))?;
        let seen = self.read(&known).await?;
        if let Some(why) = site::strangers(self.desk_rules, &known, &seen) {
            return Err(Stopped::Void(why));
        }
        let absent: Vec<&TicketRow> = known
            .iter()
            .filter(|t| t.link.0 == Link::Linked && !seen.contains_key(remote_id(t)))
            .collect();
        polled.tickets = known.len() as u64;
        if absent.len() >= MISSING_AT_ONCE && absent.len() * 5 > known.len() {
            return Err(Stopped::Void(format!(
                "{} of {} tickets are gone at once; that is a matter of rights, so none is taken for deleted",
                absent.len(),
                known.len()
            )));
        }
        for ticket in absent {
            self.store
                .write_here(|conn| self.relink(conn, ticket.id, Link::Missing))?;
            polled.missing += 1;
        }
        for ticket in &known {
            if let Some(snapshot) = seen.get(remote_id(ticket)) {
                self.look_at(ticket, snapshot, polled).await?;
            }
        }
        Ok(())
    }

    /// Tickets of live records, and of those that may still open again.
    fn watched(&self, conn: &mut AnyConnection) -> crate::store::Result<Vec<TicketRow>> {
        let since = stamp(self.now - TimeDelta::days(i64::from(self.rules.reopen_days)));
        let records: HashMap<i64, RecordRow> =
            records::all(conn)?.into_iter().map(|r| (r.id, r)).collect();
        let matters = |t: &TicketRow| {
            matches!(t.link.0, Link::Linked | Link::Missing)
                && t.remote_id.is_some()
                && records.get(&t.record_id).is_some_and(|r| {
                    r.status.0.is_live() || r.closed_at.is_some_and(|at| at > since)
                })
        };
        let all = tickets::of_desk(conn, &self.desk_rules.name)?;
        Ok(all.into_iter().filter(matters).collect())
    }

    async fn read(&self, known: &[TicketRow]) -> Result<HashMap<String, TicketSnapshot>, Stopped> {
        let mut seen = HashMap::new();
        for some in known.chunks(AT_A_TIME) {
            let ids: Vec<String> = some.iter().map(|t| remote_id(t).to_owned()).collect();
            let snapshots = self
                .desk
                .read(&ids)
                .await
                .map_err(|e| Stopped::Void(e.what))?;
            seen.extend(snapshots.into_iter().map(|s| (s.ticket.id.clone(), s)));
        }
        Ok(seen)
    }

    async fn look_at(
        &self,
        ticket: &TicketRow,
        snapshot: &TicketSnapshot,
        polled: &mut Polled,
    ) -> Result<(), Stopped> {
        if ticket.link.0 == Link::Missing {
            self.store
                .write_here(|conn| self.relink(conn, ticket.id, Link::Linked))?;
        }
        let version = Some(snapshot.version.as_str());
        let same =
            ticket.version.as_deref() == version && ticket.comments_version.as_deref() == version;
        if same && !self.is_read_due(ticket) {
            return Ok(());
        }
        let comments = match self.desk.comments(&snapshot.ticket).await {
            Ok(comments) => comments,
            Err(error) if error.retry == Retry::Auth => return Err(Stopped::Void(error.what)),
            Err(error) => {
                // Its version stays the old one, so the next poll reads it again.
                tracing::warn!(
                    ticket = ticket.name(),
                    error = error.what,
                    "comments could not be read"
                );
                polled.unreadable += 1;
                return Ok(());
            }
        };
        let mut outcome = Ok(());
        let counts = self.store.write_here(|conn| {
            let mut counts = Polled::default();
            outcome = self.take(conn, ticket.id, snapshot, &comments, &mut counts);
            match &outcome {
                Ok(()) => Ok(Some(counts)),
                // Only a write that failed may undo the rest; it is told below.
                Err(_) => Err(crate::store::StoreError::Task("taking a ticket".to_owned())),
            }
        });
        outcome?;
        if let Some(counts) = counts? {
            polled.changed += u64::from(!same);
            polled.comments += counts.comments;
            polled.accepted += counts.accepted;
            polled.refused += counts.refused;
            polled.answered += counts.answered;
        }
        Ok(())
    }

    /// Comments, then the state, then the version up to which all of it was taken: one transaction.
    fn take(
        &self,
        conn: &mut AnyConnection,
        id: i64,
        snapshot: &TicketSnapshot,
        comments: &[Comment],
        counts: &mut Polled,
    ) -> Result<()> {
        let Some(mut ticket) = tickets::find(conn, id)? else {
            return Ok(());
        };
        let before = ticket.clone();
        let reading = self.reading(&ticket);
        let known = inbox::of_ticket(conn, id)?;
        take_comments(conn, &reading, comments, &known, counts)?;
        accept::note_gone(conn, &reading, comments, &known)?;
        self.take_state(conn, &ticket, snapshot)?;
        ticket.state = Some(Col(snapshot.state));
        ticket.status = Some(snapshot.status.clone());
        ticket.version = Some(snapshot.version.clone());
        ticket.comments_version = Some(snapshot.version.clone());
        ticket.remote_key = Some(snapshot.ticket.key.clone());
        ticket.url = Some(snapshot.ticket.url.clone());
        ticket.set_seen(&Seen {
            summary: Some(snapshot.summary.clone()),
            due: snapshot.due,
        })?;
        if ticket != before {
            ticket.changed_at = stamp(self.now);
        }
        ticket.comments_read_at = Some(stamp(self.now));
        tickets::update(conn, &ticket)?;
        Ok(())
    }

    fn reading<'a>(&'a self, ticket: &'a TicketRow) -> Reading<'a> {
        Reading {
            desk: self.desk_rules,
            templates: self.templates,
            ticket,
            now: self.now,
            actor: self.actor,
        }
    }

    /// Once a day each ticket's comments are read though nothing seems to have changed: a desk may tell of a deletion
    /// or an edit by nothing else (`itsm.md` 4.10). Spread, so that not all fall due at once.
    fn is_read_due(&self, ticket: &TicketRow) -> bool {
        let every = FULL_READ - TimeDelta::minutes(ticket.id % FULL_READ_SPREAD);
        let age = ticket.comments_read_at.map(|at| self.now - at.and_utc());
        // A time to come was written by a clock that has been put back.
        !age.is_some_and(|age| age >= TimeDelta::zero() && age < every)
    }

    /// A move by a person is a claim about the work, never a decision and never a closure.
    fn take_state(
        &self,
        conn: &mut AnyConnection,
        ticket: &TicketRow,
        snapshot: &TicketSnapshot,
    ) -> Result<()> {
        let before = ticket.state().unwrap_or(TicketState::New);
        if snapshot.state == before || self.is_echo(conn, ticket, snapshot.state)? {
            return Ok(());
        }
        let Some(mut record) = records::find(conn, ticket.record_id)? else {
            return Ok(());
        };
        let mut moves = Vec::new();
        match (record.status.0, snapshot.state) {
            (RecordStatus::Open, TicketState::InProgress) => moves.push(RecordStatus::InProgress),
            (
                RecordStatus::Open | RecordStatus::InProgress,
                TicketState::Done | TicketState::Closed,
            ) => moves.push(RecordStatus::PendingVerification),
            (
                RecordStatus::PendingVerification,
                state @ (TicketState::New | TicketState::InProgress),
            ) if self.still_open(conn, record.id)? => {
                moves.push(RecordStatus::Open);
                if state == TicketState::InProgress {
                    moves.push(RecordStatus::InProgress);
                }
            }
            _ => {}
        }
        let from = record.status.0;
        for next in moves {
            if let Ok(next) = record.status.0.to(next) {
                record.status = Col(next);
            }
        }
        let claimed = record.status.0 == RecordStatus::PendingVerification;
        record.claimed_at = claimed.then(|| record.claimed_at.unwrap_or_else(|| stamp(self.now)));
        let body = json!({ "desk": self.desk_rules.name, "ticket": ticket.name(), "status": snapshot.status,
            "from": before.as_str(), "to": snapshot.state.as_str(), "record": { "from": from.as_str(), "to": record.status.0.as_str() } });
        audit::append(
            conn,
            &event(
                self.now,
                self.actor,
                "ticket.moved-by-person",
                record.id,
                body,
            ),
        )?;
        if record.status.0 != from {
            record.changed_at = stamp(self.now);
            records::update(conn, &record)?;
        }
        Ok(())
    }

    /// What we set ourselves, seen again; also one whose answer was lost.
    fn is_echo(
        &self,
        conn: &mut AnyConnection,
        ticket: &TicketRow,
        state: TicketState,
    ) -> Result<bool> {
        let rows = outbox::of_ticket(conn, ticket.id)?;
        let moves = rows.iter().filter(|r| {
            r.kind.0 == EffectKind::Transition
                && (OutboxState::UNSETTLED.contains(&r.state.0)
                    || r.state.0 == OutboxState::NeedsOperator)
                && r.attempt > 0
        });
        for row in moves {
            if let crate::domain::ticket::Effect::Transition { to, .. } = row.effect()?
                && to == state
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn still_open(&self, conn: &mut AnyConnection, record: i64) -> Result<bool> {
        let found = findings::of_record(conn, record)?;
        Ok(found.iter().any(|f| f.status.0 == FindingStatus::Open))
    }

    /// Gone, or back again. A missing ticket closes nothing and is never made again by itself.
    fn relink(&self, conn: &mut AnyConnection, id: i64, link: Link) -> crate::store::Result<()> {
        let Some(mut ticket) = tickets::find(conn, id)? else {
            return Ok(());
        };
        ticket.link = Col(link);
        ticket.changed_at = stamp(self.now);
        tickets::update(conn, &ticket)?;
        if link == Link::Linked {
            // What waited while it was not to be seen; rows only wait for a ticket, they are never given up.
            let waiting = outbox::of_ticket(conn, id)?;
            let waiting: Vec<i64> = waiting.iter().map(|row| row.id).collect();
            outbox::hasten(conn, &waiting, self.now)?;
        }
        let kind = if link == Link::Missing {
            "ticket.missing"
        } else {
            "ticket.found-again"
        };
        let body = json!({ "desk": self.desk_rules.name, "ticket": ticket.name() });
        audit::append(
            conn,
            &event(self.now, self.actor, kind, ticket.record_id, body),
        )?;
        Ok(())
    }
}

fn remote_id(ticket: &TicketRow) -> &str {
    ticket.remote_id.as_deref().unwrap_or_default()
}

/// `known`: what was read on the ticket before.
fn take_comments(
    conn: &mut AnyConnection,
    reading: &Reading<'_>,
    comments: &[Comment],
    known: &[CommentRow],
    counts: &mut Polled,
) -> Result<()> {
    let answered: BTreeSet<&str> = comments
        .iter()
        .filter_map(|c| c.reply_to.as_deref())
        .collect();
    let read: BTreeSet<&str> = known.iter().map(|k| k.comment_id.as_str()).collect();
    for comment in comments {
        // A reply to a comment we never read stands there from a ledger that was lost.
        let stood = answered.contains(comment.id.as_str()) && !read.contains(comment.id.as_str());
        let taken = accept::take(conn, reading, comment, known, stood)?;
        counts.comments += u64::from(taken != Taken::Known);
        match taken {
            Taken::Known | Taken::Nothing => {}
            Taken::Accepted => counts.accepted += 1,
            Taken::Refused => counts.refused += 1,
            Taken::Answered => counts.answered += 1,
        }
    }
    Ok(())
}
