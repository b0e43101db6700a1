//! Which places a look showed anything of. A hub's administrator also shows member accounts and linked regions; one of
//! them that it no longer shows at all has more likely left it than been cleaned up, so nothing is absent there. One that
//! is watched and was never shown is a gap too.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hashbrown::{HashMap, HashSet};
use poamd_contract::coverage::{Cell, Coverage, Vouched};
use poamd_contract::finding::{FindingReport, Signal};
use serde_json::{Value, json};

use super::Door;
use crate::domain::finding::{self, FindingStatus};
use crate::store::coverage::{self, CoverageRow};
use crate::store::findings::FindingRow;
use crate::store::{AnyConnection, Result};

/// Account and region.
type Place = (String, String);

/// Regions by account, and the standards whose findings are there, in order.
pub type Places = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[derive(Debug, Default)]
pub(super) struct Shown {
    /// Regions by account.
    places: HashMap<String, HashSet<String>>,
    /// What has to be among them.
    expected: Vec<Place>,
    /// What the detector looked for, if not for everything.
    vouched: Option<Vouched>,
    /// Standards whose findings are there and not put away; empty for the findings that are in several.
    standards: HashMap<Place, HashSet<String>>,
    /// Account and native id of what is there again without a conclusion: it is no longer put away.
    inconclusive: HashSet<(String, String)>,
}

/// The standard that a report shows to be looked at; empty for findings that are in several.
pub(super) fn standard_shown(native_id: &str, signal: Signal) -> Option<&str> {
    if signal == Signal::Archived {
        return None;
    }
    finding::standard_of(native_id).or_else(|| finding::is_consolidated(native_id).then_some(""))
}

/// What it says of a finding that a hub has put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PutAway {
    /// Its standard is looked at, so the finding itself has ended.
    Ended,
    /// Its standard has given way to findings that are in several; they take a day to come.
    Replaced,
    /// It is there again, only without a conclusion.
    NotAtAll,
    /// Its whole standard has gone: switched off, or about to be replaced.
    Retired,
}

impl Shown {
    pub fn see(&mut self, report: &FindingReport) {
        let (account, region) = (report.account.as_str(), report.region.as_str());
        if report.signal == Signal::NoConclusion {
            let key = (account.to_owned(), report.native_id.clone());
            self.inconclusive.insert(key);
        }
        self.see_at(
            account,
            region,
            standard_shown(&report.native_id, report.signal),
        );
    }

    /// The same of a report by its place and [`standard_shown`]; not of one without a conclusion.
    pub fn see_at(&mut self, account: &str, region: &str, standard: Option<&str>) {
        if !self.holds(account, region) {
            let regions = self.places.entry(account.to_owned()).or_default();
            regions.insert(region.to_owned());
        }
        if let Some(standard) = standard {
            let place = (account.to_owned(), region.to_owned());
            let there = self.standards.entry(place).or_default();
            if !there.contains(standard) {
                there.insert(standard.to_owned());
            }
        }
    }

    /// What is behind the archiving of a report.
    pub fn put_away(&self, finding: &FindingRow, native_id: &str) -> PutAway {
        let key = (finding.account.clone(), native_id.to_owned());
        if self.inconclusive.contains(&key) {
            return PutAway::NotAtAll;
        }
        let Some(standard) = finding::standard_of(native_id) else {
            return PutAway::Ended;
        };
        // A global resource is reported in whichever regions.
        let near = |place: &Place| {
            place.0 == finding.account && (place.1 == finding.region || finding.region == "global")
        };
        let has = |s: &str| {
            let mut places = self.standards.iter().filter(|(place, _)| near(place));
            places.any(|(_, there)| there.contains(s))
        };
        match (has(standard), has("")) {
            (true, _) => PutAway::Ended,
            (false, true) => PutAway::Replaced,
            (false, false) => PutAway::Retired,
        }
    }

    /// Takes over what an interrupted look has shown.
    pub fn recall(&mut self, places: Places) {
        for (account, regions) in places {
            for (region, standards) in regions {
                let place = (account.clone(), region.clone());
                let known = self.places.entry(account.clone()).or_default();
                known.insert(region);
                if !standards.is_empty() {
                    self.standards.entry(place).or_default().extend(standards);
                }
            }
        }
    }

    /// Every place that was shown, and its standards.
    pub fn places(&self) -> Places {
        let mut places = Places::new();
        for (account, regions) in &self.places {
            let there = places.entry(account.clone()).or_default();
            for region in regions {
                let place = (account.clone(), region.clone());
                let standards = self.standards.get(&place).into_iter().flatten();
                there.insert(region.clone(), standards.cloned().collect());
            }
        }
        places
    }

    pub fn expect(&mut self, places: Vec<Place>) {
        self.expected = places;
    }

    pub fn vouch(&mut self, vouched: Option<Vouched>) {
        self.vouched = vouched.or(self.vouched.take());
    }

    fn holds(&self, account: &str, region: &str) -> bool {
        self.places
            .get(account)
            .is_some_and(|regions| regions.contains(region))
    }
}

/// What it says of a finding that a look did not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// One look less that sees it.
    Counts,
    Nothing,
    /// Nobody looked for it (a scan type is off).
    NotLooked,
}

/// The places whose silence counts, and those whose silence is a gap.
pub(super) struct Silence<'a> {
    door: &'a Door,
    shown: &'a Shown,
    now: DateTime<Utc>,
    /// The cells of the door's service as they stand.
    cells: BTreeMap<Place, CoverageRow>,
    gaps: BTreeSet<Place>,
    /// Why findings of the door's own place stay as they are.
    pub unlooked: BTreeSet<String>,
}

impl<'a> Silence<'a> {
    pub fn read(
        conn: &mut AnyConnection,
        door: &'a Door,
        shown: &'a Shown,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let service = match door {
            Door::Cell(cell) => cell.service.as_str(),
            Door::File | Door::Vigil => "",
        };
        let cells = coverage::at(conn, now)?
            .into_iter()
            .filter(|row| row.service == service)
            .map(|row| ((row.account.clone(), row.region.clone()), row))
            .collect();
        Ok(Self {
            door,
            shown,
            now,
            cells,
            gaps: BTreeSet::new(),
            unlooked: BTreeSet::new(),
        })
    }

    /// It is looked at through a door of its own, and was lately.
    fn is_covered(&self, place: &Place) -> bool {
        self.cells.get(place).is_some_and(CoverageRow::is_complete)
    }

    /// What not seeing this finding says of it.
    pub fn weigh(&mut self, finding: &FindingRow) -> Weight {
        let Door::Cell(cell) = self.door else {
            return Weight::Nothing;
        };
        let vouched = self.shown.vouched.as_ref();
        let why = vouched.and_then(|v| v.gap(&finding.account, &finding.arn, &finding.weakness_id));
        if let Some(why) = why {
            if finding.status.0 != FindingStatus::Fixed {
                self.unlooked.insert(why);
            }
            return Weight::NotLooked;
        }
        let place = (finding.account.clone(), finding.region.clone());
        let own = place.0 == cell.account.as_str()
            && (place.1 == cell.region.as_str() || place.1 == "global");
        if own || self.shown.holds(&place.0, &place.1) || self.is_covered(&place) {
            return Weight::Counts;
        }
        self.gaps.insert(place);
        Weight::Nothing
    }

    /// Notes the gaps as cells of their own, so that reports carry them, and takes back those that were shown again.
    /// Gives what changed by it: the cell, and how it stands now.
    pub fn note(mut self, conn: &mut AnyConnection, run: i64) -> Result<Vec<(String, Value)>> {
        let mut changed = Vec::new();
        let Door::Cell(door) = self.door else {
            return Ok(changed);
        };
        let own = (door.account.to_string(), door.region.to_string());
        let missing = self.shown.expected.iter().filter(|place| {
            **place != own && !self.shown.holds(&place.0, &place.1) && !self.is_covered(place)
        });
        let missing: Vec<Place> = missing.cloned().collect();
        self.gaps.extend(missing);
        // A place that was ever looked at through its own door speaks for itself.
        let never_looked_at = |row: &CoverageRow| row.last_complete.is_none();
        for place in &self.gaps {
            let (Ok(account), Ok(region)) = (place.0.parse(), place.1.parse()) else {
                continue;
            };
            if self.cells.get(place).is_none_or(never_looked_at) {
                let cell = Cell {
                    account,
                    region,
                    service: door.service.clone(),
                };
                let seen = gap(door);
                if coverage::note(conn, &cell, &seen, run, self.now)? {
                    let name = format!("{}/{}/{}", cell.account, cell.region, cell.service);
                    changed.push((name, json!(seen)));
                }
            }
        }
        let noted_here = |row: &CoverageRow| row.reason.as_deref() == gap(door).reason();
        for row in self.cells.values() {
            let back = self.shown.holds(&row.account, &row.region);
            if back && never_looked_at(row) && noted_here(row) {
                coverage::forget(conn, row)?;
                let name = format!("{}/{}/{}", row.account, row.region, row.service);
                changed.push((name, json!({ "state": "shown again", "was": row.state })));
            }
        }
        Ok(changed)
    }
}

fn gap(door: &Cell) -> Coverage {
    Coverage::Partial {
        reason: format!(
            "{} {} shows nothing of it: is it a member, and its region linked? What is open stays open",
            door.account, door.region
        ),
    }
}
