//! Searching by JQL. What it finds is as old as the index lags; what it shows of an issue is as it is now.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodFilter;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::call::{Answer, Call, Done, Refusal};
use super::jql::{self, Query};
use super::site::{Indexed, Site};
use super::view::Wanted;
use super::{Jira, matching, op};

pub fn routes() -> Router<Jira> {
    let removed = || op(MethodFilter::GET, gone).merge(op(MethodFilter::POST, gone));
    Router::new()
        .route("/rest/api/3/search", removed())
        .route(
            "/rest/api/3/search/jql",
            op(MethodFilter::GET, by_get).merge(op(MethodFilter::POST, by_post)),
        )
        .route(
            "/rest/api/3/search/approximate-count",
            op(MethodFilter::POST, count),
        )
}

fn gone(_: &mut Site, _: &Call) -> Answer {
    Err(Refusal::new(StatusCode::GONE)
        .message("The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. (CHANGE-2046)"))
}

/// Largest page of ids, and of issues with fields.
const MOST_IDS: usize = 5_000;
const MOST_ISSUES: usize = 100;

struct Ask {
    jql: String,
    token: Option<String>,
    most: usize,
    wanted: Wanted,
    reconcile: Vec<u64>,
}

fn by_get(site: &mut Site, call: &Call) -> Answer {
    let wanted = Wanted {
        fields: call.list("fields"),
        properties: call.list("properties"),
        all: false,
    }
    .checked()?;
    let ask = Ask {
        jql: call.query("jql").unwrap_or_default().to_owned(),
        token: call.query("nextPageToken").map(str::to_owned),
        most: call.number("maxResults", 50),
        wanted,
        reconcile: call
            .list("reconcileIssues")
            .iter()
            .filter_map(|i| i.parse().ok())
            .collect(),
    };
    search(site, call, ask)
}

fn by_post(site: &mut Site, call: &Call) -> Answer {
    let body = &call.body;
    let ask = Ask {
        jql: body["jql"].as_str().unwrap_or_default().to_owned(),
        token: body["nextPageToken"].as_str().map(str::to_owned),
        most: body["maxResults"]
            .as_u64()
            .and_then(|m| usize::try_from(m).ok())
            .unwrap_or(50),
        wanted: Wanted::of_body(body, false)?,
        reconcile: serde_json::from_value(body["reconcileIssues"].clone()).unwrap_or_default(),
    };
    search(site, call, ask)
}

fn search(site: &mut Site, call: &Call, ask: Ask) -> Answer {
    if ask.reconcile.len() > 50 {
        return Err(Refusal::bad(
            "The number of issues to reconcile is more than 50.",
        ));
    }
    let query = jql::parse(&ask.jql).map_err(|why| Refusal::bad(&why))?;
    // An anonymous caller learns nothing, not even that a project does not exist.
    let Some(caller) = call
        .caller
        .as_deref()
        .filter(|_| site.may("BROWSE_PROJECTS"))
    else {
        return Ok(Done::ok(json!({ "issues": [], "isLast": true })));
    };
    let found = find(site, &query, caller, &ask.reconcile)?;
    let start = ask
        .token
        .as_deref()
        .map_or(Some(0), |t| read_token(t, &ask.jql));
    let start = start
        .ok_or_else(|| Refusal::bad("The provided next page token is invalid or has expired."))?;
    let most = ask.most.min(if ask.wanted.id_only() {
        MOST_IDS
    } else {
        MOST_ISSUES
    });
    let page: Result<Vec<Value>, Refusal> = found
        .iter()
        .skip(start)
        .take(most)
        .map(|id| site.shown(*id, &ask.wanted, Some(caller)))
        .collect();
    let page = page?;
    let end = start + page.len();
    let mut answer = json!({ "issues": page, "isLast": end >= found.len() });
    if end < found.len() {
        answer["nextPageToken"] = json!(token(end, &ask.jql));
    }
    Ok(Done::ok(answer))
}

fn find(site: &Site, query: &Query, caller: &str, reconcile: &[u64]) -> Result<Vec<u64>, Refusal> {
    let zone = site.user(caller).map_or(chrono_tz::Tz::UTC, |u| u.zone);
    matching::check(site, query, zone).map_err(|why| Refusal::bad(&why))?;
    let Some(wanted) = &query.wanted else {
        return Ok(vec![]);
    };
    let mut found: Vec<(u64, &Indexed)> = site
        .issues
        .values()
        .filter_map(|issue| {
            let fresh = reconcile.contains(&issue.id);
            let indexed = if fresh {
                issue.indexed.last().map(|(_, i)| i)
            } else {
                site.index_of(issue)
            }?;
            matching::matches(site, wanted, issue, indexed, zone).then_some((issue.id, indexed))
        })
        .collect();
    found.sort_by(|a, b| matching::compare(&query.order, a, b));
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

fn count(site: &mut Site, call: &Call) -> Answer {
    let query = jql::parse(call.body["jql"].as_str().unwrap_or_default())
        .map_err(|why| Refusal::bad(&why))?;
    let found = match call.caller.as_deref() {
        Some(caller) => find(site, &query, caller, &[])?.len(),
        None => 0,
    };
    Ok(Done::ok(json!({ "count": found })))
}

/// A place in the result, bound to the query.
fn token(place: usize, jql: &str) -> String {
    BASE64URL_NOPAD.encode(format!("{place}:{}", digest(jql)).as_bytes())
}

fn read_token(token: &str, jql: &str) -> Option<usize> {
    let text = String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()?;
    let (place, of) = text.split_once(':')?;
    place.parse().ok().filter(|_| of == digest(jql))
}

fn digest(jql: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(jql.as_bytes())[..9])
}
