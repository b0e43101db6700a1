//! Check B06 (`reliability-security.md` 7): nothing closes that is still there, and all that is gone closes. Generated
//! cycles of an estate whose truth is known go through the real pull, intake and planner, while AWS refuses, breaks off,
//! forgets, renames and puts away. Wrong designs are played beside it, and each must be caught.
//!
//! `POAMD_B06_CYCLES=500` makes it the full run, `POAMD_B06_SEED` another estate.

mod estate;
mod judge;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poamd::jobs::{Selection, pull};
use poamd::store::{DatabaseUrl, Store};
use poamd_contract::clock::ManualClock;
use poamd_contract::coverage::Coverage;

use crate::support::findings::assert_audited;
use crate::support::stage::{Shows, Stage, context};
use estate::{ADMIN, CELLS, EAST, Estate, OWN, WEST};
use judge::{Judge, Score};

/// How the looks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Design {
    Right,
    /// One look without a finding is enough.
    AbsenceOnce,
    /// A look that broke off counts as a whole one.
    PartialCounts,
    /// "Access denied" is the same as "nothing there".
    GapsIgnored,
}

impl Design {
    /// What the look says of itself under this design.
    fn tells(self, seen: Coverage) -> Coverage {
        match (self, &seen) {
            (Self::PartialCounts, Coverage::Partial { .. }) => Coverage::Complete,
            (
                Self::GapsIgnored,
                Coverage::Denied { .. } | Coverage::Off { .. } | Coverage::Failed { .. },
            ) => Coverage::Complete,
            _ => seen,
        }
    }
}

const CYCLES_AN_EPISODE: usize = 25;

/// Cycles of one estate after the other, on SQLite, in memory where the machine has a folder for that.
async fn play(design: Design, cycles: usize, seed: u64) -> Score {
    let mut total = Score::default();
    for episode in 0..cycles.div_ceil(CYCLES_AN_EPISODE) {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() {
            tempfile::tempdir_in(memory).unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        let url = DatabaseUrl::Sqlite(folder.path().join("poamd.db"));
        let store = Store::open(url, 2).unwrap();
        let begin: DateTime<Utc> = "2026-11-01T00:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(begin));
        let stage = Arc::new(Stage::default());
        let accounts: [(&str, &[&str]); 2] = [(ADMIN, &[EAST, WEST]), (OWN, &[EAST])];
        let ctx = context(&store, &clock, &stage, &accounts);
        let mut estate = Estate::new(seed.wrapping_add(episode as u64), begin);
        let mut judge = Judge::new(&estate);
        for cycle in 0..CYCLES_AN_EPISODE {
            let now = begin + TimeDelta::hours(cycle as i64);
            clock.set(now);
            estate.next(cycle, now);
            for cell in &CELLS {
                let Shows {
                    pages,
                    coverage,
                    vouched,
                } = estate.show(cell);
                let coverage = design.tells(coverage);
                let shows = Shows {
                    pages,
                    coverage,
                    vouched,
                };
                stage.set(cell.service, cell.account, cell.region, shows);
            }
            let looks = if design == Design::AbsenceOnce { 2 } else { 1 };
            for _ in 0..looks {
                pull::run(&ctx, &Selection::default()).await.unwrap();
            }
            judge.watch(&estate, &store, now);
        }
        assert_audited(&store);
        total.add(&judge.score, &estate.met);
    }
    total
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

#[tokio::test]
async fn b06_nothing_closes_without_evidence_and_all_that_is_gone_closes() {
    let cycles = number("POAMD_B06_CYCLES", 50) as usize;
    let seed = number("POAMD_B06_SEED", 6_000);
    let score = play(Design::Right, cycles, seed).await;
    println!(
        "B06: {score} {}",
        if score.is_clean() { "PASS" } else { "FAIL" }
    );
    assert!(score.is_clean(), "{:#?}", score.wrong);
    score.assert_opportunities(cycles);
}

#[tokio::test]
async fn b06_catches_every_wrong_design() {
    let seed = number("POAMD_B06_SEED", 6_000);
    for design in [
        Design::AbsenceOnce,
        Design::PartialCounts,
        Design::GapsIgnored,
    ] {
        let score = play(design, 25, seed).await;
        println!("B06 with {design:?}: {score}");
        assert!(
            score.false_closures > 0,
            "{design:?} was not caught: {score}"
        );
    }
}
