//! What makes one record: a weakness in an account, or each of its items (`design.md`, States). A rule says where a
//! finding goes that is on no live record; one that is on a live record stays there, whatever the rules say now.

use poamd_contract::finding::WeaknessKind;

/// How findings go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Weakness,
    Item,
}

/// One rule; what it does not name fits everything. The first that fits holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub source: Option<String>,
    pub technology: Option<String>,
    /// Its number.
    pub account: Option<String>,
    /// Of the account, in any case.
    pub label: Option<String>,
    pub by: By,
}

/// A finding as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    pub weakness: &'a str,
    pub kind: WeaknessKind,
    /// Of its primary item.
    pub arn: &'a str,
    pub source: &'a str,
    pub technology: &'a str,
    pub account: &'a str,
    pub label: &'a str,
}

impl Rule {
    fn fits(&self, seen: &Seen<'_>) -> bool {
        let is = |wanted: &Option<String>, has: &str| {
            wanted
                .as_deref()
                .is_none_or(|w| w.eq_ignore_ascii_case(has))
        };
        is(&self.source, seen.source)
            && is(&self.technology, seen.technology)
            && is(&self.account, seen.account)
            && is(&self.label, seen.label)
    }
}

/// The key of the record that a finding belongs on. An incident names its item in its weakness already.
pub fn key(rules: &[Rule], seen: &Seen<'_>) -> String {
    let by = rules
        .iter()
        .find(|rule| rule.fits(seen))
        .map_or(By::Weakness, |rule| rule.by);
    match by {
        By::Item if seen.kind != WeaknessKind::Incident => {
            format!("{} on {}", seen.weakness, seen.arn)
        }
        _ => seen.weakness.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(by: By) -> Rule {
        Rule {
            source: None,
            technology: None,
            account: None,
            label: None,
            by,
        }
    }

    #[test]
    fn the_first_rule_that_fits_holds() {
        let rules = [
            Rule {
                account: Some("123456789012".into()),
                ..rule(By::Weakness)
            },
            Rule {
                source: Some("inspector".into()),
                label: Some("Prod".into()),
                ..rule(By::Item)
            },
            Rule {
                technology: Some("s3".into()),
                ..rule(By::Item)
            },
        ];
        let seen = Seen {
            weakness: "CVE-2026-0001",
            kind: WeaknessKind::Vulnerability,
            arn: "arn:x:ec2:::i-1",
            source: "inspector",
            technology: "ec2",
            account: "210987654321",
            label: "prod",
        };
        let item = "CVE-2026-0001 on arn:x:ec2:::i-1";
        assert_eq!(key(&rules, &seen), item);
        assert_eq!(key(&[], &seen), "CVE-2026-0001");
        for (other, wanted) in [
            (
                Seen {
                    account: "123456789012",
                    ..seen
                },
                "CVE-2026-0001",
            ),
            (
                Seen {
                    label: "dev",
                    ..seen
                },
                "CVE-2026-0001",
            ),
            (
                Seen {
                    label: "dev",
                    technology: "s3",
                    ..seen
                },
                item,
            ),
            (
                Seen {
                    kind: WeaknessKind::Incident,
                    ..seen
                },
                "CVE-2026-0001",
            ),
        ] {
            assert_eq!(key(&rules, &other), wanted, "{other:?}");
        }
    }
}
