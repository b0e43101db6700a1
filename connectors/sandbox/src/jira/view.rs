//! How an issue is shown: which fields and properties, each in the form of the API.

use serde_json::{Map, Value, json};

use super::call::Refusal;
use super::site::Site;
use super::{screens, workflow};

/// Which fields and properties an answer shall carry.
pub struct Wanted {
    pub fields: Vec<String>,
    pub properties: Vec<String>,
    /// Whether naming no field means all of them (a get) or the id only (a search).
    pub all: bool,
}

impl Wanted {
    pub fn everything() -> Self {
        Self {
            fields: vec![],
            properties: vec![],
            all: true,
        }
    }

    /// # Errors
    /// 400 if more than five properties are asked for.
    pub fn of_body(body: &Value, all: bool) -> Result<Self, Refusal> {
        let list = |name: &str| serde_json::from_value(body[name].clone()).unwrap_or_default();
        Self {
            fields: list("fields"),
            properties: list("properties"),
            all,
        }
        .checked()
    }

    pub fn checked(self) -> Result<Self, Refusal> {
        if self.properties.len() > 5 {
            Err(Refusal::bad("The maximum number of properties is 5."))
        } else {
            Ok(self)
        }
    }

    pub fn id_only(&self) -> bool {
        !self.all && (self.fields.is_empty() || self.fields == ["id"])
    }

    fn field(&self, name: &str) -> bool {
        if self
            .fields
            .iter()
            .any(|f| f.strip_prefix('-') == Some(name))
        {
            return false;
        }
        let everything = |f: &String| f == "*all" || f == "*navigable" || f.starts_with('-');
        (self.fields.is_empty() && self.all)
            || self.fields.iter().any(|f| f == name || everything(f))
    }
}

impl Site {
    /// An issue as the API shows it to `caller`.
    ///
    /// # Errors
    /// 404 if it is not there.
    pub fn shown(&self, id: u64, wanted: &Wanted, caller: Option<&str>) -> Result<Value, Refusal> {
        let issue = self.issue(id)?;
        if wanted.id_only() {
            return Ok(json!({ "id": id.to_string() }));
        }
        let mut shown: Map<String, Value> = Map::new();
        for field in self.fields.iter().filter(|f| wanted.field(&f.id)) {
            let value = issue
                .fields
                .get(&field.id)
                .map_or(Value::Null, |v| screens::shown(self, &field.id, v));
            shown.insert(field.id.clone(), value);
        }
        let kind = self
            .issue_types
            .iter()
            .find(|(i, _)| *i == issue.issue_type);
        let project = self.project(&issue.project);
        let status = self
            .workflow()
            .status(&issue.status)
            .map(|s| workflow::shown(s, &self.base));
        let person = |account: &str| self.user(account).map(|u| u.shown(&self.base));
        let computed = [
            (
                "issuetype",
                json!(kind.map(|(id, name)| json!({ "id": id, "name": name, "subtask": false }))),
            ),
            (
                "project",
                json!(project.map(|p| json!({ "id": p.id, "key": p.key, "name": p.name }))),
            ),
            ("status", json!(status)),
            ("created", self.time(issue.created, caller)),
            ("updated", self.time(issue.updated, caller)),
            ("creator", json!(person(&issue.creator))),
            ("labels", json!(issue.labels())),
        ];
        shown.extend(
            computed
                .into_iter()
                .filter(|(n, _)| wanted.field(n))
                .map(|(n, v)| (n.to_owned(), v)),
        );
        if wanted.fields.iter().any(|f| f == "comment" || f == "*all") {
            shown.insert("comment".to_owned(), self.comment_page(issue, caller));
        }
        let mut value = json!({
            "expand": "renderedFields,names,schema,transitions,editmeta,changelog", "id": id.to_string(), "key": issue.key(),
            "self": format!("{}/rest/api/3/issue/{id}", self.base), "fields": shown,
        });
        if !wanted.properties.is_empty() {
            let all = wanted.properties.iter().any(|p| p == "*all");
            let chosen = issue
                .properties
                .iter()
                .filter(|(k, _)| all || wanted.properties.contains(k));
            value["properties"] = chosen
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect::<Map<_, _>>()
                .into();
        }
        Ok(value)
    }
}
