//! The order of work (`design.md`, priority): a number, and every term of it with its reason, so that anybody can repeat
//! the sum. It decides nothing: rating and due date are other things. Pure.

use chrono::NaiveDate;
use poamd_contract::detail::Fix;
use poamd_contract::severity::Severity;
use serde::Serialize;

use super::evaluation::Judged;
use super::signals::Signals;

/// What is known of a CVE from files (`poamd intel`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intelligence {
    pub in_kev: bool,
    /// CISA says: known in ransomware campaigns.
    pub ransomware: bool,
    /// Millionths.
    pub epss: Option<u32>,
    /// SSVC Exploitation: `none`, `poc`, `active`.
    pub exploitation: Option<String>,
    /// Days and triage by BOD 26-04; `None` if nobody asked. The inner `None`: at the next upgrade.
    pub bod: Option<Option<u32>>,
}

impl Intelligence {
    /// The worst of two CVEs.
    pub fn worst(self, other: Self) -> Self {
        const ORDER: [&str; 3] = ["none", "poc", "active"];
        let rank = |word: &Option<String>| {
            word.as_deref()
                .and_then(|w| ORDER.iter().position(|o| *o == w))
        };
        let bod = match (self.bod, other.bod) {
            (Some(a), Some(b)) => Some(match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }),
            (a, b) => a.or(b),
        };
        Self {
            in_kev: self.in_kev || other.in_kev,
            ransomware: self.ransomware || other.ransomware,
            epss: self.epss.max(other.epss),
            exploitation: if rank(&self.exploitation) >= rank(&other.exploitation) {
                self.exploitation
            } else {
                other.exploitation
            },
            bod,
        }
    }
}

/// All that the number hangs on.
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// `None`: not rated yet.
    pub severity: Option<Severity>,
    pub signals: &'a Signals,
    /// The worst of its CVEs.
    pub intelligence: &'a Intelligence,
    pub exposed: &'a Judged<bool>,
    /// Open GuardDuty findings on the same resources.
    pub activity: usize,
    /// Items on which it is not fixed.
    pub items: usize,
    pub detected: NaiveDate,
    pub due: Option<NaiveDate>,
    pub today: NaiveDate,
    /// Of the account, in hundredths.
    pub weight: i64,
}

/// One summand, or what the sum is multiplied by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Term {
    /// `rating`, `kev`, `bod-26-04`, `exploit`, `epss`, `exposure`, `activity`, `fix`, `items`, `age`, `weight`.
    pub name: &'static str,
    /// What it adds.
    pub points: i64,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Priority {
    /// Higher is sooner.
    pub points: i64,
    /// Every term, those that add nothing too.
    pub terms: Vec<Term>,
}

impl Priority {
    /// `rating 40 (high) + kev 30 (in CISA's catalog) …`, without the terms that add nothing.
    pub fn sum(&self) -> String {
        let parts: Vec<String> = self
            .terms
            .iter()
            .filter(|term| term.points != 0)
            .map(|term| format!("{} {:+} ({})", term.name, term.points, term.why))
            .collect();
        format!("{} = {}", self.points, parts.join(", "))
    }
}

/// Works it out.
pub fn priority(inputs: &Inputs<'_>) -> Priority {
    sum_up(terms(inputs), inputs.weight)
}

/// The part of it that no day moves by itself: without age, and EPSS in steps, for it moves by a hair every day. For texts
/// that are written once and again only when something happened (tickets).
pub fn standing(inputs: &Inputs<'_>) -> Priority {
    let mut terms = terms(inputs);
    terms.retain(|term| term.name != "age");
    let known = inputs.intelligence.epss.or(inputs.signals.epss);
    if let (Some(p), Some(term)) = (known, terms.iter_mut().find(|term| term.name == "epss")) {
        term.why = epss_words(p).to_owned();
    }
    sum_up(terms, inputs.weight)
}

fn terms(inputs: &Inputs<'_>) -> Vec<Term> {
    vec![
        rating(inputs.severity),
        kev(inputs),
        bod(inputs.intelligence),
        exploit(inputs),
        epss(inputs),
        exposure(inputs),
        activity(inputs.activity),
        fix(inputs.signals.fix),
        items(inputs.items),
        age(inputs),
    ]
}

fn sum_up(mut terms: Vec<Term>, hundredths: i64) -> Priority {
    let sum: i64 = terms.iter().map(|term| term.points).sum();
    terms.push(weight(hundredths, sum));
    Priority {
        points: terms.iter().map(|term| term.points).sum(),
        terms,
    }
}

fn term(name: &'static str, points: i64, why: impl Into<String>) -> Term {
    Term {
        name,
        points,
        why: why.into(),
    }
}

fn rating(severity: Option<Severity>) -> Term {
    let points = match severity {
        Some(Severity::Critical) => 50,
        Some(Severity::High) => 40,
        Some(Severity::Medium) => 20,
        Some(Severity::Low) => 5,
        Some(Severity::Informational) | None => 0,
    };
    term(
        "rating",
        points,
        severity.map_or("not rated", Severity::as_str),
    )
}

fn kev(inputs: &Inputs<'_>) -> Term {
    let listed = inputs.intelligence.in_kev || inputs.signals.cves.values().any(Option::is_some);
    match (listed, inputs.intelligence.ransomware) {
        (true, true) => term("kev", 35, "in CISA's catalog, used for ransomware"),
        (true, false) => term("kev", 30, "in CISA's catalog of what is exploited"),
        (false, _) => term("kev", 0, "not in CISA's catalog"),
    }
}

fn bod(intelligence: &Intelligence) -> Term {
    match intelligence.bod {
        Some(Some(days)) if days <= 3 => term("bod-26-04", 20, format!("{days} days")),
        Some(Some(days)) if days <= 14 => term("bod-26-04", 10, format!("{days} days")),
        Some(Some(days)) => term("bod-26-04", 3, format!("{days} days")),
        Some(None) => term("bod-26-04", 0, "at the next upgrade"),
        None => term("bod-26-04", 0, "no CVE"),
    }
}

fn exploit(inputs: &Inputs<'_>) -> Term {
    let ssvc = inputs.intelligence.exploitation.as_deref();
    if let Some(at) = inputs.signals.exploited_at {
        return term(
            "exploit",
            15,
            format!("exploited, last seen {}", at.date_naive()),
        );
    }
    match (ssvc, inputs.signals.exploit) {
        (Some("active"), _) => term("exploit", 15, "actively exploited (SSVC)"),
        (Some("poc"), _) => term("exploit", 10, "a proof of concept is public (SSVC)"),
        (_, Some(true)) => term("exploit", 10, "an exploit exists"),
        (Some("none"), _) | (_, Some(false)) => term("exploit", 0, "no exploit known"),
        _ => term("exploit", 0, "nothing known of an exploit"),
    }
}

/// Points of an EPSS probability; a change that stays within a step changes nothing.
pub fn epss_step(millionths: u32) -> i64 {
    match millionths {
        500_000.. => 20,
        100_000.. => 12,
        10_000.. => 5,
        _ => 0,
    }
}

/// The step that a probability is in, in words.
fn epss_words(millionths: u32) -> &'static str {
    match millionths {
        500_000.. => "50 % or more in 30 days",
        100_000.. => "10 % to 50 % in 30 days",
        10_000.. => "1 % to 10 % in 30 days",
        _ => "less than 1 % in 30 days",
    }
}

fn epss(inputs: &Inputs<'_>) -> Term {
    // The catalog is newer than what a detector passed on.
    match inputs.intelligence.epss.or(inputs.signals.epss) {
        Some(p) => term(
            "epss",
            epss_step(p),
            format!("{}.{:02} % in 30 days", p / 10_000, p % 10_000 / 100),
        ),
        None => term("epss", 0, "no probability known"),
    }
}

/// Ports through which machines are taken over.
const REMOTE: [u16; 4] = [22, 3389, 5985, 5986];

fn exposure(inputs: &Inputs<'_>) -> Term {
    let exposed = inputs.exposed;
    if !exposed.value {
        return term("exposure", 0, exposed.why.clone());
    }
    let remote = inputs
        .signals
        .ports
        .iter()
        .find_map(|(from, to)| REMOTE.into_iter().find(|port| (from..=to).contains(&port)));
    match remote {
        Some(port) => term(
            "exposure",
            20,
            format!("{}; port {port} is open", exposed.why),
        ),
        None => term("exposure", 15, exposed.why.clone()),
    }
}

fn activity(findings: usize) -> Term {
    if findings == 0 {
        term(
            "activity",
            0,
            "GuardDuty shows nothing on the same resources",
        )
    } else {
        term(
            "activity",
            20,
            format!("{findings} open GuardDuty findings on the same resources"),
        )
    }
}

fn fix(fix: Option<Fix>) -> Term {
    match fix {
        Some(Fix::Yes) => term("fix", 5, "a fix is there"),
        Some(Fix::Partial) => term("fix", 3, "a fix is there for a part"),
        Some(Fix::No) => term("fix", 0, "no fix yet"),
        None => term("fix", 0, "nothing known of a fix"),
    }
}

fn items(count: usize) -> Term {
    let points = match count {
        0 | 1 => 0,
        2..=9 => 2,
        10..=99 => 5,
        _ => 8,
    };
    let noun = if count == 1 { "item" } else { "items" };
    term("items", points, format!("{count} {noun}"))
}

/// Up to ten points as the time is used up; twenty when it is over, and one more for each week since, up to thirty.
fn age(inputs: &Inputs<'_>) -> Term {
    let Some(due) = inputs.due else {
        return term("age", 0, "no due day");
    };
    let left = due.signed_duration_since(inputs.today).num_days();
    if left < 0 {
        let weeks = (-left / 7).min(10);
        return term("age", 20 + weeks, format!("{} days late", -left));
    }
    let whole = due.signed_duration_since(inputs.detected).num_days().max(1);
    let used = (whole - left).clamp(0, whole);
    term(
        "age",
        used * 10 / whole,
        format!("{left} days left of {whole}"),
    )
}

/// The account's weight multiplies the sum; told as what it adds or takes.
fn weight(hundredths: i64, sum: i64) -> Term {
    let weighted = (sum * hundredths + 50).div_euclid(100);
    term(
        "weight",
        weighted - sum,
        format!(
            "account weight {}.{:02}",
            hundredths / 100,
            hundredths % 100
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn inputs<'a>(
        signals: &'a Signals,
        intelligence: &'a Intelligence,
        exposed: &'a Judged<bool>,
    ) -> Inputs<'a> {
        Inputs {
            severity: Some(Severity::High),
            signals,
            intelligence,
            exposed,
            activity: 0,
            items: 1,
            detected: day("2026-11-01"),
            due: Some(day("2026-12-01")),
            today: day("2026-11-01"),
            weight: 100,
        }
    }

    #[test]
    fn what_stands_in_a_ticket_moves_with_no_day_and_by_no_hair() {
        let (signals, exposed) = (Signals::default(), Judged::assumed(false, "assumed"));
        let scored = |epss| Intelligence {
            epss: Some(epss),
            ..Intelligence::default()
        };
        let (low, high) = (scored(101_000), scored(499_000));
        let first = inputs(&signals, &low, &exposed);
        let later = Inputs {
            today: day("2027-03-01"),
            ..inputs(&signals, &high, &exposed)
        };
        assert_eq!(standing(&first), standing(&later));
        assert_ne!(priority(&first), priority(&later));
        let age = |p: Priority| {
            p.terms
                .into_iter()
                .find(|t| t.name == "age")
                .unwrap()
                .points
        };
        let whole = priority(&first);
        assert_eq!(standing(&first).points, whole.points - age(whole));
    }

    #[test]
    fn every_term_says_what_it_adds_and_why() {
        let signals = Signals {
            ports: [(20, 25)].into(),
            fix: Some(Fix::Yes),
            ..Signals::default()
        };
        let intelligence = Intelligence {
            in_kev: true,
            ransomware: false,
            epss: Some(973_100),
            exploitation: Some("active".to_owned()),
            bod: Some(Some(3)),
        };
        let exposed = Judged::by_person(true, "the owner's tag exposure=public");
        let got = priority(&Inputs {
            activity: 2,
            items: 12,
            today: day("2026-12-15"),
            weight: 150,
            ..inputs(&signals, &intelligence, &exposed)
        });
        let points: Vec<(&str, i64)> = got.terms.iter().map(|t| (t.name, t.points)).collect();
        assert_eq!(
            points,
            [
                ("rating", 40),
                ("kev", 30),
                ("bod-26-04", 20),
                ("exploit", 15),
                ("epss", 20),
                ("exposure", 20),
                ("activity", 20),
                ("fix", 5),
                ("items", 5),
                ("age", 22),
                ("weight", 99),
            ]
        );
        assert_eq!(got.points, 296);
        assert!(
            got.sum().contains("epss +20 (97.31 % in 30 days)"),
            "{}",
            got.sum()
        );
        assert!(
            got.sum().contains("age +22 (14 days late)"),
            "{}",
            got.sum()
        );
        assert!(got.sum().contains("weight +99 (account weight 1.50)"));
    }

    #[test]
    fn what_is_not_known_adds_nothing_and_is_still_told() {
        let (signals, intelligence) = (Signals::default(), Intelligence::default());
        let exposed = Judged::assumed(false, "assumed");
        let got = priority(&inputs(&signals, &intelligence, &exposed));
        assert_eq!((got.points, got.terms.len()), (40, 11));
        assert_eq!(got.sum(), "40 = rating +40 (high)");
    }

    #[test]
    fn the_worst_cve_counts() {
        let one = Intelligence {
            epss: Some(5),
            exploitation: Some("active".into()),
            bod: Some(None),
            ..Intelligence::default()
        };
        let two = Intelligence {
            in_kev: true,
            epss: Some(7),
            exploitation: Some("poc".into()),
            bod: Some(Some(14)),
            ..Intelligence::default()
        };
        let both = one.clone().worst(two.clone());
        assert_eq!(both, two.worst(one));
        assert_eq!(
            (
                both.in_kev,
                both.epss,
                both.exploitation.as_deref(),
                both.bod
            ),
            (true, Some(7), Some("active"), Some(Some(14)))
        );
    }

    proptest! {
        #[test]
        fn the_number_is_the_sum_of_its_terms_and_grows_with_age(
            days in 0i64..400,
            more in 0i64..400,
            weight in 1i64..500,
        ) {
            let (signals, intelligence) = (Signals::default(), Intelligence::default());
            let exposed = Judged::assumed(false, "assumed");
            let on = |n: i64| priority(&Inputs {
                today: day("2026-11-01") + chrono::TimeDelta::days(n),
                weight,
                ..inputs(&signals, &intelligence, &exposed)
            });
            let (early, late) = (on(days), on(days + more));
            prop_assert_eq!(early.points, early.terms.iter().map(|t| t.points).sum::<i64>());
            prop_assert!(early.points <= late.points);
        }
    }
}
