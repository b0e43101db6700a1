//! What a source knows of findings beside its listing: it comes after them, is put to them, and never decides when or
//! whether they are taken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use poamd::jobs::{Context, Selection, pull};
use poamd::store::findings::FindingRow;
use poamd::store::records::RecordRow;
use poamd::store::{Store, details, evidence, findings, records};
use poamd_contract::account::AccountAccess;
use poamd_contract::clock::{Clock, ManualClock};
use poamd_contract::coverage::Coverage;
use poamd_contract::detail::{Detail, Flaw};
use poamd_contract::error::Result;
use poamd_contract::finding::Channel;
use poamd_contract::health::Check;
use poamd_contract::ids::Region;
use poamd_contract::source::{Details, FindingSource, PageSink, Pulled, Request, Supplement};
use serde_json::json;

use crate::support::databases::for_each_database_async;
use crate::support::findings::{assert_audited, untouched};
use crate::support::stage::{self, Stage};

const ACCOUNT: &str = "123456789012";
const EAST: &str = "us-east-1";
const DOOR: &str = "123456789012/us-east-1/inspector";

/// What it answers of one finding.
#[derive(Clone)]
enum Answer {
    Due(&'static str),
    Nothing,
    NotNow,
}

/// An inspector that lists its findings and is asked about them two at a time.
struct Inspector {
    /// Number of the finding, and when it last changed.
    listed: Mutex<BTreeMap<u32, DateTime<Utc>>>,
    answers: Mutex<BTreeMap<u32, Answer>>,
    /// Why the call fails.
    down: Mutex<Option<&'static str>>,
    asked: Mutex<Vec<Vec<String>>>,
}

fn arn(number: u32) -> String {
    format!("arn:aws:inspector2:{EAST}:{ACCOUNT}:finding/{number:032}")
}

fn number(arn: &str) -> u32 {
    arn.rsplit('/').next().unwrap().parse().unwrap()
}

fn document(number: u32, updated: DateTime<Utc>) -> String {
    let severity = ["CRITICAL", "HIGH", "MEDIUM"][number as usize % 3];
    json!({
        "findingArn": arn(number), "awsAccountId": ACCOUNT, "type": "PACKAGE_VULNERABILITY",
        "title": format!("CVE-2026-{number:04} - openssl"), "severity": severity, "status": "ACTIVE",
        "firstObservedAt": "2026-11-01T00:00:00Z", "updatedAt": updated.to_rfc3339(),
        "resources": [{ "type": "AWS_EC2_INSTANCE", "id": "i-0aa11bb22cc33dd44", "partition": "aws", "region": EAST }],
        "packageVulnerabilityDetails": { "vulnerabilityId": format!("CVE-2026-{number:04}"), "cvss": [] },
        "exploitAvailable": "NO",
    })
    .to_string()
}

#[async_trait]
impl FindingSource for Inspector {
    fn name(&self) -> &'static str {
        "inspector"
    }

    fn actions(&self) -> &'static [&'static str] {
        &[]
    }

    async fn pull(
        &self,
        _: &AccountAccess,
        _: &Region,
        _: &Request,
        sink: &mut dyn PageSink,
    ) -> Result<Pulled> {
        let listed = self.listed.lock().unwrap().clone();
        let documents: Vec<String> = listed.iter().map(|(n, at)| document(*n, *at)).collect();
        let body = format!(r#"{{"findings":[{}]}}"#, documents.join(","));
        for page in poamd_formats::parse_documents(Channel::Pull, "inspector", body.as_bytes()) {
            sink.page(page).await?;
        }
        Ok(Pulled::full(Coverage::Complete))
    }

    fn details_at_once(&self) -> usize {
        2
    }

    async fn details(&self, _: &AccountAccess, _: &Region, ids: &[String]) -> Details {
        assert!(!ids.is_empty() && ids.len() <= 2);
        self.asked.lock().unwrap().push(ids.to_vec());
        let mut told = Details::default();
        if let Some(why) = *self.down.lock().unwrap() {
            told.trouble = Some(why.to_owned());
            return told;
        }
        let answers = self.answers.lock().unwrap();
        for id in ids {
            match answers.get(&number(id)) {
                Some(Answer::Due(day)) => told.known.push(Supplement {
                    native_id: id.clone(),
                    detail: Detail {
                        flaw: Some(Flaw {
                            kev_due: day.parse().ok(),
                            techniques: vec!["T1068".to_owned()],
                            ..Flaw::default()
                        }),
                        ..Detail::default()
                    },
                    raw: format!(r#"{{"findingArn":"{id}","due":"{day}"}}"#).into(),
                }),
                Some(Answer::Nothing) => told.nothing.push(id.clone()),
                Some(Answer::NotNow) | None => told.refused = Some("INTERNAL_ERROR".to_owned()),
            }
        }
        told
    }

    async fn health(&self, _: &AccountAccess, _: &Region) -> Check {
        Check::ok("inspector", "")
    }
}

struct House {
    store: Store,
    clock: Arc<ManualClock>,
    inspector: Arc<Inspector>,
    ctx: Context,
}

impl House {
    fn new(store: Store, answers: &[(u32, Answer)]) -> Self {
        let start: DateTime<Utc> = "2026-11-22T07:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let accounts: &[(&str, &[&str])] = &[(ACCOUNT, &[EAST])];
        let mut ctx = stage::context(&store, &clock, &Arc::new(Stage::default()), accounts);
        let before = start - TimeDelta::days(1);
        let inspector = Arc::new(Inspector {
            listed: Mutex::new(answers.iter().map(|(n, _)| (*n, before)).collect()),
            answers: Mutex::new(answers.iter().cloned().collect()),
            down: Mutex::default(),
            asked: Mutex::default(),
        });
        ctx.sources = vec![inspector.clone()];
        Self {
            store,
            clock,
            inspector,
            ctx,
        }
    }

    /// A pull an hour later; gives what was asked for meanwhile, call by call.
    async fn pull(&self) -> Vec<Vec<u32>> {
        pull::run(&self.ctx, &Selection::default()).await.unwrap();
        self.clock.advance(TimeDelta::hours(1));
        let asked = std::mem::take(&mut *self.inspector.asked.lock().unwrap());
        let numbers = |call: &Vec<String>| {
            let mut numbers: Vec<u32> = call.iter().map(|id| number(id)).collect();
            numbers.sort_unstable();
            numbers
        };
        asked.iter().map(numbers).collect()
    }

    fn finding(&self, wanted: u32) -> FindingRow {
        let cve = format!("CVE-2026-{wanted:04}");
        let all = self.store.read_here(findings::all).unwrap();
        all.into_iter().find(|f| f.weakness_id == cve).unwrap()
    }

    fn flaw(&self, wanted: u32) -> Flaw {
        let detail: Detail = serde_json::from_str(&self.finding(wanted).detail).unwrap();
        detail.flaw.unwrap()
    }

    fn record(&self, wanted: u32) -> RecordRow {
        let id = self.finding(wanted).record_id;
        let all = self.store.read_here(records::all).unwrap();
        all.into_iter().find(|r| Some(r.id) == id).unwrap()
    }

    fn hash(&self, wanted: u32) -> i64 {
        let all = self.store.read_here(findings::all_reports).unwrap();
        let row = all.iter().find(|r| r.native_id == arn(wanted)).unwrap();
        row.content_hash
    }

    fn round(&self) -> (i64, Option<String>) {
        let rounds = self.store.read_here(details::rounds).unwrap();
        let round = rounds.into_iter().find(|r| r.cell == DOOR);
        round.map(|r| (r.waiting, r.trouble)).unwrap_or_default()
    }
}

#[tokio::test]
async fn details_come_after_the_finding_and_do_not_make_it_another() {
    for_each_database_async(async |store: Store| {
        let house = House::new(store.clone(), &[(0, Answer::Due("2026-11-25"))]);
        *house.inspector.down.lock().unwrap() = Some("not authorized");
        house.pull().await;
        // It is there with its record, whatever comes of the rest.
        let (hash, due) = (house.hash(0), house.record(0).due);
        assert_eq!(house.flaw(0).kev_due, None);
        assert_eq!(house.round(), (1, Some("not authorized".to_owned())));
        let before = untouched(&store);
        house.pull().await;
        assert_eq!(untouched(&store), before, "the same trouble writes nothing");

        *house.inspector.down.lock().unwrap() = None;
        let told = house.clock.now();
        assert_eq!(house.pull().await, [[0]]);
        assert_eq!(house.flaw(0).kev_due, "2026-11-25".parse().ok());
        assert_eq!(house.flaw(0).techniques, ["T1068"]);
        assert_eq!(house.hash(0), hash);
        assert_eq!(house.round(), (0, None));
        // CISA's day is sooner than the clock's: the record goes by it within the same pull.
        let sooner = house.record(0).due;
        assert!(sooner < due, "{sooner:?} {due:?}");
        // Looked at again, it is the same finding, and nothing is asked or written.
        let before = untouched(&store);
        assert!(house.pull().await.is_empty());
        assert_eq!(untouched(&store), before);

        // The document is kept, and held from the moment it was told.
        let print = house.finding(0).fingerprint;
        let held = |at| {
            let prints = [print.as_str()];
            let held = store.read_here(|c| evidence::held_at(c, ACCOUNT, &prints, at));
            held.unwrap()
        };
        assert_eq!(held(told - TimeDelta::minutes(1)).len(), 1);
        let now = held(house.clock.now());
        assert_eq!(now.len(), 2);
        assert!(now.iter().any(|h| h.document.contains("2026-11-25")));
        assert_eq!(store.read_here(evidence::verify).unwrap().broken, None);
        assert_audited(&store);
    })
    .await;
}

#[tokio::test]
async fn what_was_told_stays_when_the_finding_changes_and_is_asked_for_anew() {
    for_each_database_async(async |store: Store| {
        let house = House::new(store.clone(), &[(0, Answer::Due("2026-11-25"))]);
        house.pull().await;
        let sooner = house.record(0).due;
        let changed = |n| {
            let now = house.clock.now();
            house.inspector.listed.lock().unwrap().insert(n, now);
        };
        *house.inspector.down.lock().unwrap() = Some("throttled");
        changed(0);
        assert_eq!(house.pull().await, [[0]]);
        assert_eq!(
            (house.flaw(0).kev_due, house.record(0).due),
            ("2026-11-25".parse().ok(), sooner)
        );
        *house.inspector.down.lock().unwrap() = None;
        *house.inspector.answers.lock().unwrap() = [(0, Answer::Due("2026-11-24"))].into();
        assert_eq!(house.pull().await, [[0]]);
        assert!(house.pull().await.is_empty());
        let at = house.clock.now();
        let print = house.finding(0).fingerprint;
        let held = store
            .read_here(|c| evidence::held_at(c, ACCOUNT, &[&print], at))
            .unwrap();
        let told: Vec<_> = held.iter().filter(|h| h.document.contains("due")).collect();
        assert_eq!(told.len(), 1, "the newest word holds");
        assert!(told[0].document.contains("2026-11-24"));
        assert_audited(&store);
    })
    .await;
}

#[tokio::test]
async fn one_that_is_refused_keeps_no_other_waiting_and_the_worst_comes_first() {
    for_each_database_async(async |store: Store| {
        let house = House::new(
            store.clone(),
            &[
                (0, Answer::NotNow),
                (1, Answer::Nothing),
                (2, Answer::Due("2026-11-26")),
                (3, Answer::NotNow),
            ],
        );
        assert_eq!(house.pull().await, [[0, 3], [1, 2]]);
        assert_eq!(house.flaw(2).kev_due, "2026-11-26".parse().ok());
        assert_eq!(house.round(), (2, Some("INTERNAL_ERROR".to_owned())));
        // Of which nothing is known is not asked for again.
        assert_eq!(house.pull().await, [[0, 3]]);
        *house.inspector.answers.lock().unwrap() =
            [(0, Answer::Nothing), (3, Answer::Due("2026-11-27"))].into();
        assert_eq!(house.pull().await, [[0, 3]]);
        assert_eq!(house.round(), (0, None));
        assert!(house.pull().await.is_empty());
        assert_audited(&store);
    })
    .await;
}
