//! One `poamd.toml`: a file for each section here holds its keys and what they become. Everything wrong with a
//! configuration is said at once, by file, line and key.
//!
//! Plain data only: nothing is connected to, no secret is fetched ([`Config::secrets`] says where each is kept).

pub mod accounts;
pub mod address;
pub mod aws;
mod checks;
pub mod cron;
pub mod database;
pub mod deployment;
pub mod desks;
mod document;
pub mod duration;
pub mod env;
pub mod example;
pub mod feeds;
pub mod grouping;
pub mod mail;
pub mod organization;
pub mod poam;
pub mod policies;
pub mod problem;
mod reader;
pub mod reports;
pub mod schedule;
pub mod schema;
pub mod secret;
pub mod system;
pub mod telemetry;
pub mod templates;
pub mod tickets;
mod value;
pub mod writeback;

use std::path::Path;

pub use accounts::Account;
pub use aws::Aws;
pub use cron::CronExpr;
pub use database::{Database, DatabaseUrl};
pub use deployment::Deployment;
pub use desks::Desk;
pub use env::{Env, ProcessEnv};
pub use feeds::Feed;
pub use mail::Mail;
pub use organization::Organization;
pub use poam::Poam;
pub use policies::Policies;
pub use problem::{ConfigErrors, Problem};
pub use reports::Report;
pub use schedule::Schedule;
pub use secret::Secret;
pub use system::System;
pub use telemetry::Telemetry;
pub use templates::Templates;
pub use tickets::Tickets;
pub use writeback::Writeback;

use document::Source;
use reader::{Reader, Sections};

/// Larger files are a mistake.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The whole configuration. Holds no secret, so `Debug` shows none.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub deployment: Deployment,
    pub system: System,
    pub database: Database,
    pub aws: Aws,
    /// Whose accounts are found by themselves.
    pub organization: Option<Organization>,
    /// Declared accounts; more may live in the database.
    pub accounts: Vec<Account>,
    /// Files that are read on at each pull.
    pub feeds: Vec<Feed>,
    pub schedule: Schedule,
    pub policies: Policies,
    pub templates: Templates,
    pub poam: Poam,
    pub tickets: Tickets,
    pub desks: Vec<Desk>,
    /// There as soon as there is a report.
    pub mail: Option<Mail>,
    pub reports: Vec<Report>,
    pub telemetry: Telemetry,
    pub writeback: Writeback,
}

/// Reads a file. An empty one is valid.
pub fn load(path: &Path, env: &dyn Env) -> Result<Config, ConfigErrors> {
    let text = read_text(path)?;
    parse(path, &text, env)
}

/// Reads the text of a file; `path` names it in errors and is where relative paths count from.
pub fn parse(path: &Path, text: &str, env: &dyn Env) -> Result<Config, ConfigErrors> {
    let source = Source::new(path, text);
    let root = source.parse();
    let config = if source.is_clean() {
        read(&Sections::new(&source, &root), env)
    } else {
        None
    };
    match config {
        Some(config) if source.is_clean() => Ok(config),
        _ => Err(source.into_errors()),
    }
}

fn read_text(path: &Path) -> Result<String, ConfigErrors> {
    let fail = |line, what| {
        let problem = Problem {
            file: path.display().to_string(),
            line,
            key: String::new(),
            what,
        };
        ConfigErrors {
            problems: vec![problem],
        }
    };
    let unreadable = |cause: std::io::Error| {
        fail(
            None,
            format!(
                "cannot be read ({cause}); name another with --config FILE, or write \
            one: poamd config example"
            ),
        )
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        return Err(fail(
            None,
            format!("is {size} bytes long; that is no configuration of poamd"),
        ));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        fail(
            Some(line),
            "is not UTF-8 here; save the file as UTF-8".to_owned(),
        )
    })
}

/// Every section is read before the first bad one counts, so that all problems are noted.
fn read(sections: &Sections<'_>, env: &dyn Env) -> Option<Config> {
    let deployment = Deployment::read(sections.one(&deployment::SECTION));
    let system = System::read(sections.one(&system::SECTION));
    let database = Database::read(sections.one(&database::SECTION), env);
    let aws_at = sections.one(&aws::SECTION);
    let aws = Aws::read(aws_at);
    let organization = sections.one(&organization::SECTION);
    let organization = organization
        .is_present()
        .then(|| Organization::read(organization));
    let schedule = Schedule::read(sections.one(&schedule::SECTION));
    let policies = Policies::read(sections.one(&policies::SECTION));
    let templates = Templates::read(sections.one(&templates::SECTION));
    let poam = Poam::read(
        sections.one(&poam::SECTION),
        sections.many(&poam::CLOCKS),
        sections.many(&poam::LABELS),
        sections.many(&grouping::SECTION),
        sections.many(&grouping::CONTACTS),
    );
    let tickets = Tickets::read(sections.one(&tickets::SECTION));
    let writeback_at = sections.one(&writeback::SECTION);
    let writeback = Writeback::read(writeback_at);
    let telemetry = Telemetry::read(sections.one(&telemetry::SECTION), env);
    let mail = sections.one(&mail::SECTION);
    let (has_mail, mail) = (
        mail.is_present(),
        if mail.is_present() {
            Mail::read(mail)
        } else {
            None
        },
    );
    let accounts = each(sections.many(&accounts::SECTION), Account::read);
    let feeds = each(sections.many(&feeds::SECTION), Feed::read);
    let desks = each(sections.many(&desks::SECTION), Desk::read);
    let reports = each(sections.many(&reports::SECTION), |r| {
        Report::read(r, schedule.as_ref())
    });

    checks::accounts(&accounts);
    checks::aggregator(aws_at, aws.as_ref(), &accounts);
    checks::feeds(&feeds);
    checks::desks(&desks);
    checks::reports(&reports, has_mail);
    checks::writeback(writeback_at, writeback.as_ref(), aws.as_ref());
    Some(Config {
        deployment: deployment?,
        system: system?,
        database: database?,
        aws: aws?,
        organization: match organization {
            Some(read) => Some(read?),
            None => None,
        },
        accounts: only(accounts)?,
        feeds: only(feeds)?,
        schedule: schedule?,
        policies: policies?,
        templates: templates?,
        poam: poam?,
        tickets: tickets?,
        desks: only(desks)?,
        mail,
        reports: only(reports)?,
        telemetry: telemetry?,
        writeback: writeback?,
    })
}

/// The entries of a repeated section, each with its place.
type Entries<'s, T> = Vec<(Reader<'s>, Option<T>)>;

fn each<'s, T>(readers: Vec<Reader<'s>>, read: impl Fn(Reader<'s>) -> Option<T>) -> Entries<'s, T> {
    readers
        .into_iter()
        .map(|reader| (reader, read(reader)))
        .collect()
}

fn only<T>(entries: Entries<'_, T>) -> Option<Vec<T>> {
    entries.into_iter().map(|(_, entry)| entry).collect()
}

impl Config {
    /// The desk that gets an account's records: the first that takes them.
    pub fn desk_for(&self, account_id: &str, account_name: &str, label: &str) -> Option<&Desk> {
        self.desks
            .iter()
            .find(|desk| desk.takes(account_id, account_name, label))
    }

    /// Every secret that is named, with the key that names it (`[mail] password`, `[[desks]] tracker token`).
    pub fn secrets(&self) -> Vec<(String, &Secret)> {
        let mut named: Vec<(String, &Secret)> = Vec::new();
        named.extend(
            self.database
                .password
                .iter()
                .map(|secret| ("[database] password".to_owned(), secret)),
        );
        if let Some(key) = &self.aws.access_key {
            named.push(("[aws] access_key_id".to_owned(), &key.id));
            named.push(("[aws] secret_access_key".to_owned(), &key.secret));
        }
        for desk in &self.desks {
            let (key, secret) = desk.secret();
            named.push((format!("[[desks]] {} {key}", desk.name), secret));
        }
        let login = self.mail.as_ref().and_then(|mail| mail.login.as_ref());
        named.extend(login.map(|login| ("[mail] password".to_owned(), &login.password)));
        named
    }
}

/// Whether a list of account numbers or names holds an account; an empty list holds all.
fn names_account(list: &[String], id: &str, name: &str) -> bool {
    list.is_empty() || list.iter().any(|entry| entry == id || entry == name)
}

/// Whether a list of account labels holds one, in any case; an empty list holds all.
fn names_label(list: &[String], label: &str) -> bool {
    list.is_empty() || list.iter().any(|entry| entry.eq_ignore_ascii_case(label))
}

#[cfg(test)]
mod tests;
