//! Rates of the finding services, for each account, region and call (`reliability-security.md` 6.1), and how long an answer
//! takes; both as fast as the stand-in's clock runs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::call::Call;
use super::faults::throttled;
use super::reply::Refusal;

/// Service and operation (empty: any other of the service), calls a second, burst. Security Hub's are published;
/// GuardDuty, Inspector and `GetFindingsV2` have none published.
const RATES: [(&str, &str, f64, f64); 5] = [
    ("securityhub", "GetFindings", 3.0, 6.0),
    ("securityhub", "GetFindingsV2", 3.0, 6.0),
    ("securityhub", "", 10.0, 30.0),
    ("guardduty", "", 5.0, 5.0),
    ("inspector2", "", 5.0, 5.0),
];
/// How long the answer of a service takes.
const LATENCIES: [(&str, Duration); 3] = [
    ("securityhub", Duration::from_millis(600)),
    ("inspector2", Duration::from_millis(500)),
    ("guardduty", Duration::from_millis(300)),
];

/// Token buckets by account, region and call.
pub struct Rates {
    /// How many times faster the stand-in's clock runs.
    factor: f64,
    buckets: Mutex<HashMap<String, (f64, Instant)>>,
}

impl Rates {
    pub fn new(factor: f64) -> Self {
        Self {
            factor,
            buckets: Mutex::default(),
        }
    }

    pub fn admit(&self, call: &Call) -> Result<(), Refusal> {
        let of = |(service, operation, _, _): &&(&str, &str, f64, f64)| {
            call.service == *service && (operation.is_empty() || call.operation == *operation)
        };
        let Some((_, _, per_second, burst)) = RATES.iter().find(of) else {
            return Ok(());
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (tokens, filled) = buckets.entry(call.place()).or_insert((*burst, now));
        let passed = now.duration_since(*filled).as_secs_f64() * self.factor;
        *tokens = (*tokens + passed * per_second).min(*burst);
        *filled = now;
        if *tokens < 1.0 {
            return Err(throttled(call));
        }
        *tokens -= 1.0;
        Ok(())
    }
}

/// How long the answer of this call takes.
pub fn latency(call: &Call, factor: f64) -> Duration {
    let known = LATENCIES
        .iter()
        .find(|(service, _)| call.service == *service);
    known.map_or(Duration::ZERO, |(_, time)| time.div_f64(factor))
}
