//! Security Hub's own findings: controls on resources, in ASFF. Consolidated in the commercial
//! accounts; in GovCloud one per standard, so that the same occurrence comes twice.

use serde_json::{Value, json};

use super::Place;
use super::dice::Dice;
use super::moment::Moment;
use super::tables::{CONTROLS, Control};

const FSBP: &str = "aws-foundational-security-best-practices/v/1.0.0";
const NIST: &str = "nist-800-53/v/5.0.0";
const TYPE: &str = "Software and Configuration Checks/Industry and Regulatory Standards";

/// A resource a control looks at.
struct Target {
    kind: &'static str,
    arn: String,
}

/// What became of one occurrence at the source.
struct Fate {
    compliance: &'static str,
    workflow: &'static str,
    record: &'static str,
}

pub fn controls(place: &Place) -> Vec<Value> {
    let mut documents = Vec::new();
    for control in CONTROLS.iter() {
        for target in targets(place, &control.resource) {
            let dice = place.dice(&[&control.id, &target.arn]);
            let occurrence = Occurrence {
                place,
                control,
                target: &target,
                fate: fate(control, &dice),
                dice: &dice,
            };
            documents.extend(occurrence.documents());
        }
    }
    documents
}

/// Most fail; some passed since, are archived, suppressed, resolved by hand or without a conclusion.
/// The SSH control always fails: it is the weakness that our own scan sees as well.
fn fate(control: &Control, dice: &Dice) -> Fate {
    let (compliance, workflow, record) = match dice.below("fate", 40) {
        _ if control.id == "EC2.13" => ("FAILED", "NEW", "ACTIVE"),
        0..=4 => ("PASSED", "RESOLVED", "ACTIVE"),
        5..=6 => ("FAILED", "NEW", "ARCHIVED"),
        7..=8 => ("FAILED", "SUPPRESSED", "ACTIVE"),
        9 => ("NOT_AVAILABLE", "NEW", "ACTIVE"),
        10 => ("FAILED", "RESOLVED", "ACTIVE"),
        11 => ("WARNING", "NEW", "ACTIVE"),
        12..=14 => ("FAILED", "NOTIFIED", "ACTIVE"),
        _ => ("FAILED", "NEW", "ACTIVE"),
    };
    Fate {
        compliance,
        workflow,
        record,
    }
}

struct Occurrence<'a> {
    place: &'a Place<'a>,
    control: &'a Control,
    target: &'a Target,
    fate: Fate,
    dice: &'a Dice,
}

impl Occurrence<'_> {
    fn documents(&self) -> Vec<Value> {
        let moment = self.place.moment(self.dice);
        if self.place.partition == "aws" {
            return vec![self.consolidated(moment)];
        }
        let standards = [(FSBP, self.control.fsbp), (NIST, self.control.nist)];
        standards
            .into_iter()
            .filter(|(_, included)| *included)
            .zip(0_i64..)
            .map(|((standard, _), nth)| self.of_standard(standard, moment.updated_later(nth * 3)))
            .collect()
    }

    fn consolidated(&self, moment: Moment) -> Value {
        let (place, control) = (self.place, self.control);
        let id = place.arn(
            "securityhub",
            &format!(
                "security-control/{}/finding/{}",
                control.id,
                self.dice.uuid()
            ),
        );
        let mut document = self.common(&id, &format!("security-control/{}", control.id), moment);
        document["Title"] = json!(control.title);
        document["AwsAccountName"] = json!(place.name);
        let standards: Vec<Value> = [(NIST, control.nist), (FSBP, control.fsbp)]
            .iter()
            .filter(|(_, included)| *included)
            .map(|(name, _)| json!({ "StandardsId": format!("standards/{name}") }))
            .collect();
        document["Compliance"]["AssociatedStandards"] = json!(standards);
        document["Compliance"]["RelatedRequirements"] = json!(self.requirements());
        document
    }

    fn of_standard(&self, standard: &str, moment: Moment) -> Value {
        let (place, control) = (self.place, self.control);
        let uuid = place
            .dice(&[&control.id, &self.target.arn, standard])
            .uuid();
        let id = place.arn(
            "securityhub",
            &format!("subscription/{standard}/{}/finding/{uuid}", control.id),
        );
        let mut document = self.common(&id, &format!("{standard}/{}", control.id), moment);
        document["Title"] = json!(format!("{} {}", control.id, control.title));
        document["Compliance"]["AssociatedStandards"] =
            json!([{ "StandardsId": format!("standards/{standard}") }]);
        document["ProductFields"]["ControlId"] = json!(control.id);
        document["ProductFields"]["StandardsArn"] = json!(format!(
            "arn:{}:securityhub:::standards/{standard}",
            place.partition
        ));
        document["ProductFields"]["StandardsControlArn"] =
            json!(place.arn("securityhub", &format!("control/{standard}/{}", control.id)));
        if standard == NIST {
            document["Compliance"]["RelatedRequirements"] = json!(self.requirements());
        }
        document
    }

    fn requirements(&self) -> Vec<String> {
        self.control
            .related
            .iter()
            .map(|id| format!("NIST.800-53.r5 {id}"))
            .collect()
    }

    fn common(&self, id: &str, generator: &str, moment: Moment) -> Value {
        let (place, control, fate) = (self.place, self.control, &self.fate);
        // A passed or not available check counts as informational, whatever the control's severity.
        let label = match fate.compliance {
            "FAILED" | "WARNING" => control.severity.as_str(),
            _ => "INFORMATIONAL",
        };
        let severity =
            json!({ "Label": label, "Normalized": normalized(label), "Original": label });
        let product = place.hub_product("securityhub");
        let recommendation = format!(
            "https://docs.aws.amazon.com/console/securityhub/{}/remediation",
            control.id
        );
        json!({
            "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": product,
            "ProductName": "Security Hub", "CompanyName": "AWS", "Region": place.region,
            "GeneratorId": generator, "AwsAccountId": place.account, "Types": [TYPE],
            "FirstObservedAt": moment.first_text(), "LastObservedAt": moment.last_text(),
            "CreatedAt": moment.first_text(), "UpdatedAt": moment.last_text(),
            "Severity": severity, "Description": control.description,
            "Remediation": { "Recommendation": {
                "Text": "For information on how to correct this issue, consult the AWS Security Hub controls documentation.",
                "Url": recommendation,
            }},
            "ProductFields": {
                "RelatedAWSResources:0/name": format!("securityhub-{}-{}", control.rule, self.dice.hex(8)),
                "RelatedAWSResources:0/type": "AWS::Config::ConfigRule",
                "aws/securityhub/ProductName": "Security Hub", "aws/securityhub/CompanyName": "AWS",
                "Resources:0/Id": self.target.arn, "aws/securityhub/FindingId": format!("{product}/{id}"),
            },
            "Resources": [{
                "Type": self.target.kind, "Id": self.target.arn,
                "Partition": place.partition, "Region": place.region,
            }],
            "Compliance": { "Status": fate.compliance, "SecurityControlId": control.id },
            "WorkflowState": "NEW", "Workflow": { "Status": fate.workflow }, "RecordState": fate.record,
            "FindingProviderFields": { "Severity": severity, "Types": [TYPE] },
        })
    }
}

/// The number that Security Hub gives with a label.
pub fn normalized(label: &str) -> u8 {
    match label {
        "CRITICAL" => 90,
        "HIGH" => 70,
        "MEDIUM" => 40,
        "LOW" => 1,
        _ => 0,
    }
}

/// Resources that are there by name alone: what the tables call them, ASFF's type, the service, what stands before each
/// name in the ARN, and the names.
const NAMED: [(&str, &str, &str, &str, &[&str]); 8] = [
    (
        "database",
        "AwsRdsDbInstance",
        "rds",
        "db:",
        &["claims", "claims-reporting", "ledger", "sessions"],
    ),
    (
        "trail",
        "AwsCloudTrailTrail",
        "cloudtrail",
        "trail/",
        &["org-audit-trail"],
    ),
    (
        "function",
        "AwsLambdaFunction",
        "lambda",
        "function:",
        &[
            "claims-export",
            "thumbnailer",
            "mail-bounce",
            "nightly-close",
        ],
    ),
    (
        "topic",
        "AwsSnsTopic",
        "sns",
        "",
        &["claims-events", "ops-alerts", "bounces"],
    ),
    (
        "repository",
        "AwsEcrRepository",
        "ecr",
        "repository/",
        &REPOSITORIES,
    ),
    (
        "secret",
        "AwsSecretsManagerSecret",
        "secretsmanager",
        "secret:",
        &["claims/db-a1b2c3", "partners/api-d4e5f6", "smtp-0a9b8c"],
    ),
    (
        "table",
        "AwsDynamoDbTable",
        "dynamodb",
        "table/",
        &["sessions", "locks", "idempotency"],
    ),
    (
        "balancer",
        "AwsElbv2LoadBalancer",
        "elasticloadbalancing",
        "loadbalancer/app/",
        &["claims/50dc6c495c0c9188", "admin/7a3f1e2d9c8b6a54"],
    ),
];

/// The resources of one kind in this account and region.
fn targets(place: &Place, kind: &str) -> Vec<Target> {
    let ids = |prefix: &str, count: usize| -> Vec<String> {
        (0..count)
            .map(|n| format!("{prefix}{}", place.dice(&[prefix, &n.to_string()]).hex(17)))
            .collect()
    };
    match kind {
        "group-default" => scanned(place, "securitygroup", "AwsEc2SecurityGroup", |r| {
            r.name == "default"
        }),
        // Reported in the first account only: elsewhere our own scan is the only one to see it.
        "group-ssh" if place.account == super::ACCOUNTS[0].0 => {
            scanned(place, "securitygroup", "AwsEc2SecurityGroup", |r| {
                r.weak.iter().any(|p| p.contains("ssh-open"))
            })
        }
        "bucket" => scanned(place, "s3", "AwsS3Bucket", |_| true),
        "user" => scanned(place, "iamuser", "AwsIamUser", |_| true),
        "instance" => instances(place)
            .into_iter()
            .map(|arn| Target {
                kind: "AwsEc2Instance",
                arn,
            })
            .collect(),
        "volume" => made(place, "AwsEc2Volume", "ec2", ids("volume/vol-", 6)),
        "vpc" => made(place, "AwsEc2Vpc", "ec2", ids("vpc/vpc-", 2)),
        "account" => vec![Target {
            kind: "AwsAccount",
            arn: format!("AWS::::Account:{}", place.account),
        }],
        "key" => {
            let keys =
                (0..3).map(|n| format!("key/{}", place.dice(&["key", &n.to_string()]).uuid()));
            made(place, "AwsKmsKey", "kms", keys)
        }
        _ => named(place, kind),
    }
}

/// Those of the recorded resources that Security Hub speaks of.
fn scanned(
    place: &Place,
    technology: &str,
    asff: &'static str,
    keep: impl Fn(&super::Resource) -> bool,
) -> Vec<Target> {
    let here = |r: &&super::Resource| r.region == place.region || r.region == "global";
    let kept = place
        .resources
        .iter()
        .filter(|r| r.technology == technology && here(r) && keep(r));
    kept.map(|r| Target {
        kind: asff,
        arn: r.arn.clone(),
    })
    .collect()
}

/// Resources that only findings know of.
fn made(
    place: &Place,
    asff: &'static str,
    service: &str,
    names: impl IntoIterator<Item = String>,
) -> Vec<Target> {
    let names = names.into_iter();
    names
        .map(|name| Target {
            kind: asff,
            arn: place.arn(service, &name),
        })
        .collect()
}

fn named(place: &Place, kind: &str) -> Vec<Target> {
    let Some((_, asff, service, prefix, names)) = NAMED.iter().find(|row| row.0 == kind) else {
        return Vec::new();
    };
    let names = names.iter().map(|name| format!("{prefix}{name}"));
    made(place, asff, service, names)
}

/// Container repositories that each region has.
pub const REPOSITORIES: [&str; 4] = ["claims-api", "claims-web", "batch", "gateway"];

/// The instances of one region, by ARN; Inspector and GuardDuty speak of them too.
pub fn instances(place: &Place) -> Vec<String> {
    (0..7)
        .map(|n| {
            place.arn(
                "ec2",
                &format!(
                    "instance/i-{}",
                    place.dice(&["instance", &n.to_string()]).hex(17)
                ),
            )
        })
        .collect()
}
