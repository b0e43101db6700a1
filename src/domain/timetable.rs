//! When a job is due, from its stored next time and the times its expression names. Pure: which times those are comes
//! as a function (`next_after`), the clock as a value.
//!
//! After downtime or a jump forward a job runs once, however many times it missed. After a jump backward the stored time
//! is later than the next one that is named: the earlier one counts, so that a clock that was wrong for a while leaves
//! no hole.

use chrono::{DateTime, TimeDelta, Utc};

/// The stored next time put right against the clock.
pub fn next_due(
    stored: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    next_after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let named = next_after(now);
    match (stored, named) {
        (Some(stored), Some(named)) => Some(stored.min(named)),
        // It names no further time: what was missed is still run.
        (Some(stored), None) => Some(stored).filter(|at| *at <= now),
        (None, named) => named,
    }
}

/// The latest of the named times that have come, at or after `due` (which has come): what a catch-up stands for.
/// Found from behind, in windows that grow, so that years of missed minutes cost nothing.
pub fn latest_due(
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    next_after: impl Fn(DateTime<Utc>) -> Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let mut window = TimeDelta::hours(1);
    loop {
        let from = now.checked_sub_signed(window).filter(|from| *from > due);
        let start = from.unwrap_or(due);
        let mut latest = None;
        let mut at = start;
        while let Some(next) = next_after(at).filter(|next| *next <= now) {
            latest = Some(next);
            at = next;
        }
        match (latest, from) {
            (Some(latest), _) => return latest,
            (None, None) => return due,
            (None, Some(_)) => window = window * 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DurationRound;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00Z").parse().unwrap()
    }

    fn hourly(after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(after.duration_trunc(TimeDelta::hours(1)).ok()? + TimeDelta::hours(1))
    }

    #[test]
    fn the_earlier_of_stored_and_named_counts() {
        for (stored, now, due) in [
            (None, "2026-11-22T10:20", "2026-11-22T11:00"),
            // Waiting, due, long overdue.
            (
                Some("2026-11-22T11:00"),
                "2026-11-22T10:20",
                "2026-11-22T11:00",
            ),
            (
                Some("2026-11-22T11:00"),
                "2026-11-22T11:00",
                "2026-11-22T11:00",
            ),
            (
                Some("2026-11-22T11:00"),
                "2026-11-27T10:20",
                "2026-11-22T11:00",
            ),
            // The clock had been in 2030, or an hour ahead.
            (
                Some("2030-01-01T00:00"),
                "2026-11-22T10:20",
                "2026-11-22T11:00",
            ),
            (
                Some("2026-11-22T12:00"),
                "2026-11-22T10:20",
                "2026-11-22T11:00",
            ),
        ] {
            assert_eq!(
                next_due(stored.map(at), at(now), hourly),
                Some(at(due)),
                "{stored:?} {now}"
            );
        }
        let never = |_| None;
        let now = at("2026-11-22T10:20");
        assert_eq!(
            next_due(Some(at("2026-11-22T10:00")), now, never),
            Some(at("2026-11-22T10:00"))
        );
        assert_eq!(next_due(Some(at("2026-11-22T11:00")), now, never), None);
    }

    #[test]
    fn a_catch_up_stands_for_the_latest_time_missed() {
        for (due, now, latest) in [
            ("2026-11-22T11:00", "2026-11-22T11:00", "2026-11-22T11:00"),
            ("2026-11-22T11:00", "2026-11-22T11:59", "2026-11-22T11:00"),
            ("2026-11-22T11:00", "2026-11-22T13:01", "2026-11-22T13:00"),
            ("1999-01-01T00:00", "2026-11-22T13:00", "2026-11-22T13:00"),
        ] {
            assert_eq!(
                latest_due(at(due), at(now), hourly),
                at(latest),
                "{due} {now}"
            );
        }
        let new_year = |after: DateTime<Utc>| {
            (2020..2040)
                .map(|year| at(&format!("{year}-01-01T00:00")))
                .find(|day| *day > after)
        };
        let latest = latest_due(at("2022-01-01T00:00"), at("2026-11-22T10:00"), new_year);
        assert_eq!(latest, at("2026-01-01T00:00"));
    }
}
