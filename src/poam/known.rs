//! What the clocks of a record have to know: the flaws its findings name, its exposure, what people laid down of it.

use std::collections::BTreeSet;

use crate::domain::clock::{Flaw, Known, Policy};
use crate::domain::deviation::Adjustment;
use crate::domain::evaluation::{Evaluation, Laid};
use crate::domain::finding::FindingStatus;
use crate::domain::signals::Signals;
use crate::store::findings::FindingRow;
use crate::store::{AnyConnection, Result, deviations, facts, signals, vendors};

/// With the risk adjustment that is approved for the live record, if there is one.
pub(super) fn of(
    conn: &mut AnyConnection,
    policy: &Policy,
    rows: &[FindingRow],
    live: Option<i64>,
) -> Result<(Known, Option<Adjustment>)> {
    let there: Vec<&FindingRow> = rows
        .iter()
        .filter(|row| row.status.0 != FindingStatus::Fixed)
        .collect();
    let mut all = Signals::default();
    there.iter().for_each(|row| all.add(&row.detail));
    let elsewhere = policy.asks_for_exposure() && elsewhere(conn, &there)?;
    let exposed = all.exposed(elsewhere, policy.missing.exposed);
    let laid = match live {
        Some(id) if policy.asks_for_exposure() => laid(conn, id)?,
        _ => Laid::default(),
    };
    let evaluation = Evaluation::of(&laid, &exposed, policy.default_n);
    let known = Known {
        flaws: flaws(&all),
        // What a person says of the record goes before what is concluded.
        exposed: evaluation.irv.clone(),
        evaluation,
        vendor_released: match live {
            Some(id) => vendors::of_record(conn, id)?
                .into_iter()
                .next_back()
                .and_then(|row| row.released),
            None => None,
        },
    };
    let adjustment = match live {
        Some(id) => deviations::live(conn, id)?.and_then(|row| row.adjustment()),
        None => None,
    };
    Ok((known, adjustment))
}

fn elsewhere(conn: &mut AnyConnection, rows: &[&FindingRow]) -> Result<bool> {
    let Some(first) = rows.first() else {
        return Ok(false);
    };
    let arns: BTreeSet<&str> = rows.iter().map(|row| row.arn.as_str()).collect();
    let arns: Vec<&str> = arns.into_iter().collect();
    signals::any_reachable(conn, &first.account, &arns)
}

fn laid(conn: &mut AnyConnection, record: i64) -> Result<Laid> {
    let rows = facts::of_record(conn, record)?;
    Ok(Laid::of(rows.iter().map(|row| {
        (row.name.as_str(), row.value.as_str(), row.why.as_str())
    })))
}

fn flaws(all: &Signals) -> Vec<Flaw> {
    all.cves
        .iter()
        .map(|(cve, kev)| Flaw {
            cve: cve.clone(),
            kev: *kev,
            automatable: None,
            impact: None,
        })
        .collect()
}
