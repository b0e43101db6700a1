//! GuardDuty: the detectors of a region, the ids of their findings, and the findings fifty at a time.
//! Archived ones too.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_guardduty::Client;
use aws_sdk_guardduty::types::{Condition, FindingCriteria};
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{Aggregates, FindingSource, PageSink, Pulled, Request, Scope};
use poamd_formats::Format;

use super::health;
use super::look::{Look, worst};
use super::paging::{Book, Leaf, Reading, strings};
use super::shards::{Plan, Slice};
use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};
use crate::session::Session;
use crate::tokens::{Step, Tokens};

/// Not published; planned (`reliability-security.md` 6.1).
const RATE: Rate = Rate::new(5, 5);
const LIST_DETECTORS: Operation = Operation::new("guardduty", "ListDetectors", "guardduty:ListDetectors", RATE);
const LIST_FINDINGS: Operation = Operation::new("guardduty", "ListFindings", "guardduty:ListFindings", RATE);
const GET_FINDINGS: Operation = Operation::new("guardduty", "GetFindings", "guardduty:GetFindings", RATE);
const PAGE: i32 = 50;
const READING: Reading = Reading {
    operation: &GET_FINDINGS,
    format: Format::GuardDuty,
    channel: Channel::Pull,
    token: "nextToken",
    made: |report| report.created,
};

pub(crate) struct GuardDuty {
    session: Arc<Session>,
}

impl GuardDuty {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl FindingSource for GuardDuty {
    fn name(&self) -> &'static str {
        "guardduty"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[LIST_DETECTORS.action, LIST_FINDINGS.action, GET_FINDINGS.action]
    }

    fn aggregates(&self) -> Aggregates {
        Aggregates::Accounts
    }

    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let looked = |coverage| Pulled { extent: request.extent, ..Pulled::full(coverage) };
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return Ok(looked(trouble.coverage(0))),
        };
        let detectors = match detectors(&cell).await {
            Ok(detectors) => detectors,
            Err(trouble) => return Ok(looked(trouble.coverage(0))),
        };
        let client = match cell.guardduty() {
            Ok(client) => client,
            Err(trouble) => return Ok(looked(trouble.coverage(0))),
        };
        let chains = cell.chains(&GET_FINDINGS);
        let book = Detector { scope: request.scope, client, cell };
        let mut whole = Coverage::Complete;
        for detector in detectors {
            let plan = Plan::by_severity(request, &detector, chains);
            let coverage = Look::new(&book).read(&plan, request, sink).await?;
            whole = worst([whole, coverage]);
        }
        Ok(looked(whole))
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        health::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            detectors(cell).await.map(drop)
        }))
        .await
    }
}

/// The region's detectors (AWS allows one); none is "off".
async fn detectors(cell: &Cell) -> Result<Vec<String>, Trouble> {
    let client = cell.guardduty()?;
    let mut found = Vec::new();
    let mut tokens = Tokens::default();
    loop {
        let reply = cell
            .call(&LIST_DETECTORS, || {
                Box::pin(client.list_detectors().max_results(PAGE).set_next_token(tokens.next()).send())
            })
            .await?;
        found.extend(reply.detector_ids.unwrap_or_default());
        if tokens.advance(reply.next_token) != Step::More {
            break;
        }
    }
    if found.is_empty() {
        let place = format!("account {} region {}", cell.account, cell.region);
        return Err(Trouble::new(Kind::Off, format!("{place}: GuardDuty is not switched on (no detector)")));
    }
    Ok(found)
}

struct Detector {
    cell: Cell,
    client: Client,
    scope: Scope,
}

#[async_trait]
impl Book for Detector {
    fn cell(&self) -> &Cell {
        &self.cell
    }

    fn reading(&self) -> Reading {
        READING
    }

    async fn leaf(&self, slice: &Slice, token: Option<String>) -> Result<Leaf, Trouble> {
        let detector = slice.detector.clone().unwrap_or_default();
        let criteria = self.criteria(slice);
        let listing = self
            .cell
            .raw(&LIST_FINDINGS, |tape| {
                let call = self.client.list_findings().detector_id(detector.clone()).max_results(PAGE);
                let call = call.set_finding_criteria(criteria.clone()).set_next_token(token.clone());
                Box::pin(call.customize().interceptor(tape).send())
            })
            .await?;
        let mut bodies = Vec::new();
        for ids in strings(&listing, "findingIds").chunks(PAGE as usize) {
            let detail = self.cell.raw(&GET_FINDINGS, |tape| {
                let call = self.client.get_findings().detector_id(detector.clone());
                Box::pin(call.set_finding_ids(Some(ids.to_vec())).customize().interceptor(tape).send())
            });
            bodies.push(detail.await?);
        }
        Ok(Leaf { bodies, listing: Some(listing) })
    }
}

impl Detector {
    fn criteria(&self, slice: &Slice) -> Option<FindingCriteria> {
        let mut criteria = FindingCriteria::builder();
        if self.scope == Scope::Own {
            criteria = criteria.criterion("accountId", Condition::builder().equals(&self.cell.account).build());
        }
        if let Some((from, to)) = slice.updated {
            let condition = Condition::builder()
                .greater_than_or_equal(from.timestamp_millis())
                .less_than_or_equal(to.timestamp_millis());
            criteria = criteria.criterion("updatedAt", condition.build());
        }
        if let Some((from, below)) = slice.severity {
            let condition = Condition::builder().set_greater_than_or_equal(from).set_less_than(below);
            criteria = criteria.criterion("severity", condition.build());
        }
        let criteria = criteria.build();
        criteria.criterion.is_some().then_some(criteria)
    }
}
