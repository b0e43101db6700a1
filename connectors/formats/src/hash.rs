//! Hashes that mean the same in every release: SHA-256, first eight bytes, over fields that end in
//! their length, so that no two different reports have the same bytes.

use chrono::Datelike;
use poamd_contract::detail::{Actor, Attack, Detail, Fix, Flaw};
use poamd_contract::finding::{FindingReport, Identity};
use sha2::{Digest, Sha256};

/// Changes only when the layout below does; then every report counts as changed once.
const LAYOUT: &[u8] = b"poamd finding report 2";

/// The hash of what a report says: equal hashes mean that nothing a reader of the ledger sees has changed.
///
/// Left out are the channel and the times of looking (`updated`, `last_observed`), which move with every
/// look at an unchanged weakness (of alerts also `first_observed`), and what moves with the world rather than the finding: EPSS,
/// counts, the time an exploit was last seen. Left out too is what no listing says and a source is asked for afterwards (`inspector_details`): it
/// is merged later and must not make the finding another. Whoever needs the order of reports keeps `updated` beside it.
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
    // Each alert of an incident is the first of its page: the ledger keeps the earliest.
    let first = report
        .first_observed
        .filter(|_| !crate::eve::is_alert(report));
    for time in [first, report.created] {
        out.number(time.map_or(i64::MIN, |t| t.timestamp_micros()));
    }
    out.text(report.signal.as_str());
    out.number(i64::from(report.sample));
    out.texts(&report.marks);
    detail(&mut out, &report.detail);
    raw_hash(&out.0)
}

fn detail(out: &mut Fields, of: &Detail) {
    out.number(i64::from(of.flaw.is_some()) | i64::from(of.attack.is_some()) << 1);
    if let Some(of) = &of.flaw {
        flaw(out, of);
    }
    if let Some(of) = &of.attack {
        attack(out, of);
    }
    out.number(of.tags.len() as i64);
    for (key, value) in &of.tags {
        out.text(key);
        out.text(value);
    }
    out.number(of.ports.len() as i64);
    for (from, to) in &of.ports {
        out.number(i64::from(*from) << 16 | i64::from(*to));
    }
    out.flag(of.reachable);
}

fn flaw(out: &mut Fields, of: &Flaw) {
    out.texts(&of.cves);
    out.texts(&of.cwes);
    out.number(of.cvss.len() as i64);
    for rating in &of.cvss {
        out.strs(&[&rating.version, &rating.vector, &rating.by]);
        out.number(i64::from(rating.base));
    }
    out.flag(of.exploit);
    out.text(match of.fix {
        None => "",
        Some(Fix::Yes) => "yes",
        Some(Fix::No) => "no",
        Some(Fix::Partial) => "partial",
    });
    out.number(of.packages.len() as i64);
    for package in &of.packages {
        out.strs(&[&package.name, &package.version]);
        out.option(package.fixed_in.as_ref());
        out.option(package.manager.as_ref());
        out.option(package.path.as_ref());
        out.option(package.remediation.as_ref());
    }
    out.option(of.vendor.as_ref());
    out.option(of.vendor_severity.as_ref());
    for day in [of.kev_added, of.kev_due] {
        out.number(day.map_or(i64::MIN, |d| i64::from(d.num_days_from_ce())));
    }
    out.texts(&of.references);
}

fn attack(out: &mut Fields, of: &Attack) {
    out.text(&of.action);
    for text in [&of.what, &of.service, &of.protocol, &of.direction] {
        out.option(text.as_ref());
    }
    out.number(of.local_port.map_or(-1, i64::from));
    out.flag(of.blocked);
    out.number(of.actors.len() as i64);
    of.actors.iter().for_each(|of| actor(out, of));
    out.number(of.target.len() as i64);
    for (key, value) in &of.target {
        out.text(key);
        out.text(value);
    }
    out.texts(&of.evidence);
}

fn actor(out: &mut Fields, of: &Actor) {
    let texts = [
        &of.address,
        &of.domain,
        &of.country,
        &of.country_code,
        &of.city,
        &of.network,
        &of.provider,
        &of.user,
    ];
    for text in texts {
        out.option(text.as_ref());
    }
    out.number(of.port.map_or(-1, i64::from));
    let (lat, lon) = of.place.unwrap_or((i32::MAX, i32::MAX));
    out.number(i64::from(lat) << 32 | i64::from(lon.cast_unsigned()));
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

    fn option(&mut self, text: Option<&String>) {
        self.text(text.map_or("", String::as_str));
    }

    fn flag(&mut self, flag: Option<bool>) {
        self.number(flag.map_or(-1, i64::from));
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
