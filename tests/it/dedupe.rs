//! The answer key of the fixtures (`expected-dedupe.json`) against ledgers that met every document of every file twice,
//! through files and through the doors AWS itself would have shown it at, in any order, in pages and runs of any size.

use std::collections::BTreeSet;

use poamd::intake::Door;
use poamd::store::{DatabaseUrl, Store};
use poamd_contract::finding::{Channel, FindingReport};
use poamd_contract::source::Page;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};

use crate::import::{assert_as_expected, now};
use crate::ledger::difference;
use crate::support::databases::for_each_database;
use crate::support::findings::{Ledger, cell, files, hub, ledger, open, pages, plan, untouched};

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

proptest! {
    #![proptest_config(Config { failure_persistence: None, max_shrink_iters: 20, ..Config::with_cases(12) })]

    #[test]
    fn the_ledger_is_that_of_the_key_in_every_order_and_interleaving(steps in history(arrivals().len())) {
        let all = arrivals();
        let outcome = std::sync::Mutex::new(Ok(()));
        for_each_database(|store| {
            set_aside(store);
            play(store, &all, &steps);
            assert_as_expected(store);
            let there = ledger(store);
            // A record that was opened early keeps its first name and date, so only what was planned at the end is the same.
            if !steps.iter().any(|s| s.planned) && there != *canonical() {
                let why = difference(&there, canonical());
                *outcome.lock().unwrap() = Err(TestCaseError::fail(why));
            }
        });
        outcome.into_inner().unwrap()?;
    }
}
