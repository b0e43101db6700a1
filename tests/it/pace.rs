//! How near pulls come to the physical limit of AWS's rates (`reliability-security.md` 6.3, check B11): the real SDK into
//! SQLite, against a stand-in that enforces 3 calls a second and takes 0.6 s to answer, on a faster clock. Needs the
//! feature `aws`.
//!
//! The full figures: `cargo test --test it -- --ignored --nocapture pace_of_a_hundred_thousand_findings`;
//! `POAMD_PULL_FINDINGS` and `POAMD_PULL_FACTOR` set size and clock.

#![cfg(feature = "aws")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use poamd::jobs::{Context, Selection, pull};
use poamd::store::{DatabaseUrl, Store, audit, pulls};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::coverage::Cell;
use poamd_sandbox::aws::{AwsFault, AwsStandIn, Kind, Options};
use poamd_sandbox::estate::{Estate, bulk};
use poamd_sandbox::history::History;

use crate::support::aws::{Reach, context};
use crate::support::findings::untouched;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
/// Of Security Hub's `GetFindings`.
const PER_SECOND: f64 = 3.0;
const BURST: f64 = 6.0;
const PAGE: f64 = 100.0;

/// Seconds that so many findings cost at the rate, whoever asks.
fn floor(findings: usize) -> f64 {
    ((findings as f64 / PAGE).ceil() - BURST).max(1.0) / PER_SECOND
}

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
fn fast(store: Store, url: &str, keys: (&str, &str), factor: f64, chains: usize) -> Context {
    let reach = Reach {
        id: ACCOUNT.to_owned(),
        role: Some("poamd-audit".to_owned()),
        external_id: Some(format!("poamd-{ACCOUNT}")),
        regions: vec![REGION.to_owned()],
    };
    let mut ctx = context(store, url, keys, &[reach]);
    let config = poamd_aws::AwsConfig {
        endpoint_url: Some(url.to_owned()),
        keys: Some(poamd_aws::StaticKeys {
            access_key_id: keys.0.to_owned(),
            secret_access_key: keys.1.into(),
        }),
        budget: 1.0,
        chains,
        ..poamd_aws::AwsConfig::default()
    };
    let aws = poamd_aws::Aws::compressed(config, ctx.clock.clone(), ctx.chance.clone(), factor);
    let sources = aws.unwrap().sources();
    ctx.sources = sources
        .into_iter()
        .filter(|s| s.name() == "securityhub")
        .collect();
    ctx
}

/// Pulls, and how many seconds of AWS's time it took.
async fn timed(ctx: &Context, full: bool, factor: f64) -> (pull::Summary, f64) {
    let began = Instant::now();
    let selection = Selection {
        full,
        ..Selection::default()
    };
    let summary = pull::run(ctx, &selection).await.unwrap();
    (summary, began.elapsed().as_secs_f64() * factor)
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

/// A small run of it for every day: several chains keep to the rate and reach it; one chain does not.
#[tokio::test(flavor = "multi_thread")]
async fn pace_several_chains_reach_the_rate_and_one_does_not() {
    let (findings, factor) = (6_000, 5.0);
    let aws = stand_in(findings, factor).await;
    let folder = tempfile::tempdir().unwrap();
    let keys = (aws.access_key_id.as_str(), aws.secret_access_key.as_str());
    let ctx = fast(sqlite(&folder, "a.db"), &aws.url, keys, factor, 6);
    let (first, _) = timed(&ctx, true, factor).await;
    assert_eq!((first.counts.new, first.gaps.len()), (findings as u64, 0));
    // The shards' bounds are learnt now.
    let before = calls(&aws);
    let (again, took) = timed(&ctx, true, factor).await;
    let after = calls(&aws);
    assert_eq!((again.counts.new, again.counts.changed), (0, 0));
    let ratio = took / floor(findings);
    let refused = after.1 - before.1;
    println!(
        "full look at {findings}: {took:.1} s of AWS's time, floor {:.1} s, ratio {ratio:.2}; {} calls, {refused} refused",
        floor(findings),
        after.0 - before.0
    );
    assert!(ratio < 1.6, "{ratio}");
    assert!(refused * 50 <= after.0 - before.0, "{refused} refused");
    // An hour without change is a call or two and writes nothing.
    let ledger = untouched(&ctx.store);
    let (idle, _) = timed(&ctx, false, factor).await;
    assert_eq!((idle.counts.documents, untouched(&ctx.store)), (0, ledger));
    assert!(calls(&aws).0 - after.0 <= 2);
    // What was updated comes with the next hour, closures too.
    update(&aws, 20);
    let (hour, _) = timed(&ctx, false, factor).await;
    assert!(hour.counts.documents >= 300 && hour.counts.documents < 1_000);
    assert!(hour.counts.changed >= 150, "{:?}", hour.counts);
    let single = fast(sqlite(&folder, "b.db"), &aws.url, keys, factor, 1);
    let (_, took) = timed(&single, true, factor).await;
    let ratio = took / floor(findings);
    println!("one chain: {took:.1} s, ratio {ratio:.2}");
    assert!(
        ratio > 1.75,
        "one chain reaches the rate: the test shows nothing ({ratio})"
    );
}

/// A process that dies in the middle of a full look: what it had seen is not absent from the look that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn pace_a_killed_pull_goes_on_and_nothing_it_saw_is_absent() {
    let findings = 4_000;
    let aws = stand_in(findings, 1_000.0).await;
    let folder = tempfile::tempdir().unwrap();
    let keys = (aws.access_key_id.as_str(), aws.secret_access_key.as_str());
    let ctx = fast(sqlite(&folder, "a.db"), &aws.url, keys, 1_000.0, 6);
    let (first, _) = timed(&ctx, true, 1.0).await;
    assert_eq!(first.counts.new, findings as u64);
    // The hub stops to answer after some pages; the retries run out.
    let begun = calls(&aws).0;
    aws.add_fault(
        AwsFault::new(Kind::AccessDenied)
            .operation("GetFindings")
            .after(25),
    );
    let (cut, _) = timed(&ctx, true, 1.0).await;
    assert_eq!(cut.gaps.len(), 1);
    let row = ctx
        .store
        .read_here(|c| pulls::of(c, &cell()))
        .unwrap()
        .unwrap();
    assert!(row.look.is_some(), "how far it got is noted");
    aws.clear_faults();
    let stopped = calls(&aws).0;
    let (rest, _) = timed(&ctx, false, 1.0).await;
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

/// The stand-in as a process of its own, so that its work is not counted.
struct Apart {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Apart {
    fn start(findings: usize, factor: f64) -> (Self, Vec<String>) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "pace::stand_in_apart",
                "--ignored",
                "--nocapture",
            ])
            .env("POAMD_STAND_IN_APART", format!("{findings} {factor}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut apart = Self {
            child,
            to,
            from: BufReader::new(from),
        };
        let words = apart.answer();
        (apart, words)
    }

    fn ask(&mut self, what: &str) -> Vec<String> {
        writeln!(self.to, "{what}").unwrap();
        self.answer()
    }

    /// The next line that is meant for us.
    fn answer(&mut self) -> Vec<String> {
        loop {
            let mut line = String::new();
            assert!(
                self.from.read_line(&mut line).unwrap() > 0,
                "the stand-in ended"
            );
            if let Some((_, words)) = line.split_once("STAND-IN ") {
                return words.split_whitespace().map(str::to_owned).collect();
            }
        }
    }

    fn calls(&mut self) -> (usize, usize) {
        let words = self.ask("calls");
        (words[0].parse().unwrap(), words[1].parse().unwrap())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: the other process of [`pace_of_a_hundred_thousand_findings`].
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the stand-in's process of the measurement"]
async fn stand_in_apart() {
    let Ok(order) = std::env::var("POAMD_STAND_IN_APART") else {
        return;
    };
    let (findings, factor) = order.split_once(' ').unwrap();
    let aws = stand_in(findings.parse().unwrap(), factor.parse().unwrap()).await;
    println!(
        "STAND-IN {} {} {}",
        aws.url, aws.access_key_id, aws.secret_access_key
    );
    let (lines, mut asked) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = asked.recv().await {
        if let Some(every) = line.strip_prefix("update ") {
            update(&aws, every.parse().unwrap());
        }
        let (all, refused) = calls(&aws);
        println!("STAND-IN {all} {refused}");
    }
}

/// CPU seconds of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = |n: usize| fields[n].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// Most memory so far, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    number.parse::<f64>().unwrap() / 1024.0
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute and wants a quiet machine"]
async fn pace_of_a_hundred_thousand_findings() {
    let number = |name: &str, usual: f64| {
        let set = std::env::var(name).ok().and_then(|t| t.parse().ok());
        set.unwrap_or(usual)
    };
    let findings = number("POAMD_PULL_FINDINGS", 100_000.0) as usize;
    let factor = number("POAMD_PULL_FACTOR", 20.0);
    let (mut apart, words) = Apart::start(findings, factor);
    let keys = (words[1].as_str(), words[2].as_str());
    let folder = tempfile::tempdir().unwrap();
    let ctx = fast(sqlite(&folder, "a.db"), &words[0], keys, factor, 6);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    println!(
        "{findings} findings, clock x {factor}, load {}",
        load.trim()
    );
    let mut lines = Vec::new();
    for (what, full, size) in [
        ("first look, nothing known", true, findings),
        ("full look, bounds learnt", true, findings),
        ("hour without change", false, 0),
        ("hour with 5 % changed", false, findings / 20),
    ] {
        if size == findings / 20 {
            apart.ask("update 20");
        }
        // Every change of the ledger is an event.
        let events = || format!("{:?}", ctx.store.read_here(audit::head).unwrap());
        let ledger = events();
        let (before, worked) = (apart.calls(), cpu());
        let (summary, took) = timed(&ctx, full, factor).await;
        let (after, worked) = (apart.calls(), cpu() - worked);
        assert_eq!(summary.gaps.len(), 0, "{what}: {:?}", summary.gaps);
        let (made, refused) = (after.0 - before.0, after.1 - before.1);
        let ratio = took / floor(size);
        println!(
            "{what}: {took:.0} s of AWS's time, floor {:.0} s, ratio {ratio:.2}; {made} calls, {refused} refused; {worked:.1} CPU s; peak {:.0} MiB",
            floor(size),
            peak()
        );
        if size == 0 {
            assert_eq!(events(), ledger, "{what}");
        }
        lines.push((what, ratio, made, refused, worked));
    }
    let share = |line: &(&str, f64, usize, usize, f64)| line.3 as f64 / line.2 as f64;
    assert!(lines.iter().all(|l| share(l) <= 0.02), "{lines:?}");
    let (first, learnt, increment) = (&lines[0], &lines[1], &lines[3]);
    assert!(first.1 <= 1.15 && learnt.1 <= 1.15, "{lines:?}");
    assert!(increment.1 <= 1.3, "{lines:?}");
    assert!(first.4 <= 20.0 && learnt.4 <= 20.0, "{lines:?}");
    assert!(peak() <= 256.0, "{} MiB", peak());
}
