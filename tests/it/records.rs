//! What people do to records, as stories on both databases.

use chrono::{DateTime, TimeDelta, Utc};
use poamd::domain::deviation::{DeviationKind, DeviationState};
use poamd::domain::grouping::{By, Rule};
use poamd::domain::rating::Rating;
use poamd::domain::record::{RecordId, RecordStatus};
use poamd::domain::record_fact::FactName;
use poamd::poam::acts::{self, Act, ActError, Asked, Document, Done, Edit, Step};
use poamd::poam::{self, Rules};
use poamd::store::records::RecordRow;
use poamd::store::{Store, audit, deviations, facts, findings, milestones, records};
use poamd_contract::finding::{FindingReport, Signal};
use poamd_contract::severity::Severity;
use serde_json::json;

use crate::support::databases::for_each_database;
use crate::support::findings::{assert_audited, cell, complete, hub, look, plan, report, take};

const WHY: &str = "Two filters stand before it, see SSP 9.4 and the test of October.";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    format!("{text}T08:00:00Z").parse().unwrap()
}

/// Somebody at a time.
pub(crate) struct Person<'a> {
    pub store: &'a Store,
    pub rules: Rules,
    pub name: &'static str,
    pub now: DateTime<Utc>,
}

impl<'a> Person<'a> {
    pub fn new(store: &'a Store, name: &'static str, day: &str) -> Self {
        Self {
            store,
            rules: Rules::default(),
            name,
            now: at(day),
        }
    }

    pub fn act(
        &self,
        record: i64,
        why: &str,
        act: impl FnOnce(&Act<'_>) -> Result<Done, ActError>,
    ) -> Result<Done, String> {
        act(&Act {
            store: self.store,
            rules: &self.rules,
            record: RecordId(record),
            actor: self.name,
            now: self.now,
            why,
        })
        .map_err(|e| e.to_string())
    }

    pub fn ask(
        &self,
        record: i64,
        kind: DeviationKind,
        to: Option<Severity>,
    ) -> Result<Done, String> {
        let asked = Asked {
            kind,
            to,
            mitigations: "filters",
            expires: None,
        };
        self.act(record, WHY, |act| act.request(&asked))
    }

    pub fn step(&self, record: i64, step: Step<'_>) -> Result<Done, String> {
        self.act(record, "as discussed", |act| act.step(step))
    }

    /// From a request to the AO's approval.
    pub fn approve(&self, record: i64) {
        let other = Person {
            name: "cli:bob",
            rules: self.rules.clone(),
            ..*self
        };
        other.step(record, Step::ApproveInternally).unwrap();
        self.step(record, Step::Submit).unwrap();
        self.step(record, Step::Approve { ao: "Ann Ortiz" })
            .unwrap();
    }
}

pub(crate) fn high(bucket: &str, day: &str) -> FindingReport {
    FindingReport {
        severity: Some(Severity::High),
        ..report(bucket, at(day), Signal::Open)
    }
}

/// A High on two buckets, seen since the first of September.
pub(crate) fn seeded(store: &Store) -> RecordRow {
    take(
        store,
        hub(),
        vec![high("a", "2026-09-02"), high("b", "2026-09-02")],
        at("2026-09-02"),
    );
    plan(store, at("2026-09-02"));
    let rows = store.read_here(records::all).unwrap();
    assert_eq!(rows.len(), 1);
    rows.into_iter().next().unwrap()
}

pub(crate) fn row(store: &Store, id: i64) -> RecordRow {
    store.read_here(|c| records::find(c, id)).unwrap().unwrap()
}

pub(crate) fn kinds(store: &Store, id: i64) -> Vec<String> {
    let subject = RecordId(id).to_string();
    let rows = store
        .read_here(|c| audit::list(c, Some(&subject), 500))
        .unwrap();
    rows.into_iter().rev().map(|r| r.kind).collect()
}

#[test]
fn an_approved_adjustment_lowers_the_rating_and_alone_moves_the_due_day() {
    for_each_database(|store| {
        let before = seeded(store);
        assert_eq!(before.due, "2026-10-01".parse().ok());
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        let asked = ann
            .ask(
                before.id,
                DeviationKind::RiskAdjustment,
                Some(Severity::Medium),
            )
            .unwrap();
        assert_eq!((asked.due, asked.warnings.len()), (before.due, 0));
        let refused = ann.step(before.id, Step::ApproveInternally).unwrap_err();
        assert!(refused.contains("another person"), "{refused}");
        let early = ann
            .step(before.id, Step::Approve { ao: "Ann Ortiz" })
            .unwrap_err();
        assert!(
            early.contains("next is poamd poam deviation approve-internally"),
            "{early}"
        );
        assert_eq!(row(store, before.id).due, before.due);
        ann.approve(before.id);
        let adjusted = row(store, before.id);
        assert_eq!(adjusted.rating.unwrap().0, Rating::Moderate);
        assert_eq!(
            adjusted.severity.unwrap().0,
            Severity::High,
            "what detection says stays"
        );
        assert_eq!(adjusted.original_severity.0, Severity::High);
        assert_eq!(adjusted.adjusted_severity.unwrap().0, Severity::Medium);
        assert_eq!(adjusted.due, "2026-11-30".parse().ok());
        assert!(kinds(store, before.id).contains(&"record.due-decided".to_owned()));
        // Looking again changes nothing.
        look(
            store,
            &cell("securityhub"),
            vec![high("a", "2026-09-06"), high("b", "2026-09-06")],
            &complete(),
            at("2026-09-06"),
        );
        assert_eq!(row(store, before.id).due, adjusted.due);
        assert_eq!(row(store, before.id).rating, adjusted.rating);
        assert_audited(store);
    });
}

#[test]
fn an_adjustment_does_not_cover_what_became_worse_and_its_end_brings_the_old_day_back() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.ask(id, DeviationKind::RiskAdjustment, Some(Severity::Medium))
            .unwrap();
        ann.approve(id);
        let over = at("2027-09-06");
        assert_eq!(
            acts::expire(store, &Rules::default(), at("2027-09-05"), "job:sync").unwrap(),
            0,
            "the last day holds"
        );
        assert_eq!(
            acts::expire(store, &Rules::default(), over, "job:sync").unwrap(),
            1
        );
        let after = row(store, id);
        assert_eq!(
            (after.rating.unwrap().0, after.adjusted_severity),
            (Rating::High, None)
        );
        assert_eq!(after.due, "2026-10-01".parse().ok());
        assert_eq!(
            store.read_here(|c| deviations::of_record(c, id)).unwrap()[0]
                .state
                .0,
            DeviationState::Expired
        );
        assert_eq!(
            acts::expire(store, &Rules::default(), over, "job:sync").unwrap(),
            0
        );

        let ann = Person::new(store, "cli:ann", "2027-09-07");
        ann.ask(id, DeviationKind::RiskAdjustment, Some(Severity::Low))
            .unwrap();
        ann.approve(id);
        assert_eq!(row(store, id).rating.unwrap().0, Rating::Low);
        let worse = FindingReport {
            severity: Some(Severity::Critical),
            ..high("a", "2027-09-08")
        };
        take(store, hub(), vec![worse], at("2027-09-08"));
        plan(store, at("2027-09-08"));
        let worse = row(store, id);
        assert_eq!(
            (worse.rating.unwrap().0, worse.adjusted_severity),
            (Rating::High, None)
        );
        assert!(worse.due <= "2026-10-01".parse().ok());
        assert_audited(store);
    });
}

#[test]
fn a_false_positive_closes_with_evidence_and_stays_closed_until_it_is_withdrawn() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.ask(id, DeviationKind::FalsePositive, None).unwrap();
        let twice = ann.ask(id, DeviationKind::FalsePositive, None).unwrap_err();
        assert!(twice.contains("at most"), "{twice}");
        let bob = Person::new(store, "cli:bob", "2026-09-05");
        bob.step(id, Step::ApproveInternally).unwrap();
        let bare = ann.step(id, Step::Submit).unwrap_err();
        assert!(bare.contains("poamd poam attach"), "{bare}");
        let file = Document {
            name: "proof.txt",
            kind: "configuration",
            bytes: b"deny all\n",
        };
        ann.act(id, "", |act| act.attach(file)).unwrap();
        ann.step(id, Step::Submit).unwrap();
        let done = ann.step(id, Step::Approve { ao: "Ann Ortiz" }).unwrap();
        assert_eq!(done.status, RecordStatus::Closed);

        // Still seen, on the same items: nothing opens. On a new item: a record of its own that names the old.
        let again = vec![
            high("a", "2026-09-06"),
            high("b", "2026-09-06"),
            high("c", "2026-09-06"),
        ];
        take(store, hub(), again, at("2026-09-06"));
        plan(store, at("2026-09-06"));
        let rows = store.read_here(records::all).unwrap();
        assert_eq!(
            rows.iter().map(|r| r.status.0).collect::<Vec<_>>(),
            [RecordStatus::Closed, RecordStatus::Open]
        );
        assert_eq!(rows[1].previous, Some(id));
        let on_new = store
            .read_here(|c| findings::of_record(c, rows[1].id))
            .unwrap();
        assert_eq!(on_new.len(), 1);

        let refused = ann.act(id, "", |act| act.begin()).unwrap_err();
        assert!(refused.contains("is closed"), "{refused}");
        ann.step(id, Step::Withdraw).unwrap();
        plan(store, at("2026-09-07"));
        let live: Vec<i64> = store
            .read_here(records::all)
            .unwrap()
            .into_iter()
            .filter(|r| r.status.0.is_live())
            .map(|r| r.id)
            .collect();
        let held: usize = live
            .iter()
            .map(|r| {
                store
                    .read_here(|c| findings::of_record(c, *r))
                    .unwrap()
                    .len()
            })
            .sum();
        assert_eq!(
            held, 3,
            "every finding is somebody's work again, none twice"
        );
        assert_audited(store);
    });
}

/// None is asked for with an end, but one may come to bear it. Then what it settled is somebody's work again.
#[test]
fn a_false_positive_that_runs_out_settles_nothing_any_more() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.ask(id, DeviationKind::FalsePositive, None).unwrap();
        let file = Document {
            name: "proof.txt",
            kind: "configuration",
            bytes: b"deny all\n",
        };
        ann.act(id, "", |act| act.attach(file)).unwrap();
        ann.approve(id);
        assert_eq!(row(store, id).status.0, RecordStatus::Closed);
        store
            .write_here(|c| {
                let mut fp = deviations::live(c, id)?.unwrap();
                fp.expires = "2026-09-10".parse().ok();
                deviations::update(c, &fp)
            })
            .unwrap();
        // It is still seen, and nothing opens before its last day is over.
        for (day, live) in [("2026-09-10", 0), ("2026-09-11", 1)] {
            take(store, hub(), vec![high("a", day), high("b", day)], at(day));
            plan(store, at(day));
            let all = store.read_here(records::all).unwrap();
            let open: Vec<&RecordRow> = all.iter().filter(|r| r.status.0.is_live()).collect();
            assert_eq!(open.len(), live, "{day}");
            for record in open {
                let on_it = store.read_here(|c| findings::of_record(c, record.id));
                assert_eq!(on_it.unwrap().len(), 2);
                assert_eq!((record.id, record.due), (id, "2026-10-01".parse().ok()));
            }
        }
        let told = kinds(store, id);
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        assert_eq!(
            told[told.len() - 2..],
            ["deviation.expired", "record.reopened"]
        );
        assert_audited(store);
    });
}

/// The record that stays counts as much as what came to it, and its history says so.
#[test]
fn what_becomes_worse_by_a_merge_is_told() {
    for_each_database(|store| {
        let first = seeded(store);
        let mut low = high("z", "2026-09-02");
        low.severity = Some(Severity::Low);
        low.weakness.id = "S3.9".to_owned();
        low.native_id = "S3.9/z".to_owned();
        if let poamd_contract::finding::Identity::Control { control, .. } = &mut low.identity {
            *control = "S3.9".to_owned();
        }
        take(store, hub(), vec![low], at("2026-09-03"));
        plan(store, at("2026-09-03"));
        let stays = store.read_here(records::all).unwrap().pop().unwrap();
        assert_eq!(stays.rating.unwrap().0, Rating::Low);
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.act(first.id, "one switch", |a| a.merge(RecordId(stays.id)))
            .unwrap();
        let merged = row(store, stays.id);
        assert_eq!(
            (merged.severity.unwrap().0, merged.rating.unwrap().0),
            (Severity::High, Rating::High)
        );
        let told = kinds(store, stays.id);
        assert_eq!(
            told[told.len() - 2..],
            ["record.merged", "record.rating-raised"]
        );
        let subject = RecordId(stays.id).to_string();
        let raised = store
            .read_here(|c| audit::list(c, Some(&subject), 1))
            .unwrap();
        let body: serde_json::Value = serde_json::from_str(&raised[0].body).unwrap();
        assert_eq!(
            body,
            json!({ "from": "low", "to": "high", "merged": RecordId(first.id) })
        );
        assert_eq!(raised[0].actor, "cli:ann");
        // Planning finds the rest in order.
        plan(store, at("2026-09-05"));
        assert_eq!(row(store, stays.id).rating, merged.rating);
        assert_audited(store);
    });
}

#[test]
fn milestones_follow_their_rules_and_a_completed_one_begins_the_work() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        let day = |text: &str| text.parse().unwrap();
        let planned = store
            .read_here(|c| milestones::steps_of(c, id))
            .unwrap()
            .len();
        let late = ann
            .act(id, "", |a| {
                a.add_milestone("Ask the vendor", day("2026-10-09"))
            })
            .unwrap();
        assert!(late.warnings[0].contains("eMASS"), "{late:?}");
        assert!(
            ann.act(id, "", |a| a.add_milestone("Look", day("2026-09-01")))
                .is_err()
        );
        assert!(
            ann.act(id, "", |a| a.add_milestone(" ", day("2026-09-20")))
                .is_err()
        );
        let number = planned as i64 + 1;
        let edit = Edit {
            due: Some(day("2026-09-20")),
            ..Edit::default()
        };
        ann.act(id, "sooner", |a| a.update_milestone(number, edit))
            .unwrap();
        let done = ann
            .act(id, "", |a| a.complete_milestone(number, None))
            .unwrap();
        assert_eq!(done.status, RecordStatus::InProgress);
        let again = ann
            .act(id, "", |a| a.complete_milestone(number, None))
            .unwrap_err();
        assert!(again.contains("completed on 2026-09-05"), "{again}");
        let steps = store.read_here(|c| milestones::steps_of(c, id)).unwrap();
        let own = steps.last().unwrap();
        assert_eq!(
            (own.due, own.planned, own.completed),
            (day("2026-09-20"), false, Some(day("2026-09-05")))
        );
        assert_audited(store);
    });
}

#[test]
fn a_new_record_begins_with_a_plan_that_can_be_explained() {
    for_each_database(|store| {
        let before = seeded(store);
        let rows = store.read_here(|c| facts::of_record(c, before.id)).unwrap();
        let known = facts::by_record(&rows).unwrap().remove(&before.id).unwrap();
        assert!(
            known.texts(FactName::Controls).contains(&"AC-3".to_owned()),
            "{known:?}"
        );
        assert!(known.get(FactName::Controls).unwrap().why.contains("map"));
        assert!(known.text(FactName::Plan).contains("S3.8"));
        let steps = store
            .read_here(|c| milestones::steps_of(c, before.id))
            .unwrap();
        assert_eq!(steps.len(), 3);
        assert!(
            steps.iter().all(|s| s.planned && Some(s.due) < before.due),
            "{steps:?}"
        );
        // Frozen: looking and planning again write none of it anew.
        look(
            store,
            &cell("securityhub"),
            vec![high("a", "2026-09-06")],
            &complete(),
            at("2026-09-06"),
        );
        assert_eq!(
            store.read_here(|c| facts::of_record(c, before.id)).unwrap(),
            rows
        );
        assert_eq!(
            store
                .read_here(|c| milestones::steps_of(c, before.id))
                .unwrap(),
            steps
        );
    });
}

#[test]
fn a_vendors_release_starts_the_clock_anew() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        assert!(
            ann.act(id, "", |a| a.check_in(None))
                .unwrap_err()
                .contains("vendor wait")
        );
        let begun = ann
            .act(id, "", |a| a.wait("Example Corp", "exampled"))
            .unwrap();
        assert!(
            begun.warnings[0].contains("Moderate by 2026-10-05"),
            "{begun:?}"
        );
        assert!(
            ann.act(id, "", |a| a.wait("Other", "x"))
                .unwrap_err()
                .contains("already")
        );
        let ahead = ann
            .act(id, "", |a| a.check_in("2026-09-06".parse().ok()))
            .unwrap_err();
        assert!(ahead.contains("still to come"), "{ahead}");
        let later = Person::new(store, "cli:ann", "2026-09-25");
        later.act(id, "no date yet", |a| a.check_in(None)).unwrap();
        assert_eq!(
            row(store, id).due,
            "2026-10-01".parse().ok(),
            "waiting moves nothing"
        );
        let shipped = later
            .act(id, "", |a| a.released("2026-09-20".parse().ok()))
            .unwrap();
        assert_eq!(shipped.due, "2026-10-20".parse().ok());
        assert!(later.act(id, "", |a| a.check_in(None)).is_err());
        later.act(id, "patched", |a| a.end_wait()).unwrap();
        plan(store, at("2026-09-26"));
        assert_audited(store);
    });
}

#[test]
fn facts_are_kept_with_who_and_why_and_said_once() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        let lay = |name: FactName, text: &str| {
            let value = name.read(text).unwrap();
            ann.act(id, "told by phone", |a| a.lay(&[(name, value)]))
                .unwrap()
        };
        lay(FactName::Contact, "Dana Reyes");
        let events = kinds(store, id).len();
        assert!(
            lay(FactName::Contact, " Dana Reyes ")
                .did
                .contains("nothing was written")
        );
        assert_eq!(kinds(store, id).len(), events);
        lay(FactName::Contact, "Kim Park");
        let rows = store.read_here(|c| facts::of_record(c, id)).unwrap();
        let known = facts::by_record(&rows).unwrap().remove(&id).unwrap();
        assert_eq!(known.text(FactName::Contact), "Kim Park");
        let laid = known.get(FactName::Contact).unwrap();
        assert_eq!(
            (laid.actor.as_str(), laid.why.as_str()),
            ("cli:ann", "told by phone")
        );
        let bad = ann
            .act(id, "", |a| a.lay(&[(FactName::NRating, json!("N9"))]))
            .unwrap_err();
        assert!(bad.contains("N1 to N5"), "{bad}");
        assert_audited(store);
    });
}

#[test]
fn what_is_merged_is_one_record_from_then_on() {
    for_each_database(|store| {
        let first = seeded(store);
        let mut other = high("z", "2026-08-20");
        other.weakness.id = "S3.9".to_owned();
        other.native_id = "S3.9/z".to_owned();
        other.first_observed = Some(at("2026-08-20"));
        if let poamd_contract::finding::Identity::Control { control, .. } = &mut other.identity {
            *control = "S3.9".to_owned();
        }
        take(store, hub(), vec![other.clone()], at("2026-09-03"));
        plan(store, at("2026-09-03"));
        let second = store.read_here(records::all).unwrap().pop().unwrap();
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        assert!(
            ann.act(second.id, "same", |a| a.merge(RecordId(second.id)))
                .is_err()
        );
        ann.act(second.id, "the same switch", |a| {
            a.merge(RecordId(first.id))
        })
        .unwrap();
        plan(store, at("2026-09-05"));
        let merged = row(store, first.id);
        assert_eq!(
            merged.detected_at, second.detected_at,
            "the earlier date stays"
        );
        assert_eq!(merged.due, second.due);
        assert_eq!(merged.score, first.score + second.score);
        assert_eq!(row(store, second.id).status.0, RecordStatus::Superseded);
        let refused = ann.act(second.id, "", |a| a.begin()).unwrap_err();
        assert!(refused.contains("merged into POAM-000001"), "{refused}");

        // Another item of the merged weakness joins the record that stays.
        let mut more = other;
        more.native_id = "S3.9/y".to_owned();
        more.resources[0].id = "arn:aws:s3:::y".to_owned();
        if let poamd_contract::finding::Identity::Control { resource, .. } = &mut more.identity {
            *resource = "arn:aws:s3:::y".to_owned();
        }
        take(store, hub(), vec![more], at("2026-09-06"));
        plan(store, at("2026-09-06"));
        assert_eq!(store.read_here(records::all).unwrap().len(), 2);
        assert_eq!(
            store
                .read_here(|c| findings::of_record(c, first.id))
                .unwrap()
                .len(),
            4
        );

        // Fixed everywhere closes it; one that comes back opens it again.
        let fixed = |b: &str, day: &str| FindingReport {
            signal: Signal::Passed,
            ..high(b, day)
        };
        take(
            store,
            hub(),
            vec![fixed("a", "2026-09-07"), fixed("b", "2026-09-07")],
            at("2026-09-07"),
        );
        plan(store, at("2026-09-07"));
        assert!(
            row(store, first.id).status.0.is_live(),
            "what was merged into it is still open"
        );
        assert_audited(store);
    });
}

#[test]
fn another_grouping_rule_neither_splits_nor_doubles_what_lives() {
    for_each_database(|store| {
        let first = seeded(store);
        let by_item = Rules {
            grouping: vec![Rule {
                source: None,
                technology: Some("s3".into()),
                account: None,
                label: None,
                by: By::Item,
            }],
            ..Rules::default()
        };
        let all = vec![
            high("a", "2026-09-03"),
            high("b", "2026-09-03"),
            high("c", "2026-09-03"),
            high("d", "2026-09-03"),
        ];
        take(store, hub(), all.clone(), at("2026-09-03"));
        poam::activate(store, &by_item, at("2026-09-03"), "test").unwrap();
        let rows = store.read_here(records::all).unwrap();
        assert_eq!(
            rows.len(),
            3,
            "the live one stays whole, each new item has its own"
        );
        let held = |id| {
            store
                .read_here(|c| findings::of_record(c, id))
                .unwrap()
                .len()
        };
        assert_eq!(
            rows.iter().map(|r| held(r.id)).collect::<Vec<_>>(),
            [2, 1, 1]
        );
        assert_eq!(rows[0].id, first.id);

        // And back: what lives by item goes on so; only what is new goes by weakness.
        let events = store.read_here(audit::head).unwrap();
        let touched: Vec<_> = rows
            .iter()
            .map(|r| (r.account.as_str(), r.weakness_id.as_str()))
            .collect();
        store
            .write_here(|c| findings::enqueue_planning(c, touched))
            .unwrap();
        plan(store, at("2026-09-04"));
        assert_eq!(
            store.read_here(audit::head).unwrap(),
            events,
            "planning anew writes nothing"
        );
        take(
            store,
            hub(),
            vec![high("e", "2026-09-05")],
            at("2026-09-05"),
        );
        plan(store, at("2026-09-05"));
        assert_eq!(store.read_here(records::all).unwrap().len(), 3);
        assert_eq!(held(first.id), 3);
        assert_audited(store);
    });
}

#[test]
fn evidence_comes_back_as_it_was_and_is_kept_once() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        let bytes: Vec<u8> = (0..100_000_u32)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        let file = |name, bytes| Document {
            name,
            kind: "scan",
            bytes,
        };
        ann.act(id, "after the change", |a| {
            a.attach(file("scan.json", &bytes))
        })
        .unwrap();
        assert!(
            ann.act(id, "", |a| a.attach(file("scan.json", &bytes)))
                .unwrap_err()
                .contains("already")
        );
        ann.act(id, "", |a| a.attach(file("copy.json", &bytes)))
            .unwrap();
        let (kept, back) = acts::evidence(store, RecordId(id), "scan.json").unwrap();
        assert_eq!(
            (back, kept.media_type.as_str()),
            (bytes.clone(), "application/json")
        );
        assert!(acts::evidence(store, RecordId(id), "other").is_err());
        for (name, bytes, why) in [("../x", &b"x"[..], "no name"), ("x", b"", "empty")] {
            let refused = ann
                .act(id, "", |a| a.attach(file(name, bytes)))
                .unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        let long = vec![0_u8; acts::MOST_BYTES + 1];
        assert!(ann.act(id, "", |a| a.attach(file("x", &long))).is_err());
        assert_audited(store);
    });
}

#[test]
fn an_act_that_is_refused_leaves_nothing_behind() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        let before = store.read_here(audit::head).unwrap();
        assert!(
            ann.ask(id, DeviationKind::OperationalRequirement, None)
                .unwrap_err()
                .contains("High")
        );
        assert!(
            ann.act(999, "", |a| a.begin())
                .unwrap_err()
                .contains("no record POAM-000999")
        );
        let facts_given = [
            (FactName::Contact, json!("Dana")),
            (FactName::Lev, json!("perhaps")),
        ];
        assert!(ann.act(id, "", |a| a.lay(&facts_given)).is_err());
        assert_eq!(store.read_here(audit::head).unwrap(), before);
        let contact = store.read_here(|c| facts::of_record(c, id)).unwrap();
        assert!(
            contact
                .iter()
                .all(|f| f.name != "contact" || f.actor != "cli:ann"),
            "the first of two is taken back too"
        );
    });
}

#[test]
fn done_is_a_claim_and_evidence_decides() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.act(id, "", |a| a.begin()).unwrap();
        ann.act(id, "switched on", |a| a.claim_done()).unwrap();
        assert_eq!(row(store, id).status.0, RecordStatus::PendingVerification);
        let both = |day: &str| vec![high("a", day), high("b", day)];
        for day in ["2026-09-06", "2026-09-07"] {
            look(
                store,
                &cell("securityhub"),
                both(day),
                &complete(),
                at(day) + TimeDelta::hours(1),
            );
        }
        assert_eq!(
            row(store, id).status.0,
            RecordStatus::Open,
            "two looks still see it"
        );
        assert_audited(store);
    });
}
