//! The XML of one sheet, read so that everything that is not changed is written back as it was.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::{escape, unescape};
use quick_xml::events::{BytesStart, Event};

use super::day_of;
use super::fill::Misfit;
use super::formula::{address, column_letters, moved};

/// Most rows and columns of a sheet (ECMA-376 part 1, 18.3.1.73 and 18.3.1.4, as Excel limits them).
const ROWS: u32 = 1_048_576;
const COLUMNS: u16 = 16_384;

/// A sheet: what stands before its rows, the rows, what stands behind them.
pub struct Part {
    text: String,
    rows_at: Range<usize>,
    /// `x:` where the writer used a prefix.
    prefix: String,
    pub rows: BTreeMap<u32, Row>,
    /// First and last column of each style that columns give.
    column_styles: Vec<(u16, u16, String)>,
}

#[derive(Default)]
pub struct Row {
    /// All attributes but the number and what it spans.
    attributes: String,
    pub cells: BTreeMap<u16, Own>,
}

/// A cell of theirs.
#[derive(Default, Clone)]
pub struct Own {
    /// As it was; empty once it is changed.
    raw: String,
    pub style: Option<String>,
    kind: Option<String>,
    formula: Option<Shared>,
    /// What `<v>` or `<is>` holds.
    value: String,
}

/// A formula, perhaps shared with other cells.
#[derive(Clone)]
struct Shared {
    /// The element as it was.
    raw: String,
    text: String,
    index: Option<String>,
}

/// What is put into a cell.
pub enum New {
    Nothing,
    Text(String),
    Number(i64),
    /// Their own formula stays if there is one, else this one is written.
    Worked(i64, String),
}

fn bad(cause: impl std::fmt::Display) -> Misfit {
    Misfit::new(format!(
        "one of its sheets cannot be read ({cause}); open and save it once"
    ))
}

/// A column that a sheet can have.
fn within(column: u16) -> Result<u16, Misfit> {
    if column > COLUMNS {
        return Err(bad(format!("it has a column {}", column_letters(column))));
    }
    Ok(column)
}

/// The value of an attribute.
pub fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut all = tag.attributes().flatten();
    let found = all.find(|a| a.key.as_ref() == name)?;
    unescape(&found.value).ok().map(|value| value.into_owned())
}

impl Part {
    pub fn read(text: String) -> Result<Self, Misfit> {
        let mut part = Self {
            rows_at: 0..0,
            prefix: String::new(),
            rows: BTreeMap::new(),
            column_styles: Vec::new(),
            text: String::new(),
        };
        let mut reader = Reader::from_str(&text);
        let mut row = 0;
        loop {
            let start = reader.buffer_position() as usize;
            match reader.read_event().map_err(bad)? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "sheetData" => {
                        part.prefix = prefix(&tag);
                        part.rows_at.start = start;
                    }
                    "row" => row = part.begin_row(&tag, row)?,
                    "c" => {
                        let (column, cell) = own(&mut reader, &text, start, &tag)?;
                        let cells = &mut part.rows.entry(row).or_default().cells;
                        let next = cells.last_key_value().map_or(1, |(last, _)| last + 1);
                        cells.insert(within(column.unwrap_or(next))?, cell);
                    }
                    _ => {}
                },
                Event::Empty(tag) => match tag.local_name().as_ref() {
                    "sheetData" => {
                        part.prefix = prefix(&tag);
                        part.rows_at = start..reader.buffer_position() as usize;
                        break;
                    }
                    "row" => row = part.begin_row(&tag, row)?,
                    "col" => part.column_styles.extend(styled(&tag)),
                    "c" => {
                        let end = reader.buffer_position() as usize;
                        let cell = Own {
                            raw: text[start..end].to_owned(),
                            style: attribute(&tag, "s"),
                            ..Own::default()
                        };
                        if let Some((column, _)) = place(&tag) {
                            let cells = &mut part.rows.entry(row).or_default().cells;
                            cells.insert(within(column)?, cell);
                        }
                    }
                    _ => {}
                },
                Event::End(tag) if tag.local_name().as_ref() == "sheetData" => {
                    part.rows_at.end = reader.buffer_position() as usize;
                    break;
                }
                Event::Eof => return Err(bad("it has no rows")),
                _ => {}
            }
        }
        part.text = text;
        Ok(part)
    }

    fn begin_row(&mut self, tag: &BytesStart<'_>, last: u32) -> Result<u32, Misfit> {
        let number = match attribute(tag, "r") {
            Some(number) => number.parse().map_err(bad)?,
            None => last + 1,
        };
        if number > ROWS {
            return Err(bad(format!("it has a row {number}")));
        }
        let mut attributes = String::new();
        for kept in tag.attributes().flatten() {
            if !matches!(kept.key.as_ref(), "r" | "spans") {
                // Writing to a String cannot fail.
                let _ = write!(attributes, " {}=\"{}\"", kept.key.as_ref(), kept.value);
            }
        }
        self.rows.entry(number).or_default().attributes = attributes;
        Ok(number)
    }

    /// What a cell says; empty if it says nothing.
    pub fn said(&self, row: u32, column: u16, shared: &[String]) -> String {
        let cell = self.rows.get(&row).and_then(|row| row.cells.get(&column));
        cell.map(|cell| cell.said(shared)).unwrap_or_default()
    }

    /// Puts a value into a cell, in the style that stands there, else in that of a row above.
    pub fn put(&mut self, (row, column): (u32, u16), new: New, style_of: u32) {
        let pattern = self.rows.get(&style_of).and_then(|r| r.cells.get(&column));
        let pattern = pattern.and_then(|cell| cell.style.clone());
        let prefix = self.prefix.clone();
        let pattern = pattern.or_else(|| self.column_style(column));
        let cells = &mut self.rows.entry(row).or_default().cells;
        let old = cells.remove(&column).unwrap_or_default();
        let style = old.style.clone().or(pattern);
        // Without a style a day would be shown as the number that it is.
        let new = match (new, &style) {
            (New::Number(number), None) => match day_of(number) {
                Some(day) => New::Text(day.to_string()),
                None => New::Number(number),
            },
            (new, _) => new,
        };
        let mut out = format!("<{prefix}c r=\"{}{row}\"", column_letters(column));
        if let Some(style) = &style {
            let _ = write!(out, " s=\"{}\"", escape(style.as_str()));
        }
        let mut formula = None;
        match new {
            New::Nothing => out.push_str("/>"),
            New::Text(text) => {
                let text = escaped(&text);
                let _ = write!(
                    out,
                    " t=\"inlineStr\"><{prefix}is><{prefix}t xml:space=\"preserve\">{text}</{prefix}t></{prefix}is></{prefix}c>"
                );
            }
            New::Number(number) => {
                let _ = write!(out, "><{prefix}v>{number}</{prefix}v></{prefix}c>");
            }
            New::Worked(number, own) => {
                let written = format!("<{prefix}f>{}</{prefix}f>", escape(own.as_str()));
                let raw = old.formula.as_ref().map_or(written, |f| f.raw.clone());
                formula = old.formula;
                let _ = write!(out, ">{raw}<{prefix}v>{number}</{prefix}v></{prefix}c>");
            }
        }
        let cell = Own {
            raw: out,
            style,
            formula,
            ..Own::default()
        };
        cells.insert(column, cell);
    }

    /// The style that a column gives to cells without one of their own.
    fn column_style(&self, column: u16) -> Option<String> {
        let mut all = self.column_styles.iter();
        let (.., style) = all.find(|(from, to, _)| (*from..=*to).contains(&column))?;
        Some(style.clone())
    }

    /// The XML again. `before` is the sheet as it was read: formulas that were shared with a cell that has none any more
    /// are written out.
    pub fn write(&self, before: &HashMap<String, (u32, u16, String)>, last: (u32, u16)) -> String {
        let mut out = String::with_capacity(self.text.len() + self.rows.len() * 64);
        out.push_str(&sized(&self.text[..self.rows_at.start], last));
        let prefix = &self.prefix;
        let _ = write!(out, "<{prefix}sheetData>");
        let orphaned = self.orphaned(before);
        for (number, row) in &self.rows {
            let _ = write!(out, "<{prefix}row r=\"{number}\"{}>", row.attributes);
            for (column, cell) in &row.cells {
                match cell
                    .formula
                    .as_ref()
                    .and_then(|f| orphaned.get(f.index.as_ref()?))
                {
                    Some((from_row, from_column, text)) => {
                        let rows = i64::from(*number) - i64::from(*from_row);
                        let columns = i64::from(*column) - i64::from(*from_column);
                        let own = moved(text, rows, columns);
                        let raw = cell.formula.as_ref().map_or("", |f| f.raw.as_str());
                        let plain = format!("<{prefix}f>{}</{prefix}f>", escape(own.as_str()));
                        out.push_str(&cell.raw.replacen(raw, &plain, 1));
                    }
                    None => out.push_str(&cell.raw),
                }
            }
            let _ = write!(out, "</{prefix}row>");
        }
        let _ = write!(out, "</{prefix}sheetData>");
        out.push_str(&self.text[self.rows_at.end..]);
        out
    }

    /// Shared formulas by their index: where the cell stands that holds the text, and the text.
    pub fn masters(&self) -> HashMap<String, (u32, u16, String)> {
        let mut masters = HashMap::new();
        for (row, column, cell) in self.cells() {
            if let Some(formula) = &cell.formula
                && let Some(index) = &formula.index
                && !formula.text.is_empty()
            {
                masters.insert(index.clone(), (row, column, formula.text.clone()));
            }
        }
        masters
    }

    fn cells(&self) -> impl Iterator<Item = (u32, u16, &Own)> {
        self.rows
            .iter()
            .flat_map(|(row, r)| r.cells.iter().map(|(column, cell)| (*row, *column, cell)))
    }

    /// The shared formulas of before whose text is nowhere any more.
    fn orphaned(
        &self,
        before: &HashMap<String, (u32, u16, String)>,
    ) -> HashMap<String, (u32, u16, String)> {
        let still = self.masters();
        let gone = before
            .iter()
            .filter(|(index, _)| !still.contains_key(*index));
        gone.map(|(index, master)| (index.clone(), master.clone()))
            .collect()
    }

    /// Lets checks and colours that covered the prepared rows reach a last row beyond them.
    pub fn stretch(&mut self, first: u32, last: u32) {
        let tail = self.text.split_off(self.rows_at.end);
        let mut out = String::with_capacity(tail.len() + 64);
        let mut rest = tail.as_str();
        while let Some(at) = rest.find("sqref") {
            let after = at + "sqref".len();
            let open = rest[after..].find(['"', '>']).map(|o| after + o + 1);
            let close = open.and_then(|o| rest[o..].find(['"', '<']).map(|c| o + c));
            let (Some(open), Some(close)) = (open, close) else {
                break;
            };
            out.push_str(&rest[..open]);
            out.push_str(&stretched(&rest[open..close], first, last));
            rest = &rest[close..];
            // Past the end tag of an element of that name.
            if let Some(end) = rest.strip_prefix("</").and_then(|r| r.find('>')) {
                out.push_str(&rest[..end + 3]);
                rest = &rest[end + 3..];
            }
        }
        out.push_str(rest);
        self.text.push_str(&out);
    }
}

fn styled(tag: &BytesStart<'_>) -> Option<(u16, u16, String)> {
    let bound = |name| attribute(tag, name)?.parse().ok();
    Some((bound("min")?, bound("max")?, attribute(tag, "style")?))
}

/// Ranges that hold the first row and further ones reach the last one.
fn stretched(ranges: &str, first: u32, last: u32) -> String {
    let longer = |range: &str| -> Option<String> {
        let (from, to) = range.split_once(':')?;
        let ((_, top), (column, bottom)) = (address(from)?, address(to)?);
        let holds = top <= first && bottom > first && bottom < last;
        holds.then(|| format!("{from}:{}{last}", column_letters(column)))
    };
    let ranges = ranges.split(' ');
    let all: Vec<String> = ranges
        .map(|range| longer(range).unwrap_or_else(|| range.to_owned()))
        .collect();
    all.join(" ")
}

/// The head of a sheet with its size made large enough.
fn sized(head: &str, (row, column): (u32, u16)) -> String {
    let Some(at) = head.find("dimension ref=\"") else {
        return head.to_owned();
    };
    let open = at + "dimension ref=\"".len();
    let Some(close) = head[open..].find('"').map(|c| open + c) else {
        return head.to_owned();
    };
    let (from, to) = head[open..close].split_once(':').unwrap_or(("A1", "A1"));
    let (last_column, last_row) = address(to).unwrap_or((1, 1));
    format!(
        "{}{from}:{}{}{}",
        &head[..open],
        column_letters(last_column.max(column)),
        last_row.max(row),
        &head[close..]
    )
}

impl Own {
    /// A formula's value is none that people wrote.
    pub fn is_written(&self, shared: &[String]) -> bool {
        self.formula.is_none() && !self.said(shared).trim().is_empty()
    }

    fn said(&self, shared: &[String]) -> String {
        match self.kind.as_deref() {
            Some("s") => {
                let index: Option<usize> = self.value.trim().parse().ok();
                let text = index.and_then(|index| shared.get(index));
                text.cloned().unwrap_or_default()
            }
            _ => self.value.clone(),
        }
    }
}

fn prefix(tag: &BytesStart<'_>) -> String {
    let name = tag.name();
    let name = name.as_ref();
    name.split_once(':')
        .map_or_else(String::new, |(prefix, _)| format!("{prefix}:"))
}

fn place(tag: &BytesStart<'_>) -> Option<(u16, u32)> {
    address(&attribute(tag, "r")?)
}

/// Reads a cell up to its end.
fn own(
    reader: &mut Reader<&[u8]>,
    text: &str,
    start: usize,
    tag: &BytesStart<'_>,
) -> Result<(Option<u16>, Own), Misfit> {
    let mut cell = Own {
        style: attribute(tag, "s"),
        kind: attribute(tag, "t"),
        ..Own::default()
    };
    loop {
        let at = reader.buffer_position() as usize;
        match reader.read_event().map_err(bad)? {
            Event::Start(inner) => {
                let name = inner.local_name().as_ref().to_owned();
                let from = reader.buffer_position() as usize;
                match name.as_str() {
                    "v" | "t" | "f" => {
                        let to = end_of(reader, &name)?;
                        let said = unescape(&text[from..to]).map_err(bad)?;
                        if name == "f" {
                            let end = reader.buffer_position() as usize;
                            cell.formula = Some(Shared {
                                raw: text[at..end].to_owned(),
                                text: said.into_owned(),
                                index: shared_index(&inner),
                            });
                        } else {
                            cell.value.push_str(&said);
                        }
                    }
                    "rPh" => {
                        end_of(reader, "rPh")?;
                    }
                    _ => {}
                }
            }
            Event::Empty(inner) if inner.local_name().as_ref() == "f" => {
                let end = reader.buffer_position() as usize;
                cell.formula = Some(Shared {
                    raw: text[at..end].to_owned(),
                    text: String::new(),
                    index: shared_index(&inner),
                });
            }
            Event::End(end) if end.local_name().as_ref() == "c" => {
                cell.raw = text[start..reader.buffer_position() as usize].to_owned();
                return Ok((place(tag).map(|(column, _)| column), cell));
            }
            Event::Eof => return Err(bad("it ends in a cell")),
            _ => {}
        }
    }
}

fn shared_index(tag: &BytesStart<'_>) -> Option<String> {
    let is_shared = attribute(tag, "t").as_deref() == Some("shared");
    is_shared.then(|| attribute(tag, "si")).flatten()
}

/// Reads to the end of an element; the offset at which its end tag starts.
fn end_of(reader: &mut Reader<&[u8]>, name: &str) -> Result<usize, Misfit> {
    loop {
        let at = reader.buffer_position() as usize;
        match reader.read_event().map_err(bad)? {
            Event::End(end) if end.local_name().as_ref() == name => return Ok(at),
            Event::Eof => return Err(bad(format!("<{name}> has no end"))),
            _ => {}
        }
    }
}

/// The texts that cells name by number.
pub fn shared_strings(text: &str) -> Result<Vec<String>, Misfit> {
    let mut reader = Reader::from_str(text);
    let mut all = Vec::new();
    loop {
        match reader.read_event().map_err(bad)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "si" => all.push(String::new()),
                "t" => {
                    let from = reader.buffer_position() as usize;
                    let to = end_of(&mut reader, "t")?;
                    let said = unescape(&text[from..to]).map_err(bad)?;
                    if let Some(last) = all.last_mut() {
                        last.push_str(&said);
                    }
                }
                "rPh" => {
                    end_of(&mut reader, "rPh")?;
                }
                _ => {}
            },
            Event::Empty(tag) if tag.local_name().as_ref() == "si" => all.push(String::new()),
            Event::Eof => return Ok(all),
            _ => {}
        }
    }
}

/// Text of an element. What looks like the format's own escape for a character is escaped itself.
pub fn escaped(text: &str) -> String {
    let mut out = escape(text).into_owned();
    let mut from = 0;
    while let Some(at) = out[from..].find("_x").map(|at| from + at) {
        let code = out.as_bytes().get(at + 2..at + 7);
        let is_escape =
            code.is_some_and(|code| code[..4].iter().all(u8::is_ascii_hexdigit) && code[4] == b'_');
        if is_escape {
            out.insert_str(at, "_x005F");
            from = at + "_x005F_x".len();
        } else {
            from = at + 2;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_sheet_can_have_is_refused() {
        for rows in [
            "<row r=\"4294967295\"/><row/>",
            "<row r=\"1048576\"/><row/>",
            "<row><c r=\"XFE1\"><v>1</v></c></row>",
            "<row><c r=\"XFE1\"/></row>",
            "<row><c r=\"XFD1\"><v>1</v></c><c><v>2</v></c></row>",
        ] {
            let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
            let Err(Misfit(why)) = Part::read(sheet) else {
                panic!("{rows} was taken");
            };
            assert!(why[0].contains("it has a "), "{why:?}");
        }
    }

    #[test]
    fn what_is_not_changed_comes_back_as_it_was() {
        let sheet = "<worksheet><dimension ref=\"A1:B2\"/><sheetData><row r=\"1\" ht=\"20\"><c r=\"A1\" s=\"1\" t=\"s\"><v>0</v></c>\
                     <c r=\"B1\"/></row><row r=\"2\"><c r=\"A2\"><f>A1&amp;\"x\"</f><v>1</v></c></row></sheetData><x/></worksheet>";
        let part = Part::read(sheet.to_owned()).unwrap();
        assert_eq!(part.write(&part.masters(), (1, 1)), sheet);
        assert_eq!(part.said(1, 1, &["Hello".to_owned()]), "Hello");
    }

    #[test]
    fn a_formula_that_loses_its_master_is_written_out() {
        let sheet = "<worksheet><sheetData><row r=\"9\"><c r=\"L9\" s=\"3\"><f t=\"shared\" ref=\"L9:L11\" si=\"0\">K9+30</f><v/></c></row>\
                     <row r=\"10\"><c r=\"L10\"><f t=\"shared\" si=\"0\"/></c></row></sheetData></worksheet>";
        let mut part = Part::read(sheet.to_owned()).unwrap();
        let masters = part.masters();
        part.put((9, 12), New::Number(5), 9);
        let written = part.write(&masters, (9, 12));
        assert!(
            written.contains("<c r=\"L9\" s=\"3\"><v>5</v></c>"),
            "{written}"
        );
        assert!(
            written.contains("<c r=\"L10\"><f>K10+30</f></c>"),
            "{written}"
        );
    }

    #[test]
    fn a_day_has_the_style_of_its_column_or_is_written_out() {
        let sheet = "<worksheet><cols><col min=\"2\" max=\"3\" style=\"7\"/></cols><sheetData/></worksheet>";
        let mut part = Part::read(sheet.to_owned()).unwrap();
        part.put((5, 3), New::Number(46_348), 5);
        part.put((5, 4), New::Number(46_348), 5);
        let written = part.write(&part.masters(), (5, 4));
        assert!(
            written.contains("<c r=\"C5\" s=\"7\"><v>46348</v></c>"),
            "{written}"
        );
        assert!(written.contains("2026-11-22"), "{written}");
    }

    #[test]
    fn checks_reach_the_last_row() {
        let sheet = "<w><sheetData/><dataValidation sqref=\"K9:K4022 D3\"><formula1>1</formula1></dataValidation>\
                     <x:dv><xm:sqref>S9:S4022</xm:sqref></x:dv><z/></w>";
        let mut part = Part::read(sheet.to_owned()).unwrap();
        part.stretch(9, 5000);
        let written = part.write(&part.masters(), (1, 1));
        assert!(written.contains("sqref=\"K9:K5000 D3\""), "{written}");
        assert!(
            written.contains("<xm:sqref>S9:S5000</xm:sqref></x:dv><z/>"),
            "{written}"
        );
    }

    #[test]
    fn text_cannot_end_its_element_or_become_another_character() {
        assert_eq!(
            escaped("</t>&_x0041_ _x1"),
            "&lt;/t&gt;&amp;_x005F_x0041_ _x1"
        );
    }
}
