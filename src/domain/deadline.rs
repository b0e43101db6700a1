//! Days at the end of something. Due dates are [`super::clock`]'s.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// The last day on which something still holds that ends at `end`, its first moment over.
pub fn last_day(end: DateTime<Utc>) -> NaiveDate {
    (end - TimeDelta::microseconds(1)).date_naive()
}
