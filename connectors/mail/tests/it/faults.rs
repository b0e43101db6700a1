//! Every way a conversation can fail, and the class it must get.

use std::time::Duration;

use poamd_contract::error::{ConnectorError, Retry};
use poamd_contract::health::Verdict;
use poamd_contract::mailing::{Accepted, Mailer};
use poamd_contract::secret::SecretString;
use poamd_mail::{Security, SmtpMailer};

use crate::server::{End, Script, Server, draft};

async fn send(script: Script) -> (Result<Accepted, ConnectorError>, Vec<String>) {
    let hangs = script.end == End::Hang;
    let server = Server::start(script).await;
    let mut config = server.config(Security::None);
    if hangs {
        config.timeout = Duration::from_millis(500);
    }
    let mailer = SmtpMailer::new(config).unwrap();
    let envelope = mailer.compose(&draft()).unwrap();
    let verdict = mailer.send(&envelope).await;
    (verdict, server.heard())
}

async fn fails_as(retry: Retry, words: &str, script: Script) -> Vec<String> {
    let (verdict, heard) = send(script).await;
    let error = verdict.unwrap_err();
    assert_eq!(error.retry, retry, "{}", error.what);
    assert!(
        error.what.contains(words),
        "{words:?} is not in: {}",
        error.what
    );
    assert!(!error.what.chars().any(char::is_control));
    heard
}

#[tokio::test]
async fn a_mail_is_handed_over_once_with_its_exact_bytes() {
    let (verdict, heard) = send(Script::default()).await;
    assert_eq!(verdict.unwrap().answer, "250 taken as 4711");
    assert_eq!(heard[0], "EHLO poamd.test");
    assert_eq!(heard[1], "MAIL FROM:<poamd@example.gov>");
    assert_eq!(heard[2], "RCPT TO:<isso@example.gov>");
    assert_eq!(heard[3], "RCPT TO:<ao@example.gov>");
    assert_eq!(heard.iter().filter(|line| *line == "DATA").count(), 1);
    assert_eq!(heard.last().unwrap(), "QUIT");
    let server = Server::start(Script::default()).await;
    let bytes = SmtpMailer::new(server.config(Security::None))
        .unwrap()
        .compose(&draft())
        .unwrap()
        .bytes;
    let start = heard.iter().position(|line| line == "DATA").unwrap() + 1;
    let end = heard.iter().rposition(|line| line == ".").unwrap();
    let content: Vec<String> = heard[start..end]
        .iter()
        .map(|line| line.strip_prefix('.').unwrap_or(line).to_owned())
        .collect();
    assert_eq!(
        content.join("\r\n").trim_end(),
        String::from_utf8(bytes).unwrap().trim_end()
    );
}

#[tokio::test]
async fn temporary_refusals_come_again_later() {
    let later = || Retry::Later(None);
    fails_as(
        later(),
        "421 busy",
        Script {
            greeting: "421 busy",
            ..Script::default()
        },
    )
    .await;
    fails_as(
        later(),
        "451 not now",
        Script {
            mail: "451 not now",
            ..Script::default()
        },
    )
    .await;
    let heard = fails_as(
        later(),
        "isso@example.gov: it said \"450",
        Script {
            rcpt: |_| "450 grey",
            ..Script::default()
        },
    )
    .await;
    assert!(!heard.iter().any(|line| line == "DATA"));
    fails_as(
        later(),
        "452 full",
        Script {
            data: "452 full",
            ..Script::default()
        },
    )
    .await;
    fails_as(
        later(),
        "451 later",
        Script {
            end: End::Say("451 later"),
            ..Script::default()
        },
    )
    .await;
}

#[tokio::test]
async fn a_server_that_refuses_everybody_has_said_nothing_of_the_mail() {
    let heard = fails_as(
        Retry::Later(None),
        "554 no service",
        Script {
            greeting: "554 no service",
            ..Script::default()
        },
    )
    .await;
    assert!(!heard.iter().any(|line| line.starts_with("MAIL")));
    fails_as(
        Retry::Later(None),
        "550 not for you",
        Script {
            ehlo: Some("550 not for you"),
            ..Script::default()
        },
    )
    .await;
    let server = Server::start(Script::default()).await;
    let mut config = server.config(Security::None);
    config.user = Some("poamd".to_owned());
    config.password = Some(SecretString::from("correct horse"));
    let mailer = SmtpMailer::new(config).unwrap();
    let error = mailer
        .send(&mailer.compose(&draft()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later(None));
    assert!(error.what.contains("no sign-in"), "{}", error.what);
}

#[tokio::test]
async fn permanent_refusals_name_the_recipient_and_hand_nothing_over() {
    let script = Script {
        rcpt: |line| {
            if line.contains("ao@") {
                "550 5.1.1 no such user"
            } else {
                "250 ok"
            }
        },
        ..Script::default()
    };
    let heard = fails_as(Retry::Never, "ao@example.gov: it said \"550", script).await;
    assert!(!heard.iter().any(|line| line == "DATA"), "{heard:?}");
    fails_as(
        Retry::Never,
        "552 too big",
        Script {
            end: End::Say("552 too big"),
            ..Script::default()
        },
    )
    .await;
    fails_as(
        Retry::Auth,
        "530",
        Script {
            mail: "530 sign in first",
            ..Script::default()
        },
    )
    .await;
}

#[tokio::test]
async fn a_break_is_unclear_only_behind_the_final_dot() {
    fails_as(
        Retry::Unclear,
        "behind the final dot",
        Script {
            end: End::Drop,
            ..Script::default()
        },
    )
    .await;
    fails_as(
        Retry::Unclear,
        "behind the final dot",
        Script {
            end: End::Hang,
            ..Script::default()
        },
    )
    .await;
    fails_as(
        Retry::Unclear,
        "out of step",
        Script {
            end: End::Say("354 go on"),
            ..Script::default()
        },
    )
    .await;
    fails_as(
        Retry::Later(None),
        "out of step",
        Script {
            data: "250 ok",
            ..Script::default()
        },
    )
    .await;
    // So much content that it cannot all lie in the kernel's buffers when the line breaks.
    let server = Server::start(Script {
        drop_in_data: true,
        ..Script::default()
    })
    .await;
    let mailer = SmtpMailer::new(server.config(Security::None)).unwrap();
    let mut large = draft();
    large.attachments[0].bytes = vec![b'x'; 32 << 20];
    let error = mailer
        .send(&mailer.compose(&large).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later(None), "{}", error.what);
}

#[tokio::test]
async fn nobody_listening_is_later() {
    let server = Server::start(Script::default()).await;
    let config = server.config(Security::None);
    server.stop().await;
    let mailer = SmtpMailer::new(config).unwrap();
    let error = mailer
        .send(&mailer.compose(&draft()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later(None), "{}", error.what);
}

#[tokio::test]
async fn a_refused_sign_in_pauses_and_is_not_repeated_in_the_message() {
    let server = Server::start(Script {
        capabilities: &["AUTH PLAIN LOGIN"],
        auth: "535 5.7.8 bad credentials",
        ..Script::default()
    })
    .await;
    let mut config = server.config(Security::None);
    config.user = Some("poamd".to_owned());
    config.password = Some(SecretString::from("correct horse"));
    let mailer = SmtpMailer::new(config.clone()).unwrap();
    let error = mailer
        .send(&mailer.compose(&draft()).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Auth);
    assert!(!format!("{error:?} {config:?} {mailer:?}").contains("horse"));
    let checks = mailer.health().await;
    assert_eq!(
        checks.iter().map(|check| check.verdict).collect::<Vec<_>>(),
        [Verdict::Ok, Verdict::Ok, Verdict::Failed]
    );
    assert!(!server.heard().iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test]
async fn set_ups_that_can_never_be_right_are_refused() {
    let server = Server::start(Script::default()).await;
    let good = server.config(Security::None);
    let check = |change: &dyn Fn(&mut poamd_mail::MailConfig), words: &str| {
        let mut config = good.clone();
        change(&mut config);
        let error = SmtpMailer::new(config).unwrap_err();
        assert_eq!(error.retry, Retry::Never);
        assert!(error.what.contains(words), "{}", error.what);
    };
    check(
        &|config| config.host = "smtp.example.com".to_owned(),
        "loopback",
    );
    check(&|config| config.host = "10.0.0.1".to_owned(), "loopback");
    check(
        &|config| config.user = Some("u".to_owned()),
        "belong together",
    );
    check(&|config| config.helo = Some("a b".to_owned()), "helo");
    check(&|config| config.timeout = Duration::ZERO, "timeout");
    for host in ["localhost", "127.0.0.1", "::1"] {
        let mut config = good.clone();
        config.host = host.to_owned();
        assert!(SmtpMailer::new(config).is_ok(), "{host}");
    }
}
