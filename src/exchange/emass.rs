//! The POA&M sheet of eMASS, by header. Rev4 and Rev5 name columns differently; instances order them as they like and
//! have more or fewer, so a customer's own empty export is the better model (`--into`).

use poamd_contract::severity::Severity;
use serde::Deserialize;
use std::collections::BTreeMap;

use super::FormError;
use super::dataset::{Dataset, Milestone, Record, detector};
use super::sheet::{self, Cell, Check, Column, Table, Wanted};
use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::milestone;
use crate::domain::record::RecordStatus;
use crate::render::spreadsheet::{bounded, bounded_of};

const DATA: &str = include_str!("data/emass-poam-fields.json");

/// Texts that the interface takes, in characters (eMASS REST OpenAPI 3.22).
const LONG: usize = 2_000;
const RESOURCES: usize = 250;
const SHORT: usize = 100;

/// Which names the columns have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revision {
    Rev4,
    #[default]
    Rev5,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(rename = "_about")]
    about: About,
    workbook_rev4_headers: Vec<String>,
    workbook_rev5_changes: Rev5,
    navy_only: Vec<String>,
    status_values: Vec<String>,
    levels: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    header_row: u32,
    first_data_row: u32,
}

#[derive(Debug, Deserialize)]
struct Rev5 {
    added: Vec<String>,
    /// Old name and new.
    #[serde(flatten)]
    renamed: BTreeMap<String, String>,
}

/// The sheet as a workbook of our own.
pub fn workbook(data: &Dataset, revision: Revision) -> Result<Vec<u8>, FormError> {
    let mut table = table(data, revision)?;
    // Columns that few instances know would stop an import.
    let kept: Vec<bool> = table.columns.iter().map(|c| c.width > 0.0).collect();
    let mut number = 0;
    table.columns.retain_mut(|column| {
        let keep = column.width > 0.0;
        number += u16::from(keep);
        column.number = number;
        keep
    });
    for row in &mut table.rows {
        let mut keep = kept.iter();
        row.retain(|_| keep.next() == Some(&true));
    }
    Ok(sheet::write(&[table], data.today)?)
}

/// A customer's own empty export, filled.
pub fn filled(
    own: &[u8],
    data: &Dataset,
    revision: Revision,
    leave: &[String],
) -> Result<Vec<u8>, FormError> {
    let tables = [table(data, revision)?];
    Ok(sheet::fill(
        own,
        &Wanted {
            // An import takes one sheet; what it takes of a text is cut to its limits.
            added: &[],
            tables: &tables,
            layouts: &[],
            leave,
        },
    )?)
}

/// All columns of a revision; those of few instances have no width.
fn table(data: &Dataset, revision: Revision) -> Result<Table, FormError> {
    let fields: Fields = serde_json::from_str(DATA)?;
    let columns = columns(&fields, revision);
    let mut rows = Vec::with_capacity(data.records.len());
    for record in &data.records {
        let milestones: Vec<Option<&Milestone>> = match revision {
            Revision::Rev5 if record.milestones.len() > 1 => {
                record.milestones.iter().map(Some).collect()
            }
            Revision::Rev5 => vec![record.milestones.first()],
            Revision::Rev4 => vec![None],
        };
        for (nth, milestone) in milestones.into_iter().enumerate() {
            let cells = columns.iter().map(|column| {
                let of_item = (nth == 0)
                    .then(|| item(&column.key, data, record))
                    .flatten();
                let of_step = || milestone.and_then(|m| step(&column.key, record, m));
                of_item.or_else(of_step).unwrap_or(Cell::Empty)
            });
            rows.push(cells.collect());
        }
    }
    Ok(Table {
        sheet: "POA&M".to_owned(),
        title: format!("POA&M of {} ({})", data.system.name, data.today),
        head: Vec::new(),
        header_row: fields.about.header_row,
        first_row: fields.about.first_data_row,
        prepared: 0,
        is_frozen: true,
        is_tall: true,
        columns,
        rows,
        optional: false,
        guidance: 0,
        grows: false,
    })
}

fn columns(fields: &Fields, revision: Revision) -> Vec<Column> {
    let renamed = &fields.workbook_rev5_changes.renamed;
    let is_rev5 = revision == Revision::Rev5;
    // Separate columns for steps take the place of the one text.
    let dropped = |key: &str| is_rev5 && key == "Milestone with Completion Dates";
    let old = fields
        .workbook_rev4_headers
        .iter()
        .filter(|key| !dropped(key));
    let old = old.map(|key| {
        let header = renamed.get(key).filter(|_| is_rev5).unwrap_or(key);
        (key.clone(), header.clone())
    });
    let added = fields.workbook_rev5_changes.added.iter();
    let added = added
        .filter(|_| is_rev5)
        .map(|key| (key.clone(), key.clone()));
    let all = old.chain(added).zip(1..);
    all.map(|((key, header), number)| Column {
        width: match fields.navy_only.contains(&key) {
            true => 0.0,
            false => width(&key),
        },
        check: check(fields, &key),
        optional: !matches!(
            key.as_str(),
            "Control Vulnerability Description" | "Status" | "Scheduled Completion Date"
        ),
        formula: None,
        key,
        header,
        number,
    })
    .collect()
}

fn width(key: &str) -> f64 {
    match key {
        "Control Vulnerability Description" | "Comments" | "Mitigations" | "Recommendations" => {
            50.0
        }
        _ => 20.0,
    }
}

fn check(fields: &Fields, key: &str) -> Option<Check> {
    match key {
        "Status" => Some(Check::OneOf(fields.status_values.clone())),
        "Raw Severity"
        | "Severity"
        | "Relevance of Threat"
        | "Likelihood"
        | "Impact"
        | "Residual Risk Level"
        | "Resulting Residual Risk after Proposed Mitigations" => {
            Some(Check::OneOf(fields.levels.clone()))
        }
        _ => None,
    }
}

/// Where a text stands whole that eMASS takes only the beginning of.
fn whole(r: &Record) -> String {
    format!("poamd export --format fedramp-xlsx, {}", r.id)
}

/// What stands in a column of an item; `None` for a column of its steps, or one that only people can fill.
fn item(key: &str, data: &Dataset, r: &Record) -> Option<Cell> {
    let long = |text: &str| Cell::text(bounded_of(text, LONG, &whole(r)));
    Some(match key {
        "Control Vulnerability Description" => long(&format!("{}\n{}", r.title, r.description)),
        "Controls / APs" => Cell::text(r.controls.join(", ")),
        "Office/Org" => {
            let office = data.system.office.as_deref().or(r.contact.as_deref());
            Cell::text(bounded(office.unwrap_or_default(), SHORT))
        }
        "Security Checks" => long(&r.weakness),
        "Resources Required" => Cell::text(bounded_of(
            r.resources_required.as_deref().unwrap_or_default(),
            RESOURCES,
            &whole(r),
        )),
        "Scheduled Completion Date" => Cell::day(r.due),
        "Milestone with Completion Dates" => {
            let steps = r.milestones.iter();
            let steps = steps.map(|m| format!("({}) {}: {}", m.number, m.due, m.description));
            long(&steps.collect::<Vec<_>>().join("\n"))
        }
        "Milestone Changes" => {
            let changes = r.milestone_changes.iter();
            let changes = changes.map(|c| {
                let day = c.at.date_naive();
                let now = c.due.map_or_else(String::new, |due| format!(" ({due})"));
                format!("({}) {day} {}: {}{now}", c.number, c.kind.as_str(), c.said)
            });
            long(&changes.collect::<Vec<_>>().join("\n"))
        }
        "Source Identifying Vulnerability" => {
            let sources: Vec<&str> = r.sources.iter().map(|s| detector(s)).collect();
            long(&sources.join(", "))
        }
        "Identification Source Details" => long(&r.weakness),
        "Status" => Cell::text(status(r)),
        "Comments" => long(&comments(r)),
        "Raw Severity" => Cell::text(level(r.original)),
        "Severity" | "Residual Risk Level" => Cell::text(r.severity.map_or("", level)),
        "Resulting Residual Risk after Proposed Mitigations" => {
            let asked = r.live_deviation().and_then(|d| d.severity);
            Cell::text(asked.map_or("", level))
        }
        "Devices Affected" => {
            let devices: Vec<&str> = r.assets.iter().map(|a| a.item.arn.as_str()).collect();
            long(&devices.join("\n"))
        }
        "Mitigations" => {
            let live = r.live_deviation();
            long(live.map_or("", |d| d.mitigations.as_str()))
        }
        "Recommendations" => long(&r.recommendation),
        "POA&M Requested Risk Accepted Expiration Date" => {
            Cell::day(accepted(r).and_then(|d| d.expires))
        }
        "POA&M Completion Date" => Cell::day(r.closed.map(|at| at.date_naive())),
        _ => return None,
    })
}

/// What stands in the columns of a step.
fn step(key: &str, r: &Record, m: &Milestone) -> Option<Cell> {
    let now = stands(r, m)?;
    Some(match key {
        "Milestone ID" => Cell::Text(m.number.to_string()),
        "Milestone Description" => Cell::text(bounded_of(&m.description, LONG, &whole(r))),
        "Milestone Status" => Cell::text(match now.completed {
            Some(_) => "Complete",
            None => "Pending",
        }),
        "Milestone Status Comments" => {
            let mut newest = r.milestone_changes.iter().rev();
            let newest = newest.find(|c| c.number == m.number);
            let said = newest.map_or("", |c| c.said.as_str());
            Cell::text(bounded_of(said, LONG, &whole(r)))
        }
        "Milestone Scheduled Completion Date" => Cell::Day(now.due),
        "Milestone Completion Date" => Cell::day(now.completed),
        _ => return None,
    })
}

/// A step after its changes; its text stays as it was laid down.
fn stands(r: &Record, m: &Milestone) -> Option<milestone::Step> {
    let changes = r.milestone_changes.iter();
    let changes = changes.map(|c| milestone::Change {
        number: c.number,
        kind: c.kind,
        description: "",
        due: c.due,
        day: c.at.date_naive(),
    });
    milestone::steps([(m.number, m.description.clone(), m.due)], changes).pop()
}

fn accepted(r: &Record) -> Option<&super::dataset::Deviation> {
    r.live_deviation().filter(|d| {
        d.state == DeviationState::Approved && d.asks(DeviationKind::OperationalRequirement)
    })
}

fn status(r: &Record) -> &'static str {
    match r.status {
        RecordStatus::Superseded => "Archived",
        RecordStatus::Closed if r.is_false_positive() => "Not Applicable",
        RecordStatus::Closed => "Completed",
        RecordStatus::Open | RecordStatus::InProgress | RecordStatus::PendingVerification => {
            if accepted(r).is_some() {
                "Risk Accepted"
            } else {
                "Ongoing"
            }
        }
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Very High",
        Severity::High => "High",
        Severity::Medium => "Moderate",
        Severity::Low => "Low",
        Severity::Informational => "Very Low",
    }
}

/// Our id first: eMASS gives items ids of its own.
fn comments(r: &Record) -> String {
    let mut all = vec![format!("External UID: {}", r.id)];
    all.extend(
        r.tickets
            .iter()
            .map(|t| format!("Ticket {} {}", t.key, t.url)),
    );
    if let Some(d) = r.live_deviation() {
        all.push(format!(
            "{} {}: {}",
            d.kind.as_str(),
            d.state.as_str(),
            d.rationale
        ));
    }
    if let Some(vendor) = r.vendor.as_ref().filter(|v| v.live) {
        let asked = vendor.checkins.iter().map(|(day, _)| *day).max();
        let asked = asked.map_or_else(String::new, |day| format!(", asked last on {day}"));
        all.push(format!(
            "Waits for {} ({}) since {}{asked}",
            vendor.vendor,
            vendor.product,
            vendor.since.date_naive()
        ));
    }
    if let Some(into) = r.superseded_by {
        all.push(format!("Merged into {into}"));
    }
    all.extend(
        r.comments
            .iter()
            .map(|c| format!("{} {}: {}", c.at.date_naive(), c.actor, c.body)),
    );
    all.join("\n")
}
