//! The shapes Jira answers in. Read leniently: what is not needed may be missing or of any kind.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poamd_contract::clock::is_of_our_days;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
pub struct Created {
    pub id: String,
    pub key: String,
}

#[derive(Debug, Deserialize)]
pub struct Issue {
    pub id: String,
    pub key: String,
    #[serde(default)]
    pub fields: Fields,
    #[serde(default)]
    pub properties: Map<String, Value>,
}

/// Fields as they are named on the wire; the due field's name is configuration, so it stays in `rest`.
#[derive(Debug, Default, Deserialize)]
pub struct Fields {
    pub summary: Option<String>,
    pub status: Option<Status>,
    pub updated: Option<String>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub status_category: Category,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Category {
    /// `new`, `indeterminate`, `done` or `undefined`.
    #[serde(default)]
    pub key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchPage {
    #[serde(default)]
    pub issues: Vec<Issue>,
    pub next_page_token: Option<String>,
    #[serde(default)]
    pub is_last: bool,
}

#[derive(Debug, Deserialize)]
pub struct BulkIssues {
    #[serde(default)]
    pub issues: Vec<Issue>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    pub account_id: String,
    /// `atlassian`, `app` or `customer`.
    pub account_type: String,
    pub display_name: String,
    pub active: bool,
    pub time_zone: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CommentPage {
    pub comments: Vec<WireComment>,
    pub total: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireComment {
    pub id: String,
    pub author: Option<User>,
    pub update_author: Option<User>,
    #[serde(default)]
    pub body: Value,
    #[serde(default)]
    pub created: String,
    #[serde(default)]
    pub updated: String,
    pub jsd_public: Option<bool>,
    /// Empty if the server did not expand them.
    #[serde(default, deserialize_with = "or_empty")]
    pub properties: Vec<Property>,
}

fn or_empty<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<Property>, D::Error> {
    Ok(Option::deserialize(value)?.unwrap_or_default())
}

#[derive(Debug, Deserialize)]
pub struct Property {
    #[serde(default)]
    pub key: String,
    #[serde(default)]
    pub value: Value,
}

#[derive(Debug, Deserialize)]
pub struct Transitions {
    #[serde(default)]
    pub transitions: Vec<Transition>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub to: Status,
    #[serde(default)]
    pub fields: BTreeMap<String, Field>,
}

/// A field of a create, edit or transition screen.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Field {
    /// Only in create metadata; elsewhere the id is the key of the map.
    pub field_id: String,
    pub name: String,
    pub required: bool,
    pub has_default_value: bool,
    pub allowed_values: Vec<Value>,
    pub schema: Map<String, Value>,
}

impl Field {
    /// A multi-line text field, which takes ADF although its type says string (`itsm.md` 1.4).
    pub fn is_textarea(&self) -> bool {
        self.schema
            .get("custom")
            .and_then(Value::as_str)
            .is_some_and(|custom| custom.ends_with(":textarea"))
    }

    pub fn is_text(&self) -> bool {
        self.schema.get("type").and_then(Value::as_str) == Some("string")
            && self.allowed_values.is_empty()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IssueTypes {
    #[serde(default)]
    pub issue_types: Vec<IssueType>,
    #[serde(default)]
    pub total: usize,
}

#[derive(Debug, Deserialize)]
pub struct IssueType {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub struct CreateFields {
    #[serde(default)]
    pub fields: Vec<Field>,
    #[serde(default)]
    pub total: usize,
}

#[derive(Debug, Deserialize)]
pub struct EditFields {
    #[serde(default)]
    pub fields: BTreeMap<String, Field>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Project {
    pub name: String,
    pub project_type_key: String,
}

/// A time such as `2026-11-22T05:06:07.000+0000`: the offset has no colon, so it is not RFC 3339.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z")
        .or_else(|_| DateTime::parse_from_rfc3339(text))
        .ok()
        .map(|time| time.to_utc())
        // What the databases can write.
        .filter(is_of_our_days)
}

/// The server's own words in an error body: `errorMessages`, then `errors` by field.
pub fn error_text(json: &Value) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for message in json["errorMessages"].as_array().into_iter().flatten() {
        words.extend(message.as_str().map(str::to_owned));
    }
    for (field, message) in json["errors"].as_object().into_iter().flatten() {
        words.push(format!(
            "{field}: {}",
            message
                .as_str()
                .map_or_else(|| message.to_string(), str::to_owned)
        ));
    }
    words.extend(json["message"].as_str().map(str::to_owned));
    (!words.is_empty()).then(|| words.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_have_no_colon_and_any_zone() {
        let expected = "2026-11-22T05:06:07Z".parse::<DateTime<Utc>>().unwrap();
        for text in [
            "2026-11-22T05:06:07.000+0000",
            "2026-11-22T10:36:07.000+0530",
            "2026-11-21T22:06:07-0700",
            "2026-11-22T05:06:07Z",
        ] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn both_kinds_of_error_words_are_read() {
        let body = json!({"errorMessages": ["no"], "errors": {"summary": "too long"}});
        assert_eq!(error_text(&body).unwrap(), "no; summary: too long");
        assert_eq!(error_text(&json!({})), None);
    }
}
