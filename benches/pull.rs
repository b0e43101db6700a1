//! How near pulls come to the physical limit of AWS's rates (`reliability-security.md` 6.3), and what they cost: the real
//! SDK into SQLite on disk, against a stand-in in a process of its own that enforces Security Hub's rates (3 calls a
//! second, burst 6, 100 findings a page) and takes 0.6 s to answer. Each figure stands beside its floor.
//!
//! `cargo bench --bench pull -- 100000 5`: so many findings, on a clock so many times as fast. A faster clock makes our
//! own work count as that much more of AWS's time: at 5, CPU seconds weigh five times what they do in earnest.

#![allow(clippy::unwrap_used)]

// Of the tests' helpers only these; what else is in them is theirs.
#[allow(dead_code)]
#[path = "../tests/it/support/aws.rs"]
mod aws;
#[allow(dead_code)]
#[path = "../tests/it/support/skips.rs"]
mod skips;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use poamd::jobs::{Context, Selection, pull};
use poamd::store::{DatabaseUrl, Store, audit, dialect};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_sandbox::aws::{AwsStandIn, Options};
use poamd_sandbox::estate::{Estate, bulk};
use poamd_sandbox::history::History;

const FINDINGS: usize = 100_000;
const FACTOR: f64 = 5.0;
const ACCOUNT: &str = "111122223333";
/// Where the findings are, and where a tenth of them are.
const REGION: &str = "us-east-1";
const SMALL: &str = "us-west-2";
/// Of Security Hub's `GetFindings`.
const PER_SECOND: f64 = 3.0;
const BURST: f64 = 6.0;
const PAGE: f64 = 100.0;
const ROUND_TRIP: f64 = 0.6;
/// Chains that are allowed for beside each other, as they are unless configured otherwise.
const CHAINS: usize = 6;
/// Of a hundred findings one in so many changes for the increment.
const EVERY: usize = 20;

const BAR_FULL: f64 = 1.15;
const BAR_INCREMENT: f64 = 1.3;
const BAR_CPU: f64 = 20.0;
const BAR_MEMORY: f64 = 256.0;

/// Tells a child process to be the stand-in.
const STAND_IN: &str = "--stand-in";

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = given.iter().filter_map(|a| a.parse::<f64>().ok());
    let findings = numbers.next().map_or(FINDINGS, |n| n as usize);
    let factor = numbers.next().unwrap_or(FACTOR);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if given.iter().any(|a| a == STAND_IN) {
        runtime.block_on(be_the_stand_in(findings, factor));
    } else {
        runtime.block_on(measure(findings, factor));
    }
}

async fn measure(findings: usize, factor: f64) {
    let mut apart = Apart::start(findings, factor);
    let folder = tempfile::tempdir().unwrap();
    println!(
        "{findings} findings in one account and region, {ROUND_TRIP} s a page, AWS's clock x {factor}; load {}",
        load()
    );
    let reach = (REGION, CHAINS);
    let mut bench = Bench::new(&apart, folder.path().join("a.db"), factor, reach);
    let pages = findings as f64 / PAGE;
    bench
        .pull(
            &mut apart,
            "first look, nothing known",
            true,
            pages,
            BAR_FULL,
        )
        .await;
    let peak = status("VmHWM");
    bench
        .pull(
            &mut apart,
            "whole look, its shards learnt",
            true,
            pages,
            BAR_FULL,
        )
        .await;
    println!(
        "memory: peak {peak:.0} MiB in the first look, {:.0} MiB after the second (bar {BAR_MEMORY} MiB{})",
        status("VmHWM"),
        verdict(status("VmHWM") <= BAR_MEMORY)
    );
    bench.idle(&mut apart).await;
    apart.ask(&format!("update {EVERY}"));
    let changed = pages / EVERY as f64;
    bench
        .pull(
            &mut apart,
            "an hour in which 5 % changed",
            false,
            changed,
            BAR_INCREMENT,
        )
        .await;
    println!(
        "\na tenth of them, known to be the same: what an hour costs does not hang on what is known"
    );
    let mut small = Bench::new(&apart, folder.path().join("b.db"), factor, (SMALL, CHAINS));
    small
        .pull(&mut apart, "first look", true, pages / 10.0, BAR_FULL)
        .await;
    small.idle(&mut apart).await;
    println!("\nthe same tenth by one chain of pages: what shards are for");
    let mut single = Bench::new(&apart, folder.path().join("c.db"), factor, (SMALL, 1));
    single
        .pull(&mut apart, "first look", true, pages / 10.0, f64::INFINITY)
        .await;
    println!("load at the end {}", load());
}

/// A ledger that pulls one cell.
struct Bench {
    ctx: Context,
    database: PathBuf,
    factor: f64,
}

impl Bench {
    fn new(apart: &Apart, database: PathBuf, factor: f64, reach: (&str, usize)) -> Self {
        let store = Store::open(DatabaseUrl::Sqlite(database.clone()), 4).unwrap();
        let ctx = context(store, apart, factor, reach);
        Self {
            ctx,
            database,
            factor,
        }
    }

    /// Pulls and says what it took. `pages` is what there is to read.
    async fn pull(&mut self, apart: &mut Apart, what: &str, full: bool, pages: f64, bar: f64) {
        forget_peak();
        let (before, worked, began) = (apart.calls(), cpu(), Instant::now());
        let summary = self.run(full).await;
        let took = began.elapsed().as_secs_f64() * self.factor;
        let (worked, after) = (cpu() - worked, apart.calls());
        let floor = ((pages.ceil() - BURST).max(1.0) / PER_SECOND).max(ROUND_TRIP);
        let bar_text = if bar.is_finite() {
            format!(", bar {bar}{}", verdict(took / floor <= bar))
        } else {
            String::new()
        };
        println!(
            "{what:<32} {took:>6.1} s, floor {floor:.1} s: {:.2} x{bar_text}; {} calls for {pages:.0} pages, {} refused",
            took / floor,
            after.0 - before.0,
            after.1 - before.1
        );
        println!(
            "{:<32} CPU {worked:.1} s (bar {BAR_CPU} s{}), {:.1} ms a page; {} new, {} changed",
            "",
            verdict(worked <= BAR_CPU),
            worked * 1_000.0 / pages,
            summary.counts.new,
            summary.counts.changed
        );
    }

    /// An hour in which nothing changed: no event, and little of a log.
    async fn idle(&mut self, apart: &mut Apart) {
        const HOURS: u32 = 20;
        let ledger = self.ledger();
        self.ctx
            .store
            .read_here(|c| Ok(dialect::checkpoint(c)?))
            .unwrap();
        let (before, worked) = (apart.calls().0, cpu());
        let began = Instant::now();
        for _ in 0..HOURS {
            self.run(false).await;
        }
        let (worked, took) = (cpu() - worked, began.elapsed().as_secs_f64());
        let calls = apart.calls().0 - before;
        let log = std::fs::metadata(self.database.with_extension("db-wal")).map_or(0, |m| m.len());
        println!(
            "an hour without change           CPU {:.1} ms, {:.1} calls, {} KiB of log, {:.0} ms in all; the ledger is as it was{}",
            worked * 1_000.0 / f64::from(HOURS),
            calls as f64 / f64::from(HOURS),
            log / 1024 / u64::from(HOURS),
            took * 1_000.0 / f64::from(HOURS),
            verdict(self.ledger() == ledger)
        );
    }

    async fn run(&self, full: bool) -> pull::Summary {
        let selection = Selection {
            full,
            ..Selection::default()
        };
        let summary = pull::run(&self.ctx, &selection).await.unwrap();
        assert!(summary.gaps.is_empty(), "{:?}", summary.gaps);
        summary
    }

    /// Every change of the ledger is an event.
    fn ledger(&self) -> String {
        format!("{:?}", self.ctx.store.read_here(audit::head).unwrap())
    }
}

/// A context whose Security Hub is read on the stand-in's clock.
fn context(store: Store, apart: &Apart, factor: f64, (region, chains): (&str, usize)) -> Context {
    let reach = aws::Reach::bundled(ACCOUNT, &[region]);
    let keys = (apart.keys.0.as_str(), apart.keys.1.as_str());
    let mut ctx = aws::context(store, &apart.url, keys, &[reach]);
    ctx.sources.retain(|s| s.name() == "securityhub");
    aws::hasten(&mut ctx, &apart.url, keys, factor, chains);
    ctx
}

/// The stand-in as a process of its own, so that its work and memory are not counted.
struct Apart {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    url: String,
    keys: (String, String),
}

impl Apart {
    fn start(findings: usize, factor: f64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([STAND_IN, &findings.to_string(), &factor.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut apart = Self {
            child,
            to,
            from: BufReader::new(from),
            url: String::new(),
            keys: Default::default(),
        };
        let words = apart.answer();
        apart.url.clone_from(&words[0]);
        apart.keys = (words[1].clone(), words[2].clone());
        apart
    }

    fn ask(&mut self, what: &str) -> Vec<String> {
        writeln!(self.to, "{what}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> Vec<String> {
        let mut line = String::new();
        assert!(
            self.from.read_line(&mut line).unwrap() > 0,
            "the stand-in ended"
        );
        line.split_whitespace().map(str::to_owned).collect()
    }

    /// Calls of `GetFindings` so far, and how many of them were refused as too many.
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

/// Answers on standard output what is asked on standard input, a line each; ends with it.
async fn be_the_stand_in(findings: usize, factor: f64) {
    let now = SystemClock.now();
    let mut estate = Estate::bundled(now);
    for (region, count) in [(REGION, findings), (SMALL, findings / 10)] {
        let cell = estate
            .account_mut(ACCOUNT)
            .unwrap()
            .cell_mut(region)
            .unwrap();
        cell.hub = Some(bulk::controls(ACCOUNT, "aws", region, count, now));
    }
    let options = Options {
        enforce_rates: true,
        latency: true,
        clock_factor: factor,
        ..Options::new(History::new(Arc::new(SystemClock)))
    };
    let aws = AwsStandIn::start(estate, options).await.unwrap();
    println!(
        "{} {} {}",
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
        let entries = aws.history().of_kind("aws", "request");
        let hub = |e: &&_| format!("{e:?}").contains("GetFindings");
        let refused = entries
            .iter()
            .filter(hub)
            .filter(|e| format!("{e:?}").contains("\"429\""))
            .count();
        println!("{} {refused}", entries.iter().filter(hub).count());
    }
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

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |n: usize| fields[n].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / 100.0
}

/// The peak of memory counts from here.
fn forget_peak() {
    // Where it cannot be, the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line of `/proc/self/status`, in MiB.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(key));
    let kib = line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

fn verdict(holds: bool) -> &'static str {
    if holds { "" } else { ": MISSED" }
}
