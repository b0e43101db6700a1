//! Which Security Hub control a finding speaks of. The standards' own numbers (CIS `1.14`) differ between
//! standards and versions, so they are a last resort and then carry their standard.

use std::borrow::Cow;

/// The places a control id may stand in, each empty if it does not.
#[derive(Debug, Default)]
pub(crate) struct Clues<'a> {
    /// `Compliance.SecurityControlId`.
    pub(crate) security_control: &'a str,
    /// `ProductFields.ControlId`, or `RuleId` of the oldest standard.
    pub(crate) of_standard: &'a str,
    pub(crate) generator: &'a str,
    pub(crate) id: &'a str,
}

impl<'a> Clues<'a> {
    pub(crate) fn control(&self) -> Option<Cow<'a, str>> {
        if !self.security_control.is_empty() {
            return Some(Cow::Borrowed(self.security_control));
        }
        let by_generator = self.generator.rsplit('/').next().unwrap_or_default();
        let by_id = self
            .id
            .split_once("/finding/")
            .and_then(|(head, _)| head.rsplit('/').next())
            .unwrap_or_default();
        [by_generator, by_id, self.of_standard]
            .into_iter()
            .find(|text| is_control(text))
            .map(Cow::Borrowed)
            .or_else(|| self.standards_own())
    }

    /// `cis-aws-foundations-benchmark/v/1.2.0/1.14`.
    fn standards_own(&self) -> Option<Cow<'a, str>> {
        let place = self
            .generator
            .rsplit_once("ruleset/")
            .map_or(self.generator, |(_, rest)| rest);
        if let Some((standard, rule)) = place.rsplit_once('/')
            && standard.contains("/v/")
        {
            let standard = standard.strip_suffix("/rule").unwrap_or(standard);
            return Some(Cow::Owned(format!("{standard}/{rule}")));
        }
        (!self.of_standard.is_empty()).then_some(Cow::Borrowed(self.of_standard))
    }
}

/// A title without the control id that hubs without consolidated controls put before it, so that twins and both
/// kinds of hub say the same.
pub(crate) fn bare_title(title: String, control: Option<&str>) -> String {
    let bare = control
        .and_then(|control| title.strip_prefix(control))
        .filter(|rest| rest.starts_with([' ', ':', '-']))
        .map(|rest| rest.trim_start_matches([' ', ':', '-']))
        .filter(|rest| !rest.is_empty());
    match bare {
        Some(bare) => bare.to_owned(),
        None => title,
    }
}

/// `S3.8`, `CloudTrail.2`: a service's name, a dot, a number.
fn is_control(text: &str) -> bool {
    text.split_once('.').is_some_and(|(service, number)| {
        service
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic())
            && service.bytes().all(|b| b.is_ascii_alphanumeric())
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_do_not_repeat_the_control() {
        for (title, want) in [
            (
                "CloudTrail.2 CloudTrail should encrypt",
                "CloudTrail should encrypt",
            ),
            ("CloudTrail.2: encrypt", "encrypt"),
            ("CloudTrail.21 other", "CloudTrail.21 other"),
            ("CloudTrail.2", "CloudTrail.2"),
            ("CloudTrail should encrypt", "CloudTrail should encrypt"),
        ] {
            assert_eq!(bare_title(title.to_owned(), Some("CloudTrail.2")), want);
            assert_eq!(bare_title(title.to_owned(), None), title);
        }
    }

    #[test]
    fn controls_are_found_wherever_they_stand() {
        let own = "arn:aws:securityhub:us-east-1:123456789012:security-control/S3.8/finding/1";
        let twin = "arn:aws:securityhub:us-east-1:123456789012:subscription/nist-800-53/v/5.0.0/S3.8/finding/2";
        let cis = "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule/1.14";
        for (security_control, of_standard, generator, id, want) in [
            ("S3.8", "1.14", "", "", Some("S3.8")),
            ("", "", "security-control/S3.8", "", Some("S3.8")),
            (
                "",
                "",
                "nist-800-53/v/5.0.0/CloudTrail.2",
                "",
                Some("CloudTrail.2"),
            ),
            ("", "", "", own, Some("S3.8")),
            ("", "", "", twin, Some("S3.8")),
            ("", "CloudTrail.2", "", "", Some("CloudTrail.2")),
            (
                "",
                "1.14",
                cis,
                "",
                Some("cis-aws-foundations-benchmark/v/1.2.0/1.14"),
            ),
            (
                "",
                "",
                "cis-aws-foundations-benchmark/v/1.4.0/1.14",
                "",
                Some("cis-aws-foundations-benchmark/v/1.4.0/1.14"),
            ),
            ("", "1.14", "", "", Some("1.14")),
            ("", "", "AWSInspector", "x", None),
        ] {
            let clues = Clues {
                security_control,
                of_standard,
                generator,
                id,
            };
            assert_eq!(clues.control().as_deref(), want, "{clues:?}");
        }
    }
}
