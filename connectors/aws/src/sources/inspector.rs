//! Amazon Inspector (Inspector2): `ListFindings`, a hundred at a time, closed ones too.

use std::sync::Arc;

use async_trait::async_trait;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{FindingSource, PageSink};
use poamd_formats::Format;

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
        &[LIST_FINDINGS.action]
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
        paging::pull(&cell, READING, sink, |token, tape| {
            let call = client.list_findings().max_results(PAGE).set_next_token(token);
            Box::pin(call.customize().interceptor(tape).send())
        })
        .await
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        paging::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            let client = cell.inspector2()?;
            cell.call(&LIST_FINDINGS, || Box::pin(client.list_findings().max_results(1).send())).await.map(drop)
        }))
        .await
    }
}
