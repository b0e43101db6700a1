#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use poamd_contract::clock::ManualClock;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::*;

fn options() -> Options {
    let now = "2026-11-22T06:30:00Z".parse().unwrap();
    Options::new(History::new(Arc::new(ManualClock::at(now))))
}

/// A client that sends what it is told and gives each reply's last line.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(server: &SmtpStandIn) -> (Self, String) {
        let mut client = Self(BufReader::new(
            TcpStream::connect(server.address()).await.unwrap(),
        ));
        let banner = client.reply().await;
        (client, banner)
    }

    async fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .unwrap();
        self.reply().await
    }

    async fn code(&mut self, line: &str) -> String {
        self.say(line).await.chars().take(3).collect()
    }

    /// The codes of a whole mail, from MAIL to the final dot.
    async fn mail(&mut self, to: &[&str], body: &str) -> Vec<String> {
        let mut codes = vec![
            self.code("MAIL FROM:<poamd@example.org> SIZE=100 BODY=8BITMIME")
                .await,
        ];
        for to in to {
            codes.push(self.code(&format!("RCPT TO:<{to}>")).await);
        }
        codes.push(self.code("DATA").await);
        if codes.last().unwrap() == "354" {
            codes.push(self.code(&format!("{body}\r\n.")).await);
        }
        codes
    }
}

const MAIL: &str =
    "Subject: POA&M of\r\n November\r\nMessage-ID: <1@poamd>\r\n\r\nfirst\r\n..dot\r\nend";

#[tokio::test]
async fn a_mail_is_kept_unstuffed_in_memory_file_and_history() {
    let folder = tempfile::tempdir().unwrap();
    let server = SmtpStandIn::start(Options {
        mails: Some(folder.path().join("mails")),
        ..options()
    })
    .await
    .unwrap();
    let (mut client, banner) = Client::connect(&server).await;
    assert!(banner.starts_with("220 "));
    assert_eq!(client.code("EHLO client").await, "250");
    assert_eq!(
        client.mail(&["a@example.org", "b@example.org"], MAIL).await,
        ["250", "250", "250", "354", "250"]
    );
    assert_eq!(
        client.mail(&["c@example.org"], "Subject:\r\n\r\nx").await,
        ["250", "250", "354", "250"]
    );
    assert_eq!(client.code("QUIT").await, "221");
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].to, ["a@example.org", "b@example.org"]);
    assert_eq!(mails[0].subject(), "POA&M of November");
    assert!(
        mails[0]
            .bytes
            .ends_with(b"\r\n\r\nfirst\r\n.dot\r\nend\r\n")
    );
    let first = std::fs::read(folder.path().join("mails/001-poa-m-of-november.eml")).unwrap();
    assert_eq!(first, mails[0].bytes);
    assert!(folder.path().join("mails/002-no-subject.eml").exists());
    let entries = server.inner.history.of_kind("smtp", "mail.accepted");
    assert_eq!(entries[0].id.as_deref(), Some("<1@poamd>"));
    server.stop().await;
}

#[tokio::test]
async fn login_is_asked_for_and_checked() {
    let login = Some(("poamd".to_owned(), "secret".to_owned()));
    let server = SmtpStandIn::start(Options { login, ..options() })
        .await
        .unwrap();
    let (mut client, _) = Client::connect(&server).await;
    client.say("EHLO client").await;
    assert_eq!(client.code("MAIL FROM:<a@b>").await, "530");
    let plain = |password: &str| {
        format!(
            "AUTH PLAIN {}",
            data_encoding::BASE64.encode(format!("\0poamd\0{password}").as_bytes())
        )
    };
    assert_eq!(client.code(&plain("wrong")).await, "535");
    assert_eq!(client.code(&plain("secret")).await, "235");
    assert_eq!(client.code("MAIL FROM:<a@b>").await, "250");

    let (mut client, _) = Client::connect(&server).await;
    client.say("EHLO client").await;
    assert_eq!(client.say("AUTH LOGIN").await, "334 VXNlcm5hbWU6");
    assert_eq!(
        client.say(&data_encoding::BASE64.encode(b"poamd")).await,
        "334 UGFzc3dvcmQ6"
    );
    assert_eq!(
        client.code(&data_encoding::BASE64.encode(b"secret")).await,
        "235"
    );
}

#[tokio::test]
async fn faults_of_recipients_are_told_apart() {
    let server = SmtpStandIn::start(options()).await.unwrap();
    server.add_fault(SmtpFault::Greylist);
    server.add_fault(SmtpFault::RefuseRecipient("gone@example.org".to_owned()));
    let (mut client, _) = Client::connect(&server).await;
    client.say("EHLO client").await;
    let codes = client
        .mail(
            &["a@example.org", "gone@example.org", "b@example.org"],
            MAIL,
        )
        .await;
    assert_eq!(codes, ["250", "451", "550", "250", "354", "250"]);
    let codes = client
        .mail(&["a@example.org", "GONE@example.org"], MAIL)
        .await;
    assert_eq!(codes, ["250", "250", "550", "354", "250"]);
    let to: Vec<Vec<String>> = server.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, [["b@example.org"], ["a@example.org"]]);
}

#[tokio::test]
async fn a_reply_lost_after_the_dot_leaves_the_mail_accepted() {
    let server = SmtpStandIn::start(options()).await.unwrap();
    server.add_fault(SmtpFault::DropAfterDot);
    let (mut client, _) = Client::connect(&server).await;
    client.say("EHLO client").await;
    assert_eq!(
        client.mail(&["a@example.org"], MAIL).await.last().unwrap(),
        ""
    );
    assert_eq!(
        client.0.read(&mut [0; 8]).await.unwrap(),
        0,
        "the connection is closed"
    );
    assert!(!server.mails()[0].answered);

    server.add_fault(SmtpFault::DropInData);
    let (mut client, _) = Client::connect(&server).await;
    client.say("EHLO client").await;
    client.say("MAIL FROM:<a@b>").await;
    client.say("RCPT TO:<c@d>").await;
    assert!(client.say("DATA").await.starts_with("354"));
    assert_eq!(client.0.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn busy_slow_oversize_and_out_of_order() {
    let server = SmtpStandIn::start(Options {
        size: 200,
        ..options()
    })
    .await
    .unwrap();
    server.add_fault(SmtpFault::Busy);
    assert!(Client::connect(&server).await.1.starts_with("421"));
    let delay = Duration::from_millis(80);
    server.add_fault(SmtpFault::SlowBanner(delay));
    let before = tokio::time::Instant::now();
    let (mut client, banner) = Client::connect(&server).await;
    assert!(banner.starts_with("220") && before.elapsed() >= delay);
    assert_eq!(client.code("MAIL FROM:<a@b>").await, "503");
    client.say("EHLO client").await;
    assert_eq!(client.code("DATA").await, "503");
    assert_eq!(client.code("MAIL FROM:<a@b> SIZE=201").await, "552");
    let large = format!("Subject: x\r\n\r\n{}", "y".repeat(300));
    assert_eq!(client.mail(&["a@b"], &large).await.last().unwrap(), "552");
    server.add_fault(SmtpFault::RefuseMail);
    assert_eq!(client.mail(&["a@b"], MAIL).await.last().unwrap(), "554");
    assert_eq!(client.mail(&["a@b"], MAIL).await.last().unwrap(), "250");
    assert_eq!(server.mails().len(), 1);
}
