//! The keys of ASFF that mean something here; every other one is skipped. No rules.

use serde::Deserialize;

use crate::document::Packages;
use crate::lenient::{Flag, List, Number, Part, Text, Time};
use crate::resource::MOST;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(crate) struct Asff<'a> {
    pub(super) id: Text<'a>,
    pub(super) product_arn: Text<'a>,
    pub(super) product_name: Text<'a>,
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
    pub(super) vulnerabilities: List<Part<Vulnerability<'a>>, 1>,
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
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct ProductFields<'a> {
    #[serde(rename = "ControlId")]
    pub(super) control_id: Text<'a>,
    #[serde(rename = "RuleId")]
    pub(super) rule_id: Text<'a>,
    #[serde(rename = "aws/inspector/ProductVersion")]
    pub(super) inspector_version: Text<'a>,
    #[serde(rename = "aws/inspector/FindingStatus")]
    pub(super) inspector_status: Text<'a>,
    #[serde(rename = "aws/guardduty/service/additionalInfo/sample")]
    pub(super) guardduty_sample: Text<'a>,
    #[serde(rename = "aws/config/ConfigRuleArn")]
    pub(super) config_rule: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Resource<'a> {
    #[serde(rename = "Type")]
    pub(super) kind: Text<'a>,
    pub(super) id: Text<'a>,
    pub(super) partition: Text<'a>,
    pub(super) region: Text<'a>,
    pub(super) tags: Part<Tags<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Tags<'a> {
    pub(super) name: Text<'a>,
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
    pub(super) code_vulnerabilities: List<Part<Code>, 1>,
}

/// Only that there is one matters.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Code {}
