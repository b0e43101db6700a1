//! Where we could not look, in plain words: cells of coverage with the same trouble are one line.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::context::GapLine;
use crate::domain::blind::{self, Place};
use crate::domain::record::RecordId;
use crate::store::coverage::CoverageRow;

/// Lines by service and cause, in order; `name_of` gives what people call an account, `record_of` the record that a gap
/// is by now.
pub(super) fn lines(
    cells: &[CoverageRow],
    name_of: impl Fn(&str) -> String,
    record_of: impl Fn(&Place) -> Option<RecordId>,
) -> Vec<GapLine> {
    let mut groups: BTreeMap<(String, String), Vec<&CoverageRow>> = BTreeMap::new();
    for cell in cells {
        let key = (blind::words(&cell.service), cause_words(cell));
        groups.entry(key).or_default().push(cell);
    }
    groups
        .into_iter()
        .filter_map(|((service, cause), cells)| {
            let since = cells.iter().map(|cell| cell.since).min()?;
            let records: BTreeSet<RecordId> = cells
                .iter()
                .filter_map(|cell| record_of(&place(cell)))
                .collect();
            Some(GapLine {
                place: format!("{service} in {}", places(&cells, &name_of)),
                since: since.and_utc(),
                cause,
                records: records.iter().map(ToString::to_string).collect(),
            })
        })
        .collect()
}

fn place(cell: &CoverageRow) -> Place {
    Place {
        account: cell.account.clone(),
        region: cell.region.clone(),
        service: cell.service.clone(),
    }
}

/// An account that is watched and that no job has looked at so far.
pub(super) fn never_looked(
    account: &str,
    name: &str,
    since: DateTime<Utc>,
    record: Option<RecordId>,
) -> GapLine {
    GapLine {
        records: record.iter().map(ToString::to_string).collect(),
        place: titled(account, name),
        since,
        cause: "nobody has looked yet; the next pull and scan begin with it".to_owned(),
    }
}

/// `billing-prod (210987654321)`.
fn titled(account: &str, name: &str) -> String {
    if name == account {
        account.to_owned()
    } else {
        format!("{name} ({account})")
    }
}

fn places(cells: &[&CoverageRow], name_of: &impl Fn(&str) -> String) -> String {
    let mut regions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cell in cells {
        regions.entry(&cell.account).or_default().push(&cell.region);
    }
    let accounts: Vec<String> = regions
        .into_iter()
        .map(|(account, regions)| {
            format!(
                "{}, {}",
                titled(account, &name_of(account)),
                regions.join(", ")
            )
        })
        .collect();
    accounts.join("; ")
}

fn cause_words(cell: &CoverageRow) -> String {
    cell.reason
        .clone()
        .unwrap_or_else(|| format!("the last look was {}", cell.state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(account: &str, region: &str, service: &str, reason: &str, hour: u32) -> CoverageRow {
        let since = format!("2026-11-22T{hour:02}:00:00").parse().unwrap();
        CoverageRow {
            account: account.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            state: "failed".to_owned(),
            reason: Some(reason.to_owned()),
            since,
            last_run: 1,
            last_complete: None,
            previous_full: None,
            last_full: None,
            blind_since: None,
        }
    }

    #[test]
    fn the_same_trouble_is_one_line_since_its_first_sight() {
        let cells = [
            cell(
                "111111111111",
                "us-gov-east-1",
                "inspector-classic",
                "ended",
                5,
            ),
            cell(
                "111111111111",
                "us-gov-west-1",
                "inspector-classic",
                "ended",
                4,
            ),
            cell("222222222222", "us-east-1", "inspector-classic", "ended", 6),
            cell("222222222222", "us-east-1", "scan:s3", "no answer", 7),
        ];
        let name_of = |id: &str| {
            if id.starts_with('1') {
                "gov".to_owned()
            } else {
                id.to_owned()
            }
        };
        let record_of = |place: &Place| (place.service == "scan:s3").then_some(RecordId(7));
        let found = lines(&cells, name_of, record_of);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].records, ["POAM-000007"]);
        assert!(found[0].records.is_empty());
        assert_eq!(
            found[0].place,
            "Inspector Classic in gov (111111111111), us-gov-east-1, us-gov-west-1; 222222222222, us-east-1"
        );
        assert_eq!(
            found[0].since,
            "2026-11-22T04:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
        assert_eq!(found[1].place, "Scan of s3 in 222222222222, us-east-1");
    }
}
