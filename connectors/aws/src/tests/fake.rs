//! A service on loopback that answers each request by a closure and keeps what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path with query (`POST /findings`).
    pub line: String,
    pub head: String,
    pub body: String,
}

impl Asked {
    /// The service of the signature's scope.
    pub(crate) fn service(&self) -> &str {
        let scope = self.head.split("/aws4_request").next().unwrap_or_default();
        scope.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn says(&self, text: &str) -> bool {
        self.line.contains(text) || self.body.contains(text) || self.head.contains(text)
    }
}

/// What is answered.
pub(crate) struct Reply {
    status: u16,
    headers: String,
    body: String,
}

pub(crate) fn ok(body: impl Into<String>) -> Reply {
    Reply {
        status: 200,
        headers: String::new(),
        body: body.into(),
    }
}

/// What STS says of credentials of `account`.
pub(crate) fn identity(account: &str) -> Reply {
    ok(format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    ))
}

/// An error as the JSON services write it.
pub(crate) fn json_error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
    Reply {
        status,
        headers: format!("x-amzn-errortype: {code}\r\n"),
        body,
    }
}

/// An error as the XML services write it (query protocol; S3 differs).
pub(crate) fn xml_error(status: u16, code: &str, message: &str) -> Reply {
    let error = format!(
        "<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Reply {
        status,
        headers: String::new(),
        body: format!("<ErrorResponse>{error}</ErrorResponse>"),
    }
}

/// An error as EC2 writes it.
pub(crate) fn ec2_error(status: u16, code: &str, message: &str) -> Reply {
    let error =
        format!("<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>");
    Reply {
        status,
        headers: String::new(),
        body: format!("<Response>{error}<RequestID>r</RequestID></Response>"),
    }
}

/// An error as S3 writes it.
pub(crate) fn s3_error(status: u16, code: &str) -> Reply {
    let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    Reply {
        status,
        headers: String::new(),
        body,
    }
}

/// The service; it stops when dropped.
pub(crate) struct Fake {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// `answer` gets the request and how many came before it. Base credentials belong to [`super::ACCOUNT`].
    pub(crate) async fn start(
        answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::owned_by(super::ACCOUNT, answer).await
    }

    /// The same where the base credentials belong to `owner`. That question is answered here and not kept.
    pub(crate) async fn owned_by(
        owner: &'static str,
        answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, owner, &log, &*answer).await });
            }
        });
        Self { url, asked, task }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

async fn serve(
    mut stream: TcpStream,
    owner: &str,
    log: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(&Asked, usize) -> Reply + Send + Sync),
) {
    let Some(asked) = read(&mut stream).await else {
        return;
    };
    let base = asked.says("Action=GetCallerIdentity") && asked.says("Credential=testing/");
    let Reply {
        status,
        headers,
        body,
    } = if base {
        identity(owner)
    } else {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        let before = log.len() - 1;
        drop(log);
        answer(&asked, before)
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(|n| n.trim().parse().ok())
        })
        .flatten()
        .unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let line = head
        .split(" HTTP/1.1")
        .next()
        .unwrap_or_default()
        .to_owned();
    Some(Asked {
        line,
        head,
        body: String::from_utf8_lossy(&bytes[end..]).into_owned(),
    })
}
