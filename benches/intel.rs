//! EPSS scores of 300,000 CVEs into a ledger with 10,000 records, and the planner that looks each of them up. The floor of
//! the same run: unpacking the file and reading its numbers alone.
//!
//! `cargo bench --no-default-features --bench intel`; `-- 1000` takes fewer records.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use poamd::domain::finding::FindingStatus;
use poamd::jobs::intel;
use poamd::poam::{self, Rules};
use poamd::store::columns::Col;
use poamd::store::findings::{self, FindingRow};
use poamd::store::time::stamp;
use poamd::store::{DatabaseUrl, Store};
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;
use serde_json::json;

const RECORDS: usize = 10_000;
const SCORES: usize = 300_000;
const ACCOUNT: &str = "123456789012";
/// Seconds: what nobody waits for while a command runs.
const BAR: f64 = 5.0;

fn main() {
    let wanted = std::env::args().find_map(|a| a.parse().ok());
    let count = wanted.unwrap_or(RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(DatabaseUrl::Sqlite(folder.path().join("ledger.db")), 2).unwrap();
    let rules = Rules::default();
    store
        .write_here(|conn| {
            let mut rows: Vec<FindingRow> = (0..count).map(finding).collect();
            findings::insert_all(conn, &mut rows)?;
            let names = rows.iter().map(|r| (ACCOUNT, r.weakness_id.as_str()));
            findings::enqueue_planning(conn, names)
        })
        .unwrap();
    let (opened, _) = timed(|| poam::activate(&store, &rules, day(1), "bench").unwrap());
    line("planner opens the records", opened, None, count);
    let first = scores(folder.path(), 1);
    let read = timed(|| lines(&first)).0;
    forget_peak();
    let before = status("VmRSS");
    let (took, done) = timed(|| import(&store, &rules, &first, 2));
    line("first import", took, Some(read), SCORES);
    println!(
        "  memory: peak {:.0} MiB, {before:.0} MiB before; {} CVEs in another step, {} weaknesses planned anew",
        status("VmHWM"),
        done.imported[0].changed,
        done.imported[0].weaknesses
    );
    let second = scores(folder.path(), 2);
    let (took, done) = timed(|| import(&store, &rules, &second, 3));
    line(
        "the next day, every score moved by a hair",
        took,
        Some(read),
        SCORES,
    );
    println!("  {} weaknesses planned anew", done.imported[0].weaknesses);
    let (took, _) = timed(|| import(&store, &rules, &second, 4));
    line("the same file again", took, Some(read), SCORES);
    store
        .write_here(|conn| {
            let names: Vec<String> = (0..count).map(cve).collect();
            findings::enqueue_planning(conn, names.iter().map(|n| (ACCOUNT, n.as_str())))
        })
        .unwrap();
    let (took, _) = timed(|| poam::activate(&store, &rules, day(5), "bench").unwrap());
    line(
        "planner looks every record up, nothing changed",
        took,
        None,
        count,
    );
}

fn line(name: &str, took: Duration, floor: Option<Duration>, count: usize) {
    let took = took.as_secs_f64();
    let floor = floor.map_or_else(String::new, |floor| {
        let floor = floor.as_secs_f64();
        format!(
            "  floor {floor:.2} s (reading alone), ratio {:.1}",
            took / floor
        )
    });
    println!(
        "{name:48} {took:6.2} s, {:9.0} a second{floor}  bar {BAR} s{}",
        count as f64 / took,
        if took <= BAR { "" } else { "  MISSED" }
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

fn day(n: i64) -> DateTime<Utc> {
    "2026-11-01T06:00:00Z".parse::<DateTime<Utc>>().unwrap() + chrono::TimeDelta::days(n)
}

fn import(store: &Store, rules: &Rules, file: &Path, now: i64) -> intel::Summary {
    intel::import(store, rules, &[file.to_owned()], false, day(now), "bench").unwrap()
}

fn cve(n: usize) -> String {
    format!("CVE-2026-{:05}", 10_000 + n)
}

/// As FIRST writes it, packed. Most scores are low; another day moves each by a hair.
fn scores(folder: &Path, day: usize) -> PathBuf {
    let path = folder.join(format!("epss-{day}.csv.gz"));
    let mut out = GzEncoder::new(
        std::fs::File::create(&path).unwrap(),
        Compression::default(),
    );
    writeln!(
        out,
        "#model_version:v1,score_date:2026-11-0{day}T00:00:00+0000"
    )
    .unwrap();
    writeln!(out, "cve,epss,percentile").unwrap();
    for n in 0..SCORES {
        let step = [0.0004, 0.002, 0.03, 0.2, 0.7][n * 7919 % 23 % 5];
        let epss = step + (n % 97) as f64 * 1e-6 + day as f64 * 1e-5;
        writeln!(out, "{},{epss:.5},{:.5}", cve(n), n as f64 / SCORES as f64).unwrap();
    }
    out.finish().unwrap();
    path
}

/// The floor: unpacked, split into lines, the numbers read.
fn lines(path: &Path) -> f64 {
    let mut text = String::new();
    let mut file = GzDecoder::new(std::fs::File::open(path).unwrap());
    file.read_to_string(&mut text).unwrap();
    let number = |line: &str| line.split(',').nth(1)?.parse::<f64>().ok();
    std::hint::black_box(text.lines().filter_map(number).sum())
}

fn finding(n: usize) -> FindingRow {
    let at = stamp(day(0));
    let arn = format!("arn:aws-us-gov:ec2:us-gov-west-1:{ACCOUNT}:instance/i-{n:017x}");
    FindingRow {
        id: 0,
        account: ACCOUNT.to_owned(),
        fingerprint: format!("{n:08}"),
        region: "us-gov-west-1".to_owned(),
        source: "inspector".to_owned(),
        weakness_id: cve(n),
        weakness_kind: Col(WeaknessKind::Vulnerability),
        title: format!("{} on an instance", cve(n)),
        description: "What the detector says of it.".to_owned(),
        remediation: String::new(),
        severity: Some(Col(Severity::High)),
        score: 90,
        status: Col(FindingStatus::Open),
        at_source: None,
        marks: "[]".to_owned(),
        sample: false,
        opened: true,
        justified: false,
        requirements: "[]".to_owned(),
        resources: json!([{ "id": arn, "kind": "", "name": "web", "technology": "ec2instance", "region": "us-gov-west-1" }])
            .to_string(),
        detail: json!({ "flaw": { "cves": [cve(n)] } }).to_string(),
        arn,
        record_id: None,
        detected_at: at,
        first_seen: at,
        last_seen: at,
        closed_at: None,
        changed_at: at,
        taken_at: at,
        joined_at: None,
    }
}

/// The peak of memory counts from here.
fn forget_peak() {
    // Where it cannot be, the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line of `/proc/self/status`, in MiB.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(key));
    let kib = line.and_then(|l| {
        l.trim_start_matches(':')
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    kib.unwrap_or(f64::NAN) / 1024.0
}
