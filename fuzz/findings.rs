// The readers of findings, as a function that must end, soon, without a panic, and keep the bounds of the contract. It needs
// nothing but the formats, so that a coverage-guided fuzzer can be built around it in a minute.

use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::source::Page;

/// Reads as every file and every reply is read, whichever format it seems to have.
pub fn findings(bytes: &[u8]) {
    let pages: Vec<Page> = poamd_formats::parse_documents(Channel::File, "fuzz", bytes).collect();
    let aside: usize = pages.iter().map(|p| p.set_aside.len()).sum();
    let reports: Vec<&FindingReport> = pages.iter().flat_map(|p| &p.reports).collect();
    for report in &reports {
        bounded(report);
    }
    for note in pages.iter().flat_map(|p| &p.set_aside) {
        assert!(
            note.excerpt.chars().count() <= 400,
            "an excerpt of {}",
            note.excerpt.len()
        );
        assert!(!note.excerpt.contains(['\0', '\u{1b}']) && !note.reason.is_empty());
    }
    // In bites, as a pipe hands it over, it is the same.
    let slow = Slow {
        rest: bytes,
        bite: 61,
    };
    let again: Vec<Page> = poamd_formats::read_documents(Channel::File, "fuzz", slow)
        .map_while(Result::ok)
        .collect();
    assert!(
        again.iter().flat_map(|p| &p.reports).eq(reports),
        "another reading in bites"
    );
    assert_eq!(
        again.iter().map(|p| p.set_aside.len()).sum::<usize>(),
        aside
    );
}

/// What the contract promises of every report.
fn bounded(report: &FindingReport) {
    let chars = |text: &str| text.chars().count();
    assert!(chars(&report.title) <= 256 && chars(&report.description) <= 4_096);
    assert!(report.resources.len() <= 32);
    assert!(!report.native_id.is_empty() && !report.weakness.id.is_empty());
    for text in [
        &report.title,
        &report.description,
        &report.native_id,
        &report.weakness.id,
    ] {
        assert!(!text.contains('\0'));
    }
    let _ = poamd_formats::content_hash(report);
}

struct Slow<'a> {
    rest: &'a [u8],
    bite: usize,
}

impl std::io::Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.rest.len().min(self.bite).min(into.len());
        let (now, later) = self.rest.split_at(length);
        into[..length].copy_from_slice(now);
        self.rest = later;
        Ok(length)
    }
}
