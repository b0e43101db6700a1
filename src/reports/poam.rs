//! The POA&M report, read from the ledger: every live record with its items, tickets and justification, what changed
//! since the issue before, and where we could not look. What the mail shows of it is `context`'s.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::mailing::Attachment;

use super::attachment::records_csv;
use super::context::{
    AuditHead, ChangeLine, Changes, Justification, PoamReport, RecordRow, ReportHead, TicketLine,
};
use super::{Content, Moment, Order, ReportError, gaps};
use crate::domain::blind::Place;
use crate::domain::clock;
use crate::domain::deadline::last_day;
use crate::domain::escalation::{self, Aged, Looks};
use crate::domain::rating::Rating;
use crate::domain::record::RecordId;
use crate::domain::score;
use crate::render::templates::Templates;
use crate::store::reporting::{self, AccountName, RecordFacts};
use crate::store::{AnyConnection, StoreError, audit, coverage, findings, vendors};

/// Reads and renders it.
pub(super) fn make(
    conn: &mut AnyConnection,
    templates: &Templates,
    order: &Order,
    moment: &Moment,
) -> Result<Content, ReportError> {
    let (report, records) = read(conn, order, moment)?;
    let subject = match &order.subject {
        None => templates.render("reports/poam/subject.txt", &report)?,
        Some(source) => templates
            .render_text("the report's subject", source, &report)
            .map_err(|source| ReportError::Subject {
                report: order.name.clone(),
                source,
            })??,
    };
    let mut attachments = Vec::new();
    if order.csv {
        let bytes = records_csv(&records, report.today).map_err(|source| ReportError::Csv {
            report: order.name.clone(),
            source,
        })?;
        attachments.push(Attachment {
            name: report.attachment.clone(),
            media_type: "text/csv; charset=utf-8".to_owned(),
            bytes,
        });
    }
    Ok(Content {
        subject: subject.trim_end().to_owned(),
        text: templates.render("reports/poam/body.txt", &report)?,
        html: templates.render("reports/poam/body.html", &report)?,
        attachments,
    })
}

/// The report and the rows of its attachment.
pub fn read(
    conn: &mut AnyConnection,
    order: &Order,
    moment: &Moment,
) -> Result<(PoamReport, Vec<RecordRow>), StoreError> {
    // The head comes first: what is written from here on is told by the next issue.
    let (number, hash) = audit::head(conn)?;
    let scope = Scope::read(conn, order)?;
    let today = moment.now.with_timezone(&order.zone).date_naive();
    let records = rows(conn, &scope, moment.now, today)?;
    let behind = moment.previous.map_or(0, |previous| previous.event);
    let changes = changes(conn, &scope, behind)?;
    let gaps = scope.gaps(conn, moment.now)?;
    let aged: Vec<Aged> = reporting::aged(conn)?
        .into_iter()
        .filter(|(account, _)| scope.covers(account))
        .map(|(_, record)| record)
        .collect();
    let mut cells = coverage::at(conn, moment.now)?;
    cells.retain(|cell| scope.covers(&cell.account));
    let looks = Looks::of(cells.iter().map(|cell| cell.state.as_str()));
    let triggers = escalation::distances(&aged, order.ato_vulnerabilities, looks, today);
    let unrated = findings::unrated(conn)?;
    let unrated = unrated.iter().filter(|(account, ..)| scope.covers(account));
    let head = ReportHead {
        unrated: unrated.map(|(.., count)| count).sum(),
        deployment: moment.deployment.clone(),
        as_of: moment.now,
        since: moment.previous.map(|previous| previous.at),
        zone: order.zone,
        due_soon_days: order.due_soon_days,
        triggers,
        audit: AuditHead { number, hash },
        version: env!("CARGO_PKG_VERSION").to_owned(),
        attachment: if order.csv {
            format!("{}-{}-{today}.csv", order.name, moment.deployment)
        } else {
            String::new()
        },
    };
    Ok((PoamReport::build(&head, &records, changes, gaps), records))
}

/// Which accounts the report is about, and what they are called.
struct Scope<'a> {
    order: &'a Order,
    accounts: BTreeMap<String, AccountName>,
}

impl<'a> Scope<'a> {
    fn read(conn: &mut AnyConnection, order: &'a Order) -> Result<Self, StoreError> {
        let accounts = reporting::accounts(conn)?
            .into_iter()
            .map(|account| (account.id.clone(), account))
            .collect();
        Ok(Self { order, accounts })
    }

    /// Its name, or its number where nobody named it.
    fn name(&self, account: &str) -> String {
        self.accounts
            .get(account)
            .map_or_else(|| account.to_owned(), |known| known.name.clone())
    }

    fn covers(&self, account: &str) -> bool {
        let label = self.accounts.get(account).map_or("", |known| &known.label);
        (self.order.covers)(account, &self.name(account), label)
    }

    fn gaps(
        &self,
        conn: &mut AnyConnection,
        now: DateTime<Utc>,
    ) -> Result<Vec<super::context::GapLine>, StoreError> {
        let mut cells = coverage::at(conn, now)?;
        cells.retain(|cell| self.covers(&cell.account));
        let records = reporting::gap_records(conn)?;
        let record_of = |place: &Place| records.get(&place.to_string()).copied().map(RecordId);
        let looked: BTreeSet<&str> = cells.iter().map(|cell| cell.account.as_str()).collect();
        let unseen = self.accounts.values().filter(|account| {
            account.active
                && account.removed_at.is_none()
                && self.covers(&account.id)
                && !looked.contains(account.id.as_str())
        });
        let unseen: Vec<_> = unseen
            .map(|account| {
                let whole = Place::whole(&account.id);
                let since = account.created_at.and_utc();
                gaps::never_looked(&account.id, &account.name, since, record_of(&whole))
            })
            .collect();
        let open: Vec<_> = cells
            .iter()
            .filter(|cell| !cell.is_complete())
            .cloned()
            .collect();
        let of =
            |place: &Place| record_of(place).or_else(|| record_of(&Place::whole(&place.account)));
        let mut lines = gaps::lines(&open, |account| self.name(account), of);
        lines.extend(unseen);
        Ok(lines)
    }
}

/// Live records with all that belongs to them, by id.
fn rows(
    conn: &mut AnyConnection,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Result<Vec<RecordRow>, StoreError> {
    let mut rows: BTreeMap<i64, RecordRow> = reporting::live_records(conn)?
        .into_iter()
        .filter(|record| scope.covers(&record.account))
        .map(|record| (record.id, row(record, scope)))
        .collect();
    for finding in reporting::findings(conn)? {
        let Some(row) = finding.record.and_then(|record| rows.get_mut(&record)) else {
            continue;
        };
        if !row.sources.contains(&finding.source) {
            row.sources.push(finding.source);
        }
        if !finding.arn.is_empty() {
            row.items.push(finding.arn);
        }
    }
    for ticket in reporting::tickets(conn)? {
        let (Some(row), Some(key)) = (rows.get_mut(&ticket.record), ticket.key) else {
            continue;
        };
        let url = ticket.url.unwrap_or_default();
        row.tickets.push(TicketLine { key, url });
    }
    for it in reporting::justifications(conn, now)? {
        if let Some(row) = rows.get_mut(&it.record) {
            row.justification = Some(Justification {
                text: it.reason,
                author: it.author,
                until: Some(last_day(it.expires_at.and_utc())),
            });
        }
    }
    let excused = vendors::excused(conn, today)?;
    for (record, row) in &mut rows {
        row.waits &= excused.contains(record);
    }
    let mut rows: Vec<RecordRow> = rows.into_values().collect();
    for row in &mut rows {
        // Two sources may name the same item.
        row.items.sort_unstable();
        row.items.dedup();
    }
    Ok(rows)
}

fn row(record: RecordFacts, scope: &Scope<'_>) -> RecordRow {
    RecordRow {
        id: RecordId(record.id).to_string(),
        rating: rating(&record),
        account_name: scope.name(&record.account),
        weakness: record.weakness_id,
        title: record.title,
        account: record.account,
        score: score::number(record.score).as_f64().unwrap_or_default(),
        status: record.status.0,
        detected: record.detected_at.date(),
        due: record.due,
        sources: Vec::new(),
        items: Vec::new(),
        tickets: Vec::new(),
        justification: None,
        waits: clock::knows_vendors(&record.due_rule),
    }
}

/// A record without a rating is counted with the highest until somebody rates it: a report must not make it smaller.
fn rating(record: &RecordFacts) -> Rating {
    let of_severity = || record.severity.and_then(|severity| Rating::of(severity.0));
    record
        .rating
        .map(|rating| rating.0)
        .or_else(of_severity)
        .unwrap_or(Rating::High)
}

/// What happened to records behind an audit event; each record once a list.
fn changes(
    conn: &mut AnyConnection,
    scope: &Scope<'_>,
    behind: i64,
) -> Result<Changes, StoreError> {
    const KINDS: [&str; 3] = ["record.opened", "record.closed", "record.reopened"];
    let mut ids: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for (kind, subject) in reporting::events_behind(conn, behind, &KINDS)? {
        if let Ok(record) = subject.parse::<RecordId>() {
            ids.entry(kind).or_default().insert(record.0);
        }
    }
    let all: Vec<i64> = ids
        .values()
        .flatten()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let lines: BTreeMap<i64, ChangeLine> = reporting::records(conn, &all)?
        .into_iter()
        .filter(|record| scope.covers(&record.account))
        .map(|record| {
            let line = ChangeLine {
                id: RecordId(record.id).to_string(),
                rating: rating(&record),
                account_name: scope.name(&record.account),
                weakness: record.weakness_id,
                title: record.title,
                account: record.account,
            };
            (record.id, line)
        })
        .collect();
    let of = |kind: &str| -> Vec<ChangeLine> {
        let ids = ids.get(kind).into_iter().flatten();
        ids.filter_map(|id| lines.get(id).cloned()).collect()
    };
    Ok(Changes {
        opened: of("record.opened"),
        closed: of("record.closed"),
        reopened: of("record.reopened"),
    })
}
