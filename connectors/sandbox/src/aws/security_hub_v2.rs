//! The new Security Hub: `GetFindingsV2` (pages of 1 to 100) and `DescribeSecurityHubV2`.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use super::filters;
use super::listings::Listings;
use super::pages::{self, BadPage, Pages};
use super::reply::{Answer, Refusal};
use crate::estate::Estate;

const LARGEST_PAGE: usize = 100;
const KNOWN: [&str; 3] = ["Filters", "NextToken", "MaxResults"];
const PAGING: (&str, &str) = ("MaxResults", "NextToken");

/// A page, written without a copy of it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    findings: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Whether a call is one of the new hub's.
pub fn is_for(call: &Call) -> bool {
    call.service == "securityhub" && call.operation.ends_with("V2")
}

pub fn answer(
    call: &Call,
    estate: &Estate,
    pages: &Pages,
    listings: &Listings,
) -> Result<Answer, Refusal> {
    let account = estate.account(&call.account);
    let hub = account
        .and_then(|account| account.cell(&call.region))
        .and_then(|cell| cell.hub_v2.as_deref());
    if call.operation == "DescribeSecurityHubV2" {
        let (Some(account), Some(_)) = (account, hub) else {
            return Err(off());
        };
        let arn = format!(
            "arn:{}:securityhub:{}:{}:hubv2/default",
            account.partition, call.region, call.account
        );
        let since = "2026-01-01T00:00:00.000Z";
        return Ok(Answer::json(
            &json!({ "HubV2Arn": arn, "SubscribedAt": since }),
        ));
    }
    if let Some(unknown) = call
        .json
        .as_object()
        .and_then(|fields| fields.keys().find(|k| !KNOWN.contains(&k.as_str())))
    {
        return Err(invalid(format!("Unknown parameter {unknown}")));
    }
    // What it says while it is off is not documented: an empty list misleads most.
    let findings = hub.unwrap_or_default();
    let kept = listings.of(&pages::query(call, PAGING), || {
        filters::ocsf(findings, &call.json["Filters"])
            .map_err(|name| invalid(format!("the stand-in does not know the filter {name}")))
    })?;
    let (page, next_token) =
        pages
            .cut(call, PAGING, LARGEST_PAGE, &kept)
            .map_err(|why| match why {
                BadPage::Size => invalid("MaxResults must be between 1 and 100".to_owned()),
                BadPage::Token => invalid(
                    "Invalid parameter: NextToken does not belong to these parameters".to_owned(),
                ),
            })?;
    let findings = page.iter().map(|at| &findings[*at]).collect();
    Ok(Answer::json_of(&Page {
        findings,
        next_token,
    }))
}

/// What `DescribeSecurityHubV2` says where it was never switched on.
pub fn off() -> Refusal {
    Refusal::new(
        404,
        "ResourceNotFoundException",
        "The Security Hub V2 resource was not found",
    )
}

fn invalid(message: String) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}
