//! What every format does: say whether a document is one of its own, and report it.

use std::borrow::Cow;

use poamd_contract::finding::{FindingReport, Signal};
use poamd_contract::severity::Severity;
use serde::Deserialize;

use crate::given::Given;
use crate::lenient::{List, Part, Text};
use crate::marks::Marks;

/// A finding document of one format.
pub(crate) trait Document<'a>: Deserialize<'a> {
    /// True if it has the keys only this format has.
    fn is_like(&self) -> bool;

    /// False for a document of this format that is about something else and passed over.
    fn is_finding(&self) -> bool {
        true
    }

    /// The report, or why it cannot be taken: it has no identity.
    fn report(&self, given: &Given, marks: Marks) -> Result<FindingReport, &'static str>;
}

pub(crate) const NO_ID: &str = "it has no id: ask its producer for the whole document";
pub(crate) const NO_ACCOUNT: &str = "it names no AWS account, neither in a field nor in an ARN: say whose it is (poamd import --account NUMBER)";

/// AWS's labels; "not yet rated" has several spellings.
pub(crate) fn severity_of_label(label: &str, marks: &mut Marks) -> Option<Severity> {
    let label = label.trim();
    let severity = Severity::from_label(label);
    if severity.is_none()
        && !["UNTRIAGED", "UNDEFINED"]
            .iter()
            .any(|word| label.eq_ignore_ascii_case(word))
    {
        marks.unknown("severity", label);
    }
    severity
}

/// The rating of a finding that a hub passes on: the detector's own goes before what was made of it there by hand or by
/// an automation rule. Only a decision here lowers a record, so the hub's other word is no more than a mark; a control
/// that is not failing is INFORMATIONAL in the hub (`poam.md` 3.2), which is nobody's edit.
pub(crate) fn rating(
    own: Option<Severity>,
    hub: Option<Severity>,
    signal: Signal,
    marks: &mut Marks,
) -> Option<Severity> {
    if let (Some(own), Some(hub)) = (own, hub)
        && own != hub
        && signal.is_open()
    {
        let label = hub.as_str().to_ascii_uppercase();
        marks.add(&format!("severity-changed-at-source:{label}"));
    }
    own.or(hub)
}

/// The package of a vulnerability; ASFF and Inspector2 have the same words in their own case.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Package<'a> {
    #[serde(alias = "Name")]
    pub(crate) name: Text<'a>,
    #[serde(alias = "Version")]
    pub(crate) version: Text<'a>,
    #[serde(alias = "Epoch")]
    pub(crate) epoch: Text<'a>,
    #[serde(alias = "Release")]
    pub(crate) release: Text<'a>,
    #[serde(alias = "PackageManager", rename = "packageManager")]
    pub(crate) manager: Text<'a>,
    #[serde(alias = "FilePath", rename = "filePath")]
    pub(crate) path: Text<'a>,
    #[serde(alias = "FixedInVersion", rename = "fixedInVersion")]
    pub(crate) fixed_in: Text<'a>,
    #[serde(alias = "Remediation")]
    pub(crate) remediation: Text<'a>,
}

pub(crate) type Packages<'a> = List<Part<Package<'a>>, 32>;

/// Packages whose update is spelt out; a kernel's many parts have one.
const SPELT_OUT: usize = 5;

/// How to fix it: the advice, the packages that have a fix, the address.
pub(crate) fn remediation(advice: &str, packages: &[Part<Package<'_>>], url: &str) -> String {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    let mut add = |line: Cow<'_, str>| {
        let line = line.trim();
        if !line.is_empty() && !lines.iter().any(|known| known == line) {
            lines.push(Cow::Owned(line.to_owned()));
        }
    };
    // Inspector's words for "there is none".
    if advice.trim() != "None Provided" {
        add(advice.into());
    }
    for package in packages.iter().take(SPELT_OUT) {
        let (name, fixed) = (package.name.text(), package.fixed_in.text());
        if !package.remediation.text().is_empty() {
            add(package.remediation.text().into());
        } else if !name.is_empty() && !fixed.is_empty() && fixed != "NotAvailable" {
            add(format!("Update {name} to {fixed}").into());
        }
    }
    add(url.into());
    let text = lines.join("\n");
    crate::marks::clean(&crate::marks::capped(&text, crate::marks::REMEDIATION)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_nobody_knows_are_marked() {
        let mut marks = Marks::default();
        assert_eq!(severity_of_label("HIGH", &mut marks), Some(Severity::High));
        assert_eq!(severity_of_label("UNTRIAGED", &mut marks), None);
        assert_eq!(severity_of_label("HUGE", &mut marks), None);
        assert_eq!(marks.into_list(), ["severity-unknown:HUGE"]);
    }

    #[test]
    fn remediation_says_what_to_do_once() {
        assert_eq!(remediation("None Provided", &[], ""), "");
        assert_eq!(
            remediation("Do it.", &[], "https://example.com"),
            "Do it.\nhttps://example.com"
        );
    }
}
