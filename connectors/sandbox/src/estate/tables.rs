//! The tables in `estate/*.json`: which controls, vulnerabilities and threats the estate has.

use std::sync::LazyLock;

use serde::Deserialize;

/// A Security Hub control.
#[derive(Debug, Deserialize)]
pub struct Control {
    pub id: String,
    /// Which kind of resource of [`super::hub`] it looks at.
    pub resource: String,
    pub title: String,
    pub description: String,
    pub severity: String,
    pub fsbp: bool,
    pub nist: bool,
    pub rule: String,
    /// NIST SP 800-53 Rev. 5 control ids.
    pub related: Vec<String>,
}

/// A vulnerability in a package.
#[derive(Debug, Deserialize)]
pub struct Vulnerability {
    pub id: String,
    pub package: String,
    pub version: String,
    /// `None`: no fix yet.
    pub fixed: Option<String>,
    pub manager: String,
    pub score: f64,
    pub severity: String,
    pub vector: String,
    pub exploit: bool,
    pub epss: f64,
    /// `instance` or `image`.
    pub on: String,
    pub text: String,
}

/// A GuardDuty finding type.
#[derive(Debug, Deserialize)]
pub struct Threat {
    #[serde(rename = "type")]
    pub kind: String,
    /// The same as Security Hub spells it.
    pub asff: String,
    pub severity: f64,
    /// `instance` or `user`.
    pub on: String,
    pub feature: String,
    /// With `{name}` for the resource.
    pub title: String,
    pub text: String,
}

const BUNDLED: &str = "the file is part of the program and its form is tested";

pub static CONTROLS: LazyLock<Vec<Control>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../estate/controls.json")).expect(BUNDLED)
});

pub static VULNERABILITIES: LazyLock<Vec<Vulnerability>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../estate/cves.json")).expect(BUNDLED));

pub static THREATS: LazyLock<Vec<Threat>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../estate/threats.json")).expect(BUNDLED)
});
