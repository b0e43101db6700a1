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
use crate::jobs::{Context, JobError, Progress, lease};
use crate::query::Snapshot;
use crate::query::filter::Filter;
use crate::store::accounts::{self, By, Undeclared};
use crate::store::{AnyConnection, Store, StoreError, shown};
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

/// Opens a ledger that is there, to look at it. Makes none, and brings nothing of the configuration into it: who looks
/// with another configuration changes nothing.
pub fn look(flag: Option<&Path>, shell: &Shell<'_>) -> Result<Opened, Failure> {
    let config = config(flag, shell)?;
    let url = wiring::database_url(&config, &*shell.env)?;
    if let Some(file) = url.file().filter(|file| !file.exists()) {
        return Err(Failure::work(format!(
            "there is no ledger at {} yet: account add, import, pull, scan and run make one; if there should be one, \
             [database] url means another place",
            file.display()
        )));
    }
    Ok(Opened {
        store: wiring::store(&config, &*shell.env)?,
        config: Arc::new(config),
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

/// Brings the accounts that the configuration declares into the ledger; writes only if they are not there as declared.
/// Takes none away: only the daemon's own configuration does that.
pub fn declare(config: &Config, store: &Store, shell: &Shell<'_>) -> Result<(), StoreError> {
    let by = By {
        actor: &shell.actor(),
        at: shell.clock.now(),
    };
    declare_as(config, store, Undeclared::Kept, by)
}

/// For the daemon: the ledger watches what this configuration declares, and nothing that it declares no longer.
pub fn declare_accounts(
    config: &Config,
    store: &Store,
    actor: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    declare_as(config, store, Undeclared::Retired, By { actor, at })
}

fn declare_as(
    config: &Config,
    store: &Store,
    others: Undeclared,
    by: By<'_>,
) -> Result<(), StoreError> {
    let declared = declared(config);
    if store.read_here(|conn| accounts::is_declared(conn, &declared, others))? {
        return Ok(());
    }
    store.write_here(|conn| accounts::declare(conn, &declared, others, by))?;
    Ok(())
}

/// Shows what a job would do. Writes nothing and asks nobody, so it may be done beside the daemon, and by who has no
/// desk's secret.
pub fn rehearse<T>(
    flag: Option<&Path>,
    shell: &Shell<'_>,
    work: impl AsyncFnOnce(&Context) -> Result<T, JobError>,
) -> Result<T, Failure> {
    let opened = look(flag, shell)?;
    let around = surroundings(shell, progress::of(shell));
    wait_for(async {
        let context = wiring::inner_context(opened.config, &around, opened.store)?;
        Ok(work(&context).await?)
    })?
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

/// Runs a job that the daemon does too, unless another poamd on the same database is doing it.
pub fn leased<T>(
    flag: Option<&Path>,
    shell: &Shell<'_>,
    name: &str,
    work: impl AsyncFnOnce(&Context) -> Result<T, JobError>,
) -> Result<T, Failure> {
    job(flag, shell, async |context| {
        lease::under(context, name, work(context)).await
    })
}

impl Opened {
    /// Reads a view through a filter that names only accounts there are.
    pub fn filtered<T>(
        &self,
        filter: &Filter,
        read: impl FnOnce(&mut AnyConnection, &Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        let rows =
            self.view(
                |conn, snapshot| match filter.check_accounts(&snapshot.account_names()) {
                    Ok(()) => read(conn, snapshot).map(Ok),
                    Err(unknown) => Ok(Err(unknown)),
                },
            )?;
        Ok(rows?)
    }

    /// Reads a view.
    pub fn view<T>(
        &self,
        read: impl FnOnce(&mut AnyConnection, &Snapshot) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        Ok(self.store.read_here(|conn| {
            shown::at_one_moment(conn, |conn| {
                let snapshot = Snapshot::load(conn)?;
                read(conn, &snapshot)
            })
        })?)
    }
}
