//! Who made an ASFF finding: the detector behind its `ProductArn`. A product of somebody's own cannot
//! pass for one of AWS's or for poamd's policies.

use crate::arn_view::ArnView;

/// The detectors whose findings have rules of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    SecurityHub,
    GuardDuty,
    Inspector,
    InspectorClassic,
    Config,
    /// Another service of AWS: its findings have ARNs.
    Aws,
    Other,
}

#[derive(Debug)]
pub(crate) struct Product<'a> {
    pub(crate) maker: Maker,
    /// Empty if the document has none.
    pub(crate) arn: &'a str,
    company: &'a str,
    name: &'a str,
}

/// Words only their owners may use as a source.
const RESERVED: [&str; 5] = [
    "policy",
    "securityhub",
    "guardduty",
    "inspector",
    "inspector-classic",
];

impl<'a> Product<'a> {
    /// From `ProductArn`, else from the service in the finding's own ARN. `said` is `ProductName`,
    /// `version` Inspector's own mark of its generation (`1` is Classic).
    pub(crate) fn of(arn: &'a str, id: &'a str, said: &'a str, version: &str) -> Self {
        let (company, name) = ArnView::of(arn)
            .and_then(|view| view.resource.strip_prefix("product/")?.split_once('/'))
            .or_else(|| Some(("aws", product_of_service(ArnView::of(id)?.service)?)))
            .unwrap_or_default();
        // "default" is what Security Hub calls everybody's own product.
        let name = if name.is_empty() || name == "default" {
            said
        } else {
            name
        };
        let classic =
            version == "1" || ArnView::of(id).is_some_and(|view| view.service == "inspector");
        let maker = match (company, name) {
            ("aws", "securityhub") => Maker::SecurityHub,
            ("aws", "guardduty") => Maker::GuardDuty,
            ("aws", "inspector") if classic => Maker::InspectorClassic,
            ("aws", "inspector") => Maker::Inspector,
            ("aws", "config") => Maker::Config,
            ("aws", _) => Maker::Aws,
            _ => Maker::Other,
        };
        Self {
            maker,
            arn,
            company,
            name,
        }
    }

    /// The word for the detector: lowercase with dashes, at most 64 characters.
    pub(crate) fn source(&self) -> String {
        match self.maker {
            Maker::InspectorClassic => "inspector-classic".to_owned(),
            Maker::Other => {
                let name = word(self.name);
                match RESERVED.contains(&name.as_str()) {
                    true => word(&format!(
                        "{}-{name}",
                        if self.company.is_empty() {
                            "other"
                        } else {
                            self.company
                        }
                    )),
                    false if name.is_empty() => "unknown".to_owned(),
                    false => name,
                }
            }
            _ => word(self.name),
        }
    }
}

/// The product of AWS that a service's finding ARNs belong to.
fn product_of_service(service: &str) -> Option<&'static str> {
    Some(match service {
        "securityhub" => "securityhub",
        "guardduty" => "guardduty",
        "inspector" | "inspector2" => "inspector",
        "macie" | "macie2" => "macie",
        "access-analyzer" => "access-analyzer",
        "config" => "config",
        _ => return None,
    })
}

fn word(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take(64) {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_known_by_their_arn() {
        for (arn, id, said, version, maker, source) in [
            (
                "arn:aws:securityhub:us-east-1::product/aws/securityhub",
                "x",
                "",
                "",
                Maker::SecurityHub,
                "securityhub",
            ),
            (
                "arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/guardduty",
                "x",
                "",
                "",
                Maker::GuardDuty,
                "guardduty",
            ),
            (
                "arn:aws:securityhub:us-east-1::product/aws/inspector",
                "x",
                "",
                "2",
                Maker::Inspector,
                "inspector",
            ),
            (
                "arn:aws:securityhub:us-east-1::product/aws/inspector",
                "x",
                "",
                "1",
                Maker::InspectorClassic,
                "inspector-classic",
            ),
            (
                "arn:aws:securityhub:us-east-1::product/aws/access-analyzer",
                "x",
                "IAM Access Analyzer",
                "",
                Maker::Aws,
                "access-analyzer",
            ),
            (
                "arn:aws:securityhub:us-east-1::product/prowler/prowler",
                "x",
                "Prowler",
                "",
                Maker::Other,
                "prowler",
            ),
            (
                "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default",
                "x",
                "Acme Scan!",
                "",
                Maker::Other,
                "acme-scan",
            ),
            (
                "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default",
                "x",
                "Policy",
                "",
                Maker::Other,
                "123456789012-policy",
            ),
            (
                "arn:aws:securityhub:us-east-1::product/acme/guardduty",
                "x",
                "",
                "",
                Maker::Other,
                "acme-guardduty",
            ),
            (
                "",
                "arn:aws:inspector2:us-east-1:123456789012:finding/1",
                "",
                "",
                Maker::Inspector,
                "inspector",
            ),
            ("", "x", "", "", Maker::Other, "unknown"),
        ] {
            let product = Product::of(arn, id, said, version);
            assert_eq!(
                (product.maker, product.source().as_str()),
                (maker, source),
                "{arn} {id}"
            );
        }
    }
}
