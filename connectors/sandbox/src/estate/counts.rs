//! What a right ledger holds after a complete pull of the estate, worked out from the documents by the
//! rules of the design (identity, newest update wins, status) and by no code of the ledger's.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Cell, Estate, EstateAccount};

/// Figures of the estate. "Unique" folds twins per standard and copies through several channels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents that the hub hands out, copies of other detectors among them.
    pub hub_documents: usize,
    pub guardduty_documents: usize,
    pub inspector_documents: usize,
    /// Unique findings, whatever their state.
    pub unique: usize,
    /// Unique findings by source (`securityhub`, `guardduty`, `inspector`, a product's name).
    pub by_source: BTreeMap<String, usize>,
    /// Unique findings that came both through the hub and through the detector's own API.
    pub both_channels: usize,
    /// Open, those suppressed or set resolved at the source among them.
    pub open: usize,
    /// Positive evidence: PASSED.
    pub passed: usize,
    /// NOT_AVAILABLE.
    pub no_conclusion: usize,
    /// Archived at the source, or CLOSED by Inspector.
    pub archived: usize,
    /// Stored without a record: samples and informational ones.
    pub quiet: usize,
    /// Open, but not rated yet (Inspector UNTRIAGED): no record either.
    pub unrated: usize,
    /// Records that the open and rated ones make: one for each weakness in each account. Weakness is the
    /// control, the CVE, the GuardDuty type on its resource, else the generator.
    pub records: usize,
    /// Resources that our own scan sees.
    pub resources: usize,
    /// Findings that our own scan makes of them: resource and policy.
    pub scan_findings: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Passed,
    NoConclusion,
    Archived,
    Quiet,
    Unrated,
}

/// What one document says.
struct Sight {
    identity: String,
    source: String,
    native: bool,
    updated: Option<DateTime<Utc>>,
    state: State,
    weakness: (String, String),
}

impl Counts {
    pub fn of(estate: &Estate) -> Self {
        let mut counts = Self::default();
        let mut newest: BTreeMap<String, Sight> = BTreeMap::new();
        let mut channels: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
        for account in estate.accounts() {
            counts.resources += account.resources.len();
            counts.scan_findings += account
                .resources
                .iter()
                .map(|resource| resource.weak.len())
                .sum::<usize>();
            for sight in account
                .cells
                .iter()
                .flat_map(|cell| counts.sights(account, cell))
                .collect::<Vec<_>>()
            {
                channels
                    .entry(sight.identity.clone())
                    .or_default()
                    .insert(sight.native);
                let newer = newest
                    .get(&sight.identity)
                    .is_none_or(|known| sight.updated > known.updated);
                if newer {
                    newest.insert(sight.identity.clone(), sight);
                }
            }
        }
        counts.both_channels = channels.values().filter(|ways| ways.len() == 2).count();
        counts.fold(newest.values());
        counts
    }

    fn sights(&mut self, account: &EstateAccount, cell: &Cell) -> Vec<Sight> {
        let hub = cell.hub.as_deref().unwrap_or_default();
        let threats = cell
            .detector
            .as_ref()
            .map(|detector| detector.findings.as_slice())
            .unwrap_or_default();
        let vulnerabilities = cell.inspector.as_deref().unwrap_or_default();
        self.hub_documents += hub.len();
        self.guardduty_documents += threats.len();
        self.inspector_documents += vulnerabilities.len();
        let id = account.id.as_str();
        let hub = hub.iter().map(|document| of_hub(id, document));
        let threats = threats.iter().map(|finding| of_guardduty(id, finding));
        hub.chain(threats)
            .chain(
                vulnerabilities
                    .iter()
                    .map(|finding| of_inspector(id, finding)),
            )
            .collect()
    }

    fn fold<'a>(&mut self, sights: impl Iterator<Item = &'a Sight>) {
        let mut records = BTreeSet::new();
        for sight in sights {
            self.unique += 1;
            *self.by_source.entry(sight.source.clone()).or_default() += 1;
            match sight.state {
                State::Open => {
                    self.open += 1;
                    records.insert(&sight.weakness);
                }
                State::Passed => self.passed += 1,
                State::NoConclusion => self.no_conclusion += 1,
                State::Archived => self.archived += 1,
                State::Quiet => self.quiet += 1,
                State::Unrated => self.unrated += 1,
            }
        }
        self.records = records.len();
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

fn of_hub(account: &str, document: &Value) -> Sight {
    let (id, product) = (text(document, "/Id"), text(document, "/ProductArn"));
    let (control, resource) = (
        text(document, "/Compliance/SecurityControlId"),
        text(document, "/Resources/0/Id"),
    );
    let source = product.rsplit('/').next().unwrap_or_default();
    let (identity, weakness) = match source {
        "securityhub" => {
            let region = if resource.contains(":iam:") {
                "global"
            } else {
                text(document, "/Region")
            };
            (
                format!("{account} {region} {control} {resource}"),
                control.to_owned(),
            )
        }
        "inspector" => (
            id.to_owned(),
            text(document, "/Vulnerabilities/0/Id").to_owned(),
        ),
        "guardduty" => {
            let kind = text(document, "/Types/0")
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .replacen('-', "/", 1);
            (id.to_owned(), format!("{kind} on {}", short(resource)))
        }
        _ => (
            format!("{product} {id}"),
            text(document, "/GeneratorId").to_owned(),
        ),
    };
    let state = match (
        text(document, "/RecordState"),
        text(document, "/Compliance/Status"),
    ) {
        ("ARCHIVED", _) => State::Archived,
        (_, "PASSED") => State::Passed,
        (_, "NOT_AVAILABLE") => State::NoConclusion,
        _ if text(document, "/Severity/Label") == "INFORMATIONAL" => State::Quiet,
        _ => State::Open,
    };
    let source = if source == "default" {
        text(document, "/ProductName")
    } else {
        source
    };
    Sight {
        identity,
        source: source.to_owned(),
        native: false,
        updated: time(text(document, "/UpdatedAt")),
        state,
        weakness: (account.to_owned(), weakness),
    }
}

fn of_guardduty(account: &str, finding: &Value) -> Sight {
    let instance = text(finding, "/resource/instanceDetails/instanceId");
    let key = text(finding, "/resource/accessKeyDetails/accessKeyId");
    let resource = if instance.is_empty() { key } else { instance };
    let archived = finding
        .pointer("/service/archived")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    let state = if text(finding, "/service/additionalInfo/value").contains("sample") {
        State::Quiet
    } else if archived {
        State::Archived
    } else {
        State::Open
    };
    Sight {
        identity: text(finding, "/arn").to_owned(),
        source: "guardduty".to_owned(),
        native: true,
        updated: time(text(finding, "/updatedAt")),
        state,
        weakness: (
            account.to_owned(),
            format!("{} on {resource}", text(finding, "/type")),
        ),
    }
}

fn of_inspector(account: &str, finding: &Value) -> Sight {
    let seconds = finding
        .pointer("/updatedAt")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    let state = match (text(finding, "/status"), text(finding, "/severity")) {
        ("CLOSED", _) => State::Archived,
        (_, "UNTRIAGED") => State::Unrated,
        (_, "INFORMATIONAL") => State::Quiet,
        _ => State::Open,
    };
    Sight {
        identity: text(finding, "/findingArn").to_owned(),
        source: "inspector".to_owned(),
        native: true,
        updated: DateTime::from_timestamp_millis((seconds * 1000.0).round() as i64),
        state,
        weakness: (
            account.to_owned(),
            text(finding, "/packageVulnerabilityDetails/vulnerabilityId").to_owned(),
        ),
    }
}

fn short(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
