//! Findings that a scanner of the owners' own imports into Security Hub through its custom product:
//! an id that is no ARN, and a severity given as a number only.

use serde_json::{Value, json};

use super::Place;

/// Plugin, number of the normalised severity, what it says.
const PLUGINS: [(&str, u8, &str); 3] = [
    ("42873", 50, "The service accepts 64 bit block ciphers"),
    ("57582", 70, "The certificate of the service is self-signed"),
    ("10881", 30, "The service answers with its version"),
];

const HOSTS: [&str; 2] = ["db-1", "gateway-2"];

pub fn findings(place: &Place) -> Vec<Value> {
    let mut documents = Vec::new();
    for (plugin, severity, title) in PLUGINS {
        for host in HOSTS {
            documents.push(document(place, plugin, severity, title, host));
        }
    }
    documents
}

fn document(place: &Place, plugin: &str, severity: u8, title: &str, host: &str) -> Value {
    let name = format!("{host}.{}.example.internal", place.region);
    let id = format!("acme-scanner/plugin/{plugin}/host/{name}");
    let product = place.arn("securityhub", &format!("product/{}/default", place.account));
    let moment = place.moment(&place.dice(&[&id]));
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": product, "ProductName": "Default",
        "CompanyName": "Personal", "Region": place.region, "GeneratorId": format!("acme-scanner-plugin-{plugin}"),
        "AwsAccountId": place.account, "Types": ["Software and Configuration Checks/Vulnerabilities"],
        "FirstObservedAt": moment.first_text(), "LastObservedAt": moment.last_text(),
        "CreatedAt": moment.first_text(), "UpdatedAt": moment.last_text(),
        "Severity": { "Normalized": severity }, "Title": title,
        "Description": format!("{title}, seen on {name} by a credentialed scan."),
        "Resources": [{
            "Type": "Other", "Id": format!("{name} (5432/TCP)"), "Partition": place.partition, "Region": place.region,
            "Details": { "Other": { "fqdn": name, "port": "5432", "protocol": "TCP" } },
        }],
        "ProductFields": { "acme/pluginId": plugin, "aws/securityhub/FindingId": format!("{product}/{id}") },
        "WorkflowState": "NEW", "Workflow": { "Status": "NEW" }, "RecordState": "ACTIVE",
    })
}
