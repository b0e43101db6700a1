//! The few filters that the finding services' stand-ins know. A filter that they do not know is
//! refused: ignoring it would widen the answer and hide a mistake.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Which documents a call asks for, or the name of the filter that is not known.
pub fn asff<'a>(documents: &'a [Value], filters: &Value) -> Result<Vec<&'a Value>, String> {
    let mut kept: Vec<&Value> = documents.iter().collect();
    let Some(filters) = filters.as_object() else {
        return Ok(kept);
    };
    for (name, wanted) in filters {
        let wanted = wanted.as_array().cloned().unwrap_or_default();
        if name == "UpdatedAt" {
            kept.retain(|document| {
                wanted
                    .iter()
                    .any(|range| within(&document["UpdatedAt"], range))
            });
            continue;
        }
        let pointer = match name.as_str() {
            "RecordState" => "/RecordState",
            "WorkflowStatus" => "/Workflow/Status",
            "ComplianceStatus" => "/Compliance/Status",
            "SeverityLabel" => "/Severity/Label",
            "ProductName" => "/ProductName",
            "Id" => "/Id",
            "AwsAccountId" => "/AwsAccountId",
            "Region" => "/Region",
            other => return Err(other.to_owned()),
        };
        kept.retain(|document| matches(document.pointer(pointer), &wanted));
    }
    Ok(kept)
}

/// Values with EQUALS and PREFIX are alternatives, those with NOT_EQUALS all count.
fn matches(actual: Option<&Value>, wanted: &[Value]) -> bool {
    let actual = actual.and_then(Value::as_str).unwrap_or_default();
    let (not, any): (Vec<&Value>, Vec<&Value>) = wanted
        .iter()
        .partition(|one| one["Comparison"] == "NOT_EQUALS");
    let value = |one: &Value| one["Value"].as_str().unwrap_or_default().to_owned();
    let hit = |one: &&Value| match one["Comparison"].as_str() {
        Some("PREFIX") => actual.starts_with(&value(one)),
        _ => actual == value(one),
    };
    not.iter().all(|one| actual != value(one)) && (any.is_empty() || any.iter().any(hit))
}

fn within(time: &Value, range: &Value) -> bool {
    let parse = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<DateTime<Utc>>().ok())
    };
    let Some(time) = parse(time) else {
        return false;
    };
    parse(&range["Start"]).is_none_or(|start| time >= start)
        && parse(&range["End"]).is_none_or(|end| time <= end)
}
