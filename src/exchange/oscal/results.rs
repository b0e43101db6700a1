//! Assessment results: what automated checks say of the controls at the moment of the form. A control that has an open
//! record is not satisfied; that none is open says nothing, so no control is called satisfied.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::super::FormError;
use super::super::dataset::{Dataset, Record};
use super::model::{
    BackMatter, Href, LocalDefinitions, Metadata, Observation, RelatedObservation, RelatedRisk,
    Resource, Risk, State,
};
use super::{Version, Writer, not_empty};
use crate::domain::controls::ControlId;
use crate::query::instant;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    assessment_results: Results,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Results {
    uuid: Uuid,
    metadata: Metadata,
    import_ap: Href,
    results: [One; 1],
    back_matter: BackMatter,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct One {
    uuid: Uuid,
    title: String,
    description: String,
    start: String,
    end: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_definitions: Option<LocalDefinitions>,
    reviewed_controls: Reviewed,
    observations: Vec<Observation>,
    risks: Vec<Risk>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Reviewed {
    control_selections: [Selection; 1],
}

/// All controls, or those that checks speak of.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Selection {
    IncludeAll {},
    IncludeControls(Vec<Selected>),
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Selected {
    control_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding {
    uuid: Uuid,
    title: String,
    description: String,
    target: Target,
    related_observations: Vec<RelatedObservation>,
    related_risks: Vec<RelatedRisk>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Target {
    #[serde(rename = "type")]
    kind: &'static str,
    target_id: String,
    status: State,
}

/// The document as JSON.
pub fn results(data: &Dataset, version: Version) -> Result<Vec<u8>, FormError> {
    not_empty(data)?;
    let writer = Writer::new(data, version);
    let plan = writer.id("resource", "assessment-plan");
    let day = format!("{} {}", version.as_str(), data.today);
    let live = || data.records.iter().filter(|r| r.status.is_live());
    let start = data.records.iter().map(|r| r.detected).min();
    let one = One {
        uuid: writer.id("result", &day),
        title: format!("Automated checks, {}", data.today),
        description: description(data),
        start: instant(start.unwrap_or(data.stamp).min(data.stamp)),
        end: instant(data.stamp),
        local_definitions: LocalDefinitions {
            components: writer.components(),
            inventory_items: writer.inventory(),
        }
        .some(),
        reviewed_controls: Reviewed {
            control_selections: [selection(data)],
        },
        observations: data
            .records
            .iter()
            .flat_map(|r| writer.observations(r))
            .collect(),
        risks: data.records.iter().map(|r| writer.risk(r)).collect(),
        findings: findings(&writer, live()),
    };
    let file = File {
        assessment_results: Results {
            uuid: writer.id("assessment-results", &day),
            metadata: writer.metadata("automated assessment"),
            import_ap: Href {
                href: format!("#{plan}"),
            },
            results: [one],
            back_matter: writer.back_matter(Resource {
                uuid: plan,
                title: "Automated assessment plan".to_owned(),
                description: Some(
                    "The schedule of pulls and scans stands in the configuration of poamd.",
                ),
                props: Vec::new(),
                rlinks: Vec::new(),
            }),
        },
    };
    let mut bytes = serde_json::to_vec(&file)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What the result is, and what it could not see.
fn description(data: &Dataset) -> String {
    let mut text = "What detectors and policies found in the accounts of the system.".to_owned();
    let gaps: Vec<String> = data
        .gaps()
        .map(|r| format!("{} ({}, account {})", r.id, r.title, r.account))
        .collect();
    if !gaps.is_empty() {
        text.push_str(&format!(
            " Not everything could be looked at; what was not is tracked as {}.",
            gaps.join("; ")
        ));
    }
    text
}

/// Records by the controls they hit, in the catalog's spelling.
fn by_control<'a>(records: impl Iterator<Item = &'a Record>) -> BTreeMap<String, Vec<&'a Record>> {
    let mut controls: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
    for record in records {
        let ids = record.controls.iter();
        for id in ids.filter_map(|id| id.parse::<ControlId>().ok()) {
            controls.entry(id.catalog()).or_default().push(record);
        }
    }
    controls
}

fn selection(data: &Dataset) -> Selection {
    let controls = by_control(data.records.iter());
    if controls.is_empty() {
        return Selection::IncludeAll {};
    }
    Selection::IncludeControls(
        controls
            .into_keys()
            .map(|control_id| Selected { control_id })
            .collect(),
    )
}

fn findings<'a>(writer: &Writer<'_>, live: impl Iterator<Item = &'a Record>) -> Vec<Finding> {
    by_control(live)
        .into_iter()
        .map(|(control, records)| Finding {
            uuid: writer.id("finding", &control),
            title: format!("{} is not satisfied", control.to_uppercase()),
            description: format!("{} open items.", records.len()),
            target: Target {
                kind: "objective-id",
                target_id: format!("{control}_obj"),
                status: State {
                    state: "not-satisfied",
                },
            },
            related_observations: records
                .iter()
                .map(|r| RelatedObservation {
                    observation_uuid: writer.of_record("observation", r),
                })
                .collect(),
            related_risks: records
                .iter()
                .map(|r| RelatedRisk {
                    risk_uuid: writer.of_record("risk", r),
                })
                .collect(),
        })
        .collect()
}
