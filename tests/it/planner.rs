//! What the planner does with odd lots: merged keys, weaknesses that cannot be planned, days and decisions.

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use poamd::domain::account::Account;
use poamd::domain::clock::{ClockSet, Clocks, OwnClock, Policy};
use poamd::domain::deviation::{DeviationKind, DeviationState};
use poamd::domain::rating::Rating;
use poamd::domain::record::{RecordId, RecordStatus};
use poamd::domain::record_fact::FactName;
use poamd::poam::acts::Step;
use poamd::poam::{self, Rules};
use poamd::store::accounts::{self, By, Undeclared};
use poamd::store::columns::Col;
use poamd::store::overrides::{self, NewOverride};
use poamd::store::time::stamp;
use poamd::store::{
    AnyConnection, Store, deviations, facts, findings, justifications, records, shown,
};
use poamd_contract::account::AccountAccess;
use poamd_contract::detail::Flaw;
use poamd_contract::finding::{FindingReport, Identity, Signal, WeaknessKind};
use poamd_contract::ids::Partition;
use poamd_contract::severity::Severity;
use serde_json::json;

use crate::records::{Person, at, high, kinds, row, seeded};
use crate::support::databases::for_each_database;
use crate::support::desks::open_store;
use crate::support::findings::{ACCOUNT, assert_audited, hub, plan, report, take};

/// A High of another weakness.
fn of(control: &str, bucket: &str, day: &str, signal: Signal) -> FindingReport {
    let mut other = high(bucket, day);
    other.weakness.id = control.to_owned();
    other.native_id = format!("{control}/{bucket}");
    other.signal = signal;
    if let Identity::Control { control: named, .. } = &mut other.identity {
        control.clone_into(named);
    }
    other
}

fn seen(store: &Store, reports: Vec<FindingReport>, day: &str) {
    take(store, hub(), reports, at(day));
    plan(store, at(day));
}

fn queue(store: &Store, weakness: &str) {
    store
        .write_here(|c| findings::enqueue_planning(c, [(ACCOUNT, weakness)]))
        .unwrap();
}

fn all(store: &Store) -> Vec<records::RecordRow> {
    store.read_here(records::all).unwrap()
}

fn day(text: &str) -> Option<chrono::NaiveDate> {
    Some(text.parse().unwrap())
}

fn with(policy: Policy) -> Rules {
    Rules {
        clocks: Clocks {
            usual: policy,
            ..Clocks::default()
        },
        ..Rules::default()
    }
}

#[test]
fn weaknesses_that_were_merged_share_one_live_record_after_the_window_too() {
    for_each_database(|store| {
        let (open, fixed) = (Signal::Open, Signal::Passed);
        seen(
            store,
            vec![of("S3.8", "a", "2026-09-02", open)],
            "2026-09-02",
        );
        seen(
            store,
            vec![of("S3.9", "b", "2026-09-02", open)],
            "2026-09-02",
        );
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.act(2, "the same switch", |a| a.merge(RecordId(1)))
            .unwrap();
        let gone = vec![
            of("S3.8", "a", "2026-09-06", fixed),
            of("S3.9", "b", "2026-09-06", fixed),
        ];
        seen(store, gone, "2026-09-06");
        assert_eq!(row(store, 1).status.0, RecordStatus::Closed);

        // After the window the merged weakness comes back first, and then the other.
        seen(
            store,
            vec![of("S3.9", "b", "2027-02-01", open)],
            "2027-02-01",
        );
        seen(
            store,
            vec![of("S3.8", "a", "2027-02-02", open)],
            "2027-02-02",
        );
        let live: Vec<i64> = all(store)
            .iter()
            .filter(|r| r.status.0.is_live())
            .map(|r| r.id)
            .collect();
        assert_eq!(live, [3]);
        let held = store.read_here(|c| findings::of_record(c, 3)).unwrap();
        assert_eq!(held.len(), 2);
        // One of the two is fixed: the record stays for the other.
        seen(
            store,
            vec![of("S3.9", "b", "2027-02-03", fixed)],
            "2027-02-03",
        );
        assert_eq!(row(store, 3).status.0, RecordStatus::Open);
        assert_audited(store);
    });
}

#[test]
fn a_weakness_that_cannot_be_planned_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(folder.path());
    let sql = |text: &str| {
        store
            .read_here(|conn| Ok(conn.batch_execute(text)?))
            .unwrap();
    };
    sql(
        "CREATE TRIGGER refuse BEFORE INSERT ON records WHEN NEW.weakness_id = 'S3.1' \
         BEGIN SELECT RAISE(ABORT, 'as a fault would'); END",
    );
    let open = |control| of(control, "a", "2026-09-02", Signal::Open);
    take(
        &store,
        hub(),
        vec![open("S3.1"), open("S3.5"), open("S3.8")],
        at("2026-09-02"),
    );
    let rules = Rules::default();
    for _ in 0..2 {
        let error = poam::activate(&store, &rules, at("2026-09-02"), "test").unwrap_err();
        assert!(
            error.to_string().contains("S3.1 in 123456789012"),
            "{error}"
        );
        let opened: Vec<String> = all(&store).into_iter().map(|r| r.weakness_id).collect();
        assert_eq!(opened, ["S3.5", "S3.8"]);
        let stuck = store.read_here(poam::stuck).unwrap();
        assert_eq!(stuck.len(), 1);
        assert_eq!(stuck[0].weakness, "S3.1");
    }
    sql("DROP TRIGGER refuse");
    plan(&store, at("2026-09-03"));
    assert_eq!(all(&store).len(), 3);
    assert_eq!(store.read_here(poam::stuck).unwrap(), []);
    assert_audited(&store);
}

#[test]
fn an_approval_that_says_nothing_of_the_day_and_the_end_of_one_move_it_no_later() {
    for_each_database(|store| {
        let medium = report("a", at("2026-09-02"), Signal::Open);
        seen(store, vec![medium], "2026-09-02");
        let before = row(store, 1);
        assert_eq!(before.due, day("2026-11-30"));
        // The clocks of the configuration were relaxed since.
        let own = OwnClock {
            name: "house".to_owned(),
            days: [(Severity::Medium, 300), (Severity::Low, 400)].into(),
        };
        let rules = with(Policy {
            sets: vec![ClockSet::Own(own)],
            ..Policy::default()
        });
        let ann = Person {
            rules,
            ..Person::new(store, "cli:ann", "2026-09-05")
        };
        ann.ask(1, DeviationKind::OperationalRequirement, None)
            .unwrap();
        ann.approve(1);
        assert_eq!(row(store, 1).due, before.due, "approved");
        ann.step(1, Step::Withdraw).unwrap();
        assert_eq!(row(store, 1).due, before.due, "withdrawn");
        let why = [(FactName::OverdueReason, json!("the part is on order"))];
        ann.act(1, "", |a| a.evaluate(&why, None)).unwrap();
        ann.act(1, "", |a| {
            a.evaluate(&[(FactName::Exposed, json!(false))], None)
        })
        .unwrap();
        assert_eq!(row(store, 1).due, before.due, "evaluated in part");
        assert!(!kinds(store, 1).contains(&"record.due-decided".to_owned()));

        // What lowers the rating may, and its end brings back the day that stood before it.
        ann.ask(1, DeviationKind::RiskAdjustment, Some(Severity::Low))
            .unwrap();
        ann.approve(1);
        assert_eq!(row(store, 1).due, day("2027-10-06"));
        ann.step(1, Step::Withdraw).unwrap();
        assert_eq!(row(store, 1).due, before.due);
        assert_audited(store);
    });
}

#[test]
fn the_first_evaluation_starts_the_clock_and_no_later_one_starts_it_again() {
    for_each_database(|store| {
        let rules = with(Policy {
            sets: vec![ClockSet::FedrampVer],
            ..Policy::default()
        });
        let medium = report("a", at("2026-09-02"), Signal::Open);
        take(store, hub(), vec![medium], at("2026-09-02"));
        poam::activate(store, &rules, at("2026-09-02"), "test").unwrap();
        let evaluate = |when: &str, name: FactName, text: &str| {
            let value = name.read(text).unwrap();
            let ann = Person {
                rules: rules.clone(),
                ..Person::new(store, "cli:ann", when)
            };
            ann.act(1, "looked at", |a| a.evaluate(&[(name, value)], None))
                .unwrap();
            let rows = store.read_here(|c| facts::of_record(c, 1)).unwrap();
            let known = facts::by_record(&rows).unwrap().remove(&1).unwrap();
            let done = known.text(FactName::EvaluatedAt).to_owned();
            (row(store, 1).due, done)
        };
        // Class C, N3: 5 days to evaluate, then 32 while exploitation is assumed, 128 where it is not likely.
        assert_eq!(row(store, 1).due, day("2026-10-08"));
        let (first, done) = evaluate("2026-09-04", FactName::Lev, "no");
        assert_eq!(
            (first, done.as_str()),
            (day("2027-01-10"), "2026-09-04T08:00:00Z")
        );
        let (worse, same) = evaluate("2026-09-20", FactName::NRating, "N4");
        assert_eq!((worse, same.as_str()), (day("2026-11-07"), done.as_str()));
        let (better, same) = evaluate("2026-10-20", FactName::NRating, "N2");
        assert_eq!((better, same), (worse, done));
        assert_audited(store);
    });
}

#[test]
fn what_was_decided_holds_for_the_record_that_opens_again() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.ask(id, DeviationKind::RiskAdjustment, Some(Severity::Medium))
            .unwrap();
        ann.approve(id);
        let adjusted = row(store, id);
        assert_eq!(adjusted.due, day("2026-11-30"));
        let fixed = ["a", "b"].map(|b| of("S3.8", b, "2026-09-10", Signal::Passed));
        seen(store, fixed.to_vec(), "2026-09-10");
        assert_eq!(row(store, id).status.0, RecordStatus::Closed);
        seen(store, vec![high("a", "2026-09-20")], "2026-09-20");
        let again = row(store, id);
        assert_eq!(again.status.0, RecordStatus::Open);
        assert_eq!(
            (again.rating, again.adjusted_severity, again.due),
            (
                Some(Col(Rating::Moderate)),
                Some(Col(Severity::Medium)),
                adjusted.due
            )
        );
        assert_audited(store);
    });
}

#[test]
fn a_second_wait_takes_no_release_back() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-25");
        ann.act(id, "", |a| a.wait("Example Corp", "exampled"))
            .unwrap();
        ann.act(id, "", |a| a.released(day("2026-09-20"))).unwrap();
        ann.act(id, "patched", |a| a.end_wait()).unwrap();
        ann.act(id, "it was not enough", |a| {
            a.wait("Example Corp", "exampled")
        })
        .unwrap();
        queue(store, "S3.8");
        plan(store, at("2026-09-26"));
        assert_eq!(row(store, id).due, day("2026-10-20"));
        let other = of("S3.9", "z", "2026-09-26", Signal::Open);
        seen(store, vec![other], "2026-09-26");
        let refused = ann.act(id, "", |a| a.merge(RecordId(2))).unwrap_err();
        assert!(
            refused.contains("poamd poam vendor end POAM-000001"),
            "{refused}"
        );
        assert_audited(store);
    });
}

/// A flaw on the host `a`.
fn flaw(cve: &str) -> FindingReport {
    let mut flaw = report("a", at("2026-09-02"), Signal::Open);
    flaw.native_id = format!("{cve}/a");
    flaw.identity = Identity::Native {
        arn: format!("arn:aws:inspector2:us-east-1:{ACCOUNT}:finding/{cve}"),
    };
    flaw.weakness.id = cve.to_owned();
    flaw.weakness.kind = WeaknessKind::Vulnerability;
    flaw.detail.flaw = Some(Flaw {
        cves: vec![cve.to_owned()],
        ..Flaw::default()
    });
    flaw
}

#[test]
fn what_becomes_reachable_brings_the_days_of_all_flaws_there_nearer() {
    for_each_database(|store| {
        let rules = with(Policy {
            sets: vec![ClockSet::FedrampRev5, ClockSet::Bod2604],
            ..Policy::default()
        });
        let plan = |now| poam::activate(store, &rules, at(now), "test").unwrap();
        take(store, hub(), vec![flaw("CVE-2026-1000")], at("2026-09-02"));
        plan("2026-09-02");
        assert_eq!(row(store, 1).due, day("2026-10-31"));
        let mut path = of("EC2.13", "a", "2026-09-03", Signal::Open);
        path.detail.reachable = Some(true);
        take(store, hub(), vec![path], at("2026-09-03"));
        plan("2026-09-03");
        assert_eq!(row(store, 1).due, day("2026-09-04"));
        assert_audited(store);
    });
}

#[test]
fn other_clocks_by_another_label_hold_for_what_is_there() {
    for_each_database(|store| {
        let account = |label: &str| Account {
            access: AccountAccess {
                id: ACCOUNT.parse().unwrap(),
                name: "shop".to_owned(),
                partition: Partition::of_region(&"us-east-1".parse().unwrap()),
                role: None,
                external_id: None,
                regions: vec!["us-east-1".parse().unwrap()],
            },
            label: label.to_owned(),
            contacts: Vec::new(),
            notes: String::new(),
            weight: 100,
            active: true,
            s3_canonical_id: None,
            s3_name: None,
        };
        let name = |label: &str, day: &str| {
            let by = By {
                actor: "test",
                at: at(day),
            };
            store
                .write_here(|c| accounts::declare(c, &[account(label)], Undeclared::Kept, by))
                .unwrap();
        };
        let strict = OwnClock {
            name: "prod".to_owned(),
            days: [(Severity::Medium, 10)].into(),
        };
        let mut rules = Rules::default();
        let policy = Policy {
            sets: vec![ClockSet::Own(strict)],
            ..Policy::default()
        };
        rules.clocks.by_label = [("prod".to_owned(), policy)].into();
        let plan = |now| poam::activate(store, &rules, at(now), "test").unwrap();
        name("Dev", "2026-09-01");
        take(
            store,
            hub(),
            vec![report("a", at("2026-09-02"), Signal::Open)],
            at("2026-09-02"),
        );
        plan("2026-09-02");
        assert_eq!(row(store, 1).due, day("2026-11-30"));
        name("Prod", "2026-09-03");
        plan("2026-09-03");
        assert_eq!(row(store, 1).due, day("2026-09-11"));
        assert_audited(store);
    });
}

#[test]
fn what_is_on_no_record_says_nothing_of_its_day() {
    for_each_database(|store| {
        seen(store, vec![flaw("CVE-2026-1000")], "2026-09-02");
        let mut sample = flaw("CVE-2026-1000");
        sample.native_id = "sample".to_owned();
        sample.identity = Identity::Native {
            arn: format!("arn:aws:inspector2:us-east-1:{ACCOUNT}:finding/sample"),
        };
        sample.sample = true;
        if let Some(flaw) = &mut sample.detail.flaw {
            flaw.kev_due = day("2026-09-10");
        }
        seen(store, vec![sample.clone()], "2026-09-03");
        assert_eq!(row(store, 1).due, day("2026-11-30"));
        sample.sample = false;
        sample.native_id = "real".to_owned();
        sample.identity = Identity::Native {
            arn: format!("arn:aws:inspector2:us-east-1:{ACCOUNT}:finding/real"),
        };
        seen(store, vec![sample], "2026-09-04");
        assert_eq!(row(store, 1).due, day("2026-09-10"));
        assert_audited(store);
    });
}

#[test]
fn what_was_asked_for_ends_with_the_record_that_evidence_closes() {
    for_each_database(|store| {
        let id = seeded(store).id;
        let ann = Person::new(store, "cli:ann", "2026-09-05");
        ann.ask(id, DeviationKind::RiskAdjustment, Some(Severity::Medium))
            .unwrap();
        let fixed = ["a", "b"].map(|b| of("S3.8", b, "2026-09-10", Signal::Passed));
        seen(store, fixed.to_vec(), "2026-09-10");
        assert_eq!(row(store, id).status.0, RecordStatus::Closed);
        let asked = store.read_here(|c| deviations::of_record(c, id)).unwrap();
        assert_eq!(
            (asked[0].state.0, asked[0].live),
            (DeviationState::Withdrawn, false)
        );
        assert_eq!(kinds(store, id).last().unwrap(), "deviation.withdrawn");
        let steps = store.read_here(deviations::all_step).unwrap();
        assert_eq!(steps.last().unwrap().note, "the record closed by evidence");
        assert_audited(store);
    });
}

fn lay_down(store: &Store, severity: Severity, now: DateTime<Utc>) {
    let row = NewOverride {
        weakness: Some("S3.8".to_owned()),
        technology: None,
        account_pattern: None,
        score: None,
        severity: Some(Col(severity)),
        disabled: false,
        why: "a reason that an assessor can read".to_owned(),
        actor: "test".to_owned(),
        at: stamp(now),
    };
    store.write_here(|c| overrides::insert(c, &row)).unwrap();
}

#[test]
fn an_override_may_raise_a_rating_and_never_lowers_what_detection_says() {
    for (given, counts) in [
        (Severity::Low, Severity::Medium),
        (Severity::High, Severity::High),
    ] {
        for_each_database(|store| {
            lay_down(store, given, at("2026-09-01"));
            let medium = report("a", at("2026-09-02"), Signal::Open);
            seen(store, vec![medium], "2026-09-02");
            let opened = row(store, 1);
            assert_eq!(opened.original_severity.0, Severity::Medium);
            assert_eq!(opened.severity.unwrap().0, counts);
            assert_eq!(opened.rating.map(|r| r.0), Rating::of(counts));
        });
    }
}

#[test]
fn a_score_is_the_same_whoever_works_it_out() {
    for_each_database(|store| {
        lay_down(store, Severity::High, at("2026-09-01"));
        let medium = report("a", at("2026-09-02"), Signal::Open);
        seen(store, vec![medium], "2026-09-02");
        assert_eq!(row(store, 1).unjustified_score, 90);
        let scores = store.write_here(|c| justifications::rescore(c, 1, at("2026-09-03")));
        assert_eq!(scores.unwrap(), (90, 90));
    });
}

#[test]
fn what_is_read_at_one_moment_does_not_move() {
    for_each_database(|store| {
        seeded(store);
        let read = |conn: &mut AnyConnection| {
            let before = records::all(conn)?.len();
            let other = of("S3.9", "z", "2026-09-03", Signal::Open);
            seen(store, vec![other], "2026-09-03");
            Ok((before, records::all(conn)?.len()))
        };
        let counts = store.read_here(|conn| shown::at_one_moment(conn, read));
        assert_eq!(counts.unwrap(), (1, 1));
        assert_eq!(all(store).len(), 2);
    });
}
