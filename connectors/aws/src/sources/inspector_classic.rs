//! Amazon Inspector Classic, which AWS ended on 20 May 2026. The pull is kept for endpoints that still
//! answer; where none does, the cell says so in plain words.

use std::sync::Arc;

use async_trait::async_trait;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{FindingSource, PageSink, Pulled, Request};
use poamd_formats::Format;

use super::look::Look;
use super::paging::{Book, Leaf, Reading, strings};
use super::shards::{Plan, Slice};
use crate::cell::Cell;
use crate::error::Trouble;
use crate::operation::{Operation, Rate};
use crate::session::Session;

const RATE: Rate = Rate::new(5, 5);
const LIST_FINDINGS: Operation = Operation::new("inspector", "ListFindings", "inspector:ListFindings", RATE);
const DESCRIBE_FINDINGS: Operation =
    Operation::new("inspector", "DescribeFindings", "inspector:DescribeFindings", RATE);
const PAGE: i32 = 500;
/// ARNs that `DescribeFindings` takes.
const DESCRIBED: usize = 10;
const READING: Reading = Reading {
    operation: &DESCRIBE_FINDINGS,
    format: Format::InspectorClassic,
    channel: Channel::Pull,
    made: |report| report.created,
    token: "nextToken",
};

pub(crate) struct InspectorClassic {
    session: Arc<Session>,
}

impl InspectorClassic {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl FindingSource for InspectorClassic {
    fn name(&self) -> &'static str {
        "inspector-classic"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[LIST_FINDINGS.action, DESCRIBE_FINDINGS.action]
    }

    /// It knows no time of change: every look is a full one.
    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return Ok(Pulled::full(trouble.coverage(0))),
        };
        let client = match cell.inspector() {
            Ok(client) => client,
            Err(trouble) => return Ok(Pulled::full(trouble.coverage(0))),
        };
        let book = Classic { cell, client };
        let whole = Plan::single(Slice::default());
        let coverage = Look::new(&book).read(&whole, request, sink).await?;
        Ok(Pulled::full(plainly(&book.cell, coverage)))
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        let name = format!("source {}: account {} region {region}", self.name(), account.id);
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return Check::failed(name, trouble.what),
        };
        let client = match cell.inspector() {
            Ok(client) => client,
            Err(trouble) => return Check::failed(name, trouble.what),
        };
        match cell.call(&LIST_FINDINGS, || Box::pin(client.list_findings().max_results(1).send())).await {
            Ok(_) => Check::ok(name, "still answers"),
            Err(trouble) => match plainly(&cell, trouble.coverage(0)).reason() {
                Some(reason) => Check::warning(name, reason),
                None => Check::ok(name, "still answers"),
            },
        }
    }
}

/// A refusal, an unknown operation, a host that is gone: for a service that has ended they all mean that.
/// What was read before stays partial.
fn plainly(cell: &Cell, coverage: Coverage) -> Coverage {
    match coverage {
        Coverage::Denied { reason } | Coverage::Failed { reason } | Coverage::Off { reason } => Coverage::Ended {
            reason: format!(
                "the service has ended: AWS closed Amazon Inspector Classic on 20 May 2026; account {} region {} \
                 no longer answers. Take it off [aws] sources; `poamd import` reads exported findings ({reason})",
                cell.account, cell.region
            ),
        },
        other => other,
    }
}

struct Classic {
    cell: Cell,
    client: aws_sdk_inspector::Client,
}

#[async_trait]
impl Book for Classic {
    fn cell(&self) -> &Cell {
        &self.cell
    }

    fn reading(&self) -> Reading {
        READING
    }

    async fn leaf(&self, _: &Slice, token: Option<String>) -> Result<Leaf, Trouble> {
        let listing = self
            .cell
            .raw(&LIST_FINDINGS, |tape| {
                let call = self.client.list_findings().max_results(PAGE).set_next_token(token.clone());
                Box::pin(call.customize().interceptor(tape).send())
            })
            .await?;
        let mut bodies = Vec::new();
        for arns in strings(&listing, "findingArns").chunks(DESCRIBED) {
            let detail = self.cell.raw(&DESCRIBE_FINDINGS, |tape| {
                let call = self.client.describe_findings().set_finding_arns(Some(arns.to_vec()));
                Box::pin(call.customize().interceptor(tape).send())
            });
            bodies.push(detail.await?);
        }
        Ok(Leaf { bodies, listing: Some(listing) })
    }
}
