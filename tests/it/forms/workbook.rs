//! The FedRAMP workbook against the data it is made from.

use std::io::{Cursor, Read};

use calamine::{Data, Range, Reader, Xlsx};
use poamd::exchange::fedramp::{Options, workbook};
use serde_json::Value;

use super::ledger;

pub fn columns() -> Value {
    serde_json::from_str(include_str!("../../../src/exchange/data/poam-columns.json")).unwrap()
}

pub fn open(bytes: &[u8]) -> Xlsx<Cursor<Vec<u8>>> {
    Xlsx::new(Cursor::new(bytes.to_vec())).unwrap()
}

pub fn sheet(bytes: &[u8], name: &str) -> Range<Data> {
    open(bytes).worksheet_range(name).unwrap()
}

/// What a cell says, rows and columns from 1.
pub fn said(range: &Range<Data>, row: u32, column: u32) -> String {
    match range.get_value((row - 1, column - 1)) {
        None | Some(Data::Empty) => String::new(),
        Some(Data::DateTime(day)) => day.as_f64().to_string(),
        Some(other) => other.to_string(),
    }
}

pub fn part(bytes: &[u8], name: &str) -> String {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    zip.by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

fn serial(day: &str) -> String {
    let start = chrono::NaiveDate::from_ymd_opt(1899, 12, 30).unwrap();
    (ledger::day(day) - start).num_days().to_string()
}

#[test]
fn every_cell_above_the_items_is_that_of_the_template() {
    let bytes = workbook(&ledger::data(), Options::default()).unwrap();
    let columns = columns();
    let sheets = columns["sheets"].as_array().unwrap();
    let names: Vec<&str> = sheets.iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(open(&bytes).sheet_names(), names);
    for form in &sheets[..3] {
        let range = sheet(&bytes, form["name"].as_str().unwrap());
        let row = form["headerRow"].as_u64().unwrap() as u32;
        let headers = columns["columns"].as_array().unwrap();
        for header in headers {
            let at = header["index"].as_u64().unwrap() as u32;
            assert_eq!(said(&range, row, at), header["header"].as_str().unwrap());
        }
        assert_eq!(range.width(), headers.len(), "no column of ours");
        let block = &columns["headerBlock"];
        let (labels, values) = (
            block["labelsRow"].as_u64().unwrap() as u32,
            block["valuesRow"].as_u64().unwrap() as u32,
        );
        for (at, cell) in (1..).zip(block["cells"].as_array().unwrap()) {
            assert_eq!(said(&range, labels, at), cell["label"].as_str().unwrap());
        }
        let value = |at| said(&range, values, at);
        assert_eq!(
            [value(1), value(2), value(3), value(4)],
            [
                "Acme Federal Cloud",
                "Claims Portal",
                "Moderate",
                &serial("2026-11-22")
            ]
        );
    }
    let changes = sheet(&bytes, names[3]);
    for (at, header) in (1..).zip(sheets[3]["columns"].as_array().unwrap()) {
        assert_eq!(said(&changes, 3, at), header.as_str().unwrap());
    }
}

#[test]
fn validations_and_panes_are_those_of_the_template() {
    let bytes = workbook(&ledger::data(), Options::default()).unwrap();
    let columns = columns();
    for number in 1..=3 {
        let xml = part(&bytes, &format!("xl/worksheets/sheet{number}.xml"));
        let checks: Vec<&str> = xml.split("<dataValidation ").skip(1).collect();
        let mut expected = 0;
        for (places, rule) in columns["dataValidation"].as_object().unwrap() {
            for place in places.split(',') {
                expected += 1;
                let wanted = match place.chars().last().unwrap() {
                    '0'..='9' => format!("sqref=\"{place}\""),
                    _ => format!("sqref=\"{place}6:{place}4022\""),
                };
                let found = checks.iter().find(|check| check.contains(&wanted));
                let found = found.unwrap_or_else(|| panic!("no {wanted} on sheet {number}"));
                match rule {
                    Value::Array(words) => {
                        let words: Vec<&str> = words.iter().map(|w| w.as_str().unwrap()).collect();
                        assert!(found.contains("type=\"list\""), "{found}");
                        assert!(
                            found.contains(&format!("\"{}\"", words.join(","))),
                            "{found}"
                        );
                    }
                    Value::String(text) if text.starts_with("date") => {
                        assert!(
                            found.contains("type=\"date\"")
                                && found.contains("operator=\"greaterThanOrEqual\""),
                            "{found}"
                        );
                        if let Some(day) = text.strip_prefix("date >= ") {
                            assert!(found.contains(&format!(">{}<", serial(day))), "{found}");
                        }
                    }
                    _ => assert!(
                        found.contains("type=\"decimal\"")
                            && found.contains("errorStyle=\"information\""),
                        "{found}"
                    ),
                }
            }
        }
        assert_eq!(
            checks.len(),
            expected,
            "no validation of ours on sheet {number}"
        );
        let form = &columns["sheets"][number - 1];
        assert_eq!(
            xml.contains("<pane ySplit=\"5\" topLeftCell=\"A6\""),
            form["freezePanes"] == "A6",
            "{}",
            &xml[..600]
        );
    }
}

/// A row as header and value.
fn row(bytes: &[u8], name: &str, id: &str) -> std::collections::BTreeMap<String, String> {
    let range = sheet(bytes, name);
    let columns = columns();
    let rows = range.height() as u32;
    let at = (6..=rows).find(|row| said(&range, *row, 1) == id);
    let at = at.unwrap_or_else(|| panic!("no {id} on {name}"));
    columns["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| {
            let text = said(&range, at, c["index"].as_u64().unwrap() as u32);
            (c["key"].as_str().unwrap().to_owned(), text)
        })
        .collect()
}

#[test]
fn a_record_fills_every_column_that_it_knows() {
    let bytes = workbook(&ledger::data(), Options::default()).unwrap();
    let bucket = row(&bytes, "Open POA&M Items", "POAM-000001");
    for (key, want) in [
        ("controls", "AC-3(7), SC-7"),
        (
            "weakness_name",
            "=HYPERLINK(\"https://evil.example\")</t>&\\u{202e}_x0041_ |a|\n# b",
        ),
        ("detector_source", "AWS Security Hub\npoamd policy scan"),
        ("source_identifier", "S3.8"),
        (
            "asset_identifier",
            "arn:aws-us-gov:s3:::acme-exports (port 443, 8000-8010)\narn:aws-us-gov:s3:::acme-logs",
        ),
        ("point_of_contact", "Storage team"),
        ("remediation_plan", "Turn on all four settings."),
        ("original_detection_date", &serial("2026-08-03")),
        ("scheduled_completion_date", &serial("2026-09-02")),
        (
            "planned_milestones",
            "(1) 2026-08-10: Find the owner\n\n(2) 2026-09-02: Block public access",
        ),
        (
            "milestone_changes",
            "(1) Complete 2026-08-09 : The site moves to the CDN first\n\n\
                               (2) Update 2026-09-01 : The site moves to the CDN first (now 2026-12-15)",
        ),
        ("vendor_dependency", "No"),
        ("original_risk_rating", "High"),
        ("adjusted_risk_rating", "Moderate"),
        ("risk_adjustment", "Pending"),
        ("false_positive", "No"),
        ("operational_requirement", "No"),
        (
            "deviation_rationale",
            "Risk Adjustment : The host has one tenant and no local users.\nMitigating factors: The module is blocked.\n\
             Holds to 2027-06-30.",
        ),
        ("supporting_documents", "request : DR-7.pdf"),
        ("auto_approve", "No"),
        ("bod_tracking", "No"),
        ("bod_due_date", ""),
        ("service_name", "Claims API"),
    ] {
        assert_eq!(bucket[key], want, "{key}");
    }
    assert!(
        bucket["comments"].contains("GRC-4301") && bucket["comments"].contains("+1 from the owner")
    );
    let kernel = row(&bytes, "Open POA&M Items", "POAM-000002");
    for (key, want) in [
        ("original_risk_rating", "High"),
        ("adjusted_risk_rating", "N/A"),
        ("scheduled_completion_date", &serial("2026-10-20")),
        ("vendor_dependency", "Yes"),
        ("last_vendor_checkin", &serial("2026-11-18")),
        ("vendor_product", "Example Linux"),
        ("bod_tracking", "Yes"),
        ("bod_due_date", &serial("2026-10-20")),
        ("cve", "CVE-2024-1086"),
    ] {
        assert_eq!(kernel[key], want, "{key}");
    }
    let closed = row(&bytes, "Closed POA&M Items", "POAM-000004");
    assert_eq!(closed["false_positive"], "Yes");
    assert_eq!(closed["status_date"], serial("2026-10-03"));
    assert!(
        row(&bytes, "Closed POA&M Items", "POAM-000007")["comments"]
            .contains("Merged into POAM-000001")
    );
    let image = row(&bytes, "Open POA&M Items", "POAM-000006");
    assert_eq!(image["operational_requirement"], "Yes");
}

#[test]
fn the_completion_date_is_the_templates_formula_where_that_is_right() {
    let bytes = workbook(&ledger::data(), Options::default()).unwrap();
    let formulas = open(&bytes).worksheet_formula("Open POA&M Items").unwrap();
    let at = |row: u32| {
        formulas
            .get_value((row - 1, 11))
            .cloned()
            .unwrap_or_default()
    };
    // High, adjustment pending: 30 days from detection.
    assert!(
        at(6).starts_with("IF(OR(T6=\"N/A\",T6=\"\",U6<>\"Yes\"),IF(S6=\"High\",K6+30,"),
        "{}",
        at(6)
    );
    // CISA's day is sooner: a formula would say another one.
    assert_eq!(at(7), "");
}

#[test]
fn nothing_in_the_workbook_runs_or_leads_anywhere() {
    let bytes = workbook(&ledger::data(), Options::default()).unwrap();
    let formulas = open(&bytes).worksheet_formula("Open POA&M Items").unwrap();
    let first = formulas.start().unwrap().1 as usize;
    for (_, column, formula) in formulas.used_cells() {
        assert!(
            first + column == 11 && formula.starts_with("IF("),
            "{formula}"
        );
    }
    let zip = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert!(
        !names.iter().any(|name| name.contains("vba")
            || name.contains("externalLink")
            || name.contains("worksheets/_rels")),
        "{names:?}"
    );
    for number in 1..=4 {
        assert!(!part(&bytes, &format!("xl/worksheets/sheet{number}.xml")).contains("hyperlink"));
    }
}

#[test]
fn configuration_findings_stand_one_by_one_and_share_an_item_when_asked() {
    let data = ledger::data();
    let plain = workbook(&data, Options::default()).unwrap();
    let rolled = workbook(&data, Options { roll_up: true }).unwrap();
    for bytes in [&plain, &rolled] {
        let range = sheet(bytes, "Configuration Findings");
        let ids: Vec<(String, String)> = (6..=range.height() as u32)
            .map(|row| (said(&range, row, 1), said(&range, row, 7)))
            .collect();
        let of = |id: &str, arn: &str| (id.to_owned(), arn.to_owned());
        assert_eq!(
            ids,
            [
                of("POAM-000001", "arn:aws-us-gov:s3:::acme-exports"),
                of("POAM-000001", "arn:aws-us-gov:s3:::acme-logs"),
                of(
                    "POAM-000006",
                    "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/i-0ff11bb22cc33dd44"
                ),
            ]
        );
    }
    // Records with a deviation of their own stay items of their own.
    let mut data = data;
    data.records[0].deviations.clear();
    let rolled = workbook(&data, Options { roll_up: true }).unwrap();
    let shared = row(&rolled, "Open POA&M Items", "POAM-CM-6");
    assert_eq!(shared["controls"], "CM-6");
    // The first check is fixed meanwhile: the item goes on, and its date stays.
    let mut earlier = data.records[0].clone();
    earlier.id = poamd::domain::record::RecordId(9);
    earlier.detected -= chrono::TimeDelta::days(30);
    earlier.status = poamd::domain::record::RecordStatus::Open;
    let dated = |with: &poamd::exchange::dataset::Record| {
        let mut data = data.clone();
        data.records.push(with.clone());
        let rolled = workbook(&data, Options { roll_up: true }).unwrap();
        row(&rolled, "Open POA&M Items", "POAM-CM-6")["original_detection_date"].clone()
    };
    let before = dated(&earlier);
    assert_ne!(before, shared["original_detection_date"]);
    earlier.status = poamd::domain::record::RecordStatus::Closed;
    earlier.closed = Some(data.stamp);
    assert_eq!(dated(&earlier), before);
    let open = sheet(&rolled, "Open POA&M Items");
    let ids: Vec<String> = (6..=open.height() as u32)
        .map(|row| said(&open, row, 1))
        .collect();
    assert_eq!(
        ids,
        ["POAM-CM-6", "POAM-000002", "POAM-000005", "POAM-000006"]
    );
}

#[test]
fn a_day_in_the_past_shows_what_was_known_then() {
    let (_folder, store) = ledger::store();
    let then = ledger::read(&store, Some(ledger::day("2026-08-20")));
    assert_eq!(then.today, ledger::day("2026-08-20"));
    let bucket = then.records.iter().find(|r| r.id.0 == 1).unwrap();
    assert_eq!(bucket.deviations[0].state.as_str(), "requested");
    assert_eq!(bucket.milestone_changes.len(), 1);
    assert_eq!(bucket.evaluation.rating, Some(3));
    assert!(bucket.comments.is_empty() && bucket.documents.is_empty());
    let now = ledger::read(&store, None);
    assert_eq!(now.records[0].evaluation.rating, Some(2));
}

/// Gives the first record more assets than a cell can name; their ARNs.
pub fn many_assets(data: &mut poamd::exchange::dataset::Dataset) -> Vec<String> {
    let one = data.records[0].assets[0].clone();
    let arns: Vec<String> = (0..2_000)
        .map(|n| format!("arn:aws-us-gov:s3:::acme-exports-{n:05}"))
        .collect();
    data.records[0].assets = arns
        .iter()
        .map(|arn| {
            let mut asset = one.clone();
            asset.item.arn.clone_from(arn);
            asset.ports.clear();
            asset
        })
        .collect();
    arns
}

/// What the continuation says of a column of the first record, line by line.
pub fn continued(bytes: &[u8], column: &str) -> Vec<String> {
    let range = sheet(bytes, "Continuation");
    let rows = 4..=range.end().unwrap().0 + 1;
    rows.filter(|row| said(&range, *row, 3) == column)
        .inspect(|row| {
            assert_eq!(said(&range, *row, 1), "POAM-000001");
            assert_eq!(said(&range, *row, 2), "Open POA&M Items");
        })
        .map(|row| said(&range, row, 5))
        .collect()
}

#[test]
fn every_asset_is_found_however_many_there_are() {
    let mut data = ledger::data();
    assert!(
        !open(&workbook(&data, Options::default()).unwrap())
            .sheet_names()
            .contains(&"Continuation".to_owned())
    );
    let arns = many_assets(&mut data);
    let prose = "word ".repeat(9_000);
    data.records[0].plan = Some(prose.clone());
    let bytes = workbook(&data, Options::default()).unwrap();
    assert_eq!(continued(&bytes, "Asset Identifier"), arns);
    let range = sheet(&bytes, "Open POA&M Items");
    let cell = said(&range, 6, 7);
    assert!(cell.encode_utf16().count() <= 32_767);
    let (begin, told) = cell.rsplit_once('\n').unwrap();
    let kept: Vec<&str> = begin.lines().collect();
    assert_eq!(kept, arns[..kept.len()], "whole lines only");
    assert!(kept.len() > 500);
    assert_eq!(
        told,
        format!(
            "[cut here: {} more lines; all 2000 stand on sheet \"Continuation\" under POAM-000001]",
            2_000 - kept.len()
        )
    );
    // Prose without lines is told to the last word too.
    let whole: String = continued(&bytes, "Overall Remediation Plan").concat();
    assert_eq!(whole.trim(), prose.trim());
    assert!(said(&range, 6, 10).contains("stand on sheet \"Continuation\""));
}
