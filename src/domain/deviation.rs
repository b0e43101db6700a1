//! Deviations: what is asked for, and how far it got (`poam.md` 1.3, `design.md` States).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, Utc};
use poamd_contract::ids::BadId;
use poamd_contract::severity::Severity;
use serde::{Deserialize, Serialize};

use super::rating::Rating;

/// Least characters of a rationale, as of a justification.
pub const RATIONALE: usize = 20;
/// Days after which an approved one has to be asked for again, unless its request says otherwise.
pub const USUAL_DAYS: u64 = 365;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationKind {
    FalsePositive,
    RiskAdjustment,
    OperationalRequirement,
    /// Operational requirement together with a risk adjustment (`OR RA` in the form).
    OperationalRequirementAdjusted,
}

impl DeviationKind {
    pub const ALL: [Self; 4] = [
        Self::FalsePositive,
        Self::RiskAdjustment,
        Self::OperationalRequirement,
        Self::OperationalRequirementAdjusted,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalsePositive => "false-positive",
            Self::RiskAdjustment => "risk-adjustment",
            Self::OperationalRequirement => "operational-requirement",
            Self::OperationalRequirementAdjusted => "operational-requirement-adjusted",
        }
    }

    /// As the request form writes it ("Type of DR").
    pub fn form_word(self) -> &'static str {
        match self {
            Self::FalsePositive => "FP",
            Self::RiskAdjustment => "RA",
            Self::OperationalRequirement => "OR",
            Self::OperationalRequirementAdjusted => "OR RA",
        }
    }

    /// Asks for a lower severity.
    pub fn adjusts(self) -> bool {
        matches!(
            self,
            Self::RiskAdjustment | Self::OperationalRequirementAdjusted
        )
    }
}

impl AsRef<str> for DeviationKind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for DeviationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DeviationKind {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a deviation (false-positive, risk-adjustment, operational-requirement, operational-requirement-adjusted)",
            })
    }
}

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviationState {
    Requested,
    ApprovedInternally,
    /// With the AO.
    Submitted,
    Approved,
    Rejected,
    Withdrawn,
    Expired,
}

impl DeviationState {
    pub const ALL: [Self; 7] = [
        Self::Requested,
        Self::ApprovedInternally,
        Self::Submitted,
        Self::Approved,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::ApprovedInternally => "approved-internally",
            Self::Submitted => "submitted",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
        }
    }

    /// Still asked for, or in force.
    pub fn is_live(self) -> bool {
        match self {
            Self::Requested | Self::ApprovedInternally | Self::Submitted | Self::Approved => true,
            Self::Rejected | Self::Withdrawn | Self::Expired => false,
        }
    }

    /// Waits for somebody's decision.
    pub fn is_pending(self) -> bool {
        self.is_live() && self != Self::Approved
    }

    /// The next step of somebody who wants it approved, as a verb of `poamd poam deviation`.
    pub fn next_verb(self) -> Option<&'static str> {
        match self {
            Self::Requested => Some("approve-internally"),
            Self::ApprovedInternally => Some("submit"),
            Self::Submitted => Some("approve"),
            _ => None,
        }
    }

    /// The steps of `design.md`, States: the AO decides on what was submitted, and only on that; whoever asked may
    /// withdraw as long as it lives; only what was approved runs out.
    pub fn to(self, next: Self) -> Result<Self, IllegalStep> {
        use DeviationState::{
            Approved, ApprovedInternally, Expired, Rejected, Requested, Submitted, Withdrawn,
        };
        let legal = match (self, next) {
            (Requested, ApprovedInternally) | (ApprovedInternally, Submitted) => true,
            (Submitted, Approved | Rejected) | (Approved, Expired) => true,
            (from, Withdrawn) => from.is_live(),
            _ => false,
        };
        if legal {
            Ok(next)
        } else {
            Err(IllegalStep {
                from: self,
                to: next,
            })
        }
    }
}

/// A step that the states do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a deviation that is {from} cannot become {to}")]
pub struct IllegalStep {
    pub from: DeviationState,
    pub to: DeviationState,
}

/// A request before it is taken.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub kind: DeviationKind,
    /// The severity that is asked for.
    pub to: Option<Severity>,
    /// What detection says now.
    pub present: Severity,
    pub rationale: &'a str,
    /// What lowers the risk meanwhile.
    pub mitigations: &'a str,
    /// The last day it shall hold.
    pub expires: Option<NaiveDate>,
    pub detected: DateTime<Utc>,
    pub due: Option<NaiveDate>,
    pub today: NaiveDate,
}

/// What a request that can be taken comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The last day it will hold once approved; a false positive ends with its record.
    pub expires: Option<NaiveDate>,
    /// What the authority will ask about.
    pub warnings: Vec<String>,
}

impl Request<'_> {
    /// Whether the rules allow it (`poam.md` 1.3, Deviations), or why not and what to do instead.
    pub fn check(&self) -> Result<Checked, String> {
        if self.rationale.trim().chars().count() < RATIONALE {
            return Err(format!(
                "the rationale is too short to be judged: write at least {RATIONALE} characters"
            ));
        }
        fits(self.kind, self.to, self.present)?;
        if self.kind.adjusts() && self.mitigations.trim().is_empty() {
            return Err(format!(
                "a {} rests on what lowers the risk: say it with --mitigations",
                self.kind
            ));
        }
        let expires = match (self.kind, self.expires) {
            (DeviationKind::FalsePositive, None) => None,
            (DeviationKind::FalsePositive, Some(_)) => {
                return Err(
                    "a false positive does not run out: leave the end away; if it turns out to be real, withdraw it"
                        .to_owned(),
                );
            }
            (_, Some(day)) if day <= self.today => {
                return Err(format!("the end {day} is not after today, {}", self.today));
            }
            (_, Some(day)) => Some(day),
            (_, None) => self.today.checked_add_days(Days::new(USUAL_DAYS)),
        };
        Ok(Checked {
            expires,
            warnings: self.warnings(),
        })
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let step = |s: Severity| Rating::of(s).map_or(0, |r| r as i32);
        if let Some(to) = self.to
            && step(self.present) - step(to) > 1
        {
            warnings.push("more than one step down: assessors expect one".to_owned());
        }
        if let Some(to) = self.to
            && Rating::of(to) == Rating::of(self.present)
        {
            warnings.push(format!(
                "from {} to {} the record keeps its rating",
                self.present.as_str(),
                to.as_str()
            ));
        }
        let usual = self.today.checked_add_days(Days::new(USUAL_DAYS));
        if let (Some(end), Some(usual)) = (self.expires, usual)
            && end > usual
        {
            warnings.push(format!(
                "it would hold to {end}, more than a year: authorities look at a deviation again at least once a year"
            ));
        }
        if let Some(due) = self.due {
            if due < self.today {
                warnings.push(format!(
                    "asked for when the record was late already, since {due}: it stays late until the AO has decided"
                ));
                return warnings;
            }
            let whole = (due - self.detected.date_naive()).num_days();
            let gone = (self.today - self.detected.date_naive()).num_days();
            if gone * 3 >= whole * 2 {
                warnings.push(format!(
                    "asked for late: {gone} of {whole} days are over, and what is asked for just before the due day \
                     ({due}) draws extra scrutiny"
                ));
            }
        }
        warnings
    }
}

/// Whether a deviation of this kind to that severity can be where detection says `present`; asked again when it is
/// approved, as detection may have changed since.
pub fn fits(kind: DeviationKind, to: Option<Severity>, present: Severity) -> Result<(), String> {
    match (kind.adjusts(), to) {
        (false, Some(_)) => {
            return Err(format!(
                "a {kind} changes no severity; ask for risk-adjustment or operational-requirement-adjusted"
            ));
        }
        (true, None) => {
            return Err(format!(
                "a {kind} needs the severity that is asked for: --to moderate or --to low"
            ));
        }
        (true, Some(to)) if Rating::of(to).is_none() => {
            return Err(format!(
                "{} is no severity of a record; low is the least",
                to.as_str()
            ));
        }
        (true, Some(to)) if to >= present => {
            return Err(format!(
                "{} is not lower than {}, what detection says now",
                to.as_str(),
                present.as_str()
            ));
        }
        _ => {}
    }
    let asked = to.unwrap_or(present);
    let requirement = matches!(
        kind,
        DeviationKind::OperationalRequirement | DeviationKind::OperationalRequirementAdjusted
    );
    if requirement && Rating::of(asked) == Some(Rating::High) {
        return Err(
            "a High cannot stay as an operational requirement: mitigate it first and ask for \
                 operational-requirement-adjusted with --to moderate or low"
                .to_owned(),
        );
    }
    Ok(())
}

/// A lower severity that was approved, and for what: detection that says worse than that is not covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What detection said when it was asked for.
    pub from: Severity,
    pub to: Severity,
}

impl Adjustment {
    /// The severity that counts: the approved one, unless detection has become worse since.
    pub fn effective(self, detected: Severity) -> Severity {
        if detected > self.from {
            detected
        } else {
            detected.min(self.to)
        }
    }
}

impl AsRef<str> for DeviationState {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for DeviationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for DeviationState {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| BadId {
                text: text.to_owned(),
                expected: "a deviation state (requested, approved-internally, submitted, approved, rejected, withdrawn, expired)",
            })
    }
}

#[cfg(test)]
mod tests {
    use super::DeviationState::{
        Approved, ApprovedInternally, Expired, Rejected, Requested, Submitted, Withdrawn,
    };
    use super::*;

    #[test]
    fn only_the_written_steps_are_legal() {
        let legal = [
            (Requested, ApprovedInternally),
            (ApprovedInternally, Submitted),
            (Submitted, Approved),
            (Submitted, Rejected),
            (Requested, Withdrawn),
            (ApprovedInternally, Withdrawn),
            (Submitted, Withdrawn),
            (Approved, Withdrawn),
            (Approved, Expired),
        ];
        for from in DeviationState::ALL {
            for to in DeviationState::ALL {
                assert_eq!(
                    from.to(to).is_ok(),
                    legal.contains(&(from, to)),
                    "{from} -> {to}"
                );
            }
        }
    }

    fn asked(kind: DeviationKind, present: Severity, to: Option<Severity>) -> Request<'static> {
        Request {
            kind,
            to,
            present,
            rationale: "The host stands behind two filters, see SSP 9.4.",
            mitigations: "two filters",
            expires: None,
            detected: "2026-11-01T10:00:00Z".parse().unwrap(),
            due: "2026-12-01".parse().ok(),
            today: "2026-11-10".parse().unwrap(),
        }
    }

    #[test]
    fn what_may_be_asked_for() {
        use DeviationKind as K;
        use Severity as S;
        for (kind, present, to, fits) in [
            (K::FalsePositive, S::Critical, None, true),
            (K::FalsePositive, S::High, Some(S::Low), false),
            (K::RiskAdjustment, S::High, Some(S::Medium), true),
            (K::RiskAdjustment, S::High, None, false),
            (K::RiskAdjustment, S::Medium, Some(S::Medium), false),
            (K::RiskAdjustment, S::Medium, Some(S::High), false),
            (K::RiskAdjustment, S::Low, Some(S::Informational), false),
            (K::OperationalRequirement, S::Medium, None, true),
            (K::OperationalRequirement, S::Low, None, true),
            (K::OperationalRequirement, S::High, None, false),
            (K::OperationalRequirement, S::Critical, None, false),
            (
                K::OperationalRequirementAdjusted,
                S::High,
                Some(S::Medium),
                true,
            ),
            (
                K::OperationalRequirementAdjusted,
                S::Critical,
                Some(S::High),
                false,
            ),
        ] {
            let outcome = asked(kind, present, to).check();
            assert_eq!(
                outcome.is_ok(),
                fits,
                "{kind} {present:?} {to:?}: {outcome:?}"
            );
        }
    }

    #[test]
    fn an_end_is_set_and_lies_ahead() {
        let fair = asked(DeviationKind::OperationalRequirement, Severity::Low, None);
        assert_eq!(fair.check().unwrap().expires, "2027-11-10".parse().ok());
        let over = Request {
            expires: "2026-11-10".parse().ok(),
            ..fair
        };
        assert!(over.check().unwrap_err().contains("not after today"));
        let short = Request {
            rationale: "not ours",
            ..fair
        };
        assert!(short.check().unwrap_err().contains("too short"));
        let false_positive = asked(DeviationKind::FalsePositive, Severity::Low, None);
        assert_eq!(false_positive.check().unwrap().expires, None);
    }

    #[test]
    fn what_the_authority_will_ask_about_is_said() {
        let fair = asked(
            DeviationKind::RiskAdjustment,
            Severity::High,
            Some(Severity::Medium),
        );
        assert_eq!(fair.check().unwrap().warnings, Vec::<String>::new());
        let late = Request {
            today: "2026-11-21".parse().unwrap(),
            ..fair
        };
        assert!(late.check().unwrap().warnings[0].contains("20 of 30 days"));
        let steep = Request {
            to: Some(Severity::Low),
            ..fair
        };
        assert!(steep.check().unwrap().warnings[0].contains("one step"));
        let over = Request {
            due: "2024-06-20".parse().ok(),
            ..fair
        };
        let said = over.check().unwrap().warnings;
        assert!(
            said[0].contains("late already, since 2024-06-20"),
            "{said:?}"
        );
        let level = Request {
            present: Severity::Critical,
            to: Some(Severity::High),
            ..fair
        };
        assert!(level.check().unwrap().warnings[0].contains("keeps its rating"));
        let long = Request {
            expires: "2099-01-01".parse().ok(),
            ..fair
        };
        assert!(long.check().unwrap().warnings[0].contains("more than a year"));
    }

    #[test]
    fn an_adjustment_rests_on_something() {
        let bare = Request {
            mitigations: " ",
            ..asked(
                DeviationKind::RiskAdjustment,
                Severity::High,
                Some(Severity::Medium),
            )
        };
        assert!(bare.check().unwrap_err().contains("--mitigations"));
    }

    #[test]
    fn an_adjustment_covers_what_it_was_given_for() {
        let given = Adjustment {
            from: Severity::High,
            to: Severity::Medium,
        };
        for (detected, effective) in [
            (Severity::High, Severity::Medium),
            (Severity::Medium, Severity::Medium),
            (Severity::Low, Severity::Low),
            (Severity::Critical, Severity::Critical),
        ] {
            assert_eq!(given.effective(detected), effective);
        }
    }
}
