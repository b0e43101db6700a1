//! Inspector (the second): `ListFindings`, pages of 1 to 100; and Inspector Classic, which has ended.

use serde_json::{Value, json};

use super::call::Call;
use super::faults::service_off;
use super::pages::{BadPage, Pages};
use super::reply::{Answer, Refusal};
use crate::estate::Estate;

const LARGEST_PAGE: usize = 100;

pub fn answer(call: &Call, estate: &Estate, pages: &Pages) -> Result<Answer, Refusal> {
    let cell = estate
        .account(&call.account)
        .and_then(|account| account.cell(&call.region));
    let findings = cell
        .and_then(|cell| cell.inspector.as_deref())
        .ok_or_else(|| service_off(call))?;
    let criteria = &call.json["filterCriteria"];
    let mut kept = Vec::new();
    for finding in findings {
        if wanted(finding, criteria)? {
            kept.push(finding);
        }
    }
    let (page, next) = pages
        .cut(call, ("maxResults", "nextToken"), LARGEST_PAGE, &kept)
        .map_err(|why| match why {
            BadPage::Size => invalid("maxResults must be between 1 and 100"),
            BadPage::Token => invalid("nextToken does not belong to these parameters"),
        })?;
    let mut reply = json!({ "findings": page });
    if let Some(token) = next {
        reply["nextToken"] = json!(token);
    }
    Ok(Answer::json(&reply))
}

/// Two criteria are known: `findingStatus` (EQUALS) and `updatedAt` (seconds, both ends included).
fn wanted(finding: &Value, criteria: &Value) -> Result<bool, Refusal> {
    for (name, conditions) in criteria.as_object().into_iter().flatten() {
        let conditions = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
        let matches = |condition: &Value| match name.as_str() {
            "findingStatus" => condition["value"] == finding["status"],
            _ => {
                let (time, start) = (
                    finding["updatedAt"].as_f64(),
                    condition["startInclusive"].as_f64(),
                );
                let end = condition["endInclusive"].as_f64();
                time >= start && (end.is_none() || time <= end)
            }
        };
        if !["findingStatus", "updatedAt"].contains(&name.as_str()) {
            return Err(invalid(&format!(
                "the stand-in does not know the criterion {name}"
            )));
        }
        if !conditions.iter().any(matches) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "ValidationException", message)
}

/// What Inspector Classic says since 20 May 2026.
pub fn classic() -> Refusal {
    Refusal::new(400, "UnknownOperationException", "The service has ended")
}
