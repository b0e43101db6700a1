//! Accounts, groups and who may do what; and the calls that tell.

use std::collections::BTreeMap;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodFilter;
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::call::{Answer, Call, Done, Refusal};
use super::site::Site;
use super::{Jira, op};

/// An account of the site.
#[derive(Debug, Clone)]
pub struct User {
    pub account_id: String,
    pub display: String,
    pub email: String,
    /// `atlassian`, `app` or `customer`.
    pub account_type: String,
    pub active: bool,
    pub zone: Tz,
    pub groups: Vec<String>,
}

impl User {
    pub fn new(account_id: &str, display: &str) -> Self {
        Self {
            account_id: account_id.to_owned(),
            display: display.to_owned(),
            email: format!("{}@example.com", display.to_lowercase().replace(' ', ".")),
            account_type: "atlassian".to_owned(),
            active: true,
            zone: Tz::UTC,
            groups: vec!["jira-users".to_owned()],
        }
    }

    pub fn kind(mut self, account_type: &str) -> Self {
        account_type.clone_into(&mut self.account_type);
        self
    }

    pub fn group(mut self, group: &str) -> Self {
        self.groups.push(group.to_owned());
        self
    }

    /// As it stands in issues and comments. Addresses are hidden, as most people choose.
    pub fn shown(&self, base: &str) -> Value {
        json!({
            "self": format!("{base}/rest/api/3/user?accountId={}", self.account_id),
            "accountId": self.account_id, "accountType": self.account_type, "active": self.active,
            "displayName": self.display, "timeZone": self.zone.name(),
        })
    }
}

/// The account poamd signs in with.
pub const OWN: &str = "712020:0d9e0000-0000-4000-8000-000000000001";
/// A person whose word counts.
pub const ALLOWED: &str = "712020:0d9e0000-0000-4000-8000-000000000002";
/// A second person whose word counts.
pub const SECOND: &str = "712020:0d9e0000-0000-4000-8000-000000000003";
/// A person nobody gave leave to decide.
pub const STRANGER: &str = "712020:0d9e0000-0000-4000-8000-000000000004";
/// An automation rule.
pub const APP: &str = "557058:0d9e0000-0000-4000-8000-000000000005";
/// A portal customer.
pub const CUSTOMER: &str = "qm:0d9e0000-0000-4000-8000-000000000006";
/// A person who has left.
pub const DEACTIVATED: &str = "712020:0d9e0000-0000-4000-8000-000000000007";

/// Groups of the bundled people.
pub const APPROVERS: &str = "poam-approvers";

/// The people every site starts with.
pub fn bundled() -> Vec<User> {
    let mut gone = User::new(DEACTIVATED, "Dana Gone").group(APPROVERS);
    gone.active = false;
    vec![
        User::new(OWN, "POAM Daemon"),
        User::new(ALLOWED, "Ada Allowed").group(APPROVERS),
        User::new(SECOND, "Ben Second").group(APPROVERS),
        User::new(STRANGER, "Sam Stranger"),
        User::new(APP, "Automation for Jira").kind("app"),
        User::new(CUSTOMER, "Cleo Customer").kind("customer"),
        gone,
    ]
}

pub fn routes() -> Router<Jira> {
    Router::new()
        .route("/rest/api/3/myself", op(MethodFilter::GET, myself))
        .route(
            "/rest/api/3/mypermissions",
            op(MethodFilter::GET, mypermissions),
        )
        .route("/rest/api/3/user", op(MethodFilter::GET, user))
        .route(
            "/rest/api/3/user/groups",
            op(MethodFilter::GET, user_groups),
        )
        .route("/rest/api/3/user/bulk", op(MethodFilter::GET, user_bulk))
        .route(
            "/rest/api/3/user/search",
            op(MethodFilter::GET, user_search),
        )
        .route(
            "/rest/api/3/user/assignable/search",
            op(MethodFilter::GET, user_search),
        )
        .route(
            "/rest/api/3/group/member",
            op(MethodFilter::GET, group_member),
        )
        .route("/rest/api/3/group/bulk", op(MethodFilter::GET, group_bulk))
}

fn myself(site: &mut Site, call: &Call) -> Answer {
    let by = call.signed_in()?;
    let user = site
        .user(&by.account)
        .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED))?;
    let mut shown = user.shown(&site.base);
    shown["emailAddress"] = json!(user.email);
    shown["locale"] = json!("en_US");
    Ok(Done::ok(shown))
}

fn mypermissions(site: &mut Site, call: &Call) -> Answer {
    let asked = call.list("permissions");
    if asked.is_empty() {
        return Err(Refusal::bad(
            "The 'permissions' query parameter is required.",
        ));
    }
    if let Some(unknown) = asked.iter().find(|p| !PERMISSIONS.contains(&p.as_str())) {
        return Err(Refusal::bad(&format!("Unrecognized permission: {unknown}")));
    }
    if let Some(key) = call.query("projectKey")
        && (call.caller.is_none() || site.project(key).is_none())
    {
        return Err(Refusal::not_found(&format!(
            "No project could be found with key '{key}'."
        )));
    }
    let permissions: BTreeMap<String, Value> = asked
        .into_iter()
        .map(|name| {
            let have = call.caller.is_some() && site.may(&name);
            let shown =
                json!({ "key": name, "name": name, "type": "PROJECT", "havePermission": have });
            (name, shown)
        })
        .collect();
    Ok(Done::ok(json!({ "permissions": permissions })))
}

/// Permissions the site knows, by the names of the real one.
pub const PERMISSIONS: [&str; 15] = [
    "ADD_COMMENTS",
    "ADMINISTER_PROJECTS",
    "ASSIGNABLE_USER",
    "ASSIGN_ISSUES",
    "BROWSE_PROJECTS",
    "CLOSE_ISSUES",
    "CREATE_ISSUES",
    "DELETE_ISSUES",
    "DELETE_OWN_COMMENTS",
    "EDIT_ISSUES",
    "EDIT_OWN_COMMENTS",
    "LINK_ISSUES",
    "RESOLVE_ISSUES",
    "TRANSITION_ISSUES",
    "SCHEDULE_ISSUES",
];

fn user(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    let user = call.query("accountId").and_then(|id| site.user(id));
    let user = user.ok_or_else(|| {
        Refusal::not_found("Specified user does not exist or you do not have required permissions")
    })?;
    Ok(Done::ok(user.shown(&site.base)))
}

fn user_groups(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    if site.groups_hidden {
        return Err(Refusal::new(StatusCode::FORBIDDEN)
            .message("You do not have the permission to see the groups."));
    }
    let user = call.query("accountId").and_then(|id| site.user(id));
    let user = user.ok_or_else(|| Refusal::not_found("The user does not exist."))?;
    Ok(Done::ok(user.groups.iter().map(|g| group(g)).collect()))
}

fn user_bulk(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    let users: Vec<Value> = call
        .list("accountId")
        .iter()
        .filter_map(|id| site.user(id))
        .map(|u| u.shown(&site.base))
        .collect();
    Ok(Done::ok(page("values", users, call, 10)))
}

fn user_search(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    let text = call.query("query").unwrap_or_default().to_lowercase();
    let id = call.query("accountId");
    let found = site
        .users
        .values()
        .filter(|u| u.active && u.account_type == "atlassian");
    let found = found.filter(|u| {
        id.is_none_or(|i| i == u.account_id) && u.display.to_lowercase().contains(&text)
    });
    Ok(Done::ok(found.map(|u| u.shown(&site.base)).collect()))
}

fn group_member(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    if site.groups_hidden {
        return Err(Refusal::new(StatusCode::FORBIDDEN)
            .message("You do not have the permission to see the group."));
    }
    let wanted = call
        .query("groupId")
        .and_then(|id| id.strip_prefix("id-"))
        .or(call.query("groupname"));
    let wanted = wanted.unwrap_or_default().to_owned();
    let inactive = call.flag("includeInactiveUsers");
    let members: Vec<Value> = site
        .users
        .values()
        .filter(|u| u.groups.contains(&wanted) && (u.active || inactive))
        .map(|u| u.shown(&site.base))
        .collect();
    let known = site.users.values().any(|u| u.groups.contains(&wanted));
    if !known {
        return Err(Refusal::not_found("The specified group cannot be found."));
    }
    Ok(Done::ok(page("values", members, call, 50)))
}

fn group_bulk(site: &mut Site, call: &Call) -> Answer {
    call.signed_in()?;
    let names = call.list("groupName");
    let mut all: Vec<&String> = site.users.values().flat_map(|u| &u.groups).collect();
    all.sort();
    all.dedup();
    let found = all
        .into_iter()
        .filter(|g| names.is_empty() || names.contains(g))
        .map(|g| group(g))
        .collect();
    Ok(Done::ok(page("values", found, call, 50)))
}

fn group(name: &str) -> Value {
    json!({ "name": name, "groupId": format!("id-{name}") })
}

/// A page in the form with `startAt`, `maxResults`, `total`.
pub fn page(name: &str, all: Vec<Value>, call: &Call, default: usize) -> Value {
    let (start, most) = (
        call.number("startAt", 0),
        call.number("maxResults", default),
    );
    let total = all.len();
    let values: Vec<Value> = all.into_iter().skip(start).take(most).collect();
    json!({
        "startAt": start, "maxResults": most, "total": total,
        "isLast": start + values.len() >= total, name: values,
    })
}
