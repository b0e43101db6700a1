//! The AWS calls that poamd makes, on one loopback address, over the services' own wire protocols, so
//! that the official SDK works against it with `endpoint_url`. Service and region are told from the
//! signature's scope, the account from the access key; signatures themselves are not checked.
//!
//! Not in it: the estate that it hands out (`crate::estate`).

mod batch_update;
mod call;
mod faults;
mod filters;
mod guardduty;
mod inspector;
mod keys;
mod listings;
mod organizations;
mod pages;
mod rate;
mod recorded;
mod reply;
mod security_hub;
mod security_hub_v2;
mod sts;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use chrono::TimeDelta;
use serde_json::json;

pub use faults::{AwsFault, Kind};

use crate::estate::{Estate, RecordedReply};
use crate::gate::{BODY_LIMIT, truncate};
use crate::history::{History, Record, Reply};
use crate::server::{Server, no_answer};
use call::{Call, Parts};
use reply::{Answer, Refusal};

/// How the stand-in is to be.
pub struct Options {
    /// 0 takes a free one.
    pub port: u16,
    pub history: History,
    /// Enforce rates: Security Hub `GetFindings` 3 a second, burst 6, and so on (`rate.rs`), per account and region.
    pub enforce_rates: bool,
    /// Take as long to answer as the services do (Security Hub 0.6 s).
    pub latency: bool,
    /// How many times faster the clock of rates and latency runs: 331 s of AWS pass in 17 s at 20.
    pub clock_factor: f64,
    /// How long assumed-role credentials are good for when the call does not say.
    pub credential_life: TimeDelta,
}

impl Options {
    /// A free port, no rates, an hour for credentials.
    pub fn new(history: History) -> Self {
        Self {
            port: 0,
            history,
            enforce_rates: false,
            latency: false,
            clock_factor: 1.0,
            credential_life: TimeDelta::hours(1),
        }
    }
}

/// The running stand-in; dropping it stops it.
pub struct AwsStandIn {
    /// `http://127.0.0.1:<port>`: what `endpoint_url` is set to.
    pub url: String,
    /// The base credentials: they are in the estate's home account and may assume its roles.
    pub access_key_id: String,
    pub secret_access_key: String,
    inner: Arc<Inner>,
    server: Server,
}

struct Inner {
    estate: Mutex<Estate>,
    faults: Mutex<Vec<AwsFault>>,
    keys: keys::Keys,
    rate: Option<rate::Rates>,
    /// The clock's factor, where answers take their time.
    latency: Option<f64>,
    listings: listings::Listings,
    history: History,
    credential_life: TimeDelta,
    requests: AtomicU64,
}

impl AwsStandIn {
    /// Starts it on 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn start(estate: Estate, options: Options) -> io::Result<Self> {
        let inner = Arc::new(Inner {
            keys: keys::Keys::new(&estate.home_account, &estate.home_partition),
            estate: Mutex::new(estate),
            faults: Mutex::default(),
            rate: options
                .enforce_rates
                .then(|| rate::Rates::new(options.clock_factor)),
            latency: options.latency.then_some(options.clock_factor),
            listings: listings::Listings::default(),
            history: options.history,
            credential_life: options.credential_life,
            requests: AtomicU64::default(),
        });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&inner));
        let server = Server::start(router, options.port).await?;
        Ok(Self {
            url: server.url(),
            access_key_id: keys::BASE_KEY.to_owned(),
            secret_access_key: keys::BASE_SECRET.to_owned(),
            inner,
            server,
        })
    }

    /// Adds a fault; faults are asked in the order they were added.
    pub fn add_fault(&self, fault: AwsFault) {
        self.inner.faults().push(fault);
    }

    pub fn clear_faults(&self) {
        self.inner.faults().clear();
    }

    /// How often the faults added so far have struck, in the order they were added.
    pub fn strikes(&self) -> Vec<u32> {
        self.inner.faults().iter().map(AwsFault::strikes).collect()
    }

    /// Changes the estate: what the next calls see.
    pub fn change<T>(&self, change: impl FnOnce(&mut Estate) -> T) -> T {
        let mut estate = self.inner.estate();
        self.inner.listings.forget();
        change(&mut estate)
    }

    /// Rewrites the recorded replies of one operation in one account whose body contains `containing`;
    /// gives how many there were.
    pub fn rewrite(
        &self,
        account: &str,
        operation: &str,
        containing: &str,
        rewrite: impl Fn(&mut RecordedReply),
    ) -> usize {
        let mut estate = self.inner.estate();
        let replies = estate
            .account_mut(account)
            .map(|account| account.replies.as_mut_slice())
            .unwrap_or_default();
        let wanted = replies
            .iter_mut()
            .filter(|r| r.operation == operation && r.body.contains(containing));
        wanted.map(rewrite).count()
    }

    pub fn history(&self) -> &History {
        &self.inner.history
    }

    /// Closes the listener and every connection.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl Inner {
    fn estate(&self) -> MutexGuard<'_, Estate> {
        self.estate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Vec<AwsFault>> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first fault that is for this call and not used up.
    fn fault(&self, call: &Call) -> Option<Kind> {
        self.faults()
            .iter_mut()
            .find_map(|fault| fault.strike(call))
    }

    fn note(&self, call: &Call, outcome: &str, reply: Reply, fault: Option<&Kind>) {
        let mut record = Record::new("aws", "request")
            .key(call.place())
            .outcome(outcome)
            .reply(reply);
        record = record.actor(call.principal.as_str()).detail(json!({
            "account": call.account, "region": call.region, "service": call.service,
            "operation": call.operation, "subject": call.subject, "fault": fault.map(Kind::name),
            "request": call.request,
        }));
        self.history.record(record);
    }
}

async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    answer(&inner, &parts.method, &parts.uri, &parts.headers, &body).await
}

async fn answer(
    inner: &Inner,
    method: &Method,
    uri: &axum::http::Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Response<Body> {
    let parts = Parts {
        method: method.as_str(),
        uri,
        headers,
        body,
    };
    let mut call = match parts.call(&inner.keys, inner.history.clock().now()) {
        Ok(call) => call,
        Err((service, refusal)) => {
            let place =
                json!({ "path": uri.path(), "service": service, "message": refusal.message });
            inner.history.record(
                Record::new("aws", "request")
                    .key(uri.path())
                    .outcome(refusal.status.to_string())
                    .detail(place),
            );
            return refusal.answer(&service).into_response();
        }
    };
    let number = inner.requests.fetch_add(1, Ordering::Relaxed);
    call.request = format!("7a62c49f-347e-4fc4-9331-{number:012x}");
    let fault = inner.fault(&call);
    if matches!(fault, Some(Kind::NoAnswer)) {
        inner.note(&call, "dropped", Reply::Dropped, fault.as_ref());
        return no_answer();
    }
    if let Some(Kind::Slow(by)) = fault {
        tokio::time::sleep(by).await;
    }
    let outcome = match fault.as_ref().and_then(|kind| kind.refusal(&call)) {
        Some(refusal) => Err(refusal),
        None => inner.route(&call, fault.as_ref()),
    };
    if let (Some(factor), Ok(_)) = (inner.latency, &outcome) {
        tokio::time::sleep(rate::latency(&call, factor)).await;
    }
    let answer = outcome.unwrap_or_else(|refusal| refusal.answer(&call.service));
    if matches!(fault, Some(Kind::AnswerLost)) {
        inner.note(&call, "lost", Reply::Dropped, fault.as_ref());
        return no_answer();
    }
    inner.note(
        &call,
        &answer.status.to_string(),
        Reply::Delivered,
        fault.as_ref(),
    );
    let mut response = damage(answer, fault.as_ref()).await;
    if let Ok(id) = HeaderValue::from_str(&call.request) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// What a fault does to an answer on its way out.
async fn damage(answer: Answer, fault: Option<&Kind>) -> Response<Body> {
    match fault {
        Some(Kind::Truncated) => answer.cut_in_half().into_response(),
        Some(Kind::CutOff) => truncate(answer.into_response()).await,
        Some(Kind::Garbage) => {
            Answer::html("<html><body>One moment, please</body></html>").into_response()
        }
        _ => answer.into_response(),
    }
}

impl Inner {
    fn route(&self, call: &Call, fault: Option<&Kind>) -> Result<Answer, Refusal> {
        if let Some(rates) = &self.rate {
            rates.admit(call)?;
        }
        let pages = pages::Pages {
            repeat: matches!(fault, Some(Kind::RepeatedToken)),
            empty: matches!(fault, Some(Kind::EmptyPage)),
        };
        let mut estate = self.estate();
        match call.service.as_str() {
            "sts" => sts::answer(
                call,
                &estate,
                &self.keys,
                self.history.clock().now(),
                self.credential_life,
            ),
            "securityhub" if call.operation == "BatchUpdateFindings" => {
                let left_out = match fault {
                    Some(Kind::Unprocessed(count)) => *count,
                    _ => 0,
                };
                self.listings.forget();
                batch_update::answer(call, &mut estate, left_out)
            }
            "securityhub" if security_hub_v2::is_for(call) => {
                security_hub_v2::answer(call, &estate, &pages, &self.listings)
            }
            "securityhub" => security_hub::answer(call, &estate, &pages, &self.listings),
            "guardduty" => guardduty::answer(call, &estate, &pages),
            "inspector2" => inspector::answer(call, &estate, &pages),
            "inspector" => Err(inspector::classic()),
            "organizations" => organizations::answer(call, &estate, &pages),
            "ec2" | "iam" | "s3" => recorded::answer(call, &estate),
            other => Err(Refusal::new(
                400,
                "UnknownService",
                format!("the stand-in has no service {other}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
