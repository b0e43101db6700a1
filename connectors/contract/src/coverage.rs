//! What a scan or pull could see. "Could not look" is a result, never silence.

use serde::{Deserialize, Serialize};

use crate::arn::Arn;
use crate::ids::{AccountId, Region};

/// One cell of coverage: account × region × service. `service` is the name of a finding source
/// (`securityhub`, `securityhub-v2`, `guardduty`, `inspector`, `inspector-classic`) or `scan:<technology>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cell {
    pub account: AccountId,
    pub region: Region,
    pub service: String,
}

/// How far a look at a cell got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Coverage {
    /// Everything was read, to the last page.
    Complete,
    /// Some pages were read, then it stopped.
    Partial { reason: String },
    /// The service refused us.
    Denied { reason: String },
    /// The service is not switched on here (no hub, no detector).
    Off { reason: String },
    /// The service no longer exists (Inspector Classic, ended 20 May 2026).
    Ended { reason: String },
    /// It could not be reached or answered with errors.
    Failed { reason: String },
}

impl Coverage {
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete)
    }

    pub fn state(&self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial { .. } => "partial",
            Self::Denied { .. } => "denied",
            Self::Off { .. } => "off",
            Self::Ended { .. } => "ended",
            Self::Failed { .. } => "failed",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Complete => None,
            Self::Partial { reason }
            | Self::Denied { reason }
            | Self::Off { reason }
            | Self::Ended { reason }
            | Self::Failed { reason } => Some(reason),
        }
    }
}

/// What a look's silence means where the detector does not look at everything it could: one rule a kind of finding,
/// the first that fits decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vouched {
    pub parts: Vec<Part>,
}

/// A kind of finding that a detector looks for, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub account: AccountId,
    /// Service and beginning of the resource in its ARN (`ec2:image/`, `ecr:`); empty takes everything.
    pub resources: &'static str,
    pub flaws: Flaws,
    /// Why it is not looked for; `None`: it is.
    pub off: Option<String>,
}

/// Which weaknesses a [`Part`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaws {
    Any,
    /// Of the code itself, not of a package in it: their ids are detectors' (`python/sql-injection`).
    Code,
}

impl Vouched {
    /// Why the silence about a finding says nothing; `None`: it does.
    pub fn gap(&self, account: &str, arn: &str, weakness: &str) -> Option<String> {
        match self.parts.iter().find(|p| p.fits(account, arn, weakness)) {
            Some(part) => part.off.clone(),
            None => Some(format!(
                "account {account}: what is looked for is not known"
            )),
        }
    }
}

impl Part {
    fn fits(&self, account: &str, arn: &str, weakness: &str) -> bool {
        let flaw = match self.flaws {
            Flaws::Any => true,
            Flaws::Code => weakness.contains('/'),
        };
        flaw && self.account.as_str() == account && of(arn, self.resources)
    }
}

/// Whether `arn` is one of `resources`.
fn of(arn: &str, resources: &str) -> bool {
    let Some((service, beginning)) = resources.split_once(':') else {
        return resources.is_empty();
    };
    arn.parse::<Arn>()
        .is_ok_and(|arn| arn.service == service && arn.resource.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_part_that_fits_decides() {
        let part = |resources, flaws, off: Option<&str>| Part {
            account: "123456789012".parse().unwrap(),
            resources,
            flaws,
            off: off.map(str::to_owned),
        };
        let vouched = Vouched {
            parts: vec![
                part("ec2:image/", Flaws::Any, Some("images")),
                part("ec2:", Flaws::Any, None),
                part("lambda:", Flaws::Code, Some("code")),
                part("lambda:", Flaws::Any, None),
                part("", Flaws::Any, Some("rest")),
            ],
        };
        let arn = |rest: &str| format!("arn:aws-us-gov:{rest}");
        for (resource, weakness, gap) in [
            ("ec2:r:a:image/ami-1", "CVE-2026-1", Some("images")),
            ("ec2:r:a:instance/i-1", "CVE-2026-1", None),
            ("ec2:r:a:instance/i-1", "network-reachability/x", None),
            (
                "lambda:r:a:function:f",
                "python/sql-injection",
                Some("code"),
            ),
            ("lambda:r:a:function:f", "GHSA-1-2-3", None),
            ("ecr:r:a:repository/x", "CVE-2026-1", Some("rest")),
        ] {
            let got = vouched.gap("123456789012", &arn(resource), weakness);
            assert_eq!(got.as_deref(), gap, "{resource} {weakness}");
        }
        let odd = vouched.gap("123456789012", "project-1", "CVE-2026-1");
        assert_eq!(odd.as_deref(), Some("rest"), "not an ARN");
        let foreign = vouched.gap("210987654321", &arn("ec2:r:a:instance/i-1"), "x");
        assert!(foreign.is_some_and(|why| why.contains("210987654321")));
    }
}
