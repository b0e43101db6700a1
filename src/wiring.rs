//! Configuration → concrete connectors, store, clock: the only file of the application that names connector crates.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::desk::{Desk, Urgency};
use poamd_contract::error::ConnectorError;
use poamd_contract::hub::HubWriter;
use poamd_contract::mailing::Mailer;
use poamd_contract::organization::Organization;
use poamd_contract::secret::{ExposeSecret, SecretString};
use poamd_contract::source::FindingSource;
use poamd_contract::watch::{AccountProbe, AccountWatch};
use poamd_jira::{Endpoint, Jira, JiraConfig, StatusNames};
use poamd_mail::{MailConfig, SmtpMailer};
use poamd_servicenow::{ServiceNow, ServiceNowConfig};
use tokio_util::sync::CancellationToken;

use crate::config::desks::{self, Backend};
use crate::config::mail::Security;
use crate::config::{self, Config, Env, Secret};
use crate::jobs::{Context, Progress, synonyms};
use crate::policy::{PolicyProblems, PolicySet};
use crate::render::templates::Templates;
use crate::store::{DatabaseUrl, Store, StoreError};

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    #[error("{key}: {source}")]
    Secret {
        key: String,
        source: config::secret::SecretError,
    },
    #[error("{what}: {source}")]
    Connector {
        what: String,
        source: ConnectorError,
    },
    #[error(transparent)]
    Policies(#[from] PolicyProblems),
    #[error("[templates] dir: {0}")]
    Templates(String),
    #[error("{0}")]
    Setting(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is handed in from outside: nothing here is read by anybody else.
pub struct Surroundings {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub env: Arc<dyn Env>,
    pub progress: Arc<dyn Progress>,
}

/// The operating system's random source.
pub struct SystemChance;

impl Chance for SystemChance {
    fn next_u64(&self) -> u64 {
        rand::random()
    }
}

/// All parts, ready to work.
pub fn context(config: Arc<Config>, around: &Surroundings) -> Result<Context, WiringError> {
    let store = store(&config, &*around.env)?;
    context_over(config, around, store)
}

/// All parts over a ledger that is open already.
pub fn context_over(
    config: Arc<Config>,
    around: &Surroundings,
    store: Store,
) -> Result<Context, WiringError> {
    let aws = aws(&config, around)?;
    Ok(Context {
        sources: aws.sources,
        watches: aws.watches,
        hub: aws.hub,
        organization: aws.organization,
        desks: desks(&config, &*around.env)?,
        mailer: mailer(&config, &*around.env)?,
        ..inner_context(config, around, store)?
    })
}

/// The parts that speak to nobody: enough to show what would be done, and it needs no secret but the database's.
pub fn inner_context(
    config: Arc<Config>,
    around: &Surroundings,
    store: Store,
) -> Result<Context, WiringError> {
    let policies = Arc::new(policies(&config)?);
    let templates = Arc::new(templates(&config)?);
    Ok(Context {
        store,
        clock: around.clock.clone(),
        chance: around.chance.clone(),
        synonyms: Arc::new(synonyms(&policies)),
        policies,
        templates,
        sources: Vec::new(),
        watches: Vec::new(),
        desks: BTreeMap::new(),
        mailer: None,
        hub: None,
        organization: None,
        holder: holder(&*around.chance),
        stop: CancellationToken::new(),
        progress: around.progress.clone(),
        config,
    })
}

/// Where the ledger lies, with the password if there is one.
pub fn database_url(config: &Config, env: &dyn Env) -> Result<DatabaseUrl, WiringError> {
    let url = &config.database.url;
    if let config::DatabaseUrl::Sqlite(path) = url {
        return Ok(DatabaseUrl::Sqlite(path.clone()));
    }
    let password = config.database.password.as_ref();
    let password = password
        .map(|s| secret("[database] password", s, env))
        .transpose()?;
    Ok(DatabaseUrl::Postgres(
        url.connection(password.as_ref()).expose_secret().to_owned(),
    ))
}

pub fn store(config: &Config, env: &dyn Env) -> Result<Store, WiringError> {
    let url = database_url(config, env)?;
    if let Some(file) = url.file() {
        make_folder(file)?;
    }
    Ok(Store::open(url, config.database.pool_size)?)
}

/// A ledger as it is found.
pub enum Found {
    /// It opens, and its schema is that of this program.
    Ready(Store),
    /// It is empty, or of an older program; the next start brings it up to date.
    Behind,
    /// Nothing is at that place.
    Missing(PathBuf),
}

/// Looks whether there is a ledger; makes and changes nothing.
pub fn find_store(config: &Config, env: &dyn Env) -> Result<Found, WiringError> {
    let url = database_url(config, env)?;
    if let Some(file) = url.file().filter(|file| !file.exists()) {
        return Ok(Found::Missing(file.to_owned()));
    }
    let store = Store::open_as_is(url, config.database.pool_size)?;
    Ok(store.map_or(Found::Behind, Found::Ready))
}

/// The folder of a new database; an existing one is left as it is.
fn make_folder(path: &Path) -> Result<(), WiringError> {
    let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|e| {
        WiringError::Setting(format!(
            "[database] url: the folder {} cannot be made ({e}); make it, writable for poamd",
            folder.display()
        ))
    })
}

pub fn policies(config: &Config) -> Result<PolicySet, WiringError> {
    Ok(PolicySet::load(config.policies.dir.as_deref())?)
}

/// Packaged templates and the operator's, proven on every sample.
pub fn templates(config: &Config) -> Result<Templates, WiringError> {
    use crate::render::{reply, ticket};
    use crate::reports::context::PoamReport;

    let wrong = |e: &dyn std::fmt::Display| WiringError::Templates(e.to_string());
    let Some(dir) = &config.templates.dir else {
        return Templates::packaged().map_err(|e| wrong(&e));
    };
    let templates = Templates::with_overrides(dir).map_err(|e| wrong(&e))?;
    templates.prove::<PoamReport>().map_err(|e| wrong(&e))?;
    templates
        .prove::<ticket::TicketSample>()
        .map_err(|e| wrong(&e))?;
    templates
        .prove::<reply::ReceiptView>()
        .map_err(|e| wrong(&e))?;
    templates
        .prove::<reply::RefusalView>()
        .map_err(|e| wrong(&e))?;
    templates
        .prove::<reply::ClosingView>()
        .map_err(|e| wrong(&e))?;
    Ok(templates)
}

fn secret(key: &str, secret: &Secret, env: &dyn Env) -> Result<SecretString, WiringError> {
    let resolved = secret.resolve(env).map_err(|source| WiringError::Secret {
        key: key.to_owned(),
        source,
    })?;
    if let Some(warning) = &resolved.warning {
        tracing::warn!(key, "{warning}");
    }
    Ok(resolved.value)
}

/// What may be asked of the organization and the hub; empty in a build without the `aws` feature.
pub struct Estate {
    pub organization: Option<Arc<dyn Organization>>,
    pub hub: Option<Arc<dyn HubWriter>>,
}

/// The parts that `poamd config check` asks whether they are allowed.
pub fn estate(config: &Config, around: &Surroundings) -> Result<Estate, WiringError> {
    let aws = aws(config, around)?;
    Ok(Estate {
        organization: aws.organization,
        hub: aws.hub,
    })
}

/// What AWS offers to the jobs; empty in a build without the `aws` feature.
#[derive(Default)]
struct AwsParts {
    sources: Vec<Arc<dyn FindingSource>>,
    watches: Vec<Arc<dyn AccountWatch>>,
    hub: Option<Arc<dyn HubWriter>>,
    organization: Option<Arc<dyn Organization>>,
}

#[cfg(feature = "aws")]
fn aws(config: &Config, around: &Surroundings) -> Result<AwsParts, WiringError> {
    let aws = aws_connector(config, around)?;
    let wanted = |name: &str| config.aws.sources.iter().any(|s| s == name);
    let known: Vec<Arc<dyn AccountWatch>> = aws.watches();
    if let Some(unknown) = config
        .aws
        .technologies
        .iter()
        .flatten()
        .find(|t| !known.iter().any(|w| w.technology() == t.as_str()))
    {
        let names: Vec<&str> = known.iter().map(|w| w.technology()).collect();
        return Err(WiringError::Setting(format!(
            "[aws] technologies: {unknown:?} is not watched; known are {}",
            names.join(", ")
        )));
    }
    let chosen = |technology: &str| {
        config
            .aws
            .technologies
            .as_ref()
            .is_none_or(|t| t.iter().any(|n| n == technology))
    };
    Ok(AwsParts {
        sources: aws
            .sources()
            .into_iter()
            .filter(|s| wanted(s.name()))
            .collect(),
        watches: known
            .into_iter()
            .filter(|w| chosen(w.technology()))
            .collect(),
        hub: config.writeback.enabled.then(|| aws.hub_writer()),
        organization: config.organization.as_ref().map(|_| aws.organization()),
    })
}

#[cfg(not(feature = "aws"))]
fn aws(_: &Config, _: &Surroundings) -> Result<AwsParts, WiringError> {
    Ok(AwsParts::default())
}

#[cfg(feature = "aws")]
fn aws_connector(config: &Config, around: &Surroundings) -> Result<poamd_aws::Aws, WiringError> {
    let settings = &config.aws;
    let keys = match &settings.access_key {
        Some(key) => Some(poamd_aws::StaticKeys {
            access_key_id: secret("[aws] access_key_id", &key.id, &*around.env)?
                .expose_secret()
                .to_owned(),
            secret_access_key: secret("[aws] secret_access_key", &key.secret, &*around.env)?,
        }),
        None => None,
    };
    let config = poamd_aws::AwsConfig {
        region: settings.region.as_ref().map(ToString::to_string),
        endpoint_url: settings.endpoint_url.as_ref().map(plain_url),
        endpoint_urls: settings
            .endpoint_urls
            .iter()
            .map(|(name, url)| (name.clone(), plain_url(url)))
            .collect(),
        profile: settings.profile.clone(),
        keys,
        use_fips: settings.use_fips,
        node: node_name(),
        ca_file: settings.ca_file.clone(),
        budget: settings.budget,
        ..poamd_aws::AwsConfig::default()
    };
    poamd_aws::Aws::new(config, around.clock.clone(), around.chance.clone()).map_err(|source| {
        WiringError::Connector {
            what: "[aws]".to_owned(),
            source,
        }
    })
}

/// Without the slash that `Url` puts behind a host: services append their own paths.
#[cfg(feature = "aws")]
fn plain_url(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// What proves an account; `None` in a build without the `aws` feature.
#[cfg(feature = "aws")]
pub fn probe(
    config: &Config,
    around: &Surroundings,
) -> Result<Option<Arc<dyn AccountProbe>>, WiringError> {
    Ok(Some(aws_connector(config, around)?.probe()))
}

#[cfg(not(feature = "aws"))]
pub fn probe(_: &Config, _: &Surroundings) -> Result<Option<Arc<dyn AccountProbe>>, WiringError> {
    Ok(None)
}

/// Every configured desk, by name.
pub fn desks(
    config: &Config,
    env: &dyn Env,
) -> Result<BTreeMap<String, Arc<dyn Desk>>, WiringError> {
    config
        .desks
        .iter()
        .map(|desk| Ok((desk.name.clone(), one_desk(desk, env)?)))
        .collect()
}

pub fn one_desk(desk: &config::Desk, env: &dyn Env) -> Result<Arc<dyn Desk>, WiringError> {
    let (key, named) = desk.secret();
    let value = secret(&format!("[[desks]] {} {key}", desk.name), named, env)?;
    let endpoint = Endpoint {
        ca_file: desk.ca_file.clone(),
        proxy: desk.proxy.clone(),
        ..Endpoint::new(desk.url.clone())
    };
    let made: Result<Arc<dyn Desk>, ConnectorError> = match &desk.backend {
        Backend::JiraCloud(jira) => {
            Jira::new(jira_config(desk, jira, endpoint, value)).map(|d| Arc::new(d) as _)
        }
        Backend::ServiceNow(snow) => {
            ServiceNow::new(servicenow_config(desk, snow, endpoint, value)?)
                .map(|d| Arc::new(d) as _)
        }
    };
    made.map_err(|source| WiringError::Connector {
        what: format!("[[desks]] {}", desk.name),
        source,
    })
}

fn jira_config(
    desk: &config::Desk,
    jira: &desks::JiraCloud,
    endpoint: Endpoint,
    token: SecretString,
) -> JiraConfig {
    let usual = StatusNames::default();
    let or =
        |set: &Vec<String>, usual: Vec<String>| if set.is_empty() { usual } else { set.clone() };
    JiraConfig {
        browse_url: Some(desk.browse_url.clone()),
        issue_type: jira.issue_type.clone(),
        priorities: jira.priorities.clone(),
        statuses: StatusNames {
            new: or(&jira.status_new, usual.new),
            in_progress: or(&jira.status_in_progress, usual.in_progress),
            done: or(&jira.status_done, usual.done),
        },
        resolution: jira.resolution.clone(),
        settle: desk.settle,
        ..JiraConfig::new(endpoint, jira.email.clone(), token, jira.project.clone())
    }
}

fn servicenow_config(
    desk: &config::Desk,
    snow: &desks::ServiceNow,
    endpoint: Endpoint,
    password: SecretString,
) -> Result<ServiceNowConfig, WiringError> {
    let mut config = ServiceNowConfig {
        table: snow.table.clone(),
        caller_id: snow.caller.clone(),
        assignment_group: snow.assignment_group.clone(),
        fields: snow.fields.clone(),
        close_code: snow.close_code.clone(),
        comment_element: snow.comment_element.clone(),
        accept_elements: snow.accept_from.clone(),
        settle: desk.settle,
        ..ServiceNowConfig::new(endpoint, snow.user.clone(), password)
    };
    for (map, second) in [(&snow.impacts, false), (&snow.urgencies, true)] {
        for (urgency, text) in map {
            let value = level(desk, *urgency, text)?;
            let pair = config.impact_urgency.entry(*urgency).or_insert((2, 2));
            if second {
                pair.1 = value
            } else {
                pair.0 = value
            }
        }
    }
    Ok(config)
}

/// 1 to 3, the stored values of ServiceNow's impact and urgency.
fn level(desk: &config::Desk, urgency: Urgency, text: &str) -> Result<u8, WiringError> {
    text.parse().ok().filter(|n| (1..=3).contains(n)).ok_or_else(|| {
        WiringError::Setting(format!(
            "[[desks]] {}: {text:?} for {urgency:?} is no impact or urgency; write \"1\" (high), \"2\" or \"3\" (low)",
            desk.name
        ))
    })
}

pub fn mailer(config: &Config, env: &dyn Env) -> Result<Option<Arc<dyn Mailer>>, WiringError> {
    let Some(mail) = &config.mail else {
        return Ok(None);
    };
    let password = match &mail.login {
        Some(login) => Some(secret("[mail] password", &login.password, env)?),
        None => None,
    };
    let mailer = SmtpMailer::new(MailConfig {
        host: mail.host.clone(),
        port: mail.port,
        security: match mail.security {
            Security::StartTls => poamd_mail::Security::StartTls,
            Security::Tls => poamd_mail::Security::Tls,
            Security::None => poamd_mail::Security::None,
        },
        user: mail.login.as_ref().map(|l| l.user.clone()),
        password,
        ca_file: mail.ca_file.clone(),
        helo: mail.helo.clone(),
        timeout: mail.timeout,
    })
    .map_err(|source| WiringError::Connector {
        what: "[mail]".to_owned(),
        source,
    })?;
    Ok(Some(Arc::new(mailer)))
}

/// This process as leases name it. Host and process are for people: two containers may well be process 1 of hosts whose
/// names begin alike.
fn holder(chance: &dyn Chance) -> String {
    let (node, process) = (node_name(), std::process::id());
    format!("{node}:{process}:{:08x}", chance.next_u64() >> 32)
}

/// This machine's name, for leases and role sessions.
pub fn node_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let clean: String = name
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(24)
        .collect();
    if clean.is_empty() {
        "node".to_owned()
    } else {
        clean
    }
}
