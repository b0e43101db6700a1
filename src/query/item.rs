//! Items as they are listed: what they are, and how much is wrong with them.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::filter::{Facts, Filter, Sieve};
use super::{Column, ItemRef, Snapshot, View, points, time};
use crate::domain::rating::Rating;
use crate::store::items::ItemRow;
use crate::store::shown::ShownFinding;
use crate::store::{AnyConnection, Result};

/// What an item can be asked for by `--status`.
pub const STATUSES: [&str; 2] = ["active", "gone"];

/// One item. Scores are sums over the open findings that sit on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemView {
    pub name: String,
    pub arn: String,
    pub technology: String,
    /// Twelve digits.
    pub account: String,
    pub account_name: Option<String>,
    /// The account's label; `null` if the account is not watched.
    pub account_type: Option<String>,
    pub region: String,
    pub score: Value,
    pub unjustified_score: Value,
    /// How many findings are open on it.
    pub findings: usize,
    pub first_seen: String,
    pub last_modified: String,
    /// False once two complete looks did not show it.
    pub active: bool,
    /// Of its configuration; 0 if only findings name it.
    pub revision: i64,
}

impl View for ItemView {
    const NOUN: &'static str = "items";
    const OPEN: &'static str = "items with open findings";
    const COLUMNS: &'static [Column] = &[
        ("name", &["name"]),
        ("arn", &["arn"]),
        ("technology", &["technology"]),
        ("account", &["account"]),
        ("account_name", &["account_name"]),
        ("account_type", &["account_type"]),
        ("region", &["region"]),
        ("score", &["score"]),
        ("unjustified_score", &["unjustified_score"]),
        ("findings", &["findings"]),
        ("first_seen", &["first_seen"]),
        ("last_modified", &["last_modified"]),
        ("active", &["active"]),
        ("revision", &["revision"]),
    ];

    /// Worth a look: something is wrong with it.
    fn is_open(&self) -> bool {
        self.active && self.findings > 0
    }
}

/// What the findings on an item come to.
#[derive(Default)]
struct Load<'a> {
    findings: Vec<&'a ShownFinding>,
    score: i64,
    unjustified: i64,
}

/// Items by account, technology and ARN.
pub fn list(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
) -> Result<Vec<ItemView>> {
    let sieve = filter.sieve(conn)?;
    let mut loads: HashMap<(&str, &str), Load<'_>> = HashMap::new();
    for finding in snapshot
        .findings
        .iter()
        .filter(|f| super::finding::is_open(f))
    {
        let load = loads.entry((&finding.account, &finding.arn)).or_default();
        load.findings.push(finding);
        load.score += finding.score;
        load.unjustified += super::finding::unjustified(finding);
    }
    let nothing = Load::default();
    let mut rows: Vec<&ItemRow> = snapshot.items.values().collect();
    rows.sort_by(|a, b| {
        (&a.account, &a.technology, &a.arn).cmp(&(&b.account, &b.technology, &b.arn))
    });
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let load = loads
                .get(&(row.account.as_str(), row.arn.as_str()))
                .unwrap_or(&nothing);
            view(row, load, snapshot, &sieve)
        })
        .collect())
}

fn view(
    row: &ItemRow,
    load: &Load<'_>,
    snapshot: &Snapshot,
    sieve: &Sieve<'_>,
) -> Option<ItemView> {
    let account_name = snapshot.account_name(&row.account);
    let account_type = snapshot.account_type(&row.account);
    let sources: BTreeSet<String> = load.findings.iter().map(|f| f.source.clone()).collect();
    let ratings: BTreeSet<Rating> = load
        .findings
        .iter()
        .filter_map(|f| super::finding::rating(f))
        .collect();
    let facts = Facts {
        account: &row.account,
        account_name: account_name.as_deref(),
        account_type: account_type.as_deref(),
        items: &[ItemRef::of(row)],
        region: &row.region,
        score: load.score,
        unjustified: load.unjustified,
        status: STATUSES[usize::from(!row.active)],
        sources: &sources.into_iter().collect::<Vec<_>>(),
        ratings: &ratings.into_iter().collect::<Vec<_>>(),
        desks: &[],
    };
    sieve.takes(&facts).then(|| ItemView {
        name: row.name.clone(),
        arn: row.arn.clone(),
        technology: row.technology.clone(),
        account: row.account.clone(),
        account_name,
        account_type,
        region: row.region.clone(),
        score: points(load.score),
        unjustified_score: points(load.unjustified),
        findings: load.findings.len(),
        first_seen: time(row.first_seen),
        last_modified: time(row.last_modified),
        active: row.active,
        revision: row.revision,
    })
}
