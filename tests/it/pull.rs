//! `poamd pull` against what an independent few lines make of the seeded documents by the table of `design.md`:
//! Security Hub and Inspector2 from the emulator (`scripts/moto`), GuardDuty from the stand-in. Needs the feature `aws`.

#![cfg(feature = "aws")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poamd::domain::finding::FindingStatus;
use poamd::jobs::{Context, Selection, pull};
use poamd::store::{Store, coverage, findings, outbox, records};
use poamd_contract::clock::{Clock, SystemClock};
use poamd_contract::finding::WeaknessKind;
use poamd_sandbox::aws::{AwsStandIn, Options};
use poamd_sandbox::estate::Estate;
use poamd_sandbox::history::History;
use serde_json::Value;

use crate::support::aws::{Emulator, Reach, context, list};
use crate::support::databases::for_each_database_async;
use crate::support::findings::{assert_audited, native_ids, untouched};

/// One document as the fold needs it.
struct Said {
    account: String,
    /// What makes it the same finding as another.
    identity: String,
    native_id: String,
    weakness: Option<String>,
    at: DateTime<Utc>,
    says: &'static str,
    /// Lower case; `None` where the source has none yet.
    severity: Option<String>,
}

/// A finding as it should stand in the ledger.
#[derive(Debug, PartialEq)]
struct Expected {
    account: String,
    native_ids: BTreeSet<String>,
    status: &'static str,
    at_source: Option<&'static str>,
    /// Of those that somebody spoke of as open.
    severity: Option<String>,
    weakness: Option<String>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `design.md`, "From ASFF to status", for a document of Security Hub.
fn hub(document: &Value) -> Said {
    let (compliance, workflow) = (
        text(&document["Compliance"]["Status"]),
        text(&document["Workflow"]["Status"]),
    );
    let own = document["ProductName"] == "Security Hub";
    let resource = text(&document["Resources"][0]["Id"]);
    let control = text(&document["Compliance"]["SecurityControlId"]);
    Said {
        account: text(&document["AwsAccountId"]),
        identity: if own {
            format!("{control} on {resource}")
        } else {
            text(&document["Id"])
        },
        native_id: text(&document["Id"]),
        weakness: match text(&document["ProductName"]).as_str() {
            "Security Hub" => Some(control),
            "Inspector" => Some(text(&document["Vulnerabilities"][0]["Id"])),
            _ => None,
        },
        at: text(&document["UpdatedAt"]).parse().unwrap(),
        says: match (
            compliance.as_str(),
            text(&document["RecordState"]).as_str(),
            workflow.as_str(),
        ) {
            ("PASSED", _, _) => "passed",
            (_, "ARCHIVED", _) if document["ProductName"] == "GuardDuty" => "put away by hand",
            (_, "ARCHIVED", _) => "put away",
            ("NOT_AVAILABLE", _, _) => "nothing",
            (_, _, "SUPPRESSED") => "suppressed",
            (_, _, "RESOLVED") => "resolved",
            _ => "open",
        },
        severity: Some(text(&document["Severity"]["Label"]).to_lowercase()),
    }
}

fn inspector(document: &Value) -> Said {
    let seconds = document["updatedAt"].as_f64().unwrap();
    Said {
        account: text(&document["awsAccountId"]),
        identity: text(&document["findingArn"]),
        native_id: text(&document["findingArn"]),
        weakness: Some(text(
            &document["packageVulnerabilityDetails"]["vulnerabilityId"],
        )),
        at: DateTime::from_timestamp_micros((seconds * 1e6) as i64).unwrap(),
        says: match text(&document["status"]).as_str() {
            "CLOSED" => "put away",
            "SUPPRESSED" => "suppressed",
            _ => "open",
        },
        severity: Some(text(&document["severity"]).to_lowercase()).filter(|s| s != "untriaged"),
    }
}

fn guardduty(document: &Value) -> Said {
    let number = document["severity"].as_f64().unwrap();
    Said {
        account: text(&document["accountId"]),
        identity: text(&document["arn"]),
        native_id: text(&document["arn"]),
        weakness: None,
        at: text(&document["updatedAt"]).parse().unwrap(),
        says: if document["service"]["archived"] == true {
            "put away by hand"
        } else {
            "open"
        },
        severity: Some(
            match number {
                n if n < 4.0 => "low",
                n if n < 7.0 => "medium",
                n if n < 9.0 => "high",
                _ => "critical",
            }
            .to_owned(),
        ),
    }
}

fn is_open(says: &str) -> bool {
    ["open", "suppressed", "resolved"].contains(&says)
}

/// The ledger as it should be after so many complete pulls of these documents.
fn folded(said: &[Said], pulls: u32) -> BTreeMap<String, Expected> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Said>> = BTreeMap::new();
    for one in said {
        groups
            .entry((&one.account, &one.identity))
            .or_default()
            .push(one);
    }
    let expect = |group: &[&Said]| {
        let newest =
            |keep: &dyn Fn(&Said) -> bool| group.iter().filter(|s| keep(s)).max_by_key(|s| s.at);
        let decider = newest(&|s| s.says != "nothing");
        let decides = decider.map_or("nothing", |s| s.says);
        let states = |s: &Said| s.says == "passed" || is_open(s.says);
        let stated = newest(&states).map(|s| s.says);
        // A copy that was put away does not outvote one of another standard that still fails.
        let another_open = decider.is_some_and(|d| {
            let other = |s: &&&Said| s.native_id != d.native_id && is_open(s.says);
            group.iter().any(|s| other(&s))
        });
        let open = newest(&|s| is_open(s.says));
        Expected {
            account: group[0].account.clone(),
            native_ids: group.iter().map(|s| s.native_id.clone()).collect(),
            status: match decides {
                "passed" => "fixed",
                // Putting away what had passed takes no evidence back.
                "put away" | "put away by hand" if stated == Some("passed") => "fixed",
                "put away" if another_open => "open",
                // Put away what was open: the second complete pull fixes it.
                "put away" if open.is_some() && pulls >= 2 => "fixed",
                says if is_open(says) => "open",
                _ => "not-observed",
            },
            at_source: match decides {
                "suppressed" => Some("suppressed-at-source"),
                "resolved" => Some("resolved-at-source"),
                _ => None,
            },
            severity: open.and_then(|s| s.severity.clone()),
            weakness: group[0].weakness.clone(),
        }
    };
    groups
        .values()
        .map(|group| {
            let expected = expect(group);
            (expected.native_ids.first().unwrap().clone(), expected)
        })
        .collect()
}

/// The ledger in the same words.
fn found(store: &Store, said: &[Said]) -> BTreeMap<String, Expected> {
    let native = native_ids(store);
    let opened: BTreeSet<&str> = said
        .iter()
        .filter(|s| is_open(s.says))
        .map(|s| s.native_id.as_str())
        .collect();
    let spoken: BTreeSet<&str> = said
        .iter()
        .filter(|s| s.weakness.is_some())
        .map(|s| s.native_id.as_str())
        .collect();
    store
        .read_here(findings::all)
        .unwrap()
        .into_iter()
        .map(|f| {
            let ids = native[&f.fingerprint].clone();
            let any = |of: &BTreeSet<&str>| ids.iter().any(|id| of.contains(id.as_str()));
            let expected = Expected {
                account: f.account,
                status: f.status.0.as_str(),
                at_source: match f.at_source.as_deref() {
                    Some("suppressed-at-source") => Some("suppressed-at-source"),
                    Some("resolved-at-source") => Some("resolved-at-source"),
                    None => None,
                    other => panic!("{other:?}"),
                },
                severity: f
                    .severity
                    .map(|s| s.0.as_str().to_owned())
                    .filter(|_| any(&opened)),
                weakness: any(&spoken).then_some(f.weakness_id),
                native_ids: ids.clone(),
            };
            (ids.first().unwrap().clone(), expected)
        })
        .collect()
}

fn assert_same(found: &BTreeMap<String, Expected>, expected: &BTreeMap<String, Expected>) {
    for (id, wanted) in expected {
        assert_eq!(found.get(id), Some(wanted), "{id}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Each open, rated finding is on a live record of its weakness, and no record is without one.
fn assert_records(store: &Store) {
    let listed = store.read_here(records::all).unwrap();
    let mut used = BTreeSet::new();
    for finding in store.read_here(findings::all).unwrap() {
        let rated = finding
            .severity
            .is_some_and(|s| s.0.as_str() != "informational");
        let record = listed.iter().find(|r| Some(r.id) == finding.record_id);
        if finding.status.0 == FindingStatus::Open && rated && !finding.sample {
            let record = record.unwrap();
            assert!(record.status.0.is_live(), "{record:?}");
            assert_eq!(record.group_key, finding.weakness_id);
            used.insert(record.id);
        }
        assert!(!finding.sample || record.is_none());
    }
    let live: BTreeSet<i64> = listed
        .iter()
        .filter(|r| r.status.0.is_live())
        .map(|r| r.id)
        .collect();
    assert!(live.is_superset(&used));
    let keys: BTreeSet<(&str, &str)> = listed
        .iter()
        .map(|r| (r.account.as_str(), r.group_key.as_str()))
        .collect();
    assert_eq!(
        keys.len(),
        listed.len(),
        "one record a weakness and account"
    );
}

async fn pull_all(ctx: &Context, services: &[&str]) -> pull::Summary {
    let selection = Selection {
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        full: true,
        ..Selection::default()
    };
    let summary = pull::run(ctx, &selection).await.unwrap();
    assert_eq!(summary.counts.set_aside, 0);
    summary
}

/// Pulls three times and compares after each; the third changes nothing.
async fn assert_pulled(store: &Store, ctx: &Context, services: &[&str], said: &[Said]) {
    for pulls in 1..=2 {
        pull_all(ctx, services).await;
        assert_same(&found(store, said), &folded(said, pulls));
        assert_records(store);
    }
    let before = untouched(store);
    let queued = store.read(outbox::counts).await.unwrap();
    let third = pull_all(ctx, services).await;
    assert_eq!((third.counts.new, third.counts.changed), (0, 0));
    assert_eq!(third.counts.unchanged, third.counts.documents);
    assert_eq!(untouched(store), before);
    assert_eq!(store.read(outbox::counts).await.unwrap(), queued);
    assert_audited(store);
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_of_hub_and_inspector_is_the_fold_of_what_was_seeded() {
    let Some(emulator) =
        Emulator::seeded("pull_of_hub_and_inspector_is_the_fold_of_what_was_seeded")
    else {
        return;
    };
    let documents = emulator.read("fixtures/securityhub-findings.json");
    let mut said: Vec<Said> = list(&documents["Findings"]).iter().map(hub).collect();
    let documents = emulator.read("fixtures/inspector2-findings.json");
    said.extend(list(&documents["findings"]).iter().map(inspector));
    assert!(said.len() > 100);
    let (emulator, said) = (&emulator, &said);
    for_each_database_async(|store| async move {
        // The account that holds the findings, in the region that does: the others have no hub.
        let mut reach = emulator.accounts().remove(0);
        reach.regions.truncate(1);
        let ctx = context(
            store.clone(),
            &emulator.url,
            ("testing", "testing"),
            &[reach],
        );
        assert_pulled(&store, &ctx, &["securityhub", "inspector"], said).await;
    })
    .await;
}

/// How many of Inspector's findings of an account count as fixed, and what is said of the cell.
fn inspected(store: &Store, account: &str) -> (usize, String, Option<String>) {
    let found = store.read_here(findings::all).unwrap();
    let fixed = found
        .iter()
        .filter(|f| f.account == account && f.status.0 == FindingStatus::Fixed);
    let cells = store.read_here(coverage::all).unwrap();
    let cell = cells.into_iter().find(|c| c.account == account).unwrap();
    (fixed.count(), cell.state, cell.reason)
}

/// Inspector says nothing of a scan type that is off: its findings are missing from a listing that ends well.
#[tokio::test(flavor = "multi_thread")]
async fn pull_closes_nothing_because_a_scan_type_was_switched_off() {
    let estate = Estate::bundled(SystemClock.now());
    let account = &estate.accounts()[0];
    let (id, region) = (account.id.clone(), account.regions()[0].clone());
    let reach = [Reach {
        id: id.clone(),
        role: Some(account.role.clone()),
        external_id: account.external_id.clone(),
        regions: vec![region.clone()],
    }];
    let history = History::new(Arc::new(SystemClock));
    let stand_in = AwsStandIn::start(estate, Options::new(history))
        .await
        .unwrap();
    let switch = |off: &[&str]| {
        let off = off.iter().map(|&scan| scan.to_owned()).collect();
        stand_in.change(|estate| {
            let cell = estate.account_mut(&id).unwrap().cell_mut(&region);
            cell.unwrap().scans_off = off;
        });
    };
    let (stand_in, id, switch) = (&stand_in, &id, &switch);
    let reach = &reach;
    for_each_database_async(|store| async move {
        let keys = (
            stand_in.access_key_id.as_str(),
            stand_in.secret_access_key.as_str(),
        );
        let ctx = context(store.clone(), &stand_in.url, keys, reach);
        // What is off from the start and has no finding is no gap.
        switch(&["lambda", "lambdaCode"]);
        for _ in 0..2 {
            pull_all(&ctx, &["inspector"]).await;
        }
        let (before, state, _) = inspected(&store, id);
        assert_eq!(state, "complete");
        switch(&["ec2", "lambda"]);
        for _ in 0..3 {
            pull_all(&ctx, &["inspector"]).await;
        }
        let (after, state, reason) = inspected(&store, id);
        assert_eq!((after, state.as_str()), (before, "partial"));
        let reason = reason.unwrap();
        assert!(reason.contains("EC2 scan is DISABLED"), "{reason}");
        assert!(!reason.contains("Lambda"), "{reason}");
        switch(&[]);
        pull_all(&ctx, &["inspector"]).await;
        let (again, state, _) = inspected(&store, id);
        assert_eq!((again, state.as_str()), (before, "complete"));
        assert_audited(&store);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_of_guardduty_is_the_fold_of_what_the_stand_in_holds() {
    let estate = Estate::bundled(SystemClock.now());
    let detectors = estate
        .accounts()
        .iter()
        .flat_map(|a| &a.cells)
        .filter_map(|c| c.detector.as_ref());
    let said: Vec<Said> = detectors.flat_map(|d| &d.findings).map(guardduty).collect();
    assert!(said.len() > 10);
    let reach: Vec<Reach> = estate
        .accounts()
        .iter()
        .map(|a| Reach {
            id: a.id.clone(),
            role: Some(a.role.clone()),
            external_id: a.external_id.clone(),
            regions: a.regions(),
        })
        .collect();
    let stand_in = AwsStandIn::start(estate, Options::new(History::new(Arc::new(SystemClock))))
        .await
        .unwrap();
    let (stand_in, reach, said) = (&stand_in, &reach, &said);
    for_each_database_async(|store| async move {
        let keys = (
            stand_in.access_key_id.as_str(),
            stand_in.secret_access_key.as_str(),
        );
        let ctx = context(store.clone(), &stand_in.url, keys, reach);
        assert_pulled(&store, &ctx, &["guardduty"], said).await;
        let kinds = store.read(findings::all).await.unwrap();
        assert!(
            kinds
                .iter()
                .all(|f| f.weakness_kind.0 == WeaknessKind::Incident)
        );
    })
    .await;
}
