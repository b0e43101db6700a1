//! Which places a look showed anything of. A hub's administrator also shows member accounts and linked regions; one of
//! them that it no longer shows at all has more likely left it than been cleaned up, so nothing is absent there.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use poamd_contract::coverage::{Cell, Coverage, Vouched};
use poamd_contract::finding::FindingReport;

use super::Door;
use crate::domain::finding::FindingStatus;
use crate::store::findings::FindingRow;
use crate::store::{AnyConnection, Result, coverage};

/// Account and region.
type Place = (String, String);

#[derive(Debug, Default)]
pub(super) struct Shown {
    places: HashSet<Place>,
    /// What the detector looked for, if not for everything.
    vouched: Option<Vouched>,
}

impl Shown {
    pub fn see(&mut self, report: &FindingReport) {
        let place = (report.account.to_string(), report.region.to_string());
        if !self.places.contains(&place) {
            self.places.insert(place);
        }
    }

    pub fn vouch(&mut self, vouched: Option<Vouched>) {
        self.vouched = vouched.or(self.vouched.take());
    }

    fn holds(&self, place: &Place) -> bool {
        self.places.contains(place)
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
    /// Places that were looked at through a door of their own.
    covered: HashSet<Place>,
    pub gaps: BTreeSet<Place>,
    /// Why findings of the door's own place stay as they are.
    pub unlooked: BTreeSet<String>,
}

impl<'a> Silence<'a> {
    pub fn read(conn: &mut AnyConnection, door: &'a Door, shown: &'a Shown) -> Result<Self> {
        let service = match door {
            Door::Cell(cell) => cell.service.as_str(),
            Door::File => "",
        };
        let covered = coverage::all(conn)?
            .into_iter()
            .filter(|row| row.service == service && row.is_complete())
            .map(|row| (row.account, row.region))
            .collect();
        Ok(Self {
            door,
            shown,
            covered,
            gaps: BTreeSet::new(),
            unlooked: BTreeSet::new(),
        })
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
        if own || self.shown.holds(&place) || self.covered.contains(&place) {
            return Weight::Counts;
        }
        self.gaps.insert(place);
        Weight::Nothing
    }

    /// Notes the gaps as cells of their own, so that reports carry them, and takes back those that were shown again.
    pub fn note(
        self,
        conn: &mut AnyConnection,
        run: i64,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<()> {
        let Door::Cell(door) = self.door else {
            return Ok(());
        };
        let known: BTreeMap<Place, coverage::CoverageRow> = coverage::all(conn)?
            .into_iter()
            .filter(|row| row.service == door.service)
            .map(|row| ((row.account.clone(), row.region.clone()), row))
            .collect();
        // A place that was ever looked at through its own door speaks for itself.
        let ours = |place: &Place| {
            known
                .get(place)
                .is_none_or(|row| row.last_complete.is_none())
        };
        for place in self.gaps.iter().filter(|place| ours(place)) {
            let (Ok(account), Ok(region)) = (place.0.parse(), place.1.parse()) else {
                continue;
            };
            let cell = Cell {
                account,
                region,
                service: door.service.clone(),
            };
            coverage::note(conn, &cell, &gap(door), run, now)?;
        }
        for (place, row) in &known {
            let back = row.last_complete.is_none() && self.shown.holds(place);
            if back && row.reason.as_deref() == gap(door).reason() {
                coverage::forget(conn, row)?;
            }
        }
        Ok(())
    }
}

fn gap(door: &Cell) -> Coverage {
    Coverage::Partial {
        reason: format!(
            "{} {} no longer shows anything of it: is it still a member, and its region linked? What is open stays open",
            door.account, door.region
        ),
    }
}
