//! What is longer than a cell may be: the cell keeps its first lines and names the sheet on which all of them stand, one a
//! row, so that a list is found whole, sorted and filtered.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Cell, Column, Table};
use crate::render::spreadsheet::{CELL, lines, units};

/// Name of the sheet.
pub const SHEET: &str = "Continuation";
/// Room in a cell for saying where the rest is.
const ROOM: usize = 200;
/// Rows of a sheet, with some left for its head (Excel specifications and limits: 1,048,576).
const ROWS: usize = 1_000_000;
/// Row of the headers.
const HEADER_ROW: u32 = 3;

/// Shortens cells that are too long; the sheets with all of their lines, if there are such cells.
pub fn further(tables: &mut [Table]) -> Vec<Table> {
    let mut rows = Vec::new();
    let mut there: HashMap<(String, String, String), Cell> = HashMap::new();
    for table in tables {
        for values in &mut table.rows {
            let id = match values.first() {
                Some(Cell::Text(id)) => id.clone(),
                _ => String::new(),
            };
            for (column, value) in table.columns.iter().zip(values) {
                let Cell::Text(text) = value else { continue };
                let clean = lines(text);
                if units(&clean) <= CELL {
                    continue;
                }
                // An item that stands on several rows says the same on each.
                let key = (id.clone(), column.header.clone(), clean.to_string());
                if let Some(kept) = there.get(&key) {
                    *value = kept.clone();
                    continue;
                }
                let sheet = sheet_name(rows.len() / ROWS);
                let all = split(&clean);
                let kept = shortened(&all, &sheet, &id);
                rows.extend((1..).zip(&all).map(|(number, line)| {
                    let at = [&id, &table.sheet, &column.header, &format!("{number}")];
                    let at = at.into_iter().map(Cell::text);
                    at.chain([Cell::text(*line)]).collect::<Vec<_>>()
                }));
                *value = Cell::Text(kept);
                there.insert(key, value.clone());
            }
        }
    }
    let chunks = rows.chunks(ROWS).enumerate();
    chunks
        .map(|(nth, rows)| table(sheet_name(nth), rows.to_vec()))
        .collect()
}

fn sheet_name(nth: usize) -> String {
    match nth {
        0 => SHEET.to_owned(),
        nth => format!("{SHEET} {}", nth + 1),
    }
}

/// The lines of a text; one that is longer than a cell itself in pieces.
fn split(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for mut line in text.lines() {
        while units(line) > CELL {
            let mut used = 0;
            let end = line.char_indices().find(|(_, c)| {
                used += c.len_utf16();
                used > CELL
            });
            let (piece, rest) = line.split_at(end.map_or(line.len(), |(at, _)| at));
            all.push(piece);
            line = rest;
        }
        all.push(line);
    }
    all
}

/// The first lines, and where all of them are.
fn shortened(all: &[&str], sheet: &str, id: &str) -> String {
    let room = CELL - ROOM;
    let mut kept = String::new();
    let (mut used, mut whole) = (0, 0);
    for line in all {
        let needed = units(line) + 1;
        if used + needed > room {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
        used += needed;
        whole += 1;
    }
    if let (0, Some(first)) = (whole, all.first()) {
        let mut used = 0;
        let begin = first.chars().take_while(|c| {
            used += c.len_utf16();
            used <= room
        });
        kept.extend(begin);
        kept.push('\n');
    }
    let id: Cow<'_, str> = match id.chars().count() {
        0 => Cow::Borrowed("its row"),
        1..=40 => Cow::Borrowed(id),
        _ => Cow::Owned(id.chars().take(40).collect()),
    };
    format!(
        "{kept}[cut here: {} more lines; all {} stand on sheet \"{sheet}\" under {id}]",
        all.len() - whole,
        all.len()
    )
}

fn table(sheet: String, rows: Vec<Vec<Cell>>) -> Table {
    let columns = [
        ("Item", 16.0),
        ("Sheet", 22.0),
        ("Column", 22.0),
        ("Line", 7.0),
        ("Text", 64.0),
    ];
    Table {
        sheet,
        title: "What did not fit into one cell, line by line".to_owned(),
        head: Vec::new(),
        header_row: HEADER_ROW,
        first_row: HEADER_ROW + 1,
        prepared: 0,
        is_frozen: true,
        is_tall: false,
        columns: (1..)
            .zip(columns)
            .map(|(number, (header, width))| Column {
                key: header.to_lowercase(),
                header: header.to_owned(),
                number,
                width,
                check: None,
                formula: None,
                optional: false,
            })
            .collect(),
        rows,
        optional: true,
        guidance: 0,
        grows: false,
    }
}
