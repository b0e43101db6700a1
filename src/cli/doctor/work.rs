//! What is on its way: to the desks, by mail, by schedule.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::health::{Check, Verdict};

use super::over;
use crate::cli::listing::counted;
use crate::config::Config;
use crate::config::aws::Read;
use crate::domain::mail::MailState;
use crate::domain::record::RecordId;
use crate::domain::ticket::{Link, OutboxState};
use crate::jobs::pull;
use crate::store::mails::MailRow;
use crate::store::outbox::OutboxRow;
use crate::store::schedule::ScheduleRow;
use crate::store::{AnyConnection, Result, mails, outbox, schedule, tickets, watched, writebacks};

/// A job that is later than this is not being run.
const OVERDUE: TimeDelta = TimeDelta::minutes(15);

pub fn checks(conn: &mut AnyConnection, config: &Config, now: DateTime<Utc>) -> Result<Vec<Check>> {
    let mut checks = justifiers(config);
    checks.extend(aggregator(conn, config)?);
    checks.extend(effects(conn)?);
    checks.push(waiting(conn, now)?);
    checks.push(missing(conn)?);
    checks.extend(written_back(conn, config)?);
    checks.extend(letters(conn)?);
    checks.extend(timetable(conn, now)?);
    Ok(checks)
}

/// Whether the administrator's hub is read anywhere; nothing is said where each account is read for itself.
fn aggregator(conn: &mut AnyConnection, config: &Config) -> Result<Option<Check>> {
    if config.aws.read == Read::Members {
        return Ok(None);
    }
    let trouble = pull::unread(&config.aws.read, &watched::watched(conn)?);
    let name = "aggregator";
    Ok(Some(trouble.map_or_else(
        || Check::ok(name, "it is watched where it is to be read"),
        |why| Check::failed(name, why),
    )))
}

fn justifiers(config: &Config) -> Vec<Check> {
    let deaf: Vec<String> = config
        .desks
        .iter()
        .filter(|desk| desk.justifiers.is_empty())
        .map(|desk| desk.name.clone())
        .collect();
    if config.desks.is_empty() {
        return vec![Check::warning(
            "desks",
            "none is configured, so no ticket is written: add [[desks]]",
        )];
    }
    vec![over(
        "justifiers",
        "every desk names people whose justifications count",
        &deaf,
        Verdict::Warning,
        "nobody's justification counts there: list people's ids as justifiers",
    )]
}

/// What a hub would not take; nothing is said where nothing is written back.
fn written_back(conn: &mut AnyConnection, config: &Config) -> Result<Option<Check>> {
    if !config.writeback.enabled {
        return Ok(None);
    }
    let refused: Vec<String> = writebacks::in_state(conn, writebacks::FAILED)?
        .into_iter()
        .map(|row| {
            format!(
                "{} for {}: {}",
                row.native_id,
                RecordId(row.record_id),
                row.error.unwrap_or_default()
            )
        })
        .collect();
    Ok(Some(over(
        "write-back",
        "Security Hub took all that was written",
        &refused,
        Verdict::Failed,
        "each is tried again when it or its record changes; put right what is said there",
    )))
}

fn effects(conn: &mut AnyConnection) -> Result<Vec<Check>> {
    let mut of = |state: OutboxState| -> Result<Vec<String>> {
        Ok(outbox::in_state(conn, state)?
            .into_iter()
            .map(|row| {
                format!(
                    "{} on {}, ticket {}: {}",
                    row.kind.0,
                    row.desk,
                    row.ticket_id,
                    row.error.unwrap_or_default()
                )
            })
            .collect())
    };
    let mut stuck = of(OutboxState::NeedsOperator)?;
    stuck.extend(of(OutboxState::Failed)?);
    let unclear = of(OutboxState::Ambiguous)?;
    Ok(vec![
        over(
            "tickets",
            "nothing is stuck",
            &stuck,
            Verdict::Failed,
            "see poamd ticket list, put right what is said there, then poamd ticket retry",
        ),
        over(
            "unclear answers",
            "every desk answered clearly",
            &unclear,
            Verdict::Warning,
            "they are looked up by themselves once the desk's settle time is over",
        ),
    ])
}

/// What has been on its way to a desk for so long has not got through.
const WAITING: TimeDelta = TimeDelta::minutes(15);

fn waiting(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Check> {
    let mut desks: BTreeMap<String, Vec<OutboxRow>> = BTreeMap::new();
    for row in outbox::in_state(conn, OutboxState::Pending)? {
        let tried = row.error.is_some();
        if tried || now - row.created_at.and_utc() > WAITING {
            desks.entry(row.desk.clone()).or_default().push(row);
        }
    }
    let told: Vec<String> = desks
        .iter()
        .map(|(desk, rows)| stalled(desk, rows))
        .collect();
    Ok(over(
        "desks",
        "nothing waits for long to be written to a ticket",
        &told,
        Verdict::Failed,
        "is it reachable, and does it take our sign-in? poamd config check asks it",
    ))
}

/// `15 writes to jira wait since 2026-11-22T09:00:00Z: connection refused`.
fn stalled(desk: &str, rows: &[OutboxRow]) -> String {
    let since = rows.iter().map(|row| row.created_at).min();
    let why = rows.iter().find_map(|row| row.error.as_deref());
    format!(
        "{} to {desk} since {}{}",
        counted(rows.len() as i128, "writes"),
        since.map(crate::query::time).unwrap_or_default(),
        why.map(|why| format!(": {why}")).unwrap_or_default()
    )
}

fn missing(conn: &mut AnyConnection) -> Result<Check> {
    let missing: Vec<String> = tickets::all(conn)?
        .iter()
        .filter(|ticket| ticket.link.0 == Link::Missing)
        .map(|ticket| format!("{} on {}", ticket.name(), ticket.desk))
        .collect();
    Ok(over(
        "missing tickets",
        "every ticket that was made is there",
        &missing,
        Verdict::Warning,
        "they were deleted or hidden from us, and are not made again by themselves",
    ))
}

fn letters(conn: &mut AnyConnection) -> Result<Vec<Check>> {
    let told = |row: MailRow| {
        let why = row.error.or(row.answer).unwrap_or_default();
        format!(
            "{} of {} is {}: {why}",
            row.report,
            row.period,
            row.state.0.as_str()
        )
    };
    let lost = mails::in_states(conn, &MailState::LOST)?;
    let waiting = mails::in_states(conn, &[MailState::Retry, MailState::Ambiguous])?;
    Ok(vec![
        over(
            "mails",
            "every mail was taken",
            &lost.into_iter().map(told).collect::<Vec<_>>(),
            Verdict::Failed,
            "their readers got nothing: put right what the server says, then poamd report run NAME",
        ),
        over(
            "mails waiting",
            "none waits for another try",
            &waiting.into_iter().map(told).collect::<Vec<_>>(),
            Verdict::Warning,
            "they are tried again by themselves",
        ),
    ])
}

fn timetable(conn: &mut AnyConnection, now: DateTime<Utc>) -> Result<Vec<Check>> {
    let rows = schedule::all(conn)?;
    if rows.is_empty() {
        return Ok(vec![Check::warning(
            "schedule",
            "nothing has been scheduled yet: start the daemon (systemctl enable --now poamd, or poamd run)",
        )]);
    }
    let late = |row: &&ScheduleRow| now - row.due_at() > OVERDUE;
    let overdue: Vec<String> = rows
        .iter()
        .filter(late)
        .map(|row| format!("{} was due {}", row.job, crate::query::time(row.next_due)))
        .collect();
    let failed: Vec<String> = rows
        .iter()
        .filter(|row| row.has_failed())
        .map(|row| {
            let when = row.last_finished.map(crate::query::time);
            format!("{} failed {}", row.job, when.unwrap_or_default())
        })
        .collect();
    Ok(vec![
        over(
            "schedule",
            "every job runs in time",
            &overdue,
            Verdict::Warning,
            "is the daemon running? systemctl status poamd",
        ),
        over(
            "jobs",
            "every job's last run did its work",
            &failed,
            Verdict::Warning,
            "they are tried again by themselves; why they failed: journalctl -u poamd",
        ),
    ])
}
