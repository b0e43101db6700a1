//! Scores, in tenths of a point (0–100 for 0.0–10.0): never a float.

use poamd_contract::severity::Severity;

/// What a finding counts: the detector's own score, or by severity: critical 10, high 9, medium 5, low 2,
/// informational 0 (`design.md`, score). Unrated counts nothing until it is rated.
pub fn finding_score(own: Option<u16>, severity: Option<Severity>) -> i64 {
    own.map_or_else(
        || severity.map_or(0, by_severity),
        |s| i64::from(s.min(100)),
    )
}

fn by_severity(severity: Severity) -> i64 {
    match severity {
        Severity::Critical => 100,
        Severity::High => 90,
        Severity::Medium => 50,
        Severity::Low => 20,
        Severity::Informational => 0,
    }
}

/// Tenths as people read them: `9`, `4.5`.
pub fn show(tenths: i64) -> String {
    if tenths % 10 == 0 {
        (tenths / 10).to_string()
    } else {
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Tenths as JSON carries them: a number.
pub fn number(tenths: i64) -> serde_json::Number {
    if tenths % 10 == 0 {
        serde_json::Number::from(tenths / 10)
    } else {
        serde_json::Number::from_f64(tenths as f64 / 10.0)
            .unwrap_or_else(|| serde_json::Number::from(tenths / 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detectors_own_score_goes_before_its_severity() {
        assert_eq!(finding_score(Some(85), Some(Severity::Low)), 85);
        assert_eq!(finding_score(None, Some(Severity::Critical)), 100);
        assert_eq!(finding_score(None, Some(Severity::High)), 90);
        assert_eq!(finding_score(None, Some(Severity::Medium)), 50);
        assert_eq!(finding_score(None, Some(Severity::Low)), 20);
        assert_eq!(finding_score(None, Some(Severity::Informational)), 0);
        assert_eq!(finding_score(None, None), 0);
        assert_eq!(finding_score(Some(400), None), 100);
    }

    #[test]
    fn tenths_read_as_points() {
        assert_eq!(
            (show(90), show(45), show(0)),
            ("9".into(), "4.5".into(), "0".into())
        );
    }
}
