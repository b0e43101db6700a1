//! Which certificates the client takes. A refused one is a set-up to mend: nothing of the call has left.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use poamd_contract::error::{ConnectorError, Retry};
use poamd_contract::secret::SecretString;
use poamd_http::{Call, Client, Endpoint, Method, Options, Reply, SignIn};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A server with a certificate of its own CA.
struct Server {
    url: String,
    ca_pem: String,
    /// Requests that were heard after a handshake.
    heard: Arc<AtomicUsize>,
}

impl Server {
    /// `name` and years of validity are those of its certificate.
    async fn start(name: &str, years: (i32, i32)) -> Self {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.not_before = date_time_ymd(years.0, 1, 1);
        leaf.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], der)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let heard = Arc::new(AtomicUsize::new(0));
        let count = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut buffer = [0; 4096];
                if matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { url, ca_pem, heard }
    }

    /// A write by a client that trusts this CA besides the system's.
    async fn write(&self, ca_pem: Option<&str>) -> Result<Reply, ConnectorError> {
        let folder = tempfile::tempdir().unwrap();
        let ca_file: Option<PathBuf> = ca_pem.map(|pem| {
            let path = folder.path().join("ca.pem");
            std::fs::write(&path, pem).unwrap();
            path
        });
        let endpoint = Endpoint {
            ca_file,
            timeout: Duration::from_secs(20),
            ..Endpoint::new(self.url.parse().unwrap())
        };
        let sign_in = SignIn::Bearer(SecretString::from("hunter2-token"));
        let options = Options {
            in_flight: 1,
            error_text: |_| None,
        };
        let client = Client::new(endpoint, sign_in, options)?;
        let call = Call::write(Method::POST, "thing", json!({ "a": 1 }));
        client.send_json(&call).await
    }

    async fn refuses(&self, ca_pem: Option<&str>, why: &str) {
        let error = self.write(ca_pem).await.unwrap_err();
        assert_eq!(error.retry, Retry::Later(None), "nothing left: {error:?}");
        assert!(error.what.contains(why), "{}", error.what);
        assert!(error.what.contains("127.0.0.1"), "{}", error.what);
        assert_eq!(self.heard.load(Ordering::SeqCst), 0, "no request left");
    }
}

const VALID: (i32, i32) = (2020, 4000);

#[tokio::test]
async fn a_certificate_of_the_own_ca_is_taken() {
    let server = Server::start("127.0.0.1", VALID).await;
    let reply = server.write(Some(&server.ca_pem)).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(server.heard.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_ca_is_refused() {
    let server = Server::start("127.0.0.1", VALID).await;
    let other = Server::start("127.0.0.1", VALID).await;
    server.refuses(None, "certificate").await;
    server.refuses(Some(&other.ca_pem), "certificate").await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let server = Server::start("127.0.0.1", (2020, 2021)).await;
    server.refuses(Some(&server.ca_pem), "certificate").await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = Server::start("desk.example", VALID).await;
    server.refuses(Some(&server.ca_pem), "certificate").await;
}
