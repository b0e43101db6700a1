//! Durations as text: `90s`, `15m`, `1h30m`, `30d`, `500ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads one; the error says what is expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "{} is not a duration; write a number and a unit: \"90s\", \"15m\", \"1h\", \"30d\"",
            super::problem::quoted(text)
        )
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut millis: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let scale = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, scale)| *scale)
            .ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        millis = number
            .checked_mul(scale)
            .and_then(|n| millis.checked_add(n))
            .ok_or_else(wrong)?;
        rest = tail;
    }
    Ok(Duration::from_millis(millis))
}

/// Writes one the way [`parse`] reads it, in the largest unit that divides it.
pub fn show(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (name, scale) = UNITS
        .iter()
        .rev()
        .find(|(_, scale)| millis > 0 && millis % scale == 0)
        .unwrap_or(&("s", 1_000));
    format!("{}{name}", millis / scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_as_they_are_meant() {
        for (text, millis) in [
            ("90s", 90_000),
            ("15m", 900_000),
            ("1h30m", 5_400_000),
            ("30d", 2_592_000_000),
            ("500ms", 500),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in [
            "",
            "15",
            "m",
            "15 m",
            "1.5h",
            "-1s",
            "15M",
            "99999999999999999999s",
            "18446744073709551615d",
            "1hé",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_the_same(millis in 0u64..10_000_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&show(duration)), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}") {
            let _ = parse(&text);
        }
    }
}
