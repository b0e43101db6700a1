//! Controls of NIST SP 800-53 Rev. 5: their ids in every spelling that is met, and which of them
//! a record hits (`poam.md` 5).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use poamd_contract::ids::BadId;
use serde_json::Value;

/// `AC-3(7)`: a family, a number and, of an enhancement, its number. Prints as Security Hub writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlId {
    /// Two letters, upper case.
    family: [u8; 2],
    number: u16,
    enhancement: Option<u16>,
}

impl ControlId {
    /// The control that an enhancement belongs to.
    pub fn base(&self) -> Self {
        Self {
            enhancement: None,
            ..self.clone()
        }
    }

    fn family(&self) -> String {
        self.family.iter().map(|b| char::from(*b)).collect()
    }

    /// As the OSCAL catalog spells it: `ac-3.7`.
    pub fn catalog(&self) -> String {
        let base = format!("{}-{}", self.family().to_lowercase(), self.number);
        match self.enhancement {
            Some(n) => format!("{base}.{n}"),
            None => base,
        }
    }

    /// As FedRAMP's sheets spell it: `AC-03 (07)`.
    pub fn padded(&self) -> String {
        let base = format!("{}-{:02}", self.family(), self.number);
        match self.enhancement {
            Some(n) => format!("{base} ({n:02})"),
            None => base,
        }
    }

    /// The control in a requirement as findings name it (`NIST.800-53.r5 AC-3(7)`, Prowler's
    /// `NIST-800-53-Revision-5 ac_3_7`); `None` for another framework's or an older revision's.
    pub fn of_requirement(text: &str) -> Option<Self> {
        let (framework, id) = text.trim().rsplit_once(['/', ' ']).map_or_else(
            || ("", text.trim()),
            |(framework, id)| {
                // `NIST.800-53.r5 AC-3 (7)`: the blank before the bracket belongs to the id.
                if id.starts_with('(') {
                    text.trim().split_once(' ').unwrap_or((framework, id))
                } else {
                    (framework, id)
                }
            },
        );
        let framework = framework.to_ascii_lowercase();
        let rev5 = framework.contains("800-53")
            && (framework.contains("r5") || framework.contains("revision-5"));
        if rev5 { id.parse().ok() } else { None }
    }
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = format!("{}-{}", self.family(), self.number);
        match self.enhancement {
            Some(n) => f.pad(&format!("{base}({n})")),
            None => f.pad(&base),
        }
    }
}

impl FromStr for ControlId {
    type Err = BadId;

    /// `AC-3(7)`, `ac-3.7`, `AC-03 (07)`, `ac_3_7`, `AC-3 (7)`. A part of a statement (`AC-2a.`, `ac_2_12_a`) reads as
    /// its control.
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            text: text.chars().take(40).collect(),
            expected: "a control of NIST SP 800-53 such as AC-3 or AC-3(7)",
        };
        let trimmed = text.trim();
        let (family, rest) = trimmed.split_at_checked(2).ok_or_else(bad)?;
        let family: [u8; 2] = family
            .to_ascii_uppercase()
            .into_bytes()
            .try_into()
            .ok()
            .filter(|f: &[u8; 2]| f.iter().all(u8::is_ascii_uppercase))
            .ok_or_else(bad)?;
        let rest = rest.strip_prefix(['-', '_', '.']).ok_or_else(bad)?;
        let (number, rest) = leading_number(rest).ok_or_else(bad)?;
        let within = rest.trim_start();
        let enhancement = match within.strip_prefix(['(', '.', '_']) {
            None if within.is_empty() => None,
            // A statement's letter: `AC-2a.`.
            None if within.starts_with(|c: char| c.is_ascii_alphabetic()) && within.len() <= 4 => {
                None
            }
            None => return Err(bad()),
            Some(inner) => match leading_number(inner) {
                Some((n, _)) => Some(n),
                None if inner.starts_with(|c: char| c.is_ascii_alphabetic()) => None,
                None => return Err(bad()),
            },
        };
        Ok(Self {
            family,
            number,
            enhancement,
        })
    }
}

/// A number from 1 at the beginning, and what follows it.
fn leading_number(text: &str) -> Option<(u16, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number = digits.parse().ok().filter(|n| (1..1000).contains(n))?;
    Some((number, rest))
}

const MAP: &str = include_str!("../../data/controls/securityhub-to-nist80053.json");
const BASELINES: &str = include_str!("../../data/controls/fedramp-rev5-baselines.json");
const DEFAULTS: &str = include_str!("../../data/controls/product-default-controls.json");

/// A FedRAMP Rev5 baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Baseline {
    Low,
    Moderate,
    High,
}

impl Baseline {
    fn key(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Moderate => "MODERATE",
            Self::High => "HIGH",
        }
    }
}

/// The published tables. A test holds that the embedded text parses and is whole.
struct Tables {
    map: BTreeMap<String, Vec<String>>,
    baselines: BTreeMap<String, BTreeSet<String>>,
    defaults: Vec<ByProduct>,
}

#[derive(serde::Deserialize)]
struct ByProduct {
    #[serde(rename = "match")]
    fits: Fits,
    controls: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fits {
    product: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    finding_type_prefix: Option<String>,
}

fn tables() -> &'static Tables {
    static TABLES: LazyLock<Tables> = LazyLock::new(|| {
        let part = |text: &str, key: &str| {
            let mut whole: Value = serde_json::from_str(text).unwrap_or_default();
            whole[key].take()
        };
        Tables {
            map: serde_json::from_value(part(MAP, "controls")).unwrap_or_default(),
            baselines: serde_json::from_value(part(BASELINES, "baselines")).unwrap_or_default(),
            defaults: serde_json::from_value(part(DEFAULTS, "defaults")).unwrap_or_default(),
        }
    });
    &TABLES
}

/// What the controls of a record are worked out of.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Requirements as findings name them.
    pub requirements: &'a [String],
    /// The weakness's id: a Security Hub control, a CVE, a finding type.
    pub weakness: &'a str,
    /// The detector.
    pub source: &'a str,
    /// Inspector's word for the kind of finding (`PACKAGE_VULNERABILITY`).
    pub kind: Option<&'a str>,
    pub baseline: Option<Baseline>,
}

/// The controls of a record, and why these (`poam.md` 5): what its findings name, else AWS's map, else the default of the
/// product; of those what is in the baseline, else their base controls that are, else the product's default that is.
pub fn controls(asked: &Asked<'_>) -> (Vec<ControlId>, String) {
    let named: BTreeSet<ControlId> = asked
        .requirements
        .iter()
        .filter_map(|text| ControlId::of_requirement(text))
        .collect();
    let mapped = tables().map.get(asked.weakness).map(|ids| parsed(ids));
    let (ids, why) = match (named.is_empty(), mapped) {
        (false, _) => (named, "named by its findings"),
        (true, Some(mapped)) => (mapped, "by AWS's map of Security Hub controls"),
        (true, None) => (defaults(asked), "the default of its product"),
    };
    let Some(baseline) = asked.baseline else {
        return (ids.into_iter().collect(), why.to_owned());
    };
    let inside = |ids: BTreeSet<ControlId>| -> Vec<ControlId> {
        let known = tables().baselines.get(baseline.key());
        let there = |id: &ControlId| known.is_some_and(|k| k.contains(&id.to_string()));
        ids.into_iter().filter(there).collect()
    };
    let name = baseline.key();
    let bases = ids.iter().map(ControlId::base).collect();
    for (kept, how) in [
        (inside(ids), format!("{why}, of the baseline {name}")),
        (
            inside(bases),
            format!("{why}; base controls, as the baseline {name} has not the enhancements"),
        ),
        (
            inside(defaults(asked)),
            format!("the default of its product, as the baseline {name} has none of those {why}"),
        ),
    ] {
        if !kept.is_empty() {
            return (kept, how);
        }
    }
    (
        Vec::new(),
        format!("none of those {why} is in the baseline {name}"),
    )
}

fn parsed(ids: &[String]) -> BTreeSet<ControlId> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

/// The entry that says most of a finding; the last is for everything.
fn defaults(asked: &Asked<'_>) -> BTreeSet<ControlId> {
    let fits = |entry: &&ByProduct| {
        let f = &entry.fits;
        (f.product == asked.source || f.product == "*")
            && f.kind.as_deref().is_none_or(|k| asked.kind == Some(k))
            && f.finding_type_prefix
                .as_deref()
                .is_none_or(|p| asked.weakness.starts_with(p))
    };
    let says = |entry: &&ByProduct| {
        let f = &entry.fits;
        (
            f.product != "*",
            f.kind.is_some() || f.finding_type_prefix.is_some(),
        )
    };
    let best = tables().defaults.iter().filter(fits).max_by_key(says);
    best.map(|entry| parsed(&entry.controls))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_reads_as_one() {
        for text in [
            "AC-3(7)",
            "ac-3.7",
            "AC-03 (07)",
            "ac_3_7",
            "AC-3 (7)",
            "Ac-03(7)",
            "AC-3(7)(a)",
        ] {
            let id: ControlId = text.parse().unwrap();
            assert_eq!(id.to_string(), "AC-3(7)", "{text}");
            assert_eq!(
                (id.catalog(), id.padded()),
                ("ac-3.7".into(), "AC-03 (07)".into())
            );
            assert_eq!(id.base().to_string(), "AC-3");
        }
        for text in ["CM-6", "cm-06", "cm_6", "CM-6a.", "CM-6 a.", "cm_6_b"] {
            assert_eq!(
                text.parse::<ControlId>().unwrap().to_string(),
                "CM-6",
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_control_is_refused() {
        for text in [
            "",
            "A",
            "AC",
            "AC-",
            "AC-0",
            "AC3",
            "1.2.3",
            "AC-3!",
            "AC-3(",
            "é-3",
            "S3.5",
            "PCI DSS v3.2.1/1.2",
        ] {
            assert!(text.parse::<ControlId>().is_err(), "{text}");
        }
    }

    #[test]
    fn requirements_of_another_framework_name_no_control() {
        let read = |text: &str| ControlId::of_requirement(text).map(|id| id.to_string());
        assert_eq!(read("NIST.800-53.r5 AC-3(7)").as_deref(), Some("AC-3(7)"));
        assert_eq!(read("NIST.800-53.r5 AC-3 (7)").as_deref(), Some("AC-3(7)"));
        assert_eq!(
            read("NIST-800-53-Revision-5 ac_3_7").as_deref(),
            Some("AC-3(7)")
        );
        assert_eq!(read("NIST.800-53.r4 AC-3"), None);
        assert_eq!(read("NIST.800-171.r2 3.1.1"), None);
        assert_eq!(read("CIS AWS Foundations Benchmark v1.4.0/2.1.3"), None);
    }

    #[test]
    fn the_published_tables_are_whole() {
        let sizes: Vec<usize> = ["LI-SaaS", "LOW", "MODERATE", "HIGH"]
            .map(|b| tables().baselines[b].len())
            .to_vec();
        assert_eq!(sizes, [156, 156, 323, 410]);
        assert_eq!((tables().map.len(), tables().defaults.len()), (221, 9));
        let ids = tables().map.values().flatten();
        let all = ids.chain(tables().baselines.values().flatten());
        all.for_each(|id| assert_eq!(id.parse::<ControlId>().unwrap().to_string(), *id));
    }

    #[test]
    fn the_finding_goes_before_the_map_and_the_baseline_filters() {
        let ask = |requirements: &[&str], weakness: &str, source: &str, baseline| {
            let requirements: Vec<String> = requirements.iter().map(|r| (*r).to_owned()).collect();
            let (ids, why) = controls(&Asked {
                requirements: &requirements,
                weakness,
                source,
                kind: (source == "inspector").then_some("PACKAGE_VULNERABILITY"),
                baseline,
            });
            (
                ids.iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" "),
                why,
            )
        };
        let named = [
            "NIST.800-53.r5 AC-3(15)",
            "NIST.800-53.r5 AC-2",
            "PCI DSS v3.2.1/8.1",
        ];
        assert_eq!(ask(&named, "IAM.3", "securityhub", None).0, "AC-2 AC-3(15)");
        assert_eq!(
            ask(&named, "IAM.3", "securityhub", Some(Baseline::Moderate)).0,
            "AC-2"
        );
        let (base, why) = ask(
            &named[..1],
            "IAM.3",
            "securityhub",
            Some(Baseline::Moderate),
        );
        assert_eq!(base, "AC-3");
        assert!(why.contains("base controls"), "{why}");
        assert!(ask(&[], "IAM.3", "securityhub", None).1.contains("map"));
        assert_eq!(ask(&[], "CVE-2026-0001", "inspector", None).0, "RA-5 SI-2");
        assert_eq!(
            ask(
                &[],
                "Policy:IAMUser/RootCredentialUsage on x",
                "guardduty",
                None
            )
            .0,
            "AC-6 AC-6(9) IA-2"
        );
        assert_eq!(
            ask(&[], "Recon:EC2/Portscan on x", "guardduty", None).0,
            "IR-4 IR-5 SI-4"
        );
        assert_eq!(ask(&[], "whatever", "a product", None).0, "RA-5");
    }
}
