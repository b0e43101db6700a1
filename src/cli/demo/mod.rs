//! `poamd demo`: the whole loop on a bundled estate, against stand-ins on loopback. The jobs are those of `poamd run`,
//! over the same HTTP, SMTP and SQL; only the other side is ours.

mod stage;
mod story;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args as ClapArgs, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::failure::{Exit, Failure};
use super::progress;
use super::shell::Shell;
use crate::config;
use crate::daemon::{self, instance::Instance};
use crate::jobs::{self, Context, Selection};
use crate::wiring::{self, Surroundings};
use stage::Stage;
use summary::Figures;

/// Options of `poamd demo`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Keep everything in this folder (configuration, database, mails, exports, history); without it, a new one
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave when done; without it the stand-ins and the daemon stay up until Ctrl-C
    #[arg(long)]
    exit: bool,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Runs the demo.
pub fn run(shell: &mut Shell<'_>, args: &Args) -> Result<Exit, Failure> {
    if !cfg!(feature = "aws") {
        return Err(Failure::work(
            "this program was built without the feature \"aws\", which the demo scans and pulls with: build it with default features",
        ));
    }
    let dir = folder(args.dir.as_deref(), shell)?;
    let talk = args.format == Form::Text;
    if talk {
        shell.say(&format!(
            "poamd demo: everything it makes lies in {}",
            dir.display()
        ))?;
    }
    let progress = progress::of(shell);
    let around = super::load::surroundings(shell, progress);
    let exit = args.exit;
    super::wait_for(async {
        let stage = Stage::set(&dir, around.clock.clone()).await.map_err(|e| {
            Failure::work(format!(
                "the demo could not be set up in {}: {e}",
                dir.display()
            ))
        })?;
        let ctx = context(&stage, &around, shell)?;
        let figures = play(&ctx, &stage).await?;
        match args.format {
            Form::Json => {
                serde_json::to_writer_pretty(&mut *shell.out, &figures.json())?;
                shell.say("")?;
            }
            Form::Text => figures.tell(shell, &stage, exit)?,
        }
        if !exit {
            stay(ctx).await?;
        }
        Ok(Exit::Done)
    })?
}

/// The folder as an absolute path: it is printed to be copied.
fn folder(wanted: Option<&Path>, shell: &Shell<'_>) -> Result<PathBuf, Failure> {
    let made = match wanted {
        Some(dir) => dir.to_owned(),
        None => {
            let stamp = shell.clock.now().format("%Y%m%d-%H%M%S");
            std::env::temp_dir().join(format!("poamd-demo-{stamp}-{}", std::process::id()))
        }
    };
    std::fs::create_dir_all(&made)
        .and_then(|()| made.canonicalize())
        .map_err(|e| {
            Failure::work(format!(
                "the folder {} cannot be made ({e}): name another with --dir",
                made.display()
            ))
        })
}

fn context(stage: &Stage, around: &Surroundings, shell: &Shell<'_>) -> Result<Context, Failure> {
    let config = Arc::new(config::load(&stage.config, &*around.env)?);
    let ctx = wiring::context(config, around)?;
    super::load::declare(&ctx.config, &ctx.store, shell)?;
    Ok(ctx)
}

/// The loop, once round.
async fn play(ctx: &Context, stage: &Stage) -> Result<Figures, Failure> {
    let _instance = Instance::claim(ctx.store.url())?;
    let everything = Selection::default();
    jobs::scan::run(ctx, &everything).await?;
    let pulled = jobs::pull::run(ctx, &everything).await?;
    jobs::sync::run(ctx).await?;
    let answers = story::answer(stage, &summary::records(ctx)?)?;
    jobs::sync::run(ctx).await?;
    let reports: Vec<String> = ctx.config.reports.iter().map(|r| r.name.clone()).collect();
    for report in &reports {
        jobs::report::run(ctx, report, "demo").await?;
    }
    let exports = summary::export(ctx, &stage.dir)?;
    Figures::gather(ctx, stage, answers, pulled.gaps, exports)
}

/// The daemon over the same database, until it is told to stop.
async fn stay(ctx: Context) -> Result<(), Failure> {
    let _instance = Instance::claim(ctx.store.url())?;
    let stop = CancellationToken::new();
    daemon::run(ctx, Arc::new(Unchanging), stop).await?;
    Ok(())
}

/// The demo's configuration is its own; a reload keeps it.
struct Unchanging;

impl daemon::Reload for Unchanging {
    fn reload(&self, old: &Context) -> Result<Context, String> {
        Ok(old.clone())
    }
}
