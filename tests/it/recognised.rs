//! Documents that are known byte for byte are not read again: the ledger, its audit log, its evidence, the counts and the
//! manifests are those of reading every one of them.

use chrono::{DateTime, TimeDelta, Utc};
use poamd::intake::{Door, Ending, Intake, feed, feed_documents};
use poamd::store::{
    DatabaseUrl, Store, audit, coverage, evidence, findings, items, quarantine, records,
};
use poamd_contract::finding::Channel;
use poamd_formats::{Given, read_documents};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::json;

use crate::support::databases::for_each_database;
use crate::support::findings::{assert_audited, files, fixtures, hub, open, plan};

fn at(run: usize) -> DateTime<Utc> {
    let hours = TimeDelta::hours(7 * i64::try_from(run).unwrap());
    "2026-12-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + hours
}

/// Documents of a few findings: versions, states, standards, some without an account, some alerts, some broken.
const POOL: usize = 40;

fn document(n: usize) -> String {
    let (of, version) = (n % 4, n / 4);
    if n >= 38 {
        return format!(
            r#"{{"timestamp":"2026-11-01T05:{n}:41.123456+0000","flow_id":{n},"event_type":"alert","src_ip":"198.51.100.{n}","src_port":51234,"dest_ip":"10.20.1.25","dest_port":22,"proto":"TCP","alert":{{"action":"allowed","gid":1,"signature_id":2001219,"signature":"ET SCAN","category":"Leak","severity":2}}}}"#
        );
    }
    if n == 37 {
        return r#"{"Id":"broken","ProductArn":"arn:aws:securityhub:us-east-1::product/a/b","AwsAccountId":"123456789012","Title":True,}"#.to_owned();
    }
    let id = match of {
        0 => "arn:aws:securityhub:us-east-1:123456789012:security-control/S3.8/finding/1",
        1 => {
            "arn:aws:securityhub:us-east-1:123456789012:subscription/nist-800-53/v/5.0.0/S3.8/finding/2"
        }
        2 => "plain-1",
        _ => "plain-2",
    };
    let own = of < 2;
    let product = if own {
        "product/aws/securityhub"
    } else {
        "product/a/b"
    };
    let mut document = json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductArn": format!("arn:aws:securityhub:us-east-1::{product}"),
        "Region": (["us-east-1", "us-west-2"][version / 8 % 2]), "GeneratorId": "security-control/S3.8",
        "UpdatedAt": format!("2026-10-{:02}T05:00:00Z", 1 + version / 3 * 4), "CreatedAt": "2026-09-01T05:00:00Z",
        "LastObservedAt": format!("2026-11-01T0{}:00:00Z", version % 2),
        "Title": "Buckets should", "Severity": { "Label": (["LOW", "HIGH", ""][version % 3]) },
        "Resources": [{ "Type": "AwsS3Bucket", "Id": "arn:aws:s3:::bucket" }],
        "Compliance": { "Status": (["FAILED", "FAILED", "PASSED", "NOT_AVAILABLE"][version % 4]), "SecurityControlId": "S3.8" },
        "RecordState": if version % 5 == 4 { "ARCHIVED" } else { "ACTIVE" },
    });
    if own {
        document["AwsAccountId"] = "123456789012".into();
    }
    document.to_string()
}

/// One run through one door.
#[derive(Debug, Clone)]
struct Run {
    hub: bool,
    /// Which account was given for documents that name none, if any.
    account: usize,
    documents: Vec<usize>,
    complete: bool,
}

impl Run {
    fn given(&self) -> Given {
        let accounts = [None, Some("111111111111"), Some("222222222222")];
        Given {
            channel: if self.hub {
                Channel::Hub
            } else {
                Channel::File
            },
            account: accounts[self.account % 3].map(|a| a.parse().unwrap()),
            region: None,
        }
    }

    fn text(&self) -> String {
        let documents: Vec<String> = self.documents.iter().map(|n| document(*n)).collect();
        documents.join("\n")
    }
}

/// A way of taking a run, which answers how many documents it did not read.
type Way = fn(&mut Intake, &Given, &[u8]) -> usize;

fn by_reading(intake: &mut Intake, given: &Given, bytes: &[u8]) -> usize {
    let pages = read_documents(given.clone(), "f", bytes);
    feed(intake, pages, |_| {}).unwrap();
    0
}

fn by_recognising(intake: &mut Intake, given: &Given, bytes: &[u8]) -> usize {
    let mut recognised = 0;
    feed_documents(intake, given, "f", bytes, |taken| {
        recognised += taken.recognised();
    })
    .unwrap();
    recognised
}

/// All there is after a history, without what documents are known by; and how many documents were not read.
fn play(store: &Store, history: &[Run], way: Way) -> (String, usize) {
    let (mut told, mut recognised) = (String::new(), 0);
    for (n, run) in history.iter().enumerate() {
        let door = if run.hub { hub() } else { Door::File };
        let mut intake = open(store, door, at(n));
        recognised += way(&mut intake, &run.given(), run.text().as_bytes());
        let complete = run.hub && run.complete;
        let ending = Ending {
            complete,
            ..Ending::default()
        };
        intake.finish(&ending).unwrap();
        let manifest = intake.manifest(at(n));
        store.write_here(|c| evidence::note(c, &manifest)).unwrap();
        told.push_str(&format!("{:?} {manifest:?}\n", intake.counts()));
        plan(store, at(n));
        let mut reports = store.read_here(findings::all_reports).unwrap();
        reports.iter_mut().for_each(|r| r.document = None);
        let ledger = store
            .read_here(|c| {
                Ok(format!(
                    "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
                    audit::head(c)?,
                    findings::all(c)?,
                    items::all(c)?,
                    records::all(c)?,
                    coverage::at(c, at(n))?,
                    quarantine::all(c)?.len(),
                ))
            })
            .unwrap();
        told.push_str(&format!("{ledger}{reports:?}\n"));
    }
    assert_audited(store);
    (told, recognised)
}

fn fresh() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
    let store = Store::open(url, 2).unwrap();
    (folder, store)
}

fn history() -> impl Strategy<Value = Vec<Run>> {
    let run = (
        prop::bool::weighted(0.6),
        prop::sample::select(vec![0, 1, 1, 1, 2]),
        prop::collection::vec(0..POOL, 1..12),
        prop::bool::weighted(0.7),
    );
    let run = run.prop_map(|(hub, account, documents, complete)| Run {
        hub,
        account,
        documents,
        complete,
    });
    // What was shown is mostly shown again, as it was or with something else.
    prop::collection::vec((run, any::<bool>()), 2..9).prop_map(|runs| {
        let mut history: Vec<Run> = Vec::new();
        for (mut run, again) in runs {
            if let (true, Some(before)) = (again, history.last()) {
                let kept = run.documents.len() / 4;
                run.documents.truncate(kept);
                run.documents.extend(&before.documents);
                (run.hub, run.account) = (before.hub, before.account);
            }
            history.push(run);
        }
        history
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 200, ..Config::with_cases(40) })]

    #[test]
    fn what_is_recognised_leaves_the_ledger_that_reading_leaves(history in history()) {
        let ((_kept, one), (_too, other)) = (fresh(), fresh());
        let (read, _) = play(&one, &history, by_reading);
        let (recognised, _) = play(&other, &history, by_recognising);
        prop_assert_eq!(read, recognised);
    }
}

/// Every fixture through both doors three times: with a word given, with another, and with the first again.
#[test]
fn nothing_known_is_read_again_unless_it_was_read_otherwise() {
    for_each_database(|store| {
        let take = |door: Door, given: &Given, run: usize| {
            let mut intake = open(store, door, at(run));
            let (mut documents, mut recognised) = (0, 0);
            for folder in ["asff", "guardduty", "inspector2", "ocsf"] {
                for file in files(folder) {
                    let bytes = std::fs::read(fixtures().join(file)).unwrap();
                    feed_documents(&mut intake, given, "f", bytes.as_slice(), |taken| {
                        documents += taken.documents();
                        recognised += taken.recognised();
                    })
                    .unwrap();
                }
            }
            (documents, recognised, intake.counts())
        };
        let file = Given::from(Channel::File);
        let of_somebody = Given {
            account: Some("111111111111".parse().unwrap()),
            ..file.clone()
        };
        let (all, first, _) = take(Door::File, &file, 1);
        assert!(all > 30 && first == 0, "{first} of {all}");
        let (_, again, counts) = take(Door::File, &file, 2);
        assert_eq!((counts.new, counts.changed), (0, 0));
        // Twins of one version stand for each other, and the second of them is read.
        assert!(again > all / 2, "{again} of {all}");
        let (_, other_door, _) = take(hub(), &file, 3);
        let (_, other_word, _) = take(Door::File, &of_somebody, 4);
        assert_eq!((other_door, other_word), (0, 0));
    });
}

/// The newer version of a report comes in the same file before the one that is known: then that is read after all.
#[test]
fn what_moved_in_the_same_run_is_read() {
    let first = Run {
        hub: true,
        account: 0,
        documents: vec![0],
        complete: true,
    };
    let newer = Run {
        documents: vec![24, 0, 0],
        ..first.clone()
    };
    let history = [first.clone(), newer, first];
    let ((_kept, one), (_too, other)) = (fresh(), fresh());
    let (read, _) = play(&one, &history, by_reading);
    let (told, recognised) = play(&other, &history, by_recognising);
    assert_eq!(read, told);
    // Asked for on the reading thread, and not taken at its word on the writing one.
    assert_eq!(recognised, 2);
}
