//! A record as risk and observations.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use poamd_contract::detail::Cvss;
use uuid::Uuid;

use super::super::dataset::{Deviation, Document, Record, detector};
use super::model::{
    Actor, Characterization, DateRange, Facet, LogEntry, MitigatingFactor, Observation, Origin,
    Prop, RelatedObservation, RelevantEvidence, Response, Risk, RiskLog, Subject, Task, Timing,
};
use super::poam::title;
use super::text::{line, markup, markup_line};
use super::{FEDRAMP, OURS, Writer};
use crate::domain::controls::ControlId;
use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::milestone::MilestoneChangeKind;
use crate::domain::rating::Rating;
use crate::domain::record::RecordStatus;
use crate::query::instant;

/// Likelihood and impact are no words of AWS.
const FROM_SEVERITY: &str =
    "Taken from the detector's severity, which does not tell the two apart.";

impl Writer<'_> {
    /// Identifiers of the observations of a record.
    pub(super) fn observed(&self, r: &Record) -> Vec<Uuid> {
        let own = self.of_record("observation", r);
        let deviations = r.deviations.iter().map(|d| self.deviation_id(d));
        let vendor = r
            .vendor
            .iter()
            .map(|_| self.of_record("vendor-observation", r));
        [own].into_iter().chain(deviations).chain(vendor).collect()
    }

    fn deviation_id(&self, d: &Deviation) -> Uuid {
        self.id("deviation-observation", &d.id.to_string())
    }

    /// What was found, what was asked for, what a vendor is waited for.
    pub(super) fn observations(&self, r: &Record) -> Vec<Observation> {
        let found = Observation {
            uuid: self.of_record("observation", r),
            title: title(r),
            description: markup(&r.description).unwrap_or_else(|| title(r)),
            methods: ["TEST"],
            types: [self.version.discovery()],
            origins: self.tools(r, Vec::new),
            subjects: r
                .assets
                .iter()
                .map(|asset| Subject {
                    subject_uuid: self.asset(r, asset),
                    kind: "inventory-item",
                })
                .collect(),
            relevant_evidence: self.evidence(r, None),
            collected: instant(r.detected),
        };
        let mut all = vec![found];
        all.extend(r.deviations.iter().map(|d| self.asked(r, d)));
        if let Some(vendor) = &r.vendor {
            let product = line(&vendor.product).unwrap_or_else(|| "a product".to_owned());
            all.push(Observation {
                uuid: self.of_record("vendor-observation", r),
                title: markup_line(&format!("Fix of {product} depends on its vendor"))
                    .unwrap_or_else(|| "Vendor dependency".to_owned()),
                description: markup(&format!("{} {product}", vendor.vendor))
                    .unwrap_or_else(|| "Vendor dependency".to_owned()),
                methods: ["EXAMINE"],
                types: ["vendor-dependency"],
                origins: Vec::new(),
                subjects: Vec::new(),
                relevant_evidence: Vec::new(),
                collected: instant(vendor.since),
            });
        }
        all
    }

    fn asked(&self, r: &Record, d: &Deviation) -> Observation {
        let (kind, words) = match d.kind {
            DeviationKind::FalsePositive => ("false-positive", "False positive"),
            DeviationKind::RiskAdjustment => ("risk-adjustment", "Risk adjustment"),
            DeviationKind::OperationalRequirement
            | DeviationKind::OperationalRequirementAdjusted => {
                ("operational-requirement", "Operational requirement")
            }
        };
        let by = line(&d.requested_by).and_then(|name| self.parties.get(&name).copied());
        Observation {
            uuid: self.deviation_id(d),
            title: words.to_owned(),
            description: markup(&d.rationale).unwrap_or_else(|| words.to_owned()),
            methods: ["EXAMINE"],
            types: [kind],
            origins: by
                .map(|actor_uuid| Origin {
                    actors: vec![Actor {
                        kind: "party",
                        actor_uuid,
                        props: Vec::new(),
                    }],
                })
                .into_iter()
                .collect(),
            subjects: Vec::new(),
            relevant_evidence: self.evidence(r, Some(d.id)),
            collected: instant(d.requested_at),
        }
    }

    fn evidence(&self, r: &Record, deviation: Option<i64>) -> Vec<RelevantEvidence> {
        let own = r.documents.iter().filter(|d| d.deviation == deviation);
        own.map(|document: &Document| RelevantEvidence {
            href: format!("#{}", self.id("resource", &document.sha256)),
            description: markup(&format!("{}: {}", document.kind, document.name))
                .unwrap_or_else(|| "a file".to_owned()),
        })
        .collect()
    }

    /// The detectors of a record; `None` in a list if it has none.
    pub(super) fn tools(&self, r: &Record, props: impl Fn() -> Vec<Prop>) -> Vec<Origin> {
        if r.sources.iter().all(|s| line(detector(s)).is_none()) {
            return Vec::new();
        }
        let sources = r.sources.iter().filter(|s| line(detector(s)).is_some());
        vec![Origin {
            actors: sources
                .map(|source| Actor {
                    kind: "tool",
                    actor_uuid: self.tool(source),
                    props: props(),
                })
                .collect(),
        }]
    }

    pub(super) fn risk(&self, r: &Record) -> Risk {
        let observed = self.observed(r).into_iter();
        Risk {
            uuid: self.of_record("risk", r),
            title: title(r),
            description: markup(&r.description).unwrap_or_else(|| title(r)),
            statement: markup(&format!(
                "{} affects {} resources.",
                r.weakness,
                r.assets.len()
            ))
            .unwrap_or_else(|| title(r)),
            props: props(r),
            status: status(r),
            characterizations: vec![self.characterization(r)],
            mitigating_factors: self.mitigating(r),
            deadline: r.due.map(midnight),
            remediations: self.remediations(r),
            risk_log: RiskLog {
                entries: self.log(r),
            },
            related_observations: observed
                .map(|observation_uuid| RelatedObservation { observation_uuid })
                .collect(),
        }
    }

    fn characterization(&self, r: &Record) -> Characterization {
        let ids = || {
            let kind = match r.flaw.cves.is_empty() {
                true => "plugin-id",
                false => "vulnerability-id",
            };
            Prop::of(FEDRAMP, kind, &r.weakness).into_iter().collect()
        };
        let mut tools = self.tools(r, ids);
        Characterization {
            origin: tools.pop().unwrap_or(Origin {
                actors: vec![Actor {
                    kind: "party",
                    actor_uuid: self.provider(),
                    props: Vec::new(),
                }],
            }),
            facets: facets(r),
        }
    }

    fn mitigating(&self, r: &Record) -> Vec<MitigatingFactor> {
        let live = r.deviations.iter().filter(|d| d.is_live());
        live.filter_map(|d| {
            Some(MitigatingFactor {
                uuid: self.id("mitigating-factor", &d.id.to_string()),
                description: markup(&d.mitigations)?,
            })
        })
        .collect()
    }

    fn remediations(&self, r: &Record) -> Vec<Response> {
        let recommended = markup(&r.recommendation);
        let plan = r.plan.as_deref().and_then(markup);
        let mut all = Vec::new();
        if let Some(description) = &recommended {
            all.push(Response {
                uuid: self.of_record("recommendation", r),
                lifecycle: "recommendation",
                title: "Recommendation of the detector",
                description: description.clone(),
                tasks: Vec::new(),
            });
        }
        all.push(Response {
            uuid: self.of_record("plan", r),
            lifecycle: "planned",
            title: "Remediation plan",
            description: plan
                .or(recommended)
                .unwrap_or_else(|| "No plan has been laid down yet.".to_owned()),
            tasks: self.tasks(r),
        });
        if let (RecordStatus::Closed, Some(closed)) = (r.status, r.closed) {
            all.push(Response {
                uuid: self.of_record("done", r),
                lifecycle: "completed",
                title: "Closed",
                description: format!("Closed on {} by evidence or decision.", closed.date_naive()),
                tasks: Vec::new(),
            });
        }
        all
    }

    fn tasks(&self, r: &Record) -> Vec<Task> {
        r.milestones
            .iter()
            .map(|m| {
                let words = markup_line(&m.description)
                    .unwrap_or_else(|| format!("Milestone {}", m.number));
                let start = m.laid_down.date_naive().min(m.due);
                Task {
                    uuid: self.id("milestone", &format!("{} {}", r.id, m.number)),
                    kind: "milestone",
                    description: markup(&m.description).unwrap_or_else(|| words.clone()),
                    title: words,
                    timing: Timing {
                        within_date_range: DateRange {
                            start: midnight(start),
                            end: midnight(m.due),
                        },
                    },
                }
            })
            .collect()
    }

    /// What happened, oldest first.
    fn log(&self, r: &Record) -> Vec<LogEntry> {
        let mut log = Log {
            writer: self,
            record: r,
            entries: Vec::new(),
        };
        let sources: Vec<&str> = r.sources.iter().map(|s| detector(s)).collect();
        log.add(
            r.detected,
            "status-update",
            "Detected",
            &sources.join(", "),
            Some("open"),
        );
        for change in &r.milestone_changes {
            let (kind, word) = match change.kind {
                MilestoneChangeKind::Complete => ("milestone-complete", "complete"),
                MilestoneChangeKind::New => ("status-update", "added"),
                MilestoneChangeKind::Update => ("status-update", "changed"),
            };
            let said = format!("Milestone {} {word}", change.number);
            log.add(change.at, kind, &said, &change.said, None);
        }
        for deviation in &r.deviations {
            for step in &deviation.steps {
                let (kind, status) = match step.state {
                    DeviationState::Submitted => ("dr-submission", Some("deviation-requested")),
                    DeviationState::Approved => ("dr-approved", Some("deviation-approved")),
                    DeviationState::Rejected => ("dr-rejected", None),
                    _ => ("dr-updated", None),
                };
                let said = format!("{}: {}", deviation.kind.as_str(), step.state.as_str());
                log.add(step.at, kind, &said, &step.note, status);
            }
        }
        for (day, note) in r.vendor.iter().flat_map(|v| &v.checkins) {
            let at = day.and_time(NaiveTime::MIN).and_utc();
            log.add(at, "vendor-check-in", "Vendor check-in", note, None);
        }
        for comment in &r.comments {
            log.add(comment.at, "status-update", "Comment", &comment.body, None);
        }
        if let Some(closed) = r.closed.filter(|_| !r.status.is_live()) {
            let said = r
                .superseded_by
                .map_or_else(|| "Closed".to_owned(), |into| format!("Merged into {into}"));
            log.add(closed, "closed", &said, "", Some("closed"));
        }
        log.entries.sort_by(|a, b| a.start.cmp(&b.start));
        log.entries
    }
}

/// A log that is being written.
struct Log<'w> {
    writer: &'w Writer<'w>,
    record: &'w Record,
    entries: Vec<LogEntry>,
}

impl Log<'_> {
    fn add(
        &mut self,
        at: DateTime<Utc>,
        kind: &'static str,
        title: &str,
        description: &str,
        status: Option<&'static str>,
    ) {
        // By what it says, so that an entry keeps its identifier when another comes before it.
        let nth = self
            .entries
            .iter()
            .filter(|e| e.start == instant(at))
            .count();
        let key = format!("{} {} {kind} {title} {nth}", self.record.id, instant(at));
        self.entries.push(LogEntry {
            uuid: self.writer.id("log", &key),
            title: markup_line(title).unwrap_or_else(|| kind.to_owned()),
            description: markup(description),
            start: instant(at),
            props: Prop::plain("type", kind).into_iter().collect(),
            status_change: status,
        });
    }
}

fn midnight(day: NaiveDate) -> String {
    instant(day.and_time(NaiveTime::MIN).and_utc())
}

fn props(r: &Record) -> Vec<Prop> {
    let mut all = Vec::new();
    let controls = r
        .controls
        .iter()
        .filter_map(|id| id.parse::<ControlId>().ok());
    all.extend(controls.filter_map(|id| Prop::of(FEDRAMP, "impacted-control-id", &id.catalog())));
    for (name, kind) in [
        ("false-positive", DeviationKind::FalsePositive),
        (
            "operational-requirement",
            DeviationKind::OperationalRequirement,
        ),
        ("risk-adjustment", DeviationKind::RiskAdjustment),
    ] {
        let asked = r.deviations.iter().rev().find(|d| d.asks(kind));
        let word = asked.map(|d| match d.state {
            DeviationState::Requested | DeviationState::ApprovedInternally => "investigating",
            DeviationState::Submitted => "pending",
            DeviationState::Approved => "approved",
            DeviationState::Rejected | DeviationState::Withdrawn | DeviationState::Expired => {
                "withdrawn"
            }
        });
        all.extend(word.and_then(|word| Prop::of(FEDRAMP, name, word)));
    }
    if let Some(vendor) = &r.vendor {
        let word = if vendor.live { "tracking" } else { "resolved" };
        all.extend(Prop::of(FEDRAMP, "vendor-dependency", word));
    }
    if r.flaw.kev {
        all.extend(Prop::of(FEDRAMP, "kev-catalog", "yes"));
        let due = r.flaw.kev_due.map(|due| due.to_string());
        all.extend(due.and_then(|due| Prop::of(FEDRAMP, "kev-due-date", &due)));
    }
    all.extend(Prop::of(OURS, "due-rule", &r.due_rule));
    for ticket in &r.tickets {
        all.extend(Prop::of(OURS, "ticket", &ticket.key));
    }
    for service in &r.services {
        all.extend(Prop::of(OURS, "service-name", service));
    }
    all
}

fn status(r: &Record) -> &'static str {
    match (r.status, r.live_deviation().map(|d| d.state)) {
        (RecordStatus::Closed | RecordStatus::Superseded, _) => "closed",
        (_, Some(DeviationState::Approved)) => "deviation-approved",
        (_, Some(_)) => "deviation-requested",
        (RecordStatus::InProgress | RecordStatus::PendingVerification, None) => "remediating",
        (RecordStatus::Open, None) => "open",
    }
}

fn facets(r: &Record) -> Vec<Facet> {
    let mut all = Vec::new();
    let mut rated = |rating: Rating, state: &'static str| {
        for (name, system, remarks) in [
            ("risk", "https://fedramp.gov", None),
            ("likelihood", FEDRAMP, Some(FROM_SEVERITY)),
            ("impact", FEDRAMP, Some(FROM_SEVERITY)),
        ] {
            all.push(Facet {
                name,
                system: system.to_owned(),
                value: rating.as_str().to_owned(),
                props: Prop::plain("state", state).into_iter().collect(),
                remarks,
            });
        }
    };
    rated(r.original_rating(), "initial");
    let asked = r
        .live_deviation()
        .filter(|d| d.asks(DeviationKind::RiskAdjustment));
    if let Some(rating) = asked.and_then(|d| d.severity).and_then(Rating::of) {
        rated(rating, "adjusted");
    }
    let plain = |name: &'static str, system: &str, value: String| Facet {
        name,
        system: system.to_owned(),
        value,
        props: Vec::new(),
        remarks: None,
    };
    let cves = r.flaw.cves.iter().filter_map(|cve| line(cve));
    all.extend(cves.map(|cve| plain("cve-id", "http://cve.mitre.org", cve)));
    if let Some(cvss) = &r.flaw.cvss {
        all.extend(metrics(cvss));
    }
    if let Some(epss) = r.flaw.epss {
        let value = format!("{:.6}", f64::from(epss) / 1e6);
        all.push(plain("epss-score", OURS, value));
    }
    all
}

/// A CVSS rating of version 3 as facets.
fn metrics(cvss: &Cvss) -> Vec<Facet> {
    let version = match cvss.version.as_str() {
        "3.0" => "v3.0",
        "3.1" => "v3.1",
        _ => return Vec::new(),
    };
    let system = format!("http://www.first.org/cvss/{version}");
    let facet = |name: &'static str, value: String| Facet {
        name,
        system: system.clone(),
        value,
        props: Vec::new(),
        remarks: None,
    };
    let mut all = vec![facet(
        "base-score",
        format!("{:.1}", f64::from(cvss.base) / 10.0),
    )];
    for metric in cvss.vector.split('/') {
        let Some((name, value)) = metric.split_once(':') else {
            continue;
        };
        let named = match name {
            "AV" => (
                "attack-vector",
                [
                    ("N", "network"),
                    ("A", "adjacent"),
                    ("L", "local"),
                    ("P", "physical"),
                ]
                .as_slice(),
            ),
            "AC" => (
                "attack-complexity",
                [("L", "low"), ("H", "high")].as_slice(),
            ),
            "PR" => (
                "privileges-required",
                [("N", "none"), ("L", "low"), ("H", "high")].as_slice(),
            ),
            "UI" => (
                "user-interaction",
                [("N", "none"), ("R", "required")].as_slice(),
            ),
            "S" => ("scope", [("U", "unchanged"), ("C", "changed")].as_slice()),
            "C" => ("confidentiality", IMPACT),
            "I" => ("integrity", IMPACT),
            "A" => ("availability", IMPACT),
            _ => continue,
        };
        let word = named.1.iter().find(|(letter, _)| *letter == value);
        all.extend(word.map(|(_, word)| facet(named.0, (*word).to_owned())));
    }
    all
}

const IMPACT: &[(&str, &str)] = &[("N", "none"), ("L", "low"), ("H", "high")];
