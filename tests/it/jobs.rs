//! Jobs as the daemon and the command line run them: what stays due, what goes on when a part fails, who may run one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use poamd::cli::load::declare_accounts;
use poamd::config;
use poamd::daemon::{self, Reload};
use poamd::jobs::{self, Context, JobError, Quiet, Selection, lease};
use poamd::store::schedule::{self, ScheduleRow};
use poamd::store::{Store, coverage, items};
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::health::Check;
use poamd_contract::ids::{Partition, Region};
use poamd_contract::item::SeenItem;
use poamd_contract::source::{FindingSource, PageSink, Pulled, Request};
use poamd_contract::watch::{AccountWatch, Seen};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::databases::for_each_database_async;

/// How long a test waits for what must come; far more than it takes.
const PATIENCE: Duration = Duration::from_secs(60);
const REPORT: &str = "report:weekly";

/// One account in two regions, one after the other, and a report. Nothing is due by itself.
const CONFIG: &str = r#"
    [database]
    url = "sqlite:///not/used.db"
    [aws]
    concurrency = 1
    [schedule]
    pull = "0 0 1 1 *"
    scan = "0 0 1 1 *"
    sync = "0 0 1 1 *"
    [[accounts]]
    id = "210987654321"
    name = "payments"
    label = "Prod"
    regions = ["us-gov-east-1", "us-gov-west-1"]
    [mail]
    host = "127.0.0.1"
    from = "poamd@example.gov"
    [[reports]]
    name = "weekly"
    recipients = ["isso@example.gov"]
    schedule = "0 7 * * MON"
"#;

fn context(store: &Store) -> Context {
    let env: BTreeMap<String, String> = BTreeMap::new();
    let config = config::parse(Path::new("poamd.toml"), CONFIG, &env).unwrap();
    declare_accounts(&config, store, "test", SystemClock.now()).unwrap();
    let around = Surroundings {
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        env: Arc::new(env),
        progress: Arc::new(Quiet),
    };
    context_over(Arc::new(config), &around, store.clone()).unwrap()
}

/// Fails in the first region it is asked for.
#[derive(Default)]
struct Flaky(AtomicUsize);

#[async_trait]
impl FindingSource for Flaky {
    fn name(&self) -> &'static str {
        "securityhub"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    async fn pull(
        &self,
        _: &AccountAccess,
        _: &Region,
        _: &Request,
        _: &mut dyn PageSink,
    ) -> Result<Pulled> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => Err(ConnectorError::new(Retry::Never, "as a fault would")),
            _ => Ok(Pulled::full(Coverage::Complete)),
        }
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("flaky", "")
    }
}

#[async_trait]
impl AccountWatch for Flaky {
    fn technology(&self) -> &'static str {
        "s3"
    }

    fn is_global(&self) -> bool {
        false
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    async fn observe(&self, account: &AccountAccess, region: &Region) -> Seen {
        let name = match self.0.fetch_add(1, Ordering::Relaxed) {
            0 => "bad",
            _ => "good",
        };
        let item = SeenItem {
            account: account.id.clone(),
            partition: Partition::of_region(region),
            region: region.clone(),
            technology: "s3".to_owned(),
            name: name.to_owned(),
            arn: format!("arn:aws-us-gov:s3:::{name}"),
            config: json!({}),
            volatile: json!({}),
        };
        Seen {
            items: vec![item],
            coverage: Coverage::Complete,
        }
    }
}

#[tokio::test]
async fn a_pull_whose_first_cell_fails_still_reads_the_others() {
    for_each_database_async(async |store| {
        let mut ctx = context(&store);
        ctx.sources = vec![Arc::new(Flaky::default())];
        let failed = jobs::pull::run(&ctx, &Selection::default())
            .await
            .unwrap_err();
        assert!(failed.to_string().contains("as a fault would"), "{failed}");
        let read = store.read_here(coverage::all).unwrap();
        assert_eq!(read.len(), 1, "{read:?}");
    })
    .await;
}

#[tokio::test]
async fn a_scan_whose_first_look_fails_still_takes_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::support::desks::open_store(folder.path());
    store
        .read_here(|conn| {
            Ok(conn.batch_execute(
                "CREATE TRIGGER refuse BEFORE INSERT ON items WHEN NEW.name = 'bad' \
                 BEGIN SELECT RAISE(ABORT, 'as a fault would'); END",
            )?)
        })
        .unwrap();
    let mut ctx = context(&store);
    ctx.watches = vec![Arc::new(Flaky::default())];
    let failed = jobs::scan::run(&ctx, &Selection::default())
        .await
        .unwrap_err();
    assert!(failed.to_string().contains("as a fault would"), "{failed}");
    let taken = store.read_here(items::all).unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].name, "good");
}

fn row(store: &Store) -> Option<ScheduleRow> {
    store.read_here(|c| schedule::find(c, "pull")).unwrap()
}

struct Unchanging;

impl Reload for Unchanging {
    fn reload(&self, old: &Context) -> std::result::Result<Context, String> {
        Ok(old.clone())
    }
}

#[tokio::test]
async fn a_job_that_fails_stays_due() {
    for_each_database_async(async |store| {
        let (mut ctx, stop) = (context(&store), CancellationToken::new());
        ctx.sources = vec![Arc::new(Flaky::default())];
        let missed = SystemClock.now() - TimeDelta::hours(3);
        store
            .write_here(|c| schedule::ensure(c, "pull", "0 0 1 1 * UTC", missed, |_| Some(missed)))
            .unwrap();
        let daemon = tokio::spawn(daemon::run(ctx, Arc::new(Unchanging), stop.clone()));
        let end = Instant::now() + PATIENCE;
        while !row(&store).is_some_and(|row| row.has_failed()) {
            assert!(Instant::now() < end, "{:?}", row(&store));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        daemon.await.unwrap().unwrap();
        let row = row(&store).unwrap();
        assert_eq!(row.due_at().timestamp(), missed.timestamp(), "{row:?}");
    })
    .await;
}

#[tokio::test]
async fn a_report_is_not_made_before_its_time() {
    for_each_database_async(async |store| {
        let mut ctx = context(&store);
        ctx.mailer = None;
        let later = SystemClock.now() + TimeDelta::hours(3);
        store
            .write_here(|c| schedule::ensure(c, REPORT, "x", later, |_| Some(later)))
            .unwrap();
        // As a daemon does that found it due a moment before another one booked it.
        assert!(
            jobs::report::scheduled(&ctx, "weekly")
                .await
                .unwrap()
                .is_none()
        );
        store
            .write_here(|c| {
                schedule::retain(c, &[])?;
                let missed = later - TimeDelta::days(1);
                schedule::ensure(c, REPORT, "x", missed, |_| Some(missed))
            })
            .unwrap();
        let refused = jobs::report::scheduled(&ctx, "weekly").await.unwrap_err();
        assert!(refused.to_string().contains("[mail]"), "{refused}");
    })
    .await;
}

/// PostgreSQL alone: a SQLite ledger has one process.
#[tokio::test]
async fn a_job_is_run_by_one_of_several_processes() {
    for_each_database_async(async |store| {
        let (one, two) = (context(&store), context(&store));
        assert_ne!(one.holder, two.holder, "two containers may be alike");
        let began = Mutex::new(false);
        let outcome = lease::under(&one, "pull", async {
            Ok(lease::under(&two, "pull", async {
                *began.lock().unwrap() = true;
                Ok(())
            })
            .await)
        })
        .await
        .unwrap();
        if store.url().is_sqlite() {
            return;
        }
        let refused = outcome.unwrap_err();
        assert!(matches!(refused, JobError::Elsewhere { .. }), "{refused}");
        assert!(refused.to_string().contains(&one.holder), "{refused}");
        assert!(!*began.lock().unwrap());
        lease::under(&two, "pull", async { Ok(()) }).await.unwrap();
    })
    .await;
}
