//! A call to the Jira stand-in as its handlers see it, and the two forms of an answer.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, RawPathParams, Request};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::Jira;
use crate::gate::{BODY_LIMIT, Fate};
use crate::history::Reply;

/// Who does something, and what will become of the answer.
#[derive(Debug, Clone)]
pub struct By {
    pub account: String,
    pub reply: Reply,
}

impl By {
    /// A person in the web interface, a test, the demo's script.
    pub fn person(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            reply: Reply::Direct,
        }
    }
}

/// In the request's extensions: whom the credentials belong to; `None` is anonymous.
#[derive(Debug, Clone)]
pub struct Caller(pub Option<String>);

/// A call: who, and what was sent.
#[derive(Debug, Clone)]
pub struct Call {
    pub caller: Option<String>,
    pub reply: Reply,
    params: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    pub body: Value,
}

impl Call {
    /// A parameter of the path; empty if the path has none of that name.
    pub fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// A list given with commas, repeated, or both.
    pub fn list(&self, name: &str) -> Vec<String> {
        let given = self.query.iter().filter(|(n, _)| n == name);
        given
            .flat_map(|(_, v)| v.split(','))
            .map(|v| v.trim().to_owned())
            .filter(|v| !v.is_empty())
            .collect()
    }

    pub fn number(&self, name: &str, default: usize) -> usize {
        self.query(name)
            .and_then(|v| v.parse().ok())
            .unwrap_or(default)
    }

    pub fn flag(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    /// Who signed in.
    ///
    /// # Errors
    /// 401 for an anonymous caller.
    pub fn signed_in(&self) -> Result<By, Refusal> {
        let account = self.caller.clone().ok_or_else(|| {
            Refusal::new(StatusCode::UNAUTHORIZED)
                .message("Client must be authenticated to access this resource.")
        })?;
        Ok(By {
            account,
            reply: self.reply,
        })
    }
}

impl FromRequest<Jira> for Call {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &Jira) -> Result<Self, Refusal> {
        let caller = request
            .extensions()
            .get::<Caller>()
            .and_then(|c| c.0.clone());
        let reply = request
            .extensions()
            .get::<Fate>()
            .map_or(Reply::Delivered, |f| f.0);
        let query = pairs(request.uri().query());
        let (mut parts, body) = request.into_parts();
        let params = <RawPathParams as axum::extract::FromRequestParts<Jira>>::from_request_parts(
            &mut parts, state,
        )
        .await
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST).message("The path is not readable."))?;
        let params = params
            .iter()
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect();
        let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE).message("The body is too large.")
        })?;
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).map_err(|_| {
                Refusal::new(StatusCode::BAD_REQUEST).message("There was an error parsing JSON.")
            })?,
        };
        Ok(Self {
            caller,
            reply,
            params,
            query,
            body,
        })
    }
}

/// The decoded pairs of a query string.
pub fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect()
}

/// A success.
#[derive(Debug)]
pub struct Done(pub StatusCode, pub Value);

impl Done {
    pub fn ok(body: Value) -> Self {
        Self(StatusCode::OK, body)
    }

    pub fn created(body: Value) -> Self {
        Self(StatusCode::CREATED, body)
    }

    pub fn empty() -> Self {
        Self(StatusCode::NO_CONTENT, Value::Null)
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response<Body> {
        if self.0 == StatusCode::NO_CONTENT {
            self.0.into_response()
        } else {
            (self.0, Json(self.1)).into_response()
        }
    }
}

/// A refusal in Jira's form: `{"errorMessages": […], "errors": {"field": "why"}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: StatusCode,
    pub messages: Vec<String>,
    pub fields: BTreeMap<String, String>,
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            messages: vec![],
            fields: BTreeMap::new(),
            headers: vec![],
        }
    }

    pub fn bad(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST).message(message)
    }

    pub fn fields(fields: BTreeMap<String, String>) -> Self {
        Self {
            fields,
            ..Self::new(StatusCode::BAD_REQUEST)
        }
    }

    /// Absent, or not for these eyes: the real server does not tell which.
    pub fn no_issue() -> Self {
        Self::new(StatusCode::NOT_FOUND)
            .message("Issue does not exist or you do not have permission to see it.")
    }

    pub fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND).message(message)
    }

    pub fn message(mut self, message: &str) -> Self {
        self.messages.push(message.to_owned());
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn body(&self) -> Value {
        json!({ "errorMessages": self.messages, "errors": self.fields })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = (self.status, Json(self.body())).into_response();
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

pub type Answer = Result<Done, Refusal>;
