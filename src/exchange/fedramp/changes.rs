//! The record of changes: what each month brought, and this issue.

use std::collections::BTreeMap;

use chrono::{Datelike, Months, NaiveDate};

use super::super::FormError;
use super::super::dataset::Dataset;
use super::super::sheet::{Cell, Column, Table};
use super::layout::Layout;

pub fn table(data: &Dataset, layout: &Layout) -> Result<Table, FormError> {
    let (sheet, header_row, headers) = layout.changes().ok_or_else(|| FormError::Data {
        what: "poam-columns.json names no record of changes".to_owned(),
    })?;
    let widths = [14.0, 90.0, 12.0, 24.0];
    let columns = headers.iter().zip(widths).zip(1..);
    Ok(Table {
        sheet: sheet.to_owned(),
        title: sheet.to_owned(),
        head: Vec::new(),
        header_row,
        first_row: header_row + 1,
        prepared: 0,
        is_frozen: false,
        is_tall: false,
        columns: columns
            .map(|((header, width), number)| Column {
                key: header.to_lowercase(),
                header: header.clone(),
                number,
                width,
                check: None,
                formula: None,
                optional: false,
            })
            .collect(),
        rows: rows(data, layout),
        optional: true,
        guidance: 0,
        grows: true,
    })
}

fn rows(data: &Dataset, layout: &Layout) -> Vec<Vec<Cell>> {
    let mut months: BTreeMap<NaiveDate, (usize, usize)> = BTreeMap::new();
    for record in &data.records {
        let opened = months.entry(month_end(record.detected.date_naive(), data.today));
        opened.or_default().0 += 1;
        if let Some(closed) = record.closed {
            let closed = months.entry(month_end(closed.date_naive(), data.today));
            closed.or_default().1 += 1;
        }
    }
    let mut rows: Vec<Vec<Cell>> = months
        .into_iter()
        .map(|(day, (opened, closed))| {
            row(
                day,
                format!(
                    "{opened} items detected, {closed} closed in {}",
                    day.format("%Y-%m")
                ),
                layout,
            )
        })
        .collect();
    let open = data.records.iter().filter(|r| r.status.is_live()).count();
    let late = data
        .records
        .iter()
        .filter(|r| r.is_late(data.today))
        .count();
    rows.push(row(
        data.today,
        format!(
            "This issue: {open} open items, {late} of them past their completion date, {} closed",
            data.records.len() - open
        ),
        layout,
    ));
    rows
}

fn row(day: NaiveDate, text: String, layout: &Layout) -> Vec<Cell> {
    vec![
        Cell::Day(day),
        Cell::Text(text),
        Cell::text(layout.version()),
        Cell::text("poamd"),
    ]
}

/// The last day of a month, or the day of the form if that comes first.
fn month_end(day: NaiveDate, today: NaiveDate) -> NaiveDate {
    let next = day
        .with_day(1)
        .and_then(|d| d.checked_add_months(Months::new(1)));
    let last = next.and_then(|d| d.pred_opt()).unwrap_or(day);
    last.min(today.max(day))
}
