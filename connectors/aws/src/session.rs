//! From an account to credentials and clients: base credentials, assumed roles, one HTTP pool.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use poamd_contract::account::AccountAccess;
use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::ids::{Partition, Region};
use poamd_contract::secret::ExposeSecret;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::OnceCell;

use crate::cell::{Cell, Wiring};
use crate::config::AwsConfig;
use crate::credentials::{FromProvider, Issuer, Keyring};
use crate::error::{Kind, Trouble};
use crate::operation::{Operation, Rate};
use crate::pace::Pace;
use crate::throttle::Throttle;

pub(crate) const ASSUME_ROLE: Operation =
    Operation::new("sts", "AssumeRole", "sts:AssumeRole", Rate::new(100, 100));

/// The life asked of an assumed role; chained roles get no more (`reliability-security.md` 3.3).
const ROLE_SECONDS: i32 = 3_600;
const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(15);
const ATTEMPT: Duration = Duration::from_secs(60);

/// Role and external id: what an identity is told apart by.
type RoleKey = (String, Option<String>);

/// Everything needed to reach any account.
pub(crate) struct Session {
    wiring: Arc<Wiring>,
    clock: Arc<dyn Clock>,
    sdk: SdkConfig,
    base: OnceCell<Arc<Keyring>>,
    roles: Mutex<HashMap<RoleKey, Arc<Keyring>>>,
}

impl Session {
    /// Fails only if the CA file cannot be used.
    pub(crate) fn new(
        config: AwsConfig,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        pace: Arc<dyn Pace>,
    ) -> Result<Self> {
        let sdk = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client(&config)?)
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .sleep_impl(TokioSleep::new())
            .time_source(ContractTime(Arc::clone(&clock)))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT)
                    .read_timeout(FIRST_BYTE)
                    .operation_attempt_timeout(ATTEMPT)
                    .build(),
            )
            .build();
        let throttle = Throttle::new(config.rate_fraction);
        let wiring = Arc::new(Wiring {
            config,
            chance,
            pace,
            throttle,
        });
        Ok(Self {
            wiring,
            clock,
            sdk,
            base: OnceCell::new(),
            roles: Mutex::default(),
        })
    }

    /// The cell of an account in a region, with credentials that are good now.
    pub(crate) async fn cell(
        &self,
        account: &AccountAccess,
        region: &Region,
    ) -> Result<Cell, Trouble> {
        let keyring = match account.role_arn() {
            Some(role) => self.role(account, role).await,
            None => self.base().await,
        };
        keyring.ready().await?;
        Ok(self.assemble(account.id.as_str(), region.clone(), keyring))
    }

    /// The cell of the base credentials, where roles are asked for.
    pub(crate) async fn base_cell(&self, account: &AccountAccess) -> Cell {
        self.assemble(
            account.id.as_str(),
            self.sts_region(account),
            self.base().await,
        )
    }

    #[cfg(test)]
    pub(crate) fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// The configured region if it is of the account's partition, else the account's own first one.
    fn sts_region(&self, account: &AccountAccess) -> Region {
        let configured = self
            .wiring
            .config
            .region
            .as_ref()
            .and_then(|name| name.parse::<Region>().ok());
        configured
            .filter(|region| Partition::of_region(region) == account.partition)
            .or_else(|| {
                account
                    .regions
                    .iter()
                    .find(|region| !region.is_global())
                    .cloned()
            })
            .unwrap_or_else(Region::global)
    }

    fn assemble(&self, account: &str, region: Region, keyring: Arc<Keyring>) -> Cell {
        let provider: Arc<dyn ProvideCredentials> = Arc::clone(&keyring) as _;
        let sdk = self
            .sdk
            .to_builder()
            .region(aws_config::Region::new(region.as_str().to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .build();
        Cell {
            wiring: Arc::clone(&self.wiring),
            account: account.to_owned(),
            region,
            keyring,
            sdk,
        }
    }

    async fn role(&self, account: &AccountAccess, role: String) -> Arc<Keyring> {
        let base = self.base_cell(account).await;
        let key = (role.clone(), account.external_id.clone());
        let mut roles = self.roles.lock().unwrap_or_else(PoisonError::into_inner);
        let keyring = roles.entry(key).or_insert_with(|| {
            let issuer = RoleIssuer {
                base,
                role,
                external_id: account.external_id.clone(),
            };
            Arc::new(Keyring::new(Box::new(issuer), Arc::clone(&self.clock)))
        });
        Arc::clone(keyring)
    }

    async fn base(&self) -> Arc<Keyring> {
        let made = self.base.get_or_init(|| async {
            let provider = self.base_provider().await;
            Arc::new(Keyring::new(
                Box::new(FromProvider(provider)),
                Arc::clone(&self.clock),
            ))
        });
        Arc::clone(made.await)
    }

    async fn base_provider(&self) -> SharedCredentialsProvider {
        let config = &self.wiring.config;
        if let Some(keys) = &config.keys {
            let secret = keys.secret_access_key.expose_secret();
            let keys = Credentials::new(
                keys.access_key_id.as_str(),
                secret,
                None,
                None,
                "poamd-config",
            );
            return SharedCredentialsProvider::new(keys);
        }
        let mut provider = ProviderConfig::without_region()
            .with_region(config.region.clone().map(aws_config::Region::new))
            .with_time_source(ContractTime(Arc::clone(&self.clock)))
            .with_sleep_impl(TokioSleep::new());
        if let Some(http) = self.sdk.http_client() {
            provider = provider.with_http_client(http);
        }
        if config.instance_metadata {
            let mut chain = DefaultCredentialsChain::builder().configure(provider);
            if let Some(profile) = &config.profile {
                chain = chain.profile_name(profile);
            }
            return SharedCredentialsProvider::new(chain.build().await);
        }
        SharedCredentialsProvider::new(chain_without_instance(&provider, config.profile.as_deref()))
    }
}

/// The default chain's links but the last, which waits for a metadata service that may not be there.
fn chain_without_instance(
    provider: &ProviderConfig,
    profile: Option<&str>,
) -> CredentialsProviderChain {
    let mut files = ProfileFileCredentialsProvider::builder().configure(provider);
    if let Some(profile) = profile {
        files = files.profile_name(profile);
    }
    let web = WebIdentityTokenCredentialsProvider::builder()
        .configure(provider)
        .build();
    let container = EcsCredentialsProvider::builder()
        .configure(provider)
        .build();
    CredentialsProviderChain::first_try(
        "environment",
        EnvironmentVariableCredentialsProvider::new(),
    )
    .or_else("profile", files.build())
    .or_else("web identity", web)
    .or_else("container", container)
}

/// One pool for all clients, trusting the system's roots and the configured file.
fn http_client(config: &AwsConfig) -> Result<SharedHttpClient> {
    let bad = |path: &std::path::Path, cause: String| {
        ConnectorError::new(
            Retry::Never,
            format!("[aws] ca_file {}: {cause}; give a PEM file", path.display()),
        )
    };
    let mut trust = tls::TrustStore::default();
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(|error| bad(path, error.to_string()))?;
        certificates(&pem).map_err(|cause| bad(path, cause))?;
        trust = trust.with_pem_certificate(pem);
    }
    let context = tls::TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| {
            ConnectorError::new(Retry::Never, format!("[aws] TLS cannot be set up: {error}"))
        })?;
    Ok(aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::AwsLc,
        ))
        .tls_context(context)
        .build_https())
}

/// Whether all of a PEM file is certificates. The SDK's client checks too, but by a panic.
fn certificates(pem: &[u8]) -> Result<(), String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        Err("holds no certificate".to_owned())
    } else {
        Ok(())
    }
}

/// The contract's clock in the SDK's words: requests are signed with the same time everything else has.
struct ContractTime(Arc<dyn Clock>);

impl std::fmt::Debug for ContractTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContractTime")
    }
}

impl TimeSource for ContractTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

/// Assumes one role from the base credentials.
struct RoleIssuer {
    base: Cell,
    role: String,
    external_id: Option<String>,
}

impl std::fmt::Debug for RoleIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleIssuer")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Issuer for RoleIssuer {
    async fn issue(&self) -> Result<Credentials, Trouble> {
        assume(&self.base, &self.role, self.external_id.as_deref()).await
    }
}

/// Assumes `role` with the credentials of `base`.
pub(crate) async fn assume(
    base: &Cell,
    role: &str,
    external_id: Option<&str>,
) -> Result<Credentials, Trouble> {
    let client = base.sts()?;
    let session = session_name(&base.wiring.config.node, base.wiring.chance.next_u64());
    let reply = base
        .call(&ASSUME_ROLE, || {
            let call = client
                .assume_role()
                .role_arn(role)
                .role_session_name(&session)
                .duration_seconds(ROLE_SECONDS)
                .set_external_id(external_id.map(str::to_owned));
            Box::pin(call.send())
        })
        .await
        .map_err(|trouble| Trouble {
            what: format!("{} (role {role})", trouble.what),
            ..trouble
        })?;
    let given = reply.credentials.ok_or_else(|| {
        Trouble::new(Kind::Other, format!("role {role}: sts gave no credentials"))
    })?;
    let end = SystemTime::try_from(given.expiration).map_err(|error| {
        Trouble::new(
            Kind::Other,
            format!("role {role}: unreadable expiry: {error}"),
        )
    })?;
    let token = Some(given.session_token);
    Ok(Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        token,
        Some(end),
        "poamd-role",
    ))
}

/// `poamd-<node>-<some>`: at most 64 characters of `\w+=,.@-`, as STS wants it.
fn session_name(node: &str, chance: u64) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let node: String = node
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(48)
        .collect();
    format!("poamd-{node}-{:08x}", chance >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_ca_file_is_a_message_and_no_panic() {
        assert_eq!(
            certificates(b"hello").err().as_deref(),
            Some("holds no certificate")
        );
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(certificates(broken).is_err());
    }

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(
            session_name("web 1/ü", 0x1234_5678_0000_0000),
            "poamd-web-1---12345678"
        );
        let longest = session_name(&"n".repeat(200), u64::MAX);
        assert!(longest.len() <= 64, "{longest}");
    }
}
