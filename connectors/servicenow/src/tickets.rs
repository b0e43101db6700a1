//! Records: found, made, changed, moved, read.

use poamd_contract::desk::{
    Marker, TicketDraft, TicketRef, TicketSnapshot, TicketState, TicketUpdate,
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
    let ours = rows
        .iter()
        .filter(|row| row.text("correlation_id") == marker.key);
    Ok(ours.map(|row| mapping::snapshot(config, row)).collect())
}

pub async fn create(
    api: &Api,
    config: &ServiceNowConfig,
    draft: &TicketDraft,
) -> Result<TicketRef> {
    check_value(&draft.marker.key)?;
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
    let lost = mapping::differences(&values, &row);
    if !lost.is_empty() {
        tracing::warn!(
            ticket = row.text("number"),
            fields = lost.join(", "),
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
    let theirs = match &update.description {
        Some(_) => {
            let row = api.row(&config.table, &ticket.id, "description").await?;
            plain::theirs(row.text("description")).to_owned()
        }
        None => String::new(),
    };
    let values = mapping::update_values(config, update, &theirs);
    if values.is_empty() {
        return Ok(());
    }
    api.patch(&config.table, &ticket.id, values, "sys_id")
        .await
        .map(|_| ())
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
        let rows: Vec<Row> = api
            .rows(
                &config.table,
                &format!("sys_idIN{}^ORDERBYsys_id", chunk.join(",")),
                FIELDS,
            )
            .await?;
        let asked = rows
            .iter()
            .filter(|row| chunk.iter().any(|id| id == row.text("sys_id")));
        tickets.extend(asked.map(|row| mapping::snapshot(config, row)));
    }
    Ok(tickets)
}
