//! Heartbeats of the loops that matter. The watchdog is fed only while all of them beat: a free-running timer would
//! feed it for a daemon that hangs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// A loop that has not advanced for so long is taken to hang.
pub const SILENCE: Duration = Duration::from_secs(30);

/// How often an idle loop beats.
pub const BEAT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Default)]
pub struct Heartbeats(Arc<Mutex<Vec<(&'static str, Instant)>>>);

/// One loop's own.
#[derive(Debug, Clone)]
pub struct Heart {
    all: Heartbeats,
    place: usize,
}

impl Heartbeats {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn register(&self, name: &'static str) -> Heart {
        let mut loops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loops.push((name, Instant::now()));
        Heart {
            all: self.clone(),
            place: loops.len() - 1,
        }
    }

    /// Names of the loops that have been silent for too long.
    pub fn silent(&self, limit: Duration) -> Vec<&'static str> {
        let loops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loops
            .iter()
            .filter(|(_, last)| last.elapsed() > limit)
            .map(|(name, _)| *name)
            .collect()
    }
}

impl Heart {
    pub fn beat(&self) {
        let mut loops = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, last)) = loops.get_mut(self.place) {
            *last = Instant::now();
        }
    }
}

/// Beats as long as the database takes a writer.
pub async fn prove_writer(store: Store, heart: Heart, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match store.write(|_| Ok(())).await {
            Ok(()) => heart.beat(),
            Err(error) => tracing::warn!(%error, "the database took no writer"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(BEAT) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_silent_loop_is_named() {
        let hearts = Heartbeats::new();
        let (a, _b) = (hearts.register("a"), hearts.register("b"));
        std::thread::sleep(Duration::from_millis(20));
        a.beat();
        assert_eq!(hearts.silent(Duration::from_millis(10)), ["b"]);
        assert!(hearts.silent(SILENCE).is_empty());
    }
}
