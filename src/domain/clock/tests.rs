//! Every row of the published tables, read here a second time and not through `frames`.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::domain::evaluation::Laid;

const DETECTED: &str = "2026-01-31T23:59:59Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn table(file: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/clocks");
    serde_json::from_str(&std::fs::read_to_string(path.join(file)).unwrap()).unwrap()
}

fn severity(word: &str) -> Severity {
    Severity::ALL
        .into_iter()
        .find(|s| super::word(*s) == Some(word))
        .unwrap()
}

fn policy(sets: &[ClockSet]) -> Policy {
    Policy {
        sets: sets.to_vec(),
        ..Policy::default()
    }
}

fn ask(policy: &Policy, severity: Severity, known: &Known) -> Due {
    due(&Inputs {
        policy,
        detected: at(DETECTED),
        severity,
        known,
    })
}

fn after(days: i64) -> Option<NaiveDate> {
    Some(day("2026-01-31") + TimeDelta::days(days))
}

/// Whatever a detector's clock said, and whatever a catalog says.
#[test]
fn days_at_the_end_of_the_calendar_are_reckoned_with() {
    let far = NaiveDate::from_ymd_opt(262_142, 12, 31);
    let flaw = |added, due| Flaw {
        cve: "CVE-2026-1".to_owned(),
        kev: Some(Kev { added, due }),
        ..Flaw::default()
    };
    for detected in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        for set in PACKAGED.iter().filter_map(|name| ClockSet::packaged(name)) {
            for released in [None, far, Some(NaiveDate::MIN), Some(NaiveDate::MAX)] {
                let known = Known {
                    flaws: vec![flaw(far, far), flaw(Some(NaiveDate::MIN), None)],
                    vendor_released: released,
                    ..Known::default()
                };
                let policy = policy(std::slice::from_ref(&set));
                let is = due(&Inputs {
                    policy: &policy,
                    detected,
                    severity: Severity::Low,
                    known: &known,
                });
                assert!(is.day.is_some(), "{} {detected} {released:?}", set.name());
            }
        }
        assert!(accepted_from(detected) >= detected.date_naive());
    }
}

#[test]
fn every_section_of_the_time_frames_is_a_clock_or_known_history() {
    let frames = table("timeframes.json");
    let keys: Vec<&str> = frames
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    // A new section here has to become a clock, or to be named as none.
    let mut known = vec![
        "_about",
        "fedrampRev5Legacy",
        "fedrampCR26",
        "rfc0012Draft2025",
        "bod2604",
        "bod2201Historic",
        "bod1902Historic",
        "cmsHhs",
        "agencyEscalationTriggersRev5",
    ];
    known.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, known);
    for history in ["bod2201Historic", "bod1902Historic"] {
        assert_eq!(frames[history]["revoked"], "2026-06-10");
    }
    assert_eq!(
        PACKAGED.map(|name| ClockSet::packaged(name).unwrap().name().to_owned()),
        PACKAGED
    );
    assert_eq!(ClockSet::packaged("bod-22-01"), None);
}

#[test]
fn rev5_and_cms_follow_every_row() {
    let frames = table("timeframes.json");
    for (set, key) in [
        (ClockSet::FedrampRev5, "fedrampRev5Legacy"),
        (ClockSet::Cms, "cmsHhs"),
    ] {
        let days = frames[key]["days"].as_object().unwrap();
        assert_eq!(days.len(), 4);
        for (word, days) in days {
            let got = ask(
                &policy(std::slice::from_ref(&set)),
                severity(word),
                &Known::default(),
            );
            assert_eq!(got.day, after(days.as_i64().unwrap()), "{key} {word}");
            assert!(
                got.rule.contains(&format!("{word} {days} days")),
                "{}",
                got.rule
            );
        }
        let none = ask(
            &policy(std::slice::from_ref(&set)),
            Severity::Informational,
            &Known::default(),
        );
        assert_eq!(none.day, None);
    }
    let days = frames["fedrampRev5Legacy"]["vendorDependency"]["days"]
        .as_object()
        .unwrap();
    for (word, days) in days {
        let known = Known {
            vendor_released: Some(day("2026-06-01")),
            ..Known::default()
        };
        let got = ask(&policy(&[ClockSet::FedrampRev5]), severity(word), &known);
        let want = day("2026-06-01") + TimeDelta::days(days.as_i64().unwrap());
        assert_eq!(got.day, Some(want), "{word}");
    }
}

#[test]
fn ver_follows_every_class_rating_and_column() {
    let frames = table("timeframes.json");
    let rule = &frames["fedrampCR26"];
    let mut rows = 0;
    for class in Class::ALL {
        let evaluated = at("2026-02-03T09:00:00Z");
        for n in NRating::ALL {
            let row = &rule["mitigate"][class.as_str()][n.as_str()];
            for (irv, lev, column) in [
                (true, true, "irvLevDays"),
                (false, true, "nirvLevDays"),
                (true, false, "nlevDays"),
                (false, false, "nlevDays"),
            ] {
                rows += 1;
                let laid = Laid {
                    exposed: None,
                    irv: Some((irv, "a test".into())),
                    lev: Some((lev, "a test".into())),
                    n: Some((n, "a test".into())),
                    evaluated_at: Some(evaluated),
                };
                let mut known = Known::default();
                known.evaluation = Evaluation::of(&laid, &known.exposed, NRating::N3);
                let policy = Policy {
                    class,
                    ..policy(&[ClockSet::FedrampVer])
                };
                let got = ask(&policy, Severity::Low, &known);
                let want = row[column].as_f64().map(|days| {
                    let seconds = (days * 86_400.0) as i64;
                    (evaluated + TimeDelta::seconds(seconds)).date_naive()
                });
                assert_eq!(got.day, want, "{class} {n} {column}");
                assert_eq!(want.is_none(), n == NRating::N1);
                // Not evaluated: from the last day for it, never earlier than the rule demands.
                let within = rule["evaluateWithinDays"][class.as_str().to_lowercase()]
                    .as_i64()
                    .unwrap();
                known.evaluation.evaluated_at = None;
                let open = ask(&policy, Severity::Low, &known);
                let start = at(DETECTED) + TimeDelta::days(within);
                let want = row[column]
                    .as_f64()
                    .map(|days| (start + TimeDelta::hours((days * 24.0) as i64)).date_naive());
                assert_eq!(open.day, want, "{class} {n} {column} open");
            }
        }
    }
    assert_eq!(rows, 4 * 5 * 4);
    assert_eq!(
        accepted_from(at("2026-02-03T09:00:00Z")),
        day("2026-02-03")
            + TimeDelta::days(rule["acceptedVulnerabilityAfterDays"].as_i64().unwrap())
    );
}

fn flaw(kev: Option<Kev>, automatable: Option<bool>, impact: Option<Impact>) -> Flaw {
    Flaw {
        cve: "CVE-2026-1000".to_owned(),
        kev,
        automatable,
        impact,
    }
}

fn exposed(value: bool) -> Judged<bool> {
    Judged::by_person(value, "a test")
}

#[test]
fn bod_26_04_follows_every_row() {
    let table = table("bod-26-04-decision-table.json");
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 16);
    for row in rows {
        let listed = Kev {
            added: Some(day("2026-01-20")),
            due: None,
        };
        let in_kev = row["inKev"].as_bool().unwrap();
        let known = Known {
            flaws: vec![flaw(
                in_kev.then_some(listed),
                row["automatable"].as_bool(),
                Impact::parse(row["technicalImpact"].as_str().unwrap()),
            )],
            exposed: exposed(row["publiclyExposed"].as_bool().unwrap()),
            ..Known::default()
        };
        let got = ask(&policy(&[ClockSet::Bod2604]), Severity::Medium, &known);
        // Listed before it was detected: the count starts at the listing.
        let start = day(if in_kev { "2026-01-20" } else { "2026-01-31" });
        let want = row["remediation"]["days"]
            .as_i64()
            .map(|days| start + TimeDelta::days(days));
        assert_eq!(got.day, want, "{row}");
        assert_eq!(
            got.rule.contains("forensic triage"),
            row["remediation"]["forensicTriage"].as_bool().unwrap(),
            "{row}"
        );
        assert_eq!(got.rule.contains("next upgrade"), want.is_none(), "{row}");
        assert!(!got.rule.contains("assumed"), "{}", got.rule);
    }
}

#[test]
fn bod_26_04_counts_from_the_earlier_of_listing_and_detection_and_takes_the_worst_cve() {
    let kev = |added: &str| {
        Some(Kev {
            added: Some(day(added)),
            due: None,
        })
    };
    let due_of = |flaws: Vec<Flaw>| {
        let known = Known {
            flaws,
            ..Known::default()
        };
        ask(&policy(&[ClockSet::Bod2604]), Severity::Medium, &known).day
    };
    let partial = Some(Impact::Partial);
    // Listed after detection: from detection.
    assert_eq!(
        due_of(vec![flaw(kev("2026-03-01"), Some(false), partial)]),
        after(14)
    );
    assert_eq!(
        due_of(vec![
            flaw(None, Some(false), partial),
            flaw(kev("2026-03-01"), Some(false), partial)
        ]),
        after(14)
    );
    assert_eq!(due_of(vec![flaw(None, Some(false), partial)]), None);
    assert_eq!(due_of(Vec::new()), None);
}

#[test]
fn what_is_missing_counts_as_the_setting_says() {
    let ask_with = |missing: Missing| {
        let known = Known {
            flaws: vec![flaw(None, None, None)],
            exposed: Judged::assumed(missing.exposed, "nothing known"),
            ..Known::default()
        };
        let policy = Policy {
            missing,
            ..policy(&[ClockSet::Bod2604])
        };
        ask(&policy, Severity::Medium, &known)
    };
    // FedRAMP: automatable; not exposed, total: 60 days.
    let fedramp = ask_with(Missing::default());
    assert_eq!(fedramp.day, after(60));
    assert!(
        fedramp.rule.contains("automatable (assumed)"),
        "{}",
        fedramp.rule
    );
    // The directive's own default: not automatable, total, not exposed: next upgrade.
    let directive = ask_with(Missing {
        automatable: false,
        ..Missing::default()
    });
    assert_eq!(directive.day, None);
    let careful = ask_with(Missing {
        exposed: true,
        ..Missing::default()
    });
    assert_eq!(careful.day, after(3));
}

#[test]
fn the_earliest_of_several_clocks_wins_and_a_sooner_kev_date_beats_them_all() {
    let own = ClockSet::Own(OwnClock {
        name: "contract".to_owned(),
        days: BTreeMap::from([(Severity::High, 10), (Severity::Low, 400)]),
    });
    let policy = policy(&[ClockSet::FedrampRev5, ClockSet::Cms, own]);
    let plain = Known::default();
    for (severity, days, clock) in [
        (Severity::Critical, 15, "CMS"),
        (Severity::High, 10, "contract"),
        (Severity::Medium, 90, "FedRAMP Rev5"),
        (Severity::Low, 180, "FedRAMP Rev5"),
    ] {
        let got = ask(&policy, severity, &plain);
        assert_eq!(got.day, after(days), "{severity}");
        assert!(got.rule.starts_with(clock), "{}", got.rule);
        assert_eq!(got.terms.len(), 3);
    }
    let listed = |due: &str| Known {
        flaws: vec![flaw(
            Some(Kev {
                added: None,
                due: Some(day(due)),
            }),
            None,
            None,
        )],
        ..Known::default()
    };
    let sooner = ask(&policy, Severity::High, &listed("2026-02-05"));
    assert_eq!(sooner.day, Some(day("2026-02-05")));
    assert_eq!(sooner.rule, "CISA KEV: CVE-2026-1000 is due on 2026-02-05");
    let later = ask(&policy, Severity::High, &listed("2026-02-20"));
    assert_eq!(later.day, after(10));
    assert_eq!(later.terms.len(), 4);
}

#[test]
fn a_label_may_have_clocks_of_its_own() {
    let clocks = Clocks {
        usual: Policy::default(),
        by_label: BTreeMap::from([("prod".to_owned(), policy(&[ClockSet::Cms]))]),
    };
    assert_eq!(clocks.of("Prod").sets, [ClockSet::Cms]);
    assert_eq!(clocks.of("Dev").sets, [ClockSet::FedrampRev5]);
}

proptest! {
    #[test]
    fn the_day_is_the_earliest_of_the_terms_and_a_worse_severity_is_never_later(
        sets in prop::collection::vec(0usize..4, 1..5),
        low in 1usize..5,
        high in 1usize..5,
        kev in prop::option::of(0i64..400),
        irv in any::<bool>(),
    ) {
        let sets: Vec<ClockSet> = sets
            .into_iter()
            .map(|i| ClockSet::packaged(PACKAGED[i]).unwrap())
            .collect();
        let policy = policy(&sets);
        let kev = kev.map(|days| Kev { added: None, due: after(days) });
        let exposed = exposed(irv);
        let known = Known {
            flaws: vec![flaw(kev, None, None)],
            evaluation: Evaluation::of(&Laid::default(), &exposed, NRating::N4),
            exposed,
            vendor_released: None,
        };
        let (low, high) = (low.min(high), low.max(high));
        let less = ask(&policy, Severity::ALL[low], &known);
        let worse = ask(&policy, Severity::ALL[high], &known);
        for got in [&less, &worse] {
            prop_assert_eq!(got.day, got.terms.iter().filter_map(|t| t.day).min());
            prop_assert!(!got.rule.is_empty());
        }
        prop_assert!(worse.day <= less.day || less.day.is_none());
    }
}
