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
fn inspector_classic_inside_asff_is_told_apart() {
    let over = json!({
        "Id": "arn:aws-us-gov:inspector:us-gov-west-1:210987654321:target/t/finding/f",
        "ProductFields": {"aws/inspector/ProductVersion": 1},
    });
    let got = one(&finding("aws/inspector", &over));
    assert_eq!(got.source, "inspector-classic");
    assert!(matches!(got.identity, Identity::Native { .. }));
}
