//! Where findings come from.

use async_trait::async_trait;

use crate::account::AccountAccess;
use crate::coverage::{Coverage, Vouched};
use crate::error::Result;
use crate::finding::{FindingReport, SetAside};
use crate::health::Check;
use crate::ids::Region;

/// One page as it arrived.
#[derive(Debug, Default)]
pub struct Page {
    pub reports: Vec<FindingReport>,
    /// Documents without identity, or the page itself if it is not JSON or cut off.
    pub set_aside: Vec<SetAside>,
    /// Something on it could not be read at all, so what is absent from it may still be there:
    /// a cell with such a page was not read completely.
    pub damaged: bool,
    /// Documents that are no findings and were not expected to be (an IDS's records of traffic).
    pub passed: u64,
    /// Which absences count, where the detector does not look for everything; `None`: all do.
    pub vouched: Option<Vouched>,
}

/// What a source hands each page to; the page is durable when it returns.
#[async_trait]
pub trait PageSink: Send {
    async fn page(&mut self, page: Page) -> Result<()>;
}

/// One detector, read cell by cell (account × region).
#[async_trait]
pub trait FindingSource: Send + Sync {
    /// The service of the coverage cell: `securityhub`, `guardduty`, `inspector`, `inspector-classic`.
    fn name(&self) -> &'static str;

    /// The IAM actions it needs, for the generated policy.
    fn actions(&self) -> &'static [&'static str];

    /// Reads everything the cell holds, page by page, into `sink`.
    ///
    /// Trouble with the service is an answer (`Coverage`), not an error; `Err` is only what the sink returned.
    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        sink: &mut dyn PageSink,
    ) -> Result<Coverage>;

    /// Whether it can be reached with these rights.
    async fn health(&self, account: &AccountAccess, region: &Region) -> Check;
}
