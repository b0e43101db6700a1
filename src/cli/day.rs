//! Days on the command line.

use chrono::NaiveDate;

/// Reads `2026-11-30`.
pub fn day(text: &str) -> Result<NaiveDate, String> {
    text.trim()
        .parse()
        .map_err(|_| "a day is written 2026-11-30: year, month, day".to_owned())
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
        for bad in ["30.11.2026", "2026-13-01", "2026-02-30", "tomorrow", ""] {
            assert!(day(bad).unwrap_err().contains("2026-11-30"), "{bad}");
        }
    }
}
