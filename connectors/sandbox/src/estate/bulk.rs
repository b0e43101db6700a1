//! Findings by the hundred thousand, for measuring: controls as Security Hub writes them, 3 KB each.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

/// Over so long they were made: half of them in the last four months.
const YEAR: f64 = 365.0 * 86_400.0;

/// `count` failed controls of an account, made over a year and last updated more than a day ago.
pub fn controls(
    account: &str,
    partition: &str,
    region: &str,
    count: usize,
    now: DateTime<Utc>,
) -> Vec<Value> {
    let place = (account, partition, region);
    (0..count).map(|n| control(place, n, count, now)).collect()
}

/// Sets when a finding was last updated, and whether its control passes now.
pub fn update(finding: &mut Value, at: DateTime<Utc>, passes: bool) {
    finding["UpdatedAt"] = text(at).into();
    finding["Compliance"]["Status"] = if passes { "PASSED" } else { "FAILED" }.into();
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn control(
    (account, partition, region): (&str, &str, &str),
    n: usize,
    count: usize,
    now: DateTime<Utc>,
) -> Value {
    // In no order that helps.
    let share = ((n * 7_919) % count) as f64 / count as f64;
    let age = (share * share * YEAR) as i64 * 1_000 + (n % 1_000) as i64;
    let made = text(now - TimeDelta::days(2) - TimeDelta::milliseconds(age));
    let updated = text(now - TimeDelta::days(1) - TimeDelta::milliseconds(age / 400));
    let (rule, bucket) = (n % 200, format!("records-of-department-{:06}", n / 200));
    let arn = format!("arn:{partition}:s3:::{bucket}");
    let product = format!("arn:{partition}:securityhub:{region}::product/aws/securityhub");
    let id = format!(
        "arn:{partition}:securityhub:{region}:{account}:security-control/S3.{rule}/finding/{n:08x}-0000-4000-8000-000000000000"
    );
    let label = [
        "MEDIUM", "MEDIUM", "MEDIUM", "LOW", "HIGH", "MEDIUM", "CRITICAL", "LOW",
    ][n % 8];
    let filler =
        "The setting is read from the bucket's own configuration and from that of the account. "
            .repeat(12);
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "AwsAccountId": account, "Region": region,
        "ProductArn": product, "ProductName": "Security Hub", "CompanyName": "AWS",
        "GeneratorId": format!("security-control/S3.{rule}"),
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": made, "LastObservedAt": updated, "CreatedAt": made, "UpdatedAt": updated,
        "Severity": { "Label": label, "Normalized": 40, "Original": label },
        "Title": format!("S3.{rule} Buckets should have setting number {rule} switched on"),
        "Description": format!("This control checks whether setting number {rule} is on. {filler}"),
        "Remediation": { "Recommendation": { "Text": "For directions on how to correct this issue, consult the documentation.",
            "Url": format!("https://docs.aws.amazon.com/console/securityhub/S3.{rule}/remediation") } },
        "ProductFields": { "RelatedAWSResources:0/name": "securityhub-setting-check",
            "RelatedAWSResources:0/type": "AWS::Config::ConfigRule", "Resources:0/Id": arn,
            "aws/securityhub/ProductName": "Security Hub", "aws/securityhub/CompanyName": "AWS",
            "aws/securityhub/FindingId": format!("{product}/{id}") },
        "Resources": [{ "Type": "AwsS3Bucket", "Id": arn, "Partition": partition, "Region": region,
            "Tags": { "owner": format!("team-{}", n % 40), "system": "benefits", "environment": "prod" },
            "Details": { "AwsS3Bucket": { "OwnerId": "8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d",
                "CreatedAt": "2024-02-29T12:00:00.000Z" } } }],
        "Compliance": { "Status": "FAILED", "SecurityControlId": format!("S3.{rule}"),
            "RelatedRequirements": ["NIST.800-53.r5 AC-3", "NIST.800-53.r5 AC-4", "NIST.800-53.r5 SC-7(3)"],
            "AssociatedStandards": [{ "StandardsId": "standards/nist-800-53/v/5.0.0" }] },
        "WorkflowState": "NEW", "Workflow": { "Status": "NEW" }, "RecordState": "ACTIVE",
        "FindingProviderFields": { "Severity": { "Label": label, "Original": label },
            "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"] }
    })
}
