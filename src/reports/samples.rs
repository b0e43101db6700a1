//! Samples of the POA&M report: an empty estate, a typical one, hostile strings, five hundred records. Tests render
//! all templates with them, and so does the check of an operator's own templates.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use super::context::{
    AuditHead, ChangeLine, Changes, GapLine, Justification, PoamReport, RecordRow, ReportHead,
    TicketLine,
};
use crate::domain::escalation::Distance;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::render::templates::Sampled;

type Parts = (ReportHead, Vec<RecordRow>, Changes, Vec<GapLine>);

/// Text that tries every sink.
const HOSTILE: &str = "=cmd|' /C calc'!A0<script>alert(1)</script>\"onmouseover='x' {{7*7}}\r\nBcc: x@example.com\u{202e}gnp.\u{0}";

impl Sampled for PoamReport {
    const TEMPLATES: &'static [&'static str] = &[
        "reports/poam/subject.txt",
        "reports/poam/body.txt",
        "reports/poam/body.html",
    ];

    fn samples() -> Vec<(&'static str, Self)> {
        let report =
            |(head, records, changes, gaps): Parts| Self::build(&head, &records, changes, gaps);
        vec![
            ("empty", report(empty())),
            ("typical", report(typical())),
            ("hostile", report(hostile())),
            ("large", report(large())),
        ]
    }
}

fn head() -> ReportHead {
    let as_of = DateTime::from_timestamp(1_795_327_800, 0).unwrap_or_default();
    ReportHead {
        deployment: "agency-prod".into(),
        as_of,
        since: as_of.checked_sub_days(Days::new(7)),
        zone: chrono_tz::America::New_York,
        due_soon_days: 14,
        unrated: 12,
        triggers: vec![
            Distance {
                trigger: "5 High older than 30 days".into(),
                action: "DFR".into(),
                count: Some(3),
                threshold: Some(5),
                left: Some(2),
                reached_on: as_of.date_naive().checked_add_days(Days::new(9)),
                note: String::new(),
                records: [12, 15, 31].map(RecordId).into(),
                more_records: 0,
            },
            Distance {
                trigger: "5 High older than 60 days".into(),
                action: "CAP".into(),
                count: Some(5),
                threshold: Some(5),
                left: Some(0),
                reached_on: Some(as_of.date_naive()),
                note: String::new(),
                records: (1..=20).map(RecordId).collect(),
                more_records: 118,
            },
        ],
        audit: AuditHead {
            number: 48_213,
            hash: "5f2d9b0c6e7a41f38c1b9d2e4a6f80735d1c2b3a495867f0e1d2c3b4a5968778".into(),
        },
        version: "0.1.0".into(),
        attachment: "poam-agency-prod-2026-11-22.csv".into(),
    }
}

/// Nothing found, nothing changed, everything looked at.
pub(crate) fn empty() -> Parts {
    (
        ReportHead {
            since: None,
            ..head()
        },
        Vec::new(),
        Changes::default(),
        Vec::new(),
    )
}

const WEAKNESSES: [(&str, &str, Rating, f64); 6] = [
    (
        "EC2.13",
        "Security groups should not allow ingress from 0.0.0.0/0 or ::/0 to port 22",
        Rating::High,
        9.0,
    ),
    (
        "s3-default-encryption",
        "Bucket without default encryption",
        Rating::High,
        8.0,
    ),
    (
        "CVE-2026-21441",
        "urllib3 follows redirects without a limit on decompressed size",
        Rating::Moderate,
        5.0,
    ),
    (
        "iam-access-key-age",
        "Access key older than 90 days",
        Rating::Moderate,
        5.0,
    ),
    (
        "UnauthorizedAccess:EC2/SSHBruteForce",
        "Instance is performing SSH brute force attacks",
        Rating::High,
        9.0,
    ),
    (
        "CloudTrail.5",
        "CloudTrail trails should be integrated with Amazon CloudWatch Logs",
        Rating::Low,
        2.0,
    ),
];
const ACCOUNTS: [(&str, &str); 3] = [
    ("210987654321", "billing-prod"),
    ("345678901234", "identity"),
    ("456789012345", "gov-enclave"),
];

fn record(number: usize, due_in: i64) -> RecordRow {
    let (weakness, title, rating, score) = WEAKNESSES[number % WEAKNESSES.len()];
    let (account, account_name) = ACCOUNTS[number % ACCOUNTS.len()];
    let today = head().as_of.date_naive();
    let due = shifted(today, due_in);
    RecordRow {
        id: format!("POAM-{:06}", number + 101),
        weakness: weakness.into(),
        title: title.into(),
        account: account.into(),
        account_name: account_name.into(),
        rating,
        score,
        status: if number % 4 == 1 {
            RecordStatus::InProgress
        } else {
            RecordStatus::Open
        },
        detected: shifted(
            due,
            match rating {
                Rating::High => -30,
                Rating::Moderate => -90,
                Rating::Low => -180,
            },
        ),
        due: Some(due),
        sources: vec!["securityhub".into(), "policy".into()],
        items: (0..=number % 5)
            .map(|n| format!("arn:aws-us-gov:s3:::export-{number}-{n}"))
            .collect(),
        tickets: vec![TicketLine {
            key: format!("SEC-{}", 40 + number),
            url: format!("https://agency.atlassian.net/browse/SEC-{}", 40 + number),
        }],
        justification: None,
        waits: false,
    }
}

fn shifted(day: NaiveDate, by: i64) -> NaiveDate {
    day.checked_add_signed(TimeDelta::days(by)).unwrap_or(day)
}

fn change(record: &RecordRow) -> ChangeLine {
    ChangeLine {
        id: record.id.clone(),
        weakness: record.weakness.clone(),
        title: record.title.clone(),
        account: record.account.clone(),
        account_name: record.account_name.clone(),
        rating: record.rating,
    }
}

/// A week in a small estate.
pub(crate) fn typical() -> Parts {
    let mut records: Vec<RecordRow> = [-41, 3, 160, -6, 9, 0, 22, 27, 61, 75, 80, -2, 88, 29]
        .into_iter()
        .enumerate()
        .map(|(n, due)| record(n, due))
        .collect();
    let until = records[8]
        .due
        .and_then(|due| due.checked_add_days(Days::new(200)));
    records[8].justification = Some(Justification {
        text: "The instance is a honeypot of the red team in an isolated VPC; see SSP 3.14 and the memo of 2026-10-02.".into(),
        author: "Dana Reyes".into(),
        until,
    });
    records[10].tickets = Vec::new();
    let changes = Changes {
        opened: records[5..8].iter().map(change).collect(),
        closed: [record(200, 10), record(201, 20)]
            .iter()
            .map(change)
            .collect(),
        reopened: records[3..4].iter().map(change).collect(),
    };
    (head(), records, changes, gaps(head().as_of))
}

fn gaps(as_of: DateTime<Utc>) -> Vec<GapLine> {
    vec![
        GapLine {
            place: "GuardDuty in gov-enclave (456789012345), us-gov-east-1".into(),
            since: as_of.checked_sub_days(Days::new(3)).unwrap_or(as_of),
            cause: "the role poamd-reader may not call guardduty:ListDetectors; add it to the role's policy".into(),
            records: vec!["POAM-000042".into()],
        },
        GapLine {
            place: "Inspector Classic in all accounts".into(),
            since: as_of.checked_sub_days(Days::new(40)).unwrap_or(as_of),
            cause: "AWS ended the service on 20 May 2026; remove it from the pulls".into(),
            records: Vec::new(),
        },
    ]
}

/// Every foreign string is an attack.
fn hostile() -> Parts {
    let bad = || HOSTILE.to_owned();
    let mut head = head();
    head.deployment = bad();
    head.attachment = bad();
    let mut row = record(1, -1);
    row.weakness = bad();
    row.title = format!("{HOSTILE}{}", "W".repeat(5_000));
    row.account_name = bad();
    row.items = vec![bad()];
    row.tickets = vec![
        TicketLine {
            key: bad(),
            url: "javascript:alert(1)".into(),
        },
        TicketLine {
            key: "SEC-1".into(),
            url: "https://example.com/\"><script>alert(1)</script>".into(),
        },
    ];
    row.justification = Some(Justification {
        text: bad(),
        author: bad(),
        until: None,
    });
    let mut later = row.clone();
    later.due = None;
    let change = change(&row);
    let changes = Changes {
        opened: vec![change.clone()],
        closed: vec![change.clone()],
        reopened: vec![change],
    };
    let gap = GapLine {
        place: bad(),
        since: head.as_of,
        cause: bad(),
        records: vec![bad()],
    };
    (head, vec![row, later], changes, vec![gap])
}

/// More than any list shows.
pub(crate) fn large() -> Parts {
    let records: Vec<RecordRow> = (0..500_usize)
        .map(|number| record(number, i64::try_from(number * 37 % 220).unwrap_or(0) - 40))
        .collect();
    let changes = Changes {
        opened: records[..60].iter().map(change).collect(),
        closed: records[60..100].iter().map(change).collect(),
        reopened: records[100..115].iter().map(change).collect(),
    };
    let gaps = (0..30).flat_map(|_| gaps(head().as_of)).collect();
    (head(), records, changes, gaps)
}
