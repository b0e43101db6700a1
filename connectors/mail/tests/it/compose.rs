//! Bytes: the same for the same draft, and nothing foreign in their structure.

use poamd_contract::error::Retry;
use poamd_contract::mailing::Mailer;
use poamd_mail::{Security, SmtpMailer};

use crate::server::{Script, Server, draft};

async fn mailer() -> SmtpMailer {
    SmtpMailer::new(
        Server::start(Script::default())
            .await
            .config(Security::None),
    )
    .unwrap()
}

#[tokio::test]
async fn the_same_draft_gives_the_same_bytes() {
    let mailer = mailer().await;
    let first = mailer.compose(&draft()).unwrap();
    assert_eq!(first, mailer.compose(&draft()).unwrap());
    assert_eq!(first.from, "poamd@example.gov");
    assert_eq!(first.to, ["isso@example.gov", "ao@example.gov"]);
    let text = String::from_utf8(first.bytes).unwrap();
    for line in [
        "Date: Sun, 22 Nov 2026 06:10:00 +0000\r\n",
        "Message-ID: <r.abcdefghijklmnopqrstuvwxyz@example.gov>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "X-Auto-Response-Suppress: All\r\n",
        "MIME-Version: 1.0\r\n",
        "To: ISSO <isso@example.gov>, ao@example.gov\r\n",
        "filename=\"poam_2026_11.csv\"\r\n",
    ] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
    assert!(text.is_ascii());
}

#[tokio::test]
async fn foreign_text_adds_no_header_and_ends_no_part() {
    let mailer = mailer().await;
    let mut hostile = draft();
    let boundary = "--=_a-rabcdefghijklmnopqrstuvwxyzexamplegov";
    hostile.subject = "late\r\nBcc: thief@example.com\u{0}\u{7f}\u{202e}gnp".to_owned();
    hostile.text = format!("before\n{boundary}--\n{boundary}\rafter\u{0}\n.\r\n");
    hostile.html = hostile.text.clone();
    hostile.attachments[0].name = "../../etc/\"passwd\"\r\nX: y".to_owned();
    let bytes = mailer.compose(&hostile).unwrap().bytes;
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(!text.to_lowercase().contains("\r\nbcc"), "{text}");
    assert!(
        text.contains("filename=\"_.._etc__passwd___X__y\""),
        "{text}"
    );
    // Three of them are ours: two parts and the end.
    assert_eq!(text.matches(boundary).count(), 3, "{text}");
    let lone = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => *at == 0 || bytes[at - 1] != b'\r',
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    assert_eq!(
        lone.count(),
        0,
        "a lone CR or LF lets a relay see another end of mail"
    );
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
}

#[tokio::test]
async fn drafts_that_cannot_be_mail_are_refused() {
    let mailer = mailer().await;
    let check = |change: &dyn Fn(&mut poamd_contract::mailing::MailDraft), words: &str| {
        let mut bad = draft();
        change(&mut bad);
        let error = mailer.compose(&bad).unwrap_err();
        assert_eq!(error.retry, Retry::Never);
        assert!(error.what.contains(words), "{}", error.what);
        assert!(!error.what.chars().any(char::is_control));
    };
    check(&|draft| draft.to.clear(), "no recipient");
    check(
        &|draft| draft.to[0] = "nobody".to_owned(),
        "no mail address",
    );
    check(
        &|draft| draft.to[0] = "a@example.gov, b@example.gov".to_owned(),
        "no mail address",
    );
    check(
        &|draft| draft.from = "grüße@example.gov".to_owned(),
        "ASCII",
    );
    check(
        &|draft| draft.message_id = "<a@b>\r\nX: y".to_owned(),
        "Message-ID",
    );
    check(&|draft| draft.message_id = "plain".to_owned(), "Message-ID");
    check(
        &|draft| draft.date = "1969-12-31T23:59:59Z".parse().unwrap(),
        "1970",
    );
    check(
        &|draft| draft.attachments[0].media_type = "nonsense".to_owned(),
        "media type",
    );
}
