//! GuardDuty findings, as `GetFindings` writes them, on the wire and through the AWS CLI. The record they make
//! is an incident: a type on its root resource.

mod detail;
mod shape;

use std::borrow::Cow;

use poamd_contract::finding::{FindingReport, Identity, ResourceRef, Signal};
use poamd_contract::severity::Severity;
use serde::Deserialize;

use crate::document::{Document, NO_ACCOUNT, NO_ID};
use crate::given::Given;
use crate::lenient::Flag;
use crate::marks::{DESCRIPTION, Marks, TITLE};
use crate::origin::{Clues, Origin};
use crate::resource::{MOST, Named, place};
use crate::weakness::incident;

pub(crate) use shape::GuardDuty;
use shape::{AccessKey, Affected};

impl<'a> Document<'a> for GuardDuty<'a> {
    fn is_like(&self) -> bool {
        self.service.present || self.resource.present || self.arn.text().contains(":guardduty:")
    }

    fn report(&self, given: &Given, mut marks: Marks) -> Result<FindingReport, &'static str> {
        let clues = Clues {
            account: self.account_id.text(),
            region: self.region.text(),
            partition: self.partition.text(),
            ids: vec![self.arn.text()],
        };
        if self.arn.text().is_empty() && self.id.text().is_empty() {
            return Err(NO_ID);
        }
        let origin = clues.settle(given, &mut marks).ok_or(NO_ACCOUNT)?;
        let native_id = self.native_id(&origin, &mut marks).ok_or(NO_ID)?;
        marks.part("resource", &self.resource);
        marks.part("service", &self.service);
        let resources = self.resources(&origin, &mut marks);
        if self.updated_at.value.is_none() && !self.updated_at.odd {
            marks.add("updated-missing");
        }
        let archived = self.service.archived.value == Some(true);
        Ok(FindingReport {
            source: "guardduty".to_owned(),
            channel: given.channel,
            identity: Identity::Native {
                arn: native_id.clone(),
            },
            weakness: incident(
                self.kind.text(),
                resources
                    .first()
                    .map_or(origin.account.as_str(), |root| root.id.as_str()),
            ),
            region: place(&origin, None, resources.first()),
            title: marks.required("title", &self.title, TITLE),
            description: marks.text("description", &self.description, DESCRIPTION),
            remediation: String::new(),
            severity: self.severity(&mut marks),
            score: None,
            requirements: Vec::new(),
            first_observed: marks.time("first-observed", &self.service.first_seen),
            last_observed: marks.time("last-observed", &self.service.last_seen),
            created: marks.time("created", &self.created_at),
            updated: marks.time("updated", &self.updated_at),
            signal: if archived {
                Signal::ArchivedByHand
            } else {
                Signal::Open
            },
            sample: self.is_sample(),
            account: origin.account,
            partition: origin.partition,
            native_id,
            resources,
            marks: marks.into_list(),
            detail: Box::new(self.detail()),
            raw: None,
        })
    }
}

impl GuardDuty<'_> {
    /// The finding's ARN; put together of its parts where an exporter left it out.
    fn native_id(&self, origin: &Origin, marks: &mut Marks) -> Option<String> {
        if !self.arn.text().is_empty() {
            return Some(marks.id("id", self.arn.text()));
        }
        let detector = self.service.detector_id.text();
        if detector.is_empty() {
            return None;
        }
        marks.add("arn-composed");
        let Origin {
            account,
            region,
            partition,
        } = origin;
        let id = self.id.text();
        Some(marks.id(
            "id",
            &format!(
                "arn:{partition}:guardduty:{region}:{account}:detector/{detector}/finding/{id}"
            ),
        ))
    }

    fn severity(&self, marks: &mut Marks) -> Option<Severity> {
        if self.severity.value.is_none() {
            marks.add("severity-missing");
        }
        self.severity.value.map(Severity::from_guardduty)
    }

    /// GuardDuty marks its own samples in the title and in a JSON text.
    fn is_sample(&self) -> bool {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Inner {
            sample: Flag,
        }
        let additional = &self.service.additional;
        let inner = || {
            serde_json::from_str::<Inner>(additional.value.text())
                .unwrap_or_default()
                .sample
        };
        self.title.text().starts_with("[SAMPLE]")
            || additional.sample.value == Some(true)
            || inner().value == Some(true)
    }

    /// What the finding names, the root first: the kind `resourceType` says.
    fn resources(&self, origin: &Origin, marks: &mut Marks) -> Vec<ResourceRef> {
        let mut named = affected(&self.resource, origin);
        let root = self.resource.kind.text();
        if let Some(at) = named.iter().position(|(kind, _)| *kind == root) {
            named[..=at].rotate_right(1);
        }
        let mut out: Vec<ResourceRef> = named
            .into_iter()
            .take(MOST)
            .map(|(_, named)| named.reference(origin, marks))
            .collect();
        if out.is_empty() {
            // Attack sequences may name what they met only here.
            let members = self.service.detection.sequence.resources.items.iter();
            let members = members.filter(|m| !m.uid.text().is_empty());
            out = members
                .map(|m| Named {
                    id: m.uid.text().into(),
                    kind: m.kind.text(),
                    ..Named::default()
                })
                .map(|named| named.reference(origin, marks))
                .collect();
        }
        if out.is_empty() {
            marks.add("resources-missing");
        }
        out
    }
}

/// Everything the `resource` names, each with the word of `resourceType` for it.
fn affected<'a>(of: &'a Affected<'_>, origin: &Origin) -> Vec<(&'static str, Named<'a>)> {
    let mut out: Vec<(&'static str, Named<'a>)> = Vec::new();
    let mut add = |word, kind, id: Cow<'a, str>, tag| {
        if !id.is_empty() {
            out.push((
                word,
                Named {
                    id,
                    kind,
                    region: "",
                    tag,
                },
            ));
        }
    };
    for bucket in &of.buckets.items {
        let id = if bucket.arn.text().is_empty() {
            bucket.name.text()
        } else {
            bucket.arn.text()
        };
        add("S3Bucket", "AwsS3Bucket", id.into(), "");
    }
    add(
        "AccessKey",
        "AwsIamAccessKey",
        principal(&of.access_key, origin),
        "",
    );
    add(
        "Instance",
        "AwsEc2Instance",
        of.instance.id.text().into(),
        of.instance.tags.get("Name"),
    );
    let by_arn = [
        ("EKSCluster", "AwsEksCluster", &of.eks),
        ("ECSCluster", "AwsEcsCluster", &of.ecs),
        ("Lambda", "AwsLambdaFunction", &of.lambda),
        ("RDSDBInstance", "AwsRdsDbInstance", &of.database),
        ("RDSLimitlessDB", "AwsRdsDbShardGroup", &of.limitless),
        ("EBSSnapshot", "AwsEc2Snapshot", &of.snapshot),
        ("EC2Image", "AwsEc2Image", &of.image),
        (
            "EBSRecoveryPoint",
            "AwsBackupRecoveryPoint",
            &of.recovery_point,
        ),
    ];
    for (word, kind, part) in by_arn {
        add(word, kind, part.arn.text().into(), "");
    }
    for volume in &of.volumes.scanned.items {
        add("EBSVolume", "AwsEc2Volume", volume.arn.text().into(), "");
    }
    add(
        "Container",
        "Container",
        of.container.id.text().into(),
        of.container.name.text(),
    );
    out
}

/// An access key as ASFF names it; without a key, the user or role that acted.
fn principal<'a>(key: &'a AccessKey<'_>, origin: &Origin) -> Cow<'a, str> {
    if !key.id.text().is_empty() {
        return Cow::Owned(format!("AWS::IAM::AccessKey:{}", key.id.text()));
    }
    let Origin {
        account, partition, ..
    } = origin;
    let name = key.user_name.text();
    let resource = match key.user_type.text() {
        "Root" => "root".to_owned(),
        _ if name.is_empty() => return Cow::Borrowed(""),
        "IAMUser" => format!("user/{name}"),
        "AssumedRole" | "Role" => format!("role/{name}"),
        _ => return Cow::Borrowed(name),
    };
    Cow::Owned(format!("arn:{partition}:iam::{account}:{resource}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use poamd_contract::finding::Channel;

    use super::*;

    fn report(resource: &str, rest: &str) -> FindingReport {
        let text = format!(
            r#"{{"arn":"arn:aws-us-gov:guardduty:us-gov-west-1:210987654321:detector/d/finding/f","type":"T:EC2/X","severity":5,
            "region":"us-gov-west-1","accountId":"210987654321","resource":{resource}{rest}}}"#
        );
        serde_json::from_str::<GuardDuty<'_>>(&text)
            .unwrap()
            .report(&Channel::Pull.into(), Marks::default())
            .unwrap()
    }

    #[test]
    fn the_root_is_what_the_type_says_and_is_named_as_in_asff() {
        let key =
            r#""accessKeyDetails":{"accessKeyId":"ASIAX","userName":"u","userType":"IAMUser"}"#;
        let instance = r#""instanceDetails":{"instanceId":"i-0b4c9d8e7f6a51234"}"#;
        let instance_arn =
            "arn:aws-us-gov:ec2:us-gov-west-1:210987654321:instance/i-0b4c9d8e7f6a51234";
        let keyless = r#""accessKeyDetails":{"userName":"u","userType":"IAMUser"}"#;
        for (resource, want) in [
            (
                format!(r#"{{"resourceType":"AccessKey",{key},{instance}}}"#),
                vec!["AWS::IAM::AccessKey:ASIAX", instance_arn],
            ),
            (
                format!(r#"{{"resourceType":"Instance",{key},{instance}}}"#),
                vec![instance_arn, "AWS::IAM::AccessKey:ASIAX"],
            ),
            (
                format!(r#"{{"resourceType":"AccessKey",{keyless}}}"#),
                vec!["arn:aws-us-gov:iam::210987654321:user/u"],
            ),
            (
                r#"{"resourceType":"Lambda","lambdaDetails":{"functionArn":"arn:aws-us-gov:lambda:us-gov-west-1:210987654321:function:f"}}"#.to_owned(),
                vec!["arn:aws-us-gov:lambda:us-gov-west-1:210987654321:function:f"],
            ),
            (
                r#"{"resourceType":"S3Bucket","s3BucketDetails":[{"name":"acme"}]}"#.to_owned(),
                vec!["arn:aws-us-gov:s3:::acme"],
            ),
        ] {
            let got = report(&resource, "");
            let ids: Vec<_> = got.resources.iter().map(|r| r.id.as_str()).collect();
            assert_eq!(ids, want, "{resource}");
            assert_eq!(got.weakness.id, format!("T:EC2/X on {}", want[0]));
        }
    }

    #[test]
    fn pascal_case_is_the_same_finding() {
        let text = r#"{"Arn":"arn:aws:guardduty:us-east-1:123456789012:detector/d/finding/f","AccountId":"123456789012","Region":"us-east-1",
            "Partition":"aws","Type":"Recon:EC2/PortProbeUnprotectedPort","Severity":2,"Title":"t","UpdatedAt":"2026-11-20T13:04:18.720Z",
            "Resource":{"ResourceType":"Instance","InstanceDetails":{"InstanceId":"i-0b4c9d8e7f6a51234","Tags":[{"Key":"Name","Value":"web"}]}},
            "Service":{"Archived":true,"AdditionalInfo":{"Value":"{\"sample\":true}"}}}"#;
        let got = serde_json::from_str::<GuardDuty<'_>>(text).unwrap();
        assert!(got.is_like());
        let got = got.report(&Channel::File.into(), Marks::default()).unwrap();
        assert_eq!(got.signal, Signal::ArchivedByHand);
        assert_eq!(got.severity, Some(Severity::Low));
        assert!(got.sample);
        assert_eq!(got.resources[0].name, "web");
        assert!(got.marks.is_empty(), "{:?}", got.marks);
    }

    #[test]
    fn without_an_arn_it_is_composed() {
        let text = r#"{"id":"f","accountId":"210987654321","region":"us-gov-west-1","service":{"detectorId":"d"}}"#;
        let got = serde_json::from_str::<GuardDuty<'_>>(text)
            .unwrap()
            .report(&Channel::Pull.into(), Marks::default())
            .unwrap();
        assert_eq!(
            got.native_id,
            "arn:aws-us-gov:guardduty:us-gov-west-1:210987654321:detector/d/finding/f"
        );
        let bare = r#"{"id":"f","accountId":"210987654321"}"#;
        let bare = serde_json::from_str::<GuardDuty<'_>>(bare).unwrap();
        assert_eq!(
            bare.report(&Channel::Pull.into(), Marks::default())
                .unwrap_err(),
            NO_ID
        );
    }
}
