//! `poamd scan` over an estate whose every weakness is known: exactly those are found, and a second round changes
//! nothing. Needs the emulator (`scripts/moto`) and the feature `aws`.

#![cfg(feature = "aws")]

use std::collections::BTreeSet;

use poamd::jobs::{Selection, scan};
use poamd::store::{findings, outbox, records, runs};

use crate::support::aws::{Emulator, list};
use crate::support::databases::for_each_database_async;
use crate::support::findings::{assert_audited, untouched};

/// Our policy, and what the answer key calls the same weakness.
const POLICIES: [(&str, &[&str]); 4] = [
    (
        "s3-bucket-without-default-encryption",
        &["s3-no-encryption"],
    ),
    (
        "securitygroup-ssh-open-to-world",
        &["sg-ssh-open-ipv4", "sg-ssh-open-ipv6"],
    ),
    (
        "iamuser-access-key-older-than-90-days",
        &["iam-access-key-older-than-90d"],
    ),
    ("policy-allows-everything", &["iam-policy-full-admin"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn scan_finds_exactly_what_the_key_says() {
    let Some(emulator) = Emulator::seeded("scan_finds_exactly_what_the_key_says") else {
        return;
    };
    let answers = emulator.read("answers.json");
    let with = |issues: &[&str]| -> BTreeSet<String> {
        let known = answers["answers"].as_object().unwrap().iter();
        known
            .filter(|(_, found)| list(found).iter().any(|i| issues.iter().any(|w| i == w)))
            .map(|(arn, _)| arn.clone())
            .collect()
    };
    let (emulator, with) = (&emulator, &with);
    for_each_database_async(|store| async move {
        let ctx = emulator.context(store.clone());
        let first = scan::run(&ctx, &Selection::default()).await.unwrap();
        assert_eq!(first.gaps, [], "everything was seen");
        let rows = store.read(findings::all).await.unwrap();
        for (policy, issues) in POLICIES {
            let native = store.read(findings::all_reports).await.unwrap();
            let prefix = format!("policy:{policy}:");
            let ids: BTreeSet<i64> = native
                .iter()
                .filter(|r| r.native_id.starts_with(&prefix))
                .map(|r| r.finding_id)
                .collect();
            let found: BTreeSet<String> = rows
                .iter()
                .filter(|f| f.status.0.as_str() == "open" && ids.contains(&f.id))
                .map(|f| f.arn.clone())
                .collect();
            let expected = with(issues);
            assert!(!expected.is_empty(), "{issues:?} are in the key");
            assert_eq!(found, expected, "{policy}");
        }
        let names: Vec<String> = POLICIES
            .iter()
            .map(|(p, _)| format!("policy:{p}:"))
            .collect();
        let native = store.read(findings::all_reports).await.unwrap();
        assert!(
            native
                .iter()
                .all(|r| names.iter().any(|n| r.native_id.starts_with(n))),
            "no other finding, no failed policy"
        );
        assert!(rows.iter().all(|f| f.record_id.is_some()));

        let before = untouched(&store);
        let queued = store.read(outbox::counts).await.unwrap();
        let again = scan::run(&ctx, &Selection::default()).await.unwrap();
        assert_eq!(untouched(&store), before, "a second round changes nothing");
        assert_eq!(store.read(outbox::counts).await.unwrap(), queued);
        assert_eq!(
            (again.items.new, again.items.changed, again.items.gone),
            (0, 0, 0)
        );
        assert_eq!((again.counts.new, again.counts.changed), (0, 0));
        assert_eq!(again.counts.unchanged, first.counts.documents);
        assert_eq!(
            store.read(|c| runs::latest(c, 10)).await.unwrap().len(),
            2,
            "but the runs are noted"
        );
        assert!(!store.read(records::all).await.unwrap().is_empty());
        assert_audited(&store);
    })
    .await;
}
