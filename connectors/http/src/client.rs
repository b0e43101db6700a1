//! Sends calls and turns what comes back into an answer or a classed error.

use data_encoding::BASE64;
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::secret::{ExposeSecret, SecretString};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::call::{Call, Effect};
use crate::endpoint::Endpoint;
use crate::judge;
use crate::line::{MAX_SERVER_TEXT, one_line, redact};
use crate::reply::Reply;

/// Largest body that is read.
const MAX_BODY: usize = 32 << 20;

/// How we sign in.
#[derive(Debug, Clone)]
pub enum SignIn {
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer(SecretString),
}

/// What differs between the servers we speak to.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Calls under way at a time; further ones wait before anything is sent.
    pub in_flight: usize,
    /// Takes the server's own words out of an error body.
    pub error_text: fn(&Value) -> Option<String>,
}

/// One server, signed in to. Keeps no cookies and follows no redirects.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    authorization: HeaderValue,
    /// What must never appear in a message: password or token, and the header made of it.
    secrets: Vec<SecretString>,
    slots: Semaphore,
    error_text: fn(&Value) -> Option<String>,
}

impl Client {
    /// Connects to nothing yet. Errors are `Never`: address, certificates or credentials are unusable.
    pub fn new(endpoint: Endpoint, sign_in: SignIn, options: Options) -> Result<Self> {
        let http = endpoint.client()?;
        let (header, secrets) = match sign_in {
            SignIn::Basic { user, password } => {
                let pair = BASE64.encode(format!("{user}:{}", password.expose_secret()).as_bytes());
                (
                    format!("Basic {pair}"),
                    vec![SecretString::from(pair), password],
                )
            }
            SignIn::Bearer(token) => (format!("Bearer {}", token.expose_secret()), vec![token]),
        };
        let mut authorization = HeaderValue::from_str(&header).map_err(|_| {
            ConnectorError::new(
                Retry::Never,
                format!(
                    "{}: the token has characters no header can carry",
                    endpoint.name()
                ),
            )
        })?;
        authorization.set_sensitive(true);
        let mut client = Self {
            http,
            endpoint,
            authorization,
            secrets,
            slots: Semaphore::new(options.in_flight.max(1)),
            error_text: options.error_text,
        };
        if let Some(password) = client
            .endpoint
            .proxy
            .as_ref()
            .and_then(|proxy| proxy.password())
        {
            client.secrets.push(SecretString::from(password.to_owned()));
        }
        Ok(client)
    }

    /// Sends and judges: only a 2xx other than 202 comes back as `Ok`.
    pub async fn send_json(&self, call: &Call) -> Result<Reply> {
        let reply = self.exchange(call).await?;
        self.judge(call, reply)
    }

    /// Sends, and gives back any answer that arrived whole, whatever its status.
    pub async fn exchange(&self, call: &Call) -> Result<Reply> {
        // The semaphore is never closed; were it, sending without a slot would be right.
        let _slot = self.slots.acquire().await.ok();
        let url = self.endpoint.join(&call.path, &call.query);
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json");
        if let Some(body) = &call.body {
            request = request.body(body.to_string());
        }
        match request.send().await {
            Ok(response) => self.receive(call, response).await,
            Err(error) => {
                let retry = judge::transport(call.effect, &error);
                Err(self.error(call, retry, &judge::chain(&error.without_url())))
            }
        }
    }

    /// Turns an answer that is no success into a classed error with the server's words.
    pub fn judge(&self, call: &Call, reply: Reply) -> Result<Reply> {
        let Some(retry) = judge::status(call.effect, &reply) else {
            return Ok(reply);
        };
        let words = match &reply.json {
            Value::String(raw) => Some(raw.clone()),
            json => (self.error_text)(json),
        };
        let cause = match (words, reply.header("location")) {
            (_, Some(location)) if reply.status.is_redirection() => {
                format!(
                    "{} leads to {location}; set the final address as url",
                    reply.status.as_u16()
                )
            }
            (Some(words), _) if !words.trim().is_empty() => {
                format!("{}: {words}", reply.status.as_u16())
            }
            _ => reply.status.to_string(),
        };
        Err(self.error(call, retry, &cause))
    }

    /// An error of this server: host, call, cause on one line without secrets, next step.
    pub fn error(&self, call: &Call, retry: Retry, cause: &str) -> ConnectorError {
        let cause = redact(
            cause,
            self.secrets.iter().map(|secret| secret.expose_secret()),
        );
        let cause = one_line(&cause, MAX_SERVER_TEXT);
        let call_name = one_line(&call.name(), 200);
        ConnectorError::new(
            retry,
            format!(
                "{}: {call_name}: {cause}{}",
                self.endpoint.name(),
                judge::advice(retry)
            ),
        )
    }

    /// The answer in the shape the caller knows. A shape that does not fit is an unreadable answer.
    pub fn decode<T: DeserializeOwned>(&self, call: &Call, reply: Reply) -> Result<T> {
        serde_json::from_value(reply.json).map_err(|error| {
            self.error(
                call,
                judge::lost(call.effect),
                &format!("the answer has an unknown shape: {error}"),
            )
        })
    }

    async fn receive(&self, call: &Call, mut response: Response) -> Result<Reply> {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => {
                    let retry = if call.effect == Effect::Read {
                        Retry::Never
                    } else {
                        Retry::Unclear
                    };
                    return Err(self.error(
                        call,
                        retry,
                        &format!("the answer is larger than {} MiB", MAX_BODY >> 20),
                    ));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    let cause = format!(
                        "the answer broke off: {}",
                        judge::chain(&error.without_url())
                    );
                    return Err(self.error(call, judge::lost(call.effect), &cause));
                }
            }
        }
        let json = self.parse(call, status, &body)?;
        Ok(Reply {
            status,
            headers,
            json,
        })
    }

    fn parse(&self, call: &Call, status: StatusCode, body: &[u8]) -> Result<Value> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        match serde_json::from_slice(body) {
            Ok(json) => Ok(json),
            // A proxy's error page: the status decides, the text is only shown.
            Err(_) if !status.is_success() => Ok(Value::String(
                String::from_utf8_lossy(&body[..body.len().min(4096)]).into_owned(),
            )),
            Err(error) => Err(self.error(
                call,
                judge::lost(call.effect),
                &format!("the answer is not JSON: {error}"),
            )),
        }
    }
}
