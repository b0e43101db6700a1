//! TLS is required, verified, and cannot be talked away by somebody on the line.

use poamd_contract::error::Retry;
use poamd_contract::health::Verdict;
use poamd_contract::mailing::Mailer;
use poamd_mail::{Security, SmtpMailer};

use crate::server::{End, Script, Server, draft, identity, write};

fn secured() -> Script {
    Script {
        capabilities: &["STARTTLS", "SIZE 1000000"],
        certificate: Some(identity("localhost")),
        ..Script::default()
    }
}

#[tokio::test]
async fn mail_goes_over_starttls_and_over_implicit_tls_with_an_own_ca() {
    let folder = tempfile::tempdir().unwrap();
    for security in [Security::StartTls, Security::Tls] {
        let script = Script {
            tls_first: security == Security::Tls,
            ..secured()
        };
        let ca = write(
            &folder,
            "ca.pem",
            &script.certificate.clone().unwrap().ca_pem,
        );
        let server = Server::start(script).await;
        let mut config = server.config(security);
        config.ca_file = Some(ca);
        let mailer = SmtpMailer::new(config).unwrap();
        let accepted = mailer
            .send(&mailer.compose(&draft()).unwrap())
            .await
            .unwrap();
        assert_eq!(accepted.answer, "250 taken as 4711");
        let heard = server.heard();
        if security == Security::StartTls {
            let tls = heard.iter().position(|line| line == "(TLS)").unwrap();
            assert_eq!(
                heard[..tls],
                ["EHLO poamd.test", "STARTTLS"],
                "nothing else may go in the clear"
            );
        }
        assert!(
            mailer
                .health()
                .await
                .iter()
                .all(|check| check.verdict == Verdict::Ok)
        );
    }
}

#[tokio::test]
async fn a_server_without_starttls_gets_no_mail() {
    let server = Server::start(Script::default()).await;
    let mailer = SmtpMailer::new(server.config(Security::StartTls)).unwrap();
    let error = mailer
        .send(&mailer.compose(&draft()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later(None), "no verdict on the mail");
    assert!(
        error.what.contains("does not offer STARTTLS"),
        "{}",
        error.what
    );
    assert_eq!(server.heard(), ["EHLO poamd.test"]);
    let checks = mailer.health().await;
    assert_eq!(checks.last().unwrap().verdict, Verdict::Failed);
    assert_eq!(checks.last().unwrap().name, "mail: TLS");
}

#[tokio::test]
async fn an_unknown_ca_a_wrong_name_and_a_plain_port_are_refused_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let other = Script {
        certificate: Some(identity("other.example")),
        ..secured()
    };
    let other_ca = write(
        &folder,
        "other.pem",
        &other.certificate.clone().unwrap().ca_pem,
    );
    for (script, security, ca, hint) in [
        (secured(), Security::StartTls, None, "ca_file"),
        (
            other,
            Security::StartTls,
            Some(other_ca),
            "name in its certificate",
        ),
        (Script::default(), Security::Tls, None, "starttls"),
    ] {
        let server = Server::start(script).await;
        let mut config = server.config(security);
        config.ca_file = ca;
        let mailer = SmtpMailer::new(config).unwrap();
        let error = mailer
            .send(&mailer.compose(&draft()).unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.retry, Retry::Later(None), "{}", error.what);
        assert!(error.what.contains(hint), "{}", error.what);
        assert!(!server.heard().iter().any(|line| line.starts_with("MAIL")));
    }
}

#[tokio::test]
async fn words_injected_before_tls_never_pass_for_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    // One forged answer shifts all others by one: the leave to send would be read as the verdict on the mail, and the
    // verdict itself, a refusal, never.
    let script = Script {
        injected: "250 forged\r\n",
        end: End::Say("554 refused"),
        ..secured()
    };
    let ca = write(
        &folder,
        "ca.pem",
        &script.certificate.clone().unwrap().ca_pem,
    );
    let server = Server::start(script).await;
    let mut config = server.config(Security::StartTls);
    config.ca_file = Some(ca);
    let mailer = SmtpMailer::new(config).unwrap();
    let error = mailer
        .send(&mailer.compose(&draft()).unwrap())
        .await
        .unwrap_err();
    assert!(error.what.contains("out of step"), "{}", error.what);
    assert!(
        !server
            .heard()
            .iter()
            .any(|line| line.starts_with("Subject:")),
        "{:?}",
        server.heard()
    );
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(secured()).await;
    for (path, words) in [
        (write(&folder, "empty.pem", "hello"), "no certificate"),
        (folder.path().join("absent"), "absent"),
    ] {
        let mut config = server.config(Security::StartTls);
        config.ca_file = Some(path);
        let mailer = SmtpMailer::new(config).unwrap();
        let error = mailer
            .send(&mailer.compose(&draft()).unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.retry, Retry::Later(None), "no verdict on the mail");
        assert!(
            error.what.contains("ca_file") && error.what.contains(words),
            "{}",
            error.what
        );
    }
}
