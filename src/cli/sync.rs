//! `poamd sync`: records and tickets into step, now.

use std::path::Path;

use clap::Args as ClapArgs;

use super::failure::{Exit, Failure};
use super::shell::Shell;
use super::summary::Told;
use super::{load, progress};
use crate::daemon::instance::Instance;
use crate::jobs::{self, sync::Summary};
use crate::wiring;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Show what would be written to the desks, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    told: Told,
}
