//! The forms: each read back with another reader than the one that wrote it.

mod fill;
mod ledger;
mod oscal;
mod sheets;
mod ver;
pub mod workbook;

use poamd::exchange::{deviations, emass, fedramp, oscal as form, ver as report};

#[test]
fn the_same_ledger_and_day_give_the_same_bytes() {
    type Make = fn(&poamd::exchange::dataset::Dataset) -> Vec<u8>;
    let forms: [(&str, Make); 8] = [
        ("ver-json", |data| {
            report::json(data, report::Document::History, None).unwrap()
        }),
        ("ver-report", |data| {
            report::markdown(data, None).into_bytes()
        }),
        ("ver-report-html", |data| {
            report::html(data, None).into_bytes()
        }),
        ("oscal", |data| {
            form::poam(data, form::Version::V1_2_1).unwrap()
        }),
        ("oscal-ar", |data| {
            form::results(data, form::Version::V1_2_1).unwrap()
        }),
        ("fedramp-xlsx", |data| {
            fedramp::workbook(data, fedramp::Options::default()).unwrap()
        }),
        ("emass", |data| {
            emass::workbook(data, emass::Revision::Rev5).unwrap()
        }),
        ("deviation-request", |data| {
            deviations::workbook(data).unwrap()
        }),
    ];
    let (_folder, store) = ledger::store();
    for (name, make) in forms {
        let once = make(&ledger::read(&store, None));
        for _ in 1..20 {
            assert!(make(&ledger::read(&store, None)) == once, "{name}");
        }
    }
}
