//! The published clocks, from `data/clocks`: parsed once, looked up by name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Class, Impact};
use crate::domain::evaluation::NRating;

const TIMEFRAMES: &str = include_str!("../../../data/clocks/timeframes.json");
const DECISIONS: &str = include_str!("../../../data/clocks/bod-26-04-decision-table.json");

/// Calendar days by the word of a rating: `Critical`, `High`, `Moderate`, `Low`.
pub type DaysByWord = BTreeMap<String, u32>;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frames {
    #[serde(rename = "fedrampRev5Legacy")]
    pub rev5: Rev5,
    #[serde(rename = "fedrampCR26")]
    pub ver: Ver,
    #[serde(rename = "cmsHhs")]
    pub cms: Days,
    #[serde(rename = "agencyEscalationTriggersRev5")]
    pub triggers: Vec<Trigger>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rev5 {
    pub days: DaysByWord,
    pub vendor_dependency: VendorDependency,
}

/// From the day the vendor makes the fix available.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VendorDependency {
    pub days: DaysByWord,
    pub check_in_every_days: u32,
}

#[derive(Debug, Default, Deserialize)]
pub struct Days {
    pub days: DaysByWord,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ver {
    /// Class → N-rating → days.
    pub mitigate: BTreeMap<String, BTreeMap<String, VerDays>>,
    /// Class in lower case → days.
    pub evaluate_within_days: BTreeMap<String, u32>,
    pub accepted_vulnerability_after_days: u32,
    /// Class in lower case → how often, in words with the strength of the rule.
    pub json_history_every: BTreeMap<String, String>,
    pub sample_detection_days: BTreeMap<String, u32>,
    pub drift_detection: BTreeMap<String, String>,
    pub other_detection: BTreeMap<String, String>,
}

/// Days to bring the rating down, by who can reach it and whether it is likely to be exploited. Half days exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerDays {
    pub irv_lev_days: f64,
    pub nirv_lev_days: f64,
    pub nlev_days: f64,
}

/// One row of the escalation triggers; which fields it has says of which sort it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trigger {
    pub count: Option<u32>,
    pub rating: Option<String>,
    pub older_than_days: Option<u32>,
    pub metric: Option<String>,
    pub increase_percent: Option<u32>,
    pub or_at_least: Option<u32>,
    pub percent: Option<u32>,
    pub months: Option<u32>,
    pub action: Option<String>,
    pub first: Option<String>,
    pub repeat_within6_months: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Decisions {
    rows: Vec<Row>,
}

/// One row of the BOD 26-04 table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub in_kev: bool,
    pub publicly_exposed: bool,
    pub automatable: bool,
    pub technical_impact: Impact,
    pub remediation: Remediation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remediation {
    /// `None`: at the next major upgrade or rebuild.
    pub days: Option<u32>,
    pub forensic_triage: bool,
}

/// All published clocks. A test holds that the embedded text parses and is whole.
pub fn frames() -> &'static Frames {
    static FRAMES: LazyLock<Frames> =
        LazyLock::new(|| serde_json::from_str(TIMEFRAMES).unwrap_or_default());
    &FRAMES
}

fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        serde_json::from_str::<Decisions>(DECISIONS)
            .unwrap_or_default()
            .rows
    });
    &ROWS
}

/// What BOD 26-04 says of four answers. The table has a row for each combination.
pub fn decision(
    in_kev: bool,
    publicly_exposed: bool,
    automatable: bool,
    technical_impact: Impact,
) -> Option<Remediation> {
    rows()
        .iter()
        .find(|row| {
            (
                row.in_kev,
                row.publicly_exposed,
                row.automatable,
                row.technical_impact,
            ) == (in_kev, publicly_exposed, automatable, technical_impact)
        })
        .map(|row| row.remediation)
}

/// The days of a class and N-rating; `None` for N1, which has no limit.
pub fn ver_days(class: Class, n: NRating) -> Option<VerDays> {
    frames()
        .ver
        .mitigate
        .get(class.as_str())
        .and_then(|by_n| by_n.get(n.as_str()))
        .copied()
}

/// Days in which a detection has to be evaluated.
pub fn evaluate_within(class: Class) -> u32 {
    frames()
        .ver
        .evaluate_within_days
        .get(&class.as_str().to_lowercase())
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_tables_parse_and_are_whole() {
        let frames: Frames = serde_json::from_str(TIMEFRAMES).unwrap();
        assert_eq!(frames.rev5.days.len(), 4);
        assert_eq!(frames.rev5.vendor_dependency.check_in_every_days, 30);
        assert_eq!(frames.ver.mitigate.len(), Class::ALL.len());
        assert_eq!(frames.cms.days.len(), 4);
        assert_eq!(frames.triggers.len(), 7);
        let decisions: Decisions = serde_json::from_str(DECISIONS).unwrap();
        assert_eq!(decisions.rows.len(), 16);
        for bits in 0..16u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let impact = if bit(3) {
                Impact::Total
            } else {
                Impact::Partial
            };
            assert!(
                decision(bit(0), bit(1), bit(2), impact).is_some(),
                "{bits:04b}"
            );
        }
    }
}
