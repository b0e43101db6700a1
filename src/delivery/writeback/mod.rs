//! Write-back to the hubs: `planner` compares what shall stand with each finding with what was left there last, `sender`
//! brings it there. Reading comes before every write, so a repeat finds nothing to do and a lost answer is repaired.

pub mod planner;
pub mod sender;

use std::collections::BTreeMap;

use serde::Serialize;

/// What a run of the write-back did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Findings of which something new is wanted.
    pub wanted: u64,
    pub written: u64,
    /// Looked at, and all stood as it should.
    pub as_wanted: u64,
    /// Wait for another try.
    pub later: u64,
    /// The hub holds them no longer.
    pub gone: u64,
    /// Given up until something changes.
    pub failed: u64,
    /// Cells that could not be written to, and why.
    pub paused: BTreeMap<String, String>,
}

impl Summary {
    /// Whether a person has to look.
    pub fn is_trouble(&self) -> bool {
        self.failed > 0 || !self.paused.is_empty()
    }
}
