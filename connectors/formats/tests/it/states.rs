//! Tables: from ASFF to signal, severity and identity (`design.md`, "From ASFF to status", "Fingerprint").

use poamd_contract::finding::{Identity, Signal};
use poamd_contract::severity::Severity;
use serde_json::{Value, json};

use crate::one;

fn finding(product: &str, over: &Value) -> Vec<u8> {
    let mut doc = json!({
        "SchemaVersion": "2018-10-08",
        "Id": "arn:aws-us-gov:x:us-gov-west-1:210987654321:finding/1",
        "ProductArn": format!("arn:aws-us-gov:securityhub:us-gov-west-1::product/{product}"),
        "GeneratorId": "g", "AwsAccountId": "210987654321", "Region": "us-gov-west-1",
        "UpdatedAt": "2026-11-20T00:00:00Z", "Title": "t", "Severity": {"Label": "HIGH"},
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws-us-gov:s3:::b"}],
    });
    for (key, value) in over.as_object().unwrap() {
        doc[key] = value.clone();
    }
    doc.to_string().into_bytes()
}

#[test]
fn signals() {
    use Signal::{
        Archived, ArchivedByHand, NoConclusion, Open, OpenResolvedAtSource, OpenSuppressedAtSource,
        Passed,
    };
    let hub = "aws/securityhub";
    for (product, record, compliance, workflow, want, mark) in [
        (hub, "ACTIVE", "FAILED", "NEW", Open, ""),
        (hub, "ACTIVE", "WARNING", "NOTIFIED", Open, ""),
        (hub, "ACTIVE", "", "NEW", Open, ""),
        (hub, "", "", "", Open, ""),
        (
            hub,
            "ACTIVE",
            "FAILED",
            "SUPPRESSED",
            OpenSuppressedAtSource,
            "",
        ),
        (hub, "ACTIVE", "", "RESOLVED", OpenResolvedAtSource, ""),
        (hub, "ACTIVE", "PASSED", "RESOLVED", Passed, ""),
        (hub, "ARCHIVED", "PASSED", "NEW", Passed, ""),
        (hub, "ARCHIVED", "FAILED", "SUPPRESSED", Archived, ""),
        (hub, "ARCHIVED", "NOT_AVAILABLE", "NEW", Archived, ""),
        (
            hub,
            "ACTIVE",
            "NOT_AVAILABLE",
            "SUPPRESSED",
            NoConclusion,
            "",
        ),
        ("aws/guardduty", "ARCHIVED", "", "NEW", ArchivedByHand, ""),
        ("aws/inspector", "ARCHIVED", "", "NEW", Archived, ""),
        ("prowler/prowler", "ARCHIVED", "FAILED", "NEW", Archived, ""),
        (
            hub,
            "ACTIVE",
            "MAYBE",
            "NEW",
            Open,
            "compliance-unknown:MAYBE",
        ),
        (
            hub,
            "FROZEN",
            "FAILED",
            "NEW",
            Open,
            "record-state-unknown:FROZEN",
        ),
        (
            hub,
            "ACTIVE",
            "FAILED",
            "WAITING",
            Open,
            "workflow-unknown:WAITING",
        ),
    ] {
        let over = json!({
            "RecordState": record, "Compliance": {"Status": compliance}, "Workflow": {"Status": workflow},
        });
        let got = one(&finding(product, &over));
        assert_eq!(
            got.signal, want,
            "{product} {record} {compliance} {workflow}"
        );
        assert_eq!(
            got.marks.join(" "),
            mark,
            "{product} {record} {compliance} {workflow}"
        );
    }
}

#[test]
fn inspector_says_closed_before_the_record_is_archived() {
    let over = json!({"RecordState": "ACTIVE", "ProductFields": {"aws/inspector/FindingStatus": "CLOSED"}});
    assert_eq!(
        one(&finding("aws/inspector", &over)).signal,
        Signal::Archived
    );
    assert_eq!(one(&finding("acme/acme", &over)).signal, Signal::Open);
}

#[test]
fn severities() {
    use Severity::{Critical, High, Informational, Low, Medium};
    for (severity, want, mark) in [
        (
            json!({"Label": "CRITICAL", "Normalized": 1}),
            Some(Critical),
            "",
        ),
        (json!({"Label": "LOW", "Normalized": 40}), Some(Low), ""),
        (json!({"Normalized": 70}), Some(High), ""),
        (json!({"Normalized": "40"}), Some(Medium), ""),
        (json!({"Normalized": 0}), Some(Informational), ""),
        (json!({"Label": "UNTRIAGED"}), None, ""),
        (
            json!({"Label": "HUGE", "Normalized": 90}),
            None,
            "severity-unknown:HUGE",
        ),
        (json!({}), None, "severity-missing"),
        (json!("HIGH"), None, "severity-wrong-type severity-missing"),
        (
            json!({"Label": 7}),
            None,
            "severity-wrong-type severity-unknown:7",
        ),
    ] {
        let got = one(&finding("acme/acme", &json!({"Severity": severity})));
        assert_eq!(got.severity, want, "{severity}");
        assert_eq!(got.marks.join(" "), mark, "{severity}");
    }
    let provider =
        json!({"Severity": {}, "FindingProviderFields": {"Severity": {"Label": "MEDIUM"}}});
    assert_eq!(one(&finding("acme/acme", &provider)).severity, Some(Medium));
}

#[test]
fn what_the_hub_makes_of_a_rating_is_a_mark() {
    use Severity::{Critical, High, Informational, Low};
    for (hub, own, record, want, mark) in [
        (
            "LOW",
            "HIGH",
            "ACTIVE",
            High,
            "severity-changed-at-source:LOW",
        ),
        (
            "CRITICAL",
            "LOW",
            "ACTIVE",
            Low,
            "severity-changed-at-source:CRITICAL",
        ),
        (
            "INFORMATIONAL",
            "HIGH",
            "ACTIVE",
            High,
            "severity-changed-at-source:INFORMATIONAL",
        ),
        // What has ended is INFORMATIONAL in the hub, and nobody edited it.
        ("INFORMATIONAL", "HIGH", "ARCHIVED", High, ""),
        ("CRITICAL", "critical", "ACTIVE", Critical, ""),
        // Not a rating of its own.
        ("HIGH", "UNTRIAGED", "ACTIVE", High, ""),
        ("HIGH", "HUGE", "ACTIVE", High, ""),
        ("INFORMATIONAL", "", "ACTIVE", Informational, ""),
    ] {
        let over = json!({
            "Severity": {"Label": hub, "Normalized": 1}, "RecordState": record,
            "FindingProviderFields": {"Severity": {"Label": own}},
        });
        for product in ["aws/inspector", "acme/acme"] {
            let got = one(&finding(product, &over));
            assert_eq!(
                (got.severity, got.marks.join(" ")),
                (Some(want), mark.to_owned()),
                "{hub} {own}"
            );
        }
    }
}

#[test]
fn samples() {
    assert!(one(&finding("acme/acme", &json!({"Sample": true}))).sample);
    assert!(one(&finding("aws/guardduty", &json!({"Title": "[SAMPLE] x"}))).sample);
    assert!(!one(&finding("acme/acme", &json!({"Title": "[SAMPLE] x"}))).sample);
}

fn control(over: &Value) -> Identity {
    one(&finding("aws/securityhub", over)).identity
}

#[test]
fn twins_of_a_control_are_one_identity() {
    let id = |middle: &str| {
        format!("arn:aws-us-gov:securityhub:us-gov-west-1:210987654321:{middle}/finding/1")
    };
    let want = control(&json!({"Compliance": {"SecurityControlId": "S3.8"}}));
    assert!(
        matches!(&want, Identity::Control { control, resource, .. } if control == "S3.8" && resource == "arn:aws-us-gov:s3:::b")
    );
    for over in [
        json!({"Compliance": {"SecurityControlId": "S3.8"}, "ProductFields": {"ControlId": "1.14"}, "Region": "us-gov-west-1"}),
        json!({"GeneratorId": "security-control/S3.8"}),
        json!({"Id": id("subscription/nist-800-53/v/5.0.0/S3.8")}),
        json!({"ProductFields": {"ControlId": "S3.8"}}),
    ] {
        assert_eq!(control(&over), want, "{over}");
    }
}

#[test]
fn a_foreign_product_naming_a_control_keeps_its_own_identity() {
    let got = one(&finding(
        "acme/acme",
        &json!({"Compliance": {"SecurityControlId": "S3.8", "Status": "PASSED"}}),
    ));
    assert!(
        matches!(got.identity, Identity::Product { .. }),
        "its PASSED must not close Security Hub's finding"
    );
    assert_eq!(got.weakness.id, "S3.8");
}

#[test]
fn global_resources_are_one_finding_in_all_regions() {
    let resource =
        |id: &str, kind: &str| json!([{"Type": kind, "Id": id, "Region": "us-gov-east-1"}]);
    for (control_id, id, kind, want) in [
        (
            "IAM.3",
            "arn:aws-us-gov:iam::210987654321:user/a",
            "AwsIamUser",
            "global",
        ),
        (
            "IAM.9",
            "AWS::::Account:210987654321",
            "AwsAccount",
            "global",
        ),
        (
            "Account.1",
            "AWS::::Account:210987654321",
            "AwsAccount",
            "global",
        ),
        (
            "EC2.7",
            "AWS::::Account:210987654321",
            "AwsAccount",
            "us-gov-west-1",
        ),
        (
            "S3.8",
            "arn:aws-us-gov:s3:::b",
            "AwsS3Bucket",
            "us-gov-west-1",
        ),
    ] {
        let got = one(&finding(
            "aws/securityhub",
            &json!({"Compliance": {"SecurityControlId": control_id}, "Resources": resource(id, kind)}),
        ));
        assert_eq!(got.region.as_str(), want, "{control_id} {id}");
        assert!(
            matches!(&got.identity, Identity::Control { region, .. } if region.as_str() == want)
        );
    }
}

#[test]
fn identities_by_product() {
    for (product, native) in [
        ("aws/guardduty", true),
        ("aws/inspector", true),
        ("aws/macie", true),
        ("aws/access-analyzer", true),
        ("aws/config", false),
        ("acme/acme", false),
    ] {
        let got = one(&finding(product, &json!({}))).identity;
        assert_eq!(matches!(got, Identity::Native { .. }), native, "{product}");
    }
    let no_arn = one(&finding("aws/macie", &json!({"Id": "plain"}))).identity;
    assert!(matches!(no_arn, Identity::Product { .. }));
}

#[test]
fn weaknesses_by_product() {
    let best = "Software and Configuration Checks/AWS Security Best Practices";
    let granted = "External Access Granted";
    for (product, generator, kind, want) in [
        (
            "aws/access-analyzer",
            "aws/access-analyzer",
            format!("{best}/Unused IAM Role"),
            format!("access-analyzer/{best}/Unused IAM Role"),
        ),
        (
            "aws/access-analyzer",
            "aws/access-analyzer",
            format!("{best}/{granted}"),
            format!("access-analyzer/{best}/{granted}"),
        ),
        // The same last word, and public access instead of another account's.
        (
            "aws/access-analyzer",
            "aws/access-analyzer",
            format!("Effects/Data Exposure/{granted}"),
            format!("access-analyzer/Effects/Data Exposure/{granted}"),
        ),
        (
            "aws/macie",
            "aws/macie",
            "Sensitive Data Identifications/PII/SensitiveData:S3Object-Personal".into(),
            "macie/SensitiveData:S3Object/Personal".into(),
        ),
        // Another run, the same weakness.
        (
            "aws/ssm-patch-manager",
            "d710f5bd-04e3-47b4-82f6-df4e00000000",
            "Software & Configuration Checks/Patch Management/Compliance".into(),
            "ssm-patch-manager/Software & Configuration Checks/Patch Management/Compliance".into(),
        ),
        // A product nobody listed that names itself, and no type: its titles at least are apart.
        ("aws/new", "aws/new", "A/B".into(), "new/A/B".into()),
        ("aws/new", "new", "".into(), "new/t".into()),
        // Those whose rule stands where it should.
        (
            "aws/health",
            "AWS_S3_OPEN_ACCESS_BUCKET_NOTIFICATION",
            "Software and Configuration Checks".into(),
            "AWS_S3_OPEN_ACCESS_BUCKET_NOTIFICATION".into(),
        ),
        ("acme/acme", "rule-7", "A/B".into(), "rule-7".into()),
        ("acme/acme", "acme/acme", "A/B".into(), "acme/acme".into()),
    ] {
        let got = one(&finding(
            product,
            &json!({"GeneratorId": generator, "Types": [kind]}),
        ));
        assert_eq!(got.weakness.id, want, "{product}");
    }
    let audit = one(&finding(
        "aws/iot-device-defender-audit",
        &json!({
            "GeneratorId": "1928b87ab338ee2f541f6fab8c41c4f5", "Types": ["Software and Configuration Check/Vulnerabilities"],
            "ProductFields": {"CheckName": "IOT_POLICY_OVERLY_PERMISSIVE_CHECK"},
        }),
    ));
    assert_eq!(
        audit.weakness.id,
        "iot-device-defender-audit/IOT_POLICY_OVERLY_PERMISSIVE_CHECK"
    );
}

#[test]
fn a_type_that_people_set_is_no_other_weakness() {
    let own = json!({"Types": ["TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort"]});
    for product in ["aws/guardduty", "aws/macie"] {
        let edited = finding(
            product,
            &json!({"GeneratorId": product, "Types": ["TTPs/Other:EC2-Mine"], "FindingProviderFields": own}),
        );
        let got = one(&edited).weakness.id;
        assert!(got.contains("Recon:EC2/PortProbeUnprotectedPort"), "{got}");
    }
}

#[test]
fn inspector_classic_inside_asff_is_told_apart() {
    let over = json!({
        "Id": "arn:aws-us-gov:inspector:us-gov-west-1:210987654321:target/t/finding/f",
        "ProductFields": {"aws/inspector/ProductVersion": 1},
    });
    let got = one(&finding("aws/inspector", &over));
    assert_eq!(got.source, "inspector-classic");
    assert!(matches!(got.identity, Identity::Native { .. }));
}
