//! GuardDuty's findings: threats to instances and users, as its own API gives them (wire form) and as
//! Security Hub repeats them (ASFF). One is archived, one is a sample.

use serde_json::{Value, json};

use super::hub::{instances, normalized};
use super::moment::Moment;
use super::tables::{THREATS, Threat};
use super::{Detector, Place};

struct Case<'a> {
    place: &'a Place<'a>,
    threat: &'a Threat,
    detector: &'a str,
    /// The resource's ARN.
    resource: String,
    id: String,
    archived: bool,
    sample: bool,
    moment: Moment,
}

/// The detector with its findings, and the hub's copies.
pub fn findings(place: &Place) -> (Detector, Vec<Value>) {
    let detector = place.dice(&["detector"]).hex(32);
    let (mut wire, mut copies) = (Vec::new(), Vec::new());
    for (nth, threat) in THREATS.iter().enumerate() {
        for resource in resources(place, threat, nth) {
            let dice = place.dice(&[&threat.kind, &resource]);
            let case = Case {
                place,
                threat,
                detector: &detector,
                id: dice.hex(32),
                resource,
                archived: nth == 5,
                sample: false,
                moment: place.moment(&dice),
            };
            wire.push(case.wire());
            // Archived ones and the newest have not reached the hub.
            if !case.archived && dice.below("hub", 6) != 0 {
                copies.push(case.asff());
            }
        }
    }
    wire.push(sample(place, &detector).wire());
    (
        Detector {
            id: detector,
            findings: wire,
        },
        copies,
    )
}

fn sample<'a>(place: &'a Place<'a>, detector: &'a str) -> Case<'a> {
    let dice = place.dice(&["sample"]);
    Case {
        place,
        threat: &THREATS[1],
        detector,
        resource: place.arn("ec2", "instance/i-99999999"),
        id: dice.hex(32),
        archived: false,
        sample: true,
        moment: place.moment(&dice),
    }
}

fn resources(place: &Place, threat: &Threat, nth: usize) -> Vec<String> {
    if threat.on == "instance" {
        return instances(place).into_iter().skip(nth).take(2).collect();
    }
    place
        .resources
        .iter()
        .filter(|r| r.technology == "iamuser")
        .take(1)
        .map(|r| r.arn.clone())
        .collect()
}

impl Case<'_> {
    fn arn(&self) -> String {
        self.place.arn(
            "guardduty",
            &format!("detector/{}/finding/{}", self.detector, self.id),
        )
    }

    fn short(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or_default()
    }

    /// Sixteen characters that belong to the user.
    fn letters(&self) -> String {
        let hex = self.place.dice(&["user", &self.resource]).hex(16);
        hex.to_uppercase()
    }

    fn key(&self) -> String {
        format!("ASIA{}", self.letters())
    }

    /// The resource as Security Hub names it: for a user, the key that was used.
    fn asff_resource(&self) -> Value {
        let (place, resource) = (self.place, &self.resource);
        if self.threat.on == "instance" {
            return json!({ "Type": "AwsEc2Instance", "Id": resource, "Partition": place.partition, "Region": place.region });
        }
        json!({
            "Type": "AwsIamAccessKey", "Id": format!("AWS::IAM::AccessKey:{}", self.key()),
            "Partition": place.partition, "Region": place.region,
            "Details": { "AwsIamAccessKey": {
                "PrincipalId": format!("AIDA{}", self.letters()), "PrincipalType": "IAMUser", "PrincipalName": self.short(),
            }},
        })
    }

    fn say(&self, text: &str) -> String {
        let mark = if self.sample { "[SAMPLE] " } else { "" };
        format!("{mark}{}", text.replace("{name}", self.short()))
    }

    fn wire(&self) -> Value {
        let (place, threat) = (self.place, self.threat);
        let resource = if threat.on == "instance" {
            json!({ "resourceType": "Instance", "instanceDetails": {
                "instanceId": self.short(), "instanceType": "m6i.large", "instanceState": "running",
            }})
        } else {
            json!({ "resourceType": "AccessKey", "accessKeyDetails": {
                "accessKeyId": self.key(), "principalId": format!("AIDA{}", self.letters()),
                "userName": self.short(), "userType": "IAMUser",
            }})
        };
        let additional = if self.sample {
            "{\"sample\":true}"
        } else {
            "{}"
        };
        json!({
            "accountId": place.account, "arn": self.arn(), "id": self.id, "schemaVersion": "2.0",
            "partition": place.partition, "region": place.region, "type": threat.kind,
            "title": self.say(&threat.title), "description": self.say(&threat.text), "severity": threat.severity,
            "createdAt": self.moment.first_text(), "updatedAt": self.moment.last_text(), "resource": resource,
            "service": {
                "serviceName": "guardduty", "detectorId": self.detector, "resourceRole": "TARGET",
                "featureName": threat.feature, "archived": self.archived, "count": 3,
                "eventFirstSeen": self.moment.first_text(), "eventLastSeen": self.moment.last_text(),
                "additionalInfo": { "value": additional, "type": "default" },
            },
        })
    }

    fn asff(&self) -> Value {
        let (place, threat) = (self.place, self.threat);
        let product = place.hub_product("guardduty");
        let label = match threat.severity {
            s if s >= 9.0 => "CRITICAL",
            s if s >= 7.0 => "HIGH",
            s if s >= 4.0 => "MEDIUM",
            _ => "LOW",
        };
        let (first, last) = (self.moment.first_text(), self.moment.last_text());
        json!({
            "SchemaVersion": "2018-10-08", "Id": self.arn(), "ProductArn": product,
            "ProductName": "GuardDuty", "CompanyName": "Amazon", "Region": place.region,
            "GeneratorId": place.arn("guardduty", &format!("detector/{}", self.detector)),
            "AwsAccountId": place.account, "Types": [threat.asff],
            "FirstObservedAt": first, "LastObservedAt": last, "CreatedAt": first, "UpdatedAt": last,
            "Severity": { "Product": threat.severity, "Label": label, "Normalized": normalized(label) },
            "Title": self.say(&threat.title), "Description": self.say(&threat.text),
            "ProductFields": {
                "aws/guardduty/service/serviceName": "guardduty",
                "aws/guardduty/service/detectorId": self.detector,
                "aws/guardduty/service/archived": self.archived.to_string(),
                "aws/securityhub/FindingId": format!("{product}/{}", self.arn()),
                "aws/securityhub/ProductName": "GuardDuty", "aws/securityhub/CompanyName": "Amazon",
            },
            "Resources": [self.asff_resource()],
            "WorkflowState": "NEW", "Workflow": { "Status": "NEW" }, "RecordState": "ACTIVE", "Sample": false,
        })
    }
}
