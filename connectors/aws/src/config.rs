//! What the application tells this connector: plain data, no SDK types, nothing read from the
//! environment here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use poamd_contract::secret::SecretString;

/// A fixed pair of keys. For tests, the demo and estates without any other way; a role is better.
#[derive(Debug, Clone)]
pub struct StaticKeys {
    pub access_key_id: String,
    pub secret_access_key: SecretString,
}

/// How to reach AWS.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// Region whose STS endpoint is asked for roles; `None` takes the account's first region.
    pub region: Option<String>,
    /// One endpoint for every service (VPC endpoint, emulator).
    pub endpoint_url: Option<String>,
    /// Endpoints by service (`securityhub`, `guardduty`, `inspector2`, `inspector`, `ec2`, `iam`, `organizations`,
    /// `s3`, `sts`);
    /// they win over `endpoint_url`.
    pub endpoint_urls: BTreeMap<String, String>,
    /// Profile of the shared configuration files for the base credentials.
    pub profile: Option<String>,
    /// Base credentials; `None` asks the default chain (environment, profile, web identity, container, instance).
    pub keys: Option<StaticKeys>,
    /// Whether the default chain may ask the instance metadata service (it waits where there is none).
    pub instance_metadata: bool,
    /// Only FIPS endpoints. Where AWS has none, the cell fails with words that say so.
    pub use_fips: bool,
    /// This machine's name in role session names (`poamd-<node>-…`), so that CloudTrail tells machines apart.
    pub node: String,
    /// Further trusted certificates, PEM, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Attempts per call, the first included; at least 1.
    pub attempts: u32,
    /// Share of AWS's published rate that is ours, 0.01–1.0; the account's other tools need the rest.
    pub budget: f64,
    /// Chains of pages that are read beside each other in one cell, at most.
    pub chains: usize,
}

impl Default for AwsConfig {
    /// Attempts and rate: `reliability-security.md` F1 and F2.
    fn default() -> Self {
        Self {
            region: None,
            endpoint_url: None,
            endpoint_urls: BTreeMap::new(),
            profile: None,
            keys: None,
            instance_metadata: true,
            use_fips: false,
            node: "node".to_owned(),
            ca_file: None,
            attempts: 6,
            budget: 0.66,
            chains: 6,
        }
    }
}

impl AwsConfig {
    /// The endpoint set for a service, if any.
    pub(crate) fn endpoint_of(&self, service: &str) -> Option<&str> {
        self.endpoint_urls
            .get(service)
            .or(self.endpoint_url.as_ref())
            .map(String::as_str)
    }
}
