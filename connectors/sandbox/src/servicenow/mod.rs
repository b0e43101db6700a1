//! A stateful stand-in of a ServiceNow instance: the Table API of incidents, users, choices and journals,
//! with the traps of the real one.
//!
//! Not in it: import sets, batches, attachments, OAuth.

pub mod hands;
mod incident;
pub mod instance;
pub mod options;
mod query;
mod refusal;
mod show;
mod table;

use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use data_encoding::BASE64;
use serde_json::json;

use self::instance::{By, Instance};
use crate::faults::{Class, FaultBook};
use crate::gate::{self, BODY_LIMIT, Fate, Gate};
use crate::history::{History, Record, Reply};
use crate::openapi::{Asked, Contract};
use crate::server::Server;

pub use self::options::ServiceNowOptions;
pub use self::refusal::Refusal;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    Contract::parse(include_str!(
        "../../contracts/servicenow/servicenow-min.openapi.json"
    ))
    .expect("the embedded contract is one, which a test holds")
});

/// What handlers share.
#[derive(Clone)]
pub struct ServiceNow(Arc<Mutex<Instance>>);

impl ServiceNow {
    fn instance(&self) -> MutexGuard<'_, Instance> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running stand-in; dropping it stops it.
pub struct ServiceNowStandIn {
    /// `http://127.0.0.1:<port>`
    pub url: String,
    pub user_name: String,
    pub password: String,
    /// `sys_id` of the user behind them.
    pub own_sys_id: String,
    pub faults: FaultBook,
    pub history: History,
    desk: ServiceNow,
    server: Server,
}

impl ServiceNowStandIn {
    /// # Errors
    /// If the port cannot be bound.
    pub async fn start(options: ServiceNowOptions, history: History) -> io::Result<Self> {
        let faults = FaultBook::new(options.faults.clone());
        let (port, password) = (options.port, options.password.clone());
        let user_name = options
            .people
            .first()
            .map(|p| p.user_name.clone())
            .unwrap_or_default();
        let desk = ServiceNow(Arc::new(Mutex::new(Instance::new(
            options,
            history.clone(),
            faults.clone(),
        ))));
        let gate = Gate {
            stand_in: "servicenow",
            faults: faults.clone(),
            history: history.clone(),
            classify,
        };
        let server = Server::start(gate::guard(router(&desk), gate), port).await?;
        let url = server.url();
        desk.instance().base.clone_from(&url);
        let own_sys_id = desk
            .instance()
            .user(&user_name)
            .map(|u| u["sys_id"].clone())
            .unwrap_or_default();
        Ok(Self {
            url,
            user_name,
            password,
            own_sys_id,
            faults,
            history,
            desk,
            server,
        })
    }

    /// Stops and waits until it is done.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn router(desk: &ServiceNow) -> Router {
    table::routes()
        .fallback(|| async {
            Refusal::new(
                StatusCode::BAD_REQUEST,
                "Requested URI does not represent any resource",
                "",
            )
        })
        .layer(middleware::from_fn_with_state(desk.clone(), door))
        .with_state(desk.clone())
}

/// Holds the request against the contract and finds out who calls.
async fn door(State(desk): State<ServiceNow>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let path = parts
        .uri
        .path()
        .replacen("/api/now/v1/", "/api/now/", 1)
        .replacen("/api/now/v2/", "/api/now/", 1);
    let text = |name: header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    let broken = CONTRACT.check(Asked {
        method: parts.method.as_str(),
        path: &path,
        query: &query,
        content_type: text(header::CONTENT_TYPE),
        body: &bytes,
    });
    if !broken.is_empty() {
        let detail = json!({ "method": parts.method.as_str(), "path": path, "broken": broken });
        let instance = desk.instance();
        instance.history.record(
            Record::new("servicenow", "contract.violation")
                .outcome("400")
                .detail(detail),
        );
        return Refusal::new(
            StatusCode::BAD_REQUEST,
            "Invalid request",
            &broken.join("; "),
        )
        .into_response();
    }
    if !text(header::ACCEPT).is_some_and(|a| a.contains("application/json") || a.contains("*/*")) {
        return Refusal::new(
            StatusCode::NOT_ACCEPTABLE,
            "Not acceptable",
            "Accept must be application/json",
        )
        .into_response();
    }
    let Some(user) = signed_in(&desk.instance(), &parts.headers) else {
        return Refusal::unauthenticated().into_response();
    };
    let reply = parts
        .extensions
        .get::<Fate>()
        .map_or(Reply::Delivered, |f| f.0);
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(By { user, reply });
    next.run(request).await
}

/// The user of a Basic header with the right password.
fn signed_in(instance: &Instance, headers: &HeaderMap) -> Option<String> {
    let given = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64.decode(given.as_bytes()).ok()?).ok()?;
    let (user, password) = pair.split_once(':')?;
    let own = instance
        .options
        .people
        .first()
        .is_some_and(|p| p.user_name == user);
    (own && password == instance.options.password && !instance.signed_off).then(|| user.to_owned())
}

fn classify(method: &Method, path: &str, _: &HeaderMap, _: &[u8]) -> (String, Class) {
    let table = path
        .rsplit_once("/table/")
        .map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    let (verb, class) = match *method {
        Method::POST => ("create", Class::Create),
        Method::GET => ("read", Class::Read),
        _ => ("write", Class::Write),
    };
    (format!("{table}.{verb}"), class)
}

#[cfg(test)]
mod tests {
    #[test]
    fn embedded_contract_is_readable() {
        let asked = super::Asked {
            method: "GET",
            path: "/api/now/table/incident",
            query: &[],
            content_type: None,
            body: b"",
        };
        assert!(super::CONTRACT.check(asked).is_empty());
    }
}
