//! A scripted SMTP server on loopback: says what it is told to, records what it hears, ends with the test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use poamd_contract::mailing::{Attachment, MailDraft};
use poamd_mail::{MailConfig, Security};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What the server does when the final dot has come.
#[derive(Clone, Copy, PartialEq)]
pub enum End {
    Say(&'static str),
    Drop,
    Hang,
}

#[derive(Clone)]
pub struct Script {
    pub greeting: &'static str,
    pub capabilities: &'static [&'static str],
    /// Said to EHLO and HELO instead of the capabilities.
    pub ehlo: Option<&'static str>,
    pub auth: &'static str,
    pub mail: &'static str,
    pub rcpt: fn(&str) -> &'static str,
    pub data: &'static str,
    /// Drops the line after the first byte of content.
    pub drop_in_data: bool,
    pub end: End,
    /// Words put in the clear behind the reply to STARTTLS, as somebody on the line would.
    pub injected: &'static str,
    pub tls_first: bool,
    pub certificate: Option<Arc<Identity>>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 scripted",
            capabilities: &["SIZE 1000000"],
            ehlo: None,
            auth: "235 welcome",
            mail: "250 ok",
            rcpt: |_| "250 ok",
            data: "354 go on",
            drop_in_data: false,
            end: End::Say("250 taken as 4711"),
            injected: "",
            tls_first: false,
            certificate: None,
        }
    }
}

pub struct Identity {
    pub ca_pem: String,
    pub certificate_pem: String,
    pub key_pem: String,
    acceptor: TlsAcceptor,
}

/// A CA of its own and a certificate for `localhost` signed by it.
pub fn identity(name: &str) -> Arc<Identity> {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, "poamd test CA");
    let ca_key = KeyPair::generate().unwrap();
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .unwrap();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], der)
        .unwrap();
    Arc::new(Identity {
        ca_pem,
        certificate_pem: leaf.pem(),
        key_pem: key.serialize_pem(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    })
}

pub struct Server {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away in mid-sentence is part of the script.
                let _ = serve(stream, script.clone(), log.clone()).await;
            }
        });
        Self {
            address,
            heard,
            task,
        }
    }

    /// All lines heard, commands and content.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub fn config(&self, security: Security) -> MailConfig {
        MailConfig {
            host: if security == Security::None {
                "127.0.0.1"
            } else {
                "localhost"
            }
            .to_owned(),
            port: self.address.port(),
            security,
            user: None,
            password: None,
            ca_file: None,
            helo: Some("poamd.test".to_owned()),
            timeout: Duration::from_secs(30),
        }
    }

    /// Stops listening; from here on connections are refused.
    pub async fn stop(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Log = Arc<Mutex<Vec<String>>>;

async fn serve(mut stream: TcpStream, script: Script, log: Log) -> std::io::Result<()> {
    if script.tls_first {
        let stream = script
            .certificate
            .clone()
            .unwrap()
            .acceptor
            .accept(stream)
            .await?;
        talk(BufReader::new(stream), &script, &log, true).await?;
        return Ok(());
    }
    let upgrade = talk(BufReader::new(&mut stream), &script, &log, true).await?;
    if upgrade {
        stream
            .write_all(format!("220 go ahead\r\n{}", script.injected).as_bytes())
            .await?;
        let stream = script
            .certificate
            .clone()
            .unwrap()
            .acceptor
            .accept(stream)
            .await?;
        log.lock().unwrap().push("(TLS)".to_owned());
        talk(BufReader::new(stream), &script, &log, false).await?;
    }
    Ok(())
}

/// Talks until the client leaves; true if it asked for STARTTLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    script: &Script,
    log: &Log,
    greet: bool,
) -> std::io::Result<bool> {
    if greet {
        stream
            .write_all(format!("{}\r\n", script.greeting).as_bytes())
            .await?;
        stream.flush().await?;
    }
    let mut content = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        log.lock().unwrap().push(line.clone());
        if content {
            if script.drop_in_data {
                return Ok(false);
            }
            if line != "." {
                continue;
            }
            content = false;
            match script.end {
                End::Drop => return Ok(false),
                End::Hang => std::future::pending::<()>().await,
                End::Say(words) => stream.write_all(format!("{words}\r\n").as_bytes()).await?,
            }
            stream.flush().await?;
            continue;
        }
        let reply = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if script.ehlo.is_some() => {
                format!("{}\r\n", script.ehlo.unwrap_or_default())
            }
            "EHLO" => {
                let mut names = vec!["scripted"];
                names.extend(script.capabilities);
                let last = names.len() - 1;
                names
                    .iter()
                    .enumerate()
                    .fold(String::new(), |all, (n, name)| {
                        format!("{all}250{}{name}\r\n", if n == last { ' ' } else { '-' })
                    })
            }
            "STARTTLS" => return Ok(true),
            "AUTH" => format!("{}\r\n", script.auth),
            "MAIL" => format!("{}\r\n", script.mail),
            "RCPT" => format!("{}\r\n", (script.rcpt)(&line)),
            "DATA" => {
                content = script.data.starts_with('3');
                format!("{}\r\n", script.data)
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                stream.flush().await?;
                return Ok(false);
            }
            _ => "500 what?\r\n".to_owned(),
        };
        stream.write_all(reply.as_bytes()).await?;
        stream.flush().await?;
    }
}

pub fn draft() -> MailDraft {
    MailDraft {
        from: "poamd <poamd@example.gov>".to_owned(),
        to: vec![
            "ISSO <isso@example.gov>".to_owned(),
            "ao@example.gov".to_owned(),
        ],
        subject: "POA&M of prod: 3 late – 12 open".to_owned(),
        message_id: "<r.abcdefghijklmnopqrstuvwxyz@example.gov>".to_owned(),
        date: "2026-11-22T06:10:00Z".parse().unwrap(),
        text: "Plain text with an umlaut: ü\n.\nA line after a lone dot.\n".to_owned(),
        html: "<!doctype html><html lang=\"en\"><body><p>HTML with an umlaut: ü</p></body></html>"
            .to_owned(),
        attachments: vec![Attachment {
            name: "poam 2026/11.csv".to_owned(),
            media_type: "text/csv; charset=utf-8".to_owned(),
            bytes: b"id,title\r\nPOAM-000001,\"one\ntwo\"\r\n".to_vec(),
        }],
    }
}

pub fn write(folder: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}
