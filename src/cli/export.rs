//! `poamd export`: the whole POA&M for other programs.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use super::failure::Failure;
use super::filters::Filters;
use super::load;
use super::shell::Shell;
use crate::domain::record::RecordStatus;
use crate::exchange::{self, Entry};
use crate::jobs::rules;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line a record
    Csv,
    /// An array of records with their findings
    Json,
}

#[derive(Debug, ClapArgs)]
pub struct Args {
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Format,
    /// File to write; without it standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only records past their due day that are not closed
    #[arg(long, help_heading = "Filters")]
    late: bool,
    #[command(flatten)]
    filters: Filters,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<(), Failure> {
    let filter = args.filters.filter();
    filter.check_status("records", &RecordStatus::ALL.map(RecordStatus::as_str))?;
    let opened = load::look(at, shell)?;
    let today = shell.clock.now().date_naive();
    let clocks = rules::poam(&opened.config.poam).clocks;
    let mut entries = opened.filtered(&filter, |conn, snapshot| {
        let mut entries = exchange::dataset(conn, snapshot, &filter)?;
        exchange::rank(conn, snapshot, &clocks, today, &mut entries)?;
        Ok(entries)
    })?;
    entries.retain(|entry| !args.late || entry.record.is_late(today));
    match &args.out {
        None => Ok(write(args.format, shell.out, &entries)?),
        Some(path) => {
            to_file(path, args.format, &entries).map_err(|cause| {
                Failure::work(format!(
                    "{} cannot be written: {cause}; name another with --out",
                    path.display()
                ))
            })?;
            shell.note(&format!("{} records in {}", entries.len(), path.display()))
        }
    }
}

/// Writes beside the file first, so that whoever reads it never sees half of it.
fn to_file(path: &Path, format: Format, entries: &[Entry]) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut file = std::io::BufWriter::new(std::fs::File::create(&part)?);
    write(format, &mut file, entries)?;
    file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
    std::fs::rename(&part, path)
}

fn write(format: Format, out: &mut dyn Write, entries: &[Entry]) -> std::io::Result<()> {
    match format {
        Format::Csv => exchange::csv::write(out, entries),
        Format::Json => exchange::json::write(out, entries),
    }
}
