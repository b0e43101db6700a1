//! Where a connector connects to, and the one place that builds a `reqwest` client.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use poamd_contract::error::{ConnectorError, Result, Retry};
use reqwest::Certificate;
use url::{Host, Url};

/// Time to connect, TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// Time for a whole call. Half of what ServiceNow grants a REST transaction (60 s, `itsm.md` 2.6).
const TOTAL: Duration = Duration::from_secs(30);

/// An address and the way to it.
#[derive(Clone)]
pub struct Endpoint {
    /// Everything before the API's own path. `https`, or `http` to a loopback address.
    pub base_url: Url,
    /// PEM certificates trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Used for every address but loopback. The environment's proxy variables are not read.
    pub proxy: Option<Url>,
    /// Time for a whole call, connecting included.
    pub timeout: Duration,
}

/// Shows no credentials of a proxy.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("base_url", &self.base_url.as_str())
            .field("ca_file", &self.ca_file)
            .field(
                "proxy",
                &self
                    .proxy
                    .as_ref()
                    .map(|url| url.host_str().unwrap_or_default().to_owned()),
            )
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl Endpoint {
    /// The address alone, with the usual times (connect 5 s, whole call 30 s).
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            ca_file: None,
            proxy: None,
            timeout: TOTAL,
        }
    }

    /// Host and port, as errors name it.
    pub(crate) fn name(&self) -> String {
        let host = self.base_url.host_str().unwrap_or("?");
        self.base_url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// The address of a path below the base, each segment percent-encoded.
    pub(crate) fn join(&self, path: &str, query: &[(String, String)]) -> Url {
        let mut url = self.base_url.clone();
        // Cannot fail: `check` admits only http and https, which have segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.split('/'));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// The client for it. Errors are `Never`: the set-up has to change.
    pub(crate) fn client(&self) -> Result<reqwest::Client> {
        self.check()?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("poamd/", env!("CARGO_PKG_VERSION")))
            // Below the whole, so that a peer stuck in its handshake is told from one that took the request.
            .connect_timeout(CONNECT.min(self.timeout / 2))
            .timeout(self.timeout)
            .redirect(reqwest::redirect::Policy::none())
            // A repeat is the outbox's decision, never the client's.
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy();
        if self.base_url.scheme() == "http" {
            // No TLS will ever be spoken (redirects are off), so a machine without system roots is no obstacle.
            builder = builder.tls_certs_only([]).https_only(false);
        } else {
            builder = builder
                .https_only(true)
                .tls_version_min(reqwest::tls::Version::TLS_1_2);
            builder = builder.tls_certs_merge(self.own_certificates()?);
        }
        if let Some(proxy) = self.proxy.as_ref().filter(|_| !self.is_loopback()) {
            let proxy = reqwest::Proxy::all(proxy.as_str())
                .map_err(|_| self.wrong("the proxy is not a usable address"))?;
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|error| {
            self.wrong(&format!(
                "the HTTP client cannot be set up: {}",
                crate::judge::chain(&error)
            ))
        })
    }

    fn check(&self) -> Result<()> {
        let url = &self.base_url;
        match url.scheme() {
            "https" => {}
            "http" if self.is_loopback() => {}
            "http" => {
                return Err(self.wrong("plain http goes to loopback addresses only: use https"));
            }
            other => {
                return Err(self.wrong(&format!("{other} is not a scheme poamd speaks: use https")));
            }
        }
        if url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
            return Err(self.wrong(
                "the address must name a host and no user or password: set those by their own keys",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(self.wrong("the address must end with its path: take ? and # away"));
        }
        Ok(())
    }

    fn is_loopback(&self) -> bool {
        match self.base_url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            // RFC 6761: never resolved to anything else.
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    fn own_certificates(&self) -> Result<Vec<Certificate>> {
        let Some(path) = &self.ca_file else {
            return Ok(Vec::new());
        };
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| {
            self.wrong(&format!(
                "ca_file {shown} cannot be read ({error}): check the path and its rights"
            ))
        })?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        if certificates.is_empty() {
            return Err(self.wrong(&format!("ca_file {shown} holds no PEM certificate: give the CA's as -----BEGIN CERTIFICATE-----")));
        }
        Ok(certificates)
    }

    fn wrong(&self, cause: &str) -> ConnectorError {
        ConnectorError::new(Retry::Never, format!("{}: {cause}", self.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(url.parse().unwrap())
    }

    #[test]
    fn plain_http_goes_to_loopback_only() {
        for good in [
            "http://127.0.0.1:8080",
            "http://[::1]:1/x",
            "http://localhost/",
            "https://desk.example",
        ] {
            assert!(endpoint(good).check().is_ok(), "{good}");
        }
        for bad in [
            "http://desk.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://u:p@desk.example",
            "https://desk.example/?a=b",
        ] {
            assert!(
                matches!(endpoint(bad).check(), Err(e) if e.retry == Retry::Never),
                "{bad}"
            );
        }
    }

    #[test]
    fn paths_are_joined_below_the_base_and_encoded() {
        let query = vec![("q".to_owned(), "a=b^c d".to_owned())];
        for base in ["https://h/ex/jira/1", "https://h/ex/jira/1/"] {
            assert_eq!(
                endpoint(base)
                    .join("rest/api/3/issue/A ?B", &query)
                    .as_str(),
                "https://h/ex/jira/1/rest/api/3/issue/A%20%3FB?q=a%3Db%5Ec+d"
            );
        }
    }

    #[test]
    fn a_proxy_password_is_not_shown() {
        let mut endpoint = endpoint("https://h");
        endpoint.proxy = Some("http://user:hunter2@proxy:3128".parse().unwrap());
        assert!(!format!("{endpoint:?}").contains("hunter2"));
    }

    #[test]
    fn a_ca_file_that_is_none_is_refused_with_its_name() {
        let mut endpoint = endpoint("https://h");
        endpoint.ca_file = Some("no/such/ca.pem".into());
        assert!(
            endpoint
                .client()
                .unwrap_err()
                .what
                .contains("no/such/ca.pem")
        );
    }
}
