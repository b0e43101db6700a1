//! The keys of ASFF that mean something here; every other one is skipped. No rules.

use serde::Deserialize;

use super::fields::ProductFields;
use crate::attack::{Action, Detection};
use crate::document::Packages;
use crate::flaw::Ratings;
use crate::lenient::{Flag, List, Number, Part, Text, Time};
use crate::reach::Tags;
use crate::resource::MOST;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct Asff<'a> {
    pub(super) id: Text<'a>,
    pub(super) product_arn: Text<'a>,
    pub(super) product_name: Text<'a>,
    pub(super) company_name: Text<'a>,
    pub(super) region: Text<'a>,
    pub(super) generator_id: Text<'a>,
    pub(super) aws_account_id: Text<'a>,
    pub(super) types: List<Text<'a>, 50>,
    pub(super) first_observed_at: Time,
    pub(super) last_observed_at: Time,
    pub(super) created_at: Time,
    pub(super) updated_at: Time,
    pub(super) severity: Part<Rating<'a>>,
    pub(super) title: Text<'a>,
    pub(super) description: Text<'a>,
    pub(super) remediation: Part<Remediation<'a>>,
    pub(super) product_fields: Part<ProductFields<'a>>,
    pub(super) resources: List<Part<Resource<'a>>, MOST>,
    pub(super) compliance: Part<Compliance<'a>>,
    pub(super) workflow: Part<Workflow<'a>>,
    pub(super) record_state: Text<'a>,
    pub(super) finding_provider_fields: Part<Provider<'a>>,
    pub(super) vulnerabilities: List<Part<Vulnerability<'a>>, 8>,
    #[serde(rename = "ThreatIntelIndicators")]
    pub(super) threats: List<Part<Threat<'a>>, 5>,
    // Rare and large: they must not cost every document its space.
    pub(super) action: Option<Box<Part<Action<'a>>>>,
    pub(super) detection: Option<Box<Part<Detection<'a>>>>,
    pub(super) network: Option<Box<Part<Network>>>,
    pub(super) sample: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Rating<'a> {
    pub(super) label: Text<'a>,
    pub(super) normalized: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Provider<'a> {
    pub(super) severity: Part<Rating<'a>>,
    pub(super) types: List<Text<'a>, 50>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Remediation<'a> {
    pub(super) recommendation: Part<Recommendation<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Recommendation<'a> {
    pub(super) text: Text<'a>,
    pub(super) url: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Resource<'a> {
    #[serde(rename = "Type")]
    pub(super) kind: Text<'a>,
    pub(super) id: Text<'a>,
    pub(super) partition: Text<'a>,
    pub(super) region: Text<'a>,
    pub(super) tags: Tags<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Threat<'a> {
    #[serde(rename = "Type")]
    pub(super) kind: Text<'a>,
    pub(super) value: Text<'a>,
    pub(super) source: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Network {
    pub(super) open_port_range: Part<PortRange>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct PortRange {
    pub(super) begin: Number,
    pub(super) end: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Compliance<'a> {
    pub(super) status: Text<'a>,
    pub(super) security_control_id: Text<'a>,
    pub(super) related_requirements: List<Text<'a>, 64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Workflow<'a> {
    pub(super) status: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Vulnerability<'a> {
    pub(super) id: Text<'a>,
    pub(super) related_vulnerabilities: List<Text<'a>, 64>,
    pub(super) vulnerable_packages: Packages<'a>,
    pub(super) code_vulnerabilities: List<Part<Code<'a>>, 8>,
    pub(super) cvss: Ratings<'a>,
    pub(super) vendor: Part<Vendor<'a>>,
    pub(super) reference_urls: List<Text<'a>, 32>,
    pub(super) fix_available: Text<'a>,
    pub(super) epss_score: Number,
    pub(super) exploit_available: Text<'a>,
    pub(super) last_known_exploit_at: Time,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Vendor<'a> {
    pub(super) name: Text<'a>,
    pub(super) url: Text<'a>,
    pub(super) vendor_severity: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Code<'a> {
    pub(super) cwes: List<Text<'a>, 16>,
    #[serde(rename = "FilePath")]
    pub(super) file: Part<File<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct File<'a> {
    #[serde(rename = "FilePath")]
    pub(super) path: Text<'a>,
    #[serde(rename = "StartLine")]
    pub(super) start: Number,
    #[serde(rename = "EndLine")]
    pub(super) end: Number,
}
