//! Who made an ASFF finding: the detector behind its `ProductArn`. A product of somebody's own cannot
//! pass for one of AWS's or for poamd's policies.

use crate::arn_view::ArnView;
use crate::weakness::guardduty_type;

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

/// What a document says of its product, each empty if it does not.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    /// `ProductArn`; OCSF's `productv2/` means the same as `product/`.
    pub(crate) arn: &'a str,
    pub(crate) id: &'a str,
    /// `ProductName` and its like, the more telling first.
    pub(crate) products: [&'a str; 2],
    pub(crate) companies: [&'a str; 2],
    pub(crate) generator: &'a str,
    /// Inspector's own mark of its generation (`1` is Classic).
    pub(crate) version: &'a str,
}

#[derive(Debug)]
pub(crate) struct Product<'a> {
    pub(crate) maker: Maker,
    /// Empty if the document has none.
    pub(crate) arn: &'a str,
    company: &'a str,
    name: &'a str,
}

/// What names the check where `GeneratorId` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedBy {
    /// `Types[0]`.
    Type,
    /// A key of `ProductFields`.
    Field,
}

/// Products of AWS whose `GeneratorId` is one word for all they find, or another one at each run. From the example
/// findings in the product's own guide.
const UNNAMED: [(&str, NamedBy); 4] = [
    // `aws/access-analyzer`, six types (IAM User Guide, "Typical findings from IAM Access Analyzer").
    ("access-analyzer", NamedBy::Type),
    // The id of the audit's task or of the finding; the check is `CheckName` (IoT Device Defender Developer Guide).
    ("iot-device-defender-audit", NamedBy::Field),
    // `aws/macie`; the type is Macie's own behind a namespace.
    ("macie", NamedBy::Type),
    // The id of the Run Command that looked (Systems Manager User Guide, "Typical finding from Patch Manager").
    ("ssm-patch-manager", NamedBy::Type),
];

/// What a finding of a product says of its check, each empty if it does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check<'a> {
    pub(crate) generator: &'a str,
    /// The first of its types.
    pub(crate) kind: &'a str,
    pub(crate) field: &'a str,
    pub(crate) title: &'a str,
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
    /// From `ProductArn`, else from the service in the finding's own ARN, else from what names it.
    pub(crate) fn of(said: &Said<'a>) -> Self {
        let (arn, id) = (said.arn, said.id);
        let (company, name) = ArnView::of(arn)
            .and_then(|view| {
                let product = view.resource.strip_prefix("product/");
                let product = product.or_else(|| view.resource.strip_prefix("productv2/"));
                product?.split_once('/')
            })
            .or_else(|| Some(("aws", product_of_service(ArnView::of(id)?.service)?)))
            .unwrap_or_default();
        let name = if telling(name) { name } else { said.name() };
        let classic =
            said.version == "1" || ArnView::of(id).is_some_and(|view| view.service == "inspector");
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
                    false if name.is_empty() => "unnamed-product".to_owned(),
                    false => name,
                }
            }
            _ => word(self.name),
        }
    }
}

impl Product<'_> {
    /// The rule behind a finding of a service of AWS, where its `GeneratorId` names none: different weaknesses must not
    /// become one, nor one of them another at each run. `None` where the `GeneratorId` is the rule.
    pub(crate) fn check(&self, check: &Check<'_>) -> Option<String> {
        if self.maker != Maker::Aws {
            return None;
        }
        let listed = UNNAMED.iter().find(|(name, _)| *name == self.name);
        let by = match listed {
            Some((_, by)) => *by,
            None if self.is_itself(check.generator) => NamedBy::Type,
            None => return None,
        };
        let own = match by {
            NamedBy::Type => guardduty_type(check.kind),
            NamedBy::Field => check.field.to_owned(),
        };
        let named = [own.as_str(), check.title]
            .into_iter()
            .find(|n| !n.is_empty())?;
        Some(format!("{}/{named}", self.source()))
    }

    /// Whether a `GeneratorId` says no more than the product's own name, as `aws/access-analyzer` does.
    fn is_itself(&self, generator: &str) -> bool {
        let bare = match generator.split_once('/') {
            Some((company, bare)) if company.eq_ignore_ascii_case(self.company) => bare,
            _ => generator,
        };
        bare.eq_ignore_ascii_case(self.name)
    }
}

impl<'a> Said<'a> {
    /// What it is called where its ARN does not say: by its product, its company, the first part of its ids, or what
    /// generated it. Not by a whole id: a source is a product, not one of its rules.
    fn name(&self) -> &'a str {
        let generator = match ArnView::of(self.generator) {
            Some(arn) => arn.service,
            None => self
                .generator
                .split(['/', ':', '#'])
                .next()
                .unwrap_or_default(),
        };
        let head = match (ArnView::of(self.id), self.id.split_once('/')) {
            (None, Some((head, _))) => head,
            _ => "",
        };
        self.products
            .into_iter()
            .chain(self.companies)
            .chain([head, generator])
            .find(|name| telling(name))
            .unwrap_or_default()
    }
}

/// False for what Security Hub calls everybody's own product and company.
fn telling(name: &str) -> bool {
    !["", "default", "personal", "unknown"]
        .iter()
        .any(|word| name.trim().eq_ignore_ascii_case(word))
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
    fn products_of_somebodys_own_are_named_by_whatever_names_them() {
        let own = "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default";
        let by_id = Product::of(&Said {
            arn: own,
            id: "acme-scanner/plugin/19506/host/db-2",
            products: ["Default", "Default"],
            companies: ["Personal", ""],
            generator: "acme-scanner-plugin-19506",
            ..Said::default()
        });
        assert_eq!(by_id.source(), "acme-scanner");
        for (products, companies, generator, want) in [
            (["Default", "Acme Scan"], ["", ""], "g", "acme-scan"),
            (["Default", "default"], ["Personal", "Acme"], "g", "acme"),
            (
                ["Default", ""],
                ["Personal", "Personal"],
                "acme-scan/rule-7",
                "acme-scan",
            ),
            (
                ["", ""],
                ["", ""],
                "arn:aws:lambda:r:a:function:f",
                "lambda",
            ),
            (["", ""], ["", ""], "", "unnamed-product"),
        ] {
            let product = Product::of(&Said {
                arn: own,
                products,
                companies,
                generator,
                ..Said::default()
            });
            assert_eq!(product.source(), want);
        }
    }

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
            ("", "x", "", "", Maker::Other, "unnamed-product"),
            (
                "arn:aws:securityhub:us-east-1::productv2/aws/inspector",
                "x",
                "",
                "",
                Maker::Inspector,
                "inspector",
            ),
        ] {
            let product = Product::of(&Said {
                arn,
                id,
                version,
                products: [said, ""],
                ..Said::default()
            });
            assert_eq!(
                (product.maker, product.source().as_str()),
                (maker, source),
                "{arn} {id}"
            );
        }
    }
}
