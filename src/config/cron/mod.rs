//! When jobs and reports run: cron expressions, their dialects and the clock changes.
//!
//! The `cron` crate wants seconds first and counts Sunday as 1. Five fields are read as crontab reads them (0 and 7
//! are Sunday; both day fields set means either); six or seven fields are the crate's own form.

mod crontab;

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use cron::Schedule;

use super::problem::quoted;

/// No clock change known to tz data within modern time moves a clock further than this (most move it one hour).
const LARGEST_CLOCK_CHANGE: TimeDelta = TimeDelta::hours(3);

/// A cron expression that has been understood and that runs at some time.
#[derive(Debug, Clone)]
pub struct CronExpr {
    text: String,
    /// Runs whenever any of them does: crontab's "either day field" takes two.
    schedules: Vec<Schedule>,
    /// The hour field begins with `*`: such a job goes by elapsed time, as in Vixie cron. It runs through a repeated hour
    /// twice and is not made up for in a skipped one; any other runs exactly once on each day that it names.
    every_hour: bool,
}

impl CronExpr {
    /// Reads five, six or seven fields, or `@hourly @daily @weekly @monthly @yearly`. The error says which field is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        guard(text)?;
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (lines, hours) = match fields.as_slice() {
            [word] if word.starts_with('@') => (
                vec![shorthand(word)?],
                if *word == "@hourly" { "*" } else { "0" },
            ),
            [minute, hour, day, month, weekday] => (
                crontab::translate([minute, hour, day, month, weekday])?,
                *hour,
            ),
            [_, _, hour, ..] if (6..=7).contains(&fields.len()) => (vec![fields.join(" ")], *hour),
            _ => {
                return Err(format!(
                    "{} has {} fields; write five (minute hour day month weekday), or six or \
            seven with seconds first and the year last",
                    quoted(text),
                    fields.len()
                ));
            }
        };
        let schedules = lines
            .iter()
            .map(|line| Schedule::from_str(line).map_err(|_| blame(line, fields.len() == 5, text)))
            .collect::<Result<Vec<_>, _>>()?;
        let expr = Self {
            text: text.to_owned(),
            schedules,
            every_hour: hours.starts_with('*'),
        };
        match expr.next_after(DateTime::UNIX_EPOCH, Tz::UTC) {
            Some(_) => Ok(expr),
            None => Err(format!(
                "{} never comes: no calendar has that day",
                quoted(text)
            )),
        }
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first run strictly after an instant, by the clocks of a zone; `None` if there is none any more.
    ///
    /// A local time that a clock change skips runs once, at the first instant after the gap; one that it repeats runs
    /// once, the first time. Expressions whose hour is `*` or `*/n` go by elapsed time instead, so that a job of every
    /// five minutes neither pauses nor doubles up when the clocks change.
    pub fn next_after(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = after.with_timezone(&zone).naive_local();
        if !clocks_change_near(after, zone) {
            return self
                .runs_from(local)
                .flat_map(|run| self.instants(run, zone))
                .find(|instant| *instant > after);
        }
        // Local time is not in step with real time here: look at everything that could be meant and take the earliest.
        let horizon = local + LARGEST_CLOCK_CHANGE;
        let mut best: Option<DateTime<Utc>> = None;
        for run in self.runs_from(local - LARGEST_CLOCK_CHANGE) {
            if best.is_some() && run > horizon {
                break;
            }
            let first = self
                .instants(run, zone)
                .into_iter()
                .filter(|instant| *instant > after)
                .min();
            best = match (best, first) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        best
    }

    /// The next `count` runs, for people to look at.
    pub fn upcoming(&self, after: DateTime<Utc>, zone: Tz, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(after, zone), |last| {
            self.next_after(*last, zone)
        })
        .take(count)
        .collect()
    }

    /// Local times it names, strictly after one, in order. They are computed as if local time were UTC.
    fn runs_from(&self, local: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let next = move |from: NaiveDateTime| {
            self.schedules
                .iter()
                .filter_map(|s| s.after(&from.and_utc()).next())
                .map(|t| t.naive_utc())
                .min()
        };
        std::iter::successors(next(local), move |last| next(*last))
    }

    /// The instants at which a local time runs.
    fn instants(&self, local: NaiveDateTime, zone: Tz) -> Vec<DateTime<Utc>> {
        let found = zone.from_local_datetime(&local);
        match (found.earliest(), found.latest()) {
            (Some(first), Some(second)) if self.every_hour && first != second => {
                vec![first.to_utc(), second.to_utc()]
            }
            (Some(first), _) => vec![first.to_utc()],
            _ if self.every_hour => Vec::new(),
            _ => end_of_gap(local, zone).into_iter().collect(),
        }
    }
}

fn clocks_change_near(instant: DateTime<Utc>, zone: Tz) -> bool {
    let offset = |at: DateTime<Utc>| zone.offset_from_utc_datetime(&at.naive_utc()).fix();
    let here = offset(instant);
    offset(instant - LARGEST_CLOCK_CHANGE) != here || offset(instant + LARGEST_CLOCK_CHANGE) != here
}

/// The first instant after a gap that swallowed a local time. Clock changes fall on whole minutes.
fn end_of_gap(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    const DAY: i64 = 24 * 60;
    let minute = local - TimeDelta::seconds(local.and_utc().timestamp().rem_euclid(60));
    (1..=DAY)
        .find_map(|step| {
            zone.from_local_datetime(&(minute + TimeDelta::minutes(step)))
                .earliest()
        })
        .map(|instant| instant.to_utc())
}

/// Refuses what no expression needs before anything is built from it.
fn guard(text: &str) -> Result<(), String> {
    let long_number = text
        .split(|c: char| !c.is_ascii_digit())
        .any(|digits| digits.len() > 4);
    if text.len() > 256 || !text.is_ascii() || long_number {
        return Err(format!("{} is not a cron expression", quoted(text)));
    }
    Ok(())
}

fn shorthand(word: &str) -> Result<String, String> {
    const KNOWN: [&str; 5] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];
    if KNOWN.contains(&word) {
        return Ok(word.to_owned());
    }
    Err(format!(
        "{} is not known; there are {}",
        quoted(word),
        KNOWN.join(", ")
    ))
}

/// Which field of a line the crate refuses, by trying each alone.
fn blame(line: &str, five: bool, text: &str) -> String {
    const NAMES: [(&str, &str); 7] = [
        ("second", "0-59"),
        ("minute", "0-59"),
        ("hour", "0-23"),
        ("day of the month", "1-31"),
        ("month", "1-12 or JAN-DEC"),
        ("weekday", "1-7 with Sunday as 1, or SUN-SAT"),
        ("year", "1970-2100"),
    ];
    for (index, (field, (name, range))) in line.split_whitespace().zip(NAMES).enumerate() {
        let mut alone = ["*"; 7];
        alone[index] = field;
        if Schedule::from_str(&alone.join(" ")).is_err() {
            let form = if five {
                ""
            } else {
                " (six or seven fields: seconds stand first)"
            };
            return format!(
                "{}: {} is not a valid {name}: {range}{form}",
                quoted(text),
                quoted(field)
            );
        }
    }
    format!("{} is not a cron expression", quoted(text))
}

impl PartialEq for CronExpr {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronExpr {}

impl fmt::Display for CronExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for CronExpr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;
