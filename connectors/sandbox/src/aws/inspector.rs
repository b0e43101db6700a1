//! Inspector (the second): `ListFindings`, pages of 1 to 100, which scan types are on, and `BatchGetFindingDetails`; and
//! Inspector Classic, which has ended.

use serde_json::{Value, json};

use super::call::Call;
use super::faults::service_off;
use super::pages::{BadPage, Pages};
use super::reply::{Answer, Refusal};
use crate::estate::{Cell, Estate};

const LARGEST_PAGE: usize = 100;
const LARGEST_BATCH: usize = 10;
const SCANS: [&str; 5] = ["ec2", "ecr", "lambda", "lambdaCode", "codeRepository"];

pub fn answer(call: &Call, estate: &Estate, pages: &Pages) -> Result<Answer, Refusal> {
    let cell = |account: &str| estate.account(account).and_then(|a| a.cell(&call.region));
    if call.operation == "BatchGetAccountStatus" {
        return Ok(statuses(call, cell));
    }
    let cell = cell(&call.account).ok_or_else(|| service_off(call))?;
    if call.operation == "BatchGetFindingDetails" {
        return details(call, cell);
    }
    list(call, cell, pages)
}

/// What is known of up to ten findings beside the listing; of a finding that is not there, that nothing is.
fn details(call: &Call, cell: &Cell) -> Result<Answer, Refusal> {
    let findings = cell.inspector.as_deref().ok_or_else(|| service_off(call))?;
    let arns: Vec<&str> = match call.json["findingArns"].as_array() {
        Some(list) => list.iter().filter_map(Value::as_str).collect(),
        None => Vec::new(),
    };
    if arns.is_empty() || arns.len() > LARGEST_BATCH {
        return Err(invalid("findingArns must hold between 1 and 10 ARNs"));
    }
    let (mut known, mut errors) = (Vec::new(), Vec::new());
    for arn in arns {
        let listed = findings.iter().any(|finding| finding["findingArn"] == arn);
        match cell.inspector_details.get(arn).filter(|_| listed) {
            Some(detail) => known.push(detail.clone()),
            None => errors.push(json!({
                "findingArn": arn, "errorCode": "FINDING_DETAILS_NOT_FOUND",
                "errorMessage": "Finding details not found",
            })),
        }
    }
    Ok(Answer::json(
        &json!({ "findingDetails": known, "errors": errors }),
    ))
}

/// Of the caller's own account; the stand-in has no administrators.
fn statuses<'a>(call: &Call, cell: impl Fn(&str) -> Option<&'a Cell>) -> Answer {
    let asked = call.json["accountIds"].as_array();
    let asked = asked.into_iter().flatten().filter_map(Value::as_str);
    let (own, others): (Vec<&str>, Vec<&str>) = asked.partition(|id| *id == call.account);
    let state = |on: bool| {
        let status = if on { "ENABLED" } else { "DISABLED" };
        json!({ "status": status, "errorCode": "ALREADY_ENABLED", "errorMessage": "" })
    };
    let account = |id: &str| {
        let cell = cell(id);
        let all = cell.is_some_and(|cell| cell.inspector.is_some());
        let on = |scan: &str| all && cell.is_some_and(|cell| !is_off(cell, scan));
        let scans = SCANS.map(|scan| (scan.to_owned(), state(on(scan))));
        let scans: serde_json::Map<String, Value> = scans.into_iter().collect();
        json!({ "accountId": id, "state": state(all), "resourceState": scans })
    };
    let refused = |id: &str| json!({ "accountId": id, "errorCode": "ACCESS_DENIED", "errorMessage": "not a member" });
    Answer::json(&json!({
        "accounts": own.into_iter().map(account).collect::<Vec<_>>(),
        "failedAccounts": others.into_iter().map(refused).collect::<Vec<_>>(),
    }))
}

fn is_off(cell: &Cell, scan: &str) -> bool {
    cell.scans_off.iter().any(|off| off == scan)
}

/// The findings of a scan type that is off are not there, and nothing says so.
fn shown(cell: &Cell, finding: &Value) -> bool {
    let scan = match finding["resources"][0]["type"].as_str().unwrap_or_default() {
        "AWS_EC2_INSTANCE" => "ec2",
        _ => "ecr",
    };
    !is_off(cell, scan)
}

fn list(call: &Call, cell: &Cell, pages: &Pages) -> Result<Answer, Refusal> {
    let findings = cell.inspector.as_deref().ok_or_else(|| service_off(call))?;
    let criteria = &call.json["filterCriteria"];
    let mut kept = Vec::new();
    for finding in findings.iter().filter(|finding| shown(cell, finding)) {
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

/// Four criteria are known: `findingStatus` and `awsAccountId` (EQUALS), `updatedAt` and `firstObservedAt` (seconds, both
/// ends included).
fn wanted(finding: &Value, criteria: &Value) -> Result<bool, Refusal> {
    for (name, conditions) in criteria.as_object().into_iter().flatten() {
        let conditions = conditions.as_array().map(Vec::as_slice).unwrap_or_default();
        let between = |condition: &Value| {
            let time = finding[name.as_str()].as_f64();
            let (start, end) = (
                condition["startInclusive"].as_f64(),
                condition["endInclusive"].as_f64(),
            );
            time >= start && (end.is_none() || time <= end)
        };
        let matches = |condition: &Value| match name.as_str() {
            "findingStatus" => condition["value"] == finding["status"],
            "awsAccountId" => condition["value"] == finding["awsAccountId"],
            _ => between(condition),
        };
        let known = [
            "findingStatus",
            "awsAccountId",
            "updatedAt",
            "firstObservedAt",
        ];
        if !known.contains(&name.as_str()) {
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
