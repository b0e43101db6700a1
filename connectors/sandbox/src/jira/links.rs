//! Remote links of issues: posting one with a `globalId` that is there already replaces it.

use axum::Router;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::call::{Answer, Call, Done, Refusal};
use super::site::Site;
use super::{Jira, op};

pub fn routes() -> Router<Jira> {
    let all = op(MethodFilter::GET, list)
        .merge(op(MethodFilter::POST, post))
        .merge(op(MethodFilter::DELETE, delete));
    Router::new()
        .route("/rest/api/3/issue/{issueIdOrKey}/remotelink", all)
        .route(
            "/rest/api/3/issue/{issueIdOrKey}/remotelink/{linkId}",
            op(MethodFilter::GET, get).merge(op(MethodFilter::DELETE, delete_one)),
        )
}

fn list(site: &mut Site, call: &Call) -> Answer {
    let id = site.browse(call, call.param("issueIdOrKey"))?;
    let links = &site.issue(id)?.remote_links;
    match call.query("globalId") {
        None => Ok(Done::ok(
            links.iter().map(|(_, link)| link.clone()).collect(),
        )),
        Some(global) => links
            .iter()
            .find(|(_, l)| l["globalId"] == global)
            .map(|(_, l)| Done::ok(l.clone()))
            .ok_or_else(|| Refusal::not_found("The remote link does not exist.")),
    }
}

fn post(site: &mut Site, call: &Call) -> Answer {
    let issue = site.writable(call, call.param("issueIdOrKey"), "LINK_ISSUES")?;
    let global = call.body["globalId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if global.chars().count() > 255 {
        return Err(Refusal::bad("The globalId is longer than 255 characters."));
    }
    if !call.body["object"]["url"].is_string() || !call.body["object"]["title"].is_string() {
        return Err(Refusal::bad("The remote link needs a url and a title."));
    }
    let there = site
        .issue(issue)?
        .remote_links
        .iter()
        .find(|(_, l)| !global.is_empty() && l["globalId"] == global);
    let (id, new) = match there.map(|(id, _)| *id) {
        Some(id) => (id, false),
        None => (site.next_id(), true),
    };
    let own = format!("{}/rest/api/3/issue/{issue}/remotelink/{id}", site.base);
    let mut link = call.body.clone();
    link["id"] = json!(id);
    link["self"] = json!(own);
    let links = &mut site.issue_mut(issue)?.remote_links;
    links.retain(|(i, _)| *i != id);
    links.push((id, link));
    site.note(
        "link.written",
        issue,
        &call.signed_in()?,
        json!({ "globalId": global, "new": new }),
    );
    let answer = json!({ "id": id, "self": own });
    Ok(if new {
        Done::created(answer)
    } else {
        Done::ok(answer)
    })
}

fn get(site: &mut Site, call: &Call) -> Answer {
    let issue = site.browse(call, call.param("issueIdOrKey"))?;
    let found = site
        .issue(issue)?
        .remote_links
        .iter()
        .find(|(id, _)| id.to_string() == call.param("linkId"));
    found
        .map(|(_, l)| Done::ok(l.clone()))
        .ok_or_else(|| Refusal::not_found("The remote link does not exist."))
}

fn delete(site: &mut Site, call: &Call) -> Answer {
    let global = call.query("globalId").unwrap_or_default().to_owned();
    drop_where(site, call, |_, link| link["globalId"] == global)
}

fn delete_one(site: &mut Site, call: &Call) -> Answer {
    let id = call.param("linkId").to_owned();
    drop_where(site, call, |link, _| link.to_string() == id)
}

fn drop_where(site: &mut Site, call: &Call, gone: impl Fn(u64, &Value) -> bool) -> Answer {
    let issue = site.writable(call, call.param("issueIdOrKey"), "LINK_ISSUES")?;
    let links = &mut site.issue_mut(issue)?.remote_links;
    let before = links.len();
    links.retain(|(id, link)| !gone(*id, link));
    if links.len() == before {
        Err(Refusal::not_found("The remote link does not exist."))
    } else {
        Ok(Done::empty())
    }
}
