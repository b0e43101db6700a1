//! Properties of issues and of comments. Writing one does not move `updated`.

use std::collections::BTreeMap;

use axum::Router;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::call::{Answer, Call, Done, Refusal};
use super::site::Site;
use super::{Jira, fields, op};

pub fn routes() -> Router<Jira> {
    let of_issue = op(MethodFilter::GET, get_issue)
        .merge(op(MethodFilter::PUT, put_issue))
        .merge(op(MethodFilter::DELETE, drop_issue));
    let of_comment = op(MethodFilter::GET, get_comment)
        .merge(op(MethodFilter::PUT, put_comment))
        .merge(op(MethodFilter::DELETE, drop_comment));
    Router::new()
        .route(
            "/rest/api/3/issue/{issueIdOrKey}/properties",
            op(MethodFilter::GET, list_issue),
        )
        .route(
            "/rest/api/3/issue/{issueIdOrKey}/properties/{propertyKey}",
            of_issue,
        )
        .route(
            "/rest/api/3/comment/{commentId}/properties",
            op(MethodFilter::GET, list_comment),
        )
        .route(
            "/rest/api/3/comment/{commentId}/properties/{propertyKey}",
            of_comment,
        )
}

type Properties = BTreeMap<String, Value>;

fn issue<'a>(site: &'a mut Site, call: &Call, write: bool) -> Result<&'a mut Properties, Refusal> {
    let name = call.param("issueIdOrKey");
    let id = if write {
        site.writable(call, name, "EDIT_ISSUES")?
    } else {
        site.browse(call, name)?
    };
    Ok(&mut site.issue_mut(id)?.properties)
}

fn comment<'a>(
    site: &'a mut Site,
    call: &Call,
    write: bool,
) -> Result<&'a mut Properties, Refusal> {
    let id = call
        .param("commentId")
        .parse()
        .map_err(|_| Refusal::bad("The comment id is not a number."))?;
    let issue = site.comment(id)?.0.to_string();
    if write {
        site.writable(call, &issue, "EDIT_OWN_COMMENTS")?
    } else {
        site.browse(call, &issue)?
    };
    Ok(&mut site.comment_mut(id)?.1.properties)
}

fn keys(properties: &Properties) -> Done {
    Done::ok(json!({ "keys": properties.keys().map(|k| json!({ "key": k })).collect::<Vec<_>>() }))
}

fn one(properties: &Properties, call: &Call) -> Answer {
    let key = call.param("propertyKey");
    let value = properties.get(key).ok_or_else(|| missing(key))?;
    Ok(Done::ok(json!({ "key": key, "value": value })))
}

/// 201 if it is new, 200 if it replaces one.
fn put(properties: &mut Properties, call: &Call) -> Answer {
    let (key, value) = fields::property(Some(call.param("propertyKey")), &call.body)?;
    Ok(match properties.insert(key, value) {
        None => Done::created(Value::Null),
        Some(_) => Done::ok(Value::Null),
    })
}

fn remove(properties: &mut Properties, call: &Call) -> Answer {
    let key = call.param("propertyKey");
    properties
        .remove(key)
        .map(|_| Done::empty())
        .ok_or_else(|| missing(key))
}

fn missing(key: &str) -> Refusal {
    Refusal::not_found(&format!("The property {key} does not exist."))
}

fn list_issue(site: &mut Site, call: &Call) -> Answer {
    issue(site, call, false).map(|p| keys(p))
}

fn get_issue(site: &mut Site, call: &Call) -> Answer {
    one(issue(site, call, false)?, call)
}

fn put_issue(site: &mut Site, call: &Call) -> Answer {
    put(issue(site, call, true)?, call)
}

fn drop_issue(site: &mut Site, call: &Call) -> Answer {
    remove(issue(site, call, true)?, call)
}

fn list_comment(site: &mut Site, call: &Call) -> Answer {
    comment(site, call, false).map(|p| keys(p))
}

fn get_comment(site: &mut Site, call: &Call) -> Answer {
    one(comment(site, call, false)?, call)
}

fn put_comment(site: &mut Site, call: &Call) -> Answer {
    put(comment(site, call, true)?, call)
}

fn drop_comment(site: &mut Site, call: &Call) -> Answer {
    remove(comment(site, call, true)?, call)
}
