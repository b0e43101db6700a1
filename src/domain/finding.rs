//! The state of a finding, folded from what every report of it says. The newest `UpdatedAt` wins, so the
//! order of arrival does not matter.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
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

/// Security Hub deletes what nobody has updated for 90 days (its user guide, "Findings"): a day less, to be sure. What leaves
/// it that old has expired, which says nothing of the weakness.
pub const HUB_KEEPS: TimeDelta = TimeDelta::days(89);

/// The new Security Hub deletes what is resolved or suppressed after 14 days (its user guide; `reliability-security.md` 0.4):
/// a day less, to be sure.
const V2_KEEPS_PUT_ASIDE: TimeDelta = TimeDelta::days(13);

/// How long a hub keeps what it shows like this; `None` for a service that is no hub.
pub fn hub_keeps(service: &str, signal: Signal) -> Option<TimeDelta> {
    let aside = matches!(
        signal,
        Signal::OpenResolvedAtSource | Signal::OpenSuppressedAtSource
    );
    match service {
        "securityhub-v2" if aside => Some(V2_KEEPS_PUT_ASIDE),
        "securityhub" | "securityhub-v2" => Some(HUB_KEEPS),
        _ => None,
    }
}

/// `absent` of a report that expired at its source: it is not there, and that is no look without it.
pub const EXPIRED: i64 = -1_000_000;

/// The standard that a control finding was reported for (`aws-foundational-security-best-practices/v/1.0.0`), from an id of
/// before consolidated findings; `None` for any other id.
pub fn standard_of(native_id: &str) -> Option<&str> {
    let (_, rest) = native_id.split_once(":subscription/")?;
    let (before, _) = rest.split_once("/finding/")?;
    before.rsplit_once('/').map(|(standard, _)| standard)
}

/// A control finding with an id of its own, whatever standards it is in.
pub fn is_consolidated(native_id: &str) -> bool {
    native_id.contains(":security-control/")
}

/// The outcome of a fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    pub status: FindingStatus,
    /// `suppressed-at-source`, `resolved-at-source` or `expired-at-source`: shown, never obeyed.
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
        Signal::Open if has_expired(reports) => Some("expired-at-source"),
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
        Signal::Archived if put_away_twice(winner, reports) => FindingStatus::Fixed,
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

/// Two complete looks of one door showed it put away, and nobody said since that it is there. Another door that has yet to
/// make its second look takes nothing back.
fn put_away_twice(winner: &Said, reports: &[Said]) -> bool {
    let last_open = reports
        .iter()
        .filter_map(Said::statement)
        .filter(|(_, signal)| signal.is_open())
        .map(|(at, _)| at)
        .max();
    let mut copies = reports.iter().filter(|r| {
        r.twin == winner.twin && r.signal == Signal::Archived && r.updated >= last_open
    });
    copies.any(|r| r.absent >= ABSENCES) && !winner.keeps_open
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

/// Nothing that is looked at shows it any more, and none of it went for a reason that says something.
fn has_expired(reports: &[Said]) -> bool {
    let mut live = reports
        .iter()
        .filter(|r| r.channel != Channel::File && r.signal.is_open())
        .peekable();
    live.peek().is_some() && live.all(|r| r.absent == EXPIRED)
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
    fn what_expired_at_its_source_stays_open_and_says_so() {
        let expired = Said {
            absent: EXPIRED,
            ..said(Signal::Open, 1)
        };
        let folded = fold(std::slice::from_ref(&expired)).unwrap();
        assert_eq!(
            (folded.status, folded.at_source),
            (FindingStatus::Open, Some("expired-at-source"))
        );
        let elsewhere = Said {
            channel: Channel::Pull,
            ..said(Signal::Open, 1)
        };
        assert_eq!(fold(&[expired, elsewhere]).unwrap().at_source, None);
    }

    #[test]
    fn ids_tell_their_standard() {
        let of =
            |rest: &str| format!("arn:aws-us-gov:securityhub:us-gov-west-1:210987654321:{rest}");
        for (rest, standard) in [
            (
                "subscription/nist-800-53/v/5.0.0/CloudTrail.2/finding/a9",
                Some("nist-800-53/v/5.0.0"),
            ),
            ("security-control/S3.8/finding/0d", None),
            ("subscription/odd", None),
        ] {
            assert_eq!(standard_of(&of(rest)), standard);
        }
        assert!(is_consolidated(&of("security-control/S3.8/finding/0d")));
        assert!(!is_consolidated("custom/1"));
    }

    #[test]
    fn a_second_door_takes_the_evidence_of_the_first_not_back() {
        let put_away = |minute, absent, channel| Said {
            absent,
            channel,
            ..said(Signal::Archived, minute)
        };
        let (hub, native) = (Channel::Hub, Channel::Pull);
        let proven = put_away(5, 2, hub);
        assert_eq!(
            status(&[proven.clone(), put_away(6, 0, native)]),
            FindingStatus::Fixed
        );
        // But what was open in between has to be put away anew.
        let again = Said {
            stated: DateTime::from_timestamp(6 * 60, 0).map(|at| (at, Signal::Open)),
            ..put_away(7, 0, native)
        };
        assert_eq!(status(&[proven, again]), FindingStatus::NotObserved);
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
