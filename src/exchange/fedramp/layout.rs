//! Sheets, columns and checks of the workbook, from its data file.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;

use super::super::FormError;
use super::super::sheet::{Cell, Check, Column, Head, Table, column_number};

const DATA: &str = include_str!("../data/poam-columns.json");

/// The adjusted rating counts only when Risk Adjustment is Yes; High 30, Moderate 90, Low 180 days from detection.
const DUE: &str = "IF(OR({adjusted_risk_rating}=\"N/A\",{adjusted_risk_rating}=\"\",{risk_adjustment}<>\"Yes\"),\
IF({original_risk_rating}=\"High\",{original_detection_date}+30,IF({original_risk_rating}=\"Moderate\",\
{original_detection_date}+90,IF({original_risk_rating}=\"Low\",{original_detection_date}+180,\"\"))),\
IF({adjusted_risk_rating}=\"High\",{original_detection_date}+30,IF({adjusted_risk_rating}=\"Moderate\",\
{original_detection_date}+90,IF({adjusted_risk_rating}=\"Low\",{original_detection_date}+180,\"\"))))";

/// The first day that a date without a stated one may be.
const FIRST: NaiveDate = match NaiveDate::from_ymd_opt(1980, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    template_version: String,
    sheets: Vec<Sheet>,
    header_block: HeaderBlock,
    data_validation: BTreeMap<String, Value>,
    row_limit_prepared: u32,
    columns: Vec<ColumnData>,
    layouts: Vec<Older>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sheet {
    name: String,
    header_row: u32,
    #[serde(default)]
    guidance_rows: Vec<u32>,
    #[serde(default)]
    example_row: Option<u32>,
    #[serde(default)]
    freeze_panes: Option<String>,
    /// Names, on the record of changes alone.
    #[serde(default)]
    columns: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderBlock {
    labels_row: u32,
    values_row: u32,
    cells: Vec<HeadCell>,
}

#[derive(Debug, Deserialize)]
struct HeadCell {
    cell: String,
    label: String,
}

#[derive(Debug, Deserialize)]
struct ColumnData {
    letter: String,
    key: String,
    header: String,
}

#[derive(Debug, Deserialize)]
struct Older {
    id: String,
    /// It has the first so many of our columns.
    columns: usize,
}

impl Layout {
    pub fn read() -> Result<Self, FormError> {
        Ok(serde_json::from_str(DATA)?)
    }

    pub fn version(&self) -> &str {
        &self.template_version
    }

    /// The keys of the columns, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|c| c.key.as_str())
    }

    /// The name of each layout and how many of our columns it has.
    pub fn layouts(&self) -> Vec<(String, usize)> {
        self.layouts
            .iter()
            .map(|l| (l.id.clone(), l.columns))
            .collect()
    }

    /// The sheets of items, without rows.
    pub fn sheets(&self) -> impl Iterator<Item = Result<Table, FormError>> {
        let of_items = self.sheets.iter().filter(|s| s.columns.is_empty());
        of_items.map(|sheet| {
            Ok(Table {
                sheet: sheet.name.clone(),
                title: format!("FedRAMP {} ({})", sheet.name, self.template_version),
                head: Vec::new(),
                header_row: sheet.header_row,
                first_row: sheet.header_row + 1,
                prepared: self.row_limit_prepared,
                is_frozen: sheet.freeze_panes.is_some(),
                is_tall: true,
                columns: self.columns()?,
                rows: Vec::new(),
                // Layouts before 2.1 have no such sheet.
                optional: sheet.name == "Configuration Findings",
                guidance: sheet.guidance_rows.len() as u32 + u32::from(sheet.example_row.is_some()),
                grows: false,
            })
        })
    }

    /// Name, header row and columns of the record of changes.
    pub fn changes(&self) -> Option<(&str, u32, &[String])> {
        let sheet = self.sheets.iter().find(|s| !s.columns.is_empty())?;
        Some((&sheet.name, sheet.header_row, &sheet.columns))
    }

    /// The block above the columns, without values.
    pub fn head(&self) -> Vec<Head> {
        let block = &self.header_block;
        block
            .cells
            .iter()
            .map(|cell| Head {
                label: cell.label.clone(),
                value: Cell::Empty,
                rows: (block.labels_row, block.values_row),
                column: column_number(&cell.cell).unwrap_or(1),
                check: self.check(&format!("{}{}", cell.cell, block.values_row)),
            })
            .collect()
    }

    fn columns(&self) -> Result<Vec<Column>, FormError> {
        let columns = self.columns.iter().map(|column| {
            let number = column_number(&column.letter).ok_or_else(|| FormError::Data {
                what: format!("poam-columns.json: {} is no column", column.letter),
            })?;
            Ok(Column {
                key: column.key.clone(),
                header: column.header.clone(),
                number,
                width: width(&column.key),
                check: self.check(&column.letter),
                formula: (column.key == "scheduled_completion_date").then_some(DUE),
                optional: false,
            })
        });
        columns.collect()
    }

    /// What may be typed into a column (`K`) or a cell of the head (`D3`).
    fn check(&self, place: &str) -> Option<Check> {
        let named = |places: &str| places.split(',').any(|p| p.trim() == place);
        let (_, rule) = self.data_validation.iter().find(|(p, _)| named(p))?;
        match rule {
            Value::Array(words) => Some(Check::OneOf(
                words
                    .iter()
                    .filter_map(|w| w.as_str().map(str::to_owned))
                    .collect(),
            )),
            Value::String(text) if text.starts_with("date") => {
                let day = text.rsplit(' ').next().and_then(|day| day.parse().ok());
                Some(Check::Day(day.unwrap_or(FIRST)))
            }
            Value::String(text) if text.starts_with("decimal") => Some(Check::Number),
            _ => None,
        }
    }
}

/// In characters. The template says nothing of widths.
fn width(key: &str) -> f64 {
    match key {
        "weakness_description"
        | "asset_identifier"
        | "remediation_plan"
        | "deviation_rationale"
        | "comments" => 55.0,
        "weakness_name" | "planned_milestones" | "milestone_changes" | "supporting_documents" => {
            40.0
        }
        "controls" | "detector_source" | "source_identifier" | "point_of_contact"
        | "resources_required" | "vendor_product" | "cve" | "service_name" => 22.0,
        _ => 15.0,
    }
}
