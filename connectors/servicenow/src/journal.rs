//! Comments: journal entries of a record, which nobody edits (`itsm.md` 2.4).

use std::collections::BTreeSet;

use poamd_contract::desk::{AuthorKind, Comment, CommentDraft, TicketRef};
use poamd_contract::error::{ConnectorError, Result, Retry};
use serde_json::{Map, Value};

use crate::client::{Api, check_value};
use crate::config::ServiceNowConfig;
use crate::plain;
use crate::users::Users;
use crate::wire::{self, Row, is_sys_id};

const TABLE: &str = "sys_journal_field";
const FIELDS: &str = "sys_id,name,element,element_id,value,sys_created_on,sys_created_by";
/// What the whole journal shows where its rows are hidden from us.
const JOURNALS: [&str; 2] = ["comments", "work_notes"];

/// A comment read, with what its last line says if it is ours.
pub struct Seen {
    pub comment: Comment,
    pub key: Option<String>,
}

/// Adds an entry and gives its id. The API names no id for it, so the entry is looked up by its own last line.
pub async fn add(
    api: &Api,
    config: &ServiceNowConfig,
    ticket: &TicketRef,
    draft: &CommentDraft,
) -> Result<String> {
    if !plain::is_key(&draft.key) {
        let shown = poamd_http::one_line(&draft.key, 60);
        return Err(ConnectorError::new(
            Retry::Never,
            format!("comment key {shown:?} has blanks or brackets"),
        ));
    }
    if let Some(to) = &draft.reply_to {
        check_value(to)?;
    }
    let entry = plain::entry(&draft.body, draft.reply_to.as_deref(), &draft.key);
    let values = Map::from_iter([(config.comment_element.clone(), Value::String(entry))]);
    api.patch(&config.table, &ticket.id, values, "sys_id")
        .await?;
    // It stands there now; whatever goes wrong from here must not make the caller write it again.
    let unclear = |error: ConnectorError| ConnectorError {
        retry: Retry::Unclear,
        ..error
    };
    let Journal { rows, .. } = journal(api, ticket).await.map_err(unclear)?;
    let ours = |row: &&Row| {
        row.text("sys_created_by") == config.user
            && plain::tail(row.text("value")).key.as_deref() == Some(&draft.key)
    };
    match rows.iter().rev().find(ours) {
        Some(row) => Ok(row.text("sys_id").to_owned()),
        None => Err(api.error(TABLE, Retry::Unclear, &format!("a comment was added to {} but does not show in the journal: give the account read access to {TABLE}", ticket.key))),
    }
}

/// All entries of both journals, oldest first.
pub async fn list(
    api: &Api,
    config: &ServiceNowConfig,
    users: &Users,
    ticket: &TicketRef,
) -> Result<Vec<Seen>> {
    let Journal { rows, hidden } = journal(api, ticket).await?;
    if hidden > 0 {
        return Err(unreadable(api, ticket, &format!("{hidden} comments")));
    }
    if rows.is_empty() {
        prove_empty(api, config, ticket).await?;
    }
    users.forget();
    let mut seen = Vec::with_capacity(rows.len());
    for row in &rows {
        seen.push(read(api, config, users, row).await?);
    }
    Ok(seen)
}

/// The entries of a ticket that this account may read, oldest first, and how many more there are.
struct Journal {
    rows: Vec<Row>,
    hidden: usize,
}

async fn journal(api: &Api, ticket: &TicketRef) -> Result<Journal> {
    if !is_sys_id(&ticket.id) {
        return Err(api.error(
            TABLE,
            Retry::Never,
            &format!("{:?} is not a sys_id", poamd_http::one_line(&ticket.id, 40)),
        ));
    }
    // Only these two journals are counted: others of a customer's own may rightly be hidden from us.
    let query = format!(
        "element_id={}^elementIN{}^ORDERBYsys_created_on^ORDERBYsys_id",
        ticket.id,
        JOURNALS.join(",")
    );
    let found = api.rows(TABLE, &query, FIELDS).await?;
    let hidden = found.hidden();
    let mut rows = found.rows;
    // A widened query must not bring in other tickets' words; pages that shift may bring a row twice.
    let mut ids = BTreeSet::new();
    rows.retain(|row| {
        row.text("element_id") == ticket.id
            && JOURNALS.contains(&row.text("element"))
            && ids.insert(row.text("sys_id").to_owned())
    });
    rows.sort_by(|a, b| {
        (a.text("sys_created_on"), a.text("sys_id"))
            .cmp(&(b.text("sys_created_on"), b.text("sys_id")))
    });
    Ok(Journal { rows, hidden })
}

/// No rows although the record shows text is a matter of rights, not of silence.
async fn prove_empty(api: &Api, config: &ServiceNowConfig, ticket: &TicketRef) -> Result<()> {
    let shown = api
        .row_display(&config.table, &ticket.id, &JOURNALS.join(","))
        .await?;
    if JOURNALS
        .iter()
        .all(|element| shown.text(element).trim().is_empty())
    {
        return Ok(());
    }
    Err(unreadable(api, ticket, "comments"))
}

fn unreadable(api: &Api, ticket: &TicketRef, what: &str) -> ConnectorError {
    let cause = format!(
        "{} has {what} that this account may not read, so none is taken: grant it audit_viewer or read access to {TABLE}",
        ticket.key
    );
    api.error(TABLE, Retry::Never, &cause)
}

async fn read(api: &Api, config: &ServiceNowConfig, users: &Users, row: &Row) -> Result<Seen> {
    let author = users
        .author(api, &config.user, row.text("sys_created_by"))
        .await?;
    let Some(created) = wire::time(row.text("sys_created_on")) else {
        return Err(api.error(
            TABLE,
            Retry::Later(None),
            &format!("entry {} has no readable time", row.text("sys_id")),
        ));
    };
    let value = row.text("value");
    let tail = if author.kind == AuthorKind::Ourselves {
        plain::tail(value)
    } else {
        plain::Tail::default()
    };
    let element = row.text("element");
    let comment = Comment {
        id: row.text("sys_id").to_owned(),
        author,
        updated_by: None,
        created,
        updated: created,
        lines: plain::lines(value),
        text: value.to_owned(),
        internal: config
            .accept_elements
            .iter()
            .any(|accepted| accepted == element),
        reply_to: tail.reply_to,
    };
    Ok(Seen {
        comment,
        key: tail.key,
    })
}
