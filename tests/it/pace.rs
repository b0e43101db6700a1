//! Pulls against a stand-in that enforces AWS's rates and takes its time, on a faster clock: the real SDK into SQLite.
//! Needs the feature `aws`. How near they come to the physical limit (`reliability-security.md` 6.3, check B11) is
//! `cargo bench --bench pull`.

#![cfg(feature = "aws")]

use std::sync::Arc;

use poamd::jobs::{Context, Selection, pull};
use poamd::store::{DatabaseUrl, Store, pulls};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::coverage::Cell;
use poamd_sandbox::aws::{AwsFault, AwsStandIn, Kind, Options};
use poamd_sandbox::estate::{Estate, bulk};
use poamd_sandbox::history::History;

use crate::support::aws::{Reach, context, hasten};
use crate::support::findings::untouched;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";

async fn stand_in(findings: usize, factor: f64) -> AwsStandIn {
    let now = SystemClock.now();
    let mut estate = Estate::bundled(now);
    let account = estate.account_mut(ACCOUNT).unwrap();
    let cell = account.cell_mut(REGION).unwrap();
    cell.hub = Some(bulk::controls(ACCOUNT, "aws", REGION, findings, now));
    let options = Options {
        enforce_rates: true,
        latency: true,
        clock_factor: factor,
        ..Options::new(History::new(Arc::new(SystemClock)))
    };
    AwsStandIn::start(estate, options).await.unwrap()
}

/// Updates every n-th finding now; every second of them passes.
fn update(stand_in: &AwsStandIn, every: usize) {
    stand_in.change(|estate| {
        let cell = estate.account_mut(ACCOUNT).unwrap().cell_mut(REGION);
        let hub = cell.unwrap().hub.as_mut().unwrap();
        for (n, finding) in hub.iter_mut().step_by(every).enumerate() {
            bulk::update(finding, SystemClock.now(), n % 2 == 0);
        }
    });
}

/// Calls of `GetFindings` so far, and how many of them were refused as too many.
fn calls(stand_in: &AwsStandIn) -> (usize, usize) {
    let entries = stand_in.history().of_kind("aws", "request");
    let hub: Vec<String> = entries
        .iter()
        .map(|e| serde_json::to_string(e).unwrap())
        .filter(|e| e.contains("securityhub/GetFindings"))
        .collect();
    let refused = hub.iter().filter(|e| e.contains("\"429\"")).count();
    (hub.len(), refused)
}

/// A context whose Security Hub is read on the stand-in's clock.
fn fast(store: Store, aws: &AwsStandIn, factor: f64, chains: usize) -> Context {
    let keys = (aws.access_key_id.as_str(), aws.secret_access_key.as_str());
    let reach = Reach::bundled(ACCOUNT, &[REGION]);
    let mut ctx = context(store, &aws.url, keys, &[reach]);
    ctx.sources.retain(|s| s.name() == "securityhub");
    hasten(&mut ctx, &aws.url, keys, factor, chains);
    ctx
}

async fn pulled(ctx: &Context, full: bool) -> pull::Summary {
    let selection = Selection {
        full,
        ..Selection::default()
    };
    pull::run(ctx, &selection).await.unwrap()
}

fn sqlite(folder: &tempfile::TempDir, name: &str) -> Store {
    Store::open(DatabaseUrl::Sqlite(folder.path().join(name)), 4).unwrap()
}

fn cell() -> Cell {
    Cell {
        account: ACCOUNT.parse().unwrap(),
        region: REGION.parse().unwrap(),
        service: "securityhub".to_owned(),
    }
}

/// What is asked for is what there is, at the rate that is allowed; what did not change costs next to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn pace_is_kept_and_no_page_is_asked_for_in_vain() {
    let (findings, factor) = (6_000, 5.0);
    let aws = stand_in(findings, factor).await;
    let folder = tempfile::tempdir().unwrap();
    let ctx = fast(sqlite(&folder, "a.db"), &aws, factor, 6);
    let first = pulled(&ctx, true).await;
    assert_eq!((first.counts.new, first.gaps.len()), (findings as u64, 0));
    // The shards' bounds are learnt now.
    let before = calls(&aws);
    let again = pulled(&ctx, true).await;
    let after = calls(&aws);
    assert_eq!((again.counts.new, again.counts.changed), (0, 0));
    let (made, refused) = (after.0 - before.0, after.1 - before.1);
    assert!(made <= findings / 100 + 12, "{made} calls");
    assert!(refused * 10 <= made, "{refused} of {made} refused");
    // An hour without change is a call or two and writes nothing.
    let ledger = untouched(&ctx.store);
    let idle = pulled(&ctx, false).await;
    assert_eq!((idle.counts.documents, untouched(&ctx.store)), (0, ledger));
    assert!(calls(&aws).0 - after.0 <= 2);
    // What was updated comes with the next hour, passes too.
    update(&aws, 20);
    let hour = pulled(&ctx, false).await;
    assert!(hour.counts.documents >= 300 && hour.counts.documents < 1_000);
    assert!(hour.counts.changed >= 150, "{:?}", hour.counts);
}

/// A process that dies in the middle of a full look: what it had seen is not absent from the look that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn pace_a_killed_pull_goes_on_and_nothing_it_saw_is_absent() {
    let findings = 4_000;
    let aws = stand_in(findings, 1_000.0).await;
    let folder = tempfile::tempdir().unwrap();
    let ctx = fast(sqlite(&folder, "a.db"), &aws, 1_000.0, 6);
    let first = pulled(&ctx, true).await;
    assert_eq!(first.counts.new, findings as u64);
    // The hub stops to answer after some pages; the retries run out.
    let begun = calls(&aws).0;
    aws.add_fault(
        AwsFault::new(Kind::AccessDenied)
            .operation("GetFindings")
            .after(25),
    );
    let cut = pulled(&ctx, true).await;
    assert_eq!(cut.gaps.len(), 1);
    let row = ctx
        .store
        .read_here(|c| pulls::of(c, &cell()))
        .unwrap()
        .unwrap();
    assert!(row.look.is_some(), "how far it got is noted");
    aws.clear_faults();
    let stopped = calls(&aws).0;
    let rest = pulled(&ctx, false).await;
    assert_eq!(
        (rest.gaps.len(), rest.counts.changed),
        (0, 0),
        "{:?}",
        rest.gaps
    );
    let left = calls(&aws).0 - stopped;
    assert!(left < stopped - begun + 15, "{left} calls for the rest");
    let row = ctx
        .store
        .read_here(|c| pulls::of(c, &cell()))
        .unwrap()
        .unwrap();
    assert!(row.look.is_none() && row.full_at.is_some());
}
