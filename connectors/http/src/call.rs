//! One request, described before it is sent.

use reqwest::Method;
use serde_json::Value;

/// Whether a call changes something there. It decides what a lost answer means, which the method alone does not tell:
/// Jira searches by POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Read,
    Write,
}

/// A request below the base address of its [`crate::Client`].
#[derive(Debug, Clone)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) effect: Effect,
}

impl Call {
    /// `path` has no leading slash and is split at `/`; each segment is percent-encoded.
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            body: None,
            effect: Effect::Read,
        }
    }

    /// A search sent as POST: changes nothing.
    pub fn post_read(path: impl Into<String>, body: Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(path)
        }
    }

    /// A call that changes something.
    pub fn write(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self {
            method,
            body: Some(body),
            effect: Effect::Write,
            ..Self::get(path)
        }
    }

    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Whether it changes something.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Method and path, as errors name it. The query stays out: it may hold other people's text.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}
