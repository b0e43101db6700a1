//! The line of weaknesses that wait to be planned, worked off a bite a transaction. A bite that fails is taken apart, so
//! that the one weakness that cannot be planned holds up no other.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Planned, Round, Rules};
use crate::store::{
    AnyConnection, Result, Store, StoreError, findings, from_json, records, settings, to_json,
};

/// Weaknesses planned in one transaction.
const BITE: usize = 200;
/// Name of the setting that remembers what could not be planned.
const STUCK: &str = "poam.stuck";
/// So many are remembered by name.
const MOST: usize = 100;

/// A weakness in an account that could not be planned the last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    pub account: String,
    pub weakness: String,
    /// The error, in words.
    pub why: String,
}

/// What could not be planned the last time: its records neither open nor close until it can.
pub fn stuck(conn: &mut AnyConnection) -> Result<Vec<Stuck>> {
    match settings::get(conn, STUCK)? {
        Some(text) => from_json("what could not be planned", &text),
        None => Ok(Vec::new()),
    }
}

type Waiting = (String, String);

struct Line<'a> {
    store: &'a Store,
    rules: &'a Rules,
    now: DateTime<Utc>,
    actor: &'a str,
    planned: Planned,
    stuck: Vec<Stuck>,
}

/// Plans all that waits, and the records whose claim to be done waits for evidence.
pub(super) fn work_off(
    store: &Store,
    rules: &Rules,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<Planned> {
    let mut line = Line {
        store,
        rules,
        now,
        actor,
        planned: Planned::default(),
        stuck: Vec::new(),
    };
    let claimed: Vec<Waiting> = store.read_here(|conn| {
        let rows = records::pending_verification(conn)?.into_iter();
        Ok(rows.map(|r| (r.account, r.weakness_id)).collect())
    })?;
    for bite in claimed.chunks(BITE) {
        line.bite(bite)?;
    }
    let mut after: Waiting = Waiting::default();
    loop {
        let next = store.read_here(|c| findings::next_to_plan(c, &after, BITE as i64))?;
        line.bite(&next)?;
        match next.into_iter().next_back() {
            Some(last) => after = last,
            None => break,
        }
    }
    line.end()
}

impl Line<'_> {
    /// Plans them in one transaction, or one by one if that fails by one of them.
    fn bite(&mut self, bite: &[Waiting]) -> Result<()> {
        match self.plan(bite) {
            Err(error) if is_its_own(&error) => {}
            outcome => return outcome,
        }
        for one in bite {
            match self.plan(std::slice::from_ref(one)) {
                Err(error) if is_its_own(&error) => {
                    let (account, weakness) = one;
                    tracing::error!(account, weakness, %error, "a weakness could not be planned; the others are");
                    self.stuck.push(Stuck {
                        account: account.clone(),
                        weakness: weakness.clone(),
                        why: error.to_string(),
                    });
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn plan(&mut self, bite: &[Waiting]) -> Result<()> {
        if bite.is_empty() {
            return Ok(());
        }
        let (store, rules, now, actor) = (self.store, self.rules, self.now, self.actor);
        self.planned += store.write_here(|conn| {
            let round = Round::begin(conn, rules, now, actor)?;
            let mut planned = Planned::default();
            for (account, weakness) in bite {
                round.one(conn, account, weakness, &mut planned)?;
                findings::planned(conn, account, weakness)?;
            }
            Ok(planned)
        })?;
        Ok(())
    }

    /// Remembers what is stuck; says so if anything is.
    fn end(mut self) -> Result<Planned> {
        self.stuck
            .sort_by(|a, b| (&a.account, &a.weakness).cmp(&(&b.account, &b.weakness)));
        self.stuck.dedup();
        let count = self.stuck.len();
        self.stuck.truncate(MOST);
        let was = self.store.read_here(stuck)?;
        if was != self.stuck {
            let text = to_json(&self.stuck)?;
            self.store.write_here(|c| settings::set(c, STUCK, &text))?;
        }
        match self.stuck.first() {
            None => Ok(self.planned),
            Some(first) => Err(StoreError::Stuck {
                count,
                first: format!("{} in {}: {}", first.weakness, first.account, first.why),
            }),
        }
    }
}

/// An error of what is planned; the others are of the database, and the next weakness would meet them too.
fn is_its_own(error: &StoreError) -> bool {
    matches!(error, StoreError::Row { .. } | StoreError::Query(_))
}
