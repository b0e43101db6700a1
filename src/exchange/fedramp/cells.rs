//! What stands in each column of an item.

use chrono::{Days, NaiveDate};
use poamd_contract::severity::Severity;

use super::super::dataset::{Asset, Dataset, Deviation, Finding, Milestone, Record, detector};
use super::super::sheet::Cell;
use super::layout::Layout;
use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::finding::FindingStatus;
use crate::domain::milestone::MilestoneChangeKind;
use crate::domain::rating::Rating;
use crate::domain::record::RecordStatus;
use crate::domain::rollup::Shared;

/// One record.
pub fn row(layout: &Layout, data: &Dataset, record: &Record) -> Vec<Cell> {
    layout.keys().map(|key| cell(key, data, record)).collect()
}

/// A row for each failed check of a record on a resource.
pub fn failed_checks<'a>(
    layout: &'a Layout,
    data: &'a Dataset,
    record: &'a Record,
) -> impl Iterator<Item = Vec<Cell>> + use<'a> {
    let whole = row(layout, data, record);
    let failed = record.findings.iter();
    failed
        .filter(|f| f.status != FindingStatus::Fixed)
        .map(move |finding| {
            let cells = layout.keys().zip(&whole);
            cells
                .map(|(key, whole)| of_finding(key, finding).unwrap_or_else(|| whole.clone()))
                .collect()
        })
}

/// What one finding says otherwise than its record.
fn of_finding(key: &str, finding: &Finding) -> Option<Cell> {
    Some(match key {
        "asset_identifier" => Cell::text(&finding.arn),
        "detector_source" => Cell::text(detector(&finding.source)),
        "original_detection_date" => Cell::Day(finding.detected.date_naive()),
        "status_date" => Cell::Day(finding.last_seen.date_naive()),
        _ => return None,
    })
}

/// The one CM-6 item for many configuration findings: the worst rating, the earliest due day, all assets.
pub fn rolled_up(
    layout: &Layout,
    data: &Dataset,
    shared: Shared,
    records: &[&Record],
) -> Option<Vec<Cell>> {
    let first = records.first()?;
    let mut one = (*first).clone();
    let mut assets: Vec<Asset> = records.iter().flat_map(|r| r.assets.clone()).collect();
    assets.sort_by(|a, b| a.item.cmp(&b.item));
    assets.dedup();
    one.weakness = "CM-6".to_owned();
    one.title = "Configuration settings that differ from the baseline".to_owned();
    one.description = format!(
        "{} failed configuration checks; each is listed on Configuration Findings.",
        records.len()
    );
    one.contact = data.system.contact.clone();
    one.services = records.iter().flat_map(|r| r.services.clone()).collect();
    one.services.sort();
    one.services.dedup();
    let mut accounts: Vec<&str> = records.iter().map(|r| r.account.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    (one.account, one.account_name) = (accounts.join(", "), None);
    one.controls = vec!["CM-6".to_owned()];
    one.assets = assets;
    one.sources = records.iter().flat_map(|r| r.sources.clone()).collect();
    one.sources.sort();
    one.sources.dedup();
    one.detected = shared.detected;
    one.due = records.iter().filter_map(|r| r.due).min();
    one.changed = records.iter().map(|r| r.changed).max()?;
    one.original = records
        .iter()
        .map(|r| r.original)
        .max()
        .unwrap_or(Severity::Low);
    one.severity = records.iter().filter_map(|r| r.severity).max();
    one.rating = records.iter().filter_map(|r| r.rating).max();
    one.plan =
        Some("As each check says; see the records named on Configuration Findings.".to_owned());
    one.due_rule = "the earliest of its checks".to_owned();
    one.milestones.clear();
    one.milestone_changes.clear();
    one.deviations.clear();
    one.documents.clear();
    one.comments.clear();
    one.tickets.clear();
    one.justification = None;
    (one.previous, one.superseded_by, one.vendor) = (None, None, None);
    let cells = layout.keys().map(|key| match key {
        "poam_id" => Cell::text(shared.id()),
        _ => cell(key, data, &one),
    });
    Some(cells.collect())
}

fn cell(key: &str, data: &Dataset, r: &Record) -> Cell {
    match key {
        "poam_id" => Cell::Text(r.id.to_string()),
        "controls" => Cell::text(r.controls.join(", ")),
        "weakness_name" => Cell::text(&r.title),
        "weakness_description" => Cell::text(description(r)),
        "detector_source" => Cell::text(lines(r.sources.iter().map(|s| detector(s)))),
        "source_identifier" => Cell::text(&r.weakness),
        "asset_identifier" => Cell::text(lines(r.assets.iter().map(asset))),
        "point_of_contact" => Cell::text(r.contact.as_deref().unwrap_or_default()),
        "resources_required" => Cell::text(r.resources_required.as_deref().unwrap_or_default()),
        "remediation_plan" => Cell::text(r.plan.as_deref().unwrap_or(&r.recommendation)),
        "original_detection_date" => Cell::Day(r.detected.date_naive()),
        "scheduled_completion_date" => due(r),
        "planned_milestones" => Cell::text(milestones(r)),
        "milestone_changes" => Cell::text(changes(r)),
        "status_date" => Cell::Day(r.closed.unwrap_or(r.changed).date_naive().min(data.today)),
        "vendor_dependency" => yes(r.vendor.as_ref().is_some_and(|v| v.live)),
        "last_vendor_checkin" => {
            let vendor = r.vendor.as_ref().filter(|v| v.live);
            Cell::day(vendor.and_then(|v| v.checkins.iter().map(|(day, _)| *day).max()))
        }
        "vendor_product" => {
            let vendor = r.vendor.as_ref().filter(|v| v.live);
            Cell::text(vendor.map_or("", |v| v.product.as_str()))
        }
        "original_risk_rating" => Cell::text(r.original_rating().word()),
        "adjusted_risk_rating" => Cell::text(adjusted(r).0.map_or("N/A", Rating::word)),
        "risk_adjustment" => Cell::text(adjusted(r).1),
        "false_positive" => Cell::text(asked(r, DeviationKind::FalsePositive)),
        "operational_requirement" => Cell::text(asked(r, DeviationKind::OperationalRequirement)),
        "deviation_rationale" => Cell::text(rationale(r)),
        "supporting_documents" => Cell::text(lines(
            r.documents
                .iter()
                .map(|d| format!("{} : {}", d.kind, d.name)),
        )),
        "comments" => Cell::text(comments(r)),
        "auto_approve" => yes(false),
        "bod_tracking" => yes(r.flaw.kev),
        "bod_due_date" => Cell::day(r.flaw.kev_due),
        "cve" => Cell::text(r.flaw.cves.join("\n")),
        "service_name" => Cell::text(r.services.join("\n")),
        _ => Cell::Empty,
    }
}

fn lines<T: AsRef<str>>(parts: impl Iterator<Item = T>) -> String {
    let mut all = String::new();
    for part in parts {
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(part.as_ref());
    }
    all
}

fn yes(is: bool) -> Cell {
    Cell::text(if is { "Yes" } else { "No" })
}

fn asset(asset: &Asset) -> String {
    let name = if asset.item.arn.is_empty() {
        &asset.item.name
    } else {
        &asset.item.arn
    };
    if asset.ports.is_empty() {
        return name.clone();
    }
    let ports: Vec<String> = asset
        .ports
        .iter()
        .map(|(from, to)| match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        })
        .collect();
    format!("{name} (port {})", ports.join(", "))
}

fn description(r: &Record) -> String {
    let account = match &r.account_name {
        Some(name) => format!("{name} ({})", r.account),
        None => r.account.clone(),
    };
    let said = if r.description.is_empty() {
        &r.title
    } else {
        &r.description
    };
    let assets = match r.assets.len() {
        1 => "1 asset".to_owned(),
        n => format!("{n} assets"),
    };
    format!("{said}\n\nAccount {account}; {assets}.")
}

/// The form's formula where it yields the record's day; the day itself where another rule set it.
fn due(r: &Record) -> Cell {
    let Some(due) = r.due else { return Cell::Empty };
    if formula_day(r) == Some(due) {
        Cell::Worked(due)
    } else {
        Cell::Day(due)
    }
}

/// What the workbook's formula yields.
fn formula_day(r: &Record) -> Option<NaiveDate> {
    let (rating, state) = adjusted(r);
    let rating = rating
        .filter(|_| state == "Yes")
        .unwrap_or_else(|| r.original_rating());
    let days = Days::new(match rating {
        Rating::High => 30,
        Rating::Moderate => 90,
        Rating::Low => 180,
    });
    r.detected.date_naive().checked_add_days(days)
}

/// The adjusted rating and the state of the request. A rating that the detector itself raised needs no request; one that
/// an override raised is the house's own and no adjustment.
fn adjusted(r: &Record) -> (Option<Rating>, &'static str) {
    let asked = r.deviations.iter().rev();
    let request = asked
        .into_iter()
        .find(|d| d.asks(DeviationKind::RiskAdjustment));
    match request {
        // Detection that has become worse since is not covered by what was approved.
        Some(request) if request.is_live() && !is_outrun(r, request) => (
            request.severity.and_then(Rating::of).or(r.rating),
            state(request),
        ),
        _ => {
            let raised = r.severity.and_then(Rating::of).filter(|rating| {
                *rating > r.original_rating()
                    && r.status != RecordStatus::Superseded
                    && !is_overridden(r, *rating)
            });
            (raised, if raised.is_some() { "Yes" } else { "No" })
        }
    }
}

/// Only an override makes one of its findings that heavy.
fn is_overridden(r: &Record, rating: Rating) -> bool {
    let reaches = |overridden: bool| {
        r.findings
            .iter()
            .any(|f| f.overridden == overridden && f.severity.and_then(Rating::of) >= Some(rating))
    };
    reaches(true) && !reaches(false)
}

/// An approved adjustment that no longer counts, as the record is rated worse than it allows.
fn is_outrun(r: &Record, request: &Deviation) -> bool {
    let asked = request.severity.and_then(Rating::of);
    request.state == DeviationState::Approved && r.status.is_live() && r.rating > asked
}

fn asked(r: &Record, kind: DeviationKind) -> &'static str {
    let mut newest_first = r.deviations.iter().rev();
    newest_first.find(|d| d.asks(kind)).map_or("No", state)
}

fn state(deviation: &Deviation) -> &'static str {
    match deviation.state {
        DeviationState::Approved => "Yes",
        DeviationState::Requested
        | DeviationState::ApprovedInternally
        | DeviationState::Submitted => "Pending",
        DeviationState::Rejected | DeviationState::Withdrawn | DeviationState::Expired => "No",
    }
}

fn kind_word(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::FalsePositive => "False Positive",
        DeviationKind::RiskAdjustment => "Risk Adjustment",
        DeviationKind::OperationalRequirement => "Operational Requirement",
        DeviationKind::OperationalRequirementAdjusted => {
            "Operational Requirement and Risk Adjustment"
        }
    }
}

fn rationale(r: &Record) -> String {
    lines(r.deviations.iter().filter(|d| d.is_live()).map(|d| {
        let mut text = format!("{} : {}", kind_word(d.kind), d.rationale);
        if !d.mitigations.trim().is_empty() {
            text.push_str(&format!("\nMitigating factors: {}", d.mitigations));
        }
        if let Some(day) = d.expires {
            text.push_str(&format!("\nHolds to {day}."));
        }
        text
    }))
}

fn milestones(r: &Record) -> String {
    // What was added later stands among the changes: the column never changes once it is written.
    let is_new = |number: i64| {
        let mut changes = r.milestone_changes.iter();
        changes.any(|c| c.number == number && c.kind == MilestoneChangeKind::New)
    };
    let mut steps: Vec<&Milestone> = r.milestones.iter().collect();
    if steps.iter().any(|m| !is_new(m.number)) {
        steps.retain(|m| !is_new(m.number));
    }
    let steps: Vec<String> = steps
        .into_iter()
        .map(|m| format!("({}) {}: {}", m.number, m.due, m.description))
        .collect();
    steps.join("\n\n")
}

fn changes(r: &Record) -> String {
    let changes = r.milestone_changes.iter();
    let changes: Vec<String> = changes
        .map(|c| {
            let word = match c.kind {
                MilestoneChangeKind::New => "New",
                MilestoneChangeKind::Update => "Update",
                MilestoneChangeKind::Complete => "Complete",
            };
            let recorded = c.at.date_naive();
            let (day, due) = match (c.kind, c.due) {
                (MilestoneChangeKind::Complete, done) => (done.unwrap_or(recorded), String::new()),
                (_, Some(due)) => (recorded, format!(" (now {due})")),
                (_, None) => (recorded, String::new()),
            };
            format!("({}) {word} {day} : {}{due}", c.number, c.said)
        })
        .collect();
    changes.join("\n\n")
}

/// What CISA says of its exploitation, and why it may be late from its first day.
fn kev(r: &Record) -> Option<String> {
    let added = r.flaw.kev_added?;
    let late = match r.is_due_before_detection() {
        true => "; it was due before it was detected, so it is late from its first day",
        false => "",
    };
    Some(format!("In CISA's KEV catalog since {added}{late}"))
}

fn comments(r: &Record) -> String {
    let mut all = Vec::new();
    for ticket in &r.tickets {
        all.push(format!(
            "Ticket {}: {} {}",
            ticket.desk, ticket.key, ticket.url
        ));
    }
    if r.due.is_some() && formula_day(r) != r.due {
        all.push(format!("Scheduled completion: {}", r.due_rule));
    }
    all.extend(kev(r));
    if let Some(j) = &r.justification {
        all.push(format!(
            "Justification by {} (to {}): {}",
            j.author, j.until, j.text
        ));
    }
    if let Some(released) = r.vendor.as_ref().and_then(|v| v.released) {
        all.push(format!("Vendor released the fix on {released}"));
    }
    if let Some(previous) = r.previous {
        all.push(format!("Follows {previous}, which was closed"));
    }
    if let Some(into) = r.superseded_by {
        all.push(format!("Merged into {into}"));
    }
    for comment in &r.comments {
        let day = comment.at.date_naive();
        all.push(format!("{day} {}: {}", comment.actor, comment.body));
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::exchange::dataset::tests::record;

    #[test]
    fn an_approved_adjustment_stands_until_detection_is_worse() {
        let at = DateTime::UNIX_EPOCH;
        let approved = |rating| Record {
            rating: Some(rating),
            deviations: vec![Deviation {
                id: 1,
                kind: DeviationKind::RiskAdjustment,
                state: DeviationState::Approved,
                severity: Some(Severity::Medium),
                rationale: String::new(),
                mitigations: String::new(),
                requested_by: String::new(),
                requested_at: at,
                expires: None,
                steps: Vec::new(),
            }],
            ..record()
        };
        let shown = |rating| adjusted(&approved(rating));
        assert_eq!(shown(Rating::Moderate), (Some(Rating::Moderate), "Yes"));
        assert_eq!(shown(Rating::Low), (Some(Rating::Moderate), "Yes"));
        assert_eq!(shown(Rating::High), (None, "No"));
    }

    #[test]
    fn what_an_override_raised_is_no_risk_adjustment() {
        let finding = |severity, overridden| Finding {
            fingerprint: String::new(),
            source: "securityhub".to_owned(),
            region: "us-gov-west-1".to_owned(),
            title: String::new(),
            description: String::new(),
            severity: Some(severity),
            overridden,
            status: FindingStatus::Open,
            arn: String::new(),
            detected: DateTime::UNIX_EPOCH,
            last_seen: DateTime::UNIX_EPOCH,
            closed: None,
        };
        let raised = |findings| Record {
            original: Severity::Medium,
            findings,
            ..record()
        };
        let state = |findings| adjusted(&raised(findings)).1;
        assert_eq!(state(vec![finding(Severity::High, true)]), "No");
        assert_eq!(state(vec![finding(Severity::High, false)]), "Yes");
        assert_eq!(
            state(vec![
                finding(Severity::High, true),
                finding(Severity::Critical, false)
            ]),
            "Yes"
        );
    }
}
