//! Inspector Classic findings, as `DescribeFindings` writes them. The service ended in May 2026; files of it remain.
//! It has no state: what it once saw counts as open.

use poamd_contract::detail::{Detail, Flaw, Package};
use poamd_contract::finding::{
    FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use poamd_contract::severity::Severity;
use serde::Deserialize;

use crate::arn_view::ArnView;
use crate::document::{Document, NO_ACCOUNT, NO_ID, remediation, severity_of_label};
use crate::flaw::{cves, known, rating};
use crate::given::Given;
use crate::lenient::{Number, Part, Text, Time};
use crate::marks::{DESCRIPTION, Marks, TITLE, short};
use crate::origin::{Clues, Origin};
use crate::reach::{Tags, tags};
use crate::resource::{Named, place};
use crate::weakness::{is_cve, vulnerability, weakness};

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct InspectorClassic<'a> {
    #[serde(rename = "arn", alias = "Arn")]
    arn: Text<'a>,
    #[serde(rename = "id", alias = "Id")]
    rule: Text<'a>,
    #[serde(rename = "title", alias = "Title")]
    title: Text<'a>,
    #[serde(rename = "description", alias = "Description")]
    description: Text<'a>,
    #[serde(rename = "recommendation", alias = "Recommendation")]
    recommendation: Text<'a>,
    #[serde(rename = "severity", alias = "Severity")]
    severity: Text<'a>,
    #[serde(rename = "numericSeverity", alias = "NumericSeverity")]
    numeric_severity: Number,
    #[serde(rename = "assetType", alias = "AssetType")]
    asset_type: Text<'a>,
    #[serde(rename = "assetAttributes", alias = "AssetAttributes")]
    asset: Part<Asset<'a>>,
    #[serde(rename = "attributes", alias = "Attributes")]
    attributes: Tags<'a>,
    #[serde(rename = "createdAt", alias = "CreatedAt")]
    created_at: Time,
    #[serde(rename = "updatedAt", alias = "UpdatedAt")]
    updated_at: Time,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Asset<'a> {
    #[serde(rename = "agentId", alias = "AgentId")]
    agent: Text<'a>,
    #[serde(rename = "hostname", alias = "Hostname")]
    host: Text<'a>,
    #[serde(rename = "tags", alias = "Tags")]
    tags: Tags<'a>,
}

impl<'a> Document<'a> for InspectorClassic<'a> {
    fn is_like(&self) -> bool {
        ArnView::of(self.arn.text()).is_some_and(|arn| arn.service == "inspector")
    }

    fn report(&self, given: &Given, mut marks: Marks) -> Result<FindingReport, &'static str> {
        if self.arn.text().is_empty() {
            return Err(NO_ID);
        }
        let clues = Clues {
            ids: vec![self.arn.text()],
            region: self.region(),
            account: self.account(),
            partition: "",
        };
        let origin = clues.settle(given, &mut marks).ok_or(NO_ACCOUNT)?;
        let resources = self.resources(&origin, &mut marks);
        let native_id = marks.id("id", self.arn.text());
        let title = marks.required("title", &self.title, TITLE);
        let updated = marks.time("updated", &self.updated_at);
        Ok(FindingReport {
            source: "inspector-classic".to_owned(),
            channel: given.channel,
            identity: Identity::Native {
                arn: native_id.clone(),
            },
            weakness: self.weakness(&title),
            region: place(&origin, None, resources.first()),
            description: marks.text("description", &self.description, DESCRIPTION),
            remediation: remediation(self.recommendation.text(), &[], ""),
            severity: self.severity(&mut marks),
            score: None,
            requirements: Vec::new(),
            first_observed: marks.time("created", &self.created_at),
            last_observed: updated,
            created: marks.time("created", &self.created_at),
            updated,
            signal: Signal::Open,
            sample: false,
            account: origin.account,
            partition: origin.partition,
            native_id,
            title,
            resources,
            marks: marks.into_list(),
            detail: Box::new(self.detail()),
            raw: None,
        })
    }
}

impl InspectorClassic<'_> {
    fn account(&self) -> &str {
        ArnView::of(self.arn.text()).map_or("", |arn| arn.account)
    }

    fn region(&self) -> &str {
        ArnView::of(self.arn.text()).map_or("", |arn| arn.region)
    }

    fn resources(&self, origin: &Origin, marks: &mut Marks) -> Vec<ResourceRef> {
        let id = [&self.asset.agent, &self.asset.host]
            .into_iter()
            .find(|leaf| !leaf.text().is_empty());
        let Some(id) = id else {
            marks.add("resources-missing");
            return Vec::new();
        };
        let tag = self.asset.tags.get("Name");
        vec![
            Named {
                id: id.text().into(),
                kind: self.asset_type.text(),
                region: "",
                tag,
            }
            .reference(origin, marks),
        ]
    }

    fn detail(&self) -> Detail {
        Detail {
            flaw: self.flaw(),
            tags: tags(Some(&self.asset.tags)),
            ..Detail::default()
        }
    }

    /// Its attributes name the CVE, its ratings and the package: `CVE_ID`, `CVSS3_SCORE`, `PACKAGE_NAME`.
    fn flaw(&self) -> Option<Flaw> {
        let of = |key: &str| self.attributes.get(key);
        let cvss = |version: &str, key: &str| {
            let score = of(&format!("{key}_SCORE")).parse().ok();
            rating(version, score, of(&format!("{key}_VECTOR")), "")
        };
        let names = of("PACKAGE_NAME").split(',').map(str::trim);
        let packages = names.filter(|name| !name.is_empty()).take(32);
        known(Flaw {
            cves: cves([of("CVE_ID"), self.rule.text()].into_iter()),
            cvss: [cvss("3", "CVSS3"), cvss("2", "CVSS2")]
                .into_iter()
                .flatten()
                .collect(),
            packages: packages
                .map(|name| Package {
                    name: short(name, 256),
                    ..Package::default()
                })
                .collect(),
            ..Flaw::default()
        })
    }

    /// The CVE where the rule is one, else the rule (a CIS or best-practice check).
    fn weakness(&self, title: &str) -> Weakness {
        let cve = self.attributes.get("CVE_ID");
        let rule = self.rule.text();
        match [cve, rule].into_iter().find(|id| is_cve(id)) {
            Some(cve) => vulnerability(cve, std::iter::empty()),
            None => {
                let rule = if rule.is_empty() { title } else { rule };
                weakness(WeaknessKind::Other, &format!("inspector-classic/{rule}"))
            }
        }
    }

    /// Its number goes from 0 to 10, by the bounds of its own labels (High 9, Medium 6, Low 3).
    fn severity(&self, marks: &mut Marks) -> Option<Severity> {
        if !self.severity.text().is_empty() {
            return severity_of_label(self.severity.text(), marks);
        }
        let Some(number) = self.numeric_severity.value else {
            marks.add("severity-missing");
            return None;
        };
        Some(match number {
            n if n >= 9.0 => Severity::High,
            n if n >= 6.0 => Severity::Medium,
            n if n >= 3.0 => Severity::Low,
            _ => Severity::Informational,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use poamd_contract::finding::Channel;

    use super::*;

    const ARN: &str =
        "arn:aws:inspector:us-east-1:123456789012:target/0-a/template/0-b/run/0-c/finding/0-d";

    fn report(rest: &str) -> FindingReport {
        let text = format!(
            r#"{{"arn":"{ARN}","assetAttributes":{{"agentId":"i-0aa11bb22cc33dd44"}}{rest}}}"#
        );
        serde_json::from_str::<InspectorClassic<'_>>(&text)
            .unwrap()
            .report(&Channel::File.into(), Marks::default())
            .unwrap()
    }

    #[test]
    fn a_cve_rule_is_a_vulnerability_on_the_instance() {
        let got = report(
            r#","id":"CVE-2018-1000001","severity":"High","title":"t","createdAt":1458680301.37"#,
        );
        assert_eq!(got.source, "inspector-classic");
        assert_eq!(
            got.identity,
            Identity::Native {
                arn: ARN.to_owned()
            }
        );
        assert_eq!(got.weakness.id, "CVE-2018-1000001");
        assert_eq!(got.severity, Some(Severity::High));
        assert_eq!(
            got.resources[0].id,
            "arn:aws:ec2:us-east-1:123456789012:instance/i-0aa11bb22cc33dd44"
        );
        assert_eq!(got.resources[0].technology.as_deref(), Some("ec2instance"));
        assert_eq!(got.created.unwrap().timestamp(), 1_458_680_301);
    }

    #[test]
    fn undefined_is_unrated_and_other_rules_are_themselves() {
        let got = report(r#","id":"Disable root login over SSH","severity":"Undefined""#);
        assert_eq!(got.severity, None);
        assert_eq!(
            got.weakness.id,
            "inspector-classic/Disable root login over SSH"
        );
        assert!(!got.marks.iter().any(|m| m.starts_with("severity")));
        assert_eq!(
            report(r#","numericSeverity":9.0"#).severity,
            Some(Severity::High)
        );
    }
}
