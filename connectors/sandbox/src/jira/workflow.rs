//! Statuses, and the moves between them that a workflow allows; and the calls that list and make them.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::call::{Answer, By, Call, Done, Refusal};
use super::fields;
use super::site::Site;
use super::{Jira, op, screens};

/// A status and its category (`new`, `indeterminate`, `done`).
#[derive(Debug, Clone)]
pub struct Status {
    pub id: String,
    pub name: String,
    pub category: String,
}

/// A move; ids are strings, as in the API.
#[derive(Debug, Clone)]
pub struct Move {
    pub id: String,
    pub name: String,
    /// Status ids it starts from; empty means from anywhere.
    pub from: Vec<String>,
    pub to: String,
    /// Fields on its screen, with whether they are required.
    pub screen: Vec<(String, bool)>,
    /// A refusal that no metadata announces, if a validator has one.
    pub validator: Option<String>,
}

/// What an issue type's issues go through.
#[derive(Debug, Clone)]
pub struct Workflow {
    pub statuses: Vec<Status>,
    pub moves: Vec<Move>,
    /// Whether leaving a done status clears the resolution; without such a post-function it stays.
    pub reopening_clears_resolution: bool,
}

impl Workflow {
    /// To Do, In Progress, Done; every move open; Done asks for a resolution.
    pub fn simple() -> Self {
        let done = |id: &str, from: &[&str]| Move {
            screen: vec![("resolution".to_owned(), true)],
            ..step(id, "Done", from, "10001")
        };
        Self {
            statuses: statuses(),
            moves: vec![
                step("11", "To Do", &["3"], "10000"),
                step("21", "In Progress", &["10000"], "3"),
                done("31", &["10000", "3"]),
                step("41", "Reopen", &["10001"], "10000"),
            ],
            reopening_clears_resolution: true,
        }
    }

    /// Done is reached from In Progress only; ids differ from those of [`Workflow::simple`].
    pub fn chained() -> Self {
        let mut workflow = Self::simple();
        workflow.moves = vec![
            step("211", "Start", &["10000"], "3"),
            Move {
                screen: vec![("resolution".to_owned(), true)],
                ..step("221", "Finish", &["3"], "10001")
            },
            step("231", "Reopen", &["10001"], "10000"),
        ];
        workflow
    }

    pub fn status(&self, id: &str) -> Option<&Status> {
        self.statuses.iter().find(|s| s.id == id)
    }

    pub fn status_named(&self, name: &str) -> Option<&Status> {
        self.statuses
            .iter()
            .find(|s| s.name.eq_ignore_ascii_case(name))
    }

    pub fn open_from<'a>(&'a self, status: &'a str) -> impl Iterator<Item = &'a Move> {
        self.moves
            .iter()
            .filter(move |m| m.from.is_empty() || m.from.iter().any(|f| f == status))
    }
}

fn step(id: &str, name: &str, from: &[&str], to: &str) -> Move {
    Move {
        id: id.to_owned(),
        name: name.to_owned(),
        from: from.iter().map(|f| (*f).to_owned()).collect(),
        to: to.to_owned(),
        screen: vec![],
        validator: None,
    }
}

fn statuses() -> Vec<Status> {
    [
        ("10000", "To Do", "new"),
        ("3", "In Progress", "indeterminate"),
        ("10001", "Done", "done"),
    ]
    .map(|(id, name, category)| Status {
        id: id.to_owned(),
        name: name.to_owned(),
        category: category.to_owned(),
    })
    .into()
}

pub fn shown(status: &Status, base: &str) -> Value {
    let (id, name) = match status.category.as_str() {
        "new" => (2, "To Do"),
        "done" => (3, "Done"),
        _ => (4, "In Progress"),
    };
    json!({
        "self": format!("{base}/rest/api/3/status/{}", status.id), "id": status.id, "name": status.name,
        "statusCategory": { "self": format!("{base}/rest/api/3/statuscategory/{id}"), "id": id, "key": status.category, "name": name },
    })
}

pub fn routes() -> Router<Jira> {
    Router::new().route(
        "/rest/api/3/issue/{issueIdOrKey}/transitions",
        op(MethodFilter::GET, list).merge(op(MethodFilter::POST, make)),
    )
}

fn list(site: &mut Site, call: &Call) -> Answer {
    let id = site.browse(call, call.param("issueIdOrKey"))?;
    let issue = site.issue(id)?;
    let with_fields = call
        .list("expand")
        .iter()
        .any(|e| e == "transitions.fields");
    let allowed = call.caller.is_some() && site.may("TRANSITION_ISSUES");
    let moves: Vec<&Move> = if allowed {
        site.workflow().open_from(&issue.status).collect()
    } else {
        vec![]
    };
    let wanted = call.query("transitionId");
    let shown: Vec<Value> = moves
        .into_iter()
        .filter(|m| wanted.is_none_or(|w| w == m.id))
        .map(|m| shown_move(site, m, with_fields))
        .collect();
    Ok(Done::ok(
        json!({ "expand": "transitions", "transitions": shown }),
    ))
}

fn shown_move(site: &Site, step: &Move, with_fields: bool) -> Value {
    let to = site
        .workflow()
        .status(&step.to)
        .map(|s| shown(s, &site.base));
    let mut value = json!({
        "id": step.id, "name": step.name, "to": to, "hasScreen": !step.screen.is_empty(), "isAvailable": true,
        "isGlobal": step.from.is_empty(), "isInitial": false, "isConditional": false, "looped": false,
    });
    if with_fields {
        let screen: BTreeMap<&String, Value> = step
            .screen
            .iter()
            .map(|(id, required)| (id, screens::meta(site, id, *required)))
            .collect();
        value["fields"] = json!(screen);
    }
    value
}

fn make(site: &mut Site, call: &Call) -> Answer {
    let id = site.writable(call, call.param("issueIdOrKey"), "TRANSITION_ISSUES")?;
    let by = call.signed_in()?;
    let Some(step) = call.body["transition"]["id"].as_str() else {
        return Err(Refusal::bad("Missing 'transition' identifier"));
    };
    site.transition(id, step, &call.body, &by)?;
    Ok(Done::empty())
}

impl Site {
    /// Makes a move, with the fields and the update of the request's body.
    ///
    /// # Errors
    /// 400 if the move is not open, its screen is not satisfied or its validator refuses.
    pub fn transition(
        &mut self,
        id: u64,
        step: &str,
        body: &Value,
        by: &By,
    ) -> Result<(), Refusal> {
        let from = self.issue(id)?.status.clone();
        let step = self
            .workflow()
            .open_from(&from)
            .find(|m| m.id == step)
            .cloned()
            .ok_or_else(|| {
                Refusal::bad(
                    "It seems that you have tried to perform an illegal workflow operation.",
                )
            })?;
        if let Some(why) = &step.validator {
            return Err(Refusal::bad(why));
        }
        let sent = fields::sent(self, body, |f| step.screen.iter().any(|(id, _)| *id == f))?;
        let missing: BTreeMap<String, String> = step
            .screen
            .iter()
            .filter(|(f, required)| *required && !sent.iter().any(|(id, _)| id == f))
            .map(|(f, _)| (f.clone(), format!("{} is required.", fields::name(self, f))))
            .collect();
        if !missing.is_empty() {
            return Err(Refusal::fields(missing));
        }
        let comments = self.comments_in(body)?;
        let reopening = self.is_done(&from)
            && !self.is_done(&step.to)
            && self.workflow().reopening_clears_resolution;
        let issue = self.issue_mut(id)?;
        issue.status.clone_from(&step.to);
        if reopening {
            issue.fields.remove("resolution");
        }
        for (field, change) in sent {
            change.apply(&mut issue.fields, &field);
        }
        let to = self
            .workflow()
            .status(&step.to)
            .map(|s| s.name.clone())
            .unwrap_or_default();
        self.touch(id);
        self.note("issue.moved", id, by, json!({ "to": to }));
        comments
            .iter()
            .try_for_each(|c| self.add_comment(id, c, by).map(|_| ()))
    }

    pub fn is_done(&self, status: &str) -> bool {
        self.workflow()
            .status(status)
            .is_some_and(|s| s.category == "done")
    }

    /// A person's move to a status by its name, along whatever move is open.
    ///
    /// # Errors
    /// If no move leads there from the present status.
    pub fn move_to(&mut self, id: u64, status: &str, by: &By) -> Result<(), Refusal> {
        let from = self.issue(id)?.status.clone();
        let to = self.workflow().status_named(status).map(|s| s.id.clone());
        let step = self
            .workflow()
            .open_from(&from)
            .find(|m| Some(&m.to) == to.as_ref())
            .cloned();
        let step = step.ok_or_else(|| {
            Refusal::new(StatusCode::CONFLICT)
                .message(&format!("no move leads from {from} to {status}"))
        })?;
        let body = match step.screen.iter().any(|(f, _)| f == "resolution") {
            true => json!({ "fields": { "resolution": { "name": "Done" } } }),
            false => json!({}),
        };
        self.transition(id, &step.id, &body, by)
    }
}
