//! Comments: added, read with their authors, and our own recognised by the property they carry.

use chrono::{DateTime, Utc};
use poamd_contract::desk::{AuthorKind, Comment, CommentDraft, TicketRef};
use poamd_contract::error::{Result, Retry};
use poamd_http::{Call, Method};
use serde_json::{Value, json};

use crate::adf;
use crate::client::Api;
use crate::mapping::check_id;
use crate::wire::{self, CommentPage, Property, WireComment};

/// Property of our comments: `{key, to}` (`itsm.md` 4.8).
const REPLY: &str = "poamd.reply";
/// Property that keeps a comment from a service desk's customers.
const PUBLIC: &str = "sd.public.comment";
/// Comments per page; the server may give fewer.
const PAGE: usize = 100;

/// A comment read, with what its property says if it is ours.
pub struct Seen {
    pub comment: Comment,
    pub key: Option<String>,
}

pub async fn add(
    api: &Api,
    service_desk: bool,
    ticket: &TicketRef,
    draft: &CommentDraft,
) -> Result<String> {
    let mut properties =
        vec![json!({"key": REPLY, "value": {"key": draft.key, "to": draft.reply_to}})];
    if service_desk {
        properties.push(json!({"key": PUBLIC, "value": {"internal": true}}));
    }
    let body = json!({"body": adf::document(&draft.body), "properties": properties});
    let path = format!("rest/api/3/issue/{}/comment", check_id(&ticket.id)?);
    let created: NewComment = api.ask(&Call::write(Method::POST, path, body)).await?;
    Ok(created.id)
}

#[derive(serde::Deserialize)]
struct NewComment {
    id: String,
}

/// All comments, oldest first.
pub async fn list(api: &Api, service_desk: bool, ticket: &TicketRef) -> Result<Vec<Seen>> {
    let path = format!("rest/api/3/issue/{}/comment", check_id(&ticket.id)?);
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        // Each page begins with the last comment of the one before: if it is another, one was deleted meanwhile, and the
        // next has slipped between the pages.
        let overlap = usize::from(!seen.is_empty());
        let call = Call::get(&path)
            .query("startAt", (seen.len() - overlap).to_string())
            .query("maxResults", PAGE.to_string())
            .query("orderBy", "created")
            .query("expand", "properties");
        let page: CommentPage = api.ask(&call).await?;
        let joins = seen.last().is_none_or(|last| {
            page.comments
                .first()
                .is_some_and(|first| first.id == last.comment.id)
        });
        let before = seen.len();
        for comment in page.comments.into_iter().skip(overlap) {
            seen.push(read(api, &call, service_desk, comment).await?);
        }
        if joins && seen.len() > before && seen.len() < page.total {
            continue;
        }
        if !joins || seen.len() != page.total {
            let cause = "comments came or went while they were read: none of them is taken yet";
            return Err(api.error(&call, Retry::Later(None), cause));
        }
        seen.sort_by(|a, b| order(&a.comment).cmp(&order(&b.comment)));
        return Ok(seen);
    }
}

fn order(comment: &Comment) -> (DateTime<Utc>, usize, &str) {
    (comment.created, comment.id.len(), &comment.id)
}

async fn read(api: &Api, call: &Call, service_desk: bool, wire: WireComment) -> Result<Seen> {
    let author = api.author(wire.author.as_ref());
    let time = |text: &str| {
        wire::time(text).ok_or_else(|| {
            api.error(
                call,
                Retry::Later(None),
                &format!("comment {} has no readable time but {text:?}", wire.id),
            )
        })
    };
    let (created, updated) = (time(&wire.created)?, time(&wire.updated)?);
    let mark = if author.kind == AuthorKind::Ourselves {
        mark(api, &wire).await?
    } else {
        Value::Null
    };
    let text = |name: &str| mark[name].as_str().map(str::to_owned);
    let body = adf::read(&wire.body);
    let comment = Comment {
        updated_by: updated_by(&wire, updated != created),
        // Jira sets `jsdPublic` on every project's comments; only a service desk has customers.
        internal: !service_desk || wire.jsd_public == Some(false),
        reply_to: text("to"),
        id: wire.id,
        author,
        created,
        updated,
        lines: body.lines,
        text: body.text,
    };
    Ok(Seen {
        comment,
        key: text("key"),
    })
}

/// Who last changed it, if not the author; unknown counts as somebody else.
fn updated_by(wire: &WireComment, changed: bool) -> Option<String> {
    let author = wire.author.as_ref().map(|user| user.account_id.as_str());
    match wire
        .update_author
        .as_ref()
        .map(|user| user.account_id.as_str())
    {
        Some(by) if Some(by) == author => None,
        Some(by) => Some(by.to_owned()),
        None => changed.then(|| "unknown".to_owned()),
    }
}

/// The property of one of our comments: from the list if it is there, else by itself. That the list can bring it is not
/// documented, so its absence there proves nothing.
async fn mark(api: &Api, wire: &WireComment) -> Result<Value> {
    if let Some(found) = wire.properties.iter().find(|each| each.key == REPLY) {
        return Ok(found.value.clone());
    }
    let call = Call::get(format!(
        "rest/api/3/comment/{}/properties/{REPLY}",
        check_id(&wire.id)?
    ));
    match api.ask::<Property>(&call).await {
        Ok(property) => Ok(property.value),
        Err(error) if error.retry == Retry::Gone => Ok(Value::Null),
        Err(error) => Err(error),
    }
}
