//! Days at the end of something. Due dates are [`super::clock`]'s.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// The last day on which something still holds that ends at `end`, its first moment over.
pub fn last_day(end: DateTime<Utc>) -> NaiveDate {
    let before = end.checked_sub_signed(TimeDelta::microseconds(1));
    before.unwrap_or(end).date_naive()
}

/// Due on a day that was over when the record was detected. Days of the KEV catalog count from CISA's listing and are taken
/// as printed (`poam.md` 2.2), so a weakness that is found later is late from its first day.
pub fn is_due_before_detection(due: Option<NaiveDate>, detected: DateTime<Utc>) -> bool {
    due.is_some_and(|due| due < detected.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_there_is_has_none_before_it() {
        let first = DateTime::<Utc>::MIN_UTC;
        assert_eq!(last_day(first), first.date_naive());
    }

    #[test]
    fn what_was_due_the_day_before_was_due_before_detection_and_the_same_day_was_not() {
        let detected: DateTime<Utc> = "2026-11-22T00:00:00Z".parse().unwrap();
        let on = |day: &str| is_due_before_detection(day.parse().ok(), detected);
        assert!(on("2026-11-21") && !on("2026-11-22") && !on("2026-11-23"));
        assert!(!is_due_before_detection(None, detected));
    }
}
