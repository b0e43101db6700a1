//! One SMTP connection, from greeting to QUIT.

use std::io;

use data_encoding::BASE64;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::mailbox::{self, Mail};
use super::{Inner, SmtpFault};
use crate::history::Record;

/// Longest command line (RFC 5321 4.5.3.1.4 has 512; AUTH needs more).
const LONGEST_LINE: u64 = 12_288;

struct Session<'a> {
    stream: BufReader<TcpStream>,
    inner: &'a Inner,
    greeted: bool,
    trusted: bool,
    from: Option<String>,
    to: Vec<String>,
}

/// What becomes of the connection after a command.
#[derive(PartialEq, Eq)]
enum Next {
    Go,
    Close,
}

/// Serves one connection until it ends.
pub async fn run(stream: TcpStream, inner: &Inner) -> io::Result<()> {
    let mut session = Session {
        stream: BufReader::new(stream),
        inner,
        greeted: false,
        trusted: inner.login.is_none(),
        from: None,
        to: Vec::new(),
    };
    if inner.fault(|fault| *fault == SmtpFault::Busy).is_some() {
        session.refused("connect", "421");
        return session.say("421 4.3.2 sandbox is busy").await;
    }
    if let Some(SmtpFault::SlowBanner(by)) =
        inner.fault(|fault| matches!(fault, SmtpFault::SlowBanner(_)))
    {
        tokio::time::sleep(by).await;
    }
    session.say("220 sandbox ESMTP").await?;
    while let Some(line) = session.line().await? {
        if session.command(&line).await? == Next::Close {
            break;
        }
    }
    Ok(())
}

impl Session<'_> {
    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .await?;
        self.stream.flush().await
    }

    /// The next line without its end; `None` when the caller has gone.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        (&mut self.stream)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .await?;
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(
            String::from_utf8_lossy(&line)
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        ))
    }

    fn refused(&self, what: &str, code: &str) {
        let record = Record::new("smtp", "mail.refused")
            .outcome(code)
            .detail(json!({ "at": what }));
        self.inner.history.record(record);
    }

    async fn command(&mut self, line: &str) -> io::Result<Next> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.hello().await?,
            "HELO" => {
                self.greeted = true;
                self.say("250 sandbox").await?;
            }
            "AUTH" => self.auth(rest).await?,
            "MAIL" => self.mail(rest).await?,
            "RCPT" => self.recipient(rest).await?,
            "DATA" => return self.data().await,
            "RSET" => {
                self.reset();
                self.say("250 2.0.0 forgotten").await?;
            }
            "NOOP" => self.say("250 2.0.0 fine").await?,
            "QUIT" => {
                self.say("221 2.0.0 bye").await?;
                return Ok(Next::Close);
            }
            _ => self.say("500 5.5.2 unknown command").await?,
        }
        Ok(Next::Go)
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
    }

    async fn hello(&mut self) -> io::Result<()> {
        self.greeted = true;
        self.reset();
        let mut lines = vec![
            "sandbox".to_owned(),
            format!("SIZE {}", self.inner.size),
            "8BITMIME".to_owned(),
        ];
        if self.inner.login.is_some() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        lines.push("ENHANCEDSTATUSCODES".to_owned());
        let last = lines.len() - 1;
        let text: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(nth, line)| format!("250{}{line}", if nth == last { ' ' } else { '-' }))
            .collect();
        self.say(&text.join("\r\n")).await
    }

    async fn auth(&mut self, rest: &str) -> io::Result<()> {
        let mut words = rest.split_whitespace();
        let (mechanism, initial) = (
            words.next().unwrap_or_default().to_ascii_uppercase(),
            words.next(),
        );
        let given = match mechanism.as_str() {
            "PLAIN" => {
                let text = match initial {
                    Some(text) => decode(text),
                    None => self.ask("").await?,
                };
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                (
                    parts.next().unwrap_or_default(),
                    parts.next().unwrap_or_default(),
                )
            }
            "LOGIN" => {
                let user = match initial {
                    Some(text) => decode(text),
                    None => self.ask("Username:").await?,
                };
                (user, self.ask("Password:").await?)
            }
            _ => return self.say("504 5.5.4 unknown mechanism").await,
        };
        if self.inner.login.as_ref() == Some(&given) {
            self.trusted = true;
            return self.say("235 2.7.0 welcome").await;
        }
        self.refused("auth", "535");
        self.say("535 5.7.8 user name or password is wrong").await
    }

    /// Asks for one base64 line.
    async fn ask(&mut self, what: &str) -> io::Result<String> {
        self.say(&format!("334 {}", BASE64.encode(what.as_bytes())))
            .await?;
        Ok(decode(&self.line().await?.unwrap_or_default()))
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        let announced = rest
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("SIZE="))
            .next_back();
        let too_large = announced
            .and_then(|size| size.parse().ok())
            .is_some_and(|size: usize| size > self.inner.size);
        let reply = match path(rest, "FROM:") {
            _ if !self.greeted => "503 5.5.1 say EHLO first",
            _ if !self.trusted => "530 5.7.0 authentication required",
            _ if self.from.is_some() => "503 5.5.1 there is a mail under way",
            _ if too_large => "552 5.3.4 mail is too large",
            None => "501 5.5.4 MAIL FROM:<address>",
            Some(from) => {
                self.from = Some(from);
                "250 2.1.0 fine"
            }
        };
        self.say(reply).await
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        let Some(to) = path(rest, "TO:").filter(|to| !to.is_empty()) else {
            return self.say("501 5.5.4 RCPT TO:<address>").await;
        };
        if self.from.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        let unwanted = |fault: &SmtpFault| matches!(fault, SmtpFault::RefuseRecipient(who) if who.eq_ignore_ascii_case(&to));
        if self.inner.fault(unwanted).is_some() {
            self.refused(&to, "550");
            return self.say("550 5.1.1 no such mailbox").await;
        }
        if self
            .inner
            .fault(|fault| *fault == SmtpFault::Greylist)
            .is_some()
        {
            self.refused(&to, "451");
            return self.say("451 4.7.1 greylisted, try again later").await;
        }
        self.to.push(to);
        self.say("250 2.1.5 fine").await
    }

    async fn data(&mut self) -> io::Result<Next> {
        let (Some(from), false) = (self.from.clone(), self.to.is_empty()) else {
            self.say("503 5.5.1 MAIL and RCPT first").await?;
            return Ok(Next::Go);
        };
        self.say("354 end with a dot on a line of its own").await?;
        if self
            .inner
            .fault(|fault| *fault == SmtpFault::DropInData)
            .is_some()
        {
            self.refused("data", "dropped");
            return Ok(Next::Close);
        }
        let Some(body) = self.body().await? else {
            return Ok(Next::Close);
        };
        let to = std::mem::take(&mut self.to);
        self.reset();
        if body.len() > self.inner.size {
            self.refused("size", "552");
            self.say("552 5.3.4 mail is too large").await?;
            return Ok(Next::Go);
        }
        if self
            .inner
            .fault(|fault| *fault == SmtpFault::RefuseMail)
            .is_some()
        {
            self.refused("mail", "554");
            self.say("554 5.7.1 mail refused by policy").await?;
            return Ok(Next::Go);
        }
        let answered = self
            .inner
            .fault(|fault| *fault == SmtpFault::DropAfterDot)
            .is_none();
        let kept = mailbox::keep(
            self.inner,
            Mail {
                from,
                to,
                bytes: body,
                answered,
            },
        );
        match kept {
            Err(error) => {
                tracing::warn!(%error, "stand-in cannot write a mail");
                self.say("452 4.3.1 no space").await?;
            }
            Ok(()) if answered => self.say("250 2.0.0 accepted").await?,
            Ok(()) => return Ok(Next::Close),
        }
        Ok(Next::Go)
    }

    /// Everything up to the lone dot, unstuffed; `None` when the caller went away before it. What is
    /// above the limit is read and dropped, but for one byte that shows that it was there.
    async fn body(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
            if line == b".\r\n" {
                return Ok(Some(body));
            }
            let unstuffed = line.strip_prefix(b".").unwrap_or(&line);
            let room = (self.inner.size + 1).saturating_sub(body.len());
            body.extend_from_slice(&unstuffed[..unstuffed.len().min(room)]);
        }
    }
}

/// `FROM:<a@b> SIZE=1` gives `a@b`.
fn path(rest: &str, prefix: &str) -> Option<String> {
    let start = rest.get(..prefix.len())?;
    let address = rest
        .get(prefix.len()..)?
        .trim_start()
        .strip_prefix('<')?
        .split_once('>')?
        .0;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| address.to_owned())
}

fn decode(text: &str) -> String {
    let bytes = BASE64.decode(text.trim().as_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
