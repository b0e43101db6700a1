//! Security Hub: `GetFindings` (pages of 1 to 100) and `DescribeHub`.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use super::faults::service_off;
use super::filters;
use super::listings::Listings;
use super::pages::{self, BadPage, Pages};
use super::reply::{Answer, Refusal};
use crate::estate::Estate;

const LARGEST_PAGE: usize = 100;
const KNOWN: [&str; 4] = ["Filters", "SortCriteria", "NextToken", "MaxResults"];

const PAGING: (&str, &str) = ("MaxResults", "NextToken");

/// A page, written without a copy of it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    findings: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
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
        .and_then(|cell| cell.hub.as_deref());
    let (Some(account), Some(findings)) = (account, hub) else {
        return Err(service_off(call));
    };
    if call.operation == "DescribeHub" {
        let arn = format!(
            "arn:{}:securityhub:{}:{}:hub/default",
            account.partition, call.region, call.account
        );
        return Ok(Answer::json(
            &json!({ "HubArn": arn, "AutoEnableControls": true }),
        ));
    }
    if let Some(unknown) = call
        .json
        .as_object()
        .and_then(|fields| fields.keys().find(|k| !KNOWN.contains(&k.as_str())))
    {
        return Err(invalid(format!("Unknown parameter {unknown}")));
    }
    let kept = listings.of(&pages::query(call, PAGING), || {
        let mut kept = filters::asff(findings, &call.json["Filters"])
            .map_err(|name| invalid(format!("the stand-in does not know the filter {name}")))?;
        sort(&mut kept, findings, &call.json["SortCriteria"]);
        Ok(kept)
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

fn sort(kept: &mut [usize], documents: &[Value], criteria: &Value) {
    for one in criteria.as_array().into_iter().flatten().rev() {
        let field = one["Field"].as_str().unwrap_or_default();
        kept.sort_by_key(|at| documents[*at][field].as_str().unwrap_or_default());
        if one["SortOrder"] == "desc" {
            kept.reverse();
        }
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new(400, "InvalidInputException", message)
}
