//! What a look at changes proves, and what it does not: the job over a source that does as it is asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use poamd::config::aws::Read;
use poamd::domain::finding::FindingStatus;
use poamd::intake::{Ending, Intake};
use poamd::jobs::{Context, Selection, pull};
use poamd::store::time::Stamp;
use poamd::store::{coverage, findings};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::error::Result;
use poamd_contract::finding::{FindingReport, Signal};
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{
    Aggregates, Cursor, Extent, FindingSource, Page, PageSink, Pulled, Request, Scope,
};

use crate::support::databases::{for_each_database, for_each_database_async};
use crate::support::findings::{ACCOUNT, assert_audited, hub, report, take, untouched};
use crate::support::stage::{self, Stage};

/// A hub that filters by its window, and keeps what it was asked.
#[derive(Default)]
struct Hub {
    held: Mutex<Vec<FindingReport>>,
    asked: Mutex<Vec<Extent>>,
}

#[async_trait]
impl FindingSource for Hub {
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
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        self.asked.lock().unwrap().push(request.extent);
        let shown = |r: &&FindingReport| match request.extent {
            Extent::Full => true,
            Extent::Window { from, to } => r.updated.is_some_and(|at| from <= at && at <= to),
        };
        let reports = {
            let held = self.held.lock().unwrap();
            held.iter().filter(shown).cloned().collect()
        };
        sink.page(Page {
            reports,
            ..Page::default()
        })
        .await?;
        Ok(Pulled {
            extent: request.extent,
            ..Pulled::full(Coverage::Complete)
        })
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("hub", "")
    }
}

fn fixed(ctx: &Context) -> usize {
    let all = ctx.store.read_here(findings::all).unwrap();
    let fixed = all.iter().filter(|f| f.status.0 == FindingStatus::Fixed);
    fixed.count()
}

/// When the cell was last looked at completely, and at everything.
fn looked(ctx: &Context) -> (DateTime<Utc>, DateTime<Utc>) {
    let row = ctx.store.read_here(coverage::all).unwrap().remove(0);
    let utc = |at: Option<Stamp>| at.unwrap().and_utc();
    (utc(row.last_complete), utc(row.last_full))
}

#[tokio::test]
async fn looks_at_changes_keep_a_cell_fresh_and_close_nothing() {
    for_each_database_async(|store| async move {
        let start: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let mut ctx = stage::context(
            &store,
            &clock,
            &Arc::new(Stage::default()),
            &[(ACCOUNT, &["us-east-1"])],
        );
        let hub = Arc::new(Hub::default());
        let before = start - TimeDelta::days(3);
        *hub.held.lock().unwrap() = ["gone", "repaired", "stays"]
            .map(|bucket| report(bucket, before, Signal::Open))
            .to_vec();
        ctx.sources = vec![hub.clone()];
        let everything = Selection::default();
        pull::run(&ctx, &everything).await.unwrap();
        assert_eq!(looked(&ctx), (start, start));
        // One goes without a word, one is repaired in the third hour.
        hub.held.lock().unwrap().remove(0);
        let mut fulls = Vec::new();
        for hour in 1..=72 {
            clock.set(start + TimeDelta::hours(hour));
            if hour == 3 {
                hub.held.lock().unwrap()[0] = report("repaired", clock.now(), Signal::Passed);
            }
            pull::run(&ctx, &everything).await.unwrap();
            if hub.asked.lock().unwrap().last() == Some(&Extent::Full) {
                fulls.push(hour);
            }
            let (complete, full) = looked(&ctx);
            let last = fulls.last().copied().unwrap_or_default();
            assert_eq!(
                (complete, full),
                (clock.now(), start + TimeDelta::hours(last))
            );
            let gaps = store.read_here(|c| coverage::gaps(c, clock.now())).unwrap();
            assert_eq!(gaps, []);
            // The pass is seen within the hour; absence counts from the second look at everything.
            let expected = usize::from(hour >= 3) + usize::from(fulls.len() >= 2);
            assert_eq!(fixed(&ctx), expected, "hour {hour}, full looks {fulls:?}");
        }
        assert_eq!(fulls.len(), 3, "one a day: {fulls:?}");
        assert!(fulls[0] > 1 || fulls[1] - fulls[0] == 24);
    })
    .await;
}

/// A look at changes asks the ledger for what its pages show: what that costs does not hang on what is known. It takes the
/// same as a look that knows all, and misses nothing, since it cannot know what it did not see.
#[test]
fn looks_at_changes_ask_for_what_they_show_and_conclude_nothing() {
    for_each_database(|store| {
        let at = |hour| {
            "2026-11-22T07:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hour)
        };
        let buckets: Vec<String> = (0..60).map(|n| format!("b{n}")).collect();
        let said = |hour, signal| {
            buckets
                .iter()
                .map(|b| report(b, at(hour), signal))
                .collect::<Vec<_>>()
        };
        take(store, hub(), said(0, Signal::Open), at(0));
        let mut look = Intake::open_by_page(store.clone(), hub(), 7, "test", at(2), Arc::default());
        let ledger = untouched(store);
        let page = |reports| Page {
            reports,
            ..Page::default()
        };
        for some in said(0, Signal::Open).chunks(7) {
            look.page(page(some.to_vec())).unwrap();
        }
        assert_eq!((look.counts().unchanged, untouched(store)), (60, ledger));
        // What is new in a page is known in the next, and what passes is taken.
        look.page(page(vec![
            report("new", at(1), Signal::Open),
            report("b3", at(1), Signal::Passed),
        ]))
        .unwrap();
        look.page(page(vec![
            report("new", at(1), Signal::Open),
            report("b3", at(1), Signal::Passed),
        ]))
        .unwrap();
        let counts = look.counts();
        assert_eq!((counts.new, counts.changed, counts.unchanged), (1, 1, 62));
        let complete = Ending {
            complete: true,
            ..Ending::default()
        };
        for _ in 0..3 {
            assert_eq!(look.finish(&complete).unwrap(), 0);
        }
        let fixed = store.read_here(findings::all).unwrap();
        assert_eq!(
            fixed
                .iter()
                .filter(|f| f.status.0 == FindingStatus::Fixed)
                .count(),
            1
        );
        assert_audited(store);
    });
}

#[tokio::test]
async fn the_end_of_a_look_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::support::desks::open_store(folder.path());
    let start: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::at(start));
    let mut ctx = stage::context(
        &store,
        &clock,
        &Arc::new(Stage::default()),
        &[(ACCOUNT, &["us-east-1"])],
    );
    let hub = Arc::new(Hub::default());
    *hub.held.lock().unwrap() = vec![report("gone", start, Signal::Open)];
    ctx.sources = vec![hub.clone()];
    let everything = Selection {
        full: true,
        ..Selection::default()
    };
    pull::run(&ctx, &everything).await.unwrap();
    hub.held.lock().unwrap().clear();
    let sql = |text: &str| {
        store
            .read_here(|conn| Ok(conn.batch_execute(text)?))
            .unwrap();
    };
    // As if the process died when it noted how the look went.
    sql(
        "CREATE TRIGGER refuse BEFORE UPDATE ON coverage BEGIN SELECT RAISE(ABORT, 'as a kill would'); END",
    );
    clock.set(start + TimeDelta::hours(1));
    assert!(pull::run(&ctx, &everything).await.is_err());
    let reports = store.read_here(findings::all_reports).unwrap();
    assert_eq!(
        reports[0].absent, 0,
        "a look that has no end counts for nothing"
    );
    sql("DROP TRIGGER refuse");
    pull::run(&ctx, &everything).await.unwrap();
    let reports = store.read_here(findings::all_reports).unwrap();
    assert_eq!((reports[0].absent, fixed(&ctx)), (1, 0));
}

/// A hub that is torn in its second look, goes on in the third, and then says that this was everything.
#[derive(Default)]
struct Torn {
    asked: Mutex<Vec<Request>>,
}

#[async_trait]
impl FindingSource for Torn {
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
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let call = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(request.clone());
            asked.len()
        };
        let made: DateTime<Utc> = "2026-11-19T07:00:00Z".parse().unwrap();
        let shown: &[&str] = match call {
            2 => &["first"],
            3 => &["second"],
            _ => &["first", "second"],
        };
        let cursor = Cursor {
            shard: "all".to_owned(),
            token: Some("next".to_owned()),
            done: false,
            damaged: false,
        };
        sink.page(Page {
            reports: shown
                .iter()
                .map(|name| report(name, made, Signal::Open))
                .collect(),
            cursors: Vec::from_iter((call == 2).then_some(cursor)),
            ..Page::default()
        })
        .await?;
        let torn = Coverage::Partial {
            reason: "the line went down".to_owned(),
        };
        Ok(match call {
            2 => Pulled {
                extent: request.extent,
                ..Pulled::full(torn)
            },
            _ => Pulled::full(Coverage::Complete),
        })
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("torn", "")
    }
}

/// What a look at changes showed before it was interrupted is not kept, so nothing is missing from what it shows after.
#[tokio::test]
async fn looks_at_changes_that_are_gone_on_with_conclude_nothing() {
    for_each_database_async(|store| async move {
        let start: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let mut ctx = stage::context(
            &store,
            &clock,
            &Arc::new(Stage::default()),
            &[(ACCOUNT, &["us-east-1"])],
        );
        // So that no look at everything falls due meanwhile, whatever the hour of the cell.
        let mut config = (*ctx.config).clone();
        config.aws.reconcile = std::time::Duration::from_secs(30 * 24 * 3_600);
        ctx.config = Arc::new(config);
        let torn = Arc::new(Torn::default());
        ctx.sources = vec![torn.clone()];
        let everything = Selection::default();
        let first = Selection {
            full: true,
            ..Selection::default()
        };
        pull::run(&ctx, &first).await.unwrap();
        for minutes in [20, 40] {
            clock.set(start + TimeDelta::minutes(minutes));
            pull::run(&ctx, &everything).await.unwrap();
        }
        let asked = torn.asked.lock().unwrap().clone();
        assert!(asked[0].extent.is_full() && !asked[1].extent.is_full());
        assert_eq!(asked[2].extent, asked[1].extent);
        assert_eq!(asked[2].resume.len(), 1, "it is gone on with");
        let reports = store.read_here(findings::all_reports).unwrap();
        assert_eq!(reports.len(), 2);
        for report in reports {
            assert_eq!(report.absent, 0, "{}", report.native_id);
        }
        assert_eq!(
            looked(&ctx),
            (clock.now(), start),
            "it is no look at everything"
        );
        assert_audited(&store);
    })
    .await;
}

/// A hub that shows what its administrator sees.
#[derive(Default)]
struct Gathering {
    held: Mutex<Vec<FindingReport>>,
    asked: Mutex<Vec<(String, String, Scope)>>,
}

#[async_trait]
impl FindingSource for Gathering {
    fn name(&self) -> &'static str {
        "securityhub"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    fn aggregates(&self) -> Aggregates {
        Aggregates::AccountsAndRegions
    }

    async fn pull(
        &self,
        account: &AccountAccess,
        region: &Region,
        request: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let asked = (account.id.to_string(), region.to_string(), request.scope);
        self.asked.lock().unwrap().push(asked);
        let reports = self.held.lock().unwrap().clone();
        sink.page(Page {
            reports,
            ..Page::default()
        })
        .await?;
        Ok(Pulled::full(Coverage::Complete))
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("gathering", "")
    }
}

const MEMBER: &str = "444455556666";

fn seen_in(account: &str, region: &str, at: DateTime<Utc>) -> FindingReport {
    let name = format!("{account}-{region}");
    let mut report = report(&name, at, Signal::Open);
    report.account = account.parse().unwrap();
    report.region = region.parse().unwrap();
    report.identity = poamd_contract::finding::Identity::Product {
        product_arn: "hub".to_owned(),
        id: name,
    };
    report
}

/// One region shows the findings of all. A watched place that it shows nothing of may be clean, or not be gathered there:
/// nobody knows, so it is a gap until something of it is seen.
#[tokio::test]
async fn places_that_an_aggregator_shows_nothing_of_are_gaps() {
    for_each_database_async(|store| async move {
        let start: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let accounts: [(&str, &[&str]); 2] = [
            (ACCOUNT, &["us-east-1", "us-west-2"]),
            (MEMBER, &["us-east-1"]),
        ];
        let mut ctx = stage::context(&store, &clock, &Arc::new(Stage::default()), &accounts);
        let read = |home: &str| Read::Aggregator {
            account: ACCOUNT.parse().unwrap(),
            home: Some(home.parse().unwrap()),
        };
        let mut config = (*ctx.config).clone();
        config.aws.read = read("us-east-1");
        ctx.config = Arc::new(config);
        let hub = Arc::new(Gathering::default());
        *hub.held.lock().unwrap() = vec![seen_in(ACCOUNT, "us-east-1", start)];
        ctx.sources = vec![hub.clone()];
        let gaps = |at| {
            let gaps = store.read_here(|c| coverage::gaps(c, at)).unwrap();
            gaps.iter()
                .map(|gap| {
                    let why = gap.reason.clone().unwrap();
                    assert!(why.contains("shows nothing of it"), "{why}");
                    format!("{} {} {}", gap.account, gap.region, gap.state)
                })
                .collect::<Vec<_>>()
        };
        let everything = Selection {
            full: true,
            ..Selection::default()
        };
        pull::run(&ctx, &everything).await.unwrap();
        assert_eq!(
            *hub.asked.lock().unwrap(),
            [(
                ACCOUNT.to_owned(),
                "us-east-1".to_owned(),
                Scope::Everything
            )]
        );
        let both = [
            format!("{ACCOUNT} us-west-2 partial"),
            format!("{MEMBER} us-east-1 partial"),
        ];
        assert_eq!(gaps(start), both);
        // An hour without change writes nothing about it.
        let before = untouched(&store);
        clock.set(start + TimeDelta::hours(1));
        pull::run(&ctx, &everything).await.unwrap();
        assert_eq!(
            (gaps(clock.now()), untouched(&store)),
            (both.to_vec(), before)
        );
        let there = seen_in(ACCOUNT, "us-west-2", start);
        hub.held.lock().unwrap().push(there);
        clock.set(start + TimeDelta::hours(2));
        pull::run(&ctx, &everything).await.unwrap();
        assert_eq!(gaps(clock.now()), [format!("{MEMBER} us-east-1 partial")]);
        // A home where the administrator is not watched would be read by nobody.
        let mut config = (*ctx.config).clone();
        config.aws.read = read("eu-west-1");
        ctx.config = Arc::new(config);
        let refused = pull::run(&ctx, &everything).await.unwrap_err().to_string();
        for part in [
            "home_region eu-west-1",
            ACCOUNT,
            "us-east-1, us-west-2",
            "read nowhere",
        ] {
            assert!(refused.contains(part), "{refused}");
        }
        assert_eq!(hub.asked.lock().unwrap().len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_has_gone_back_stops_the_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::support::desks::open_store(folder.path());
    let start: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::at(start));
    let stage = Arc::new(Stage::default());
    let mut ctx = stage::context(&store, &clock, &stage, &[(ACCOUNT, &["us-east-1"])]);
    let hub = Arc::new(Hub::default());
    *hub.held.lock().unwrap() = vec![report("a", start, Signal::Open)];
    ctx.sources = vec![hub];
    let everything = Selection::default();
    pull::run(&ctx, &everything).await.unwrap();
    clock.set(start - TimeDelta::minutes(4));
    pull::run(&ctx, &everything).await.unwrap();
    clock.set(start - TimeDelta::days(30));
    let before = crate::support::findings::untouched(&store);
    let error = pull::run(&ctx, &everything).await.unwrap_err().to_string();
    assert!(error.contains("set the clock"), "{error}");
    assert_eq!(crate::support::findings::untouched(&store), before);
}
