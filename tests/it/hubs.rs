//! Both Security Hubs at once: what they show is one finding, and nothing closes while one of them still shows it. Against
//! the stand-in; needs the feature `aws`.

#![cfg(feature = "aws")]

use std::collections::BTreeMap;
use std::sync::Arc;

use poamd::domain::finding::FindingStatus;
use poamd::jobs::{Context, Selection, pull};
use poamd::store::{Store, coverage, details, findings, records};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_sandbox::aws::{AwsFault, AwsStandIn, Kind, Options};
use poamd_sandbox::estate::Estate;
use poamd_sandbox::history::History;
use serde_json::{Value, json};

use crate::support::aws::{Reach, context_with, hasten};
use crate::support::databases::for_each_database_async;
use crate::support::findings::{assert_audited, native_ids, untouched};

const OLD: &str = r#"sources = ["securityhub"]"#;
const NEW: &str = r#"sources = ["securityhub-v2"]"#;
const BOTH: &str = r#"sources = ["securityhub", "securityhub-v2"]"#;
const PROD: &str = "111122223333";
const EAST: &str = "us-east-1";

async fn stand_in() -> AwsStandIn {
    let estate = Estate::bundled(SystemClock.now());
    AwsStandIn::start(estate, Options::new(History::new(Arc::new(SystemClock))))
        .await
        .unwrap()
}

fn context(store: &Store, aws: &AwsStandIn, sources: &str, only: Option<(&str, &str)>) -> Context {
    let reach: Vec<Reach> = aws.change(|estate| {
        let accounts = estate.accounts().iter();
        let wanted = accounts.filter(|a| only.is_none_or(|(id, _)| a.id == id));
        wanted
            .map(|a| Reach {
                id: a.id.clone(),
                role: Some(a.role.clone()),
                external_id: a.external_id.clone(),
                regions: only.map_or_else(|| a.regions(), |(_, region)| vec![region.to_owned()]),
            })
            .collect()
    });
    let keys = (aws.access_key_id.as_str(), aws.secret_access_key.as_str());
    context_with(store.clone(), &aws.url, keys, &reach, sources)
}

async fn look(ctx: &Context) -> pull::Summary {
    let all = Selection {
        full: true,
        ..Selection::default()
    };
    pull::run(ctx, &all).await.unwrap()
}

/// What stands in the ledger of each finding, by its fingerprint, and how many records there are.
fn ledger(store: &Store) -> (BTreeMap<String, String>, usize) {
    let native = native_ids(store);
    let found = store.read_here(findings::all).unwrap();
    let facts = found.into_iter().map(|f| {
        let severity = f.severity.map(|s| s.0);
        let ids = &native[&f.fingerprint];
        let text = format!(
            "{} {} {} {} {} {severity:?} {} {:?} {ids:?}",
            f.account, f.region, f.source, f.weakness_id, f.arn, f.status.0, f.at_source
        );
        (f.fingerprint, text)
    });
    let facts = facts.collect();
    let records = store.read_here(records::all).unwrap();
    (facts, records.len())
}

/// How many reports each hub has left of the findings.
fn reports(store: &Store, service: &str) -> usize {
    let all = store.read_here(findings::all_reports).unwrap();
    let end = format!("/{service}");
    all.iter().filter(|r| r.cell.ends_with(&end)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_hubs_show_is_one_finding() {
    let aws = &stand_in().await;
    for_each_database_async(async |store: Store| {
        let ctx = context(&store, aws, BOTH, None);
        let summary = look(&ctx).await;
        assert!(summary.gaps.is_empty(), "{:?}", summary.gaps);
        let (both, records) = ledger(&store);
        assert_eq!(
            reports(&store, "securityhub"),
            reports(&store, "securityhub-v2")
        );
        assert!(both.len() > 300 && records > 50);
        // Once more: nothing is written.
        look(&ctx).await;
        let before = untouched(&store);
        look(&ctx).await;
        assert_eq!(untouched(&store), before);
        assert_audited(&store);
        for sources in [OLD, NEW] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("one.db");
            let url = poamd::store::DatabaseUrl::Sqlite(file);
            let alone = Store::open(url, 2).unwrap();
            look(&context(&alone, aws, sources, None)).await;
            let (found, opened) = ledger(&alone);
            for (print, facts) in &found {
                assert_eq!(both.get(print), Some(facts), "{sources}");
            }
            assert_eq!((found.len(), opened), (both.len(), records), "{sources}");
        }
    })
    .await;
}

/// An open control finding of the first account, by its native id.
fn chosen(aws: &AwsStandIn) -> String {
    aws.change(|estate| {
        let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
        let open = |d: &&mut Value| {
            d["Compliance"]["Status"] == "FAILED"
                && d["RecordState"] == "ACTIVE"
                && d["Workflow"]["Status"] == "NEW"
        };
        let mut hub = cell.hub.as_mut().unwrap().iter_mut();
        let finding = hub.find(open).unwrap();
        finding["Id"].as_str().unwrap().to_owned()
    })
}

fn status(store: &Store, native_id: &str) -> FindingStatus {
    let ids = native_ids(store);
    let print = ids.iter().find(|(_, ids)| ids.contains(native_id)).unwrap();
    let all = store.read_here(findings::all).unwrap();
    all.iter()
        .find(|f| f.fingerprint == *print.0)
        .unwrap()
        .status
        .0
}

/// Leaves so few findings in both hubs that a look takes no time.
fn thin_out(aws: &AwsStandIn) {
    aws.change(|estate| {
        let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
        cell.hub.as_mut().unwrap().truncate(40);
        cell.hub_v2.as_mut().unwrap().truncate(40);
    });
}

fn take_out(aws: &AwsStandIn, native_id: &str, old: bool, new: bool) {
    aws.change(|estate| {
        let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
        if old {
            cell.hub.as_mut().unwrap().retain(|d| d["Id"] != native_id);
        }
        if new {
            let other = |d: &Value| d["finding_info"]["uid"] != native_id;
            cell.hub_v2.as_mut().unwrap().retain(other);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_hub_alone_closes_by_absence_and_not_because_it_is_off() {
    for_each_database_async(async |store: Store| {
        let aws = stand_in().await;
        thin_out(&aws);
        let gone = chosen(&aws);
        let ctx = context(&store, &aws, NEW, Some((PROD, EAST)));
        look(&ctx).await;
        assert_eq!(status(&store, &gone), FindingStatus::Open);
        let held = aws.change(|estate| {
            let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
            cell.hub_v2.take()
        });
        let (before, _) = ledger(&store);
        for _ in 0..3 {
            let summary = look(&ctx).await;
            assert_eq!(summary.gaps[0].coverage.state(), "off");
        }
        assert_eq!(
            ledger(&store).0,
            before,
            "an empty list of a hub that is off"
        );
        aws.change(|estate| {
            let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
            cell.hub_v2 = held.clone();
        });
        aws.add_fault(AwsFault::new(Kind::AccessDenied).operation("DescribeSecurityHubV2"));
        take_out(&aws, &gone, false, true);
        for _ in 0..3 {
            look(&ctx).await;
        }
        assert_eq!(status(&store, &gone), FindingStatus::Open);
        let cells = store.read_here(coverage::all).unwrap();
        assert_eq!(cells[0].state, "partial");
        aws.clear_faults();
        look(&ctx).await;
        assert_eq!(status(&store, &gone), FindingStatus::NotObserved);
        look(&ctx).await;
        assert_eq!(status(&store, &gone), FindingStatus::Fixed);
        assert_audited(&store);
    })
    .await;
}

/// A finding that does not say when it was made, behind the first page of many: it is there, so it never closes.
#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_of_when_it_was_made_is_seen_on_every_page() {
    for_each_database_async(async |store: Store| {
        let aws = stand_in().await;
        let undated = aws.change(|estate| {
            let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
            let hub = cell.hub_v2.as_mut().unwrap();
            let open = |d: &&mut Value| d["compliance"]["status"] == "FAILED";
            // A page has a hundred.
            let finding = hub.iter_mut().skip(100).find(open).unwrap();
            let info = finding["finding_info"].as_object_mut().unwrap();
            info.retain(|name, _| !name.starts_with("created_time"));
            info["uid"].as_str().unwrap().to_owned()
        });
        let mut ctx = context(&store, &aws, NEW, Some((PROD, EAST)));
        let keys = (aws.access_key_id.as_str(), aws.secret_access_key.as_str());
        hasten(&mut ctx, &aws.url, keys, 1_000.0, 6);
        for _ in 0..3 {
            let summary = look(&ctx).await;
            assert!(summary.gaps.is_empty(), "{:?}", summary.gaps);
            assert_eq!(status(&store, &undated), FindingStatus::Open);
        }
        // It is gone only when it is.
        take_out(&aws, &undated, false, true);
        look(&ctx).await;
        look(&ctx).await;
        assert_eq!(status(&store, &undated), FindingStatus::Fixed);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_hub_still_shows_stays_open_and_a_pass_through_either_closes() {
    for_each_database_async(async |store: Store| {
        let aws = stand_in().await;
        thin_out(&aws);
        let gone = chosen(&aws);
        let ctx = context(&store, &aws, BOTH, Some((PROD, EAST)));
        look(&ctx).await;
        take_out(&aws, &gone, false, true);
        for _ in 0..3 {
            look(&ctx).await;
        }
        assert_eq!(status(&store, &gone), FindingStatus::Open);
        take_out(&aws, &gone, true, false);
        look(&ctx).await;
        assert_eq!(status(&store, &gone), FindingStatus::NotObserved);
        look(&ctx).await;
        assert_eq!(status(&store, &gone), FindingStatus::Fixed);
        // The newest word counts, whichever hub says it.
        let passed = chosen(&aws);
        assert_eq!(status(&store, &passed), FindingStatus::Open);
        aws.change(|estate| {
            let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
            let mut hub = cell.hub_v2.as_mut().unwrap().iter_mut();
            let finding = hub.find(|d| d["finding_info"]["uid"] == passed.as_str());
            let finding = finding.unwrap();
            finding["compliance"]["status"] = json!("PASSED");
            finding["compliance"]["status_id"] = json!(1);
            let now = SystemClock.now().to_rfc3339();
            finding["finding_info"]["modified_time_dt"] = json!(now);
        });
        look(&ctx).await;
        assert_eq!(status(&store, &passed), FindingStatus::Fixed);
        assert_audited(&store);
    })
    .await;
}

/// The same SDK and stand-in for what Inspector knows beside its listing.
#[tokio::test(flavor = "multi_thread")]
async fn what_inspector_tells_beside_its_listing_comes_later_and_is_never_waited_for() {
    for_each_database_async(async |store: Store| {
        let aws = stand_in().await;
        let listed = aws.change(|estate| {
            let cell = estate.account_mut(PROD).unwrap().cell_mut(EAST).unwrap();
            let all = cell.inspector.as_mut().unwrap();
            all.retain(|f| f["status"] == "ACTIVE");
            let arn = all[0]["findingArn"].as_str().unwrap().to_owned();
            let detail = cell.inspector_details.get_mut(&arn).unwrap();
            detail["cisaData"] = json!({ "dateAdded": 1_795_000_000.0, "dateDue": 1_796_000_000.0, "action": "Patch." });
            (all.len(), arn)
        });
        let sources = r#"sources = ["inspector"]"#;
        let ctx = context(&store, &aws, sources, Some((PROD, EAST)));
        aws.add_fault(AwsFault::new(Kind::AccessDenied).operation("BatchGetFindingDetails"));
        let summary = look(&ctx).await;
        assert!(summary.gaps.is_empty(), "{:?}", summary.gaps);
        assert_eq!(summary.counts.new, listed.0 as u64);
        let round = |store: &Store| store.read_here(details::rounds).unwrap().remove(0);
        let waiting = round(&store);
        assert_eq!(waiting.waiting, listed.0 as i64);
        let trouble = waiting.trouble.unwrap();
        assert!(
            trouble.contains(PROD) && trouble.contains("BatchGetFindingDetails"),
            "{trouble}"
        );
        aws.clear_faults();
        look(&ctx).await;
        assert_eq!((round(&store).waiting, round(&store).trouble), (0, None));
        let ids = native_ids(&store);
        let print = ids.iter().find(|(_, ids)| ids.contains(&listed.1)).unwrap().0;
        let all = store.read_here(findings::all).unwrap();
        let found = all.iter().find(|f| f.fingerprint == *print).unwrap();
        assert!(found.detail.contains(r#""kev_due":"2026-11-30""#), "{}", found.detail);
        assert!(all.iter().all(|f| f.detail.contains("CWE-1395")));
        let before = untouched(&store);
        look(&ctx).await;
        assert_eq!(untouched(&store), before);
        assert_audited(&store);
    })
    .await;
}
