//! What can be worked out of a page before the ledger is asked: identities and hashes. Pure, so that it can be done for
//! the next page while this one is written.

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::coverage::Vouched;
use poamd_contract::finding::{FindingReport, SetAside};
use poamd_contract::source::{Page, Recognised};
use poamd_formats::{Reading, stands_alone};
use sha2::{Digest, Sha256};

use super::known::identity;
use crate::domain::fingerprint::fingerprint;
use crate::store::findings::report_key;

/// Further ahead than this a clock is wrong, not only a little fast.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);

/// A report with what it is known by.
#[derive(Debug)]
pub(super) struct Arrived {
    /// Boxed: it is handed on from thread to thread.
    pub report: Box<FindingReport>,
    pub fingerprint: String,
    pub report_key: i64,
    pub content_hash: i64,
    /// Of the document as it came; zeros where there was none.
    pub sha256: [u8; 32],
    /// What the document is known by, if reading it again told the same.
    pub document: Option<[u8; 16]>,
    /// Pack and position at which the document is going to be kept.
    pub place: Option<(i64, i64)>,
}

impl Arrived {
    /// Tells the reports of a door apart.
    pub fn identity(&self) -> u64 {
        identity(self.report.account.as_str(), self.report_key)
    }
}

/// Pages that are ready to be taken through the door they were prepared for.
#[derive(Debug, Default)]
pub struct Prepared {
    pub(super) arrived: Vec<Arrived>,
    /// Each after so many of `arrived`.
    pub(super) recognised: Vec<Recognised>,
    pub(super) set_aside: Vec<SetAside>,
    pub(super) vouched: Option<Vouched>,
    pub(super) pages: i64,
    pub(super) passed: u64,
    pub(super) requests: Vec<String>,
}

impl Prepared {
    /// How many documents it holds.
    pub fn documents(&self) -> usize {
        self.arrived.len() + self.recognised.len()
    }

    /// How many of them were known byte for byte.
    pub fn recognised(&self) -> usize {
        self.recognised.len()
    }

    /// Documents that are no findings and were not expected to be.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    pub fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// Takes the pages of another behind its own.
    pub fn append(&mut self, mut later: Self) {
        let before = self.arrived.len();
        let behind = |one: Recognised| Recognised {
            before: before + one.before,
            ..one
        };
        self.recognised
            .extend(later.recognised.into_iter().map(behind));
        self.arrived.append(&mut later.arrived);
        self.set_aside.append(&mut later.set_aside);
        self.vouched = later.vouched.or(self.vouched.take());
        self.pages += later.pages;
        self.passed += later.passed;
        self.requests.append(&mut later.requests);
    }
}

/// Prepares pages for one door and one run.
#[derive(Debug, Clone)]
pub struct Preparer {
    door: String,
    now: DateTime<Utc>,
    /// How the documents are read, where that is known.
    reading: Option<Reading>,
}

impl Preparer {
    pub(super) fn new(door: &str, now: DateTime<Utc>, reading: Option<Reading>) -> Self {
        Self {
            door: door.to_owned(),
            now,
            reading,
        }
    }

    pub fn prepare(&self, page: Page) -> Prepared {
        Prepared {
            arrived: page.reports.into_iter().map(|r| self.arrived(r)).collect(),
            recognised: page.recognised,
            set_aside: page.set_aside,
            vouched: page.vouched,
            pages: 1,
            passed: page.passed,
            requests: page.request.into_iter().collect(),
        }
    }

    pub(super) fn arrived(&self, mut report: FindingReport) -> Arrived {
        let content_hash = stored_hash(&report);
        not_in_the_future(&mut report, self.now);
        let raw = report.raw.as_deref();
        let sha256 = raw.map_or([0; 32], |raw| Sha256::digest(raw.as_bytes()).into());
        let reading = self
            .reading
            .filter(|_| raw.is_some() && stands_alone(&report));
        Arrived {
            fingerprint: fingerprint(&report.identity),
            report_key: report_key(&report.native_id, &self.door),
            content_hash,
            sha256,
            document: reading.map(|reading| reading.key(&sha256)),
            place: None,
            report: Box::new(report),
        }
    }
}

/// A product with a wrong clock must not have the last word for years: what it dates ahead counts as said now.
fn not_in_the_future(report: &mut FindingReport, now: DateTime<Utc>) {
    if report.updated.is_some_and(|at| at > now) {
        if report.updated.is_some_and(|at| at > now + CLOCK_SKEW) {
            report.marks.push("updated-in-future".to_owned());
        }
        report.updated = Some(now);
    }
}

/// What tells one version of a report from another: its meaning and its time. Without the time a report that says
/// the same again, after another one said the opposite, would go unheard.
pub fn stored_hash(report: &FindingReport) -> i64 {
    let time = report.updated.map_or(0, |t| t.timestamp_micros());
    let mixed = time.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (poamd_formats::content_hash(report) ^ mixed).cast_signed()
}
