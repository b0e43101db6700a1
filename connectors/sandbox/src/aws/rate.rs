//! The published rate of Security Hub `GetFindings`: 3 calls a second, burst 6, for each account and region.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::call::Call;
use super::faults::throttled;
use super::reply::Refusal;

const PER_SECOND: f64 = 3.0;
const BURST: f64 = 6.0;

/// Token buckets by account and region.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<String, (f64, Instant)>>);

impl Rates {
    pub fn admit(&self, call: &Call) -> Result<(), Refusal> {
        if (call.service.as_str(), call.operation.as_str()) != ("securityhub", "GetFindings") {
            return Ok(());
        }
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let (tokens, filled) = buckets.entry(call.place()).or_insert((BURST, now));
        *tokens = (*tokens + now.duration_since(*filled).as_secs_f64() * PER_SECOND).min(BURST);
        *filled = now;
        if *tokens < 1.0 {
            return Err(throttled(&call.service));
        }
        *tokens -= 1.0;
        Ok(())
    }
}
