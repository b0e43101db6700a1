//! Vendor dependencies: no deviation, but a wait that has to be kept alive (`poam.md` 1.3).

use chrono::{Days, NaiveDate};

use super::rating::Rating;

/// A check-in older than this does not keep a record from being late.
pub const CHECK_IN_DAYS: u64 = 30;
/// A High has to be mitigated to a Moderate in this time while its vendor is waited for.
pub const MITIGATE_DAYS: u64 = 30;

/// A wait as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub since: NaiveDate,
    pub last_check_in: Option<NaiveDate>,
    pub released: Option<NaiveDate>,
}

impl Wait {
    /// The last day by which the next check-in has to be; `None` once the fix is out.
    pub fn check_in_due(&self) -> Option<NaiveDate> {
        if self.released.is_some() {
            return None;
        }
        Some(next_check_in(self.last_check_in.unwrap_or(self.since)))
    }

    pub fn is_overdue(&self, today: NaiveDate) -> bool {
        self.check_in_due().is_some_and(|due| due < today)
    }

    /// Keeps its record from counting as late.
    pub fn excuses(&self, today: NaiveDate) -> bool {
        self.check_in_due().is_some_and(|due| due >= today)
    }

    /// What an authority asks of a High that waits.
    pub fn warning(&self, effective: Option<Rating>, today: NaiveDate) -> Option<String> {
        if effective != Some(Rating::High) || self.released.is_some() {
            return None;
        }
        let by = self.since.checked_add_days(Days::new(MITIGATE_DAYS))?;
        Some(if by < today {
            format!("a High that waits for its vendor had to be mitigated to a Moderate by {by}")
        } else {
            format!(
                "a High that waits for its vendor has to be mitigated to a Moderate by {by}: ask for a risk-adjustment"
            )
        })
    }
}

/// The last day for the next check-in after one of that day.
pub fn next_check_in(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(CHECK_IN_DAYS))
        .unwrap_or(day)
}

/// Whether a day of a check-in or a release can be.
pub fn day(day: NaiveDate, since: NaiveDate, today: NaiveDate) -> Result<NaiveDate, String> {
    if day > today {
        Err(format!("{day} is still to come; today is {today}"))
    } else if day < since {
        Err(format!("{day} is before the wait began, {since}"))
    } else {
        Ok(day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_day_there_is_has_none_after_it() {
        assert_eq!(next_check_in(NaiveDate::MAX), NaiveDate::MAX);
    }

    #[test]
    fn thirty_days_keep_it_alive() {
        let wait = Wait {
            since: on("2026-10-01"),
            last_check_in: None,
            released: None,
        };
        assert!(wait.excuses(on("2026-10-31")) && !wait.is_overdue(on("2026-10-31")));
        assert!(!wait.excuses(on("2026-11-01")) && wait.is_overdue(on("2026-11-01")));
        let kept = Wait {
            last_check_in: Some(on("2026-10-30")),
            ..wait
        };
        assert!(kept.excuses(on("2026-11-29")) && kept.is_overdue(on("2026-11-30")));
        let shipped = Wait {
            released: Some(on("2026-11-01")),
            ..wait
        };
        assert!(!shipped.excuses(on("2026-10-02")) && !shipped.is_overdue(on("2027-01-01")));
    }

    #[test]
    fn a_high_has_to_be_mitigated() {
        let wait = Wait {
            since: on("2026-10-01"),
            last_check_in: None,
            released: None,
        };
        let warn = |rating, today| wait.warning(rating, on(today));
        assert!(
            warn(Some(Rating::High), "2026-10-02")
                .unwrap()
                .contains("by 2026-10-31")
        );
        assert!(
            warn(Some(Rating::High), "2026-11-01")
                .unwrap()
                .contains("had to be")
        );
        assert_eq!(warn(Some(Rating::Moderate), "2026-11-01"), None);
    }

    #[test]
    fn days_lie_between_the_beginning_and_today() {
        let (since, today) = (on("2026-10-01"), on("2026-10-10"));
        assert!(day(on("2026-10-01"), since, today).is_ok() && day(today, since, today).is_ok());
        assert!(
            day(on("2026-10-11"), since, today)
                .unwrap_err()
                .contains("to come")
        );
        assert!(
            day(on("2026-09-30"), since, today)
                .unwrap_err()
                .contains("before")
        );
    }
}
