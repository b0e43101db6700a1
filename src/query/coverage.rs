//! Coverage as it is listed: where we looked, how far it got, and since when.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::filter::{Facts, Filter};
use super::{Column, ItemRef, Snapshot, View, time};
use crate::store::{self, AnyConnection, Result};

/// What a cell can be asked for by `--status`.
pub const STATUSES: [&str; 7] = [
    "complete", "partial", "denied", "off", "ended", "failed", "stale",
];

/// One cell: account × region × service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoverageView {
    /// Twelve digits.
    pub account: String,
    pub account_name: Option<String>,
    pub region: String,
    /// The name of a source, or `scan:` and a technology.
    pub service: String,
    /// `complete`, `partial`, `denied`, `off`, `ended`, `failed`, `stale`.
    pub state: String,
    pub reason: Option<String>,
    /// Since when it is like this.
    pub since: String,
    pub last_complete: Option<String>,
    /// The last complete look at everything; those since then were at what changed.
    pub last_full: Option<String>,
}

impl View for CoverageView {
    const NOUN: &'static str = "cells of coverage";
    const OPEN: &'static str = "gaps in coverage";
    const COLUMNS: &'static [Column] = &[
        ("account", &["account"]),
        ("account_name", &["account_name"]),
        ("region", &["region"]),
        ("service", &["service"]),
        ("state", &["state"]),
        ("reason", &["reason"]),
        ("since", &["since"]),
        ("last_complete", &["last_complete"]),
        ("last_full", &["last_full"]),
    ];

    /// A gap.
    fn is_open(&self) -> bool {
        self.state != "complete"
    }
}

/// Cells by account, region and service. `--technology` asks for scans of it, `--source` for a service.
pub fn list(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
    now: DateTime<Utc>,
) -> Result<Vec<CoverageView>> {
    let sieve = filter.sieve(conn)?;
    let mut views = Vec::new();
    for row in store::coverage::at(conn, now)? {
        let account_name = snapshot.account_name(&row.account);
        let account_type = snapshot.account_type(&row.account);
        let place = ItemRef {
            name: String::new(),
            arn: String::new(),
            technology: row
                .service
                .strip_prefix("scan:")
                .unwrap_or_default()
                .to_owned(),
            region: row.region.clone(),
        };
        let facts = Facts {
            account: &row.account,
            account_name: account_name.as_deref(),
            account_type: account_type.as_deref(),
            items: std::slice::from_ref(&place),
            region: &row.region,
            score: 0,
            unjustified: 0,
            status: &row.state,
            sources: std::slice::from_ref(&row.service),
            ratings: &[],
            desks: &[],
        };
        if sieve.takes(&facts) {
            views.push(CoverageView {
                account: row.account,
                account_name,
                region: row.region,
                service: row.service,
                state: row.state,
                reason: row.reason,
                since: time(row.since),
                last_complete: row.last_complete.map(time),
                last_full: row.last_full.map(time),
            });
        }
    }
    Ok(views)
}
