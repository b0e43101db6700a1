//! Records and tickets brought into step: read what people did, plan, send. In this order, so that what people said is
//! known before anything is written. Mails that wait for another try go out with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::{Context, JobError, Result, pull, report, writeback};
use crate::config::desks::{Backend, Desk as DeskConfig};
use crate::config::tickets::MinimumRating;
use crate::delivery::mail::MailSummary;
use crate::delivery::tickets::{self as delivery, Dispatcher};
use crate::delivery::writeback::Summary as Writeback;
use crate::domain::rating::Rating;
use crate::poam::Planned;
use crate::tickets::planner::{self, Wanted};
use crate::tickets::{self, DeskRules, Polled, Rules, TicketError};

const ACTOR: &str = "job:sync";

/// What a sync did.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// False: tickets are switched off in the configuration.
    pub enabled: bool,
    /// What each desk showed.
    pub polled: BTreeMap<String, Polled>,
    /// Justifications that came to their end.
    pub expired: u64,
    pub records: Planned,
    pub planned: planner::Planned,
    pub sent: delivery::Summary,
    pub mail: MailSummary,
    /// What was left in Security Hub; `None` where that is switched off.
    pub written_back: Option<Writeback>,
}

impl Summary {
    /// Whether a person has to look at a desk.
    pub fn is_trouble(&self) -> bool {
        self.sent.failed + self.sent.needs_operator > 0
            || !self.sent.paused.is_empty()
            || self
                .written_back
                .as_ref()
                .is_some_and(Writeback::is_trouble)
            || self
                .polled
                .values()
                .any(|p| p.void.is_some() || p.unreadable > 0)
    }
}

impl From<TicketError> for JobError {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Store(error) => Self::Store(error),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Syncs now.
pub async fn run(ctx: &Context) -> Result<Summary> {
    let run = ctx.begin_run("sync").await?;
    let mut summary = Summary {
        enabled: ctx.config.tickets.enabled,
        ..Summary::default()
    };
    ctx.progress.begin("sync", None);
    summary.expired = expire(ctx).await?;
    let writes = summary.enabled && !ctx.config.tickets.dry_run;
    if writes {
        let mut rules = rules(ctx);
        summary.polled = poll(ctx, &rules).await?;
        let void = |(name, polled): (&String, &Polled)| polled.void.is_some().then(|| name.clone());
        rules.void = summary.polled.iter().filter_map(void).collect();
        let rules = Arc::new(rules);
        summary.records = pull::plan(ctx, ACTOR).await?;
        summary.planned = plan(ctx, &rules).await?;
        let mut dispatcher = dispatcher(ctx);
        // What may be another site, or another's credential, is not written to either.
        dispatcher
            .desks
            .retain(|name, _| !rules.void.contains(name));
        summary.sent = dispatcher.drain(&ctx.stop).await?;
    } else {
        summary.records = pull::plan(ctx, ACTOR).await?;
    }
    summary.written_back = writeback::run(ctx).await?;
    summary.mail = report::deliver(ctx).await?;
    ctx.progress.end("sync");
    ctx.finish_run(
        run,
        if summary.is_trouble() {
            "trouble"
        } else {
            "complete"
        },
        json!({ "planned": summary.planned, "sent": summary.sent, "written_back": summary.written_back }),
    )
    .await?;
    Ok(summary)
}

/// What a sync would write to the desks; writes nothing, asks no desk.
pub async fn dry_run(ctx: &Context) -> Result<(Vec<Wanted>, planner::Planned)> {
    let (this, rules, now) = (ctx.clone(), rules(ctx), ctx.clock.now());
    Ok(
        pull::blocking(move || planner::preview(&this.store, &this.templates, &rules, now))
            .await??,
    )
}

/// Puts what a crash left in the middle where it is looked up; for a process that holds the database alone.
pub async fn recover(ctx: &Context) -> Result<u64> {
    let dead = if ctx.store.url().is_sqlite() {
        crate::store::outbox::Dead::All
    } else {
        crate::store::outbox::Dead::Expired
    };
    Ok(dispatcher(ctx).recover(dead).await?)
}

async fn expire(ctx: &Context) -> Result<u64> {
    let (store, now) = (ctx.store.clone(), ctx.clock.now());
    Ok(pull::blocking(move || tickets::expire(&store, now, ACTOR)).await??)
}

async fn poll(ctx: &Context, rules: &Rules) -> Result<BTreeMap<String, Polled>> {
    let mut polled = BTreeMap::new();
    for desk_rules in &rules.desks {
        let Some(desk) = ctx.desks.get(&desk_rules.name) else {
            continue;
        };
        let one = tickets::poll(
            &ctx.store,
            desk,
            rules,
            desk_rules,
            &ctx.templates,
            &*ctx.clock,
            ACTOR,
        )
        .await?;
        if let Some(why) = &one.void {
            tracing::warn!(desk = desk_rules.name, %why, "the desk could not be read; nothing is concluded from it");
        }
        ctx.progress.step("sync");
        polled.insert(desk_rules.name.clone(), one);
    }
    Ok(polled)
}

async fn plan(ctx: &Context, rules: &Arc<Rules>) -> Result<planner::Planned> {
    let (this, rules, now) = (ctx.clone(), rules.clone(), ctx.clock.now());
    Ok(
        pull::blocking(move || planner::plan(&this.store, &this.templates, &rules, now, ACTOR))
            .await??,
    )
}

fn dispatcher(ctx: &Context) -> Dispatcher {
    Dispatcher {
        store: ctx.store.clone(),
        desks: ctx.desks.clone(),
        clock: ctx.clock.clone(),
        chance: ctx.chance.clone(),
        holder: ctx.holder.clone(),
        lease: delivery::LEASE,
        at_once: delivery::AT_ONCE,
        actor: ACTOR.to_owned(),
    }
}

/// What the configuration says of tickets, as the ticket planner wants it.
pub fn rules(ctx: &Context) -> Rules {
    let config = &ctx.config;
    Rules {
        deployment: config.deployment.name.clone(),
        desks: config.desks.iter().map(desk_rules).collect(),
        minimum_rating: match config.tickets.minimum_rating {
            MinimumRating::Low => Rating::Low,
            MinimumRating::Moderate => Rating::Moderate,
            MinimumRating::High => Rating::High,
        },
        creates_per_run: config.tickets.creates_per_run,
        transitions_per_run: config.tickets.transitions_per_run,
        comments_per_run: config.tickets.comments_per_run,
        reopen_days: u32::try_from(config.poam.reopen_window.as_secs() / 86_400)
            .unwrap_or(u32::MAX),
        clocks: super::rules::poam(&config.poam).clocks,
        void: BTreeSet::new(),
    }
}

fn desk_rules(desk: &DeskConfig) -> DeskRules {
    let takes = desk.clone();
    DeskRules {
        name: desk.name.clone(),
        site: desk.url.as_str().trim_end_matches('/').to_owned(),
        system: desk.system().as_str(),
        sign_in: match &desk.backend {
            Backend::JiraCloud(jira) => jira.email.clone(),
            Backend::ServiceNow(snow) => snow.user.clone(),
        },
        takes: Arc::new(move |id, name, label| takes.takes(id, name, label)),
        justifiers: desk.justifiers.iter().cloned().collect(),
        max_expiry_days: desk.max_expiry_days,
    }
}
