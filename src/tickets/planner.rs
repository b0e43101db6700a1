//! What is wanted on the desks: each live record's ticket as it should be, against what we wrote there. Planning again
//! wants nothing new; a day without change wants nothing at all.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::desk::{CommentDraft, TicketDraft, TicketState};
use serde::Serialize;
use serde_json::json;

use super::view::{self, Story};
use super::{DeskRules, Result, Rules, event, replies};
use crate::domain::clock::Clocks;
use crate::domain::finding::FindingStatus;
use crate::domain::marker::marker;
use crate::domain::priority::Priority;
use crate::domain::record::{RecordId, RecordStatus};
use crate::domain::ticket::{Effect, EffectKind, Link, OutboxState, comment_key};
use crate::query::priority::{self, Subject};
use crate::render::templates::Templates;
use crate::store::findings::FindingRow;
use crate::store::items::ItemRow;
use crate::store::outbox::OutboxRow;
use crate::store::records::RecordRow;
use crate::store::tickets::TicketRow;
use crate::store::{
    AnyConnection, Store, accounts, audit, findings, items, outbox, records, tickets, time::stamp,
};

/// Reopenings of one ticket in thirty days after which it is left to people (`itsm.md` 4.4).
const REOPENINGS: usize = 3;
const REOPENINGS_IN: TimeDelta = TimeDelta::days(30);

/// One effect that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub record: i64,
    pub desk: String,
    pub ticket: Target,
    pub idempotency: String,
    pub effect: Effect,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Existing(i64),
    /// A ticket that is made with this generation; `retires` is the one it follows.
    New {
        generation: i64,
        retires: Option<i64>,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Planned {
    pub creates: u64,
    pub updates: u64,
    pub transitions: u64,
    pub comments: u64,
    /// Left for the next run by a budget.
    pub held_back: u64,
}

/// What is wanted now, in order, with the budgets applied. Writes nothing: this is also the dry run.
pub fn preview(
    store: &Store,
    templates: &Templates,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Result<(Vec<Wanted>, Planned)> {
    let world = store.read_here(|conn| World::load(conn, &rules.clocks))?;
    let mut all = Vec::new();
    for record in &world.records {
        let plan = Plan {
            world: &world,
            templates,
            rules,
            now,
            record,
        };
        all.push(plan.wanted()?);
    }
    Ok(within_budgets(all, rules))
}

/// Puts what is wanted into the outbox. The same is never put there twice.
pub fn plan(
    store: &Store,
    templates: &Templates,
    rules: &Rules,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<Planned> {
    let (wanted, mut planned) = preview(store, templates, rules, now)?;
    for bite in wanted.chunks(200) {
        let done = store.write_here(|conn| {
            let mut done = Planned::default();
            for one in bite {
                if enqueue(conn, rules, one, now, actor)? {
                    done.count(&one.effect);
                }
            }
            Ok(done)
        })?;
        planned.creates += done.creates;
        planned.updates += done.updates;
        planned.transitions += done.transitions;
        planned.comments += done.comments;
    }
    Ok(planned)
}

impl Planned {
    fn count(&mut self, effect: &Effect) {
        match effect.kind() {
            EffectKind::Create => self.creates += 1,
            EffectKind::Update => self.updates += 1,
            EffectKind::Transition => self.transitions += 1,
            EffectKind::Comment => self.comments += 1,
        }
    }
}

/// A record's effects go together or not at all: a comment without its move would mislead.
fn within_budgets(all: Vec<Vec<Wanted>>, rules: &Rules) -> (Vec<Wanted>, Planned) {
    let (mut taken, mut spent, mut held_back) = (Vec::new(), Planned::default(), 0);
    for wanted in all {
        let mut after = spent;
        wanted.iter().for_each(|w| after.count(&w.effect));
        let fits = after.creates <= u64::from(rules.creates_per_run)
            && after.transitions <= u64::from(rules.transitions_per_run)
            && after.comments <= u64::from(rules.comments_per_run);
        if fits {
            spent = after;
            taken.extend(wanted);
        } else {
            held_back += wanted.len() as u64;
        }
    }
    let planned = Planned {
        held_back,
        ..Planned::default()
    };
    (taken, planned)
}

fn enqueue(
    conn: &mut AnyConnection,
    rules: &Rules,
    wanted: &Wanted,
    now: DateTime<Utc>,
    actor: &str,
) -> crate::store::Result<bool> {
    let ticket = match wanted.ticket {
        Target::Existing(id) => id,
        Target::New {
            generation,
            retires,
        } => {
            let there = tickets::of_record(conn, wanted.record)?;
            if there
                .iter()
                .any(|t| Some(t.id) != retires && t.link.0 != Link::Retired)
            {
                return Ok(false);
            }
            if let Some(mut old) = there.into_iter().find(|t| Some(t.id) == retires) {
                old.link.0 = Link::Retired;
                old.changed_at = stamp(now);
                tickets::update(conn, &old)?;
            }
            let mark = marker(&rules.deployment, RecordId(wanted.record), generation);
            let body = json!({ "desk": wanted.desk, "marker": mark.key, "generation": generation });
            audit::append(
                conn,
                &event(now, actor, "ticket.wanted", wanted.record, body),
            )?;
            tickets::insert(
                conn,
                wanted.record,
                &wanted.desk,
                generation,
                &mark,
                stamp(now),
            )?
        }
    };
    outbox::enqueue(
        conn,
        ticket,
        &wanted.desk,
        &wanted.idempotency,
        &wanted.effect,
        now,
    )
}

/// All that planning reads, in one look.
struct World {
    records: Vec<RecordRow>,
    /// Findings by record.
    findings: HashMap<i64, Vec<FindingRow>>,
    items: HashMap<String, HashMap<String, ItemRow>>,
    /// Tickets by record, the newest first.
    tickets: HashMap<i64, Vec<TicketRow>>,
    outbox: HashMap<i64, Vec<OutboxRow>>,
    /// Name and label by account.
    accounts: HashMap<String, (String, String)>,
    /// By record.
    priorities: HashMap<i64, Priority>,
}

impl World {
    /// Live records, and closed ones that have a ticket: what was closed without one needs none.
    fn load(conn: &mut AnyConnection, clocks: &Clocks) -> crate::store::Result<Self> {
        let mut by_record: HashMap<i64, Vec<TicketRow>> = HashMap::new();
        for ticket in tickets::all(conn)?.into_iter().rev() {
            by_record.entry(ticket.record_id).or_default().push(ticket);
        }
        let records: Vec<RecordRow> = records::all(conn)?
            .into_iter()
            .filter(|r| r.status.0.is_live() || by_record.contains_key(&r.id))
            .collect();
        let mut world = Self {
            findings: HashMap::new(),
            items: HashMap::new(),
            outbox: HashMap::new(),
            accounts: tickets::accounts_by_name(conn)?
                .into_iter()
                .map(|(id, name, label)| (id, (name, label)))
                .collect(),
            priorities: HashMap::new(),
            tickets: by_record,
            records,
        };
        let mut arns: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
        for record in &world.records {
            let found = findings::of_record(conn, record.id)?;
            let named = arns.entry(&record.account).or_default();
            named.extend(found.iter().map(|f| f.arn.clone()));
            world.findings.insert(record.id, found);
        }
        for (account, arns) in arns {
            let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
            world
                .items
                .insert(account.to_owned(), items::by_arns(conn, account, &arns)?);
        }
        for ticket in world.tickets.values().flatten() {
            world
                .outbox
                .insert(ticket.id, outbox::of_ticket(conn, ticket.id)?);
        }
        world.priorities = world.rank(conn, clocks)?;
        Ok(world)
    }

    fn rank(
        &self,
        conn: &mut AnyConnection,
        clocks: &Clocks,
    ) -> crate::store::Result<HashMap<i64, Priority>> {
        let weights: HashMap<String, i64> = accounts::all(conn)?
            .into_iter()
            .map(|row| (row.id, row.weight))
            .collect();
        let subjects: Vec<Subject<'_>> = self
            .records
            .iter()
            .map(|record| self.subject(record, &weights))
            .collect();
        let ranked = priority::that_stand(conn, clocks, &subjects)?;
        let ids = subjects.iter().map(|subject| subject.id);
        Ok(ids.zip(ranked).collect())
    }

    fn subject<'a>(&'a self, record: &'a RecordRow, weights: &HashMap<String, i64>) -> Subject<'a> {
        let found = self.findings.get(&record.id).into_iter().flatten();
        let there = found.filter(|f| f.status.0 != FindingStatus::Fixed && !f.arn.is_empty());
        let items: BTreeSet<&str> = there.map(|f| f.arn.as_str()).collect();
        Subject {
            id: record.id,
            kind: record.weakness_kind.0,
            weakness: &record.weakness_id,
            account: &record.account,
            items: items.into_iter().collect(),
            severity: record.severity.map(|s| s.0),
            detected: record.detected_at.date(),
            due: record.due,
            label: self
                .accounts
                .get(&record.account)
                .map_or("", |(_, label)| label.as_str()),
            weight: weights.get(&record.account).copied().unwrap_or(100),
        }
    }
}

/// Planning one record.
struct Plan<'a> {
    world: &'a World,
    templates: &'a Templates,
    rules: &'a Rules,
    now: DateTime<Utc>,
    record: &'a RecordRow,
}

impl Plan<'_> {
    fn wanted(&self) -> Result<Vec<Wanted>> {
        let tickets = self.world.tickets.get(&self.record.id);
        let newest = tickets.and_then(|t| t.first());
        let live = self.record.status.0.is_live();
        match newest {
            None if live => self.first_ticket(),
            None => Ok(Vec::new()),
            Some(ticket) if ticket.link.0 == Link::Linked => self.follow(ticket),
            // Still being made, or gone, which a person has to see to.
            Some(_) => Ok(Vec::new()),
        }
    }

    fn first_ticket(&self) -> Result<Vec<Wanted>> {
        let rated = self
            .record
            .rating
            .is_some_and(|r| r.0 >= self.rules.minimum_rating);
        let (name, label) = self.account();
        let takes = |d: &&DeskRules| (d.takes)(&self.record.account, name, label);
        match self.rules.desks.iter().find(takes) {
            Some(desk) if rated && !self.is_void(&desk.name) => self.create(desk, 1, None),
            _ => Ok(Vec::new()),
        }
    }

    fn is_void(&self, desk: &str) -> bool {
        self.rules.void.contains(desk)
    }

    fn account(&self) -> (&str, &str) {
        self.world
            .accounts
            .get(&self.record.account)
            .map_or(("", ""), |(name, label)| (name, label))
    }

    fn create(
        &self,
        desk: &DeskRules,
        generation: i64,
        retires: Option<i64>,
    ) -> Result<Vec<Wanted>> {
        let Some(draft) = self.draft(desk, generation)? else {
            return Ok(Vec::new());
        };
        Ok(vec![Wanted {
            record: self.record.id,
            desk: desk.name.clone(),
            ticket: Target::New {
                generation,
                retires,
            },
            idempotency: format!("{}/{}/create", desk.name, draft.marker.key),
            effect: Effect::Create { draft },
        }])
    }

    fn draft(&self, desk: &DeskRules, generation: i64) -> Result<Option<TicketDraft>> {
        let (no_findings, no_items) = (Vec::new(), HashMap::new());
        let story = Story {
            record: self.record,
            account_name: self.account().0,
            findings: self
                .world
                .findings
                .get(&self.record.id)
                .unwrap_or(&no_findings),
            items: self
                .world
                .items
                .get(&self.record.account)
                .unwrap_or(&no_items),
            priority: self.world.priorities.get(&self.record.id),
        };
        let mark = marker(&self.rules.deployment, RecordId(self.record.id), generation);
        view::draft(self.templates, &story, desk, mark)
    }

    /// A ticket that stands: kept in step with its record.
    fn follow(&self, ticket: &TicketRow) -> Result<Vec<Wanted>> {
        let Some(desk) = self.rules.desk(&ticket.desk) else {
            return Ok(Vec::new());
        };
        if self.is_void(&desk.name) {
            return Ok(Vec::new());
        }
        let history = self
            .world
            .outbox
            .get(&ticket.id)
            .map_or(&[] as &[OutboxRow], Vec::as_slice);
        // One thing at a time: what is on its way decides what comes next.
        let on_its_way = |row: &&OutboxRow| {
            row.kind.0 != EffectKind::Comment && OutboxState::UNSETTLED.contains(&row.state.0)
        };
        if history.iter().any(|row| on_its_way(&row)) {
            return Ok(Vec::new());
        }
        let state = ticket.state().unwrap_or(TicketState::New);
        let standing = Standing {
            ticket,
            desk,
            history,
        };
        match self.record.status.0 {
            RecordStatus::Closed => self.close(&standing, state),
            RecordStatus::Superseded => Ok(Vec::new()),
            RecordStatus::Open | RecordStatus::InProgress if state == TicketState::Closed => {
                self.succeed(desk, ticket)
            }
            RecordStatus::Open | RecordStatus::InProgress if state == TicketState::Done => {
                self.reopen(&standing)
            }
            // Nothing can be written on it.
            RecordStatus::PendingVerification if state == TicketState::Closed => Ok(Vec::new()),
            RecordStatus::Open | RecordStatus::InProgress | RecordStatus::PendingVerification => {
                self.update(&standing)
            }
        }
    }

    fn update(&self, standing: &Standing<'_>) -> Result<Vec<Wanted>> {
        let ticket = standing.ticket;
        let Some(draft) = self.draft(standing.desk, ticket.generation)? else {
            return Ok(Vec::new());
        };
        let Some(update) = ticket.written()?.until(&draft, &ticket.seen()?) else {
            return Ok(Vec::new());
        };
        let hash = audit::sha256_hex(crate::store::to_json(&update)?.as_bytes());
        // Counted, so that a change back and forth is written each time, and one that was refused is not.
        let step = standing.done(EffectKind::Update);
        let name = format!("update/{step}/{}", &hash[..16]);
        Ok(vec![standing.want(
            self.record,
            &name,
            Effect::Update { update },
        )])
    }

    /// The ticket after one that the desk lets nobody change any more. As many in a month as reopenings.
    fn succeed(&self, desk: &DeskRules, ticket: &TicketRow) -> Result<Vec<Wanted>> {
        let since = stamp(self.now - REOPENINGS_IN);
        let lately = self
            .world
            .tickets
            .get(&self.record.id)
            .into_iter()
            .flatten()
            .filter(|t| t.generation > 1 && t.created_at > since)
            .count();
        if lately >= REOPENINGS {
            tracing::warn!(
                ticket = ticket.name(),
                "followed by {lately} tickets in 30 days: it is left to people now"
            );
            return Ok(Vec::new());
        }
        self.create(desk, ticket.generation + 1, Some(ticket.id))
    }

    /// The evidence first, then the move.
    fn close(&self, standing: &Standing<'_>, state: TicketState) -> Result<Vec<Wanted>> {
        let Some(closed_at) = self.record.closed_at.map(|t| t.and_utc()) else {
            return Ok(Vec::new());
        };
        if state == TicketState::Closed {
            return Ok(Vec::new());
        }
        let items = self
            .world
            .findings
            .get(&self.record.id)
            .map_or(0, |found| found.len());
        let body = replies::closing(self.templates, self.record, items, self.rules, closed_at)?;
        let name = format!("closed/{}", closed_at.timestamp_micros());
        let mut wanted = vec![standing.say(self.record, &name, body)];
        if standing.is_known(&wanted[0]) {
            // Said already: whoever opened it again since has a reason, and is not overruled.
            return Ok(Vec::new());
        }
        if state != TicketState::Done {
            let note = "Fixed, as the evidence in the comment shows.".to_owned();
            let to = TicketState::Done;
            wanted.push(standing.want(
                self.record,
                &format!("{name}/move"),
                Effect::Transition { to, note },
            ));
        }
        Ok(wanted)
    }

    fn reopen(&self, standing: &Standing<'_>) -> Result<Vec<Wanted>> {
        let since = stamp(self.now - REOPENINGS_IN);
        let lately = standing
            .history
            .iter()
            .filter(|row| row.idempotency.ends_with("/back") && row.created_at > since)
            .count();
        if lately >= REOPENINGS {
            tracing::warn!(
                ticket = standing.ticket.name(),
                "reopened {lately} times in 30 days: it is left to people now"
            );
            return Ok(Vec::new());
        }
        // Once for each time the record went back to open.
        let name = format!("reopened/{}", standing.done(EffectKind::Transition));
        let body = replies::reopening(self.record);
        let to = TicketState::New;
        let note = "Seen again.".to_owned();
        let wanted = vec![
            standing.say(self.record, &name, body),
            standing.want(
                self.record,
                &format!("{name}/back"),
                Effect::Transition { to, note },
            ),
        ];
        Ok(standing.without_known(wanted))
    }
}

/// A linked ticket with all that was ever wanted on it.
struct Standing<'a> {
    ticket: &'a TicketRow,
    desk: &'a DeskRules,
    history: &'a [OutboxRow],
}

impl Standing<'_> {
    fn want(&self, record: &RecordRow, name: &str, effect: Effect) -> Wanted {
        Wanted {
            record: record.id,
            desk: self.desk.name.clone(),
            ticket: Target::Existing(self.ticket.id),
            idempotency: self.key(name),
            effect,
        }
    }

    fn say(&self, record: &RecordRow, name: &str, body: poamd_contract::desk::Text) -> Wanted {
        let key = comment_key(&self.key(name));
        let draft = CommentDraft {
            body,
            reply_to: None,
            key,
        };
        self.want(record, name, Effect::Comment { draft })
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.ticket.desk, self.ticket.marker_key)
    }

    /// How many effects of a kind were carried out.
    fn done(&self, kind: EffectKind) -> usize {
        let done = |row: &&OutboxRow| row.kind.0 == kind && row.state.0 == OutboxState::Done;
        self.history.iter().filter(done).count()
    }

    fn is_known(&self, wanted: &Wanted) -> bool {
        let same = |row: &OutboxRow| row.idempotency == wanted.idempotency;
        self.history.iter().any(same)
    }

    fn without_known(&self, wanted: Vec<Wanted>) -> Vec<Wanted> {
        wanted.into_iter().filter(|w| !self.is_known(w)).collect()
    }
}
