//! An estate whose truth is known, and what AWS shows of it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use poamd_contract::coverage::{Coverage, Flaws, Part, Vouched};
use serde_json::{Value, json};

use super::service::{Document, Held, Looked};
use crate::support::stage::Shows;

/// Declared; its hub in us-east-1 is the administrator of [`MEMBER`].
pub const ADMIN: &str = "111122223333";
/// Declared, with a hub of its own.
pub const OWN: &str = "222233334444";
/// Seen only through the administrator's hub.
pub const MEMBER: &str = "333344445555";
pub const EAST: &str = "us-east-1";
pub const WEST: &str = "us-west-2";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Door {
    pub service: &'static str,
    pub account: &'static str,
    pub region: &'static str,
}

const fn door(service: &'static str, account: &'static str, region: &'static str) -> Door {
    Door {
        service,
        account,
        region,
    }
}

pub const CELLS: [Door; 9] = [
    door("securityhub", ADMIN, EAST),
    door("securityhub", ADMIN, WEST),
    door("securityhub", OWN, EAST),
    door("guardduty", ADMIN, EAST),
    door("guardduty", ADMIN, WEST),
    door("guardduty", OWN, EAST),
    door("inspector", ADMIN, EAST),
    door("inspector", ADMIN, WEST),
    door("inspector", OWN, EAST),
];

const STANDARDS: [&str; 2] = [
    "aws-foundational-security-best-practices/v/1.0.0",
    "nist-800-53/v/5.0.0",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A control; bits say in which standards.
    Control(u8),
    /// The same on a global resource: every region's hub shows it.
    Global(u8),
    /// Inspector, shown by the hub too.
    Vulnerability,
    /// GuardDuty, shown by the hub too.
    Threat,
    /// A third party's in the hub, which nobody updates.
    Stale,
}

/// How AWS shows a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Face {
    Open,
    Suppressed,
    Resolved,
    NotAvailable,
    Passed,
    /// ARCHIVED, or CLOSED at Inspector; at GuardDuty somebody's act.
    Archived,
    Gone,
}

impl Face {
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Suppressed | Self::Resolved)
    }
}

/// One finding of the estate.
#[derive(Debug, Clone)]
pub struct Flaw {
    pub n: usize,
    pub kind: Kind,
    pub account: &'static str,
    pub region: &'static str,
    /// The truth.
    pub there: bool,
    pub face: Face,
    pub updated: DateTime<Utc>,
    /// Since when AWS shows it as it is.
    pub visible: DateTime<Utc>,
    /// What is shown of it until then: services are late.
    old: Option<Box<Flaw>>,
    /// Not shown by one look, though nothing is wrong (moved between pages).
    pub flickers: bool,
    /// Something that delays every conclusion happened since it was fixed, so no time is promised for it.
    pub exempt: bool,
    archived_for: u32,
    /// Its scan was off, and no whole look has shown it since: the ledger gives that two days.
    unseen: bool,
    /// One look has missed it, and no whole look has shown it since.
    missed: bool,
    /// The doors at which that is so, and since when.
    waits: BTreeMap<Door, DateTime<Utc>>,
}

impl Flaw {
    /// The doors that show it when nothing is in the way.
    pub fn doors(&self) -> Vec<Door> {
        let hub = |region| {
            let account = if self.account == MEMBER {
                ADMIN
            } else {
                self.account
            };
            door("securityhub", account, region)
        };
        let mut doors = vec![hub(self.region)];
        match self.kind {
            Kind::Global(_) if self.account == ADMIN => doors.push(hub(WEST)),
            Kind::Vulnerability if self.account != MEMBER => {
                doors.push(door("inspector", self.account, self.region));
            }
            Kind::Threat if self.account != MEMBER => {
                doors.push(door("guardduty", self.account, self.region));
            }
            _ => {}
        }
        doors
    }

    /// As AWS shows it now.
    pub fn said(&self) -> &Self {
        self.old.as_deref().unwrap_or(self)
    }

    /// Nothing that AWS did to its account stands between it and the ledger.
    pub fn is_plain(&self) -> bool {
        !self.exempt && !self.unseen
    }

    fn wait(&mut self, now: DateTime<Utc>) {
        self.waits = self.doors().into_iter().map(|door| (door, now)).collect();
    }

    /// Where its native ids end in, so that any of them is known for its own.
    pub fn tail(&self) -> String {
        format!("f{:04}", self.n)
    }
}

/// A trouble that lasts some cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    Denied,
    Off,
    Failed,
    Partial,
    Damaged,
}

pub struct Estate {
    dice: Dice,
    pub flaws: Vec<Flaw>,
    pub now: DateTime<Utc>,
    cycle: usize,
    /// When the looks at everything began that the last cycle completed.
    pub fulls: BTreeMap<Door, DateTime<Utc>>,
    /// AWS may show a change some minutes after the time it gives it.
    pub lates: bool,
    /// Things happen to whole accounts too.
    pub upsets: bool,
    /// Until which cycle.
    troubles: BTreeMap<Door, (Trouble, usize)>,
    /// Since when consolidated findings are on, and from which cycle on the new ones come.
    consolidated: BTreeMap<&'static str, (DateTime<Utc>, usize, DateTime<Utc>)>,
    /// Account → a standard that is off, since when, until which cycle.
    standard_off: BTreeMap<&'static str, (usize, DateTime<Utc>, usize)>,
    /// When a standard of an account was last switched on again: AWS judges all of it anew.
    standard_back: BTreeMap<&'static str, DateTime<Utc>>,
    /// Until which cycle the member shows nothing.
    left_until: usize,
    pub left_at: DateTime<Utc>,
    /// Until which cycle Inspector looks at no instance of an account.
    scan_off: BTreeMap<&'static str, usize>,
    /// How often what was met.
    pub met: BTreeMap<&'static str, u64>,
}

impl Estate {
    pub fn new(seed: u64, now: DateTime<Utc>) -> Self {
        let mut flaws = Vec::new();
        let mut add = |kind, account, region, updated| {
            flaws.push(Flaw {
                n: flaws.len(),
                kind,
                account,
                region,
                there: true,
                face: Face::Open,
                updated,
                visible: now,
                old: None,
                flickers: false,
                exempt: false,
                archived_for: 0,
                unseen: false,
                missed: false,
                waits: BTreeMap::new(),
            });
        };
        let places = [(ADMIN, EAST), (ADMIN, WEST), (OWN, EAST), (MEMBER, EAST)];
        let lately = now - TimeDelta::days(2);
        for (account, region) in places {
            for standards in [1, 2, 3, 3, 1, 3] {
                add(Kind::Control(standards), account, region, lately);
            }
            for _ in 0..4 {
                add(Kind::Vulnerability, account, region, lately);
            }
            for _ in 0..2 {
                add(Kind::Threat, account, region, lately);
            }
            for hours in [4, 12] {
                let expires = now + TimeDelta::hours(hours);
                add(Kind::Stale, account, region, expires - TimeDelta::days(90));
            }
        }
        for account in [ADMIN, OWN, MEMBER] {
            for standards in [1, 2, 3] {
                add(Kind::Global(standards), account, EAST, lately);
            }
        }
        Self {
            dice: Dice(seed),
            flaws,
            now,
            cycle: 0,
            fulls: BTreeMap::new(),
            lates: false,
            upsets: true,
            troubles: BTreeMap::new(),
            consolidated: BTreeMap::new(),
            standard_off: BTreeMap::new(),
            standard_back: BTreeMap::new(),
            left_until: 0,
            left_at: now,
            scan_off: BTreeMap::new(),
            met: BTreeMap::new(),
        }
    }

    pub fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    /// An hour goes by.
    pub fn next(&mut self, cycle: usize, now: DateTime<Utc>) {
        // Of the cycle that has just been looked at.
        self.refill();
        (self.cycle, self.now) = (cycle, now);
        // The first look sees everything, so that everything is known.
        if cycle == 0 {
            return;
        }
        self.strike();
        if self.upsets {
            self.upset();
        }
        for i in 0..self.flaws.len() {
            self.change(i);
        }
    }

    /// What the looks of the last cycle at everything have shown again.
    fn refill(&mut self) {
        let fulls = std::mem::take(&mut self.fulls);
        for i in 0..self.flaws.len() {
            let flaw = &self.flaws[i];
            let off = self.scan_is_off(flaw.account);
            let told = self.shows_account(flaw.account) && !self.hides(flaw.account);
            let open = matches!(flaw.face, Face::Open | Face::Suppressed) && !flaw.flickers;
            if off || !told || !open {
                continue;
            }
            let flaw = &mut self.flaws[i];
            let waits = |door: &Door, since: &mut DateTime<Utc>| {
                fulls.get(door).is_none_or(|began| began <= since)
            };
            flaw.waits.retain(waits);
            let back = flaw.waits.is_empty();
            flaw.unseen &= !back;
            flaw.missed &= !back;
        }
    }

    /// Troubles of cells.
    fn strike(&mut self) {
        let cycle = self.cycle;
        self.troubles.retain(|_, (_, until)| *until > cycle);
        for cell in CELLS {
            if self.dice.one_in(7) && !self.troubles.contains_key(&cell) {
                let kinds = [
                    (Trouble::Denied, "access denied"),
                    (Trouble::Off, "service off"),
                    (Trouble::Failed, "no answer"),
                    (Trouble::Partial, "partial page"),
                    (Trouble::Damaged, "damaged page"),
                ];
                let (trouble, name) = kinds[self.dice.below(kinds.len())];
                let until = cycle + 1 + self.dice.below(3);
                self.troubles.insert(cell, (trouble, until));
                self.meet(name);
            }
        }
        if self.dice.one_in(12) {
            let (account, region) = [(ADMIN, EAST), (ADMIN, WEST), (OWN, EAST)][self.dice.below(3)];
            let until = cycle + 2;
            for cell in CELLS {
                if (cell.account, cell.region) == (account, region) {
                    self.troubles.insert(cell, (Trouble::Off, until));
                }
            }
            self.meet("region off");
        }
    }

    /// What happens to whole accounts.
    fn upset(&mut self) {
        let cycle = self.cycle;
        let back = |(account, off): (&&'static str, &(usize, DateTime<Utc>, usize))| {
            (off.2 <= cycle).then_some((*account, self.now))
        };
        let back: Vec<_> = self.standard_off.iter().filter_map(back).collect();
        self.standard_back.extend(back);
        self.standard_off.retain(|_, (_, _, until)| *until > cycle);
        self.scan_off.retain(|_, until| *until > cycle);
        let account = [ADMIN, OWN, MEMBER][self.dice.below(3)];
        if self.dice.one_in(10) && !self.consolidated.contains_key(account) {
            let hours = [0, 1, 3, 6][self.dice.below(4)];
            let come = self.now + TimeDelta::hours(hours as i64);
            self.consolidated
                .insert(account, (self.now, cycle + hours, come));
            self.exempt(account);
            self.meet("consolidated findings");
        }
        let account = [ADMIN, OWN, MEMBER][self.dice.below(3)];
        if self.dice.one_in(9)
            && !self.consolidated.contains_key(account)
            && !self.standard_off.contains_key(account)
        {
            let (standard, until) = (self.dice.below(2), cycle + 4);
            self.standard_off
                .insert(account, (standard, self.now, until));
            self.exempt(account);
            self.meet("standard off");
        }
        if self.dice.one_in(10) && self.left_until <= cycle {
            self.left_until = cycle + 3 + self.dice.below(3);
            self.left_at = self.now;
            self.exempt(MEMBER);
            self.meet("account left");
        }
        let account = [ADMIN, OWN][self.dice.below(2)];
        if self.dice.one_in(10) {
            self.scan_off.insert(account, cycle + 3);
            for flaw in self.flaws.iter_mut().filter(|f| f.account == account) {
                flaw.unseen = true;
                flaw.wait(self.now);
            }
            self.exempt(account);
            self.meet("scan type off");
        }
    }

    fn exempt(&mut self, account: &str) {
        for flaw in self.flaws.iter_mut().filter(|f| f.account == account) {
            flaw.exempt = true;
            flaw.unseen = true;
            flaw.wait(self.now);
        }
    }

    /// Something is being done to the account as a whole: nothing is fixed there meanwhile.
    pub fn is_upset(&self, account: &str) -> bool {
        let filling = |(_, from, _): &(DateTime<Utc>, usize, DateTime<Utc>)| *from >= self.cycle;
        self.consolidated.get(account).is_some_and(filling)
            || self.standard_off.contains_key(account)
            || self.scan_off.contains_key(account)
            || (account == MEMBER && self.left_until > self.cycle)
    }

    fn change(&mut self, i: usize) {
        use Face::{Archived, Gone, NotAvailable, Open, Passed, Resolved, Suppressed};
        let upset = self.is_upset(self.flaws[i].account);
        let roll = self.dice.below(100);
        let mut flaw = self.flaws[i].clone();
        flaw.flickers = false;
        flaw.old = None;
        let age = self.now - flaw.updated;
        if flaw.kind == Kind::Stale && flaw.there && age >= TimeDelta::days(90) {
            if flaw.face != Gone {
                self.meet("retention");
            }
            flaw.face = Gone;
        } else if !flaw.there {
            // What was put away leaves the service in the end.
            flaw.archived_for += u32::from(flaw.face == Archived);
            if flaw.archived_for > 3 {
                flaw.face = Gone;
            }
            if roll < 6 && !upset {
                (flaw.there, flaw.face, flaw.updated) = (true, Open, self.now);
                (flaw.exempt, flaw.archived_for) = (false, 0);
                // A look misses what looks have shown.
                flaw.missed = true;
                flaw.wait(self.now);
                self.meet("re-opened");
            }
        } else if roll < 8 && !upset && flaw.kind != Kind::Threat {
            let ways: &[Face] = match flaw.kind {
                Kind::Control(_) | Kind::Global(_) => &[Passed, Archived, Gone],
                Kind::Vulnerability => &[Archived, Gone],
                Kind::Threat | Kind::Stale => &[Archived],
            };
            flaw.face = ways[self.dice.below(ways.len())];
            (flaw.there, flaw.updated) = (false, self.now);
            (flaw.exempt, flaw.archived_for) = (flaw.unseen, 0);
            self.meet(match flaw.face {
                Passed => "fixed: passed",
                Archived => "fixed: put away",
                _ => "fixed: gone",
            });
        } else if roll < 22 {
            let (face, name) = match (flaw.kind, roll % 5) {
                (Kind::Threat, 0 | 1) => (Archived, "archived by hand"),
                (Kind::Threat, 2) => (Gone, "expired at GuardDuty"),
                (Kind::Control(_) | Kind::Global(_), 0) => (Suppressed, "suppressed"),
                (Kind::Control(_) | Kind::Global(_), 1) => (Resolved, "resolved at source"),
                (Kind::Control(_) | Kind::Global(_), 2) => (NotAvailable, "not available"),
                (Kind::Vulnerability, 0) => (Suppressed, "suppressed"),
                _ => {
                    flaw.flickers = true;
                    (flaw.face, "missed by one look")
                }
            };
            if face != flaw.face {
                flaw.updated = self.now;
            }
            flaw.face = face;
            self.meet(name);
        } else if roll < 40 && flaw.kind != Kind::Stale {
            (flaw.face, flaw.updated) = (Open, self.now);
        }
        // One look only, and not again before it was seen.
        flaw.flickers &= !self.flaws[i].missed;
        flaw.missed |= flaw.flickers;
        if flaw.flickers {
            flaw.wait(self.now);
        }
        self.date(i, &mut flaw);
        self.flaws[i] = flaw;
    }

    /// When AWS shows what it has become.
    fn date(&mut self, i: usize, flaw: &mut Flaw) {
        let before = &self.flaws[i];
        if (flaw.there, flaw.face, flaw.updated) == (before.there, before.face, before.updated) {
            return;
        }
        flaw.visible = self.now;
        if self.lates && flaw.updated == self.now && self.dice.one_in(4) {
            let old = Flaw {
                old: None,
                flickers: false,
                ..self.flaws[i].clone()
            };
            flaw.old = Some(Box::new(old));
            flaw.updated = self.now - TimeDelta::minutes(10);
            flaw.visible = self.now + TimeDelta::hours(1);
            self.meet("shown late");
        }
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.dice.one_in(n)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.dice.below(n)
    }

    /// Whether a look at the door sees all there is of this account.
    pub fn shows_account(&self, account: &str) -> bool {
        account != MEMBER || self.left_until <= self.cycle
    }

    /// Some of its controls are not told of: their standard is off, or their new findings have not come yet.
    pub fn hides(&self, account: &str) -> bool {
        let coming = |(_, from, _): &(DateTime<Utc>, usize, DateTime<Utc>)| *from > self.cycle;
        self.standard_off.contains_key(account)
            || self.consolidated.get(account).is_some_and(coming)
    }

    pub fn trouble(&self, cell: &Door) -> Option<Trouble> {
        self.troubles.get(cell).map(|(trouble, _)| *trouble)
    }

    pub fn scan_is_off(&self, account: &str) -> bool {
        self.scan_off.contains_key(account)
    }

    /// All documents of a cell, each with the flaw it shows, if it is one, and whether as open.
    fn all_documents(&self, cell: &Door) -> Vec<(Option<usize>, bool, Value)> {
        let mut all = Vec::new();
        for flaw in self.flaws.iter().filter(|f| f.doors().contains(cell)) {
            if flaw.flickers || !self.shows_account(flaw.account) {
                continue;
            }
            let shown = flaw.said();
            let open = shown.face.is_open();
            let documents = self.documents(shown, cell).into_iter();
            all.extend(documents.map(|d| (Some(flaw.n), open, d)));
        }
        if cell.service == "securityhub" {
            for account in BTreeSet::from([cell.account, MEMBER]) {
                let seen_here =
                    account == cell.account || (cell.account, cell.region) == (ADMIN, EAST);
                if seen_here && self.shows_account(account) {
                    let canaries = self.canaries(account, cell.region).into_iter();
                    all.extend(canaries.map(|d| (None, false, d)));
                }
            }
        }
        all
    }

    fn vouched(&self, cell: &Door) -> Option<Vouched> {
        (cell.service == "inspector").then(|| Vouched {
            parts: vec![Part {
                account: cell.account.parse().unwrap(),
                resources: "",
                flaws: Flaws::Any,
                off: self
                    .scan_is_off(cell.account)
                    .then(|| "the scan of instances is off".to_owned()),
            }],
        })
    }

    /// What a cell holds, for a service that does as it is asked.
    pub fn held(&self, cell: &Door) -> Held {
        let documents = self.all_documents(cell).into_iter();
        Held {
            documents: documents
                .map(|(flaw, open, document)| Document {
                    id: id_of(&document),
                    flaw: flaw.unwrap_or(usize::MAX),
                    open,
                    updated: updated_of(&document),
                    bytes: envelope(cell, &[document]),
                })
                .collect(),
            trouble: self.trouble(cell),
            vouched: self.vouched(cell),
        }
    }

    /// The looks of a cycle in which everything is looked at.
    pub fn full_looks(&self) -> BTreeMap<Door, Looked> {
        let clear = CELLS.iter().filter(|cell| self.trouble(cell).is_none());
        let open = |f: &&Flaw| f.face.is_open() && !f.flickers && self.shows_account(f.account);
        clear
            .map(|cell| {
                let here = self.flaws.iter().filter(|f| f.doors().contains(cell));
                let looked = Looked {
                    full: true,
                    began: self.now,
                    open: here.filter(open).map(|f| f.n).collect(),
                    resumed: false,
                };
                (*cell, looked)
            })
            .collect()
    }

    /// What a look at this cell would bring.
    pub fn show(&self, cell: &Door) -> Shows {
        let all = self.all_documents(cell).into_iter();
        let documents: Vec<Value> = all.map(|(_, _, document)| document).collect();
        let pages = documents.chunks(7).map(|part| envelope(cell, part));
        let mut pages: Vec<Vec<u8>> = pages.collect();
        let reason = || "as the script says".to_owned();
        let coverage = match self.trouble(cell) {
            None => Coverage::Complete,
            Some(Trouble::Denied) => Coverage::Denied { reason: reason() },
            Some(Trouble::Off) => Coverage::Off { reason: reason() },
            Some(Trouble::Failed) => Coverage::Failed { reason: reason() },
            Some(Trouble::Partial) => {
                pages.truncate(pages.len() / 2);
                Coverage::Partial { reason: reason() }
            }
            Some(Trouble::Damaged) => {
                if let Some(page) = pages.first_mut() {
                    page.truncate(page.len() / 2);
                }
                Coverage::Partial { reason: reason() }
            }
        };
        if matches!(
            coverage,
            Coverage::Denied { .. } | Coverage::Off { .. } | Coverage::Failed { .. }
        ) {
            pages.clear();
        }
        Shows {
            pages,
            coverage,
            vouched: self.vouched(cell),
        }
    }

    fn documents(&self, flaw: &Flaw, cell: &Door) -> Vec<Value> {
        if flaw.face == Face::Gone {
            return Vec::new();
        }
        match (flaw.kind, cell.service) {
            (Kind::Control(standards) | Kind::Global(standards), _) => {
                self.control(flaw, standards, cell.region)
            }
            // Inspector closes what it no longer looks at; its hub copy stays as it was.
            (Kind::Vulnerability, "inspector") if self.scan_is_off(flaw.account) => Vec::new(),
            (Kind::Vulnerability, "inspector") => vec![inspector(flaw)],
            (Kind::Threat, "guardduty") => vec![guardduty(flaw)],
            // GuardDuty does not forward that somebody put it away.
            (Kind::Threat, _) => vec![hub_copy(&Flaw {
                face: Face::Open,
                ..flaw.clone()
            })],
            (Kind::Vulnerability | Kind::Stale, _) => vec![hub_copy(flaw)],
        }
    }

    fn control(&self, flaw: &Flaw, standards: u8, region: &str) -> Vec<Value> {
        let mut documents = Vec::new();
        let name = format!(
            "{}.{}",
            if matches!(flaw.kind, Kind::Global(_)) {
                "IAM"
            } else {
                "S3"
            },
            flaw.n
        );
        let resource = match flaw.kind {
            Kind::Global(_) => format!("arn:aws:iam::{}:user/u{}", flaw.account, flaw.n),
            _ => format!("arn:aws:s3:::bucket-{}", flaw.n),
        };
        let about = |id: String, face: Face, updated: DateTime<Utc>| {
            asff(flaw, &id, region, &name, &resource, face, updated)
        };
        let switch = self.consolidated.get(flaw.account);
        let back = self.standard_back.get(flaw.account);
        let updated = back.map_or(flaw.updated, |at| flaw.updated.max(*at));
        for (s, standard) in STANDARDS.iter().enumerate() {
            if standards & (1 << s) == 0 {
                continue;
            }
            let id = format!(
                "arn:aws:securityhub:{region}:{}:subscription/{standard}/{name}/finding/{}",
                flaw.account,
                flaw.tail()
            );
            let off = self.standard_off.get(flaw.account).filter(|off| off.0 == s);
            documents.push(match (switch, off) {
                (Some((at, _, _)), _) => about(id, Face::Archived, *at),
                (None, Some((_, at, _))) => about(id, Face::Archived, (*at).max(updated)),
                (None, None) => about(id, flaw.face, updated),
            });
        }
        if let Some((_, from, come)) = switch
            && *from <= self.cycle
        {
            let id = format!(
                "arn:aws:securityhub:{region}:{}:security-control/{name}/finding/{}",
                flaw.account,
                flaw.tail()
            );
            documents.push(about(id, flaw.face, (*come).max(updated)));
        }
        documents
    }

    /// A hub is never empty: most of what it shows has passed. Where looks are at changes, much of that is judged every hour.
    fn canaries(&self, account: &'static str, region: &'static str) -> Vec<Value> {
        let (count, updated) = match self.lates {
            true => (12, self.now),
            false => (1, self.now - TimeDelta::days(1)),
        };
        let canary = |n: usize| Flaw {
            n: 9_000 + n,
            kind: Kind::Control(3),
            account,
            region,
            there: false,
            face: Face::Passed,
            updated,
            visible: self.now,
            old: None,
            flickers: false,
            exempt: false,
            archived_for: 0,
            unseen: false,
            missed: false,
            waits: BTreeMap::new(),
        };
        let canaries = (0..count).map(canary);
        canaries
            .flat_map(|flaw| self.control(&flaw, 3, region))
            .collect()
    }
}

/// Documents as a reply of the cell's service holds them.
fn envelope(cell: &Door, part: &[Value]) -> Vec<u8> {
    let key = if cell.service == "securityhub" {
        "Findings"
    } else {
        "findings"
    };
    serde_json::to_vec(&json!({ key: part })).unwrap()
}

fn id_of(document: &Value) -> String {
    let mut ids = ["Id", "findingArn", "arn"].iter();
    let id = ids.find_map(|key| document.get(*key)?.as_str());
    id.unwrap().to_owned()
}

fn updated_of(document: &Value) -> DateTime<Utc> {
    let keys = ["UpdatedAt", "updatedAt"];
    match keys.iter().find_map(|key| document.get(*key)).unwrap() {
        Value::String(text) => text.parse().unwrap(),
        seconds => DateTime::from_timestamp(seconds.as_f64().unwrap() as i64, 0).unwrap(),
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp() as f64
}

#[allow(clippy::too_many_arguments)]
fn asff(
    flaw: &Flaw,
    id: &str,
    region: &str,
    control: &str,
    resource: &str,
    face: Face,
    updated: DateTime<Utc>,
) -> Value {
    let compliance = match face {
        Face::Passed => "PASSED",
        Face::NotAvailable => "NOT_AVAILABLE",
        _ => "FAILED",
    };
    json!({
        "SchemaVersion": "2018-10-08", "Id": id, "ProductName": "Security Hub", "CompanyName": "AWS",
        "ProductArn": format!("arn:aws:securityhub:{region}::product/aws/securityhub"),
        "GeneratorId": format!("security-control/{control}"), "AwsAccountId": flaw.account, "Region": region,
        "Title": "A control", "Description": "It failed.", "Types": ["Software and Configuration Checks"],
        "CreatedAt": "2026-09-01T00:00:00Z", "FirstObservedAt": "2026-09-01T00:00:00Z", "UpdatedAt": time(updated),
        "Severity": { "Label": "MEDIUM" }, "Resources": [{ "Type": "Other", "Id": resource, "Region": region }],
        "Compliance": { "Status": compliance, "SecurityControlId": control },
        "Workflow": { "Status": workflow(face) },
        "RecordState": if face == Face::Archived { "ARCHIVED" } else { "ACTIVE" },
    })
}

fn workflow(face: Face) -> &'static str {
    match face {
        Face::Suppressed => "SUPPRESSED",
        Face::Resolved | Face::Passed => "RESOLVED",
        _ => "NEW",
    }
}

fn native_arn(flaw: &Flaw) -> String {
    let (region, account, tail) = (flaw.region, flaw.account, flaw.tail());
    match flaw.kind {
        Kind::Threat => {
            format!("arn:aws:guardduty:{region}:{account}:detector/d1/finding/{tail}")
        }
        Kind::Vulnerability => format!("arn:aws:inspector2:{region}:{account}:finding/{tail}"),
        _ => format!("custom/{tail}"),
    }
}

/// What the hub shows of another product's finding.
fn hub_copy(flaw: &Flaw) -> Value {
    let (region, account) = (flaw.region, flaw.account);
    let product = match flaw.kind {
        Kind::Threat => "aws/guardduty".to_owned(),
        Kind::Vulnerability => "aws/inspector".to_owned(),
        _ => format!("{account}/default"),
    };
    let name = match flaw.kind {
        Kind::Threat => "GuardDuty",
        Kind::Vulnerability => "Inspector",
        _ => "Scanner",
    };
    let mut document = json!({
        "SchemaVersion": "2018-10-08", "Id": native_arn(flaw), "ProductName": name, "CompanyName": "X",
        "ProductArn": format!("arn:aws:securityhub:{region}::product/{product}"),
        "GeneratorId": format!("g{}", flaw.n), "AwsAccountId": account, "Region": region,
        "Title": "A finding", "Description": "It is there.", "Types": ["Software and Configuration Checks/Vulnerabilities"],
        "CreatedAt": "2026-08-01T00:00:00Z", "FirstObservedAt": "2026-08-01T00:00:00Z", "UpdatedAt": time(flaw.updated),
        "Severity": { "Label": "HIGH" },
        "Resources": [{ "Type": "AwsEc2Instance", "Id": instance(flaw), "Region": region }],
        "Workflow": { "Status": workflow(flaw.face) },
        "RecordState": if flaw.face == Face::Archived { "ARCHIVED" } else { "ACTIVE" },
    });
    if flaw.kind == Kind::Vulnerability {
        document["Vulnerabilities"] = json!([{ "Id": format!("CVE-2026-{:04}", flaw.n) }]);
    }
    document
}

fn instance(flaw: &Flaw) -> String {
    let (region, account) = (flaw.region, flaw.account);
    format!("arn:aws:ec2:{region}:{account}:instance/i-{:017x}", flaw.n)
}

fn inspector(flaw: &Flaw) -> Value {
    let status = match flaw.face {
        Face::Suppressed => "SUPPRESSED",
        Face::Archived => "CLOSED",
        _ => "ACTIVE",
    };
    json!({
        "findingArn": native_arn(flaw), "awsAccountId": flaw.account, "type": "PACKAGE_VULNERABILITY",
        "title": "A package", "description": "It is old.", "severity": "HIGH", "status": status,
        "firstObservedAt": 1_785_542_400.0, "lastObservedAt": seconds(flaw.updated), "updatedAt": seconds(flaw.updated),
        "resources": [{ "type": "AWS_EC2_INSTANCE", "id": format!("i-{:017x}", flaw.n), "partition": "aws",
            "region": flaw.region }],
        "packageVulnerabilityDetails": { "vulnerabilityId": format!("CVE-2026-{:04}", flaw.n),
            "vulnerablePackages": [{ "name": "kernel", "version": "5" }] },
    })
}

fn guardduty(flaw: &Flaw) -> Value {
    json!({
        "accountId": flaw.account, "arn": native_arn(flaw), "id": flaw.tail(), "partition": "aws", "region": flaw.region,
        "createdAt": "2026-09-01T00:00:00Z", "updatedAt": time(flaw.updated), "schemaVersion": "2.0", "severity": 8.0,
        "title": "A threat", "description": "Somebody is here.", "type": "Backdoor:EC2/C&CActivity.B!DNS",
        "resource": { "resourceType": "Instance", "instanceDetails": { "instanceId": format!("i-{:017x}", flaw.n) } },
        "service": { "serviceName": "guardduty", "detectorId": "d1", "archived": flaw.face == Face::Archived, "count": 1 },
    })
}

/// Reproducible chance (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}
