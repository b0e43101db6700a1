//! Names a resource the same way whoever speaks of it: short ids become the ARNs that ASFF uses, ARNs
//! of global resources lose a region, a Lambda's `$LATEST` is the function.

use std::borrow::Cow;

use poamd_contract::finding::ResourceRef;
use poamd_contract::ids::Region;

use crate::arn_view::ArnView;
use crate::marks::{Marks, capped};
use crate::origin::Origin;
use crate::technology::technology;

/// Resources of one report (ASFF's own limit).
pub(crate) const MOST: usize = 32;

/// Characters of a name.
const NAME: usize = 256;

/// A resource as its document has it.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) kind: &'a str,
    pub(crate) region: &'a str,
    /// The value of its `Name` tag, empty if it has none.
    pub(crate) tag: &'a str,
}

/// Short ids of EC2 and the word for their kind in an ARN.
const SHORT_IDS: [(&str, &str); 15] = [
    ("i-", "instance"),
    ("sg-", "security-group"),
    ("vol-", "volume"),
    ("snap-", "snapshot"),
    ("ami-", "image"),
    ("vpc-", "vpc"),
    ("subnet-", "subnet"),
    ("eni-", "network-interface"),
    ("acl-", "network-acl"),
    ("rtb-", "route-table"),
    ("igw-", "internet-gateway"),
    ("nat-", "natgateway"),
    ("vpce-", "vpc-endpoint"),
    ("pcx-", "vpc-peering-connection"),
    ("eipalloc-", "elastic-ip"),
];

/// The id every channel gives the resource.
pub(crate) fn normal_id(id: &str, kind: &str, origin: &Origin) -> String {
    if let Some(arn) = ArnView::of(id) {
        if arn.service == "lambda"
            && let Some(function) = id.strip_suffix(":$LATEST")
        {
            return function.to_owned();
        }
        if arn.is_global() && !arn.region.is_empty() {
            return format!(
                "arn:{}:{}::{}:{}",
                arn.partition, arn.service, arn.account, arn.resource
            );
        }
        return id.to_owned();
    }
    let Origin {
        account,
        region,
        partition,
    } = origin;
    for (prefix, word) in SHORT_IDS {
        let hex = id.strip_prefix(prefix).unwrap_or_default();
        if (8..=17).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return format!("arn:{partition}:ec2:{region}:{account}:{word}/{id}");
        }
    }
    if matches!(kind, "AwsS3Bucket" | "S3Bucket") && !id.is_empty() && !id.contains([':', '/', ' '])
    {
        return format!("arn:{partition}:s3:::{id}");
    }
    id.to_owned()
}

impl Named<'_> {
    pub(crate) fn reference(&self, origin: &Origin, marks: &mut Marks) -> ResourceRef {
        let id = marks.id("resource-id", &normal_id(&self.id, self.kind, origin));
        let arn = ArnView::of(&id);
        let region = match arn {
            Some(arn) if arn.is_global() => Some(Region::global()),
            Some(arn) => arn.region.parse().ok().or_else(|| self.region.parse().ok()),
            None => self.region.parse().ok(),
        };
        let name = if self.tag.is_empty() {
            own_name(&id, arn)
        } else {
            Cow::Borrowed(self.tag)
        };
        ResourceRef {
            name: crate::marks::clean(&capped(&name, NAME)).into_owned(),
            technology: technology(&id, self.kind).map(str::to_owned),
            kind: crate::marks::clean(&capped(self.kind, 128)).into_owned(),
            region,
            id,
        }
    }
}

/// `global` for what belongs to no region, so that every region's report of it is the same finding:
/// global resources, and the account as such under IAM's and the account's own controls.
pub(crate) fn place(
    origin: &Origin,
    control: Option<&str>,
    primary: Option<&ResourceRef>,
) -> Region {
    let global = primary.is_some_and(|resource| {
        let of_account = resource.id.starts_with("AWS::::Account:")
            && control.is_some_and(|c| c.starts_with("IAM.") || c.starts_with("Account."));
        of_account || resource.region.as_ref().is_some_and(Region::is_global)
    });
    if global {
        Region::global()
    } else {
        origin.region.clone()
    }
}

/// The part of an id that people say.
fn own_name<'a>(id: &'a str, arn: Option<ArnView<'a>>) -> Cow<'a, str> {
    let Some(arn) = arn else {
        let known = id.starts_with("AWS::");
        return Cow::Borrowed(if known {
            id.rsplit(':').next().unwrap_or(id)
        } else {
            id
        });
    };
    match (arn.service, arn.kind()) {
        ("lambda", "function") => Cow::Borrowed(arn.rest().split(':').next().unwrap_or(arn.rest())),
        ("elasticloadbalancing", "loadbalancer") => {
            let mut parts = arn.rest().split('/');
            let first = parts.next().unwrap_or_default();
            Cow::Borrowed(parts.next().unwrap_or(first))
        }
        ("ecr", "repository") => match arn.rest().split_once("/sha256:") {
            // Twelve characters are what container tools show of a digest.
            Some((name, digest)) => Cow::Owned(format!(
                "{name}@sha256:{}",
                digest.get(..12).unwrap_or(digest)
            )),
            None => Cow::Borrowed(arn.rest()),
        },
        _ => Cow::Borrowed(
            arn.resource
                .rsplit(['/', ':'])
                .next()
                .unwrap_or(arn.resource),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn origin() -> Origin {
        Origin {
            account: "210987654321".parse().unwrap(),
            region: "us-gov-west-1".parse().unwrap(),
            partition: "aws-us-gov".parse().unwrap(),
        }
    }

    #[test]
    fn one_resource_has_one_id() {
        for (id, kind, want) in [
            (
                "i-0aa11bb22cc33dd44",
                "AWS_EC2_INSTANCE",
                "arn:aws-us-gov:ec2:us-gov-west-1:210987654321:instance/i-0aa11bb22cc33dd44",
            ),
            ("i-am-no-instance", "Other", "i-am-no-instance"),
            ("acme", "AwsS3Bucket", "arn:aws-us-gov:s3:::acme"),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
                "",
                "arn:aws:lambda:us-east-1:123456789012:function:f",
            ),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:f:7",
                "",
                "arn:aws:lambda:us-east-1:123456789012:function:f:7",
            ),
            (
                "arn:aws:iam:us-east-1:123456789012:user/a",
                "",
                "arn:aws:iam::123456789012:user/a",
            ),
            (
                "AWS::::Account:123456789012",
                "AwsAccount",
                "AWS::::Account:123456789012",
            ),
        ] {
            assert_eq!(normal_id(id, kind, &origin()), want, "{id}");
        }
    }

    #[test]
    fn names_are_what_people_say() {
        for (id, tag, want) in [
            (
                "arn:aws:ec2:us-east-1:123456789012:instance/i-1",
                "web-1",
                "web-1",
            ),
            ("arn:aws:ec2:us-east-1:123456789012:instance/i-1", "", "i-1"),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:claims:7",
                "",
                "claims",
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc",
                "",
                "web",
            ),
            (
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/old",
                "",
                "old",
            ),
            (
                "arn:aws:ecr:us-east-1:123456789012:repository/a/b/sha256:ca978112ca1bbdcafac2",
                "",
                "a/b@sha256:ca978112ca1b",
            ),
            ("AWS::IAM::AccessKey:ASIAX", "", "ASIAX"),
            ("db-2 (5432/TCP)", "", "db-2 (5432/TCP)"),
        ] {
            let named = Named {
                id: id.into(),
                tag,
                ..Named::default()
            };
            assert_eq!(
                named.reference(&origin(), &mut Marks::default()).name,
                want,
                "{id}"
            );
        }
    }
}
