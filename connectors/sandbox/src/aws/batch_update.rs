//! Security Hub's `BatchUpdateFindings`: at most 100 findings, the fields that customers may set, others untouched. As the
//! real one it replaces user fields as a whole and leaves `UpdatedAt` alone.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::faults::service_off;
use super::reply::{Answer, Refusal};
use crate::estate::Estate;

const MOST: usize = 100;
const MOST_FIELDS: usize = 50;
const KNOWN: [&str; 4] = [
    "FindingIdentifiers",
    "UserDefinedFields",
    "Workflow",
    "VerificationState",
];
const STATUSES: [&str; 4] = ["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"];
const VERIFICATIONS: [&str; 4] = [
    "UNKNOWN",
    "TRUE_POSITIVE",
    "FALSE_POSITIVE",
    "BENIGN_POSITIVE",
];

/// `left_out` of the first findings are not processed, as a fault has it.
pub fn answer(call: &Call, estate: &mut Estate, left_out: usize) -> Result<Answer, Refusal> {
    check(&call.json)?;
    let hub = estate
        .account_mut(&call.account)
        .and_then(|account| account.cell_mut(&call.region))
        .and_then(|cell| cell.hub.as_mut());
    let Some(findings) = hub else {
        return Err(service_off(call));
    };
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    for (index, one) in list(&call.json["FindingIdentifiers"]).iter().enumerate() {
        let refuse = |code: &str, message: &str| json!({ "FindingIdentifier": one, "ErrorCode": code, "ErrorMessage": message });
        if index < left_out {
            unprocessed.push(refuse("InternalException", "Try again."));
            continue;
        }
        let is = |f: &&mut Value| f["Id"] == one["Id"] && f["ProductArn"] == one["ProductArn"];
        match findings.iter_mut().find(is) {
            Some(finding) => {
                change(finding, &call.json);
                processed.push(one.clone());
            }
            None => unprocessed.push(refuse("FindingNotFound", "The finding does not exist.")),
        }
    }
    Ok(Answer::json(
        &json!({ "ProcessedFindings": processed, "UnprocessedFindings": unprocessed }),
    ))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn change(finding: &mut Value, wanted: &Value) {
    for name in ["UserDefinedFields", "VerificationState"] {
        if let Some(value) = wanted.get(name) {
            finding[name] = value.clone();
        }
    }
    if let Some(workflow) = wanted.get("Workflow") {
        finding["Workflow"] = workflow.clone();
    }
}

fn check(json: &Value) -> Result<(), Refusal> {
    let invalid = |message: String| Err(Refusal::new(400, "InvalidInputException", message));
    let empty = Map::new();
    let asked = json.as_object().unwrap_or(&empty);
    if let Some(unknown) = asked.keys().find(|k| !KNOWN.contains(&k.as_str())) {
        return invalid(format!("the stand-in does not set {unknown}"));
    }
    let count = list(&json["FindingIdentifiers"]).len();
    if count == 0 || count > MOST {
        return invalid(format!("1 to {MOST} findings, not {count}"));
    }
    let fields = asked.get("UserDefinedFields").and_then(Value::as_object);
    if fields.is_some_and(|f| f.is_empty() || f.len() > MOST_FIELDS) {
        return invalid(format!("1 to {MOST_FIELDS} user-defined fields"));
    }
    let blank = |value: &Value| value.as_str().is_none_or(|text| text.trim().is_empty());
    if fields.is_some_and(|f| f.values().any(blank)) {
        return invalid("a user-defined field is empty".to_owned());
    }
    let status = json["Workflow"]["Status"].as_str();
    if status.is_some_and(|s| !STATUSES.contains(&s)) {
        return invalid("no such workflow status".to_owned());
    }
    let verification = json["VerificationState"].as_str();
    if verification.is_some_and(|v| !VERIFICATIONS.contains(&v)) {
        return invalid("no such verification state".to_owned());
    }
    Ok(())
}
