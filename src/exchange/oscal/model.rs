//! The objects of OSCAL that we write, in its own names. Empty lists are left out: the schemas refuse them.

use serde::Serialize;
use uuid::Uuid;

use super::text::line;

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata {
    pub title: String,
    pub last_modified: String,
    pub version: String,
    pub oscal_version: &'static str,
    pub roles: Vec<Role>,
    pub parties: Vec<Party>,
    pub responsible_parties: Vec<ResponsibleParty>,
}

#[derive(Serialize)]
pub struct Role {
    pub id: &'static str,
    pub title: &'static str,
}

#[derive(Serialize)]
pub struct Party {
    pub uuid: Uuid,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ResponsibleParty {
    pub role_id: &'static str,
    pub party_uuids: Vec<Uuid>,
}

#[derive(Serialize)]
pub struct Prop {
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ns: Option<&'static str>,
    pub value: String,
}

impl Prop {
    /// A property of OSCAL's own; `None` for an empty value.
    pub fn plain(name: &'static str, value: &str) -> Option<Self> {
        let value = line(value)?;
        Some(Self {
            name,
            ns: None,
            value,
        })
    }

    /// A property of a namespace.
    pub fn of(ns: &'static str, name: &'static str, value: &str) -> Option<Self> {
        Some(Self {
            ns: Some(ns),
            ..Self::plain(name, value)?
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SystemId {
    pub identifier_type: &'static str,
    pub id: String,
}

#[derive(Serialize)]
pub struct Href {
    pub href: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalDefinitions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inventory_items: Vec<InventoryItem>,
}

impl LocalDefinitions {
    /// `None` if there is nothing to define.
    pub fn some(self) -> Option<Self> {
        (!self.components.is_empty() || !self.inventory_items.is_empty()).then_some(self)
    }
}

#[derive(Serialize)]
pub struct Component {
    pub uuid: Uuid,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: String,
    pub description: String,
    pub status: State,
}

#[derive(Serialize)]
pub struct State {
    pub state: &'static str,
}

#[derive(Serialize)]
pub struct InventoryItem {
    pub uuid: Uuid,
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<Prop>,
}

#[derive(Serialize)]
pub struct Origin {
    pub actors: Vec<Actor>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Actor {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub actor_uuid: Uuid,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<Prop>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Observation {
    pub uuid: Uuid,
    pub title: String,
    pub description: String,
    pub methods: [&'static str; 1],
    pub types: [&'static str; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relevant_evidence: Vec<RelevantEvidence>,
    pub collected: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Subject {
    pub subject_uuid: Uuid,
    #[serde(rename = "type")]
    pub kind: &'static str,
}

#[derive(Serialize)]
pub struct RelevantEvidence {
    pub href: String,
    pub description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Risk {
    pub uuid: Uuid,
    pub title: String,
    pub description: String,
    pub statement: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<Prop>,
    pub status: &'static str,
    pub characterizations: Vec<Characterization>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mitigating_factors: Vec<MitigatingFactor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    pub remediations: Vec<Response>,
    pub risk_log: RiskLog,
    pub related_observations: Vec<RelatedObservation>,
}

#[derive(Serialize)]
pub struct Characterization {
    pub origin: Origin,
    pub facets: Vec<Facet>,
}

#[derive(Serialize)]
pub struct Facet {
    pub name: &'static str,
    pub system: String,
    pub value: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<Prop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remarks: Option<&'static str>,
}

#[derive(Serialize)]
pub struct MitigatingFactor {
    pub uuid: Uuid,
    pub description: String,
}

#[derive(Serialize)]
pub struct Response {
    pub uuid: Uuid,
    pub lifecycle: &'static str,
    pub title: &'static str,
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
}

#[derive(Serialize)]
pub struct Task {
    pub uuid: Uuid,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: String,
    pub description: String,
    pub timing: Timing,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Timing {
    pub within_date_range: DateRange,
}

#[derive(Serialize)]
pub struct DateRange {
    pub start: String,
    pub end: String,
}

#[derive(Serialize)]
pub struct RiskLog {
    pub entries: Vec<LogEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogEntry {
    pub uuid: Uuid,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub start: String,
    pub props: Vec<Prop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_change: Option<&'static str>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "kebab-case")]
pub struct RelatedObservation {
    pub observation_uuid: Uuid,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RelatedRisk {
    pub risk_uuid: Uuid,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PoamItem {
    pub uuid: Uuid,
    pub title: String,
    pub description: String,
    pub props: Vec<Prop>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    pub related_observations: Vec<RelatedObservation>,
    pub related_risks: Vec<RelatedRisk>,
}

#[derive(Serialize)]
pub struct BackMatter {
    pub resources: Vec<Resource>,
}

#[derive(Serialize)]
pub struct Resource {
    pub uuid: Uuid,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub props: Vec<Prop>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rlinks: Vec<Link>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Link {
    pub href: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    pub hashes: Vec<Hash>,
}

#[derive(Serialize)]
pub struct Hash {
    pub algorithm: &'static str,
    pub value: String,
}
