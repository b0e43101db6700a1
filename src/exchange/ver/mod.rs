//! FedRAMP's vulnerability evaluation and reporting (VER, Consolidated Rules 2026): the vulnerability detail report, the
//! accepted vulnerabilities, the machine-readable history, and a report that people read. What it tells must not help
//! exploitation, so scanner text goes through [`redact`] unless a person wrote a safe description.

mod redact;
mod report;

use chrono::{DateTime, Months, NaiveDate, NaiveTime, SecondsFormat, Utc};
use poamd_contract::finding::WeaknessKind;
use serde::Serialize;

use super::FormError;
use super::dataset::{Dataset, Record, detector};
use crate::domain::clock;
use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::milestone::MilestoneChangeKind;
use crate::domain::record::RecordStatus;

pub use redact::{Redactor, redact};
pub use report::{html, markdown};

/// Which of the machine-readable documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Document {
    /// All that is active and all that is accepted (VER-TFR-MRH).
    #[default]
    History,
    /// What is not accepted and had activity in the period (VER-RPT-VDT).
    Detail,
    /// What is accepted (VER-RPT-AVI).
    Accepted,
}

/// The document as JSON. `since`: the first day of the period; without it a month before the day of the form.
pub fn json(
    data: &Dataset,
    which: Document,
    since: Option<NaiveDate>,
) -> Result<Vec<u8>, FormError> {
    let uri = data.system.package_uri.as_deref().ok_or(FormError::Needs {
        key: "package_uri",
        why: "a VER document names the Certification Package Overview it belongs to",
    })?;
    let period = Period::of(data, since);
    let sorted = Sorted::of(data, period);
    let mut bytes = match which {
        Document::History => serde_json::to_vec_pretty(&History {
            certification_package_overview_uri: uri,
            generated_at: time(data.stamp),
            active_vulnerabilities: sorted.active,
            accepted_vulnerabilities: sorted.accepted,
        })?,
        Document::Detail => serde_json::to_vec_pretty(&Detail {
            certification_package_overview_uri: uri,
            report_period: period.shown(),
            vulnerabilities: sorted.active.into_iter().chain(sorted.ended).collect(),
        })?,
        Document::Accepted => serde_json::to_vec_pretty(&AcceptedReport {
            certification_package_overview_uri: uri,
            report_period: period.shown(),
            accepted_vulnerabilities: sorted.accepted,
        })?,
    };
    bytes.push(b'\n');
    Ok(bytes)
}

/// From when to when a document tells.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Period {
    fn of(data: &Dataset, since: Option<NaiveDate>) -> Self {
        let month = data.today.checked_sub_months(Months::new(1));
        let first = since.or(month).unwrap_or(data.today);
        Self {
            from: first.and_time(NaiveTime::MIN).and_utc(),
            to: data.stamp,
        }
    }

    fn holds(self, at: DateTime<Utc>) -> bool {
        self.from <= at && at <= self.to
    }

    fn shown(self) -> ShownPeriod {
        ShownPeriod {
            from: time(self.from),
            to: time(self.to),
        }
    }
}

/// The vulnerabilities of a dataset by what a document does with them.
struct Sorted {
    /// Not accepted and not ended.
    active: Vec<Vulnerability>,
    accepted: Vec<Accepted>,
    /// Ended in the period.
    ended: Vec<Vulnerability>,
}

impl Sorted {
    fn of(data: &Dataset, period: Period) -> Self {
        let mut sorted = Self {
            active: Vec::new(),
            accepted: Vec::new(),
            ended: Vec::new(),
        };
        for record in &data.records {
            let vulnerability = Vulnerability::of(record, data);
            if !record.status.is_live() {
                // A merged one goes on under the id of the other.
                let merged = record.status == RecordStatus::Superseded;
                if !merged && record.closed.is_some_and(|at| period.holds(at)) {
                    sorted.ended.push(vulnerability);
                }
            } else if let Some(rationale) = acceptance(record, data.today) {
                sorted.accepted.push(Accepted {
                    vulnerability_detail: vulnerability,
                    acceptance_rationale: rationale,
                });
            } else {
                sorted.active.push(vulnerability);
            }
        }
        sorted
    }
}

/// Why a record is accepted rather than fixed; `None` if it is not. Not done within 192 days of its evaluation must be
/// marked as accepted (VER).
fn acceptance(r: &Record, today: NaiveDate) -> Option<String> {
    let said = r.evaluation.acceptance.clone();
    let approved = r.live_deviation().filter(|d| {
        d.state == DeviationState::Approved && d.asks(DeviationKind::OperationalRequirement)
    });
    let approved = approved.map(|d| d.rationale.clone());
    let is_full = r.evaluation.mitigation.as_deref() == Some("full");
    let too_old = r
        .evaluation
        .completed
        .filter(|at| !is_full && clock::accepted_from(*at) <= today)
        .map(|at| {
            let why = r
                .justification
                .as_ref()
                .map_or_else(String::new, |j| format!(" {}", j.text));
            format!(
                "Not mitigated within 192 days of its evaluation on {}.{why}",
                at.date_naive()
            )
        });
    let rationale = said.or(approved).or(too_old)?;
    Some(redact(&rationale, r))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct History<'a> {
    certification_package_overview_uri: &'a str,
    generated_at: String,
    active_vulnerabilities: Vec<Vulnerability>,
    accepted_vulnerabilities: Vec<Accepted>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    certification_package_overview_uri: &'a str,
    report_period: ShownPeriod,
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedReport<'a> {
    certification_package_overview_uri: &'a str,
    report_period: ShownPeriod,
    accepted_vulnerabilities: Vec<Accepted>,
}

#[derive(Serialize)]
struct ShownPeriod {
    from: String,
    to: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    vulnerability_detail: Vulnerability,
    acceptance_rationale: String,
}

/// `vulnerabilityDetail` of the common definitions, and the reductions that the rule asks for (VER-RPT-PAE) in the form
/// that the definitions have for them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability {
    provider_tracking_id: String,
    detection: Detection,
    vulnerability_description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    potential_agency_impact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_internet_reachable: Option<bool>,
    is_likely_exploitable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_rating: Option<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pain_reduction_events: Vec<Reduced>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projected_next_reduction: Option<Projected>,
    overdue_status: Overdue,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplementary_risk_information: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_disposition: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detection {
    detected_at: String,
    detection_source: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reduced {
    reduced_at: String,
    rating: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Projected {
    estimated_at: String,
    target_rating: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overdue {
    is_overdue: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
}

impl Vulnerability {
    fn of(r: &Record, data: &Dataset) -> Self {
        let e = &r.evaluation;
        let safe = Redactor::of(r);
        let sources: Vec<&str> = r.sources.iter().map(|s| detector(s)).collect();
        Self {
            provider_tracking_id: r.id.to_string(),
            detection: Detection {
                detected_at: time(r.detected),
                detection_source: match sources.is_empty() {
                    true => "unknown".to_owned(),
                    false => sources.join(", "),
                },
            },
            vulnerability_description: description(r, &safe),
            potential_agency_impact: e.impact.as_deref().map(|said| safe.redact(said)),
            evaluation_completed_at: e.completed.map(time),
            is_internet_reachable: e.internet_reachable,
            // Automatable unless there is evidence against it (VER: MUST).
            is_likely_exploitable: e.likely_exploitable.unwrap_or(true),
            current_rating: e
                .rating
                .or_else(|| data.system.rating_of(r.account_label.as_deref())),
            pain_reduction_events: e
                .reductions
                .iter()
                .map(|(at, rating)| Reduced {
                    reduced_at: time(*at),
                    rating: *rating,
                })
                .collect(),
            projected_next_reduction: e.next_reduction.map(|(day, rating)| Projected {
                estimated_at: time(day.and_time(NaiveTime::MIN).and_utc()),
                target_rating: rating,
            }),
            overdue_status: overdue(r, &safe, data.today),
            supplementary_risk_information: supplementary(r, &safe),
            final_disposition: disposition(r),
        }
    }
}

/// What the weakness is, without what would help to use it.
fn description(r: &Record, safe: &Redactor) -> String {
    if let Some(said) = &r.safe_description {
        return said.clone();
    }
    // The name of a published flaw tells no more than its id; an incident's title is made of addresses and names.
    let title = match r.kind {
        WeaknessKind::Incident => "suspicious activity found by a detector".to_owned(),
        _ => safe.redact(&r.title),
    };
    let on = match r.assets.len() {
        1 => "1 resource".to_owned(),
        n => format!("{n} resources"),
    };
    let weakness = safe.redact(&r.weakness);
    if title.starts_with(&weakness) {
        format!("{title} ({on}).")
    } else {
        format!("{weakness}: {title} ({on}).")
    }
}

fn overdue(r: &Record, safe: &Redactor, today: NaiveDate) -> Overdue {
    let is_overdue = r.is_past_due(today);
    let reason = r.evaluation.overdue_reason.as_ref();
    let mut moves = r.milestone_changes.iter().rev();
    let moved = moves.find(|c| c.kind == MilestoneChangeKind::Update);
    let moved = moved.map(|c| &c.said).filter(|why| !why.is_empty());
    let explanation = match (is_overdue, reason) {
        (false, reason) => reason.map(|reason| safe.redact(reason)),
        (true, reason) => {
            let due = r
                .due
                .map_or_else(String::new, |due| format!("Was due on {due}. "));
            let why = reason.or(moved).map_or_else(
                || "No reason has been recorded yet.".to_owned(),
                |why| safe.redact(why),
            );
            Some(format!("{due}{why}"))
        }
    };
    Overdue {
        is_overdue,
        explanation,
    }
}

fn supplementary(r: &Record, safe: &Redactor) -> Option<String> {
    let mut all = Vec::new();
    if let Some(said) = &r.evaluation.supplementary {
        all.push(safe.redact(said));
    }
    if r.flaw.kev {
        let due = r
            .flaw
            .kev_due
            .map_or_else(String::new, |due| format!(", due {due}"));
        let due = match r.is_due_before_detection() {
            true => format!("{due}, before it was detected"),
            false => due,
        };
        all.push(format!("Known to be exploited (CISA KEV{due})."));
    }
    if r.evaluation.completed.is_none() {
        let severity = clock::word(r.original).unwrap_or("Informational");
        all.push(format!("Not evaluated yet; rating and exploitability are assumed. Detector's severity: {severity}."));
    }
    match r.evaluation.mitigation.as_deref() {
        Some("partial") => all.push("Partially mitigated, still detected.".to_owned()),
        Some("full") => all.push("Fully mitigated, still detected.".to_owned()),
        _ => {}
    }
    if r.vendor.as_ref().is_some_and(|v| v.live) {
        all.push("Waits for a vendor's fix.".to_owned());
    }
    (!all.is_empty()).then(|| all.join(" "))
}

/// The form has no word of its own for a plain fix; it counts as full mitigation.
fn disposition(r: &Record) -> Option<&'static str> {
    if r.status.is_live() {
        return None;
    }
    Some(if r.is_false_positive() {
        "False Positive"
    } else {
        "Fully Mitigated"
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
