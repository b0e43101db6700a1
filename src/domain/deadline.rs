//! Due dates: calendar days from the frozen detection date.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::rating::Rating;

/// The rule a due date came from, as people are told it.
pub const REV5: &str = "FedRAMP Rev5: High 30, Moderate 90, Low 180 days from detection";

/// Calendar days by rating (FedRAMP Continuous Monitoring Strategy Guide, legacy Rev5; `poam.md` 2.1).
pub fn days(rating: Rating) -> u64 {
    match rating {
        Rating::High => 30,
        Rating::Moderate => 90,
        Rating::Low => 180,
    }
}

/// The day a record is due. The day of detection is the UTC day.
pub fn due(detected: DateTime<Utc>, rating: Rating) -> NaiveDate {
    let day = detected.date_naive();
    day.checked_add_days(Days::new(days(rating))).unwrap_or(day)
}

/// The last day on which something still holds that ends at `end`, its first moment over.
pub fn last_day(end: DateTime<Utc>) -> NaiveDate {
    (end - TimeDelta::microseconds(1)).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rev5_clock() {
        let detected = "2026-01-31T23:59:59Z".parse().unwrap();
        for (rating, day) in [
            (Rating::High, "2026-03-02"),
            (Rating::Moderate, "2026-05-01"),
            (Rating::Low, "2026-07-30"),
        ] {
            assert_eq!(due(detected, rating), day.parse().unwrap(), "{rating}");
        }
    }
}
