//! What a transaction has written so far: those who read beside it do not see that before it is over.

use std::collections::HashSet;

use super::batch::Batch;

#[derive(Debug, Default)]
pub(super) struct Written {
    findings: HashSet<String>,
    /// Account and ARN.
    items: HashSet<(String, String)>,
}

impl Written {
    pub fn has_finding(&self, fingerprint: &str) -> bool {
        self.findings.contains(fingerprint)
    }

    pub fn has_item(&self, key: &(String, String)) -> bool {
        self.items.contains(key)
    }

    /// Takes note of what a batch is about to write.
    pub fn add(&mut self, batch: &Batch) {
        self.findings.extend(batch.findings().map(str::to_owned));
        self.items.extend(batch.items().cloned());
    }
}
