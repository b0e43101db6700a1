//! Sheets of a workbook as data: what stands where is found by header text. [`write`] makes a workbook of our own,
//! [`fill`] puts the same rows into somebody else's and leaves everything else of it as it is.

mod added;
mod archive;
mod fill;
mod formula;
mod further;
mod part;
mod write;

use chrono::NaiveDate;

pub use fill::{Misfit, Wanted, fill};
pub use formula::{column_letters, column_number};
pub use further::further;
pub use write::{Failed, write};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    /// Foreign or ours: never a formula, never a link.
    Text(String),
    Day(NaiveDate),
    /// A day that the column's formula yields from the row.
    Worked(NaiveDate),
}

impl Cell {
    /// Text, or nothing if there is none.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.trim().is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }

    pub fn day(day: Option<NaiveDate>) -> Self {
        day.map_or(Self::Empty, Self::Day)
    }
}

/// What a spreadsheet lets people type into a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    OneOf(Vec<String>),
    /// A date on or after a day.
    Day(NaiveDate),
    /// A number is expected; text is only remarked upon.
    Number,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What we call it.
    pub key: String,
    /// Its header, to the letter.
    pub header: String,
    /// From 1.
    pub number: u16,
    /// In characters.
    pub width: f64,
    pub check: Option<Check>,
    /// For [`Cell::Worked`]: `{key}` stands for the cell of that column in the same row.
    pub formula: Option<&'static str>,
    /// A workbook to be filled may lack it.
    pub optional: bool,
}

/// A labelled value above the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    pub label: String,
    pub value: Cell,
    /// Row of the label and of the value, from 1.
    pub rows: (u32, u32),
    /// From 1.
    pub column: u16,
    pub check: Option<Check>,
}

/// One sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub sheet: String,
    /// In A1.
    pub title: String,
    pub head: Vec<Head>,
    /// From 1.
    pub header_row: u32,
    /// The first row of values in a sheet of our own.
    pub first_row: u32,
    /// Rows down to here are ready for people who add some.
    pub prepared: u32,
    pub is_frozen: bool,
    /// Its texts are long: rows show several lines of them.
    pub is_tall: bool,
    pub columns: Vec<Column>,
    /// One cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// A workbook to be filled may lack it.
    pub optional: bool,
    /// Rows of guidance and example that a workbook to be filled may have below its headers.
    pub guidance: u32,
    /// A workbook to be filled may have rows already; ours come behind them.
    pub grows: bool,
}

/// Days since the end of 1899, as spreadsheets count.
fn serial(day: NaiveDate) -> i64 {
    let start = NaiveDate::from_ymd_opt(1899, 12, 30).unwrap_or_default();
    day.signed_duration_since(start).num_days()
}

/// The day of a serial number.
fn day_of(serial: i64) -> Option<NaiveDate> {
    let start = NaiveDate::from_ymd_opt(1899, 12, 30)?;
    start.checked_add_signed(chrono::TimeDelta::try_days(serial)?)
}

/// The formula of a column in one row.
fn formula(column: &Column, columns: &[Column], row: u32) -> Option<String> {
    let mut text = column.formula?.to_owned();
    for other in columns {
        let name = format!("{{{}}}", other.key);
        if text.contains(&name) {
            text = text.replace(&name, &format!("{}{row}", column_letters(other.number)));
        }
    }
    // A column that the workbook does not have cannot be worked with.
    (!text.contains('{')).then_some(text)
}
