//! Security Hub: findings of all products in the AWS Security Finding Format, `GetFindings` a hundred
//! at a time. Passed and archived ones too: they are evidence. What people set there by `BatchUpdateFindings` (workflow,
//! notes, severity) does not touch `UpdatedAt`, so windows do not show it; a full look does.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::types::{AwsSecurityFindingFilters, DateFilter, StringFilter, StringFilterComparison};
use chrono::SecondsFormat;
use poamd_contract::account::AccountAccess;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{Aggregates, Extent, FindingSource, PageSink, Pulled, Request, Scope};
use poamd_formats::Format;

use super::health;
use super::look::Look;
use super::paging::{Book, Leaf, Reading};
use super::shards::{Plan, Slice, Span};
use crate::cell::Cell;
use crate::error::Trouble;
use crate::operation::{Operation, Rate};
use crate::session::Session;

pub(crate) const GET_FINDINGS: Operation =
    Operation::new("securityhub", "GetFindings", "securityhub:GetFindings", Rate::new(3, 6));
const READING: Reading = Reading {
    operation: &GET_FINDINGS,
    format: Format::Asff,
    channel: Channel::Hub,
    token: "NextToken",
    made: |report| report.created,
};
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

    fn aggregates(&self) -> Aggregates {
        Aggregates::AccountsAndRegions
    }

    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let failed = |trouble: Trouble| Ok(Pulled { extent: request.extent, ..Pulled::full(trouble.coverage(0)) });
        let cell = match self.session.cell(account, region).await {
            Ok(cell) => cell,
            Err(trouble) => return failed(trouble),
        };
        let client = match cell.securityhub() {
            Ok(client) => client,
            Err(trouble) => return failed(trouble),
        };
        let chains = cell.chains(&GET_FINDINGS);
        let book = Hub { scope: request.scope, client, cell };
        let look = Look::new(&book);
        let coverage = look.read(&Plan::by_time(request, chains), request, sink).await?;
        Ok(Pulled { coverage, extent: request.extent, cuts: cuts(request, &look) })
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        health::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            let client = cell.securityhub()?;
            cell.call(&GET_FINDINGS, || Box::pin(client.get_findings().max_results(1).send())).await.map(drop)
        }))
        .await
    }
}

/// What a look teaches of the next: a whole one only.
pub(super) fn cuts(request: &Request, look: &Look<'_>) -> Vec<chrono::DateTime<chrono::Utc>> {
    if request.extent == Extent::Full && request.resume.is_empty() { look.cuts() } else { Vec::new() }
}

struct Hub {
    cell: Cell,
    client: Client,
    scope: Scope,
}

#[async_trait]
impl Book for Hub {
    fn cell(&self) -> &Cell {
        &self.cell
    }

    fn reading(&self) -> Reading {
        READING
    }

    async fn leaf(&self, slice: &Slice, token: Option<String>) -> Result<Leaf, Trouble> {
        let filters = self.filters(slice);
        let body = self
            .cell
            .raw(&GET_FINDINGS, |tape| {
                let call = self.client.get_findings().max_results(PAGE).set_next_token(token.clone());
                Box::pin(call.filters(filters.clone()).customize().interceptor(tape).send())
            })
            .await?;
        Ok(Leaf { bodies: vec![body], listing: None })
    }
}

impl Hub {
    fn filters(&self, slice: &Slice) -> AwsSecurityFindingFilters {
        let equals =
            |text: &str| StringFilter::builder().value(text).comparison(StringFilterComparison::Equals).build();
        let between = |(from, to): Span| {
            let text = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
            DateFilter::builder().start(text(from)).end(text(to)).build()
        };
        let own = |value: &str, unless: bool| (!unless).then(|| vec![equals(value)]);
        AwsSecurityFindingFilters::builder()
            .set_aws_account_id(own(&self.cell.account, self.scope != Scope::Own))
            .set_region(own(self.cell.region.as_str(), self.scope == Scope::Everything))
            .set_updated_at(slice.updated.map(|span| vec![between(span)]))
            .set_created_at(slice.created.map(|span| vec![between(span)]))
            .build()
    }
}
