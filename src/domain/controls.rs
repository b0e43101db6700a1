//! Controls of NIST SP 800-53 Rev. 5: their ids in every spelling that is met (`poam.md` 5).

use std::fmt;
use std::str::FromStr;

use poamd_contract::ids::BadId;

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
}
