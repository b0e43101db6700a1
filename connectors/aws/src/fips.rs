//! Where AWS has FIPS endpoints. The SDK invents names where there are none, which then fail in DNS.
//!
//! From the endpoint data of botocore 1.44.5 (`reliability-security.md` 5.5).

use poamd_contract::ids::{Partition, Region};

/// How to reach a service by validated cryptography.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fips {
    /// A host of its own, which the SDK knows.
    OwnHost,
    /// The ordinary host is the validated one.
    OrdinaryHost,
    /// There is none.
    None,
}

const US: [&str; 4] = ["us-east-1", "us-east-2", "us-west-1", "us-west-2"];

/// What AWS offers for `service` in `region`.
pub(crate) fn endpoint(service: &str, region: &Region) -> Fips {
    let name = region.as_str();
    match (Partition::of_region(region).as_str(), service) {
        ("aws", "iam" | "organizations") => Fips::OwnHost,
        ("aws", _) if US.contains(&name) => Fips::OwnHost,
        ("aws", "guardduty" | "ec2" | "s3") if name == "ca-west-1" => Fips::OwnHost,
        ("aws", "ec2" | "s3") if name == "ca-central-1" => Fips::OwnHost,
        ("aws-us-gov", "guardduty" | "sts" | "ec2" | "iam" | "organizations") => Fips::OrdinaryHost,
        ("aws-us-gov", _) => Fips::OwnHost,
        ("aws-iso" | "aws-iso-b", "s3") => Fips::OwnHost,
        _ => Fips::None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn knows_where_there_is_none() {
        for (service, region, expected) in [
            ("securityhub", "us-east-2", Fips::OwnHost),
            ("securityhub", "eu-west-1", Fips::None),
            ("guardduty", "ca-west-1", Fips::OwnHost),
            ("guardduty", "ca-central-1", Fips::None),
            ("sts", "eu-central-1", Fips::None),
            ("iam", "eu-central-1", Fips::OwnHost),
            ("organizations", "eu-central-1", Fips::OwnHost),
            ("organizations", "us-gov-west-1", Fips::OrdinaryHost),
            ("inspector2", "us-gov-east-1", Fips::OwnHost),
            ("guardduty", "us-gov-west-1", Fips::OrdinaryHost),
            ("iam", "us-gov-west-1", Fips::OrdinaryHost),
            ("s3", "us-gov-west-1", Fips::OwnHost),
            ("securityhub", "us-iso-east-1", Fips::None),
            ("ec2", "cn-north-1", Fips::None),
        ] {
            assert_eq!(
                endpoint(service, &region.parse().unwrap()),
                expected,
                "{service} {region}"
            );
        }
    }
}
