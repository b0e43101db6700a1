//! The fields of issues: what each takes, on which screen it stands.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::adf;
use super::call::Refusal;
use super::site::Site;

/// What a field takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// One line, at most 255 characters.
    Line,
    /// ADF (description, textarea custom fields).
    Rich,
    Labels,
    Priority,
    Resolution,
    /// `yyyy-MM-dd`.
    Date,
    User,
    Number,
    /// One of these values.
    Option(Vec<String>),
    /// Project and issue type: set when the issue is made.
    Fixed,
}

/// A field of the site.
#[derive(Debug, Clone)]
pub struct Field {
    /// `summary`, `customfield_10050`.
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub required: bool,
    pub on_create: bool,
    pub on_edit: bool,
}

impl Field {
    pub fn new(id: &str, name: &str, kind: Kind) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            required: false,
            on_create: true,
            on_edit: true,
        }
    }

    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub fn screens(mut self, on_create: bool, on_edit: bool) -> Self {
        (self.on_create, self.on_edit) = (on_create, on_edit);
        self
    }
}

/// Priorities of the site, most urgent first: id and name.
pub const PRIORITIES: [(&str, &str); 5] = [
    ("1", "Highest"),
    ("2", "High"),
    ("3", "Medium"),
    ("4", "Low"),
    ("5", "Lowest"),
];

/// Resolutions of the site: id and name.
pub const RESOLUTIONS: [(&str, &str); 4] = [
    ("10000", "Done"),
    ("10001", "Won't Do"),
    ("10002", "Duplicate"),
    ("10003", "Cannot Reproduce"),
];

/// The fields every site starts with.
pub fn bundled() -> Vec<Field> {
    vec![
        Field::new("project", "Project", Kind::Fixed)
            .required()
            .screens(true, false),
        Field::new("issuetype", "Issue Type", Kind::Fixed)
            .required()
            .screens(true, false),
        Field::new("summary", "Summary", Kind::Line).required(),
        Field::new("description", "Description", Kind::Rich),
        Field::new("labels", "Labels", Kind::Labels),
        Field::new("priority", "Priority", Kind::Priority),
        Field::new("duedate", "Due date", Kind::Date),
        Field::new("assignee", "Assignee", Kind::User),
        Field::new("reporter", "Reporter", Kind::User),
        Field::new("resolution", "Resolution", Kind::Resolution).screens(false, false),
    ]
}

/// A change of one field, as sent and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    Set(Value),
    Labels {
        add: Vec<String>,
        remove: Vec<String>,
    },
}

impl Change {
    /// Makes the change; whether anything is different afterwards.
    pub fn apply(self, fields: &mut Map<String, Value>, id: &str) -> bool {
        let before = fields.get(id).cloned().unwrap_or(Value::Null);
        let after = match self {
            Self::Set(value) => value,
            Self::Labels { add, remove } => {
                let mut labels: Vec<String> =
                    serde_json::from_value(before.clone()).unwrap_or_default();
                labels.retain(|l| !remove.contains(l));
                labels.extend(add);
                sorted(labels)
            }
        };
        let changed = before != after;
        if after.is_null() {
            fields.remove(id);
        } else {
            fields.insert(id.to_owned(), after);
        }
        changed
    }
}

fn sorted(mut labels: Vec<String>) -> Value {
    labels.sort();
    labels.dedup();
    json!(labels)
}

/// The changes in a body's `fields` and `update`, each checked; comments in `update` are not fields and stay out.
///
/// # Errors
/// 400 with a message for each field that is unknown, off the screen or of the wrong shape.
pub fn sent(
    site: &Site,
    body: &Value,
    on_screen: impl Fn(&str) -> bool,
) -> Result<Vec<(String, Change)>, Refusal> {
    let mut changes = Vec::new();
    let mut refused = BTreeMap::new();
    let mut take = |id: &str, change: Result<Change, String>| match change {
        Ok(change) => changes.push((id.to_owned(), change)),
        Err(why) => {
            refused.insert(id.to_owned(), why);
        }
    };
    for (id, value) in body["fields"].as_object().into_iter().flatten() {
        take(id, set(site, id, value, on_screen(id)));
    }
    for (id, operations) in body["update"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(id, _)| *id != "comment")
    {
        take(id, update(site, id, operations, on_screen(id)));
    }
    if refused.is_empty() {
        Ok(changes)
    } else {
        Err(Refusal::fields(refused))
    }
}

fn settable<'a>(site: &'a Site, id: &str, on_screen: bool) -> Result<&'a Field, String> {
    let field = site
        .fields
        .iter()
        .find(|f| f.id == id)
        .filter(|_| on_screen);
    field.ok_or_else(|| {
        format!("Field '{id}' cannot be set. It is not on the appropriate screen, or unknown.")
    })
}

fn set(site: &Site, id: &str, value: &Value, on_screen: bool) -> Result<Change, String> {
    stored(site, settable(site, id, on_screen)?, value).map(Change::Set)
}

fn update(site: &Site, id: &str, operations: &Value, on_screen: bool) -> Result<Change, String> {
    let field = settable(site, id, on_screen)?;
    let (mut add, mut remove, mut last) = (vec![], vec![], None);
    for (verb, value) in operations
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flatten()
    {
        match (verb.as_str(), value.as_str()) {
            ("set", _) => last = Some(Change::Set(stored(site, field, value)?)),
            ("add", Some(text)) if field.kind == Kind::Labels => add.push(label(text)?),
            ("remove", Some(text)) if field.kind == Kind::Labels => remove.push(text.to_owned()),
            _ => {
                return Err(format!(
                    "The operation '{verb}' is not supported for the field '{id}'."
                ));
            }
        }
    }
    Ok(last.unwrap_or(Change::Labels { add, remove }))
}

fn label(text: &str) -> Result<String, String> {
    if text.contains(char::is_whitespace) {
        return Err(format!(
            "The label '{text}' contains spaces which is invalid."
        ));
    }
    if text.is_empty() || text.chars().count() > 255 {
        return Err("The label's length is not between 1 and 255 characters.".to_owned());
    }
    Ok(text.to_owned())
}

/// The value as the site keeps it.
fn stored(site: &Site, field: &Field, value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return if field.required {
            Err(required(field))
        } else {
            Ok(Value::Null)
        };
    }
    match &field.kind {
        Kind::Line => line(field, value),
        Kind::Rich => adf::refusal(value).map_or_else(|| Ok(value.clone()), Err),
        Kind::Labels => {
            let texts = value.as_array().ok_or("data was not an array")?;
            let labels: Result<Vec<String>, String> = texts
                .iter()
                .map(|t| label(t.as_str().ok_or("string expected at index 0")?))
                .collect();
            labels.map(sorted)
        }
        Kind::Priority => {
            named(&PRIORITIES, value).ok_or_else(|| "The priority selected is invalid.".to_owned())
        }
        Kind::Resolution => named(&RESOLUTIONS, value)
            .ok_or_else(|| "The resolution selected is invalid.".to_owned()),
        Kind::Date => {
            let text = value.as_str().unwrap_or_default();
            let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d");
            date.map(|d| json!(d.to_string()))
                .map_err(|_| format!("Error parsing date string: {text}"))
        }
        Kind::User => {
            let id = value["accountId"]
                .as_str()
                .or(value["id"].as_str())
                .unwrap_or_default();
            let user = site
                .user(id)
                .filter(|u| u.active)
                .map(|u| json!(u.account_id));
            user.ok_or_else(|| format!("User '{id}' cannot be assigned issues."))
        }
        Kind::Number => value
            .as_f64()
            .map(|_| value.clone())
            .ok_or_else(|| "Operation value must be a number".to_owned()),
        Kind::Option(allowed) => {
            let text = value["value"].as_str().unwrap_or_default();
            let known = allowed.iter().any(|a| a == text);
            known
                .then(|| json!({ "value": text }))
                .ok_or_else(|| format!("Option value '{text}' is not valid"))
        }
        Kind::Fixed => Ok(value.clone()),
    }
}

fn line(field: &Field, value: &Value) -> Result<Value, String> {
    let text = value.as_str().ok_or("Operation value must be a string")?;
    if text.trim().is_empty() && field.required {
        return Err(format!(
            "You must specify a {} of the issue.",
            field.name.to_lowercase()
        ));
    }
    if text.contains(['\n', '\r']) {
        return Err(format!(
            "The {} is invalid because it contains newline characters.",
            field.name.to_lowercase()
        ));
    }
    if text.chars().count() > 255 {
        return Err(format!("{} can't exceed 255 characters.", field.name));
    }
    Ok(json!(text))
}

/// The id of a value given by `id` or by `name`.
fn named(known: &[(&str, &str)], value: &Value) -> Option<Value> {
    let (id, name) = (value["id"].as_str(), value["name"].as_str());
    known
        .iter()
        .find(|(i, n)| Some(*i) == id || Some(*n) == name)
        .map(|(i, _)| json!(i))
}

pub fn required(field: &Field) -> String {
    format!("{} is required.", field.name)
}

pub fn name(site: &Site, id: &str) -> String {
    site.fields
        .iter()
        .find(|f| f.id == id)
        .map_or_else(|| id.to_owned(), |f| f.name.clone())
}

/// What a property takes (`itsm.md` 1.4): a key of 255 characters, a value of 32,768 characters of JSON.
///
/// # Errors
/// 400 if either is longer or the key is missing.
pub fn property(key: Option<&str>, value: &Value) -> Result<(String, Value), Refusal> {
    let key = key.filter(|k| !k.is_empty() && k.len() <= 255);
    let key = key
        .ok_or_else(|| Refusal::bad("The property key must have between 1 and 255 characters."))?;
    if value.is_null() {
        return Err(Refusal::bad("The property value must not be null."));
    }
    if value.to_string().chars().count() > 32_768 {
        return Err(
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE).message("The property value is too long.")
        );
    }
    Ok((key.to_owned(), value.clone()))
}
