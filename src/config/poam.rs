//! `[poam]`, `[[poam.clocks]]` and `[[poam.labels]]`: which clocks run for records, and what else they go by.

use std::collections::BTreeMap;
use std::time::Duration;

use super::grouping::{Contact, Grouping};
use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::value::choice;

const DAY: Duration = Duration::from_hours(24);
const TEN_YEARS: Duration = Duration::from_hours(24 * 3650);

/// Sets that need no section of their own, in the names of `domain::clock::PACKAGED`.
pub const PACKAGED: [&str; 4] = ["fedramp-rev5", "fedramp-ver", "bod-26-04", "cms"];

const SETS: &str = "Clock sets: fedramp-rev5, fedramp-ver, bod-26-04, cms, or the name of a [[poam.clocks]]. Of several the \
    earliest day wins; a KEV date that is sooner beats them all. bod-26-04 speaks of CVEs only and needs another beside it.";

pub const SECTION: Section = Section {
    name: "poam",
    many: false,
    doc: "What records go by: clocks, windows, limits. Due dates never move later because of a change here.",
    variants: None,
    keys: &[
        Key::with_default(
            "clock_sets",
            Kind::List(&Kind::Text),
            r#"["fedramp-rev5"]"#,
            SETS,
        )
        .example(r#"["fedramp-rev5", "bod-26-04"]"#),
        Key::with_default(
            "class",
            Kind::Choice(Class::NAMES),
            r#""C""#,
            "FedRAMP class for fedramp-ver: A pilot, B Low, C Moderate, D High.",
        ),
        Key::with_default(
            "default_n_rating",
            Kind::Choice(NRating::NAMES),
            r#""N3""#,
            "N-rating of a record that nobody has evaluated (fedramp-ver). A person has to confirm N4 and N5.",
        ),
        Key::with_default(
            "missing_automatable",
            Kind::Flag,
            "true",
            "Whether exploitation counts as automatable where no SSVC data say so. FedRAMP: true; BOD 26-04 outside KEV \
            allows false.",
        ),
        Key::with_default(
            "missing_impact",
            Kind::Choice(Impact::NAMES),
            r#""total""#,
            "Technical impact where no SSVC data say so.",
        ),
        Key::with_default(
            "missing_exposure",
            Kind::Flag,
            "false",
            "Whether a resource counts as reachable from the internet where nothing says so.",
        ),
        Key::with_default(
            "reopen_window",
            Kind::Duration {
                min: Duration::ZERO,
                max: TEN_YEARS,
            },
            r#""90d""#,
            "A weakness that comes back within it opens its closed record again; later it gets a new one that names the old.",
        ),
        Key::with_default(
            "due_soon",
            Kind::Duration {
                min: DAY,
                max: TEN_YEARS,
            },
            r#""14d""#,
            "A record is due soon when so much time or less is left.",
        ),
        Key::with_default(
            "gap_limit",
            Kind::Duration {
                min: Duration::from_mins(1),
                max: TEN_YEARS,
            },
            r#""24h""#,
            "What could not be looked at for longer is a record of its own (detection-gap/<service>), until it is seen again.",
        ),
        Key::new(
            "baseline",
            Kind::Choice(Baseline::NAMES),
            r#""moderate""#,
            "Keeps only the controls of this FedRAMP Rev5 baseline. Without it: all that AWS names.",
        ),
        Key::new(
            "ato_vulnerabilities",
            Kind::Integer {
                min: 0,
                max: 10_000_000,
            },
            "120",
            "Unique vulnerabilities at authorization: what the escalation trigger \"20 % more\" is held against. Without \
            it that trigger is not counted.",
        ),
        Key::with_default(
            "roll_up",
            Kind::Flag,
            "false",
            "true: in the FedRAMP workbook of monthly monitoring findings of configuration share one CM-6 item, and each \
            failed check stands on Configuration Findings. An assessment (poamd export --occasion assessment) maps each.",
        )
        .example("true"),
    ],
};

pub const CLOCKS: Section = Section {
    name: "poam.clocks",
    many: true,
    doc: "Clocks of your own: calendar days from detection by severity. A severity without days has no due day by it.",
    variants: None,
    keys: &[
        Key::new(
            "name",
            Kind::Name,
            r#""contract""#,
            "What clock_sets call it.",
        )
        .required(),
        Key::new("critical", DAYS, "10", "Days for Critical."),
        Key::new("high", DAYS, "20", "Days for High."),
        Key::new("moderate", DAYS, "60", "Days for Moderate."),
        Key::new("low", DAYS, "120", "Days for Low."),
    ],
};

const DAYS: Kind = Kind::Integer { min: 0, max: 3_650 };

pub const LABELS: Section = Section {
    name: "poam.labels",
    many: true,
    doc: "Clocks of the accounts of one label, instead of those of [poam]. What is left out is as there.",
    variants: None,
    keys: &[
        Key::new(
            "label",
            Kind::Text,
            r#""Prod""#,
            "Label of accounts, in any case.",
        )
        .required(),
        Key::new(
            "clock_sets",
            Kind::List(&Kind::Text),
            r#"["fedramp-ver", "bod-26-04"]"#,
            SETS,
        ),
        Key::new(
            "class",
            Kind::Choice(Class::NAMES),
            r#""D""#,
            "FedRAMP class for fedramp-ver.",
        ),
        Key::new(
            "default_n_rating",
            Kind::Choice(NRating::NAMES),
            r#""N4""#,
            "N-rating of a record that nobody has evaluated.",
        ),
        Key::new(
            "missing_exposure",
            Kind::Flag,
            "true",
            "Whether a resource counts as reachable from the internet where nothing says so.",
        ),
    ],
};

choice! {
    /// FedRAMP class.
    pub enum Class {
        A = "A",
        B = "B",
        C = "C",
        D = "D",
    }
}

choice! {
    /// Potential adverse impact.
    pub enum NRating {
        N1 = "N1",
        N2 = "N2",
        N3 = "N3",
        N4 = "N4",
        N5 = "N5",
    }
}

choice! {
    /// SSVC Technical Impact.
    pub enum Impact {
        Partial = "partial",
        Total = "total",
    }
}

choice! {
    /// FedRAMP Rev5 baseline.
    pub enum Baseline {
        Low = "low",
        Moderate = "moderate",
        High = "high",
    }
}

/// What records go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poam {
    pub usual: Clocks,
    pub labels: Vec<LabelClocks>,
    pub own: Vec<OwnClock>,
    pub missing_automatable: bool,
    pub missing_impact: Impact,
    pub reopen_window: Duration,
    pub due_soon: Duration,
    /// How long a gap in coverage may last before it is a record.
    pub gap_limit: Duration,
    pub baseline: Option<Baseline>,
    pub grouping: Vec<Grouping>,
    pub contacts: Vec<Contact>,
    pub ato_vulnerabilities: Option<u32>,
    /// Findings of configuration share one CM-6 item in monthly monitoring.
    pub roll_up: bool,
}

/// What may be different for accounts of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clocks {
    /// Names; each is a packaged set or one of [`Poam::own`].
    pub sets: Vec<String>,
    pub class: Class,
    pub default_n_rating: NRating,
    pub missing_exposure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelClocks {
    pub label: String,
    pub clocks: Clocks,
}

/// Days by the words `critical`, `high`, `moderate`, `low`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnClock {
    pub name: String,
    pub days: BTreeMap<&'static str, u32>,
}

impl OwnClock {
    fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let name: Option<String> = r.get("name");
        let mut days = BTreeMap::new();
        for word in ["critical", "high", "moderate", "low"] {
            if let Some(given) = r.optional(word) {
                days.insert(word, given);
            }
        }
        if days.is_empty() {
            r.fail(
                "name",
                "has no days; give at least one of critical, high, moderate, low",
            );
        }
        let name = name?;
        if PACKAGED.contains(&name.as_str()) {
            r.fail(
                "name",
                "is the name of a packaged set; call yours otherwise",
            );
        }
        Some(Self { name, days })
    }
}

impl LabelClocks {
    fn read(r: Reader<'_>, own: &[OwnClock], usual: Option<&Clocks>) -> Option<Self> {
        r.reject_unknown();
        let label = r.get("label");
        let sets: Option<Vec<String>> = r.optional("clock_sets");
        let (class, n) = (r.optional("class"), r.optional("default_n_rating"));
        let exposure = r.optional("missing_exposure");
        if let Some(sets) = &sets {
            check_sets(r, sets, own);
        }
        let usual = usual?;
        Some(Self {
            label: label?,
            clocks: Clocks {
                sets: sets.unwrap_or_else(|| usual.sets.clone()),
                class: class.unwrap_or(usual.class),
                default_n_rating: n.unwrap_or(usual.default_n_rating),
                missing_exposure: exposure.unwrap_or(usual.missing_exposure),
            },
        })
    }
}

fn check_sets(r: Reader<'_>, sets: &[String], own: &[OwnClock]) {
    for set in sets {
        if !PACKAGED.contains(&set.as_str()) && !own.iter().any(|clock| clock.name == *set) {
            let names: Vec<&str> = PACKAGED
                .into_iter()
                .chain(own.iter().map(|clock| clock.name.as_str()))
                .collect();
            r.fail(
                "clock_sets",
                format!("{set:?} is no clock set; there are {}", names.join(", ")),
            );
        }
    }
    if sets.is_empty() {
        r.fail(
            "clock_sets",
            "names none; without a clock nothing is ever due",
        );
    } else if sets.iter().all(|set| set == "bod-26-04") {
        r.fail(
            "clock_sets",
            "bod-26-04 speaks of CVEs only; name another beside it, such as fedramp-rev5, for everything else",
        );
    }
}

impl Poam {
    pub(super) fn read(
        r: Reader<'_>,
        clocks: Vec<Reader<'_>>,
        labels: Vec<Reader<'_>>,
        grouping: Vec<Reader<'_>>,
        contacts: Vec<Reader<'_>>,
    ) -> Option<Self> {
        r.reject_unknown();
        let grouping: Vec<Option<Grouping>> = grouping.into_iter().map(Grouping::read).collect();
        let contacts: Vec<Option<Contact>> = contacts.into_iter().map(Contact::read).collect();
        let own: Vec<Option<OwnClock>> = clocks.into_iter().map(OwnClock::read).collect();
        let own: Vec<OwnClock> = own.into_iter().flatten().collect();
        let sets: Option<Vec<String>> = r.get("clock_sets");
        if let Some(sets) = &sets {
            check_sets(r, sets, &own);
        }
        let (class, n) = (r.get("class"), r.get("default_n_rating"));
        let (automatable, impact) = (r.get("missing_automatable"), r.get("missing_impact"));
        let exposure = r.get("missing_exposure");
        let (reopen, soon) = (r.get("reopen_window"), r.get("due_soon"));
        let (gap_limit, roll_up) = (r.get("gap_limit"), r.get("roll_up"));
        let usual = sets.zip(class).zip(n).zip(exposure).map(
            |(((sets, class), default_n_rating), missing_exposure)| Clocks {
                sets,
                class,
                default_n_rating,
                missing_exposure,
            },
        );
        let labels: Vec<Option<LabelClocks>> = labels
            .into_iter()
            .map(|label| LabelClocks::read(label, &own, usual.as_ref()))
            .collect();
        Some(Self {
            baseline: r.optional("baseline"),
            grouping: grouping.into_iter().collect::<Option<_>>()?,
            contacts: contacts.into_iter().collect::<Option<_>>()?,
            ato_vulnerabilities: r.optional("ato_vulnerabilities"),
            roll_up: roll_up?,
            usual: usual?,
            labels: labels.into_iter().collect::<Option<_>>()?,
            own,
            missing_automatable: automatable?,
            missing_impact: impact?,
            reopen_window: reopen?,
            due_soon: soon?,
            gap_limit: gap_limit?,
        })
    }
}
