//! Due dates (`poam.md` 2): which clocks run for a record, what day each gives, and which comes first. The days are data
//! (`data/clocks`); what is known of a record comes as values. Whether a day may move is not decided here but in
//! [`super::plan`]: earlier always, later only by an approved decision.

pub mod frames;

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

use super::evaluation::{Evaluation, Judged, NRating};

/// FedRAMP class (CR26): A pilot, B Low, C Moderate, D High.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Class {
    A,
    B,
    #[default]
    C,
    D,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// SSVC Technical Impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    Partial,
    #[default]
    Total,
}

impl Impact {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Total => "total",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Partial, Self::Total]
            .into_iter()
            .find(|i| i.as_str().eq_ignore_ascii_case(text))
    }
}

/// One set of clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClockSet {
    /// FedRAMP Rev5, legacy: by rating from detection; after a vendor dependency from the vendor's release.
    FedrampRev5,
    /// FedRAMP VDR/VER: by class, N-rating, reachability and exploitability from completed evaluation.
    FedrampVer,
    /// CISA BOD 26-04: by KEV, exposure, automatability and impact. Speaks of CVEs only.
    Bod2604,
    /// CMS/HHS: four levels from detection.
    Cms,
    /// Days by severity from detection, laid down in the configuration.
    Own(OwnClock),
}

/// Packaged sets by the names of the configuration.
pub const PACKAGED: [&str; 4] = ["fedramp-rev5", "fedramp-ver", "bod-26-04", "cms"];

impl ClockSet {
    /// A packaged set by its name.
    pub fn packaged(name: &str) -> Option<Self> {
        match name {
            "fedramp-rev5" => Some(Self::FedrampRev5),
            "fedramp-ver" => Some(Self::FedrampVer),
            "bod-26-04" => Some(Self::Bod2604),
            "cms" => Some(Self::Cms),
            _ => None,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::FedrampRev5 => "fedramp-rev5",
            Self::FedrampVer => "fedramp-ver",
            Self::Bod2604 => "bod-26-04",
            Self::Cms => "cms",
            Self::Own(own) => &own.name,
        }
    }
}

/// Days by severity from detection. A severity without days has no due day by this clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnClock {
    pub name: String,
    pub days: BTreeMap<Severity, u32>,
}

/// What counts where nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// FedRAMP: yes (VER-EVA-AIA); the directive's own default outside KEV is no.
    pub automatable: bool,
    pub impact: Impact,
    /// Reachable from the internet, though nothing says so.
    pub exposed: bool,
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            automatable: true,
            impact: Impact::Total,
            exposed: false,
        }
    }
}

/// The clocks of one label of accounts; of several days the earliest wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub sets: Vec<ClockSet>,
    pub class: Class,
    pub default_n: NRating,
    pub missing: Missing,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            sets: vec![ClockSet::FedrampRev5],
            class: Class::default(),
            default_n: NRating::default(),
            missing: Missing::default(),
        }
    }
}

impl Policy {
    /// Whether exposure, evaluation or SSVC data change anything.
    pub fn asks_for_exposure(&self) -> bool {
        self.sets
            .iter()
            .any(|set| matches!(set, ClockSet::FedrampVer | ClockSet::Bod2604))
    }
}

/// The clocks of the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clocks {
    pub usual: Policy,
    /// By the label of the account, in lower case.
    pub by_label: BTreeMap<String, Policy>,
}

impl Clocks {
    pub fn of(&self, label: &str) -> &Policy {
        self.by_label
            .get(&label.to_lowercase())
            .unwrap_or(&self.usual)
    }
}

impl Policy {
    /// In words, with all that days hang on.
    fn named(&self) -> String {
        let own = |set: &ClockSet| match set {
            ClockSet::Own(own) => {
                let days: Vec<String> = own
                    .days
                    .iter()
                    .map(|(severity, days)| format!("{severity} {days}"))
                    .collect();
                format!("{} ({})", own.name, days.join(", "))
            }
            set => set.name().to_owned(),
        };
        let sets: Vec<String> = self.sets.iter().map(own).collect();
        let mut text = sets.join(", ");
        if self.asks_for_exposure() {
            text.push_str(&format!(
                "; class {}, {}, missing: automatable {}, impact {}, exposed {}",
                self.class,
                self.default_n,
                self.missing.automatable,
                self.missing.impact.as_str(),
                self.missing.exposed
            ));
        }
        text
    }
}

impl Clocks {
    /// In words: the same text as long as the same days follow.
    pub fn named(&self) -> String {
        let labels = self
            .by_label
            .iter()
            .map(|(label, policy)| format!(" | {label}: {}", policy.named()));
        format!("{}{}", self.usual.named(), labels.collect::<String>())
    }
}

/// What is known of one CVE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flaw {
    pub cve: String,
    /// In CISA's catalog.
    pub kev: Option<Kev>,
    pub automatable: Option<bool>,
    pub impact: Option<Impact>,
}

/// An entry of CISA's catalog, or what a detector passes on of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kev {
    pub added: Option<NaiveDate>,
    /// As printed; never computed (`poam.md` 2.2).
    pub due: Option<NaiveDate>,
}

impl Kev {
    /// Of two words on one CVE the earlier days.
    pub fn sooner(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        let least = |a: Option<NaiveDate>, b: Option<NaiveDate>| match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        match (a, b) {
            (Some(a), Some(b)) => Some(Self {
                added: least(a.added, b.added),
                due: least(a.due, b.due),
            }),
            (a, b) => a.or(b),
        }
    }
}

/// What is known of a record beside its severity and its detection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub flaws: Vec<Flaw>,
    /// The asset can be reached over a public network by who is not trusted.
    pub exposed: Judged<bool>,
    pub evaluation: Evaluation,
    /// The day the vendor made the fix available, after a vendor dependency.
    pub vendor_released: Option<NaiveDate>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            flaws: Vec::new(),
            exposed: Judged::assumed(false, "assumed: nothing says that the internet reaches it"),
            evaluation: Evaluation::default(),
            vendor_released: None,
        }
    }
}

/// How the rules of legacy Rev5 begin.
const REV5: &str = "FedRAMP Rev5";

/// Whether a wait for a vendor keeps a record from being late that is due by this rule. Legacy Rev5 alone says so
/// (`poam.md` 1.3): CISA's days, VER and CMS go on counting.
pub fn knows_vendors(rule: &str) -> bool {
    rule.starts_with(REV5)
}

/// All that a due day hangs on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub policy: &'a Policy,
    pub detected: DateTime<Utc>,
    /// The one that counts: as detected, or as an approved risk adjustment has it.
    pub severity: Severity,
    pub known: &'a Known,
}

/// What one clock says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Term {
    /// `fedramp-rev5`, `kev` …
    pub clock: String,
    /// `None`: this clock gives no day.
    pub day: Option<NaiveDate>,
    /// The rule in words, with what it was applied to.
    pub text: String,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// `None`: no clock gives a day.
    pub day: Option<NaiveDate>,
    /// The rule of the clock that decided.
    pub rule: String,
    /// Every clock that was asked.
    pub terms: Vec<Term>,
}

/// When a record is due. Of several clocks the earliest day wins; among equal ones the first named.
pub fn due(inputs: &Inputs<'_>) -> Due {
    let mut terms: Vec<Term> = inputs
        .policy
        .sets
        .iter()
        .map(|set| term(set, inputs))
        .collect();
    terms.extend(kev(inputs));
    let first = terms
        .iter()
        .filter(|term| term.day.is_some())
        .min_by_key(|term| term.day)
        .or_else(|| terms.first());
    Due {
        day: first.and_then(|term| term.day),
        rule: first.map_or_else(String::new, |term| term.text.clone()),
        terms,
    }
}

fn term(set: &ClockSet, inputs: &Inputs<'_>) -> Term {
    let (day, text) = match set {
        ClockSet::FedrampRev5 => rev5(inputs),
        ClockSet::FedrampVer => ver(inputs),
        ClockSet::Bod2604 => bod(inputs),
        ClockSet::Cms => {
            let days = by_word(&frames::frames().cms.days, inputs.severity);
            from_detection("CMS", days, inputs)
        }
        ClockSet::Own(own) => {
            from_detection(&own.name, own.days.get(&inputs.severity).copied(), inputs)
        }
    };
    Term {
        clock: set.name().to_owned(),
        day,
        text,
    }
}

/// The word of a severity in the tables of days; informational counts nowhere.
pub fn word(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("Critical"),
        Severity::High => Some("High"),
        Severity::Medium => Some("Moderate"),
        Severity::Low => Some("Low"),
        Severity::Informational => None,
    }
}

fn by_word(days: &frames::DaysByWord, severity: Severity) -> Option<u32> {
    word(severity).and_then(|word| days.get(word)).copied()
}

fn plus(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(u64::from(days)))
        .unwrap_or(day)
}

fn from_detection(
    name: &str,
    days: Option<u32>,
    inputs: &Inputs<'_>,
) -> (Option<NaiveDate>, String) {
    let word = word(inputs.severity).unwrap_or("Informational");
    match days {
        Some(days) => (
            Some(plus(inputs.detected.date_naive(), days)),
            format!("{name}: {word} {days} days from detection"),
        ),
        None => (None, format!("{name}: no limit for {word}")),
    }
}

/// Legacy Rev5 (`poam.md` 2.1); after a vendor dependency it counts from the vendor's release.
fn rev5(inputs: &Inputs<'_>) -> (Option<NaiveDate>, String) {
    let table = &frames::frames().rev5;
    let Some(released) = inputs.known.vendor_released else {
        return from_detection(REV5, by_word(&table.days, inputs.severity), inputs);
    };
    // The table of vendor dependencies has three levels: FedRAMP counts Critical inside High.
    let severity = inputs.severity.min(Severity::High);
    let word = word(severity).unwrap_or("Informational");
    match by_word(&table.vendor_dependency.days, severity) {
        Some(days) => (
            Some(plus(released, days)),
            format!(
                "{REV5}, vendor dependency: {word} {days} days from the vendor's release on {released}"
            ),
        ),
        None => (None, format!("{REV5}: no limit for {word}")),
    }
}

/// VDR and VER (`poam.md` 2.3). Before the evaluation is complete it counts from the last day for it, so that a day
/// once set only comes nearer when people evaluate in time.
fn ver(inputs: &Inputs<'_>) -> (Option<NaiveDate>, String) {
    let evaluation = &inputs.known.evaluation;
    let class = inputs.policy.class;
    let n = evaluation.n.value;
    let (start, since) = match evaluation.evaluated_at {
        Some(at) => (at, format!("from evaluation on {}", at.date_naive())),
        None => {
            let within = frames::evaluate_within(class);
            let last = TimeDelta::days(i64::from(within));
            let last = inputs.detected.checked_add_signed(last);
            (
                last.unwrap_or(inputs.detected),
                format!("from the last day of evaluation, {within} days after detection"),
            )
        }
    };
    let who = match (evaluation.lev.value, evaluation.irv.value) {
        (true, true) => "internet-reachable and likely exploitable",
        (true, false) => "likely exploitable, not internet-reachable",
        (false, _) => "not likely exploitable",
    };
    let assumed = if evaluation.lev.assumed || evaluation.irv.assumed || evaluation.n.assumed {
        ", partly assumed"
    } else {
        ""
    };
    let Some(days) = frames::ver_days(class, n) else {
        return (None, format!("FedRAMP VER class {class}: no limit for {n}"));
    };
    let days = match (evaluation.lev.value, evaluation.irv.value) {
        (true, true) => days.irv_lev_days,
        (true, false) => days.nirv_lev_days,
        (false, _) => days.nlev_days,
    };
    // Half a day is the least there is.
    let hours = TimeDelta::hours((days * 24.0) as i64);
    let day = start.checked_add_signed(hours).unwrap_or(start);
    (
        Some(day.date_naive()),
        format!(
            "FedRAMP VER class {class}: {n}, {who}{assumed}, {days} {} {since}",
            if days == 1.0 { "day" } else { "days" }
        ),
    )
}

/// BOD 26-04 (`poam.md` 2.2): the worst of the CVEs.
fn bod(inputs: &Inputs<'_>) -> (Option<NaiveDate>, String) {
    let worst = inputs
        .known
        .flaws
        .iter()
        .map(|flaw| bod_one(flaw, inputs))
        .min_by_key(|(day, _)| (day.is_none(), *day));
    worst.unwrap_or_else(|| (None, "BOD 26-04 speaks of CVEs only".to_owned()))
}

fn bod_one(flaw: &Flaw, inputs: &Inputs<'_>) -> (Option<NaiveDate>, String) {
    let answers = answers(flaw, inputs);
    let text = format!("BOD 26-04: {} {}", flaw.cve, answers.text);
    let Some(row) = answers.row else {
        return (None, text);
    };
    let Some(days) = row.days else {
        return (None, format!("{text}: at the next upgrade"));
    };
    let detected = inputs.detected.date_naive();
    // The count starts at the earlier of KEV listing and detection on the asset.
    let listed = flaw
        .kev
        .and_then(|kev| kev.added)
        .filter(|day| *day < detected);
    let start = listed.unwrap_or(detected);
    let triage = if row.forensic_triage {
        ", with forensic triage"
    } else {
        ""
    };
    let since = if listed.is_some() {
        format!("KEV listing on {start}")
    } else {
        "detection".to_owned()
    };
    (
        Some(plus(start, days)),
        format!("{text}: {days} days from {since}{triage}"),
    )
}

/// The four answers of BOD 26-04 on a CVE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    pub row: Option<frames::Remediation>,
    /// `in KEV, exposed, automatable (assumed), impact total`.
    pub text: String,
}

/// Answers the four questions of BOD 26-04 and finds the row.
pub fn answers(flaw: &Flaw, inputs: &Inputs<'_>) -> Answers {
    let missing = inputs.policy.missing;
    let exposed = &inputs.known.exposed;
    let automatable = flaw.automatable.unwrap_or(missing.automatable);
    let impact = flaw.impact.unwrap_or(missing.impact);
    let not = |is: bool| if is { "" } else { "not " };
    let assumed = |is: bool| if is { " (assumed)" } else { "" };
    Answers {
        row: frames::decision(flaw.kev.is_some(), exposed.value, automatable, impact),
        text: format!(
            "{}in KEV, {}exposed{}, {}automatable{}, impact {}{}",
            not(flaw.kev.is_some()),
            not(exposed.value),
            assumed(exposed.assumed),
            not(automatable),
            assumed(flaw.automatable.is_none()),
            impact.as_str(),
            assumed(flaw.impact.is_none()),
        ),
    }
}

/// The earliest day that CISA printed. In force beside every set, even for what is fully mitigated (VER, KEV rule).
fn kev(inputs: &Inputs<'_>) -> Option<Term> {
    inputs
        .known
        .flaws
        .iter()
        .filter_map(|flaw| Some((flaw.kev?.due?, &flaw.cve)))
        .min()
        .map(|(day, cve)| Term {
            clock: "kev".to_owned(),
            day: Some(day),
            text: format!("CISA KEV: {cve} is due on {day}"),
        })
}

/// What is not fixed by then has to be called accepted (VER: 192 days from evaluation).
pub fn accepted_from(evaluated_at: DateTime<Utc>) -> NaiveDate {
    plus(
        evaluated_at.date_naive(),
        frames::frames().ver.accepted_vulnerability_after_days,
    )
}

#[cfg(test)]
mod tests;
