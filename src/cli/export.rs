//! `poamd export`: the POA&M in the form that somebody asks for.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args as ClapArgs, ValueEnum};

use super::day::day;
use super::failure::Failure;
use super::filters::Filters;
use super::load::{self, Opened};
use super::shell::Shell;
use crate::config::Config;
use crate::config::poam::NRating;
use crate::config::system::Impact;
use crate::domain::rating::Rating;
use crate::domain::record::{RecordId, RecordStatus};
use crate::exchange::dataset::{self, Dataset, Moment, System};
use crate::exchange::{self, Entry, FormError, deviations, emass, fedramp, oscal, ver};
use crate::jobs::rules;
use crate::query::filter::Filter;
use crate::store::{AnyConnection, StoreError, shown};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line a record
    Csv,
    /// An array of records with their findings
    Json,
    /// The FedRAMP POA&M workbook: open, closed, configuration findings, record of changes
    FedrampXlsx,
    /// The POA&M sheet of eMASS
    Emass,
    /// The FedRAMP Vulnerability Deviation Request sheet
    DeviationRequest,
    /// FedRAMP vulnerability evaluation and reporting (VER), machine-readable
    VerJson,
    /// The VER report for people, as Markdown
    VerReport,
    /// The same as one HTML page
    VerReportHtml,
    /// OSCAL plan of action and milestones
    Oscal,
    /// OSCAL assessment results
    OscalAr,
}

/// Which VER document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VerDocument {
    /// All active and all accepted vulnerabilities
    History,
    /// Those not accepted, with what ended in the period
    Detail,
    /// Accepted vulnerabilities
    Accepted,
}

/// The version that an OSCAL document is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OscalVersion {
    #[value(name = "1.2.1")]
    V1_2_1,
    #[value(name = "1.1.3")]
    V1_1_3,
}

/// Which records a form lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scope {
    /// Every record
    AllOpen,
    /// Of open ones those that are late, have a deviation or wait for a vendor, and all that no scanner of software
    /// found: monthly monitoring
    LateOrDeviated,
}

/// What a workbook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Occasion {
    /// Monthly monitoring
    Monthly,
    /// An assessment or a significant change
    Assessment,
}

/// How eMASS names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Revision {
    Rev4,
    Rev5,
}

#[derive(Debug, ClapArgs)]
pub struct Args {
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Format,
    /// File to write; without it standard output (workbooks need one)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The ledger as it was at the end of this day, in UTC, texts and overrides too; a past day has no priorities, and
    /// settings are those of today
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_of: Option<NaiveDate>,
    /// Which records
    #[arg(long, value_enum, value_name = "SCOPE", default_value = "all-open")]
    scope: Scope,
    /// Fill this empty workbook of yours, by its headers; it is not changed, --out names the filled one
    #[arg(long, value_name = "FILE", requires = "out")]
    into: Option<PathBuf>,
    /// A header in that workbook whose column stays empty; may be given again
    #[arg(long, value_name = "HEADER", requires = "into")]
    leave: Vec<String>,
    /// fedramp-xlsx: configuration findings share one CM-6 item on the open sheet; [poam] roll_up makes it the rule
    #[arg(long)]
    roll_up: bool,
    /// fedramp-xlsx: what the workbook is for (monthly without it); in an assessment every configuration finding is an item
    #[arg(long, value_enum, value_name = "OCCASION")]
    occasion: Option<Occasion>,
    /// emass: which names the columns have (rev5 without it)
    #[arg(long, value_enum, value_name = "REVISION")]
    emass: Option<Revision>,
    /// ver-json: which document (history without it)
    #[arg(long, value_enum, value_name = "DOCUMENT")]
    ver_document: Option<VerDocument>,
    /// ver-json and ver-report: first day of the period; without it a month before the last
    #[arg(long, value_name = "DATE", value_parser = day)]
    since: Option<NaiveDate>,
    /// oscal and oscal-ar: version of the document (1.2.1 without it)
    #[arg(long, value_enum, value_name = "VERSION")]
    oscal_version: Option<OscalVersion>,
    /// Only records past their due day that are not closed
    #[arg(long, help_heading = "Filters")]
    late: bool,
    #[command(flatten)]
    filters: Filters,
}

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, args: &Args) -> Result<(), Failure> {
    let filter = args.filters.filter();
    filter.check_status("records", &RecordStatus::ALL.map(RecordStatus::as_str))?;
    args.check(shell.clock.now().date_naive())?;
    let moment = Moment::as_of(args.as_of, shell.clock.now());
    let opened = load::look(at, shell)?;
    let read = read(&opened, &filter, moment, args)?;
    let options = fedramp::Options {
        roll_up: args.occasion != Some(Occasion::Assessment)
            && (args.roll_up || opened.config.poam.roll_up),
    };
    let bytes = read.bytes(args, options)?;
    read.tell_unkept(shell, moment)?;
    match &args.out {
        None => Ok(shell.out.write_all(&bytes)?),
        Some(path) => {
            to_file(path, &bytes).map_err(|cause| {
                Failure::work(format!(
                    "{} cannot be written: {cause}; name another with --out",
                    path.display()
                ))
            })?;
            shell.note(&format!("{} in {}", read.rows(args), path.display()))
        }
    }
}

impl Args {
    fn check(&self, today: NaiveDate) -> Result<(), Failure> {
        self.check_days(today)?;
        self.check_belonging()?;
        let (is_workbook, word) = match self.format {
            Format::FedrampXlsx => (true, "fedramp-xlsx"),
            Format::Emass => (true, "emass"),
            Format::DeviationRequest => (true, "deviation-request"),
            _ => (false, ""),
        };
        if is_workbook && self.out.is_none() {
            return Err(Failure::usage(format!(
                "{word} is a workbook, which no terminal can show: name a file with --out FILE.xlsx"
            )));
        }
        if self.roll_up && self.occasion == Some(Occasion::Assessment) {
            return Err(Failure::usage(
                "--roll-up is for monthly monitoring: in an assessment each configuration finding is mapped to its own \
                 controls; leave one of the two out",
            ));
        }
        if self.into.is_some() && self.into == self.out {
            return Err(Failure::usage(
                "--into and --out name the same file: the empty form stays as it is, so name another with --out",
            ));
        }
        if !is_workbook && self.into.is_some() {
            return Err(Failure::usage(
                "--into fills a workbook: it goes with fedramp-xlsx, emass and deviation-request",
            ));
        }
        Ok(())
    }

    /// An option that the form does not know would be dropped without a word.
    fn check_belonging(&self) -> Result<(), Failure> {
        use Format::{Emass, FedrampXlsx, Oscal, OscalAr, VerJson, VerReport, VerReportHtml};
        let given: [(&str, bool, &[Format]); 6] = [
            ("--roll-up", self.roll_up, &[FedrampXlsx]),
            ("--occasion", self.occasion.is_some(), &[FedrampXlsx]),
            ("--emass", self.emass.is_some(), &[Emass]),
            ("--ver-document", self.ver_document.is_some(), &[VerJson]),
            (
                "--since",
                self.since.is_some(),
                &[VerJson, VerReport, VerReportHtml],
            ),
            (
                "--oscal-version",
                self.oscal_version.is_some(),
                &[Oscal, OscalAr],
            ),
        ];
        let strange = given
            .iter()
            .find(|(_, is_given, of)| *is_given && !of.contains(&self.format));
        match strange {
            Some((option, ..)) => Err(Failure::usage(format!(
                "{option} says nothing to this form; leave it away (poamd export --help names the forms it goes with)"
            ))),
            None => Ok(()),
        }
    }

    fn check_days(&self, today: NaiveDate) -> Result<(), Failure> {
        if let Some(day) = self.as_of.filter(|day| *day > today) {
            return Err(Failure::usage(format!(
                "--as-of {day} is still to come; the ledger knows today, {today}, and the days before"
            )));
        }
        let end = self.as_of.unwrap_or(today);
        match self.since {
            Some(since) if since > end => Err(Failure::usage(format!(
                "--since {since} is after the day the form is of, {end}"
            ))),
            _ => Ok(()),
        }
    }

    /// Nothing is left out beyond what the filters leave.
    fn takes_all(&self) -> bool {
        !self.late && self.scope == Scope::AllOpen
    }

    fn takes(&self, record: &dataset::Record, today: NaiveDate) -> bool {
        (!self.late || record.is_late(today))
            && (self.scope == Scope::AllOpen || record.is_late_or_deviated(today))
    }
}

/// What was read for a form.
enum Read {
    /// Records as lists show them.
    Entries(Vec<Entry>),
    Dataset(Box<Dataset>),
}

fn read(opened: &Opened, filter: &Filter, moment: Moment, args: &Args) -> Result<Read, Failure> {
    let system = system(&opened.config);
    let clocks = rules::poam(&opened.config.poam).clocks;
    let look = |conn: &mut AnyConnection| {
        let snapshot = moment.snapshot(conn)?;
        if let Err(unknown) = filter.check_accounts(&snapshot.account_names()) {
            return Ok(Err(unknown));
        }
        let listed = matches!(args.format, Format::Csv | Format::Json);
        let kept = if listed && args.takes_all() {
            None
        } else {
            let mut data = dataset::load(conn, &snapshot, filter, &system, moment)?;
            let today = data.today;
            data.records.retain(|record| args.takes(record, today));
            if !listed {
                return Ok(Ok(Read::Dataset(Box::new(data))));
            }
            let kept: HashSet<RecordId> = data.records.iter().map(|r| r.id).collect();
            Some(kept)
        };
        let mut entries = exchange::dataset(conn, &snapshot, filter)?;
        // A priority is of today: what it goes by was not kept for past days.
        if !moment.is_past {
            exchange::rank(conn, &snapshot, &clocks, moment.day(), &mut entries)?;
        }
        if let Some(kept) = kept {
            entries.retain(|entry| kept.contains(&entry.record.id));
        }
        Ok::<_, StoreError>(Ok(Read::Entries(entries)))
    };
    let read = opened
        .store
        .read_here(|conn| shown::at_one_moment(conn, look))?;
    Ok(read?)
}

impl Read {
    /// A past day that nobody kept whole is not passed off as one.
    fn tell_unkept(&self, shell: &mut Shell<'_>, moment: Moment) -> Result<(), Failure> {
        match self {
            Self::Dataset(data) if data.unkept_texts > 0 => shell.note(&format!(
                "of {} findings that changed since {} no text was kept for that day: description, CVEs and ports of \
                 theirs are left out",
                data.unkept_texts,
                moment.day()
            )),
            _ => Ok(()),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Entries(entries) => entries.len(),
            Self::Dataset(data) => data.records.len(),
        }
    }

    /// What the form has rows of, in words.
    fn rows(&self, args: &Args) -> String {
        match self {
            Self::Dataset(data) if args.format == Format::DeviationRequest => {
                let requests: usize = data
                    .records
                    .iter()
                    .map(|r| deviations::requests(r).count())
                    .sum();
                format!("{requests} deviation requests")
            }
            _ => format!("{} records", self.count()),
        }
    }

    fn bytes(&self, args: &Args, options: fedramp::Options) -> Result<Vec<u8>, Failure> {
        let own = match &args.into {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|cause| {
                Failure::work(format!(
                    "--into {}: {cause}; name an empty copy of the form",
                    path.display()
                ))
            })?),
        };
        Ok(self.form(args, options, own.as_deref())?)
    }

    fn form(
        &self,
        args: &Args,
        options: fedramp::Options,
        own: Option<&[u8]>,
    ) -> Result<Vec<u8>, FormError> {
        let data = match self {
            Self::Entries(entries) => {
                let mut bytes = Vec::new();
                match args.format {
                    Format::Csv => exchange::csv::write(&mut bytes, entries)?,
                    _ => exchange::json::write(&mut bytes, entries)?,
                }
                return Ok(bytes);
            }
            Self::Dataset(data) => data,
        };
        match args.format {
            Format::VerJson => ver::json(
                data,
                args.ver_document.unwrap_or(VerDocument::History).into(),
                args.since,
            ),
            Format::VerReport => Ok(ver::markdown(data, args.since).into_bytes()),
            Format::VerReportHtml => Ok(ver::html(data, args.since).into_bytes()),
            Format::Oscal => oscal::poam(
                data,
                args.oscal_version.unwrap_or(OscalVersion::V1_2_1).into(),
            ),
            Format::OscalAr => oscal::results(
                data,
                args.oscal_version.unwrap_or(OscalVersion::V1_2_1).into(),
            ),
            _ => workbook(data, args, options, own),
        }
    }
}

/// A workbook of our own, or somebody's filled.
fn workbook(
    data: &Dataset,
    args: &Args,
    options: fedramp::Options,
    own: Option<&[u8]>,
) -> Result<Vec<u8>, FormError> {
    let leave = &args.leave;
    let revision = match args.emass.unwrap_or(Revision::Rev5) {
        Revision::Rev4 => emass::Revision::Rev4,
        Revision::Rev5 => emass::Revision::Rev5,
    };
    match (args.format, own) {
        (Format::Emass, None) => emass::workbook(data, revision),
        (Format::Emass, Some(own)) => emass::filled(own, data, revision, leave),
        (Format::DeviationRequest, None) => deviations::workbook(data),
        (Format::DeviationRequest, Some(own)) => deviations::filled(own, data, leave),
        (_, None) => fedramp::workbook(data, options),
        (_, Some(own)) => fedramp::filled(own, data, options, leave),
    }
}

impl From<VerDocument> for ver::Document {
    fn from(which: VerDocument) -> Self {
        match which {
            VerDocument::History => Self::History,
            VerDocument::Detail => Self::Detail,
            VerDocument::Accepted => Self::Accepted,
        }
    }
}

impl From<OscalVersion> for oscal::Version {
    fn from(version: OscalVersion) -> Self {
        match version {
            OscalVersion::V1_2_1 => Self::V1_2_1,
            OscalVersion::V1_1_3 => Self::V1_1_3,
        }
    }
}

/// The system as the configuration names it.
fn system(config: &Config) -> System {
    let of = &config.system;
    System {
        deployment: config.deployment.name.clone(),
        provider: of.provider.clone().unwrap_or_default(),
        name: of
            .name
            .clone()
            .unwrap_or_else(|| config.deployment.name.clone()),
        impact: of.impact.map(|impact| match impact {
            Impact::Low => Rating::Low,
            Impact::Moderate => Rating::Moderate,
            Impact::High => Rating::High,
        }),
        id: of.id.clone(),
        package_uri: of.package_uri.clone(),
        office: of.office.clone(),
        contact: of.contact.clone(),
        service: of.service.clone(),
        default_rating: Some(default_rating(config.poam.usual.default_n_rating)),
        label_ratings: config
            .poam
            .labels
            .iter()
            .map(|of| {
                let rating = default_rating(of.clocks.default_n_rating);
                (of.label.to_lowercase(), rating)
            })
            .collect(),
    }
}

fn default_rating(of: NRating) -> u8 {
    match of {
        NRating::N1 => 1,
        NRating::N2 => 2,
        NRating::N3 => 3,
        NRating::N4 => 4,
        NRating::N5 => 5,
    }
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Needs { .. } => Self::configuration(error.to_string()),
            other => Self::work(other.to_string()),
        }
    }
}

/// Writes beside the file first, so that whoever reads it never sees half of it.
fn to_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    // What is in it tells where to break in: nobody else on this machine needs to read it.
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}
