//! What other programs leave in files: Suricata's log, the exports of Inspector Classic, the records of a data lake.

use poamd_contract::finding::{Channel, Signal, WeaknessKind};
use poamd_contract::source::Page;
use poamd_formats::{Given, read_documents};

use serde_json::Value;

use crate::{bytes, import};

fn feed(text: &str) -> Vec<Page> {
    let given = Given {
        channel: Channel::File,
        account: Some("210987654321".parse().unwrap()),
        region: Some("us-gov-west-1".parse().unwrap()),
    };
    read_documents(given, "eve.json", text.as_bytes())
        .map(Result::unwrap)
        .collect()
}

fn alert(src: &str, at: u32) -> String {
    format!(
        r#"{{"timestamp":"2026-11-20T05:{at:02}:41.123456+0000","flow_id":{at},"event_type":"alert","src_ip":"{src}","src_port":51234,"dest_ip":"10.20.1.25","dest_port":22,"proto":"TCP","alert":{{"action":"allowed","gid":1,"signature_id":2001219,"signature":"ET SCAN Potential SSH Scan","category":"Attempted Information Leak","severity":2}}}}"#
    )
}

#[test]
fn traffic_is_passed_over_and_counted_and_alerts_of_one_incident_are_one() {
    let traffic = r#"{"timestamp":"2026-11-20T05:00:00.000000+0000","flow_id":7,"event_type":"dns","src_ip":"10.20.1.25","dest_ip":"10.20.0.2"}"#;
    let text = [
        traffic.to_owned(),
        alert("198.51.100.7", 12),
        traffic.to_owned(),
        alert("198.51.100.8", 10),
        r#"{"timestamp":"x","event_type":"stats","stats":{}}"#.to_owned(),
    ];
    let pages = feed(&text.join("\n"));
    let [page] = pages.as_slice() else {
        panic!("{pages:?}");
    };
    assert_eq!((page.passed, page.set_aside.len()), (3, 0));
    let [incident] = page.reports.as_slice() else {
        panic!("{:?}", page.reports);
    };
    assert_eq!(incident.weakness.kind, WeaknessKind::Incident);
    assert_eq!(incident.source, "suricata");
    let attack = incident.detail.attack.as_ref().unwrap();
    assert_eq!(attack.count, Some(2));
    assert!(incident.first_observed < incident.updated);
    assert!(incident.raw.as_ref().unwrap().contains("198.51.100.7"));
}

#[test]
fn an_alert_without_an_account_is_set_aside_with_what_to_do() {
    let page = import(alert("198.51.100.7", 12).as_bytes());
    assert_eq!((page.reports.len(), page.set_aside.len()), (0, 1));
    assert!(page.set_aside[0].reason.contains("--account"));
}

#[test]
fn a_file_of_nothing_but_traffic_is_no_trouble() {
    let line = r#"{"timestamp":"2026-11-20T05:00:00.000000+0000","event_type":"flow"}"#;
    let pages = feed(&format!("{line}\n").repeat(5000));
    assert_eq!(pages.iter().map(|p| p.passed).sum::<u64>(), 5000);
    assert!(pages.iter().all(|p| p.set_aside.is_empty() && !p.damaged));
}

#[test]
fn activity_records_of_ocsf_are_passed_over() {
    let page =
        import(br#"{"class_uid":6003,"class_name":"API Activity","metadata":{"version":"1.5.0"}}"#);
    assert_eq!((page.passed, page.set_aside.len()), (1, 0));
}

/// PascalCase, as the PowerShell and .NET tools write it.
fn pascal(value: &Value) -> Value {
    let upper = |key: &str| key[..1].to_uppercase() + &key[1..];
    match value {
        Value::Object(map) => map.iter().map(|(k, v)| (upper(k), pascal(v))).collect(),
        Value::Array(list) => list.iter().map(pascal).collect(),
        other => other.clone(),
    }
}

#[test]
fn inspectors_own_findings_in_pascal_case_are_its_own() {
    let wire = bytes("inspector2/list-findings-page1-wire.json");
    let told = pascal(&serde_json::from_slice(&wire).unwrap());
    let (wire, told) = (import(&wire), import(told.to_string().as_bytes()));
    assert!(!wire.reports.is_empty());
    assert_eq!(
        (told.set_aside.len(), told.reports.len()),
        (0, wire.reports.len())
    );
    for (told, wire) in told.reports.iter().zip(&wire.reports) {
        assert_eq!(
            (&told.source, &told.identity, told.severity),
            (&wire.source, &wire.identity, wire.severity)
        );
        assert_eq!(told.weakness, wire.weakness);
    }
}

/// `aws inspector describe-findings` as its reference shows it, and the same finding as the hub had it.
#[test]
fn exports_of_inspector_classic() {
    let arn = "arn:aws-us-gov:inspector:us-gov-west-1:210987654321:target/0-0kFIPusq/template/0-WEcjR8CH/run/0-fNr5ZSd2/finding/0-HwPnsDm4";
    let own = format!(
        r#"{{"findings":[{{"arn":"{arn}","schemaVersion":1,"service":"Inspector","serviceAttributes":{{"schemaVersion":1,"assessmentRunArn":"x","rulesPackageArn":"y"}},
        "assetType":"ec2-instance","assetAttributes":{{"schemaVersion":1,"agentId":"i-0aa11bb22cc33dd44","hostname":"web-1","ipv4Addresses":["10.20.1.25"],"tags":[{{"key":"Name","value":"web-1"}},{{"key":"system","value":"claims"}}]}},
        "id":"CVE-2018-1000001","title":"Instance i-0aa11bb22cc33dd44 is vulnerable to CVE-2018-1000001","description":"d","recommendation":"Update glibc.",
        "severity":"High","numericSeverity":9.0,"confidence":10,"indicatorOfCompromise":false,
        "attributes":[{{"key":"CVE_ID","value":"CVE-2018-1000001"}},{{"key":"CVSS3_SCORE","value":"7.8"}},{{"key":"PACKAGE_NAME","value":"glibc, glibc-common"}}],
        "userAttributes":[],"createdAt":1545000000.0,"updatedAt":1545000000.0}}],"failedItems":{{}}}}"#
    );
    let page = import(own.as_bytes());
    assert!(page.set_aside.is_empty(), "{:?}", page.set_aside);
    let own = &page.reports[0];
    assert_eq!(
        (own.source.as_str(), own.signal),
        ("inspector-classic", Signal::Open)
    );
    assert_eq!(own.detail.tags["system"], "claims");
    let flaw = own.detail.flaw.as_ref().unwrap();
    assert_eq!(flaw.cves, ["CVE-2018-1000001"]);
    assert_eq!(flaw.cvss[0].base, 78);
    assert_eq!(flaw.packages.len(), 2);

    let hub = format!(
        r#"{{"SchemaVersion":"2018-10-08","Id":"{arn}","ProductArn":"arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/inspector","GeneratorId":"y","AwsAccountId":"210987654321",
        "Types":["Software and Configuration Checks/Vulnerabilities/CVE"],"Severity":{{"Label":"HIGH"}},"Title":"t","UpdatedAt":"2018-12-16T22:40:00Z",
        "ProductFields":{{"aws/inspector/ProductVersion":"1","aws/inspector/id":"CVE-2018-1000001"}},
        "Resources":[{{"Type":"AwsEc2Instance","Id":"arn:aws-us-gov:ec2:us-gov-west-1:210987654321:instance/i-0aa11bb22cc33dd44"}}],
        "Vulnerabilities":[{{"Id":"CVE-2018-1000001"}}]}}"#
    );
    let hub = import(hub.as_bytes()).reports.remove(0);
    assert_eq!(hub.identity, own.identity);
    assert_eq!(hub.weakness, own.weakness);
    assert_eq!(hub.source, own.source);
    assert_eq!(hub.resources[0].id, own.resources[0].id);

    let list = import(format!(r#"{{"findingArns":["{arn}"]}}"#).as_bytes());
    assert!(list.set_aside[0].reason.contains("describe-findings"));
}
