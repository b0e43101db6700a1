//! Which class a failure of SMTP has, and the line that says so.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use poamd_contract::error::{ConnectorError, Retry};

/// How much of a server's own words is repeated.
const SERVER_WORDS: usize = 300;

/// A failed step of a conversation, before it is known what that means for the mail.
#[derive(Debug)]
pub(crate) enum StepError {
    Smtp(SmtpError),
    /// The step took longer than the set-up allows.
    TimedOut(Duration),
    /// An answer that belongs to another question: the conversation is out of step, as it is when somebody put words
    /// into it before TLS began.
    OutOfStep {
        wanted: u16,
        got: String,
    },
}

impl StepError {
    /// The server's verdict, if there was one.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Smtp(error) => error.status().map(u16::from),
            Self::TimedOut(_) | Self::OutOfStep { .. } => None,
        }
    }

    /// The class before the content was handed over whole: then the mail is certainly not taken.
    pub(crate) fn retry(&self) -> Retry {
        match self.code() {
            // RFC 4954 6: authentication required, mechanism too weak, credentials invalid, encryption required.
            Some(530 | 534 | 535 | 538) => Retry::Auth,
            Some(500..=599) => Retry::Never,
            _ => Retry::Later(None),
        }
    }

    /// The cause in words, without control characters.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::TimedOut(limit) => format!("no answer within {} s", limit.as_secs_f64()),
            Self::OutOfStep { wanted, got } => {
                format!("the answers are out of step: wanted {wanted}, got \"{got}\"")
            }
            Self::Smtp(error) => match (self.code(), error.source()) {
                (Some(code), Some(words)) => {
                    format!("it said \"{code} {}\"", tidy(&words.to_string()))
                }
                (Some(code), None) => format!("it said {code}"),
                (None, _) => tidy(&error.to_string()),
            },
        }
    }

    pub(crate) fn into_error(self, retry: Retry, what: String) -> ConnectorError {
        let error = ConnectorError::new(retry, what);
        match self {
            Self::Smtp(source) => error.with_source(source),
            Self::TimedOut(_) | Self::OutOfStep { .. } => error,
        }
    }
}

/// One line of a server's words: control characters become spaces, and what is too long is cut.
pub(crate) fn tidy(words: &str) -> String {
    let line: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SERVER_WORDS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
