//! What the POA&M report says, from plain rows: counts by rating, what is late, what comes next, what changed, what
//! was accepted, and where we could not look.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::domain::escalation::Distance;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};

/// How many lines of each list the mail shows; the attachment has all.
const LATE_SHOWN: usize = 20;
const NEXT_SHOWN: usize = 10;
const CHANGES_SHOWN: usize = 10;
const JUSTIFICATIONS_SHOWN: usize = 20;
const GAPS_SHOWN: usize = 20;

/// One record as reports need it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordRow {
    /// `POAM-000123`.
    pub id: String,
    pub weakness: String,
    pub title: String,
    pub account: String,
    pub account_name: String,
    pub rating: Rating,
    pub score: f64,
    pub status: RecordStatus,
    pub detected: NaiveDate,
    pub due: Option<NaiveDate>,
    pub sources: Vec<String>,
    /// ARNs, or names where there is none.
    pub items: Vec<String>,
    pub tickets: Vec<TicketLine>,
    pub justification: Option<Justification>,
    /// Its vendor is waited for and was asked lately: it does not count as late (FedRAMP, vendor dependencies).
    pub waits: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketLine {
    pub key: String,
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Justification {
    pub text: String,
    pub author: String,
    pub until: Option<NaiveDate>,
}

/// Days from `today` to the due date; negative when late.
pub fn days_left(due: Option<NaiveDate>, today: NaiveDate) -> Option<i64> {
    due.map(|due| due.signed_duration_since(today).num_days())
}

/// What stands at the head and foot of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHead {
    pub deployment: String,
    pub as_of: DateTime<Utc>,
    /// When the last report was made; `None` for the first.
    pub since: Option<DateTime<Utc>>,
    /// The zone of the report's schedule; its calendar decides what is late.
    pub zone: Tz,
    /// A record is due soon when so many days or fewer are left.
    pub due_soon_days: u32,
    /// Findings that their detector has not rated, so that they are on no record.
    pub unrated: i64,
    /// How far the records are from what makes an agency escalate.
    pub triggers: Vec<Distance>,
    pub audit: AuditHead,
    pub version: String,
    /// Name of the attached file.
    pub attachment: String,
}

/// The last event of the audit log: its number and its hash, hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditHead {
    pub number: i64,
    pub hash: String,
}

/// What happened to records since the last report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    pub opened: Vec<ChangeLine>,
    pub closed: Vec<ChangeLine>,
    pub reopened: Vec<ChangeLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeLine {
    pub id: String,
    pub weakness: String,
    pub title: String,
    pub account: String,
    pub account_name: String,
    pub rating: Rating,
}

/// Where we could not look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapLine {
    /// In plain words: `Security Hub in billing-prod (210987654321), us-gov-west-1`.
    pub place: String,
    pub since: DateTime<Utc>,
    pub cause: String,
    /// The records that it is by now, if it has lasted too long.
    pub records: Vec<String>,
}

/// The report as its templates see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PoamReport {
    pub deployment: String,
    pub as_of: DateTime<Utc>,
    pub today: NaiveDate,
    pub since: Option<DateTime<Utc>>,
    pub zone: String,
    pub due_soon_days: u32,
    /// High, Moderate, Low.
    pub ratings: Vec<RatingLine>,
    pub all: RatingLine,
    /// Findings that their detector has not rated, so that they are on no record.
    pub unrated: i64,
    pub late: List<RecordLine>,
    pub next: List<RecordLine>,
    pub changed: bool,
    pub opened: List<ChangeLine>,
    pub closed: List<ChangeLine>,
    pub reopened: List<ChangeLine>,
    pub justifications: List<JustificationLine>,
    pub gaps: List<GapLine>,
    /// Those that the ledger can count.
    pub triggers: Vec<TriggerLine>,
    pub audit: AuditHead,
    pub version: String,
    pub attachment: String,
}

/// Counts of live records.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RatingLine {
    /// `high`, `moderate`, `low`; `all` for the sum.
    pub rating: &'static str,
    pub open: usize,
    pub late: usize,
    pub due_soon: usize,
    pub justified: usize,
}

/// The first lines of a list, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List<T> {
    pub count: usize,
    pub shown: Vec<T>,
    pub more: usize,
}

impl<T> List<T> {
    fn of(mut lines: Vec<T>, shown: usize) -> Self {
        let count = lines.len();
        lines.truncate(shown);
        Self {
            count,
            more: count - lines.len(),
            shown: lines,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordLine {
    pub id: String,
    pub weakness: String,
    pub title: String,
    pub account: String,
    pub account_name: String,
    pub rating: Rating,
    pub due: Option<NaiveDate>,
    pub days_left: Option<i64>,
    /// That day was over when it was detected, as CISA's can be.
    pub due_before_detection: bool,
    pub items: usize,
    pub justified: bool,
    pub tickets: Vec<TicketLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JustificationLine {
    pub id: String,
    pub weakness: String,
    pub account: String,
    pub account_name: String,
    pub text: String,
    pub author: String,
    pub until: Option<NaiveDate>,
}

impl PoamReport {
    /// Works the report out of all records (closed ones are left out here; they are in `changes`). Pure.
    pub fn build(
        head: &ReportHead,
        records: &[RecordRow],
        changes: Changes,
        gaps: Vec<GapLine>,
    ) -> Self {
        let today = head.as_of.with_timezone(&head.zone).date_naive();
        let live: Vec<&RecordRow> = records
            .iter()
            .filter(|record| record.status.is_live())
            .collect();
        let mut lines: Vec<RecordLine> = live
            .iter()
            .map(|record| RecordLine::of(record, today))
            .collect();
        // Those without a due date come last; among equals the higher rating first, then the older id.
        lines.sort_by(|a, b| {
            let key = |line: &RecordLine| (line.due.is_none(), line.due);
            key(a)
                .cmp(&key(b))
                .then(b.rating.cmp(&a.rating))
                .then_with(|| a.id.cmp(&b.id))
        });
        let count =
            |name, wanted: Option<Rating>| RatingLine::of(name, wanted, &lines, head.due_soon_days);
        let ratings = Rating::ALL
            .iter()
            .rev()
            .map(|rating| count(rating.as_str(), Some(*rating)))
            .collect();
        let all = count("all", None);
        let (late, next): (Vec<_>, Vec<_>) = lines.into_iter().partition(RecordLine::is_late);
        Self {
            deployment: head.deployment.clone(),
            as_of: head.as_of,
            today,
            since: head.since,
            zone: head.zone.name().to_owned(),
            due_soon_days: head.due_soon_days,
            ratings,
            all,
            unrated: head.unrated,
            late: List::of(late, LATE_SHOWN),
            next: List::of(next, NEXT_SHOWN),
            changed: !(changes.opened.is_empty()
                && changes.closed.is_empty()
                && changes.reopened.is_empty()),
            opened: List::of(changes.opened, CHANGES_SHOWN),
            closed: List::of(changes.closed, CHANGES_SHOWN),
            reopened: List::of(changes.reopened, CHANGES_SHOWN),
            justifications: List::of(justifications(&live), JUSTIFICATIONS_SHOWN),
            gaps: List::of(gaps, GAPS_SHOWN),
            triggers: head.triggers.iter().filter_map(TriggerLine::of).collect(),
            audit: head.audit.clone(),
            version: head.version.clone(),
            attachment: head.attachment.clone(),
        }
    }
}

/// How far it is to one escalation trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TriggerLine {
    pub trigger: String,
    /// `DFR`, `CAP`.
    pub action: String,
    pub count: u64,
    pub threshold: u64,
    /// 0: it is reached.
    pub left: u64,
    pub reached: bool,
    /// The day on which it would be reached if nothing closed.
    pub on: Option<NaiveDate>,
    /// Of the records that are counted the first few.
    pub records: Vec<RecordId>,
    /// How many more there are.
    pub more: u64,
}

/// Records that a trigger's line names.
const TRIGGERING: usize = 4;

impl TriggerLine {
    fn of(distance: &Distance) -> Option<Self> {
        Some(Self {
            trigger: distance.trigger.clone(),
            action: distance.action.clone(),
            count: distance.count?,
            threshold: distance.threshold?,
            left: distance.left?,
            reached: distance.is_reached(),
            on: distance.reached_on.filter(|_| !distance.is_reached()),
            records: distance.records.iter().take(TRIGGERING).copied().collect(),
            more: distance.records.len().saturating_sub(TRIGGERING) as u64 + distance.more_records,
        })
    }
}

impl RecordLine {
    fn of(record: &RecordRow, today: NaiveDate) -> Self {
        Self {
            id: record.id.clone(),
            weakness: record.weakness.clone(),
            title: record.title.clone(),
            account: record.account.clone(),
            account_name: record.account_name.clone(),
            rating: record.rating,
            due: record.due,
            // What waits for its vendor counts no days past its own.
            days_left: days_left(record.due, today).filter(|left| *left >= 0 || !record.waits),
            due_before_detection: record.due.is_some_and(|due| due < record.detected),
            items: record.items.len(),
            justified: record.justification.is_some(),
            tickets: record.tickets.clone(),
        }
    }

    fn is_late(&self) -> bool {
        self.days_left.is_some_and(|left| left < 0)
    }
}

impl RatingLine {
    fn of(
        name: &'static str,
        wanted: Option<Rating>,
        lines: &[RecordLine],
        due_soon_days: u32,
    ) -> Self {
        let mut counts = Self {
            rating: name,
            ..Self::default()
        };
        for line in lines
            .iter()
            .filter(|line| wanted.is_none_or(|wanted| line.rating == wanted))
        {
            counts.open += 1;
            counts.late += usize::from(line.is_late());
            counts.due_soon += usize::from(
                line.days_left
                    .is_some_and(|left| (0..=i64::from(due_soon_days)).contains(&left)),
            );
            counts.justified += usize::from(line.justified);
        }
        counts
    }
}

fn justifications(live: &[&RecordRow]) -> Vec<JustificationLine> {
    let lines = live.iter().filter_map(|record| {
        record
            .justification
            .as_ref()
            .map(|justification| JustificationLine {
                id: record.id.clone(),
                weakness: record.weakness.clone(),
                account: record.account.clone(),
                account_name: record.account_name.clone(),
                text: justification.text.clone(),
                author: justification.author.clone(),
                until: justification.until,
            })
    });
    let mut lines: Vec<JustificationLine> = lines.collect();
    // Those that run out first stand first.
    lines.sort_by(|a, b| {
        (a.until.is_none(), a.until, &a.id).cmp(&(b.until.is_none(), b.until, &b.id))
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::samples;

    #[test]
    fn counts_lists_and_days_follow_from_the_rows() {
        let (head, mut records, changes, gaps) = samples::typical();
        records[0].due = head.as_of.date_naive().pred_opt();
        records[1].due = Some(head.as_of.date_naive());
        records[2].due = None;
        records[3].status = RecordStatus::Closed;
        records.truncate(4);
        let report = PoamReport::build(&head, &records, changes, gaps);
        assert_eq!(
            (report.all.open, report.all.late, report.all.due_soon),
            (3, 1, 1)
        );
        assert_eq!(
            report.ratings.iter().map(|line| line.open).sum::<usize>(),
            3
        );
        assert_eq!(report.late.shown[0].days_left, Some(-1));
        assert_eq!(
            report
                .next
                .shown
                .iter()
                .map(|line| line.days_left)
                .collect::<Vec<_>>(),
            [Some(0), None]
        );
    }

    #[test]
    fn the_calendar_of_the_zone_decides_what_is_late() {
        let (mut head, mut records, changes, gaps) = samples::typical();
        // 02:00 in UTC on the 23rd is still the 22nd in New York.
        head.as_of = "2026-11-23T02:00:00Z".parse().unwrap();
        records.truncate(1);
        records[0].due = Some("2026-11-22".parse().unwrap());
        for (zone, late) in [(chrono_tz::America::New_York, 0), (chrono_tz::UTC, 1)] {
            head.zone = zone;
            let report = PoamReport::build(&head, &records, changes.clone(), gaps.clone());
            assert_eq!(report.late.count, late, "{zone}");
        }
    }

    #[test]
    fn long_lists_are_cut_and_say_by_how_much() {
        let (head, records, changes, gaps) = samples::large();
        let report = PoamReport::build(&head, &records, changes, gaps);
        assert_eq!(report.all.open, 500);
        assert_eq!(report.late.count + report.next.count, 500);
        assert_eq!(
            report.next.shown.len() + report.next.more,
            report.next.count
        );
        assert!(
            report
                .late
                .shown
                .windows(2)
                .all(|pair| pair[0].due <= pair[1].due)
        );
    }
}
