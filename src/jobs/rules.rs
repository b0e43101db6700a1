//! What the configuration says of records, as the planner wants it.

use chrono::TimeDelta;
use poamd_contract::severity::Severity;

use crate::config::grouping::{By as NamedBy, Contact as NamedContact, Grouping as NamedGrouping};
use crate::config::poam::Baseline as NamedBaseline;
use crate::config::poam::{Class as NamedClass, Clocks as Named, Impact as NamedImpact};
use crate::config::poam::{NRating as NamedN, OwnClock as NamedClock, Poam};
use crate::domain::clock::{Class, ClockSet, Clocks, Impact, Missing, OwnClock, Policy};
use crate::domain::controls::Baseline;
use crate::domain::evaluation::NRating;
use crate::domain::grouping;
use crate::domain::opening::ContactRule;
use crate::poam::Rules;

/// The rules of the section `[poam]`.
pub fn poam(config: &Poam) -> Rules {
    Rules {
        clocks: Clocks {
            usual: policy(config, &config.usual),
            by_label: config
                .labels
                .iter()
                .map(|of| (of.label.to_lowercase(), policy(config, &of.clocks)))
                .collect(),
        },
        grouping: config.grouping.iter().map(grouping).collect(),
        contacts: config.contacts.iter().map(contact).collect(),
        baseline: config.baseline.map(|named| match named {
            NamedBaseline::Low => Baseline::Low,
            NamedBaseline::Moderate => Baseline::Moderate,
            NamedBaseline::High => Baseline::High,
        }),
        reopen_window: TimeDelta::from_std(config.reopen_window).unwrap_or(TimeDelta::MAX),
    }
}

fn grouping(named: &NamedGrouping) -> grouping::Rule {
    grouping::Rule {
        source: named.source.clone(),
        technology: named.technology.clone(),
        account: named.account.clone(),
        label: named.label.clone(),
        by: match named.by {
            NamedBy::PerWeakness => grouping::By::Weakness,
            NamedBy::PerItem => grouping::By::Item,
        },
    }
}

fn contact(named: &NamedContact) -> ContactRule {
    ContactRule {
        account: named.account.clone(),
        label: named.label.clone(),
        technology: named.technology.clone(),
        tag: named.tag.clone(),
        contact: named.contact.clone(),
    }
}

fn policy(config: &Poam, named: &Named) -> Policy {
    let own = |name: &str| config.own.iter().find(|clock| clock.name == name);
    Policy {
        sets: named
            .sets
            .iter()
            .filter_map(|name| {
                ClockSet::packaged(name).or_else(|| own(name).map(|c| ClockSet::Own(own_clock(c))))
            })
            .collect(),
        class: match named.class {
            NamedClass::A => Class::A,
            NamedClass::B => Class::B,
            NamedClass::C => Class::C,
            NamedClass::D => Class::D,
        },
        default_n: match named.default_n_rating {
            NamedN::N1 => NRating::N1,
            NamedN::N2 => NRating::N2,
            NamedN::N3 => NRating::N3,
            NamedN::N4 => NRating::N4,
            NamedN::N5 => NRating::N5,
        },
        missing: Missing {
            automatable: config.missing_automatable,
            impact: match config.missing_impact {
                NamedImpact::Partial => Impact::Partial,
                NamedImpact::Total => Impact::Total,
            },
            exposed: named.missing_exposure,
        },
    }
}

fn own_clock(named: &NamedClock) -> OwnClock {
    let severity = |word: &str| match word {
        "critical" => Some(Severity::Critical),
        "high" => Some(Severity::High),
        "moderate" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        _ => None,
    };
    OwnClock {
        name: named.name.clone(),
        days: named
            .days
            .iter()
            .filter_map(|(word, days)| Some((severity(word)?, *days)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_becomes_the_clocks_it_names() {
        let text = r#"
[poam]
clock_sets = ["fedramp-rev5", "contract"]
reopen_window = "10d"

[[poam.clocks]]
name = "contract"
high = 5
low = 50

[[poam.labels]]
label = "Prod"
clock_sets = ["fedramp-ver", "bod-26-04"]
class = "D"
default_n_rating = "N4"
missing_exposure = true
"#;
        let env = std::collections::BTreeMap::<String, String>::new();
        let config = crate::config::parse(std::path::Path::new("poamd.toml"), text, &env).unwrap();
        let rules = poam(&config.poam);
        assert_eq!(rules.reopen_window, TimeDelta::days(10));
        let usual = rules.clocks.of("Dev");
        let names: Vec<&str> = usual.sets.iter().map(ClockSet::name).collect();
        assert_eq!(names, ["fedramp-rev5", "contract"]);
        let ClockSet::Own(own) = &usual.sets[1] else {
            panic!("{usual:?}")
        };
        assert_eq!(own.days[&Severity::High], 5);
        let prod = rules.clocks.of("PROD");
        assert_eq!((prod.class, prod.default_n), (Class::D, NRating::N4));
        assert!(prod.missing.exposed && prod.missing.automatable);
        assert_eq!(prod.missing.impact, Impact::Total);
        assert_eq!(
            poam(
                &crate::config::parse(std::path::Path::new("p"), "", &env)
                    .unwrap()
                    .poam
            ),
            Rules::default()
        );
        assert_eq!(
            crate::config::poam::PACKAGED,
            crate::domain::clock::PACKAGED
        );
    }

    #[test]
    fn clock_sets_that_cannot_work_are_refused() {
        let env = std::collections::BTreeMap::<String, String>::new();
        let wrong = |text: &str| {
            crate::config::parse(std::path::Path::new("p"), text, &env)
                .unwrap_err()
                .to_string()
        };
        for (text, want) in [
            (
                "[poam]\nclock_sets = [\"bod-26-04\"]",
                "speaks of CVEs only",
            ),
            ("[poam]\nclock_sets = []", "names none"),
            (
                "[poam]\nclock_sets = [\"rev6\"]",
                "is no clock set; there are fedramp-rev5",
            ),
            (
                "[[poam.clocks]]\nname = \"cms\"\nhigh = 1",
                "name of a packaged set",
            ),
            ("[[poam.clocks]]\nname = \"mine\"", "has no days"),
            (
                "[[poam.labels]]\nlabel = \"Prod\"\nclock_sets = [\"x\"]",
                "is no clock set",
            ),
            ("[poam]\nclass = \"E\"", "is not one of A, B, C, D"),
        ] {
            assert!(wrong(text).contains(want), "{text}: {}", wrong(text));
        }
    }
}
