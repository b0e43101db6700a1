//! Calls to one site, each answer proved to come from our own account.
//!
//! Jira answers anonymous callers: a dead credential gives "200, nothing found" or 404 instead of 401
//! (`itsm.md` 1.2). Hence no answer is believed before its `X-AAccountId` is ours.

use poamd_contract::desk::{Author, AuthorKind};
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_http::{Call, Client, Effect, Options, Reply, SignIn, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::config::JiraConfig;
use crate::wire::{self, User};

/// Below the limit that Jira sets per endpoint (50 writes a second, `itsm.md` 1.10) with room for others.
const IN_FLIGHT: usize = 8;

pub struct Api {
    http: Client,
    configured: Option<String>,
    me: OnceCell<User>,
}

impl Api {
    pub fn new(config: &JiraConfig) -> Result<Self> {
        let sign_in = SignIn::Basic {
            user: config.email.clone(),
            password: config.token.clone(),
        };
        let options = Options {
            in_flight: IN_FLIGHT,
            error_text: wire::error_text,
        };
        let http = Client::new(config.endpoint.clone(), sign_in, options)?;
        Ok(Self {
            http,
            configured: config.account_id.clone(),
            me: OnceCell::new(),
        })
    }

    /// Who we are, asked once.
    pub async fn me(&self) -> Result<&User> {
        self.me.get_or_try_init(|| self.ask_me()).await
    }

    /// Who we are, asked now and compared with what it was.
    pub async fn ask_me(&self) -> Result<User> {
        let call = Call::get("rest/api/3/myself");
        let reply = self.http.exchange(&call).await?;
        let reply = self.http.judge(&call, reply)?;
        let user: User = self.http.decode(&call, reply)?;
        let expected = self
            .configured
            .as_deref()
            .or(self.me.get().map(|me| me.account_id.as_str()));
        match expected {
            Some(expected) if expected != user.account_id => {
                Err(self.stranger(&call, Some(&user.account_id), expected))
            }
            _ if user.account_id.is_empty() => {
                Err(self.stranger(&call, None, "a signed-in account"))
            }
            _ => Ok(user),
        }
    }

    /// Sends, proves who answered, and judges the status.
    pub async fn send(&self, call: &Call) -> Result<Reply> {
        let me = self.me().await?;
        let reply = self.http.exchange(call).await?;
        self.prove(call, &reply, &me.account_id)?;
        self.http.judge(call, reply)
    }

    pub async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let reply = self.send(call).await?;
        self.http.decode(call, reply)
    }

    /// An error about a call, in the words of this site.
    pub fn error(&self, call: &Call, retry: Retry, cause: &str) -> ConnectorError {
        self.http.error(call, retry, cause)
    }

    fn prove(&self, call: &Call, reply: &Reply, me: &str) -> Result<()> {
        // These may come from what stands before Jira and say nothing of the account.
        let before_jira = matches!(
            reply.status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::UNAUTHORIZED
                | StatusCode::PAYLOAD_TOO_LARGE
        );
        if before_jira || reply.status.is_server_error() || reply.status.is_redirection() {
            return Ok(());
        }
        // Account ids hold colons, which the header encodes.
        let answered = reply
            .header("x-aaccountid")
            .map(|id| id.replace("%3A", ":").replace("%3a", ":"));
        if answered.as_deref() == Some(me) {
            return Ok(());
        }
        let error = self.stranger(call, answered.as_deref(), me);
        // Somebody else's write was carried out: it must be looked for, not repeated.
        let done = call.effect() == Effect::Write && reply.status.is_success();
        Err(if done {
            ConnectorError {
                retry: Retry::Unclear,
                ..error
            }
        } else {
            error
        })
    }

    fn stranger(&self, call: &Call, answered: Option<&str>, expected: &str) -> ConnectorError {
        let answered = answered.unwrap_or("nobody (anonymous)");
        self.error(call, Retry::Auth, &format!("the answer is for {answered}, not for {expected}: the token has expired or belongs to another account"))
    }

    /// A person or app as a comment names them.
    pub fn author(&self, user: Option<&User>) -> Author {
        let Some(user) = user.filter(|user| !user.account_id.is_empty()) else {
            return Author {
                id: String::new(),
                display: "unknown".to_owned(),
                kind: AuthorKind::Unknown,
                active: false,
            };
        };
        let ours = self
            .me
            .get()
            .is_some_and(|me| me.account_id == user.account_id);
        let kind = match user.account_type.as_str() {
            _ if ours => AuthorKind::Ourselves,
            "atlassian" => AuthorKind::Person,
            "app" => AuthorKind::App,
            "customer" => AuthorKind::Customer,
            _ => AuthorKind::Unknown,
        };
        Author {
            id: user.account_id.clone(),
            display: user.display_name.clone(),
            kind,
            active: user.active,
        }
    }
}
