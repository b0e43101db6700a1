//! OSCAL: the plan of action and milestones, and assessment results (`poam.md` 4). Identifiers are made from our own
//! keys, so the same record has the same ones in every document. What FedRAMP's templates name goes under their
//! namespace, what is ours alone under our own.

mod model;
mod poam;
mod results;
mod risk;
mod text;

use std::collections::BTreeMap;

use uuid::Uuid;

use super::FormError;
use super::dataset::{Asset, Dataset, Record, detector};
use crate::query::instant;
use model::{
    BackMatter, Component, Hash, InventoryItem, Link, Metadata, Party, Prop, Resource,
    ResponsibleParty, Role, State,
};
use text::{line, markup};

pub use poam::poam;
pub use results::results;

/// Namespace of FedRAMP's extensions, as its templates spell it.
const FEDRAMP: &str = "https://fedramp.gov/ns/oscal";
/// Of ours.
const OURS: &str = "https://github.com/poamd/poamd/ns/oscal";
/// What the keys of our identifiers are hashed under.
const KEYS: Uuid = Uuid::from_u128(0x6c0f_6d1e_9f0b_5d64_8f43_1f0a_7e55_b0a1);

/// The version of OSCAL that a document says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    #[default]
    V1_2_1,
    V1_1_3,
}

impl Version {
    fn as_str(self) -> &'static str {
        match self {
            Self::V1_2_1 => "1.2.1",
            Self::V1_1_3 => "1.1.3",
        }
    }

    /// The type of an observation that finds something.
    fn discovery(self) -> &'static str {
        match self {
            Self::V1_2_1 => "discovery",
            Self::V1_1_3 => "finding",
        }
    }
}

/// What the parts of a document share.
struct Writer<'a> {
    data: &'a Dataset,
    version: Version,
    /// People and organizations by name.
    parties: BTreeMap<String, Uuid>,
}

impl<'a> Writer<'a> {
    fn new(data: &'a Dataset, version: Version) -> Self {
        let mut writer = Self {
            data,
            version,
            parties: BTreeMap::new(),
        };
        let requested = data.records.iter().flat_map(|r| &r.deviations);
        let contacts = data.records.iter().filter_map(|r| r.contact.as_deref());
        let people = requested.map(|d| d.requested_by.as_str()).chain(contacts);
        for name in people.chain(data.system.contact.as_deref()) {
            if let Some(name) = line(name) {
                let id = writer.id("party", &name);
                writer.parties.insert(name, id);
            }
        }
        writer
    }

    /// The identifier of a thing of ours.
    fn id(&self, kind: &str, key: &str) -> Uuid {
        let name = format!("{}\n{kind}\n{key}", self.data.system.deployment);
        Uuid::new_v5(&KEYS, name.as_bytes())
    }

    fn of_record(&self, kind: &str, record: &Record) -> Uuid {
        self.id(kind, &record.id.to_string())
    }

    fn tool(&self, source: &str) -> Uuid {
        self.id("component", source)
    }

    fn asset(&self, record: &Record, asset: &Asset) -> Uuid {
        let name = if asset.item.arn.is_empty() {
            &asset.item.name
        } else {
            &asset.item.arn
        };
        self.id("inventory-item", &format!("{}/{name}", record.account))
    }

    fn provider(&self) -> Uuid {
        self.id("party", "provider")
    }

    fn metadata(&self, title: &str) -> Metadata {
        let system = &self.data.system;
        let provider = line(&system.provider).or_else(|| line(&system.name));
        let mut parties = vec![Party {
            uuid: self.provider(),
            kind: "organization",
            name: provider.unwrap_or_else(|| "the provider".to_owned()),
        }];
        parties.extend(self.parties.iter().map(|(name, id)| Party {
            uuid: *id,
            kind: "person",
            name: name.clone(),
        }));
        let mut responsible = vec![ResponsibleParty {
            role_id: "cloud-service-provider",
            party_uuids: vec![self.provider()],
        }];
        let contact = system.contact.as_deref().and_then(line);
        if let Some(id) = contact.and_then(|name| self.parties.get(&name)) {
            responsible.push(ResponsibleParty {
                role_id: "information-system-security-officer",
                party_uuids: vec![*id],
            });
        }
        Metadata {
            title: line(&format!("{} {title}", system.name)).unwrap_or_else(|| title.to_owned()),
            last_modified: instant(self.data.stamp),
            version: self.data.today.to_string(),
            oscal_version: self.version.as_str(),
            roles: vec![
                Role {
                    id: "cloud-service-provider",
                    title: "Cloud Service Provider",
                },
                Role {
                    id: "information-system-security-officer",
                    title: "Information System Security Officer",
                },
            ],
            parties,
            responsible_parties: responsible,
        }
    }

    /// The detectors, once each.
    fn components(&self) -> Vec<Component> {
        let sources = self.data.records.iter().flat_map(|r| &r.sources);
        let sources: std::collections::BTreeSet<&String> = sources.collect();
        sources
            .into_iter()
            .filter_map(|source| {
                let title = line(detector(source))?;
                Some(Component {
                    uuid: self.tool(source),
                    kind: "software",
                    description: format!("{title} in the accounts of the system."),
                    title,
                    status: State {
                        state: "operational",
                    },
                })
            })
            .collect()
    }

    /// The affected resources, once each.
    fn inventory(&self) -> Vec<InventoryItem> {
        let mut items: BTreeMap<Uuid, InventoryItem> = BTreeMap::new();
        for record in &self.data.records {
            for asset in &record.assets {
                let uuid = self.asset(record, asset);
                items
                    .entry(uuid)
                    .or_insert_with(|| inventory_item(uuid, record, asset));
            }
        }
        items.into_values().collect()
    }

    /// Files that records name, and what stands for a document that is none of OSCAL's.
    fn back_matter(&self, stands_for: Resource) -> BackMatter {
        let mut resources = BTreeMap::new();
        for document in self.data.records.iter().flat_map(|r| &r.documents) {
            let uuid = self.id("resource", &document.sha256);
            resources.entry(uuid).or_insert_with(|| Resource {
                uuid,
                title: line(&document.name).unwrap_or_else(|| "a file".to_owned()),
                description: None,
                props: Vec::new(),
                rlinks: vec![Link {
                    // By content: a name may hold anything.
                    href: format!("evidence/{}", document.sha256),
                    media_type: line(&document.media_type),
                    hashes: vec![Hash {
                        algorithm: "SHA-256",
                        value: document.sha256.clone(),
                    }],
                }],
            });
        }
        let mut all = vec![stands_for];
        all.extend(resources.into_values());
        BackMatter { resources: all }
    }
}

fn inventory_item(uuid: Uuid, record: &Record, asset: &Asset) -> InventoryItem {
    let item = &asset.item;
    let described = format!("{} {}", item.technology, item.name);
    let name = if item.arn.is_empty() {
        &item.name
    } else {
        &item.arn
    };
    let mut props: Vec<Prop> = Prop::plain("asset-id", name).into_iter().collect();
    props.extend(Prop::of(OURS, "account", &record.account));
    props.extend(Prop::of(OURS, "region", &item.region));
    InventoryItem {
        uuid,
        description: markup(&described).unwrap_or_else(|| "a resource".to_owned()),
        props,
    }
}

/// A document needs something to be about.
fn not_empty(data: &Dataset) -> Result<(), FormError> {
    if data.records.is_empty() {
        return Err(FormError::Empty {
            what: "an OSCAL document has at least one item",
        });
    }
    Ok(())
}
