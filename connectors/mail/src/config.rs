//! The set-up of the mail server, and what is refused about it before anything is connected.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::secret::SecretString;

/// How the line to the server is protected. There is no opportunistic mode: a server without TLS gets no mail
/// (`reliability-security.md` 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain greeting, then STARTTLS, which the server must offer (usually port 587).
    StartTls,
    /// TLS from the first byte (usually port 465).
    Tls,
    /// No TLS; only to a server on this machine's loopback.
    None,
}

/// Where mail goes and how we sign in there. `Debug` does not show the password.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Name or address; with TLS the certificate must bear it.
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// With `password`; both or neither.
    pub user: Option<String>,
    pub password: Option<SecretString>,
    /// PEM certificates trusted besides the machine's own.
    pub ca_file: Option<PathBuf>,
    /// What we call ourselves in EHLO; the machine's name if absent.
    pub helo: Option<String>,
    /// The longest that one step may take: connecting, one command, or the content up to the server's verdict.
    /// RFC 5321 4.5.3.2 wants minutes for the latter; 60 seconds and more are sensible.
    pub timeout: Duration,
}

impl MailConfig {
    /// Refuses what would be wrong at any server: TLS left out off loopback, half a sign-in, an EHLO name that is none.
    pub(crate) fn verify(&self) -> Result<()> {
        if self.host.is_empty()
            || self
                .host
                .chars()
                .any(|c| c.is_control() || c.is_whitespace())
        {
            return Err(refused(
                "mail: the host is empty or no host name; write e.g. host = \"smtp.example.com\"",
            ));
        }
        if self.security == Security::None && !is_loopback_name(&self.host) {
            return Err(refused(format!(
                "mail: {} is not this machine's loopback, and mail leaves it only under TLS; set security to \"starttls\" or \"tls\"",
                self.host
            )));
        }
        if self.user.is_some() != self.password.is_some() {
            return Err(refused(
                "mail: user and password belong together; set both or neither",
            ));
        }
        if self.timeout.is_zero() {
            return Err(refused(
                "mail: the timeout is zero; set e.g. timeout = \"60s\"",
            ));
        }
        match &self.helo {
            Some(name) if !is_ehlo_name(name) => Err(refused(
                "mail: helo is no host name (letters, digits, dots, hyphens) and no [address]",
            )),
            _ => Ok(()),
        }
    }
}

fn refused(what: impl Into<String>) -> ConnectorError {
    ConnectorError::new(Retry::Never, what)
}

fn is_loopback_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// RFC 5321 4.1.3: a domain, or an address in brackets.
fn is_ehlo_name(name: &str) -> bool {
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    !inner.is_empty()
        && inner
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'))
}
