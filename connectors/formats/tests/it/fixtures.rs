//! Every fixture, and the groups of `expected-dedupe.json`.

use std::collections::{BTreeMap, BTreeSet};

use poamd_contract::detail::Fix;
use poamd_contract::finding::{FindingReport, Identity, Signal, WeaknessKind};
use poamd_contract::severity::Severity;
use serde_json::Value;

use crate::{bytes, folder, import};

type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Signal,
    Option<Severity>,
);

/// File, source, weakness, technology of the primary resource, signal, severity.
const ASFF: [Row; 20] = {
    use Severity::{Critical, High, Informational, Low, Medium};
    use Signal::{Archived, Open, OpenSuppressedAtSource, Passed};
    [
        (
            "asff/01-securityhub-s3.8-consolidated-failed.json",
            "securityhub",
            "S3.8",
            "s3",
            Open,
            Some(High),
        ),
        (
            "asff/02-securityhub-cloudtrail.2-govcloud-split-by-standard.json",
            "securityhub",
            "CloudTrail.2",
            "cloudtrail",
            Open,
            Some(Medium),
        ),
        (
            "asff/03a-securityhub-ec2.19-failed-notified.json",
            "securityhub",
            "EC2.19",
            "securitygroup",
            Open,
            Some(Critical),
        ),
        (
            "asff/03b-securityhub-ec2.19-passed-resolved.json",
            "securityhub",
            "EC2.19",
            "securitygroup",
            Passed,
            Some(Informational),
        ),
        (
            "asff/04-securityhub-rds.3-archived-not-available.json",
            "securityhub",
            "RDS.3",
            "rds",
            Archived,
            Some(Medium),
        ),
        (
            "asff/05-securityhub-iam.3-govcloud-suppressed-with-note.json",
            "securityhub",
            "IAM.3",
            "iamuser",
            OpenSuppressedAtSource,
            Some(Medium),
        ),
        (
            "asff/06-guardduty-ec2-c2-high.json",
            "guardduty",
            "Backdoor:EC2/C&CActivity.B!DNS on arn:aws:ec2:us-east-1:123456789012:instance/i-0b4c9d8e7f6a51234",
            "ec2instance",
            Open,
            Some(High),
        ),
        (
            "asff/07-guardduty-govcloud-root-low.json",
            "guardduty",
            "Policy:IAMUser/RootCredentialUsage on AWS::IAM::AccessKey:ASIAEXAMPLEKEY000001",
            "",
            Open,
            Some(Low),
        ),
        (
            "asff/08-guardduty-attack-sequence-critical.json",
            "guardduty",
            "AttackSequence:S3/CompromisedData on arn:aws:s3:::acme-prod-exports",
            "s3",
            Open,
            Some(Critical),
        ),
        (
            "asff/09-inspector-ec2-cve-kev-high.json",
            "inspector",
            "CVE-2024-1086",
            "ec2instance",
            Open,
            Some(High),
        ),
        (
            "asff/10-inspector-ecr-govcloud-same-cve-two-images.json",
            "inspector",
            "CVE-2025-24813",
            "ecr",
            Open,
            Some(Critical),
        ),
        (
            "asff/11-inspector-nofix-vendor-dependency.json",
            "inspector",
            "CVE-2099-11001",
            "ec2instance",
            Open,
            Some(Medium),
        ),
        (
            "asff/12-inspector-network-reachability.json",
            "inspector",
            "network-reachability/Port 22 is reachable from an Internet Gateway - TCP",
            "ec2instance",
            Open,
            Some(Medium),
        ),
        (
            "asff/13-inspector-lambda-code-vulnerability.json",
            "inspector",
            "python/hardcoded-credentials",
            "lambda",
            Open,
            Some(Critical),
        ),
        (
            "asff/14-config-custom-rule-govcloud-failed.json",
            "config",
            "arn:aws-us-gov:config:us-gov-west-1:210987654321:config-rule/config-rule-ab12cd",
            "ec2instance",
            Open,
            Some(Medium),
        ),
        (
            "asff/15-thirdparty-custom-product-govcloud.json",
            "acme-scanner",
            "acme-scanner-plugin-19506",
            "",
            Open,
            Some(High),
        ),
        (
            "asff/16-thirdparty-prowler-root-mfa.json",
            "prowler",
            "prowler-iam_root_mfa_enabled",
            "account",
            Open,
            Some(Critical),
        ),
        (
            "asff/17-edge-minimal-unicode-32-resources.json",
            "edge",
            "edge-generator",
            "",
            Open,
            Some(Low),
        ),
        (
            "asff/18-page1-with-next-token.json",
            "securityhub",
            "S3.8",
            "s3",
            Open,
            Some(High),
        ),
        (
            "asff/19-page2-last.json",
            "guardduty",
            "Backdoor:EC2/C&CActivity.B!DNS on arn:aws:ec2:us-east-1:123456789012:instance/i-0b4c9d8e7f6a51234",
            "ec2instance",
            Open,
            Some(High),
        ),
    ]
};

#[test]
fn every_asff_file_says_what_it_should() {
    for (file, source, weakness, technology, signal, severity) in ASFF {
        let page = import(&bytes(file));
        assert!(
            page.set_aside.is_empty() && !page.damaged,
            "{file}: {:?}",
            page.set_aside
        );
        let first = &page.reports[0];
        assert_eq!(first.source, source, "{file}");
        assert_eq!(first.weakness.id, weakness, "{file}");
        assert_eq!(
            first.resources[0].technology.as_deref().unwrap_or_default(),
            technology,
            "{file}"
        );
        assert_eq!(first.signal, signal, "{file}");
        assert_eq!(first.severity, severity, "{file}");
        assert!(first.updated.is_some() && !first.sample, "{file}");
        let gov = file.contains("govcloud");
        assert_eq!(
            first.partition.as_str(),
            if gov { "aws-us-gov" } else { "aws" },
            "{file}"
        );
        assert_eq!(
            first.account.as_str(),
            if gov { "210987654321" } else { "123456789012" },
            "{file}"
        );
        for report in &page.reports {
            let edge = file.contains("17-edge");
            assert_eq!(report.marks.is_empty(), !edge, "{file}: {:?}", report.marks);
        }
    }
}

#[test]
fn details_of_single_fixtures() {
    let s3 = first("asff/01-securityhub-s3.8-consolidated-failed.json");
    assert_eq!(s3.requirements.len(), 14);
    assert_eq!(s3.requirements[0], "NIST.800-53.r5 AC-21");
    assert!(
        s3.remediation
            .ends_with("\nhttps://docs.aws.amazon.com/console/securityhub/S3.8/remediation")
    );
    assert_eq!(s3.resources[0].name, "acme-prod-exports");
    assert_eq!(s3.region.as_str(), "us-east-1");

    let iam = first("asff/05-securityhub-iam.3-govcloud-suppressed-with-note.json");
    assert_eq!(iam.region.as_str(), "global");
    assert!(
        matches!(&iam.identity, Identity::Control { region, control, .. } if region.is_global() && control == "IAM.3")
    );

    let ghsa = first("asff/11-inspector-nofix-vendor-dependency.json");
    assert_eq!(ghsa.weakness.equivalent, ["GHSA-xxxx-ex11-vd01"]);
    assert_eq!(ghsa.remediation, "");

    let kernel = first("asff/09-inspector-ec2-cve-kev-high.json");
    assert!(
        kernel.remediation.ends_with("yum update kernel"),
        "{}",
        kernel.remediation
    );
    assert_eq!(kernel.resources[0].name, "web-1");

    let code = first("asff/13-inspector-lambda-code-vulnerability.json");
    assert_eq!(
        code.resources[0].id,
        "arn:aws:lambda:us-east-1:123456789012:function:claims-export"
    );

    let config = first("asff/14-config-custom-rule-govcloud-failed.json");
    assert!(
        matches!(&config.identity, Identity::Product { product_arn, .. } if product_arn.ends_with("product/aws/config"))
    );

    let edge = first("asff/17-edge-minimal-unicode-32-resources.json");
    assert_eq!(edge.resources.len(), 32);
    assert_eq!(edge.region.as_str(), "us-east-1");
    assert_eq!(edge.marks, ["region-from-arn"]);
    assert!(
        edge.description.contains('\u{202e}'),
        "foreign text is kept; the sinks escape it"
    );
}

#[test]
fn gov_twins_are_called_as_elsewhere() {
    let twins = import(&bytes(
        "asff/02-securityhub-cloudtrail.2-govcloud-split-by-standard.json",
    ));
    for twin in twins.reports {
        assert_eq!(
            twin.title,
            "CloudTrail should have encryption at-rest enabled"
        );
    }
}

#[test]
fn every_report_keeps_its_document() {
    for file in [
        "asff/18-page1-with-next-token.json",
        "guardduty/get-findings-commercial.json",
        "inspector2/list-findings-page2-wire.json",
    ] {
        let (bytes, text) = (bytes(file), String::from_utf8(bytes(file)).unwrap());
        for report in import(&bytes).reports {
            let raw = report.raw.unwrap();
            assert!(text.contains(&*raw), "{file}");
            let value: Value = serde_json::from_str(&raw).unwrap();
            assert!(value.is_object() && raw.contains(&report.native_id));
        }
    }
}

/// Both channels tell the same of a flaw, an attack and the tags.
#[test]
fn details_of_flaws() {
    let hub = first("asff/09-inspector-ec2-cve-kev-high.json").detail;
    let own = first("inspector2/list-findings-page1-wire.json").detail;
    assert_eq!(hub, own);
    let flaw = hub.flaw.unwrap();
    assert_eq!(flaw.cves, ["CVE-2024-1086"]);
    assert_eq!((flaw.cvss[0].base, &*flaw.cvss[0].by), (78, "NVD"));
    assert_eq!((flaw.epss, flaw.exploit), (Some(840_000), Some(true)));
    assert_eq!(flaw.fix, Some(Fix::Yes));
    assert_eq!(flaw.packages[0].version, "5.10.205-195.804.amzn2");
    assert_eq!(hub.tags["exposure"], "internet");

    let ghsa = first("asff/11-inspector-nofix-vendor-dependency.json").detail;
    let ghsa = ghsa.flaw.unwrap();
    assert_eq!(ghsa.cves, ["CVE-2099-11001"]);
    assert_eq!(ghsa.fix, Some(Fix::No));

    for file in [
        "asff/12-inspector-network-reachability.json",
        "inspector2/list-findings-page1-wire.json",
    ] {
        let page = import(&bytes(file));
        let open = page.reports.iter().find(|r| r.title.starts_with("Port"));
        let open = &open.unwrap().detail;
        assert_eq!(open.ports, [(22, 22)], "{file}");
        assert_eq!(open.reachable, Some(true), "{file}");
    }
    let code = first("asff/13-inspector-lambda-code-vulnerability.json").detail;
    let code = code.flaw.unwrap();
    assert_eq!(code.cwes, ["CWE-798"]);
    assert_eq!(
        code.packages[0].path.as_deref(),
        Some("src/handler.py:41-42")
    );
}

#[test]
fn the_ocsf_copy_is_the_same_finding() {
    let hub = first("asff/09-inspector-ec2-cve-kev-high.json");
    let ocsf = first("ocsf/get-findings-v2-inspector-vulnerability.json");
    assert_eq!(ocsf.identity, hub.identity);
    assert_eq!(ocsf.weakness, hub.weakness);
    assert_eq!(ocsf.source, hub.source);
    assert_eq!(ocsf.account, hub.account);
    assert_eq!(
        (ocsf.severity, ocsf.signal, ocsf.updated),
        (hub.severity, hub.signal, hub.updated)
    );
    assert_eq!(ocsf.resources[0].id, hub.resources[0].id);
    assert_eq!(ocsf.resources[0].technology.as_deref(), Some("ec2instance"));
    assert!(ocsf.marks.is_empty(), "{:?}", ocsf.marks);
    let (ocsf, hub) = (ocsf.detail.flaw.unwrap(), hub.detail.flaw.unwrap());
    assert_eq!((ocsf.cves, ocsf.cvss), (hub.cves, hub.cvss));
    assert_eq!((ocsf.epss, ocsf.fix), (hub.epss, hub.fix));
    assert_eq!(ocsf.packages[0].fixed_in, hub.packages[0].fixed_in);
}

#[test]
fn details_of_attacks() {
    let own = import(&bytes("guardduty/get-findings-commercial.json")).reports;
    let [dns, stolen, sequence] = own.try_into().unwrap();
    let hub = first("asff/06-guardduty-ec2-c2-high.json").detail;
    for attack in [dns.detail.attack.unwrap(), hub.attack.unwrap()] {
        assert_eq!(attack.action, "DNS_REQUEST");
        assert_eq!(attack.what.as_deref(), Some("beacon.c2-example.invalid"));
        assert_eq!((attack.blocked, attack.count), (Some(false), Some(14)));
        assert_eq!(attack.target["instance"], "i-0b4c9d8e7f6a51234");
    }
    let stolen = stolen.detail.attack.unwrap();
    assert_eq!(stolen.what.as_deref(), Some("ListBuckets"));
    assert_eq!(stolen.service.as_deref(), Some("s3.amazonaws.com"));
    let actor = &stolen.actors[0];
    assert_eq!(actor.address.as_deref(), Some("203.0.113.200"));
    assert_eq!(actor.place, Some((0, 0)));
    assert_eq!(actor.network.as_deref(), Some("AS64496 EXAMPLE"));
    assert_eq!(stolen.target["access key"], "ASIAEXAMPLEKEY000003");

    let hub = first("asff/08-guardduty-attack-sequence-critical.json").detail;
    for attack in [sequence.detail.attack.unwrap(), hub.attack.unwrap()] {
        assert_eq!(attack.actors[0].user.as_deref(), Some("ci-deployer"));
        assert!(
            attack
                .evidence
                .contains(&"signal: FINDING Discovery:S3/AnomalousBehavior".to_owned()),
            "{:?}",
            attack.evidence
        );
    }
}

fn first(file: &str) -> FindingReport {
    import(&bytes(file)).reports.remove(0)
}

#[test]
fn native_files_say_what_they_should() {
    let page = import(&bytes("guardduty/get-findings-commercial.json"));
    let signals: Vec<_> = page.reports.iter().map(|r| r.signal).collect();
    assert_eq!(
        signals,
        [Signal::Open, Signal::ArchivedByHand, Signal::Open]
    );
    assert!(
        page.reports
            .iter()
            .all(|r| r.weakness.kind == WeaknessKind::Incident && r.marks.is_empty())
    );
    assert_eq!(page.reports[0].resources[0].name, "batch-worker-3");
    assert_eq!(page.reports[1].resources.len(), 2);

    let samples = import(&bytes("guardduty/get-findings-sample-marked.json"));
    assert!(samples.reports.iter().all(|r| r.sample));

    let page = import(&bytes("inspector2/list-findings-page2-wire.json"));
    let severities: Vec<_> = page.reports.iter().map(|r| r.severity).collect();
    assert_eq!(
        severities,
        [Some(Severity::Medium), Some(Severity::High), None]
    );
    assert_eq!(page.reports[1].signal, Signal::Archived);
    assert!(page.reports.iter().all(|r| r.marks.is_empty()));

    let wire = import(&bytes("inspector2/list-findings-page1-wire.json"))
        .reports
        .remove(0);
    let cli = import(&bytes("inspector2/list-findings-cli-iso-timestamps.json"))
        .reports
        .remove(0);
    let unlike = |report: FindingReport| FindingReport {
        raw: None,
        ..report
    };
    assert_eq!(unlike(wire.clone()), unlike(cli));
    assert_eq!(
        wire.updated.unwrap().to_rfc3339(),
        "2026-11-20T05:12:41+00:00"
    );
}

#[test]
fn files_without_findings_are_set_aside_with_a_reason() {
    for (file, word) in [
        ("asff/expected-dedupe.json", "no finding of a known format"),
        ("guardduty/list-detectors.json", "without findings"),
        ("guardduty/list-findings-page1.json", "without findings"),
        (
            "inspector2/batch-get-finding-details-wire.json",
            "without findings",
        ),
    ] {
        let page = import(&bytes(file));
        assert!(page.reports.is_empty() && !page.damaged, "{file}");
        assert_eq!(page.set_aside.len(), 1, "{file}");
        assert!(
            page.set_aside[0].reason.contains(word),
            "{file}: {}",
            page.set_aside[0].reason
        );
    }
}

/// Every report of every fixture, by file.
fn everything() -> BTreeMap<String, Vec<FindingReport>> {
    let mut out = BTreeMap::new();
    for kind in ["asff", "guardduty", "inspector2", "ocsf"] {
        for entry in std::fs::read_dir(folder().join(kind)).unwrap() {
            let name = format!("{kind}/{}", entry.unwrap().file_name().to_str().unwrap());
            if name.ends_with(".json") {
                out.insert(name.clone(), import(&bytes(&name)).reports);
            }
        }
    }
    out
}

#[test]
fn the_groups_of_expected_dedupe() {
    let files = everything();
    let expected: Value = serde_json::from_slice(&bytes("asff/expected-dedupe.json")).unwrap();
    let groups = expected["same_finding_groups"].as_array().unwrap();
    assert_eq!(groups.len(), 7);
    for group in groups {
        let mut ids: Vec<&str> = group["native_id"].as_str().into_iter().collect();
        ids.extend(
            group["native_ids"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str),
        );
        let mut identities = BTreeSet::new();
        let mut weaknesses = BTreeSet::new();
        for file in group["seen_in"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            let found: Vec<_> = files[file]
                .iter()
                .filter(|r| ids.contains(&r.native_id.as_str()))
                .collect();
            assert!(!found.is_empty(), "{ids:?} in {file}");
            for report in found {
                identities.insert(format!("{:?}", report.identity));
                weaknesses.insert((report.account.clone(), report.weakness.id.clone()));
            }
        }
        assert_eq!(
            identities.len() as u64,
            group["findings"].as_u64().unwrap(),
            "{group}"
        );
        assert_eq!(
            weaknesses.len() as u64,
            group["poam_items"].as_u64().unwrap_or(1),
            "{group}"
        );
    }
}

#[test]
fn all_channels_agree_on_weakness_resource_and_place() {
    let mut known: BTreeMap<String, (FindingReport, String)> = BTreeMap::new();
    let mut twice = 0;
    for (file, reports) in everything() {
        for report in reports {
            let key = format!("{:?}", report.identity);
            let Some((other, where_)) = known.get(&key) else {
                known.insert(key, (report, file.clone()));
                continue;
            };
            twice += 1;
            assert_eq!(report.weakness, other.weakness, "{file} and {where_}");
            assert_eq!(
                report.resources[0].id, other.resources[0].id,
                "{file} and {where_}"
            );
            assert_eq!(
                (&report.account, &report.region),
                (&other.account, &other.region),
                "{file} and {where_}"
            );
            assert_eq!(report.source, other.source, "{file} and {where_}");
            // The OCSF sample has neither a Name tag nor advice.
            if !file.starts_with("ocsf/") {
                assert_eq!(
                    report.resources[0].name, other.resources[0].name,
                    "{file} and {where_}"
                );
                assert_eq!(report.remediation, other.remediation, "{file} and {where_}");
            }
        }
    }
    assert_eq!(
        (known.len(), twice),
        (22, 17),
        "39 documents, counted by hand"
    );
}
