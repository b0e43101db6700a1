//! An SMTP server on loopback: enough of RFC 5321 for a real client, with AUTH PLAIN and LOGIN, SIZE and
//! 8BITMIME. It keeps every mail it accepts, and can misbehave like servers in the field.
//!
//! Not in it: TLS. Off loopback poamd demands it; that is tested against a server of other hands.

mod mailbox;
mod session;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::history::History;
pub use mailbox::Mail;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmtpFault {
    /// 451 to the first recipient of one mail.
    Greylist,
    /// 550 to this recipient, for good.
    RefuseRecipient(String),
    /// The mail is accepted and the connection closed instead of the answer to the final dot.
    DropAfterDot,
    /// The connection is closed while the mail's body comes in; nothing is accepted.
    DropInData,
    /// The greeting of the next connection comes this much later.
    SlowBanner(Duration),
    /// 421 to the next connection.
    Busy,
    /// 554 to the next mail after its final dot.
    RefuseMail,
}

impl SmtpFault {
    /// Stays after it struck.
    fn stands(&self) -> bool {
        matches!(self, Self::RefuseRecipient(_))
    }
}

/// How the server is to be.
pub struct Options {
    /// 0 takes a free one.
    pub port: u16,
    pub history: History,
    /// User name and password that are asked for; `None` takes mail from anybody.
    pub login: Option<(String, String)>,
    /// Where each accepted mail is written as `NNN-<subject>.eml`; made if missing.
    pub mails: Option<PathBuf>,
    /// Largest mail in bytes, as SIZE announces it.
    pub size: usize,
}

impl Options {
    /// A free port, no login, no files, 25 MiB.
    pub fn new(history: History) -> Self {
        Self {
            port: 0,
            history,
            login: None,
            mails: None,
            size: 25 * 1024 * 1024,
        }
    }
}

/// The running server; dropping it stops it.
pub struct SmtpStandIn {
    address: SocketAddr,
    inner: Arc<Inner>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

struct Inner {
    history: History,
    login: Option<(String, String)>,
    mails: Option<PathBuf>,
    size: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mails: Vec<Mail>,
    faults: VecDeque<SmtpFault>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the first fault that `wanted` accepts; standing ones stay.
    fn fault(&self, wanted: impl Fn(&SmtpFault) -> bool) -> Option<SmtpFault> {
        let mut state = self.state();
        let place = state.faults.iter().position(wanted)?;
        let fault = state.faults.get(place).cloned()?;
        if !fault.stands() {
            state.faults.remove(place);
        }
        Some(fault)
    }
}

impl SmtpStandIn {
    /// Starts it on 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be bound or the folder for mails cannot be made.
    pub async fn start(options: Options) -> io::Result<Self> {
        if let Some(folder) = &options.mails {
            std::fs::create_dir_all(folder)?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            history: options.history,
            login: options.login,
            mails: options.mails,
            size: options.size,
            state: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, Arc::clone(&inner), stop.clone()));
        Ok(Self {
            address,
            inner,
            stop,
            task: Some(task),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// All mails accepted so far, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.inner.state().mails.clone()
    }

    /// Adds a fault; each strikes once, but a refused recipient stays refused.
    pub fn add_fault(&self, fault: SmtpFault) {
        self.inner.state().faults.push_back(fault);
    }

    pub fn clear_faults(&self) {
        self.inner.state().faults.clear();
    }

    /// Closes the listener and every connection, and waits until that is done.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            // It ends by the token; a failure would be a cancelled runtime, which stops it as well.
            let _ = task.await;
        }
    }
}

impl Drop for SmtpStandIn {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, inner: Arc<Inner>, stop: CancellationToken) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = sessions.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let inner = Arc::clone(&inner);
                    // A session's error is the caller's going away.
                    sessions.spawn(async move { let _ = session::run(stream, &inner).await; });
                }
                Err(error) => {
                    tracing::warn!(%error, "stand-in cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            },
        }
    }
    sessions.shutdown().await;
}

#[cfg(test)]
mod tests;
