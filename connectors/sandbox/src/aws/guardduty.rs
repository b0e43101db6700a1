//! GuardDuty: `ListDetectors`, `ListFindings` and `GetFindings`, 50 at a time. The last page has an
//! empty `nextToken`.

use serde_json::{Value, json};

use super::call::Call;
use super::pages::{BadPage, Pages};
use super::reply::{Answer, Refusal};
use crate::estate::{Detector, Estate};

const LARGEST_PAGE: usize = 50;

pub fn answer(call: &Call, estate: &Estate, pages: &Pages) -> Result<Answer, Refusal> {
    let cell = estate
        .account(&call.account)
        .and_then(|account| account.cell(&call.region));
    let detector = cell.and_then(|cell| cell.detector.as_ref());
    if call.operation == "ListDetectors" {
        let ids: Vec<&str> = detector
            .iter()
            .map(|detector| detector.id.as_str())
            .collect();
        return Ok(Answer::json(&json!({ "detectorIds": ids })));
    }
    let detector = detector.filter(|detector| Some(&detector.id) == call.subject.as_ref());
    let detector = detector.ok_or_else(|| {
        bad("The request is rejected because the input detectorId is not owned by the current account.")
    })?;
    if call.operation == "GetFindings" {
        get(call, detector)
    } else {
        list(call, detector, pages)
    }
}

fn list(call: &Call, detector: &Detector, pages: &Pages) -> Result<Answer, Refusal> {
    let mut kept = Vec::new();
    for finding in &detector.findings {
        if wanted(finding, &call.json["findingCriteria"])? {
            kept.push(finding["id"].as_str().unwrap_or_default());
        }
    }
    let (page, next) = pages
        .cut(call, ("maxResults", "nextToken"), LARGEST_PAGE, &kept)
        .map_err(|why| match why {
            BadPage::Size => {
                bad("The request is rejected because maxResults must be between 1 and 50.")
            }
            BadPage::Token => {
                bad("The request is rejected because the parameter nextToken has an invalid value.")
            }
        })?;
    Ok(Answer::json(
        &json!({ "findingIds": page, "nextToken": next.unwrap_or_default() }),
    ))
}

/// Four criteria are known: `accountId` and `service.archived` by equality, `updatedAt` (milliseconds) and `severity` by
/// bounds.
fn wanted(finding: &Value, criteria: &Value) -> Result<bool, Refusal> {
    for (name, condition) in criteria["criterion"].as_object().into_iter().flatten() {
        let matches = match name.as_str() {
            "accountId" => equals(finding["accountId"].as_str().unwrap_or_default(), condition),
            "service.archived" => {
                let archived = finding["service"]["archived"].as_bool().unwrap_or(false);
                equals(&archived.to_string(), condition)
            }
            "updatedAt" => {
                let time = finding["updatedAt"]
                    .as_str()
                    .and_then(|t| t.parse::<chrono::DateTime<chrono::Utc>>().ok());
                time.is_some_and(|time| bounded(time.timestamp_millis() as f64, condition))
            }
            "severity" => bounded(finding["severity"].as_f64().unwrap_or_default(), condition),
            other => {
                return Err(bad(&format!(
                    "the stand-in does not know the criterion {other}"
                )));
            }
        };
        if !matches {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equals(actual: &str, condition: &Value) -> bool {
    let values = condition.get("eq").or_else(|| condition.get("equals"));
    let values = values.and_then(Value::as_array);
    values.is_some_and(|values| values.iter().any(|value| value == actual))
}

fn bounded(actual: f64, condition: &Value) -> bool {
    let bound = |old: &str, new: &str| {
        let value = condition.get(old).or_else(|| condition.get(new));
        value.and_then(Value::as_f64)
    };
    bound("gte", "greaterThanOrEqual").is_none_or(|b| actual >= b)
        && bound("lte", "lessThanOrEqual").is_none_or(|b| actual <= b)
        && bound("gt", "greaterThan").is_none_or(|b| actual > b)
        && bound("lt", "lessThan").is_none_or(|b| actual < b)
}

fn get(call: &Call, detector: &Detector) -> Result<Answer, Refusal> {
    let ids = call.json["findingIds"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if ids.is_empty() || ids.len() > LARGEST_PAGE {
        return Err(bad(
            "The request is rejected because findingIds must name 1 to 50 findings.",
        ));
    }
    let found: Vec<&Value> = detector
        .findings
        .iter()
        .filter(|finding| ids.contains(&finding["id"]))
        .collect();
    Ok(Answer::json(&json!({ "findings": found })))
}

fn bad(message: &str) -> Refusal {
    Refusal::new(400, "BadRequestException", message)
}
