//! A ledger with records, a stand-in of a desk, and all that keeps the two in step.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use poamd::config;
use poamd::delivery::tickets::{Dispatcher, Summary};
use poamd::domain::clock::Clocks;
use poamd::domain::rating::Rating;
use poamd::jobs::{Context, Quiet};
use poamd::render::templates::Templates;
use poamd::store::{DatabaseUrl, Store};
use poamd::tickets::{DeskRules, Polled, Rules, planner, poll};
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::desk::Desk;
use poamd_contract::secret::SecretString;
use poamd_jira::{Endpoint, Jira, JiraConfig};
use poamd_sandbox::history::History;
use poamd_sandbox::jira::{JiraOptions, JiraStandIn};
use poamd_sandbox::servicenow::{ServiceNowOptions, ServiceNowStandIn};
use poamd_servicenow::{ServiceNow, ServiceNowConfig};
use tokio_util::sync::CancellationToken;

use super::ledger;

/// The name of the desk in every test.
pub const DESK: &str = "tracker";
/// The name we sign in with, as the rules say it.
pub const SIGN_IN: &str = "poamd@example.com";
/// Short, for what the stand-ins answer at once.
pub const SETTLE: Duration = Duration::from_millis(200);

/// A ledger and one desk.
pub struct Bench {
    pub store: Store,
    pub desk: Arc<dyn Desk>,
    pub rules: Rules,
    pub templates: Templates,
    pub history: History,
    pub clock: Arc<SystemClock>,
    _folder: tempfile::TempDir,
}

pub fn history() -> History {
    History::new(Arc::new(SystemClock))
}

pub fn open_store(folder: &Path) -> Store {
    Store::open(DatabaseUrl::Sqlite(folder.join("poamd.db")), 4).unwrap()
}

/// Records `1..=count`, each with one open finding on a bucket of its own.
pub fn seed(store: &Store, count: usize, now: chrono::DateTime<chrono::Utc>) {
    store
        .write_here(|conn| {
            for n in 1..=count {
                let weakness = format!("S3.{n}");
                let id = ledger::open_record(conn, ledger::ACCOUNT, &weakness, now)?;
                let arn = format!("arn:aws-us-gov:s3:::bucket-{n}");
                let mut finding = ledger::finding(ledger::ACCOUNT, Some(id), "securityhub", &arn);
                finding.weakness_id = weakness;
                finding.description = "It is open to the world.".to_owned();
                finding.resources = format!(
                    r#"[{{"id":"{arn}","kind":"AwsS3Bucket","technology":"s3","name":"bucket-{n}","region":null}}]"#
                );
                ledger::add_findings(conn, &[finding])?;
            }
            Ok(())
        })
        .unwrap();
}

pub fn rules(system: &'static str, justifiers: &[&str]) -> Rules {
    Rules {
        deployment: "test".to_owned(),
        desks: vec![DeskRules {
            name: DESK.to_owned(),
            system,
            sign_in: SIGN_IN.to_owned(),
            site: "http://127.0.0.1".to_owned(),
            takes: Arc::new(|_, _, _| true),
            justifiers: justifiers.iter().map(|id| (*id).to_owned()).collect(),
            max_expiry_days: 365,
        }],
        minimum_rating: Rating::Low,
        creates_per_run: 10_000,
        transitions_per_run: 100,
        comments_per_run: 200,
        reopen_days: 90,
        clocks: Clocks::default(),
        void: BTreeSet::new(),
    }
}

pub fn jira_desk(url: &str, email: &str, token: &str, project: &str, settle: Duration) -> Jira {
    let endpoint = Endpoint {
        timeout: Duration::from_secs(5),
        ..Endpoint::new(url.parse().unwrap())
    };
    Jira::new(JiraConfig {
        settle,
        ..JiraConfig::new(endpoint, email, SecretString::from(token), project)
    })
    .unwrap()
}

pub fn dispatcher(store: &Store, desk: Arc<dyn Desk>, holder: &str) -> Dispatcher {
    Dispatcher {
        store: store.clone(),
        desks: BTreeMap::from([(DESK.to_owned(), desk)]),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        holder: holder.to_owned(),
        lease: poamd::delivery::tickets::LEASE,
        at_once: poamd::delivery::tickets::AT_ONCE,
        actor: "job:sync".to_owned(),
    }
}

/// A Jira stand-in and a ledger with `count` records.
pub async fn jira(count: usize, options: JiraOptions, justifiers: &[&str]) -> (Bench, JiraStandIn) {
    let history = history();
    let stand_in = JiraStandIn::start(options, history.clone()).await.unwrap();
    let desk = jira_desk(
        &stand_in.url,
        &stand_in.email,
        &stand_in.token,
        &stand_in.project,
        SETTLE,
    );
    let bench = Bench::new(
        count,
        Arc::new(desk),
        rules("jira-cloud", justifiers),
        history,
    );
    (bench, stand_in)
}

/// A ServiceNow stand-in and a ledger with `count` records. `justifiers` are user names.
pub async fn servicenow(count: usize, justifiers: &[&str]) -> (Bench, ServiceNowStandIn) {
    let history = history();
    let stand_in = ServiceNowStandIn::start(ServiceNowOptions::default(), history.clone())
        .await
        .unwrap();
    let endpoint = Endpoint {
        timeout: Duration::from_secs(5),
        ..Endpoint::new(stand_in.url.parse().unwrap())
    };
    let password = SecretString::from(stand_in.password.as_str());
    let desk = ServiceNow::new(ServiceNowConfig {
        settle: SETTLE,
        ..ServiceNowConfig::new(endpoint, &stand_in.user_name, password)
    })
    .unwrap();
    let ids: Vec<String> = justifiers
        .iter()
        .map(|name| stand_in.user(name).unwrap()["sys_id"].clone())
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let bench = Bench::new(count, Arc::new(desk), rules("servicenow", &ids), history);
    (bench, stand_in)
}

impl Bench {
    fn new(count: usize, desk: Arc<dyn Desk>, rules: Rules, history: History) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(folder.path());
        let clock = Arc::new(SystemClock);
        seed(&store, count, clock.now());
        Self {
            store,
            desk,
            rules,
            templates: Templates::packaged().unwrap(),
            history,
            clock,
            _folder: folder,
        }
    }

    pub fn plan(&self) -> planner::Planned {
        let now = self.clock.now();
        planner::plan(&self.store, &self.templates, &self.rules, now, "job:sync").unwrap()
    }

    /// Sends what is due, and waits for what is due soon.
    pub async fn drain(&self) -> Summary {
        let dispatcher = dispatcher(&self.store, self.desk.clone(), "test");
        drain_fully(&dispatcher, Duration::from_secs(10)).await
    }

    pub async fn poll(&self) -> Polled {
        self.poll_as(&self.desk).await
    }

    pub async fn poll_as(&self, desk: &Arc<dyn Desk>) -> Polled {
        poll(
            &self.store,
            desk,
            &self.rules,
            &self.rules.desks[0],
            &self.templates,
            &*self.clock,
            "job:sync",
        )
        .await
        .unwrap()
    }

    /// One sync: people first, then the plan, then the sending.
    pub async fn sync(&self) -> (Polled, Summary) {
        let polled = self.poll().await;
        self.plan();
        (polled, self.drain().await)
    }

    /// Everything a job has, over this ledger and this desk.
    pub fn context(&self) -> Context {
        let text = format!(
            "[database]\nurl = \"sqlite:///not/used.db\"\n[deployment]\nname = \"test\"\n[[desks]]\nname = \"{DESK}\"\n\
             system = \"jira-cloud\"\nurl = \"http://127.0.0.1/\"\nemail = \"{SIGN_IN}\"\ntoken = {{ env = \"TOKEN\" }}\n\
             project = \"POAM\"\nsettle = \"1s\"\n"
        );
        let env = BTreeMap::from([("TOKEN".to_owned(), "not used".to_owned())]);
        let config = config::parse(Path::new("poamd.toml"), &text, &env).unwrap();
        let around = Surroundings {
            clock: self.clock.clone(),
            chance: Arc::new(SystemChance),
            env: Arc::new(env),
            progress: Arc::new(Quiet),
        };
        let made = context_over(Arc::new(config), &around, self.store.clone()).unwrap();
        Context {
            desks: BTreeMap::from([(DESK.to_owned(), self.desk.clone())]),
            ..made
        }
    }

    /// Calls to the desk that write something.
    pub fn writes(&self) -> usize {
        let reads = ["/search/jql", "/bulkfetch"];
        self.history
            .select(|e| {
                e.kind == "request"
                    && e.detail["method"] != "GET"
                    && !reads
                        .iter()
                        .any(|r| e.detail["path"].as_str().unwrap_or_default().ends_with(r))
            })
            .len()
    }
}

/// Runs until nothing is on its way any more, at most `patience`.
pub async fn drain_fully(dispatcher: &Dispatcher, patience: Duration) -> Summary {
    let stop = CancellationToken::new();
    let end = tokio::time::Instant::now() + patience;
    let mut last = dispatcher.drain(&stop).await.unwrap();
    while let Some(due) = dispatcher.next_due().await.unwrap() {
        if tokio::time::Instant::now() > end {
            break;
        }
        let wait = (due - SystemClock.now()).to_std().unwrap_or_default();
        tokio::time::sleep(wait.min(Duration::from_secs(1)) + Duration::from_millis(5)).await;
        let more = dispatcher.drain(&stop).await.unwrap();
        last = add(last, more);
    }
    last
}

fn add(a: Summary, b: Summary) -> Summary {
    Summary {
        created: a.created + b.created,
        adopted: a.adopted + b.adopted,
        updated: a.updated + b.updated,
        moved: a.moved + b.moved,
        commented: a.commented + b.commented,
        later: a.later + b.later,
        unclear: a.unclear + b.unclear,
        failed: a.failed + b.failed,
        needs_operator: a.needs_operator + b.needs_operator,
        missing: a.missing + b.missing,
        paused: b.paused,
    }
}
