//! Between the contract's words and Jira's: fields, states, keys.

use chrono::NaiveDate;
use poamd_contract::desk::{
    Marker, TicketDraft, TicketRef, TicketSnapshot, TicketState, TicketUpdate, Urgency,
};
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_http::one_line;
use serde_json::{Map, Value, json};
use url::Url;

use crate::adf;
use crate::config::JiraConfig;
use crate::wire::{Issue, Status};

/// Issue property that proves a ticket ours: written with the issue, not copied by a clone.
pub const REF: &str = "poamd.ref";
/// Limit of `summary` (255 on the server), which takes no line breaks.
const SUMMARY: usize = 250;

/// The body of a create. `has` says which fields the create screen offers.
pub fn create_body(
    config: &JiraConfig,
    issue_type: &str,
    draft: &TicketDraft,
    has: impl Fn(&str) -> bool,
) -> Value {
    let labels: Vec<&str> = std::iter::once(draft.marker.label.as_str())
        .chain(
            draft
                .labels
                .iter()
                .map(String::as_str)
                .filter(|label| is_label(label)),
        )
        .collect();
    let mut fields = json!({
        "project": {"key": config.project},
        "issuetype": {"id": issue_type},
        "summary": one_line(&draft.summary, SUMMARY),
        "description": adf::description(&draft.description, Vec::new()),
        "labels": labels,
    });
    if let Some(due) = draft.due.filter(|_| has(&config.due_field)) {
        fields[&config.due_field] = json!(due);
    }
    if let Some(name) = config
        .priorities
        .get(&draft.rating)
        .filter(|_| has("priority"))
    {
        fields["priority"] = json!({"name": name});
    }
    json!({"fields": fields, "properties": [{"key": REF, "value": {"key": draft.marker.key}}]})
}

/// The fields of an edit but the description, which is only known with what people wrote in it.
pub fn update_fields(config: &JiraConfig, update: &TicketUpdate) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Some(summary) = &update.summary {
        fields.insert("summary".to_owned(), json!(one_line(summary, SUMMARY)));
    }
    if let Some(name) = update.rating.and_then(|rating| priority(config, rating)) {
        fields.insert("priority".to_owned(), json!({"name": name}));
    }
    if let Some(due) = update.due {
        fields.insert(config.due_field.clone(), json!(due));
    }
    fields
}

fn priority(config: &JiraConfig, rating: Urgency) -> Option<&str> {
    config.priorities.get(&rating).map(String::as_str)
}

/// Labels have no blanks and 255 characters at most.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.chars().count() <= 255
        && !label.chars().any(|c| c.is_whitespace() || c.is_control())
}

pub fn state(status: &Status) -> TicketState {
    match status.status_category.key.as_str() {
        "done" => TicketState::Done,
        "indeterminate" => TicketState::InProgress,
        _ => TicketState::New,
    }
}

pub fn snapshot(config: &JiraConfig, issue: Issue) -> TicketSnapshot {
    let marker_key = issue
        .properties
        .get(REF)
        .and_then(|value| value["key"].as_str())
        .map(str::to_owned);
    let status = issue.fields.status.unwrap_or_default();
    let due = issue
        .fields
        .rest
        .get(&config.due_field)
        .and_then(Value::as_str);
    TicketSnapshot {
        ticket: ticket(config, &issue.id, &issue.key),
        state: state(&status),
        status: status.name,
        summary: issue.fields.summary.unwrap_or_default(),
        due: due.and_then(|due| due.parse::<NaiveDate>().ok()),
        version: issue.fields.updated.unwrap_or_default(),
        marker_key,
    }
}

pub fn ticket(config: &JiraConfig, id: &str, key: &str) -> TicketRef {
    let mut url: Url = config
        .browse_url
        .clone()
        .unwrap_or_else(|| config.endpoint.base_url.clone());
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["browse", key]);
    }
    TicketRef {
        id: id.to_owned(),
        key: key.to_owned(),
        url: url.into(),
    }
}

/// The query for a marker, in all projects: people may have moved the ticket. The label is checked, so nothing needs
/// quoting, and restriction enough for a search that has to be bounded.
pub fn jql(marker: &Marker) -> Result<String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if marker.label.is_empty() || !marker.label.chars().all(plain) {
        let label = one_line(&marker.label, 80);
        return Err(ConnectorError::new(
            Retry::Never,
            format!("label {label:?} is not one of poamd's: nothing is searched"),
        ));
    }
    Ok(format!("labels = \"{}\"", marker.label))
}

/// Keys are a project's prefix and a number.
pub fn key_number(project: &str, key: &str) -> Option<u64> {
    key.strip_prefix(project)?.strip_prefix('-')?.parse().ok()
}

/// Refuses what is no project key, before it gets into a path or a query.
pub fn check_project(project: &str) -> Result<()> {
    let form = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if project.starts_with(|c: char| c.is_ascii_uppercase()) && project.chars().all(form) {
        return Ok(());
    }
    let cause = format!(
        "project {:?} is not a Jira project key: give the capitals before the number of an issue, e.g. SEC",
        one_line(project, 40)
    );
    Err(ConnectorError::new(Retry::Never, cause))
}

/// Refuses what is no issue id or key, before it gets into a path.
pub fn check_id(id: &str) -> Result<&str> {
    if !id.is_empty()
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        return Ok(id);
    }
    Err(ConnectorError::new(
        Retry::Never,
        format!(
            "{:?} is not the id of a Jira issue or comment",
            one_line(id, 40)
        ),
    ))
}
