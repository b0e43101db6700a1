//! What the new Security Hub holds: the findings of Security Hub CSPM once more, as OCSF documents (version 1.5). Ids and
//! times are those of the ASFF copies, as AWS has it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::dice::Dice;

/// The OCSF copies of ASFF documents.
pub fn copies(documents: &[Value]) -> Vec<Value> {
    documents.iter().map(copy).collect()
}

/// The OCSF copy of one ASFF document.
pub fn copy(asff: &Value) -> Value {
    let text = |pointer: &str| {
        asff.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let product = text("/ProductArn").replacen(":product/", ":productv2/", 1);
    let vulnerable = asff["Vulnerabilities"].is_array();
    let (class, class_name) = match (vulnerable, asff["Compliance"].is_object()) {
        (true, _) => (2002, "Vulnerability Finding"),
        (_, true) => (2003, "Compliance Finding"),
        _ => (2004, "Detection Finding"),
    };
    // An archived finding is closed there.
    let (activity, status) = match (text("/RecordState"), text("/Workflow/Status")) {
        ("ARCHIVED", _) => ((3, "Close"), (5, "Archived")),
        (_, "NOTIFIED") => ((1, "Create"), (2, "In Progress")),
        (_, "SUPPRESSED") => ((1, "Create"), (3, "Suppressed")),
        (_, "RESOLVED") => ((1, "Create"), (4, "Resolved")),
        _ => ((1, "Create"), (1, "New")),
    };
    let (severity, severity_name) = severity(&asff["Severity"]);
    let mut document = json!({
        "activity_id": activity.0, "activity_name": activity.1,
        "category_name": "Findings", "category_uid": 2, "class_name": class_name, "class_uid": class,
        "type_name": format!("{class_name}: {}", activity.1), "type_uid": class * 100 + activity.0,
        "severity_id": severity, "severity": severity_name, "status_id": status.0, "status": status.1,
        "time": millis(text("/UpdatedAt")), "time_dt": asff["UpdatedAt"],
        "cloud": { "provider": "AWS", "region": asff["Region"],
            "account": { "uid": asff["AwsAccountId"], "type": "AWS Account" } },
        "metadata": {
            "product": { "name": asff["ProductName"], "vendor_name": asff["CompanyName"], "uid": product },
            "profiles": ["cloud", "datetime"], "version": "1.5.0",
            "uid": Dice::new(&[text("/Id"), &product]).hex(64),
        },
        "finding_info": {
            "uid": asff["Id"], "title": asff["Title"], "desc": asff["Description"], "types": asff["Types"],
            "analytic": { "uid": asff["GeneratorId"], "type": "Rule", "type_id": 1 },
            "first_seen_time": millis(text("/FirstObservedAt")), "first_seen_time_dt": asff["FirstObservedAt"],
            "last_seen_time": millis(text("/LastObservedAt")), "last_seen_time_dt": asff["LastObservedAt"],
            "created_time": millis(text("/CreatedAt")), "created_time_dt": asff["CreatedAt"],
            "modified_time": millis(text("/UpdatedAt")), "modified_time_dt": asff["UpdatedAt"],
        },
        "remediation": { "desc": text("/Remediation/Recommendation/Text"),
            "references": asff.pointer("/Remediation/Recommendation/Url").into_iter().collect::<Vec<_>>() },
        "resources": list(&asff["Resources"]).map(resource).collect::<Vec<_>>(),
    });
    if class == 2003 {
        document["compliance"] = compliance(&asff["Compliance"]);
    }
    if vulnerable {
        document["vulnerabilities"] = list(&asff["Vulnerabilities"]).map(vulnerability).collect();
    }
    document
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn millis(text: &str) -> Option<i64> {
    text.parse::<DateTime<Utc>>()
        .ok()
        .map(|time| time.timestamp_millis())
}

/// By its word; a product that gives a number only is rated by AWS's own bounds.
fn severity(of: &Value) -> (u8, &'static str) {
    let number = of["Normalized"].as_u64().unwrap_or_default();
    match (of["Label"].as_str(), number) {
        (Some("CRITICAL"), _) | (None, 90..) => (5, "Critical"),
        (Some("HIGH"), _) | (None, 70..) => (4, "High"),
        (Some("MEDIUM"), _) | (None, 40..) => (3, "Medium"),
        (Some("LOW"), _) | (None, 1..) => (2, "Low"),
        _ => (1, "Informational"),
    }
}

fn resource(of: &Value) -> Value {
    json!({
        "cloud_partition": of["Partition"], "region": of["Region"], "uid": of["Id"],
        "type": cloudformation(of["Type"].as_str().unwrap_or_default()),
    })
}

/// CloudFormation's name of the type, for those whose service is one word.
fn cloudformation(asff: &str) -> String {
    let name = asff.strip_prefix("Aws").unwrap_or(asff);
    let inner = name
        .char_indices()
        .skip(1)
        .find(|(_, c)| c.is_ascii_uppercase());
    match inner {
        Some((at, _)) if asff != name => {
            format!("AWS::{}::{}", name[..at].to_uppercase(), &name[at..])
        }
        _ => name.to_owned(),
    }
}

fn compliance(of: &Value) -> Value {
    let status = of["Status"].as_str().unwrap_or_default();
    let id = match status {
        "PASSED" => 1,
        "WARNING" => 2,
        "FAILED" => 3,
        _ => 99,
    };
    let standards: Vec<&Value> = list(&of["AssociatedStandards"])
        .map(|s| &s["StandardsId"])
        .collect();
    json!({
        "control": of["SecurityControlId"], "status": status, "status_id": id, "standards": standards,
        "requirements": list(&of["RelatedRequirements"]).collect::<Vec<_>>(),
    })
}

fn vulnerability(of: &Value) -> Value {
    let yes = |value: &Value| value == "YES";
    let packages = list(&of["VulnerablePackages"]).map(|package| {
        json!({
            "name": package["Name"], "version": package["Version"], "epoch": package["Epoch"],
            "package_manager": package["PackageManager"], "fixed_in_version": package["FixedInVersion"],
        })
    });
    let ratings = list(&of["Cvss"]).map(|rating| {
        json!({
            "base_score": rating["BaseScore"], "version": rating["Version"],
            "vector_string": rating["BaseVector"], "src_url": rating["Source"],
        })
    });
    json!({
        "cve": {
            "uid": of["Id"], "cvss": ratings.collect::<Vec<_>>(),
            "epss": { "score": of["EpssScore"].to_string() },
        },
        "is_fix_available": yes(&of["FixAvailable"]), "is_exploit_available": yes(&of["ExploitAvailable"]),
        "affected_packages": packages.collect::<Vec<_>>(),
    })
}
