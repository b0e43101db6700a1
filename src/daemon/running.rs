//! Which jobs run now and which are left alone for a while. Each runs at most once at a time.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinSet};

use super::worker::Outcome;

/// How long a job that failed is left alone; twice as long after each further failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How long a job that another daemon has is left to it: asking again at once would only knock on the lease.
const ELSEWHERE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Running {
    tasks: JoinSet<Outcome>,
    names: HashMap<Id, String>,
    pauses: BTreeMap<String, Pause>,
}

struct Pause {
    failures: u32,
    until: Instant,
}

impl Running {
    /// It neither runs nor pauses.
    pub fn is_free(&self, job: &str) -> bool {
        let pauses = |pause: &Pause| Instant::now() < pause.until;
        !self.names.values().any(|name| name == job) && !self.pauses.get(job).is_some_and(pauses)
    }

    pub fn start(&mut self, job: String, work: impl Future<Output = Outcome> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        self.names.insert(id, job);
    }

    /// Waits until a job has ended; false if none runs.
    pub async fn one_ended(&mut self) -> bool {
        let Some(ended) = self.tasks.join_next_with_id().await else {
            return false;
        };
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => {
                let job = self.names.get(&error.id());
                tracing::error!(%error, job, "a job broke");
                (error.id(), Outcome::Failed)
            }
        };
        if let Some(job) = self.names.remove(&id) {
            self.note(job, outcome);
        }
        true
    }

    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Another configuration may mend what failed.
    pub fn forget_pauses(&mut self) {
        self.pauses.clear();
    }

    fn note(&mut self, job: String, outcome: Outcome) {
        let failures = self.pauses.get(&job).map_or(0, |pause| pause.failures);
        let (failures, pause) = match outcome {
            Outcome::Done | Outcome::NotDue => {
                self.pauses.remove(&job);
                return;
            }
            Outcome::Failed => (failures + 1, pause_after(failures + 1)),
            Outcome::Elsewhere | Outcome::Lost => (failures, ELSEWHERE),
        };
        let until = Instant::now() + pause;
        self.pauses.insert(job, Pause { failures, until });
    }
}

fn pause_after(failures: u32) -> Duration {
    let doubled = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    AFTER_FAILURE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_breaks_frees_no_other() {
        let mut running = Running::default();
        running.start("scan".to_owned(), std::future::pending());
        running.start("pull".to_owned(), async { panic!("as a fault would") });
        running.start("sync".to_owned(), async { Outcome::Done });
        assert!(running.one_ended().await && running.one_ended().await);
        assert!(!running.is_free("scan"), "it still runs");
        assert!(!running.is_free("pull"), "it is tried again later");
        assert!(running.is_free("sync"));
        running.forget_pauses();
        assert!(running.is_free("pull") && !running.is_free("scan"));
    }

    #[test]
    fn a_job_that_keeps_failing_is_tried_ever_more_seldom() {
        let pauses: Vec<u64> = [1, 2, 3, 4, 5, 6, 40, u32::MAX]
            .map(|failures| pause_after(failures).as_secs())
            .to_vec();
        assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
        let mut running = Running::default();
        for failures in 1..=3 {
            running.note("pull".to_owned(), Outcome::Failed);
            assert_eq!(running.pauses["pull"].failures, failures);
        }
        running.note("pull".to_owned(), Outcome::Done);
        assert!(running.is_free("pull"));
    }
}
