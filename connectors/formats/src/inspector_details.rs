//! What Inspector knows of single findings beside its listing (`BatchGetFindingDetails`): CISA's dates, EPSS, how the flaw is
//! exploited and by what. Each part is kept as it came.

use poamd_contract::detail::{Detail, Flaw, Proof};
use poamd_contract::source::{Details, Supplement};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::flaw::{cwes, known, millionths, references};
use crate::lenient::{List, Number, Part, Text, Time};
use crate::marks::{short, some};

/// Characters of a name, of a sentence; entries of a list.
const WORD: usize = 128;
const LINE: usize = 512;
const LISTED: usize = 32;

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Reply<'a> {
    #[serde(borrow, rename = "findingDetails", alias = "FindingDetails", default)]
    details: Option<Vec<&'a RawValue>>,
    #[serde(rename = "errors", alias = "Errors", default)]
    errors: List<Part<Refused<'a>>, 100>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Refused<'a> {
    #[serde(rename = "findingArn")]
    arn: Text<'a>,
    #[serde(rename = "errorCode")]
    code: Text<'a>,
    #[serde(rename = "errorMessage")]
    message: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Known<'a> {
    #[serde(rename = "findingArn", alias = "FindingArn")]
    arn: Text<'a>,
    #[serde(rename = "cisaData", alias = "CisaData")]
    cisa: Part<Cisa<'a>>,
    #[serde(rename = "riskScore", alias = "RiskScore")]
    risk: Number,
    #[serde(rename = "evidences", alias = "Evidences")]
    evidences: List<Part<Evidence<'a>>, LISTED>,
    #[serde(rename = "ttps", alias = "Ttps")]
    techniques: List<Text<'a>, LISTED>,
    #[serde(rename = "tools", alias = "Tools")]
    tools: List<Text<'a>, LISTED>,
    #[serde(rename = "exploitObserved", alias = "ExploitObserved")]
    observed: Part<Observed>,
    #[serde(rename = "referenceUrls", alias = "ReferenceUrls")]
    references: List<Text<'a>, LISTED>,
    #[serde(rename = "cwes", alias = "Cwes")]
    cwes: List<Text<'a>, LISTED>,
    #[serde(rename = "epssScore", alias = "EpssScore")]
    epss: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Cisa<'a> {
    #[serde(rename = "dateAdded", alias = "DateAdded")]
    added: Time,
    #[serde(rename = "dateDue", alias = "DateDue")]
    due: Time,
    #[serde(rename = "action", alias = "Action")]
    action: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Observed {
    #[serde(rename = "firstSeen", alias = "FirstSeen")]
    first: Time,
    #[serde(rename = "lastSeen", alias = "LastSeen")]
    last: Time,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Evidence<'a> {
    #[serde(rename = "evidenceRule", alias = "EvidenceRule")]
    rule: Text<'a>,
    #[serde(rename = "evidenceDetail", alias = "EvidenceDetail")]
    detail: Text<'a>,
    #[serde(rename = "severity", alias = "Severity")]
    severity: Text<'a>,
}

/// Reads a reply of `BatchGetFindingDetails`.
///
/// # Errors
/// It is not JSON, or not such a reply; in words.
pub fn inspector_details(body: &[u8]) -> Result<Details, String> {
    let reply: Reply<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut details = Details::default();
    for raw in reply.details.unwrap_or_default() {
        let Ok(part) = serde_json::from_str::<Known<'_>>(raw.get()) else {
            continue;
        };
        let id = part.arn.text();
        if !id.is_empty() {
            details.known.push(Supplement {
                native_id: id.to_owned(),
                detail: part.detail(),
                raw: raw.get().into(),
            });
        }
    }
    for refused in &reply.errors.items {
        let (id, code) = (refused.arn.text(), refused.code.text());
        match code {
            // It will be no other the next time.
            "FINDING_DETAILS_NOT_FOUND" | "INVALID_INPUT" => details.nothing.push(id.to_owned()),
            _ => {
                let message = short(refused.message.text(), LINE);
                details
                    .refused
                    .get_or_insert_with(|| format!("{}: {message}", short(code, WORD)));
            }
        }
    }
    Ok(details)
}

impl Known<'_> {
    fn detail(&self) -> Detail {
        let texts = |list: &List<Text<'_>, LISTED>| -> Vec<String> {
            let mut found: Vec<String> = Vec::new();
            for text in list.items.iter().filter_map(|t| some(t.text(), WORD)) {
                if !found.contains(&text) {
                    found.push(text);
                }
            }
            found
        };
        let proofs = self.evidences.items.iter().filter_map(|of| {
            let proof = Proof {
                rule: short(of.rule.text(), WORD),
                detail: short(of.detail.text(), LINE),
                severity: some(of.severity.text(), WORD),
            };
            (!proof.rule.is_empty() || !proof.detail.is_empty()).then_some(proof)
        });
        let day = |time: &Time| time.value.map(|at| at.date_naive());
        let flaw = Flaw {
            cwes: cwes(self.cwes.items.iter().map(Text::text)),
            epss: millionths(&self.epss),
            exploit: self.observed.present.then_some(true),
            exploited_at: self.observed.last.value.or(self.observed.first.value),
            exploited_since: self.observed.first.value,
            kev_added: day(&self.cisa.added),
            kev_due: day(&self.cisa.due),
            kev_action: some(self.cisa.action.text(), LINE),
            risk: percent(&self.risk),
            techniques: texts(&self.techniques),
            tools: texts(&self.tools),
            proofs: proofs.collect(),
            references: references(self.references.items.iter().map(Text::text)),
            ..Flaw::default()
        };
        Detail {
            flaw: known(flaw),
            ..Detail::default()
        }
    }
}

/// A score from 0 to 100.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100 by the check before it"
)]
fn percent(score: &Number) -> Option<u16> {
    let score = score.value?;
    (0.0..=100.0).contains(&score).then(|| score.round() as u16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const REPLY: &str =
        include_str!("../../../tests/fixtures/aws/inspector2/batch-get-finding-details-wire.json");

    #[test]
    fn everything_that_it_says_is_taken() {
        let details = inspector_details(REPLY.as_bytes()).unwrap();
        assert_eq!((details.known.len(), details.refused), (1, None));
        let one = &details.known[0];
        assert!(one.native_id.ends_with("4f6e1b0d2c3a49788f90a1b2c3d4e5f6"));
        let flaw = one.detail.flaw.as_ref().unwrap();
        let day = |text: &str| Some(text.parse().unwrap());
        assert_eq!(
            (flaw.kev_added, flaw.kev_due),
            (day("2024-05-30"), day("2024-06-20"))
        );
        assert!(flaw.kev_action.as_ref().unwrap().starts_with("Apply"));
        assert_eq!((flaw.epss, flaw.risk), (Some(840_000), Some(89)));
        assert_eq!(
            (&flaw.cwes[..], &flaw.techniques[..]),
            (&["CWE-416".to_owned()][..], &["T1068".to_owned()][..])
        );
        assert_eq!(flaw.exploit, Some(true));
        assert!(flaw.exploited_since < flaw.exploited_at);
        let raw: serde_json::Value = serde_json::from_str(&one.raw).unwrap();
        let whole: serde_json::Value = serde_json::from_str(REPLY).unwrap();
        assert_eq!(raw, whole["findingDetails"][0]);
        assert!(one.raw.contains("1717027200.0"), "as it came");
    }

    #[test]
    fn what_is_refused_for_good_is_told_from_what_may_come_later() {
        let reply = r#"{"findingDetails":null,"errors":[
            {"findingArn":"a","errorCode":"FINDING_DETAILS_NOT_FOUND","errorMessage":"x"},
            {"findingArn":"b","errorCode":"INVALID_INPUT"},
            {"findingArn":"c","errorCode":"INTERNAL_ERROR","errorMessage":"try again"}]}"#;
        let details = inspector_details(reply.as_bytes()).unwrap();
        assert_eq!(details.nothing, ["a", "b"]);
        assert_eq!(
            details.refused.as_deref(),
            Some("INTERNAL_ERROR: try again")
        );
    }

    #[test]
    fn bad_form_costs_only_what_is_bad() {
        let reply = r#"{"findingDetails":[7,{"findingArn":"a","riskScore":900,"cisaData":"x","evidences":[{"evidenceRule":"r"},{}],
            "cwes":["416",null],"epssScore":"0.5","exploitObserved":[],"tools":["t","t"]},{"riskScore":1}]}"#;
        let details = inspector_details(reply.as_bytes()).unwrap();
        assert_eq!(details.known.len(), 1);
        let flaw = details.known[0].detail.flaw.as_ref().unwrap();
        assert_eq!(
            (flaw.risk, flaw.epss, flaw.kev_due),
            (None, Some(500_000), None)
        );
        assert_eq!((flaw.proofs.len(), flaw.tools.len()), (1, 1));
        assert_eq!(flaw.cwes, ["CWE-416"]);
        for broken in [
            "",
            "<html>",
            r#"{"findingDetails":[{"#,
            r#"{"findingDetails":7}"#,
        ] {
            assert!(inspector_details(broken.as_bytes()).is_err(), "{broken}");
        }
        let empty = inspector_details(b"{}").unwrap();
        assert_eq!(empty, Details::default());
    }
}
