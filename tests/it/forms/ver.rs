//! VER documents against FedRAMP's schemas.

use jsonschema::Validator;
use poamd::exchange::ver::{Document, html, json, markdown};
use serde_json::Value;

use super::ledger;

/// A schema, with the `#` that its references lack (they name `….json/$defs/…`).
fn schema(text: &str) -> Value {
    serde_json::from_str(&text.replace(".json/$defs/", ".json#/$defs/")).unwrap()
}

fn validator(which: Document) -> Validator {
    let common = schema(include_str!(
        "../../fixtures/fedramp/fedramp-common-definitions-schema-2026-06-24.json"
    ));
    let own = schema(match which {
        Document::History => include_str!(
            "../../fixtures/fedramp/fedramp-historical-ver-activity-schema-2026-06-24.json"
        ),
        Document::Detail => include_str!(
            "../../fixtures/fedramp/fedramp-vulnerability-detail-report-schema-2026-06-24.json"
        ),
        Document::Accepted => include_str!(
            "../../fixtures/fedramp/fedramp-accepted-vulnerability-info-schema-2026-06-24.json"
        ),
    });
    let id = common["$id"].as_str().unwrap().to_owned();
    let registry = jsonschema::Registry::new()
        .add(id, common)
        .unwrap()
        .prepare()
        .unwrap();
    jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&own)
        .unwrap()
}

fn document(which: Document) -> Value {
    serde_json::from_slice(&json(&ledger::data(), which, None).unwrap()).unwrap()
}

fn ids(list: &Value) -> Vec<&str> {
    let of = |v: &'static str| v;
    list.as_array()
        .unwrap()
        .iter()
        .map(|v| {
            let detail = v.get(of("vulnerabilityDetail")).unwrap_or(v);
            detail["providerTrackingId"].as_str().unwrap()
        })
        .collect()
}

#[test]
fn every_document_is_valid_and_a_broken_one_is_not() {
    for which in [Document::History, Document::Detail, Document::Accepted] {
        let validator = validator(which);
        let mut document = document(which);
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{which:?}: {errors:?}");
        let list = [
            "activeVulnerabilities",
            "vulnerabilities",
            "acceptedVulnerabilities",
        ];
        let list = list
            .into_iter()
            .find(|name| document.get(name).is_some())
            .unwrap();
        let first = &mut document[list][0];
        let first = if first.get("vulnerabilityDetail").is_some() {
            &mut first["vulnerabilityDetail"]
        } else {
            first
        };
        first["currentRating"] = 7.into();
        assert!(!validator.is_valid(&document), "{which:?}");
    }
}

#[test]
fn vulnerabilities_stand_where_the_rule_wants_them() {
    let history = document(Document::History);
    assert_eq!(
        ids(&history["activeVulnerabilities"]),
        ["POAM-000001", "POAM-000002", "POAM-000005"]
    );
    assert_eq!(ids(&history["acceptedVulnerabilities"]), ["POAM-000006"]);
    // Closed in the period: the open ones and it. The false positive ended before, the merged one goes on as another.
    let detail = document(Document::Detail);
    assert_eq!(
        ids(&detail["vulnerabilities"]),
        ["POAM-000001", "POAM-000002", "POAM-000005", "POAM-000003"]
    );
    assert_eq!(
        detail["vulnerabilities"][3]["finalDisposition"],
        "Fully Mitigated"
    );
    assert_eq!(detail["reportPeriod"]["from"], "2026-10-22T00:00:00Z");

    let bucket = &history["activeVulnerabilities"][0];
    assert_eq!(bucket["currentRating"], 2);
    assert_eq!(
        bucket["painReductionEvents"],
        serde_json::json!([{ "reducedAt": "2026-09-05T06:00:00Z", "rating": 2 }])
    );
    assert_eq!(bucket["projectedNextReduction"]["targetRating"], 1);
    assert_eq!(bucket["overdueStatus"]["isOverdue"], true);
    assert_eq!(
        bucket["vulnerabilityDescription"],
        "A bucket lacks block public access."
    );
    let attack = &history["activeVulnerabilities"][2];
    assert_eq!(
        attack["isLikelyExploitable"], true,
        "assumed without evidence against it"
    );
    assert_eq!(attack["currentRating"], 3);
    assert!(attack.get("isInternetReachable").is_none());
}

#[test]
fn what_is_shared_names_no_resource_and_no_address() {
    let data = ledger::data();
    let mut shared = vec![markdown(&data, None), html(&data, None)];
    for which in [Document::History, Document::Detail, Document::Accepted] {
        shared.push(String::from_utf8(json(&data, which, None).unwrap()).unwrap());
    }
    for text in shared {
        for secret in [
            "arn:",
            "198.51.100.7",
            "i-0aa11bb2",
            "123456789012",
            "3389",
            "acme-exports",
            "evil.example",
        ] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

#[test]
fn the_report_tells_people_all_of_it_and_runs_nothing() {
    let mut data = ledger::data();
    data.records[1].safe_description =
        Some("<script>x</script> | [a](javascript:b) `c`".to_owned());
    let text = markdown(&data, None);
    for part in [
        "## Overdue (2)",
        "## Active (3)",
        "## Ended in the period (1)",
        "## Accepted (1)",
        "Was due on 2026-09-02.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.contains("&lt;script&gt;x&lt;/script&gt; \\| \\[a\\](javascript:b) \\`c\\`"),
        "{text}"
    );
    let page = html(&data, None);
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;") && !page.contains("href"),
        "{page}"
    );
}

#[test]
fn a_document_without_its_package_is_none() {
    let mut data = ledger::data();
    data.system.package_uri = None;
    let told = json(&data, Document::History, None)
        .unwrap_err()
        .to_string();
    assert!(told.contains("[system] package_uri"), "{told}");
}

#[test]
fn what_is_not_done_in_192_days_is_accepted() {
    let mut data = ledger::data();
    data.records[0].evaluation.completed = "2026-05-14T00:00:00Z".parse().ok();
    let document: Value =
        serde_json::from_slice(&json(&data, Document::Accepted, None).unwrap()).unwrap();
    assert_eq!(
        ids(&document["acceptedVulnerabilities"]),
        ["POAM-000001", "POAM-000006"]
    );
    data.records[0].evaluation.completed = "2026-05-15T00:00:00Z".parse().ok();
    let document: Value =
        serde_json::from_slice(&json(&data, Document::Accepted, None).unwrap()).unwrap();
    assert_eq!(ids(&document["acceptedVulnerabilities"]), ["POAM-000006"]);
}
