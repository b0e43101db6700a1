//! The FedRAMP Vulnerability Deviation Request sheet (form 2.1): one row a request. What is the reviewer's stays empty,
//! and so do the modified CVSS metrics, which only a person can judge.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::FormError;
use super::dataset::{Dataset, Deviation, Record, detector};
use super::sheet::{self, Cell, Check, Column, Head, Table, Wanted, column_number};
use crate::domain::deviation::{DeviationKind, DeviationState};
use crate::domain::rating::Rating;

const DATA: &str = include_str!("data/deviation-request-columns.json");

/// Row of the headers, and the first of values: between them stands guidance.
const HEADER_ROW: u32 = 10;
const FIRST_ROW: u32 = 12;
/// Labels of the head, and the values below them.
const LABELS: (u32, u32) = (2, 3);
const PEOPLE: (u32, u32) = (6, 7);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    header_block: HeaderBlock,
    groups: Vec<Group>,
    allowed: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct HeaderBlock {
    row2: Vec<Option<String>>,
    row6: Vec<Option<String>>,
}

#[derive(Debug, Deserialize)]
struct Group {
    /// Header by letter.
    columns: BTreeMap<String, String>,
}

/// The sheet as a workbook of our own.
pub fn workbook(data: &Dataset) -> Result<Vec<u8>, FormError> {
    let mut tables = vec![table(data)?];
    let further = sheet::further(&mut tables);
    tables.extend(further);
    Ok(sheet::write(&tables, data.today)?)
}

/// A customer's own empty form, filled.
pub fn filled(own: &[u8], data: &Dataset, leave: &[String]) -> Result<Vec<u8>, FormError> {
    let mut tables = [table(data)?];
    Ok(sheet::fill(
        own,
        &Wanted {
            added: &sheet::further(&mut tables),
            tables: &tables,
            layouts: &[],
            leave,
        },
    )?)
}

/// What was asked for, without drafts that were taken back before anybody saw them.
pub fn requests(record: &Record) -> impl Iterator<Item = &Deviation> {
    let was_sent = |d: &Deviation| d.steps.iter().any(|s| s.state == DeviationState::Submitted);
    let all = record.deviations.iter();
    all.filter(move |d| d.state != DeviationState::Withdrawn || was_sent(d))
}

fn table(data: &Dataset) -> Result<Table, FormError> {
    let form: Form = serde_json::from_str(DATA)?;
    let columns = columns(&form);
    let mut rows = Vec::new();
    for record in &data.records {
        for deviation in requests(record) {
            let cells = columns.iter().map(|c| cell(c.number, record, deviation));
            rows.push(cells.collect());
        }
    }
    Ok(Table {
        sheet: "DR Sheet".to_owned(),
        title: "FedRAMP Vulnerability Deviation Request Form".to_owned(),
        head: head(&form, data),
        header_row: HEADER_ROW,
        first_row: FIRST_ROW,
        prepared: 500,
        is_frozen: true,
        is_tall: true,
        columns,
        rows,
        optional: false,
        guidance: FIRST_ROW - HEADER_ROW - 1,
        grows: false,
    })
}

fn columns(form: &Form) -> Vec<Column> {
    let named = form.groups.iter().flat_map(|group| &group.columns);
    // A span of letters (`AQ..BC`) is the reviewer's.
    let named =
        named.filter_map(|(letters, header)| Some((column_number(letters)?, letters, header)));
    let mut columns: Vec<Column> = named
        .map(|(number, letters, header)| Column {
            key: letters.clone(),
            header: header.clone(),
            number,
            width: match header.len() {
                0..=16 => 18.0,
                _ => 34.0,
            },
            check: check(form, letters),
            formula: None,
            optional: number > column_number("R").unwrap_or(0),
        })
        .collect();
    columns.sort_by_key(|column| column.number);
    columns
}

fn check(form: &Form, letters: &str) -> Option<Check> {
    let named = |places: &str| places.split(',').any(|place| place == letters);
    let (_, words) = form.allowed.iter().find(|(places, _)| named(places))?;
    let words = words.as_array()?.iter();
    Some(Check::OneOf(
        words
            .filter_map(|w| w.as_str().map(str::to_owned))
            .collect(),
    ))
}

fn head(form: &Form, data: &Dataset) -> Vec<Head> {
    let label = |rows: (u32, u32), labels: &[Option<String>], values: Vec<Cell>| -> Vec<Head> {
        let labels = labels.iter().zip(values).zip(1..);
        labels
            .filter_map(|((label, value), column)| {
                Some(Head {
                    label: label.clone()?,
                    value,
                    rows,
                    column,
                    check: None,
                })
            })
            .collect()
    };
    let system = &data.system;
    let mut head = label(
        LABELS,
        &form.header_block.row2,
        vec![
            Cell::text(&system.provider),
            Cell::text(&system.name),
            Cell::text(system.impact.map_or("", Rating::word)),
            Cell::Empty,
            Cell::Day(data.today),
        ],
    );
    let contact = system.contact.as_deref().unwrap_or_default();
    head.extend(label(
        PEOPLE,
        &form.header_block.row6,
        vec![Cell::text(contact), Cell::Empty, Cell::Empty, Cell::Empty],
    ));
    head
}

fn cell(column: u16, r: &Record, d: &Deviation) -> Cell {
    let files = || {
        // What was attached to the record before supports whatever is asked for later.
        let own = r.documents.iter();
        let own = own.filter(|f| f.deviation.is_none_or(|id| id == d.id));
        Cell::text(own.map(|f| f.name.as_str()).collect::<Vec<_>>().join("\n"))
    };
    let only = |kind: DeviationKind, cell: Cell| if d.asks(kind) { cell } else { Cell::Empty };
    use DeviationKind::{FalsePositive, OperationalRequirement, RiskAdjustment};
    match sheet::column_letters(column).as_str() {
        "A" => Cell::Text(format!("DR-{:04}", d.id)),
        "B" => Cell::Text(r.id.to_string()),
        "C" => Cell::text(&r.weakness),
        "D" => Cell::text(r.flaw.cves.join("\n")),
        "E" => {
            let assets = r.assets.iter().map(|a| a.item.arn.as_str());
            Cell::text(assets.collect::<Vec<_>>().join("\n"))
        }
        "F" => Cell::text(&r.title),
        "G" => Cell::text(
            r.sources
                .iter()
                .map(|s| detector(s))
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        "H" => Cell::text(r.original_rating().word()),
        "I" => {
            let base = r.flaw.cvss.as_ref().map(|c| f64::from(c.base) / 10.0);
            Cell::text(base.map_or_else(String::new, |base| format!("{base:.1}")))
        }
        "J" => Cell::Day(r.detected.date_naive()),
        "K" => Cell::text(&r.description),
        "L" => Cell::text(&r.recommendation),
        "M" => Cell::text(r.plan.as_deref().unwrap_or_default()),
        "N" => Cell::text(match d.kind {
            FalsePositive => "FP",
            RiskAdjustment => "RA",
            OperationalRequirement => "OR",
            DeviationKind::OperationalRequirementAdjusted => "OR RA",
        }),
        "O" => only(
            RiskAdjustment,
            Cell::text(d.severity.and_then(Rating::of).map_or("", Rating::word)),
        ),
        "Q" => {
            let sent = d
                .steps
                .iter()
                .find(|s| s.state == DeviationState::Submitted);
            Cell::day(sent.map(|s| s.at.date_naive()))
        }
        "R" => Cell::text(&d.rationale),
        "S" => only(FalsePositive, Cell::text(&d.rationale)),
        "T" => only(FalsePositive, files()),
        "U" => only(OperationalRequirement, Cell::text(&d.rationale)),
        "V" => only(OperationalRequirement, Cell::text(&d.mitigations)),
        "W" => only(OperationalRequirement, files()),
        "AN" => only(RiskAdjustment, Cell::text(&d.mitigations)),
        "AP" => Cell::text(match d.state {
            DeviationState::Requested
            | DeviationState::ApprovedInternally
            | DeviationState::Submitted => "Pending",
            DeviationState::Approved => "Approved",
            DeviationState::Rejected => "Rejected",
            DeviationState::Withdrawn => "Withdrawn",
            DeviationState::Expired => "N/A",
        }),
        "BD" => {
            let notes = d.steps.iter().filter(|s| !s.note.trim().is_empty());
            let notes =
                notes.map(|s| format!("{} {}: {}", s.at.date_naive(), s.state.as_str(), s.note));
            Cell::text(notes.collect::<Vec<_>>().join("\n"))
        }
        _ => Cell::Empty,
    }
}
