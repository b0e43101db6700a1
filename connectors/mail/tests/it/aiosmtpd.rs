//! Against aiosmtpd, parsed by Python's email package: neither was written by this project.
//!
//! Runs where `POAMD_TEST_SMTP_PYTHON` names a Python that has `tests/smtp/requirements.txt` installed.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use poamd_contract::error::Retry;
use poamd_contract::health::Verdict;
use poamd_contract::mailing::Mailer;
use poamd_contract::secret::SecretString;
use poamd_mail::{MailConfig, Security, SmtpMailer};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::server::{draft, identity, write};

struct Other {
    folder: tempfile::TempDir,
    config: MailConfig,
    _process: Child,
}

/// Starts the server, or says why not.
async fn start(security: Security) -> Option<Other> {
    let Some(python) = std::env::var_os("POAMD_TEST_SMTP_PYTHON") else {
        let all = std::env::var_os("POAMD_TEST_ALL").is_some();
        assert!(!all, "POAMD_TEST_ALL is set, and there is no aiosmtpd");
        // Written past the test harness, which would swallow it.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: POAMD_TEST_SMTP_PYTHON names no Python with aiosmtpd (see tests/smtp/requirements.txt)"
        );
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    let identity = identity("localhost");
    let ca = write(&folder, "ca.pem", &identity.ca_pem);
    let mut process = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/smtp/aiosmtpd_server.py"
        ))
        .arg("--folder")
        .arg(folder.path())
        .arg("--certificate")
        .arg(write(&folder, "server.pem", &identity.certificate_pem))
        .arg("--key")
        .arg(write(&folder, "server.key", &identity.key_pem))
        .args([
            "--mode",
            if security == Security::Tls {
                "tls"
            } else {
                "starttls"
            },
        ])
        .args(["--user", "poamd", "--password", "correct horse"])
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
    let port = first
        .expect("aiosmtpd did not start; its words are above")
        .trim()
        .parse()
        .unwrap();
    let config = MailConfig {
        host: "localhost".to_owned(),
        port,
        security,
        user: Some("poamd".to_owned()),
        password: Some(SecretString::from("correct horse")),
        ca_file: Some(ca),
        helo: Some("poamd.test".to_owned()),
        timeout: Duration::from_secs(10),
    };
    Some(Other {
        folder,
        config,
        _process: process,
    })
}

#[tokio::test]
async fn a_foreign_server_takes_the_mail_and_a_foreign_parser_reads_it() {
    for security in [Security::StartTls, Security::Tls] {
        let Some(other) = start(security).await else {
            return;
        };
        let mailer = SmtpMailer::new(other.config.clone()).unwrap();
        let health = mailer.health().await;
        assert!(
            health.iter().all(|check| check.verdict == Verdict::Ok),
            "{health:?}"
        );
        let mut draft = draft();
        draft.attachments[0].bytes = (0..=255).cycle().take(40_000).collect();
        let accepted = mailer.send(&mailer.compose(&draft).unwrap()).await.unwrap();
        assert_eq!(accepted.answer, "250 OK kept");

        let kept = std::fs::read(other.folder.path().join("1.json")).unwrap();
        let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
        assert_eq!(kept["tls"], true);
        assert_eq!(kept["user"], "poamd");
        assert_eq!(kept["from"], "poamd@example.gov");
        assert_eq!(
            kept["to"],
            serde_json::json!(["isso@example.gov", "ao@example.gov"])
        );
        assert_eq!(kept["defects"], serde_json::json!([]));
        let structure = [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "text/csv",
        ];
        assert_eq!(kept["structure"], serde_json::json!(structure));
        let header = |name: &str| {
            let found = kept["headers"]
                .as_array()
                .unwrap()
                .iter()
                .find(|pair| pair[0] == name);
            found.map(|pair| pair[1].as_str().unwrap().to_owned())
        };
        assert_eq!(
            header("Subject").as_deref(),
            Some("POA&M of prod: 3 late – 12 open")
        );
        assert_eq!(
            header("Message-ID").as_deref(),
            Some(draft.message_id.as_str())
        );
        assert_eq!(header("Auto-Submitted").as_deref(), Some("auto-generated"));
        assert_eq!(header("X-Auto-Response-Suppress").as_deref(), Some("All"));
        assert_eq!(
            kept["text"]
                .as_str()
                .unwrap()
                .replace("\r\n", "\n")
                .trim_end(),
            draft.text.trim_end()
        );
        assert_eq!(kept["html"].as_str().unwrap().trim_end(), draft.html);
        assert_eq!(kept["attachments"][0]["name"], "poam_2026_11.csv");
        let hex: String = draft.attachments[0]
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(kept["attachments"][0]["hex"], hex);
    }
}

#[tokio::test]
async fn a_foreign_server_refuses_a_wrong_password() {
    let Some(other) = start(Security::StartTls).await else {
        return;
    };
    let mut config = other.config.clone();
    config.password = Some(SecretString::from("wrong"));
    let mailer = SmtpMailer::new(config).unwrap();
    let error = mailer
        .send(&mailer.compose(&draft()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Auth, "{}", error.what);
}
