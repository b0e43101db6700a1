//! The mailer: one mail, one connection, one verdict.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use lettre::Address;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::health::Check;
use poamd_contract::mailing::{Accepted, Envelope, MailDraft, Mailer};

use crate::compose::compose;
use crate::config::{MailConfig, Security};
use crate::failure::{StepError, tidy};
use crate::session::{Stage, at, close, open, step};

const CHUNK: usize = 64 * 1024;

/// Mail through one SMTP server.
///
/// A mail goes to all its recipients or to none: if the server refuses one of them nothing is handed over, and the
/// error names those it refused.
#[derive(Debug)]
pub struct SmtpMailer {
    config: MailConfig,
}

impl SmtpMailer {
    /// Refuses a set-up that can never be right (no TLS off loopback, half a sign-in). Connects to nothing.
    pub fn new(config: MailConfig) -> Result<Self> {
        config.verify()?;
        Ok(Self { config })
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
    ) -> Result<Accepted> {
        self.announce(connection, envelope).await?;
        // A refusal up to here certainly leaves the mail with us. So does a break while the content is being
        // written; once the last of it is out, the server may have taken the mail although we never hear of it.
        let written = AtomicBool::new(false);
        let chunks = Chunks {
            rest: &envelope.bytes,
            written: &written,
        };
        let verdict = step(self.config.timeout, connection.message_iter(chunks)).await;
        let failure = match verdict {
            Ok(answer) if answer.has_code(250) => {
                let words = answer.message().collect::<Vec<_>>().join(" ");
                return Ok(Accepted {
                    answer: tidy(&format!("250 {words}")),
                });
            }
            Ok(answer) => StepError::OutOfStep {
                wanted: 250,
                got: answer.code().to_string(),
            },
            Err(failure) => failure,
        };
        let server = at(&self.config);
        let words = failure.words();
        let (retry, what) = match failure.code() {
            Some(_) => (
                failure.retry(),
                format!("mail server {server} refused the mail: {words}"),
            ),
            None if written.load(Ordering::SeqCst) => {
                let what = format!(
                    "mail server {server}: the connection broke behind the final dot, the mail may have been taken: {words}"
                );
                (Retry::Unclear, what)
            }
            None => {
                let what = format!(
                    "mail server {server}: the connection broke before the mail was handed over: {words}"
                );
                (Retry::Later(None), what)
            }
        };
        Err(failure.into_error(retry, what))
    }

    /// MAIL, every RCPT, DATA. All recipients are asked before any refusal counts, so that one error names them all.
    async fn announce(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
    ) -> Result<()> {
        let limit = self.config.timeout;
        let server = at(&self.config);
        let sender = address(&envelope.from)?;
        step(
            limit,
            connection.command(Mail::new(Some(sender), Vec::new())),
        )
        .await
        .map_err(|failure| {
            let what = format!(
                "mail server {server} refused the sender {}: {}",
                envelope.from,
                failure.words()
            );
            let retry = failure.retry();
            failure.into_error(retry, what)
        })?;
        let mut refused: Vec<(String, StepError)> = Vec::new();
        for recipient in &envelope.to {
            let command = Rcpt::new(address(recipient)?, Vec::new());
            match step(limit, connection.command(command)).await {
                Ok(_) => {}
                Err(failure) if failure.code().is_some() => {
                    refused.push((recipient.clone(), failure))
                }
                Err(failure) => {
                    let what = format!(
                        "mail server {server}: broke off at recipient {recipient}: {}",
                        failure.words()
                    );
                    let retry = failure.retry();
                    return Err(failure.into_error(retry, what));
                }
            }
        }
        if !refused.is_empty() {
            return Err(recipients_refused(&server, refused));
        }
        let failure = match step(limit, connection.command(Data)).await {
            // Anything but 354 is the answer to another question.
            Ok(answer) if answer.has_code(354) => return Ok(()),
            Ok(answer) => StepError::OutOfStep {
                wanted: 354,
                got: answer.code().to_string(),
            },
            Err(failure) => failure,
        };
        let what = format!(
            "mail server {server} refused to take content: {}",
            failure.words()
        );
        let retry = failure.retry();
        Err(failure.into_error(retry, what))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    fn compose(&self, draft: &MailDraft) -> Result<Envelope> {
        compose(draft)
    }

    async fn send(&self, envelope: &Envelope) -> Result<Accepted> {
        if envelope.to.is_empty() {
            return Err(ConnectorError::new(Retry::Never, "mail has no recipient"));
        }
        let mut connection = open(&self.config).await.map_err(|(_, error)| error)?;
        let verdict = self.hand_over(&mut connection, envelope).await;
        match &verdict {
            // Only a conversation that is in step deserves a goodbye; otherwise the line is dropped.
            Ok(accepted) => {
                tracing::info!(server = %at(&self.config), recipients = envelope.to.len(), answer = %accepted.answer, "mail handed over");
                close(connection).await;
            }
            Err(error) if matches!(error.retry, Retry::Never) => close(connection).await,
            Err(_) => drop(connection),
        }
        verdict
    }

    async fn health(&self) -> Vec<Check> {
        let reached = match open(&self.config).await {
            Ok(connection) => {
                close(connection).await;
                None
            }
            Err((stage, error)) => Some((stage, error.what)),
        };
        let mut checks = Vec::new();
        for stage in [Stage::Connect, Stage::Tls, Stage::SignIn] {
            let name = stage_name(&self.config, stage);
            match &reached {
                Some((failed, what)) if *failed == stage => {
                    checks.push(Check::failed(name, what.clone()));
                    break;
                }
                _ => checks.push(Check::ok(name, stage_done(&self.config, stage))),
            }
        }
        checks
    }
}

fn stage_name(config: &MailConfig, stage: Stage) -> String {
    match stage {
        Stage::Connect => format!("mail: connect to {}", at(config)),
        Stage::Tls => "mail: TLS".to_owned(),
        Stage::SignIn => "mail: sign in".to_owned(),
    }
}

fn stage_done(config: &MailConfig, stage: Stage) -> String {
    match (stage, config.security, &config.user) {
        (Stage::Connect, ..) => "the server greeted".to_owned(),
        (Stage::Tls, Security::None, _) => "none, the server is on this machine".to_owned(),
        (Stage::Tls, Security::StartTls, _) => "STARTTLS, certificate verified".to_owned(),
        (Stage::Tls, Security::Tls, _) => "TLS from the start, certificate verified".to_owned(),
        (Stage::SignIn, _, Some(user)) => format!("signed in as {user}"),
        (Stage::SignIn, _, None) => "no user configured, none needed so far".to_owned(),
    }
}

fn recipients_refused(server: &str, refused: Vec<(String, StepError)>) -> ConnectorError {
    let forever = refused
        .iter()
        .any(|(_, failure)| failure.code().is_some_and(|code| code >= 500));
    let list: Vec<String> = refused
        .iter()
        .map(|(to, failure)| format!("{to}: {}", failure.words()))
        .collect();
    let what = format!(
        "mail server {server} refused {}; nobody got the mail",
        list.join(", ")
    );
    ConnectorError::new(
        if forever {
            Retry::Never
        } else {
            Retry::Later(None)
        },
        what,
    )
}

fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error| {
        ConnectorError::new(
            Retry::Never,
            format!("mail envelope: \"{}\" is no mail address", tidy(text)),
        )
        .with_source(error)
    })
}

/// The content in pieces; notes when the last of it was asked for, which the connection does only after all before
/// it is written.
struct Chunks<'a> {
    rest: &'a [u8],
    written: &'a AtomicBool,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            self.written.store(true, Ordering::SeqCst);
            return None;
        }
        let (chunk, rest) = self.rest.split_at(self.rest.len().min(CHUNK));
        self.rest = rest;
        Some(chunk)
    }
}
