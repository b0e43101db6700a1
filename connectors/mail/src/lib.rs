//! Mail over SMTP: composes the frozen bytes of a mail and hands them to one server.
//!
//! In reading order: the set-up, how bytes are made, how a connection is opened, how a mail is sent, and which
//! class a failure has. What a mail says, to whom and when is the application's; so is the repeat.

mod compose;
mod config;
mod failure;
mod session;
mod smtp;

pub use config::{MailConfig, Security};
pub use smtp::SmtpMailer;
