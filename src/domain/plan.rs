//! What becomes of a record when the findings of its weakness change. Pure: the same group at the same time
//! gives the same plan, and planning again after applying it gives none.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use poamd_contract::severity::Severity;
use serde_json::{Value, json};

use super::clock::{self, Inputs, Known, Policy};
use super::deviation::Adjustment;
use super::finding::FindingStatus;
use super::rating::Rating;
use super::record::{RecordId, RecordStatus};

/// One finding of the weakness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub fingerprint: String,
    pub status: FindingStatus,
    /// What it counts with: what its detector says, or more by an override.
    pub severity: Option<Severity>,
    /// What its detector says.
    pub detected: Option<Severity>,
    pub sample: bool,
    /// Switched off by an override: it opens and joins nothing. What is on a record stays there until it is fixed.
    pub disabled: bool,
    pub score: i64,
    pub justified: bool,
    pub detected_at: DateTime<Utc>,
    pub title: String,
    pub record: Option<RecordId>,
    /// Two complete looks at all its cells began after a person said done.
    pub looked_twice_since_claim: bool,
    /// It is on a record that an approved false positive closed.
    pub settled: bool,
}

impl Member {
    /// Worth a record: seen open, rated, no sample, not switched off, no approved false positive.
    pub fn opens(&self) -> bool {
        self.status == FindingStatus::Open
            && !self.sample
            && !self.disabled
            && !self.settled
            && self.rating().is_some()
    }

    fn rating(&self) -> Option<Rating> {
        self.severity.and_then(Rating::of)
    }
}

/// The record as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    pub id: RecordId,
    pub status: RecordStatus,
    pub facts: Facts,
    pub closed_at: Option<DateTime<Utc>>,
    /// An approved false positive closed it: what else turns up gets a record of its own.
    pub settled: bool,
}

/// What a record holds that follows from its findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub title: String,
    /// What detection says, never less than before.
    pub severity: Severity,
    /// What an approved deviation makes of it.
    pub adjusted: Option<Severity>,
    pub score: i64,
    pub unjustified_score: i64,
    pub detected_at: DateTime<Utc>,
    /// `None`: no clock gives a day (BOD 26-04 "next upgrade", N1).
    pub due: Option<NaiveDate>,
    /// The rule that `due` came from, in words.
    pub due_rule: String,
    /// The nearer day that an approved adjustment moved later: it stands again when the adjustment counts no more.
    pub held: Option<Held>,
}

/// A due day that waits, with its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub due: NaiveDate,
    pub rule: String,
}

impl Facts {
    /// The severity that rating, clock and priority go by.
    pub fn effective(&self) -> Severity {
        self.adjusted.unwrap_or(self.severity)
    }
}

/// All there is to know of one weakness in one account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    pub members: Vec<Member>,
    /// The live record, if there is one.
    pub live: Option<Current>,
    /// The newest closed one.
    pub past: Option<Current>,
    /// The clocks of its account, and what they have to know.
    pub clocks: Policy,
    pub known: Known,
    /// The approved risk adjustment of the live record, or of the one that would open again.
    pub adjustment: Option<Adjustment>,
}

impl Group {
    /// The severity at detection of a record that opens with a plan: what the detectors say, not what an override makes
    /// of it. One that opens by an override alone began with that.
    pub fn original(&self, plan: &Plan) -> Severity {
        let joining = plan.attach.iter().filter_map(|i| self.members.get(*i));
        let rated = joining
            .filter_map(|m| m.detected)
            .filter(|s| Rating::of(*s).is_some());
        rated.max().unwrap_or(plan.facts.severity)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A new record that names the closed one it follows, if there was one.
    New {
        previous: Option<RecordId>,
    },
    Existing(RecordId),
}

/// What to write, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub target: Target,
    pub status: RecordStatus,
    pub facts: Facts,
    /// Members (by position) that join the record.
    pub attach: Vec<usize>,
    /// `record.opened`, `record.closed` …, each with its details.
    pub events: Vec<(&'static str, Value)>,
}

/// Decides. `reopen_window` is how long after closing the same record opens again.
pub fn plan(group: &Group, now: DateTime<Utc>, reopen_window: TimeDelta) -> Option<Plan> {
    match &group.live {
        Some(live) => plan_live(group, live),
        None if group.members.iter().any(Member::opens) => {
            Some(plan_opening(group, now, reopen_window))
        }
        None => None,
    }
}

impl Current {
    /// What turns up now opens it again, rather than a new record that names it.
    pub fn reopens(&self, now: DateTime<Utc>, window: TimeDelta) -> bool {
        let inside = self.closed_at.is_some_and(|at| now - at <= window);
        inside && self.status == RecordStatus::Closed && !self.settled
    }
}

fn plan_opening(group: &Group, now: DateTime<Utc>, reopen_window: TimeDelta) -> Plan {
    let (target, before, kind) = match &group.past {
        Some(past) if past.reopens(now, reopen_window) => {
            (Target::Existing(past.id), Some(past), "record.reopened")
        }
        past => (
            Target::New {
                previous: past.as_ref().map(|p| p.id),
            },
            None,
            "record.opened",
        ),
    };
    let attach = joining(group, before.map(|b| b.id));
    let facts = facts(
        group,
        before.map(|b| &b.facts),
        before.map(|b| b.id),
        &attach,
        now,
    );
    let detail = json!({
        "severity": facts.severity, "score": facts.score, "detected": facts.detected_at, "due": facts.due, "due_rule": facts.due_rule,
        "findings": attach.iter().map(|i| &group.members[*i].fingerprint).collect::<Vec<_>>(),
    });
    Plan {
        target,
        status: RecordStatus::Open,
        facts,
        attach,
        events: vec![(kind, detail)],
    }
}

fn plan_live(group: &Group, live: &Current) -> Option<Plan> {
    let attach = joining(group, Some(live.id));
    let next = facts(
        group,
        Some(&live.facts),
        Some(live.id),
        &attach,
        live.facts.detected_at,
    );
    let (status, moved) = next_status(group, live, &attach);
    let mut events = Vec::new();
    if !attach.is_empty() {
        let joined: Vec<_> = attach
            .iter()
            .map(|i| &group.members[*i].fingerprint)
            .collect();
        events.push(("record.items-joined", json!({ "findings": joined })));
    }
    if next.severity != live.facts.severity {
        events.push((
            "record.rating-raised",
            json!({ "from": live.facts.severity, "to": next.severity }),
        ));
    }
    if next.adjusted != live.facts.adjusted {
        events.push((
            "record.adjustment-changed",
            json!({ "severity": next.severity, "from": live.facts.adjusted, "to": next.adjusted }),
        ));
    }
    if next.due != live.facts.due {
        events.push((
            "record.due-moved-earlier",
            json!({ "from": live.facts.due, "to": next.due, "rule": next.due_rule }),
        ));
    }
    if (next.score, next.unjustified_score) != (live.facts.score, live.facts.unjustified_score) {
        events.push((
            "record.rescored",
            json!({ "from": [live.facts.score, live.facts.unjustified_score], "to": [next.score, next.unjustified_score] }),
        ));
    }
    events.extend(moved);
    if events.is_empty() && next == live.facts && status == live.status {
        return None;
    }
    Some(Plan {
        target: Target::Existing(live.id),
        status,
        facts: next,
        attach,
        events,
    })
}

fn next_status(
    group: &Group,
    live: &Current,
    attach: &[usize],
) -> (RecordStatus, Option<(&'static str, Value)>) {
    let ours: Vec<&Member> = members_of(group, Some(live.id), attach).collect();
    if !ours.is_empty() && ours.iter().all(|m| m.status == FindingStatus::Fixed) {
        return (
            RecordStatus::Closed,
            Some(("record.closed", json!({ "evidence": "all findings fixed" }))),
        );
    }
    let seen_again = |m: &&&Member| m.status == FindingStatus::Open && m.looked_twice_since_claim;
    if live.status == RecordStatus::PendingVerification
        && let Some(member) = ours.iter().find(seen_again)
    {
        return (
            RecordStatus::Open,
            Some((
                "record.seen-again",
                json!({ "finding": member.fingerprint }),
            )),
        );
    }
    (live.status, None)
}

/// Members that should be on the record and are not.
fn joining(group: &Group, record: Option<RecordId>) -> Vec<usize> {
    group
        .members
        .iter()
        .enumerate()
        .filter(|(_, m)| m.opens() && (record.is_none() || m.record != record))
        .map(|(i, _)| i)
        .collect()
}

fn members_of<'a>(
    group: &'a Group,
    record: Option<RecordId>,
    attach: &'a [usize],
) -> impl Iterator<Item = &'a Member> {
    group
        .members
        .iter()
        .enumerate()
        .filter(move |(i, m)| (record.is_some() && m.record == record) || attach.contains(i))
        .map(|(_, m)| m)
}

/// Rating and due date only ever tighten here; loosening them is a decision.
fn facts(
    group: &Group,
    before: Option<&Facts>,
    record: Option<RecordId>,
    attach: &[usize],
    fallback: DateTime<Utc>,
) -> Facts {
    let ours: Vec<&Member> = members_of(group, record, attach).collect();
    let open: Vec<&&Member> = ours
        .iter()
        .filter(|m| m.status != FindingStatus::Fixed)
        .collect();
    let severity = ours
        .iter()
        .filter_map(|m| m.severity)
        .chain(before.map(|b| b.severity))
        .max()
        .unwrap_or(Severity::Low);
    // One that leaves things as they are is none: detection has become worse than what it was given for.
    let adjusted = group
        .adjustment
        .map(|given| given.effective(severity))
        .filter(|effective| *effective != severity);
    let detected_at = attach
        .iter()
        .map(|i| group.members[*i].detected_at)
        .chain(before.map(|b| b.detected_at))
        .min()
        .unwrap_or(fallback);
    let is = clock::due(&Inputs {
        policy: &group.clocks,
        detected: detected_at,
        severity: adjusted.unwrap_or(severity),
        known: &group.known,
    });
    let (mut due, mut due_rule) = match before {
        // A day stands, with its rule, until an earlier one comes or a decision is made.
        Some(was) if !is_earlier(is.day, was.due) => (was.due, was.due_rule.clone()),
        _ => (is.day, is.rule),
    };
    let mut held = before.and_then(|was| was.held.clone());
    if adjusted.is_none()
        && let Some(stood) = held.take()
        && is_earlier(Some(stood.due), due)
    {
        (due, due_rule) = (Some(stood.due), stood.rule);
    }
    let title = before
        .map(|b| b.title.clone())
        .or_else(|| title_of(&ours))
        .unwrap_or_default();
    Facts {
        title,
        severity,
        adjusted,
        score: open.iter().map(|m| m.score).sum(),
        unjustified_score: open.iter().filter(|m| !m.justified).map(|m| m.score).sum(),
        detected_at,
        due,
        due_rule,
        held,
    }
}

/// No day at all is later than any.
fn is_earlier(is: Option<NaiveDate>, was: Option<NaiveDate>) -> bool {
    match (is, was) {
        (Some(is), Some(was)) => is < was,
        (is, None) => is.is_some(),
        (None, Some(_)) => false,
    }
}

/// What was decided, as far as it bears on the due day. Only what is named here may move it later (`poam.md` 1.3, 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// A risk adjustment was approved; later only if the record counts as less by it.
    Adjustment,
    /// The vendor shipped the fix, and the time to put it in counts from there.
    Release,
    /// The evaluation is complete for the first time, and VER's days count from it.
    Evaluation,
    /// Anything else, the end of a deviation too: the day comes nearer or stays.
    Other,
}

/// The live record as a decision leaves it: rating and due day follow the clocks anew, later only where the ground
/// allows it. `None` if there is no live record, or nothing of it changes. What was decided, by whom and in which paper,
/// stands in the event.
pub fn decide(group: &Group, ground: Ground, decision: &Value) -> Option<Plan> {
    let live = group.live.as_ref()?;
    let mut next = facts(
        group,
        Some(&live.facts),
        Some(live.id),
        &[],
        live.facts.detected_at,
    );
    let may_be_later = match ground {
        Ground::Adjustment => next.effective() < live.facts.effective(),
        Ground::Release | Ground::Evaluation => true,
        Ground::Other => false,
    };
    if may_be_later {
        next.held = match ground {
            Ground::Adjustment => held_by(&live.facts),
            // These count anew whatever stood, adjusted or not.
            Ground::Release | Ground::Evaluation | Ground::Other => None,
        };
        let is = clock::due(&Inputs {
            policy: &group.clocks,
            detected: next.detected_at,
            severity: next.effective(),
            known: &group.known,
        });
        (next.due, next.due_rule) = (is.day, is.rule);
        if next
            .held
            .as_ref()
            .is_some_and(|stood| !is_earlier(Some(stood.due), next.due))
        {
            next.held = None;
        }
    }
    let mut events = Vec::new();
    if next.effective() != live.facts.effective() {
        events.push((
            "record.rating-decided",
            json!({ "from": live.facts.effective(), "to": next.effective(), "decision": decision }),
        ));
    }
    if next.due != live.facts.due {
        events.push((
            "record.due-decided",
            json!({ "from": live.facts.due, "to": next.due, "rule": next.due_rule, "decision": decision }),
        ));
    }
    if next.due == live.facts.due {
        next.due_rule.clone_from(&live.facts.due_rule);
    }
    if events.is_empty() {
        return None;
    }
    Some(Plan {
        target: Target::Existing(live.id),
        status: live.status,
        facts: next,
        attach: Vec::new(),
        events,
    })
}

/// What stood before an adjustment: the day itself, or the nearer one that an adjustment before it holds already.
fn held_by(was: &Facts) -> Option<Held> {
    let stood = was.due.map(|due| Held {
        due,
        rule: was.due_rule.clone(),
    });
    was.held
        .clone()
        .into_iter()
        .chain(stood)
        .min_by_key(|held| held.due)
}

/// The title of the worst finding; among equals the one that sorts first, so that order does not matter.
fn title_of(members: &[&Member]) -> Option<String> {
    members
        .iter()
        .max_by(|a, b| {
            (a.severity, a.score)
                .cmp(&(b.severity, b.score))
                .then_with(|| b.title.cmp(&a.title))
        })
        .map(|m| m.title.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn member(fingerprint: &str, status: FindingStatus) -> Member {
        Member {
            fingerprint: fingerprint.into(),
            status,
            severity: Some(Severity::Medium),
            detected: Some(Severity::Medium),
            sample: false,
            disabled: false,
            score: 50,
            justified: false,
            detected_at: at("2026-09-01T00:00:00Z"),
            title: "Volumes are not encrypted".into(),
            record: None,
            looked_twice_since_claim: false,
            settled: false,
        }
    }

    const NOW: &str = "2026-11-01T00:00:00Z";

    fn decide(group: &Group) -> Option<Plan> {
        plan(group, at(NOW), TimeDelta::days(90))
    }

    fn live(status: RecordStatus) -> Current {
        let facts = Facts {
            title: "Volumes are not encrypted".into(),
            severity: Severity::Medium,
            adjusted: None,
            score: 50,
            unjustified_score: 50,
            detected_at: at("2026-09-01T00:00:00Z"),
            due: Some("2026-11-30".parse().unwrap()),
            due_rule: "FedRAMP Rev5: Moderate 90 days from detection".into(),
            held: None,
        };
        Current {
            id: RecordId(7),
            status,
            facts,
            closed_at: None,
            settled: false,
        }
    }

    fn on_record(status: FindingStatus) -> Member {
        Member {
            record: Some(RecordId(7)),
            ..member("a", status)
        }
    }

    #[test]
    fn an_open_finding_makes_a_record_with_the_earliest_date() {
        let early = Member {
            detected_at: at("2026-08-01T00:00:00Z"),
            ..member("b", FindingStatus::Open)
        };
        let plan = decide(&Group {
            members: vec![member("a", FindingStatus::Open), early],
            ..Group::default()
        })
        .unwrap();
        assert_eq!(plan.target, Target::New { previous: None });
        assert_eq!(plan.facts.detected_at, at("2026-08-01T00:00:00Z"));
        assert_eq!(plan.facts.due, "2026-10-30".parse().ok());
        assert_eq!((plan.facts.score, plan.attach.len()), (100, 2));
    }

    #[test]
    fn what_opens_nothing() {
        let sample = Member {
            sample: true,
            ..member("a", FindingStatus::Open)
        };
        let informational = Member {
            severity: Some(Severity::Informational),
            ..member("b", FindingStatus::Open)
        };
        let untriaged = Member {
            severity: None,
            ..member("c", FindingStatus::Open)
        };
        let disabled = Member {
            disabled: true,
            ..member("f", FindingStatus::Open)
        };
        let archived = member("d", FindingStatus::NotObserved);
        let passed = member("e", FindingStatus::Fixed);
        let group = Group {
            members: vec![sample, informational, untriaged, disabled, archived, passed],
            ..Group::default()
        };
        assert_eq!(decide(&group), None);
    }

    #[test]
    fn not_observed_keeps_the_record_open_and_fixed_closes_it() {
        for status in [
            RecordStatus::Open,
            RecordStatus::InProgress,
            RecordStatus::PendingVerification,
        ] {
            let group = |finding| Group {
                members: vec![on_record(finding)],
                live: Some(live(status)),
                past: None,
                ..Group::default()
            };
            assert_eq!(decide(&group(FindingStatus::NotObserved)), None);
            assert_eq!(
                decide(&group(FindingStatus::Fixed)).unwrap().status,
                RecordStatus::Closed
            );
        }
    }

    #[test]
    fn one_open_item_keeps_it_open() {
        let other = Member {
            fingerprint: "b".into(),
            ..on_record(FindingStatus::Open)
        };
        let mut current = live(RecordStatus::Open);
        current.facts.score = 100;
        current.facts.unjustified_score = 100;
        let group = Group {
            members: vec![on_record(FindingStatus::Fixed), other],
            live: Some(current),
            past: None,
            ..Group::default()
        };
        let plan = decide(&group).unwrap();
        assert_eq!((plan.status, plan.facts.score), (RecordStatus::Open, 50));
    }

    #[test]
    fn a_justification_lowers_the_unjustified_score_and_nothing_else() {
        let justified = Member {
            justified: true,
            ..on_record(FindingStatus::Open)
        };
        let group = Group {
            members: vec![justified],
            live: Some(live(RecordStatus::Open)),
            past: None,
            ..Group::default()
        };
        let plan = decide(&group).unwrap();
        assert_eq!(
            plan.facts,
            Facts {
                unjustified_score: 0,
                ..live(RecordStatus::Open).facts
            }
        );
        assert_eq!(plan.status, RecordStatus::Open);
    }

    #[test]
    fn done_by_a_person_is_undone_by_two_looks_that_still_see_it() {
        let pending = Some(live(RecordStatus::PendingVerification));
        let once = Group {
            members: vec![on_record(FindingStatus::Open)],
            live: pending.clone(),
            past: None,
            ..Group::default()
        };
        assert_eq!(decide(&once), None);
        let again = Member {
            looked_twice_since_claim: true,
            ..on_record(FindingStatus::Open)
        };
        let plan = decide(&Group {
            members: vec![again],
            live: pending,
            past: None,
            ..Group::default()
        })
        .unwrap();
        assert_eq!(
            (plan.status, plan.events[0].0),
            (RecordStatus::Open, "record.seen-again")
        );
    }

    #[test]
    fn inside_the_window_the_record_opens_again_later_a_new_one_names_it() {
        let past = |closed| {
            Some(Current {
                closed_at: Some(at(closed)),
                status: RecordStatus::Closed,
                ..live(RecordStatus::Closed)
            })
        };
        let members = vec![on_record(FindingStatus::Open)];
        let plan = decide(&Group {
            members: members.clone(),
            live: None,
            past: past("2026-10-01T00:00:00Z"),
            ..Group::default()
        })
        .unwrap();
        assert_eq!(
            (plan.target, plan.status),
            (Target::Existing(RecordId(7)), RecordStatus::Open)
        );
        let plan = decide(&Group {
            members,
            live: None,
            past: past("2026-07-01T00:00:00Z"),
            ..Group::default()
        })
        .unwrap();
        assert_eq!(
            plan.target,
            Target::New {
                previous: Some(RecordId(7))
            }
        );
    }

    #[test]
    fn the_due_date_never_moves_later_and_the_rating_never_falls() {
        let low = Member {
            severity: Some(Severity::Low),
            ..on_record(FindingStatus::Open)
        };
        assert_eq!(
            decide(&Group {
                members: vec![low],
                live: Some(live(RecordStatus::Open)),
                past: None,
                ..Group::default()
            }),
            None
        );
        let high = Member {
            severity: Some(Severity::High),
            ..on_record(FindingStatus::Open)
        };
        let plan = decide(&Group {
            members: vec![high],
            live: Some(live(RecordStatus::Open)),
            past: None,
            ..Group::default()
        })
        .unwrap();
        assert_eq!(plan.facts.due, "2026-10-01".parse().ok());
        assert_eq!(
            plan.facts.due_rule,
            "FedRAMP Rev5: High 30 days from detection"
        );
    }
}
