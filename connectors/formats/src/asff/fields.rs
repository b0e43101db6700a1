//! `ProductFields`: a few keys by name, GuardDuty's by their beginning. They are many and most mean nothing here, so
//! the others are skipped where they stand.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::lenient::{Text, without};

/// GuardDuty's paths that are kept.
const MOST: usize = 256;
const GUARDDUTY: &str = "aws/guardduty/service/";

#[derive(Debug, Default)]
pub(super) struct ProductFields<'a> {
    pub(super) control_id: Text<'a>,
    pub(super) rule_id: Text<'a>,
    pub(super) inspector_version: Text<'a>,
    pub(super) inspector_status: Text<'a>,
    pub(super) config_rule: Text<'a>,
    pub(super) product: Text<'a>,
    pub(super) company: Text<'a>,
    /// IoT Device Defender's.
    pub(super) check_name: Text<'a>,
    /// Behind [`GUARDDUTY`].
    pub(super) guardduty: Vec<(Text<'a>, Text<'a>)>,
}

impl ProductFields<'_> {
    pub(super) fn guardduty(&self, path: &str) -> &str {
        self.guardduty_paths()
            .find(|(known, _)| *known == path)
            .map_or("", |(_, value)| value)
    }

    pub(super) fn guardduty_paths(&self) -> impl Iterator<Item = (&str, &str)> {
        self.guardduty.iter().map(|(k, v)| (k.text(), v.text()))
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = ProductFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("product fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut out = ProductFields::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let place = match key.text() {
                "ControlId" => &mut out.control_id,
                "RuleId" => &mut out.rule_id,
                "aws/inspector/ProductVersion" => &mut out.inspector_version,
                "aws/inspector/FindingStatus" => &mut out.inspector_status,
                "aws/config/ConfigRuleArn" => &mut out.config_rule,
                "aws/securityhub/ProductName" => &mut out.product,
                "aws/securityhub/CompanyName" => &mut out.company,
                "CheckName" => &mut out.check_name,
                path if path.starts_with(GUARDDUTY) && out.guardduty.len() < MOST => {
                    let path = key.value.and_then(|path| without(path, GUARDDUTY));
                    let path = Text {
                        value: path,
                        odd: false,
                    };
                    out.guardduty.push((path, map.next_value()?));
                    continue;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            // The first of twins stays.
            let value = map.next_value()?;
            if place.value.is_none() {
                *place = value;
            }
        }
        Ok(out)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ProductFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}
