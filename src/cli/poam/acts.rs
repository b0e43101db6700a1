//! The verbs that act on one record. What they may do is decided in `domain`, what they write in `poam::acts`.

use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand, ValueEnum};
use poamd_contract::severity::Severity;
use serde_json::Value;

use super::super::day::day;
use super::super::failure::Failure;
use super::super::load;
use super::super::shell::Shell;
use super::super::summary::Told;
use crate::domain::deviation::DeviationKind;
use crate::domain::record::RecordId;
use crate::domain::record_fact::FactName;
use crate::jobs::rules;
use crate::poam::acts::{
    self, Act, ActError, Asked, Document, Done, Edit, KINDS, MOST_BYTES, Step,
};

/// What every act on a record is told.
#[derive(Debug, Args)]
pub struct On {
    /// POAM-000123, or 123
    record: RecordId,
    #[command(flatten)]
    told: Told,
}

/// Words that have to be there.
fn said(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty, and the audit log has to say something".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// Why, where it may be left out.
#[derive(Debug, Args)]
pub struct Maybe {
    #[command(flatten)]
    on: On,
    /// Why; stands in the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

/// Why, where it has to be said.
#[derive(Debug, Args)]
pub struct Because {
    #[command(flatten)]
    on: On,
    /// Why; stands in the audit log
    #[arg(long, value_name = "TEXT", value_parser = said)]
    why: String,
}

#[derive(Debug, Args)]
pub struct Comment {
    #[command(flatten)]
    on: On,
    /// What is to be kept; "-" reads it from standard input
    text: String,
}

#[derive(Debug, Args)]
pub struct Fact {
    #[command(flatten)]
    on: On,
    /// What holds from now on; several controls or services with commas between; "-" reads it from standard input
    value: String,
    /// Why; stands in the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
}

#[derive(Debug, Args)]
pub struct Evaluate {
    #[command(flatten)]
    of: Because,
    /// Reachable from the internet, back ends that handle a payload from there included: yes, no
    #[arg(long, value_name = "YES|NO")]
    irv: Option<String>,
    /// Likely to be exploited: yes, no (no needs evidence)
    #[arg(long, value_name = "YES|NO")]
    lev: Option<String>,
    /// Potential agency impact: N1 minimal … N5 debilitating for several
    #[arg(long, value_name = "N1-N5")]
    n: Option<String>,
    /// The untrusted reach it over a public network (BOD 26-04): yes, no
    #[arg(long, value_name = "YES|NO")]
    exposed: Option<String>,
    /// How far it is mitigated while it is still detected: none, partial, full
    #[arg(long, value_name = "WORD")]
    mitigation: Option<String>,
    /// The next reduction that is planned: "2026-12-01 N2"
    #[arg(long, value_name = "DAY N")]
    next_reduction: Option<String>,
    /// What may be told to others without helping an attacker
    #[arg(long, value_name = "TEXT")]
    safe_description: Option<String>,
    /// What it would mean for an agency
    #[arg(long, value_name = "TEXT")]
    agency_impact: Option<String>,
    /// Why it is overdue, or likely to be
    #[arg(long, value_name = "TEXT")]
    overdue_reason: Option<String>,
    /// Anything else an agency should know
    #[arg(long, value_name = "TEXT")]
    supplementary: Option<String>,
    /// Why it is accepted rather than fixed
    #[arg(long, value_name = "TEXT")]
    acceptance_rationale: Option<String>,
    /// When the evaluation was completed; now, if it says anything of irv, lev or n
    #[arg(long, value_name = "TIME")]
    at: Option<DateTime<Utc>>,
}

#[derive(Debug, Subcommand)]
pub enum Milestone {
    /// Add a step to the plan
    Add {
        #[command(flatten)]
        of: Maybe,
        /// What will be done
        text: String,
        /// The day by which it will be done
        #[arg(long, value_name = "DAY", value_parser = day)]
        due: NaiveDate,
    },
    /// Move a step, or say it otherwise; what was planned stays on record
    Update {
        #[command(flatten)]
        of: Because,
        /// Its number
        number: i64,
        /// What will be done
        #[arg(long, value_name = "TEXT")]
        text: Option<String>,
        /// The day by which it will be done
        #[arg(long, value_name = "DAY", value_parser = day)]
        due: Option<NaiveDate>,
    },
    /// Say that a step is done
    Complete {
        #[command(flatten)]
        of: Maybe,
        /// Its number
        number: i64,
        /// The day it was done; today without it
        #[arg(long, value_name = "DAY", value_parser = day)]
        on: Option<NaiveDate>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// It is not really there
    FalsePositive,
    /// What is done about it makes it less bad than detection says
    RiskAdjustment,
    /// Fixing it would break the system; not for a High
    OperationalRequirement,
    /// Both: mitigated to less than High, and not to be fixed
    OperationalRequirementAdjusted,
}

impl From<Kind> for DeviationKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::FalsePositive => Self::FalsePositive,
            Kind::RiskAdjustment => Self::RiskAdjustment,
            Kind::OperationalRequirement => Self::OperationalRequirement,
            Kind::OperationalRequirementAdjusted => Self::OperationalRequirementAdjusted,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Deviation {
    /// Ask for one; --why is the rationale
    Request {
        #[command(flatten)]
        of: Because,
        #[arg(long, value_enum, value_name = "KIND")]
        kind: Kind,
        /// The severity that is asked for: low, moderate, high
        #[arg(long, value_name = "SEVERITY", value_parser = severity)]
        to: Option<Severity>,
        /// What lowers the risk meanwhile
        #[arg(long, value_name = "TEXT", default_value = "")]
        mitigations: String,
        /// The last day it shall hold; a year from today without it
        #[arg(long, value_name = "DAY", value_parser = day)]
        expires: Option<NaiveDate>,
    },
    /// Approve it here, before it goes to the AO; not by whoever asked
    ApproveInternally(Maybe),
    /// Say that it went to the AO
    Submit(Maybe),
    /// Write down that the AO approved it
    Approve(Decided),
    /// Write down that the AO rejected it
    Reject(Decided),
    /// Take it back, also one that was approved
    Withdraw(Because),
}

#[derive(Debug, Args)]
pub struct Decided {
    #[command(flatten)]
    of: Because,
    /// Name of the authorizing official
    #[arg(long, value_name = "NAME")]
    ao: String,
}

#[derive(Debug, Subcommand)]
pub enum Vendor {
    /// Wait for a fix that only a vendor can ship
    Wait {
        #[command(flatten)]
        of: Because,
        #[arg(long, value_name = "NAME")]
        vendor: String,
        #[arg(long, value_name = "NAME")]
        product: String,
    },
    /// The vendor was asked; --why says what they answered. At least every 30 days
    CheckIn {
        #[command(flatten)]
        of: Because,
        /// The day it was; today without it
        #[arg(long, value_name = "DAY", value_parser = day)]
        on: Option<NaiveDate>,
    },
    /// The vendor shipped the fix: the due day counts from then
    Released {
        #[command(flatten)]
        of: Because,
        /// The day it was; today without it
        #[arg(long, value_name = "DAY", value_parser = day)]
        on: Option<NaiveDate>,
    },
    /// Wait no longer
    End(Because),
}

#[derive(Debug, Args)]
pub struct Attach {
    #[command(flatten)]
    of: Maybe,
    /// The file; at most 20 MiB
    file: PathBuf,
    /// scan, configuration, screenshot, vendor, change, approval, other
    #[arg(long, value_name = "WORD", default_value = "other")]
    kind: String,
    /// Name to keep it under, instead of the file's own
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Evidence {
    /// Write an attached file to standard output, or to a file
    Get {
        /// POAM-000123, or 123
        record: RecordId,
        /// Its name or number, as poamd poam show lists it
        which: String,
        /// Where to; nothing there is overwritten
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Merge {
    #[command(flatten)]
    of: Because,
    /// The record that stays
    #[arg(long, value_name = "RECORD")]
    into: RecordId,
}

fn severity(text: &str) -> Result<Severity, String> {
    match text.to_ascii_lowercase().as_str() {
        "low" => Ok(Severity::Low),
        "moderate" | "medium" => Ok(Severity::Medium),
        "high" => Ok(Severity::High),
        _ => Err("a severity that can be asked for is low, moderate or high".to_owned()),
    }
}

impl From<ActError> for Failure {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Refused(why) => Self::work(why),
            ActError::Store(error) => error.into(),
        }
    }
}

/// Opens the ledger, acts, tells what came of it.
fn act(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    on: &On,
    why: &str,
    does: impl FnOnce(&Act<'_>) -> Result<Done, ActError>,
) -> Result<(), Failure> {
    let opened = load::open(at, shell)?;
    let rules = rules::poam(&opened.config.poam);
    let actor = shell.actor();
    let done = does(&Act {
        store: &opened.store,
        rules: &rules,
        record: on.record,
        actor: &actor,
        now: shell.clock.now(),
        why,
    })?;
    on.told.tell(shell, &done, |done| {
        let mut lines = vec![format!("{} {}", done.record, done.did)];
        lines.extend(done.warnings.iter().map(|w| format!("warning: {w}")));
        lines
    })
}

/// The text itself, or standard input for "-".
fn text(shell: &mut Shell<'_>, given: &str) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    shell
        .input
        .take(1 << 20)
        .read_to_string(&mut text)
        .map_err(|e| Failure::work(format!("standard input is no text: {e}")))?;
    Ok(text)
}

pub fn begin(shell: &mut Shell<'_>, at: Option<&Path>, args: &Maybe) -> Result<(), Failure> {
    act(shell, at, &args.on, &args.why, |act| act.begin())
}

pub fn claim_done(shell: &mut Shell<'_>, at: Option<&Path>, args: &Because) -> Result<(), Failure> {
    act(shell, at, &args.on, &args.why, |act| act.claim_done())
}

pub fn comment(shell: &mut Shell<'_>, at: Option<&Path>, args: &Comment) -> Result<(), Failure> {
    let body = text(shell, &args.text)?;
    act(shell, at, &args.on, "", |act| act.comment(&body))
}

pub fn fact(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    name: FactName,
    args: &Fact,
) -> Result<(), Failure> {
    let value = text(shell, &args.value)?;
    let value = name
        .read(&value)
        .map_err(|bad| Failure::usage(bad.to_string()))?;
    act(shell, at, &args.on, &args.why, |act| {
        act.lay(&[(name, value)])
    })
}

pub fn evaluate(shell: &mut Shell<'_>, at: Option<&Path>, args: &Evaluate) -> Result<(), Failure> {
    let given = [
        (FactName::Irv, &args.irv),
        (FactName::Lev, &args.lev),
        (FactName::NRating, &args.n),
        (FactName::Exposed, &args.exposed),
        (FactName::Mitigation, &args.mitigation),
        (FactName::NextReduction, &args.next_reduction),
        (FactName::SafeDescription, &args.safe_description),
        (FactName::AgencyImpact, &args.agency_impact),
        (FactName::OverdueReason, &args.overdue_reason),
        (FactName::Supplementary, &args.supplementary),
        (FactName::AcceptanceRationale, &args.acceptance_rationale),
    ];
    let mut laid: Vec<(FactName, Value)> = Vec::new();
    for (name, value) in given {
        if let Some(value) = value {
            let value = name
                .read(value)
                .map_err(|bad| Failure::usage(bad.to_string()))?;
            laid.push((name, value));
        }
    }
    let now = shell.clock.now();
    if let Some(when) = args.at.filter(|when| *when > now) {
        return Err(Failure::usage(format!("--at {when} is still to come")));
    }
    if laid.is_empty() && args.at.is_none() {
        return Err(Failure::usage(
            "nothing is evaluated: give at least one of --irv, --lev, --n, --exposed, --mitigation …",
        ));
    }
    act(shell, at, &args.of.on, &args.of.why, |act| {
        act.evaluate(&laid, args.at)
    })
}

pub fn milestone(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    verb: &Milestone,
) -> Result<(), Failure> {
    match verb {
        Milestone::Add { of, text, due } => act(shell, at, &of.on, &of.why, |act| {
            act.add_milestone(text, *due)
        }),
        Milestone::Update {
            of,
            number,
            text,
            due,
        } => {
            let edit = Edit {
                description: text.as_deref(),
                due: *due,
            };
            act(shell, at, &of.on, &of.why, |act| {
                act.update_milestone(*number, edit)
            })
        }
        Milestone::Complete { of, number, on } => act(shell, at, &of.on, &of.why, |act| {
            act.complete_milestone(*number, *on)
        }),
    }
}

pub fn deviation(
    shell: &mut Shell<'_>,
    at: Option<&Path>,
    verb: &Deviation,
) -> Result<(), Failure> {
    let mut step =
        |on: &On, why: &str, step: Step<'_>| act(shell, at, on, why, |act| act.step(step));
    match verb {
        Deviation::ApproveInternally(of) => step(&of.on, &of.why, Step::ApproveInternally),
        Deviation::Submit(of) => step(&of.on, &of.why, Step::Submit),
        Deviation::Approve(Decided { of, ao }) => step(&of.on, &of.why, Step::Approve { ao }),
        Deviation::Reject(Decided { of, ao }) => step(&of.on, &of.why, Step::Reject { ao }),
        Deviation::Withdraw(of) => step(&of.on, &of.why, Step::Withdraw),
        Deviation::Request {
            of,
            kind,
            to,
            mitigations,
            expires,
        } => {
            let asked = Asked {
                kind: (*kind).into(),
                to: *to,
                mitigations,
                expires: *expires,
            };
            act(shell, at, &of.on, &of.why, |act| act.request(&asked))
        }
    }
}

pub fn vendor(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Vendor) -> Result<(), Failure> {
    match verb {
        Vendor::Wait {
            of,
            vendor,
            product,
        } => act(shell, at, &of.on, &of.why, |act| act.wait(vendor, product)),
        Vendor::CheckIn { of, on } => act(shell, at, &of.on, &of.why, |act| act.check_in(*on)),
        Vendor::Released { of, on } => act(shell, at, &of.on, &of.why, |act| act.released(*on)),
        Vendor::End(of) => act(shell, at, &of.on, &of.why, |act| act.end_wait()),
    }
}

pub fn merge(shell: &mut Shell<'_>, at: Option<&Path>, args: &Merge) -> Result<(), Failure> {
    act(shell, at, &args.of.on, &args.of.why, |act| {
        act.merge(args.into)
    })
}

pub fn attach(shell: &mut Shell<'_>, at: Option<&Path>, args: &Attach) -> Result<(), Failure> {
    if !KINDS.contains(&args.kind.as_str()) {
        return Err(Failure::usage(format!(
            "--kind {:?} is none of {}",
            args.kind,
            KINDS.join(", ")
        )));
    }
    let cannot =
        |e: std::io::Error| Failure::work(format!("{} cannot be read: {e}", args.file.display()));
    let file = std::fs::File::open(&args.file).map_err(cannot)?;
    let mut bytes = Vec::new();
    // One byte more than is kept shows that it is too long, whatever its size claims.
    file.take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    let own = args
        .file
        .file_name()
        .map(|n| n.to_string_lossy().into_owned());
    let name = args.name.clone().or(own).unwrap_or_default();
    let document = Document {
        name: &name,
        kind: &args.kind,
        bytes: &bytes,
    };
    act(shell, at, &args.of.on, &args.of.why, |act| {
        act.attach(document)
    })
}

pub fn evidence(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Evidence) -> Result<(), Failure> {
    let Evidence::Get { record, which, out } = verb;
    let opened = load::look(at, shell)?;
    let (row, bytes) = acts::evidence(&opened.store, *record, which)?;
    let Some(path) = out else {
        shell.out.write_all(&bytes)?;
        return Ok(shell.out.flush()?);
    };
    let cannot =
        |e: std::io::Error| Failure::work(format!("{} cannot be written: {e}", path.display()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(cannot)?;
    std::io::Write::write_all(&mut file, &bytes).map_err(cannot)?;
    shell.say(&format!(
        "{} ({} bytes, SHA-256 {})",
        path.display(),
        bytes.len(),
        row.sha256
    ))
}
