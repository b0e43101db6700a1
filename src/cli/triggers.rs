//! `poamd poam triggers`: how far the records are from what makes an agency escalate (`poam.md` 2.5).

use std::path::Path;

use super::failure::Failure;
use super::listing;
use super::load;
use super::shell::Shell;
use super::summary::Told;
use crate::domain::escalation::{self, Distance, Looks};
use crate::store::{coverage, reporting};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, told: &Told) -> Result<(), Failure> {
    let opened = load::look(at, shell)?;
    let now = shell.clock.now();
    let (aged, cells) = opened
        .store
        .read_here(|conn| Ok((reporting::aged(conn)?, coverage::at(conn, now)?)))?;
    let records: Vec<_> = aged.into_iter().map(|(_, record)| record).collect();
    let looks = Looks::of(cells.iter().map(|cell| cell.state.as_str()));
    let baseline = opened.config.poam.ato_vulnerabilities;
    let distances = escalation::distances(&records, baseline, looks, now.date_naive());
    told.tell(shell, &distances, |all| {
        let legend =
            "DFR: detailed finding review; CAP: corrective action plan; asked for by agencies";
        all.iter()
            .flat_map(lines)
            .chain([legend.to_owned()])
            .collect()
    })
}

/// Records that a line names; five fit into 80 columns.
const SHOWN: usize = 5;

/// Columns of what a line begins with.
const ACTION: usize = 5;

/// A trigger over as many lines as it takes, and the records that it counts.
fn lines(distance: &Distance) -> Vec<String> {
    let mut lines = listing::behind(&distance.action, ACTION, &said(distance));
    lines.extend(counted(distance));
    lines
}

/// The records that are counted.
fn counted(distance: &Distance) -> Option<String> {
    let shown: Vec<String> = distance
        .records
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    let more = (distance.records.len() - shown.len()) as u64 + distance.more_records;
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!shown.is_empty()).then(|| format!("     {}{more}", shown.join(", ")))
}

fn said(distance: &Distance) -> String {
    let how = match (distance.count, distance.threshold, distance.left) {
        (Some(count), Some(_), Some(0)) => format!("REACHED, {count} now"),
        (Some(count), Some(threshold), Some(left)) => {
            let on = distance
                .reached_on
                .map(|day| format!(", on {day} if nothing closes"))
                .unwrap_or_default();
            format!("{count} of {threshold}, {left} to go{on}")
        }
        (Some(count), _, _) => format!("{count} now"),
        _ => "unknown".to_owned(),
    };
    let note = if distance.note.is_empty() {
        String::new()
    } else {
        format!(" ({})", distance.note)
    };
    format!("{}: {how}{note}", distance.trigger)
}
