//! From a report that is wanted to a mail in the outbox: read, rendered, frozen and queued in one transaction with its
//! audit event. The same report for the same period to the same people is queued once, whatever is repeated.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use poamd_contract::mailing::{MailDraft, Mailer};

use super::{Content, Moment, Order, ReportError, apart, make, previous};
use crate::domain::mail::{MailIdentity, MailState, Period};
use crate::render::templates::Templates;
use crate::store::mails::{self, NewMail};
use crate::store::{AnyConnection, Store, audit};

/// Puts reports into the mail outbox.
#[derive(Clone)]
pub struct Publisher {
    pub store: Store,
    pub templates: Arc<Templates>,
    /// Composes the bytes; nothing is sent from here.
    pub mailer: Arc<dyn Mailer>,
    pub deployment: String,
    /// `name@host` or `Name <name@host>`.
    pub from: String,
    pub message_id_domain: String,
}

/// What became of the wish for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    Queued {
        message_id: String,
        subject: String,
    },
    /// This period's mail is there already.
    Already {
        message_id: String,
        state: MailState,
    },
}

impl Publisher {
    /// Queues the report's mail for a period. `revision` is 0, or counts corrected issues of one period.
    pub async fn publish(
        &self,
        order: &Order,
        period: Period,
        revision: u32,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<Published, ReportError> {
        let (publisher, order, actor) = (self.clone(), order.clone(), actor.to_owned());
        let period = period.to_string();
        self.store
            .write(move |conn| apart(publisher.queue(conn, &order, &period, revision, &actor, now)))
            .await?
    }

    /// Nothing is written before the last step, so that a report that cannot be made leaves nothing behind.
    fn queue(
        &self,
        conn: &mut AnyConnection,
        order: &Order,
        period: &str,
        revision: u32,
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<Published, ReportError> {
        // Takes the audit log's lock: nobody else queues, and on PostgreSQL nothing moves while we read.
        audit::append_all(conn, &[])?;
        let message_id = MailIdentity {
            deployment: &self.deployment,
            report: &order.name,
            period,
            recipients: &order.recipients,
            revision,
        }
        .message_id(&self.message_id_domain);
        if let Some(known) = mails::by_message_id(conn, &message_id)? {
            return Ok(Published::Already {
                message_id,
                state: known.state.0,
            });
        }
        let moment = Moment {
            deployment: self.deployment.clone(),
            now,
            previous: previous(conn, &order.name)?,
        };
        let content = make(conn, &self.templates, order, &moment)?;
        let subject = content.subject.clone();
        let envelope = self
            .mailer
            .compose(&self.draft(order, content, &message_id, now))
            .map_err(|source| ReportError::Mail {
                report: order.name.clone(),
                source,
            })?;
        let mail = NewMail {
            report: order.name.clone(),
            period: period.to_owned(),
            message_id: message_id.clone(),
            subject: subject.clone(),
            envelope,
        };
        mails::queue(conn, &mail, actor, now)?;
        Ok(Published::Queued {
            message_id,
            subject,
        })
    }

    fn draft(
        &self,
        order: &Order,
        content: Content,
        message_id: &str,
        now: DateTime<Utc>,
    ) -> MailDraft {
        MailDraft {
            from: self.from.clone(),
            to: order.recipients.clone(),
            subject: content.subject,
            message_id: message_id.to_owned(),
            date: now,
            text: content.text,
            html: content.html,
            attachments: content.attachments,
        }
    }
}
