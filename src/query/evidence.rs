//! What the sources said, as it is shown: the documents of a record's findings on a day, and what each run read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Column, Snapshot, View, time};
use crate::store::evidence::{self, Manifest};
use crate::store::shown::ShownFinding;
use crate::store::{AnyConnection, Result};

/// A document that held on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// The finding's fingerprint.
    pub finding: String,
    pub item: String,
    /// The source's own id of it.
    pub native_id: String,
    /// Way it came: `account/region/service`, or `file`.
    pub door: String,
    pub run: i64,
    /// When the ledger took it.
    pub taken: String,
    /// Of the document, byte for byte as it came.
    pub sha256: String,
    pub document: String,
}

/// What the sources said of the findings that were on a record when `moment` ended, and findings of which they said
/// nothing by document.
pub fn of_record(
    conn: &mut AnyConnection,
    record: i64,
    moment: DateTime<Utc>,
) -> Result<(Vec<EvidenceView>, Vec<String>)> {
    let then = Snapshot::as_of(conn, moment)?;
    let mut by_account: HashMap<&str, Vec<&ShownFinding>> = HashMap::new();
    for finding in then.findings.iter().filter(|f| f.record_id == Some(record)) {
        by_account
            .entry(&finding.account)
            .or_default()
            .push(finding);
    }
    let (mut views, mut silent) = (Vec::new(), Vec::new());
    for (account, findings) in by_account {
        let prints: Vec<&str> = findings.iter().map(|f| f.fingerprint.as_str()).collect();
        let mut held: HashMap<String, Vec<EvidenceView>> = HashMap::new();
        for one in evidence::held_at(conn, account, &prints, moment)? {
            let view = EvidenceView {
                finding: one.fingerprint.clone(),
                item: String::new(),
                native_id: one.native_id,
                door: one.door,
                run: one.run,
                taken: time(one.taken_at),
                sha256: one.sha256,
                document: one.document,
            };
            held.entry(one.fingerprint).or_default().push(view);
        }
        for finding in findings {
            let Some(said) = held.remove(&finding.fingerprint) else {
                silent.push(finding.arn.clone());
                continue;
            };
            views.extend(said.into_iter().map(|view| EvidenceView {
                item: finding.arn.clone(),
                ..view
            }));
        }
    }
    silent.sort();
    Ok((views, silent))
}

/// What a run read through one door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestView {
    pub run: i64,
    /// `account/region/service`, or `file`.
    pub door: String,
    /// Window or filter that was asked for; empty for all there is.
    pub asked: String,
    pub pages: i64,
    pub documents: i64,
    pub bytes: i64,
    /// Documents that were new or said something new, and so were kept.
    pub kept: i64,
    pub set_aside: i64,
    pub first_request: Option<String>,
    pub last_request: Option<String>,
    pub began: String,
    pub ended: String,
    /// Over the SHA-256 of each document in the order it came.
    pub sha256: String,
}

impl ManifestView {
    fn of(row: Manifest) -> Self {
        Self {
            run: row.run_id,
            door: row.door,
            asked: row.asked,
            pages: row.pages,
            documents: row.documents,
            bytes: row.bytes,
            kept: row.kept,
            set_aside: row.set_aside,
            first_request: row.first_request,
            last_request: row.last_request,
            began: time(row.began_at),
            ended: time(row.ended_at),
            sha256: row.sha256,
        }
    }
}

impl View for ManifestView {
    const NOUN: &'static str = "looks";
    const OPEN: &'static str = "looks";
    const COLUMNS: &'static [Column] = &[
        ("run", &["run"]),
        ("door", &["door"]),
        ("asked", &["asked"]),
        ("pages", &["pages"]),
        ("documents", &["documents"]),
        ("bytes", &["bytes"]),
        ("kept", &["kept"]),
        ("set_aside", &["set_aside"]),
        ("first_request", &["first_request"]),
        ("last_request", &["last_request"]),
        ("began", &["began"]),
        ("ended", &["ended"]),
        ("sha256", &["sha256"]),
    ];

    fn is_open(&self) -> bool {
        true
    }
}

/// What runs read, the newest first; of one run if it is named.
pub fn manifests(conn: &mut AnyConnection, run: Option<i64>) -> Result<Vec<ManifestView>> {
    let rows = evidence::manifests(conn, run)?;
    Ok(rows.into_iter().map(ManifestView::of).collect())
}
