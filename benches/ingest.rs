//! How fast findings come in, and what they cost: 100,000 ASFF findings of 3 KB, 60 % of them duplicates through
//! another standard or channel, with every document kept as evidence, into SQLite on disk and into PostgreSQL where
//! `POAMD_TEST_POSTGRES_URL` names a server. Each figure stands beside its floor, measured in the same run.
//!
//! `cargo bench --no-default-features` compiles no AWS SDK and measures the same; `-- 1000000` takes more documents.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use poamd::intake::{Counts, Door, Ending, Intake, Synonyms, feed_documents, stored_hash};
use poamd::store::connection::PAGE;
use poamd::store::schema::evidence_packs;
use poamd::store::{DatabaseUrl, Store, dialect, evidence, findings, records, runs};
use poamd_contract::coverage::Cell;
use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::source::Page;
use sha2::{Digest, Sha256};

const DOCUMENTS: usize = 100_000;
/// Of ten documents four are findings of their own, three their twins of another standard, three copies in a file.
const OWN: usize = 4;
const TWINS: usize = 3;
const ACCOUNTS: usize = 8;
const BAR_FIRST: f64 = 25_000.0;
/// Of the floor of the same run: half its speed.
const BAR_FLOOR: f64 = 2.0;
const BAR_AGAIN: f64 = 100_000.0;
const BAR_MEMORY: f64 = 512.0;

/// Tells a child process to hold what is known of a database, and say what that costs.
const HOLD: &str = "--hold";

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut arguments = std::env::args().skip_while(|a| a != HOLD).skip(1);
    if let Some(database) = arguments.next() {
        return hold(Path::new(&database));
    }
    measure();
}

fn measure() {
    let wanted = std::env::args().find_map(|a| a.parse().ok());
    let documents = wanted.unwrap_or(DOCUMENTS) / 10 * 10;
    let folder = tempfile::tempdir().unwrap();
    let estate = Estate::write(folder.path(), documents);
    println!(
        "{documents} ASFF findings, {:.1} KB each, {} findings of their own; load {}",
        estate.bytes as f64 / documents as f64 / 1024.0,
        documents / 10 * OWN,
        load(),
    );
    let parse = parse_only(&estate);
    println!(
        "floor: parse only                          {}",
        speed(documents, parse)
    );
    on_sqlite(folder.path(), &estate, documents, parse);
    match Server::of_tests() {
        Some(server) => on_postgres(&server, &estate, documents, parse),
        None => println!("\nPostgreSQL: not measured, POAMD_TEST_POSTGRES_URL names no server"),
    }
    println!("load at the end {}", load());
}

fn on_sqlite(folder: &Path, estate: &Estate, documents: usize, parse: Duration) {
    let insert = insert_each(&folder.join("floor.db"), estate, Floor::default());
    println!(
        "\nSQLite\nfloor: parse + a prepared insert per row     {}",
        speed(documents, insert)
    );
    let large = Floor {
        large_pages: true,
        evidence: false,
    };
    let paged = insert_each(&folder.join("paged.db"), estate, large);
    println!(
        "the same in pages as large as the ledger's {}",
        speed(documents, paged)
    );
    let keeping = Floor {
        evidence: true,
        ..large
    };
    let kept = insert_each(&folder.join("kept.db"), estate, keeping);
    println!(
        "  and with its documents kept              {}",
        speed(documents, kept)
    );
    let database = folder.join("ledger.db");
    let store = open(&database);
    forget_peak();
    let first = import(&store, estate, 1);
    line("first import", documents, first.took, insert, BAR_FIRST);
    let times = |of: Duration| first.took.as_secs_f64() / of.as_secs_f64();
    println!(
        "  bar {BAR_FLOOR} x its floor{}; {:.2} x with large pages, {:.2} x with documents kept too; {:.1} CPU s",
        verdict(times(insert) <= BAR_FLOOR),
        times(paged),
        times(kept),
        first.cpu
    );
    let peak_first = status("VmHWM");
    plan(&store);
    let (own_bytes, ()) = log_of(&store, &database, || idle(&store));
    let (log_bytes, again) = log_of(&store, &database, || import(&store, estate, 2));
    line(
        "the same again, nothing changed",
        documents,
        again.took,
        parse,
        BAR_AGAIN,
    );
    assert_eq!(again.counts.unchanged, documents as u64);
    println!(
        "  written the second time: {log_bytes} bytes of log; noting the run alone takes {own_bytes}{}",
        verdict(log_bytes <= own_bytes)
    );
    let peak = status("VmHWM");
    println!(
        "memory: peak {peak_first:.0} MiB in the first import, {peak:.0} MiB after the second (bar {BAR_MEMORY} MiB{})",
        verdict(peak <= BAR_MEMORY)
    );
    println!("  {}", known_bytes(&database).trim());
    let evidence = kept_of(&store, &estate.bytes);
    let disk = std::fs::metadata(&database).unwrap().len();
    println!(
        "disk: {:.0} MiB, {:.0} bytes per finding with its reports, items, events and evidence ({evidence})",
        disk as f64 / 1048576.0,
        disk as f64 / (documents / 10 * OWN) as f64,
    );
}

fn on_postgres(server: &Server, estate: &Estate, documents: usize, parse: Duration) {
    let insert = insert_many(server, estate);
    println!(
        "\nPostgreSQL\nfloor: parse + inserts of 1,000 rows       {}",
        speed(documents, insert)
    );
    let store = Store::open(DatabaseUrl::Postgres(server.database("ledger")), 2).unwrap();
    let first = import(&store, estate, 1);
    println!(
        "first import                               {}  {:.2} x its floor",
        speed(documents, first.took),
        first.took.as_secs_f64() / insert.as_secs_f64()
    );
    plan(&store);
    let again = import(&store, estate, 2);
    println!(
        "the same again, nothing changed            {}  {:.2} x its floor",
        speed(documents, again.took),
        again.took.as_secs_f64() / parse.as_secs_f64()
    );
    assert_eq!(again.counts.unchanged, documents as u64);
}

fn plan(store: &Store) {
    let began = Instant::now();
    poamd::poam::activate(store, &poamd::poam::Rules::default(), now(1), "bench").unwrap();
    println!(
        "records planned in {:.2} s: {}",
        began.elapsed().as_secs_f64(),
        store.read_here(records::all).unwrap().len()
    );
}

/// What the documents take on disk, against what they were.
fn kept_of(store: &Store, bytes: &u64) -> String {
    let packs: Vec<evidence::PackRow> = store
        .read_here(|c| {
            Ok(evidence_packs::table
                .select(evidence::PackRow::as_select())
                .load(c)?)
        })
        .unwrap();
    let packed: usize = packs.iter().map(|p| p.zstd.len()).sum();
    let documents: i64 = packs.iter().map(|p| p.documents).sum();
    format!(
        "{documents} documents in {} packs, {:.1} MiB of {:.0}",
        packs.len(),
        packed as f64 / 1048576.0,
        *bytes as f64 / 1048576.0
    )
}

/// A PostgreSQL server on which databases may be made; they are gone with it.
struct Server {
    url: url::Url,
}

impl Server {
    fn of_tests() -> Option<Self> {
        let url = std::env::var("POAMD_TEST_POSTGRES_URL").ok()?;
        let server = Self {
            url: url.parse().unwrap(),
        };
        server.each_database(|name| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        server.each_database(|name| format!("CREATE DATABASE {name}"));
        Some(server)
    }

    fn each_database(&self, statement: impl Fn(String) -> String) {
        let mut conn = PgConnection::establish(self.url.as_str()).unwrap();
        for what in ["ledger", "floor"] {
            conn.batch_execute(&statement(Self::name(what))).unwrap();
        }
    }

    fn name(what: &str) -> String {
        format!("poamd_bench_{}_{what}", std::process::id())
    }

    fn database(&self, what: &str) -> String {
        let mut url = self.url.clone();
        url.set_path(&Self::name(what));
        url.into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.each_database(|name| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    }
}

fn now(run: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + run * 3_600, 0).unwrap()
}

/// The two files: what the hub shows, and what somebody exported.
struct Estate {
    hub: PathBuf,
    file: PathBuf,
    bytes: u64,
}

impl Estate {
    fn write(folder: &Path, documents: usize) -> Self {
        let (hub, file) = (folder.join("hub.json"), folder.join("file.json"));
        let groups = documents / 10;
        let mut bytes = write_list(
            &hub,
            (0..groups * OWN).map(|n| (n, "nist-800-53")).chain(
                (0..groups * TWINS).map(|n| (n, "aws-foundational-security-best-practices")),
            ),
        );
        let copies = documents - groups * (OWN + TWINS);
        bytes += write_list(&file, (0..copies).map(|n| (n, "nist-800-53")));
        Self { hub, file, bytes }
    }

    /// The two doors and their files.
    fn doors(&self) -> [(Channel, &Path); 2] {
        [(Channel::Hub, &self.hub), (Channel::File, &self.file)]
    }

    /// All pages, one after the other on this thread.
    fn each(&self, mut take: impl FnMut(Page)) {
        for (channel, path) in self.doors() {
            let pages = poamd_formats::read_documents(channel, "bench", reader(path));
            pages.for_each(|page| take(page.unwrap()));
        }
    }
}

fn reader(path: &Path) -> BufReader<File> {
    BufReader::new(File::open(path).unwrap())
}

fn write_list(path: &Path, documents: impl Iterator<Item = (usize, &'static str)>) -> u64 {
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(b"{\"Findings\":[").unwrap();
    for (i, (n, standard)) in documents.enumerate() {
        if i > 0 {
            out.write_all(b",").unwrap();
        }
        out.write_all(document(n, standard).as_bytes()).unwrap();
    }
    out.write_all(b"]}").unwrap();
    out.into_inner().unwrap().metadata().unwrap().len()
}

/// A control's finding as Security Hub writes it where findings are not consolidated.
fn document(n: usize, standard: &str) -> String {
    let account = 100_000_000_000 + n % ACCOUNTS;
    let control = n / ACCOUNTS % 200;
    let bucket = format!(
        "records-of-department-{:04}-{:06}",
        n % 97,
        n / (ACCOUNTS * 200) * 31 + n % 31
    );
    let arn = format!("arn:aws-us-gov:s3:::{bucket}");
    let id = format!(
        "arn:aws-us-gov:securityhub:us-gov-west-1:{account}:subscription/{standard}/v/5.0.0/S3.{control}/finding/{n:08x}-0000-4000-8000-{control:012x}"
    );
    let (label, minute) = (["LOW", "MEDIUM", "HIGH", "CRITICAL"][n % 4], n % 60);
    let status = if n % 10 == 9 { "PASSED" } else { "FAILED" };
    let filler =
        "The setting is read from the bucket's own configuration and from that of the account. "
            .repeat(9);
    serde_json::json!({
        "SchemaVersion": "2018-10-08", "Id": id, "AwsAccountId": account.to_string(), "Region": "us-gov-west-1",
        "ProductArn": "arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/securityhub", "ProductName": "Security Hub", "CompanyName": "AWS",
        "GeneratorId": format!("{standard}/v/5.0.0/S3.{control}"),
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": format!("2026-08-{:02}T03:{minute:02}:00.000Z", 1 + n % 28), "LastObservedAt": format!("2026-11-20T05:{minute:02}:11.000Z"),
        "CreatedAt": format!("2026-08-{:02}T03:{minute:02}:00.000Z", 1 + n % 28), "UpdatedAt": format!("2026-11-20T05:{minute:02}:08.000Z"),
        "Severity": { "Label": label, "Normalized": 40, "Product": 40, "Original": label },
        "Title": format!("S3.{control} Buckets should have setting number {control} switched on"),
        "Description": format!("This control checks whether setting number {control} is on. {filler}"),
        "Remediation": { "Recommendation": { "Text": "For directions on how to correct this issue, consult the documentation.",
            "Url": format!("https://docs.aws.amazon.com/console/securityhub/S3.{control}/remediation") } },
        "ProductFields": { "StandardsArn": format!("arn:aws-us-gov:securityhub:::standards/{standard}/v/5.0.0"), "ControlId": format!("S3.{control}"),
            "StandardsControlArn": format!("arn:aws-us-gov:securityhub:us-gov-west-1:{account}:control/{standard}/v/5.0.0/S3.{control}"),
            "RecommendationUrl": format!("https://docs.aws.amazon.com/console/securityhub/S3.{control}/remediation"),
            "RelatedAWSResources:0/name": "securityhub-setting-check", "RelatedAWSResources:0/type": "AWS::Config::ConfigRule",
            "Resources:0/Id": arn, "aws/securityhub/ProductName": "Security Hub", "aws/securityhub/CompanyName": "AWS",
            "aws/securityhub/FindingId": format!("arn:aws-us-gov:securityhub:us-gov-west-1::product/aws/securityhub/{id}") },
        "Resources": [{ "Type": "AwsS3Bucket", "Id": arn, "Partition": "aws-us-gov", "Region": "us-gov-west-1",
            "Tags": { "owner": format!("team-{}", n % 40), "system": "benefits", "environment": "prod" },
            "Details": { "AwsS3Bucket": { "OwnerId": "8f14e45fceea167a5a36dedd4bea2543c9f0f895fb98ab9159f51fd0297e236d", "CreatedAt": "2024-02-29T12:00:00.000Z" } } }],
        "Compliance": { "Status": status, "SecurityControlId": format!("S3.{control}"), "RelatedRequirements": ["NIST.800-53.r5 AC-3", "NIST.800-53.r5 AC-4", "NIST.800-53.r5 SC-7(3)"],
            "AssociatedStandards": [{ "StandardsId": format!("standards/{standard}/v/5.0.0") }] },
        "WorkflowState": "NEW", "Workflow": { "Status": "NEW" }, "RecordState": "ACTIVE",
        "FindingProviderFields": { "Severity": { "Label": label, "Original": label }, "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"] }
    })
    .to_string()
}

fn open(path: &Path) -> Store {
    Store::open(DatabaseUrl::Sqlite(path.to_owned()), 2).unwrap()
}

fn intake(store: &Store, channel: Channel, run: i64) -> Intake {
    let door = match channel {
        Channel::File => Door::File,
        _ => Door::Cell(Cell {
            account: "100000000000".parse().unwrap(),
            region: "us-gov-west-1".parse().unwrap(),
            service: "securityhub".to_owned(),
        }),
    };
    Intake::open(
        store.clone(),
        door,
        run,
        "bench",
        now(run),
        Arc::new(Synonyms::new()),
    )
    .unwrap()
}

struct Import {
    took: Duration,
    cpu: f64,
    counts: Counts,
}

/// An import up to its records, which are planned beside it: opened, read, parsed, taken, ended.
fn import(store: &Store, estate: &Estate, round: i64) -> Import {
    let (began, cpu_before) = (Instant::now(), cpu());
    let run = store
        .write_here(|c| runs::begin(c, "bench", now(round)))
        .unwrap();
    let mut counts = Counts::default();
    for (channel, path) in estate.doors() {
        let mut intake = intake(store, channel, run);
        feed_documents(&mut intake, &channel.into(), "bench", reader(path), |_| {}).unwrap();
        let complete = Ending {
            complete: true,
            ..Ending::default()
        };
        intake.finish(&complete).unwrap();
        let manifest = intake.manifest(now(round));
        store.write_here(|c| evidence::note(c, &manifest)).unwrap();
        counts += intake.counts();
    }
    finish(store, run, now(round));
    Import {
        took: began.elapsed(),
        cpu: cpu() - cpu_before,
        counts,
    }
}

/// Bytes that `work` adds to the write-ahead log: every page it writes.
fn log_of<T>(store: &Store, database: &Path, work: impl FnOnce() -> T) -> (u64, T) {
    store.read_here(|c| Ok(dialect::checkpoint(c)?)).unwrap();
    let done = work();
    let log = database.with_extension("db-wal");
    (std::fs::metadata(log).map_or(0, |m| m.len()), done)
}

/// A run that does nothing but note that it was, and what it read.
fn idle(store: &Store) {
    let run = store
        .write_here(|c| runs::begin(c, "bench", now(2)))
        .unwrap();
    for channel in [Channel::Hub, Channel::File] {
        let manifest = intake(store, channel, run).manifest(now(2));
        store.write_here(|c| evidence::note(c, &manifest)).unwrap();
    }
    finish(store, run, now(2));
}

fn finish(store: &Store, run: i64, at: DateTime<Utc>) {
    let none = serde_json::json!({});
    store
        .write_here(|c| runs::finish(c, run, at, "complete", &none))
        .unwrap();
}

fn parse_only(estate: &Estate) -> Duration {
    let began = Instant::now();
    let mut seen = 0;
    estate.each(|page| seen += std::hint::black_box(page).reports.len());
    assert!(seen > 0);
    began.elapsed()
}

diesel::table! {
    floor (n) {
        n -> BigInt,
        account -> Text,
        native_id -> Text,
        title -> Text,
        description -> Text,
        remediation -> Text,
        severity -> Nullable<Text>,
        signal -> Text,
        arn -> Text,
        content_hash -> BigInt,
    }
}

diesel::table! {
    floor_packs (sha256) {
        sha256 -> Text,
        zstd -> Binary,
    }
}

/// SQLite as it comes, and no more than the rows of the documents.
#[derive(Clone, Copy, Default)]
struct Floor {
    /// As the ledger has them.
    large_pages: bool,
    /// With its bytes, hashed and packed, a pack a page: nothing that keeps what AWS said can do less.
    evidence: bool,
}

/// Each document parsed and written as one row by one prepared statement, all in one transaction.
fn insert_each(path: &Path, estate: &Estate, floor: Floor) -> Duration {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    if floor.large_pages {
        conn.batch_execute(&format!("PRAGMA page_size = {PAGE}"))
            .unwrap();
    }
    conn.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE floor (n INTEGER PRIMARY KEY, account TEXT, native_id TEXT, title TEXT,
         description TEXT, remediation TEXT, severity TEXT, signal TEXT, arn TEXT, content_hash INTEGER);
         CREATE TABLE floor_packs (sha256 TEXT PRIMARY KEY, zstd BLOB)",
    )
    .unwrap();
    let began = Instant::now();
    conn.transaction(|conn| {
        let mut n = 0;
        estate.each(|page| {
            for report in &page.reports {
                n += 1;
                insert_one(conn, n, report).unwrap();
            }
            if floor.evidence {
                keep(conn, &page.reports).unwrap();
            }
        });
        QueryResult::Ok(())
    })
    .unwrap();
    began.elapsed()
}

/// The row of a document, as all floors write it.
macro_rules! row {
    ($n:expr, $r:expr) => {
        (
            floor::n.eq($n),
            floor::account.eq($r.account.as_str()),
            floor::native_id.eq(&$r.native_id),
            floor::title.eq(&$r.title),
            floor::description.eq(&$r.description),
            floor::remediation.eq(&$r.remediation),
            floor::severity.eq($r.severity.map(|s| s.as_str())),
            floor::signal.eq($r.signal.as_str()),
            floor::arn.eq(&$r.resources[0].id),
            floor::content_hash.eq(stored_hash($r)),
        )
    };
}

fn insert_one(conn: &mut SqliteConnection, n: i64, r: &FindingReport) -> QueryResult<usize> {
    diesel::insert_into(floor::table)
        .values(row!(n, r))
        .execute(conn)
}

/// The documents of a page, as the ledger keeps them.
fn keep(conn: &mut SqliteConnection, reports: &[FindingReport]) -> QueryResult<usize> {
    let raw = |report: &FindingReport| report.raw.clone().unwrap();
    let hashed: Vec<(_, [u8; 32])> = reports
        .iter()
        .map(|report| (raw(report), Sha256::digest(raw(report).as_bytes()).into()))
        .collect();
    let documents: Vec<(&str, &[u8; 32])> =
        hashed.iter().map(|(raw, hash)| (&**raw, hash)).collect();
    let pack = evidence::pack(&documents).unwrap();
    let values = (
        floor_packs::sha256.eq(pack.sha256),
        floor_packs::zstd.eq(pack.zstd),
    );
    diesel::insert_or_ignore_into(floor_packs::table)
        .values(values)
        .execute(conn)
}

/// Each document parsed and written as one row, a thousand rows a statement, all in one transaction.
fn insert_many(server: &Server, estate: &Estate) -> Duration {
    let mut conn = PgConnection::establish(&server.database("floor")).unwrap();
    conn.batch_execute(
        "CREATE TABLE floor (n BIGINT PRIMARY KEY, account TEXT, native_id TEXT, title TEXT, description TEXT,
         remediation TEXT, severity TEXT, signal TEXT, arn TEXT, content_hash BIGINT)",
    )
    .unwrap();
    let began = Instant::now();
    conn.transaction(|conn| {
        let mut n = 0;
        estate.each(|page| {
            for chunk in page.reports.chunks(1_000) {
                let rows: Vec<_> = chunk.iter().zip(n..).map(|(r, n)| row!(n, r)).collect();
                diesel::insert_into(floor::table)
                    .values(rows)
                    .execute(conn)
                    .unwrap();
                n += 1_000;
            }
        });
        QueryResult::Ok(())
    })
    .unwrap();
    began.elapsed()
}

/// How many reports of the hub are known, and what holding them costs: in a process of its own, whose memory holds
/// nothing else.
fn known_bytes(database: &Path) -> String {
    let this = std::env::current_exe().unwrap();
    let child = std::process::Command::new(this)
        .arg(HOLD)
        .arg(database)
        .output()
        .unwrap();
    String::from_utf8(child.stdout).unwrap()
}

fn hold(database: &Path) {
    let store = open(database);
    let mut known = 0_u64;
    let count = |_| known += 1;
    store
        .read_here(|c| {
            findings::reports_of_cell(c, "100000000000/us-gov-west-1/securityhub", count)
        })
        .unwrap();
    let before = status("VmRSS");
    let held = intake(&store, Channel::Hub, 3);
    let grown = (status("VmRSS") - before) * 1048576.0;
    println!(
        "{:.0} bytes in memory per known report ({known} known)",
        grown / known as f64
    );
    drop(held);
}

/// The peak of memory counts from here.
fn forget_peak() {
    // Where it cannot be, the peak is that of the whole run.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Of the times in `/proc`, on every Linux there is.
const TICKS_A_SECOND: f64 = 100.0;

/// Processor seconds of this process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse().ok());
    (ticks(11).unwrap_or(f64::NAN) + ticks(12).unwrap_or(f64::NAN)) / TICKS_A_SECOND
}

/// A line of `/proc/self/status`, in MiB.
fn status(key: &str) -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(key));
    let kib = line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

fn speed(documents: usize, took: Duration) -> String {
    format!(
        "{:>8.0}/s  ({:.2} s)",
        documents as f64 / took.as_secs_f64(),
        took.as_secs_f64()
    )
}

fn line(what: &str, documents: usize, took: Duration, floor: Duration, bar: f64) {
    println!(
        "{what:<42} {}  {:.2} x its floor, bar {bar}/s{}",
        speed(documents, took),
        took.as_secs_f64() / floor.as_secs_f64(),
        verdict(documents as f64 / took.as_secs_f64() >= bar)
    );
}

fn verdict(holds: bool) -> &'static str {
    if holds { "" } else { ": MISSED" }
}
