//! What the daemon does on schedule and the command line does at once: the same functions over the same context.

mod blind;
mod details;
pub mod discover;
mod feeds;
pub mod import;
pub mod intel;
pub mod lease;
mod progress;
pub mod pull;
pub mod report;
pub mod rules;
pub mod scan;
pub mod sync;
pub mod writeback;

use std::collections::BTreeMap;
use std::sync::Arc;

use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::coverage::{Cell, Coverage};
use poamd_contract::desk::Desk;
use poamd_contract::hub::HubWriter;
use poamd_contract::mailing::Mailer;
use poamd_contract::organization::Organization;
use poamd_contract::source::FindingSource;
use poamd_contract::watch::AccountWatch;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::intake::Synonyms;
use crate::policy::PolicySet;
use crate::render::templates::Templates;
use crate::store::watched::{self, Watched};
use crate::store::{AnyConnection, Store, StoreError, audit, runs};

/// Everything a job may touch.
#[derive(Clone)]
pub struct Context {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub config: Arc<Config>,
    pub policies: Arc<PolicySet>,
    /// From the policies' `equivalent` controls.
    pub synonyms: Arc<Synonyms>,
    pub templates: Arc<Templates>,
    pub sources: Vec<Arc<dyn FindingSource>>,
    pub watches: Vec<Arc<dyn AccountWatch>>,
    pub desks: BTreeMap<String, Arc<dyn Desk>>,
    pub mailer: Option<Arc<dyn Mailer>>,
    /// The hub that findings are written back to, if that is switched on.
    pub hub: Option<Arc<dyn HubWriter>>,
    /// Whose accounts are found by themselves, if that is configured.
    pub organization: Option<Arc<dyn Organization>>,
    /// Names this process in leases.
    pub holder: String,
    /// Set when the process is to end: what is being sent is finished, nothing more is begun.
    pub stop: CancellationToken,
    pub progress: Arc<dyn Progress>,
}

/// Where a job says how far it is. A pipe hears nothing.
pub trait Progress: Send + Sync {
    /// A job began; `total` steps if that is known.
    fn begin(&self, what: &str, total: Option<u64>);
    /// One step further.
    fn step(&self, what: &str);
    /// The job is done.
    fn end(&self, what: &str);
}

/// Says nothing.
pub struct Quiet;

impl Progress for Quiet {
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn step(&self, _: &str) {}
    fn end(&self, _: &str) {}
}

/// Why a job could not do its work at all. Trouble with one cell, desk or mail is in its summary instead.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Refused(String),
    #[error("{0} was cut off before it ended")]
    CutOff(String),
    #[error(
        "{job} is being done by another poamd on this database ({holder}: host, process): let it finish, then try again; nothing was done"
    )]
    Elsewhere { job: String, holder: String },
}

pub type Result<T, E = JobError> = std::result::Result<T, E>;

/// Which accounts, regions and services a run is about; empty lists mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Account numbers or names.
    pub accounts: Vec<String>,
    pub regions: Vec<String>,
    /// Source names for a pull, technologies for a scan.
    pub services: Vec<String>,
    /// For a pull: everything now, not only what changed since the last one.
    pub full: bool,
}

impl Selection {
    fn takes_account(&self, account: &Watched) -> bool {
        let named = |a: &String| *a == account.access.name || a == account.access.id.as_str();
        self.accounts.is_empty() || self.accounts.iter().any(named)
    }

    fn takes_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|r| r == region)
    }

    fn takes_service(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|s| s == service)
    }
}

/// A cell that could not be looked at completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub cell: Cell,
    pub coverage: Coverage,
}

impl Context {
    /// The accounts of a selection. One that names no known account is refused, not silently empty.
    async fn accounts(&self, selection: &Selection) -> Result<Vec<Watched>> {
        let all = self.store.read(watched::watched).await?;
        let known = |name: &&String| {
            all.iter()
                .any(|a| a.access.id.as_str() == **name || a.access.name == **name)
        };
        if let Some(unknown) = selection.accounts.iter().find(|a| !known(a)) {
            return Err(JobError::Refused(format!(
                "account {unknown:?} is not watched; `poamd account list` shows those that are, `poamd account add` adds one"
            )));
        }
        Ok(all
            .into_iter()
            .filter(|a| selection.takes_account(a))
            .collect())
    }

    async fn begin_run(&self, job: &'static str) -> Result<i64> {
        let now = self.clock.now();
        let begun = self.store.write(move |c| {
            audit::check_clock(c, now)?;
            runs::begin(c, job, now)
        });
        Ok(begun.await?)
    }

    async fn finish_run(&self, run: i64, outcome: &'static str, counts: Value) -> Result<()> {
        let now = self.clock.now();
        let finish = move |c: &mut AnyConnection| runs::finish(c, run, now, outcome, &counts);
        self.store.write(finish).await?;
        let store = self.store.clone();
        // A log that is folded back after each job stays as short as the longest of them; not doing so loses nothing.
        let _ = tokio::task::spawn_blocking(move || store.fold_log()).await;
        Ok(())
    }
}

/// Other names of a weakness → the one records are kept under: a policy's first `equivalent` control.
pub fn synonyms(policies: &PolicySet) -> Synonyms {
    let mut names = Synonyms::new();
    for meta in policies.policies().map(|p| p.meta()) {
        if let Some((first, others)) = meta.equivalent.split_first() {
            names.insert(meta.id.clone(), first.clone());
            names.extend(others.iter().map(|other| (other.clone(), first.clone())));
        }
    }
    names
}
