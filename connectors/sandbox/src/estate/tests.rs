#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-11-22T06:30:00Z".parse().unwrap()
}

fn documents(estate: &Estate) -> Vec<Value> {
    let hub = |cell: &Cell| cell.hub.clone().unwrap_or_default();
    estate
        .accounts()
        .iter()
        .flat_map(|a| a.cells.iter().flat_map(hub))
        .collect()
}

#[test]
fn it_has_three_accounts_one_in_govcloud_and_over_400_findings_with_duplicates() {
    let estate = Estate::bundled(now());
    let counts = estate.counts();
    assert_eq!(estate.accounts().len(), 3);
    assert_eq!(
        estate
            .accounts()
            .iter()
            .filter(|a| a.partition == "aws-us-gov")
            .count(),
        1
    );
    assert!(counts.unique >= 400, "{counts:?}");
    let seen = counts.hub_documents + counts.guardduty_documents + counts.inspector_documents;
    assert!(seen > counts.unique + 100, "{seen} documents: {counts:?}");
    assert!(counts.both_channels > 60, "{counts:?}");
    for some in [
        counts.passed,
        counts.archived,
        counts.no_conclusion,
        counts.quiet,
        counts.unrated,
    ] {
        assert!(some >= 3, "{counts:?}");
    }
    let sources: Vec<&str> = counts.by_source.keys().map(String::as_str).collect();
    assert_eq!(
        sources,
        ["Default", "guardduty", "inspector", "securityhub"]
    );
    let states = counts.open
        + counts.passed
        + counts.archived
        + counts.no_conclusion
        + counts.quiet
        + counts.unrated;
    assert_eq!(states, counts.unique);
}

#[test]
fn the_same_now_gives_the_same_estate_and_a_later_one_the_same_findings() {
    let (one, two) = (Estate::bundled(now()), Estate::bundled(now()));
    assert_eq!(documents(&one), documents(&two));
    let later = Estate::bundled(now() + chrono::TimeDelta::days(30));
    assert_eq!(one.counts(), later.counts());
    assert_ne!(documents(&one), documents(&later));
}

#[test]
fn times_lie_within_the_last_120_days() {
    for document in documents(&Estate::bundled(now())) {
        for name in [
            "FirstObservedAt",
            "CreatedAt",
            "LastObservedAt",
            "UpdatedAt",
        ] {
            let time: DateTime<Utc> = document[name].as_str().unwrap().parse().unwrap();
            assert!(
                time <= now() && now() - time < chrono::TimeDelta::days(120),
                "{name} {time}"
            );
        }
    }
}

#[test]
fn every_arn_is_of_its_accounts_partition() {
    for account in Estate::bundled(now()).accounts() {
        let mut text =
            serde_json::to_string(&account.resources.iter().map(|r| &r.arn).collect::<Vec<_>>())
                .unwrap();
        for cell in &account.cells {
            text += &format!("{:?}{:?}{:?}", cell.hub, cell.inspector, cell.detector);
        }
        for reply in &account.replies {
            text += &reply.body;
        }
        let other = if account.partition == "aws" {
            "arn:aws-us-gov:"
        } else {
            "arn:aws:"
        };
        assert!(text.contains(&format!("arn:{}:", account.partition)));
        assert!(!text.contains(other), "{}", account.name);
    }
}

#[test]
fn one_weakness_is_seen_by_our_scan_and_by_the_hub() {
    let estate = Estate::bundled(now());
    let ssh: BTreeSet<(String, String)> = documents(&estate)
        .iter()
        .filter(|d| d["Compliance"]["SecurityControlId"] == "EC2.13")
        .map(|d| {
            (
                d["AwsAccountId"].as_str().unwrap().to_owned(),
                d["Resources"][0]["Id"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert_eq!(ssh.len(), 1);
    let (account, arn) = ssh.first().unwrap();
    let resource = estate
        .account(account)
        .unwrap()
        .resources
        .iter()
        .find(|r| r.arn == *arn)
        .unwrap();
    assert_eq!(resource.weak, ["securitygroup-ssh-open-to-world"]);
    assert_eq!(resource.region, "us-east-1");
}

#[test]
fn govcloud_reports_a_control_once_per_standard() {
    let estate = Estate::bundled(now());
    let gov = estate
        .accounts()
        .iter()
        .find(|a| a.partition == "aws-us-gov")
        .unwrap();
    let hub = gov.cells[0].hub.as_ref().unwrap();
    let trail: Vec<&Value> = hub
        .iter()
        .filter(|d| d["Compliance"]["SecurityControlId"] == "CloudTrail.2")
        .collect();
    assert_eq!(trail.len(), 2);
    assert_eq!(
        trail[0]["Resources"][0]["Id"],
        trail[1]["Resources"][0]["Id"]
    );
    assert_ne!(trail[0]["Id"], trail[1]["Id"]);
    let with_requirements = trail
        .iter()
        .filter(|d| d["Compliance"].get("RelatedRequirements").is_some())
        .count();
    assert_eq!(with_requirements, 1);
}

#[test]
fn ids_are_unique_and_arns_parse() {
    let estate = Estate::bundled(now());
    let all = documents(&estate);
    // The custom product repeats its ids in the next account, as scanners do: only the pair is unique.
    let pairs: BTreeSet<(&str, &str)> = all
        .iter()
        .map(|d| (d["ProductArn"].as_str().unwrap(), d["Id"].as_str().unwrap()))
        .collect();
    assert_eq!(pairs.len(), all.len());
    for (_, id) in pairs.iter().filter(|(_, id)| id.starts_with("arn:")) {
        id.parse::<poamd_contract::arn::Arn>().unwrap();
    }
}

#[test]
fn each_weak_policy_of_the_answer_key_occurs_in_each_account_or_is_a_trap() {
    let estate = Estate::bundled(now());
    let weak = |policy: &str| {
        estate
            .accounts()
            .iter()
            .flat_map(|a| &a.resources)
            .filter(|r| r.weak.iter().any(|w| w == policy))
            .count()
    };
    assert_eq!(weak("securitygroup-ssh-open-to-world"), 4);
    assert_eq!(weak("s3-bucket-without-default-encryption"), 3);
    assert_eq!(weak("iamuser-access-key-older-than-90-days"), 3);
    assert_eq!(weak("policy-allows-everything"), 2);
    let good = estate
        .accounts()
        .iter()
        .flat_map(|a| &a.resources)
        .filter(|r| r.weak.is_empty())
        .count();
    assert!(good > 15, "{good}");
}

#[test]
fn recorded_times_move_with_now() {
    let estate = Estate::bundled(now());
    let account = &estate.accounts()[0];
    let keys = account
        .replies
        .iter()
        .find(|r| r.operation == "ListAccessKeys" && r.key["UserName"] == "ci-deployer");
    let body = keys.unwrap().render(now());
    assert!(
        body.contains("<CreateDate>2026-05-06T06:30:00Z</CreateDate>"),
        "{body}"
    );
    assert!(
        !account
            .replies
            .iter()
            .any(|r| r.render(now()).contains("{{"))
    );
}
