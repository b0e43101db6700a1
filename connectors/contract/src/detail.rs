//! What a source knows of a finding beyond the words all sources share: the flaw, the attack, the tags of its
//! resources. Kept for priority, forms and maps; nothing here decides identity or status.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// Everything beyond the common words. Empty parts are left out of its JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaw: Option<Flaw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attack: Option<Attack>,
    /// Tags of the primary resource, at most 50, each value at most 256 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Ports the finding is about (network reachability), from and to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<(u16, u16)>,
    /// The source says that the internet reaches the resource (or that it does not).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
}

impl Detail {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A vulnerability in software.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Flaw {
    /// CVE ids, the one the finding is named after first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cves: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cwes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cvss: Vec<Cvss>,
    /// EPSS probability in millionths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epss: Option<u32>,
    /// An exploit is known to exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploit: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploited_at: Option<DateTime<Utc>>,
    /// When an exploit was first seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exploited_since: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// The vendor's own severity word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_severity: Option<String>,
    /// CISA's dates as the source passes them on (Inspector `cisaData`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kev_added: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kev_due: Option<NaiveDate>,
    /// What CISA says is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kev_action: Option<String>,
    /// The source's own score of the risk, 0–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risk: Option<u16>,
    /// Techniques of attackers that use it, as MITRE numbers them (`T1068`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<String>,
    /// Malware and kits that are known to use it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// What the source rests on when it says that it is exploited.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Proof>,
    /// Where to read on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

/// One piece of evidence that a flaw is exploited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Proof {
    pub rule: String,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
}

/// One CVSS rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cvss {
    /// `3.1`.
    pub version: String,
    /// Base score in tenths, 0–100.
    pub base: u16,
    pub vector: String,
    /// Who rated: `NVD`, a vendor.
    pub by: String,
}

/// Whether there is a fixed version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fix {
    Yes,
    No,
    Partial,
}

/// A package in which a flaw is; for a flaw in the customer's own code the file (`path` then ends in its lines).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Package {
    pub name: String,
    pub version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_in: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

/// Who did what from where, to what (GuardDuty, IDS feeds).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attack {
    /// The detector's word for the kind of action (`NETWORK_CONNECTION`, `AWS_API_CALL`, `alert`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// API, domain or signature it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Service of the API (`s3.amazonaws.com`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// `INBOUND`, `OUTBOUND`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// Times it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<Actor>,
    /// Instance, user or key that was attacked or used.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub target: BTreeMap<String, String>,
    /// What the source rests on, as it names it: `threat list: …`, `tactic: …`, `signal: …`, `process: …`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// One remote side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Latitude and longitude in millionths of a degree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<(i32, i32)>,
    /// Autonomous system, `AS64500 Example Net`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whose line it is, where that is not the network's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}
