//! Somebody else's workbook, filled: columns are found by their header text, and everything that is not a value of
//! ours (styles, checks, formulas, other sheets, macros) stays as it is. What does not fit is named, all at once, and
//! then nothing is written.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::archive::Archive;
use super::part::{New, Part, attribute, shared_strings};
use super::{Cell, Check, Column, Table, added, column_letters, formula, serial};
use crate::render::spreadsheet::cell;

/// Rows among which the headers are looked for.
const HEADERS_WITHIN: u32 = 30;

/// What is to be put into a workbook.
pub struct Wanted<'a> {
    pub tables: &'a [Table],
    /// Sheets of ours that come behind theirs.
    pub added: &'a [Table],
    /// Names of layouts and how many of the columns each has; none: every column is asked for that is not optional.
    pub layouts: &'a [(String, usize)],
    /// Headers of theirs that stay empty.
    pub leave: &'a [String],
}

/// Why a workbook was not filled. One line a reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the workbook does not fit, and nothing was written:\n{}", .0.join("\n"))]
pub struct Misfit(pub Vec<String>);

impl Misfit {
    pub(super) fn new(reason: String) -> Self {
        Self(vec![reason])
    }
}

/// Where a table of ours goes on a sheet of theirs.
struct Place {
    /// Name of the part.
    part: String,
    first_row: u32,
    /// Their column of each of ours.
    columns: Vec<Option<u16>>,
    /// Row and column of each labelled value.
    head: Vec<(u32, u16)>,
}

/// The bytes of the workbook with the tables in it.
pub fn fill(bytes: &[u8], wanted: &Wanted<'_>) -> Result<Vec<u8>, Misfit> {
    let mut archive = Archive::open(bytes)?;
    let shared = match archive.text("xl/sharedStrings.xml")? {
        Some(text) => shared_strings(&text)?,
        None => Vec::new(),
    };
    let sheets = sheets(&mut archive)?;
    let mut reasons = Vec::new();
    let mut filled = Vec::new();
    for table in wanted.tables {
        let Some(name) = sheets.get(&normal(&table.sheet)) else {
            if !table.optional {
                reasons.push(format!(
                    "it has no sheet \"{}\"; its sheets are {}",
                    table.sheet,
                    sheets.keys().cloned().collect::<Vec<_>>().join(", ")
                ));
            }
            continue;
        };
        let text = archive.text(name)?.unwrap_or_default();
        let part = Part::read(text)?;
        match place(name, &part, &shared, table, wanted) {
            Ok(place) => filled.push((place, part, table)),
            Err(misfit) => reasons.extend(misfit.0),
        }
    }
    if !reasons.is_empty() {
        return Err(Misfit(reasons));
    }
    for (place, part, table) in filled {
        let text = put(&place, part, table);
        // A sheet that is put together oddly, and yet was read, must not come out as one that nobody can open.
        each(&text, |_, _| {})?;
        Part::read(text.clone())?;
        archive.replace(&place.part, text);
    }
    for table in wanted.added {
        added::add(&mut archive, table)?;
    }
    recalculate(&mut archive)?;
    archive.finish()
}

/// Header text without what people do not see.
fn normal(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// Parts of the sheets, by their normal names.
fn sheets(archive: &mut Archive<'_>) -> Result<BTreeMap<String, String>, Misfit> {
    let need = |text: Option<String>, name: &str| {
        text.ok_or_else(|| Misfit::new(format!("it is no .xlsx workbook: {name} is missing")))
    };
    let workbook = need(archive.text("xl/workbook.xml")?, "xl/workbook.xml")?;
    let links = archive.text("xl/_rels/workbook.xml.rels")?;
    let links = need(links, "xl/_rels/workbook.xml.rels")?;
    let mut targets = BTreeMap::new();
    each(&links, |tag, _| {
        if let (Some(id), Some(target)) = (attribute(tag, "Id"), attribute(tag, "Target")) {
            let part = match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("xl/{target}"),
            };
            targets.insert(id, part);
        }
    })?;
    let mut sheets = BTreeMap::new();
    let mut old_days = false;
    each(&workbook, |tag, _| {
        if tag.local_name().as_ref() == "workbookPr" {
            let is = attribute(tag, "date1904");
            old_days = is.is_some_and(|is| is == "1" || is == "true");
        }
        if tag.local_name().as_ref() == "sheet" {
            let link = tag
                .attributes()
                .flatten()
                .find(|a| a.key.local_name().as_ref() == "id" && a.key.as_ref().contains(':'));
            let part = link.and_then(|link| targets.get(link.value.as_ref()));
            if let (Some(name), Some(part)) = (attribute(tag, "name"), part) {
                sheets.insert(normal(&name), part.clone());
            }
        }
    })?;
    if old_days {
        return Err(Misfit::new(
            "it counts its days from 1904, so every date would be four years off; save it with days from 1900 (Excel: \
             Options, Advanced, \"Use 1904 date system\" off)"
                .to_owned(),
        ));
    }
    Ok(sheets)
}

/// Calls back for each start of an element with where it stands; empty elements alone have an end that is theirs.
pub(super) fn each(
    text: &str,
    mut found: impl FnMut(&quick_xml::events::BytesStart<'_>, std::ops::Range<usize>),
) -> Result<(), Misfit> {
    let mut reader = Reader::from_str(text);
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader
            .read_event()
            .map_err(|cause| Misfit::new(format!("it is no .xlsx workbook ({cause})")))?;
        let end = reader.buffer_position() as usize;
        match event {
            Event::Start(tag) | Event::Empty(tag) => found(&tag, start..end),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn place(
    name: &str,
    part: &Part,
    shared: &[String],
    table: &Table,
    wanted: &Wanted<'_>,
) -> Result<Place, Misfit> {
    let known: BTreeMap<String, usize> = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| (normal(&column.header), index))
        .collect();
    let headers = headers(part, shared, &known, table)?;
    let mut reasons = Vec::new();
    let columns = columns(&headers, &known, table, wanted, &mut reasons);
    let head = head(part, shared, table, headers.row, &mut reasons);
    let first_row = first_row(part, shared, table, headers.row, &columns, &mut reasons);
    if !reasons.is_empty() {
        return Err(Misfit(reasons));
    }
    Ok(Place {
        part: name.to_owned(),
        first_row,
        columns,
        head,
    })
}

/// The row of headers, and what stands in it.
struct Headers {
    row: u32,
    texts: Vec<(u16, String)>,
}

fn headers(
    part: &Part,
    shared: &[String],
    known: &BTreeMap<String, usize>,
    table: &Table,
) -> Result<Headers, Misfit> {
    let texts = |row: u32| -> Vec<(u16, String)> {
        let cells = part.rows.get(&row).map(|row| &row.cells);
        let columns = cells.into_iter().flat_map(|cells| cells.keys());
        columns
            .map(|column| (*column, part.said(row, *column, shared)))
            .filter(|(_, text)| !text.trim().is_empty())
            .collect()
    };
    let hits = |row: u32| {
        let texts = texts(row);
        texts
            .iter()
            .filter(|(_, t)| known.contains_key(&normal(t)))
            .count()
    };
    // Of rows that fit equally well the first one, and the form's own before all.
    let rows = [table.header_row].into_iter().chain(1..=HEADERS_WITHIN);
    let best = rows
        .rev()
        .max_by_key(|row| hits(*row))
        .unwrap_or(table.header_row);
    if hits(best) * 2 < table.columns.len().min(8) {
        return Err(Misfit::new(format!(
            "sheet \"{}\" has no row with the form's headers (\"{}\" …) among its first {HEADERS_WITHIN}",
            table.sheet,
            table.columns.first().map_or("", |c| c.header.as_str())
        )));
    }
    Ok(Headers {
        row: best,
        texts: texts(best),
    })
}

fn columns(
    headers: &Headers,
    known: &BTreeMap<String, usize>,
    table: &Table,
    wanted: &Wanted<'_>,
    reasons: &mut Vec<String>,
) -> Vec<Option<u16>> {
    let mut columns = vec![None; table.columns.len()];
    let mut strange = Vec::new();
    for (column, text) in &headers.texts {
        match known.get(&normal(text)) {
            Some(index) if columns[*index].is_none() => columns[*index] = Some(*column),
            _ => strange.push((*column, text)),
        }
    }
    let left = |text: &str| wanted.leave.iter().any(|l| normal(l) == normal(text));
    // Columns behind the last of the form are the customer's own (FedRAMP allows them).
    let last = columns.iter().flatten().max().copied().unwrap_or(0);
    for (column, text) in strange {
        if column < last && !left(text) {
            let shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let why = match known.contains_key(&normal(text)) {
                true => format!("the header \"{shown}\" stands there a second time"),
                false => format!(
                    "the form knows no header \"{shown}\"; if it is one of those that are missing, rename it; to leave its column empty: --leave \"{shown}\""
                ),
            };
            reasons.push(format!(
                "sheet \"{}\", cell {}{}: {why}",
                table.sheet,
                column_letters(column),
                headers.row
            ));
        }
    }
    let asked_for = |index: usize, column: &Column| match layout(wanted.layouts, &columns) {
        Some((_, count)) => index < count,
        None => !column.optional,
    };
    for (index, column) in table.columns.iter().enumerate() {
        if columns[index].is_none() && asked_for(index, column) {
            reasons.push(format!(
                "sheet \"{}\", row {}: the header \"{}\" is missing",
                table.sheet, headers.row, column.header
            ));
        }
    }
    columns
}

/// The layout that lacks least: the largest that ends with a column that is there.
fn layout<'l>(layouts: &'l [(String, usize)], columns: &[Option<u16>]) -> Option<(&'l str, usize)> {
    let ends = |count: usize| count > 0 && columns.get(count - 1).is_some_and(Option::is_some);
    layouts
        .iter()
        .filter(|(_, count)| ends(*count))
        .max_by_key(|(_, count)| *count)
        .or_else(|| layouts.iter().max_by_key(|(_, count)| *count))
        .map(|(name, count)| (name.as_str(), *count))
}

fn head(
    part: &Part,
    shared: &[String],
    table: &Table,
    header_row: u32,
    reasons: &mut Vec<String>,
) -> Vec<(u32, u16)> {
    let mut places = Vec::new();
    for head in &table.head {
        let above = part.rows.range(..header_row);
        let found = above
            .flat_map(|(row, cells)| cells.cells.keys().map(|column| (*row, *column)))
            .find(|(row, column)| normal(&part.said(*row, *column, shared)) == normal(&head.label));
        match found {
            Some((row, column)) => places.push((row + head.rows.1 - head.rows.0, column)),
            None => reasons.push(format!(
                "sheet \"{}\": the label \"{}\" is missing above the headers",
                table.sheet, head.label
            )),
        }
    }
    places
}

/// Rows below the headers in which a workbook may explain its columns, whatever the form's own has.
const GUIDANCE_WITHIN: u32 = 10;

/// Somebody's sheet below its headers.
struct Below<'a> {
    part: &'a Part,
    shared: &'a [String],
    table: &'a Table,
    columns: &'a [Option<u16>],
    /// The first column that our items have something in: the id, or in forms that give ids of their own the name.
    id: Option<u16>,
}

impl<'a> Below<'a> {
    fn new(
        part: &'a Part,
        shared: &'a [String],
        table: &'a Table,
        columns: &'a [Option<u16>],
    ) -> Self {
        let says = |index: usize| {
            let cell = table.rows.first().and_then(|row| row.get(index));
            match cell {
                None | Some(Cell::Empty) => false,
                Some(Cell::Text(text)) => !text.is_empty(),
                Some(Cell::Day(_) | Cell::Worked(_)) => true,
            }
        };
        let written = columns.iter().enumerate();
        let id = written
            .filter(|(index, _)| says(*index))
            .find_map(|(_, column)| *column)
            .or_else(|| columns.first().copied().flatten());
        Self {
            part,
            shared,
            table,
            columns,
            id,
        }
    }

    /// What somebody wrote into a cell; a formula's value is nobody's.
    fn written(&self, row: u32, column: u16) -> Option<String> {
        let cell = self.part.rows.get(&row)?.cells.get(&column)?;
        let is_written = cell.is_written(self.shared);
        is_written.then(|| self.part.said(row, column, self.shared))
    }

    fn has_id(&self, row: u32) -> bool {
        self.id.is_some_and(|id| self.written(row, id).is_some())
    }

    /// Whether a row tells people what to write, and is none that they wrote: in a column that takes days or some words only
    /// it has another text, or it has text and no id.
    fn explains(&self, row: u32) -> bool {
        let columns = self.table.columns.iter().zip(self.columns);
        let texts = columns.filter_map(|(column, number)| {
            let text = self.written(row, (*number)?)?;
            Some((column, text))
        });
        let free: Vec<bool> = texts
            .filter(|(column, text)| !could_stand(column, text))
            .map(|(column, _)| matches!(column.check, Some(Check::Day(_) | Check::OneOf(_))))
            .collect();
        free.contains(&true) || !free.is_empty() && !self.has_id(row)
    }

    fn any_written(&self, row: u32) -> bool {
        let mut columns = self.columns.iter().flatten();
        columns.any(|column| self.written(row, *column).is_some())
    }

    /// The first row behind guidance and example: where the form has them, and what explains below that.
    fn first(&self, header_row: u32) -> u32 {
        let own = header_row + self.table.guidance;
        let is_guidance = |row: u32| match row <= own {
            true => self.any_written(row),
            false => self.explains(row),
        };
        let within = own.max(header_row + GUIDANCE_WITHIN);
        let last = (header_row + 1..=within)
            .rev()
            .find(|row| is_guidance(*row));
        last.unwrap_or(header_row) + 1
    }
}

/// Whether a column takes such a text: nobody would explain it so.
fn could_stand(column: &Column, text: &str) -> bool {
    let text = text.trim();
    match &column.check {
        Some(Check::OneOf(words)) => words.iter().any(|word| word.eq_ignore_ascii_case(text)),
        Some(Check::Day(_)) => {
            text.parse::<f64>().is_ok()
                || ["%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y"]
                    .iter()
                    .any(|form| NaiveDate::parse_from_str(text, form).is_ok())
        }
        Some(Check::Number) => text.parse::<f64>().is_ok(),
        None => false,
    }
}

/// The first row of values: below guidance and example; for a table that grows, below what is there.
fn first_row(
    part: &Part,
    shared: &[String],
    table: &Table,
    header_row: u32,
    columns: &[Option<u16>],
    reasons: &mut Vec<String>,
) -> u32 {
    let below = Below::new(part, shared, table, columns);
    let first = if table.grows {
        header_row + 1
    } else {
        below.first(header_row)
    };
    let last_filled = part
        .rows
        .range(first..)
        .map(|(row, _)| *row)
        .filter(|row| below.has_id(*row))
        .max();
    match last_filled {
        None => first,
        Some(row) if table.grows => row + 1,
        Some(row) => {
            reasons.push(format!(
                "sheet \"{}\" holds items already (row {row}); --into wants an empty copy of the form",
                table.sheet
            ));
            first
        }
    }
}

fn put(place: &Place, mut part: Part, table: &Table) -> String {
    let masters = part.masters();
    for (head, at) in table.head.iter().zip(&place.head) {
        part.put(*at, new(&head.value, None), at.0);
    }
    // Columns as they are on their sheet, for formulas.
    let theirs: Vec<Column> = table
        .columns
        .iter()
        .zip(&place.columns)
        .filter_map(|(column, number)| {
            Some(Column {
                number: (*number)?,
                ..column.clone()
            })
        })
        .collect();
    for (row, values) in (place.first_row..).zip(&table.rows) {
        for ((column, value), number) in table.columns.iter().zip(values).zip(&place.columns) {
            let Some(number) = *number else { continue };
            let worked = match value {
                Cell::Worked(_) => formula(column, &theirs, row),
                _ => None,
            };
            part.put((row, number), new(value, worked), place.first_row);
        }
    }
    let last = place.first_row + table.rows.len() as u32;
    part.stretch(place.first_row, last.saturating_sub(1));
    let widest = place.columns.iter().flatten().max().copied().unwrap_or(1);
    part.write(&masters, (last.saturating_sub(1), widest))
}

fn new(value: &Cell, worked: Option<String>) -> New {
    match (value, worked) {
        (Cell::Empty, _) => New::Nothing,
        (Cell::Text(text), _) => New::Text(cell(text).into_owned()),
        (Cell::Worked(day), Some(formula)) => New::Worked(serial(*day), formula),
        (Cell::Day(day) | Cell::Worked(day), _) => New::Number(serial(*day)),
    }
}

/// Formulas elsewhere are worked out again when the file is opened; the old order of doing so is dropped.
fn recalculate(archive: &mut Archive<'_>) -> Result<(), Misfit> {
    for (part, names) in [
        ("[Content_Types].xml", "PartName"),
        ("xl/_rels/workbook.xml.rels", "Target"),
    ] {
        let Some(text) = archive.text(part)? else {
            continue;
        };
        let mut dropped = Vec::new();
        each(&text, |tag, at| {
            if attribute(tag, names).is_some_and(|name| name.ends_with("calcChain.xml")) {
                dropped.push(at);
            }
        })?;
        let mut kept = text;
        for at in dropped.into_iter().rev() {
            kept.replace_range(at, "");
        }
        archive.replace(part, kept);
    }
    archive.remove("xl/calcChain.xml");
    let Some(mut workbook) = archive.text("xl/workbook.xml")? else {
        return Ok(());
    };
    let mut at = None;
    each(&workbook, |tag, place| {
        if tag.local_name().as_ref() == "calcPr" && attribute(tag, "fullCalcOnLoad").is_none() {
            at = Some(place.start + 1 + tag.name().as_ref().len());
        }
    })?;
    if let Some(at) = at {
        workbook.insert_str(at, " fullCalcOnLoad=\"1\"");
        archive.replace("xl/workbook.xml", workbook);
    }
    Ok(())
}
