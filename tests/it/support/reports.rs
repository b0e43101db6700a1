//! A report on a small ledger, and what receives its mail.

use std::sync::Arc;

use chrono_tz::Tz;
use data_encoding::BASE64;
use poamd::delivery::mail::MailDispatcher;
use poamd::render::templates::Templates;
use poamd::reports::Order;
use poamd::reports::publish::Publisher;
use poamd::store::{Result, Store};
use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::mailing::Mailer;

use super::ledger::{ACCOUNT, add_findings, at, finding, justify, link_ticket, open_record};

/// Always the same chance.
pub struct Half;

impl Chance for Half {
    fn next_u64(&self) -> u64 {
        u64::MAX / 2
    }
}

/// Two records, one of them with two findings, a ticket and a justification. Returns their ids.
pub fn small_ledger(store: &Store) -> Result<(i64, i64)> {
    store.write_here(|conn| {
        let first = open_record(conn, ACCOUNT, "S3.5", at("2026-11-20T06:00"))?;
        let second = open_record(conn, ACCOUNT, "EC2.13", at("2026-10-01T06:00"))?;
        add_findings(
            conn,
            &[
                finding(
                    ACCOUNT,
                    Some(first),
                    "securityhub",
                    "arn:aws-us-gov:s3:::payroll",
                ),
                finding(
                    ACCOUNT,
                    Some(first),
                    "policy",
                    "arn:aws-us-gov:s3:::payroll",
                ),
                finding(
                    ACCOUNT,
                    Some(first),
                    "policy",
                    "arn:aws-us-gov:s3:::exports",
                ),
            ],
        )?;
        link_ticket(conn, first, "SEC-1")?;
        justify(conn, first, at("2027-11-21T00:00"))?;
        Ok((first, second))
    })
}

pub fn order(recipients: &[&str]) -> Order {
    Order {
        name: "weekly-poam".to_owned(),
        kind: "poam".to_owned(),
        zone: Tz::America__New_York,
        recipients: recipients.iter().map(|to| (*to).to_owned()).collect(),
        subject: None,
        csv: true,
        due_soon_days: 14,
        ato_vulnerabilities: None,
        covers: Arc::new(|_, _, _| true),
    }
}

pub fn publisher(store: &Store, mailer: &Arc<dyn Mailer>) -> Publisher {
    Publisher {
        store: store.clone(),
        templates: Arc::new(Templates::packaged().unwrap()),
        mailer: Arc::clone(mailer),
        deployment: "agency-prod".to_owned(),
        from: "POA&M <poamd@example.gov>".to_owned(),
        message_id_domain: "example.gov".to_owned(),
    }
}

pub fn dispatcher(
    store: &Store,
    mailer: &Arc<dyn Mailer>,
    clock: &Arc<impl Clock>,
) -> MailDispatcher {
    let clock: Arc<dyn Clock> = clock.clone();
    MailDispatcher::new(
        store.clone(),
        Arc::clone(mailer),
        clock,
        Arc::new(Half),
        "tester",
    )
}

/// The first attachment of a mail, out of its base64.
pub fn attachment(mail: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(mail).unwrap();
    let (_, part) = text.split_once("Content-Disposition: attachment").unwrap();
    let (_, body) = part.split_once("\r\n\r\n").unwrap();
    let body: String = body
        .lines()
        .take_while(|line| !line.starts_with("--"))
        .collect();
    BASE64.decode(body.trim().as_bytes()).unwrap()
}

/// Rows of a CSV file, its first line included.
pub fn csv_rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap();
    csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(bytes)
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}
