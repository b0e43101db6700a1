//! A ledger with one record of every kind that forms tell apart.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use poamd::domain::deviation::{DeviationKind, DeviationState};
use poamd::domain::finding::FindingStatus;
use poamd::domain::milestone::MilestoneChangeKind;
use poamd::domain::rating::Rating;
use poamd::domain::record::RecordStatus;
use poamd::exchange::dataset::{self, Dataset, Moment, System};
use poamd::query::Snapshot;
use poamd::query::filter::Filter;
use poamd::store::columns::Col;
use poamd::store::comments::{self, NewRecordComment};
use poamd::store::deviations::{self, NewDeviation, NewDeviationStep};
use poamd::store::facts::{self, NewFact};
use poamd::store::findings::FindingRow;
use poamd::store::milestones::{self, NewMilestone, NewMilestoneChange};
use poamd::store::records::{self, NewRecord};
use poamd::store::schema::{blobs, evidence};
use poamd::store::time::Stamp;
use poamd::store::vendors::{self, NewVendorCheckin, NewVendorDependency};
use poamd::store::{AnyConnection, DatabaseUrl, Result, Store};
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;
use serde_json::{Value, json};

use crate::support::ledger;

pub const ACCOUNT: &str = "123456789012";
pub const NOW: &str = "2026-11-22T12:00:00Z";

/// Text that would be a formula, a link, a tag, a new line or another direction somewhere.
pub const HOSTILE: &str = "=HYPERLINK(\"https://evil.example\")</t>&\u{202e}_x0041_ |a|\n# b";

pub fn time(text: &str) -> Stamp {
    let text = if text.len() == 10 {
        format!("{text}T06:00:00")
    } else {
        text.to_owned()
    };
    text.parse().unwrap()
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// What the record is about, when it was detected and when it is due.
struct About(
    &'static str,
    WeaknessKind,
    Severity,
    &'static str,
    &'static str,
);

fn record(conn: &mut AnyConnection, about: &About, title: &str) -> Result<i64> {
    let About(weakness, kind, severity, detected, due) = *about;
    records::insert(
        conn,
        &NewRecord {
            account: ACCOUNT.to_owned(),
            group_key: weakness.to_owned(),
            weakness_id: weakness.to_owned(),
            weakness_kind: Col(kind),
            title: title.to_owned(),
            original_severity: Col(severity),
            severity: Some(Col(severity)),
            rating: Rating::of(severity).map(Col),
            score: 90,
            unjustified_score: 90,
            status: Col(RecordStatus::Open),
            detected_at: time(detected),
            due: Some(day(due)),
            due_rule: format!("the rule of {weakness}"),
            opened_at: time(detected),
            changed_at: time(detected),
            previous: None,
        },
    )
}

fn finding(record: i64, about: &About, name: &str, arn: &str, source: &str) -> FindingRow {
    let About(weakness, kind, severity, detected, _) = *about;
    FindingRow {
        fingerprint: format!("f{record}-{name}"),
        weakness_id: weakness.to_owned(),
        weakness_kind: Col(kind),
        title: format!("{weakness} on {name}"),
        description: format!("{weakness} is not as it should be."),
        remediation: format!("Set {weakness} right."),
        severity: Some(Col(severity)),
        resources:
            json!([{ "id": arn, "kind": "", "name": name, "technology": "s3", "region": "us-gov-west-1" }])
                .to_string(),
        detected_at: time(detected),
        taken_at: time(detected),
        joined_at: Some(time(detected)),
        ..ledger::finding(ACCOUNT, Some(record), source, arn)
    }
}

fn fact(conn: &mut AnyConnection, record: i64, name: &str, value: Value, at: &str) -> Result<()> {
    facts::insert(
        conn,
        &NewFact {
            record_id: record,
            name: name.to_owned(),
            value: value.to_string(),
            why: "a test".to_owned(),
            actor: "dana".to_owned(),
            at: time(at),
        },
    )
    .map(|_| ())
}

/// A deviation that came through these states, a day each.
fn deviation(
    conn: &mut AnyConnection,
    record: i64,
    kind: DeviationKind,
    states: &[DeviationState],
    from: &str,
) -> Result<i64> {
    let state = *states.last().unwrap();
    let live = !matches!(
        state,
        DeviationState::Rejected | DeviationState::Withdrawn | DeviationState::Expired
    );
    let id = deviations::insert(
        conn,
        &NewDeviation {
            record_id: record,
            kind: Col(kind),
            state: Col(state),
            live,
            severity: Some(Col(Severity::Medium)),
            from_severity: None,
            rationale: "The host has one tenant and no local users.".to_owned(),
            mitigations: "The module is blocked.".to_owned(),
            requested_by: "dana".to_owned(),
            requested_at: time(from),
            decided_at: None,
            expires: Some(day("2027-06-30")),
        },
    )?;
    for (days, state) in (0..).zip(states) {
        deviations::insert_step(
            conn,
            &NewDeviationStep {
                deviation_id: id,
                state: Col(*state),
                note: format!("{state} by the book"),
                actor: "lee".to_owned(),
                at: time(from) + chrono::TimeDelta::days(days),
            },
        )?;
    }
    Ok(id)
}

fn end(conn: &mut AnyConnection, id: i64, status: RecordStatus, at: &str) -> Result<()> {
    let mut row = records::find(conn, id)?.unwrap();
    row.status = Col(status);
    row.closed_at = Some(time(at));
    row.changed_at = time(at);
    records::update(conn, &row)
}

const BUCKET: About = About(
    "S3.8",
    WeaknessKind::Control,
    Severity::High,
    "2026-08-03",
    "2026-09-02",
);
const KERNEL: About = About(
    "CVE-2024-1086",
    WeaknessKind::Vulnerability,
    Severity::Critical,
    "2026-10-02",
    "2026-10-20",
);
const PORTS: About = About(
    "EC2.19",
    WeaknessKind::Control,
    Severity::Medium,
    "2026-09-10",
    "2026-12-09",
);
const KEYS: About = About(
    "IAM.3",
    WeaknessKind::Control,
    Severity::Low,
    "2026-07-01",
    "2026-12-28",
);
const ATTACK: About = About(
    "UnauthorizedAccess:EC2/RDPBruteForce",
    WeaknessKind::Incident,
    Severity::High,
    "2026-11-10",
    "2026-12-10",
);
const IMAGE: About = About(
    "approved-ami",
    WeaknessKind::Policy,
    Severity::Medium,
    "2026-02-01",
    "2026-05-02",
);
const TWIN: About = About(
    "S3.17",
    WeaknessKind::Control,
    Severity::High,
    "2026-08-04",
    "2026-09-03",
);

/// Fills a ledger. Records 1 to 7 in the order of the constants above.
pub fn fill(conn: &mut AnyConnection) -> Result<()> {
    bucket(conn)?;
    kernel(conn)?;
    let ports = record(
        conn,
        &PORTS,
        "Security groups allow unrestricted access to high-risk ports",
    )?;
    let mut rows = vec![finding(
        ports,
        &PORTS,
        "sg-1",
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:security-group/sg-0a1b2c3d",
        "securityhub",
    )];
    rows[0].status = Col(FindingStatus::Fixed);
    end(conn, ports, RecordStatus::Closed, "2026-11-01")?;
    let keys = record(conn, &KEYS, "Access keys are rotated every 90 days")?;
    rows.push(finding(
        keys,
        &KEYS,
        "ci",
        "arn:aws-us-gov:iam::123456789012:user/ci",
        "securityhub",
    ));
    deviation(
        conn,
        keys,
        DeviationKind::FalsePositive,
        &[
            DeviationState::Requested,
            DeviationState::Submitted,
            DeviationState::Approved,
        ],
        "2026-10-01",
    )?;
    end(conn, keys, RecordStatus::Closed, "2026-10-03")?;
    let attack = record(
        conn,
        &ATTACK,
        "198.51.100.7 is performing RDP brute force attacks against i-0aa11bb22cc33dd44 on port 3389",
    )?;
    rows.push(finding(
        attack,
        &ATTACK,
        "web-1",
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/i-0aa11bb22cc33dd44",
        "guardduty",
    ));
    let image = record(conn, &IMAGE, "Instances run approved images")?;
    rows.push(finding(
        image,
        &IMAGE,
        "vendor-box",
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/i-0ff11bb22cc33dd44",
        "policy",
    ));
    deviation(
        conn,
        image,
        DeviationKind::OperationalRequirement,
        &[
            DeviationState::Requested,
            DeviationState::Submitted,
            DeviationState::Approved,
        ],
        "2026-04-01",
    )?;
    fact(
        conn,
        image,
        "acceptance-rationale",
        json!("The vendor supports only its own image; the host is isolated."),
        "2026-04-04",
    )?;
    fact(
        conn,
        image,
        "evaluated-at",
        json!("2026-02-04T00:00:00Z"),
        "2026-02-04",
    )?;
    fact(conn, image, "n-rating", json!("N1"), "2026-02-04")?;
    let twin = record(conn, &TWIN, "Buckets are encrypted at rest")?;
    end(conn, twin, RecordStatus::Superseded, "2026-08-20")?;
    let mut row = records::find(conn, twin)?.unwrap();
    row.superseded_by = Some(1);
    records::update(conn, &row)?;
    ledger::add_findings(conn, &rows)
}

fn bucket(conn: &mut AnyConnection) -> Result<()> {
    let id = record(conn, &BUCKET, HOSTILE)?;
    let mut rows = vec![
        finding(
            id,
            &BUCKET,
            "exports",
            "arn:aws-us-gov:s3:::acme-exports",
            "securityhub",
        ),
        finding(
            id,
            &BUCKET,
            "logs",
            "arn:aws-us-gov:s3:::acme-logs",
            "policy",
        ),
    ];
    rows[0].requirements = json!([
        "NIST.800-53.r5 AC-3(7)",
        "NIST.800-53.r5 SC-7",
        "PCI DSS 1.2"
    ])
    .to_string();
    rows[0].description = format!("{HOSTILE} and more");
    rows[0].detail = json!({ "ports": [[443, 443], [8000, 8010]] }).to_string();
    ledger::add_findings(conn, &rows)?;
    for (number, text, due) in [
        (1, "Find the owner", "2026-08-10"),
        (2, "Block public access", "2026-09-02"),
    ] {
        milestones::insert(
            conn,
            &NewMilestone {
                record_id: id,
                number,
                description: text.to_owned(),
                due: day(due),
                actor: "rule".to_owned(),
                at: time("2026-08-03"),
            },
        )?;
    }
    for (number, kind, due, at) in [
        (1, MilestoneChangeKind::Complete, None, "2026-08-09"),
        (
            2,
            MilestoneChangeKind::Update,
            Some("2026-12-15"),
            "2026-09-01",
        ),
    ] {
        milestones::insert_change(
            conn,
            &NewMilestoneChange {
                record_id: id,
                number,
                kind: Col(kind),
                description: "The site moves to the CDN first".to_owned(),
                due: due.map(day),
                why: "the freeze of December".to_owned(),
                actor: "dana".to_owned(),
                at: time(at),
            },
        )?;
    }
    fact(conn, id, "contact", json!("Storage team"), "2026-08-03")?;
    fact(
        conn,
        id,
        "plan",
        json!("Turn on all four settings."),
        "2026-08-05",
    )?;
    fact(conn, id, "irv", json!(true), "2026-08-05")?;
    fact(conn, id, "lev", json!(true), "2026-08-05")?;
    fact(conn, id, "n-rating", json!("N3"), "2026-08-05")?;
    fact(conn, id, "n-rating", json!("N2"), "2026-09-05")?;
    fact(
        conn,
        id,
        "evaluated-at",
        json!("2026-08-05T09:00:00Z"),
        "2026-08-05",
    )?;
    fact(
        conn,
        id,
        "next-reduction",
        json!({ "day": "2026-12-15", "to": 1 }),
        "2026-09-05",
    )?;
    fact(
        conn,
        id,
        "safe-description",
        json!("A bucket lacks block public access."),
        "2026-08-05",
    )?;
    let asked = deviation(
        conn,
        id,
        DeviationKind::RiskAdjustment,
        &[DeviationState::Requested, DeviationState::Submitted],
        "2026-08-20",
    )?;
    comments::insert(
        conn,
        &NewRecordComment {
            record_id: id,
            body: "+1 from the owner".to_owned(),
            actor: "dana".to_owned(),
            at: time("2026-09-02"),
        },
    )?;
    let sha = "ab".repeat(32);
    diesel::insert_into(blobs::table)
        .values((
            blobs::sha256.eq(&sha),
            blobs::size.eq(1),
            blobs::zstd.eq(vec![0u8]),
        ))
        .execute(conn)?;
    diesel::insert_into(evidence::table)
        .values((
            evidence::record_id.eq(id),
            evidence::deviation_id.eq(Some(asked)),
            evidence::kind.eq("request"),
            evidence::name.eq("DR-7.pdf"),
            evidence::media_type.eq("application/pdf"),
            evidence::sha256.eq(&sha),
            evidence::note.eq(""),
            evidence::actor.eq("dana"),
            evidence::at.eq(time("2026-08-21")),
        ))
        .execute(conn)?;
    ledger::link_ticket(conn, id, "GRC-4301").map(|_| ())
}

fn kernel(conn: &mut AnyConnection) -> Result<()> {
    let id = record(conn, &KERNEL, "CVE-2024-1086 in kernel")?;
    let mut row = finding(
        id,
        &KERNEL,
        "web-1",
        "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:instance/i-0aa11bb22cc33dd44",
        "inspector",
    );
    row.detail = json!({ "flaw": {
        "cves": ["CVE-2024-1086"], "kev_added": "2024-05-30", "kev_due": "2026-10-20", "epss": 840000, "fix": "no",
        "cvss": [
            { "version": "3.1", "base": 90, "vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "by": "vendor" },
            { "version": "3.1", "base": 78, "vector": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", "by": "NVD" }],
        "packages": [{ "name": "kernel", "version": "5.10.205" }] } })
    .to_string();
    ledger::add_findings(conn, &[row])?;
    let waits = vendors::insert(
        conn,
        &NewVendorDependency {
            record_id: id,
            product: "Example Linux".to_owned(),
            vendor: "Example".to_owned(),
            live: true,
            actor: "dana".to_owned(),
            since: time("2026-10-05"),
            released: None,
            ended_at: None,
        },
    )?;
    for checked in ["2026-10-20", "2026-11-18"] {
        vendors::insert_checkin(
            conn,
            &NewVendorCheckin {
                dependency_id: waits,
                day: day(checked),
                note: "not yet".to_owned(),
                actor: "dana".to_owned(),
                at: time(checked),
            },
        )?;
    }
    Ok(())
}

pub fn system() -> System {
    System {
        deployment: "test".to_owned(),
        provider: "Acme Federal Cloud".to_owned(),
        name: "Claims Portal".to_owned(),
        impact: Some(Rating::Moderate),
        id: Some("FR42".to_owned()),
        package_uri: Some("https://trust.example.com/fedramp/cpo.json".to_owned()),
        office: Some("Office of the CISO".to_owned()),
        contact: Some("Dana Reyes (ISSO)".to_owned()),
        service: Some("Claims API".to_owned()),
        default_rating: Some(3),
        label_ratings: BTreeMap::new(),
    }
}

/// A database with the ledger.
pub fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(DatabaseUrl::Sqlite(folder.path().join("poamd.db")), 2).unwrap();
    store.write_here(fill).unwrap();
    (folder, store)
}

pub fn read(store: &Store, as_of: Option<NaiveDate>) -> Dataset {
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let moment = Moment::as_of(as_of, now);
    store
        .read_here(|conn| {
            let snapshot: Snapshot = moment.snapshot(conn)?;
            dataset::load(conn, &snapshot, &Filter::default(), &system(), moment)
        })
        .unwrap()
}

pub fn data() -> Dataset {
    let (_folder, store) = store();
    read(&store, None)
}
