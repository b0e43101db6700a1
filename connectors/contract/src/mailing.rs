//! How mail leaves.

use async_trait::async_trait;

use crate::error::Result;
use crate::health::Check;

/// A mail before it is put into bytes. Addresses are checked when the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDraft {
    pub from: String,
    pub to: Vec<String>,
    /// Cleaned of control characters by the composer.
    pub subject: String,
    /// With angle brackets; the same on every retry.
    pub message_id: String,
    pub date: chrono::DateTime<chrono::Utc>,
    pub text: String,
    pub html: String,
    pub attachments: Vec<Attachment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// The frozen bytes of a mail and its envelope; sent again they are the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub from: String,
    pub to: Vec<String>,
    pub bytes: Vec<u8>,
}

/// What the server said when it took the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub answer: String,
}

#[async_trait]
pub trait Mailer: Send + Sync {
    /// Composes the bytes once. Same draft, same bytes.
    fn compose(&self, draft: &MailDraft) -> Result<Envelope>;

    /// Hands the mail to the server. `Retry::Later`: certainly not taken (4xx, no connection); `Never`: refused (5xx, no TLS);
    /// `Unclear`: the connection broke behind the final dot.
    async fn send(&self, envelope: &Envelope) -> Result<Accepted>;

    /// Connects, negotiates TLS, signs in, says goodbye.
    async fn health(&self) -> Vec<Check>;
}
