//! How far the records are from what makes an agency escalate (FedRAMP Rev5 performance management; `poam.md` 2.5):
//! DFR, a detailed finding review, then CAP, a corrective action plan. The thresholds are data (`data/clocks`). Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Months, NaiveDate};
use serde::Serialize;

use super::clock::frames::{self, Trigger};
use super::rating::Rating;
use super::record::RecordId;

/// A record as triggers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged {
    pub id: RecordId,
    pub weakness: String,
    pub rating: Rating,
    pub detected: NaiveDate,
    /// `None`: still open.
    pub closed: Option<NaiveDate>,
    /// Software that is vulnerable, for the count of unique vulnerabilities.
    pub is_vulnerability: bool,
}

impl Aged {
    fn was_open(&self, day: NaiveDate) -> bool {
        self.detected <= day && self.closed.is_none_or(|closed| closed > day)
    }
}

/// The places that were looked at, as the trigger about scans without credentials sees them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Looks {
    /// Account × region × service.
    pub all: u64,
    /// Of them those where we had not the rights to look.
    pub denied: u64,
}

impl Looks {
    /// Counts states of `coverage`; what is switched off or ended is not looked at.
    pub fn of<'a>(states: impl Iterator<Item = &'a str>) -> Self {
        let mut looks = Self::default();
        for state in states.filter(|state| !matches!(*state, "off" | "ended")) {
            looks.all += 1;
            looks.denied += u64::from(state == "denied");
        }
        looks
    }
}

/// One trigger and how far away it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Distance {
    /// `5 High older than 30 days`.
    pub trigger: String,
    /// `DFR`, `CAP`.
    pub action: String,
    /// How much there is of it; `None` if the ledger cannot know.
    pub count: Option<u64>,
    pub threshold: Option<u64>,
    /// How many more it takes; 0: it is reached.
    pub left: Option<u64>,
    /// The next day on which it would be reached if nothing closes; `None`: not by what is known today.
    pub reached_on: Option<NaiveDate>,
    /// What else there is to say.
    pub note: String,
    /// The records that are counted, those first that have been for the longest time; at most [`NAMED`].
    pub records: Vec<RecordId>,
    /// How many more there are.
    pub more_records: u64,
}

/// Records that are named at most.
const NAMED: usize = 20;

/// The first of these records, and how many more there are.
fn named(records: impl IntoIterator<Item = RecordId>) -> (Vec<RecordId>, u64) {
    let mut records = records.into_iter();
    let named = records.by_ref().take(NAMED).collect();
    (named, records.count() as u64)
}

impl Distance {
    pub fn is_reached(&self) -> bool {
        self.left == Some(0)
    }
}

/// All triggers against the records. `baseline` is the number of unique vulnerabilities at authorization.
pub fn distances(
    records: &[Aged],
    baseline: Option<u32>,
    looks: Looks,
    today: NaiveDate,
) -> Vec<Distance> {
    let triggers = &frames::frames().triggers;
    let mut found: Vec<Distance> = triggers
        .iter()
        .filter_map(|trigger| match trigger.metric.as_deref() {
            None => aged(trigger, records, today),
            Some("uniqueVulnerabilityCount") => Some(unique(trigger, records, baseline, today)),
            Some("unauthenticatedScanShare") => Some(unauthenticated(trigger, looks, today)),
            Some(_) => None,
        })
        .collect();
    let repeated = triggers
        .iter()
        .find(|t| t.metric.as_deref() == Some("anyTriggerRepeatedWithinMonths"))
        .and_then(|trigger| repeated(trigger, records, today));
    found.extend(repeated);
    found
}

/// Rating, number and age of a trigger about old records.
fn terms(trigger: &Trigger) -> Option<(Rating, u64, u32)> {
    Some((
        trigger.rating.as_deref()?.parse().ok()?,
        u64::from(trigger.count?),
        trigger.older_than_days?,
    ))
}

/// The first day on which a record is older than so many days.
fn ripe(record: &Aged, days: u32) -> NaiveDate {
    record
        .detected
        .checked_add_days(Days::new(u64::from(days) + 1))
        .unwrap_or(record.detected)
}

fn aged(trigger: &Trigger, records: &[Aged], today: NaiveDate) -> Option<Distance> {
    let (rating, threshold, days) = terms(trigger)?;
    let mut ripens: Vec<(NaiveDate, RecordId)> = records
        .iter()
        .filter(|record| record.rating == rating && record.was_open(today))
        .map(|record| (ripe(record, days), record.id))
        .collect();
    ripens.sort_unstable();
    let counted = ripens.iter().filter(|(day, _)| *day <= today);
    let count = counted.clone().count() as u64;
    let (records, more_records) = named(counted.map(|(_, id)| *id));
    let nth = usize::try_from(threshold)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    Some(Distance {
        trigger: format!("{threshold} {rating} older than {days} days"),
        action: trigger.action.clone().unwrap_or_default(),
        count: Some(count),
        threshold: Some(threshold),
        left: Some(threshold.saturating_sub(count)),
        reached_on: ripens.get(nth).map(|(day, _)| (*day).max(today)),
        note: String::new(),
        records,
        more_records,
    })
}

fn unique(
    trigger: &Trigger,
    records: &[Aged],
    baseline: Option<u32>,
    today: NaiveDate,
) -> Distance {
    // Of each vulnerability its oldest record.
    let mut oldest: BTreeMap<&str, (NaiveDate, RecordId)> = BTreeMap::new();
    let open = records.iter();
    for record in open.filter(|record| record.is_vulnerability && record.was_open(today)) {
        let this = (record.detected, record.id);
        let known = oldest.entry(&record.weakness).or_insert(this);
        *known = this.min(*known);
    }
    let count = oldest.len() as u64;
    let ordered: BTreeSet<(NaiveDate, RecordId)> = oldest.into_values().collect();
    let (records, more_records) = named(ordered.into_iter().map(|(_, id)| id));
    let percent = u64::from(trigger.increase_percent.unwrap_or_default());
    let least = u64::from(trigger.or_at_least.unwrap_or_default());
    let threshold = baseline.map(|baseline| {
        let baseline = u64::from(baseline);
        baseline + (baseline * percent).div_ceil(100).max(least)
    });
    let left = threshold.map(|threshold| threshold.saturating_sub(count));
    Distance {
        trigger: format!("unique vulnerabilities up {percent} % or {least}, whichever is more"),
        action: trigger.action.clone().unwrap_or_default(),
        count: Some(count),
        threshold,
        left,
        reached_on: left.filter(|left| *left == 0).map(|_| today),
        note: baseline.map_or_else(
            || {
                "not counted: set [poam] ato_vulnerabilities to what there was at authorization"
                    .to_owned()
            },
            |baseline| format!("{baseline} at authorization"),
        ),
        records,
        more_records,
    }
}

/// poamd never looks without credentials; where their rights did not reach it saw nothing, which is the least that a scan
/// without credentials is. What scanners of others submit says for itself how it was made.
fn unauthenticated(trigger: &Trigger, looks: Looks, today: NaiveDate) -> Distance {
    let percent = u64::from(trigger.percent.unwrap_or_default());
    let threshold = (looks.all * percent).div_ceil(100);
    let counted = looks.all > 0;
    let left = threshold.saturating_sub(looks.denied);
    Distance {
        trigger: format!("{percent} % or more of the scans unauthenticated"),
        action: trigger.first.clone().unwrap_or_default(),
        count: counted.then_some(looks.denied),
        threshold: counted.then_some(threshold),
        left: counted.then_some(left),
        reached_on: (counted && left == 0).then_some(today),
        note: if counted {
            format!(
                "places we had no rights to look at, of {}; scans of others are not counted",
                looks.all
            )
        } else {
            "not counted: nothing has been looked at yet".to_owned()
        },
        // Places are counted here, no records.
        records: Vec::new(),
        more_records: 0,
    }
}

/// Whether any trigger about old records began to hold twice within so many months.
fn repeated(trigger: &Trigger, records: &[Aged], today: NaiveDate) -> Option<Distance> {
    let months = trigger.months?;
    let from = today.checked_sub_months(Months::new(months))?;
    type Terms = (Rating, u64, u32);
    let mut begins: Vec<(NaiveDate, String, Terms)> = frames::frames()
        .triggers
        .iter()
        .filter(|t| t.metric.is_none())
        .filter_map(terms)
        .flat_map(|(rating, threshold, days)| {
            let name = format!("{threshold} {rating} older than {days} days");
            beginnings(records, rating, threshold, days, today)
                .into_iter()
                .filter(|day| *day > from)
                .map(move |day| (day, name.clone(), (rating, threshold, days)))
        })
        .collect();
    begins.sort();
    let mut worst = 0;
    let mut which = String::new();
    for (_, name, _) in &begins {
        let times = begins.iter().filter(|(_, other, _)| other == name).count();
        if times > worst {
            worst = times;
            which.clone_from(name);
        }
    }
    let count = worst as u64;
    let of_worst = begins.iter().filter(|(_, name, _)| *name == which);
    let counted: BTreeSet<(NaiveDate, RecordId)> = of_worst
        .flat_map(|(day, _, (rating, _, days))| {
            let old = records.iter().filter(move |record| {
                record.rating == *rating && ripe(record, *days) <= *day && record.was_open(*day)
            });
            old.map(|record| (ripe(record, *days), record.id))
        })
        .collect();
    let (named, more_records) = named(counted.into_iter().map(|(_, id)| id));
    Some(Distance {
        trigger: format!("any of these again within {months} months"),
        action: trigger.action.clone().unwrap_or_default(),
        count: Some(count),
        threshold: Some(2),
        left: Some(2u64.saturating_sub(count)),
        reached_on: (count >= 2).then_some(today),
        note: if which.is_empty() {
            format!("none was reached since {from}")
        } else {
            format!("reached most often since {from}: {which}")
        },
        records: named,
        more_records,
    })
}

/// The days on which a trigger about old records began to hold.
fn beginnings(
    records: &[Aged],
    rating: Rating,
    threshold: u64,
    days: u32,
    today: NaiveDate,
) -> Vec<NaiveDate> {
    // A record counts from the day it is ripe to the day it is closed: plus one, minus one.
    let mut steps: Vec<(NaiveDate, i64)> = Vec::new();
    for record in records.iter().filter(|r| r.rating == rating) {
        let ripe = ripe(record, days);
        if ripe <= today && record.closed.is_none_or(|closed| closed > ripe) {
            steps.push((ripe, 1));
            steps.extend(record.closed.map(|closed| (closed, -1)));
        }
    }
    steps.sort_unstable();
    let threshold = i64::try_from(threshold).unwrap_or(i64::MAX);
    let mut begins = Vec::new();
    let mut count = 0;
    for day in steps.chunk_by(|a, b| a.0 == b.0) {
        let after = count + day.iter().map(|(_, by)| by).sum::<i64>();
        if count < threshold && after >= threshold && day[0].0 <= today {
            begins.push(day[0].0);
        }
        count = after;
    }
    begins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const TODAY: &str = "2026-11-22";

    fn records(rating: Rating, detected: &[&str]) -> Vec<Aged> {
        detected
            .iter()
            .enumerate()
            .map(|(n, at)| Aged {
                id: RecordId(n as i64 + 1),
                weakness: format!("CVE-2026-{n:04}"),
                rating,
                detected: day(at),
                closed: None,
                is_vulnerability: true,
            })
            .collect()
    }

    fn ask(records: &[Aged], baseline: Option<u32>) -> Vec<Distance> {
        distances(records, baseline, Looks::default(), day(TODAY))
    }

    #[test]
    fn looks_without_rights_count_as_scans_without_credentials() {
        let ask = |states: &[&str]| {
            let looks = Looks::of(states.iter().copied());
            let d = distances(&[], None, looks, day(TODAY)).remove(5);
            (d.count, d.threshold, d.left)
        };
        let mut states = vec!["complete"; 20];
        assert_eq!(ask(&states), (Some(0), Some(2), Some(2)));
        (states[0], states[1]) = ("denied", "failed");
        assert_eq!(ask(&states), (Some(1), Some(2), Some(1)));
        states[2] = "denied";
        assert_eq!(ask(&states), (Some(2), Some(2), Some(0)));
        // What is not looked at is no scan.
        states[3..].fill("off");
        assert_eq!(ask(&states), (Some(2), Some(1), Some(0)));
        assert_eq!(ask(&["off", "ended"]), (None, None, None));
    }

    #[test]
    fn every_published_trigger_is_shown_with_its_action() {
        let shown: Vec<(String, String)> = ask(&[], Some(10))
            .into_iter()
            .map(|d| (d.trigger, d.action))
            .collect();
        let want = [
            ("5 High older than 30 days", "DFR"),
            ("5 High older than 60 days", "CAP"),
            ("10 Moderate older than 90 days", "DFR"),
            ("10 Moderate older than 120 days", "CAP"),
            (
                "unique vulnerabilities up 20 % or 10, whichever is more",
                "DFR",
            ),
            ("10 % or more of the scans unauthenticated", "DFR"),
            ("any of these again within 6 months", "CAP"),
        ];
        assert_eq!(shown, want.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn the_distance_falls_as_records_age() {
        // 31 days ago counts, 30 days ago does not.
        let aged = records(
            Rating::High,
            &[
                "2026-10-22",
                "2026-10-22",
                "2026-10-22",
                "2026-10-23",
                "2026-11-01",
            ],
        );
        let first = &ask(&aged, None)[0];
        assert_eq!((first.count, first.left), (Some(3), Some(2)));
        assert_eq!(first.reached_on, Some(day("2026-12-02")));
        assert!(!first.is_reached());
        assert_eq!(first.records, [1, 2, 3].map(RecordId));
        let fewer = &ask(&aged[..4], None)[0];
        assert_eq!(fewer.reached_on, None);
        let old = records(Rating::High, &["2026-09-01"; 5]);
        let all = ask(&old, None);
        assert!(all[0].is_reached() && all[1].is_reached() && !all[2].is_reached());
        assert_eq!(all[0].reached_on, Some(day(TODAY)));
        // Closed ones are nobody's concern any more.
        let closed: Vec<Aged> = old
            .into_iter()
            .map(|r| Aged {
                closed: Some(day("2026-11-22")),
                ..r
            })
            .collect();
        assert_eq!(ask(&closed, None)[0].count, Some(0));
    }

    #[test]
    fn unique_vulnerabilities_are_held_against_the_baseline_only_if_there_is_one() {
        let many = records(Rating::Low, &["2026-11-01"; 22]);
        let unknown = &ask(&many, None)[4];
        assert_eq!((unknown.count, unknown.left), (Some(22), None));
        assert_eq!((unknown.records.len(), unknown.more_records), (20, 2));
        // Two records of one vulnerability are one, named by the older.
        let mut twice = records(Rating::Low, &["2026-11-02", "2026-11-01"]);
        twice[0].weakness = twice[1].weakness.clone();
        let one = &ask(&twice, None)[4];
        assert_eq!((one.count, &one.records[..]), (Some(1), &[RecordId(2)][..]));
        for (baseline, threshold) in [(0, 10), (12, 22), (50, 60), (100, 120), (101, 122)] {
            let got = &ask(&many, Some(baseline))[4];
            assert_eq!(got.threshold, Some(threshold), "{baseline}");
            assert_eq!(got.is_reached(), threshold <= 22);
        }
    }

    #[test]
    fn a_trigger_that_comes_back_within_half_a_year_is_a_repeat() {
        let closed = |records: Vec<Aged>, at: &str| -> Vec<Aged> {
            records
                .into_iter()
                .map(|r| Aged {
                    closed: Some(day(at)),
                    ..r
                })
                .collect()
        };
        let mut all = closed(records(Rating::High, &["2026-06-01"; 5]), "2026-07-20");
        assert_eq!(ask(&all, None)[6].count, Some(1));
        all.extend(closed(
            records(Rating::High, &["2026-09-01"; 5]),
            "2026-10-20",
        ));
        let again = &ask(&all, None)[6];
        assert_eq!((again.count, again.left), (Some(2), Some(0)));
        assert!(
            again.note.ends_with("5 High older than 30 days"),
            "{}",
            again.note
        );
        assert_eq!(again.records.len(), 10, "those of both times");
        // Long ago counts no longer.
        let mut old = closed(records(Rating::High, &["2026-01-01"; 5]), "2026-03-20");
        old.extend(records(Rating::High, &["2026-09-25"; 5]));
        assert_eq!(ask(&old, None)[6].count, Some(1));
    }
}
