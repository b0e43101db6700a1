//! One watch over one account and region: look, keep the items, judge them, take the findings. What could not be
//! seen or judged closes nothing.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use poamd_contract::account::AccountAccess;
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::finding::FindingReport;
use poamd_contract::ids::Region;
use poamd_contract::item::SeenItem;
use poamd_contract::source::Page;
use poamd_contract::watch::AccountWatch;

use super::judge::judge;
use crate::intake::{Counts, Door, Ending, Intake, Inventory, Synonyms, passed_key, take_items};
use crate::policy::{Context, PolicySet};
use crate::store::{Result, Store};

/// What stays the same over all looks of a run.
#[derive(Clone)]
pub struct Looking {
    pub store: Store,
    pub policies: Arc<PolicySet>,
    pub synonyms: Arc<Synonyms>,
    pub run: i64,
    pub actor: String,
    pub now: DateTime<Utc>,
}

/// What came of one look.
#[derive(Debug)]
pub struct Looked {
    pub cell: Cell,
    pub coverage: Coverage,
    pub inventory: Inventory,
    pub counts: Counts,
}

impl Looking {
    /// Looks at one technology. `label` is the account's (Prod, Dev …), handed to policies.
    pub async fn look(
        &self,
        watch: &dyn AccountWatch,
        account: &AccountAccess,
        label: &str,
        region: &Region,
    ) -> Result<Looked> {
        let technology = watch.technology();
        let seen = watch.observe(account, region).await;
        let cell = Cell {
            account: account.id.clone(),
            region: if watch.is_global() {
                Region::global()
            } else {
                region.clone()
            },
            service: format!("scan:{technology}"),
        };
        let context = Context {
            now: self.now,
            account_name: account.name.clone(),
            account_label: label.to_owned(),
        };
        let this = self.clone();
        let coverage = seen.coverage.clone();
        let done = tokio::task::spawn_blocking(move || {
            this.take(
                &cell,
                technology,
                &seen.items,
                seen.coverage.is_complete(),
                &context,
            )
            .map(|(inventory, counts)| (cell, inventory, counts))
        });
        let (cell, inventory, counts) = done
            .await
            .map_err(|e| crate::store::StoreError::Task(e.to_string()))??;
        Ok(Looked {
            cell,
            coverage,
            inventory,
            counts,
        })
    }

    fn take(
        &self,
        cell: &Cell,
        technology: &str,
        items: &[SeenItem],
        complete: bool,
        context: &Context,
    ) -> Result<(Inventory, Counts)> {
        let inventory = self.store.write_here(|conn| {
            take_items(
                conn,
                cell,
                technology,
                items,
                complete,
                self.now,
                &self.actor,
            )
        })?;
        let (reports, ending) = self.judge_all(technology, items, complete, context);
        let mut intake = Intake::open(
            self.store.clone(),
            Door::Cell(cell.clone()),
            self.run,
            &self.actor,
            self.now,
            self.synonyms.clone(),
        )?;
        intake.page(Page {
            reports,
            ..Page::default()
        })?;
        intake.finish(&ending)?;
        Ok((inventory, intake.counts()))
    }

    fn judge_all(
        &self,
        technology: &str,
        items: &[SeenItem],
        complete: bool,
        context: &Context,
    ) -> (Vec<FindingReport>, Ending) {
        let policies: Vec<&str> = self
            .policies
            .policies()
            .map(|p| p.meta())
            .filter(|m| m.technology == technology)
            .map(|m| m.id.as_str())
            .collect();
        let mut reports = Vec::new();
        let mut passed = HashSet::new();
        for item in items {
            let judged = judge(item, &self.policies.evaluate(item, context));
            for policy in policies
                .iter()
                .filter(|p| !judged.inconclusive.iter().any(|i| i == *p))
            {
                passed.insert(passed_key(policy, &item.arn));
                passed.insert(passed_key(&format!("{policy}-not-evaluated"), &item.arn));
            }
            reports.extend(judged.reports);
        }
        let present = items.iter().map(|i| i.arn.clone()).collect();
        (
            reports,
            Ending {
                complete,
                passed,
                present,
            },
        )
    }
}
