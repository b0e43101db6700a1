//! What could not be looked at for too long is a record of its own, until it is seen again.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poamd::domain::finding::FindingStatus;
use poamd::domain::rating::Rating;
use poamd::domain::record::RecordStatus;
use poamd::jobs::{Context, Selection, pull};
use poamd::store::accounts::{self, By, Undeclared};
use poamd::store::records::RecordRow;
use poamd::store::{Store, audit, findings, records};
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::Coverage;

use crate::support::databases::for_each_database_async;
use crate::support::findings::{assert_audited, untouched};
use crate::support::stage::{Shows, Stage, context};

const ACCOUNT: &str = "210987654321";
const EAST: &str = "us-gov-east-1";
const WEST: &str = "us-gov-west-1";

struct House {
    store: Store,
    clock: Arc<ManualClock>,
    stage: Arc<Stage>,
    ctx: Context,
}

impl House {
    fn new(store: Store) -> Self {
        let begin: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(begin));
        let stage = Arc::new(Stage::default());
        let ctx = context(&store, &clock, &stage, &[(ACCOUNT, &[EAST, WEST])]);
        Self {
            store,
            clock,
            stage,
            ctx,
        }
    }

    fn show(&self, service: &str, region: &str, coverage: Coverage) {
        let shows = Shows {
            coverage,
            ..Shows::default()
        };
        self.stage.set(service, ACCOUNT, region, shows);
    }

    /// So many hourly pulls.
    async fn pull(&self, hours: u32) {
        for _ in 0..hours {
            pull::run(&self.ctx, &Selection::default()).await.unwrap();
            self.clock.advance(TimeDelta::hours(1));
        }
    }

    fn records(&self) -> Vec<RecordRow> {
        self.store.read_here(records::all).unwrap()
    }

    fn statuses(&self) -> Vec<FindingStatus> {
        let rows = self.store.read_here(findings::all).unwrap();
        rows.iter().map(|f| f.status.0).collect()
    }
}

fn denied(why: &str) -> Coverage {
    Coverage::Denied {
        reason: why.to_owned(),
    }
}

#[tokio::test]
async fn a_gap_older_than_its_limit_is_a_record_until_it_is_seen_again() {
    for_each_database_async(async |store| {
        let house = House::new(store);
        house.pull(1).await;
        for region in [EAST, WEST] {
            house.show(
                "securityhub",
                region,
                denied("no right to securityhub:GetFindings"),
            );
        }
        // Blind from the second look on: a day of it is not too long yet. The reason may change meanwhile.
        house.pull(12).await;
        let failed = Coverage::Failed {
            reason: "no answer".to_owned(),
        };
        house.show("securityhub", EAST, failed);
        house.pull(13).await;
        assert_eq!(house.records().len(), 0);
        house.pull(1).await;
        let opened = house.records();
        assert_eq!(opened.len(), 1, "one an account and service: {opened:#?}");
        let record = &opened[0];
        assert_eq!(record.weakness_id, "detection-gap/securityhub");
        assert_eq!(record.status.0, RecordStatus::Open);
        assert_eq!(record.rating.map(|r| r.0), Some(Rating::High));
        assert_eq!(
            record.detected_at.and_utc(),
            "2026-11-01T01:00:00Z".parse::<DateTime<Utc>>().unwrap(),
            "since nobody sees it, not since we say so"
        );
        assert_eq!(house.statuses(), [FindingStatus::Open; 2]);
        // It goes on, and nothing more is written.
        let before = untouched(&house.store);
        house.pull(5).await;
        assert_eq!(untouched(&house.store), before);

        let partial = Coverage::Partial {
            reason: "cut off".to_owned(),
        };
        house.show("securityhub", WEST, partial);
        house.pull(1).await;
        assert_eq!(house.records()[0].status.0, RecordStatus::Open);
        assert_eq!(house.statuses(), [FindingStatus::Open; 2], "not complete");
        house.show("securityhub", WEST, Coverage::Complete);
        house.pull(1).await;
        assert_eq!(house.records()[0].status.0, RecordStatus::Open);
        house.show("securityhub", EAST, Coverage::Complete);
        house.pull(1).await;
        assert_eq!(house.statuses(), [FindingStatus::Fixed; 2]);
        assert_eq!(house.records()[0].status.0, RecordStatus::Closed);
        let seen = untouched(&house.store);
        house.pull(3).await;
        assert_eq!(untouched(&house.store), seen);

        // Again, inside the reopening window: the same record.
        house.show("securityhub", WEST, denied("again"));
        house.pull(26).await;
        let again = house.records();
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].status.0, RecordStatus::Open);
        assert_audited(&house.store);
    })
    .await;
}

#[tokio::test]
async fn a_gap_of_a_region_that_is_given_up_ends_by_that_name() {
    for_each_database_async(async |store| {
        let house = House::new(store);
        house.pull(1).await;
        house.show("securityhub", WEST, denied("no right"));
        house.pull(26).await;
        assert_eq!(house.records()[0].status.0, RecordStatus::Open);
        let by = By {
            actor: "cli:ann",
            at: house.clock.now(),
        };
        house
            .store
            .write_here(|c| {
                let mut account = accounts::find(c, ACCOUNT)?.unwrap().account()?;
                account.access.regions = vec![EAST.parse().unwrap()];
                accounts::declare(c, &[account], Undeclared::Kept, by)
            })
            .unwrap();
        house.pull(1).await;
        assert_eq!(house.records()[0].status.0, RecordStatus::Closed);
        let place = format!("{ACCOUNT}/{WEST}/securityhub");
        let events = house
            .store
            .read_here(|c| audit::list(c, Some(&place), 10))
            .unwrap();
        assert_eq!(events[0].kind, "gap.unwatched");
        let before = untouched(&house.store);
        house.pull(2).await;
        assert_eq!(untouched(&house.store), before);
    })
    .await;
}

#[tokio::test]
async fn an_account_nobody_has_ever_seen_is_one_record() {
    for_each_database_async(async |store| {
        let house = House::new(store);
        for service in ["securityhub", "guardduty", "inspector"] {
            for region in [EAST, WEST] {
                house.show(service, region, denied("the role cannot be assumed"));
            }
        }
        house.pull(25).await;
        assert_eq!(house.records().len(), 0);
        house.pull(1).await;
        let names = |house: &House| -> Vec<(String, RecordStatus)> {
            let rows = house.records().into_iter();
            rows.map(|r| (r.weakness_id, r.status.0)).collect()
        };
        let whole = "detection-gap/account".to_owned();
        assert_eq!(names(&house), [(whole.clone(), RecordStatus::Open)]);
        // One service is seen: the account is no longer unknown, the others are gaps of their own.
        for region in [EAST, WEST] {
            house.show("guardduty", region, Coverage::Complete);
        }
        house.pull(1).await;
        assert_eq!(
            names(&house),
            [
                (whole, RecordStatus::Closed),
                ("detection-gap/inspector".to_owned(), RecordStatus::Open),
                ("detection-gap/securityhub".to_owned(), RecordStatus::Open),
            ]
        );
        assert_audited(&house.store);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_has_ended_and_a_pull_of_a_part_make_no_gap() {
    for_each_database_async(async |store| {
        let house = House::new(store);
        let ended = Coverage::Ended {
            reason: "AWS has ended it".to_owned(),
        };
        house.show("inspector", EAST, ended);
        house.show("guardduty", EAST, denied("no"));
        house.pull(20).await;
        let part = Selection {
            regions: vec![WEST.to_owned()],
            ..Selection::default()
        };
        house.clock.advance(TimeDelta::hours(20));
        pull::run(&house.ctx, &part).await.unwrap();
        assert_eq!(house.records().len(), 0);
        house.pull(1).await;
        let names: Vec<String> = house.records().into_iter().map(|r| r.weakness_id).collect();
        assert_eq!(names, ["detection-gap/guardduty"]);
    })
    .await;
}
