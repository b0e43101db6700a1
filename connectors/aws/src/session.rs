//! From an account to credentials and clients: base credentials, assumed roles, one HTTP pool.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

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
use poamd_contract::account::AccountAccess;
use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::error::Result;
use poamd_contract::ids::{Partition, Region};
use poamd_contract::secret::ExposeSecret;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use crate::cell::{Cell, Wiring};
use crate::config::AwsConfig;
use crate::credentials::{FromProvider, Keyring};
use crate::error::{Kind, Trouble};
use crate::http;
use crate::pace::Pace;
use crate::probe;
use crate::role::RoleIssuer;
use crate::throttle::Throttle;

const CONNECT: Duration = Duration::from_secs(5);
const FIRST_BYTE: Duration = Duration::from_secs(15);
const ATTEMPT: Duration = Duration::from_secs(60);

/// Role and external id: what an identity is told apart by.
type RoleKey = (String, Option<String>);

/// Whose the base credentials are: an access key is one account's for good.
struct Owner {
    access_key_id: String,
    account: String,
}

/// Everything needed to reach any account.
pub(crate) struct Session {
    wiring: Arc<Wiring>,
    clock: Arc<dyn Clock>,
    sdk: SdkConfig,
    base: OnceCell<Arc<Keyring>>,
    owner: AsyncMutex<Option<Owner>>,
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
            .http_client(http::client(&config)?)
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
        let throttle = Throttle::new(config.budget);
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
            owner: AsyncMutex::default(),
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
            None => {
                self.prove_base(account).await?;
                self.base().await
            }
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

    /// A role's ARN names its account; base credentials could be anybody's, and what another account holds or lacks
    /// would be taken for this one's.
    async fn prove_base(&self, account: &AccountAccess) -> Result<(), Trouble> {
        let base = self.base_cell(account).await;
        let key = base.keyring.ready().await?.access_key_id().to_owned();
        let mut owner = self.owner.lock().await;
        let known = owner.as_ref().filter(|known| known.access_key_id == key);
        let whose = match known {
            Some(known) => known.account.clone(),
            None => probe::caller(&base).await?,
        };
        *owner = Some(Owner {
            access_key_id: key,
            account: whose.clone(),
        });
        if whose == account.id.as_str() {
            return Ok(());
        }
        let id = &account.id;
        Err(Trouble::new(
            Kind::Denied,
            format!(
                "account {id}: the base credentials belong to account {whose}, not {id}: give the account a role in it \
                 (poamd account add --role), or run with credentials of {id}"
            ),
        ))
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
