//! The sheets of eMASS and of deviation requests.

use poamd::exchange::{deviations, emass};

use super::ledger;
use super::workbook::{said, sheet};

fn fields() -> serde_json::Value {
    serde_json::from_str(include_str!(
        "../../../src/exchange/data/emass-poam-fields.json"
    ))
    .unwrap()
}

/// The texts of a row, to the last one that says something.
fn texts(range: &calamine::Range<calamine::Data>, row: u32) -> Vec<String> {
    (1..=range.width() as u32)
        .map(|column| said(range, row, column))
        .collect()
}

#[test]
fn the_headers_are_those_of_emass_without_what_few_instances_know() {
    let fields = fields();
    let names = |key: &str| -> Vec<String> {
        let all = fields[key].as_array().unwrap().iter();
        all.map(|n| n.as_str().unwrap().to_owned()).collect()
    };
    let navy = names("navyOnly");
    let data = ledger::data();
    let four = emass::workbook(&data, emass::Revision::Rev4).unwrap();
    let want: Vec<String> = names("workbookRev4Headers")
        .into_iter()
        .filter(|n| !navy.contains(n))
        .collect();
    assert_eq!(texts(&sheet(&four, "POA&M"), 7), want);

    let five = emass::workbook(&data, emass::Revision::Rev5).unwrap();
    let headers = texts(&sheet(&five, "POA&M"), 7);
    let changes = fields["workbookRev5Changes"].as_object().unwrap();
    for (old, new) in changes.iter().filter(|(old, _)| *old != "added") {
        assert!(
            headers.contains(&new.as_str().unwrap().to_owned()) && !headers.contains(old),
            "{old}"
        );
    }
    for added in changes["added"].as_array().unwrap() {
        assert!(
            headers.contains(&added.as_str().unwrap().to_owned()),
            "{added}"
        );
    }
}

#[test]
fn an_item_speaks_emass() {
    let mut data = ledger::data();
    data.records[0].recommendation = "x".repeat(5_000);
    let bytes = emass::workbook(&data, emass::Revision::Rev5).unwrap();
    let range = sheet(&bytes, "POA&M");
    let headers = texts(&range, 7);
    let at = |name: &str| headers.iter().position(|h| h == name).unwrap() as u32 + 1;
    let cell = |row: u32, name: &str| said(&range, row, at(name));
    assert_eq!(cell(8, "POA&M Item ID"), "", "eMASS gives its own");
    assert!(cell(8, "Comments").starts_with("External UID: POAM-000001\n"));
    assert_eq!(cell(8, "POA&M Status"), "Ongoing");
    assert_eq!(cell(8, "Raw Severity"), "High");
    assert_eq!(cell(8, "Milestone Status"), "Complete");
    let cut = cell(8, "Recommendations");
    assert!(
        cut.len() <= 2_000
            && cut.ends_with(
                "more characters; whole: poamd export --format fedramp-xlsx, POAM-000001]"
            ),
        "{}",
        cut.len()
    );
    // The second step has a row of its own below its item.
    assert_eq!(
        (
            cell(9, "Control Vulnerability Description"),
            cell(9, "Milestone ID")
        ),
        (String::new(), "2".to_owned())
    );
    assert_eq!(cell(10, "Raw Severity"), "Very High");
    let rows = range.height() as u32;
    let statuses: Vec<String> = (8..=rows).map(|row| cell(row, "POA&M Status")).collect();
    assert_eq!(
        statuses,
        [
            "Ongoing",
            "",
            "Ongoing",
            "Completed",
            "Not Applicable",
            "Ongoing",
            "Risk Accepted",
            "Archived"
        ]
    );
}

#[test]
fn an_export_of_another_revision_is_refused_by_name() {
    let data = ledger::data();
    let mut empty = data.clone();
    empty.records.clear();
    let own = emass::workbook(&empty, emass::Revision::Rev4).unwrap();
    let bytes = emass::filled(&own, &data, emass::Revision::Rev4, &[]).unwrap();
    assert_eq!(said(&sheet(&bytes, "POA&M"), 8, 11), "Ongoing");
    let told = emass::filled(&own, &data, emass::Revision::Rev5, &[])
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("the header \"POA&M Status\" is missing"),
        "{told}"
    );
}

#[test]
fn every_deviation_is_a_row_of_the_request_sheet() {
    let bytes = deviations::workbook(&ledger::data()).unwrap();
    let range = sheet(&bytes, "DR Sheet");
    let form: serde_json::Value = serde_json::from_str(include_str!(
        "../../../src/exchange/data/deviation-request-columns.json"
    ))
    .unwrap();
    let mut headers = 0;
    for group in form["groups"].as_array().unwrap() {
        for (letters, header) in group["columns"].as_object().unwrap() {
            if let Some(number) = poamd::exchange::sheet::column_number(letters) {
                headers += 1;
                assert_eq!(said(&range, 10, number.into()), header.as_str().unwrap());
            }
        }
    }
    assert_eq!(headers, 44);
    assert_eq!(said(&range, 3, 1), "Acme Federal Cloud");
    let rows: Vec<(String, String, String)> = (12..=range.height() as u32)
        .map(|row| {
            (
                said(&range, row, 2),
                said(&range, row, 14),
                said(&range, row, 42),
            )
        })
        .collect();
    let row =
        |id: &str, kind: &str, state: &str| (id.to_owned(), kind.to_owned(), state.to_owned());
    assert_eq!(
        rows,
        [
            row("POAM-000001", "RA", "Pending"),
            row("POAM-000004", "FP", "Approved"),
            row("POAM-000006", "OR", "Approved")
        ]
    );
}
