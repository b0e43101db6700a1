//! What the clocks of a record have to know: the flaws its findings name, its exposure, what people laid down of it.

use std::collections::BTreeSet;

use poamd_contract::finding::WeaknessKind;

use crate::domain::clock::{Flaw, Kev, Known, Policy};
use crate::domain::deviation::Adjustment;
use crate::domain::evaluation::{Evaluation, Laid};
use crate::domain::intel::is_cve;
use crate::domain::signals::Signals;
use crate::store::findings::FindingRow;
use crate::store::intel::{self, CveIntel};
use crate::store::{AnyConnection, Result, deviations, facts, signals, vendors};

/// Of the findings that count for a record, and of what was laid down on it: the live one, or the one that opens again.
/// With the risk adjustment that is approved for it, if there is one.
pub(super) fn of(
    conn: &mut AnyConnection,
    policy: &Policy,
    there: &[&FindingRow],
    record: Option<i64>,
) -> Result<(Known, Option<Adjustment>)> {
    let mut all = Signals::default();
    for row in there {
        all.add(&row.detail);
        if row.weakness_kind.0 == WeaknessKind::Vulnerability && is_cve(&row.weakness_id) {
            all.cves.entry(row.weakness_id.clone()).or_default();
        }
    }
    let elsewhere = policy.asks_for_exposure() && elsewhere(conn, there)?;
    let exposed = all.exposed(elsewhere, policy.missing.exposed);
    let laid = match record {
        Some(id) if policy.asks_for_exposure() => laid(conn, id)?,
        _ => Laid::default(),
    };
    let evaluation = Evaluation::of(&laid, &exposed, policy.default_n);
    let known = Known {
        flaws: flaws(conn, &all)?,
        exposed: laid.exposed_or(&exposed),
        evaluation,
        // Of several waits the newest that ended in a release: one that begins anew takes no decided day back.
        vendor_released: match record {
            Some(id) => vendors::of_record(conn, id)?
                .into_iter()
                .rev()
                .find_map(|row| row.released),
            None => None,
        },
    };
    let adjustment = match record {
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

/// Each CVE with what CISA says of it, by the catalog that was handed over or as its detector passes it on.
fn flaws(conn: &mut AnyConnection, all: &Signals) -> Result<Vec<Flaw>> {
    if all.cves.is_empty() {
        return Ok(Vec::new());
    }
    let cves: Vec<&str> = all.cves.keys().map(String::as_str).collect();
    let known = intel::of_cves(conn, &cves)?;
    let nothing = CveIntel::default();
    Ok(all
        .cves
        .iter()
        .map(|(cve, passed_on)| {
            let of = known.get(cve).unwrap_or(&nothing);
            let listed = of.kev.as_ref().map(|row| Kev {
                added: Some(row.added),
                due: Some(row.due),
            });
            Flaw {
                cve: cve.clone(),
                kev: Kev::sooner(*passed_on, listed),
                automatable: of.ssvc.as_ref().and_then(|row| row.automatable),
                impact: of.ssvc.as_ref().and_then(|row| row.impact()),
            }
        })
        .collect())
}
