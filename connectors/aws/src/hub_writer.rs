//! Writing back to Security Hub: `GetFindings` by id just before, `BatchUpdateFindings` a hundred at a time. The only
//! call of this crate that changes anything; whoever does not opt in never makes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_securityhub::types::{
    AwsSecurityFindingFilters, AwsSecurityFindingIdentifier, StringFilter, StringFilterComparison,
    VerificationState, WorkflowStatus, WorkflowUpdate,
};
use poamd_contract::account::AccountAccess;
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::health::Check;
use poamd_contract::hub::{HubChange, HubId, HubRefusal, HubWriter, Standing};
use poamd_contract::ids::Region;
use serde::Deserialize;

use crate::cell::Cell;
use crate::error::{Kind, Trouble, one_line};
use crate::operation::{Operation, Rate};
use crate::session::Session;
use crate::sources::GET_HUB_FINDINGS;
use crate::tokens::{Step, Tokens};

/// Published: 10 a second, burst 30 (`reliability-security.md` 6.1).
pub(crate) const BATCH_UPDATE: Operation = Operation::new(
    "securityhub",
    "BatchUpdateFindings",
    "securityhub:BatchUpdateFindings",
    Rate::new(10, 30),
);
/// Findings a call takes.
const MOST: usize = 100;
/// A filter takes 20 values.
const IDS: usize = 20;
const PAGE: i32 = 100;

pub(crate) struct HubWriteBack {
    session: Arc<Session>,
}

impl HubWriteBack {
    pub(crate) fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

/// The parts of a finding that are ours to look at; whatever else is wrong with it does not matter here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Seen {
    id: String,
    product_arn: String,
    aws_account_id: String,
    workflow: Option<SeenWorkflow>,
    verification_state: Option<String>,
    user_defined_fields: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SeenWorkflow {
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    findings: Vec<Seen>,
    #[serde(default)]
    next_token: Option<String>,
}

#[async_trait]
impl HubWriter for HubWriteBack {
    fn service(&self) -> &'static str {
        "securityhub"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[BATCH_UPDATE.action]
    }

    fn most(&self) -> usize {
        MOST
    }

    async fn read(
        &self,
        account: &AccountAccess,
        region: &Region,
        ids: &[String],
    ) -> Result<Vec<Standing>> {
        let cell = self.session.cell(account, region).await.map_err(error)?;
        let mut standing = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS) {
            standing.extend(by_id(&cell, ids).await.map_err(error)?);
        }
        Ok(standing)
    }

    async fn write(
        &self,
        account: &AccountAccess,
        region: &Region,
        ids: &[HubId],
        change: &HubChange,
    ) -> Result<Vec<HubRefusal>> {
        let cell = self.session.cell(account, region).await.map_err(error)?;
        let client = cell.securityhub().map_err(error)?;
        let identifiers: Vec<_> = ids.iter().map(identifier).collect();
        let fields: Option<HashMap<String, String>> = change.fields.clone().map(HashMap::from_iter);
        let workflow = change.workflow.map(|to| {
            WorkflowUpdate::builder()
                .status(WorkflowStatus::from(to.as_str()))
                .build()
        });
        let verification = change
            .verification
            .map(|to| VerificationState::from(to.as_str()));
        let call = client
            .batch_update_findings()
            .set_finding_identifiers(Some(identifiers))
            .set_user_defined_fields(fields)
            .set_workflow(workflow)
            .set_verification_state(verification);
        let reply = cell
            .once(&BATCH_UPDATE, || Box::pin(call.clone().send()))
            .await
            .map_err(error)?;
        let refused = reply
            .unprocessed_findings
            .unwrap_or_default()
            .into_iter()
            .filter_map(|one| {
                let id = one.finding_identifier?;
                let words = [one.error_code, one.error_message]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>();
                Some(HubRefusal {
                    id: HubId {
                        id: id.id?,
                        product: id.product_arn?,
                    },
                    why: one_line(&words.join(": ")),
                })
            });
        Ok(refused.collect())
    }

    async fn health(&self, account: &AccountAccess, region: &Region) -> Check {
        let name = format!("write-back: account {} region {region}", account.id);
        match self
            .read(account, region, &["poamd-health-check".to_owned()])
            .await
        {
            Ok(_) => Check::ok(
                name,
                "can be read; whether it can be written shows with the first write (docs/aws-writeback-permissions.json)",
            ),
            Err(error) => Check::failed(name, error.what),
        }
    }
}

fn identifier(id: &HubId) -> AwsSecurityFindingIdentifier {
    AwsSecurityFindingIdentifier::builder()
        .id(&id.id)
        .product_arn(&id.product)
        .build()
}

/// All that the hub holds under at most [`IDS`] ids.
async fn by_id(cell: &Cell, ids: &[String]) -> Result<Vec<Standing>, Trouble> {
    let client = cell.securityhub()?;
    let equals = |id: &String| {
        StringFilter::builder()
            .value(id)
            .comparison(StringFilterComparison::Equals)
            .build()
    };
    let filters = AwsSecurityFindingFilters::builder()
        .set_id(Some(ids.iter().map(equals).collect()))
        .build();
    let mut tokens = Tokens::default();
    let mut found = Vec::new();
    loop {
        let token = tokens.next();
        let body = cell
            .raw(&GET_HUB_FINDINGS, |tape| {
                let call = client
                    .get_findings()
                    .filters(filters.clone())
                    .max_results(PAGE)
                    .set_next_token(token.clone());
                Box::pin(call.customize().interceptor(tape).send())
            })
            .await?;
        let unusable = |cause: &str| Trouble::unusable(&cell.place(&GET_HUB_FINDINGS), cause);
        let reply: Reply = serde_json::from_slice(&body).map_err(|e| unusable(&e.to_string()))?;
        found.extend(reply.findings.into_iter().map(standing));
        match tokens.advance(reply.next_token) {
            Step::More => {}
            Step::Last => return Ok(found),
            Step::Circle => return Err(unusable("its page tokens go in a circle")),
        }
    }
}

fn standing(seen: Seen) -> Standing {
    Standing {
        id: HubId {
            id: seen.id,
            product: seen.product_arn,
        },
        account: seen.aws_account_id,
        workflow: seen.workflow.map_or_else(String::new, |w| w.status),
        verification: seen.verification_state.unwrap_or_default(),
        fields: seen.user_defined_fields.unwrap_or_default(),
    }
}

/// What a caller that wants to write may do about it.
fn error(trouble: Trouble) -> ConnectorError {
    let retry = match trouble.kind {
        Kind::Denied | Kind::Skewed => Retry::Auth,
        // Renewed with the next call.
        Kind::Expired => Retry::Later(None),
        Kind::Off => Retry::Gone,
        Kind::Throttled => Retry::Later(trouble.retry_after.or(Some(Duration::from_secs(1)))),
        Kind::Transient => Retry::Unclear,
        Kind::Absent | Kind::TokenRejected | Kind::Other => Retry::Never,
    };
    ConnectorError::new(retry, trouble.what)
}
