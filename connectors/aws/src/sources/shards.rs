//! How a look is cut into shards that are read beside each other: a chain of page tokens is serial, so one alone reaches
//! one page a round trip (`reliability-security.md` 6.2).
//!
//! Security Hub and Inspector are cut by when a finding was made, which nobody can change: no finding moves from one shard
//! to another while they are read, as it could by its severity. All shards together are all of time. GuardDuty has no such
//! criterion and is cut by severity; its silence concludes nothing anyway. The new Security Hub is not cut: an OCSF finding
//! need not say when it was made, and what says nothing would lie in no shard and look as if it were gone.

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::source::{Extent, Request};
use serde::{Deserialize, Serialize};

/// Shards of a full look whose distribution is known.
const EVEN: usize = 8;
/// Bounds overlap by the smallest time the services tell apart, so that nothing falls between them, whether they count
/// their ends in or out.
const OVERLAP: TimeDelta = TimeDelta::milliseconds(1);
/// What was updated while a full look was under way is looked at again: it may have moved between pages.
const CLOSING: TimeDelta = TimeDelta::minutes(2);
/// Ages of the first look's shards, from the youngest: each bound is so many times the one before it.
const YOUNGEST: TimeDelta = TimeDelta::hours(1);
const GROWTH: f64 = 1.4;
const OLDEST: TimeDelta = TimeDelta::days(2 * 365);
/// Dates a look keeps to learn the distribution from.
const SAMPLE: usize = 2_048;
/// Fewer teach nothing.
const ENOUGH: u64 = 256;

/// From and to, both counted in.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// A part of what a cell holds; its JSON is the shard's name in cursors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slice {
    /// The detector, for GuardDuty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Span>,
    /// At least, and below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<(Option<i64>, Option<i64>)>,
}

impl Slice {
    pub fn name(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `None` for a name that another version wrote.
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_str(name).ok()
    }
}

/// How a look is read.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// All of it, which is asked for first: most looks are one page.
    pub whole: Slice,
    /// What it is cut into if it is more than a page; none: it is read as one chain.
    pub parts: Vec<Slice>,
    /// What is read again at the end.
    pub closing: Option<Slice>,
    /// Chains that are read beside each other.
    pub chains: usize,
}

impl Plan {
    /// One chain after the other page.
    pub fn single(whole: Slice) -> Self {
        Self {
            whole,
            parts: Vec::new(),
            closing: None,
            chains: 1,
        }
    }

    /// Not cut, for a service whose findings need not say when they were made: each of them is on some page, whatever it
    /// bears. What was updated while a full look was under way is read again at its end.
    pub fn in_one(request: &Request) -> Self {
        let whole = Slice {
            updated: window(request.extent),
            ..Slice::default()
        };
        Self {
            closing: closing(request),
            ..Self::single(whole)
        }
    }

    /// A shard of this plan, or all of it.
    pub fn has(&self, slice: &Slice) -> bool {
        *slice == self.whole || self.parts.contains(slice)
    }

    /// Cut by the time findings were made.
    pub fn by_time(request: &Request, chains: usize) -> Self {
        let updated = window(request.extent);
        let whole = Slice {
            updated,
            ..Slice::default()
        };
        if chains < 2 {
            return Self::single(whole);
        }
        let cuts = match request.extent {
            Extent::Full if request.cuts.is_empty() => by_age(request.began),
            Extent::Full => request.cuts.clone(),
            Extent::Window { from, to } => {
                // What was there before is spread as all of it is; what is new was made within the window.
                let known = &request.cuts;
                let thirds = [known.len() / 3, known.len() * 2 / 3];
                let old = thirds.iter().filter_map(|n| known.get(*n).copied());
                old.filter(|cut| *cut < from)
                    .chain([from, from + (to - from) / 2])
                    .collect()
            }
        };
        let part = |created| Slice {
            created: Some(created),
            ..whole.clone()
        };
        Self {
            parts: spans(cuts).into_iter().map(part).collect(),
            closing: closing(request),
            whole,
            chains,
        }
    }

    /// Cut by severity: GuardDuty's low, medium, high and above.
    pub fn by_severity(request: &Request, detector: &str, chains: usize) -> Self {
        let whole = Slice {
            detector: Some(detector.to_owned()),
            updated: window(request.extent),
            ..Slice::default()
        };
        if chains < 2 {
            return Self::single(whole);
        }
        let bounds = [(None, Some(4)), (Some(4), Some(7)), (Some(7), None)];
        let part = |severity| Slice {
            severity: Some(severity),
            ..whole.clone()
        };
        Self {
            parts: bounds.into_iter().map(part).collect(),
            closing: None,
            chains,
            whole,
        }
    }
}

fn closing(request: &Request) -> Option<Slice> {
    request.extent.is_full().then(|| Slice {
        updated: Some((request.began - CLOSING, always().1)),
        ..Slice::default()
    })
}

fn window(extent: Extent) -> Option<Span> {
    match extent {
        Extent::Full => None,
        Extent::Window { from, to } => Some((from, to)),
    }
}

/// All the time that a finding may bear (`poamd_formats` takes no other): filters want both ends.
pub(super) fn always() -> Span {
    let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    (at(0), at(253_402_300_799))
}

/// All of time, cut.
fn spans(mut cuts: Vec<DateTime<Utc>>) -> Vec<Span> {
    cuts.sort_unstable();
    cuts.dedup();
    let (first, last) = always();
    let before = |cut: &DateTime<Utc>| cut.checked_sub_signed(OVERLAP).unwrap_or(*cut);
    let starts = std::iter::once(first).chain(cuts.iter().map(before));
    let ends = cuts.iter().copied().chain([last]);
    starts.zip(ends).collect()
}

/// What has never been looked at is young more often than old: bounds by age, finer towards now.
fn by_age(now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut cuts = Vec::new();
    let mut age = YOUNGEST;
    while age < OLDEST {
        cuts.push(now - age);
        let grown = age.num_seconds() as f64 * GROWTH;
        age = TimeDelta::seconds(grown as i64);
    }
    cuts
}

/// Dates of a look, few of them, taken without regard to their order.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// With what decides whether it is kept when there are too many.
    dates: Vec<(u64, DateTime<Utc>)>,
    /// So many leading zeros are asked for.
    level: u32,
    seen: u64,
}

impl Sample {
    pub fn see(&mut self, date: DateTime<Utc>) {
        self.seen += 1;
        let lot = mixed(self.seen);
        if lot.leading_zeros() >= self.level {
            self.dates.push((lot, date));
        }
        if self.dates.len() >= SAMPLE {
            self.level += 1;
            let level = self.level;
            self.dates.retain(|(lot, _)| lot.leading_zeros() >= level);
        }
    }

    /// Dates that cut what was seen into equal parts.
    pub fn cuts(&self) -> Vec<DateTime<Utc>> {
        if self.seen < ENOUGH {
            return Vec::new();
        }
        let mut dates: Vec<_> = self.dates.iter().map(|(_, date)| *date).collect();
        dates.sort_unstable();
        let at = |part: usize| dates.get(part * dates.len() / EVEN).copied();
        let mut cuts: Vec<_> = (1..EVEN).filter_map(at).collect();
        cuts.dedup();
        cuts
    }
}

/// A number without its pattern (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut n = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    /// Every moment lies in a shard, even if a service counts neither end of a span in.
    fn holds_everything(plan: &Plan, moments: impl Iterator<Item = DateTime<Utc>>) {
        for moment in moments {
            let within = |slice: &&Slice| {
                let (from, to) = slice.created.unwrap();
                from < moment && moment < to
            };
            assert!(plan.parts.iter().any(|s| within(&s)), "{moment}");
        }
    }

    #[test]
    fn shards_hold_every_moment_whatever_the_cuts() {
        let mut request = Request::full(at(0));
        let millis = |n: i64| at(0) - TimeDelta::milliseconds(n * 977_131);
        let moments = || (-50..60_000).map(millis);
        let first = Plan::by_time(&request, 4);
        assert!(first.parts.len() > 20);
        holds_everything(&first, moments());
        // What bears the time of a clock that is far ahead is there too.
        let ahead = |years: i64| at(0) + TimeDelta::days(365 * years);
        holds_everything(&first, [1, 80, 500, 7_000].map(ahead).into_iter());
        // On a bound and beside it.
        request.cuts = vec![at(-50), at(-50), at(-7_000), at(-100_000)];
        let learnt = Plan::by_time(&request, 4);
        assert_eq!(learnt.parts.len(), 4);
        let around = |cut: DateTime<Utc>| (-2..3).map(move |ms| cut + TimeDelta::milliseconds(ms));
        holds_everything(&learnt, request.cuts.clone().into_iter().flat_map(around));
        request.extent = Extent::Window {
            from: at(-3_600),
            to: at(0),
        };
        let window = Plan::by_time(&request, 4);
        assert!((3..=5).contains(&window.parts.len()), "{window:?}");
        holds_everything(&window, moments());
        assert!(
            window
                .parts
                .iter()
                .all(|s| s.updated == Some((at(-3_600), at(0))))
        );
    }

    #[test]
    fn cuts_at_the_ends_of_the_calendar_are_cuts() {
        let mut request = Request::full(at(0));
        request.cuts = vec![DateTime::<Utc>::MIN_UTC, at(0), DateTime::<Utc>::MAX_UTC];
        holds_everything(
            &Plan::by_time(&request, 4),
            [at(-9_999), at(9_999)].into_iter(),
        );
    }

    #[test]
    fn a_full_look_has_no_upper_bound_and_reads_again_what_moved_meanwhile() {
        let plan = Plan::by_time(&Request::full(at(0)), 4);
        assert!(plan.parts.iter().all(|s| s.updated.is_none()));
        assert!(plan.closing.unwrap().updated.unwrap().0 < at(0));
    }

    #[test]
    fn severities_are_cut_once() {
        let plan = Plan::by_severity(&Request::full(at(0)), "d", 3);
        for tenth in 0..=100 {
            let severity = f64::from(tenth) / 10.0;
            let within = |s: &&Slice| {
                let (from, below) = s.severity.unwrap();
                from.is_none_or(|f| severity >= f as f64)
                    && below.is_none_or(|b| severity < b as f64)
            };
            assert_eq!(plan.parts.iter().filter(within).count(), 1, "{severity}");
        }
    }

    #[test]
    fn what_is_learnt_cuts_evenly() {
        let mut sample = Sample::default();
        // Nine in ten on one day, the others over a year.
        let dates: Vec<_> = (0..50_000i64)
            .map(|n| at(if n % 10 == 0 { -n * 600 } else { -n }))
            .collect();
        dates.iter().for_each(|d| sample.see(*d));
        let mut request = Request::full(at(0));
        request.cuts = sample.cuts();
        let plan = Plan::by_time(&request, 4);
        for part in &plan.parts {
            let (from, to) = part.created.unwrap();
            let size = dates.iter().filter(|d| from <= **d && **d <= to).count();
            assert!(
                (4_500..8_500).contains(&size),
                "{size} of 50,000 in one of 8"
            );
        }
        assert!(Sample::default().cuts().is_empty());
    }

    #[test]
    fn names_are_read_again() {
        let plan = Plan::by_time(&Request::full(at(0)), 4);
        for slice in &plan.parts {
            assert_eq!(Slice::named(&slice.name()).as_ref(), Some(slice));
        }
        assert_eq!(Slice::named("of another version"), None);
    }
}
