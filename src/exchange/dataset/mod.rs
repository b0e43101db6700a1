//! What forms need to know of the records: one neutral value, read at one moment, that knows no form. A form takes it
//! and writes bytes; the same value gives the same bytes.
//!
//! Text in it is as it came; every form makes it harmless for its own kind of file.

mod load;
mod words;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::detail::{Cvss, Fix, Flaw};
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;

pub use load::{Moment, load};
pub use words::detector;

use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::finding::FindingStatus;
use crate::domain::milestone::MilestoneChangeKind;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::domain::vendor::Wait;
use crate::domain::{blind, clock, deadline};
use crate::query::poam::Justification;
use crate::query::{ItemRef, TicketRef};
use crate::store::intel::KevRow;

/// The authorized system, as forms name it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct System {
    /// The name of this installation; part of the keys that identifiers are made from.
    pub deployment: String,
    /// Who operates it (CSP). Empty if nobody said.
    pub provider: String,
    pub name: String,
    /// Impact level of the authorization.
    pub impact: Option<Rating>,
    /// Identifier that the authority gave it.
    pub id: Option<String>,
    /// Address of the Certification Package Overview.
    pub package_uri: Option<String>,
    pub office: Option<String>,
    /// Point of contact of records without one of their own.
    pub contact: Option<String>,
    /// Service name of records without one of their own.
    pub service: Option<String>,
    /// N-rating, 1 to 5, of records that nobody has evaluated.
    pub default_rating: Option<u8>,
    /// The same for accounts of a label, in lower case.
    pub label_ratings: BTreeMap<String, u8>,
}

impl System {
    /// N-rating of a record that nobody has evaluated.
    pub fn rating_of(&self, label: Option<&str>) -> Option<u8> {
        let by_label = label.and_then(|label| self.label_ratings.get(&label.to_lowercase()));
        by_label.copied().or(self.default_rating)
    }
}

/// All that a form is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub system: System,
    /// The day the form is of, in UTC; late is what was due before it.
    pub today: NaiveDate,
    /// The moment that forms give as theirs: the end of a day that was asked for, else of the newest change (but never
    /// before the first moment of `today`), so that the same ledger and day give the same form.
    pub stamp: DateTime<Utc>,
    /// Findings whose texts of a past day were not kept; they have none.
    pub unkept_texts: usize,
    /// By id; closed and superseded ones too.
    pub records: Vec<Record>,
}

impl Dataset {
    /// Live records of places that nobody can look at: a form that says what was found names them with it.
    pub fn gaps(&self) -> impl Iterator<Item = &Record> {
        let blind = |r: &&Record| r.status.is_live() && r.weakness.starts_with(blind::WEAKNESS);
        self.records.iter().filter(blind)
    }
}

/// One record with all that was found and laid down about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub id: RecordId,
    /// The weakness's id: a control, a CVE, a policy.
    pub weakness: String,
    pub kind: WeaknessKind,
    pub title: String,
    /// What the detector says of it; of several findings the first one that says anything.
    pub description: String,
    /// What a person wrote for readers who must not learn how to exploit it.
    pub safe_description: Option<String>,
    /// Twelve digits.
    pub account: String,
    pub account_name: Option<String>,
    /// Prod, Dev, Test …
    pub account_label: Option<String>,
    /// What sees it, as the ledger calls it, in the order of their first look.
    pub sources: Vec<String>,
    pub status: RecordStatus,
    /// Frozen.
    pub detected: DateTime<Utc>,
    pub due: Option<NaiveDate>,
    /// Where `due` comes from, in words.
    pub due_rule: String,
    pub closed: Option<DateTime<Utc>>,
    /// The newest change of anything about it.
    pub changed: DateTime<Utc>,
    /// At detection.
    pub original: Severity,
    /// What holds now, deviations counted.
    pub severity: Option<Severity>,
    /// The compliance word that holds now.
    pub rating: Option<Rating>,
    /// What it affects, each once, by ARN.
    pub assets: Vec<Asset>,
    /// SP 800-53 ids as Security Hub spells them: `AC-3(7)`.
    pub controls: Vec<String>,
    pub contact: Option<String>,
    pub resources_required: Option<String>,
    /// What a person says will be done.
    pub plan: Option<String>,
    /// What the detector says should be done.
    pub recommendation: String,
    /// Marketplace names; `All` is the whole boundary.
    pub services: Vec<String>,
    /// By number.
    pub milestones: Vec<Milestone>,
    /// Oldest first.
    pub milestone_changes: Vec<MilestoneChange>,
    /// The newest one.
    pub vendor: Option<Vendor>,
    /// Oldest first.
    pub deviations: Vec<Deviation>,
    pub justification: Option<Justification>,
    pub documents: Vec<Document>,
    pub comments: Vec<Comment>,
    pub tickets: Vec<TicketRef>,
    pub flaw: Flaws,
    pub evaluation: Evaluation,
    /// By fingerprint; fixed ones too.
    pub findings: Vec<Finding>,
    /// The closed record that this one follows.
    pub previous: Option<RecordId>,
    /// The record that it was merged into.
    pub superseded_by: Option<RecordId>,
}

/// A resource that a record affects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    pub item: ItemRef,
    /// From and to.
    pub ports: Vec<(u16, u16)>,
}

/// A dated step of the plan, as it was laid down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// From 1.
    pub number: i64,
    pub description: String,
    pub due: NaiveDate,
    pub laid_down: DateTime<Utc>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilestoneChange {
    /// The step it is about.
    pub number: i64,
    pub kind: MilestoneChangeKind,
    /// What it says anew, else why it was changed.
    pub said: String,
    /// Its new day.
    pub due: Option<NaiveDate>,
    pub at: DateTime<Utc>,
}

/// A wait for a vendor's fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendor {
    pub product: String,
    pub vendor: String,
    /// False: it is over.
    pub live: bool,
    pub since: DateTime<Utc>,
    /// The day the vendor shipped.
    pub released: Option<NaiveDate>,
    /// Day and note, oldest first.
    pub checkins: Vec<(NaiveDate, String)>,
}

impl Vendor {
    /// Keeps its record from counting as late (`poam.md` 1.3).
    pub fn excuses(&self, today: NaiveDate) -> bool {
        let wait = Wait {
            since: self.since.date_naive(),
            last_check_in: self.checkins.iter().map(|(day, _)| *day).max(),
            released: self.released,
        };
        self.live && wait.excuses(today)
    }
}

/// A request to treat the record otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    pub id: i64,
    pub kind: DeviationKind,
    pub state: DeviationState,
    /// The severity asked for.
    pub severity: Option<Severity>,
    pub rationale: String,
    pub mitigations: String,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    /// The last day it holds.
    pub expires: Option<NaiveDate>,
    /// Oldest first.
    pub steps: Vec<Step>,
}

/// A state that a deviation came into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub state: DeviationState,
    pub note: String,
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// A file that supports the record or a deviation of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is: `scan`, `screenshot`, `request` …
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub sha256: String,
    pub note: String,
    pub deviation: Option<i64>,
    pub at: DateTime<Utc>,
}

/// What a person said of it here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub body: String,
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// What is known of flaws in software, over all findings of a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flaws {
    pub cves: Vec<String>,
    /// The highest of NVD's, else of anybody's.
    pub cvss: Option<Cvss>,
    /// Probability in millionths, the highest; of the file that was handed over, else of a detector.
    pub epss: Option<u32>,
    /// One is in CISA's catalog of known exploited vulnerabilities: the one that was handed over, or a detector's.
    pub kev: bool,
    /// The earliest day one of them was listed.
    pub kev_added: Option<NaiveDate>,
    /// The earliest day that CISA names.
    pub kev_due: Option<NaiveDate>,
    /// What has the flaw, with its version.
    pub packages: Vec<String>,
    /// No finding has a fixed version.
    pub no_fix: bool,
}

/// The evaluation of FedRAMP's VER ruleset. What nobody said is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evaluation {
    pub completed: Option<DateTime<Utc>>,
    pub internet_reachable: Option<bool>,
    pub likely_exploitable: Option<bool>,
    /// 1 to 5.
    pub rating: Option<u8>,
    /// Each lower rating after the first, with its time.
    pub reductions: Vec<(DateTime<Utc>, u8)>,
    /// What it would mean to agencies.
    pub impact: Option<String>,
    /// Day and rating of the reduction that is planned next.
    pub next_reduction: Option<(NaiveDate, u8)>,
    /// Why it is overdue or likely to be.
    pub overdue_reason: Option<String>,
    /// Anything else an agency should know.
    pub supplementary: Option<String>,
    /// Why it is accepted rather than fixed.
    pub acceptance: Option<String>,
    /// How far it is mitigated while still detected: `none`, `partial`, `full`.
    pub mitigation: Option<String>,
}

/// One finding on a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub fingerprint: String,
    pub source: String,
    pub region: String,
    pub title: String,
    pub description: String,
    pub severity: Option<Severity>,
    /// It counts with what an override says, not its detector.
    pub overridden: bool,
    pub status: FindingStatus,
    /// The item it sits on.
    pub arn: String,
    pub detected: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub closed: Option<DateTime<Utc>>,
}

impl Record {
    /// Past its day and still somebody's business. VER knows no wait for vendors.
    pub fn is_past_due(&self, today: NaiveDate) -> bool {
        self.status.is_live() && self.due.is_some_and(|due| due < today)
    }

    /// The same for POA&M forms: not while its vendor is waited for and was asked lately.
    pub fn is_late(&self, today: NaiveDate) -> bool {
        let waits = self.vendor.as_ref().is_some_and(|v| v.excuses(today));
        let excused = waits && clock::knows_vendors(&self.due_rule);
        self.is_past_due(today) && !excused
    }

    /// Due on a day that was over when it was detected: CISA's days count from the listing, not from detection. Such a
    /// record is late from its first day.
    pub fn is_due_before_detection(&self) -> bool {
        deadline::is_due_before_detection(self.due, self.detected)
    }

    /// The rating at detection; informational counts as Low, as the form knows no less.
    pub fn original_rating(&self) -> Rating {
        Rating::of(self.original).unwrap_or(Rating::Low)
    }

    /// The newest request, if it is not ended.
    pub fn live_deviation(&self) -> Option<&Deviation> {
        self.deviations.last().filter(|d| d.is_live())
    }

    /// Whether a check of configuration found it (CM-6), not a scanner of software or an incident.
    pub fn is_configuration(&self) -> bool {
        matches!(self.kind, WeaknessKind::Control | WeaknessKind::Policy)
    }

    /// A false positive that was approved.
    pub fn is_false_positive(&self) -> bool {
        self.deviations
            .iter()
            .any(|d| d.kind == DeviationKind::FalsePositive && d.state == DeviationState::Approved)
    }

    /// What a form gets that lists late and deviated records only: late ones, those with a deviation or a vendor's
    /// dependency, and what no scanner of software found (`poam.md` 1.3). Closed ones stay, as closed rows are never deleted.
    pub fn is_late_or_deviated(&self, today: NaiveDate) -> bool {
        !self.status.is_live()
            || self.is_late(today)
            || self.live_deviation().is_some()
            || self.vendor.as_ref().is_some_and(|v| v.live)
            || matches!(self.kind, WeaknessKind::Incident | WeaknessKind::Other)
    }
}

impl Deviation {
    /// Asked for and not refused, or approved and still holding.
    pub fn is_live(&self) -> bool {
        match self.state {
            DeviationState::Requested
            | DeviationState::ApprovedInternally
            | DeviationState::Submitted
            | DeviationState::Approved => true,
            DeviationState::Rejected | DeviationState::Withdrawn | DeviationState::Expired => false,
        }
    }

    /// Whether it asks for this, alone or with something else.
    pub fn asks(&self, kind: DeviationKind) -> bool {
        use DeviationKind::{
            OperationalRequirement, OperationalRequirementAdjusted, RiskAdjustment,
        };
        self.kind == kind
            || self.kind == OperationalRequirementAdjusted
                && matches!(kind, RiskAdjustment | OperationalRequirement)
    }
}

impl Flaws {
    /// Adds what one finding knows.
    fn add(&mut self, flaw: &Flaw) {
        for cve in &flaw.cves {
            if !self.cves.contains(cve) {
                self.cves.push(cve.clone());
            }
        }
        for cvss in &flaw.cvss {
            let rank = |c: &Cvss| (c.by.eq_ignore_ascii_case("nvd"), c.base);
            if self
                .cvss
                .as_ref()
                .is_none_or(|best| rank(best) < rank(cvss))
            {
                self.cvss = Some(cvss.clone());
            }
        }
        self.epss = self.epss.max(flaw.epss);
        if flaw.kev_added.is_some() || flaw.kev_due.is_some() {
            self.list(flaw.kev_added, flaw.kev_due);
        }
        for package in &flaw.packages {
            let named = format!("{} {}", package.name, package.version);
            let named = named.trim().to_owned();
            if !named.is_empty() && !self.packages.contains(&named) {
                self.packages.push(named);
            }
        }
        self.no_fix = flaw.fix == Some(Fix::No);
    }

    /// Adds what the files say of the CVEs: a score of today is newer than a detector's, of two days the earlier counts.
    fn look_up(&mut self, kev: &HashMap<String, KevRow>, epss: &HashMap<String, u32>) {
        for row in self.cves.clone().iter().filter_map(|cve| kev.get(cve)) {
            self.list(Some(row.added), Some(row.due));
        }
        let known = self.cves.iter().filter_map(|cve| epss.get(cve)).max();
        self.epss = known.copied().or(self.epss);
    }

    fn list(&mut self, added: Option<NaiveDate>, due: Option<NaiveDate>) {
        self.kev = true;
        self.kev_added = [self.kev_added, added].into_iter().flatten().min();
        self.kev_due = [self.kev_due, due].into_iter().flatten().min();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record of a public bucket, without anything that people laid down.
    pub fn record() -> Record {
        let at: DateTime<Utc> = "2026-08-03T04:12:09Z".parse().unwrap();
        Record {
            id: RecordId(1),
            weakness: "S3.8".to_owned(),
            kind: WeaknessKind::Control,
            title: "Buckets block public access".to_owned(),
            description: String::new(),
            safe_description: None,
            account: "123456789012".to_owned(),
            account_name: None,
            account_label: None,
            sources: vec!["securityhub".to_owned()],
            status: RecordStatus::Open,
            detected: at,
            due: None,
            due_rule: String::new(),
            closed: None,
            changed: at,
            original: Severity::High,
            severity: Some(Severity::High),
            rating: Some(Rating::High),
            assets: vec![Asset {
                item: ItemRef {
                    name: "acme-exports".to_owned(),
                    arn: "arn:aws-us-gov:s3:::acme-exports".to_owned(),
                    technology: "s3".to_owned(),
                    region: "us-gov-west-1".to_owned(),
                },
                ports: Vec::new(),
            }],
            controls: Vec::new(),
            contact: None,
            resources_required: None,
            plan: None,
            recommendation: String::new(),
            services: Vec::new(),
            milestones: Vec::new(),
            milestone_changes: Vec::new(),
            vendor: None,
            deviations: Vec::new(),
            justification: None,
            documents: Vec::new(),
            comments: Vec::new(),
            tickets: Vec::new(),
            flaw: Flaws::default(),
            evaluation: Evaluation::default(),
            findings: Vec::new(),
            previous: None,
            superseded_by: None,
        }
    }

    #[test]
    fn late_and_deviated_records_are_what_monthly_monitoring_lists() {
        let today = "2026-11-22".parse().unwrap();
        let plain = record();
        assert!(!plain.is_late_or_deviated(today));
        let late = Record {
            due: "2026-11-21".parse().ok(),
            ..record()
        };
        let closed = Record {
            status: RecordStatus::Closed,
            ..record()
        };
        let incident = Record {
            kind: WeaknessKind::Incident,
            ..record()
        };
        let waiting = Record {
            vendor: Some(Vendor {
                product: "p".to_owned(),
                vendor: "v".to_owned(),
                live: true,
                since: plain.detected,
                released: None,
                checkins: Vec::new(),
            }),
            ..record()
        };
        for record in [late, closed, incident, waiting] {
            assert!(record.is_late_or_deviated(today), "{record:?}");
        }
    }
}
