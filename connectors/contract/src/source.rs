//! Where findings come from.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::account::AccountAccess;
use crate::coverage::{Coverage, Vouched};
use crate::detail::Detail;
use crate::error::Result;
use crate::finding::{FindingReport, SetAside};
use crate::health::Check;
use crate::ids::{AccountId, Region};

/// How much of a cell a look covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "extent", rename_all = "kebab-case")]
pub enum Extent {
    /// Everything the cell holds: what is not there is absent.
    Full,
    /// What was updated between both times, which stay as they are to the end of the look: a page token is good for the
    /// filter it was given for (`reliability-security.md` 0.5). Says nothing of absence.
    Window {
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    },
}

impl Extent {
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// Whose findings a look is about, where a service also shows those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Of this account in this region alone.
    Own,
    /// Of every account that an administrator sees, in this region.
    Members,
    /// Of every account and every linked region: Security Hub's home region.
    Everything,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Members => "members",
            Self::Everything => "everything",
        }
    }
}

/// What else than its own account and region a source can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregates {
    Nothing,
    /// An administrator's region shows its members.
    Accounts,
    /// One region of an administrator can show all others too.
    AccountsAndRegions,
}

/// What is asked of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub extent: Extent,
    pub scope: Scope,
    /// When the look began; if it was interrupted, when it first began.
    pub began: DateTime<Utc>,
    /// Dates that cut what the cell held last time into equal parts, as [`Pulled::cuts`] gave them; may be empty.
    pub cuts: Vec<DateTime<Utc>>,
    /// Where an interrupted look stopped; empty for one that begins.
    pub resume: Vec<Cursor>,
    /// Accounts that an interrupted look has shown findings of.
    pub shown: BTreeSet<AccountId>,
}

impl Request {
    /// A look at everything the account itself holds.
    pub fn full(began: DateTime<Utc>) -> Self {
        Self {
            extent: Extent::Full,
            scope: Scope::Own,
            began,
            cuts: Vec::new(),
            resume: Vec::new(),
            shown: BTreeSet::new(),
        }
    }
}

/// Where one shard of a look goes on. The source alone reads what stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which part of the cell: unique within the look.
    pub shard: String,
    /// The page to ask for; `None`: the first.
    pub token: Option<String>,
    /// The shard is at its end.
    #[serde(default)]
    pub done: bool,
    /// Something in it could not be read: the look is partial however it ends.
    #[serde(default)]
    pub damaged: bool,
}

/// How a look went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// How far what was looked at was read.
    pub coverage: Coverage,
    /// What was looked at: more than was asked for where the source has no windows.
    pub extent: Extent,
    /// For the next [`Request::cuts`]; empty where nothing was learnt.
    pub cuts: Vec<DateTime<Utc>>,
}

impl Pulled {
    pub fn full(coverage: Coverage) -> Self {
        Self {
            coverage,
            extent: Extent::Full,
            cuts: Vec::new(),
        }
    }
}

/// One page as it arrived.
#[derive(Debug, Default)]
pub struct Page {
    pub reports: Vec<FindingReport>,
    /// Documents that were known byte for byte and not read again.
    pub recognised: Vec<Recognised>,
    /// Documents without identity, or the page itself if it is not JSON or cut off.
    pub set_aside: Vec<SetAside>,
    /// Something on it could not be read at all, so what is absent from it may still be there:
    /// a cell with such a page was not read completely.
    pub damaged: bool,
    /// Documents that are no findings and were not expected to be (an IDS's records of traffic).
    pub passed: u64,
    /// Which absences count, where the detector does not look for everything; `None`: all do.
    pub vouched: Option<Vouched>,
    /// Where its shards go on once it is durable.
    pub cursors: Vec<Cursor>,
    /// The service's own id of the request it answered, where it gives one.
    pub request: Option<String>,
}

/// A document that was known before it was read.
#[derive(Debug)]
pub struct Recognised {
    /// How many reports of its page came before it.
    pub before: usize,
    pub sha256: [u8; 32],
    /// As it came: it is read after all if the ledger has moved on since.
    pub bytes: Box<[u8]>,
}

/// What a source knows of single findings beside its listing. It comes later than the finding, and never decides whether or
/// when a finding is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    pub known: Vec<Supplement>,
    /// Native ids of findings of which it knows nothing more.
    pub nothing: Vec<String>,
    /// Why it would not tell of some of the others now: they are asked for again.
    pub refused: Option<String>,
    /// Why it could not be asked at all: nothing more is to be had of it now.
    pub trouble: Option<String>,
}

/// More of one finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplement {
    /// [`FindingReport::native_id`].
    pub native_id: String,
    pub detail: Detail,
    /// The document as it came, for evidence.
    pub raw: Box<str>,
}

/// What a source hands each page to; the page is durable when it returns.
#[async_trait]
pub trait PageSink: Send {
    async fn page(&mut self, page: Page) -> Result<()>;
}

/// One detector, read cell by cell (account × region).
#[async_trait]
pub trait FindingSource: Send + Sync {
    /// The service of the coverage cell: `securityhub`, `securityhub-v2`, `guardduty`, `inspector`,
    /// `inspector-classic`.
    fn name(&self) -> &'static str;

    /// The IAM actions it needs, for the generated policy.
    fn actions(&self) -> &'static [&'static str];

    /// What an administrator's account shows of others.
    fn aggregates(&self) -> Aggregates {
        Aggregates::Nothing
    }

    /// Reads what is asked for, page by page, into `sink`. Pages may overlap.
    ///
    /// Trouble with the service is an answer (`Coverage`), not an error; `Err` is only what the sink returned.
    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled>;

    /// How many findings [`FindingSource::details`] takes at once; 0: it knows no more than it lists.
    fn details_at_once(&self) -> usize {
        0
    }

    /// What it knows of these findings beside its listing, by native id. Trouble is part of the answer.
    async fn details(
        &self,
        _account: &AccountAccess,
        _region: &Region,
        _native_ids: &[String],
    ) -> Details {
        Details::default()
    }

    /// Whether it can be reached with these rights.
    async fn health(&self, account: &AccountAccess, region: &Region) -> Check;
}
