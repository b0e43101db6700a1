//! Accounts found in an organization: who is added, who is retired and how that is told, and that half a look does nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use poamd::cli::load::declare_accounts;
use poamd::config;
use poamd::jobs::discover::{self, Summary, Told};
use poamd::jobs::{Context, Quiet};
use poamd::store::accounts::{self, AccountRow, By};
use poamd::store::{Store, audit, coverage, findings, watched};
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::health::Check;
use poamd_contract::organization::{Member, Members, Organization, Wants};

use crate::support::databases::for_each_database_async;
use crate::support::ledger::{add_findings, at, finding};

const CONFIG: &str = r#"
    [database]
    url = "sqlite:///not/used.db"
    [aws.organization]
    account = "000000000009"
    regions = ["us-gov-west-1"]
    external_id = "poamd-1"
    exclude = ["name:sandbox-*"]
    labels = ["Dev = ou:*/Dev"]
    [[accounts]]
    id = "000000000001"
    name = "declared"
    label = "Test"
    regions = ["us-gov-east-1"]
"#;

/// An organization as a list.
#[derive(Default)]
struct Listed {
    members: Mutex<Vec<Member>>,
    trouble: Mutex<Option<Coverage>>,
    asked: Mutex<Vec<(String, Wants)>>,
}

#[async_trait]
impl Organization for Listed {
    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    async fn members(&self, asking: &AccountAccess, wants: Wants) -> Members {
        self.asked
            .lock()
            .unwrap()
            .push((asking.id.to_string(), wants));
        Members {
            members: self.members.lock().unwrap().clone(),
            coverage: self
                .trouble
                .lock()
                .unwrap()
                .clone()
                .unwrap_or(Coverage::Complete),
        }
    }

    async fn health(&self, _: &AccountAccess) -> Check {
        Check::ok("organization", "")
    }
}

fn member(id: u64, name: &str, path: &str) -> Member {
    Member {
        id: format!("{id:012}").parse().unwrap(),
        name: name.to_owned(),
        active: true,
        state: "ACTIVE".to_owned(),
        path: path.to_owned(),
        tags: BTreeMap::new(),
    }
}

struct Stage {
    store: Store,
    listed: Arc<Listed>,
    ctx: Context,
}

impl Stage {
    fn new(store: Store) -> Self {
        let clock = Arc::new(ManualClock::at(at("2026-11-22T04:17")));
        let env: BTreeMap<String, String> = BTreeMap::new();
        let config = config::parse(Path::new("poamd.toml"), CONFIG, &env).unwrap();
        declare_accounts(&config, &store, "test", clock.now()).unwrap();
        let around = Surroundings {
            clock,
            chance: Arc::new(SystemChance),
            env: Arc::new(env),
            progress: Arc::new(Quiet),
        };
        let listed = Arc::new(Listed::default());
        *listed.members.lock().unwrap() = vec![
            member(9, "management", "/"),
            member(1, "of-the-organization", "/Work"),
            member(2, "pay", "/Work/Dev"),
            member(3, "sandbox-1", "/"),
            member(4, "web", "/Work/Prod"),
        ];
        let made = context_over(Arc::new(config), &around, store.clone()).unwrap();
        let ctx = Context {
            organization: Some(listed.clone()),
            ..made
        };
        Self { store, listed, ctx }
    }

    async fn run(&self) -> Summary {
        discover::run(&self.ctx, false).await.unwrap()
    }

    fn account(&self, id: u64) -> AccountRow {
        let id = format!("{id:012}");
        self.store
            .read_here(|c| accounts::find(c, &id))
            .unwrap()
            .unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Member>)) {
        change(&mut self.listed.members.lock().unwrap());
    }

    fn watched(&self) -> Vec<String> {
        let all = self.store.read_here(watched::watched).unwrap();
        all.into_iter().map(|w| w.access.name).collect()
    }

    fn gaps(&self) -> Vec<(String, String)> {
        let rows = self
            .store
            .read_here(|c| coverage::gaps(c, self.ctx.clock.now()))
            .unwrap();
        rows.into_iter()
            .map(|r| (r.account, r.reason.unwrap_or_default()))
            .collect()
    }

    fn head(&self) -> i64 {
        self.store.read_here(audit::head).unwrap().0
    }
}

fn names(told: &[Told]) -> Vec<&str> {
    told.iter().map(|t| t.name.as_str()).collect()
}

#[tokio::test]
async fn accounts_of_the_organization_are_added_by_the_rules() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        let dry = discover::run(&stage.ctx, true).await.unwrap();
        assert_eq!(names(&dry.added), ["pay", "web", "management"]);
        assert_eq!(stage.watched(), ["declared"], "nothing was written");

        let summary = stage.run().await;
        assert_eq!(
            (summary.members, names(&summary.added)),
            (5, vec!["pay", "web", "management"])
        );
        let pay = stage.account(2);
        assert_eq!(
            (pay.label.as_str(), pay.role.as_deref()),
            ("Dev", Some("poamd-audit"))
        );
        assert_eq!(
            (pay.external_id.as_deref(), pay.partition.as_str()),
            (Some("poamd-1"), "aws-us-gov")
        );
        assert_eq!(stage.account(4).label, "Prod");
        assert_eq!(stage.account(1).name, "declared", "what is declared stays");
        let asked = stage.listed.asked.lock().unwrap()[0].clone();
        assert_eq!(
            asked,
            (
                "000000000009".to_owned(),
                Wants {
                    paths: true,
                    tags: false
                }
            )
        );

        let before = stage.head();
        let again = stage.run().await;
        assert!(again.added.is_empty() && again.changed.is_empty() && again.retired.is_empty());
        assert_eq!(stage.head(), before, "a second look writes no event");
    })
    .await;
}

#[tokio::test]
async fn who_left_or_is_suspended_is_a_gap_and_closes_nothing() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.run().await;
        let row = finding("000000000002", None, "securityhub", "a");
        stage.store.write_here(|c| add_findings(c, &[row])).unwrap();
        stage.change(|all| {
            all[2].active = false;
            all[2].state = "SUSPENDED".to_owned();
            all.remove(4);
        });
        let summary = stage.run().await;
        assert_eq!(names(&summary.retired), ["pay", "web"]);
        assert_eq!(stage.watched(), ["declared", "management"]);
        let gaps = stage.gaps();
        assert!(
            gaps[0].1.contains("SUSPENDED") && gaps[1].1.contains("no longer in"),
            "{gaps:?}"
        );
        let open = stage.store.read_here(findings::all).unwrap();
        assert!(open.iter().all(|f| f.closed_at.is_none()));

        stage.change(|all| {
            all[2].active = true;
            all[2].state = "ACTIVE".to_owned();
        });
        let summary = stage.run().await;
        assert_eq!(names(&summary.returned), ["pay"]);
        assert_eq!(stage.gaps().len(), 1, "its gap is over");
        assert!(stage.account(2).active);
    })
    .await;
}

#[tokio::test]
async fn half_a_listing_retires_and_adds_nobody() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.run().await;
        let watched = stage.watched();
        let reason = || "why".to_owned();
        for trouble in [
            Some(Coverage::Partial { reason: reason() }),
            Some(Coverage::Denied { reason: reason() }),
            Some(Coverage::Failed { reason: reason() }),
            // A listing without whoever asked for it is another organization's.
            None,
        ] {
            stage.change(|all| *all = vec![member(7, "new", "/")]);
            stage.listed.trouble.lock().unwrap().clone_from(&trouble);
            let summary = stage.run().await;
            assert!(
                summary.gap.is_some() && summary.retired.is_empty() && summary.added.is_empty()
            );
            assert_eq!(stage.watched(), watched, "{trouble:?}");
            assert_eq!(stage.gaps()[0].0, "000000000009");
        }
    })
    .await;
}

#[tokio::test]
async fn an_account_that_a_person_removed_is_not_found_again() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.run().await;
        let by = By {
            actor: "cli:isso",
            at: at("2026-11-22T04:17"),
        };
        assert!(
            stage
                .store
                .write_here(|c| accounts::remove(c, "000000000004", by))
                .unwrap()
        );
        let summary = stage.run().await;
        assert!(summary.added.is_empty() && summary.returned.is_empty());
        assert!(stage.account(4).removed_at.is_some());
    })
    .await;
}
