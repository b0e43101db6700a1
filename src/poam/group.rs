//! Everything there is of one weakness in one account, as the plan wants it.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use poamd_contract::finding::{Channel, WeaknessKind};
use poamd_contract::severity::Severity;

use super::{Labels, known};
use crate::domain::clock::Clocks;
use crate::domain::plan::{Current, Facts, Group, Member};
use crate::domain::record::{RecordId, RecordStatus};
use crate::store::findings::{self, FindingRow, ReportRow};
use crate::store::records::{self, RecordRow};
use crate::store::{AnyConnection, Result, coverage};

pub(super) struct Loaded {
    pub account: String,
    pub weakness: String,
    pub kind: WeaknessKind,
    pub facts: Group,
    /// The stored row of the live or, without one, the newest closed record.
    pub row: Option<RecordRow>,
}

pub(super) fn load(
    conn: &mut AnyConnection,
    clocks: &Clocks,
    labels: &Labels,
    account: &str,
    weakness: &str,
) -> Result<Loaded> {
    let rows = findings::of_weakness(conn, account, weakness)?;
    let stored = records::of_group(conn, account, weakness)?;
    let live = stored.iter().find(|r| r.status.0.is_live());
    let past = stored
        .iter()
        .filter(|r| r.status.0 == RecordStatus::Closed)
        .max_by_key(|r| (r.closed_at, r.id));
    let looked = match live.and_then(|r| r.claimed_at) {
        Some(claimed) => looked_twice(conn, account, &rows, claimed)?,
        None => BTreeSet::new(),
    };
    let policy = clocks.of(labels.get(account).map_or("", String::as_str));
    let (known, adjusted) = known::of(conn, policy, &rows, live.map(|r| r.id))?;
    let members = rows
        .iter()
        .map(|row| Member {
            fingerprint: row.fingerprint.clone(),
            status: row.status.0,
            severity: row.severity.map(|s| s.0),
            sample: row.sample,
            score: row.score,
            justified: row.justified,
            detected_at: row.detected_at.and_utc(),
            title: row.title.clone(),
            record: row.record_id.map(RecordId),
            looked_twice_since_claim: looked.contains(&row.fingerprint),
        })
        .collect();
    Ok(Loaded {
        account: account.to_owned(),
        weakness: weakness.to_owned(),
        kind: rows
            .first()
            .map_or(WeaknessKind::Other, |r| r.weakness_kind.0),
        facts: Group {
            members,
            live: live.map(current),
            past: past.map(current),
            clocks: policy.clone(),
            known,
            adjusted,
        },
        row: live.or(past).cloned(),
    })
}

fn current(row: &RecordRow) -> Current {
    let detected_at = row.detected_at.and_utc();
    Current {
        id: RecordId(row.id),
        status: row.status.0,
        facts: Facts {
            title: row.title.clone(),
            severity: row.severity.map_or(Severity::Low, |s| s.0),
            score: row.score,
            unjustified_score: row.unjustified_score,
            detected_at,
            due: row.due,
            due_rule: row.due_rule.clone(),
        },
        closed_at: row.closed_at.map(|t| t.and_utc()),
    }
}

/// Findings all of whose cells were looked at completely twice after the claim.
fn looked_twice(
    conn: &mut AnyConnection,
    account: &str,
    rows: &[FindingRow],
    claimed: NaiveDateTime,
) -> Result<BTreeSet<String>> {
    let second_look: HashMap<String, Option<NaiveDateTime>> = coverage::all(conn)?
        .into_iter()
        .map(|c| {
            (
                format!("{}/{}/{}", c.account, c.region, c.service),
                c.previous_complete,
            )
        })
        .collect();
    let keys: Vec<&str> = rows.iter().map(|r| r.fingerprint.as_str()).collect();
    let reports = findings::reports_of(conn, account, &keys)?;
    let covered = |report: &&ReportRow| {
        second_look
            .get(&report.cell)
            .copied()
            .flatten()
            .is_some_and(|second| second > claimed)
    };
    Ok(reports
        .into_iter()
        .filter(|(_, reports)| {
            let live: Vec<&ReportRow> = reports
                .iter()
                .filter(|r| r.channel.0 != Channel::File)
                .collect();
            !live.is_empty() && live.iter().all(covered)
        })
        .map(|(fingerprint, _)| fingerprint)
        .collect())
}
