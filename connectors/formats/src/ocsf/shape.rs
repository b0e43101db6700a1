//! The keys of OCSF that mean something here; every other one is skipped. No rules.

use serde::Deserialize;

use crate::lenient::{Flag, List, Number, Part, Text, Time};
use crate::reach::Tags;
use crate::resource::MOST;

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Ocsf<'a> {
    #[serde(rename = "class_uid")]
    pub(super) class: Number,
    pub(super) activity_id: Number,
    pub(super) severity_id: Number,
    pub(super) severity: Text<'a>,
    #[serde(rename = "vendor_attributes")]
    pub(super) vendor: Part<Vendor<'a>>,
    pub(super) status_id: Number,
    pub(super) time: Time,
    pub(super) time_dt: Time,
    pub(super) cloud: Part<Cloud<'a>>,
    pub(super) metadata: Part<Metadata<'a>>,
    #[serde(rename = "finding_info")]
    pub(super) info: Part<Info<'a>>,
    pub(super) resources: List<Part<Resource<'a>>, MOST>,
    pub(super) compliance: Part<Compliance<'a>>,
    pub(super) remediation: Part<Remediation<'a>>,
    pub(super) vulnerabilities: List<Part<Vulnerability<'a>>, 8>,
    pub(super) evidences: List<Part<Evidence<'a>>, 32>,
    pub(super) count: Number,
}

/// What the detector itself said, where people set something else in the hub.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Vendor<'a> {
    pub(super) severity_id: Number,
    pub(super) severity: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Cloud<'a> {
    pub(super) region: Text<'a>,
    pub(super) account: Part<Account<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Account<'a> {
    pub(super) uid: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Metadata<'a> {
    pub(super) product: Part<Maker<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Maker<'a> {
    pub(super) uid: Text<'a>,
    pub(super) name: Text<'a>,
    #[serde(rename = "vendor_name")]
    pub(super) vendor: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Info<'a> {
    pub(super) uid: Text<'a>,
    pub(super) title: Text<'a>,
    #[serde(rename = "desc")]
    pub(super) description: Text<'a>,
    pub(super) types: List<Text<'a>, 50>,
    pub(super) analytic: Part<Analytic<'a>>,
    #[serde(rename = "first_seen_time")]
    pub(super) first_seen: Time,
    #[serde(rename = "first_seen_time_dt")]
    pub(super) first_seen_dt: Time,
    #[serde(rename = "last_seen_time")]
    pub(super) last_seen: Time,
    #[serde(rename = "last_seen_time_dt")]
    pub(super) last_seen_dt: Time,
    #[serde(rename = "created_time")]
    pub(super) created: Time,
    #[serde(rename = "created_time_dt")]
    pub(super) created_dt: Time,
    #[serde(rename = "modified_time")]
    pub(super) modified: Time,
    #[serde(rename = "modified_time_dt")]
    pub(super) modified_dt: Time,
    pub(super) attacks: List<Part<Technique<'a>>, 16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Analytic<'a> {
    pub(super) uid: Text<'a>,
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Technique<'a> {
    pub(super) tactic: Part<Named<'a>>,
    pub(super) technique: Part<Named<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Named<'a> {
    pub(super) uid: Text<'a>,
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Resource<'a> {
    pub(super) uid: Text<'a>,
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "cloud_partition")]
    pub(super) partition: Text<'a>,
    pub(super) region: Text<'a>,
    pub(super) owner: Part<Owner<'a>>,
    pub(super) tags: Tags<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Owner<'a> {
    pub(super) account: Part<Account<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Compliance<'a> {
    pub(super) control: Text<'a>,
    pub(super) status: Text<'a>,
    pub(super) status_id: Number,
    pub(super) requirements: List<Text<'a>, 64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Remediation<'a> {
    #[serde(rename = "desc")]
    pub(super) description: Text<'a>,
    pub(super) references: List<Text<'a>, 8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Vulnerability<'a> {
    pub(super) title: Text<'a>,
    pub(super) cve: Part<Cve<'a>>,
    pub(super) cwe: Part<Named<'a>>,
    pub(super) advisory: Part<Named<'a>>,
    #[serde(rename = "related_vulnerabilities")]
    pub(super) related: List<Text<'a>, 64>,
    #[serde(rename = "is_fix_available")]
    pub(super) fix: Flag,
    #[serde(rename = "is_exploit_available")]
    pub(super) exploit: Flag,
    #[serde(rename = "exploit_last_seen_time")]
    pub(super) exploited: Time,
    #[serde(rename = "exploit_last_seen_time_dt")]
    pub(super) exploited_dt: Time,
    #[serde(rename = "affected_packages")]
    pub(super) packages: List<Part<Package<'a>>, 32>,
    #[serde(rename = "affected_code")]
    pub(super) code: List<Part<Code<'a>>, 8>,
    #[serde(rename = "vendor_name")]
    pub(super) vendor: Text<'a>,
    pub(super) severity: Text<'a>,
    pub(super) references: List<Text<'a>, 32>,
    pub(super) remediation: Part<Remediation<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Cve<'a> {
    pub(super) uid: Text<'a>,
    pub(super) cvss: List<Part<Cvss<'a>>, 8>,
    pub(super) epss: Part<Epss>,
    pub(super) cwe_uid: Text<'a>,
    pub(super) cwe: Part<Named<'a>>,
    #[serde(rename = "related_cwes")]
    pub(super) cwes: List<Part<Named<'a>>, 16>,
    pub(super) references: List<Text<'a>, 32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Cvss<'a> {
    pub(super) version: Text<'a>,
    #[serde(rename = "base_score")]
    pub(super) base: Number,
    #[serde(rename = "vector_string")]
    pub(super) vector: Text<'a>,
    #[serde(rename = "src_url")]
    pub(super) src: Text<'a>,
    #[serde(rename = "vendor_name")]
    pub(super) vendor: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Epss {
    pub(super) score: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Package<'a> {
    pub(super) name: Text<'a>,
    pub(super) version: Text<'a>,
    pub(super) epoch: Text<'a>,
    pub(super) release: Text<'a>,
    #[serde(rename = "fixed_in_version")]
    pub(super) fixed_in: Text<'a>,
    #[serde(rename = "package_manager")]
    pub(super) manager: Text<'a>,
    pub(super) path: Text<'a>,
    pub(super) remediation: Part<Remediation<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Code<'a> {
    pub(super) file: Part<File<'a>>,
    #[serde(rename = "start_line")]
    pub(super) start: Number,
    #[serde(rename = "end_line")]
    pub(super) end: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct File<'a> {
    pub(super) path: Text<'a>,
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Evidence<'a> {
    #[serde(rename = "src_endpoint")]
    pub(super) src: Part<Endpoint<'a>>,
    #[serde(rename = "dst_endpoint")]
    pub(super) dst: Part<Endpoint<'a>>,
    #[serde(rename = "connection_info")]
    pub(super) connection: Part<Connection<'a>>,
    pub(super) api: Part<Api<'a>>,
    pub(super) actor: Part<Actor<'a>>,
    pub(super) query: Part<Query<'a>>,
    pub(super) process: Part<Process<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Endpoint<'a> {
    pub(super) ip: Text<'a>,
    pub(super) port: Number,
    pub(super) domain: Text<'a>,
    pub(super) hostname: Text<'a>,
    pub(super) location: Part<Location<'a>>,
    #[serde(rename = "autonomous_system")]
    pub(super) network: Part<System<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Location<'a> {
    pub(super) country: Text<'a>,
    pub(super) city: Text<'a>,
    pub(super) lat: Number,
    pub(super) long: Number,
    pub(super) coordinates: List<Number, 2>,
    pub(super) isp: Text<'a>,
    pub(super) provider: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct System<'a> {
    pub(super) number: Text<'a>,
    pub(super) name: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Connection<'a> {
    pub(super) direction: Text<'a>,
    #[serde(rename = "protocol_name")]
    pub(super) protocol: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Api<'a> {
    pub(super) operation: Text<'a>,
    pub(super) service: Part<Named<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Actor<'a> {
    pub(super) user: Part<User<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct User<'a> {
    pub(super) name: Text<'a>,
    pub(super) uid: Text<'a>,
    #[serde(rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(rename = "credential_uid")]
    pub(super) credential: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Query<'a> {
    pub(super) hostname: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Process<'a> {
    pub(super) name: Text<'a>,
    pub(super) path: Text<'a>,
}
