//! `[mail]`: how mail leaves.

use std::path::PathBuf;
use std::time::Duration;

use super::address::{is_loopback_host, mailbox};
use super::reader::Reader;
use super::schema::{Key, Kind, Section};
use super::secret::Secret;
use super::value::choice;

pub const SECTION: Section = Section {
    name: "mail",
    many: false,
    doc: "How mail leaves. Needed as soon as there is a report.",
    variants: None,
    keys: &[
        Key::new(
            "host",
            Kind::Text,
            r#""smtp.example.gov""#,
            "The mail server.",
        )
        .required(),
        Key::new(
            "from",
            Kind::Mailbox,
            r#""POA&M <poamd@example.gov>""#,
            "Sender of every mail.",
        )
        .required(),
        Key::with_default(
            "security",
            Kind::Choice(Security::NAMES),
            r#""starttls""#,
            "starttls: encrypted before the first word of the mail, or not sent; \
            tls: encrypted from the first byte; none: only to loopback.",
        ),
        Key::new(
            "port",
            Kind::Integer {
                min: 1,
                max: 65_535,
            },
            "587",
            "Without it: 587 for starttls, 465 for tls, 25 for none.",
        ),
        Key::new(
            "user",
            Kind::Text,
            r#""poamd@example.gov""#,
            "User to sign in as; without it there is no sign-in.",
        ),
        Key::new(
            "password",
            Kind::Secret,
            r#"{ credential = "smtp_password" }"#,
            "Where the user's password is kept.",
        ),
        Key::new(
            "ca_file",
            Kind::Path,
            r#""/etc/poamd/ca.pem""#,
            "Certificates (PEM) trusted besides the system's own.",
        ),
        Key::new(
            "helo",
            Kind::Text,
            r#""poamd.example.gov""#,
            "Name we greet the server with. Without it: this machine's.",
        ),
        Key::new(
            "message_id_domain",
            Kind::Text,
            r#""poamd.example.gov""#,
            "Right part of message ids. Without it: the sender's domain.",
        ),
        Key::with_default(
            "timeout",
            Kind::Duration {
                min: Duration::from_secs(1),
                max: Duration::from_secs(600),
            },
            r#""60s""#,
            "How long the server may take for one answer.",
        ),
    ],
};

choice! {
    /// How the way to the mail server is protected.
    pub enum Security {
        /// STARTTLS, required.
        StartTls = "starttls",
        /// TLS from the first byte.
        Tls = "tls",
        /// Plain text, to loopback only.
        None = "none",
    }
}

/// The mail server and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// `name@host` or `Name <name@host>`.
    pub from: String,
    pub ca_file: Option<PathBuf>,
    pub helo: Option<String>,
    pub message_id_domain: String,
    pub timeout: Duration,
}

/// Who signs in at the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Secret,
}

impl Mail {
    pub(super) fn read(r: Reader<'_>) -> Option<Self> {
        r.reject_unknown();
        let (host, from, security) = (
            r.get::<String>("host"),
            r.get::<String>("from"),
            r.get("security"),
        );
        let (port, timeout, login) = (r.optional("port"), r.get("timeout"), login(r));
        let domain = r
            .optional("message_id_domain")
            .filter(|domain: &String| check_domain(r, domain));
        if let (Some(host), Some(security)) = (&host, security) {
            check_security(r, host, security);
        }
        let (ca_file, helo) = (r.optional("ca_file"), r.optional("helo"));
        let from = from?;
        let of_sender = || {
            mailbox(&from)
                .ok()
                .and_then(|address| address.rsplit_once('@'))
                .map(|(_, host)| host.to_owned())
        };
        Some(Self {
            ca_file,
            helo,
            message_id_domain: domain.or_else(of_sender)?,
            host: host?,
            port: port.unwrap_or(default_port(security?)),
            security: security?,
            login,
            timeout: timeout?,
            from,
        })
    }
}

fn default_port(security: Security) -> u16 {
    match security {
        Security::StartTls => 587,
        Security::Tls => 465,
        Security::None => 25,
    }
}

fn check_security(r: Reader<'_>, host: &str, security: Security) {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if !host.chars().all(plain) {
        r.fail(
            "host",
            "is not the name or IP address of a server; the port has a key of its own",
        );
    } else if security == Security::None && !is_loopback_host(host) {
        r.fail(
            "security",
            "\"none\" is for loopback only: what is mailed must be encrypted on the \
            way; write \"starttls\" or \"tls\"",
        );
    }
}

fn check_domain(r: Reader<'_>, domain: &str) -> bool {
    let good = mailbox(&format!("id@{domain}")).is_ok();
    if !good {
        r.fail("message_id_domain", "is not a domain name");
    }
    good
}

fn login(r: Reader<'_>) -> Option<Login> {
    let (user, password) = (r.optional("user"), r.optional("password"));
    for (one, other) in [("user", "password"), ("password", "user")] {
        if r.has(one) && !r.has(other) {
            r.fail(one, format!("is of no use alone; add {other}"));
        }
    }
    Some(Login {
        user: user?,
        password: password?,
    })
}
