//! The last look at each cell, and since when it has been like this.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::source::Extent;

use super::schema::coverage;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = coverage, primary_key(account, region, service), treat_none_as_null = true)]
pub struct CoverageRow {
    pub account: String,
    pub region: String,
    pub service: String,
    pub state: String,
    pub reason: Option<String>,
    pub since: Stamp,
    pub last_run: i64,
    pub last_complete: Option<Stamp>,
    /// The look at everything before the last one: from two of them absence is concluded.
    pub previous_full: Option<Stamp>,
    /// The last complete look that was one at everything.
    pub last_full: Option<Stamp>,
    /// Since when no look was complete, whatever the trouble was meanwhile; `None` if the last one was.
    pub blind_since: Option<Stamp>,
}

/// After so long without a complete look (a day of hourly ones, and a night's delay) a cell counts as not looked at.
pub const STALE: TimeDelta = TimeDelta::hours(26);

/// After so long without a look at everything (a day's, and one that failed) nothing can be absent any more.
pub const UNRECONCILED: TimeDelta = TimeDelta::hours(50);

impl CoverageRow {
    pub fn is_complete(&self) -> bool {
        self.state == "complete"
    }

    fn standing(mut self, now: DateTime<Utc>) -> Self {
        let old = |at: Option<Stamp>, life| at.filter(|at| at.and_utc() + life < now);
        let (since, reason) = if let Some(last) = old(self.last_complete, STALE) {
            (
                last,
                "no look for more than a day: is poamd running, and is this still in its configuration?",
            )
        } else if let Some(last) = old(self.last_full, UNRECONCILED) {
            (
                last,
                "no look at everything for more than two days, only at what changed: nothing counts as absent meanwhile",
            )
        } else {
            return self;
        };
        if self.is_complete() {
            "stale".clone_into(&mut self.state);
            self.since = since;
            self.blind_since = Some(since);
            self.reason = Some(reason.to_owned());
        }
        self
    }
}

/// Takes a cell out.
pub fn forget(conn: &mut AnyConnection, row: &CoverageRow) -> Result<()> {
    diesel::delete(coverage::table.find((&row.account, &row.region, &row.service)))
        .execute(conn)?;
    Ok(())
}

/// One cell as it was noted.
pub fn find(conn: &mut AnyConnection, cell: &Cell) -> Result<Option<CoverageRow>> {
    let key = (
        cell.account.as_str(),
        cell.region.as_str(),
        cell.service.as_str(),
    );
    Ok(coverage::table
        .find(key)
        .select(CoverageRow::as_select())
        .first(conn)
        .optional()?)
}

/// Notes how a look at everything went. Returns true if the state of the cell changed with it.
pub fn note(
    conn: &mut AnyConnection,
    cell: &Cell,
    seen: &Coverage,
    run: i64,
    began: DateTime<Utc>,
) -> Result<bool> {
    note_look(conn, cell, seen, Extent::Full, run, began)
}

/// Notes how a look went. One at what changed keeps the cell fresh; it is none that absence counts from.
pub fn note_look(
    conn: &mut AnyConnection,
    cell: &Cell,
    seen: &Coverage,
    extent: Extent,
    run: i64,
    began: DateTime<Utc>,
) -> Result<bool> {
    let key = (
        cell.account.as_str(),
        cell.region.as_str(),
        cell.service.as_str(),
    );
    let known: Option<CoverageRow> = coverage::table
        .find(key)
        .select(CoverageRow::as_select())
        .first(conn)
        .optional()?;
    let at = stamp(began);
    let changed = known.as_ref().is_none_or(|k| k.state != seen.state());
    let last = known.as_ref().and_then(|k| k.last_complete);
    let full = known.as_ref().and_then(|k| k.last_full);
    let previous = known.as_ref().and_then(|k| k.previous_full);
    let counts = seen.is_complete() && extent.is_full();
    let row = CoverageRow {
        account: cell.account.to_string(),
        region: cell.region.to_string(),
        service: cell.service.clone(),
        state: seen.state().to_owned(),
        reason: seen.reason().map(str::to_owned),
        since: known.as_ref().filter(|_| !changed).map_or(at, |k| k.since),
        last_run: run,
        last_complete: if seen.is_complete() { Some(at) } else { last },
        previous_full: if counts { full } else { previous },
        last_full: if counts { Some(at) } else { full },
        blind_since: match seen.is_complete() {
            true => None,
            false => known.as_ref().and_then(|k| k.blind_since).or(Some(at)),
        },
    };
    if known.is_some() {
        diesel::update(coverage::table.find(key))
            .set(&row)
            .execute(conn)?;
    } else {
        diesel::insert_into(coverage::table)
            .values(&row)
            .execute(conn)?;
    }
    Ok(changed)
}

/// Every cell as it was noted; [`at`] says how it stands.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<CoverageRow>> {
    Ok(coverage::table
        .order((coverage::account, coverage::region, coverage::service))
        .select(CoverageRow::as_select())
        .load(conn)?)
}

/// Every cell as it stands at this time: a complete look that lies too far back is a gap.
pub fn at(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<CoverageRow>> {
    Ok(all(conn)?.into_iter().map(|c| c.standing(now)).collect())
}

/// Cells that could not be looked at, or were not for too long.
pub fn gaps(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<CoverageRow>> {
    let mut cells = at(conn, now)?;
    cells.retain(|c| !c.is_complete());
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_look_grows_stale() {
        let at = |hour: i64| DateTime::from_timestamp(hour * 3_600, 0).unwrap();
        let row = |state: &str| CoverageRow {
            account: "123456789012".to_owned(),
            region: "us-gov-west-1".to_owned(),
            service: "securityhub".to_owned(),
            state: state.to_owned(),
            reason: None,
            since: stamp(at(1)),
            last_run: 1,
            last_complete: Some(stamp(at(10))),
            previous_full: None,
            last_full: Some(stamp(at(10))),
            blind_since: None,
        };
        assert!(row("complete").standing(at(36)).is_complete());
        let stale = row("complete").standing(at(37));
        assert_eq!(
            (stale.state.as_str(), stale.since, stale.blind_since),
            ("stale", stamp(at(10)), Some(stamp(at(10))))
        );
        // Looks at what changed keep it fresh for two days, not for ever.
        let changed = |hour: i64| CoverageRow {
            last_complete: Some(stamp(at(hour - 1))),
            ..row("complete")
        };
        assert!(changed(60).standing(at(60)).is_complete());
        let unreconciled = changed(61).standing(at(61));
        assert_eq!(
            (unreconciled.state.as_str(), unreconciled.since),
            ("stale", stamp(at(10)))
        );
        // What is a gap already stays the gap it is.
        assert_eq!(row("denied").standing(at(99)), row("denied"));
    }
}
