//! What may be closed, counted without the ledger's help, and held against the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::{DateTime, Utc};
use poamd::domain::finding::FindingStatus::{self, Fixed, NotObserved, Open};
use poamd::domain::record::RecordStatus;
use poamd::store::{Store, coverage, findings, records};

use super::estate::{CELLS, Door, Estate, Face, Flaw, Kind, MEMBER};
use super::service::Looked;

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
    /// What AWS said that a completed look had to bring, and what of it the ledger does not say.
    pub words: u64,
    pub words_missed: u64,
    /// Taken for absent though the last look at everything showed it at every door.
    pub false_absences: u64,
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
        self.words += other.words;
        self.words_missed += other.words_missed;
        self.false_absences += other.false_absences;
        self.gaps += other.gaps;
        self.gaps_not_shown += other.gaps_not_shown;
        self.wrong.extend(other.wrong.iter().take(20).cloned());
        for (what, times) in met {
            *self.met.entry(what).or_default() += times;
        }
    }

    pub fn is_clean(&self) -> bool {
        let wrong = self.false_closures + self.missed + self.words_missed + self.false_absences;
        wrong + self.gaps_not_shown == 0 && self.wrong.is_empty()
    }

    /// A check that had nothing to get wrong proves nothing.
    pub fn assert_opportunities(&self, cycles: usize) {
        let cycles = cycles as u64;
        assert!(self.cycles >= cycles);
        assert!(self.closures >= cycles, "{self}");
        assert!(self.due >= cycles, "{self}");
        assert!(self.words >= cycles, "{self}");
        assert!(self.gaps >= cycles, "{self}");
        self.assert_met((cycles / 50).max(1), &TROUBLES);
    }

    /// The same with looks at changes: by far most looks are of that kind, and they end where a process dies.
    pub fn assert_window_opportunities(&self, cycles: usize) {
        let cycles = cycles as u64;
        assert!(self.cycles >= cycles && self.closures >= cycles, "{self}");
        assert!(self.due * 4 >= cycles, "{self}");
        assert!(self.words >= 4 * cycles, "{self}");
        assert!(self.gaps >= cycles, "{self}");
        self.assert_met((cycles / 50).max(1), &TROUBLES);
        self.assert_met(cycles, &["looks at changes", "looks at everything"]);
        self.assert_met((cycles / 50).max(1), &CRASHES);
    }

    fn assert_met(&self, least: u64, all: &[&str]) {
        for what in all {
            let times = self.met.get(what).copied().unwrap_or_default();
            assert!(
                times >= least,
                "{what}: {times} of at least {least}; {self}"
            );
        }
    }
}

const CRASHES: [&str; 5] = [
    "killed in a look at changes",
    "killed in a look at everything",
    "look at changes gone on with",
    "look at everything gone on with",
    "shown late",
];

const TROUBLES: [&str; 21] = [
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
];

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met: Vec<String> = self.met.iter().map(|(w, n)| format!("{w} {n}")).collect();
        write!(
            f,
            "{} cycles, {} closures, {} false, {} fixes due, {} missed, {} words due, {} missed, {} false absences, {} gaps, {} not shown; met: {}",
            self.cycles,
            self.closures,
            self.false_closures,
            self.due,
            self.missed,
            self.words,
            self.words_missed,
            self.false_absences,
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
    /// It is there, and a look could tell.
    came_back: bool,
    /// A completed look showed it put away.
    away_heard: bool,
    /// When the last completed look at a door began.
    heard: HashMap<Door, DateTime<Utc>>,
    /// Doors at which a look missed it then; only one at everything shows it again.
    flickered: HashMap<Door, DateTime<Utc>>,
    /// The version whose word is counted.
    worded: Option<DateTime<Utc>>,
}

impl Proof {
    /// Whether a completed look at one of its doors began after it became what it is.
    fn is_heard(&self, flaw: &Flaw, looked: &BTreeMap<Door, Looked>) -> bool {
        let began = |door: &Door| {
            let now = looked.get(door).map(|look| look.began);
            now.max(self.heard.get(door).copied())
        };
        flaw.doors()
            .iter()
            .any(|door| began(door) >= Some(flaw.visible))
    }
}

/// What was looked at in one cycle.
pub struct Cycle {
    /// Looks that were read to their end.
    pub looked: BTreeMap<Door, Looked>,
    /// Cells that were asked at all.
    pub asked: BTreeSet<Door>,
    /// The process died, so nothing was planned after it.
    pub died: bool,
}

impl Cycle {
    /// When the looks at everything began.
    pub fn fulls(&self) -> BTreeMap<Door, DateTime<Utc>> {
        let fulls = self.looked.iter().filter(|(_, look)| look.full);
        fulls.map(|(door, look)| (*door, look.began)).collect()
    }
}

pub struct Judge {
    proofs: Vec<Proof>,
    before: Vec<Option<FindingStatus>>,
    /// The flaw whose story is printed.
    told: Option<usize>,
    pub score: Score,
}

impl Judge {
    pub fn new(estate: &Estate) -> Self {
        Self {
            proofs: vec![Proof::default(); estate.flaws.len()],
            before: vec![None; estate.flaws.len()],
            told: std::env::var("POAMD_B06_TELL")
                .ok()
                .map(|n| n.parse().unwrap()),
            score: Score::default(),
        }
    }

    /// After the looks of a cycle: those that were completed, and all cells that were asked.
    pub fn watch(&mut self, estate: &Estate, store: &Store, now: DateTime<Utc>, cycle: &Cycle) {
        self.score.cycles += 1;
        let statuses = statuses(estate, store);
        for flaw in estate.flaws.iter().map(Flaw::said) {
            self.note(estate, flaw, cycle);
            let (status, at_source) = &statuses[flaw.n];
            let look = cycle.looked.get(&flaw.doors()[0]);
            if self.told == Some(flaw.n) {
                tell(store, flaw, now, look, *status);
            }
            let fresh = look.filter(|l| l.began >= flaw.visible);
            let told = fresh.is_some() && estate.shows_account(flaw.account);
            let seen = self.proofs[flaw.n].flickered.is_empty() && !estate.hides(flaw.account);
            let shown_open = flaw.there && flaw.face.is_open() && told && seen;
            self.judge(flaw, *status, shown_open);
            self.word(estate, flaw, *status);
            let expired = flaw.kind == Kind::Stale && flaw.there && flaw.face == Face::Gone;
            let lately = told && fresh.is_some_and(|l| l.full);
            if expired && lately && at_source.as_deref() != Some("expired-at-source") {
                self.score
                    .wrong
                    .push(format!("{flaw:?} expired, and it is not told"));
            }
            self.before[flaw.n] = *status;
        }
        self.gaps(estate, store, now, cycle);
        if !cycle.died {
            self.records(store);
        }
    }

    fn note(&mut self, estate: &Estate, flaw: &Flaw, cycle: &Cycle) {
        let proof = &mut self.proofs[flaw.n];
        let open = flaw.face.is_open();
        if flaw.there {
            proof.counted = false;
            proof.since.clear();
        }
        // What a look that began before has shown stays what it has shown.
        proof.came_back = flaw.there && proof.is_heard(flaw, &cycle.looked);
        if proof.came_back {
            proof.passed = false;
            proof.shown_away.clear();
            proof.away_heard = false;
        }
        if flaw.flickers {
            let doors = flaw.doors().into_iter();
            proof.flickered = doors.map(|door| (door, estate.now)).collect();
        }
        // Even a page of a look that broke off may bring the word that it passed.
        proof.passed |= flaw.face == Face::Passed && !flaw.flickers;
        for door in flaw.doors() {
            if flaw.face == Face::Archived && !flaw.flickers {
                proof.shown_away.insert(door);
            }
            let look = cycle.looked.get(&door);
            let before = look.is_some_and(|l| l.began < estate.left_at);
            let told = (estate.shows_account(flaw.account) || before)
                && !(door.service == "inspector" && estate.scan_is_off(flaw.account));
            let Some(look) = look.filter(|_| told) else {
                continue;
            };
            proof.heard.insert(door, look.began);
            proof.away_heard |= flaw.face == Face::Archived && look.began >= flaw.visible;
            if !look.full {
                continue;
            }
            if proof
                .flickered
                .get(&door)
                .is_some_and(|at| look.began > *at)
            {
                proof.flickered.remove(&door);
            }
            let shown = look.open.contains(&flaw.n);
            let without = proof.without.entry(door).or_default();
            *without = if shown { 0 } else { *without + 1 };
            let put_away = proof.put_away.entry(door).or_default();
            *put_away += u32::from(proof.shown_away.contains(&door) && !open);
            if open {
                *put_away = 0;
            }
            if !flaw.there && look.began >= flaw.visible {
                *proof.since.entry(door).or_default() += 1;
            }
        }
    }

    /// What a completed look brought stands in the ledger: closed by a pass, open again by a failure, not absent.
    fn word(&mut self, estate: &Estate, flaw: &Flaw, status: Option<FindingStatus>) {
        let proof = &mut self.proofs[flaw.n];
        let heard = |door: &Door| proof.heard.get(door).is_some_and(|at| *at >= flaw.visible);
        let plain = flaw.is_plain() && !estate.is_upset(flaw.account) && proof.flickered.is_empty();
        if !plain || !flaw.doors().iter().all(heard) {
            return;
        }
        let passed = !flaw.there && flaw.face == Face::Passed;
        let open = flaw.there && flaw.face.is_open();
        if (passed || open) && proof.worded != Some(flaw.visible) {
            proof.worded = Some(flaw.visible);
            self.score.words += 1;
            if passed != (status == Some(Fixed)) {
                self.score.words_missed += 1;
                self.score.wrong.push(format!(
                    "cycle {}: {status:?}, and that is not what was said: {flaw:?}",
                    self.score.cycles
                ));
            }
        }
        let present = flaw
            .doors()
            .iter()
            .all(|d| proof.without.get(d) == Some(&0));
        if open && present && status == Some(NotObserved) {
            self.score.false_absences += 1;
            self.score.wrong.push(format!(
                "cycle {}: absent though shown: {flaw:?}",
                self.score.cycles
            ));
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
        if fixed && self.before[flaw.n] != Some(Fixed) && (proof.came_back || !proven) {
            self.score.false_closures += 1;
            self.score.wrong.push(format!(
                "cycle {}: closed without evidence: {flaw:?}",
                self.score.cycles
            ));
        }
        // What left the hub when the hub keeps nothing longer may as well have expired, unless it was seen put away.
        let known = flaw.kind != Kind::Stale || proof.away_heard;
        let due = !flaw.there && !flaw.exempt && known && everywhere(&proof.since);
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
    fn gaps(&mut self, estate: &Estate, store: &Store, now: DateTime<Utc>, cycle: &Cycle) {
        let rows = store.read_here(|c| coverage::gaps(c, now)).unwrap();
        let shown: BTreeSet<(&str, &str, &str)> = rows
            .iter()
            .map(|g| (g.service.as_str(), g.account.as_str(), g.region.as_str()))
            .collect();
        let mut wanted: Vec<(&str, &str, &str)> = CELLS
            .iter()
            .filter(|cell| estate.trouble(cell).is_some() && cycle.asked.contains(cell))
            .map(|cell| (cell.service, cell.account, cell.region))
            .collect();
        let hub = CELLS[0];
        let look = cycle.looked.get(&hub);
        let looked = look.is_some_and(|l| l.full && l.began >= estate.left_at);
        if !estate.shows_account(MEMBER) && looked {
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
    let of: HashMap<i64, usize> = rows.iter().enumerate().map(|(i, f)| (f.id, i)).collect();
    let mut found = vec![(None, None); estate.flaws.len()];
    let tails: HashMap<String, usize> = estate.flaws.iter().map(|f| (f.tail(), f.n)).collect();
    for report in store.read_here(findings::all_reports).unwrap() {
        let tail = report.native_id.rsplit('/').next().unwrap_or_default();
        if let Some(n) = tails.get(tail) {
            let row = &rows[of[&report.finding_id]];
            found[*n] = (Some(row.status.0), row.at_source.clone());
        }
    }
    found
}

/// One cycle of one flaw: the truth, the look at its first door, the ledger.
fn tell(
    store: &Store,
    flaw: &Flaw,
    now: DateTime<Utc>,
    look: Option<&Looked>,
    status: Option<FindingStatus>,
) {
    let reports = store.read_here(findings::all_reports).unwrap();
    let tail = flaw.tail();
    let of = reports.iter().filter(|r| r.native_id.ends_with(&tail));
    let said: Vec<_> = of.map(|r| (r.signal.0, r.updated_at, r.absent)).collect();
    let look = look.map(|l| (l.full, l.began, l.resumed, l.open.contains(&flaw.n)));
    println!(
        "{now} {:?} there {} updated {} visible {} flickers {}; full, began, resumed, shown {look:?}; {status:?} {said:?}",
        flaw.face, flaw.there, flaw.updated, flaw.visible, flaw.flickers
    );
}
