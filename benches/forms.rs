//! How long each form of 10,000 records with 20,000 findings takes, from the ledger on disk to its bytes. Each figure
//! stands beside its floor of the same run: reading the ledger alone, and for JSON also writing the same document again.
//!
//! `cargo bench --no-default-features --bench forms`; `-- 1000` takes fewer records.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use poamd::domain::clock::Clocks;
use poamd::domain::finding::FindingStatus;
use poamd::domain::milestone::MilestoneChangeKind;
use poamd::domain::rating::Rating;
use poamd::domain::record::RecordStatus;
use poamd::exchange::dataset::{self, Dataset, Moment, System};
use poamd::exchange::{self, deviations, emass, fedramp, oscal, ver};
use poamd::query::filter::Filter;
use poamd::store::columns::Col;
use poamd::store::findings::{self, FindingRow};
use poamd::store::milestones::{self, NewMilestone, NewMilestoneChange};
use poamd::store::records::{self, NewRecord};
use poamd::store::time::Stamp;
use poamd::store::{AnyConnection, DatabaseUrl, Result, Store};
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;
use serde_json::{Value, json};

const RECORDS: i64 = 10_000;
const BAR: f64 = 1.0;
const BAR_XLSX: f64 = 2.0;
const ACCOUNT: &str = "123456789012";

/// A form's name, its bar in seconds, and how it is made.
type Form = (&'static str, f64, fn(&Dataset) -> Vec<u8>);

const FORMS: [Form; 8] = [
    ("fedramp-xlsx", BAR_XLSX, |data| {
        fedramp::workbook(data, fedramp::Options::default()).unwrap()
    }),
    ("emass", BAR_XLSX, |data| {
        emass::workbook(data, emass::Revision::Rev5).unwrap()
    }),
    ("deviation-request", BAR_XLSX, |data| {
        deviations::workbook(data).unwrap()
    }),
    ("ver-json", BAR, |data| {
        ver::json(data, ver::Document::History, None).unwrap()
    }),
    ("ver-report", BAR, |data| {
        ver::markdown(data, None).into_bytes()
    }),
    ("ver-report-html", BAR, |data| {
        ver::html(data, None).into_bytes()
    }),
    ("oscal", BAR, |data| {
        oscal::poam(data, oscal::Version::V1_2_1).unwrap()
    }),
    ("oscal-ar", BAR, |data| {
        oscal::results(data, oscal::Version::V1_2_1).unwrap()
    }),
];

fn main() {
    let wanted = std::env::args().find_map(|a| a.parse().ok());
    let count = wanted.unwrap_or(RECORDS);
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("ledger.db"));
    let store = Store::open(url, 2).unwrap();
    store.write_here(|conn| fill(conn, count)).unwrap();
    let (read, data) = timed(|| load(&store));
    println!(
        "{count} records; floor: reading them for a form alone {:.2} s",
        read.as_secs_f64()
    );
    for (name, bar, make) in FORMS {
        let (took, bytes) = timed(|| make(&load(&store)));
        let floor = match serde_json::from_slice::<Value>(&bytes) {
            Ok(document) => read + timed(|| serde_json::to_vec(&document).unwrap()).0,
            Err(_) => read,
        };
        line(name, took, floor, bytes.len(), bar);
        assert!(make(&data) == bytes, "{name} gives other bytes");
    }
    for (name, write) in [
        (
            "csv",
            exchange::csv::write as fn(&mut dyn std::io::Write, &[exchange::Entry]) -> _,
        ),
        ("json", exchange::json::write),
    ] {
        let (took, bytes) = timed(|| {
            let mut bytes = Vec::new();
            write(&mut bytes, &entries(&store)).unwrap();
            bytes
        });
        let floor = timed(|| entries(&store)).0;
        line(name, took, floor, bytes.len(), BAR);
    }
}

fn line(name: &str, took: Duration, floor: Duration, bytes: usize, bar: f64) {
    let (took, floor) = (took.as_secs_f64(), floor.as_secs_f64());
    println!(
        "{name:18} {took:6.2} s  {:6.1} MiB  floor {floor:5.2} s, ratio {:4.1}  bar {bar} s{}",
        bytes as f64 / 1_048_576.0,
        took / floor,
        if took <= bar { "" } else { "  MISSED" }
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let made = work();
    (start.elapsed(), made)
}

fn moment() -> Moment {
    Moment::now("2026-11-22T12:00:00Z".parse::<DateTime<Utc>>().unwrap())
}

fn load(store: &Store) -> Dataset {
    let system = System {
        deployment: "bench".to_owned(),
        name: "Claims Portal".to_owned(),
        package_uri: Some("https://trust.example.com/cpo.json".to_owned()),
        ..System::default()
    };
    store
        .read_here(|conn| {
            let snapshot = moment().snapshot(conn)?;
            dataset::load(conn, &snapshot, &Filter::default(), &system, moment())
        })
        .unwrap()
}

fn entries(store: &Store) -> Vec<exchange::Entry> {
    store
        .read_here(|conn| {
            let snapshot = moment().snapshot(conn)?;
            let mut entries = exchange::dataset(conn, &snapshot, &Filter::default())?;
            let today = moment().day();
            exchange::rank(conn, &snapshot, &Clocks::default(), today, &mut entries)?;
            Ok(entries)
        })
        .unwrap()
}

/// Every third record a CVE, every tenth closed, two findings and two milestones each.
fn fill(conn: &mut AnyConnection, count: i64) -> Result<()> {
    let mut rows = Vec::new();
    for n in 1..=count {
        let at = day(n);
        let kind = if n % 3 == 0 {
            WeaknessKind::Vulnerability
        } else {
            WeaknessKind::Control
        };
        let severity = [
            Severity::Low,
            Severity::Medium,
            Severity::High,
            Severity::Critical,
        ][(n % 4) as usize];
        let weakness = if n % 3 == 0 {
            format!("CVE-2026-{n:05}")
        } else {
            format!("EC2.{n}")
        };
        let id = records::insert(
            conn,
            &NewRecord {
                account: ACCOUNT.to_owned(),
                group_key: weakness.clone(),
                weakness_id: weakness.clone(),
                weakness_kind: Col(kind),
                title: format!("{weakness}: something in this estate is not as its baseline says"),
                original_severity: Col(severity),
                severity: Some(Col(severity)),
                rating: Rating::of(severity).map(Col),
                score: 90,
                unjustified_score: 90,
                status: Col(if n % 10 == 0 {
                    RecordStatus::Closed
                } else {
                    RecordStatus::Open
                }),
                detected_at: at,
                due: Some((at + TimeDelta::days(90)).date()),
                due_rule: "FedRAMP Rev5".to_owned(),
                opened_at: at,
                changed_at: at,
                previous: None,
            },
        )?;
        rows.extend((0..2).map(|nth| finding(id, nth, &weakness, kind, severity, at)));
        steps(conn, id, at)?;
    }
    findings::insert_all(conn, &mut rows)
}

fn day(n: i64) -> Stamp {
    let start: Stamp = "2026-05-01T06:00:00".parse().unwrap();
    start + TimeDelta::hours(n % 4_000)
}

fn finding(
    record: i64,
    nth: i64,
    weakness: &str,
    kind: WeaknessKind,
    severity: Severity,
    at: Stamp,
) -> FindingRow {
    let arn =
        format!("arn:aws-us-gov:ec2:us-gov-west-1:{ACCOUNT}:instance/i-{record:08x}{nth:08x}");
    FindingRow {
        id: 0,
        account: ACCOUNT.to_owned(),
        fingerprint: format!("{record:08}-{nth}"),
        region: "us-gov-west-1".to_owned(),
        source: "securityhub".to_owned(),
        weakness_id: weakness.to_owned(),
        weakness_kind: Col(kind),
        title: format!("{weakness} on an instance"),
        description: "What the detector says of it, in the three or four lines that such texts have. ".repeat(5),
        remediation: "For directions on how to correct this, see the documentation of the service.".to_owned(),
        severity: Some(Col(severity)),
        score: 90,
        status: Col(FindingStatus::Open),
        at_source: None,
        marks: "[]".to_owned(),
        sample: false,
        opened: true,
        justified: false,
        requirements: json!(["NIST.800-53.r5 AC-3(7)", "NIST.800-53.r5 SC-7", "NIST.800-53.r5 CM-6"]).to_string(),
        resources: json!([{ "id": arn, "kind": "", "name": format!("web-{record}"), "technology": "ec2instance", "region": "us-gov-west-1" }]).to_string(),
        detail: json!({ "flaw": { "cves": [weakness], "epss": 1000,
            "cvss": [{ "version": "3.1", "base": 78, "vector": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", "by": "NVD" }] } })
        .to_string(),
        arn,
        record_id: Some(record),
        detected_at: at,
        first_seen: at,
        last_seen: at,
        closed_at: None,
        changed_at: at,
        taken_at: at,
        joined_at: Some(at),
    }
}

fn steps(conn: &mut AnyConnection, record: i64, at: Stamp) -> Result<()> {
    for number in 1..=2 {
        milestones::insert(
            conn,
            &NewMilestone {
                record_id: record,
                number,
                description: "Find out who owns it and agree on a day".to_owned(),
                due: (at + TimeDelta::days(30 * number)).date(),
                actor: "rule".to_owned(),
                at,
            },
        )?;
    }
    let change = NewMilestoneChange {
        record_id: record,
        number: 1,
        kind: Col(MilestoneChangeKind::Complete),
        description: "Done".to_owned(),
        due: None,
        why: "Done".to_owned(),
        actor: "dana".to_owned(),
        at: at + TimeDelta::days(20),
    };
    milestones::insert_change(conn, &change).map(|_| ())
}
