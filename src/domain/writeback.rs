//! What we leave with a finding in its hub (`poam.md` 3.5): our id, the ticket, the deviation; that somebody was told;
//! and an approved decision. Others' fields stay, what people set stays, nothing is ever called resolved.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::hub::{HubChange, Standing, Verification, Workflow};
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

use super::deviation::{DeviationKind, DeviationState};

/// Our fields. No other name is ever written.
pub const RECORD: &str = "poamId";
pub const TICKET: &str = "poamTicket";
pub const DEVIATION: &str = "poamDeviation";
/// The value of a field of ours that no longer says anything: a hub takes no empty one.
pub const NONE: &str = "none";
/// Security Hub keeps no more fields with a finding (`UserDefinedFields`).
pub const MOST_FIELDS: usize = 50;

/// What may be written, each switched on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    pub fields: bool,
    pub notified: bool,
    pub suppressed: bool,
}

/// A decision that keeps a finding off the hub's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    FalsePositive,
    Accepted,
}

impl Decision {
    /// A lower rating is still to be put right, so it hides nothing.
    fn of(kind: DeviationKind) -> Option<Self> {
        match kind {
            DeviationKind::FalsePositive => Some(Self::FalsePositive),
            DeviationKind::OperationalRequirement
            | DeviationKind::OperationalRequirementAdjusted => Some(Self::Accepted),
            DeviationKind::RiskAdjustment => None,
        }
    }
}

/// A record's deviation that is not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub kind: DeviationKind,
    pub state: DeviationState,
    /// The last day it holds.
    pub expires: Option<NaiveDate>,
    /// When the AO decided.
    pub decided: Option<DateTime<Utc>>,
    /// What detection said of the record when it was asked for.
    pub from: Option<Severity>,
}

impl Asked {
    /// Whether the decision was on this finding: on the record by then, and no worse than what was looked at.
    pub fn covers(&self, joined: Option<DateTime<Utc>>, severity: Option<Severity>) -> bool {
        let was_there = joined.is_some_and(|at| self.decided.is_some_and(|decided| at <= decided));
        was_there
            && self
                .from
                .is_none_or(|from| severity.is_none_or(|is| is <= from))
    }
}

/// What shall stand with every finding of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub fields: BTreeMap<String, String>,
    /// A ticket exists.
    pub notified: bool,
    pub decision: Option<Decision>,
}

impl Wanted {
    /// From a record's id, its ticket's key and its deviation, on a day.
    pub fn of(
        record: &str,
        ticket: Option<&str>,
        asked: Option<Asked>,
        switches: Switches,
        today: NaiveDate,
    ) -> Self {
        let asked = asked.filter(|a| a.expires.is_none_or(|last| today <= last));
        let approved = asked.filter(|a| a.state == DeviationState::Approved);
        let mut fields = BTreeMap::new();
        if switches.fields {
            fields.insert(RECORD.to_owned(), record.to_owned());
            fields.extend(ticket.map(|key| (TICKET.to_owned(), key.to_owned())));
            let words = asked.map(|a| format!("{}: {}", a.kind, a.state));
            fields.extend(words.map(|words| (DEVIATION.to_owned(), words)));
        }
        Self {
            fields,
            notified: switches.notified && ticket.is_some(),
            decision: approved
                .filter(|_| switches.suppressed)
                .and_then(|a| Decision::of(a.kind)),
        }
    }
}

/// What of that stands there through us, so that it is known what we may take back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// We suppressed it for the decision that is in force.
    pub suppressed: bool,
    /// We called it a false positive.
    pub false_positive: bool,
}

/// What is to be done with one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Empty: all stands as it should.
    pub change: HubChange,
    /// What stands there through us once it is done.
    pub after: Written,
    /// Our fields that found no room among others'.
    pub no_room: bool,
}

/// Compares what is wanted with what stands there. `sent` is what was sent last without a known answer: what it was to
/// set and what is set now counts as ours.
pub fn step(wanted: &Wanted, written: &Written, sent: Option<&Written>, there: &Standing) -> Step {
    let is = |state: Workflow| there.workflow == state.as_str();
    let is_false = there.verification == Verification::FalsePositive.as_str();
    let arrived = |was: bool, meant: fn(&Written) -> bool, stands: bool| {
        was || (stands && sent.is_some_and(meant))
    };
    let mut after = Written {
        suppressed: arrived(
            written.suppressed,
            |w| w.suppressed,
            is(Workflow::Suppressed),
        ),
        false_positive: arrived(written.false_positive, |w| w.false_positive, is_false),
    };
    let told = if wanted.notified {
        Workflow::Notified
    } else {
        Workflow::New
    };
    let workflow = match wanted.decision {
        // Once for a decision: who takes it off the hub's shelf again has a reason.
        Some(_) if after.suppressed => None,
        Some(_) if is(Workflow::New) || is(Workflow::Notified) => {
            after.suppressed = true;
            Some(Workflow::Suppressed)
        }
        Some(_) => None,
        None if std::mem::take(&mut after.suppressed) && is(Workflow::Suppressed) => Some(told),
        None if wanted.notified && is(Workflow::New) => Some(Workflow::Notified),
        None => None,
    };
    let unsaid =
        there.verification.is_empty() || there.verification == Verification::Unknown.as_str();
    let verification = if wanted.decision == Some(Decision::FalsePositive) {
        let say = !after.false_positive && unsaid;
        after.false_positive |= say;
        say.then_some(Verification::FalsePositive)
    } else {
        (std::mem::take(&mut after.false_positive) && is_false).then_some(Verification::Unknown)
    };
    let (fields, no_room) = merged(wanted, there);
    Step {
        change: HubChange {
            fields,
            workflow,
            verification,
        },
        after,
        no_room,
    }
}

/// Others' fields and ours; `None` if ours stand as they should, or find no room.
fn merged(wanted: &Wanted, there: &Standing) -> (Option<BTreeMap<String, String>>, bool) {
    if wanted.fields.is_empty() {
        return (None, false);
    }
    let mut fields = there.fields.clone();
    for name in [RECORD, TICKET, DEVIATION] {
        match wanted.fields.get(name) {
            Some(value) => {
                fields.insert(name.to_owned(), value.clone());
            }
            None => {
                if let Some(value) = fields.get_mut(name) {
                    NONE.clone_into(value);
                }
            }
        }
    }
    match fields {
        same if same == there.fields => (None, false),
        many if many.len() > MOST_FIELDS => (None, true),
        fields => (Some(fields), false),
    }
}

#[cfg(test)]
mod tests {
    use poamd_contract::hub::HubId;
    use proptest::prelude::*;

    use super::*;

    const ALL: Switches = Switches {
        fields: true,
        notified: true,
        suppressed: true,
    };

    fn day() -> NaiveDate {
        "2026-11-22".parse().unwrap()
    }

    fn there(workflow: &str, verification: &str) -> Standing {
        Standing {
            id: HubId {
                id: "f".to_owned(),
                product: "p".to_owned(),
            },
            account: "123456789012".to_owned(),
            workflow: workflow.to_owned(),
            verification: verification.to_owned(),
            fields: BTreeMap::from([("theirs".to_owned(), "x".to_owned())]),
        }
    }

    fn asked(kind: DeviationKind, state: DeviationState) -> Option<Asked> {
        Some(Asked {
            kind,
            state,
            expires: None,
            decided: None,
            from: None,
        })
    }

    /// The finding as the hub has it after a step.
    fn done(mut standing: Standing, change: &HubChange) -> Standing {
        standing.fields = change.fields.clone().unwrap_or(standing.fields);
        if let Some(workflow) = change.workflow {
            workflow.as_str().clone_into(&mut standing.workflow);
        }
        if let Some(verification) = change.verification {
            verification.as_str().clone_into(&mut standing.verification);
        }
        standing
    }

    #[test]
    fn only_an_approved_acceptance_or_false_positive_suppresses() {
        for kind in DeviationKind::ALL {
            for state in DeviationState::ALL {
                let wanted = Wanted::of("POAM-000001", None, asked(kind, state), ALL, day());
                let hides =
                    state == DeviationState::Approved && kind != DeviationKind::RiskAdjustment;
                assert_eq!(wanted.decision.is_some(), hides, "{kind} {state}");
                let step = step(&wanted, &Written::default(), None, &there("NEW", "UNKNOWN"));
                assert_eq!(
                    step.change.workflow == Some(Workflow::Suppressed),
                    hides,
                    "{kind} {state}"
                );
                let false_positive = hides && kind == DeviationKind::FalsePositive;
                assert_eq!(
                    step.change.verification.is_some(),
                    false_positive,
                    "{kind} {state}"
                );
            }
        }
        let over = Asked {
            expires: Some("2026-11-21".parse().unwrap()),
            ..asked(DeviationKind::FalsePositive, DeviationState::Approved).unwrap()
        };
        let wanted = Wanted::of("POAM-000001", None, Some(over), ALL, day());
        assert_eq!(
            (wanted.decision, wanted.fields.len()),
            (None, 1),
            "it has expired"
        );
    }

    #[test]
    fn a_ticket_makes_a_new_finding_notified_and_no_other() {
        let wanted = Wanted::of("POAM-000001", Some("SEC-1"), None, ALL, day());
        for (workflow, expected) in [
            ("NEW", Some(Workflow::Notified)),
            ("NOTIFIED", None),
            ("SUPPRESSED", None),
            ("RESOLVED", None),
            ("SOMETHING", None),
        ] {
            let step = step(&wanted, &Written::default(), None, &there(workflow, ""));
            assert_eq!(step.change.workflow, expected, "{workflow}");
        }
    }

    #[test]
    fn what_a_person_suppressed_stays_when_our_decision_ends() {
        let accepted = asked(
            DeviationKind::OperationalRequirement,
            DeviationState::Approved,
        );
        let with = Wanted::of("POAM-000001", Some("SEC-1"), accepted, ALL, day());
        let without = Wanted::of("POAM-000001", Some("SEC-1"), None, ALL, day());

        let theirs = step(&with, &Written::default(), None, &there("SUPPRESSED", ""));
        assert_eq!(
            (theirs.change.workflow, theirs.after.suppressed),
            (None, false)
        );
        let end = step(&without, &theirs.after, None, &there("SUPPRESSED", ""));
        assert_eq!(end.change.workflow, None);

        let ours = step(&with, &Written::default(), None, &there("NEW", ""));
        assert!(ours.after.suppressed);
        let end = step(&without, &ours.after, None, &there("SUPPRESSED", ""));
        assert_eq!(
            (end.change.workflow, end.after),
            (Some(Workflow::Notified), Written::default())
        );
        // Who takes our suppression back while the decision stands is not argued with.
        let back = step(&with, &ours.after, None, &there("NEW", ""));
        assert_eq!(back.change.workflow, None);
    }

    #[test]
    fn a_lost_answer_is_known_as_ours_when_it_stands() {
        let accepted = asked(DeviationKind::FalsePositive, DeviationState::Approved);
        let wanted = Wanted::of("POAM-000001", None, accepted, ALL, day());
        let sent = step(&wanted, &Written::default(), None, &there("NEW", "UNKNOWN"));
        let stands = done(there("NEW", "UNKNOWN"), &sent.change);
        let again = step(&wanted, &Written::default(), Some(&sent.after), &stands);
        assert!(again.change.is_empty());
        assert_eq!(
            again.after,
            Written {
                suppressed: true,
                false_positive: true
            }
        );
        // It never arrived: sent again.
        let again = step(
            &wanted,
            &Written::default(),
            Some(&sent.after),
            &there("NEW", "UNKNOWN"),
        );
        assert_eq!(again, sent);
    }

    #[test]
    fn fields_without_room_are_left_and_told() {
        let mut full = there("NEW", "");
        full.fields = (0..MOST_FIELDS)
            .map(|n| (format!("k{n}"), "v".to_owned()))
            .collect();
        let wanted = Wanted::of("POAM-000001", Some("SEC-1"), None, ALL, day());
        let step = step(&wanted, &Written::default(), None, &full);
        assert!(step.no_room && step.change.fields.is_none());
        assert_eq!(
            step.change.workflow,
            Some(Workflow::Notified),
            "the rest is written"
        );
    }

    fn standing() -> impl Strategy<Value = Standing> {
        let workflow =
            prop::sample::select(vec!["NEW", "NOTIFIED", "SUPPRESSED", "RESOLVED", "ODD"]);
        let verification =
            prop::sample::select(vec!["", "UNKNOWN", "TRUE_POSITIVE", "FALSE_POSITIVE"]);
        let name = prop::sample::select(vec![
            "poamId",
            "poamTicket",
            "poamDeviation",
            "a",
            "b",
            "owner",
        ]);
        let fields = prop::collection::btree_map(name.prop_map(str::to_owned), "[a-c]{1,2}", 0..6);
        (workflow, verification, fields).prop_map(|(workflow, verification, fields)| Standing {
            fields,
            ..there(workflow, verification)
        })
    }

    fn wish() -> impl Strategy<Value = Wanted> {
        let kind = prop::sample::select(DeviationKind::ALL.to_vec());
        let state = prop::sample::select(DeviationState::ALL.to_vec());
        let asked = prop::option::of((kind, state).prop_map(|(kind, state)| Asked {
            kind,
            state,
            expires: None,
            decided: None,
            from: None,
        }));
        let ticket = prop::option::of("SEC-[1-3]");
        (ticket, asked, any::<[bool; 3]>()).prop_map(
            |(ticket, asked, [fields, notified, suppressed])| {
                let switches = Switches {
                    fields,
                    notified,
                    suppressed,
                };
                Wanted::of("POAM-000007", ticket.as_deref(), asked, switches, day())
            },
        )
    }

    proptest! {
        /// Twice is once; others' fields stay; RESOLVED, and what we do not know, is never touched.
        #[test]
        fn a_step_settles_and_takes_nothing_from_others(wanted in wish(), there in standing()) {
            let first = step(&wanted, &Written::default(), None, &there);
            let stands = done(there.clone(), &first.change);
            for (name, value) in &there.fields {
                if !name.starts_with("poam") {
                    prop_assert_eq!(stands.fields.get(name), Some(value));
                }
            }
            if there.workflow == "RESOLVED" || there.workflow == "ODD" || there.workflow == "SUPPRESSED" {
                prop_assert_eq!(&first.change.workflow, &None);
            }
            if there.verification == "TRUE_POSITIVE" {
                prop_assert_eq!(&first.change.verification, &None);
            }
            prop_assert!(stands.fields.len() <= MOST_FIELDS);
            let second = step(&wanted, &first.after, None, &stands);
            prop_assert!(second.change.is_empty(), "{:?}", second);
            prop_assert_eq!(second.after, first.after);
        }
    }
}
