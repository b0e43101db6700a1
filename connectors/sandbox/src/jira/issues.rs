//! Making, reading, changing and deleting issues.

use std::collections::{BTreeMap, VecDeque};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::{Map, Value, json};

use super::call::{Answer, By, Call, Done, Refusal};
use super::fields::{self, Field};
use super::site::{Issue, Site};
use super::view::Wanted;
use super::{Jira, op};

pub fn routes() -> Router<Jira> {
    let one = op(MethodFilter::GET, get)
        .merge(op(MethodFilter::PUT, edit))
        .merge(op(MethodFilter::DELETE, delete));
    Router::new()
        .route("/rest/api/3/issue", op(MethodFilter::POST, create))
        .route(
            "/rest/api/3/issue/bulk",
            op(MethodFilter::POST, create_many),
        )
        .route(
            "/rest/api/3/issue/bulkfetch",
            op(MethodFilter::POST, fetch_many),
        )
        .route("/rest/api/3/issue/{issueIdOrKey}", one)
        .route(
            "/rest/api/3/issue/{issueIdOrKey}/assignee",
            op(MethodFilter::PUT, assign),
        )
}

fn create(site: &mut Site, call: &Call) -> Answer {
    let by = call.signed_in()?;
    site.create(&call.body, &by).map(Done::created)
}

/// 201 if at least one was made; the failed ones by their place in the request.
fn create_many(site: &mut Site, call: &Call) -> Answer {
    let by = call.signed_in()?;
    let updates = call.body["issueUpdates"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if updates.len() > 50 {
        return Err(Refusal::bad(
            "The number of issues to create is more than 50.",
        ));
    }
    let (mut made, mut failed) = (vec![], vec![]);
    for (place, update) in updates.iter().enumerate() {
        match site.create(update, &by) {
            Ok(issue) => made.push(issue),
            Err(refusal) => failed.push(json!({
                "status": refusal.status.as_u16(), "elementErrors": refusal.body(), "failedElementNumber": place,
            })),
        }
    }
    let status = if made.is_empty() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::CREATED
    };
    Ok(Done(status, json!({ "issues": made, "errors": failed })))
}

fn get(site: &mut Site, call: &Call) -> Answer {
    let id = site.browse(call, call.param("issueIdOrKey"))?;
    let wanted = Wanted {
        fields: call.list("fields"),
        properties: call.list("properties"),
        all: true,
    };
    Ok(Done::ok(site.shown(id, &wanted, call.caller.as_deref())?))
}

fn edit(site: &mut Site, call: &Call) -> Answer {
    let id = site.writable(call, call.param("issueIdOrKey"), "EDIT_ISSUES")?;
    let by = call.signed_in()?;
    site.edit(id, &call.body, &by)?;
    if call.flag("returnIssue") {
        return Ok(Done::ok(site.shown(
            id,
            &Wanted::everything(),
            call.caller.as_deref(),
        )?));
    }
    Ok(Done::empty())
}

fn assign(site: &mut Site, call: &Call) -> Answer {
    let id = site.writable(call, call.param("issueIdOrKey"), "ASSIGN_ISSUES")?;
    let by = call.signed_in()?;
    let assignee = if call.body["accountId"].is_null() {
        Value::Null
    } else {
        call.body.clone()
    };
    site.edit(id, &json!({ "fields": { "assignee": assignee } }), &by)?;
    Ok(Done::empty())
}

fn delete(site: &mut Site, call: &Call) -> Answer {
    let id = site.writable(call, call.param("issueIdOrKey"), "DELETE_ISSUES")?;
    site.delete(id, &call.signed_in()?)?;
    Ok(Done::empty())
}

/// At most 100, in ascending order of id; the unknown ones are told apart.
fn fetch_many(site: &mut Site, call: &Call) -> Answer {
    let asked: Vec<String> =
        serde_json::from_value(call.body["issueIdsOrKeys"].clone()).unwrap_or_default();
    if asked.is_empty() || asked.len() > 100 {
        return Err(Refusal::bad(
            "The number of issue ids or keys must be between 1 and 100.",
        ));
    }
    let (mut found, mut unknown) = (vec![], vec![]);
    for name in asked {
        match site.browse(call, &name) {
            Ok(id) => found.push(id),
            Err(refusal) => {
                unknown.push(json!({ "id": name, "errorMessage": refusal.messages.join(" ") }))
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    let wanted = Wanted::of_body(&call.body, true)?;
    let issues: Result<Vec<Value>, Refusal> = found
        .into_iter()
        .map(|id| site.shown(id, &wanted, call.caller.as_deref()))
        .collect();
    Ok(Done::ok(
        json!({ "issues": issues?, "issueErrors": unknown }),
    ))
}

impl Site {
    /// Makes an issue from a create body; returns `{id, key, self}`.
    ///
    /// # Errors
    /// 400 with a message for each field that is missing or refused, 403 without the permission.
    pub fn create(&mut self, body: &Value, by: &By) -> Result<Value, Refusal> {
        if !self.may("CREATE_ISSUES") || !self.may("BROWSE_PROJECTS") {
            return Err(Refusal::new(StatusCode::FORBIDDEN)
                .message("You do not have permission to create issues in this project."));
        }
        let (project, issue_type) = self.place(body)?;
        let sent = fields::sent(self, body, |f| {
            self.fields.iter().any(|d| d.id == f && d.on_create)
        })?;
        self.require(&sent, |d| d.on_create)?;
        let mut properties = BTreeMap::new();
        for property in body["properties"].as_array().into_iter().flatten() {
            let (key, value) = fields::property(property["key"].as_str(), &property["value"])?;
            properties.insert(key, value);
        }
        let mut values = Map::new();
        values.insert("priority".to_owned(), json!("3"));
        values.insert("reporter".to_owned(), json!(by.account));
        for (field, change) in sent
            .into_iter()
            .filter(|(f, _)| f != "project" && f != "issuetype")
        {
            change.apply(&mut values, &field);
        }
        let id = self.insert(&project, issue_type, values, properties, &by.account);
        let issue = self.issue(id)?;
        let (key, marker) = (issue.key(), issue.marker());
        if let Some(marker) = marker {
            self.born.push((marker, key.clone()));
        }
        self.note(
            "issue.created",
            id,
            by,
            json!({ "summary": self.issue(id)?.text("summary") }),
        );
        let mut made = json!({ "id": id.to_string(), "key": key, "self": format!("{}/rest/api/3/issue/{id}", self.base) });
        if let Some(step) = body["transition"]["id"].as_str() {
            // Carried out after the create, and allowed to fail on its own.
            made["transition"] = match self.transition(id, step, &Value::Null, by) {
                Ok(()) => {
                    json!({ "status": 204, "errorCollection": { "errorMessages": [], "errors": {} } })
                }
                Err(refusal) => {
                    json!({ "status": refusal.status.as_u16(), "errorCollection": refusal.body() })
                }
            };
        }
        Ok(made)
    }

    /// Key of the project and id of the issue type of a create body.
    fn place(&self, body: &Value) -> Result<(String, String), Refusal> {
        let (project, kind) = (&body["fields"]["project"], &body["fields"]["issuetype"]);
        let named = project["key"]
            .as_str()
            .or(project["id"].as_str())
            .and_then(|p| self.project(p));
        let (id, name) = (kind["id"].as_str(), kind["name"].as_str());
        let kind = self
            .issue_types
            .iter()
            .find(|(i, n)| Some(i.as_str()) == id || Some(n.as_str()) == name);
        let mut refused = BTreeMap::new();
        if named.is_none() {
            refused.insert(
                "project".to_owned(),
                "Specify a valid project ID or key".to_owned(),
            );
        }
        if kind.is_none() {
            refused.insert(
                "issuetype".to_owned(),
                "Specify a valid issue type".to_owned(),
            );
        }
        match (named, kind) {
            (Some(project), Some((id, _))) => Ok((project.key.clone(), id.clone())),
            _ => Err(Refusal::fields(refused)),
        }
    }

    fn require(
        &self,
        sent: &[(String, fields::Change)],
        on_screen: impl Fn(&Field) -> bool,
    ) -> Result<(), Refusal> {
        let missing: BTreeMap<String, String> = self
            .fields
            .iter()
            .filter(|f| f.required && on_screen(f) && !sent.iter().any(|(id, _)| *id == f.id))
            .map(|f| (f.id.clone(), fields::required(f)))
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Refusal::fields(missing))
        }
    }

    /// Puts a new issue into a project, in the first status of the workflow.
    pub fn insert(
        &mut self,
        project: &str,
        issue_type: String,
        values: Map<String, Value>,
        properties: BTreeMap<String, Value>,
        creator: &str,
    ) -> u64 {
        let (id, now) = (self.next_id(), self.now());
        let issue = Issue {
            id,
            project: project.to_owned(),
            number: self.next_number(project),
            old_keys: vec![],
            issue_type,
            status: self
                .workflow()
                .statuses
                .first()
                .map(|s| s.id.clone())
                .unwrap_or_default(),
            fields: values,
            creator: creator.to_owned(),
            created: now,
            updated: now,
            properties,
            comments: vec![],
            remote_links: vec![],
            indexed: vec![],
            writes: VecDeque::new(),
        };
        self.issues.insert(id, issue);
        self.touch(id);
        id
    }

    /// The next number of a project's keys; deleted ones are not used again.
    pub fn next_number(&mut self, project: &str) -> u64 {
        let project = self.projects.iter_mut().find(|p| p.key == project);
        project.map_or(0, |p| {
            p.last += 1;
            p.last
        })
    }

    /// Changes fields; an edit that changes nothing leaves `updated` alone.
    ///
    /// # Errors
    /// 400 for a field that is not on the edit screen or has a wrong value.
    pub fn edit(&mut self, id: u64, body: &Value, by: &By) -> Result<(), Refusal> {
        let sent = fields::sent(self, body, |f| {
            self.fields.iter().any(|d| d.id == f && d.on_edit)
        })?;
        let mut properties = vec![];
        for property in body["properties"].as_array().into_iter().flatten() {
            properties.push(fields::property(
                property["key"].as_str(),
                &property["value"],
            )?);
        }
        let comments = self.comments_in(body)?;
        let issue = self.issue_mut(id)?;
        issue.properties.extend(properties);
        let mut changed = vec![];
        for (field, change) in sent {
            if change.apply(&mut issue.fields, &field) {
                changed.push(field);
            }
        }
        if !changed.is_empty() {
            self.touch(id);
        }
        self.note("issue.edited", id, by, json!({ "fields": changed }));
        comments
            .iter()
            .try_for_each(|c| self.add_comment(id, c, by).map(|_| ()))
    }

    /// # Errors
    /// 404 if it is not there.
    pub fn delete(&mut self, id: u64, by: &By) -> Result<(), Refusal> {
        self.issue(id)?;
        self.note("issue.deleted", id, by, Value::Null);
        self.issues.remove(&id);
        Ok(())
    }
}
