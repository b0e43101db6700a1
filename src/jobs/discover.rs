//! The accounts of the organization against those that are watched. Only a whole look changes anything; an account that
//! left or is suspended is looked at no longer and says so as a coverage gap, and nothing of it is closed.

use chrono::{DateTime, Utc};
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::ids::{AccountId, Region};
use poamd_contract::organization::Member;
use poamd_contract::source::Extent;
use serde::Serialize;
use serde_json::json;

use super::pull::note;
use super::{Context, Gap, JobError, Result};
use crate::config::Organization;
use crate::domain::account::Account;
use crate::domain::organization::{self, Known, Rules, Step};
use crate::store::accounts::{self, AccountRow, By};
use crate::store::audit::{self, Event};
use crate::store::{AnyConnection, StoreError, coverage};

const ACTOR: &str = "job:discover";
/// The service of the coverage cells that speak of membership.
const SERVICE: &str = "organization";

/// One account of which something became, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    pub account: AccountId,
    pub name: String,
    pub label: String,
    /// Why it is looked at no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What a discovery found.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// False: nothing was written.
    pub written: bool,
    /// Accounts of the organization, whatever their state.
    pub members: u64,
    pub added: Vec<Told>,
    pub changed: Vec<Told>,
    /// Watched again.
    pub returned: Vec<Told>,
    pub retired: Vec<Told>,
    /// Why the look was not whole; then nothing was concluded from it.
    pub gap: Option<Gap>,
}

/// Discovers now; `dry` says what would become of it, and writes nothing.
pub async fn run(ctx: &Context, dry: bool) -> Result<Summary> {
    let (Some(service), Some(config)) = (&ctx.organization, ctx.config.organization.clone()) else {
        return Err(JobError::Refused(no_organization(ctx)));
    };
    let rules = rules(&config);
    ctx.progress.begin("discover", None);
    let seen = service.members(&config.asking, rules.wants()).await;
    ctx.progress.end("discover");
    let now = ctx.clock.now();
    let own = &config.asking.id;
    let mut seen_whole = seen.coverage;
    // An organization lists who asks it; a listing that does not is another's, or not whole.
    if seen_whole.is_complete() && !seen.members.iter().any(|m| m.id == *own) {
        seen_whole = Coverage::Partial {
            reason: format!(
                "account {own} is not in the listing it asked for, so it cannot be whole"
            ),
        };
    }
    if dry {
        let found = seen.members;
        let id = own.clone();
        let steps = ctx
            .store
            .read(move |c| plan(c, &rules, &found, &id))
            .await?;
        return Ok(summary(own, seen_whole, steps, false));
    }
    let run = ctx.begin_run("discover").await?;
    let (id, whole) = (own.clone(), seen_whole.clone());
    let steps = ctx
        .store
        .write(move |c| take(c, &rules, &seen.members, &whole, &id, run, now))
        .await?;
    let summary = summary(own, seen_whole, steps, true);
    let outcome = if summary.gap.is_some() {
        "gaps"
    } else {
        "complete"
    };
    let counts = json!({
        "members": summary.members, "added": summary.added.len(), "changed": summary.changed.len(),
        "returned": summary.returned.len(), "retired": summary.retired.len(),
    });
    ctx.finish_run(run, outcome, counts).await?;
    Ok(summary)
}

fn no_organization(ctx: &Context) -> String {
    if ctx.config.organization.is_none() {
        "there is no [aws.organization] in the configuration: poamd config example shows what it takes".to_owned()
    } else {
        "this program was built without the feature \"aws\"; no organization can be asked with it"
            .to_owned()
    }
}

fn rules(config: &Organization) -> Rules {
    Rules {
        include: config.include.clone(),
        exclude: config.exclude.clone(),
        labels: config.labels.clone(),
        label: config.label.clone(),
        role: config.role.clone(),
        external_id: config.external_id.clone(),
        regions: config.regions.clone(),
        partition: config.partition.clone(),
    }
}

/// Members, and what is to be done about them.
type Planned = (u64, Vec<Step>);

fn plan(
    conn: &mut AnyConnection,
    rules: &Rules,
    members: &[Member],
    own: &AccountId,
) -> Result<Planned, StoreError> {
    let known = accounts::all(conn)?
        .iter()
        .map(|row| known(row, own))
        .collect::<Result<Vec<_>, _>>()?;
    let steps = organization::plan(rules, members, &known);
    Ok((members.len() as u64, steps))
}

fn known(row: &AccountRow, own: &AccountId) -> Result<Known, StoreError> {
    Ok(Known {
        account: row.account()?,
        found: !row.declared && row.found_by.as_deref() == Some(own.as_str()),
        removed: row.removed_at.is_some(),
    })
}

fn take(
    conn: &mut AnyConnection,
    rules: &Rules,
    members: &[Member],
    whole: &Coverage,
    own: &AccountId,
    run: i64,
    now: DateTime<Utc>,
) -> Result<Planned, StoreError> {
    note(conn, &cell(own), whole, Extent::Full, run, now, ACTOR)?;
    if !whole.is_complete() {
        return Ok((members.len() as u64, Vec::new()));
    }
    let (count, steps) = plan(conn, rules, members, own)?;
    let by = By {
        actor: ACTOR,
        at: now,
    };
    for step in &steps {
        match step {
            Step::Add(account) | Step::Change(account) => {
                accounts::found(conn, account, own.as_str(), by)?;
            }
            Step::Return(account) => {
                accounts::found(conn, account, own.as_str(), by)?;
                if let Some(row) = coverage::find(conn, &cell(&account.access.id))? {
                    coverage::forget(conn, &row)?;
                    let event = Event {
                        at: now,
                        actor: ACTOR.to_owned(),
                        kind: "coverage.changed",
                        subject: format!("{}/{}/{}", row.account, row.region, row.service),
                        body: json!({ "state": "watched again", "was": row.state }),
                    };
                    audit::append(conn, &event)?;
                }
            }
            Step::Retire { account, why } => {
                accounts::retire(conn, account.access.id.as_str(), why, by)?;
                if account.access.id != *own {
                    let reason = format!("looked at no longer: {why}; what is open stays open");
                    let (gap, gone) = (cell(&account.access.id), Coverage::Off { reason });
                    note(conn, &gap, &gone, Extent::Full, run, now, ACTOR)?;
                }
            }
        }
    }
    Ok((count, steps))
}

fn cell(account: &AccountId) -> Cell {
    Cell {
        account: account.clone(),
        region: Region::global(),
        service: SERVICE.to_owned(),
    }
}

fn summary(own: &AccountId, whole: Coverage, (members, steps): Planned, written: bool) -> Summary {
    let mut summary = Summary {
        written,
        members,
        ..Summary::default()
    };
    if !whole.is_complete() {
        summary.gap = Some(Gap {
            cell: cell(own),
            coverage: whole,
        });
        return summary;
    }
    for step in steps {
        match step {
            Step::Add(account) => summary.added.push(told(account, None)),
            Step::Change(account) => summary.changed.push(told(account, None)),
            Step::Return(account) => summary.returned.push(told(account, None)),
            Step::Retire { account, why } => summary.retired.push(told(account, Some(why))),
        }
    }
    summary
}

fn told(account: Account, why: Option<String>) -> Told {
    Told {
        account: account.access.id,
        name: account.access.name,
        label: account.label,
        why,
    }
}
