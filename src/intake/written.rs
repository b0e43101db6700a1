//! What a transaction has written so far: those who read beside it do not see that before it is over.

use std::collections::{HashMap, HashSet};

use super::batch::Batch;
use super::known::identity;
use super::prepared::Arrived;

#[derive(Debug, Default)]
pub(super) struct Written {
    findings: HashSet<String>,
    /// Account and ARN.
    items: HashSet<(String, String)>,
    /// What each report says, by its identity.
    reports: HashMap<u64, i64>,
}

impl Written {
    pub fn has_finding(&self, fingerprint: &str) -> bool {
        self.findings.contains(fingerprint)
    }

    pub fn has_item(&self, key: &(String, String)) -> bool {
        self.items.contains(key)
    }

    /// True if a report said the same before.
    pub fn says(&self, arrived: &Arrived) -> bool {
        let key = identity(arrived.report.account.as_str(), arrived.report_key);
        self.reports.get(&key) == Some(&arrived.content_hash)
    }

    /// Takes note of what a batch has written.
    pub fn add(&mut self, batch: &mut Batch) {
        self.findings.extend(batch.findings.drain(..));
        self.items.extend(batch.items.keys().cloned());
        let said = batch.written_reports();
        self.reports
            .extend(said.map(|r| (identity(&r.account, r.report_key), r.content_hash)));
    }
}
