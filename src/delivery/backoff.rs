//! When to try again after an answer that certainly did nothing.

use chrono::TimeDelta;
use poamd_contract::chance::Chance;

const FIRST: i64 = 5;
/// Longest wait, in seconds (`itsm.md` 4.13).
const LONGEST: i64 = 3_600;

/// Full jitter: anything from one second to a bound that doubles with each attempt (1, 2, …), at most an hour.
pub fn wait(attempt: i64, chance: &dyn Chance) -> TimeDelta {
    let doublings = attempt.clamp(1, 12) - 1;
    let bound = (FIRST << doublings).min(LONGEST) as f64;
    TimeDelta::milliseconds(((bound * chance.fraction()).max(1.0) * 1_000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(u64);

    impl Chance for Always {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn waits_grow_to_an_hour_and_never_vanish() {
        let most = |attempt| wait(attempt, &Always(u64::MAX)).num_seconds();
        assert_eq!((most(1), most(2), most(5), most(40)), (4, 9, 79, 3_599));
        assert_eq!(wait(1, &Always(0)), TimeDelta::seconds(1));
    }
}
