//! Security Hub: findings of all products in the AWS Security Finding Format, `GetFindings` a hundred
//! at a time. Not filtered: passed and archived ones are evidence too.

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

const GET_FINDINGS: Operation =
    Operation::new("securityhub", "GetFindings", "securityhub:GetFindings", Rate::new(3, 6));
const READING: Reading =
    Reading { operation: &GET_FINDINGS, format: Format::Asff, channel: Channel::Hub, token: "NextToken" };
/// The largest page it gives.
const PAGE: i32 = 100;

pub(crate) struct SecurityHub {
    session: Arc<Session>,
}

impl SecurityHub {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl FindingSource for SecurityHub {
    fn name(&self) -> &'static str {
        "securityhub"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[GET_FINDINGS.action]
    }

    async fn pull(&self, account: &AccountAccess, region: &Region, sink: &mut dyn PageSink) -> Result<Coverage> {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return Ok(trouble.coverage(0)),
        };
        let client = match cell.securityhub() {
            Ok(client) => client,
            Err(trouble) => return Ok(trouble.coverage(0)),
        };
        paging::pull(&cell, READING, sink, |token, tape| {
            let call = client.get_findings().max_results(PAGE).set_next_token(token);
            Box::pin(call.customize().interceptor(tape).send())
        })
        .await
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        paging::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            let client = cell.securityhub()?;
            cell.call(&GET_FINDINGS, || Box::pin(client.get_findings().max_results(1).send())).await.map(drop)
        }))
        .await
    }
}
