//! What a failed call means for the caller (`itsm.md` 4.13, `reliability-security.md` 1.1).

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use poamd_contract::error::Retry;
use reqwest::StatusCode;

use crate::call::Effect;
use crate::reply::Reply;

/// Longest wait taken from a server: past this it is looked at again anyway.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// What the caller may do after the transport failed.
pub(crate) fn transport(effect: Effect, error: &reqwest::Error) -> Retry {
    if error.is_builder() {
        Retry::Never
    } else if error.is_connect() {
        // Connecting includes TLS: not one byte of the request was written.
        Retry::Later(None)
    } else {
        lost(effect)
    }
}

/// The answer, or a part of it, was lost.
pub(crate) fn lost(effect: Effect) -> Retry {
    match effect {
        Effect::Read => Retry::Later(None),
        Effect::Write => Retry::Unclear,
    }
}

/// What the caller may do after this answer; `None` if it is a success.
pub(crate) fn status(effect: Effect, reply: &Reply) -> Option<Retry> {
    let status = reply.status;
    Some(match status {
        // ServiceNow: the session queue was full, the request may be dropped.
        StatusCode::ACCEPTED => lost(effect),
        _ if status.is_success() => return None,
        StatusCode::UNAUTHORIZED => Retry::Auth,
        StatusCode::NOT_FOUND | StatusCode::GONE => Retry::Gone,
        StatusCode::CONFLICT => Retry::Conflict,
        StatusCode::TOO_MANY_REQUESTS => Retry::Later(wait(reply).or_else(|| reset(reply))),
        StatusCode::SERVICE_UNAVAILABLE => match wait(reply) {
            Some(wait) => Retry::Later(Some(wait)),
            None => lost(effect),
        },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => lost(effect),
        _ if status.is_server_error() => lost(effect),
        _ => Retry::Never,
    })
}

/// `Retry-After` in seconds or as a date; a date is measured against the server's own `Date`, so no clock is read.
fn wait(reply: &Reply) -> Option<Duration> {
    let text = reply.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    until(reply, DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

/// `X-RateLimit-Reset`: Unix seconds (ServiceNow) or ISO time (Jira).
fn reset(reply: &Reply) -> Option<Duration> {
    let text = reply.header("x-ratelimit-reset")?.trim();
    let at = match text.parse::<i64>() {
        Ok(seconds) => DateTime::from_timestamp(seconds, 0)?,
        Err(_) => DateTime::parse_from_rfc3339(text)
            .map(|at| at.to_utc())
            .or_else(|_| {
                NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").map(|at| at.and_utc())
            })
            .ok()?,
    };
    until(reply, at)
}

fn until(reply: &Reply, at: DateTime<Utc>) -> Option<Duration> {
    let now = DateTime::parse_from_rfc2822(reply.header("date")?)
        .ok()?
        .to_utc();
    Some((at - now).to_std().unwrap_or_default().min(LONGEST_WAIT))
}

/// An error with all its causes, without repeating one that contains the next.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// What a person can do about it; empty where the cause says it all.
pub(crate) fn advice(retry: Retry) -> &'static str {
    match retry {
        Retry::Auth => "; check user and token",
        Retry::Unclear => "; whether it was done is unknown",
        Retry::Gone => "; it is absent or hidden from this account",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
    use serde_json::Value;

    use super::*;

    type Headers = &'static [(&'static str, &'static str)];

    fn reply(status: u16, headers: Headers) -> Reply {
        let headers = headers
            .iter()
            .map(|(k, v)| (HeaderName::from_static(k), HeaderValue::from_static(v)))
            .collect::<HeaderMap>();
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            json: Value::Null,
        }
    }

    #[test]
    fn every_status_has_its_class() {
        let later = |seconds| Retry::Later(Some(Duration::from_secs(seconds)));
        const NOW: (&str, &str) = ("date", "Sun, 22 Nov 2026 05:00:00 GMT");
        let table: &[(u16, Headers, Retry, Retry)] = &[
            (202, &[], Retry::Later(None), Retry::Unclear),
            (302, &[], Retry::Never, Retry::Never),
            (400, &[], Retry::Never, Retry::Never),
            (401, &[], Retry::Auth, Retry::Auth),
            (403, &[], Retry::Never, Retry::Never),
            (404, &[], Retry::Gone, Retry::Gone),
            (408, &[], Retry::Later(None), Retry::Unclear),
            (409, &[], Retry::Conflict, Retry::Conflict),
            (410, &[], Retry::Gone, Retry::Gone),
            (413, &[], Retry::Never, Retry::Never),
            (422, &[], Retry::Never, Retry::Never),
            (429, &[], Retry::Later(None), Retry::Later(None)),
            (429, &[("retry-after", "7")], later(7), later(7)),
            (
                429,
                &[NOW, ("retry-after", "Sun, 22 Nov 2026 05:00:09 GMT")],
                later(9),
                later(9),
            ),
            (
                429,
                &[NOW, ("x-ratelimit-reset", "1795323611")],
                later(11),
                later(11),
            ),
            (
                429,
                &[NOW, ("x-ratelimit-reset", "2026-11-22T05:01Z")],
                later(60),
                later(60),
            ),
            (
                429,
                &[("retry-after", "99999999")],
                later(86400),
                later(86400),
            ),
            (500, &[], Retry::Later(None), Retry::Unclear),
            (503, &[], Retry::Later(None), Retry::Unclear),
            (503, &[("retry-after", "5")], later(5), later(5)),
            (504, &[], Retry::Later(None), Retry::Unclear),
        ];
        for (code, headers, read, write) in table {
            let reply = reply(*code, headers);
            assert_eq!(
                status(Effect::Read, &reply),
                Some(*read),
                "read {code} {headers:?}"
            );
            assert_eq!(
                status(Effect::Write, &reply),
                Some(*write),
                "write {code} {headers:?}"
            );
        }
        for code in [200, 201, 204] {
            assert_eq!(status(Effect::Write, &reply(code, &[])), None);
        }
    }
}
