//! OCSF findings (versions 1.5 to 1.9), as the new Security Hub's `GetFindingsV2` writes them: vulnerability (2002),
//! compliance (2003) and detection (2004) findings. Their `finding_info.uid` is the ASFF `Id`, so both copies of a
//! finding meet (`poam.md` 3.3). Keys nobody knows are normal there.

mod detail;
mod shape;

use chrono::{DateTime, Utc};
use poamd_contract::finding::{
    FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use poamd_contract::ids::Region;
use poamd_contract::severity::Severity;

use crate::control::{self, bare_title};
use crate::document::{Document, NO_ACCOUNT, NO_ID, rating, severity_of_label};
use crate::given::Given;
use crate::lenient::{Number, Text, Time};
use crate::marks::{DESCRIPTION, Marks, REMEDIATION, TITLE};
use crate::origin::{Clues, Origin};
use crate::product::{Check, Maker, Product, Said};
use crate::resource::{Named, place};
use crate::weakness::{code, incident, reachability, vulnerability, weakness};

pub(crate) use shape::Ocsf;

impl<'a> Document<'a> for Ocsf<'a> {
    fn is_like(&self) -> bool {
        self.class.value.is_some() || self.info.present
    }

    /// Category 2 are findings; an export of a data lake has records of activity beside them.
    fn is_finding(&self) -> bool {
        self.info.present
            || self
                .class
                .value
                .is_none_or(|c| (2000.0..3000.0).contains(&c))
    }

    fn report(&self, given: &Given, mut marks: Marks) -> Result<FindingReport, &'static str> {
        let id = self.info.uid.text();
        if id.is_empty() {
            return Err(NO_ID);
        }
        let origin = self.clues().settle(given, &mut marks).ok_or(NO_ACCOUNT)?;
        let product = self.product();
        let signal = self.signal(product.maker, &mut marks);
        marks.list("resources", &self.resources);
        let resources = self.resources(&origin, &mut marks);
        if resources.is_empty() {
            marks.add("resources-missing");
        }
        let control = self.control(&product).map(|c| marks.id("control", &c));
        let native_id = marks.id("id", id);
        let region = place(&origin, control.as_deref(), resources.first());
        let title = bare_title(
            marks.required("title", &self.info.title, TITLE),
            control.as_deref(),
        );
        let about = About {
            native_id: &native_id,
            region: &region,
            title: &title,
            primary: resources.first(),
            control: control.as_deref(),
            product: &product,
            origin: &origin,
        };
        Ok(FindingReport {
            source: product.source(),
            channel: given.channel,
            identity: about.identity(),
            weakness: self.weakness(&about),
            description: marks.text("description", &self.info.description, DESCRIPTION),
            remediation: self.remediation(),
            severity: self.severity(product.maker, signal, &mut marks),
            score: None,
            requirements: self.requirements(&mut marks),
            first_observed: either(&self.info.first_seen_dt, &self.info.first_seen),
            last_observed: either(&self.info.last_seen_dt, &self.info.last_seen),
            created: either(&self.info.created_dt, &self.info.created),
            updated: self.updated(&mut marks),
            signal,
            sample: product.maker == Maker::GuardDuty && title.starts_with("[SAMPLE]"),
            detail: Box::new(self.detail(&product, &title)),
            native_id,
            region,
            title,
            account: origin.account,
            partition: origin.partition,
            resources,
            marks: marks.into_list(),
            raw: None,
        })
    }
}

/// What identity and weakness are made of.
struct About<'a> {
    native_id: &'a str,
    region: &'a Region,
    title: &'a str,
    primary: Option<&'a ResourceRef>,
    control: Option<&'a str>,
    product: &'a Product<'a>,
    origin: &'a Origin,
}

impl About<'_> {
    /// `design.md`, Fingerprint: the same as that of the ASFF copy.
    fn identity(&self) -> Identity {
        match (self.product.maker, self.control, self.primary) {
            (Maker::SecurityHub, Some(control), Some(primary)) => Identity::Control {
                account: self.origin.account.clone(),
                region: self.region.clone(),
                control: control.to_owned(),
                resource: primary.id.clone(),
            },
            (Maker::GuardDuty | Maker::Inspector | Maker::InspectorClassic | Maker::Aws, _, _)
                if self.native_id.starts_with("arn:") =>
            {
                Identity::Native {
                    arn: self.native_id.to_owned(),
                }
            }
            _ => Identity::Product {
                product_arn: self.product.arn.replacen(":productv2/", ":product/", 1),
                id: self.native_id.to_owned(),
            },
        }
    }
}

impl Ocsf<'_> {
    fn product(&self) -> Product<'_> {
        let product = &self.metadata.product;
        Product::of(&Said {
            arn: product.uid.text(),
            id: self.info.uid.text(),
            products: [product.name.text(), ""],
            companies: [product.vendor.text(), ""],
            generator: self.info.analytic.uid.text(),
            version: "",
        })
    }

    fn clues(&self) -> Clues<'_> {
        let primary = self.resources.items.first();
        let owner = primary.map_or("", |r| r.owner.account.uid.text());
        let account = self.cloud.account.uid.text();
        let near = primary.map_or("", |r| r.region.text());
        let region = self.cloud.region.text();
        Clues {
            account: if account.is_empty() { owner } else { account },
            region: if region.is_empty() { near } else { region },
            partition: primary.map_or("", |r| r.partition.text()),
            ids: [
                Some(&self.info.uid),
                primary.map(|r| &r.uid),
                Some(&self.metadata.product.uid),
            ]
            .into_iter()
            .flatten()
            .map(Text::text)
            .collect(),
        }
    }

    fn resources(&self, origin: &Origin, marks: &mut Marks) -> Vec<ResourceRef> {
        let named = self
            .resources
            .items
            .iter()
            .filter(|r| !r.uid.text().is_empty())
            .map(|r| Named {
                id: r.uid.text().into(),
                kind: r.kind.text(),
                region: r.region.text(),
                tag: r.tags.get("Name"),
            });
        named.map(|named| named.reference(origin, marks)).collect()
    }

    fn control(&self, product: &Product<'_>) -> Option<String> {
        let own = product.maker == Maker::SecurityHub;
        let analytic = self.info.analytic.uid.text();
        control::Clues {
            security_control: self.compliance.control.text(),
            of_standard: "",
            generator: if own { analytic } else { "" },
            id: if own { self.info.uid.text() } else { "" },
        }
        .control()
        .map(std::borrow::Cow::into_owned)
    }

    fn weakness(&self, about: &About<'_>) -> Weakness {
        if let Some(control) = about.control {
            return weakness(WeaknessKind::Control, control);
        }
        match about.product.maker {
            Maker::GuardDuty => {
                let types = self.info.types.items.iter().map(Text::text);
                let kind = types
                    .chain([self.info.analytic.name.text()])
                    .find(|t| t.contains(':'));
                let root = about
                    .primary
                    .map_or(about.origin.account.as_str(), |r| r.id.as_str());
                incident(kind.unwrap_or(about.title), root)
            }
            Maker::Inspector | Maker::InspectorClassic => {
                // What has no name of any kind is a weakness of its own.
                let names = [about.title, about.native_id];
                let name = names.into_iter().find(|name| !name.is_empty());
                self.inspector_weakness(name.unwrap_or_default())
            }
            maker => {
                let generator = self.info.analytic.uid.text();
                let check = about.product.check(&Check {
                    generator,
                    kind: self.info.types.items.first().map_or("", Text::text),
                    field: "",
                    title: about.title,
                });
                let generator = check.as_deref().unwrap_or(generator);
                let rule = [generator, about.title, about.native_id];
                let flaw = maker == Maker::Other && !self.vulnerabilities.items.is_empty();
                let kind = if flaw {
                    WeaknessKind::Vulnerability
                } else {
                    WeaknessKind::Other
                };
                let rule = rule.into_iter().find(|text| !text.is_empty());
                weakness(kind, rule.unwrap_or_default())
            }
        }
    }

    fn inspector_weakness(&self, title: &str) -> Weakness {
        let Some(found) = self.vulnerabilities.items.first() else {
            let network = |t: &Text<'_>| t.text().ends_with("Network Reachability");
            return if self.info.types.items.iter().any(network) {
                reachability(title)
            } else {
                weakness(WeaknessKind::Other, &format!("inspector/{title}"))
            };
        };
        let (cve, advisory) = (found.cve.uid.text(), found.advisory.uid.text());
        let related = found.related.items.iter().map(Text::text);
        if !found.code.items.is_empty() && cve.is_empty() {
            let rule = [
                advisory,
                self.info.analytic.uid.text(),
                found.title.text(),
                title,
            ];
            return code(rule.into_iter().find(|r| !r.is_empty()).unwrap_or_default());
        }
        if cve.is_empty() {
            vulnerability(if advisory.is_empty() { title } else { advisory }, related)
        } else {
            vulnerability(cve, related)
        }
    }

    /// The number, else the label. What Inspector has not rated yet is held, as its UNTRIAGED is; of anybody else it is a
    /// rating that is missing, and the weakness is not lost to it.
    fn severity(&self, maker: Maker, signal: Signal, marks: &mut Marks) -> Option<Severity> {
        let own = rated(&self.vendor.severity_id, &self.vendor.severity);
        let hub = rated(&self.severity_id, &self.severity);
        if let Some(severity) = rating(own, hub, signal, marks) {
            return Some(severity);
        }
        let unknown = self.severity_id.value == Some(0.0);
        if unknown && matches!(maker, Maker::Inspector | Maker::InspectorClassic) {
            return None;
        }
        match self.severity.text().trim() {
            // OCSF's own word for 0.
            label if label.is_empty() || label.eq_ignore_ascii_case("unknown") => {
                marks.add("severity-missing");
                None
            }
            label => severity_of_label(label, marks),
        }
    }

    /// `design.md`, "From ASFF to status". A status of the finding is what somebody did there; what was found of a
    /// control stands in `compliance`, and that the product closed it in `activity_id`.
    fn signal(&self, maker: Maker, marks: &mut Marks) -> Signal {
        #[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        let number = |leaf: &Number| leaf.value.map_or(0, |n| n as i64);
        let is = |word: &str| self.compliance.status.text().eq_ignore_ascii_case(word);
        if number(&self.compliance.status_id) == 1 || is("PASSED") || is("PASS") {
            return Signal::Passed;
        }
        let status = number(&self.status_id);
        if number(&self.activity_id) == 3 || matches!(status, 5 | 6) {
            return if maker == Maker::GuardDuty {
                Signal::ArchivedByHand
            } else {
                Signal::Archived
            };
        }
        if is("NOT_AVAILABLE") {
            return Signal::NoConclusion;
        }
        match status {
            3 => Signal::OpenSuppressedAtSource,
            4 => Signal::OpenResolvedAtSource,
            0..=2 | 99 => Signal::Open,
            other => {
                marks.unknown("status", &other.to_string());
                Signal::Open
            }
        }
    }

    fn remediation(&self) -> String {
        let own = self.vulnerabilities.items.first().map(|v| &v.remediation);
        let mut lines: Vec<&str> = Vec::new();
        for advice in [Some(&self.remediation), own].into_iter().flatten() {
            let references = advice.references.items.iter().take(1).map(Text::text);
            for line in std::iter::once(advice.description.text()).chain(references) {
                if !line.trim().is_empty() && !lines.contains(&line.trim()) {
                    lines.push(line.trim());
                }
            }
        }
        crate::marks::short(&lines.join("\n"), REMEDIATION)
    }

    fn requirements(&self, marks: &mut Marks) -> Vec<String> {
        let list = &self.compliance.requirements;
        marks.list("requirements", list);
        list.items
            .iter()
            .filter(|r| !r.text().is_empty())
            .map(|r| marks.text("requirement", r, 128))
            .collect()
    }

    fn updated(&self, marks: &mut Marks) -> Option<DateTime<Utc>> {
        let modified = either(&self.info.modified_dt, &self.info.modified);
        let updated = modified.or_else(|| either(&self.time_dt, &self.time));
        if updated.is_none() {
            marks.add("updated-missing");
        }
        updated
    }
}

/// `severity_id`: 0 unknown, 1 informational to 5 critical, 6 fatal, 99 a word of the product's own.
fn rated(id: &Number, label: &Text<'_>) -> Option<Severity> {
    #[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
    match id.value.map(|n| n as i64) {
        Some(1) => Some(Severity::Informational),
        Some(2) => Some(Severity::Low),
        Some(3) => Some(Severity::Medium),
        Some(4) => Some(Severity::High),
        Some(5 | 6) => Some(Severity::Critical),
        _ => Severity::from_label(label.text().trim()),
    }
}

/// A time as text, else the same in milliseconds since 1970.
fn either(text: &Time, number: &Time) -> Option<DateTime<Utc>> {
    text.value.or(number.value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use poamd_contract::finding::Channel;

    use super::*;

    fn report(rest: &str) -> FindingReport {
        let text = format!(
            r#"{{"class_uid":2003,"cloud":{{"region":"us-east-1","account":{{"uid":"123456789012"}}}},
            "metadata":{{"version":"1.9.0","product":{{"uid":"arn:aws:securityhub:us-east-1::productv2/aws/securityhub"}}}},
            "finding_info":{{"uid":"arn:aws:securityhub:us-east-1:123456789012:security-control/EC2.19/finding/1","title":"t","modified_time":1795151561000}},
            "resources":[{{"uid":"arn:aws:ec2:us-east-1:123456789012:security-group/sg-1","tags":{{"Name":"web"}},"new_key":{{"a":[1]}}}}]{rest}}}"#
        );
        serde_json::from_str::<Ocsf<'_>>(&text)
            .unwrap()
            .report(&Channel::Hub.into(), Marks::default())
            .unwrap()
    }

    #[test]
    fn a_control_has_the_identity_of_its_asff_copy() {
        let got = report(
            r#","compliance":{"control":"EC2.19","status":"FAILED","status_id":3,"requirements":["NIST.800-53.r5 AC-4"]},"severity_id":5"#,
        );
        assert_eq!(
            got.identity,
            Identity::Control {
                account: "123456789012".parse().unwrap(),
                region: "us-east-1".parse().unwrap(),
                control: "EC2.19".to_owned(),
                resource: "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1".to_owned(),
            }
        );
        assert_eq!(got.source, "securityhub");
        assert_eq!(got.severity, Some(Severity::Critical));
        assert_eq!(got.requirements, ["NIST.800-53.r5 AC-4"]);
        assert_eq!(got.updated.unwrap().timestamp(), 1_795_151_561);
        assert_eq!(got.detail.tags["Name"], "web");
        assert!(got.marks.is_empty(), "{:?}", got.marks);
        // Without the field, the id names the control.
        assert_eq!(report("").identity, got.identity);
    }

    #[test]
    fn states_are_the_tables() {
        for (rest, want) in [
            (r#","status_id":1"#, Signal::Open),
            (r#","status_id":2"#, Signal::Open),
            (r#","status_id":3"#, Signal::OpenSuppressedAtSource),
            (r#","status_id":4"#, Signal::OpenResolvedAtSource),
            (r#","status_id":5"#, Signal::Archived),
            (r#","activity_id":3,"status_id":1"#, Signal::Archived),
            (
                r#","status_id":4,"compliance":{"status_id":1}"#,
                Signal::Passed,
            ),
            (r#","compliance":{"status":"PASSED"}"#, Signal::Passed),
            (
                r#","compliance":{"status":"NOT_AVAILABLE"}"#,
                Signal::NoConclusion,
            ),
            (r#","status_id":77"#, Signal::Open),
        ] {
            assert_eq!(report(rest).signal, want, "{rest}");
        }
    }

    #[test]
    fn severities_are_the_tables() {
        for (rest, want) in [
            (r#","severity_id":1"#, Some(Severity::Informational)),
            (r#","severity_id":2"#, Some(Severity::Low)),
            (r#","severity_id":3"#, Some(Severity::Medium)),
            (r#","severity_id":4"#, Some(Severity::High)),
            (r#","severity_id":6"#, Some(Severity::Critical)),
            (
                r#","severity_id":99,"severity":"High""#,
                Some(Severity::High),
            ),
            (
                r#","severity_id":0,"severity":"High""#,
                Some(Severity::High),
            ),
        ] {
            let got = report(rest);
            assert_eq!(got.severity, want, "{rest}");
            assert!(
                !got.marks.iter().any(|m| m.starts_with("severity")),
                "{rest}"
            );
        }
        for rest in [
            "",
            r#","severity_id":0"#,
            r#","severity_id":0,"severity":"Unknown""#,
        ] {
            let got = report(rest);
            assert_eq!(
                (got.severity, got.marks.join(" ")),
                (None, "severity-missing".into()),
                "{rest}"
            );
        }
    }

    fn by(product: &str, id: &str, rest: &str) -> FindingReport {
        let text = format!(
            r#"{{"class_uid":2004,"cloud":{{"account":{{"uid":"123456789012"}},"region":"us-east-1"}},
            "metadata":{{"product":{{"uid":"arn:aws:securityhub:us-east-1::productv2/{product}"}}}},
            "resources":[{{"uid":"arn:aws:s3:::b"}}],"finding_info":{{"uid":"{id}","title":"t","modified_time":1795151561000,{rest}}}"#
        );
        serde_json::from_str::<Ocsf<'_>>(&text)
            .unwrap()
            .report(&Channel::Hub.into(), Marks::default())
            .unwrap()
    }

    #[test]
    fn only_inspector_holds_what_is_not_rated() {
        let rest = r#""types":[]},"severity_id":0"#;
        let inspector = by(
            "aws/inspector",
            "arn:aws:inspector2:us-east-1:123456789012:finding/1",
            rest,
        );
        assert_eq!((inspector.severity, inspector.marks.len()), (None, 0));
        let partner = by("acme/scan", "x/1", rest);
        assert_eq!(
            (partner.severity, partner.marks.join(" ")),
            (None, "severity-missing".into())
        );
        assert_eq!(partner.signal, Signal::Open);
    }

    #[test]
    fn what_the_hub_makes_of_a_rating_is_a_mark() {
        let vendor = r#","severity_id":2,"severity":"Low","vendor_attributes":{"severity_id":4,"severity":"High"}"#;
        let open = report(vendor);
        assert_eq!(open.severity, Some(Severity::High));
        assert_eq!(open.marks, ["severity-changed-at-source:LOW"]);
        let passed = report(&format!(r#"{vendor},"compliance":{{"status":"PASSED"}}"#));
        assert_eq!(
            (passed.severity, passed.marks.len()),
            (Some(Severity::High), 0)
        );
    }

    #[test]
    fn a_product_without_a_rule_id_has_the_weakness_of_its_asff_copy() {
        let id = "arn:aws:macie2:us-east-1:123456789012:finding/1";
        for kind in [
            "SensitiveData:S3Object/Personal",
            "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal",
        ] {
            let got = by(
                "aws/macie",
                id,
                &format!(r#""types":["{kind}"]}},"severity_id":4"#),
            );
            assert_eq!(got.weakness.id, "macie/SensitiveData:S3Object/Personal");
        }
    }

    #[test]
    fn a_products_own_finding_has_the_identity_of_its_asff_copy() {
        let text = r#"{"class_uid":2002,"cloud":{"account":{"uid":"123456789012"},"region":"us-east-1"},
            "metadata":{"product":{"uid":"arn:aws:securityhub:us-east-1::productv2/acme/scan"}},"finding_info":{"uid":"x/1","title":"t"}}"#;
        let got = serde_json::from_str::<Ocsf<'_>>(text)
            .unwrap()
            .report(&Channel::Hub.into(), Marks::default())
            .unwrap();
        assert_eq!(got.source, "scan");
        assert_eq!(
            got.identity,
            Identity::Product {
                product_arn: "arn:aws:securityhub:us-east-1::product/acme/scan".to_owned(),
                id: "x/1".to_owned()
            }
        );
    }

    #[test]
    fn a_detection_tells_who_acted_from_where() {
        let got = report(
            r#","evidences":[{"api":{"operation":"ListBuckets","service":{"name":"s3.amazonaws.com"}},"actor":{"user":{"name":"u","credential_uid":"AKIAX"}},
            "src_endpoint":{"ip":"198.51.100.7","port":4711,"location":{"country":"EX","city":"Sample","lat":1.5,"long":-2.5},"autonomous_system":{"number":64500,"name":"Example Net"}},
            "connection_info":{"direction":"Inbound","protocol_name":"TCP"}}]"#,
        );
        let attack = got.detail.attack.unwrap();
        assert_eq!(attack.what.as_deref(), Some("ListBuckets"));
        assert_eq!(attack.actors[0].place, Some((1_500_000, -2_500_000)));
        assert_eq!(
            attack.actors[0].network.as_deref(),
            Some("AS64500 Example Net")
        );
        assert_eq!(
            (attack.actors[0].port, attack.target["access key"].as_str()),
            (Some(4711), "AKIAX")
        );
    }
}
