//! Write-back to a hub: what is left there, what is never touched, and what refusals, lost answers and kills do.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use poamd::cli::load::declare_accounts;
use poamd::config;
use poamd::delivery::writeback::Summary;
use poamd::delivery::writeback::sender::TRIES;
use poamd::domain::deviation::{DeviationKind, DeviationState};
use poamd::jobs::{Context, Quiet, writeback};
use poamd::store::columns::Col;
use poamd::store::deviations::{self, NewDeviation};
use poamd::store::findings::{self, ReportRow, report_key};
use poamd::store::time::stamp;
use poamd::store::writebacks::{self, WritebackRow};
use poamd::store::{Store, audit};
use poamd::wiring::{Surroundings, SystemChance, context_over};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::finding::{Channel, Signal};
use poamd_contract::health::Check;
use poamd_contract::hub::{HubChange, HubId, HubRefusal, HubWriter, Standing};
use poamd_contract::ids::Region;
use poamd_contract::severity::Severity;

use crate::support::databases::for_each_database_async;
use crate::support::ledger::{ACCOUNT, at, finding, link_ticket, open_record};

const REGION: &str = "us-gov-west-1";
const CONFIG: &str = r#"
    [database]
    url = "sqlite:///not/used.db"
    [writeback]
    enabled = true
    [[accounts]]
    id = "210987654321"
    name = "payments"
    label = "Prod"
    regions = ["us-gov-west-1"]
"#;

/// What the hub does with the next write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trick {
    /// Does it, and the answer is lost.
    LoseAnswer,
    /// Does nothing; whether it did is not known.
    LoseRequest,
    /// Leaves this finding out.
    Refuse(&'static str),
    Deny,
}

/// A hub in memory.
#[derive(Default)]
struct Hub {
    findings: Mutex<BTreeMap<String, Standing>>,
    tricks: Mutex<VecDeque<Trick>>,
    reads: Mutex<usize>,
    writes: Mutex<Vec<(Vec<String>, HubChange)>>,
}

impl Hub {
    fn put(&self, id: &str, workflow: &str) {
        let standing = Standing {
            id: HubId {
                id: id.to_owned(),
                product: format!("product/{id}"),
            },
            account: ACCOUNT.to_owned(),
            workflow: workflow.to_owned(),
            verification: "UNKNOWN".to_owned(),
            fields: BTreeMap::from([("owner".to_owned(), "team-a".to_owned())]),
        };
        self.findings
            .lock()
            .unwrap()
            .insert(id.to_owned(), standing);
    }

    fn get(&self, id: &str) -> Standing {
        self.findings.lock().unwrap()[id].clone()
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Standing)) {
        change(self.findings.lock().unwrap().get_mut(id).unwrap());
    }

    fn play(&self, tricks: &[Trick]) {
        self.tricks.lock().unwrap().extend(tricks);
    }

    fn writes(&self) -> usize {
        self.writes.lock().unwrap().len()
    }

    fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }
}

#[async_trait]
impl HubWriter for Hub {
    fn service(&self) -> &'static str {
        "securityhub"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    fn most(&self) -> usize {
        100
    }

    async fn read(
        &self,
        account: &AccountAccess,
        region: &Region,
        ids: &[String],
    ) -> Result<Vec<Standing>> {
        assert_eq!((account.id.as_str(), region.as_str()), (ACCOUNT, REGION));
        *self.reads.lock().unwrap() += 1;
        let findings = self.findings.lock().unwrap();
        Ok(ids
            .iter()
            .filter_map(|id| findings.get(id).cloned())
            .collect())
    }

    async fn write(
        &self,
        _: &AccountAccess,
        _: &Region,
        ids: &[HubId],
        change: &HubChange,
    ) -> Result<Vec<HubRefusal>> {
        let names: Vec<String> = ids.iter().map(|id| id.id.clone()).collect();
        self.writes.lock().unwrap().push((names, change.clone()));
        let trick = self.tricks.lock().unwrap().pop_front();
        let unclear = || ConnectorError::new(Retry::Unclear, "no answer in time");
        match trick {
            Some(Trick::Deny) => {
                let why = "not authorized to perform securityhub:BatchUpdateFindings";
                return Err(ConnectorError::new(Retry::Auth, why));
            }
            Some(Trick::LoseRequest) => return Err(unclear()),
            _ => {}
        }
        let mut refused = Vec::new();
        for id in ids {
            if trick == Some(Trick::Refuse(""))
                || matches!(trick, Some(Trick::Refuse(no)) if no == id.id)
            {
                refused.push(HubRefusal {
                    id: id.clone(),
                    why: "ConcurrentUpdateError".to_owned(),
                });
                continue;
            }
            let mut findings = self.findings.lock().unwrap();
            let standing = findings.get_mut(&id.id).unwrap();
            if let Some(fields) = &change.fields {
                standing.fields.clone_from(fields);
            }
            if let Some(workflow) = change.workflow {
                workflow.as_str().clone_into(&mut standing.workflow);
            }
            if let Some(verification) = change.verification {
                verification.as_str().clone_into(&mut standing.verification);
            }
        }
        if trick == Some(Trick::LoseAnswer) {
            return Err(unclear());
        }
        Ok(refused)
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("hub", "")
    }
}

/// A ledger of one record with the findings `a` and `b`, a hub that holds them, and a clock.
struct Stage {
    store: Store,
    hub: Arc<Hub>,
    clock: Arc<ManualClock>,
    ctx: Context,
    record: i64,
}

impl Stage {
    fn new(store: Store) -> Self {
        let hub = Arc::new(Hub::default());
        let clock = Arc::new(ManualClock::at(at("2026-11-22T07:00")));
        let env: BTreeMap<String, String> = BTreeMap::new();
        let config = config::parse(Path::new("poamd.toml"), CONFIG, &env).unwrap();
        declare_accounts(&config, &store, "test", clock.now()).unwrap();
        let around = Surroundings {
            clock: clock.clone(),
            chance: Arc::new(SystemChance),
            env: Arc::new(env),
            progress: Arc::new(Quiet),
        };
        let made = context_over(Arc::new(config), &around, store.clone()).unwrap();
        let ctx = Context {
            hub: Some(hub.clone()),
            ..made
        };
        let record = store
            .write_here(|conn| {
                let record = open_record(conn, ACCOUNT, "S3.5", at("2026-11-20T05:00"))?;
                for id in ["a", "b"] {
                    let mut rows = [finding(ACCOUNT, Some(record), "securityhub", id)];
                    findings::insert_all(conn, &mut rows)?;
                    let [row] = rows;
                    let cell = format!("{ACCOUNT}/{REGION}/securityhub");
                    findings::insert_reports(
                        conn,
                        &[ReportRow {
                            finding_id: row.id,
                            account: row.account,
                            report_key: report_key(id, &cell),
                            native_id: id.to_owned(),
                            cell,
                            channel: Col(Channel::Hub),
                            source: "securityhub".to_owned(),
                            signal: Col(Signal::Open),
                            updated_at: None,
                            severity: None,
                            rated_at: None,
                            stated: None,
                            stated_at: None,
                            content_hash: 1,
                            absent: 0,
                            pack_id: None,
                            pack_at: None,
                            region: REGION.to_owned(),
                            document: None,
                        }],
                    )?;
                }
                Ok(record)
            })
            .unwrap();
        for id in ["a", "b"] {
            hub.put(id, "NEW");
        }
        Self {
            store,
            hub,
            clock,
            ctx,
            record,
        }
    }

    async fn run(&self) -> Summary {
        writeback::run(&self.ctx).await.unwrap().unwrap()
    }

    /// Runs until nothing waits any more, hour by hour.
    async fn run_out(&self) -> Summary {
        for _ in 0..20 {
            self.clock.advance(TimeDelta::hours(2));
            let summary = self.run().await;
            if summary.later == 0 && summary.paused.is_empty() {
                return summary;
            }
        }
        panic!("something waits for ever: {:?}", self.rows());
    }

    fn rows(&self) -> Vec<WritebackRow> {
        self.store.read_here(writebacks::all).unwrap()
    }

    fn head(&self) -> i64 {
        self.store.read_here(audit::head).unwrap().0
    }

    /// An event of the ledger, as whoever decides writes one beside the decision.
    fn decide(&self, kind: DeviationKind, state: DeviationState) -> i64 {
        let now = self.clock.now();
        self.store
            .write_here(|conn| {
                let id = deviations::insert(
                    conn,
                    &NewDeviation {
                        record_id: self.record,
                        kind: Col(kind),
                        state: Col(state),
                        live: true,
                        severity: None,
                        from_severity: Some(Col(Severity::High)),
                        rationale: "it is a public web site".to_owned(),
                        mitigations: String::new(),
                        requested_by: "isso".to_owned(),
                        requested_at: stamp(now),
                        decided_at: (state == DeviationState::Approved).then_some(stamp(now)),
                        expires: None,
                    },
                )?;
                self.tell(conn)?;
                Ok(id)
            })
            .unwrap()
    }

    fn tell(&self, conn: &mut poamd::store::AnyConnection) -> poamd::store::Result<()> {
        let event = audit::Event {
            at: self.clock.now(),
            actor: "test".to_owned(),
            kind: "deviation.changed",
            subject: "POAM".to_owned(),
            body: serde_json::json!({}),
        };
        audit::append(conn, &event).map(|_| ())
    }

    fn end(&self, id: i64, state: DeviationState) {
        self.store
            .write_here(|conn| {
                let mut row = deviations::of_record(conn, self.record)?
                    .into_iter()
                    .find(|d| d.id == id)
                    .unwrap();
                row.state = Col(state);
                row.live = false;
                deviations::update(conn, &row)?;
                self.tell(conn)
            })
            .unwrap();
    }

    fn ticket(&self) {
        self.store
            .write_here(|conn| {
                link_ticket(conn, self.record, "SEC-7")?;
                self.tell(conn)
            })
            .unwrap();
    }
}

#[tokio::test]
async fn our_fields_stand_beside_those_of_others_and_the_hub_hears_of_the_ticket() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        let summary = stage.run().await;
        assert_eq!((summary.wanted, summary.written), (2, 2));
        let poam = format!("POAM-{:06}", stage.record);
        let a = stage.hub.get("a");
        assert_eq!(
            (a.fields["poamId"].as_str(), a.fields["owner"].as_str()),
            (poam.as_str(), "team-a")
        );
        assert_eq!(a.workflow, "NEW", "there is no ticket yet");

        stage.ticket();
        stage
            .hub
            .change("b", |b| b.workflow = "SUPPRESSED".to_owned());
        assert_eq!(stage.run().await.written, 2);
        let (a, b) = (stage.hub.get("a"), stage.hub.get("b"));
        assert_eq!(
            (a.fields["poamTicket"].as_str(), a.workflow.as_str()),
            ("SEC-7", "NOTIFIED")
        );
        assert_eq!(
            (b.fields["poamTicket"].as_str(), b.workflow.as_str()),
            ("SEC-7", "SUPPRESSED")
        );
        assert!(stage.rows().iter().all(|row| row.state == writebacks::DONE));
    })
    .await;
}

#[tokio::test]
async fn a_run_in_which_nothing_changed_asks_nothing_and_writes_nothing() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.ticket();
        stage.run().await;
        let asked = (stage.hub.reads(), stage.hub.writes());
        let before = stage.head();
        assert_eq!(stage.run().await, Summary::default());
        assert_eq!(stage.run().await, Summary::default());
        assert_eq!((stage.hub.reads(), stage.hub.writes()), asked);
        assert_eq!(stage.head(), before);
        assert_eq!(
            stage.hub.writes(),
            1,
            "one call for findings of which the same is wanted"
        );
    })
    .await;
}

#[tokio::test]
async fn only_an_approved_decision_suppresses_and_its_end_takes_that_back() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.ticket();
        stage.run().await;
        stage
            .hub
            .change("b", |b| b.workflow = "RESOLVED".to_owned());
        let asked = stage.decide(DeviationKind::FalsePositive, DeviationState::Submitted);
        stage.run().await;
        let a = stage.hub.get("a");
        assert_eq!(
            (a.workflow.as_str(), a.fields["poamDeviation"].as_str()),
            ("NOTIFIED", "false-positive: submitted")
        );
        stage.end(asked, DeviationState::Withdrawn);

        let approved = stage.decide(DeviationKind::FalsePositive, DeviationState::Approved);
        stage.run().await;
        let (a, b) = (stage.hub.get("a"), stage.hub.get("b"));
        assert_eq!(
            (a.workflow.as_str(), a.verification.as_str()),
            ("SUPPRESSED", "FALSE_POSITIVE")
        );
        assert_eq!(b.workflow, "RESOLVED", "that is evidence's word");

        stage.end(approved, DeviationState::Expired);
        stage.run().await;
        let a = stage.hub.get("a");
        assert_eq!(
            (a.workflow.as_str(), a.verification.as_str()),
            ("NOTIFIED", "UNKNOWN")
        );
        assert_eq!(a.fields["poamDeviation"], "none");
    })
    .await;
}

#[tokio::test]
async fn a_decision_hides_what_it_was_on_and_nothing_that_came_later_or_became_worse() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.ticket();
        stage.decide(
            DeviationKind::OperationalRequirement,
            DeviationState::Approved,
        );
        stage
            .store
            .write_here(|conn| {
                for was in findings::of_record(conn, stage.record)? {
                    let mut row = was.clone();
                    match was.arn.as_str() {
                        "a" => row.severity = Some(Col(Severity::Critical)),
                        _ => row.joined_at = Some(stamp(stage.clock.now() + TimeDelta::hours(1))),
                    }
                    findings::replace(conn, &was, &row)?;
                }
                stage.tell(conn)
            })
            .unwrap();
        stage.clock.advance(TimeDelta::hours(2));
        stage.run().await;
        for id in ["a", "b"] {
            let there = stage.hub.get(id);
            assert_eq!(there.workflow, "NOTIFIED", "{id}");
            assert_eq!(
                there.fields["poamDeviation"],
                "operational-requirement: approved"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_was_lost_is_repaired_by_reading() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.ticket();
        stage.decide(
            DeviationKind::OperationalRequirement,
            DeviationState::Approved,
        );
        stage.hub.play(&[Trick::LoseAnswer]);
        let summary = stage.run().await;
        assert_eq!((summary.written, summary.later), (0, 2));
        assert!(stage.rows().iter().all(|row| row.sent.is_some()));

        let summary = stage.run_out().await;
        assert_eq!(
            (summary.as_wanted, stage.hub.writes()),
            (2, 1),
            "it was read, and not written again"
        );
        let ours = |row: &WritebackRow| row.written().unwrap().suppressed && row.sent.is_none();
        assert!(
            stage.rows().iter().all(ours),
            "what stands there is known as ours"
        );

        stage.hub.change("a", |a| {
            a.fields.insert("later".to_owned(), "theirs".to_owned());
        });
        stage.ticket_gone();
        stage.hub.play(&[Trick::LoseRequest]);
        let first = stage.run().await;
        assert_eq!((first.written, first.later), (1, 1));
        assert_eq!(stage.run_out().await.written, 1, "it had not arrived");
        assert_eq!(stage.hub.get("a").fields["later"], "theirs");
    })
    .await;
}

impl Stage {
    /// The desk no longer has the ticket.
    fn ticket_gone(&self) {
        self.store
            .write_here(|conn| {
                let mut row = poamd::store::tickets::of_record(conn, self.record)?.remove(0);
                row.link = Col("missing".parse().unwrap());
                poamd::store::tickets::update(conn, &row)?;
                self.tell(conn)
            })
            .unwrap();
    }
}

#[tokio::test]
async fn a_refused_finding_is_tried_so_often_and_then_told() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.hub.play(&[Trick::Refuse("a")]);
        let summary = stage.run().await;
        assert_eq!(
            (summary.written, summary.later),
            (1, 1),
            "the other one was written"
        );
        assert_eq!(stage.run().await.later, 0, "not again at once");
        assert_eq!(stage.run_out().await.written, 1);

        stage.ticket();
        stage.hub.play(&[Trick::Refuse(""); 10]);
        let before = stage.hub.writes();
        stage.run().await;
        let summary = stage.run_out().await;
        assert_eq!(
            (summary.failed, stage.hub.writes() - before),
            (2, TRIES as usize)
        );
        let row = &stage.rows()[0];
        assert_eq!(
            (row.state.as_str(), row.error.as_deref()),
            (writebacks::FAILED, Some("ConcurrentUpdateError"))
        );
        stage.hub.tricks.lock().unwrap().clear();
        stage.decide(DeviationKind::RiskAdjustment, DeviationState::Requested);
        assert_eq!(stage.run().await.written, 2, "a change tries anew");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_of_the_right_rests_the_cell_and_costs_no_try() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.hub.play(&[Trick::Deny; 8]);
        let summary = stage.run().await;
        let why = summary.paused.values().next().unwrap();
        assert!(
            why.contains("BatchUpdateFindings") && summary.is_trouble(),
            "{why}"
        );
        assert_eq!(
            (stage.run().await.paused.len(), stage.hub.writes()),
            (0, 1),
            "it rests"
        );
        let summary = stage.run_out().await;
        assert_eq!((summary.written, summary.failed), (2, 0));
        assert_eq!(stage.hub.writes(), 9);
    })
    .await;
}

#[tokio::test]
async fn what_the_hub_holds_no_longer_is_gone_and_not_asked_for_again() {
    for_each_database_async(async |store| {
        let stage = Stage::new(store);
        stage.hub.findings.lock().unwrap().remove("a");
        let summary = stage.run().await;
        assert_eq!((summary.gone, summary.written), (1, 1));
        let reads = stage.hub.reads();
        stage.clock.advance(TimeDelta::hours(30));
        stage.run().await;
        assert_eq!(stage.hub.reads(), reads);
    })
    .await;
}

/// A write-back that is not switched on has nothing to write with.
#[tokio::test]
async fn nothing_is_written_back_unless_that_is_switched_on() {
    for_each_database_async(async |store| {
        let mut stage = Stage::new(store);
        stage.ctx.hub = None;
        assert_eq!(writeback::run(&stage.ctx).await.unwrap(), None);
        assert!(stage.rows().is_empty());
    })
    .await;
}
