//! What services do to whoever reads them page by page, through the real SDK into both databases: empty pages, tokens that
//! run out, one administrator who shows what others have. Needs the feature `aws`.

#![cfg(feature = "aws")]

use std::collections::BTreeSet;
use std::sync::Arc;

use poamd::domain::finding::FindingStatus;
use poamd::jobs::{Context, Selection, pull};
use poamd::store::{Store, coverage, evidence, findings};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_sandbox::aws::{AwsFault, AwsStandIn, Kind, Options};
use poamd_sandbox::estate::{Estate, bulk};
use poamd_sandbox::history::History;
use serde_json::Value;

use crate::support::aws::{Reach, context_with, hasten};
use crate::support::databases::for_each_database_async;
use crate::support::findings::{assert_audited, untouched};

const ACCOUNT: &str = "111122223333";
const MEMBER: &str = "444455556666";
const HOME: &str = "us-east-1";
const REGIONS: [&str; 2] = [HOME, "us-west-2"];
const FINDINGS: usize = 1_200;

/// A hub of some pages, or as the estate has it.
async fn stand_in(findings: Option<usize>) -> AwsStandIn {
    let now = SystemClock.now();
    let mut estate = Estate::bundled(now);
    if let Some(count) = findings {
        let cell = estate.account_mut(ACCOUNT).unwrap().cell_mut(HOME).unwrap();
        cell.hub = Some(bulk::controls(ACCOUNT, "aws", HOME, count, now));
    }
    let options = Options::new(History::new(Arc::new(SystemClock)));
    AwsStandIn::start(estate, options).await.unwrap()
}

/// A context whose AWS does not keep anybody waiting.
fn reading(store: &Store, aws: &AwsStandIn, reach: &[Reach], lines: &str) -> Context {
    let keys = (aws.access_key_id.as_str(), aws.secret_access_key.as_str());
    let mut ctx = context_with(store.clone(), &aws.url, keys, reach, lines);
    hasten(&mut ctx, &aws.url, keys, 1_000.0, 6);
    ctx
}

async fn pulled(ctx: &Context, services: &[&str]) -> pull::Summary {
    let selection = Selection {
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        full: true,
        ..Selection::default()
    };
    pull::run(ctx, &selection).await.unwrap()
}

/// Takes the hub in whole; its shards are learnt then.
async fn known(store: &Store, aws: &AwsStandIn) -> Context {
    aws.clear_faults();
    let ctx = reading(store, aws, &[Reach::bundled(ACCOUNT, &[HOME])], "");
    let first = pulled(&ctx, &["securityhub"]).await;
    assert_eq!((first.counts.new, first.gaps.len()), (FINDINGS as u64, 0));
    ctx
}

fn fixed(store: &Store) -> usize {
    let all = store.read_here(findings::all).unwrap();
    let fixed = all.iter().filter(|f| f.status.0 == FindingStatus::Fixed);
    fixed.count()
}

fn of_hub(kind: Kind) -> AwsFault {
    AwsFault::new(kind).operation("GetFindings")
}

/// The services may give a page with nothing on it and the token of another.
#[tokio::test(flavor = "multi_thread")]
async fn paging_reads_on_behind_an_empty_page() {
    let aws = &stand_in(Some(FINDINGS)).await;
    for_each_database_async(|store| async move {
        let ctx = known(&store, aws).await;
        let ledger = untouched(&store);
        for calls in [1, 4, 9] {
            aws.add_fault(of_hub(Kind::EmptyPage).after(calls).times(1));
        }
        let again = pulled(&ctx, &["securityhub"]).await;
        assert_eq!(aws.strikes(), [1, 1, 1]);
        assert!(again.gaps.is_empty(), "{:?}", again.gaps);
        assert!(
            again.counts.unchanged >= FINDINGS as u64,
            "{:?}",
            again.counts
        );
        assert_eq!(untouched(&store), ledger);
    })
    .await;
}

/// Empty pages without end are no listing of nothing.
#[tokio::test(flavor = "multi_thread")]
async fn paging_ends_where_pages_stay_empty_and_concludes_nothing() {
    let aws = &stand_in(Some(FINDINGS)).await;
    for_each_database_async(|store| async move {
        let ctx = known(&store, aws).await;
        aws.add_fault(of_hub(Kind::EmptyPage));
        for _ in 0..2 {
            let cut = pulled(&ctx, &["securityhub"]).await;
            assert_eq!(cut.gaps.len(), 1);
            assert_eq!(cut.gaps[0].coverage.state(), "partial", "{:?}", cut.gaps);
        }
        assert_eq!(fixed(&store), 0);
        assert!(aws.strikes()[0] < 2_000, "{:?}", aws.strikes());
        aws.clear_faults();
        let whole = pulled(&ctx, &["securityhub"]).await;
        assert_eq!((whole.gaps.len(), whole.counts.changed), (0, 0));
    })
    .await;
}

/// A token that has run out costs the shard's pages again; one that never holds costs the look, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn paging_begins_a_shard_again_when_its_token_is_rejected() {
    let aws = &stand_in(Some(FINDINGS)).await;
    for_each_database_async(|store| async move {
        let ctx = known(&store, aws).await;
        let ledger = untouched(&store);
        // The first four calls begin shards; tokens come behind them.
        aws.add_fault(of_hub(Kind::TokenRejected).after(6).times(1));
        let again = pulled(&ctx, &["securityhub"]).await;
        assert_eq!(aws.strikes(), [1]);
        assert!(again.gaps.is_empty(), "{:?}", again.gaps);
        assert!(
            again.counts.unchanged >= FINDINGS as u64,
            "{:?}",
            again.counts
        );
        assert_eq!(untouched(&store), ledger);
        aws.clear_faults();
        aws.add_fault(of_hub(Kind::TokenRejected).after(6));
        for _ in 0..3 {
            let cut = pulled(&ctx, &["securityhub"]).await;
            assert_eq!(cut.gaps.len(), 1);
        }
        assert_eq!(fixed(&store), 0);
        aws.clear_faults();
        let whole = pulled(&ctx, &["securityhub"]).await;
        assert_eq!((whole.gaps.len(), whole.counts.changed), (0, 0));
        assert_audited(&store);
    })
    .await;
}

/// AWS is asked for a page by its own id of the request: with it its support finds what it answered.
#[tokio::test(flavor = "multi_thread")]
async fn paging_notes_the_first_and_the_last_request_of_a_run() {
    let aws = &stand_in(Some(300)).await;
    for_each_database_async(|store| async move {
        let before = requests(aws).len();
        let ctx = reading(&store, aws, &[Reach::bundled(ACCOUNT, &[HOME])], "");
        pulled(&ctx, &["securityhub"]).await;
        let made: Vec<String> = requests(aws).split_off(before);
        let manifest = store
            .read_here(|c| evidence::manifests(c, None))
            .unwrap()
            .remove(0);
        assert_eq!(manifest.first_request.as_ref(), made.first());
        let last = manifest.last_request.unwrap();
        assert!(made[1..].contains(&last), "{last} in {made:?}");
    })
    .await;
}

/// The ids by which `GetFindings` was answered, in order.
fn requests(aws: &AwsStandIn) -> Vec<String> {
    let entries = aws.history().of_kind("aws", "request");
    let details = entries
        .iter()
        .map(|e| serde_json::to_value(e).unwrap()["detail"].clone());
    let hub = details.filter(|d| d["operation"] == "GetFindings");
    hub.map(|d| d["request"].as_str().unwrap().to_owned())
        .collect()
}

/// Puts what both accounts have in all regions into the administrator's hub at home, and what each region's detectors
/// have into the administrator's there.
fn gather(aws: &AwsStandIn) {
    aws.change(|estate| {
        let mut shown: Vec<Value> = Vec::new();
        for account in [ACCOUNT, MEMBER] {
            for region in REGIONS {
                let cell = estate
                    .account_mut(account)
                    .unwrap()
                    .cell_mut(region)
                    .unwrap();
                shown.extend(cell.hub.take().into_iter().flatten());
            }
        }
        for region in REGIONS {
            let cell = estate
                .account_mut(MEMBER)
                .unwrap()
                .cell_mut(region)
                .unwrap();
            let (detector, inspector) = (cell.detector.take(), cell.inspector.take());
            let admin = estate
                .account_mut(ACCOUNT)
                .unwrap()
                .cell_mut(region)
                .unwrap();
            let of_members = detector.into_iter().flat_map(|d| d.findings);
            admin.detector.as_mut().unwrap().findings.extend(of_members);
            let of_members = inspector.into_iter().flatten();
            admin.inspector.as_mut().unwrap().extend(of_members);
        }
        let home = estate.account_mut(ACCOUNT).unwrap().cell_mut(HOME).unwrap();
        home.hub = Some(shown);
    });
}

const SERVICES: [&str; 3] = ["securityhub", "guardduty", "inspector"];

/// Account, fingerprint and state of every finding.
fn stood(store: &Store) -> BTreeSet<(String, String, String)> {
    let all = store.read_here(findings::all).unwrap();
    let line = |f: findings::FindingRow| {
        (
            f.account,
            f.fingerprint,
            format!("{:?} {:?}", f.status.0, f.severity),
        )
    };
    all.into_iter().map(line).collect()
}

/// Through one administrator the ledger is the same as through each account for itself, with nothing read twice.
#[tokio::test(flavor = "multi_thread")]
async fn paging_through_an_aggregator_gives_the_ledger_of_the_members() {
    let reach = &[
        Reach::bundled(ACCOUNT, &REGIONS),
        Reach::bundled(MEMBER, &REGIONS),
    ];
    for_each_database_async(|store| async move {
        let members = stand_in(None).await;
        let folder = tempfile::tempdir().unwrap();
        let url = poamd::store::DatabaseUrl::Sqlite(folder.path().join("members.db"));
        let apart = Store::open(url, 2).unwrap();
        let each = pulled(&reading(&apart, &members, reach, ""), &SERVICES).await;
        assert!(each.gaps.is_empty(), "{:?}", each.gaps);
        let aws = stand_in(None).await;
        gather(&aws);
        let lines = format!(
            "read = \"aggregator\"\naggregator = \"{ACCOUNT}\"\nhome_region = \"{HOME}\"\n"
        );
        let ctx = reading(&store, &aws, reach, &lines);
        let all = pulled(&ctx, &SERVICES).await;
        // The hub once, the detectors once a region, and nobody else.
        assert_eq!((all.cells, all.gaps.len()), (5, 0), "{:?}", all.gaps);
        assert_eq!(stood(&store), stood(&apart));
        let asked = aws.history().of_kind("aws", "request");
        let asked = asked
            .iter()
            .map(|e| serde_json::to_value(e).unwrap()["detail"].clone());
        let mut services = asked.filter(|d| {
            SERVICES
                .iter()
                .any(|s| d["service"].as_str().unwrap_or_default().starts_with(s))
        });
        assert!(services.all(|d| d["account"] == ACCOUNT));
        leaves(&store, &aws, &ctx).await;
    })
    .await;
}

/// A member that leaves takes its findings from the hub and fixes none of them; what others no longer have is fixed.
async fn leaves(store: &Store, aws: &AwsStandIn, ctx: &Context) {
    let open = |account: &str| {
        let all = store.read_here(findings::all).unwrap();
        let open = all.iter().filter(|f| {
            f.account == account && f.source == "securityhub" && f.status.0 == FindingStatus::Open
        });
        open.count()
    };
    let (own, member) = (open(ACCOUNT), open(MEMBER));
    assert!(own > 3 && member > 3, "{own} {member}");
    let mut gone = String::new();
    aws.change(|estate| {
        let hub = estate
            .account_mut(ACCOUNT)
            .unwrap()
            .cell_mut(HOME)
            .unwrap()
            .hub
            .as_mut()
            .unwrap();
        let is_open = |f: &Value| {
            f["AwsAccountId"] == ACCOUNT
                && f["RecordState"] == "ACTIVE"
                && f["Compliance"]["Status"] == "FAILED"
                && f["Workflow"]["Status"] == "NEW"
        };
        let at = hub.iter().position(is_open).unwrap();
        gone = hub[at]["Compliance"]["SecurityControlId"]
            .as_str()
            .unwrap()
            .to_owned();
        let arn = hub[at]["Resources"][0]["Id"].clone();
        // With its twins of other standards.
        let same = |f: &Value| {
            f["Compliance"]["SecurityControlId"] == gone.as_str() && f["Resources"][0]["Id"] == arn
        };
        hub.retain(|f| f["AwsAccountId"] != MEMBER && !same(f));
    });
    for _ in 0..3 {
        pulled(ctx, &["securityhub"]).await;
    }
    assert_eq!(open(MEMBER), member, "nothing of who left is fixed");
    assert_eq!(open(ACCOUNT), own - 1, "{gone}");
    let gaps = store
        .read_here(|c| coverage::gaps(c, SystemClock.now()))
        .unwrap();
    let of_member = gaps.iter().filter(|g| g.account == MEMBER);
    assert!(
        of_member.count() >= 1,
        "what is not seen is a gap: {gaps:?}"
    );
    assert_audited(store);
}
