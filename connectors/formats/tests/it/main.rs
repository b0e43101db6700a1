//! What the formats make of the fixtures, of every envelope, and of bad input.
#![allow(clippy::unwrap_used)]

mod bad_input;
mod envelopes;
mod exports;
mod fixtures;
mod hashes;
mod states;

use std::path::{Path, PathBuf};

use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::source::Page;
use poamd_formats::parse_documents;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/aws")
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

/// All pages of an import as one.
fn import(bytes: &[u8]) -> Page {
    let mut all = Page::default();
    for page in parse_documents(Channel::File, "test.json", bytes) {
        all.reports.extend(page.reports);
        all.set_aside.extend(page.set_aside);
        all.damaged |= page.damaged;
        all.passed += page.passed;
    }
    all
}

/// The only report of an import that sets nothing aside.
fn one(bytes: &[u8]) -> FindingReport {
    let mut page = import(bytes);
    assert_eq!(
        (page.reports.len(), page.set_aside.len()),
        (1, 0),
        "{:?}",
        page.set_aside
    );
    page.reports.remove(0)
}
