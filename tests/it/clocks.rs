//! Clocks, intelligence and overrides from the files to the records, on both databases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use poamd::domain::clock::{ClockSet, Clocks, Policy};
use poamd::domain::deviation::{DeviationKind, DeviationState};
use poamd::domain::intel::IntelKind;
use poamd::domain::record::RecordId;
use poamd::exchange::dataset::{self, Moment, System};
use poamd::jobs::intel::{self as job, Summary};
use poamd::poam::{self, Ground, Rules};
use poamd::query::filter::Filter;
use poamd::store::audit;
use poamd::store::columns::Col;
use poamd::store::deviations::{self, NewDeviation};
use poamd::store::facts::{self, NewFact};
use poamd::store::intel;
use poamd::store::overrides::{self, NewOverride};
use poamd::store::records::{self, RecordRow};
use poamd::store::time::stamp;
use poamd::store::{Store, findings};
use poamd_contract::finding::{FindingReport, Identity, Signal, WeaknessKind};
use poamd_contract::severity::Severity;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use serde_json::{Value, json};

use crate::support::databases::for_each_database;
use crate::support::findings::{assert_audited, hub, report, take, untouched};

fn at(day: i64) -> DateTime<Utc> {
    "2026-10-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day)
}

fn day(text: &str) -> Option<NaiveDate> {
    Some(text.parse().unwrap())
}

/// A flaw on a host, detected on the first of September.
fn flaw(cve: &str, host: &str, updated: i64) -> FindingReport {
    let mut report = report(host, at(updated), Signal::Open);
    report.native_id = format!("{cve}/{host}");
    report.identity = Identity::Native {
        arn: format!("arn:aws:inspector2:us-east-1:123456789012:finding/{cve}/{host}"),
    };
    report.weakness.id = cve.to_owned();
    report.weakness.kind = WeaknessKind::Vulnerability;
    report.detail.flaw = Some(poamd_contract::detail::Flaw {
        cves: vec![cve.to_owned()],
        ..Default::default()
    });
    report
}

fn record_of(store: &Store, weakness: &str) -> RecordRow {
    let all = store.read_here(records::all).unwrap();
    all.into_iter().find(|r| r.weakness_id == weakness).unwrap()
}

fn kinds(store: &Store, subject: &str) -> Vec<String> {
    let mut rows = store
        .read_here(|c| audit::list(c, Some(subject), 100))
        .unwrap();
    rows.sort_by_key(|row| row.n);
    rows.into_iter().map(|row| row.kind).collect()
}

fn plan(store: &Store, rules: &Rules, now: i64) {
    poam::activate(store, rules, at(now), "test").unwrap();
}

fn rules(sets: &[ClockSet]) -> Rules {
    Rules {
        clocks: Clocks {
            usual: Policy {
                sets: sets.to_vec(),
                ..Policy::default()
            },
            ..Clocks::default()
        },
        ..Rules::default()
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn catalog(released: &str, entries: &[(&str, &str, &str)]) -> String {
    let lines: Vec<Value> = entries
        .iter()
        .map(|(cve, added, due)| json!({ "cveID": cve, "dateAdded": added, "dueDate": due }))
        .collect();
    json!({ "catalogVersion": "x", "dateReleased": format!("{released}T00:00:00Z"), "count": lines.len(),
        "vulnerabilities": lines })
    .to_string()
}

fn scores(day: &str, entries: &[(&str, &str)]) -> Vec<u8> {
    let mut text =
        format!("#model_version:v1,score_date:{day}T00:00:00+0000\ncve,epss,percentile\n");
    for (cve, epss) in entries {
        text.push_str(&format!("{cve},{epss},0.5\n"));
    }
    gz(text.as_bytes())
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn answers(cve: &str, automatable: &str, impact: &str) -> String {
    json!({ "dataType": "CVE_RECORD", "cveMetadata": { "cveId": cve }, "containers": { "adp": [ { "metrics": [
        { "other": { "type": "ssvc", "content": { "timestamp": "2026-10-01T00:00:00Z", "options": [
            { "Exploitation": "poc" }, { "Automatable": automatable }, { "Technical Impact": impact } ] } } } ] } ] } })
    .to_string()
}

fn import(store: &Store, rules: &Rules, paths: &[PathBuf], now: i64) -> Result<Summary, String> {
    job::import(store, rules, paths, false, at(now), "test").map_err(|e| e.to_string())
}

#[test]
fn a_catalog_moves_only_the_records_it_speaks_of_and_says_so() {
    for_each_database(|store| {
        let files = Files::new();
        let rules = Rules::default();
        let reports = vec![flaw("CVE-2026-1000", "a", 0), flaw("CVE-2026-2000", "b", 0)];
        take(store, hub(), reports, at(1));
        plan(store, &rules, 1);
        assert_eq!(record_of(store, "CVE-2026-1000").due, day("2026-11-30"));
        let path = files.write(
            "kev.json",
            catalog(
                "2026-10-02",
                &[
                    ("CVE-2026-1000", "2026-09-30", "2026-10-20"),
                    ("CVE-2026-9999", "2026-01-01", "2026-02-01"),
                ],
            ),
        );
        let before = record_of(store, "CVE-2026-2000");
        let done = import(store, &rules, std::slice::from_ref(&path), 2).unwrap();
        assert_eq!(
            (
                done.imported[0].entries,
                done.imported[0].changed,
                done.imported[0].weaknesses
            ),
            (2, 2, 1)
        );
        let moved = record_of(store, "CVE-2026-1000");
        assert_eq!(moved.due, day("2026-10-20"));
        assert_eq!(
            moved.due_rule,
            "CISA KEV: CVE-2026-1000 is due on 2026-10-20"
        );
        let subject = RecordId(moved.id).to_string();
        assert_eq!(
            kinds(store, &subject),
            [
                "record.opened",
                "record.planned",
                "record.due-moved-earlier"
            ]
        );
        assert_eq!(record_of(store, "CVE-2026-2000"), before);
        // The same again writes nothing; taken out of the catalog it keeps its day.
        let still = untouched(store);
        import(store, &rules, &[path], 3).unwrap();
        assert_eq!(untouched(store), still);
        let empty = files.write(
            "k2",
            catalog(
                "2026-10-03",
                &[("CVE-2026-9999", "2026-01-01", "2026-02-01")],
            ),
        );
        let done = import(store, &rules, &[empty], 4).unwrap();
        assert_eq!(
            (done.imported[0].changed, done.imported[0].weaknesses),
            (1, 1)
        );
        assert_eq!(record_of(store, "CVE-2026-1000"), moved);
        assert_audited(store);
    });
}

#[test]
fn a_bad_file_changes_nothing_and_says_what_is_wrong() {
    for_each_database(|store| {
        let files = Files::new();
        let rules = Rules::default();
        plan(store, &rules, 0);
        let good = files.write(
            "a",
            catalog(
                "2026-10-02",
                &[("CVE-2026-1000", "2026-09-30", "2026-10-20")],
            ),
        );
        let older = files.write(
            "b",
            catalog(
                "2026-10-01",
                &[("CVE-2026-1001", "2026-09-30", "2026-10-20")],
            ),
        );
        let broken = files.write(
            "c",
            "#model_version:v1,score_date:2026-10-01\ncve,epss,percentile\nCVE-2026-1000,x,1\n",
        );
        let odd = files.write("d", "hello");
        let zip = files.write("e", b"PK\x03\x04");
        let cut = files.write("f", &gz(&vec![b'x'; 4000])[..30]);
        let records = files.write("g/1.json", "{");
        for (paths, want) in [
            (vec![good.clone(), broken], "line 3"),
            (vec![good.clone(), older.clone()], "second kev file"),
            (vec![good.clone(), odd], "neither a KEV catalog"),
            (vec![zip], "zip archive"),
            (vec![cut], "cannot be read"),
            (vec![records.parent().unwrap().to_owned()], "is not JSON"),
            (
                vec![Path::new("/does/not/exist").to_owned()],
                "cannot be read",
            ),
        ] {
            let before = untouched(store);
            let error = import(store, &rules, &paths, 1).unwrap_err();
            assert!(
                error.contains(want) && error.contains("nothing was changed"),
                "{error}"
            );
            assert_eq!(untouched(store), before);
            assert!(store.read_here(intel::files).unwrap().is_empty());
        }
        import(store, &rules, &[good], 1).unwrap();
        let error = import(store, &rules, std::slice::from_ref(&older), 2).unwrap_err();
        assert!(
            error.contains("older than what is there (2026-10-02)"),
            "{error}"
        );
        job::import(store, &rules, &[older], true, at(2), "test").unwrap();
        let there = store
            .read_here(|c| intel::file(c, IntelKind::Kev))
            .unwrap()
            .unwrap();
        assert_eq!(there.as_of.date(), "2026-10-01".parse().unwrap());
    });
}

#[test]
fn scores_and_answers_come_packed_too_and_answers_run_the_clock_of_cisa() {
    for_each_database(|store| {
        let files = Files::new();
        let rules = rules(&[ClockSet::FedrampRev5, ClockSet::Bod2604]);
        take(store, hub(), vec![flaw("CVE-2026-1000", "a", 0)], at(1));
        plan(store, &rules, 1);
        // Nothing known: automatable and total are assumed, not exposed: 60 days.
        assert_eq!(record_of(store, "CVE-2026-1000").due, day("2026-10-31"));
        let mut archive = tar::Builder::new(Vec::new());
        for (name, text) in [
            ("x/1.json", answers("CVE-2026-1000", "yes", "total")),
            ("x/2.json", answers("CVE-2026-3000", "no", "partial")),
            ("x/delta.json", "{}".to_owned()),
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            header.set_cksum();
            archive
                .append_data(&mut header, name, text.as_bytes())
                .unwrap();
        }
        let archive = files.write("v.tar.gz", gz(&archive.into_inner().unwrap()));
        let epss = files.write(
            "e.csv.gz",
            scores(
                "2026-10-01",
                &[("CVE-2026-1000", "0.9"), ("CVE-2026-3000", "0.001")],
            ),
        );
        let done = import(store, &rules, &[archive, epss], 2).unwrap();
        let told: Vec<_> = done
            .imported
            .iter()
            .map(|i| (i.kind, i.entries, i.weaknesses))
            .collect();
        assert_eq!(told, [(IntelKind::Epss, 2, 1), (IntelKind::Ssvc, 2, 1)]);
        assert_eq!(done.others, 1);
        let known = store
            .read_here(|c| intel::of_cves(c, &["CVE-2026-1000"]))
            .unwrap();
        let known = &known["CVE-2026-1000"];
        assert_eq!(known.epss, Some(900_000));
        assert_eq!(known.ssvc.as_ref().unwrap().automatable, Some(true));
        // Exposed by an owner's word: three days; and a single record is added to what is there.
        let record = record_of(store, "CVE-2026-1000");
        store
            .write_here(|c| {
                facts::insert(
                    c,
                    &NewFact {
                        record_id: record.id,
                        name: "exposed".to_owned(),
                        value: "true".to_owned(),
                        why: "a public load balancer".to_owned(),
                        actor: "test".to_owned(),
                        at: stamp(at(3)),
                    },
                )?;
                findings::enqueue_planning(c, [("123456789012", "CVE-2026-1000")])
            })
            .unwrap();
        plan(store, &rules, 3);
        let record = record_of(store, "CVE-2026-1000");
        assert_eq!(record.due, day("2026-09-04"));
        assert!(
            record.due_rule.starts_with("BOD 26-04"),
            "{}",
            record.due_rule
        );
        let single = files.write("one.json", answers("CVE-2026-4000", "no", "total"));
        let done = import(store, &rules, &[single], 4).unwrap();
        assert_eq!((done.imported[0].entries, done.imported[0].changed), (3, 1));
        assert_audited(store);
    });
}

fn adjust(store: &Store, record: i64, severity: Option<Severity>, live: bool) {
    let row = store.read_here(|c| records::find(c, record)).unwrap();
    let from = row.unwrap().severity;
    store
        .write_here(|c| {
            for mut row in deviations::of_record(c, record)? {
                row.live = false;
                deviations::update(c, &row)?;
            }
            let row = NewDeviation {
                record_id: record,
                kind: Col(DeviationKind::RiskAdjustment),
                state: Col(DeviationState::Approved),
                live,
                severity: severity.map(Col),
                rationale: "behind two firewalls".to_owned(),
                mitigations: String::new(),
                requested_by: "test".to_owned(),
                requested_at: stamp(at(1)),
                decided_at: Some(stamp(at(1))),
                expires: None,
                from_severity: from,
            };
            deviations::insert(c, &row).map(|_| ())
        })
        .unwrap();
}

#[test]
fn only_a_decision_moves_a_day_later_and_it_stays_there_until_it_ends() {
    for_each_database(|store| {
        let rules = Rules::default();
        take(store, hub(), vec![report("a", at(0), Signal::Open)], at(1));
        plan(store, &rules, 1);
        let record = record_of(store, "S3.8");
        assert_eq!(record.due, day("2026-11-30"));
        let decide = |ground, now| {
            let what = (ground, &json!({ "deviation": 1 }));
            store
                .write_here(|c| poam::decide(c, &rules, RecordId(record.id), what, at(now), "ao"))
                .unwrap()
        };
        assert!(!decide(Ground::Adjustment, 2), "nothing was decided yet");
        adjust(store, record.id, Some(Severity::Low), true);
        assert!(decide(Ground::Adjustment, 3));
        let adjusted = record_of(store, "S3.8");
        assert_eq!(adjusted.due, day("2027-02-28"));
        assert_eq!(adjusted.adjusted_severity, Some(Col(Severity::Low)));
        assert_eq!(adjusted.severity, Some(Col(Severity::Medium)));
        assert_eq!(adjusted.original_severity, Col(Severity::Medium));
        // Whatever comes next finds the decision in force.
        take(store, hub(), vec![report("b", at(4), Signal::Open)], at(4));
        plan(store, &rules, 4);
        assert_eq!(record_of(store, "S3.8").due, day("2027-02-28"));
        adjust(store, record.id, None, false);
        assert!(decide(Ground::Other, 5));
        let back = record_of(store, "S3.8");
        assert_eq!(
            (back.due, back.adjusted_severity),
            (day("2026-11-30"), None)
        );
        assert_eq!(
            kinds(store, &RecordId(record.id).to_string()),
            [
                "record.opened",
                "record.planned",
                "record.rating-decided",
                "record.due-decided",
                "record.items-joined",
                "record.rescored",
                "record.rating-decided",
                "record.due-decided"
            ]
        );
        assert_audited(store);
    });
}

/// CISA takes an entry back, and its day stands until a decision moves it. The decision's end takes nothing away.
#[test]
fn the_nearer_day_that_stood_before_an_adjustment_stands_again_when_it_ends() {
    for_each_database(|store| {
        let files = Files::new();
        let rules = Rules::default();
        let listed = catalog("2026-10-01", &[(CVE, "2026-08-30", "2026-09-20")]);
        import(store, &rules, &[files.write("a", listed)], 1).unwrap();
        take(store, hub(), vec![flaw(CVE, "a", 0)], at(1));
        plan(store, &rules, 1);
        let stood = record_of(store, CVE);
        assert_eq!(stood.due, day("2026-09-20"));
        let gone = catalog(
            "2026-10-03",
            &[("CVE-2026-9999", "2026-08-30", "2026-09-30")],
        );
        import(store, &rules, &[files.write("b", gone)], 3).unwrap();
        assert_eq!(record_of(store, CVE).due, stood.due, "it stands");
        let decide = |ground, now| {
            let what = (ground, &json!({ "deviation": 1 }));
            store
                .write_here(|c| poam::decide(c, &rules, RecordId(stood.id), what, at(now), "ao"))
                .unwrap()
        };
        for now in [4, 6] {
            adjust(store, stood.id, Some(Severity::Low), true);
            assert!(decide(Ground::Adjustment, now));
            let adjusted = record_of(store, CVE);
            assert_eq!(adjusted.due, day("2027-02-28"));
            assert_eq!(adjusted.held_due, stood.due);
            adjust(store, stood.id, None, false);
            assert!(decide(Ground::Other, now + 1));
            let back = record_of(store, CVE);
            assert_eq!((back.due, &back.due_rule), (stood.due, &stood.due_rule));
            assert_eq!((back.held_due, back.held_rule), (None, None));
        }
        // What becomes worse is covered no more, and its day comes back as well.
        adjust(store, stood.id, Some(Severity::Low), true);
        decide(Ground::Adjustment, 8);
        let mut worse = flaw(CVE, "a", 9);
        worse.severity = Some(Severity::High);
        take(store, hub(), vec![worse], at(9));
        plan(store, &rules, 9);
        let worse = record_of(store, CVE);
        assert_eq!((worse.due, worse.adjusted_severity), (stood.due, None));
        assert_audited(store);
    });
}

#[test]
fn other_clocks_tighten_what_is_there_and_loosen_nothing() {
    for_each_database(|store| {
        take(store, hub(), vec![report("a", at(0), Signal::Open)], at(1));
        plan(store, &rules(&[ClockSet::FedrampRev5]), 1);
        let own = |days| {
            ClockSet::Own(poamd::domain::clock::OwnClock {
                name: "contract".to_owned(),
                days: [(Severity::Medium, days)].into(),
            })
        };
        for (set, due) in [
            (own(20), "2026-09-21"),
            (own(300), "2026-09-21"),
            (own(10), "2026-09-11"),
        ] {
            plan(store, &rules(&[set]), 2);
            assert_eq!(record_of(store, "S3.8").due, day(due));
        }
        assert_eq!(kinds(store, "poam"), ["clocks.changed"; 3]);
        let before = untouched(store);
        plan(store, &rules(&[own(10)]), 3);
        assert_eq!(untouched(store), before);
    });
}

fn lay_down(
    store: &Store,
    severity: Option<Severity>,
    disabled: bool,
    account: Option<&str>,
) -> i64 {
    store
        .write_here(|c| {
            let row = NewOverride {
                weakness: Some("S3.*".to_owned()),
                technology: Some("s3".to_owned()),
                account_pattern: account.map(str::to_owned),
                score: None,
                severity: severity.map(Col),
                disabled,
                why: "a reason that an assessor can read".to_owned(),
                actor: "test".to_owned(),
                at: stamp(at(0)),
            };
            let id = overrides::insert(c, &row)?;
            let one = overrides::find(c, id)?.unwrap().parsed()?;
            let touched = overrides::touched(c, &one)?;
            findings::enqueue_planning(c, touched.iter().map(|(a, w)| (a.as_str(), w.as_str())))?;
            Ok(id)
        })
        .unwrap()
}

#[test]
fn an_override_counts_from_now_on_and_never_lowers_a_record() {
    for_each_database(|store| {
        let rules = Rules::default();
        take(store, hub(), vec![report("a", at(0), Signal::Open)], at(1));
        plan(store, &rules, 1);
        lay_down(store, Some(Severity::Low), false, None);
        plan(store, &rules, 2);
        let record = record_of(store, "S3.8");
        assert_eq!(
            (record.severity, record.score),
            (Some(Col(Severity::Medium)), 20)
        );
        assert_eq!(record.due, day("2026-11-30"));
        // One that names the account goes before it, and raising needs nobody's leave.
        lay_down(store, Some(Severity::High), false, Some("123456789012"));
        plan(store, &rules, 3);
        let record = record_of(store, "S3.8");
        assert_eq!(
            (record.severity, record.score),
            (Some(Col(Severity::High)), 90)
        );
        assert_eq!(record.due, day("2026-10-01"));
        // What the detector said stays as it said it.
        let row = store.read_here(findings::all).unwrap().remove(0);
        assert_eq!(row.severity, Some(Col(Severity::Medium)));
        assert_audited(store);
    });
}

#[test]
fn a_disabled_weakness_opens_nothing_and_closes_nothing() {
    for_each_database(|store| {
        let rules = Rules::default();
        lay_down(store, None, true, Some("id=1234*"));
        take(store, hub(), vec![report("a", at(0), Signal::Open)], at(1));
        plan(store, &rules, 1);
        assert!(store.read_here(records::all).unwrap().is_empty());
        let snapshot = store.read_here(poamd::query::Snapshot::load).unwrap();
        assert_eq!(snapshot.findings[0].marks, "[\"disabled-by-override-1\"]");
        assert_eq!(snapshot.findings[0].score, 0);
    });
    for_each_database(|store| {
        let rules = Rules::default();
        take(store, hub(), vec![report("a", at(0), Signal::Open)], at(1));
        plan(store, &rules, 1);
        lay_down(store, None, true, None);
        plan(store, &rules, 2);
        let record = record_of(store, "S3.8");
        assert!(record.status.0.is_live());
        assert_eq!(
            (record.score, record.severity),
            (0, Some(Col(Severity::Medium)))
        );
    });
}

/// What may happen to the records of a ledger. An adjustment alone is a decision that may move a day later.
#[derive(Debug, Clone)]
enum Happening {
    Report {
        host: u8,
        severity: usize,
        open: bool,
    },
    Listed {
        due: i64,
    },
    Evaluated {
        irv: bool,
        lev: bool,
        n: u8,
    },
    Clocks {
        set: usize,
    },
    Override {
        severity: usize,
    },
    Adjusted {
        to: usize,
    },
    AdjustmentEnded,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0u8..3, 1usize..5, any::<bool>()).prop_map(|(host, severity, open)| Happening::Report {
            host,
            severity,
            open
        }),
        (0i64..200).prop_map(|due| Happening::Listed { due }),
        (any::<bool>(), any::<bool>(), 1u8..6).prop_map(|(irv, lev, n)| Happening::Evaluated {
            irv,
            lev,
            n
        }),
        (0usize..4).prop_map(|set| Happening::Clocks { set }),
        (1usize..5).prop_map(|severity| Happening::Override { severity }),
        (1usize..5).prop_map(|to| Happening::Adjusted { to }),
        Just(Happening::AdjustmentEnded),
    ]
}

const CVE: &str = "CVE-2026-1000";

/// Does it, and plans.
fn happen(store: &Store, files: &Files, what: &Happening, clocks: &mut Rules, now: i64) {
    match what {
        Happening::Report {
            host,
            severity,
            open,
        } => {
            let mut report = flaw(CVE, &format!("host-{host}"), now);
            report.severity = Some(Severity::ALL[*severity]);
            if !open {
                report.signal = Signal::Passed;
            }
            take(store, hub(), vec![report], at(now));
        }
        Happening::Listed { due } => {
            let due = (at(*due)).date_naive().to_string();
            let released = at(now).date_naive().to_string();
            let path = files.write("kev", catalog(&released, &[(CVE, "2026-09-15", &due)]));
            job::import(store, clocks, &[path], true, at(now), "test").unwrap();
        }
        Happening::Evaluated { irv, lev, n } => {
            let Some(record) = store.read_here(records::all).unwrap().into_iter().last() else {
                return;
            };
            let moment = format!("\"{}\"", at(now).to_rfc3339());
            let said = [
                ("irv", irv.to_string()),
                ("lev", lev.to_string()),
                ("n-rating", n.to_string()),
                ("evaluated-at", moment),
            ];
            store
                .write_here(|c| {
                    for (name, value) in said {
                        let fact = NewFact {
                            record_id: record.id,
                            name: name.to_owned(),
                            value,
                            why: "a test".to_owned(),
                            actor: "test".to_owned(),
                            at: stamp(at(now)),
                        };
                        facts::insert(c, &fact)?;
                    }
                    findings::enqueue_planning(c, [("123456789012", CVE)])
                })
                .unwrap();
        }
        Happening::Clocks { set } => {
            let second = ClockSet::packaged(poamd::domain::clock::PACKAGED[*set]).unwrap();
            *clocks = rules(&[ClockSet::Cms, second]);
        }
        Happening::Override { severity } => {
            let one = NewOverride {
                weakness: Some(CVE.to_owned()),
                technology: None,
                account_pattern: None,
                score: None,
                severity: Some(Col(Severity::ALL[*severity])),
                disabled: false,
                why: "a test".to_owned(),
                actor: "test".to_owned(),
                at: stamp(at(now)),
            };
            store
                .write_here(|c| {
                    overrides::insert(c, &one)?;
                    findings::enqueue_planning(c, [("123456789012", CVE)])
                })
                .unwrap();
        }
        Happening::Adjusted { to } => adjusted(store, clocks, Some(Severity::ALL[*to]), now),
        Happening::AdjustmentEnded => adjusted(store, clocks, None, now),
    }
    plan(store, clocks, now);
}

/// An adjustment of the live record is approved, or ends; nothing where there is none.
fn adjusted(store: &Store, clocks: &Rules, to: Option<Severity>, now: i64) {
    let all = store.read_here(records::all).unwrap();
    let Some(record) = all.into_iter().find(|r| r.status.0.is_live()) else {
        return;
    };
    adjust(store, record.id, to, to.is_some());
    let ground = to.map_or(Ground::Other, |_| Ground::Adjustment);
    let what = (ground, &json!({ "deviation": 1 }));
    store
        .write_here(|c| poam::decide(c, clocks, RecordId(record.id), what, at(now), "ao"))
        .unwrap();
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 50, ..Config::with_cases(24) })]

    #[test]
    fn due_dates_never_move_without_an_event_nor_later_without_a_decision(
        what in prop::collection::vec(happening(), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let url = poamd::store::DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
        let store = Store::open(url, 2).unwrap();
        let files = Files::new();
        let mut clocks = Rules::default();
        // The nearest day of each record while no adjustment counted.
        let mut nearest: BTreeMap<i64, NaiveDate> = BTreeMap::new();
        for (step, what) in what.iter().enumerate() {
            let before = store.read_here(records::all).unwrap();
            let head = store.read_here(audit::head).unwrap().0;
            happen(&store, &files, what, &mut clocks, step as i64 + 1);
            let after = store.read_here(records::all).unwrap();
            for was in &before {
                let is = after.iter().find(|r| r.id == was.id).unwrap();
                prop_assert!(is.detected_at <= was.detected_at);
                let later = match (was.due, is.due) {
                    (Some(was), Some(is)) => is > was,
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                let decided = matches!(what, Happening::Adjusted { .. }) && is.adjusted_severity.is_some();
                prop_assert!(!later || decided, "{:?} moved {:?} to {:?}", what, was.due, is.due);
                if is.due != was.due || is.due_rule != was.due_rule {
                    let subject = RecordId(is.id).to_string();
                    let events = store.read_here(|c| audit::list(c, Some(&subject), 50)).unwrap();
                    let told = events.iter().filter(|e| e.n > head).any(|e| {
                        let body: Value = serde_json::from_str(&e.body).unwrap();
                        let moved = ["record.due-moved-earlier", "record.due-decided"].contains(&e.kind.as_str());
                        let day = if moved { &body["to"] } else { &body["due"] };
                        *day == json!(is.due)
                    });
                    prop_assert!(told, "{:?} moved the day and no event says so", what);
                }
            }
            for is in after.iter().filter(|r| r.adjusted_severity.is_none()) {
                if let Some(stood) = nearest.get(&is.id) {
                    prop_assert!(is.due.is_some_and(|due| due <= *stood), "{:?}: {:?} after {}", what, is.due, stood);
                }
                nearest.extend(is.due.map(|due| (is.id, due)));
            }
        }
        if store.read_here(audit::verify).unwrap().broken.is_some() {
            return Err(TestCaseError::fail("the chain is broken"));
        }
    }
}

#[test]
fn a_form_has_the_catalog_and_the_scores_of_its_day() {
    for_each_database(|store| {
        let files = Files::new();
        let rules = Rules::default();
        take(store, hub(), vec![flaw("CVE-2026-1000", "a", 0)], at(1));
        plan(store, &rules, 1);
        for (day, name, due) in [(2, "a", "2026-09-20"), (4, "b", "2026-09-10")] {
            let released = at(day).date_naive().to_string();
            let file = catalog(&released, &[("CVE-2026-1000", "2026-08-30", due)]);
            import(store, &rules, &[files.write(name, file)], day).unwrap();
        }
        let epss = files.write("e", scores("2026-10-05", &[("CVE-2026-1000", "0.25")]));
        import(store, &rules, &[epss], 5).unwrap();
        let gone = catalog(
            "2026-10-08",
            &[("CVE-2026-9999", "2026-08-30", "2026-09-30")],
        );
        import(store, &rules, &[files.write("c", gone)], 8).unwrap();
        let flaw = |as_of: i64| {
            let moment = Moment::as_of(Some(at(as_of).date_naive()), at(9));
            let data = store
                .read_here(|conn| {
                    let snapshot = moment.snapshot(conn)?;
                    dataset::load(
                        conn,
                        &snapshot,
                        &Filter::default(),
                        &System::default(),
                        moment,
                    )
                })
                .unwrap();
            let flaw = data.records[0].flaw.clone();
            (flaw.kev, flaw.kev_due, flaw.epss)
        };
        assert_eq!(flaw(1), (false, None, None));
        assert_eq!(flaw(2), (true, day("2026-09-20"), None));
        assert_eq!(flaw(3), flaw(2));
        assert_eq!(flaw(4), (true, day("2026-09-10"), None));
        assert_eq!(flaw(5), (true, day("2026-09-10"), Some(250_000)));
        assert_eq!(
            flaw(9),
            (false, None, Some(250_000)),
            "taken out of the catalog"
        );
    });
}

#[test]
fn what_is_late_from_its_first_day_says_so_once() {
    for_each_database(|store| {
        let files = Files::new();
        let rules = Rules::default();
        let early = catalog(
            "2026-10-01",
            &[("CVE-2026-1000", "2025-12-30", "2026-01-20")],
        );
        import(store, &rules, &[files.write("k", early)], 0).unwrap();
        take(store, hub(), vec![flaw("CVE-2026-1000", "a", 0)], at(1));
        plan(store, &rules, 1);
        let record = record_of(store, "CVE-2026-1000");
        assert_eq!(record.due, day("2026-01-20"), "CISA's day as printed");
        let first = untouched(store);
        for day in 2..40 {
            plan(store, &rules, day);
        }
        assert_eq!(untouched(store), first, "no day writes it anew");
        let subject = RecordId(record.id).to_string();
        assert_eq!(kinds(store, &subject), ["record.opened", "record.planned"]);
    });
}
