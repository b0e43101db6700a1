//! What the ledger says of itself: its log, its accounts, where we could not look, what could not be taken.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use poamd_contract::health::{Check, Verdict};

use super::over;
use crate::cli::listing::counted;
use crate::domain::blind;
use crate::domain::record::RecordId;
use crate::poam;
use crate::store::quarantine::{self, SetAsideRow};
use crate::store::{AnyConnection, Result, accounts, audit, coverage, details, findings, records};

pub fn checks(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<Check>> {
    let mut checks = log(conn, now)?;
    checks.extend(watched(conn)?);
    checks.push(gaps(conn, now)?);
    checks.push(unseen(conn)?);
    checks.push(aside(conn)?);
    checks.push(untold(conn)?);
    checks.push(unrated(conn)?);
    checks.push(stuck(conn)?);
    Ok(checks)
}

/// The end of the chain, and whether time has passed since.
fn log(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<Check>> {
    let (n, hash) = audit::head(conn)?;
    let newest = audit::list(conn, None, 1)?.into_iter().next();
    let name = "audit log";
    let mut checks = vec![if audit::ends_at_head(conn)? {
        Check::ok(
            name,
            format!("{n} events, head {hash}; the whole chain: poamd audit verify"),
        )
    } else {
        Check::failed(
            name,
            format!(
                "its head is event {n}, which is not its last event: run poamd audit verify and keep this database"
            ),
        )
    }];
    if let Some(last) = newest.map(|row| row.at.and_utc()) {
        let name = "clock";
        checks.push(if last - now > audit::CLOCK_BEHIND {
            Check::failed(
                name,
                format!(
                    "it is {} and the newest event bears {}: set the clock of this machine (NTP), due dates hang on it",
                    crate::query::instant(now),
                    crate::query::instant(last)
                ),
            )
        } else {
            Check::ok(name, crate::query::instant(now))
        });
    }
    Ok(checks)
}

fn watched(conn: &mut AnyConnection) -> Result<Vec<Check>> {
    let rows: Vec<accounts::AccountRow> = accounts::all(conn)?
        .into_iter()
        .filter(|row| row.active && row.removed_at.is_none())
        .collect();
    let name = "accounts";
    if rows.is_empty() {
        return Ok(vec![Check::warning(
            name,
            "none is watched: poamd account add, or [[accounts]] in the configuration",
        )]);
    }
    let open: Vec<String> = rows
        .iter()
        .filter(|row| row.role.is_some() && row.external_id.is_none())
        .map(|row| format!("{} ({})", row.id, row.name))
        .collect();
    Ok(vec![
        Check::ok(name, format!("{} watched", rows.len())),
        over(
            "external ids",
            "every role is assumed with one",
            &open,
            Verdict::Warning,
            "without one anybody whom we serve could name their role: set external_id and demand it in the role's trust \
             policy",
        ),
    ])
}

fn gaps(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Check> {
    let gaps: Vec<String> = coverage::gaps(conn, now)?
        .into_iter()
        .map(|gap| {
            format!(
                "{} in {} {} is {} ({})",
                gap.service,
                gap.account,
                gap.region,
                gap.state,
                gap.reason.unwrap_or_default()
            )
        })
        .collect();
    Ok(over(
        "coverage",
        "every look was complete, or none was made yet",
        &gaps,
        Verdict::Warning,
        "all of them: poamd coverage list",
    ))
}

/// What the planner could not plan the last time.
fn stuck(conn: &mut AnyConnection) -> Result<Check> {
    let stuck: Vec<String> = poam::stuck(conn)?
        .into_iter()
        .map(|one| format!("{} in {}: {}", one.weakness, one.account, one.why))
        .collect();
    Ok(over(
        "planner",
        "every weakness could be planned",
        &stuck,
        Verdict::Failed,
        "their records neither open nor close: put right what is said, then poamd pull; if it is not yours to put right, \
         keep this database and tell whoever maintains poamd",
    ))
}

/// Gaps that are older than they may be: each is a record until it is seen again.
fn unseen(conn: &mut AnyConnection) -> Result<Check> {
    let gaps: Vec<String> = records::all(conn)?
        .into_iter()
        .filter(|r| r.status.0.is_live() && r.weakness_id.starts_with(blind::WEAKNESS))
        .map(|r| format!("{} {} in {}", RecordId(r.id), r.weakness_id, r.account))
        .collect();
    Ok(over(
        "detection gaps",
        "nothing has been out of sight for longer than [poam] gap_limit",
        &gaps,
        Verdict::Failed,
        "a failure of detection is a weakness of its own: poamd poam show tells what cannot be seen and why",
    ))
}

/// What a source would not tell of findings beside its listing. What only waits for its turn is no trouble.
fn untold(conn: &mut AnyConnection) -> Result<Check> {
    let rounds = details::rounds(conn)?;
    let waiting: i64 = rounds.iter().map(|round| round.waiting).sum();
    let troubles: Vec<String> = rounds
        .into_iter()
        .filter_map(|round| {
            let cause = round.trouble?;
            Some(format!(
                "{}: {} wait ({cause})",
                round.cell,
                counted(round.waiting, "findings")
            ))
        })
        .collect();
    let fine = match waiting {
        0 => "what sources know of findings beside their listings is there".to_owned(),
        some => format!("{} wait for their turn", counted(some, "findings")),
    };
    Ok(over(
        "details",
        &fine,
        &troubles,
        Verdict::Warning,
        "the findings themselves are there; each pull asks again: compare the role's policy with docs/aws-permissions.json",
    ))
}

/// Findings that are there and on no record, because their detector has not said how bad they are.
fn unrated(conn: &mut AnyConnection) -> Result<Check> {
    let mut sources: BTreeMap<String, i64> = BTreeMap::new();
    for (_, source, count) in findings::unrated(conn)? {
        *sources.entry(source).or_default() += count;
    }
    let told: Vec<String> = sources
        .iter()
        .map(|(source, count)| format!("{} of {source}", counted(*count, "findings")))
        .collect();
    Ok(if told.is_empty() {
        Check::ok("unrated", "every finding that is there has been rated")
    } else {
        let detail = format!(
            "{} wait for a rating by their detector and have no record and no due day until then: poamd finding list shows \
             them as untriaged; who does not want to wait rates them with poamd override",
            told.join(", ")
        );
        Check::warning("unrated", detail)
    })
}

fn aside(conn: &mut AnyConnection) -> Result<Check> {
    let aside: Vec<String> = quarantine::all(conn)?
        .into_iter()
        .filter(SetAsideRow::waits)
        .map(|row| format!("{}: {}", row.place, row.reason))
        .collect();
    Ok(over(
        "set aside",
        "every document could be taken",
        &aside,
        Verdict::Warning,
        "put right what is said of them and hand them over again (poamd import), then poamd quarantine dismiss",
    ))
}
