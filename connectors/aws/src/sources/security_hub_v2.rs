//! The new Security Hub: findings of all products as OCSF documents, `GetFindingsV2` a hundred at a time. Its findings are
//! copies of those that Security Hub CSPM and the detectors give, under the same ids, so that both ways may be read at once.
//! A hub that is switched off may answer with an empty list, so that it is on is asked for after each listing: only then
//! does silence say anything. It is one chain of pages: a finding without a time of making is in no shard by it.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_securityhub::Client;
use aws_sdk_securityhub::types::{
    AllowedOperators, CompositeFilter, DateFilter, OcsfDateField, OcsfDateFilter, OcsfFindingFilters, OcsfStringField,
    OcsfStringFilter, StringFilter, StringFilterComparison,
};
use chrono::SecondsFormat;
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{Aggregates, FindingSource, PageSink, Pulled, Request, Scope};
use poamd_formats::Format;

use super::health;
use super::look::Look;
use super::paging::{Book, Leaf, Reading};
use super::shards::{Plan, Slice};
use crate::cell::Cell;
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};
use crate::session::Session;

/// Allowed by the action of `GetFindings` (API reference, `GetFindingsV2`). Its rate is not published; taken as that of
/// its older sister.
const GET_FINDINGS: Operation =
    Operation::new("securityhub", "GetFindingsV2", "securityhub:GetFindings", Rate::new(3, 6));
const DESCRIBE_HUB: Operation = Operation::new(
    "securityhub",
    "DescribeSecurityHubV2",
    "securityhub:DescribeSecurityHubV2",
    Rate::new(10, 30),
);
const READING: Reading = Reading {
    operation: &GET_FINDINGS,
    format: Format::Ocsf,
    channel: Channel::Hub,
    token: "NextToken",
    made: |report| report.created,
};
/// The largest page it gives.
const PAGE: i32 = 100;

pub(crate) struct SecurityHubV2 {
    session: Arc<Session>,
}

impl SecurityHubV2 {
    pub(super) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

#[async_trait]
impl FindingSource for SecurityHubV2 {
    fn name(&self) -> &'static str {
        "securityhub-v2"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[GET_FINDINGS.action, DESCRIBE_HUB.action]
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
        let book = Hub { scope: request.scope, client, cell };
        let read = Look::new(&book).read(&Plan::in_one(request), request, sink).await?;
        Ok(Pulled { coverage: book.proven(read).await, extent: request.extent, cuts: Vec::new() })
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        health::check(self.name(), self.session.cell(account, region).await, |cell| Box::pin(async move {
            let client = cell.securityhub()?;
            is_on(cell, &client).await?;
            cell.call(&GET_FINDINGS, || Box::pin(client.get_findings_v2().max_results(1).send())).await.map(drop)
        }))
        .await
    }
}

/// Whether the hub is switched on here; [`Kind::Off`] if not.
async fn is_on(cell: &Cell, client: &Client) -> Result<(), Trouble> {
    cell.call(&DESCRIBE_HUB, || Box::pin(client.describe_security_hub_v2().send())).await.map(drop)
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
                let call = self.client.get_findings_v2().max_results(PAGE).set_next_token(token.clone());
                Box::pin(call.set_filters(filters.clone()).customize().interceptor(tape).send())
            })
            .await?;
        Ok(Leaf { bodies: vec![body], listing: None })
    }
}

impl Hub {
    /// What a listing is worth: what was read where the hub is on, and why it could not be read where it is off.
    async fn proven(&self, read: Coverage) -> Coverage {
        if matches!(read, Coverage::Off { .. }) {
            return read;
        }
        match is_on(&self.cell, &self.client).await {
            Err(trouble) if trouble.kind == Kind::Off => {
                let place = format!("account {} region {}", self.cell.account, self.cell.region);
                let off = format!("{place}: the new Security Hub is not switched on ({})", trouble.what);
                Trouble::new(Kind::Off, off).coverage(0)
            }
            Err(trouble) if read.is_complete() => Coverage::Partial {
                reason: format!(
                    "everything was read, but nothing counts as absent: whether the hub is on is not known ({})",
                    trouble.what
                ),
            },
            _ => read,
        }
    }

    /// `None` asks for all there is: an empty filter is none.
    fn filters(&self, slice: &Slice) -> Option<OcsfFindingFilters> {
        let own = [
            (OcsfStringField::CloudAccountUid, self.cell.account.as_str(), self.scope == Scope::Own),
            (OcsfStringField::CloudRegion, self.cell.region.as_str(), self.scope != Scope::Everything),
        ];
        let mut all = CompositeFilter::builder().operator(AllowedOperators::And);
        let mut any = false;
        for (field, value, _) in own.into_iter().filter(|(_, _, asked)| *asked) {
            let equals = StringFilter::builder().value(value).comparison(StringFilterComparison::Equals).build();
            all = all.string_filters(OcsfStringFilter::builder().field_name(field).filter(equals).build());
            any = true;
        }
        let dates = [
            (OcsfDateField::FindingInfoModifiedTimeDt, slice.updated),
            (OcsfDateField::FindingInfoCreatedTimeDt, slice.created),
        ];
        for (field, (from, to)) in dates.into_iter().filter_map(|(field, span)| Some((field, span?))) {
            let text = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
            let between = DateFilter::builder().start(text(from)).end(text(to)).build();
            all = all.date_filters(OcsfDateFilter::builder().field_name(field).filter(between).build());
            any = true;
        }
        any.then(|| OcsfFindingFilters::builder().composite_filters(all.build()).build())
    }
}
