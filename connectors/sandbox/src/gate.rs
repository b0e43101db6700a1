//! What every call to an HTTP stand-in passes through: faults before and after the work, the history,
//! and work that goes on when the caller has gone.
//!
//! Usage: `gate::guard(router, Gate { .. })` puts it around a router.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use serde_json::json;

use crate::faults::{Act, Call, Canned, Class, FaultBook};
use crate::history::{History, Record, Reply};
use crate::server::no_answer;

/// Largest body a stand-in reads (ServiceNow's limit, the largest of them).
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// Tells what a call is: its operation's name (may be empty) and class.
pub type Classify = fn(&Method, &str, &axum::http::HeaderMap, &[u8]) -> (String, Class);

/// What the gate needs to know.
#[derive(Clone)]
pub struct Gate {
    pub stand_in: &'static str,
    pub faults: FaultBook,
    pub history: History,
    pub classify: Classify,
}

/// In the request's extensions: what will become of the answer, for the history entries of handlers.
#[derive(Debug, Clone, Copy)]
pub struct Fate(pub Reply);

/// Puts the gate around all routes of `router`.
pub fn guard(router: Router, gate: Gate) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(gate), pass))
}

async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path().to_owned();
    let (operation, class) = (gate.classify)(&parts.method, &path, &parts.headers, &body);
    let act = gate.faults.decide(&Call {
        method: parts.method.as_str(),
        path: &path,
        operation: &operation,
        class,
    });
    let mut request = Request::from_parts(parts, Body::from(body.clone()));
    request
        .extensions_mut()
        .insert(Fate(reply_of(act.as_ref())));
    // The work must not stop because the caller did: it runs in a task of its own.
    let work = tokio::spawn(work(
        gate,
        request,
        next,
        Seen {
            path,
            operation,
            bytes: body.len(),
        },
        act,
    ));
    work.await
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

struct Seen {
    path: String,
    operation: String,
    bytes: usize,
}

async fn work(
    gate: Arc<Gate>,
    request: Request,
    next: Next,
    seen: Seen,
    act: Option<Act>,
) -> Response<Body> {
    let method = request.method().to_string();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let response = match &act {
        Some(Act::DropCall) => no_answer(),
        Some(Act::Answer(canned)) => answer(canned),
        Some(Act::AcceptedAndLost) => StatusCode::ACCEPTED.into_response(),
        Some(Act::Late(by)) => {
            pause(*by).await;
            next.run(request).await
        }
        _ => next.run(request).await,
    };
    let status = response.status().as_u16();
    let dropped = matches!(act, Some(Act::DropCall));
    gate.history.record(
        Record::new(gate.stand_in, "request")
            .outcome(if dropped {
                "dropped".to_owned()
            } else {
                status.to_string()
            })
            .reply(reply_of(act.as_ref()))
            .detail(json!({
                "method": method, "path": seen.path, "query": query, "operation": seen.operation,
                "bytes": seen.bytes, "fault": act.as_ref().map(Act::name),
            })),
    );
    pause(gate.faults.standing().latency).await;
    finish(response, act).await
}

async fn finish(response: Response<Body>, act: Option<Act>) -> Response<Body> {
    match act {
        Some(Act::LoseReply) => no_answer(),
        Some(Act::Garbage) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, "text/html")],
            "<html><body>One moment</body></html>",
        )
            .into_response(),
        Some(Act::Accepted) => StatusCode::ACCEPTED.into_response(),
        Some(Act::Slow(by)) => {
            pause(by).await;
            response
        }
        Some(Act::Truncated) => truncate(response).await,
        _ => response,
    }
}

/// Half of the body, under the length of the whole: the caller sees the connection end too early.
pub(crate) async fn truncate(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts
        .headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half: Bytes = bytes.slice(..bytes.len() / 2);
    Response::from_parts(
        parts,
        Body::new(Half {
            piece: Some(half),
            flushed: false,
        }),
    )
}

/// A body that gives one piece and then fails, so that the server closes the connection.
struct Half {
    piece: Option<Bytes>,
    flushed: bool,
}

impl hyper::body::Body for Half {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        use std::task::Poll;
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(Ok(hyper::body::Frame::data(piece))));
        }
        // One turn for the server to send the piece: a failure at once would send nothing at all.
        if !std::mem::replace(&mut self.flushed, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(std::io::Error::from(
            std::io::ErrorKind::ConnectionAborted,
        ))))
    }
}

fn answer(canned: &Canned) -> Response<Body> {
    let status = StatusCode::from_u16(canned.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, canned.body.clone()).into_response();
    for (name, value) in &canned.headers {
        if let (Ok(name), Ok(value)) = (
            name.parse::<header::HeaderName>(),
            HeaderValue::from_str(value),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn reply_of(act: Option<&Act>) -> Reply {
    match act {
        Some(
            Act::LoseReply
            | Act::DropCall
            | Act::Garbage
            | Act::Accepted
            | Act::AcceptedAndLost
            | Act::Truncated,
        ) => Reply::Dropped,
        Some(Act::Late(_)) => Reply::Late,
        _ => Reply::Delivered,
    }
}

async fn pause(length: Duration) {
    if !length.is_zero() {
        tokio::time::sleep(length).await;
    }
}
