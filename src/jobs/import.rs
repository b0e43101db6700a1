//! Findings from files: what any of them holds goes the way of a pull, through the door of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use poamd_contract::finding::{Channel, SetAside};
use poamd_contract::source::Page;
use serde::Serialize;
use serde_json::json;

use super::{Context, Result, pull};
use crate::intake::{Counts, Door, Intake};
use crate::poam::Planned;
use crate::store::StoreError;

const ACTOR: &str = "job:import";

/// What an import brought.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub files: u64,
    pub counts: Counts,
    /// Files that could not be read, and why.
    pub unreadable: Vec<String>,
    /// The first documents that were set aside.
    pub set_aside: Vec<SetAside>,
    pub records: Planned,
}

impl Summary {
    /// Nothing of all that was handed over could be used.
    pub fn nothing_usable(&self) -> bool {
        self.counts.documents == 0
    }
}

/// How many set-aside documents a summary shows; `poamd doctor` shows all.
const SHOWN: usize = 10;

/// Imports files in the order given; `-` is standard input.
pub async fn run(ctx: &Context, paths: &[PathBuf]) -> Result<Summary> {
    let run = ctx.begin_run("import").await?;
    ctx.progress.begin("import", Some(paths.len() as u64));
    let (this, paths) = (ctx.clone(), paths.to_vec());
    let mut summary = pull::blocking(move || take_files(&this, run, &paths)).await??;
    summary.records = pull::plan(ctx, ACTOR).await?;
    ctx.progress.end("import");
    let outcome = if summary.nothing_usable() {
        "nothing-usable"
    } else {
        "complete"
    };
    ctx.finish_run(run, outcome, json!(summary.counts)).await?;
    Ok(summary)
}

fn take_files(ctx: &Context, run: i64, paths: &[PathBuf]) -> Result<Summary, StoreError> {
    let (store, synonyms) = (ctx.store.clone(), ctx.synonyms.clone());
    let mut intake = Intake::open(store, Door::File, run, ACTOR, ctx.clock.now(), synonyms)?;
    let mut summary = Summary::default();
    for path in paths {
        summary.files += 1;
        let place = path.display().to_string();
        if let Err(error) =
            open(path).and_then(|reader| take(&mut intake, &place, reader, &mut summary))
        {
            match error.downcast::<StoreError>() {
                Ok(store) => return Err(store),
                Err(other) => summary.unreadable.push(format!(
                    "{place} cannot be read: {other}; check its path and its rights"
                )),
            }
        }
        ctx.progress.step("import");
    }
    summary.counts = intake.counts();
    Ok(summary)
}

fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path == Path::new("-") {
        Ok(Box::new(io::stdin()))
    } else {
        Ok(Box::new(File::open(path)?))
    }
}

/// Pages of one file; an error of the store comes back inside the `io::Error`.
fn take(
    intake: &mut Intake,
    place: &str,
    reader: Box<dyn Read>,
    summary: &mut Summary,
) -> io::Result<()> {
    for page in poamd_formats::read_documents(Channel::File, place, reader) {
        let page: Page = page?;
        let room = SHOWN.saturating_sub(summary.set_aside.len());
        summary
            .set_aside
            .extend(page.set_aside.iter().take(room).cloned());
        intake.page(page).map_err(io::Error::other)?;
    }
    Ok(())
}
