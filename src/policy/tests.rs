//! The packaged policies on items as the watches deliver them, operators' policies, and the limits.

use std::fs;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::*;

fn context() -> Context {
    Context {
        now: "2026-11-22T12:00:00Z".parse::<DateTime<Utc>>().unwrap(),
        account_name: "payments".to_owned(),
        account_label: "Prod".to_owned(),
    }
}

pub(crate) fn item(technology: &str, config: Json) -> SeenItem {
    SeenItem {
        account: "123456789012".parse().unwrap(),
        partition: "aws-us-gov".parse().unwrap(),
        region: "us-gov-west-1".parse().unwrap(),
        technology: technology.to_owned(),
        name: "it".to_owned(),
        arn: format!("arn:aws-us-gov:x:us-gov-west-1:123456789012:{technology}/it"),
        config,
        volatile: json!({}),
    }
}

/// (policy, evidence) of the findings; an error shows as its text.
fn said(set: &PolicySet, item: &SeenItem) -> Vec<(String, String)> {
    let verdicts = set.evaluate(item, &context());
    let said = verdicts.into_iter().map(|verdict| match verdict {
        Verdict::Finding {
            policy, evidence, ..
        } => (policy.id.clone(), evidence),
        Verdict::Error { policy, failure } => (policy.id.clone(), format!("ERROR {failure}")),
    });
    said.collect()
}

fn evidence(technology: &str, config: Json) -> Vec<String> {
    let set = PolicySet::packaged().unwrap();
    said(&set, &item(technology, config))
        .into_iter()
        .map(|(_, evidence)| evidence)
        .collect()
}

fn ingress(protocol: &str, from: i64, to: i64, cidrs: &[&str]) -> Json {
    let (six, four): (Vec<&&str>, Vec<&&str>) = cidrs.iter().partition(|cidr| cidr.contains(':'));
    let ranges: Vec<Json> = four.iter().map(|cidr| json!({ "CidrIp": cidr })).collect();
    let ranges6: Vec<Json> = six.iter().map(|cidr| json!({ "CidrIpv6": cidr })).collect();
    let mut rule = json!({ "IpProtocol": protocol, "IpRanges": ranges, "Ipv6Ranges": ranges6 });
    if protocol != "-1" {
        rule["FromPort"] = from.into();
        rule["ToPort"] = to.into();
    }
    rule
}

#[test]
fn ssh_follows_the_estate_s_traps() {
    let (v4, v6) = ("tcp/22 from 0.0.0.0/0", "tcp/22 from ::/0");
    for (rules, want) in [
        (vec![ingress("tcp", 22, 22, &["0.0.0.0/0"])], vec![v4]),
        (vec![ingress("tcp", 22, 22, &["::/0"])], vec![v6]),
        (vec![ingress("tcp", 20, 4000, &["0.0.0.0/0"])], vec![v4]),
        (vec![ingress("6", 0, 65535, &["0.0.0.0/0"])], vec![v4]),
        (
            vec![ingress("-1", 0, 0, &["0.0.0.0/0", "::/0"])],
            vec![v4, v6],
        ),
        (vec![ingress("udp", 22, 22, &["0.0.0.0/0"])], vec![]),
        (
            vec![ingress("tcp", 22, 22, &["0.0.0.0/1", "128.0.0.0/1"])],
            vec![],
        ),
        (
            vec![ingress("tcp", 22, 22, &["52.0.0.0/8", "198.51.100.7/32"])],
            vec![],
        ),
        (
            vec![ingress("tcp", 443, 443, &["0.0.0.0/0", "::/0"])],
            vec![],
        ),
        (
            vec![json!({ "IpProtocol": "-1", "UserIdGroupPairs": [{ "GroupId": "sg-1" }] })],
            vec![],
        ),
        (vec![], vec![]),
    ] {
        let config = json!({ "GroupId": "sg-1", "IpPermissions": rules, "IpPermissionsEgress": [ingress("-1", 0, 0, &["0.0.0.0/0"])] });
        assert_eq!(evidence("securitygroup", config.clone()), want, "{config}");
    }
}

#[test]
fn policies_are_judged_by_their_default_version() {
    let statement =
        |effect: &str, verb: &str| json!([{ "Effect": effect, verb: "*", "Resource": "*" }]);
    for (statement, default, want) in [
        (statement("Allow", "Action"), true, 1),
        (statement("Allow", "Action"), false, 0),
        (statement("Deny", "Action"), true, 0),
        (
            json!([{ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }]),
            true,
            0,
        ),
        (
            json!({ "Effect": "Allow", "Action": ["s3:Get*", "*"], "Resource": ["*"] }),
            true,
            1,
        ),
        (
            json!([{ "Effect": "Allow", "Action": "s3:*", "Resource": "*" }]),
            true,
            0,
        ),
    ] {
        let harmless = json!({ "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }] });
        let config = json!({ "PolicyVersionList": [
            { "VersionId": "v1", "IsDefaultVersion": default, "Document": { "Statement": statement } },
            { "VersionId": "v2", "IsDefaultVersion": !default, "Document": harmless },
        ]});
        assert_eq!(evidence("policy", config.clone()).len(), want, "{config}");
    }
}

#[test]
fn keys_and_buckets_are_judged() {
    let keys = json!({ "AccessKeys": [
        { "AccessKeyId": "AKIAOLD", "Status": "Active", "CreateDate": "2026-01-01T00:00:00Z" },
        { "AccessKeyId": "AKIAIDLE", "Status": "Inactive", "CreateDate": "2026-01-01T00:00:00Z" },
        { "AccessKeyId": "AKIANEW", "Status": "Active", "CreateDate": "2026-11-01T00:00:00Z" },
    ]});
    assert_eq!(evidence("iamuser", keys), ["AKIAOLD"]);
    assert_eq!(
        evidence("s3", json!({ "ServerSideEncryptionConfiguration": null })),
        ["no default encryption"]
    );
    assert_eq!(evidence("volume", json!({})), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_an_error_and_not_a_pass() {
    let config = json!({ "IpPermissions": [ingress("tcp", 22, 22, &["0.0.0.0/0", "nonsense"])], "IpPermissionsEgress": [] });
    let said = evidence("securitygroup", config);
    assert!(
        said.len() == 2 && said[0].starts_with("tcp/22") && said[1].starts_with("ERROR"),
        "{said:?}"
    );
    let keys = json!({ "AccessKeys": [{ "AccessKeyId": "A", "Status": "Active", "CreateDate": "long ago" }] });
    assert!(evidence("iamuser", keys)[0].starts_with("ERROR"));
    let wide: Vec<u8> = vec![0; INPUT_VALUES];
    assert!(evidence("s3", json!({ "wide": wide }))[0].starts_with("ERROR the item has more than"));
}

#[test]
fn the_packaged_policies_state_what_the_ledger_needs() {
    let set = PolicySet::packaged().unwrap();
    let stated: Vec<_> = set
        .policies()
        .map(|p| (p.meta().id.as_str(), p.meta().equivalent.join(",")))
        .collect();
    let want = [
        ("iamuser-access-key-older-than-90-days", "IAM.3"),
        ("policy-allows-everything", "IAM.1"),
        ("s3-bucket-without-default-encryption", "S3.4"),
        ("securitygroup-ssh-open-to-world", "EC2.13"),
    ];
    assert_eq!(stated, want.map(|(id, control)| (id, control.to_owned())));
    assert!(
        set.policies()
            .all(|policy| policy.origin() == Origin::Packaged)
    );
}

/// An operator's policy `x-probe` for technology `x`, with the body given.
fn probe(body: &str) -> String {
    format!(
        "package x_probe\n\nmeta := {{\"id\": \"x-probe\", \"title\": \"t\", \"technology\": \"x\", \"severity\": \"low\", \
         \"score\": 2, \"rationale\": \"r\", \"remediation\": \"m\", \"controls\": [\"AC-2\"], \
         \"references\": [\"https://example.com\"], \"equivalent\": []}}\n\n{body}\n"
    )
}

const PROBE_TEST: &str =
    "package x_probe_test\n\nimport data.x_probe\n\ntest_meta if x_probe.meta.score == 2\n";

fn dir_of(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn with_probe(body: &str) -> PolicySet {
    let dir = dir_of(&[
        ("x-probe.rego", &probe(body)),
        ("x-probe_test.rego", PROBE_TEST),
    ]);
    PolicySet::load(Some(dir.path())).unwrap()
}

#[test]
fn an_operator_s_policies_stand_beside_the_packaged_ones_or_replace_them() {
    let set = with_probe(
        "findings contains {\"evidence\": input.config.k, \"message\": input.account.label}",
    );
    assert_eq!(set.policies().count(), 5);
    assert_eq!(
        said(&set, &item("x", json!({ "k": "  a\n b " }))),
        [("x-probe".to_owned(), "a b".to_owned())]
    );

    let own = PolicySet::packaged()
        .unwrap()
        .get("s3-bucket-without-default-encryption")
        .unwrap()
        .source()
        .text
        .clone();
    let own = own
        .replace("package checks.aws.s3.", "package ")
        .replace("\"score\": 5", "\"score\": 1.5");
    let test = "package s3_bucket_without_default_encryption_test\n\ntest_a if true\n";
    let dir = dir_of(&[
        ("mine/s3-bucket-without-default-encryption.rego", &own),
        ("mine/s3-bucket-without-default-encryption_test.rego", test),
        ("lib/own.rego", "package lib.own\n\nx := 1\n"),
        (
            "lib/own_test.rego",
            "package lib.own_test\n\nimport data.lib.own\n\ntest_x if own.x == 1\n",
        ),
    ]);
    let set = PolicySet::load(Some(dir.path())).unwrap();
    let policy = set.get("s3-bucket-without-default-encryption").unwrap();
    assert_eq!(
        (set.policies().count(), policy.origin(), policy.meta().score),
        (4, Origin::Custom, 15)
    );
    let outcomes = set.test();
    assert!(
        outcomes.iter().all(testing::TestOutcome::passed),
        "{outcomes:?}"
    );
    assert!(
        outcomes
            .iter()
            .any(|o| o.file == "lib/own_test.rego" && o.name == "test_x")
    );
}

#[test]
fn each_flaw_of_form_is_named_and_the_set_refused() {
    let good = probe("findings := set()");
    for (files, named) in [
        (vec![("x-probe.rego", good.as_str())], "has no tests"),
        (
            vec![("x-other.rego", &good), ("x-other_test.rego", PROBE_TEST)],
            "make them the same",
        ),
        (
            vec![
                ("x-probe.rego", "package x_probe"),
                ("x-probe_test.rego", PROBE_TEST),
            ],
            "no rule `meta`",
        ),
        (
            vec![
                ("x-probe.rego", &probe("")),
                ("x-probe_test.rego", PROBE_TEST),
            ],
            "no rule `findings`",
        ),
        (
            vec![
                ("x-probe.rego", "package x_probe\n\nx := {\n"),
                ("x-probe_test.rego", PROBE_TEST),
            ],
            "x-probe.rego:",
        ),
        (
            vec![
                ("x-probe.rego", &good.replace("\"t\"", "\"\"")),
                ("x-probe_test.rego", PROBE_TEST),
            ],
            "meta.title",
        ),
        (
            vec![
                (
                    "x-probe.rego",
                    &good.replace("package x_probe", "package y"),
                ),
                ("x-probe_test.rego", PROBE_TEST),
            ],
            "must end in",
        ),
        (
            vec![
                ("x-probe.rego", &good),
                ("x-probe_test.rego", "package x_probe_test\n"),
            ],
            "no rule test_",
        ),
        (
            vec![
                ("a/x-probe.rego", &good),
                ("a/x-probe_test.rego", PROBE_TEST),
                ("x-probe.rego", &good),
                ("x-probe_test.rego", PROBE_TEST),
            ],
            "which a/x-probe.rego has too",
        ),
        (
            vec![
                ("lib/ages.rego", "package lib.ages"),
                ("lib/ages_test.rego", "package t\ntest_a if true"),
            ],
            "packaged helper",
        ),
    ] {
        let dir = dir_of(&files);
        let problems = PolicySet::load(Some(dir.path())).unwrap_err().to_string();
        assert!(problems.contains(named), "{named}: {problems}");
    }
}

#[test]
fn a_policy_that_runs_away_is_stopped_and_the_others_go_on() {
    for body in [
        "findings contains f if {\n  some a in input.config.n; some b in input.config.n; some c in input.config.n; some d in input.config.n\n  \
         a + b + c + d < 0\n  f := {\"evidence\": \"e\", \"message\": \"m\"}\n}",
        "findings contains f if {\n  all := [[a, b, c, d] | some a in input.config.n; some b in input.config.n; some c in input.config.n; some d in input.config.n]\n  \
         count(all) < 0\n  f := {\"evidence\": \"e\", \"message\": \"m\"}\n}",
    ] {
        let (own, test) = (probe(body), PROBE_TEST.replace("x_probe", "x_good"));
        let good = probe("findings contains {\"evidence\": \"e\", \"message\": \"m\"}")
            .replace("x_probe", "x_good")
            .replace("x-probe", "x-good");
        let dir = dir_of(&[
            ("x-probe.rego", &own),
            ("x-probe_test.rego", PROBE_TEST),
            ("x-good.rego", &good),
            ("x-good_test.rego", &test),
        ]);
        let set = PolicySet::load(Some(dir.path())).unwrap();
        let numbers: Vec<u32> = (0..200).collect();
        let started = Instant::now();
        let said = said(&set, &item("x", json!({ "n": numbers })));
        let took = started.elapsed();
        assert_eq!(said[0], ("x-good".to_owned(), "e".to_owned()));
        assert!(said[1].1.contains("took longer than 250 ms"), "{said:?}");
        // The limit itself, and room for a machine that is busy with other tests.
        assert!(took >= TIME_LIMIT && took < TIME_LIMIT * 8, "{took:?}");
    }
}

#[test]
fn a_result_of_the_wrong_form_is_an_error() {
    let many = MOST_FINDINGS + 1;
    for (body, named) in [
        ("findings := 7", "no set"),
        ("findings contains 7", "no object"),
        (
            "findings contains {\"evidence\": \"e\"}",
            "exactly the fields",
        ),
        (
            "findings contains {\"evidence\": 7, \"message\": \"m\"}",
            "evidence is no text",
        ),
        (
            "findings contains {\"evidence\": \" \", \"message\": \"m\"}",
            "evidence must be",
        ),
        (
            "findings contains {\"evidence\": \"a\\u0000b\", \"message\": \"m\"}",
            "printable",
        ),
        (
            "findings contains {\"evidence\": \"e\", \"message\": m} if m := input.config.long",
            "message must be",
        ),
        (
            "findings contains {\"evidence\": sprintf(\"%d\", [n]), \"message\": \"m\"} if some n in input.config.n",
            "more than 1000",
        ),
        (
            "findings contains {\"evidence\": \"e\", \"message\": time.format(time.now_ns())}",
            "use input.now",
        ),
        (
            "findings contains f if f := data.lib.absent.x(1)",
            "could not find function",
        ),
    ] {
        let numbers: Vec<usize> = (0..many).collect();
        let seen = item("x", json!({ "long": "x".repeat(2001), "n": numbers }));
        let said = said(&with_probe(body), &seen);
        assert!(
            said.len() == 1 && said[0].1.starts_with("ERROR"),
            "{body}: {said:?}"
        );
        assert!(said[0].1.contains(named), "{body}: {said:?}");
    }
}

#[test]
fn two_messages_for_one_evidence_are_one_finding() {
    let set = with_probe(
        "findings contains {\"evidence\": \"e\", \"message\": \"one.\"}\n\nfindings contains {\"evidence\": \"e\", \"message\": \"two.\"}",
    );
    let verdicts = set.evaluate(&item("x", json!({})), &context());
    assert!(
        matches!(&verdicts[..], [Verdict::Finding { message, .. }] if message == "one. two."),
        "{verdicts:?}"
    );
}

#[test]
fn threads_share_a_set() {
    let set = PolicySet::packaged().unwrap();
    let group = |cidr: &str| json!({ "IpPermissions": [ingress("tcp", 22, 22, &[cidr])], "IpPermissionsEgress": [] });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (set, group) = (&set, &group);
            scope.spawn(move || {
                for round in 0..50 {
                    let open = (thread + round) % 2 == 0;
                    let seen = item(
                        "securitygroup",
                        group(if open { "0.0.0.0/0" } else { "10.0.0.0/8" }),
                    );
                    assert_eq!(said(set, &seen).len(), usize::from(open));
                }
            });
        }
    });
}
