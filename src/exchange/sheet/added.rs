//! A sheet of ours behind those of somebody's workbook: text alone, without styles.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::archive::Archive;
use super::fill::{Misfit, each};
use super::part::{attribute, escaped};
use super::{Cell, Table, column_letters};
use crate::render::spreadsheet::cell;

/// Namespaces of a workbook: sheets, links between parts, kinds of links (ECMA-376 part 1 and 4).
struct Names {
    main: &'static str,
    links: &'static str,
}

const TRANSITIONAL: Names = Names {
    main: "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    links: "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
};
const STRICT: Names = Names {
    main: "http://purl.oclc.org/ooxml/spreadsheetml/main",
    links: "http://purl.oclc.org/ooxml/officeDocument/relationships",
};
const KIND: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml";

const WORKBOOK: &str = "xl/workbook.xml";
const LINKS: &str = "xl/_rels/workbook.xml.rels";
const TYPES: &str = "[Content_Types].xml";

/// Puts a sheet behind the others. One of its name that is there is not written over.
pub fn add(archive: &mut Archive<'_>, table: &Table) -> Result<(), Misfit> {
    let mut read = |name: &str| {
        let text = archive.text(name)?;
        text.ok_or_else(|| Misfit::new(format!("it is no .xlsx workbook: {name} is missing")))
    };
    let (workbook, links, types) = (read(WORKBOOK)?, read(LINKS)?, read(TYPES)?);
    let mut highest = 0_u32;
    let mut taken = false;
    each(&workbook, |tag, _| {
        if tag.local_name().as_ref() == "sheet" {
            let number = attribute(tag, "sheetId").and_then(|id| id.parse().ok());
            highest = highest.max(number.unwrap_or(0));
            let name = attribute(tag, "name").unwrap_or_default();
            taken |= name.eq_ignore_ascii_case(&table.sheet);
        }
    })?;
    if taken {
        return Err(Misfit::new(format!(
            "it has a sheet \"{0}\", and what does not fit into one cell needs one of that name: rename theirs",
            table.sheet
        )));
    }
    let names = match workbook.contains(STRICT.main) {
        true => STRICT,
        false => TRANSITIONAL,
    };
    let number = highest + 1;
    let (part, id) = (
        format!("worksheets/poamd{number}.xml"),
        format!("poamd{number}"),
    );
    let name = escape(table.sheet.as_str());
    let links_to = names.links;
    archive.replace(
        WORKBOOK,
        behind(workbook, "sheets", |prefix| {
            format!(
                "<{prefix}sheet name=\"{name}\" sheetId=\"{number}\" xmlns:poamd=\"{links_to}\" poamd:id=\"{id}\"/>"
            )
        })?,
    );
    archive.replace(
        LINKS,
        behind(links, "Relationships", |prefix| {
            format!(
                "<{prefix}Relationship Id=\"{id}\" Type=\"{links_to}/worksheet\" Target=\"{part}\"/>"
            )
        })?,
    );
    archive.replace(
        TYPES,
        behind(types, "Types", |prefix| {
            format!("<{prefix}Override PartName=\"/xl/{part}\" ContentType=\"{KIND}\"/>")
        })?,
    );
    archive.replace(&format!("xl/{part}"), sheet(table, names.main));
    Ok(())
}

/// A document with something more at the end of one of its elements.
fn behind(
    mut text: String,
    element: &str,
    more: impl Fn(&str) -> String,
) -> Result<String, Misfit> {
    let mut reader = Reader::from_str(&text);
    let mut place = None;
    loop {
        let at = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::End(tag)) if tag.local_name().as_ref() == element => {
                let name = tag.name();
                let prefix = name.as_ref().split_once(':');
                let prefix = prefix.map_or_else(String::new, |(p, _)| format!("{p}:"));
                place = Some((at, prefix));
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(cause) => return Err(Misfit::new(format!("it cannot be read ({cause})"))),
        }
    }
    let (at, prefix) =
        place.ok_or_else(|| Misfit::new(format!("it is no .xlsx workbook: no <{element}>")))?;
    text.insert_str(at, &more(&prefix));
    Ok(text)
}

/// The sheet's XML.
fn sheet(table: &Table, main: &str) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet xmlns=\"{main}\"><cols>"
    );
    for column in &table.columns {
        let (number, width) = (column.number, column.width);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "<col min=\"{number}\" max=\"{number}\" width=\"{width}\" customWidth=\"1\"/>"
        );
    }
    out.push_str("</cols><sheetData>");
    row(&mut out, 1, [(1, table.title.as_str())]);
    let headers = table.columns.iter().map(|c| (c.number, c.header.as_str()));
    row(&mut out, table.header_row, headers);
    for (number, values) in (table.first_row..).zip(&table.rows) {
        let said = table
            .columns
            .iter()
            .zip(values)
            .filter_map(|(c, value)| match value {
                Cell::Text(text) => Some((c.number, text.as_str())),
                Cell::Empty | Cell::Day(_) | Cell::Worked(_) => None,
            });
        row(&mut out, number, said);
    }
    out.push_str("</sheetData></worksheet>");
    out
}

fn row<'a>(out: &mut String, number: u32, cells: impl IntoIterator<Item = (u16, &'a str)>) {
    let _ = write!(out, "<row r=\"{number}\">");
    for (column, text) in cells {
        let text = escaped(&cell(text));
        let _ = write!(
            out,
            "<c r=\"{}{number}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>",
            column_letters(column)
        );
    }
    out.push_str("</row>");
}
