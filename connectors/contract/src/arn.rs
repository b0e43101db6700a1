//! Amazon Resource Names, parsed once. The partition is carried, never assumed.

use std::fmt;
use std::str::FromStr;

use crate::ids::BadId;

/// `arn:partition:service:region:account:resource`; region and account may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    pub partition: String,
    pub service: String,
    pub region: String,
    pub account: String,
    pub resource: String,
}

/// Services whose resources live in no region, so that several regions report the same resource.
const GLOBAL_SERVICES: [&str; 9] = [
    "iam",
    "sts",
    "organizations",
    "cloudfront",
    "route53",
    "route53domains",
    "globalaccelerator",
    "waf",
    "shield",
];

impl Arn {
    /// True for resources that belong to no region (IAM, CloudFront …). An S3 bucket does, although its
    /// ARN does not say which.
    pub fn is_global(&self) -> bool {
        Self::is_global_service(&self.service)
    }

    /// The same, known only by the service's word in the ARN (`iam`).
    pub fn is_global_service(service: &str) -> bool {
        GLOBAL_SERVICES.contains(&service)
    }

    /// The last part of the resource, behind the last `/` or `:`: what people call it.
    pub fn short_name(&self) -> &str {
        self.resource
            .rsplit(['/', ':'])
            .next()
            .unwrap_or(&self.resource)
    }
}

impl FromStr for Arn {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId {
            text: text.chars().take(200).collect(),
            expected: "an ARN (arn:partition:service:region:account:resource)",
        };
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or_else(bad);
        if next()? != "arn" {
            return Err(bad());
        }
        let arn = Self {
            partition: next()?,
            service: next()?,
            region: next()?,
            account: next()?,
            resource: next()?,
        };
        if arn.partition.is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            Err(bad())
        } else {
            Ok(arn)
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "arn:{}:{}:{}:{}:{}",
            self.partition, self.service, self.region, self.account, self.resource
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_prints_the_same() {
        let text = "arn:aws-us-gov:ec2:us-gov-west-1:210987654321:security-group/sg-1";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.to_string(), text);
        assert_eq!(arn.short_name(), "sg-1");
        assert!(!arn.is_global());
    }

    #[test]
    fn resources_keep_their_colons() {
        let arn: Arn = "arn:aws:sns:us-east-1:123456789012:topic:sub"
            .parse()
            .unwrap();
        assert_eq!(arn.resource, "topic:sub");
    }

    #[test]
    fn refuses_what_is_no_arn() {
        for bad in [
            "",
            "arn",
            "arn:aws",
            "AWS::::Account:123456789012",
            "arn:aws:iam:::",
        ] {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }
}
