//! Crontab's five fields in the form of the `cron` crate: weekdays by name, and two lines where crontab means "either".

use crate::config::problem::quoted;

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One or two six-field lines that together mean what the five fields mean.
///
/// As in crontab(5): a command runs when *either* day field matches, if both are restricted; a field that begins with
/// `*` counts as not restricted, and then both have to match.
pub(super) fn translate(
    [minute, hour, day, month, weekday]: [&str; 5],
) -> Result<Vec<String>, String> {
    let any = |field: &str| field.starts_with(['*', '?']);
    let names = weekdays(weekday)?;
    let (day_given, weekday_given) = (!any(day), !any(weekday));
    Ok(if day_given && weekday_given {
        vec![
            format!("0 {minute} {hour} {day} {month} *"),
            format!("0 {minute} {hour} * {month} {names}"),
        ]
    } else {
        vec![format!("0 {minute} {hour} {day} {month} {names}")]
    })
}

/// The weekday field as a list of names, or `*`.
fn weekdays(field: &str) -> Result<String, String> {
    if field == "*" || field == "?" {
        return Ok("*".to_owned());
    }
    let mut chosen = [false; 7];
    for item in field.split(',') {
        let wrong = || {
            format!(
                "{} is not a weekday: 0-7 (0 and 7 are Sunday) or SUN-SAT, with ranges, \
            lists and steps",
                quoted(item)
            )
        };
        let (span, step) = match item.split_once('/') {
            Some((span, step)) => (
                span,
                step.parse()
                    .ok()
                    .filter(|step| (1..=7).contains(step))
                    .ok_or_else(wrong)?,
            ),
            None => (item, 1),
        };
        let (from, to) = match span.split_once('-') {
            _ if span == "*" => (0, 6),
            Some((from, to)) => {
                let (from, to) = (
                    number(from).ok_or_else(wrong)?,
                    number(to).ok_or_else(wrong)?,
                );
                // FRI-SUN: a Sunday written by name at the end is the one after Saturday.
                (
                    from,
                    if to == 0 && span.ends_with(|c: char| c.is_ascii_alphabetic()) && from > 0 {
                        7
                    } else {
                        to
                    },
                )
            }
            None => {
                let from = number(span).ok_or_else(wrong)?;
                (
                    from,
                    if item.contains('/') {
                        6.max(from)
                    } else {
                        from
                    },
                )
            }
        };
        if from > to {
            return Err(format!(
                "{} runs backwards; write the range as a list, for instance \"6,0,1\"",
                quoted(item)
            ));
        }
        for day in (from..=to).step_by(step) {
            chosen[day % 7] = true;
        }
    }
    let names: Vec<&str> = DAYS
        .into_iter()
        .zip(chosen)
        .filter(|(_, on)| *on)
        .map(|(name, _)| name)
        .collect();
    Ok(if names.len() == 7 {
        "*".to_owned()
    } else {
        names.join(",")
    })
}

fn number(text: &str) -> Option<usize> {
    match text.parse() {
        Ok(day @ 0..=7) if text.len() == 1 => Some(day),
        _ => DAYS.iter().position(|name| name.eq_ignore_ascii_case(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_become_names() {
        for (field, names) in [
            ("*", "*"),
            ("0", "SUN"),
            ("7", "SUN"),
            ("1", "MON"),
            ("1-5", "MON,TUE,WED,THU,FRI"),
            ("5-7", "SUN,FRI,SAT"),
            ("0-7", "*"),
            ("1-7", "*"),
            ("*/2", "SUN,TUE,THU,SAT"),
            ("*/7", "SUN"),
            ("1-7/3", "SUN,MON,THU"),
            ("2/2", "TUE,THU,SAT"),
            ("7,1,3", "SUN,MON,WED"),
            ("sun", "SUN"),
            ("Mon-fri", "MON,TUE,WED,THU,FRI"),
            ("FRI-SUN", "SUN,FRI,SAT"),
            ("SUN-TUE", "SUN,MON,TUE"),
        ] {
            assert_eq!(weekdays(field).as_deref(), Ok(names), "{field}");
        }
        for bad in [
            "8", "", "1,", "-1", "1-", "6-1", "*/0", "*/8", "mo", "monday-", "1-2-3", "5L", "2#1",
            "07",
        ] {
            assert!(weekdays(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn both_day_fields_mean_either_unless_one_begins_with_a_star() {
        assert_eq!(
            translate(["0", "9", "13", "*", "5"]).unwrap(),
            ["0 0 9 13 * *", "0 0 9 * * FRI"]
        );
        assert_eq!(
            translate(["0", "9", "*/2", "*", "5"]).unwrap(),
            ["0 0 9 */2 * FRI"]
        );
        assert_eq!(
            translate(["0", "9", "13", "*", "*/2"]).unwrap(),
            ["0 0 9 13 * SUN,TUE,THU,SAT"]
        );
    }
}
