//! The few filters that the finding services' stand-ins know. A filter that they do not know is
//! refused: ignoring it would widen the answer and hide a mistake.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// Which documents a call asks for, by their positions, or the name of the filter that is not known.
pub fn asff(documents: &[Value], filters: &Value) -> Result<Vec<usize>, String> {
    let mut kept: Vec<usize> = (0..documents.len()).collect();
    let Some(filters) = filters.as_object() else {
        return Ok(kept);
    };
    for (name, wanted) in filters {
        let wanted = wanted.as_array().cloned().unwrap_or_default();
        let pointer = match name.as_str() {
            "UpdatedAt" | "CreatedAt" => {
                let any = |time: &Value| wanted.iter().any(|range| within(time, range));
                kept.retain(|at| any(&documents[*at][name.as_str()]));
                continue;
            }
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
        kept.retain(|at| matches(documents[*at].pointer(pointer), &wanted));
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

/// Both ends count in.
fn within(time: &Value, range: &Value) -> bool {
    let (Some(time), start, end) = (
        time.as_str(),
        range["Start"].as_str(),
        range["End"].as_str(),
    ) else {
        return false;
    };
    start.is_none_or(|start| not_after(start, time)) && end.is_none_or(|end| not_after(time, end))
}

/// Times that are written alike are in the order of their letters.
fn not_after(one: &str, other: &str) -> bool {
    if one.len() == other.len() && one.ends_with('Z') && other.ends_with('Z') {
        return one <= other;
    }
    let parse = |text: &str| text.parse::<DateTime<Utc>>().ok();
    matches!((parse(one), parse(other)), (Some(one), Some(other)) if one <= other)
}

/// Which OCSF documents a call asks for, by their positions, or the name of the filter that is not known.
pub fn ocsf(documents: &[Value], filters: &Value) -> Result<Vec<usize>, String> {
    let mut kept: Vec<usize> = (0..documents.len()).collect();
    let composites = filters["CompositeFilters"].as_array();
    if let Some(operator) = filters["CompositeOperator"]
        .as_str()
        .filter(|o| *o != "AND")
    {
        return Err(format!("CompositeOperator {operator}"));
    }
    for composite in composites.into_iter().flatten() {
        for (name, wanted) in composite.as_object().into_iter().flatten() {
            let wanted = wanted.as_array().map(Vec::as_slice).unwrap_or_default();
            match name.as_str() {
                "Operator" if composite[name] == "AND" => {}
                "StringFilters" | "DateFilters" => {
                    for one in wanted {
                        let field = one["FieldName"].as_str().unwrap_or_default();
                        let pointer = pointer(name, field).ok_or_else(|| field.to_owned())?;
                        let filter = &one["Filter"];
                        kept.retain(
                            |at| match (documents[*at].pointer(pointer), name.as_str()) {
                                (Some(time), "DateFilters") => within(time, filter),
                                (None, "DateFilters") => false,
                                (text, _) => matches(text, std::slice::from_ref(filter)),
                            },
                        );
                    }
                }
                other => return Err(other.to_owned()),
            }
        }
    }
    Ok(kept)
}

/// Where the field of an OCSF filter stands.
fn pointer(kind: &str, field: &str) -> Option<&'static str> {
    Some(match (kind, field) {
        ("StringFilters", "cloud.account.uid") => "/cloud/account/uid",
        ("StringFilters", "cloud.region") => "/cloud/region",
        ("StringFilters", "finding_info.uid") => "/finding_info/uid",
        ("StringFilters", "metadata.uid") => "/metadata/uid",
        ("StringFilters", "status") => "/status",
        ("DateFilters", "finding_info.created_time_dt") => "/finding_info/created_time_dt",
        ("DateFilters", "finding_info.modified_time_dt") => "/finding_info/modified_time_dt",
        _ => return None,
    })
}
