//! The Table API: lists, single rows, writes; and the count of the Aggregate API.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderValue, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::ServiceNow;
use super::instance::{By, Instance, Row, TASKS};
use super::query::Encoded;
use super::refusal::Refusal;
use super::show::View;
use crate::history::Record;

pub fn routes() -> Router<ServiceNow> {
    let mut router = Router::new().route("/api/now/stats/{table}", get(count));
    // The versioned addresses are the same, but for empty lists of v1.
    for version in ["", "/v1", "/v2"] {
        router = router
            .route(
                &format!("/api/now{version}/table/{{table}}"),
                get(list).post(create),
            )
            .route(
                &format!("/api/now{version}/table/{{table}}/{{sys_id}}"),
                get(read).patch(change).put(change).delete(delete),
            );
    }
    router
}

type Answer = Result<Response<Body>, Refusal>;

/// The decoded parameters of a request.
struct Asked(BTreeMap<String, String>);

impl Asked {
    fn of(uri: &Uri) -> Self {
        Self(
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.get(name)
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    fn view(&self, instance: &Instance, by: &By) -> View {
        let zone = instance
            .user(&by.user)
            .and_then(|u| u.get("time_zone")?.parse().ok())
            .unwrap_or(chrono_tz::Tz::UTC);
        View {
            fields: self
                .get("sysparm_fields")
                .map(|f| f.split(',').map(|f| f.trim().to_owned()).collect()),
            display: self
                .get("sysparm_display_value")
                .unwrap_or("false")
                .to_owned(),
            plain_references: self.flag("sysparm_exclude_reference_link"),
            zone,
        }
    }
}

/// Rows a query means, in its order. What it ignored is told to the history: a real instance tells nobody.
fn find<'a>(instance: &'a Instance, table: &str, asked: &Asked) -> Result<Vec<&'a Row>, Refusal> {
    let rows = instance
        .rows(table)
        .ok_or_else(|| Refusal::no_table(table))?;
    if table == "sys_journal_field" && !instance.options.journal_readable {
        return Ok(vec![]);
    }
    let query = Encoded::read(
        instance,
        table,
        asked.get("sysparm_query").unwrap_or_default(),
    );
    for (kind, texts) in [
        ("query.ignored", &query.ignored),
        ("query.script", &query.scripts),
    ] {
        if !texts.is_empty() {
            let detail = json!({ "table": table, "clauses": texts });
            instance
                .history
                .record(Record::new("servicenow", kind).detail(detail));
        }
    }
    if !query.ignored.is_empty() && instance.options.invalid_query_returns_no_rows {
        return Ok(vec![]);
    }
    let mut found: Vec<&Row> = rows
        .into_iter()
        .filter(|r| query.matches(instance, r))
        .collect();
    found.sort_by(|a, b| query.compare(instance, a, b));
    Ok(found)
}

async fn list(
    State(desk): State<ServiceNow>,
    Path(path): Path<BTreeMap<String, String>>,
    uri: Uri,
    Extension(by): Extension<By>,
) -> Answer {
    let instance = desk.instance();
    let (asked, table) = (Asked::of(&uri), &path["table"]);
    let found = find(&instance, table, &asked)?;
    let (offset, limit) = (
        asked.number("sysparm_offset", 0),
        asked.number("sysparm_limit", 10_000),
    );
    let view = asked.view(&instance, &by);
    // Rights come after the page was cut: it may be short, or empty, and not be the last.
    let page = found.iter().skip(offset).take(limit);
    let hidden = instance.faults.standing().hidden_after_paging;
    let seen = page.filter(|r| readable(&instance, &hidden, r));
    let rows: Vec<Value> = seen.map(|r| instance.shown(table, r, &view)).collect();
    if rows.is_empty() && uri.path().starts_with("/api/now/v1/") {
        return Err(Refusal::no_record());
    }
    let mut response = Json(json!({ "result": rows })).into_response();
    let headers = response.headers_mut();
    if !asked.flag("sysparm_no_count") {
        headers.insert("X-Total-Count", HeaderValue::from(found.len()));
    }
    if !asked.flag("sysparm_suppress_pagination_header")
        && let Ok(links) =
            HeaderValue::from_str(&links(&instance.base, &uri, offset, limit, found.len()))
    {
        headers.insert(header::LINK, links);
    }
    Ok(response)
}

/// Whether access rules let us see a row. Only entries of journals have an `element` of `work_notes`.
fn readable(instance: &Instance, hidden: &[String], row: &Row) -> bool {
    let concealed = !instance.options.work_notes_readable
        && row.get("element").is_some_and(|e| e == "work_notes");
    !concealed && row.get("sys_id").is_none_or(|id| !hidden.contains(id))
}

fn links(base: &str, uri: &Uri, offset: usize, limit: usize, total: usize) -> String {
    let at = |offset: usize, rel: &str| {
        let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let others = pairs.filter(|(k, _)| k != "sysparm_offset");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("sysparm_offset", &offset.to_string())
            .finish();
        format!("<{base}{}?{query}>;rel=\"{rel}\"", uri.path())
    };
    let mut links = vec![at(0, "first")];
    if offset > 0 {
        links.push(at(offset.saturating_sub(limit), "prev"));
    }
    if limit > 0 && offset + limit < total {
        links.push(at(offset + limit, "next"));
    }
    let pages = total.saturating_sub(1).checked_div(limit).unwrap_or(0);
    links.push(at(pages * limit, "last"));
    links.join(",")
}

async fn read(
    State(desk): State<ServiceNow>,
    Path(path): Path<BTreeMap<String, String>>,
    uri: Uri,
    Extension(by): Extension<By>,
) -> Answer {
    let instance = desk.instance();
    let (table, sys_id) = (&path["table"], &path["sys_id"]);
    instance
        .rows(table)
        .ok_or_else(|| Refusal::no_table(table))?;
    let hidden = instance.faults.standing().hidden_after_paging;
    let row = instance
        .row(table, sys_id)
        .filter(|row| readable(&instance, &hidden, row))
        .ok_or_else(Refusal::no_record)?;
    let view = Asked::of(&uri).view(&instance, &by);
    Ok(Json(json!({ "result": instance.shown(table, row, &view) })).into_response())
}

async fn create(
    State(desk): State<ServiceNow>,
    Path(path): Path<BTreeMap<String, String>>,
    uri: Uri,
    Extension(by): Extension<By>,
    Json(body): Json<Value>,
) -> Answer {
    let mut instance = desk.instance();
    let table = &path["table"];
    instance
        .rows(table)
        .ok_or_else(|| Refusal::no_table(table))?;
    if table != "incident" {
        return Err(Refusal::forbidden(
            "ACL Exception Insert Failed due to security constraints",
        ));
    }
    let id = instance.insert(&body, &by)?;
    let view = Asked::of(&uri).view(&instance, &by);
    let row = instance.row(table, &id).ok_or_else(Refusal::no_record)?;
    let location = format!("{}/api/now/table/{table}/{id}", instance.base);
    let shown = json!({ "result": instance.shown(table, row, &view) });
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(shown),
    )
        .into_response())
}

/// PATCH and PUT alike change just the named fields.
async fn change(
    State(desk): State<ServiceNow>,
    Path(path): Path<BTreeMap<String, String>>,
    uri: Uri,
    Extension(by): Extension<By>,
    Json(body): Json<Value>,
) -> Answer {
    let mut instance = desk.instance();
    let (table, sys_id) = (&path["table"], &path["sys_id"]);
    instance
        .rows(table)
        .ok_or_else(|| Refusal::no_table(table))?;
    if !TASKS.contains(&table.as_str()) && table != "task" {
        return Err(Refusal::forbidden(
            "ACL Exception Update Failed due to security constraints",
        ));
    }
    instance.change(table, sys_id, &body, &by)?;
    let view = Asked::of(&uri).view(&instance, &by);
    let row = instance.row(table, sys_id).ok_or_else(Refusal::no_record)?;
    Ok(Json(json!({ "result": instance.shown(table, row, &view) })).into_response())
}

/// Integrations may not delete.
async fn delete(
    State(desk): State<ServiceNow>,
    Path(path): Path<BTreeMap<String, String>>,
) -> Answer {
    desk.instance()
        .row(&path["table"], &path["sys_id"])
        .ok_or_else(Refusal::no_record)?;
    Err(Refusal::forbidden(
        "ACL Exception Delete Failed due to security constraints",
    ))
}

async fn count(State(desk): State<ServiceNow>, Path(table): Path<String>, uri: Uri) -> Answer {
    let instance = desk.instance();
    let found = find(&instance, &table, &Asked::of(&uri))?.len();
    Ok(Json(json!({ "result": { "stats": { "count": found.to_string() } } })).into_response())
}
