//! What can go wrong with an outside system, and the one decision the caller needs.

use std::time::Duration;

/// What the caller may do about a failed call.
///
/// The classes are those of delivery (`poamd` outbox): whether the effect certainly did not happen decides
/// everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Certainly not done (connection refused, DNS, TLS before the request was written, 429/503); try again, not before
    /// the given time if there is one.
    Later(Option<Duration>),
    /// A write may or may not have happened (time-out, reset, 5xx, 202, unreadable answer): look before repeating.
    Unclear,
    /// Certainly not done, and repeating it unchanged is useless: the request or the set-up has to change.
    Never,
    /// Credentials were refused, or the answering identity is not the configured one: pause the whole connection.
    Auth,
    /// The thing is absent or not visible to us.
    Gone,
    /// Somebody else changed it at the same moment: read again and decide again.
    Conflict,
}

/// A failed call to an outside system: which, what happened, what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ConnectorError {
    /// One line that names the thing and the cause; contains no secret and no control character.
    pub what: String,
    pub retry: Retry,
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ConnectorError {
    pub fn new(retry: Retry, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            retry,
            source: None,
        }
    }

    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }
}

pub type Result<T, E = ConnectorError> = std::result::Result<T, E>;
