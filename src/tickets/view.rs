//! A record as its ticket tells it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use poamd_contract::desk::{Marker, TicketDraft, Urgency};
use poamd_contract::finding::ResourceRef;
use poamd_contract::severity::Severity;

use super::{DeskRules, Result};
use crate::domain::finding::FindingStatus;
use crate::domain::priority::{Priority, Term};
use crate::domain::record::RecordId;
use crate::render::templates::Templates;
use crate::render::ticket::{PriorityTerm, TicketItem, TicketView, render_ticket};
use crate::store::findings::FindingRow;
use crate::store::items::ItemRow;
use crate::store::records::RecordRow;
use crate::store::{self, from_json};

/// A record with all that its ticket shows.
pub(super) struct Story<'a> {
    pub record: &'a RecordRow,
    pub account_name: &'a str,
    /// Findings on the record, in order of fingerprint.
    pub findings: &'a [FindingRow],
    /// Items of the account by ARN.
    pub items: &'a HashMap<String, ItemRow>,
    pub priority: Option<&'a Priority>,
}

/// The ticket as we want it; `None` for a record without rating, which gets none.
pub(super) fn draft(
    templates: &Templates,
    story: &Story<'_>,
    desk: &DeskRules,
    marker: Marker,
) -> Result<Option<TicketDraft>> {
    let Some(view) = view(story, desk.system)? else {
        return Ok(None);
    };
    let (summary, description) = render_ticket(templates, &view)?;
    Ok(Some(TicketDraft {
        marker,
        summary,
        description,
        rating: urgency(story.record),
        due: view.due,
        labels: Vec::new(),
    }))
}

fn urgency(record: &RecordRow) -> Urgency {
    match record.severity.map(|s| s.0) {
        Some(Severity::Critical) => Urgency::Critical,
        Some(Severity::High) => Urgency::High,
        Some(Severity::Medium) => Urgency::Moderate,
        Some(Severity::Low | Severity::Informational) | None => Urgency::Low,
    }
}

fn view(story: &Story<'_>, system: &str) -> store::Result<Option<TicketView>> {
    let record = story.record;
    let Some(rating) = record.rating else {
        return Ok(None);
    };
    let still: Vec<&FindingRow> = story
        .findings
        .iter()
        .filter(|f| f.status.0 != FindingStatus::Fixed)
        .collect();
    // Of a record that closed, the ticket keeps saying what it was about.
    let told: Vec<&FindingRow> = if still.is_empty() {
        story.findings.iter().collect()
    } else {
        still
    };
    let worst = told.iter().max_by(|a, b| {
        let rank = |f: &FindingRow| (f.severity.map(|s| s.0), f.score);
        rank(a)
            .cmp(&rank(b))
            .then_with(|| b.fingerprint.cmp(&a.fingerprint))
    });
    let mut controls = BTreeSet::new();
    for finding in &told {
        let what = format!("finding {}: requirements", finding.fingerprint);
        controls.extend(from_json::<Vec<String>>(&what, &finding.requirements)?);
    }
    Ok(Some(TicketView {
        system: system.to_owned(),
        id: RecordId(record.id).to_string(),
        weakness: record.weakness_id.clone(),
        title: record.title.clone(),
        what: worst.map(|f| f.description.clone()).unwrap_or_default(),
        account: record.account.clone(),
        account_name: story.account_name.to_owned(),
        items: items(&told, story.items)?,
        why: String::new(),
        fix: worst.map(|f| f.remediation.clone()).unwrap_or_default(),
        rating: rating.0,
        rating_reason: rating_reason(record, &told),
        detected: record.detected_at.date(),
        due: record.due,
        due_rule: record.due_rule.clone(),
        sources: told
            .iter()
            .map(|f| f.source.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        controls: controls.into_iter().collect(),
        priority: story.priority.map_or(0, |p| p.points),
        terms: story.priority.map(terms).unwrap_or_default(),
    }))
}

fn terms(priority: &Priority) -> Vec<PriorityTerm> {
    let shown = |term: &Term| PriorityTerm {
        name: term.name.to_owned(),
        points: match term.points {
            0 => "0".to_owned(),
            points => format!("{points:+}"),
        },
        why: term.why.clone(),
    };
    priority.terms.iter().map(shown).collect()
}

/// The highest word of each source; the record has the highest of all, and never falls by itself.
fn rating_reason(record: &RecordRow, findings: &[&FindingRow]) -> String {
    let mut by_source: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in findings {
        if let Some(severity) = finding.severity {
            let word = by_source.entry(&finding.source).or_insert(severity.0);
            *word = (*word).max(severity.0);
        }
    }
    let words: Vec<String> = by_source
        .iter()
        .map(|(source, severity)| format!("{source} says {}", severity.as_str().to_uppercase()))
        .collect();
    let highest = by_source.values().max();
    match record.severity {
        Some(ever) if highest.is_some_and(|now| *now < ever.0) => format!(
            "it was {} once and only a decision lowers it; now {}",
            ever.0.as_str().to_uppercase(),
            words.join(", ")
        ),
        _ => words.join(", "),
    }
}

fn items(
    findings: &[&FindingRow],
    known: &HashMap<String, ItemRow>,
) -> store::Result<Vec<TicketItem>> {
    let mut items: BTreeMap<&str, TicketItem> = BTreeMap::new();
    for finding in findings.iter().filter(|f| !f.arn.is_empty()) {
        if items.contains_key(finding.arn.as_str()) {
            continue;
        }
        let item = match known.get(&finding.arn) {
            Some(row) => TicketItem {
                name: row.name.clone(),
                arn: row.arn.clone(),
                technology: row.technology.clone(),
                region: row.region.clone(),
            },
            None => named_by(finding)?,
        };
        items.insert(&finding.arn, item);
    }
    Ok(items.into_values().collect())
}

/// An item that is known only because a finding names it.
fn named_by(finding: &FindingRow) -> store::Result<TicketItem> {
    let what = format!("finding {}: resources", finding.fingerprint);
    let resources: Vec<ResourceRef> = from_json(&what, &finding.resources)?;
    let resource = resources.into_iter().find(|r| r.id == finding.arn);
    let (name, technology) = resource.map_or_else(Default::default, |r| {
        (r.name, r.technology.unwrap_or(r.kind))
    });
    Ok(TicketItem {
        name: if name.is_empty() {
            finding.arn.clone()
        } else {
            name
        },
        arn: finding.arn.clone(),
        technology,
        region: finding.region.clone(),
    })
}
