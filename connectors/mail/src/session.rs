//! Opening a conversation with the server: resolve, connect, TLS, sign in.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, TlsParameters, TlsVersion,
};
use lettre::transport::smtp::extension::ClientId;
use poamd_contract::error::{ConnectorError, Result, Retry};
use poamd_contract::secret::ExposeSecret;

use crate::config::{MailConfig, Security};
use crate::failure::StepError;

/// How long a goodbye may take; nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(2);

/// How far the opening came; the order is that of the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Connect,
    Tls,
    SignIn,
}

/// Waits for one step, at most as long as the set-up allows.
pub(crate) async fn step<T>(
    limit: Duration,
    work: impl Future<Output = std::result::Result<T, SmtpError>>,
) -> std::result::Result<T, StepError> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StepError::Smtp(error)),
        Err(_) => Err(StepError::TimedOut(limit)),
    }
}

/// Connects, negotiates TLS and signs in. An error says how far it came, and is `Later` or `Auth`: whatever is wrong
/// here is no verdict on the mail, which waits until it is put right.
pub(crate) async fn open(
    config: &MailConfig,
) -> std::result::Result<AsyncSmtpConnection, (Stage, ConnectorError)> {
    try_open(config).await.map_err(|(stage, mut error)| {
        if error.retry != Retry::Auth {
            error.retry = Retry::Later(None);
        }
        (stage, error)
    })
}

async fn try_open(
    config: &MailConfig,
) -> std::result::Result<AsyncSmtpConnection, (Stage, ConnectorError)> {
    let addresses = resolve(config)
        .await
        .map_err(|error| (Stage::Connect, error))?;
    let wrapper = match config.security {
        Security::Tls => Some(
            tls_parameters(config)
                .await
                .map_err(|error| (Stage::Tls, error))?,
        ),
        Security::StartTls | Security::None => None,
    };
    let hello = hello_name(config);
    let mut connection = connect(config, &addresses, &hello, wrapper)
        .await
        .map_err(|error| (Stage::Connect, connect_error(config, error)))?;
    if config.security == Security::StartTls
        && let Err(error) = start_tls(config, &mut connection, &hello).await
    {
        // No goodbye: after a failed negotiation there is no line left to say it on.
        return Err((Stage::Tls, error));
    }
    if let Err(error) = sign_in(config, &mut connection).await {
        close(connection).await;
        return Err((Stage::SignIn, error));
    }
    Ok(connection)
}

/// Tries the addresses in turn. Each gets its share of the time, so that one which swallows everything leaves some for
/// the next.
async fn connect(
    config: &MailConfig,
    addresses: &[SocketAddr],
    hello: &ClientId,
    wrapper: Option<TlsParameters>,
) -> std::result::Result<AsyncSmtpConnection, StepError> {
    let share = config.timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let connecting =
        AsyncSmtpConnection::connect_tokio1(addresses, Some(share), hello, wrapper, None);
    step(config.timeout, connecting).await
}

/// Says goodbye and forgets the connection, whatever the server answers.
pub(crate) async fn close(mut connection: AsyncSmtpConnection) {
    // The verdict on the mail is already known; a server that does not say goodbye changes nothing.
    let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
}

async fn resolve(config: &MailConfig) -> Result<Vec<SocketAddr>> {
    let looked_up = tokio::time::timeout(
        config.timeout,
        tokio::net::lookup_host((config.host.as_str(), config.port)),
    );
    let found: Vec<SocketAddr> = match looked_up.await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return Err(later(format!(
                "mail server {}: the name has no address ({error}); see host",
                at(config)
            ))
            .with_source(error));
        }
        Err(_) => {
            return Err(later(format!(
                "mail server {}: the name server did not answer in time",
                at(config)
            )));
        }
    };
    if config.security != Security::None {
        return Ok(found);
    }
    // A hosts file or resolver that sends "localhost" elsewhere must not make mail leave in the clear.
    let near: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| address.ip().is_loopback())
        .collect();
    if near.is_empty() {
        let what = format!(
            "mail server {}: the name does not mean this machine, and there is no TLS",
            at(config)
        );
        return Err(later(what));
    }
    Ok(near)
}

async fn start_tls(
    config: &MailConfig,
    connection: &mut AsyncSmtpConnection,
    hello: &ClientId,
) -> Result<()> {
    if !connection.can_starttls() {
        let what = format!(
            "mail server {} does not offer STARTTLS, so it gets no mail; \
             switch TLS on there, or set security = \"tls\" if the port speaks TLS from the start",
            at(config)
        );
        return Err(later(what));
    }
    let parameters = tls_parameters(config).await?;
    step(config.timeout, connection.starttls(parameters, hello))
        .await
        .map_err(|error| {
            let what = format!(
                "mail server {}: TLS failed: {}{}",
                at(config),
                error.words(),
                tls_hint(&error.words())
            );
            let retry = error.retry();
            error.into_error(retry, what)
        })
}

async fn sign_in(config: &MailConfig, connection: &mut AsyncSmtpConnection) -> Result<()> {
    let (Some(user), Some(password)) = (&config.user, &config.password) else {
        return Ok(());
    };
    if connection
        .server_info()
        .get_auth_mechanism(DEFAULT_MECHANISMS)
        .is_none()
    {
        let what = format!(
            "mail server {} offers no sign-in that we speak (PLAIN, LOGIN); remove user and password if it wants none",
            at(config)
        );
        return Err(later(what));
    }
    let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
    let answer = step(
        config.timeout,
        connection.auth(DEFAULT_MECHANISMS, &credentials),
    )
    .await;
    let failure = match answer {
        Ok(answer) if answer.has_code(235) => return Ok(()),
        Ok(answer) => StepError::OutOfStep {
            wanted: 235,
            got: answer.code().to_string(),
        },
        Err(failure) => failure,
    };
    let what = format!(
        "mail server {}: sign-in as {user} failed: {}; see user and the secret that password names",
        at(config),
        failure.words()
    );
    // Any refusal of credentials pauses the connection; repeated sign-ins lock accounts.
    let retry = if failure.code().is_some_and(|code| code >= 500) {
        Retry::Auth
    } else {
        failure.retry()
    };
    Err(failure.into_error(retry, what))
}

/// Trust: the machine's own roots and `ca_file`. Certificates are always verified, from TLS 1.2 on.
async fn tls_parameters(config: &MailConfig) -> Result<TlsParameters> {
    let mut builder =
        TlsParameters::builder(config.host.clone()).set_min_tls_version(TlsVersion::Tlsv12);
    if let Some(path) = &config.ca_file {
        let wrong = |cause: String| {
            let what = format!(
                "mail: ca_file {}: {cause}; it must be a readable PEM certificate",
                path.display()
            );
            later(what)
        };
        let pem = tokio::fs::read(path)
            .await
            .map_err(|error| wrong(error.to_string()).with_source(error))?;
        if !pem
            .windows(27)
            .any(|window| window == b"-----BEGIN CERTIFICATE-----")
        {
            return Err(wrong("holds no certificate".to_owned()));
        }
        let certificate = Certificate::from_pem(&pem)
            .map_err(|error| wrong(error.to_string()).with_source(error))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| {
        let what = format!("mail server {}: TLS cannot be set up: {error}", at(config));
        later(what).with_source(error)
    })
}

fn connect_error(config: &MailConfig, error: StepError) -> ConnectorError {
    let words = error.words();
    let hint = match (&error, config.security) {
        (StepError::TimedOut(_), Security::StartTls) => {
            "; a port that speaks TLS from the start (usually 465) wants security = \"tls\""
        }
        _ => tls_hint(&words),
    };
    let retry = error.retry();
    error.into_error(
        retry,
        format!("mail server {} cannot be used: {words}{hint}", at(config)),
    )
}

fn tls_hint(words: &str) -> &'static str {
    if words.contains("UnknownIssuer") {
        "; name the CA that signed its certificate in ca_file"
    } else if words.contains("NotValidForName") || words.contains("not valid for name") {
        "; host must be the name in its certificate"
    } else if words.contains("InvalidContentType") {
        "; a port that starts in the clear (usually 587) wants security = \"starttls\""
    } else {
        ""
    }
}

fn hello_name(config: &MailConfig) -> ClientId {
    config
        .helo
        .clone()
        .map_or_else(ClientId::default, ClientId::Domain)
}

fn later(what: String) -> ConnectorError {
    ConnectorError::new(Retry::Later(None), what)
}

/// `host:port`, for messages.
pub(crate) fn at(config: &MailConfig) -> String {
    format!("{}:{}", config.host, config.port)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    use super::*;

    /// An address that answers no connection, as behind a firewall that drops: its queue is full. What is returned
    /// beside it has to be kept.
    async fn black_hole() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            waiting.push(stream.unwrap());
        }
        (address, listener, waiting)
    }

    #[tokio::test]
    async fn an_address_that_swallows_everything_leaves_time_for_the_next() {
        let (swallows, _listener, _waiting) = black_hole().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            stream.write_all(b"220 hello\r\n").await.unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            stream.write_all(b"250 scripted\r\n").await.unwrap();
            line
        });
        let config = MailConfig {
            host: "127.0.0.1".to_owned(),
            port: answers.port(),
            security: Security::None,
            user: None,
            password: None,
            ca_file: None,
            helo: None,
            timeout: Duration::from_secs(3),
        };
        let hello = ClientId::Domain("poamd.test".to_owned());
        let connected = connect(&config, &[swallows, answers], &hello, None).await;
        assert!(connected.is_ok(), "{:?}", connected.err());
        assert_eq!(server.await.unwrap(), "EHLO poamd.test\r\n");
    }
}
