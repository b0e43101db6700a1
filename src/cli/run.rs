//! `poamd run`: the daemon.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure};
use super::load;
use super::shell::Shell;
use crate::config;
use crate::daemon::{self, End, Reload, instance::Instance};
use crate::jobs::{self, Context, Quiet};
use crate::telemetry;
use crate::wiring::{self, Surroundings};

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>) -> Result<Exit, Failure> {
    let path = load::config_path(at, shell);
    let config = Arc::new(load::config(at, shell)?);
    telemetry::start(&config.telemetry).map_err(Failure::configuration)?;
    let around = load::surroundings(shell, Arc::new(Quiet));
    let actor = shell.actor();
    // Before the database is opened: a second daemon writes nothing, not even a migration.
    let _instance = Instance::claim(&wiring::database_url(&config, &*shell.env)?)?;
    super::wait_for(async {
        let ctx = wiring::context(config.clone(), &around)?;
        load::declare_accounts(&config, &ctx.store, &actor, around.clock.now())?;
        jobs::sync::recover(&ctx).await?;
        let reload = Arc::new(FromFile {
            path,
            around,
            actor,
        });
        match daemon::run(ctx, reload, CancellationToken::new()).await? {
            End::Stopped => tracing::info!("stopped"),
            End::CutOff => tracing::warn!(
                "stopped before all work was put down; the next start looks up what was in flight"
            ),
        }
        Ok(Exit::Done)
    })?
}

/// SIGHUP: the same file again.
struct FromFile {
    path: PathBuf,
    around: Surroundings,
    actor: String,
}

impl Reload for FromFile {
    fn reload(&self, old: &Context) -> Result<Context, String> {
        let config = config::load(&self.path, &*self.around.env).map_err(|e| e.to_string())?;
        if config.database != old.config.database {
            return Err("[database] cannot change while poamd runs; restart it".to_owned());
        }
        let config = Arc::new(config);
        let mut context = wiring::context_over(config.clone(), &self.around, old.store.clone())
            .map_err(|e| e.to_string())?;
        // The same process: what it holds, it still holds.
        context.holder.clone_from(&old.holder);
        load::declare_accounts(
            &config,
            &context.store,
            &self.actor,
            self.around.clock.now(),
        )
        .map_err(|e| e.to_string())?;
        Ok(context)
    }
}
