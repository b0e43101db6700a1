//! GuardDuty: the detectors of a region, the ids of their findings, and the findings fifty at a time.
//! Archived ones too.

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

use super::paging::{self, Listing, Reading};
use crate::cell::{Cell, Sent};
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
const LISTING: Listing =
    Listing { operation: &LIST_FINDINGS, ids: "findingIds", token: "nextToken", chunk: PAGE as usize };
const READING: Reading =
    Reading { operation: &GET_FINDINGS, format: Format::GuardDuty, channel: Channel::Pull, token: "nextToken" };

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

    async fn pull(&self, account: &AccountAccess, region: &Region, sink: &mut dyn PageSink) -> Result<Coverage> {
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return Ok(trouble.coverage(0)),
        };
        let detectors = match detectors(&cell).await {
            Ok(detectors) => detectors,
            Err(trouble) => return Ok(trouble.coverage(0)),
        };
        let mut whole = Coverage::Complete;
        for detector in detectors {
            let coverage = pull_detector(&cell, &detector, sink).await?;
            if !coverage.is_complete() {
                whole = coverage;
            }
        }
        Ok(whole)
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        paging::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
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

async fn pull_detector(cell: &Cell, detector: &str, sink: &mut dyn PageSink) -> Result<Coverage> {
    let client = match cell.guardduty() {
        Ok(client) => client,
        Err(trouble) => return Ok(trouble.coverage(0)),
    };
    let list = |token, tape| -> Sent<_, _> {
        let call = client.list_findings().detector_id(detector).max_results(PAGE).set_next_token(token);
        Box::pin(call.customize().interceptor(tape).send())
    };
    let detail = |ids, tape| -> Sent<_, _> {
        let call = client.get_findings().detector_id(detector).set_finding_ids(Some(ids));
        Box::pin(call.customize().interceptor(tape).send())
    };
    paging::pull_listed(cell, LISTING, READING, sink, list, detail).await
}
