//! A stateful stand-in of Jira Cloud (REST v3): every request is checked against Atlassian's own contract,
//! issues have workflows, comments, properties and a search index that lags.
//!
//! Not in it: webhooks, attachments, issue links, Data Center.

pub mod adf;
pub mod call;
mod comments;
pub mod fields;
pub mod hands;
mod issues;
mod jql;
mod links;
mod matching;
mod meta;
pub mod options;
mod properties;
mod screens;
mod search;
pub mod site;
pub mod users;
mod view;
pub mod workflow;

use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use data_encoding::BASE64;
use serde_json::json;

use self::call::{Answer, Call, Caller, Refusal, pairs};
use self::site::Site;
use crate::faults::{Class, FaultBook};
use crate::gate::{self, BODY_LIMIT, Gate};
use crate::history::{History, Record};
use crate::openapi::{Asked, Contract};
use crate::server::Server;

pub use self::options::JiraOptions;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    Contract::parse(include_str!(
        "../../contracts/jira/jira-cloud-v3.trimmed.openapi.json"
    ))
    .expect("the embedded contract is one, which a test holds")
});

/// What handlers share.
#[derive(Clone)]
pub struct Jira(Arc<Mutex<Site>>);

impl Jira {
    fn site(&self) -> MutexGuard<'_, Site> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running stand-in; dropping it stops it.
pub struct JiraStandIn {
    /// `http://127.0.0.1:<port>`
    pub url: String,
    pub email: String,
    pub token: String,
    /// Key of the project poamd files its tickets in.
    pub project: String,
    /// Account id behind `email` and `token`.
    pub own_account: String,
    pub faults: FaultBook,
    pub history: History,
    jira: Jira,
    server: Server,
}

impl JiraStandIn {
    /// # Errors
    /// If the port cannot be bound.
    pub async fn start(options: JiraOptions, history: History) -> io::Result<Self> {
        let faults = FaultBook::new(options.faults.clone());
        let port = options.port;
        let (email, token, project) = (
            options.email.clone(),
            options.token.clone(),
            options.project.clone(),
        );
        let own_account = options
            .people
            .first()
            .map(|u| u.account_id.clone())
            .unwrap_or_default();
        let jira = Jira(Arc::new(Mutex::new(Site::new(
            options,
            history.clone(),
            faults.clone(),
        ))));
        let gate = Gate {
            stand_in: "jira",
            faults: faults.clone(),
            history: history.clone(),
            classify,
        };
        let server = Server::start(gate::guard(router(&jira), gate), port).await?;
        let url = server.url();
        jira.site().base.clone_from(&url);
        Ok(Self {
            url,
            email,
            token,
            project,
            own_account,
            faults,
            history,
            jira,
            server,
        })
    }

    /// Stops and waits until it is done.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn router(jira: &Jira) -> Router {
    Router::new()
        .merge(comments::routes())
        .merge(issues::routes())
        .merge(links::routes())
        .merge(meta::routes())
        .merge(properties::routes())
        .merge(search::routes())
        .merge(users::routes())
        .merge(workflow::routes())
        .fallback(|| async {
            Refusal::new(StatusCode::NOT_IMPLEMENTED)
                .message("The stand-in does not have this resource.")
        })
        .layer(middleware::from_fn_with_state(jira.clone(), door))
        .with_state(jira.clone())
}

type Work = fn(&mut Site, &Call) -> Answer;

/// A method of a resource: its work, done with the site to itself.
fn op(method: MethodFilter, work: Work) -> MethodRouter<Jira> {
    on(
        method,
        move |State(jira): State<Jira>, call: Call| async move { work(&mut jira.site(), &call) },
    )
}

/// Finds out who calls and holds the request against the contract.
async fn door(State(jira): State<Jira>, request: Request, next: Next) -> Response<Body> {
    let caller = signed_in(&jira.site(), request.headers());
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let query = pairs(parts.uri.query());
    let path = parts.uri.path();
    let broken = CONTRACT.check(Asked {
        method: parts.method.as_str(),
        path,
        query: &query,
        content_type: parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok()),
        body: &bytes,
    });
    let mut response = if broken.is_empty() {
        let mut request = Request::from_parts(parts, Body::from(bytes));
        request.extensions_mut().insert(Caller(caller.clone()));
        next.run(request).await
    } else {
        let detail = json!({ "method": parts.method.as_str(), "path": path, "broken": broken });
        jira.site().history.record(
            Record::new("jira", "contract.violation")
                .outcome("400")
                .detail(detail),
        );
        broken
            .iter()
            .fold(Refusal::new(StatusCode::BAD_REQUEST), |r, why| {
                r.message(why)
            })
            .into_response()
    };
    // A dead credential is told by this header's absence, not by a status.
    if let Some(account) = caller.and_then(|a| HeaderValue::from_str(&a).ok()) {
        response.headers_mut().insert("X-AAccountId", account);
    }
    response
}

/// The account of a Basic header with a valid pair; anything else is anonymous.
fn signed_in(site: &Site, headers: &HeaderMap) -> Option<String> {
    let given = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64.decode(given.as_bytes()).ok()?).ok()?;
    let (email, token) = pair.split_once(':')?;
    site.credentials
        .iter()
        .find(|(e, t, _)| e == email && t == token)
        .map(|(.., account)| account.clone())
}

fn classify(method: &Method, path: &str, _: &HeaderMap, _: &[u8]) -> (String, Class) {
    let path = path.strip_prefix("/rest/api/3/").unwrap_or(path);
    let reads = [
        "search",
        "bulkfetch",
        "comment/list",
        "jql/",
        "permissions/check",
        "changelog/",
    ];
    let class = match *method {
        Method::GET => Class::Read,
        Method::POST if path == "issue" || path == "issue/bulk" => Class::Create,
        Method::POST if reads.iter().any(|r| path.contains(r)) => Class::Read,
        _ => Class::Write,
    };
    let name = match (class, path) {
        (Class::Create, _) => "issue.create",
        (_, p) if p.ends_with("/transitions") => "issue.transitions",
        (_, p) if p.ends_with("/comment") => "issue.comment",
        (_, p) if p.starts_with("search") => "search",
        (_, "issue/bulkfetch") => "issue.bulkfetch",
        (_, p) if p.starts_with("issue/") => "issue",
        (_, p) => p,
    };
    (name.to_owned(), class)
}

#[cfg(test)]
mod tests {
    #[test]
    fn embedded_contracts_are_readable() {
        assert!(
            super::CONTRACT
                .check(super::Asked {
                    method: "GET",
                    path: "/rest/api/3/myself",
                    query: &[],
                    content_type: None,
                    body: b""
                })
                .is_empty()
        );
        assert_eq!(super::adf::refusal(&super::adf::document("a\n\nb")), None);
    }
}
