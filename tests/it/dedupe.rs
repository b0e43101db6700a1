//! The answer key of the fixtures (`expected-dedupe.json`) against ledgers that met every document of every file twice,
//! through files and through the doors AWS itself would have shown it at, in any order, in pages and runs of any size. Wrong
//! designs are played beside it, and each must be caught.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use chrono::TimeDelta;
use poamd::intake::Door;
use poamd::store::{DatabaseUrl, Store};
use poamd_contract::finding::{Channel, FindingReport, Identity};
use poamd_contract::source::Page;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::import::{assert_as_expected, now};
use crate::ledger::difference;
use crate::support::databases::for_each_database;
use crate::support::findings::{
    Ledger, cell, files, hub, ledger, native_ids, open, pages, plan, untouched,
};
use poamd::store::findings;

const FOLDERS: [&str; 4] = ["asff", "guardduty", "inspector2", "ocsf"];

/// The doors a folder's documents come through.
fn doors(folder: &str) -> Vec<(Door, Channel)> {
    let live = match folder {
        "guardduty" => (Door::Cell(cell("guardduty")), Channel::Pull),
        "inspector2" => (Door::Cell(cell("inspector")), Channel::Pull),
        _ => (hub(), Channel::Hub),
    };
    vec![(Door::File, Channel::File), live]
}

/// One page at one door.
#[derive(Clone)]
struct Arrival {
    door: Door,
    reports: Vec<FindingReport>,
}

/// Every page of every file through each of its doors.
fn arrivals() -> Vec<Arrival> {
    let mut all = Vec::new();
    for folder in FOLDERS {
        for file in files(folder) {
            for (door, channel) in doors(folder) {
                let pages = pages(channel, &file).into_iter();
                all.extend(pages.map(|page| Arrival {
                    door: door.clone(),
                    reports: page.reports,
                }));
            }
        }
    }
    all
}

/// What is set aside of the files, once: the key speaks of that too.
fn set_aside(store: &Store) {
    let mut intake = open(store, Door::File, now());
    for folder in FOLDERS {
        for file in files(folder) {
            for page in pages(Channel::File, &file) {
                let reports = Vec::new();
                intake.page(Page { reports, ..page }).unwrap();
            }
        }
    }
}

/// One step of a history: which arrival, in pieces of how many documents, whether it begins a new run, whether the planner
/// works after it.
#[derive(Debug, Clone)]
struct Step {
    arrival: usize,
    piece: usize,
    new_run: bool,
    planned: bool,
}

fn history(arrivals: usize) -> impl Strategy<Value = Vec<Step>> {
    any::<bool>().prop_flat_map(move |planned| steps(arrivals, planned))
}

fn steps(arrivals: usize, planned: bool) -> impl Strategy<Value = Vec<Step>> {
    let plans = if planned { 0.1 } else { 0.0 };
    let twice: Vec<usize> = (0..arrivals).chain(0..arrivals).collect();
    let hows = prop::collection::vec(
        (1usize..5, any::<bool>(), prop::bool::weighted(plans)),
        twice.len(),
    );
    (Just(twice).prop_shuffle(), hows).prop_map(|(order, hows)| {
        order
            .into_iter()
            .zip(hows)
            .map(|(arrival, (piece, new_run, planned))| Step {
                arrival,
                piece,
                new_run,
                planned,
            })
            .collect()
    })
}

fn play(store: &Store, all: &[Arrival], steps: &[Step]) {
    // Each door has a run of its own, several at a time: pulls and imports do not wait for each other.
    let mut runs = Vec::new();
    for step in steps {
        let Arrival { door, reports } = &all[step.arrival];
        let at = match runs.iter().position(|(d, _)| d == door) {
            Some(at) => at,
            None => {
                runs.push((door.clone(), open(store, door.clone(), now())));
                runs.len() - 1
            }
        };
        if step.new_run {
            runs[at].1 = open(store, door.clone(), now());
        }
        for piece in reports.chunks(step.piece) {
            let page = Page {
                reports: piece.to_vec(),
                ..Page::default()
            };
            runs[at].1.page(page).unwrap();
        }
        if step.planned {
            plan(store, now());
        }
    }
    plan(store, now());
}

fn in_order(all: &[Arrival]) -> Vec<Step> {
    (0..all.len())
        .map(|arrival| Step {
            arrival,
            piece: 100,
            new_run: false,
            planned: false,
        })
        .collect()
}

fn canonical() -> &'static Ledger {
    static ONCE: std::sync::OnceLock<Ledger> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
        let store = Store::open(url, 2).unwrap();
        let all = arrivals();
        play(&store, &all, &in_order(&all));
        ledger(&store)
    })
}

#[test]
fn every_file_is_met_at_two_doors() {
    let all = arrivals();
    let doors: BTreeSet<String> = all.iter().map(|a| a.door.name()).collect();
    assert_eq!(doors.len(), 4, "{doors:?}");
    let documents: usize = all.iter().map(|a| a.reports.len()).sum();
    assert!(documents > 60, "{documents}");
}

#[test]
fn the_ledger_is_that_of_the_key_and_a_second_time_changes_nothing() {
    for_each_database(|store| {
        let all = arrivals();
        set_aside(store);
        play(store, &all, &in_order(&all));
        assert_as_expected(store);
        assert_eq!(ledger(store), *canonical());
        let before = untouched(store);
        play(store, &all, &in_order(&all));
        set_aside(store);
        assert_eq!(untouched(store), before);
    });
}

/// How a document is known again, and which of two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    Right,
    /// Whatever comes last counts, not what was said last.
    LastComesLast,
    /// Each channel's documents are findings of their own.
    ByChannel,
    /// Each native id is a finding of its own: twins of standards are two.
    ByNativeId,
    /// The weakness alone makes a finding, whatever it is on.
    ByWeakness,
}

impl Design {
    fn spoil(self, arrivals: &mut [Arrival], steps: &[Step]) {
        for (n, step) in steps.iter().enumerate() {
            let Arrival { door, reports } = &mut arrivals[step.arrival];
            for report in reports {
                let id = &report.native_id;
                match self {
                    Self::Right => {}
                    Self::LastComesLast => {
                        report.updated =
                            Some(now() - TimeDelta::hours(1000) + TimeDelta::minutes(n as i64));
                    }
                    Self::ByChannel => {
                        let arn = format!("{id}/{}", door.name());
                        report.identity = Identity::Native { arn };
                    }
                    Self::ByNativeId => {
                        report.identity = Identity::Native { arn: id.clone() };
                    }
                    Self::ByWeakness => {
                        let arn = report.weakness.id.clone();
                        report.identity = Identity::Native { arn };
                    }
                }
            }
        }
    }
}

/// What there was to get wrong, and what was.
#[derive(Debug, Default)]
struct Tried {
    histories: usize,
    documents: usize,
    /// Documents that went into a finding that was there.
    folds: usize,
    findings: usize,
    /// Histories in which two versions of one document came in the wrong order.
    older_later: usize,
    wrong: usize,
}

/// One history on a ledger of its own: what is wrong with it.
fn tried(store: &Store, design: Design, steps: &[Step], tried: &mut Tried) -> Option<String> {
    let mut all = arrivals();
    design.spoil(&mut all, steps);
    set_aside(store);
    play(store, &all, steps);
    tried.histories += 1;
    let documents: usize = steps.iter().map(|s| all[s.arrival].reports.len()).sum();
    let rows = store.read_here(findings::all).unwrap().len();
    tried.documents += documents;
    tried.findings += rows;
    tried.folds += documents - rows;
    tried.older_later += usize::from(has_older_later(&all, steps));
    // What it panics with is told by whoever asks; here it counts.
    let keyed = catch_unwind(AssertUnwindSafe(|| assert_as_expected(store)));
    let why = match keyed {
        Err(_) => Some(format!(
            "not that of the key: {:?}",
            native_ids(store).len()
        )),
        // A record that was opened early keeps its first name and date, so only what was planned at the end is the same.
        Ok(()) if steps.iter().any(|s| s.planned) => None,
        Ok(()) => {
            let there = ledger(store);
            (there != *canonical()).then(|| difference(&there, canonical()))
        }
    };
    tried.wrong += usize::from(why.is_some());
    why
}

/// Whether an older version of a document comes after a newer one.
fn has_older_later(all: &[Arrival], steps: &[Step]) -> bool {
    let mut newest = std::collections::HashMap::new();
    let reports = steps.iter().flat_map(|s| &all[s.arrival].reports);
    reports.into_iter().any(|report| {
        let last = newest.entry(&report.native_id).or_insert(report.updated);
        let older = report.updated < *last;
        *last = report.updated.max(*last);
        older
    })
}

static TRIED: Mutex<Option<Tried>> = Mutex::new(None);

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 20, ..Config::with_cases(12) })]

    #[test]
    fn the_ledger_is_that_of_the_key_in_every_order_and_interleaving(steps in history(arrivals().len())) {
        let outcome = Mutex::new(Ok(()));
        for_each_database(|store| {
            let mut sum = TRIED.lock().unwrap().take().unwrap_or_default();
            let why = tried(store, Design::Right, &steps, &mut sum);
            println!("{sum:?}");
            *TRIED.lock().unwrap() = Some(sum);
            if let Some(why) = why {
                *outcome.lock().unwrap() = Err(TestCaseError::fail(why));
            }
        });
        outcome.into_inner().unwrap()?;
    }
}

#[test]
fn every_wrong_way_of_folding_is_caught() {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let histories: Vec<Vec<Step>> = (0..3)
        .map(|_| {
            history(arrivals().len())
                .new_tree(&mut runner)
                .unwrap()
                .current()
        })
        .collect();
    for (design, at_least) in [
        (Design::Right, 0),
        (Design::LastComesLast, 1),
        (Design::ByChannel, 3),
        (Design::ByNativeId, 3),
        (Design::ByWeakness, 3),
    ] {
        let mut sum = Tried::default();
        for steps in &histories {
            let folder = tempfile::tempdir().unwrap();
            let url = DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
            let store = Store::open(url, 2).unwrap();
            tried(&store, design, steps, &mut sum);
        }
        println!("{design:?}: {sum:?}");
        assert!(sum.folds > 50 * sum.histories, "{sum:?}");
        assert!(sum.older_later > 0, "{sum:?}");
        assert!(sum.wrong >= at_least, "{design:?} was not caught: {sum:?}");
        assert!(design != Design::Right || sum.wrong == 0, "{sum:?}");
    }
}
