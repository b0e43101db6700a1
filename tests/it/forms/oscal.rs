//! OSCAL documents against NIST's schemas.

use std::collections::BTreeSet;

use jsonschema::Validator;
use poamd::exchange::oscal::{Version, poam, results};
use serde_json::Value;

use super::ledger;

fn validator(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn check(validator: &Validator, bytes: &[u8]) -> Value {
    let document: Value = serde_json::from_slice(bytes).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&document)
        .map(|e| format!("{} at {}", e, e.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    document
}

/// A dataset in which every text that people or sources write is empty or nothing but blanks.
fn blank() -> poamd::exchange::dataset::Dataset {
    let mut data = ledger::data();
    for record in &mut data.records {
        record.title = " \n".to_owned();
        record.description.clear();
        record.recommendation = "\t".to_owned();
        record.plan = Some(" ".to_owned());
        record.due_rule.clear();
        record.sources = vec![" ".to_owned()];
        record.contact = Some(String::new());
        record.assets.clear();
        record.findings.clear();
        for milestone in &mut record.milestones {
            milestone.description = "\r\n".to_owned();
        }
        for deviation in &mut record.deviations {
            deviation.rationale.clear();
            deviation.mitigations = " ".to_owned();
            deviation.requested_by.clear();
        }
        for document in &mut record.documents {
            document.name.clear();
            document.kind.clear();
            document.media_type.clear();
        }
    }
    data.system.provider.clear();
    data.system.contact = None;
    data
}

#[test]
fn the_plan_is_valid_in_both_versions_whatever_the_texts_are() {
    for (version, schema) in [
        (
            Version::V1_2_1,
            include_str!("../../fixtures/oscal/oscal_poam_schema-1.2.1.json"),
        ),
        (
            Version::V1_1_3,
            include_str!("../../fixtures/oscal/oscal_poam_schema-1.1.3.json"),
        ),
    ] {
        let validator = validator(schema);
        for data in [ledger::data(), blank()] {
            check(&validator, &poam(&data, version).unwrap());
        }
        let mut broken: Value =
            serde_json::from_slice(&poam(&ledger::data(), version).unwrap()).unwrap();
        broken["plan-of-action-and-milestones"]["poam-items"] = Value::Array(Vec::new());
        assert!(!validator.is_valid(&broken));
    }
}

#[test]
fn assessment_results_are_valid() {
    let validator = validator(include_str!(
        "../../fixtures/oscal/oscal_assessment-results_schema-1.2.1.json"
    ));
    let document = check(
        &validator,
        &results(&ledger::data(), Version::V1_2_1).unwrap(),
    );
    check(&validator, &results(&blank(), Version::V1_2_1).unwrap());
    let result = &document["assessment-results"]["results"][0];
    assert_eq!(result["findings"][0]["target"]["target-id"], "ac-3.7_obj");
    assert_eq!(result["findings"].as_array().unwrap().len(), 2);
}

/// Every value under a key, wherever it stands.
fn gather<'v>(value: &'v Value, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<&'v str>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if let (true, Some(text)) = (wanted(key), value.as_str()) {
                    found.push(text);
                }
                gather(value, wanted, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|v| gather(v, wanted, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_to_an_object_and_no_identifier_stands_twice() {
    for bytes in [
        poam(&ledger::data(), Version::V1_2_1).unwrap(),
        results(&ledger::data(), Version::V1_2_1).unwrap(),
    ] {
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let mut ids = Vec::new();
        gather(&document, &|key| key == "uuid", &mut ids);
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len());
        let mut named = Vec::new();
        gather(&document, &|key| key.ends_with("-uuid"), &mut named);
        let mut links = Vec::new();
        gather(&document, &|key| key == "href", &mut links);
        named.extend(links.iter().filter_map(|link| link.strip_prefix('#')));
        assert!(named.len() > 20);
        for name in named {
            assert!(unique.contains(name), "{name} leads nowhere");
        }
    }
}

#[test]
fn a_record_is_mapped_as_fedramps_templates_do() {
    let document: Value =
        serde_json::from_slice(&poam(&ledger::data(), Version::V1_2_1).unwrap()).unwrap();
    let plan = &document["plan-of-action-and-milestones"];
    assert_eq!(plan["system-id"]["id"], "FR42");
    assert_eq!(plan["poam-items"].as_array().unwrap().len(), 7);
    let item = &plan["poam-items"][0];
    assert_eq!(item["props"][0]["name"], "POAM-ID");
    assert_eq!(item["props"][0]["value"], "POAM-000001");
    let risk = &plan["risks"][0];
    assert_eq!(risk["uuid"], item["related-risks"][0]["risk-uuid"]);
    assert_eq!(risk["deadline"], "2026-09-02T00:00:00Z");
    assert_eq!(risk["status"], "deviation-requested");
    let prop = |name: &str| {
        let props = risk["props"].as_array().unwrap();
        let found = props.iter().find(|p| p["name"] == name);
        found.map(|p| p["value"].as_str().unwrap().to_owned())
    };
    assert_eq!(prop("impacted-control-id").as_deref(), Some("ac-3.7"));
    assert_eq!(prop("risk-adjustment").as_deref(), Some("pending"));
    assert_eq!(prop("ticket").as_deref(), Some("GRC-4301"));
    let remediations = risk["remediations"].as_array().unwrap();
    let cycles: Vec<&str> = remediations
        .iter()
        .map(|r| r["lifecycle"].as_str().unwrap())
        .collect();
    assert_eq!(cycles, ["recommendation", "planned"]);
    assert_eq!(remediations[1]["tasks"].as_array().unwrap().len(), 2);
    let log = risk["risk-log"]["entries"].as_array().unwrap();
    let kinds: Vec<&str> = log
        .iter()
        .map(|e| e["props"][0]["value"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "status-update",
            "milestone-complete",
            "dr-updated",
            "dr-submission",
            "status-update",
            "status-update"
        ]
    );
    let statuses: Vec<&str> = plan["risks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "deviation-requested",
            "open",
            "closed",
            "closed",
            "open",
            "deviation-approved",
            "closed"
        ]
    );
}

#[test]
fn identifiers_stay_from_one_export_to_the_next() {
    let (_folder, store) = ledger::store();
    let ids = |day: &str| -> (String, String) {
        let data = ledger::read(&store, Some(ledger::day(day)));
        let plan: Value = serde_json::from_slice(&poam(&data, Version::V1_2_1).unwrap()).unwrap();
        let plan = &plan["plan-of-action-and-milestones"];
        let text = |value: &Value| value["uuid"].as_str().unwrap().to_owned();
        let risks = plan["risks"].as_array().unwrap();
        let bucket = risks
            .iter()
            .find(|r| r["statement"].as_str().unwrap().starts_with("S3.8 "));
        (text(plan), text(bucket.unwrap()))
    };
    let (first, second) = (ids("2026-10-30"), ids("2026-11-20"));
    assert_ne!(first.0, second.0, "another document");
    assert_eq!(first.1, second.1, "the same risk");
}

#[test]
fn nothing_to_write_is_told() {
    let mut data = ledger::data();
    data.records.clear();
    let told = poam(&data, Version::V1_2_1).unwrap_err().to_string();
    assert!(told.contains("at least one item"), "{told}");
}
