//! Findings from files: what any of them holds goes the way of a pull, through the door of files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use poamd_contract::finding::{Channel, SetAside};
use poamd_contract::ids::{AccountId, Region};
use poamd_formats::{Given, unpacked};
use serde::Serialize;
use serde_json::json;

use super::{Context, Result, pull};
use crate::intake::{self, Counts, Door, Intake};
use crate::poam::Planned;
use crate::store::{StoreError, evidence};

const ACTOR: &str = "job:import";

/// Whose documents are that do not say so themselves.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    pub account: Option<AccountId>,
    pub region: Option<Region>,
}

/// What an import brought.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    pub files: u64,
    pub counts: Counts,
    /// Documents that are no findings and were not expected to be (an IDS's records of traffic).
    pub passed: u64,
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

/// Imports files in the order given; `-` is standard input. Files packed with gzip are unpacked as they are read.
pub async fn run(ctx: &Context, paths: &[PathBuf], whose: &Whose) -> Result<Summary> {
    let run = ctx.begin_run("import").await?;
    ctx.progress.begin("import", Some(paths.len() as u64));
    let (this, paths) = (ctx.clone(), paths.to_vec());
    let given = Given {
        channel: Channel::File,
        account: whose.account.clone(),
        region: whose.region.clone(),
    };
    let mut summary = pull::blocking(move || take_files(&this, run, &paths, &given)).await??;
    summary.records = pull::plan(ctx, ACTOR).await?;
    ctx.progress.end("import");
    let outcome = if summary.nothing_usable() {
        "nothing-usable"
    } else if !summary.unreadable.is_empty() {
        "in part"
    } else {
        "complete"
    };
    ctx.finish_run(run, outcome, json!(summary.counts)).await?;
    Ok(summary)
}

fn take_files(
    ctx: &Context,
    run: i64,
    paths: &[PathBuf],
    given: &Given,
) -> Result<Summary, StoreError> {
    let (store, synonyms) = (ctx.store.clone(), ctx.synonyms.clone());
    let mut intake = Intake::open(store, Door::File, run, ACTOR, ctx.clock.now(), synonyms)?;
    let mut summary = Summary::default();
    for path in paths {
        summary.files += 1;
        let place = path.display().to_string();
        if let Err(error) =
            open(path).and_then(|reader| take(&mut intake, given, &place, reader, &mut summary))
        {
            match error.downcast::<StoreError>() {
                Ok(store) => return Err(store),
                // What is wrong inside says itself what to do.
                Err(other) if other.kind() == io::ErrorKind::InvalidData => {
                    summary.unreadable.push(format!("{place}: {other}"));
                }
                Err(other) => summary.unreadable.push(format!(
                    "{place} cannot be read: {other}; check its path and its rights"
                )),
            }
        }
        ctx.progress.step("import");
    }
    summary.counts = intake.counts();
    let manifest = intake.manifest(ctx.clock.now());
    ctx.store.write_here(|c| evidence::note(c, &manifest))?;
    Ok(summary)
}

fn open(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        unpacked(io::stdin())
    } else {
        unpacked(File::open(path)?)
    }
}

/// Pages of one file; an error of the store comes back inside the `io::Error`.
fn take(
    intake: &mut Intake,
    given: &Given,
    place: &str,
    reader: Box<dyn Read + Send>,
    summary: &mut Summary,
) -> io::Result<()> {
    intake::feed_documents(intake, given, place, reader, |taken| {
        summary.passed += taken.passed();
        let room = SHOWN.saturating_sub(summary.set_aside.len());
        let aside = taken.set_aside().iter();
        summary.set_aside.extend(aside.take(room).cloned());
    })
}
