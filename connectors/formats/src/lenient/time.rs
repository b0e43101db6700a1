//! Times in every form the formats and their exporters write them.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use poamd_contract::clock::is_of_our_days;

use super::leaf::{Leaf, Num, Scalar};

impl<'a> Scalar<'a> for DateTime<Utc> {
    fn text(text: Cow<'a, str>) -> Leaf<Self> {
        match time_of_text(&text) {
            Some(time) => Leaf::of(time),
            None => Leaf::ODD,
        }
    }

    fn number(number: Num) -> Leaf<Self> {
        match time_of_epoch(number.real()) {
            Some(time) => Leaf::of(time),
            None => Leaf::ODD,
        }
    }

    fn flag(_: bool) -> Leaf<Self> {
        Leaf::ODD
    }
}

/// RFC 3339, the same without zone (UTC then), or seconds since 1970 as text.
fn time_of_text(text: &str) -> Option<DateTime<Utc>> {
    written(text.trim()).filter(is_of_our_days)
}

fn written(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
        .or_else(|| time_of_epoch(text.parse().ok()?))
}

/// Seconds since 1970, as the wire of Inspector writes them; milliseconds where seconds would lie
/// beyond the year 5000. Nothing before 1970.
fn time_of_epoch(number: f64) -> Option<DateTime<Utc>> {
    let seconds = if number >= 1e11 { number / 1e3 } else { number };
    if !(0.0..1e11).contains(&seconds) {
        return None;
    }
    // Microseconds are as fine as a double can be at today's dates.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "within 1e17 by the check above"
    )]
    DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_form() {
        for (text, want) in [
            ("2026-11-20T05:12:41+00:00", Some(1_795_151_561)),
            ("2026-11-20T05:12:41", Some(1_795_151_561)),
            ("2026-11-20 05:12:41.250", Some(1_795_151_561)),
            ("2026-11-20T05:12:41.000+0000", Some(1_795_151_561)),
            ("1795151561", Some(1_795_151_561)),
            ("1795151561000", Some(1_795_151_561)),
            ("2026-11-20T11:02:51999Z", None),
            ("yesterday", None),
            ("-5", None),
            ("1e300", None),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("0001-01-01T00:00:00Z", None),
            ("9999-12-31T23:59:59-14:00", None),
            ("+262142-12-31T23:59:59", None),
            ("+262142-12-31T23:59:59.999+0000", None),
            ("-262143-01-01 00:00:00", None),
        ] {
            assert_eq!(time_of_text(text).map(|t| t.timestamp()), want, "{text}");
        }
    }
}
