//! Records: found, made, changed, moved, read.

use std::sync::atomic::{AtomicBool, Ordering};

use poamd_contract::desk::{
    Marker, Text, TicketDraft, TicketRef, TicketSnapshot, TicketState, TicketUpdate,
};
use poamd_contract::error::{ConnectorError, Result, Retry};
use serde_json::{Map, Value, json};

use crate::client::{Api, check_value};
use crate::config::ServiceNowConfig;
use crate::mapping::{self, FIELDS};
use crate::plain;
use crate::wire::{Row, is_sys_id};

/// `sys_id`s in one query, so that the address stays below what proxies take.
const BULK: usize = 100;

/// By `correlation_id`, each row verified: an ignored clause would widen the result to every row.
pub async fn find(
    api: &Api,
    config: &ServiceNowConfig,
    marker: &Marker,
) -> Result<Vec<TicketSnapshot>> {
    let key = check_value(&marker.key)?;
    let rows = api
        .rows(
            &config.table,
            &format!("correlation_id={key}^ORDERBYsys_created_on"),
            FIELDS,
        )
        .await?;
    let bears = |row: &&Row| row.text("correlation_id") == marker.key;
    if rows.hidden() > 0 && rows.rows.iter().all(|row| bears(&row)) {
        let cause = format!(
            "records bear {key}, but this account may not read them: grant it read access to {}",
            config.table
        );
        return Err(api.error(&config.table, Retry::Never, &cause));
    }
    let ours = rows.rows.iter().filter(bears);
    Ok(ours.map(|row| mapping::snapshot(config, row)).collect())
}

/// Whether the instance lost what a record is found again by. From then on a lost reply would make a duplicate, so
/// nothing more is created until the set-up is put right and poamd started anew.
#[derive(Debug, Default)]
pub struct MarkerLost(AtomicBool);

impl MarkerLost {
    fn check(&self, api: &Api, config: &ServiceNowConfig) -> Result<()> {
        if !self.0.load(Ordering::SeqCst) {
            return Ok(());
        }
        let cause = "the instance dropped or rewrote correlation_id of a record made before, without which no record is found again: give the account read and write access to it, take business rules off it, then restart poamd";
        Err(api.error(&config.table, Retry::Never, cause))
    }
}

pub async fn create(
    api: &Api,
    config: &ServiceNowConfig,
    lost: &MarkerLost,
    draft: &TicketDraft,
) -> Result<TicketRef> {
    check_value(&draft.marker.key)?;
    lost.check(api, config)?;
    let values = mapping::insert_values(config, draft);
    let names: Vec<&str> = values.keys().map(String::as_str).collect();
    let row = api
        .insert(
            &config.table,
            values.clone(),
            &format!("{FIELDS},{}", names.join(",")),
        )
        .await?;
    if !is_sys_id(row.text("sys_id")) {
        return Err(api.error(
            &config.table,
            Retry::Unclear,
            "the answer to a create names no sys_id",
        ));
    }
    let dropped = mapping::differences(&values, &row);
    if dropped.iter().any(|name| name == "correlation_id") {
        lost.0.store(true, Ordering::SeqCst);
    }
    if !dropped.is_empty() {
        tracing::warn!(
            ticket = row.text("number"),
            fields = dropped.join(", "),
            "the instance dropped or rewrote fields poamd set: check write access and business rules"
        );
    }
    Ok(mapping::ticket(config, &row))
}

pub async fn update(
    api: &Api,
    config: &ServiceNowConfig,
    ticket: &TicketRef,
    update: &TicketUpdate,
) -> Result<()> {
    let mut values = mapping::update_values(config, update);
    if let Some(description) = &update.description {
        match kept_description(api, config, ticket, description).await? {
            Some(text) => drop(values.insert("description".to_owned(), Value::String(text))),
            None => tracing::warn!(
                ticket = ticket.key,
                "the description is hidden from poamd or full of other people's words: it is left as it is"
            ),
        }
    }
    if values.is_empty() {
        return Ok(());
    }
    api.patch(&config.table, &ticket.id, values, "sys_id")
        .await
        .map(|_| ())
}

/// Our part with what people wrote below it; `None` if that is hidden, or leaves no room.
async fn kept_description(
    api: &Api,
    config: &ServiceNowConfig,
    ticket: &TicketRef,
    ours: &Text,
) -> Result<Option<String>> {
    let row = api.row(&config.table, &ticket.id, "description").await?;
    Ok(row
        .get("description")
        .and_then(|stored| plain::description(ours, plain::theirs(stored))))
}

pub async fn transition(
    api: &Api,
    config: &ServiceNowConfig,
    ticket: &TicketRef,
    to: TicketState,
    note: &str,
) -> Result<()> {
    let row = api.row(&config.table, &ticket.id, FIELDS).await?;
    let from = mapping::state(row.text("state"));
    if from == to {
        return Ok(());
    }
    if from == TicketState::Closed {
        let cause = format!(
            "{} is closed and cannot be moved to {}: a new ticket has to follow it",
            ticket.key,
            to.as_str()
        );
        return Err(api.error(&config.table, Retry::Never, &cause));
    }
    let mut values = Map::new();
    values.insert("state".to_owned(), json!(mapping::state_value(to)));
    if matches!(to, TicketState::Done | TicketState::Closed) {
        let note = if note.trim().is_empty() {
            &config.close_notes
        } else {
            note
        };
        values.insert("close_code".to_owned(), json!(config.close_code));
        values.insert("close_notes".to_owned(), Value::String(plain::note(note)));
    }
    let stored = api.patch(&config.table, &ticket.id, values, FIELDS).await?;
    if mapping::state(stored.text("state")) == to {
        return Ok(());
    }
    let cause = format!(
        "the state of {} stayed {:?} although the instance took the change: check write access to state and its business rules",
        ticket.key,
        stored.text("state")
    );
    Err(api.error(&config.table, Retry::Never, &cause))
}

/// Records by `sys_id`; absent and hidden ones are left out.
pub async fn read(
    api: &Api,
    config: &ServiceNowConfig,
    ids: &[String],
) -> Result<Vec<TicketSnapshot>> {
    if let Some(bad) = ids.iter().find(|id| !is_sys_id(id)) {
        let shown = poamd_http::one_line(bad, 40);
        return Err(ConnectorError::new(
            Retry::Never,
            format!("{shown:?} is not a ServiceNow sys_id (32 hex digits)"),
        ));
    }
    let mut tickets = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(BULK) {
        let found = api
            .rows(
                &config.table,
                &format!("sys_idIN{}^ORDERBYsys_id", chunk.join(",")),
                FIELDS,
            )
            .await?;
        let asked = found
            .rows
            .iter()
            .filter(|row| chunk.iter().any(|id| id == row.text("sys_id")));
        tickets.extend(asked.map(|row| mapping::snapshot(config, row)));
    }
    Ok(tickets)
}
