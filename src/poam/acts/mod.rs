//! What people do to a record. Each act is decided by `domain`, and written with its event in one transaction. Acts on
//! what is closed or merged are refused where they would mean nothing.

mod attach;
mod deviation;
mod merge;
mod milestone;
mod vendor;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, json};

pub use attach::{Document, KINDS, MOST_BYTES, evidence};
pub use deviation::{Asked, Step, expire};
pub use milestone::Edit;

use super::{Ground, Rules};
use crate::domain::finding::FindingStatus;
use crate::domain::record::{RecordId, RecordStatus};
use crate::domain::record_fact::{BadFact, FactName, RecordFacts};
use crate::domain::signals::Signals;
use crate::store::audit::{self, Event};
use crate::store::columns::Col;
use crate::store::comments::NewRecordComment;
use crate::store::facts::NewFact;
use crate::store::records::RecordRow;
use crate::store::time::stamp;
use crate::store::{
    AnyConnection, Store, StoreError, attachments, comments, facts, findings, intel, records,
    to_json,
};

/// Most characters of a comment.
const COMMENT: usize = 10_000;

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The rules do not allow it; nothing was written.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BadFact> for ActError {
    fn from(bad: BadFact) -> Self {
        Self::Refused(bad.to_string())
    }
}

type Result<T, E = ActError> = std::result::Result<T, E>;

fn refused<T>(why: impl Into<String>) -> Result<T> {
    Err(ActError::Refused(why.into()))
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    pub record: RecordId,
    /// The record's status afterwards.
    pub status: RecordStatus,
    /// The record's due day afterwards.
    pub due: Option<NaiveDate>,
    /// In words.
    pub did: String,
    /// What somebody will ask about.
    pub warnings: Vec<String>,
}

/// An act: on which record, by whom, when and why.
pub struct Act<'a> {
    pub store: &'a Store,
    pub rules: &'a Rules,
    pub record: RecordId,
    /// `cli:<name>#<uid>` ([`crate::domain::actor`]), `person:<id>`.
    pub actor: &'a str,
    pub now: DateTime<Utc>,
    /// Empty where nobody has to say.
    pub why: &'a str,
}

/// An act in its transaction.
struct Doing<'c, 'a> {
    act: &'a Act<'a>,
    conn: &'c mut AnyConnection,
    row: RecordRow,
    warnings: Vec<String>,
}

impl<'a> Act<'a> {
    /// Does something to a record that is still somebody's work, whole or not at all.
    fn live(&'a self, act: impl FnOnce(&mut Doing<'_, 'a>) -> Result<String>) -> Result<Done> {
        self.any(|doing| {
            doing.refuse_ended()?;
            act(doing)
        })
    }

    /// The same for a record of any status.
    fn any(&'a self, act: impl FnOnce(&mut Doing<'_, 'a>) -> Result<String>) -> Result<Done> {
        in_one(self.store, |conn| {
            let Some(row) = records::find(conn, self.record.0)? else {
                return refused(format!(
                    "there is no record {}; see poamd poam list --all",
                    self.record
                ));
            };
            let mut doing = Doing {
                act: self,
                conn,
                row,
                warnings: Vec::new(),
            };
            let did = act(&mut doing)?;
            let Doing { conn, warnings, .. } = doing;
            let row = found(conn, self.record)?;
            Ok(Done {
                record: self.record,
                status: row.status.0,
                due: row.due,
                did,
                warnings,
            })
        })
    }

    /// A person begins with the work.
    pub fn begin(&'a self) -> Result<Done> {
        self.live(|doing| {
            doing.go(RecordStatus::InProgress, "record.begun", json!({}))?;
            Ok("is in progress".to_owned())
        })
    }

    /// A person says that it is done; only evidence closes.
    pub fn claim_done(&'a self) -> Result<Done> {
        self.live(|doing| {
            doing.go(
                RecordStatus::PendingVerification,
                "record.claimed-done",
                json!({}),
            )?;
            Ok(
                "waits for evidence: two complete looks that do not see it any more close it"
                    .to_owned(),
            )
        })
    }

    /// Keeps what a person says, on a record of any status.
    pub fn comment(&'a self, body: &str) -> Result<Done> {
        let body = body.trim();
        match body.chars().count() {
            0 => return refused("the comment is empty"),
            n if n > COMMENT => {
                return refused(format!(
                    "the comment has {n} characters; keep it to {COMMENT}, or attach a file"
                ));
            }
            _ => {}
        }
        self.any(|doing| {
            let row = NewRecordComment {
                record_id: doing.row.id,
                body: body.to_owned(),
                actor: self.actor.to_owned(),
                at: stamp(self.now),
            };
            let id = comments::insert(doing.conn, &row)?;
            doing.event("record.commented", json!({ "comment": id, "text": body }))?;
            doing.touch()?;
            Ok("has one more comment".to_owned())
        })
    }

    /// Lays down facts, each with a value as [`FactName::check`] gives it. What holds already is not written again.
    pub fn lay(&'a self, laid: &[(FactName, Value)]) -> Result<Done> {
        self.live(|doing| {
            let known = doing.laid()?;
            let names = doing.lay(&known, laid)?;
            if !names.is_empty() {
                doing.touch()?;
            }
            Ok(has_new(&names))
        })
    }

    /// Lays down what an evaluation came to. It is complete with the first word on reachability, exploitability or
    /// impact, or when `at` says; later words leave that moment as it is, for VER counts from it. The due day follows
    /// anew: later by the first evaluation, nearer by any.
    pub fn evaluate(
        &'a self,
        laid: &[(FactName, Value)],
        at: Option<DateTime<Utc>>,
    ) -> Result<Done> {
        let has = |asked: &[FactName]| laid.iter().any(|(name, _)| asked.contains(name));
        let judged = has(&[FactName::Irv, FactName::Lev, FactName::NRating]);
        let decides = judged || at.is_some() || has(&[FactName::Exposed]);
        let unlikely = laid.contains(&(FactName::Lev, json!(false)));
        if let Some(at) = at.filter(|at| *at > self.now) {
            return refused(format!(
                "{at} is still to come; say when the evaluation was completed"
            ));
        }
        self.live(|doing| {
            if unlikely {
                doing.refuse_exploited()?;
            }
            let known = doing.laid()?;
            let is_done = known.get(FactName::EvaluatedAt).is_some();
            let when = at.or_else(|| (judged && !is_done).then_some(self.now));
            let moment = when.map(|at| json!(at.to_rfc3339_opts(SecondsFormat::Secs, true)));
            let mut laid = laid.to_vec();
            laid.extend(moment.map(|at| (FactName::EvaluatedAt, at)));
            let names = doing.lay(&known, &laid)?;
            if names.is_empty() {
                return Ok(has_new(&names));
            }
            doing.touch()?;
            let first = when.is_some() && known.history(FactName::EvaluatedAt).is_empty();
            let ground = match first {
                true => Ground::Evaluation,
                false => Ground::Other,
            };
            if decides {
                let decision = json!({ "evaluation": names, "why": self.why });
                doing.decide(ground, &decision)?;
            }
            Ok(has_new(&names))
        })
    }
}

fn has_new(names: &[&str]) -> String {
    match names {
        [] => "has that already; nothing was written".to_owned(),
        names => format!("has a new {}", names.join(", ")),
    }
}

impl Doing<'_, '_> {
    /// Every fact of the record.
    fn laid(&mut self) -> Result<RecordFacts> {
        let rows = facts::of_record(self.conn, self.row.id)?;
        let known = facts::by_record(&rows)?.remove(&self.row.id);
        Ok(known.unwrap_or_default())
    }

    /// Lays down what does not hold already; gives the names of it.
    fn lay(
        &mut self,
        known: &RecordFacts,
        laid: &[(FactName, Value)],
    ) -> Result<Vec<&'static str>> {
        let mut names = Vec::new();
        for (name, value) in laid {
            let value = if value.is_null() {
                Value::Null
            } else {
                name.check(value)?
            };
            if known.get(*name).is_some_and(|l| l.value == value) {
                continue;
            }
            self.fact(*name, &value)?;
            names.push(name.as_str());
        }
        Ok(names)
    }

    /// Nothing that was seen exploited can be called unlikely to be; for the rest a file is the evidence (VER).
    fn refuse_exploited(&mut self) -> Result<()> {
        let rows = findings::of_record(self.conn, self.row.id)?;
        let mut all = Signals::default();
        for row in rows.iter().filter(|r| r.status.0 != FindingStatus::Fixed) {
            all.add(&row.detail);
            all.cves.entry(row.weakness_id.clone()).or_default();
        }
        let cves: Vec<&str> = all.cves.keys().map(String::as_str).collect();
        let known = intel::of_cves(self.conn, &cves)?;
        let listed = all
            .cves
            .iter()
            .find(|(cve, kev)| kev.is_some() || known.get(*cve).is_some_and(|of| of.kev.is_some()));
        if let Some((cve, _)) = listed {
            return refused(format!(
                "{cve} is in CISA's catalog of exploited vulnerabilities, so it is likely to be exploited; leave --lev away"
            ));
        }
        if attachments::of_record(self.conn, self.row.id)?.is_empty() {
            self.warnings.push(format!(
                "\"not likely to be exploited\" needs evidence, and no file is attached: poamd poam attach {} FILE",
                self.act.record
            ));
        }
        Ok(())
    }

    /// Refuses what would mean nothing on a record that is no longer anybody's work.
    fn refuse_ended(&self) -> Result<()> {
        let id = self.act.record;
        match (self.row.status.0, self.row.superseded_by) {
            (RecordStatus::Superseded, Some(into)) => refused(format!(
                "{id} was merged into {}; act on that one",
                RecordId(into)
            )),
            (status, _) if !status.is_live() => refused(format!(
                "{id} is {status}; comment and attach still work. If the weakness comes back, the record opens again or \
                 a new one follows it"
            )),
            _ => Ok(()),
        }
    }

    fn today(&self) -> NaiveDate {
        self.act.now.date_naive()
    }

    fn event(&mut self, kind: &'static str, mut body: Value) -> Result<()> {
        if let Value::Object(body) = &mut body
            && !self.act.why.is_empty()
        {
            body.entry("why").or_insert_with(|| self.act.why.into());
        }
        let event = Event {
            at: self.act.now,
            actor: self.act.actor.to_owned(),
            kind,
            subject: self.act.record.to_string(),
            body,
        };
        audit::append(self.conn, &event)?;
        Ok(())
    }

    /// Notes that the record changed.
    fn touch(&mut self) -> Result<()> {
        self.row.changed_at = stamp(self.act.now);
        records::update(self.conn, &self.row)?;
        Ok(())
    }

    /// Moves the record, if its states allow that.
    fn go(&mut self, next: RecordStatus, kind: &'static str, mut body: Value) -> Result<()> {
        let from = self.row.status.0;
        if from == next {
            return refused(format!("{} is {next} already", self.act.record));
        }
        let status = match from.to(next) {
            Ok(status) => status,
            Err(e) => return refused(e.to_string()),
        };
        if let Value::Object(body) = &mut body {
            body.insert("from".to_owned(), json!(from));
            body.insert("to".to_owned(), json!(status));
        }
        let now = stamp(self.act.now);
        self.row.status = Col(status);
        self.row.claimed_at = (status == RecordStatus::PendingVerification).then_some(now);
        self.row.closed_at = (status == RecordStatus::Closed).then_some(now);
        self.event(kind, body)?;
        self.touch()
    }

    fn fact(&mut self, name: FactName, value: &Value) -> Result<()> {
        let row = NewFact {
            record_id: self.row.id,
            name: name.as_str().to_owned(),
            value: to_json(value)?,
            why: self.act.why.to_owned(),
            actor: self.act.actor.to_owned(),
            at: stamp(self.act.now),
        };
        facts::insert(self.conn, &row)?;
        self.event("record.fact-laid", json!({ "name": name, "value": value }))
    }

    /// Rating and due day follow a decision that was just written.
    fn decide(&mut self, ground: Ground, decision: &Value) -> Result<()> {
        let act = self.act;
        let decided = (ground, decision);
        super::decide(
            self.conn, act.rules, act.record, decided, act.now, act.actor,
        )?;
        self.row = found(self.conn, act.record)?;
        Ok(())
    }
}

fn found(conn: &mut AnyConnection, record: RecordId) -> Result<RecordRow> {
    let row = records::find(conn, record.0)?;
    row.ok_or_else(|| {
        ActError::Store(StoreError::Row {
            what: record.to_string(),
            why: "it is gone".to_owned(),
        })
    })
}

/// One transaction: all of `act`, or nothing if it is refused or fails.
fn in_one<T>(store: &Store, act: impl FnOnce(&mut AnyConnection) -> Result<T>) -> Result<T> {
    let mut refusal = None;
    let outcome = store.write_here(|conn| {
        act(conn).map_err(|error| match error {
            ActError::Store(error) => error,
            ActError::Refused(why) => {
                refusal = Some(why.clone());
                // Any error takes the transaction back; the words that are told are those kept aside.
                StoreError::Row {
                    what: "an act".to_owned(),
                    why,
                }
            }
        })
    });
    match refusal {
        Some(why) => Err(ActError::Refused(why)),
        None => Ok(outcome?),
    }
}
