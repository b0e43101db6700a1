//! Which configuration a verb goes by, and the ledger that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::failure::Failure;
use super::shell::Shell;
use super::{progress, wait_for};
use crate::config::{self, Config};
use crate::daemon::instance::Instance;
use crate::domain::account::Account;
use crate::jobs::{Context, JobError, Progress};
use crate::query::Snapshot;
use crate::store::accounts::{self, By};
use crate::store::{AnyConnection, Store, StoreError};
use crate::wiring::{self, Surroundings};

/// Where the configuration lies unless somebody says otherwise.
pub const USUAL_CONFIG: &str = "/etc/poamd/poamd.toml";

/// `--config`, else `$POAMD_CONFIG`, else [`USUAL_CONFIG`].
pub fn config_path(flag: Option<&Path>, shell: &Shell<'_>) -> PathBuf {
    flag.map(Path::to_path_buf)
        .or_else(|| {
            shell
                .env
                .var("POAMD_CONFIG")
                .filter(|p| !p.is_empty())
                .map(PathBuf::from)
        })
        .unwrap_or_else(|| USUAL_CONFIG.into())
}

/// Reads the configuration.
pub fn config(flag: Option<&Path>, shell: &Shell<'_>) -> Result<Config, Failure> {
    Ok(config::load(&config_path(flag, shell), &*shell.env)?)
}

/// A configuration and its ledger.
pub struct Opened {
    pub config: Arc<Config>,
    pub store: Store,
}

/// Opens the ledger and brings the declared accounts into it.
pub fn open(flag: Option<&Path>, shell: &Shell<'_>) -> Result<Opened, Failure> {
    let config = config(flag, shell)?;
    let store = wiring::store(&config, &*shell.env)?;
    declare(&config, &store, shell)?;
    Ok(Opened {
        config: Arc::new(config),
        store,
    })
}

/// What jobs need of the outside.
pub fn surroundings(shell: &Shell<'_>, progress: Arc<dyn Progress>) -> Surroundings {
    Surroundings {
        clock: shell.clock.clone(),
        chance: shell.chance.clone(),
        env: shell.env.clone(),
        progress,
    }
}

/// The accounts that a configuration declares, as the ledger keeps them.
pub fn declared(config: &Config) -> Vec<Account> {
    config
        .accounts
        .iter()
        .map(|account| Account {
            access: account.access(),
            label: account.label.clone(),
            contacts: account.contacts.clone(),
            notes: account.notes.clone(),
            weight: (account.weight * 100.0).round() as i64,
            active: account.active,
            s3_canonical_id: account.s3_canonical_id.clone(),
            s3_name: account.s3_name.clone(),
        })
        .collect()
}

/// Makes the ledger's accounts say what the configuration declares; writes only if they do not.
pub fn declare(config: &Config, store: &Store, shell: &Shell<'_>) -> Result<(), StoreError> {
    declare_accounts(config, store, &shell.actor(), shell.clock.now())
}

/// The same in the name of an actor, for what outlives the shell.
pub fn declare_accounts(
    config: &Config,
    store: &Store,
    actor: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let declared = declared(config);
    if store.read_here(|conn| accounts::is_declared(conn, &declared))? {
        return Ok(());
    }
    store.write_here(|conn| accounts::declare(conn, &declared, By { actor, at }))?;
    Ok(())
}

/// Puts everything together and runs a job with it.
pub fn job<T>(
    flag: Option<&Path>,
    shell: &Shell<'_>,
    work: impl AsyncFnOnce(&Context) -> Result<T, JobError>,
) -> Result<T, Failure> {
    let config = Arc::new(config(flag, shell)?);
    let around = surroundings(shell, progress::of(shell));
    let _instance = Instance::claim(&wiring::database_url(&config, &*shell.env)?)?;
    wait_for(async {
        let context = wiring::context(config.clone(), &around)?;
        declare(&config, &context.store, shell)?;
        Ok(work(&context).await?)
    })?
}

impl Opened {
    /// Reads a view.
    pub fn view<T>(
        &self,
        read: impl FnOnce(&mut AnyConnection, &Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        Ok(self.store.read_here(|conn| {
            let snapshot = Snapshot::load(conn)?;
            read(conn, &snapshot)
        })?)
    }
}
