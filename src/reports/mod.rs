//! Reports: what each one says, its samples, and the files attached to it. How a report becomes a queued mail stands
//! in [`publish`]; sending it is `delivery`'s.

pub mod attachment;
pub mod context;
mod gaps;
pub mod poam;
pub mod publish;
pub mod samples;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use poamd_contract::error::ConnectorError;
use poamd_contract::mailing::Attachment;

use crate::render::guard::Refused;
use crate::render::templates::{RenderFailure, Templates};
use crate::store::{AnyConnection, Store, StoreError, mails};

/// How a kind of report is made.
type Make = fn(&mut AnyConnection, &Templates, &Order, &Moment) -> Result<Content, ReportError>;

/// All kinds of report, by the word that names them in the configuration.
const KINDS: &[(&str, Make)] = &[("poam", poam::make)];

/// Whether an account (number, name, label) belongs into a report.
pub type Covers = Arc<dyn Fn(&str, &str, &str) -> bool + Send + Sync>;

/// A report that somebody wants.
#[derive(Clone)]
pub struct Order {
    /// What the configuration calls it.
    pub name: String,
    /// One of [`kinds`].
    pub kind: String,
    /// By whose calendar something is late.
    pub zone: Tz,
    /// `name@host` or `Name <name@host>`.
    pub recipients: Vec<String>,
    /// A template of the operator's; `None` for the package's.
    pub subject: Option<String>,
    /// Attach the records as CSV.
    pub csv: bool,
    /// A record is due soon when so many days or fewer are left.
    pub due_soon_days: u32,
    /// Unique vulnerabilities at authorization, for the escalation triggers.
    pub ato_vulnerabilities: Option<u32>,
    pub covers: Covers,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("zone", &self.zone)
            .field("recipients", &self.recipients)
            .finish_non_exhaustive()
    }
}

/// The moment a report is made at, and the issue before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub deployment: String,
    pub now: DateTime<Utc>,
    pub previous: Option<Previous>,
}

/// The issue that readers had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    pub at: DateTime<Utc>,
    /// Number of the audit event that queued it: what came behind is news.
    pub event: i64,
}

/// A report, ready for a mail or for a look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    pub subject: String,
    pub text: String,
    pub html: String,
    pub attachments: Vec<Attachment>,
}

/// A report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no report \"{kind}\"; there are: {known}")]
    UnknownKind { kind: String, known: String },
    #[error(transparent)]
    Render(#[from] RenderFailure),
    #[error("the subject of report {report}: {source}")]
    Subject { report: String, source: Refused },
    #[error("report {report}: its CSV could not be written: {source}")]
    Csv { report: String, source: csv::Error },
    #[error("report {report}: {source}")]
    Mail {
        report: String,
        source: ConnectorError,
    },
}

/// The words that name kinds of report.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(word, _)| *word)
}

/// Makes a report. The same database, order and moment give the same content.
pub fn make(
    conn: &mut AnyConnection,
    templates: &Templates,
    order: &Order,
    moment: &Moment,
) -> Result<Content, ReportError> {
    let (_, make) = KINDS
        .iter()
        .find(|(word, _)| *word == order.kind)
        .ok_or_else(|| ReportError::UnknownKind {
            kind: order.kind.clone(),
            known: kinds().collect::<Vec<_>>().join(", "),
        })?;
    make(conn, templates, order, moment)
}

/// The issue of a report before the next one.
pub fn previous(conn: &mut AnyConnection, report: &str) -> Result<Option<Previous>, StoreError> {
    Ok(mails::last_of(conn, report)?.map(|mail| Previous {
        at: mail.created_at.and_utc(),
        event: mail.queued_event,
    }))
}

/// What the report would say now. Writes and sends nothing.
pub async fn preview(
    store: &Store,
    templates: Arc<Templates>,
    order: &Order,
    deployment: &str,
    now: DateTime<Utc>,
) -> Result<Content, ReportError> {
    let (order, deployment) = (order.clone(), deployment.to_owned());
    store
        .read(move |conn| {
            let previous = previous(conn, &order.name)?;
            let moment = Moment {
                deployment,
                now,
                previous,
            };
            apart(make(conn, &templates, &order, &moment))
        })
        .await?
}

/// Troubles of the database end a transaction; the others are handed through it.
fn apart<T>(made: Result<T, ReportError>) -> Result<Result<T, ReportError>, StoreError> {
    match made {
        Err(ReportError::Store(error)) => Err(error),
        other => Ok(other),
    }
}
