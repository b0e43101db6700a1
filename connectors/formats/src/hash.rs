//! Hashes that mean the same in every release: SHA-256, first eight bytes, over fields that end in
//! their length, so that no two different reports have the same bytes.

use poamd_contract::finding::{FindingReport, Identity};
use sha2::{Digest, Sha256};

/// Changes only when the layout below does; then every report counts as changed once.
const LAYOUT: &[u8] = b"poamd finding report 1";

/// The hash of what a report says: equal hashes mean that nothing a reader of the ledger sees has changed.
///
/// Left out are the channel and the times of looking (`updated`, `last_observed`), which move with every
/// look at an unchanged weakness. Whoever needs the order of reports keeps `updated` beside it.
pub fn content_hash(report: &FindingReport) -> u64 {
    let mut out = Fields(Vec::with_capacity(2048));
    out.put(LAYOUT);
    out.text(&report.source);
    out.text(&report.native_id);
    identity(&mut out, &report.identity);
    out.text(&report.weakness.id);
    out.text(report.weakness.kind.as_str());
    out.texts(&report.weakness.equivalent);
    out.text(report.account.as_str());
    out.text(report.partition.as_str());
    out.text(report.region.as_str());
    out.text(&report.title);
    out.text(&report.description);
    out.text(&report.remediation);
    out.text(report.severity.map_or("", |s| s.as_str()));
    out.number(report.score.map_or(-1, i64::from));
    out.number(report.resources.len() as i64);
    for resource in &report.resources {
        out.text(&resource.id);
        out.text(&resource.kind);
        out.text(resource.technology.as_deref().unwrap_or_default());
        out.text(&resource.name);
        out.text(resource.region.as_ref().map_or("", |r| r.as_str()));
    }
    out.texts(&report.requirements);
    for time in [report.first_observed, report.created] {
        out.number(time.map_or(i64::MIN, |t| t.timestamp_micros()));
    }
    out.text(report.signal.as_str());
    out.number(i64::from(report.sample));
    out.texts(&report.marks);
    raw_hash(&out.0)
}

/// The hash of bytes as they came.
pub fn raw_hash(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes)
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

fn identity(out: &mut Fields, identity: &Identity) {
    match identity {
        Identity::Control {
            account,
            region,
            control,
            resource,
        } => {
            out.strs(&[
                "control",
                account.as_str(),
                region.as_str(),
                control,
                resource,
            ]);
        }
        Identity::Native { arn } => out.strs(&["native", arn]),
        Identity::Policy {
            account,
            region,
            technology,
            item,
            policy,
            evidence,
        } => {
            out.strs(&[
                "policy",
                account.as_str(),
                region.as_str(),
                technology,
                item,
                policy,
                evidence,
            ]);
        }
        Identity::Product { product_arn, id } => out.strs(&["product", product_arn, id]),
    }
}

struct Fields(Vec<u8>);

impl Fields {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        self.0
            .extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn strs(&mut self, texts: &[&str]) {
        self.number(texts.len() as i64);
        texts.iter().for_each(|text| self.text(text));
    }

    fn texts(&mut self, texts: &[String]) {
        self.number(texts.len() as i64);
        texts.iter().for_each(|text| self.text(text));
    }
}
