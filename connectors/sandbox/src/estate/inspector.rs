//! Inspector's findings: vulnerable packages on instances and images, as its own API gives them (wire
//! form) and as Security Hub repeats them (ASFF). Most are in both, under the same ARN.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Place;
use super::hub::{REPOSITORIES, instances, normalized};
use super::moment::{Moment, seconds};
use super::tables::{VULNERABILITIES, Vulnerability};

const ADVICE: &str = "Remediation is available. Please refer to the Fixed version in the vulnerability details section above.";

struct Case<'a> {
    place: &'a Place<'a>,
    vulnerability: &'a Vulnerability,
    /// The resource's ARN.
    resource: String,
    arn: String,
    status: &'static str,
    moment: Moment,
}

/// The findings in wire form, and the hub's copies.
pub fn findings(place: &Place) -> (Vec<Value>, Vec<Value>) {
    let (mut wire, mut copies) = (Vec::new(), Vec::new());
    for vulnerability in VULNERABILITIES.iter() {
        for resource in resources(place, vulnerability) {
            let dice = place.dice(&[&vulnerability.id, &resource]);
            let case = Case {
                place,
                vulnerability,
                arn: place.arn("inspector2", &format!("finding/{}", dice.hex(32))),
                resource,
                status: if dice.below("closed", 12) == 0 {
                    "CLOSED"
                } else {
                    "ACTIVE"
                },
                moment: place.moment(&dice),
            };
            // Mostly both; some the hub has not got yet, some that only the hub still has.
            // The hub has no word for "not rated yet", so those are Inspector's alone.
            let channel = if vulnerability.severity == "UNTRIAGED" {
                1
            } else {
                dice.below("channel", 10)
            };
            if channel != 0 {
                wire.push(case.wire());
            }
            if channel > 1 || channel == 0 {
                copies.push(case.asff());
            }
        }
    }
    (wire, copies)
}

/// What Inspector tells of its findings beside the listing. None of it stands in CISA's catalog: the dates of the demo are
/// those of its clocks.
pub fn details(findings: &[Value]) -> BTreeMap<String, Value> {
    let told = findings.iter().map(|finding| {
        let arn = finding["findingArn"].as_str().unwrap_or_default();
        let package = &finding["packageVulnerabilityDetails"];
        let exploit = finding["exploitAvailable"] == "YES";
        let detail = json!({
            "findingArn": arn, "cisaData": null, "riskScore": if exploit { 70 } else { 20 },
            "epssScore": finding["epss"]["score"], "cwes": ["CWE-1395"], "exploitObserved": null,
            "ttps": if exploit { vec!["T1190"] } else { Vec::new() }, "tools": [], "evidences": [],
            "referenceUrls": [package["sourceUrl"]],
        });
        (arn.to_owned(), detail)
    });
    told.collect()
}

/// Three of the instances, or the images of two of the repositories.
fn resources(place: &Place, vulnerability: &Vulnerability) -> Vec<String> {
    let dice = place.dice(&["where", &vulnerability.id]);
    let start = usize::try_from(dice.below("start", 4)).unwrap_or(0);
    if vulnerability.on == "instance" {
        return instances(place).into_iter().skip(start).take(3).collect();
    }
    let image = |repository: &&str| {
        let digest = place.dice(&["image", repository]).hex(64);
        place.arn("ecr", &format!("repository/{repository}/sha256:{digest}"))
    };
    REPOSITORIES
        .iter()
        .cycle()
        .skip(start)
        .take(2)
        .map(image)
        .collect()
}

impl Case<'_> {
    fn title(&self) -> String {
        format!("{} - {}", self.vulnerability.id, self.vulnerability.package)
    }

    fn fix(&self) -> &'static str {
        if self.vulnerability.fixed.is_some() {
            "YES"
        } else {
            "NO"
        }
    }

    fn on_instance(&self) -> bool {
        self.vulnerability.on == "instance"
    }

    fn wire(&self) -> Value {
        let v = self.vulnerability;
        let mut package = json!({
            "name": v.package, "version": v.version, "epoch": 0, "packageManager": v.manager,
        });
        if let Some(fixed) = &v.fixed {
            package["fixedInVersion"] = json!(fixed);
            package["remediation"] = json!(format!("Update {} to {fixed}", v.package));
        }
        json!({
            "findingArn": self.arn, "awsAccountId": self.place.account, "type": "PACKAGE_VULNERABILITY",
            "title": self.title(), "description": v.text, "severity": v.severity, "status": self.status,
            "firstObservedAt": seconds(self.moment.first), "lastObservedAt": seconds(self.moment.last),
            "updatedAt": seconds(self.moment.last),
            "remediation": { "recommendation": { "text": ADVICE } },
            "resources": [self.wire_resource()],
            "inspectorScore": v.score,
            "packageVulnerabilityDetails": {
                "vulnerabilityId": v.id, "vulnerablePackages": [package], "source": "NVD",
                "sourceUrl": format!("https://nvd.nist.gov/vuln/detail/{}", v.id),
                "cvss": [{ "baseScore": v.score, "scoringVector": v.vector, "version": "3.1", "source": "NVD" }],
                "relatedVulnerabilities": [], "referenceUrls": [],
            },
            "fixAvailable": self.fix(), "exploitAvailable": if v.exploit { "YES" } else { "NO" },
            "epss": { "score": v.epss },
        })
    }

    fn wire_resource(&self) -> Value {
        let short = self.resource.rsplit('/').next().unwrap_or_default();
        let (kind, id, details) = if self.on_instance() {
            (
                "AWS_EC2_INSTANCE",
                short,
                json!({ "awsEc2Instance": { "type": "m6i.large", "platform": "AMAZON_LINUX_2023" } }),
            )
        } else {
            let repository = self.resource.split('/').nth(1).unwrap_or_default();
            let image = json!({
                "repositoryName": repository, "imageHash": short, "imageTags": ["live"],
                "registry": self.place.account, "architecture": "amd64",
            });
            (
                "AWS_ECR_CONTAINER_IMAGE",
                self.resource.as_str(),
                json!({ "awsEcrContainerImage": image }),
            )
        };
        json!({
            "type": kind, "id": id, "partition": self.place.partition, "region": self.place.region,
            "tags": {}, "details": details,
        })
    }

    fn asff(&self) -> Value {
        let (place, v) = (self.place, self.vulnerability);
        let product = place.hub_product("inspector");
        let label = if v.severity == "UNTRIAGED" {
            "INFORMATIONAL"
        } else {
            v.severity.as_str()
        };
        let record = if self.status == "CLOSED" {
            "ARCHIVED"
        } else {
            "ACTIVE"
        };
        let kind = if self.on_instance() {
            "AwsEc2Instance"
        } else {
            "AwsEcrContainerImage"
        };
        let (first, last) = (self.moment.first_text(), self.moment.last_text());
        json!({
            "SchemaVersion": "2018-10-08", "Id": self.arn, "ProductArn": product,
            "ProductName": "Inspector", "CompanyName": "Amazon", "Region": place.region,
            "GeneratorId": "AWSInspector", "AwsAccountId": place.account,
            "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"],
            "FirstObservedAt": first, "LastObservedAt": last, "CreatedAt": first, "UpdatedAt": last,
            "Severity": { "Label": label, "Normalized": normalized(label) },
            "Title": self.title(), "Description": v.text,
            "Remediation": { "Recommendation": { "Text": ADVICE } },
            "ProductFields": {
                "aws/inspector/FindingStatus": self.status, "aws/inspector/ProductVersion": "2",
                "aws/inspector/inspectorScore": v.score.to_string(),
                "aws/securityhub/FindingId": format!("{product}/{}", self.arn),
                "aws/securityhub/ProductName": "Inspector", "aws/securityhub/CompanyName": "Amazon",
            },
            "Resources": [{ "Type": kind, "Id": self.resource, "Partition": place.partition, "Region": place.region }],
            "WorkflowState": "NEW", "Workflow": { "Status": "NEW" }, "RecordState": record,
            "Vulnerabilities": [{
                "Id": v.id,
                "VulnerablePackages": [{
                    "Name": v.package, "Version": v.version, "Epoch": "0", "PackageManager": v.manager,
                    "FixedInVersion": v.fixed.as_deref().unwrap_or("NotAvailable"),
                }],
                "Cvss": [{ "Version": "3.1", "BaseScore": v.score, "BaseVector": v.vector, "Source": "NVD" }],
                "FixAvailable": self.fix(), "EpssScore": v.epss,
                "ExploitAvailable": if v.exploit { "YES" } else { "NO" },
            }],
        })
    }
}
