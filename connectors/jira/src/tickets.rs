//! Issues: found, made, changed, read.

use std::sync::atomic::{AtomicU64, Ordering};

use poamd_contract::desk::{Marker, Text, TicketDraft, TicketRef, TicketSnapshot, TicketUpdate};
use poamd_contract::error::{Result, Retry};
use poamd_http::{Call, Method};
use serde_json::{Value, json};

use crate::adf;
use crate::client::Api;
use crate::config::JiraConfig;
use crate::mapping::{self, REF, check_id};
use crate::screen::Screen;
use crate::wire::{BulkIssues, Created, EditFields, Issue, SearchPage};

/// Ids or keys that `bulkfetch` takes at a time.
const BULK: usize = 100;
/// Windows of keys looked through behind the high-water mark, as long as each still holds an issue.
const WINDOWS: u64 = 5;
/// Pages of a search; one marker has one ticket and its clones.
const PAGES: usize = 20;

/// The highest number of the project's keys that this process has seen: search lags, our own creates do not.
#[derive(Debug, Default)]
pub struct HighWater(AtomicU64);

impl HighWater {
    fn raise(&self, config: &JiraConfig, key: &str) -> u64 {
        let number = mapping::key_number(&config.project, key).unwrap_or(0);
        self.0.fetch_max(number, Ordering::SeqCst).max(number)
    }
}

/// By label, then by keys behind `probe_after`; only issues whose own property names the marker.
pub async fn find(
    api: &Api,
    config: &JiraConfig,
    marker: &Marker,
    probe_after: Option<&str>,
) -> Result<Vec<TicketSnapshot>> {
    let jql = mapping::jql(marker)?;
    let mut found = ours(config, marker, search(api, config, &jql).await?);
    if let Some(from) = probe_after
        .filter(|_| found.is_empty())
        .and_then(|key| mapping::key_number(&config.project, key))
    {
        found = probe(api, config, marker, from).await?;
    }
    Ok(found)
}

fn ours(config: &JiraConfig, marker: &Marker, issues: Vec<Issue>) -> Vec<TicketSnapshot> {
    issues
        .into_iter()
        .map(|issue| mapping::snapshot(config, issue))
        .filter(|ticket| ticket.marker_key.as_deref() == Some(marker.key.as_str()))
        .collect()
}

/// Looks at the keys themselves, which does not depend on the search index (`itsm.md` 4.2, step 3).
async fn probe(
    api: &Api,
    config: &JiraConfig,
    marker: &Marker,
    from: u64,
) -> Result<Vec<TicketSnapshot>> {
    for window in 0..WINDOWS {
        let first = from + window * BULK as u64 + 1;
        let keys: Vec<String> = (first..first + BULK as u64)
            .map(|n| format!("{}-{n}", config.project))
            .collect();
        let issues = fetch(api, config, &keys).await?;
        let empty = issues.is_empty();
        let found = ours(config, marker, issues);
        if empty || !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn wanted(config: &JiraConfig) -> Value {
    json!(["summary", "status", "updated", config.due_field])
}

async fn search(api: &Api, config: &JiraConfig, jql: &str) -> Result<Vec<Issue>> {
    let mut issues = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES {
        let mut body =
            json!({"jql": jql, "fields": wanted(config), "properties": [REF], "maxResults": 50});
        if let Some(token) = &token {
            body["nextPageToken"] = json!(token);
        }
        let page: SearchPage = api
            .ask(&Call::post_read("rest/api/3/search/jql", body))
            .await?;
        issues.extend(page.issues);
        token = page.next_page_token.filter(|_| !page.is_last);
        if token.is_none() {
            break;
        }
    }
    Ok(issues)
}

/// The project's highest key, or `<project>-0` if it has none. A lower bound: the index behind it lags.
pub async fn high_water(api: &Api, config: &JiraConfig, known: &HighWater) -> Result<String> {
    let jql = format!("project = \"{}\" ORDER BY created DESC", config.project);
    let body = json!({"jql": jql, "fields": ["summary"], "maxResults": 1});
    let page: SearchPage = api
        .ask(&Call::post_read("rest/api/3/search/jql", body))
        .await?;
    let newest = page.issues.first().map_or("", |issue| issue.key.as_str());
    Ok(format!(
        "{}-{}",
        config.project,
        known.raise(config, newest)
    ))
}

pub async fn create(
    api: &Api,
    config: &JiraConfig,
    screen: &Screen,
    known: &HighWater,
    draft: &TicketDraft,
) -> Result<TicketRef> {
    let has = |field: &str| {
        let has = screen.fields.contains_key(field);
        if !has {
            tracing::warn!(
                field,
                project = config.project,
                "the create screen lacks a field poamd would set"
            );
        }
        has
    };
    let body = mapping::create_body(config, &screen.issue_type_id, draft, has);
    let created: Created = api
        .ask(&Call::write(Method::POST, "rest/api/3/issue", body))
        .await?;
    known.raise(config, &created.key);
    Ok(mapping::ticket(config, &created.id, &created.key))
}

pub async fn update(
    api: &Api,
    config: &JiraConfig,
    ticket: &TicketRef,
    update: &TicketUpdate,
) -> Result<()> {
    let path = format!("rest/api/3/issue/{}", check_id(&ticket.id)?);
    let mut fields = mapping::update_fields(config, update);
    if let Some(ours) = &update.description {
        match kept_description(api, &path, ours).await? {
            Some(document) => drop(fields.insert("description".to_owned(), document)),
            None => tracing::warn!(
                ticket = ticket.key,
                "the description is hidden from poamd or full of other people's words: it is left as it is"
            ),
        }
    }
    // These two are what edit screens lack most often, and one missing field refuses the whole edit.
    if fields.contains_key("priority") || fields.contains_key(&config.due_field) {
        let offered: EditFields = api.ask(&Call::get(format!("{path}/editmeta"))).await?;
        fields.retain(|name, _| {
            let offered = !["priority", &config.due_field].contains(&name.as_str())
                || offered.fields.contains_key(name);
            if !offered {
                tracing::warn!(
                    field = name,
                    ticket = ticket.key,
                    "the edit screen lacks a field poamd would set"
                );
            }
            offered
        });
    }
    if fields.is_empty() {
        return Ok(());
    }
    api.send(&Call::write(Method::PUT, path, json!({"fields": fields})))
        .await
        .map(|_| ())
}

/// Our part with what people wrote below it; `None` if that is hidden, or leaves no room.
async fn kept_description(api: &Api, path: &str, ours: &Text) -> Result<Option<Value>> {
    let issue: Issue = api
        .ask(&Call::get(path).query("fields", "description"))
        .await?;
    let stored = issue.fields.rest.get("description");
    Ok(stored.and_then(|stored| adf::description(ours, adf::theirs(stored))))
}

/// Issues by id or key, at most [`BULK`] at a time; absent and hidden ones are left out.
pub async fn read(api: &Api, config: &JiraConfig, ids: &[String]) -> Result<Vec<TicketSnapshot>> {
    let mut tickets = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(BULK) {
        for id in chunk {
            check_id(id)?;
        }
        tickets.extend(
            fetch(api, config, chunk)
                .await?
                .into_iter()
                .map(|issue| mapping::snapshot(config, issue)),
        );
    }
    Ok(tickets)
}

async fn fetch(api: &Api, config: &JiraConfig, ids: &[String]) -> Result<Vec<Issue>> {
    let body = json!({"issueIdsOrKeys": ids, "fields": wanted(config), "properties": [REF]});
    let bulk: BulkIssues = api
        .ask(&Call::post_read("rest/api/3/issue/bulkfetch", body))
        .await?;
    Ok(bulk.issues)
}

/// One ticket as it is now; `Gone` if it is absent or hidden.
pub async fn read_one(
    api: &Api,
    config: &JiraConfig,
    ticket: &TicketRef,
) -> Result<TicketSnapshot> {
    let found = read(api, config, std::slice::from_ref(&ticket.id)).await?;
    found.into_iter().next().ok_or_else(|| {
        api.error(
            &Call::get(format!("rest/api/3/issue/{}", ticket.key)),
            Retry::Gone,
            "no such issue",
        )
    })
}
