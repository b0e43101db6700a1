//! What the site and its project are like: server, fields, screens, priorities, statuses.

use axum::Router;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::call::{Answer, Call, Done, Refusal};
use super::fields::{self, PRIORITIES, RESOLUTIONS};
use super::site::{Project, Site};
use super::users::page;
use super::{Jira, op, screens, workflow};

pub fn routes() -> Router<Jira> {
    let get = |work| op(MethodFilter::GET, work);
    Router::new()
        .route("/rest/api/3/serverInfo", get(server_info))
        .route("/rest/api/3/field", get(field))
        .route("/rest/api/3/priority", get(priority))
        .route("/rest/api/3/priority/search", get(priority_search))
        .route("/rest/api/3/resolution", get(resolution))
        .route("/rest/api/3/status", get(status))
        .route("/rest/api/3/statuscategory", get(status_category))
        .route("/rest/api/3/project/{projectIdOrKey}", get(project))
        .route(
            "/rest/api/3/project/{projectIdOrKey}/statuses",
            get(project_statuses),
        )
        .route(
            "/rest/api/3/issue/createmeta/{projectIdOrKey}/issuetypes",
            get(create_types),
        )
        .route(
            "/rest/api/3/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}",
            get(create_fields),
        )
        .route(
            "/rest/api/3/issue/{issueIdOrKey}/editmeta",
            get(edit_fields),
        )
}

fn server_info(site: &mut Site, call: &Call) -> Answer {
    Ok(Done::ok(json!({
        "baseUrl": site.base, "version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud",
        "buildNumber": 100_290, "serverTime": site.time(site.now(), call.caller.as_deref()), "serverTitle": "Jira",
    })))
}

fn field(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    let shown = |f: &fields::Field| {
        let custom = f.id.starts_with("customfield_");
        json!({
            "id": f.id, "key": f.id, "name": f.name, "custom": custom, "orderable": true, "navigable": true,
            "searchable": true, "clauseNames": [f.id], "schema": screens::schema(f),
        })
    };
    Ok(Done::ok(site.fields.iter().map(shown).collect()))
}

fn priorities(site: &Site) -> Vec<Value> {
    let shown = |(id, name): &(&str, &str)| json!({ "self": format!("{}/rest/api/3/priority/{id}", site.base), "id": id, "name": name });
    PRIORITIES.iter().map(shown).collect()
}

fn priority(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    Ok(Done::ok(priorities(site).into()))
}

fn priority_search(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    Ok(Done::ok(page("values", priorities(site), call, 50)))
}

fn resolution(_: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    Ok(Done::ok(
        RESOLUTIONS
            .iter()
            .map(|(id, name)| json!({ "id": id, "name": name }))
            .collect(),
    ))
}

fn status(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    Ok(Done::ok(statuses(site)))
}

fn statuses(site: &Site) -> Value {
    site.workflow()
        .statuses
        .iter()
        .map(|s| workflow::shown(s, &site.base))
        .collect()
}

fn status_category(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    let mut categories: Vec<Value> = statuses(site)
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| s["statusCategory"].clone())
        .collect();
    categories.dedup();
    Ok(Done::ok(categories.into()))
}

fn browsed<'a>(site: &'a Site, call: &Call) -> Result<&'a Project, Refusal> {
    let key = call.param("projectIdOrKey");
    let seen = call.caller.is_some() && site.may("BROWSE_PROJECTS");
    site.project(key)
        .filter(|_| seen)
        .ok_or_else(|| Refusal::not_found(&format!("No project could be found with key '{key}'.")))
}

fn project(site: &mut Site, call: &Call) -> Answer {
    let project = browsed(site, call)?;
    let kind = if site.options.service_desk {
        "service_desk"
    } else {
        "software"
    };
    Ok(Done::ok(json!({
        "self": format!("{}/rest/api/3/project/{}", site.base, project.id), "id": project.id, "key": project.key, "name": project.name,
        "projectTypeKey": kind, "simplified": false, "style": "classic", "issueTypes": issue_types(site),
    })))
}

fn issue_types(site: &Site) -> Vec<Value> {
    let shown = |(id, name): &(String, String)| json!({ "self": format!("{}/rest/api/3/issuetype/{id}", site.base), "id": id, "name": name, "subtask": false });
    site.issue_types.iter().map(shown).collect()
}

fn project_statuses(site: &mut Site, call: &Call) -> Answer {
    browsed(site, call)?;
    let with = |mut kind: Value| {
        kind["statuses"] = statuses(site);
        kind
    };
    Ok(Done::ok(issue_types(site).into_iter().map(with).collect()))
}

fn create_types(site: &mut Site, call: &Call) -> Answer {
    browsed(site, call)?;
    Ok(Done::ok(page("issueTypes", issue_types(site), call, 50)))
}

fn create_fields(site: &mut Site, call: &Call) -> Answer {
    browsed(site, call)?;
    let wanted = call.param("issueTypeId");
    if !site.issue_types.iter().any(|(id, _)| id == wanted) {
        return Err(Refusal::not_found(
            "The issue type does not exist in this project.",
        ));
    }
    let screen = site.fields.iter().filter(|f| f.on_create);
    let shown = screen
        .map(|f| screens::meta(site, &f.id, f.required))
        .collect();
    Ok(Done::ok(page("fields", shown, call, 50)))
}

fn edit_fields(site: &mut Site, call: &Call) -> Answer {
    site.browse(call, call.param("issueIdOrKey"))?;
    let screen = site
        .fields
        .iter()
        .filter(|f| f.on_edit && site.may("EDIT_ISSUES"));
    let shown: serde_json::Map<String, Value> = screen
        .map(|f| (f.id.clone(), screens::meta(site, &f.id, f.required)))
        .collect();
    Ok(Done::ok(json!({ "fields": shown })))
}
