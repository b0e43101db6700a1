//! The ledger in forms for other programs, one a file, over one dataset: every record with all its fields and its
//! findings, in the order of their ids. The same ledger gives the same bytes.

pub mod csv;
pub mod dataset;
pub mod deviations;
pub mod emass;
mod error;
pub mod fedramp;
pub mod json;
pub mod oscal;
pub mod sheet;
pub mod ver;

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Serialize;

pub use error::FormError;

use crate::domain::clock::Clocks;
use crate::query::filter::Filter;
use crate::query::finding::{self, FindingView};
use crate::query::poam::{self, PoamView};
use crate::query::priority;
use crate::query::{Column, Snapshot, View};
use crate::store::{AnyConnection, Result};

/// One record with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    #[serde(flatten)]
    pub record: PoamView,
    /// Every finding on it, fixed ones too.
    pub findings: Vec<FindingView>,
}

impl View for Entry {
    const NOUN: &'static str = PoamView::NOUN;
    const OPEN: &'static str = PoamView::OPEN;
    const COLUMNS: &'static [Column] = PoamView::COLUMNS;

    fn is_open(&self) -> bool {
        self.record.is_open()
    }
}

/// All that is exported.
pub fn dataset(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<Entry>> {
    let records = poam::list(conn, snapshot, filter)?;
    let mut findings: HashMap<i64, Vec<FindingView>> = HashMap::new();
    for finding in finding::list(conn, snapshot, &Filter::default())? {
        if let Some(record) = finding.poam {
            findings.entry(record.0).or_default().push(finding);
        }
    }
    Ok(records
        .into_iter()
        .map(|record| Entry {
            findings: findings.remove(&record.id.0).unwrap_or_default(),
            record,
        })
        .collect())
}

/// Works out the priorities of all records as of a day.
pub fn rank(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    clocks: &Clocks,
    today: NaiveDate,
    entries: &mut [Entry],
) -> Result<()> {
    let mut records: Vec<PoamView> = entries.iter().map(|entry| entry.record.clone()).collect();
    priority::fill(conn, snapshot, clocks, today, &mut records)?;
    for (entry, record) in entries.iter_mut().zip(records) {
        entry.record = record;
    }
    Ok(())
}
