//! Accounts as they are listed.

use serde::Serialize;

use super::{Column, Snapshot, View, time};
use crate::store::Result;
use crate::store::accounts::AccountRow;

/// One account: who it is, how it is reached, how it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AccountView {
    /// Twelve digits.
    pub account: String,
    pub name: String,
    pub account_type: String,
    pub partition: String,
    pub regions: Vec<String>,
    pub role: Option<String>,
    pub external_id: Option<String>,
    pub active: bool,
    /// Stands in the configuration.
    pub declared: bool,
    pub contacts: Vec<String>,
    pub notes: String,
    /// 1 counts as it is.
    pub weight: f64,
    pub s3_canonical_id: Option<String>,
    pub s3_name: Option<String>,
    /// Findings that are open.
    pub findings: usize,
    /// Records that are not closed.
    pub records: usize,
    /// When its first scan ended.
    pub baseline: Option<String>,
    pub added: String,
    pub changed: String,
    pub removed: Option<String>,
}

impl View for AccountView {
    const NOUN: &'static str = "accounts";
    const OPEN: &'static str = "accounts";
    const COLUMNS: &'static [Column] = &[
        ("account", &["account"]),
        ("name", &["name"]),
        ("account_type", &["account_type"]),
        ("partition", &["partition"]),
        ("regions", &["regions"]),
        ("role", &["role"]),
        ("external_id", &["external_id"]),
        ("active", &["active"]),
        ("declared", &["declared"]),
        ("contacts", &["contacts"]),
        ("notes", &["notes"]),
        ("weight", &["weight"]),
        ("s3_canonical_id", &["s3_canonical_id"]),
        ("s3_name", &["s3_name"]),
        ("findings", &["findings"]),
        ("records", &["records"]),
        ("baseline", &["baseline"]),
        ("added", &["added"]),
        ("changed", &["changed"]),
        ("removed", &["removed"]),
    ];

    fn is_open(&self) -> bool {
        self.removed.is_none()
    }
}

impl AccountView {
    fn of(row: &AccountRow, snapshot: &Snapshot) -> Result<Self> {
        let findings = snapshot.findings.iter();
        let records = snapshot.records.iter();
        Ok(Self {
            account: row.id.clone(),
            name: row.name.clone(),
            account_type: row.label.clone(),
            partition: row.partition.clone(),
            regions: row.regions()?.iter().map(ToString::to_string).collect(),
            role: row.role.clone(),
            external_id: row.external_id.clone(),
            active: row.active,
            declared: row.declared,
            contacts: row.contacts()?,
            notes: row.notes.clone(),
            weight: row.weight as f64 / 100.0,
            s3_canonical_id: row.canonical_id.clone(),
            s3_name: row.canonical_name.clone(),
            findings: findings
                .filter(|f| f.account == row.id && super::finding::is_open(f))
                .count(),
            records: records
                .filter(|r| r.account == row.id && r.status.0.is_live())
                .count(),
            baseline: row.baseline_at.map(time),
            added: time(row.created_at),
            changed: time(row.changed_at),
            removed: row.removed_at.map(time),
        })
    }
}

/// All accounts, by number; removed ones too.
pub fn list(snapshot: &Snapshot) -> Result<Vec<AccountView>> {
    snapshot
        .accounts
        .values()
        .map(|row| AccountView::of(row, snapshot))
        .collect()
}
