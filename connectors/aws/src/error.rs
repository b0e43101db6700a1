//! What AWS answered when it did not answer: one class that decides what happens next, and one line
//! that names account, region, service, operation and cause.

use std::error::Error;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use poamd_contract::coverage::Coverage;

use crate::codes::Answer;
use crate::operation::Operation;

/// The longest text of a foreign cause in a message.
const CAUSE: usize = 400;

/// What a failed call means for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// We are not allowed, or not known.
    Denied,
    /// The credentials' time is over: renew them and ask once more.
    Expired,
    /// The service is not switched on here.
    Off,
    /// Too many calls.
    Throttled,
    /// 5xx, time-out, broken connection or answer.
    Transient,
    /// The thing asked for does not exist or is not configured.
    Absent,
    /// The page token is no longer good.
    TokenRejected,
    /// This machine's clock is wrong by more than AWS tolerates.
    Skewed,
    /// Anything else: the request or the set-up is wrong.
    Other,
}

/// Where a call went.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub account: String,
    pub region: String,
    pub operation: &'static Operation,
}

impl Place {
    fn line(&self, cause: &str) -> String {
        let Operation { service, name, .. } = self.operation;
        format!(
            "account {} region {}: {service} {name}: {}",
            self.account,
            self.region,
            one_line(cause)
        )
    }
}

/// A failed call.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub kind: Kind,
    /// The whole line; no secret, no control character.
    pub what: String,
    /// How long the service asked us to wait.
    pub retry_after: Option<Duration>,
}

impl Trouble {
    pub(crate) fn new(kind: Kind, what: impl AsRef<str>) -> Self {
        Self {
            kind,
            what: one_line(what.as_ref()),
            retry_after: None,
        }
    }

    /// Reads an SDK error.
    pub(crate) fn of<E>(place: &Place, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let meta = match error {
            SdkError::ServiceError(service) => service.err().meta().clone(),
            _ => aws_smithy_types::error::ErrorMetadata::builder().build(),
        };
        let response = error.raw_response();
        let answer = Answer {
            code: meta.code().unwrap_or_default(),
            message: meta.message().unwrap_or_default(),
            status: response.map(|r| r.status().as_u16()),
        };
        let unreadable = response.is_some_and(|r| r.status().is_success());
        let kind = match error {
            SdkError::ServiceError(_) if unreadable => Kind::Transient,
            SdkError::ServiceError(_) => answer.kind(place.operation.service),
            SdkError::ConstructionFailure(_) => Kind::Other,
            _ => Kind::Transient,
        };
        let cause = match error {
            SdkError::ServiceError(_) if unreadable => {
                format!("unreadable answer ({})", causes(error))
            }
            SdkError::ServiceError(_) => answer.words(),
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            SdkError::DispatchFailure(_) => format!("not reached ({})", causes(error)),
            SdkError::ResponseError(_) => format!("unreadable answer ({})", causes(error)),
            _ => causes(error),
        };
        let retry_after = response
            .and_then(|r| r.headers().get("retry-after"))
            .and_then(|text| text.trim().parse().ok())
            .map(|seconds: u64| Duration::from_secs(seconds.min(3_600)));
        let next = kind
            .next_step(place.operation.service)
            .map(|step| format!("; {step}"))
            .unwrap_or_default();
        Self {
            kind,
            what: format!("{}{next}", place.line(&cause)),
            retry_after,
        }
    }

    /// A reply that came with status 2xx and cannot be used.
    pub(crate) fn unusable(place: &Place, cause: &str) -> Self {
        Self {
            kind: Kind::Transient,
            what: place.line(cause),
            retry_after: None,
        }
    }

    /// Whether the same call may succeed in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Transient | Kind::Throttled)
    }

    /// What the cell's coverage is after this, when `pages` pages were read before it.
    pub(crate) fn coverage(self, pages: usize) -> Coverage {
        let reason = self.what;
        match (self.kind, pages) {
            (Kind::Off, _) => Coverage::Off { reason },
            (Kind::Denied | Kind::Expired, _) => Coverage::Denied { reason },
            (_, 0) => Coverage::Failed { reason },
            (_, pages) => Coverage::Partial {
                reason: format!("{reason} (after {pages} pages)"),
            },
        }
    }
}

impl Kind {
    fn next_step(self, service: &str) -> Option<&'static str> {
        match self {
            Self::Denied if service == "sts" => Some(
                "check that poamd's own identity may sts:AssumeRole it, and the role's name, trust policy and external id",
            ),
            Self::Denied => Some("compare the role's policy with docs/aws-permissions.json"),
            Self::Skewed => Some("set this machine's clock"),
            _ => None,
        }
    }
}

/// The messages of an error and its causes, each once.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}

/// Foreign text on one line: no control characters, and not endless.
pub(crate) fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(CAUSE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(CAUSE).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_tells_refusal_from_failure_from_half() {
        let trouble = |kind| Trouble::new(kind, "x");
        assert_eq!(trouble(Kind::Denied).coverage(3).state(), "denied");
        assert_eq!(trouble(Kind::Off).coverage(0).state(), "off");
        assert_eq!(trouble(Kind::Transient).coverage(0).state(), "failed");
        assert_eq!(trouble(Kind::Transient).coverage(2).state(), "partial");
    }

    #[test]
    fn foreign_text_stays_on_one_line() {
        assert_eq!(one_line("a\r\nb\u{1b}[31m"), "a  b [31m");
        assert_eq!(one_line(&"x".repeat(5_000)).chars().count(), CAUSE + 1);
    }
}
