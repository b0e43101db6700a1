//! Amazon Inspector (Inspector2): `ListFindings`, a hundred at a time, closed ones too. Findings of a scan type that is
//! switched off are missing from it without a word, so the scan types are asked for as well (`inspector_scans`).

use std::sync::Arc;

use async_trait::async_trait;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{FindingSource, Page, PageSink};
use poamd_formats::Format;

use super::inspector_scans::{self, ACCOUNT_STATUS, Accounts};
use super::paging::{self, Reading};
use crate::operation::{Operation, Rate};
use crate::session::Session;

/// Not published; planned (`reliability-security.md` 6.1).
const LIST_FINDINGS: Operation =
    Operation::new("inspector2", "ListFindings", "inspector2:ListFindings", Rate::new(5, 5));
const READING: Reading =
    Reading { operation: &LIST_FINDINGS, format: Format::Inspector2, channel: Channel::Pull, token: "nextToken" };
const PAGE: i32 = 100;

pub(crate) struct Inspector {
    session: Arc<Session>,
}

impl Inspector {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl FindingSource for Inspector {
    fn name(&self) -> &'static str {
        "inspector"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[LIST_FINDINGS.action, ACCOUNT_STATUS.action]
    }

    async fn pull(&self, account: &AccountAccess, region: &Region, sink: &mut dyn PageSink) -> Result<Coverage> {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return Ok(trouble.coverage(0)),
        };
        let client = match cell.inspector2() {
            Ok(client) => client,
            Err(trouble) => return Ok(trouble.coverage(0)),
        };
        let mut shown = Accounts::new(sink);
        let read = paging::pull(&cell, READING, &mut shown, |token, tape| {
            let call = client.list_findings().max_results(PAGE).set_next_token(token);
            Box::pin(call.customize().interceptor(tape).send())
        })
        .await?;
        if !read.is_complete() {
            return Ok(read);
        }
        // After the listing: a scan type that was on the whole time is on now.
        match inspector_scans::vouched(&cell, &account.id, &shown.seen).await {
            Ok(vouched) => {
                sink.page(Page { vouched: Some(vouched), ..Page::default() }).await?;
                Ok(read)
            }
            Err(coverage) => Ok(coverage),
        }
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        paging::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            let client = cell.inspector2()?;
            cell.call(&LIST_FINDINGS, || Box::pin(client.list_findings().max_results(1).send())).await?;
            inspector_scans::states(cell, &[cell.account.as_str()]).await.map(drop)
        }))
        .await
    }
}
