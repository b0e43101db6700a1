//! Days on the command line.

use chrono::{Datelike, NaiveDate};

/// Reads `2026-11-30`. A year has four digits: no form and no database holds more.
pub fn day(text: &str) -> Result<NaiveDate, String> {
    let day: Option<NaiveDate> = text.trim().parse().ok();
    day.filter(|day| (1900..=9999).contains(&day.year()))
        .ok_or_else(|| "a day is written 2026-11-30: year, month, day".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_or_its_form_is_named() {
        assert_eq!(
            day("2026-11-30").unwrap(),
            NaiveDate::from_ymd_opt(2026, 11, 30).unwrap()
        );
        for bad in [
            "30.11.2026",
            "2026-13-01",
            "2026-02-30",
            "tomorrow",
            "",
            "+262142-12-31",
            "-0001-01-01",
            "0026-11-30",
        ] {
            assert!(day(bad).unwrap_err().contains("2026-11-30"), "{bad}");
        }
    }
}
