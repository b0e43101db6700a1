//! `poamd config`: try the configuration, see an example, see what is in force.

use std::collections::BTreeSet;
use std::path::Path;

use chrono_tz::Tz;
use clap::{Args, Subcommand};
use poamd_contract::health::{Check, Verdict};

use super::doctor::{self, Findings};
use super::failure::{Exit, Failure};
use super::listing::counted;
use super::load;
use super::shell::Shell;
use super::summary::Told;
use super::{account, estate, wait_for};
use crate::config::{Config, CronExpr, DatabaseUrl, duration, example};
use crate::jobs::Quiet;
use crate::query::instant;
use crate::store::{Store, accounts, watched};
use crate::wiring::{self, Found, Surroundings, WiringError};

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Read the configuration and prove each part of it: database, policies, templates, desks, mail, accounts
    Check(Try),
    /// Every key with a comment and an example
    Example,
    /// What is in force, defaults included; secrets only by name
    Show,
}

#[derive(Debug, Args)]
pub struct Try {
    /// Ask nobody outside
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    told: Told,
}

/// How many next runs are shown.
const RUNS: usize = 3;

pub fn run(shell: &mut Shell<'_>, at: Option<&Path>, verb: &Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Check(args) => check(shell, at, args),
        Verb::Example => {
            shell.out.write_all(example::render().as_bytes())?;
            Ok(Exit::Done)
        }
        Verb::Show => {
            let path = load::config_path(at, shell);
            let config = load::config(at, shell)?;
            for line in lines(&path, &config) {
                shell.say(&crate::render::sink::text(&line))?;
            }
            Ok(Exit::Done)
        }
    }
}

fn check(shell: &mut Shell<'_>, at: Option<&Path>, args: &Try) -> Result<Exit, Failure> {
    let path = load::config_path(at, shell);
    let config = load::config(at, shell)?;
    let around = load::surroundings(shell, std::sync::Arc::new(Quiet));
    let mut checks = vec![Check::ok(
        "configuration",
        format!("{} is well formed", path.display()),
    )];
    checks.extend(secrets(&config, shell));
    let found = wiring::find_store(&config, &*shell.env);
    checks.extend(parts(&config, found.as_ref()));
    // A ledger that does not open has been told of by its own check.
    let store = match found {
        Ok(Found::Ready(store)) => Some(store),
        Ok(Found::Behind | Found::Missing(_)) | Err(_) => None,
    };
    checks.push(references(&config, store.as_ref()));
    checks.extend(estate::offline(&config));
    checks.extend(timetable(&config, shell));
    if !args.offline {
        checks.extend(wait_for(outside(&config, &around, store.as_ref()))?);
    }
    doctor::print(shell, &args.told, Findings { checks })
}

fn secrets(config: &Config, shell: &Shell<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (key, secret) in config.secrets() {
        let name = format!("secret {key}");
        checks.push(match secret.resolve(&*shell.env) {
            Err(error) => Check::failed(name, error.to_string()),
            Ok(found) => match found.warning {
                Some(warning) => Check::warning(name, warning),
                None => Check::ok(name, format!("found in {secret}")),
            },
        });
    }
    checks
}

/// A check makes nothing: it says what the next start will make.
fn database(found: Result<&Found, &WiringError>) -> Check {
    const NAME: &str = "database";
    match found {
        Err(error) => Check::failed(NAME, error.to_string()),
        Ok(Found::Ready(_)) => Check::ok(NAME, "opens, and its schema is that of this program"),
        Ok(Found::Behind) => Check::ok(
            NAME,
            "opens; its schema is not that of this program yet, the next start brings it up to date",
        ),
        Ok(Found::Missing(file)) => {
            let folder = file.parent().filter(|f| !f.as_os_str().is_empty());
            match folder.is_none_or(Path::exists) {
                true => Check::ok(
                    NAME,
                    format!(
                        "{} does not exist yet; it is created at start",
                        file.display()
                    ),
                ),
                false => Check::warning(
                    NAME,
                    format!(
                        "{} does not exist yet, nor does its folder; both are created at start: see that [database] url \
                         is spelled right",
                        file.display()
                    ),
                ),
            }
        }
    }
}

fn parts(config: &Config, found: Result<&Found, &WiringError>) -> Vec<Check> {
    let of = |name: &str, outcome: Result<String, String>| match outcome {
        Ok(detail) => Check::ok(name, detail),
        Err(detail) => Check::failed(name, detail),
    };
    vec![
        database(found),
        of(
            "policies",
            wiring::policies(config)
                .map(|set| {
                    format!(
                        "{} are well formed; their tests: poamd policy test",
                        set.policies().count()
                    )
                })
                .map_err(|e| e.to_string()),
        ),
        of(
            "templates",
            wiring::templates(config)
                .map(|_| "render every sample".to_owned())
                .map_err(|e| e.to_string()),
        ),
    ]
}

/// Accounts and labels that desks and reports name and nobody bears: no record would ever go there.
fn references(config: &Config, store: Option<&Store>) -> Check {
    let (names, labels) = known_accounts(config, store);
    let of_desks = config
        .desks
        .iter()
        .map(|d| (format!("desk {}", d.name), &d.accounts, &d.account_labels));
    let of_reports = config
        .reports
        .iter()
        .map(|r| (format!("report {}", r.name), &r.accounts, &r.account_labels));
    let mut unknown = Vec::new();
    for (place, accounts, wanted) in of_desks.chain(of_reports) {
        let missing =
            |known: &BTreeSet<String>, name: &&String| !known.contains(&name.to_lowercase());
        unknown.extend(
            accounts
                .iter()
                .filter(|name| missing(&names, name))
                .map(|name| format!("{place} names account {name:?}")),
        );
        unknown.extend(
            wanted
                .iter()
                .filter(|name| missing(&labels, name))
                .map(|name| format!("{place} names label {name:?}")),
        );
    }
    doctor::over(
        "names",
        "desks and reports name accounts and labels that there are",
        &unknown,
        Verdict::Warning,
        "no watched account is called so: see poamd account list",
    )
}

/// Numbers and names, and labels, of the accounts that are declared or in the ledger; in small letters.
fn known_accounts(config: &Config, store: Option<&Store>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut names, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let mut add = |id: &str, name: &str, label: &str| {
        names.extend([id.to_lowercase(), name.to_lowercase()]);
        labels.insert(label.to_lowercase());
    };
    for account in &config.accounts {
        add(account.id.as_str(), &account.name, &account.label);
    }
    if let Some(store) = store
        && let Ok(rows) = store.read_here(accounts::all)
    {
        for row in rows.iter().filter(|row| row.removed_at.is_none()) {
            add(&row.id, &row.name, &row.label);
        }
    }
    // Accounts that are found bear these, whether or not any is known yet.
    let found = config.organization.iter().flat_map(|of| of.all_labels());
    labels.extend(found.map(str::to_lowercase));
    (names, labels)
}

/// The next runs of everything that is scheduled, by its own clocks.
fn timetable(config: &Config, shell: &Shell<'_>) -> Vec<Check> {
    let plan = &config.schedule;
    let mut entries: Vec<(String, &CronExpr, Tz)> = vec![
        ("scan".to_owned(), &plan.scan, plan.time_zone),
        ("pull".to_owned(), &plan.pull, plan.time_zone),
        ("sync".to_owned(), &plan.sync, plan.time_zone),
    ];
    entries.extend(
        config
            .reports
            .iter()
            .filter(|r| r.enabled)
            .map(|r| (format!("report {}", r.name), &r.schedule, r.time_zone)),
    );
    entries
        .into_iter()
        .map(|(job, expression, zone)| {
            let next = next_runs(expression, zone, shell);
            let name = format!("schedule: {job}");
            if next.is_empty() {
                Check::warning(
                    name,
                    format!("{expression} never comes again; change it or take it out"),
                )
            } else {
                Check::ok(name, format!("{expression} {zone}: {}", next.join(", ")))
            }
        })
        .collect()
}

/// The next times an expression names, in its zone.
pub fn next_runs(expression: &CronExpr, zone: Tz, shell: &Shell<'_>) -> Vec<String> {
    expression
        .upcoming(shell.clock.now(), zone, RUNS)
        .into_iter()
        .map(|at| {
            let local = at.with_timezone(&zone);
            if zone == Tz::UTC {
                instant(at)
            } else {
                format!("{} ({})", local.format("%Y-%m-%d %H:%M %Z"), instant(at))
            }
        })
        .collect()
}

/// Desks, mail server and accounts, each asked how it is.
async fn outside(config: &Config, around: &Surroundings, store: Option<&Store>) -> Vec<Check> {
    let mut checks = Vec::new();
    for desk in &config.desks {
        match wiring::one_desk(desk, &*around.env) {
            Ok(connected) => checks.extend(connected.health().await),
            Err(error) => checks.push(Check::failed(
                format!("desk {}", desk.name),
                error.to_string(),
            )),
        }
    }
    match wiring::mailer(config, &*around.env) {
        Ok(Some(mailer)) => checks.extend(mailer.health().await),
        Ok(None) => {}
        Err(error) => checks.push(Check::failed("mail", error.to_string())),
    }
    checks.extend(reached(config, around, store).await);
    checks
}

/// Declared accounts, and those that only the ledger knows.
async fn reached(config: &Config, around: &Surroundings, store: Option<&Store>) -> Vec<Check> {
    let mut accounts: Vec<_> = config
        .accounts
        .iter()
        .filter(|a| a.active)
        .map(crate::config::Account::access)
        .collect();
    if let Some(store) = store
        && let Ok(kept) = store.read_here(watched::watched)
    {
        let declared =
            |id: &poamd_contract::ids::AccountId| config.accounts.iter().any(|a| a.id == *id);
        accounts.extend(
            kept.into_iter()
                .map(|w| w.access)
                .filter(|a| !declared(&a.id)),
        );
    }
    let mut checks = estate::online(config, around, &accounts).await;
    if accounts.is_empty() {
        checks.push(Check::warning(
            "accounts",
            "none is watched: poamd account add, or [[accounts]]",
        ));
        return checks;
    }
    checks.extend(
        account::probe(config, around, &accounts)
            .await
            .unwrap_or_else(|failure| vec![Check::failed("accounts", failure.text)]),
    );
    checks
}

fn lines(path: &Path, config: &Config) -> Vec<String> {
    let or_none = |path: &Option<std::path::PathBuf>| {
        path.as_ref()
            .map_or_else(|| "packaged only".to_owned(), |p| p.display().to_string())
    };
    let mut lines = vec![
        format!("file        {}", path.display()),
        format!("deployment  {}", config.deployment.name),
        format!(
            "database    {}",
            match &config.database.url {
                DatabaseUrl::Sqlite(path) => path.display().to_string(),
                DatabaseUrl::Postgres(url) => url.to_string(),
            }
        ),
        format!("policies    {}", or_none(&config.policies.dir)),
        format!("templates   {}", or_none(&config.templates.dir)),
        format!("sources     {}", config.aws.sources.join(", ")),
        format!(
            "scans       {}",
            config
                .aws
                .technologies
                .as_ref()
                .map_or_else(|| "everything known".to_owned(), |t| t.join(", "))
        ),
    ];
    if let Some(url) = &config.aws.endpoint_url {
        lines.push(format!("aws at      {url}"));
    }
    let plan = &config.schedule;
    lines.push(format!(
        "schedule    scan {}, pull {}, sync {} ({})",
        plan.scan, plan.pull, plan.sync, plan.time_zone
    ));
    lines.push(format!(
        "tickets     {}, from rating {}, at most {} new ones a sync",
        if config.tickets.enabled { "on" } else { "off" },
        config.tickets.minimum_rating.as_str(),
        config.tickets.creates_per_run
    ));
    lines.extend(connected(config));
    lines.extend(
        config
            .secrets()
            .iter()
            .map(|(key, secret)| format!("secret      {key}: {secret}")),
    );
    lines
}

/// What is watched and where things go: a line for each account, desk, mail server and report.
fn connected(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    for a in &config.accounts {
        let regions: Vec<&str> = a.regions.iter().map(AsRef::as_ref).collect();
        lines.push(format!(
            "account     {} {} {} {} {}",
            a.id,
            a.name,
            a.label,
            a.partition,
            regions.join(" ")
        ));
    }
    for d in &config.desks {
        lines.push(format!(
            "desk        {} ({}) {}, settles in {}, {}",
            d.name,
            d.system().as_str(),
            d.url,
            duration::show(d.settle),
            counted(d.justifiers.len() as i128, "justifiers")
        ));
    }
    if let Some(m) = &config.mail {
        lines.push(format!(
            "mail        {}:{} ({}) from {}",
            m.host,
            m.port,
            m.security.as_str(),
            m.from
        ));
    }
    for r in &config.reports {
        lines.push(format!(
            "report      {} {} {} to {}",
            r.name,
            r.schedule,
            r.time_zone,
            r.recipients.join(", ")
        ));
    }
    lines
}
