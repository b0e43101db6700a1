//! Between the contract's words and the table's columns.

use poamd_contract::desk::{
    TicketDraft, TicketRef, TicketSnapshot, TicketState, TicketUpdate, Urgency,
};
use serde_json::{Map, Value};

use crate::config::ServiceNowConfig;
use crate::plain;
use crate::wire::Row;

/// What is read of a ticket.
pub const FIELDS: &str = "sys_id,number,state,short_description,due_date,correlation_id,sys_updated_on,sys_mod_count,sys_class_name";

pub fn insert_values(config: &ServiceNowConfig, draft: &TicketDraft) -> Map<String, Value> {
    let mut values = Map::new();
    let mut set = |name: &str, value: String| values.insert(name.to_owned(), Value::String(value));
    for (name, value) in &config.fields {
        set(name, value.clone());
    }
    // Ours come last: no extra field may replace the marker.
    set("short_description", plain::short(&draft.summary));
    if let Some(description) = plain::description(&draft.description, "") {
        set("description", description);
    }
    set("correlation_id", draft.marker.key.clone());
    set(
        "correlation_display",
        format!("poamd {}", draft.marker.label),
    );
    if let Some(caller) = &config.caller_id {
        set("caller_id", caller.clone());
    }
    if let Some(group) = &config.assignment_group {
        set("assignment_group", group.clone());
    }
    if let Some(due) = draft.due {
        set("due_date", end_of(due));
    }
    urgency(config, draft.rating, &mut values);
    values
}

/// All but the description, which is only known with what people wrote in it.
pub fn update_values(config: &ServiceNowConfig, update: &TicketUpdate) -> Map<String, Value> {
    let mut values = Map::new();
    let mut set = |name: &str, value: String| values.insert(name.to_owned(), Value::String(value));
    if let Some(summary) = &update.summary {
        set("short_description", plain::short(summary));
    }
    if let Some(due) = update.due {
        set("due_date", end_of(due));
    }
    if let Some(rating) = update.rating {
        urgency(config, rating, &mut values);
    }
    values
}

/// `due_date` is a time; the day is over at its end, in UTC.
fn end_of(day: chrono::NaiveDate) -> String {
    format!("{day} 23:59:59")
}

/// Priority is computed by the instance, so only what it is computed from is set.
fn urgency(config: &ServiceNowConfig, rating: Urgency, values: &mut Map<String, Value>) {
    if let Some((impact, urgency)) = config.impact_urgency.get(&rating) {
        values.insert("impact".to_owned(), Value::String(impact.to_string()));
        values.insert("urgency".to_owned(), Value::String(urgency.to_string()));
    }
}

/// Fields we sent that were stored otherwise: dropped without an error, or rewritten by a rule.
pub fn differences(sent: &Map<String, Value>, stored: &Row) -> Vec<String> {
    sent.iter()
        .filter(|(name, value)| {
            let sent = value.as_str().unwrap_or_default().replace("\r\n", "\n");
            stored.text(name).replace("\r\n", "\n").trim_end() != sent.trim_end()
        })
        .map(|(name, _)| name.clone())
        .collect()
}

/// Stored value of `state` (`itsm.md` 2.5).
pub fn state(value: &str) -> TicketState {
    match value {
        "6" => TicketState::Done,
        "7" | "8" => TicketState::Closed,
        "1" | "" => TicketState::New,
        // In progress, on hold, and what a customer added between.
        _ => TicketState::InProgress,
    }
}

pub fn state_value(state: TicketState) -> &'static str {
    match state {
        TicketState::New => "1",
        TicketState::InProgress => "2",
        TicketState::Done => "6",
        TicketState::Closed => "7",
    }
}

pub fn snapshot(config: &ServiceNowConfig, row: &Row) -> TicketSnapshot {
    let marker = row
        .get("correlation_id")
        .filter(|key| key.starts_with("poamd:"));
    TicketSnapshot {
        ticket: ticket(config, row),
        state: state(row.text("state")),
        status: row.text("state").to_owned(),
        summary: row.text("short_description").to_owned(),
        due: row
            .text("due_date")
            .split(' ')
            .next()
            .and_then(|day| day.parse().ok()),
        version: format!(
            "{} #{}",
            row.text("sys_updated_on"),
            row.text("sys_mod_count")
        ),
        marker_key: marker.map(str::to_owned),
    }
}

pub fn ticket(config: &ServiceNowConfig, row: &Row) -> TicketRef {
    let sys_id = row.text("sys_id");
    let mut url = config.endpoint.base_url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["nav_to.do"]);
    }
    url.query_pairs_mut()
        .append_pair("uri", &format!("{}.do?sys_id={sys_id}", config.table));
    TicketRef {
        id: sys_id.to_owned(),
        key: row.text("number").to_owned(),
        url: url.into(),
    }
}

#[cfg(test)]
mod tests {
    use poamd_contract::secret::SecretString;
    use poamd_http::Endpoint;
    use serde_json::json;

    use super::*;

    fn config() -> ServiceNowConfig {
        ServiceNowConfig::new(
            Endpoint::new("https://i.example".parse().unwrap()),
            "bot",
            SecretString::from("secret"),
        )
    }

    #[test]
    fn states_there_and_back() {
        for (value, expected) in [
            ("1", TicketState::New),
            ("2", TicketState::InProgress),
            ("3", TicketState::InProgress),
            ("6", TicketState::Done),
            ("7", TicketState::Closed),
            ("8", TicketState::Closed),
        ] {
            assert_eq!(state(value), expected, "{value}");
        }
        for each in [
            TicketState::New,
            TicketState::InProgress,
            TicketState::Done,
            TicketState::Closed,
        ] {
            assert_eq!(state(state_value(each)), each);
        }
    }

    #[test]
    fn extra_fields_cannot_replace_the_marker() {
        let mut config = config();
        config.fields = [
            ("correlation_id".to_owned(), "x".to_owned()),
            ("category".to_owned(), "security".to_owned()),
        ]
        .into();
        let draft = poamd_contract::conformance::draft(7);
        let values = insert_values(&config, &draft);
        assert_eq!(values["correlation_id"], draft.marker.key.as_str());
        assert_eq!(
            (&values["category"], &values["impact"], &values["urgency"]),
            (&json!("security"), &json!("1"), &json!("2"))
        );
        assert_eq!(values["due_date"], "2026-12-24 23:59:59");
    }

    #[test]
    fn what_was_dropped_is_noticed() {
        let sent = json!({"a": "x", "b": "two\nlines", "c": "3"})
            .as_object()
            .unwrap()
            .clone();
        let stored: Row =
            serde_json::from_value(json!({"a": "x", "b": "two\r\nlines\n", "c": "4"})).unwrap();
        assert_eq!(differences(&sent, &stored), ["c"]);
        assert_eq!(differences(&sent, &Row::default()), ["a", "b", "c"]);
    }
}
