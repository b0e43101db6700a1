//! What every source delivers: one report of one finding, in neutral words.
//!
//! Several reports may speak of the same finding (through the hub and the native service, once per
//! standard, from a file). Folding them is the application's; here is only what each of them says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::detail::Detail;
use crate::ids::{AccountId, Partition, Region};
use crate::severity::Severity;

/// The way a report reached us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Our own evaluation of an item.
    Scan,
    /// The detector's own API (GuardDuty, Inspector).
    Pull,
    /// Security Hub.
    Hub,
    /// A file handed to `poamd import`.
    File,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Pull => "pull",
            Self::Hub => "hub",
            Self::File => "file",
        }
    }
}

impl AsRef<str> for Channel {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for Channel {
    type Err = crate::ids::BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Scan, Self::Pull, Self::Hub, Self::File]
            .into_iter()
            .find(|c| c.as_str() == text)
            .ok_or_else(|| crate::ids::BadId {
                text: text.to_owned(),
                expected: "a channel (scan, pull, hub, file)",
            })
    }
}

/// What makes two reports speak of the same finding (`design.md`, Fingerprint). Contains no text,
/// score, order or channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Identity {
    /// A Security Hub control on a resource; `region` is `global` for global resources.
    Control {
        account: AccountId,
        region: Region,
        control: String,
        resource: String,
    },
    /// A finding with an AWS-native ARN (GuardDuty, Inspector, Macie, Access Analyzer …).
    Native { arn: String },
    /// One of our policies on an item.
    Policy {
        account: AccountId,
        region: Region,
        technology: String,
        item: String,
        policy: String,
        evidence: String,
    },
    /// Everything else.
    Product { product_arn: String, id: String },
}

/// What is wrong, independent of where. Equal `id`s in one account make one record.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Weakness {
    /// The public id: a control id (`EC2.13`), a CVE, a policy id, a rule ARN, or for GuardDuty `type on root resource`.
    pub id: String,
    pub kind: WeaknessKind,
    /// Further ids that are the same weakness (a policy's `equivalent` controls, a GHSA's CVE).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub equivalent: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WeaknessKind {
    Control,
    Vulnerability,
    Policy,
    /// GuardDuty: the record is an incident.
    Incident,
    Other,
}

impl WeaknessKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Vulnerability => "vulnerability",
            Self::Policy => "policy",
            Self::Incident => "incident",
            Self::Other => "other",
        }
    }
}

impl AsRef<str> for WeaknessKind {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for WeaknessKind {
    type Err = crate::ids::BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::Control,
            Self::Vulnerability,
            Self::Policy,
            Self::Incident,
            Self::Other,
        ]
        .into_iter()
        .find(|k| k.as_str() == text)
        .ok_or_else(|| crate::ids::BadId {
            text: text.to_owned(),
            expected: "a kind of weakness",
        })
    }
}

/// What a report says of the finding's state (`design.md`, "From ASFF to status").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// It is there.
    Open,
    /// It is there; somebody suppressed it at the source, which is neither evidence nor a decision.
    OpenSuppressedAtSource,
    /// It is there; somebody set it resolved at the source, likewise.
    OpenResolvedAtSource,
    /// Positive evidence that it is gone (control PASSED).
    Passed,
    /// Looked, no conclusion (NOT_AVAILABLE).
    NoConclusion,
    /// Put away at the source (ARCHIVED, Inspector CLOSED): never opens; the second complete pull then counts as fixed.
    Archived,
    /// Put away by a person or a rule, or expired, at GuardDuty: by itself never a step towards fixed.
    ArchivedByHand,
}

impl Signal {
    pub const ALL: [Self; 7] = [
        Self::Open,
        Self::OpenSuppressedAtSource,
        Self::OpenResolvedAtSource,
        Self::Passed,
        Self::NoConclusion,
        Self::Archived,
        Self::ArchivedByHand,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OpenSuppressedAtSource => "open-suppressed-at-source",
            Self::OpenResolvedAtSource => "open-resolved-at-source",
            Self::Passed => "passed",
            Self::NoConclusion => "no-conclusion",
            Self::Archived => "archived",
            Self::ArchivedByHand => "archived-by-hand",
        }
    }

    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Open | Self::OpenSuppressedAtSource | Self::OpenResolvedAtSource
        )
    }

    /// Says whether the weakness is there; the others only put the finding away or leave it open.
    pub fn states(self) -> bool {
        self.is_open() || self == Self::Passed
    }
}

impl AsRef<str> for Signal {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::str::FromStr for Signal {
    type Err = crate::ids::BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| crate::ids::BadId {
                text: text.to_owned(),
                expected: "a signal",
            })
    }
}

/// A resource a finding names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResourceRef {
    /// The ARN, normalised from short ids where the format allows it; else what the source wrote.
    pub id: String,
    /// The source's word for its kind (`AwsS3Bucket`, `AWS_EC2_INSTANCE`), empty if unknown.
    pub kind: String,
    /// What its owners call the kind (`s3`, `securitygroup`), where we know it.
    pub technology: Option<String>,
    /// What its owners call it: the last part of the ARN, or a Name tag.
    pub name: String,
    pub region: Option<Region>,
}

/// One report of one finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingReport {
    /// The detector: `policy`, `securityhub`, `guardduty`, `inspector`, `inspector-classic`, or a product's name.
    pub source: String,
    pub channel: Channel,
    /// The id the detector gave it (ASFF `Id`, native ARN, or for a policy our own).
    pub native_id: String,
    pub identity: Identity,
    pub weakness: Weakness,
    pub account: AccountId,
    pub partition: Partition,
    /// `global` for global resources.
    pub region: Region,
    /// At most 256 characters.
    pub title: String,
    /// At most 4,096 characters.
    pub description: String,
    /// How to fix it: text and address, both as text.
    pub remediation: String,
    /// `None`: not yet rated by the source (Inspector UNTRIAGED), or unknown.
    pub severity: Option<Severity>,
    /// A score of the detector's own (policies state theirs), in tenths of a point, 0–100.
    pub score: Option<u16>,
    /// The primary resource first; at most 32.
    pub resources: Vec<ResourceRef>,
    /// Control requirements the source names (`NIST.800-53.r5 AC-3`).
    pub requirements: Vec<String>,
    pub first_observed: Option<DateTime<Utc>>,
    pub last_observed: Option<DateTime<Utc>>,
    pub created: Option<DateTime<Utc>>,
    /// The newest report wins; `None` counts as the oldest.
    pub updated: Option<DateTime<Utc>>,
    pub signal: Signal,
    /// A sample finding: stored, never a record.
    pub sample: bool,
    /// What was wrong with its form and how it was taken (`title-capped`, `severity-unknown:HUGE`).
    pub marks: Vec<String>,
    /// What the source knows beyond the words above.
    #[serde(default)]
    pub detail: Box<Detail>,
    /// The document as it came, for evidence; `None` where there was none (our own scan).
    #[serde(skip)]
    pub raw: Option<Box<str>>,
}

/// A document that could not be taken at all, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// Where it stood: page and position, or file and position.
    pub place: String,
    pub reason: String,
    /// The beginning of it, at most 400 characters, control characters escaped.
    pub excerpt: String,
}
