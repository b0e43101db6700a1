//! A report that is wanted: queued as a mail once for its period, then handed to the server with all that waits.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Context, JobError, Result};
use crate::config;
use crate::delivery::mail::{MailDispatcher, MailSummary};
use crate::domain::mail::Period;
use crate::domain::timetable;
use crate::reports::publish::{Published, Publisher};
use crate::reports::{self, Content, Order, ReportError};
use crate::store::schedule;

/// What became of a report.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub report: String,
    /// False if this period's mail was there already.
    pub queued: bool,
    pub message_id: String,
    pub mail: MailSummary,
}

impl From<ReportError> for JobError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Store(error) => Self::Store(error),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// The report of the scheduled instant that is due; the same instant is queued once, however often it is tried. `None`
/// if none is due: the next period's report is not made before its time.
pub async fn scheduled(ctx: &Context, name: &str) -> Result<Option<Summary>> {
    let job = format!("report:{name}");
    let row = ctx.store.read(move |c| schedule::find(c, &job)).await?;
    let now = ctx.clock.now();
    let Some(due) = row.map(|r| r.due_at()).filter(|due| *due <= now) else {
        return Ok(None);
    };
    let period = Period::Scheduled(latest(ctx, name, due, now));
    publish(ctx, name, period, "job:report").await.map(Some)
}

/// Of several instants that were missed the last: one report makes up for all of them.
fn latest(ctx: &Context, name: &str, due: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    match ctx.config.reports.iter().find(|r| r.name == name) {
        Some(report) => timetable::latest_due(due, now, |at| {
            report.schedule.next_after(at, report.time_zone)
        }),
        None => due,
    }
}

/// The report now, on somebody's word.
pub async fn run(ctx: &Context, name: &str, actor: &str) -> Result<Summary> {
    let now: DateTime<Utc> = ctx.clock.now();
    publish(ctx, name, Period::Manual(now), actor).await
}

/// What it would say now; nothing is written or sent.
pub async fn preview(ctx: &Context, name: &str) -> Result<Content> {
    let order = order(ctx, name)?;
    let deployment = &ctx.config.deployment.name;
    Ok(reports::preview(
        &ctx.store,
        ctx.templates.clone(),
        &order,
        deployment,
        ctx.clock.now(),
    )
    .await?)
}

/// Hands over mails that wait: new ones, and those whose next try is due.
pub async fn deliver(ctx: &Context) -> Result<MailSummary> {
    let Some(mailer) = &ctx.mailer else {
        return Ok(MailSummary::default());
    };
    let dispatcher = MailDispatcher::new(
        ctx.store.clone(),
        mailer.clone(),
        ctx.clock.clone(),
        ctx.chance.clone(),
        ctx.holder.clone(),
    );
    Ok(dispatcher.drain(&ctx.stop).await?)
}

async fn publish(ctx: &Context, name: &str, period: Period, actor: &str) -> Result<Summary> {
    let order = order(ctx, name)?;
    let (Some(mail), Some(mailer)) = (&ctx.config.mail, &ctx.mailer) else {
        return Err(JobError::Refused(format!(
            "report {name} has nowhere to go: the configuration has no [mail] section"
        )));
    };
    let publisher = Publisher {
        store: ctx.store.clone(),
        templates: ctx.templates.clone(),
        mailer: mailer.clone(),
        deployment: ctx.config.deployment.name.clone(),
        from: mail.from.clone(),
        message_id_domain: mail.message_id_domain.clone(),
    };
    let (queued, message_id) = match publisher
        .publish(&order, period, 0, actor, ctx.clock.now())
        .await?
    {
        Published::Queued { message_id, .. } => (true, message_id),
        Published::Already { message_id, .. } => (false, message_id),
    };
    Ok(Summary {
        report: name.to_owned(),
        queued,
        message_id,
        mail: deliver(ctx).await?,
    })
}

fn order(ctx: &Context, name: &str) -> Result<Order> {
    let report = ctx
        .config
        .reports
        .iter()
        .find(|r| r.name == name)
        .ok_or_else(|| {
            let known: Vec<&str> = ctx.config.reports.iter().map(|r| r.name.as_str()).collect();
            let known = if known.is_empty() {
                "none is configured".to_owned()
            } else {
                known.join(", ")
            };
            JobError::Refused(format!(
                "there is no report {name:?} in the configuration; there are: {known}"
            ))
        })?;
    Ok(order_of(report, &ctx.config.poam))
}

fn order_of(report: &config::Report, poam: &config::Poam) -> Order {
    let covers = report.clone();
    Order {
        name: report.name.clone(),
        kind: report.kind.as_str().to_owned(),
        zone: report.time_zone,
        recipients: report.recipients.clone(),
        subject: report.subject.clone(),
        csv: report
            .attachments
            .contains(&config::reports::Attachment::Csv),
        due_soon_days: u32::try_from(poam.due_soon.as_secs() / 86_400).unwrap_or(u32::MAX),
        ato_vulnerabilities: poam.ato_vulnerabilities,
        covers: std::sync::Arc::new(move |id, name, label| covers.covers(id, name, label)),
    }
}
