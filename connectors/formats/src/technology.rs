//! What a resource's owners call its kind: from its ARN, else from the detector's word for it.
//!
//! The words are those of the watches. A kind without one gives `None`: no item is made up for it.

use crate::arn_view::ArnView;

/// The technology of a resource by its id, else by the word for its kind (`AwsS3Bucket`,
/// `AWS_EC2_INSTANCE`, `S3Bucket`, `AWS::EC2::Instance`).
pub fn technology(id: &str, kind: &str) -> Option<&'static str> {
    match ArnView::of(id) {
        Some(arn) => of_arn(arn),
        None if id.starts_with("AWS::::Account:") => Some("account"),
        None => of_kind(kind),
    }
}

fn of_arn(arn: ArnView<'_>) -> Option<&'static str> {
    Some(match (arn.service, arn.kind()) {
        ("ec2", kind) => return of_ec2(kind),
        ("iam", kind) => return of_iam(kind),
        ("rds", kind) => return of_rds(kind),
        // An object or access point is not a bucket.
        ("s3", _) if arn.account.is_empty() && !arn.resource.contains('/') => "s3",
        ("kms", "key") => "kms",
        ("lambda", "function") => "lambda",
        ("elasticloadbalancing", "loadbalancer") => {
            let v2 = ["app/", "net/", "gwy/"]
                .iter()
                .any(|form| arn.rest().starts_with(form));
            if v2 { "elbv2" } else { "elb" }
        }
        ("sqs", _) => "sqs",
        // A subscription has one part more than its topic.
        ("sns", _) if !arn.resource.contains(':') => "sns",
        ("ecr", "repository") => "ecr",
        ("cloudtrail", "trail") => "cloudtrail",
        ("acm", "certificate") => "acm",
        ("es" | "opensearch", "domain") => "elasticsearch",
        ("redshift", "cluster") => "redshift",
        ("dynamodb", "table") => "dynamodb",
        ("eks", "cluster") => "eks",
        ("elasticfilesystem", "file-system") => "efs",
        ("secretsmanager", "secret") => "secretsmanager",
        ("route53", "hostedzone") => "route53",
        ("route53domains", "domain") => "route53domains",
        ("ses", "identity") => "ses",
        ("glacier", "vaults") => "glacier",
        ("config", "config-rule") => "config",
        ("config", "configuration-recorder") => "configrecorder",
        ("directconnect", "dxcon") => "connection",
        ("guardduty", "detector") => "guardduty",
        _ => return None,
    })
}

fn of_ec2(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "instance" => "ec2instance",
        "security-group" => "securitygroup",
        "volume" => "ebsvolume",
        "snapshot" => "ebssnapshot",
        "image" => "ami",
        "vpc" => "vpc",
        "subnet" => "subnet",
        "network-acl" => "networkacl",
        "network-interface" => "networkinterface",
        "elastic-ip" => "elasticip",
        "route-table" => "routetable",
        "internet-gateway" => "internetgateway",
        "natgateway" => "natgateway",
        "vpc-endpoint" => "endpoint",
        "vpc-peering-connection" => "peering",
        "vpc-flow-log" => "flowlog",
        "vpn-connection" => "vpn",
        "vpn-gateway" => "virtual_gateway",
        "dhcp-options" => "dhcp",
        "key-pair" => "keypair",
        _ => return None,
    })
}

fn of_iam(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "user" => "iamuser",
        "role" => "iamrole",
        "group" => "iamgroup",
        "policy" => "policy",
        "server-certificate" => "iamssl",
        "saml-provider" => "samlprovider",
        "mfa" => "iamvirtualmfa",
        "root" => "account",
        _ => return None,
    })
}

fn of_rds(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "db" => "rds",
        "cluster" => "rdscluster",
        "snapshot" => "rdssnapshot",
        "cluster-snapshot" => "rdsclustersnapshot",
        "subgrp" => "rdssubnetgroup",
        "secgrp" => "rdssecuritygroup",
        _ => return None,
    })
}

/// By the kind alone, where the id is not an ARN. An access key is no item of its own.
fn of_kind(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AwsAccount" | "AWS_ACCOUNT" => "account",
        "AwsEc2Instance" | "AWS_EC2_INSTANCE" | "AWS::EC2::Instance" | "Instance"
        | "ec2-instance" => "ec2instance",
        "AwsEc2SecurityGroup" => "securitygroup",
        "AwsEc2Volume" | "EBSVolume" => "ebsvolume",
        "AwsEc2Vpc" => "vpc",
        "AwsEc2Subnet" => "subnet",
        "AwsEc2NetworkAcl" => "networkacl",
        "AwsEc2NetworkInterface" => "networkinterface",
        "AwsEc2Eip" => "elasticip",
        "AwsS3Bucket" | "S3Bucket" | "AWS::S3::Bucket" => "s3",
        "AwsIamUser" => "iamuser",
        "AwsIamRole" => "iamrole",
        "AwsIamGroup" => "iamgroup",
        "AwsIamPolicy" => "policy",
        "AwsRdsDbInstance" | "RDSDBInstance" => "rds",
        "AwsRdsDbCluster" => "rdscluster",
        "AwsRdsDbSnapshot" => "rdssnapshot",
        "AwsRdsDbClusterSnapshot" => "rdsclustersnapshot",
        "AwsKmsKey" => "kms",
        "AwsLambdaFunction" | "AWS_LAMBDA_FUNCTION" | "Lambda" => "lambda",
        "AwsElbv2LoadBalancer" => "elbv2",
        "AwsElbLoadBalancer" => "elb",
        "AwsSqsQueue" => "sqs",
        "AwsSnsTopic" => "sns",
        "AwsEcrRepository"
        | "AwsEcrContainerImage"
        | "AWS_ECR_CONTAINER_IMAGE"
        | "AWS_ECR_REPOSITORY" => "ecr",
        "AwsCloudTrailTrail" => "cloudtrail",
        "AwsCertificateManagerCertificate" => "acm",
        "AwsElasticsearchDomain" | "AwsOpenSearchServiceDomain" => "elasticsearch",
        "AwsRedshiftCluster" => "redshift",
        "AwsDynamoDbTable" => "dynamodb",
        "AwsEksCluster" | "EKSCluster" => "eks",
        "AwsEfsFileSystem" => "efs",
        "AwsSecretsManagerSecret" => "secretsmanager",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_and_kinds_lead_to_the_watches_words() {
        for (id, kind, want) in [
            ("arn:aws:s3:::acme", "AwsS3Bucket", Some("s3")),
            ("arn:aws:s3:::acme/key", "AwsS3Object", None),
            (
                "arn:aws-us-gov:ec2:us-gov-west-1:210987654321:security-group/sg-1",
                "",
                Some("securitygroup"),
            ),
            (
                "arn:aws:iam::123456789012:user/svc/ftp",
                "AwsIamAccessKey",
                Some("iamuser"),
            ),
            (
                "arn:aws:rds:us-east-1:123456789012:cluster-snapshot:x",
                "",
                Some("rdsclustersnapshot"),
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188",
                "",
                Some("elbv2"),
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/old",
                "",
                Some("elb"),
            ),
            ("arn:aws:sns:us-east-1:123456789012:topic", "", Some("sns")),
            ("arn:aws:sns:us-east-1:123456789012:topic:1", "", None),
            ("AWS::::Account:123456789012", "AwsAccount", Some("account")),
            (
                "AWS::IAM::AccessKey:ASIAEXAMPLEKEY000001",
                "AwsIamAccessKey",
                None,
            ),
            ("some-bucket", "AwsS3Bucket", Some("s3")),
            ("db-2.example.internal", "Other", None),
        ] {
            assert_eq!(technology(id, kind), want, "{id} {kind}");
        }
    }
}
