//! Inspector2 findings, as the wire (`ListFindings`, times in seconds since 1970) and as the AWS CLI
//! (times as text) write them.

use poamd_contract::detail::{Detail, Flaw};
use poamd_contract::finding::{
    FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use serde::Deserialize;

use crate::document::{Document, NO_ACCOUNT, NO_ID, Packages, remediation, severity_of_label};
use crate::flaw::{
    Ratings, cves_of, cvss, cwes, fix, known, millionths, packages, place as code_place,
    references, yes,
};
use crate::given::Given;
use crate::lenient::{List, Number, Part, Text, Time};
use crate::marks::{DESCRIPTION, Marks, TITLE, some};
use crate::origin::{Clues, Origin};
use crate::reach::{Tags, of_title, range, tags};
use crate::resource::{MOST, Named, place};
use crate::weakness::{code, reachability, vulnerability, weakness};

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Inspector2<'a> {
    #[serde(rename = "findingArn", alias = "FindingArn")]
    arn: Text<'a>,
    #[serde(rename = "awsAccountId", alias = "AwsAccountId")]
    account_id: Text<'a>,
    #[serde(rename = "type", alias = "Type")]
    kind: Text<'a>,
    #[serde(rename = "title", alias = "Title")]
    title: Text<'a>,
    #[serde(rename = "description", alias = "Description")]
    description: Text<'a>,
    #[serde(rename = "severity", alias = "Severity")]
    severity: Text<'a>,
    #[serde(rename = "status", alias = "Status")]
    status: Text<'a>,
    #[serde(rename = "firstObservedAt", alias = "FirstObservedAt")]
    first_observed_at: Time,
    #[serde(rename = "lastObservedAt", alias = "LastObservedAt")]
    last_observed_at: Time,
    #[serde(rename = "updatedAt", alias = "UpdatedAt")]
    updated_at: Time,
    #[serde(rename = "remediation", alias = "Remediation")]
    remediation: Part<Remediation<'a>>,
    #[serde(rename = "resources", alias = "Resources")]
    resources: List<Part<Resource<'a>>, MOST>,
    #[serde(
        rename = "packageVulnerabilityDetails",
        alias = "PackageVulnerabilityDetails"
    )]
    package: Part<PackageFlaw<'a>>,
    #[serde(
        rename = "codeVulnerabilityDetails",
        alias = "CodeVulnerabilityDetails"
    )]
    code: Part<CodeFlaw<'a>>,
    #[serde(
        rename = "networkReachabilityDetails",
        alias = "NetworkReachabilityDetails"
    )]
    network: Part<Network<'a>>,
    #[serde(rename = "fixAvailable", alias = "FixAvailable")]
    fix: Text<'a>,
    #[serde(rename = "exploitAvailable", alias = "ExploitAvailable")]
    exploit: Text<'a>,
    #[serde(rename = "exploitabilityDetails", alias = "ExploitabilityDetails")]
    exploitability: Part<Exploitability>,
    #[serde(rename = "epss", alias = "Epss")]
    epss: Part<Epss>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exploitability {
    #[serde(rename = "lastKnownExploitAt", alias = "LastKnownExploitAt")]
    last: Time,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Epss {
    #[serde(rename = "score", alias = "Score")]
    score: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Network<'a> {
    #[serde(rename = "openPortRange", alias = "OpenPortRange")]
    ports: Part<PortRange>,
    #[serde(rename = "networkPath", alias = "NetworkPath")]
    path: Part<Path<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PortRange {
    #[serde(rename = "begin", alias = "Begin")]
    begin: Number,
    #[serde(rename = "end", alias = "End")]
    end: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Path<'a> {
    #[serde(rename = "steps", alias = "Steps")]
    steps: List<Part<Step<'a>>, 32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Step<'a> {
    #[serde(rename = "componentType", alias = "ComponentType")]
    kind: Text<'a>,
    #[serde(rename = "componentId", alias = "ComponentId")]
    id: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Remediation<'a> {
    #[serde(rename = "recommendation", alias = "Recommendation")]
    recommendation: Part<Recommendation<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Recommendation<'a> {
    #[serde(rename = "text", alias = "Text")]
    text: Text<'a>,
    #[serde(rename = "url", alias = "Url")]
    url: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Resource<'a> {
    #[serde(rename = "type", alias = "Type")]
    kind: Text<'a>,
    #[serde(rename = "id", alias = "Id")]
    id: Text<'a>,
    #[serde(rename = "partition", alias = "Partition")]
    partition: Text<'a>,
    #[serde(rename = "region", alias = "Region")]
    region: Text<'a>,
    #[serde(rename = "tags", alias = "Tags")]
    tags: Tags<'a>,
    #[serde(rename = "details", alias = "Details")]
    details: Part<Details<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Details<'a> {
    #[serde(rename = "awsEcrContainerImage", alias = "AwsEcrContainerImage")]
    image: Part<Image<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Image<'a> {
    #[serde(rename = "repositoryName", alias = "RepositoryName")]
    repository: Text<'a>,
    #[serde(rename = "registry", alias = "Registry")]
    registry: Text<'a>,
    #[serde(rename = "imageHash", alias = "ImageHash")]
    hash: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct PackageFlaw<'a> {
    #[serde(rename = "vulnerabilityId", alias = "VulnerabilityId")]
    id: Text<'a>,
    #[serde(rename = "relatedVulnerabilities", alias = "RelatedVulnerabilities")]
    related: List<Text<'a>, 64>,
    #[serde(rename = "vulnerablePackages", alias = "VulnerablePackages")]
    packages: Packages<'a>,
    #[serde(rename = "cvss", alias = "Cvss")]
    cvss: Ratings<'a>,
    #[serde(rename = "source", alias = "Source")]
    source: Text<'a>,
    #[serde(rename = "sourceUrl", alias = "SourceUrl")]
    source_url: Text<'a>,
    #[serde(rename = "vendorSeverity", alias = "VendorSeverity")]
    vendor_severity: Text<'a>,
    #[serde(rename = "referenceUrls", alias = "ReferenceUrls")]
    references: List<Text<'a>, 32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct CodeFlaw<'a> {
    #[serde(rename = "detectorId", alias = "DetectorId")]
    detector: Text<'a>,
    #[serde(rename = "ruleId", alias = "RuleId")]
    rule: Text<'a>,
    #[serde(rename = "cwes", alias = "Cwes")]
    cwes: List<Text<'a>, 16>,
    #[serde(rename = "filePath", alias = "FilePath")]
    file: Part<File<'a>>,
    #[serde(rename = "referenceUrls", alias = "ReferenceUrls")]
    references: List<Text<'a>, 32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct File<'a> {
    #[serde(rename = "filePath", alias = "FilePath")]
    path: Text<'a>,
    #[serde(rename = "startLine", alias = "StartLine")]
    start: Number,
    #[serde(rename = "endLine", alias = "EndLine")]
    end: Number,
}

impl<'a> Document<'a> for Inspector2<'a> {
    fn is_like(&self) -> bool {
        self.arn.value.is_some()
    }

    fn report(&self, given: &Given, mut marks: Marks) -> Result<FindingReport, &'static str> {
        if self.arn.text().is_empty() {
            return Err(NO_ID);
        }
        let origin = self.clues().settle(given, &mut marks).ok_or(NO_ACCOUNT)?;
        marks.list("resources", &self.resources);
        let resources = self.resources(&origin, &mut marks);
        if resources.is_empty() {
            marks.add("resources-missing");
        }
        let native_id = marks.id("id", self.arn.text());
        let title = marks.required("title", &self.title, TITLE);
        let advice = &self.remediation.recommendation;
        if self.severity.text().is_empty() {
            marks.add("severity-missing");
        }
        if self.updated_at.value.is_none() && !self.updated_at.odd {
            marks.add("updated-missing");
        }
        Ok(FindingReport {
            source: "inspector".to_owned(),
            channel: given.channel,
            identity: Identity::Native {
                arn: native_id.clone(),
            },
            weakness: self.weakness(&title),
            region: place(&origin, None, resources.first()),
            description: marks.text("description", &self.description, DESCRIPTION),
            remediation: remediation(
                advice.text.text(),
                &self.package.packages.items,
                advice.url.text(),
            ),
            severity: Some(self.severity.text())
                .filter(|label| !label.is_empty())
                .and_then(|label| severity_of_label(label, &mut marks)),
            score: None,
            requirements: Vec::new(),
            first_observed: marks.time("first-observed", &self.first_observed_at),
            last_observed: marks.time("last-observed", &self.last_observed_at),
            created: None,
            updated: marks.time("updated", &self.updated_at),
            signal: self.signal(&mut marks),
            sample: false,
            account: origin.account,
            partition: origin.partition,
            native_id,
            detail: Box::new(self.detail(&title)),
            title,
            resources,
            marks: marks.into_list(),
            raw: None,
        })
    }
}

impl Inspector2<'_> {
    fn clues(&self) -> Clues<'_> {
        let primary = self.resources.items.first();
        Clues {
            account: self.account_id.text(),
            region: primary.map_or("", |r| r.region.text()),
            partition: primary.map_or("", |r| r.partition.text()),
            ids: std::iter::once(self.arn.text())
                .chain(primary.map(|r| r.id.text()))
                .collect(),
        }
    }

    fn resources(&self, origin: &Origin, marks: &mut Marks) -> Vec<ResourceRef> {
        let named = self
            .resources
            .items
            .iter()
            .filter(|r| !r.id.text().is_empty())
            .map(|r| Named {
                id: image_arn(r, origin).map_or_else(|| r.id.text().into(), Into::into),
                kind: r.kind.text(),
                region: r.region.text(),
                tag: r.tags.get("Name"),
            });
        named.map(|named| named.reference(origin, marks)).collect()
    }

    fn detail(&self, title: &str) -> Detail {
        let network = &self.network;
        let said = range(&network.ports.begin, &network.ports.end);
        let (mut ports, mut reachable) = if self.kind.text() == "NETWORK_REACHABILITY" {
            of_title(title)
        } else {
            Default::default()
        };
        if let Some(said) = said {
            ports = vec![said];
        }
        let gateway = |step: &Part<Step<'_>>| {
            step.kind.text().ends_with("InternetGateway") || step.id.text().starts_with("igw-")
        };
        if network.path.steps.items.iter().any(gateway) {
            reachable = Some(true);
        }
        Detail {
            flaw: self.flaw(),
            attack: None,
            tags: tags(self.resources.items.first().map(|r| &r.tags)),
            ports,
            reachable,
        }
    }

    fn flaw(&self) -> Option<Flaw> {
        let (package, code) = (&self.package, &self.code);
        if !package.present && !code.present {
            return None;
        }
        let related = package.related.items.iter().map(Text::text);
        let file = &code.file;
        let mut packages = packages(package.packages.items.iter());
        packages.extend(code_place(file.path.text(), &file.start, &file.end));
        let addresses = package
            .references
            .items
            .iter()
            .chain(&code.references.items);
        let addresses = addresses.map(Text::text).chain([package.source_url.text()]);
        known(Flaw {
            cves: cves_of(package.id.text(), related),
            cwes: cwes(code.cwes.items.iter().map(Text::text)),
            cvss: cvss(&package.cvss),
            epss: millionths(&self.epss.score),
            exploit: yes(self.exploit.text()),
            exploited_at: self.exploitability.last.value,
            fix: fix(self.fix.text()),
            packages,
            vendor: some(package.source.text(), 128),
            vendor_severity: some(package.vendor_severity.text(), 64),
            references: references(addresses),
            ..Flaw::default()
        })
    }

    fn weakness(&self, title: &str) -> Weakness {
        if !self.package.id.text().is_empty() {
            return vulnerability(
                self.package.id.text(),
                self.package.related.items.iter().map(Text::text),
            );
        }
        let detector = [&self.code.detector, &self.code.rule]
            .into_iter()
            .find(|leaf| !leaf.text().is_empty());
        match (self.kind.text(), detector) {
            (_, Some(detector)) => code(detector.text()),
            ("NETWORK_REACHABILITY", None) => reachability(title),
            _ => weakness(WeaknessKind::Other, &format!("inspector/{title}")),
        }
    }

    fn signal(&self, marks: &mut Marks) -> Signal {
        match self.status.text() {
            "CLOSED" => Signal::Archived,
            "SUPPRESSED" => Signal::OpenSuppressedAtSource,
            "ACTIVE" | "" => Signal::Open,
            unknown => {
                marks.unknown("status", unknown);
                Signal::Open
            }
        }
    }
}

/// The ARN ASFF gives an image that is named only by its digest.
fn image_arn(resource: &Resource<'_>, origin: &Origin) -> Option<String> {
    let image = &resource.details.image;
    let (id, repository) = (resource.id.text(), image.repository.text());
    if !id.starts_with("sha256:") || repository.is_empty() {
        return None;
    }
    let registry = if image.registry.text().is_empty() {
        origin.account.as_str()
    } else {
        image.registry.text()
    };
    let Origin {
        region, partition, ..
    } = origin;
    Some(format!(
        "arn:{partition}:ecr:{region}:{registry}:repository/{repository}/{id}"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use poamd_contract::finding::Channel;

    use super::*;

    fn report(resource: &str, rest: &str) -> FindingReport {
        let text = format!(
            r#"{{"findingArn":"arn:aws-us-gov:inspector2:us-gov-west-1:210987654321:finding/1","title":"t","resources":[{resource}]{rest}}}"#
        );
        serde_json::from_str::<Inspector2<'_>>(&text)
            .unwrap()
            .report(&Channel::Pull.into(), Marks::default())
            .unwrap()
    }

    #[test]
    fn an_image_named_by_its_digest_gets_its_arn() {
        let got = report(
            r#"{"type":"AWS_ECR_CONTAINER_IMAGE","id":"sha256:ab","details":{"awsEcrContainerImage":{"repositoryName":"claims-api","registry":"123456789012"}}}"#,
            "",
        );
        assert_eq!(
            got.resources[0].id,
            "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/claims-api/sha256:ab"
        );
    }

    #[test]
    fn states_are_the_tables() {
        for (status, want) in [
            ("ACTIVE", Signal::Open),
            ("SUPPRESSED", Signal::OpenSuppressedAtSource),
            ("CLOSED", Signal::Archived),
            ("NEWLY", Signal::Open),
        ] {
            let got = report("", &format!(r#","status":"{status}""#));
            assert_eq!(got.signal, want, "{status}");
            assert_eq!(
                got.marks.contains(&"status-unknown:NEWLY".to_owned()),
                status == "NEWLY"
            );
        }
    }

    #[test]
    fn untriaged_is_unrated_and_not_marked() {
        let got = report("", r#","severity":"UNTRIAGED","updatedAt":1795151561.0"#);
        assert_eq!(got.severity, None);
        assert_eq!(got.updated.unwrap().timestamp(), 1_795_151_561);
        assert!(
            !got.marks.iter().any(|m| m.starts_with("severity")),
            "{:?}",
            got.marks
        );
    }
}
