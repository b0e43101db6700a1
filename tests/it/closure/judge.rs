//! What may be closed, counted without the ledger's help, and held against the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::{DateTime, Utc};
use poamd::domain::finding::FindingStatus::{self, Fixed, Open};
use poamd::domain::record::RecordStatus;
use poamd::store::{Store, coverage, findings, records};

use super::estate::{CELLS, Door, Estate, Face, Flaw, Kind, MEMBER};

/// What came of all cycles.
#[derive(Debug, Default)]
pub struct Score {
    pub cycles: u64,
    pub closures: u64,
    /// Closed while it was there, or without proof.
    pub false_closures: u64,
    /// True fixes whose two complete looks are over.
    pub due: u64,
    pub missed: u64,
    pub gaps: u64,
    pub gaps_not_shown: u64,
    pub wrong: Vec<String>,
    pub met: BTreeMap<&'static str, u64>,
}

impl Score {
    pub fn add(&mut self, other: &Self, met: &BTreeMap<&'static str, u64>) {
        self.cycles += other.cycles;
        self.closures += other.closures;
        self.false_closures += other.false_closures;
        self.due += other.due;
        self.missed += other.missed;
        self.gaps += other.gaps;
        self.gaps_not_shown += other.gaps_not_shown;
        self.wrong.extend(other.wrong.iter().take(20).cloned());
        for (what, times) in met {
            *self.met.entry(what).or_default() += times;
        }
    }

    pub fn is_clean(&self) -> bool {
        self.false_closures + self.missed + self.gaps_not_shown == 0 && self.wrong.is_empty()
    }

    /// A check that had nothing to get wrong proves nothing.
    pub fn assert_opportunities(&self, cycles: usize) {
        let cycles = cycles as u64;
        assert!(self.cycles >= cycles);
        assert!(self.closures >= cycles, "{self}");
        assert!(self.due >= cycles, "{self}");
        assert!(self.gaps >= cycles, "{self}");
        let least = (cycles / 50).max(1);
        for what in [
            "access denied",
            "service off",
            "no answer",
            "partial page",
            "damaged page",
            "region off",
            "consolidated findings",
            "standard off",
            "account left",
            "scan type off",
            "retention",
            "suppressed",
            "resolved at source",
            "not available",
            "archived by hand",
            "expired at GuardDuty",
            "missed by one look",
            "re-opened",
            "fixed: passed",
            "fixed: put away",
            "fixed: gone",
        ] {
            let times = self.met.get(what).copied().unwrap_or_default();
            assert!(
                times >= least,
                "{what}: {times} of at least {least}; {self}"
            );
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met: Vec<String> = self.met.iter().map(|(w, n)| format!("{w} {n}")).collect();
        write!(
            f,
            "{} cycles, {} closures, {} false, {} fixes due, {} missed, {} gaps, {} not shown; met: {}",
            self.cycles,
            self.closures,
            self.false_closures,
            self.due,
            self.missed,
            self.gaps,
            self.gaps_not_shown,
            met.join(", ")
        )
    }
}

/// What the looks have shown of one finding.
#[derive(Debug, Default, Clone)]
struct Proof {
    /// Since it was last there.
    passed: bool,
    /// Doors that may have shown it put away, also in a look that broke off.
    shown_away: BTreeSet<Door>,
    /// Complete looks at such a door since.
    put_away: HashMap<Door, u32>,
    /// Complete looks in a row at a door that did not show it as open, also those that missed it.
    without: HashMap<Door, u32>,
    /// Complete looks at a door since it was fixed.
    since: HashMap<Door, u32>,
    counted: bool,
}

pub struct Judge {
    proofs: Vec<Proof>,
    before: Vec<Option<FindingStatus>>,
    pub score: Score,
}

impl Judge {
    pub fn new(estate: &Estate) -> Self {
        Self {
            proofs: vec![Proof::default(); estate.flaws.len()],
            before: vec![None; estate.flaws.len()],
            score: Score::default(),
        }
    }

    /// After the looks of a cycle.
    pub fn watch(&mut self, estate: &Estate, store: &Store, now: DateTime<Utc>) {
        self.score.cycles += 1;
        let statuses = statuses(estate, store);
        for flaw in &estate.flaws {
            self.note(estate, flaw);
            let (status, at_source) = &statuses[flaw.n];
            let open = matches!(flaw.face, Face::Open | Face::Suppressed | Face::Resolved);
            let hub = flaw.doors()[0];
            let clear = estate.trouble(&hub).is_none() && estate.shows_account(flaw.account);
            let shown_open =
                flaw.there && open && clear && !flaw.flickers && !estate.hides(flaw.account);
            self.judge(flaw, *status, shown_open);
            let expired = flaw.kind == Kind::Stale && flaw.there && flaw.face == Face::Gone;
            let lately =
                estate.trouble(&flaw.doors()[0]).is_none() && estate.shows_account(flaw.account);
            if expired && lately && at_source.as_deref() != Some("expired-at-source") {
                self.score
                    .wrong
                    .push(format!("{flaw:?} expired, and it is not told"));
            }
            self.before[flaw.n] = *status;
        }
        self.gaps(estate, store, now);
        self.records(store);
    }

    fn note(&mut self, estate: &Estate, flaw: &Flaw) {
        let proof = &mut self.proofs[flaw.n];
        let open = matches!(flaw.face, Face::Open | Face::Suppressed | Face::Resolved);
        if flaw.there {
            proof.passed = false;
            proof.shown_away.clear();
            proof.counted = false;
            proof.since.clear();
        }
        // Even a page of a look that broke off may bring the word that it passed.
        proof.passed |= flaw.face == Face::Passed && !flaw.flickers;
        for door in flaw.doors() {
            if flaw.face == Face::Archived && !flaw.flickers {
                proof.shown_away.insert(door);
            }
            let complete = estate.trouble(&door).is_none()
                && estate.shows_account(flaw.account)
                && !(door.service == "inspector" && estate.scan_is_off(flaw.account));
            if !complete {
                continue;
            }
            let without = proof.without.entry(door).or_default();
            *without = if open && !flaw.flickers {
                0
            } else {
                *without + 1
            };
            let put_away = proof.put_away.entry(door).or_default();
            *put_away += u32::from(proof.shown_away.contains(&door) && !open);
            if open {
                *put_away = 0;
            }
            if !flaw.there {
                *proof.since.entry(door).or_default() += 1;
            }
        }
    }

    fn judge(&mut self, flaw: &Flaw, status: Option<FindingStatus>, shown_open: bool) {
        let proof = &mut self.proofs[flaw.n];
        let fixed = status == Some(Fixed);
        if fixed && self.before[flaw.n] != Some(Fixed) {
            self.score.closures += 1;
        }
        let everywhere = |looks: &HashMap<Door, u32>| {
            flaw.doors()
                .iter()
                .all(|d| looks.get(d).copied().unwrap_or_default() >= 2)
        };
        let proven =
            proof.passed || proof.put_away.values().any(|n| *n >= 2) || everywhere(&proof.without);
        if fixed && self.before[flaw.n] != Some(Fixed) && (flaw.there || !proven) {
            self.score.false_closures += 1;
            self.score.wrong.push(format!(
                "cycle {}: closed without evidence: {flaw:?}",
                self.score.cycles
            ));
        }
        let due = !flaw.there && !flaw.exempt && everywhere(&proof.since);
        if due && !proof.counted {
            proof.counted = true;
            self.score.due += 1;
            if !fixed {
                self.score.missed += 1;
                self.score.wrong.push(format!(
                    "cycle {}: not closed: {flaw:?} {proof:?}",
                    self.score.cycles
                ));
            }
        }
        if fixed && shown_open {
            self.score.false_closures += 1;
            self.score.wrong.push(format!(
                "cycle {}: shown open and still closed: {flaw:?}",
                self.score.cycles
            ));
        }
        if flaw.there && status.is_none() {
            self.score.wrong.push(format!("lost: {flaw:?}"));
        }
    }

    /// Every cell that could not be looked at is a gap, and so is a member that is no longer shown.
    fn gaps(&mut self, estate: &Estate, store: &Store, now: DateTime<Utc>) {
        let rows = store.read_here(|c| coverage::gaps(c, now)).unwrap();
        let shown: BTreeSet<(&str, &str, &str)> = rows
            .iter()
            .map(|g| (g.service.as_str(), g.account.as_str(), g.region.as_str()))
            .collect();
        let mut wanted: Vec<(&str, &str, &str)> = CELLS
            .iter()
            .filter(|cell| estate.trouble(cell).is_some())
            .map(|cell| (cell.service, cell.account, cell.region))
            .collect();
        let hub = CELLS[0];
        if !estate.shows_account(MEMBER) && estate.trouble(&hub).is_none() {
            wanted.push((hub.service, MEMBER, hub.region));
        }
        for gap in wanted {
            self.score.gaps += 1;
            if !shown.contains(&gap) {
                self.score.gaps_not_shown += 1;
                self.score.wrong.push(format!(
                    "cycle {}: gap not shown: {gap:?}",
                    self.score.cycles
                ));
            }
        }
    }

    /// No record is closed over a finding that is open, and none that is open stands without one.
    fn records(&mut self, store: &Store) {
        let records = store.read_here(records::all).unwrap();
        for finding in store.read_here(findings::all).unwrap() {
            let record = records.iter().find(|r| Some(r.id) == finding.record_id);
            let closed = record.is_some_and(|r| r.status.0 == RecordStatus::Closed);
            // What was proven gone and is put away afterwards counts its looks anew; its record stays closed on the first proof.
            if closed && finding.status.0 == Open {
                self.score.false_closures += 1;
                self.score.wrong.push(format!("closed over {finding:?}"));
            }
            if finding.status.0 == Open && !record.is_some_and(|r| r.status.0.is_live()) {
                self.score
                    .wrong
                    .push(format!("open without a record: {finding:?}"));
            }
        }
    }
}

/// Status and mark of every flaw's finding, `None` where the ledger has none.
fn statuses(estate: &Estate, store: &Store) -> Vec<(Option<FindingStatus>, Option<String>)> {
    let rows = store.read_here(findings::all).unwrap();
    let of: HashMap<(String, String), usize> = rows
        .iter()
        .enumerate()
        .map(|(i, f)| ((f.account.clone(), f.fingerprint.clone()), i))
        .collect();
    let mut found = vec![(None, None); estate.flaws.len()];
    let tails: HashMap<String, usize> = estate.flaws.iter().map(|f| (f.tail(), f.n)).collect();
    for report in store.read_here(findings::all_reports).unwrap() {
        let tail = report.native_id.rsplit('/').next().unwrap_or_default();
        if let Some(n) = tails.get(tail) {
            let row = &rows[of[&(report.account, report.fingerprint)]];
            found[*n] = (Some(row.status.0), row.at_source.clone());
        }
    }
    found
}
