//! The plan of action and milestones.

use serde::Serialize;
use uuid::Uuid;

use super::super::FormError;
use super::super::dataset::{Dataset, Record};
use super::model::{
    BackMatter, Href, LocalDefinitions, Metadata, Observation, PoamItem, Prop, RelatedObservation,
    RelatedRisk, Resource, Risk, SystemId,
};
use super::text::{line, markup, markup_line};
use super::{FEDRAMP, Version, Writer, not_empty};

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    plan_of_action_and_milestones: Plan,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Plan {
    uuid: Uuid,
    metadata: Metadata,
    import_ssp: Href,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_id: Option<SystemId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_definitions: Option<LocalDefinitions>,
    observations: Vec<Observation>,
    risks: Vec<Risk>,
    poam_items: Vec<PoamItem>,
    back_matter: BackMatter,
}

/// The document as JSON.
pub fn poam(data: &Dataset, version: Version) -> Result<Vec<u8>, FormError> {
    not_empty(data)?;
    let writer = Writer::new(data, version);
    let ssp = writer.id("resource", "ssp");
    let system = &data.system;
    let records = &data.records;
    let file = File {
        plan_of_action_and_milestones: Plan {
            // A document of another day is another document.
            uuid: writer.id("poam", &format!("{} {}", version.as_str(), data.today)),
            metadata: writer.metadata("plan of action and milestones"),
            import_ssp: Href {
                href: format!("#{ssp}"),
            },
            system_id: system.id.as_deref().and_then(line).map(|id| SystemId {
                identifier_type: "https://fedramp.gov",
                id,
            }),
            local_definitions: LocalDefinitions {
                components: writer.components(),
                inventory_items: writer.inventory(),
            }
            .some(),
            observations: records
                .iter()
                .flat_map(|r| writer.observations(r))
                .collect(),
            risks: records.iter().map(|r| writer.risk(r)).collect(),
            poam_items: records.iter().map(|r| writer.item(r)).collect(),
            back_matter: writer.back_matter(Resource {
                uuid: ssp,
                title: markup_line(&format!("{} SSP", system.name))
                    .unwrap_or_else(|| "SSP".to_owned()),
                description: Some("The SSP is kept outside of OSCAL."),
                props: Prop::of(FEDRAMP, "type", "no-oscal-ssp")
                    .into_iter()
                    .collect(),
                rlinks: Vec::new(),
            }),
        },
    };
    let mut bytes = serde_json::to_vec(&file)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Writer<'_> {
    fn item(&self, r: &Record) -> PoamItem {
        let observed = self.observed(r);
        PoamItem {
            uuid: self.of_record("poam-item", r),
            title: title(r),
            description: markup(&r.description).unwrap_or_else(|| title(r)),
            props: Prop::of(FEDRAMP, "POAM-ID", &r.id.to_string())
                .into_iter()
                .collect(),
            origins: self.tools(r, Vec::new),
            related_observations: observed
                .into_iter()
                .map(|observation_uuid| RelatedObservation { observation_uuid })
                .collect(),
            related_risks: vec![RelatedRisk {
                risk_uuid: self.of_record("risk", r),
            }],
        }
    }
}

/// The title of a record, or its weakness if it has none.
pub(super) fn title(r: &Record) -> String {
    let title = markup_line(&r.title).or_else(|| markup_line(&r.weakness));
    title.unwrap_or_else(|| r.id.to_string())
}
