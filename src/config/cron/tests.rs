//! Cron: tables for the traps, properties against a second, naive reading of crontab(5).

use chrono::{Datelike, NaiveDate, Timelike};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn next(expr: &str, zone: Tz, after: &str) -> String {
    let run = CronExpr::parse(expr)
        .unwrap()
        .next_after(at(after), zone)
        .unwrap();
    run.with_timezone(&zone).format("%a %F %T %z").to_string()
}

#[test]
fn five_fields_count_sunday_as_crontab_does_and_six_as_the_crate() {
    // 2026-11-22 is a Sunday.
    let noon = "2026-11-22T12:00:00Z";
    for (expr, run) in [
        ("0 6 * * 0", "Sun 2026-11-29 06:00:00 +0000"),
        ("0 6 * * 7", "Sun 2026-11-29 06:00:00 +0000"),
        ("0 6 * * 1", "Mon 2026-11-23 06:00:00 +0000"),
        ("0 6 * * 6", "Sat 2026-11-28 06:00:00 +0000"),
        ("0 6 * * 1-5", "Mon 2026-11-23 06:00:00 +0000"),
        ("0 6 * * sun", "Sun 2026-11-29 06:00:00 +0000"),
        ("0 0 6 * * 1", "Sun 2026-11-29 06:00:00 +0000"),
        ("0 0 6 * * 2", "Mon 2026-11-23 06:00:00 +0000"),
        ("0 0 6 * * 7 2026", "Sat 2026-11-28 06:00:00 +0000"),
        ("0 6 1 * *", "Tue 2026-12-01 06:00:00 +0000"),
        ("*/5 * * * *", "Sun 2026-11-22 12:05:00 +0000"),
        ("17 * * * *", "Sun 2026-11-22 12:17:00 +0000"),
        ("@hourly", "Sun 2026-11-22 13:00:00 +0000"),
        ("@weekly", "Sun 2026-11-29 00:00:00 +0000"),
        ("0 0 29 2 *", "Tue 2028-02-29 00:00:00 +0000"),
    ] {
        assert_eq!(next(expr, Tz::UTC, noon), run, "{expr}");
    }
}

#[test]
fn both_day_fields_set_run_on_either_day() {
    let expr = CronExpr::parse("0 9 13 * 5").unwrap();
    let days: Vec<_> = expr
        .upcoming(at("2026-11-01T00:00:00Z"), Tz::UTC, 5)
        .iter()
        .map(|t| t.format("%a %d").to_string())
        .collect();
    assert_eq!(days, ["Fri 06", "Fri 13", "Fri 20", "Fri 27", "Fri 04"]);
    let days: Vec<_> = expr
        .upcoming(at("2026-12-05T00:00:00Z"), Tz::UTC, 3)
        .iter()
        .map(|t| t.format("%a %d").to_string())
        .collect();
    assert_eq!(days, ["Fri 11", "Sun 13", "Fri 18"]);
}

#[test]
fn a_fixed_time_runs_once_on_the_days_the_clocks_change() {
    let zone = Tz::America__New_York;
    // 2026-03-08 02:00 EST becomes 03:00 EDT; 2026-11-01 02:00 EDT becomes 01:00 EST.
    let runs = |expr: &str, after: &str, count| -> Vec<String> {
        CronExpr::parse(expr)
            .unwrap()
            .upcoming(at(after), zone, count)
            .iter()
            .map(|t| t.with_timezone(&zone).format("%d %H:%M %Z").to_string())
            .collect()
    };
    assert_eq!(
        runs("30 2 * * *", "2026-03-07T12:00:00Z", 2),
        ["08 03:00 EDT", "09 02:30 EDT"]
    );
    assert_eq!(
        runs("0,30 2,3 * * *", "2026-03-08T06:00:00Z", 3),
        ["08 03:00 EDT", "08 03:30 EDT", "09 02:00 EDT"]
    );
    assert_eq!(
        runs("30 1 * * *", "2026-10-31T12:00:00Z", 2),
        ["01 01:30 EDT", "02 01:30 EST"]
    );
    assert_eq!(
        runs("30 1 * * *", "2026-11-01T05:30:00Z", 1),
        ["02 01:30 EST"],
        "asked inside the first pass"
    );
    assert_eq!(
        runs("30 1 * * *", "2026-11-01T06:10:00Z", 1),
        ["02 01:30 EST"],
        "asked inside the second pass"
    );
}

#[test]
fn a_job_of_every_few_minutes_neither_pauses_nor_doubles_when_the_clocks_change() {
    let expr = CronExpr::parse("*/5 * * * *").unwrap();
    for day in ["2026-03-08T00:00:00Z", "2026-11-01T00:00:00Z"] {
        let runs = expr.upcoming(at(day), Tz::America__New_York, 24 * 12);
        assert!(
            runs.windows(2)
                .all(|pair| pair[1] - pair[0] == TimeDelta::minutes(5)),
            "{day}"
        );
    }
}

#[test]
fn a_fixed_time_runs_once_a_day_all_year_in_every_kind_of_zone() {
    for zone in [
        Tz::UTC,
        Tz::America__New_York,
        Tz::Europe__Berlin,
        Tz::America__Havana,
        Tz::Australia__Lord_Howe,
        Tz::Asia__Kathmandu,
        Tz::America__Santiago,
    ] {
        for expr in [
            "0 0 * * *",
            "30 0 * * *",
            "30 1 * * *",
            "15 2 * * *",
            "59 23 * * *",
        ] {
            let start = zone
                .with_ymd_and_hms(2026, 1, 1, 23, 59, 0)
                .unwrap()
                .to_utc();
            let dates: Vec<NaiveDate> = CronExpr::parse(expr)
                .unwrap()
                .upcoming(start, zone, 365)
                .iter()
                .map(|t| t.with_timezone(&zone).date_naive())
                .collect();
            let want: Vec<NaiveDate> = NaiveDate::from_ymd_opt(2026, 1, 2)
                .unwrap()
                .iter_days()
                .take(365)
                .collect();
            let differs = dates.iter().zip(&want).find(|(run, day)| run != day);
            assert_eq!((dates.len(), differs), (365, None), "{expr} in {zone}");
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (expr, word) in [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * * * *", "8 fields"),
        ("61 * * * *", "not a valid minute"),
        ("0 24 * * *", "not a valid hour"),
        ("0 0 0 * *", "not a valid day of the month"),
        ("0 0 * 13 *", "not a valid month"),
        ("0 0 * * 8", "not a weekday"),
        ("*/0 * * * *", "not a valid minute"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 0 * * 0", "Sunday as 1"),
        ("1-4294967295 * * * *", "not a cron expression"),
        ("@reboot", "@hourly"),
        ("hourly", "1 fields"),
    ] {
        let error = CronExpr::parse(expr).unwrap_err();
        assert!(error.contains(word), "{expr}: {error}");
    }
}

/// A field as crontab(5) has it, read without the crate: does it hold this value?
fn holds(field: &str, min: u32, max: u32, value: u32) -> bool {
    field.split(',').any(|item| {
        let (span, step) = item
            .split_once('/')
            .map_or((item, 1), |(s, n)| (s, n.parse().unwrap()));
        let (from, to) = match span.split_once('-') {
            Some((a, b)) => (a.parse().unwrap(), b.parse().unwrap()),
            None if span == "*" => (min, max),
            None => (span.parse().unwrap(), span.parse().unwrap()),
        };
        (from..=to).contains(&value) && (value - from).is_multiple_of(step)
    })
}

fn crontab_says(fields: &[String], t: DateTime<Utc>) -> bool {
    let day = holds(&fields[2], 1, 31, t.day());
    let sunday_zero = t.weekday().num_days_from_sunday();
    let weekday =
        holds(&fields[4], 0, 7, sunday_zero) || (sunday_zero == 0 && holds(&fields[4], 0, 7, 7));
    let days = if fields[2].starts_with('*') || fields[4].starts_with('*') {
        day && weekday
    } else {
        day || weekday
    };
    holds(&fields[0], 0, 59, t.minute())
        && holds(&fields[1], 0, 23, t.hour())
        && holds(&fields[3], 1, 12, t.month())
        && days
}

fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
    let item = prop_oneof![
        2 => (min..=max).prop_map(|a| a.to_string()),
        1 => (min..=max, min..=max).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (min..=max, min..=max, 1..=5u32).prop_map(|(a, b, n)| format!("{}-{}/{n}", a.min(b), a.max(b))),
    ];
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1..=6u32).prop_map(|n| format!("*/{n}")),
        3 => prop::collection::vec(item, 1..3).prop_map(|items| items.join(",")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn five_fields_run_exactly_when_crontab_says(
        fields in (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)),
        start in 1_700_000_000i64..1_900_000_000,
    ) {
        let fields = [fields.0, fields.1, fields.2, fields.3, fields.4];
        let start = DateTime::from_timestamp(start - start % 60, 0).unwrap();
        if let Ok(expr) = CronExpr::parse(&fields.join(" ")) {
            let next = expr.next_after(start, Tz::UTC);
            let naive = (1..=60 * 24 * 3).map(|m| start + TimeDelta::minutes(m)).find(|t| crontab_says(&fields, *t));
            match naive {
                Some(run) => prop_assert_eq!(next, Some(run)),
                None => prop_assert!(next.is_none_or(|n| n > start + TimeDelta::days(3))),
            }
        }
    }

    #[test]
    fn runs_come_strictly_later_in_any_zone(
        fields in (field(0, 59), field(0, 23)),
        hours in 0i64..24 * 366,
        zone in prop::sample::select(vec![Tz::America__New_York, Tz::Europe__London, Tz::Australia__Lord_Howe, Tz::America__Havana]),
    ) {
        let expr = CronExpr::parse(&format!("{} {} * * *", fields.0, fields.1)).unwrap();
        let start = at("2026-01-01T00:00:00Z") + TimeDelta::hours(hours);
        let runs = expr.upcoming(start, zone, 50);
        prop_assert!(runs.first().is_some_and(|run| *run > start));
        prop_assert!(runs.windows(2).all(|pair| pair[0] < pair[1]));
        // Asking from any instant between two runs gives the second: nothing is left out or made up.
        for pair in runs.windows(2) {
            let between = pair[0] + (pair[1] - pair[0]) / 2;
            prop_assert_eq!(expr.next_after(between, zone), Some(pair[1]));
        }
    }

    #[test]
    fn no_text_panics(text in "[-*/,0-9a-z@? ]{0,24}") {
        let _ = CronExpr::parse(&text);
    }
}
