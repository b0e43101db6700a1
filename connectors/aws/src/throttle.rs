//! Calls a second by account, region and API: a token bucket at our share of the published rate that
//! gives way when the service says "too many", and a budget for retries.
//!
//! Additive increase, multiplicative decrease (`reliability-security.md` F1, F2).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::operation::{Operation, Rate};

/// A throttled call halves the rate, down to this share of it.
const FLOOR: f64 = 0.05;
/// Each success gives back this share of the full rate.
const RECOVERY: f64 = 0.02;
/// Calls that were on their way when the first was refused say nothing new: one step down in this time.
const SETTLING: Duration = Duration::from_secs(1);
/// Calls of the burst that are left alone: what goes out evenly does not arrive evenly.
const SLACK: f64 = 1.0;
/// What a call adds to the retry budget: ten calls pay for one retry.
const PER_CALL: f64 = 0.1;
/// Retries a client may spend before it has earned any.
const FIRST_RETRIES: f64 = 10.0;

/// A bucket's key: account, region and API.
type Key = (String, String, &'static Operation);

#[derive(Debug)]
struct Bucket {
    full: f64,
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
    /// When it last gave way.
    slowed: Option<Duration>,
}

impl Bucket {
    fn new(rate: Rate, fraction: f64, now: Duration) -> Self {
        let full = (f64::from(rate.per_second) * fraction).max(0.01);
        let burst = (f64::from(rate.burst) * fraction - SLACK).max(1.0);
        Self {
            full,
            rate: full,
            burst,
            tokens: burst,
            at: now,
            slowed: None,
        }
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.at = now;
    }

    /// Takes one token, perhaps one that is still to come: the time until it has come.
    fn take(&mut self, now: Duration) -> Duration {
        self.refill(now);
        self.tokens -= 1.0;
        Duration::from_secs_f64((-self.tokens / self.rate).clamp(0.0, 600.0))
    }
}

/// All buckets of a process.
#[derive(Debug)]
pub(crate) struct Throttle {
    fraction: f64,
    buckets: Mutex<HashMap<Key, Bucket>>,
    budgets: Mutex<HashMap<(String, String, &'static str), f64>>,
}

impl Throttle {
    pub(crate) fn new(fraction: f64) -> Self {
        let fraction = if fraction.is_finite() {
            fraction.clamp(0.01, 1.0)
        } else {
            0.66
        };
        Self {
            fraction,
            buckets: Mutex::default(),
            budgets: Mutex::default(),
        }
    }

    /// Takes a place in the queue of this API: how long to wait before calling.
    pub(crate) fn take(
        &self,
        account: &str,
        region: &str,
        operation: &'static Operation,
        now: Duration,
    ) -> Duration {
        self.bucket(account, region, operation, now, |bucket| bucket.take(now))
    }

    /// The service said "too many".
    pub(crate) fn throttled(
        &self,
        account: &str,
        region: &str,
        operation: &'static Operation,
        now: Duration,
    ) {
        self.bucket(account, region, operation, now, |bucket| {
            bucket.refill(now);
            let again = |at: Duration| now < at + SETTLING;
            if bucket.slowed.is_some_and(again) {
                return;
            }
            bucket.slowed = Some(now);
            bucket.rate = (bucket.rate / 2.0).max(bucket.full * FLOOR);
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    /// A call went through.
    pub(crate) fn succeeded(
        &self,
        account: &str,
        region: &str,
        operation: &'static Operation,
        now: Duration,
    ) {
        self.bucket(account, region, operation, now, |bucket| {
            bucket.rate = (bucket.rate + bucket.full * RECOVERY).min(bucket.full);
        });
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry((account.to_owned(), region.to_owned(), operation.service))
            .or_insert(FIRST_RETRIES);
        *budget = (*budget + PER_CALL).min(FIRST_RETRIES);
    }

    /// Whether this client may still retry; pays for it if so.
    pub(crate) fn may_retry(
        &self,
        account: &str,
        region: &str,
        operation: &'static Operation,
    ) -> bool {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry((account.to_owned(), region.to_owned(), operation.service))
            .or_insert(FIRST_RETRIES);
        if *budget < 1.0 {
            return false;
        }
        *budget -= 1.0;
        true
    }

    /// The actions of every call that was made.
    #[cfg(test)]
    pub(crate) fn called(&self) -> std::collections::BTreeSet<&'static str> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets
            .keys()
            .map(|(_, _, operation)| operation.action)
            .collect()
    }

    fn bucket<T>(
        &self,
        account: &str,
        region: &str,
        operation: &'static Operation,
        now: Duration,
        change: impl FnOnce(&mut Bucket) -> T,
    ) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.to_owned(), region.to_owned(), operation);
        change(
            buckets
                .entry(key)
                .or_insert_with(|| Bucket::new(operation.rate, self.fraction, now)),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    static HUB: Operation = Operation::new(
        "securityhub",
        "GetFindings",
        "securityhub:GetFindings",
        Rate::new(3, 6),
    );

    /// Sends `calls` one after the other, each as soon as it may, and returns the time the last one went.
    fn send(throttle: &Throttle, calls: u32, start: Duration) -> Duration {
        (0..calls).fold(start, |now, _| now + throttle.take("1", "r", &HUB, now))
    }

    #[test]
    fn stays_below_the_published_rate() {
        let throttle = Throttle::new(0.66);
        let took = send(&throttle, 100, Duration::ZERO).as_secs_f64();
        // burst 3.96 less one: so many of 100 calls are free, the others come at 1.98 a second
        assert!((took - (100.0 - 2.96) / 1.98).abs() < 0.01, "{took}");
    }

    #[test]
    fn concurrent_calls_queue_up_behind_each_other() {
        let throttle = Throttle::new(1.0);
        let waits: Vec<f64> = (0..9)
            .map(|_| throttle.take("1", "r", &HUB, Duration::ZERO).as_secs_f64())
            .collect();
        assert!(waits[..5].iter().all(|w| *w == 0.0), "{waits:?}");
        assert!((waits[7] - 1.0).abs() < 1e-6, "{waits:?}");
    }

    #[test]
    fn gives_way_when_throttled_and_recovers() {
        let throttle = Throttle::new(1.0);
        let start = send(&throttle, 6, Duration::ZERO);
        // All that were on their way are refused: that is one word, not four.
        for _ in 0..4 {
            throttle.throttled("1", "r", &HUB, start);
        }
        let slow = (send(&throttle, 10, start) - start).as_secs_f64();
        assert!((slow - 10.0 / 1.5).abs() < 0.01, "{slow}");
        for _ in 0..50 {
            throttle.succeeded("1", "r", &HUB, Duration::from_secs(100));
        }
        send(&throttle, 6, Duration::from_secs(100));
        let fast =
            (send(&throttle, 9, Duration::from_secs(100)) - Duration::from_secs(100)).as_secs_f64();
        // Five of the burst, and the full rate again for the other ten.
        assert!((fast - 10.0 / 3.0).abs() < 0.01, "{fast}");
    }

    #[test]
    fn never_falls_to_a_standstill() {
        let throttle = Throttle::new(1.0);
        for second in 0..1_000 {
            throttle.throttled("1", "r", &HUB, Duration::from_secs(second));
        }
        let later = Duration::from_secs(999);
        let wait = throttle.take("1", "r", &HUB, later).as_secs_f64();
        assert!(wait <= 1.0 / (3.0 * FLOOR) + 0.01, "{wait}");
    }

    #[test]
    fn buckets_do_not_share() {
        let throttle = Throttle::new(1.0);
        send(&throttle, 50, Duration::ZERO);
        assert_eq!(
            throttle.take("2", "r", &HUB, Duration::ZERO),
            Duration::ZERO
        );
        assert_eq!(
            throttle.take("1", "s", &HUB, Duration::ZERO),
            Duration::ZERO
        );
    }

    #[test]
    fn retries_are_at_most_a_tenth_of_the_calls() {
        let throttle = Throttle::new(1.0);
        let mut retries = 0;
        for _ in 0..1_000 {
            throttle.succeeded("1", "r", &HUB, Duration::ZERO);
            while throttle.may_retry("1", "r", &HUB) {
                retries += 1;
            }
        }
        assert!((100..=111).contains(&retries), "{retries}");
    }
}
