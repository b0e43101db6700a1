//! The planner: what stands in its line is compared with its record, and the difference is written with its events,
//! one transaction a bite. Planning again finds nothing to do.

pub mod acts;
mod apply;
mod group;
mod known;
mod line;
mod opening;

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::clock::Clocks;
use crate::domain::controls::Baseline;
use crate::domain::opening::ContactRule;
use crate::domain::overrides::{AccountNames, Counted, Overrides, Subject};
pub use crate::domain::plan::Ground;
use crate::domain::record::RecordId;
use crate::domain::{grouping, plan};
use crate::store::accounts::AccountRow;
use crate::store::audit::{self, Event};
use crate::store::findings::FindingRow;
use crate::store::time::Stamp;
use crate::store::{
    AnyConnection, Result, Store, StoreError, accounts, findings, overrides, records, settings,
};

/// Default of the reopen window (`design.md`, Records).
const REOPEN_WINDOW: TimeDelta = TimeDelta::days(90);

/// What records go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub clocks: Clocks,
    /// What makes one record; per weakness where none fits.
    pub grouping: Vec<grouping::Rule>,
    /// Who answers for what; the account's contacts where none fits.
    pub contacts: Vec<ContactRule>,
    /// Which controls a record may name; all without one.
    pub baseline: Option<Baseline>,
    /// How long after closing the same record opens again.
    pub reopen_window: TimeDelta,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            clocks: Clocks::default(),
            grouping: Vec::new(),
            contacts: Vec::new(),
            baseline: None,
            reopen_window: REOPEN_WINDOW,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Planned {
    pub opened: u64,
    pub reopened: u64,
    pub closed: u64,
    pub changed: u64,
}

impl std::ops::AddAssign for Planned {
    fn add_assign(&mut self, other: Self) {
        self.opened += other.opened;
        self.reopened += other.reopened;
        self.closed += other.closed;
        self.changed += other.changed;
    }
}

pub use line::{Stuck, stuck};

/// Ends deviations that have run out, then plans everything that waits, and the records whose claim to be done has been
/// looked at twice. What cannot be planned stays in line, holds nothing else up, and is the error at the end.
pub fn activate(store: &Store, rules: &Rules, now: DateTime<Utc>, actor: &str) -> Result<Planned> {
    acts::expire(store, rules, now, actor).map_err(|e| match e {
        acts::ActError::Store(error) => error,
        acts::ActError::Refused(why) => StoreError::Row {
            what: "the end of a deviation".to_owned(),
            why,
        },
    })?;
    keep_up(store, rules, now, actor)?;
    line::work_off(store, rules, now, actor)
}

/// Name of the setting that remembers which clocks ran.
const CLOCKS: &str = "poam.clocks";

/// Other clocks than last time: every live record is planned again, so that all go by one rule. Days only come nearer by
/// it; who wants one later needs a decision.
fn keep_up(store: &Store, rules: &Rules, now: DateTime<Utc>, actor: &str) -> Result<()> {
    let named = rules.clocks.named();
    let was = store.read_here(|conn| settings::get(conn, CLOCKS))?;
    if was.as_ref() == Some(&named) {
        return Ok(());
    }
    store.write_here(|conn| {
        settings::set(conn, CLOCKS, &named)?;
        let Some(was) = was else {
            return Ok(());
        };
        let live = records::all(conn)?
            .into_iter()
            .filter(|row| row.status.0.is_live())
            .map(|row| (row.account, row.weakness_id))
            .collect::<Vec<_>>();
        findings::enqueue_planning(conn, live.iter().map(|(a, w)| (a.as_str(), w.as_str())))?;
        let event = Event {
            at: now,
            actor: actor.to_owned(),
            kind: "clocks.changed",
            subject: "poam".to_owned(),
            body: json!({ "from": was, "to": named, "records": live.len() }),
        };
        audit::append(conn, &event).map(|_| ())
    })
}

/// What every weakness is held against: accounts by name, overrides.
struct Around {
    accounts: BTreeMap<String, AccountNames>,
    /// Those that are watched, by number.
    watched: BTreeMap<String, AccountRow>,
    overrides: Overrides,
}

impl Around {
    fn load(conn: &mut AnyConnection) -> Result<Self> {
        Ok(Self {
            accounts: overrides::account_names(conn)?,
            watched: accounts::all(conn)?
                .into_iter()
                .map(|row| (row.id.clone(), row))
                .collect(),
            overrides: overrides::in_force(conn)?,
        })
    }

    fn names_of(&self, account: &str) -> AccountNames {
        overrides::names_of(&self.accounts, account)
    }

    /// What a finding counts with.
    fn counted(&self, row: &FindingRow, names: &AccountNames) -> Counted {
        let technology = if self.overrides.is_empty() {
            String::new()
        } else {
            overrides::technology(&row.resources)
        };
        let subject = Subject {
            weakness: &row.weakness_id,
            technology: &technology,
            account: names,
        };
        self.overrides
            .count(&subject, row.severity.map(|s| s.0), row.score)
    }
}

/// What is the same for all weaknesses of one transaction.
struct Round<'a> {
    rules: &'a Rules,
    around: Around,
    now: DateTime<Utc>,
    actor: &'a str,
    /// When each cell was looked at the last time but one, once somebody asks.
    looks: OnceCell<HashMap<String, Stamp>>,
}

impl<'a> Round<'a> {
    /// In the transaction that plans: what people lay down meanwhile counts for the next.
    fn begin(
        conn: &mut AnyConnection,
        rules: &'a Rules,
        now: DateTime<Utc>,
        actor: &'a str,
    ) -> Result<Self> {
        Ok(Self {
            rules,
            around: Around::load(conn)?,
            now,
            actor,
            looks: OnceCell::new(),
        })
    }

    fn one(
        &self,
        conn: &mut AnyConnection,
        account: &str,
        weakness: &str,
        planned: &mut Planned,
    ) -> Result<()> {
        for group in group::load(conn, self, account, weakness)? {
            let Some(plan) = plan::plan(&group.facts, self.now, self.rules.reopen_window) else {
                continue;
            };
            for (kind, _) in &plan.events {
                match *kind {
                    "record.opened" => planned.opened += 1,
                    "record.reopened" | "record.seen-again" => planned.reopened += 1,
                    "record.closed" => planned.closed += 1,
                    _ => planned.changed += 1,
                }
            }
            apply::apply(conn, self, &group, &plan)?;
        }
        Ok(())
    }
}

/// Brings a live record into step with a decision that was just written in the same transaction. Rating and due day
/// follow the clocks anew; whether the day may move later hangs on the ground, and this is the only way it can.
/// `decision` says what was decided and where it stands, and goes into the events (`record.rating-decided`,
/// `record.due-decided`). True if anything moved.
pub fn decide(
    conn: &mut AnyConnection,
    rules: &Rules,
    record: RecordId,
    (ground, decision): (Ground, &Value),
    now: DateTime<Utc>,
    actor: &str,
) -> Result<bool> {
    let row = records::find(conn, record.0)?.ok_or_else(|| StoreError::Row {
        what: record.to_string(),
        why: "there is no such record".to_owned(),
    })?;
    let round = Round::begin(conn, rules, now, actor)?;
    for group in group::load(conn, &round, &row.account, &row.weakness_id)? {
        if group.facts.live.as_ref().is_none_or(|l| l.id != record) {
            continue;
        }
        if let Some(plan) = plan::decide(&group.facts, ground, decision) {
            apply::apply(conn, &round, &group, &plan)?;
            return Ok(true);
        }
    }
    Ok(false)
}
