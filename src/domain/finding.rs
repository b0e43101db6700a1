//! The state of a finding, folded from what every report of it says. The newest `UpdatedAt` wins, so the
//! order of arrival does not matter.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use poamd_contract::finding::{Channel, Signal};
use poamd_contract::ids::BadId;
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingStatus {
    Open,
    /// Not in the last complete pull, or put away at the source: not yet evidence.
    NotObserved,
    /// Positive signal, or absent from two complete pulls.
    Fixed,
}

impl FindingStatus {
    pub const ALL: [Self; 3] = [Self::Open, Self::NotObserved, Self::Fixed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::NotObserved => "not-observed",
            Self::Fixed => "fixed",
        }
    }
}

impl AsRef<str> for FindingStatus {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for FindingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FindingStatus {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a finding status (open, not-observed, fixed)",
            })
    }
}

/// What one report says, as far as the fold needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The same for all reports of one native id: what one door shows of it later, another may still show as it was.
    pub twin: usize,
    pub signal: Signal,
    pub updated: Option<DateTime<Utc>>,
    pub channel: Channel,
    pub severity: Option<Severity>,
    /// When that rating was given; it may be older than the report, since a pass rates nothing.
    pub rated: Option<DateTime<Utc>>,
    /// Of what is put away: what it said before on whether the weakness is there, and when.
    pub stated: Option<(DateTime<Utc>, Signal)>,
    /// Decides between equal times, so that the outcome does not hang on the order of arrival.
    pub content_hash: i64,
    /// Complete looks at its cell in a row that did not show it, or (archived) showed it put away; below zero while its
    /// detector has still time to find it again.
    pub absent: i64,
    /// GuardDuty: archive and expiry prove nothing.
    pub keeps_open: bool,
}

/// Absences in a row that count as evidence (`design.md`, rule 1).
pub const ABSENCES: i64 = 2;

/// The outcome of a fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    pub status: FindingStatus,
    /// `suppressed-at-source` or `resolved-at-source`: shown, never obeyed.
    pub at_source: Option<&'static str>,
    /// Index of the report that decides text and times.
    pub winner: usize,
    /// The newest rating that any report gave while it spoke of the finding as open.
    pub severity: Option<Severity>,
    /// Some report speaks of it as open, if not the newest: there is something that can be absent.
    pub shown_open: bool,
    /// Nothing but NOT_AVAILABLE was ever said.
    pub inconclusive: bool,
}

/// Newest first by time; at one time what speaks of it as open, then native before hub before file, then by content.
fn newer(a: &Said, b: &Said) -> Ordering {
    let key = |s: &Said| {
        (
            s.updated,
            s.signal.is_open(),
            rank(s.channel),
            s.content_hash,
        )
    };
    key(a).cmp(&key(b))
}

fn rank(channel: Channel) -> u8 {
    match channel {
        Channel::Scan => 3,
        Channel::Pull => 2,
        Channel::Hub => 1,
        Channel::File => 0,
    }
}

/// Folds all reports of one finding; `None` without any.
pub fn fold(reports: &[Said]) -> Option<Folded> {
    let newest = |keep: &dyn Fn(&Said) -> bool| {
        reports
            .iter()
            .enumerate()
            .filter(|(_, r)| keep(r))
            .max_by(|(_, a), (_, b)| newer(a, b))
    };
    let (any, _) = newest(&|_| true)?;
    let conclusive = newest(&|r| r.signal != Signal::NoConclusion);
    let rated = reports
        .iter()
        .filter(|r| r.severity.is_some())
        .max_by_key(|r| (r.rated, rank(r.channel), r.severity));
    let (winner, status) = match conclusive {
        None => (any, FindingStatus::NotObserved),
        Some((index, report)) => (index, status_of(report, reports)),
    };
    let at_source = match reports[winner].signal {
        Signal::OpenSuppressedAtSource => Some("suppressed-at-source"),
        Signal::OpenResolvedAtSource => Some("resolved-at-source"),
        Signal::Open
        | Signal::Passed
        | Signal::NoConclusion
        | Signal::Archived
        | Signal::ArchivedByHand => None,
    };
    Some(Folded {
        status,
        at_source,
        winner,
        severity: rated.and_then(|r| r.severity),
        shown_open: reports.iter().any(|r| r.signal.is_open()),
        inconclusive: conclusive.is_none(),
    })
}

fn status_of(winner: &Said, reports: &[Said]) -> FindingStatus {
    match winner.signal {
        Signal::Passed => FindingStatus::Fixed,
        // Putting away what had passed takes no evidence back.
        Signal::Archived | Signal::ArchivedByHand if passed_before(reports) => FindingStatus::Fixed,
        Signal::ArchivedByHand | Signal::NoConclusion => FindingStatus::NotObserved,
        // One standard's copy is retired (AWS does so when consolidated findings are switched on); another still fails.
        Signal::Archived if another_is_open(winner, reports) => by_absence(reports),
        Signal::Archived if winner.absent >= ABSENCES && !winner.keeps_open => FindingStatus::Fixed,
        Signal::Archived => FindingStatus::NotObserved,
        Signal::Open | Signal::OpenSuppressedAtSource | Signal::OpenResolvedAtSource => {
            by_absence(reports)
        }
    }
}

/// A report of another native id, which the last complete look showed, or the one before it, speaks of it as open.
fn another_is_open(winner: &Said, reports: &[Said]) -> bool {
    reports.iter().any(|r| {
        r.twin != winner.twin
            && r.channel != Channel::File
            && r.signal.is_open()
            && r.absent < ABSENCES
    })
}

/// The newest word on whether the weakness is there is a pass. At one time, "there" outweighs "passed".
fn passed_before(reports: &[Said]) -> bool {
    reports
        .iter()
        .filter_map(Said::statement)
        .max_by_key(|(at, signal)| (*at, signal.is_open()))
        .is_some_and(|(_, signal)| signal == Signal::Passed)
}

impl Said {
    fn statement(&self) -> Option<(DateTime<Utc>, Signal)> {
        if self.signal.states() {
            self.updated.map(|at| (at, self.signal))
        } else {
            self.stated
        }
    }
}

/// Absent only if every live report that speaks of it as open is. A file is no look at the account: what was only
/// ever imported is never absent.
fn by_absence(reports: &[Said]) -> FindingStatus {
    let live = || {
        reports
            .iter()
            .filter(|r| r.channel != Channel::File && r.signal.is_open())
    };
    let fewest = live().map(|r| r.absent).min().unwrap_or(0);
    let provable = live().all(|r| !r.keeps_open);
    match fewest {
        // Below zero: its detector did not look for it, and has yet to find it again.
        n if n <= 0 => FindingStatus::Open,
        n if n >= ABSENCES && provable => FindingStatus::Fixed,
        _ => FindingStatus::NotObserved,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(signal: Signal, minute: i64) -> Said {
        Said {
            twin: 0,
            signal,
            updated: DateTime::from_timestamp(minute * 60, 0),
            channel: Channel::Hub,
            severity: Some(Severity::High),
            rated: DateTime::from_timestamp(minute * 60, 0),
            stated: None,
            content_hash: minute,
            absent: 0,
            keeps_open: false,
        }
    }

    fn status(reports: &[Said]) -> FindingStatus {
        fold(reports).unwrap().status
    }

    #[test]
    fn one_report_alone() {
        for (signal, want) in [
            (Signal::Open, FindingStatus::Open),
            (Signal::OpenSuppressedAtSource, FindingStatus::Open),
            (Signal::OpenResolvedAtSource, FindingStatus::Open),
            (Signal::Passed, FindingStatus::Fixed),
            (Signal::NoConclusion, FindingStatus::NotObserved),
            (Signal::Archived, FindingStatus::NotObserved),
            (Signal::ArchivedByHand, FindingStatus::NotObserved),
        ] {
            assert_eq!(status(&[said(signal, 1)]), want, "{signal:?}");
        }
    }

    #[test]
    fn a_pass_that_came_first_is_remembered() {
        assert_eq!(
            status(&[said(Signal::Passed, 5), said(Signal::Open, 3)]),
            FindingStatus::Fixed
        );
        assert_eq!(
            status(&[said(Signal::Open, 3), said(Signal::Passed, 5)]),
            FindingStatus::Fixed
        );
        assert_eq!(
            status(&[said(Signal::Passed, 3), said(Signal::Open, 5)]),
            FindingStatus::Open
        );
    }

    #[test]
    fn no_conclusion_changes_nothing() {
        assert_eq!(
            status(&[said(Signal::Open, 3), said(Signal::NoConclusion, 5)]),
            FindingStatus::Open
        );
        assert_eq!(
            status(&[said(Signal::Passed, 3), said(Signal::NoConclusion, 5)]),
            FindingStatus::Fixed
        );
    }

    #[test]
    fn absence_counts_only_twice_and_in_every_live_channel() {
        let absent = |n| Said {
            absent: n,
            ..said(Signal::Open, 1)
        };
        assert_eq!(status(&[absent(1)]), FindingStatus::NotObserved);
        assert_eq!(status(&[absent(2)]), FindingStatus::Fixed);
        assert_eq!(
            status(&[
                absent(2),
                Said {
                    channel: Channel::Pull,
                    ..absent(0)
                }
            ]),
            FindingStatus::Open
        );
        assert_eq!(
            status(&[Said {
                channel: Channel::File,
                ..absent(9)
            }]),
            FindingStatus::Open
        );
    }

    #[test]
    fn guardduty_expiry_and_archive_are_never_a_fix() {
        let gone = Said {
            absent: 9,
            keeps_open: true,
            ..said(Signal::Open, 1)
        };
        assert_eq!(status(&[gone]), FindingStatus::NotObserved);
        assert_eq!(
            status(&[Said {
                absent: 9,
                ..said(Signal::ArchivedByHand, 1)
            }]),
            FindingStatus::NotObserved
        );
    }

    #[test]
    fn a_retired_copy_does_not_outvote_one_that_still_fails() {
        let retired = |absent| Said {
            absent,
            ..said(Signal::Archived, 9)
        };
        let failing = |absent| Said {
            twin: 1,
            absent,
            ..said(Signal::Open, 3)
        };
        for (absent, want) in [
            (0, FindingStatus::Open),
            (1, FindingStatus::NotObserved),
            (2, FindingStatus::Fixed),
        ] {
            assert_eq!(status(&[retired(2), failing(absent)]), want);
        }
        // An older version of the same finding that another door still holds is no twin.
        let stale = Said {
            twin: 0,
            ..failing(0)
        };
        assert_eq!(status(&[retired(2), stale]), FindingStatus::Fixed);
    }

    #[test]
    fn of_two_copies_of_one_time_the_open_one_counts() {
        for hashes in [(1, 2), (2, 1)] {
            let copies = [
                Said {
                    content_hash: hashes.0,
                    ..said(Signal::Open, 3)
                },
                Said {
                    content_hash: hashes.1,
                    twin: 1,
                    ..said(Signal::Passed, 3)
                },
            ];
            assert_eq!(status(&copies), FindingStatus::Open);
        }
    }

    #[test]
    fn putting_away_takes_no_pass_back() {
        let put_away = |signal, stated, minute: i64| Said {
            stated: DateTime::from_timestamp(minute * 60, 0).map(|at| (at, stated)),
            ..said(signal, 9)
        };
        for signal in [Signal::Archived, Signal::ArchivedByHand] {
            let passed = put_away(signal, Signal::Passed, 5);
            assert_eq!(status(std::slice::from_ref(&passed)), FindingStatus::Fixed);
            assert_eq!(
                status(&[put_away(signal, Signal::Open, 5)]),
                FindingStatus::NotObserved
            );
            for (minute, want) in [
                (4, FindingStatus::Fixed),
                (5, FindingStatus::NotObserved),
                (6, FindingStatus::NotObserved),
            ] {
                assert_eq!(status(&[passed.clone(), said(Signal::Open, minute)]), want);
            }
        }
    }

    #[test]
    fn a_pass_does_not_overwrite_the_rating() {
        let pass = Said {
            severity: None,
            rated: None,
            ..said(Signal::Passed, 5)
        };
        assert_eq!(
            fold(&[said(Signal::Open, 3), pass]).unwrap().severity,
            Some(Severity::High)
        );
    }

    #[test]
    fn a_twin_that_passed_long_ago_does_not_keep_it_from_being_absent() {
        let gone = Said {
            absent: 2,
            ..said(Signal::Open, 5)
        };
        assert_eq!(
            status(&[gone, said(Signal::Passed, 3)]),
            FindingStatus::Fixed
        );
    }

    proptest! {
        #[test]
        fn order_of_arrival_does_not_matter(
            rows in prop::collection::vec((0usize..7, 0i64..4, 0i64..3, 0i64..3), 1..6),
            turn in 0usize..6,
        ) {
            let reports: Vec<Said> = rows.iter().map(|(signal, minute, hash, absent)| Said {
                content_hash: *hash,
                absent: *absent,
                ..said(Signal::ALL[*signal], *minute)
            }).collect();
            let mut turned = reports.clone();
            turned.rotate_left(turn % reports.len());
            let (a, b) = (fold(&reports).unwrap(), fold(&turned).unwrap());
            // Equal keys may stand for different reports only if they are equal in all the key covers.
            let key = |r: &Said| (r.updated, r.content_hash);
            prop_assert_eq!(key(&reports[a.winner]), key(&turned[b.winner]));
        }
    }
}
