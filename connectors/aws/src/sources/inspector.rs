//! Amazon Inspector (Inspector2): `ListFindings`, a hundred at a time, closed ones too. Findings of a scan type that is
//! switched off are missing from it without a word, so the scan types are asked for as well (`inspector_scans`).

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_inspector2::Client;
use aws_sdk_inspector2::types::{DateFilter, FilterCriteria, StringComparison, StringFilter};
use aws_smithy_types::DateTime;
use poamd_contract::account::AccountAccess;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::{Check, Verdict};
use poamd_contract::ids::Region;
use poamd_contract::source::{Aggregates, Details, FindingSource, Page, PageSink, Pulled, Request, Scope};
use poamd_formats::Format;

use super::health;
use super::inspector_details::{self, FINDING_DETAILS};
use super::inspector_scans::{self, ACCOUNT_STATUS, Accounts};
use super::look::Look;
use super::paging::{Book, Leaf, Reading};
use super::security_hub::cuts;
use super::shards::{Plan, Slice, Span};
use crate::cell::Cell;
use crate::error::Trouble;
use crate::operation::{Operation, Rate};
use crate::session::Session;

/// Not published; planned (`reliability-security.md` 6.1).
const LIST_FINDINGS: Operation =
    Operation::new("inspector2", "ListFindings", "inspector2:ListFindings", Rate::new(5, 5));
const READING: Reading = Reading {
    operation: &LIST_FINDINGS,
    format: Format::Inspector2,
    channel: Channel::Pull,
    token: "nextToken",
    made: |report| report.first_observed,
};
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
        &[LIST_FINDINGS.action, ACCOUNT_STATUS.action, FINDING_DETAILS.action]
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
        let client = match cell.inspector2() {
            Ok(client) => client,
            Err(trouble) => return Ok(looked(trouble.coverage(0))),
        };
        let mut shown = Accounts::new(sink, &request.shown);
        let chains = cell.chains(&LIST_FINDINGS);
        let book = Listing { scope: request.scope, client, cell };
        let look = Look::new(&book);
        let read = look.read(&Plan::by_time(request, chains), request, &mut shown).await?;
        let seen = std::mem::take(&mut shown.seen);
        let mut pulled = Pulled { cuts: cuts(request, &look), ..looked(read) };
        if !pulled.coverage.is_complete() || !request.extent.is_full() {
            return Ok(pulled);
        }
        // After the listing: a scan type that was on the whole time is on now.
        match inspector_scans::vouched(&book.cell, &account.id, &seen).await {
            Ok(vouched) => sink.page(Page { vouched: Some(vouched), ..Page::default() }).await?,
            Err(coverage) => pulled.coverage = coverage,
        }
        Ok(pulled)
    }

    fn details_at_once(&self) -> usize {
        inspector_details::AT_ONCE
    }

    async fn details(&self, account: &AccountAccess, region: &Region, native_ids: &[String]) -> Details {
        match self.session.cell(account, region).await {
            Ok(cell) => inspector_details::details(&cell, native_ids).await,
            Err(trouble) => Details { trouble: Some(trouble.what), ..Details::default() },
        }
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        let check = health::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            let client = cell.inspector2()?;
            cell.call(&LIST_FINDINGS, || Box::pin(client.list_findings().max_results(1).send())).await?;
            inspector_scans::states(cell, &[cell.account.as_str()]).await.map(drop)
        }))
        .await;
        match self.session.cell(account, region).await {
            Ok(cell) if check.verdict == Verdict::Ok => match inspector_details::can_be_asked(&cell).await {
                Ok(()) => check,
                Err(trouble) => {
                    let what = format!("can be read, but not what it knows beside its listing: {}", trouble.what);
                    Check::warning(check.name, what)
                }
            },
            _ => check,
        }
    }
}

struct Listing {
    cell: Cell,
    client: Client,
    scope: Scope,
}

#[async_trait]
impl Book for Listing {
    fn cell(&self) -> &Cell {
        &self.cell
    }

    fn reading(&self) -> Reading {
        READING
    }

    async fn leaf(&self, slice: &Slice, token: Option<String>) -> Result<Leaf, Trouble> {
        let criteria = self.criteria(slice)?;
        let body = self
            .cell
            .raw(&LIST_FINDINGS, |tape| {
                let call = self.client.list_findings().max_results(PAGE).set_next_token(token.clone());
                Box::pin(call.filter_criteria(criteria.clone()).customize().interceptor(tape).send())
            })
            .await?;
        Ok(Leaf { bodies: vec![body], listing: None })
    }
}

impl Listing {
    fn criteria(&self, slice: &Slice) -> Result<FilterCriteria, Trouble> {
        let own = match self.scope {
            Scope::Own => {
                let filter = StringFilter::builder().comparison(StringComparison::Equals).value(&self.cell.account);
                let filter = filter.build().map_err(|error| {
                    Trouble::unusable(&self.cell.place(&LIST_FINDINGS), &error.to_string())
                })?;
                Some(vec![filter])
            }
            Scope::Members | Scope::Everything => None,
        };
        let between = |(from, to): Span| {
            let time = |time: chrono::DateTime<chrono::Utc>| DateTime::from_millis(time.timestamp_millis());
            vec![DateFilter::builder().start_inclusive(time(from)).end_inclusive(time(to)).build()]
        };
        Ok(FilterCriteria::builder()
            .set_aws_account_id(own)
            .set_updated_at(slice.updated.map(between))
            .set_first_observed_at(slice.created.map(between))
            .build())
    }
}
