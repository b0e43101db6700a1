//! What stands behind one record and is too long for lists: the files that people attached, and what sources told of its
//! flaws beside their listings.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use poamd_contract::detail::{Cvss, Detail, Proof};
use serde::Serialize;

use super::{instant, time};
use crate::store::attachments::{self, AttachmentRow};
use crate::store::{AnyConnection, Result, shown};

/// A file that supports a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    pub id: i64,
    /// What it is: `scan`, `configuration` …
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub sha256: String,
    pub note: String,
    /// The deviation that it supports.
    pub deviation: Option<i64>,
    pub by: String,
    pub at: String,
}

/// The files of a record, oldest first.
pub fn files(conn: &mut AnyConnection, record: i64) -> Result<Vec<FileView>> {
    let rows = attachments::of_record(conn, record)?;
    Ok(rows.into_iter().map(FileView::of).collect())
}

impl FileView {
    fn of(row: AttachmentRow) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            name: row.name,
            media_type: row.media_type,
            sha256: row.sha256,
            note: row.note,
            deviation: row.deviation_id,
            by: row.actor,
            at: time(row.at),
        }
    }
}

/// What sources know of the flaws of a record, over all of its findings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FlawView {
    pub cves: Vec<String>,
    /// The highest rating; NVD's before another's.
    pub cvss: Option<CvssView>,
    /// Probability, 0 to 1.
    pub epss: Option<f64>,
    /// When CISA listed the first of them, the first day it wants one mended, and what it wants done.
    pub cisa_added: Option<NaiveDate>,
    pub cisa_due: Option<NaiveDate>,
    pub cisa_action: Option<String>,
    /// An exploit is known to exist; `None`: nobody says.
    pub exploit: Option<bool>,
    /// When one was seen first, and last.
    pub exploited_since: Option<String>,
    pub exploited_at: Option<String>,
    /// What a source rests on when it says so.
    pub proofs: Vec<Proof>,
    /// Techniques of attackers, as MITRE numbers them.
    pub techniques: Vec<String>,
    /// Malware and kits that are known to use one.
    pub tools: Vec<String>,
}

/// A CVSS rating.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CvssView {
    pub base: f64,
    pub version: String,
    pub by: String,
}

/// What is known of the flaws of a record; `None` if no source told anything.
pub fn flaw(conn: &mut AnyConnection, record: i64) -> Result<Option<FlawView>> {
    let details = shown::details_of(conn, record)?;
    let details: Vec<Detail> = details
        .iter()
        .map(|json| serde_json::from_str(json).unwrap_or_default())
        .collect();
    Ok(over(&details))
}

/// Adds what is not there yet.
fn add<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

fn over(details: &[Detail]) -> Option<FlawView> {
    let mut view = FlawView::default();
    let mut best: Option<&Cvss> = None;
    let rank = |c: &Cvss| (c.by.eq_ignore_ascii_case("nvd"), c.base);
    let (mut epss, mut since, mut last) = (None, None, None);
    let mut techniques = BTreeSet::new();
    for flaw in details.iter().filter_map(|detail| detail.flaw.as_ref()) {
        add(&mut view.cves, &flaw.cves);
        best = best.into_iter().chain(&flaw.cvss).max_by_key(|c| rank(c));
        epss = epss.max(flaw.epss);
        view.cisa_added = [view.cisa_added, flaw.kev_added]
            .into_iter()
            .flatten()
            .min();
        view.cisa_due = [view.cisa_due, flaw.kev_due].into_iter().flatten().min();
        let action = flaw.kev_action.as_deref().map(str::trim);
        let action = action.filter(|action| !action.is_empty());
        view.cisa_action = view.cisa_action.or(action.map(str::to_owned));
        view.exploit = view.exploit.max(flaw.exploit);
        since = [since, flaw.exploited_since].into_iter().flatten().min();
        last = last.max(flaw.exploited_at);
        add(&mut view.proofs, &flaw.proofs);
        techniques.extend(flaw.techniques.iter().cloned());
        add(&mut view.tools, &flaw.tools);
    }
    view.cvss = best.map(|cvss| CvssView {
        base: f64::from(cvss.base) / 10.0,
        version: cvss.version.clone(),
        by: cvss.by.clone(),
    });
    view.epss = epss.map(|epss| f64::from(epss) / 1_000_000.0);
    view.exploited_since = since.map(instant);
    view.exploited_at = last.map(instant);
    view.techniques = techniques.into_iter().collect();
    (view != FlawView::default()).then_some(view)
}

#[cfg(test)]
mod tests {
    use poamd_contract::detail::Flaw;

    use super::*;

    #[test]
    fn of_several_findings_the_earliest_day_and_the_worst_rating_count() {
        let detail = |json: &str| -> Detail {
            Detail {
                flaw: Some(serde_json::from_str::<Flaw>(json).unwrap()),
                ..Detail::default()
            }
        };
        let all = [
            detail(
                r#"{"cves": ["CVE-1"], "cvss": [{"version": "3.1", "base": 98, "vector": "", "by": "vendor"}], "epss": 10,
                    "kev_due": "2026-10-20", "exploit": false, "techniques": ["T1068"]}"#,
            ),
            detail(
                r#"{"cves": ["CVE-1", "CVE-2"], "cvss": [{"version": "3.1", "base": 78, "vector": "", "by": "NVD"}],
                    "epss": 840000, "kev_due": "2026-09-01", "kev_action": " Apply updates ", "exploit": true,
                    "techniques": ["T1027", "T1068"], "exploited_since": "2026-02-03T00:00:00Z"}"#,
            ),
        ];
        let view = over(&all).unwrap();
        assert_eq!(view.cves, ["CVE-1", "CVE-2"]);
        assert_eq!(view.cvss.map(|c| (c.base, c.by)), Some((7.8, "NVD".into())));
        assert_eq!(view.epss, Some(0.84));
        assert_eq!(view.cisa_due, "2026-09-01".parse().ok());
        assert_eq!(view.cisa_action.as_deref(), Some("Apply updates"));
        assert_eq!(view.exploit, Some(true));
        assert_eq!(
            view.exploited_since.as_deref(),
            Some("2026-02-03T00:00:00Z")
        );
        assert_eq!(view.techniques, ["T1027", "T1068"]);
        assert_eq!(over(&[Detail::default()]), None);
    }
}
