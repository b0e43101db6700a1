//! A workbook of our own.

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{
    Color, DataValidation, DataValidationErrorStyle, DataValidationRule, DocProperties,
    ExcelDateTime, Format, FormatAlign, FormatBorder, Formula, Workbook, Worksheet, XlsxError,
};

use super::{Cell, Check, Table, formula, serial};
use crate::render::spreadsheet::{cell, could_be_formula};

/// Of a row of items, in points.
const ROW_HEIGHT: f64 = 75.0;

/// A workbook could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the workbook cannot be written: {0}")]
pub struct Failed(#[from] XlsxError);

/// Formats that cells share.
struct Look {
    title: Format,
    label: Format,
    header: Format,
    text: Format,
    /// Text that must stay text when somebody edits it.
    quoted: Format,
    day: Format,
}

impl Look {
    fn new() -> Self {
        let top = Format::new().set_align(FormatAlign::Top);
        let text = top.clone().set_text_wrap().set_num_format("@");
        Self {
            title: Format::new().set_bold().set_font_size(14),
            label: Format::new().set_bold(),
            header: Format::new()
                .set_bold()
                .set_text_wrap()
                .set_align(FormatAlign::Center)
                .set_align(FormatAlign::VerticalCenter)
                .set_background_color(Color::RGB(0x00D9_E1F2))
                .set_border(FormatBorder::Thin),
            quoted: text.clone().set_quote_prefix(),
            text,
            day: top.set_num_format("yyyy-mm-dd"),
        }
    }
}

/// The bytes of a workbook with these sheets. The same tables and day give the same bytes.
pub fn write(tables: &[Table], made: NaiveDate) -> Result<Vec<u8>, Failed> {
    let mut workbook = Workbook::new();
    workbook.set_properties(
        &DocProperties::new()
            .set_author("poamd")
            .set_creation_datetime(&excel_day(made)?),
    );
    let look = Look::new();
    for table in tables {
        sheet(workbook.add_worksheet(), table, &look)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn excel_day(day: NaiveDate) -> Result<ExcelDateTime, XlsxError> {
    let year = u16::try_from(day.year()).unwrap_or(1900);
    ExcelDateTime::from_ymd(year, day.month() as u8, day.day() as u8)
}

fn sheet(sheet: &mut Worksheet, table: &Table, look: &Look) -> Result<(), XlsxError> {
    sheet.set_name(&table.sheet)?;
    sheet.set_landscape();
    sheet.write_string_with_format(0, 0, cell(&table.title), &look.title)?;
    for head in &table.head {
        let column = head.column - 1;
        let (label, value) = (head.rows.0 - 1, head.rows.1 - 1);
        sheet.write_string_with_format(label, column, &head.label, &look.label)?;
        put(sheet, (value, column), &head.value, None, look)?;
        if let Some(check) = &head.check {
            sheet.add_data_validation(value, column, value, column, &validation(check)?)?;
        }
    }
    let header = table.header_row - 1;
    for column in &table.columns {
        let at = column.number - 1;
        sheet.set_column_width(at, column.width)?;
        sheet.write_string_with_format(header, at, &column.header, &look.header)?;
    }
    if table.is_frozen {
        sheet.set_freeze_panes(table.header_row, 0)?;
        sheet.set_repeat_rows(header, header)?;
    }
    rows(sheet, table, look)?;
    checks(sheet, table)
}

fn rows(sheet: &mut Worksheet, table: &Table, look: &Look) -> Result<(), XlsxError> {
    for (number, values) in (table.first_row..).zip(&table.rows) {
        // A few lines of each: whole texts would make rows of a screen's height, one line would hide that there is more.
        if table.is_tall {
            sheet.set_row_height(number - 1, ROW_HEIGHT)?;
        }
        for (column, value) in table.columns.iter().zip(values) {
            let at = (number - 1, column.number - 1);
            let worked = match value {
                Cell::Worked(_) => formula(column, &table.columns, number),
                _ => None,
            };
            put(sheet, at, value, worked, look)?;
        }
    }
    Ok(())
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    value: &Cell,
    worked: Option<String>,
    look: &Look,
) -> Result<(), XlsxError> {
    match (value, worked) {
        (Cell::Empty, _) => {}
        (Cell::Text(text), _) => {
            let look = if could_be_formula(text) {
                &look.quoted
            } else {
                &look.text
            };
            sheet.write_string_with_format(row, column, cell(text), look)?;
        }
        (Cell::Worked(day), Some(formula)) => {
            let formula = Formula::new(formula).set_result(serial(*day).to_string());
            sheet.write_formula_with_format(row, column, formula, &look.day)?;
        }
        (Cell::Day(day) | Cell::Worked(day), _) => {
            sheet.write_number_with_format(row, column, serial(*day) as f64, &look.day)?;
        }
    }
    Ok(())
}

/// What may be typed, down to the prepared rows or the last one that is filled.
fn checks(sheet: &mut Worksheet, table: &Table) -> Result<(), XlsxError> {
    let filled = table.first_row + table.rows.len() as u32;
    let last = table.prepared.max(filled);
    for column in &table.columns {
        if let Some(check) = &column.check {
            let at = column.number - 1;
            sheet.add_data_validation(
                table.first_row - 1,
                at,
                last - 1,
                at,
                &validation(check)?,
            )?;
        }
    }
    Ok(())
}

fn validation(check: &Check) -> Result<DataValidation, XlsxError> {
    Ok(match check {
        Check::OneOf(words) => DataValidation::new().allow_list_strings(words)?,
        Check::Day(from) => DataValidation::new()
            .allow_date(DataValidationRule::GreaterThanOrEqualTo(excel_day(*from)?)),
        // Identifiers are text as often as numbers: say so, do not refuse.
        Check::Number => DataValidation::new()
            .allow_decimal_number(DataValidationRule::GreaterThanOrEqualTo(0.0))
            .set_error_style(DataValidationErrorStyle::Information),
    })
}
