//! One HTTP pool for all clients, and what it trusts.

use std::path::Path;

use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use poamd_contract::error::{ConnectorError, Result, Retry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::AwsConfig;

/// One pool for all clients, trusting the system's roots and the configured file.
pub(crate) fn client(config: &AwsConfig) -> Result<SharedHttpClient> {
    let bad = |path: &Path, cause: String| {
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
}
