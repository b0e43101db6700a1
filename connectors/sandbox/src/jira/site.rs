//! The state of the Jira stand-in: who is there, what the project is like, which issues exist.
//!
//! Not in it: what the calls look like; each resource has its own module.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::clock::Clock;
use serde_json::{Map, Value, json};

use super::call::{By, Call, Refusal};
use super::fields::Field;
use super::options::JiraOptions;
use super::users::User;
use super::workflow::Workflow;
use crate::faults::FaultBook;
use crate::history::{History, Record};

/// A project: numeric id as text, key, name.
#[derive(Debug, Clone)]
pub struct Project {
    pub id: String,
    pub key: String,
    pub name: String,
    /// The number of its newest issue.
    pub last: u64,
}

/// An issue.
#[derive(Debug, Clone)]
pub struct Issue {
    pub id: u64,
    pub project: String,
    pub number: u64,
    /// Keys it had before it was moved.
    pub old_keys: Vec<String>,
    pub issue_type: String,
    pub status: String,
    /// As stored; [`super::fields::shown`] makes the form of the API.
    pub fields: Map<String, Value>,
    pub creator: String,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
    pub properties: BTreeMap<String, Value>,
    pub comments: Vec<Comment>,
    pub remote_links: Vec<(u64, Value)>,
    /// What the search index will know from when on, oldest first.
    pub indexed: Vec<(DateTime<Utc>, Indexed)>,
    /// Times of the latest writes, for the limit per issue.
    pub writes: VecDeque<DateTime<Utc>>,
}

impl Issue {
    pub fn key(&self) -> String {
        format!("{}-{}", self.project, self.number)
    }

    pub fn labels(&self) -> Vec<String> {
        serde_json::from_value(self.fields.get("labels").cloned().unwrap_or_default())
            .unwrap_or_default()
    }

    /// The marker label it bears, if any (see [`is_marker`]).
    pub fn marker(&self) -> Option<String> {
        self.labels().into_iter().find(|l| is_marker(l))
    }

    pub fn text(&self, field: &str) -> String {
        self.fields
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}

/// What search can see of an issue.
#[derive(Debug, Clone)]
pub struct Indexed {
    pub project: String,
    pub number: u64,
    pub issue_type: String,
    pub status: String,
    pub labels: Vec<String>,
    pub resolution: String,
    pub assignee: String,
    pub creator: String,
    pub summary: String,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
}

/// A comment.
#[derive(Debug, Clone)]
pub struct Comment {
    pub id: u64,
    pub author: String,
    pub update_author: String,
    pub body: Value,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
    /// `{"type": "group", "value": …}`; `null` if everybody may read it.
    pub visibility: Value,
    pub properties: BTreeMap<String, Value>,
}

/// Whether a label is a marker of poamd: `poamd-` and at least 16 letters or digits without a further hyphen.
pub fn is_marker(label: &str) -> bool {
    label
        .strip_prefix("poamd-")
        .is_some_and(|m| m.len() >= 16 && m.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// All of it.
pub struct Site {
    /// `http://127.0.0.1:<port>`
    pub base: String,
    pub options: JiraOptions,
    pub users: BTreeMap<String, User>,
    pub projects: Vec<Project>,
    /// Id and name.
    pub issue_types: Vec<(String, String)>,
    pub fields: Vec<Field>,
    pub issues: BTreeMap<u64, Issue>,
    /// Marker and key of every issue made through the API, deleted or not; clones are not in it.
    pub born: Vec<(String, String)>,
    /// Permissions our own account lacks.
    pub denied: BTreeSet<String>,
    /// Whether group membership may not be read.
    pub groups_hidden: bool,
    /// A comment that somebody deletes as soon as the next page of comments has been read.
    pub deleted_next: Option<(u64, By)>,
    /// E-mail, token, account; a call with any other pair is anonymous.
    pub credentials: Vec<(String, String, String)>,
    pub clock: Arc<dyn Clock>,
    pub history: History,
    pub faults: FaultBook,
    next_id: u64,
}

impl Site {
    pub fn new(options: JiraOptions, history: History, faults: FaultBook) -> Self {
        let keys = std::iter::once(&options.project).chain(&options.other_projects);
        let projects = keys
            .zip(10_000u64..)
            .map(|(key, id)| Project {
                id: id.to_string(),
                key: key.clone(),
                name: format!("Project {key}"),
                last: 0,
            })
            .collect();
        let own = options
            .people
            .first()
            .map(|u| u.account_id.clone())
            .unwrap_or_default();
        Self {
            base: String::new(),
            users: options
                .people
                .iter()
                .map(|u| (u.account_id.clone(), u.clone()))
                .collect(),
            projects,
            issue_types: options
                .issue_types
                .iter()
                .cloned()
                .zip(10_001u64..)
                .map(|(n, id)| (id.to_string(), n))
                .collect(),
            fields: options.fields.clone(),
            issues: BTreeMap::new(),
            born: vec![],
            denied: BTreeSet::new(),
            groups_hidden: false,
            deleted_next: None,
            credentials: vec![(options.email.clone(), options.token.clone(), own)],
            clock: history.clock(),
            history,
            faults,
            next_id: 10_000,
            options,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn workflow(&self) -> &Workflow {
        &self.options.workflow
    }

    pub fn user(&self, account: &str) -> Option<&User> {
        self.users.get(account)
    }

    pub fn may(&self, permission: &str) -> bool {
        !self.denied.contains(permission)
    }

    /// By key or by id.
    pub fn project(&self, key: &str) -> Option<&Project> {
        self.projects.iter().find(|p| p.key == key || p.id == key)
    }

    /// A number not given before, for issues, comments and links alike.
    pub fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub fn issue(&self, id: u64) -> Result<&Issue, Refusal> {
        self.issues.get(&id).ok_or_else(Refusal::no_issue)
    }

    pub fn issue_mut(&mut self, id: u64) -> Result<&mut Issue, Refusal> {
        self.issues.get_mut(&id).ok_or_else(Refusal::no_issue)
    }

    /// By numeric id, key or a key it had before a move.
    pub fn find(&self, id_or_key: &str) -> Option<u64> {
        if let Ok(id) = id_or_key.parse::<u64>() {
            return self.issues.contains_key(&id).then_some(id);
        }
        let matches =
            |i: &&Issue| i.key() == id_or_key || i.old_keys.iter().any(|k| k == id_or_key);
        self.issues.values().find(matches).map(|i| i.id)
    }

    /// The issue, if this caller may see it.
    ///
    /// # Errors
    /// 404 if it does not exist, the caller is anonymous or may not browse.
    pub fn browse(&self, call: &Call, id_or_key: &str) -> Result<u64, Refusal> {
        if call.caller.is_none() || !self.may("BROWSE_PROJECTS") {
            return Err(Refusal::no_issue());
        }
        self.find(id_or_key).ok_or_else(Refusal::no_issue)
    }

    /// The issue, if this caller may write to it now.
    ///
    /// # Errors
    /// 401, 403, 404, or 429 if it has been written to too often (`itsm.md` 1.10).
    pub fn writable(
        &mut self,
        call: &Call,
        id_or_key: &str,
        permission: &str,
    ) -> Result<u64, Refusal> {
        call.signed_in()?;
        let id = self.browse(call, id_or_key)?;
        if !self.may(permission) {
            let status = if permission == "TRANSITION_ISSUES" {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::FORBIDDEN
            };
            return Err(Refusal::new(status).message("You do not have the permission to do this."));
        }
        self.count_write(id)?;
        Ok(id)
    }

    /// 20 writes in 2 s, 100 in 30 s on one issue.
    fn count_write(&mut self, id: u64) -> Result<(), Refusal> {
        let now = self.now();
        let issue = self.issue_mut(id)?;
        let since = |issue: &Issue, seconds: i64| {
            issue
                .writes
                .iter()
                .filter(|w| now - **w < TimeDelta::seconds(seconds))
                .count()
        };
        let wait = match (since(issue, 2) >= 20, since(issue, 30) >= 100) {
            (_, true) => Some("30"),
            (true, false) => Some("2"),
            _ => None,
        };
        if let Some(wait) = wait {
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS)
                .message("Rate limit exceeded.")
                .header("Retry-After", wait)
                .header("RateLimit-Reason", "jira-per-issue-on-write"));
        }
        issue.writes.push_back(now);
        while issue.writes.len() > 100 {
            issue.writes.pop_front();
        }
        Ok(())
    }

    /// Marks an issue as changed now and tells the index.
    pub fn touch(&mut self, id: u64) {
        let now = self.now();
        let Some(issue) = self.issues.get_mut(&id) else {
            return;
        };
        issue.updated = now;
        let indexed = Indexed {
            project: issue.project.clone(),
            number: issue.number,
            issue_type: issue.issue_type.clone(),
            status: issue.status.clone(),
            labels: issue.labels(),
            resolution: issue.text("resolution"),
            assignee: issue.text("assignee"),
            creator: issue.creator.clone(),
            summary: issue.text("summary"),
            created: issue.created,
            updated: now,
        };
        issue.indexed.push((now, indexed));
    }

    /// What search knows of an issue: its state as long ago as the index lags.
    pub fn index_of<'a>(&self, issue: &'a Issue) -> Option<&'a Indexed> {
        let lag = TimeDelta::from_std(self.faults.standing().index_lag).unwrap_or_default();
        let horizon = self.now() - lag;
        issue
            .indexed
            .iter()
            .rev()
            .find(|(at, _)| *at <= horizon)
            .map(|(_, indexed)| indexed)
    }

    /// Writes an entry about an issue into the history.
    pub fn note(&self, kind: &str, id: u64, by: &By, detail: Value) {
        let record = Record::new("jira", kind)
            .id(id.to_string())
            .actor(&by.account)
            .reply(by.reply)
            .detail(detail);
        let issue = self.issues.get(&id);
        let record = record.marker(issue.and_then(Issue::marker));
        self.history.record(match issue {
            Some(issue) => record.key(issue.key()),
            None => record,
        });
    }

    /// A time in the caller's zone, in Jira's form: no colon in the offset.
    pub fn time(&self, at: DateTime<Utc>, caller: Option<&str>) -> Value {
        let zone = caller
            .and_then(|c| self.user(c))
            .map_or(chrono_tz::Tz::UTC, |u| u.zone);
        json!(
            at.with_timezone(&zone)
                .format("%Y-%m-%dT%H:%M:%S%.3f%z")
                .to_string()
        )
    }
}
