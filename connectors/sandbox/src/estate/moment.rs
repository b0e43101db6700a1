//! When a finding was first seen and last updated, in the forms the services write.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// Two points in time, both before the estate's `now`.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
}

impl Moment {
    /// Both in seconds before `now`.
    pub fn new(now: DateTime<Utc>, first_ago: i64, last_ago: i64) -> Self {
        let before = |seconds: i64| now - TimeDelta::seconds(seconds);
        Self {
            first: before(first_ago),
            last: before(last_ago.min(first_ago)),
        }
    }

    pub fn first_text(&self) -> String {
        text(self.first)
    }

    pub fn last_text(&self) -> String {
        text(self.last)
    }

    /// The same point in time with the update `seconds` later, for the twin of a finding.
    pub fn updated_later(mut self, seconds: i64) -> Self {
        self.last += TimeDelta::seconds(seconds);
        self
    }
}

/// RFC 3339 with milliseconds and `Z`, as ASFF and GuardDuty have it.
pub fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Seconds since 1970 with a fraction, as Inspector has it on the wire.
pub fn seconds(time: DateTime<Utc>) -> f64 {
    // Exact: milliseconds of our century fit into the 53 bits of an f64.
    time.timestamp_millis() as f64 / 1000.0
}
