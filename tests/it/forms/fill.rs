//! A customer's own workbook, filled.

use std::io::{Cursor, Read, Write};

use calamine::Reader;
use poamd::exchange::fedramp::{Options, filled};
use zip::write::SimpleFileOptions;

use super::ledger;
use super::workbook::{open, part, said, sheet};

/// How the customer's workbook differs from the template.
#[derive(Clone)]
struct Own {
    headers: Vec<String>,
    /// Guidance and example below the headers of the open sheet.
    guided: bool,
    /// A row right below the headers of the other sheets of items that explains two of the columns.
    explained: bool,
    sheets: Vec<&'static str>,
    /// Written into A9 of the open sheet.
    first_id: Option<&'static str>,
}

impl Own {
    fn template() -> Self {
        let columns = super::workbook::columns();
        let headers = columns["columns"].as_array().unwrap().iter();
        Self {
            headers: headers
                .map(|c| c["header"].as_str().unwrap().to_owned())
                .collect(),
            guided: true,
            explained: false,
            sheets: vec![
                "Instructions",
                "Open POA&M Items",
                "Closed POA&M Items",
                "Configuration Findings",
                "Record of Changes",
            ],
            first_id: None,
        }
    }

    /// With styles, shared formulas, checks in both spellings, a calculation chain and a part nobody knows.
    fn bytes(&self) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let mut add = |name: &str, text: &str| {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        };
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let rels = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let mut types = String::new();
        let mut sheets = String::new();
        let mut links = String::new();
        for (n, name) in (1..).zip(&self.sheets) {
            types.push_str(&format!("<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"));
            sheets.push_str(&format!(
                "<sheet name=\"{}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>",
                name.replace('&', "&amp;")
            ));
            links.push_str(&format!("<Relationship Id=\"rId{n}\" Type=\"{rels}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>"));
        }
        add(
            "[Content_Types].xml",
            &format!(
                "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>{types}<Override PartName=\"/xl/calcChain.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.calcChain+xml\"/><Override PartName=\"/xl/styles.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/></Types>"
            ),
        );
        add(
            "_rels/.rels",
            &format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"{rels}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        );
        add(
            "xl/workbook.xml",
            &format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{rels}\"><sheets>{sheets}</sheets><calcPr calcId=\"191029\"/></workbook>"
            ),
        );
        add(
            "xl/_rels/workbook.xml.rels",
            &format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{links}<Relationship Id=\"rId90\" Type=\"{rels}/calcChain\" Target=\"calcChain.xml\"/><Relationship Id=\"rId91\" Type=\"{rels}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        );
        add(
            "xl/styles.xml",
            &format!(
                "<styleSheet xmlns=\"{main}\"><fonts count=\"1\"><font/></fonts><fills count=\"1\"><fill/></fills><borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"3\"><xf/><xf numFmtId=\"14\" applyNumberFormat=\"1\"/><xf numFmtId=\"49\"/></cellXfs></styleSheet>"
            ),
        );
        add(
            "xl/calcChain.xml",
            &format!("<calcChain xmlns=\"{main}\"><c r=\"L9\" i=\"2\"/></calcChain>"),
        );
        add("xl/custom/unknown.bin", "what nobody here knows");
        for (n, name) in (1..).zip(&self.sheets) {
            add(
                &format!("xl/worksheets/sheet{n}.xml"),
                &self.sheet(name, main),
            );
        }
        zip.finish().unwrap().into_inner()
    }

    fn sheet(&self, name: &str, main: &str) -> String {
        let text = |at: &str, text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
        };
        let rows = match name {
            "Instructions" => format!("<row r=\"1\">{}</row>", text("A1", "Read me")),
            "Record of Changes" => format!(
                "<row r=\"3\">{}{}{}{}</row><row r=\"4\">{}</row>",
                text("A3", "Date"),
                text("B3", "Description"),
                text("C3", "Version"),
                text("D3", "Author"),
                text("A4", "2024-03-29")
            ),
            _ => self.items(name, &text),
        };
        let checks = if name.contains("POA&M") {
            "<dataValidations count=\"1\"><dataValidation type=\"list\" sqref=\"S9:S12\"><formula1>\"Low,Moderate,High\"</formula1></dataValidation></dataValidations>\
             <extLst><ext uri=\"x\"><x14:dataValidation xmlns:x14=\"x14\" xmlns:xm=\"xm\"><xm:sqref>P9:P12</xm:sqref></x14:dataValidation></ext></extLst>"
        } else {
            ""
        };
        format!(
            "<worksheet xmlns=\"{main}\"><dimension ref=\"A1:D4\"/><cols><col min=\"1\" max=\"1\" width=\"33\"/></cols><sheetData>{rows}</sheetData>{checks}</worksheet>"
        )
    }

    fn items(&self, name: &str, text: &dyn Fn(&str, &str) -> String) -> String {
        let mut rows = String::from("<row r=\"2\">");
        for (at, label) in [
            ("A2", "CSP"),
            ("B2", "System Name"),
            ("C2", "Impact Level"),
            ("D2", "POAM Date"),
        ] {
            rows.push_str(&text(at, label));
        }
        rows.push_str("</row><row r=\"3\"><c r=\"D3\" s=\"1\"/></row><row r=\"5\">");
        for (n, header) in (1..).zip(&self.headers) {
            rows.push_str(&text(&format!("{}5", letters(n)), header));
        }
        rows.push_str("</row>");
        if name.starts_with("Open") && self.guided {
            for row in 6..=8 {
                rows.push_str(&format!(
                    "<row r=\"{row}\">{}</row>",
                    text(&format!("A{row}"), "V-1 as an example")
                ));
            }
        }
        if !name.starts_with("Open") && self.explained {
            rows.push_str(&format!(
                "<row r=\"6\">{}{}</row>",
                text("D6", "Say what is wrong"),
                text("K6", "Day of the first look")
            ));
        }
        let due = self
            .headers
            .iter()
            .position(|h| h == "Scheduled Completion Date")
            .map(|n| letters(n as u16 + 1));
        for row in 9..=12 {
            rows.push_str(&format!("<row r=\"{row}\" ht=\"40\" customHeight=\"1\">"));
            let is_first = row == 9 && name.starts_with("Open");
            if let Some(id) = self.first_id.filter(|_| is_first) {
                rows.push_str(&text("A9", id));
            }
            rows.push_str(&format!("<c r=\"K{row}\" s=\"1\"/>"));
            if let Some(due) = &due {
                let formula = if row == 9 {
                    format!("<f t=\"shared\" ref=\"{due}9:{due}12\" si=\"0\">K9+30</f>")
                } else {
                    "<f t=\"shared\" si=\"0\"/>".to_owned()
                };
                rows.push_str(&format!(
                    "<c r=\"{due}{row}\" s=\"1\">{formula}<v>30</v></c>"
                ));
            }
            rows.push_str("</row>");
        }
        rows
    }
}

fn letters(number: u16) -> String {
    poamd::exchange::sheet::column_letters(number)
}

fn fill(own: &Own) -> Vec<u8> {
    filled(&own.bytes(), &ledger::data(), Options::default(), &[]).unwrap()
}

fn misfit(own: &Own, leave: &[&str]) -> String {
    let leave: Vec<String> = leave.iter().map(|l| (*l).to_owned()).collect();
    filled(&own.bytes(), &ledger::data(), Options::default(), &leave)
        .unwrap_err()
        .to_string()
}

#[test]
fn a_customers_workbook_is_filled_below_its_guidance() {
    let bytes = fill(&Own::template());
    let range = sheet(&bytes, "Open POA&M Items");
    let ids: Vec<String> = (6..=12).map(|row| said(&range, row, 1)).collect();
    let example = "V-1 as an example";
    assert_eq!(
        ids,
        [
            example,
            example,
            example,
            "POAM-000001",
            "POAM-000002",
            "POAM-000005",
            "POAM-000006"
        ]
    );
    assert_eq!(said(&range, 3, 1), "Acme Federal Cloud");
    assert_eq!(
        said(&range, 9, 3),
        "=HYPERLINK(\"https://evil.example\")</t>&\\u{202e}_x0041_ |a|\n# b"
    );
    let closed = sheet(&bytes, "Closed POA&M Items");
    assert_eq!(said(&closed, 6, 1), "POAM-000003");
    let changes = sheet(&bytes, "Record of Changes");
    assert_eq!(said(&changes, 4, 1), "2024-03-29", "what was there stays");
    assert!(said(&changes, 5, 2).contains("items detected"));
}

#[test]
fn everything_else_of_it_survives() {
    let own = Own::template();
    let (before, after) = (own.bytes(), fill(&own));
    assert_eq!(
        part(&after, "xl/custom/unknown.bin"),
        "what nobody here knows"
    );
    assert_eq!(
        part(&after, "xl/styles.xml"),
        part(&before, "xl/styles.xml")
    );
    assert_eq!(
        part(&after, "xl/worksheets/sheet1.xml"),
        part(&before, "xl/worksheets/sheet1.xml")
    );
    let xml = part(&after, "xl/worksheets/sheet2.xml");
    let tail = |xml: &str| xml[xml.find("</sheetData>").unwrap()..].to_owned();
    assert_eq!(tail(&xml), tail(&part(&before, "xl/worksheets/sheet2.xml")));
    // Prepared rows keep their height, their style and the formulas that are right.
    assert!(
        xml.contains("<row r=\"9\" ht=\"40\" customHeight=\"1\">"),
        "{xml}"
    );
    assert!(
        xml.contains(
            "<c r=\"L9\" s=\"1\"><f t=\"shared\" ref=\"L9:L12\" si=\"0\">K9+30</f><v>46267</v></c>"
        ),
        "{xml}"
    );
    assert!(
        xml.contains("<c r=\"L10\" s=\"1\"><v>46315</v></c>"),
        "{xml}"
    );
    assert!(!part(&after, "[Content_Types].xml").contains("calcChain"));
    assert!(!part(&after, "xl/_rels/workbook.xml.rels").contains("calcChain"));
    assert!(
        part(&after, "xl/workbook.xml")
            .contains("<calcPr fullCalcOnLoad=\"1\" calcId=\"191029\"/>")
    );
    let mut zip = zip::ZipArchive::new(Cursor::new(&after)).unwrap();
    assert!(zip.by_name("xl/calcChain.xml").is_err());
    for n in 0..zip.len() {
        zip.by_index(n)
            .unwrap()
            .read_to_end(&mut Vec::new())
            .unwrap();
    }
    assert_eq!(open(&after).sheet_names().len(), 5);
}

#[test]
fn older_layouts_and_moved_columns_are_filled_by_header() {
    let mut moved = Own::template();
    moved.headers.truncate(30);
    moved.headers.swap(0, 5);
    moved
        .sheets
        .retain(|name| *name != "Configuration Findings");
    let bytes = fill(&moved);
    let range = sheet(&bytes, "Open POA&M Items");
    assert_eq!(said(&range, 9, 6), "POAM-000001");
    assert_eq!(said(&range, 9, 1), "S3.8");
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_written() {
    let mut own = Own::template();
    own.headers[3] = "Weakness Details".to_owned();
    own.headers.remove(6);
    let told = misfit(&own, &[]);
    for part in [
        "nothing was written",
        "cell D5: the form knows no header \"Weakness Details\"",
        "the header \"Weakness Description\" is missing",
        "the header \"Asset Identifier\" is missing",
        "--leave \"Weakness Details\"",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let mut strange = Own::template();
    strange.headers.insert(4, "Point of Presence".to_owned());
    assert!(misfit(&strange, &[]).contains("Point of Presence"));
    let leave = vec!["point of  presence".to_owned()];
    let bytes = filled(
        &strange.bytes(),
        &ledger::data(),
        Options::default(),
        &leave,
    )
    .unwrap();
    let range = sheet(&bytes, "Open POA&M Items");
    assert_eq!(
        (said(&range, 9, 5), said(&range, 9, 7)),
        (String::new(), "S3.8".to_owned())
    );
    let mut behind = Own::template();
    behind.headers.push("Our own notes".to_owned());
    fill(&behind);

    let full = Own {
        first_id: Some("V-9"),
        ..Own::template()
    };
    assert!(misfit(&full, &[]).contains("holds items already (row 9)"));
    let mut fewer = Own::template();
    fewer.sheets.remove(2);
    assert!(misfit(&fewer, &[]).contains("it has no sheet \"Closed POA&M Items\""));
    let none = filled(b"PK no zip", &ledger::data(), Options::default(), &[]).unwrap_err();
    assert!(none.to_string().contains("no .xlsx workbook"), "{none}");
}

#[test]
fn checks_reach_as_far_as_the_items() {
    let mut data = ledger::data();
    let one = data.records[1].clone();
    data.records = (1..=20)
        .map(|n| {
            let mut record = one.clone();
            record.id = poamd::domain::record::RecordId(n);
            record
        })
        .collect();
    let bytes = filled(&Own::template().bytes(), &data, Options::default(), &[]).unwrap();
    let xml = part(&bytes, "xl/worksheets/sheet2.xml");
    assert!(
        xml.contains("sqref=\"S9:S28\"") && xml.contains(">P9:P28<"),
        "{xml}"
    );
    assert!(xml.contains("<dimension ref=\"A1:AE28\"/>"));
    let range = sheet(&bytes, "Open POA&M Items");
    assert_eq!(said(&range, 28, 1), "POAM-000020");
}

#[test]
fn rows_that_explain_columns_stay_on_every_sheet() {
    let own = Own {
        explained: true,
        ..Own::template()
    };
    let bytes = fill(&own);
    for (name, id) in [
        ("Closed POA&M Items", "POAM-000003"),
        ("Configuration Findings", "POAM-000001"),
    ] {
        let range = sheet(&bytes, name);
        assert_eq!(said(&range, 6, 4), "Say what is wrong", "{name}");
        assert_eq!(said(&range, 6, 11), "Day of the first look", "{name}");
        assert_eq!(said(&range, 6, 1), "", "{name}");
        assert_eq!(said(&range, 7, 1), id, "{name}");
    }
    // The form's own three rows on the open sheet, and one more of the customer's.
    let more = Own {
        first_id: Some("The id of the weakness"),
        ..Own::template()
    };
    let explained = part_with(&more.bytes(), "<c r=\"K9\" s=\"1\"/>", |_| {
        "<c r=\"K9\" s=\"1\" t=\"inlineStr\"><is><t>never changes</t></is></c>".to_owned()
    });
    let bytes = filled(&explained, &ledger::data(), Options::default(), &[]).unwrap();
    let range = sheet(&bytes, "Open POA&M Items");
    assert_eq!(said(&range, 9, 1), "The id of the weakness");
    assert_eq!(said(&range, 10, 1), "POAM-000001");
    // An item of theirs has a day there, and is no guidance.
    let item = part_with(&more.bytes(), "<c r=\"K9\" s=\"1\"/>", |_| {
        "<c r=\"K9\" s=\"1\"><v>46000</v></c>".to_owned()
    });
    let told = filled(&item, &ledger::data(), Options::default(), &[]).unwrap_err();
    assert!(
        told.to_string().contains("holds items already (row 9)"),
        "{told}"
    );
}

/// The workbook with something else in the place of a text of its open sheet.
fn part_with(bytes: &[u8], what: &str, by: impl Fn(&str) -> String) -> Vec<u8> {
    let mut old = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..old.len() {
        let mut file = old.by_index(n).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        if name == "xl/worksheets/sheet2.xml" {
            assert!(text.contains(what), "{text}");
            text = text.replace(what, &by(what));
        }
        new.start_file(name, SimpleFileOptions::default()).unwrap();
        new.write_all(text.as_bytes()).unwrap();
    }
    new.finish().unwrap().into_inner()
}

#[test]
fn what_fits_into_no_cell_stands_on_a_sheet_of_its_own_behind_theirs() {
    let mut data = ledger::data();
    let arns = super::workbook::many_assets(&mut data);
    let own = Own::template();
    let bytes = filled(&own.bytes(), &data, Options::default(), &[]).unwrap();
    let names = open(&bytes).sheet_names();
    assert_eq!(names.last().unwrap(), "Continuation");
    assert_eq!(names.len(), own.sheets.len() + 1);
    assert_eq!(super::workbook::continued(&bytes, "Asset Identifier"), arns);
    let mut clash = own.clone();
    clash.sheets.push("Continuation");
    let told = filled(&clash.bytes(), &data, Options::default(), &[]).unwrap_err();
    assert!(told.to_string().contains("rename theirs"), "{told}");
}
