//! The keys of a GuardDuty finding that mean something here, as the wire (camelCase) and as the AWS CLI
//! (PascalCase) write them; every other one is skipped. No rules.

use serde::Deserialize;

use crate::lenient::{Flag, List, Number, Part, Text, Time};
use crate::resource::MOST;

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct GuardDuty<'a> {
    #[serde(rename = "accountId", alias = "AccountId")]
    pub(super) account_id: Text<'a>,
    #[serde(rename = "arn", alias = "Arn")]
    pub(super) arn: Text<'a>,
    #[serde(rename = "id", alias = "Id")]
    pub(super) id: Text<'a>,
    #[serde(rename = "partition", alias = "Partition")]
    pub(super) partition: Text<'a>,
    #[serde(rename = "region", alias = "Region")]
    pub(super) region: Text<'a>,
    #[serde(rename = "type", alias = "Type")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "title", alias = "Title")]
    pub(super) title: Text<'a>,
    #[serde(rename = "description", alias = "Description")]
    pub(super) description: Text<'a>,
    #[serde(rename = "severity", alias = "Severity")]
    pub(super) severity: Number,
    #[serde(rename = "createdAt", alias = "CreatedAt")]
    pub(super) created_at: Time,
    #[serde(rename = "updatedAt", alias = "UpdatedAt")]
    pub(super) updated_at: Time,
    #[serde(rename = "resource", alias = "Resource")]
    pub(super) resource: Part<Affected<'a>>,
    #[serde(rename = "service", alias = "Service")]
    pub(super) service: Part<Service<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Service<'a> {
    #[serde(rename = "archived", alias = "Archived")]
    pub(super) archived: Flag,
    #[serde(rename = "detectorId", alias = "DetectorId")]
    pub(super) detector_id: Text<'a>,
    #[serde(rename = "eventFirstSeen", alias = "EventFirstSeen")]
    pub(super) first_seen: Time,
    #[serde(rename = "eventLastSeen", alias = "EventLastSeen")]
    pub(super) last_seen: Time,
    #[serde(rename = "additionalInfo", alias = "AdditionalInfo")]
    pub(super) additional: Part<Additional<'a>>,
    #[serde(rename = "detection", alias = "Detection")]
    pub(super) detection: Part<Detection<'a>>,
}

/// Free-form: `value` is JSON as text; older exports have its keys here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Additional<'a> {
    #[serde(rename = "value", alias = "Value")]
    pub(super) value: Text<'a>,
    #[serde(rename = "sample", alias = "Sample")]
    pub(super) sample: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Detection<'a> {
    #[serde(rename = "sequence", alias = "Sequence")]
    pub(super) sequence: Part<Sequence<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Sequence<'a> {
    #[serde(rename = "resources", alias = "Resources")]
    pub(super) resources: List<Part<Member<'a>>, MOST>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Member<'a> {
    #[serde(rename = "uid", alias = "Uid")]
    pub(super) uid: Text<'a>,
    #[serde(rename = "resourceType", alias = "ResourceType")]
    pub(super) kind: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Affected<'a> {
    #[serde(rename = "resourceType", alias = "ResourceType")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "accessKeyDetails", alias = "AccessKeyDetails")]
    pub(super) access_key: Part<AccessKey<'a>>,
    #[serde(rename = "instanceDetails", alias = "InstanceDetails")]
    pub(super) instance: Part<Instance<'a>>,
    #[serde(rename = "s3BucketDetails", alias = "S3BucketDetails")]
    pub(super) buckets: List<Part<Bucket<'a>>, MOST>,
    #[serde(rename = "eksClusterDetails", alias = "EksClusterDetails")]
    pub(super) eks: Part<ByArn<'a>>,
    #[serde(rename = "ecsClusterDetails", alias = "EcsClusterDetails")]
    pub(super) ecs: Part<ByArn<'a>>,
    #[serde(rename = "lambdaDetails", alias = "LambdaDetails")]
    pub(super) lambda: Part<ByArn<'a>>,
    #[serde(rename = "rdsDbInstanceDetails", alias = "RdsDbInstanceDetails")]
    pub(super) database: Part<ByArn<'a>>,
    #[serde(rename = "rdsLimitlessDbDetails", alias = "RdsLimitlessDbDetails")]
    pub(super) limitless: Part<ByArn<'a>>,
    #[serde(rename = "ebsVolumeDetails", alias = "EbsVolumeDetails")]
    pub(super) volumes: Part<Volumes<'a>>,
    #[serde(rename = "ebsSnapshotDetails", alias = "EbsSnapshotDetails")]
    pub(super) snapshot: Part<ByArn<'a>>,
    #[serde(rename = "ec2ImageDetails", alias = "Ec2ImageDetails")]
    pub(super) image: Part<ByArn<'a>>,
    #[serde(rename = "recoveryPointDetails", alias = "RecoveryPointDetails")]
    pub(super) recovery_point: Part<ByArn<'a>>,
    #[serde(rename = "containerDetails", alias = "ContainerDetails")]
    pub(super) container: Part<Container<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct AccessKey<'a> {
    #[serde(rename = "accessKeyId", alias = "AccessKeyId")]
    pub(super) id: Text<'a>,
    #[serde(rename = "userName", alias = "UserName")]
    pub(super) user_name: Text<'a>,
    #[serde(rename = "userType", alias = "UserType")]
    pub(super) user_type: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Instance<'a> {
    #[serde(rename = "instanceId", alias = "InstanceId")]
    pub(super) id: Text<'a>,
    #[serde(rename = "tags", alias = "Tags")]
    pub(super) tags: List<Part<Tag<'a>>, 50>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Tag<'a> {
    #[serde(rename = "key", alias = "Key")]
    pub(super) key: Text<'a>,
    #[serde(rename = "value", alias = "Value")]
    pub(super) value: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Bucket<'a> {
    #[serde(rename = "arn", alias = "Arn")]
    pub(super) arn: Text<'a>,
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Volumes<'a> {
    #[serde(rename = "scannedVolumeDetails", alias = "ScannedVolumeDetails")]
    pub(super) scanned: List<Part<Volume<'a>>, MOST>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Container<'a> {
    #[serde(rename = "id", alias = "Id")]
    pub(super) id: Text<'a>,
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Volume<'a> {
    #[serde(rename = "volumeArn", alias = "VolumeArn")]
    pub(super) arn: Text<'a>,
}

/// What is named by an ARN alone, whatever the key is called for its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ByArn<'a> {
    #[serde(
        rename = "arn",
        alias = "Arn",
        alias = "functionArn",
        alias = "FunctionArn",
        alias = "dbInstanceArn",
        alias = "DbInstanceArn",
        alias = "dbShardGroupArn",
        alias = "DbShardGroupArn",
        alias = "snapshotArn",
        alias = "SnapshotArn",
        alias = "imageArn",
        alias = "ImageArn",
        alias = "recoveryPointArn",
        alias = "RecoveryPointArn"
    )]
    pub(super) arn: Text<'a>,
}
