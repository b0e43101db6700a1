//! Monotonic time and sleeping, handed in so that tests need not wait.

use std::time::{Duration, Instant};

use async_trait::async_trait;

/// Where waiting happens.
#[async_trait]
pub(crate) trait Pace: Send + Sync + std::fmt::Debug {
    /// Monotonic time since some fixed instant.
    fn now(&self) -> Duration;

    async fn sleep(&self, time: Duration);
}

/// The machine's monotonic clock and tokio's timer, or so many times as fast.
#[derive(Debug)]
pub(crate) struct RealPace {
    started: Instant,
    factor: f64,
}

impl RealPace {
    pub(crate) fn start(factor: f64) -> Self {
        Self {
            started: Instant::now(),
            factor,
        }
    }
}

#[async_trait]
impl Pace for RealPace {
    fn now(&self) -> Duration {
        self.started.elapsed().mul_f64(self.factor)
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time.div_f64(self.factor)).await;
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;

    use super::Pace;

    /// Time that passes only by sleeping.
    #[derive(Debug, Default)]
    pub(crate) struct FakePace(AtomicU64);

    #[async_trait]
    impl Pace for FakePace {
        fn now(&self) -> Duration {
            Duration::from_micros(self.0.load(Ordering::SeqCst))
        }

        async fn sleep(&self, time: Duration) {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            self.0.fetch_add(micros, Ordering::SeqCst);
        }
    }
}
