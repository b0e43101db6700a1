//! Which format a document is in, by the keys only that format has.

use poamd_contract::finding::Channel;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::lenient::Text;

/// A format of finding documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Security Hub `GetFindings`.
    Asff,
    /// GuardDuty `GetFindings`.
    GuardDuty,
    /// Inspector2 `ListFindings`.
    Inspector2,
    /// Inspector Classic `DescribeFindings`.
    InspectorClassic,
    /// Security Hub `GetFindingsV2`, and other OCSF findings.
    Ocsf,
    /// Suricata's EVE records.
    Eve,
}

impl Format {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asff => "ASFF",
            Self::GuardDuty => "GuardDuty",
            Self::Inspector2 => "Inspector2",
            Self::InspectorClassic => "Inspector Classic",
            Self::Ocsf => "OCSF",
            Self::Eve => "Suricata EVE",
        }
    }

    /// The channel of a pull of this format: Security Hub's is the hub, the others are the detectors' own.
    pub fn pulled_by(self) -> Channel {
        match self {
            Self::Asff | Self::Ocsf => Channel::Hub,
            _ => Channel::Pull,
        }
    }
}

/// What a document turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Finding(Format),
    /// Recognised, and not taken.
    Aside(&'static str),
}

const ARNS: &str = "it lists the ARNs of findings only: import what describe-findings (or get-findings) says of them";
const DETAILS: &str =
    "it is a reply without findings (details, ids or detectors): import the reply that has them";
const UNKNOWN: &str = "it is no finding of a known format (ASFF, OCSF, GuardDuty, Inspector2, Inspector Classic, Suricata EVE)";

type Key = Option<IgnoredAny>;

/// Only whether the keys are there.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Probe<'a> {
    class_uid: Key,
    finding_info: Key,
    event_type: Key,
    #[serde(rename = "findingArns", alias = "FindingArns")]
    arns: Key,
    #[serde(rename = "findingArn", alias = "FindingArn")]
    finding_arn: Key,
    #[serde(rename = "ProductArn")]
    product_arn: Key,
    #[serde(rename = "AwsAccountId")]
    aws_account_id: Key,
    #[serde(rename = "GeneratorId")]
    generator_id: Key,
    #[serde(rename = "SchemaVersion")]
    schema_version: Text<'a>,
    arn: Text<'a>,
    #[serde(rename = "Arn")]
    pascal_arn: Text<'a>,
    #[serde(rename = "service", alias = "Service")]
    service: Key,
    #[serde(rename = "resource", alias = "Resource")]
    resource: Key,
    #[serde(rename = "assetAttributes")]
    asset: Key,
    #[serde(rename = "numericSeverity")]
    number: Key,
    #[serde(rename = "findingDetails", alias = "findingIds", alias = "detectorIds")]
    details: Key,
    #[serde(rename = "FindingIds", alias = "DetectorIds")]
    pascal_details: Key,
}

/// The kind of the object at the beginning of `bytes`; `None` if it is not whole or not JSON.
pub(crate) fn detect(bytes: &[u8]) -> Option<Kind> {
    let probe = serde_json::Deserializer::from_slice(bytes)
        .into_iter::<Probe<'_>>()
        .next()?
        .ok()?;
    Some(probe.kind())
}

impl Probe<'_> {
    fn kind(&self) -> Kind {
        let arn = if self.arn.text().is_empty() {
            self.pascal_arn.text()
        } else {
            self.arn.text()
        };
        let classic = self.asset.is_some() || self.number.is_some();
        let own = self.service.is_some() || self.resource.is_some();
        if self.class_uid.is_some() || self.finding_info.is_some() {
            Kind::Finding(Format::Ocsf)
        } else if self.finding_arn.is_some() {
            Kind::Finding(Format::Inspector2)
        } else if self.product_arn.is_some()
            || self.aws_account_id.is_some()
            || self.generator_id.is_some()
            || self.schema_version.text() == "2018-10-08"
        {
            Kind::Finding(Format::Asff)
        } else if arn.contains(":inspector:") {
            Kind::Finding(Format::InspectorClassic)
        } else if arn.contains(":guardduty:") || own && !classic {
            Kind::Finding(Format::GuardDuty)
        } else if classic {
            Kind::Finding(Format::InspectorClassic)
        } else if self.event_type.is_some() {
            Kind::Finding(Format::Eve)
        } else if self.arns.is_some() {
            Kind::Aside(ARNS)
        } else if self.details.is_some() || self.pascal_details.is_some() {
            Kind::Aside(DETAILS)
        } else {
            Kind::Aside(UNKNOWN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_the_format() {
        for (text, want) in [
            (
                r#"{"Id":"x","ProductArn":"y"} rest"#,
                Some(Kind::Finding(Format::Asff)),
            ),
            (
                r#"{"SchemaVersion":"2018-10-08","Id":"x"}"#,
                Some(Kind::Finding(Format::Asff)),
            ),
            (
                r#"{"findingArn":"x"}"#,
                Some(Kind::Finding(Format::Inspector2)),
            ),
            (
                r#"{"arn":"arn:aws:guardduty:r:a:detector/d/finding/f"}"#,
                Some(Kind::Finding(Format::GuardDuty)),
            ),
            (
                r#"{"Arn":"arn:aws:guardduty:r:a:detector/d/finding/f","Severity":8}"#,
                Some(Kind::Finding(Format::GuardDuty)),
            ),
            (
                r#"{"arn":"arn:aws:inspector:r:a:target/t","service":"Inspector","assetAttributes":{},"numericSeverity":9}"#,
                Some(Kind::Finding(Format::InspectorClassic)),
            ),
            (r#"{"class_uid":2002}"#, Some(Kind::Finding(Format::Ocsf))),
            (
                r#"{"timestamp":"x","event_type":"flow"}"#,
                Some(Kind::Finding(Format::Eve)),
            ),
            (r#"{"findingArns":[]}"#, Some(Kind::Aside(ARNS))),
            (r#"{"findingDetails":[]}"#, Some(Kind::Aside(DETAILS))),
            (r#"{"about":"x"}"#, Some(Kind::Aside(UNKNOWN))),
            (r#"{"Id":"#, None),
        ] {
            assert_eq!(detect(text.as_bytes()), want, "{text}");
        }
    }
}
