//! The keys of a GuardDuty finding that mean something here, as the wire (camelCase) and as the AWS CLI
//! (PascalCase) write them; every other one is skipped. No rules.

use serde::Deserialize;

use crate::attack::{Action, Detection};
use crate::lenient::{Flag, List, Number, Part, Text, Time};
use crate::reach::Tags;
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
    #[serde(rename = "action", alias = "Action")]
    pub(super) action: Option<Box<Part<Action<'a>>>>,
    #[serde(rename = "count", alias = "Count")]
    pub(super) count: Number,
    #[serde(rename = "resourceRole", alias = "ResourceRole")]
    pub(super) role: Text<'a>,
    #[serde(rename = "featureName", alias = "FeatureName")]
    pub(super) feature: Text<'a>,
    #[serde(rename = "evidence", alias = "Evidence")]
    pub(super) evidence: Part<Evidence<'a>>,
    #[serde(rename = "ebsVolumeScanDetails", alias = "EbsVolumeScanDetails")]
    pub(super) scan: Part<VolumeScan<'a>>,
    #[serde(rename = "runtimeDetails", alias = "RuntimeDetails")]
    pub(super) runtime: Part<Runtime<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Evidence<'a> {
    #[serde(
        rename = "threatIntelligenceDetails",
        alias = "ThreatIntelligenceDetails"
    )]
    pub(super) lists: List<Part<ThreatList<'a>>, 16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ThreatList<'a> {
    #[serde(rename = "threatListName", alias = "ThreatListName")]
    pub(super) list: Text<'a>,
    #[serde(rename = "threatNames", alias = "ThreatNames")]
    pub(super) names: List<Text<'a>, 16>,
    #[serde(rename = "threatFileSha256", alias = "ThreatFileSha256")]
    pub(super) file: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct VolumeScan<'a> {
    #[serde(rename = "scanDetections", alias = "ScanDetections")]
    pub(super) detections: Part<Detections<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Detections<'a> {
    #[serde(rename = "threatDetectedByName", alias = "ThreatDetectedByName")]
    pub(super) by_name: Part<ThreatsByName<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ThreatsByName<'a> {
    #[serde(rename = "threatNames", alias = "ThreatNames")]
    pub(super) names: List<Part<ThreatName<'a>>, 16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ThreatName<'a> {
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
    #[serde(rename = "severity", alias = "Severity")]
    pub(super) severity: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Runtime<'a> {
    #[serde(rename = "process", alias = "Process")]
    pub(super) process: Part<Process<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Process<'a> {
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
    #[serde(rename = "executablePath", alias = "ExecutablePath")]
    pub(super) path: Text<'a>,
    #[serde(rename = "executableSha256", alias = "ExecutableSha256")]
    pub(super) sha256: Text<'a>,
    #[serde(rename = "user", alias = "User")]
    pub(super) user: Text<'a>,
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
    #[serde(rename = "kubernetesDetails", alias = "KubernetesDetails")]
    pub(super) kubernetes: Part<Kubernetes<'a>>,
    #[serde(rename = "rdsDbUserDetails", alias = "RdsDbUserDetails")]
    pub(super) database_user: Part<DatabaseUser<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Kubernetes<'a> {
    #[serde(rename = "kubernetesUserDetails", alias = "KubernetesUserDetails")]
    pub(super) user: Part<KubernetesUser<'a>>,
    #[serde(
        rename = "kubernetesWorkloadDetails",
        alias = "KubernetesWorkloadDetails"
    )]
    pub(super) workload: Part<Workload<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct KubernetesUser<'a> {
    #[serde(rename = "username", alias = "Username")]
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Workload<'a> {
    #[serde(rename = "name", alias = "Name")]
    pub(super) name: Text<'a>,
    #[serde(rename = "namespace", alias = "Namespace")]
    pub(super) namespace: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct DatabaseUser<'a> {
    #[serde(rename = "user", alias = "User")]
    pub(super) user: Text<'a>,
    #[serde(rename = "database", alias = "Database")]
    pub(super) database: Text<'a>,
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
    #[serde(rename = "principalId", alias = "PrincipalId")]
    pub(super) principal: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Instance<'a> {
    #[serde(rename = "instanceId", alias = "InstanceId")]
    pub(super) id: Text<'a>,
    #[serde(rename = "tags", alias = "Tags")]
    pub(super) tags: Tags<'a>,
    #[serde(rename = "instanceType", alias = "InstanceType")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "imageId", alias = "ImageId")]
    pub(super) image: Text<'a>,
    #[serde(rename = "availabilityZone", alias = "AvailabilityZone")]
    pub(super) zone: Text<'a>,
    #[serde(rename = "iamInstanceProfile", alias = "IamInstanceProfile")]
    pub(super) profile: Part<Profile<'a>>,
    #[serde(rename = "networkInterfaces", alias = "NetworkInterfaces")]
    pub(super) interfaces: List<Part<Interface<'a>>, 4>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Profile<'a> {
    #[serde(rename = "arn", alias = "Arn")]
    pub(super) arn: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Interface<'a> {
    #[serde(rename = "privateIpAddress", alias = "PrivateIpAddress")]
    pub(super) private: Text<'a>,
    #[serde(rename = "publicIp", alias = "PublicIp")]
    pub(super) public: Text<'a>,
    #[serde(rename = "vpcId", alias = "VpcId")]
    pub(super) vpc: Text<'a>,
    #[serde(rename = "subnetId", alias = "SubnetId")]
    pub(super) subnet: Text<'a>,
    #[serde(rename = "securityGroups", alias = "SecurityGroups")]
    pub(super) groups: List<Part<Group<'a>>, 16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Group<'a> {
    #[serde(rename = "groupId", alias = "GroupId")]
    pub(super) id: Text<'a>,
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
    #[serde(rename = "image", alias = "Image")]
    pub(super) image: Text<'a>,
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
