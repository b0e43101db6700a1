//! The report at a mail server that this project did not write, over STARTTLS, read by a parser of other hands.
//!
//! Runs where `POAMD_TEST_SMTP_PYTHON` names a Python that has `tests/smtp/requirements.txt` installed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use poamd::domain::mail::Period;
use poamd::reports::attachment::COLUMNS;
use poamd::reports::publish::Published;
use poamd::store::{DatabaseUrl, Store};
use poamd_contract::clock::ManualClock;
use poamd_contract::mailing::Mailer;
use poamd_contract::secret::SecretString;
use poamd_mail::{MailConfig, Security, SmtpMailer};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::support::ledger::at;
use crate::support::reports::{csv_rows, dispatcher, order, publisher, small_ledger};
use crate::support::skips::skipped;

#[tokio::test]
async fn the_report_arrives_over_starttls_at_a_foreign_server_and_parses() {
    let Some(python) = std::env::var_os("POAMD_TEST_SMTP_PYTHON") else {
        skipped(
            "the_report_arrives_over_starttls_at_a_foreign_server_and_parses",
            "POAMD_TEST_SMTP_PYTHON names no Python with aiosmtpd, see tests/smtp/requirements.txt",
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (_server, port, ca) = start(Path::new(&python), folder.path()).await;
    let mailer: Arc<dyn Mailer> = Arc::new(mailer(port, ca));
    let store = Store::open(DatabaseUrl::Sqlite(folder.path().join("poamd.db")), 2).unwrap();
    small_ledger(&store).unwrap();
    let now = at("2026-11-23T12:00");
    let order = order(&["ISSO <isso@example.gov>", "ao@example.gov"]);
    let published = publisher(&store, &mailer)
        .publish(&order, Period::Scheduled(now), 0, "job:report", now)
        .await
        .unwrap();
    let Published::Queued {
        message_id,
        subject,
    } = published
    else {
        panic!("{published:?}");
    };
    let clock = Arc::new(ManualClock::at(now));
    let done = dispatcher(&store, &mailer, &clock)
        .drain(&CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(done.sent, 1);

    let kept = std::fs::read(folder.path().join("1.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    assert_eq!(kept["tls"], true);
    assert_eq!(kept["user"], "poamd");
    assert_eq!(
        kept["to"],
        serde_json::json!(["isso@example.gov", "ao@example.gov"])
    );
    assert_eq!(kept["defects"], serde_json::json!([]));
    let header = |name: &str| {
        let headers = kept["headers"].as_array().unwrap();
        let found = headers.iter().find(|pair| pair[0] == name).unwrap();
        found[1].as_str().unwrap().to_owned()
    };
    assert_eq!(header("Message-ID"), message_id);
    assert_eq!(header("Subject"), subject);
    assert_eq!(header("Date"), "Mon, 23 Nov 2026 12:00:00 +0000");
    let text = kept["text"].as_str().unwrap();
    assert!(text.contains("PLAN OF ACTION AND MILESTONES") && text.contains("POAM-000002"));
    assert!(kept["html"].as_str().unwrap().contains("</html>"));

    let attached = &kept["attachments"][0];
    assert_eq!(attached["name"], "weekly-poam-agency-prod-2026-11-23.csv");
    assert_eq!(attached["type"], "text/csv");
    let bytes = HEXLOWER
        .decode(attached["hex"].as_str().unwrap().as_bytes())
        .unwrap();
    let rows = csv_rows(&bytes);
    assert_eq!(rows[0], COLUMNS);
    let ids: Vec<&str> = rows[1..].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(ids, ["POAM-000001", "POAM-000002"]);
}

fn mailer(port: u16, ca: PathBuf) -> SmtpMailer {
    SmtpMailer::new(MailConfig {
        host: "localhost".to_owned(),
        port,
        security: Security::StartTls,
        user: Some("poamd".to_owned()),
        password: Some(SecretString::from("correct horse")),
        ca_file: Some(ca),
        helo: Some("poamd.test".to_owned()),
        timeout: Duration::from_secs(10),
    })
    .unwrap()
}

/// The server, its port and the CA that signed its certificate. It ends with the value.
async fn start(python: &Path, folder: &Path) -> (Child, u16, PathBuf) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(DnType::CommonName, "poamd test CA");
    let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let ca_file = file("ca.pem", &ca_pem);
    let mut process = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/smtp/aiosmtpd_server.py"
        ))
        .arg("--folder")
        .arg(folder)
        .arg("--certificate")
        .arg(file("server.pem", &certificate.pem()))
        .arg("--key")
        .arg(file("server.key", &key.serialize_pem()))
        .args([
            "--mode",
            "starttls",
            "--user",
            "poamd",
            "--password",
            "correct horse",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = tokio::time::timeout(Duration::from_secs(20), lines.next_line())
        .await
        .unwrap()
        .unwrap();
    let port = first.expect("aiosmtpd did not start; its words are above");
    (process, port.trim().parse().unwrap(), ca_file)
}
