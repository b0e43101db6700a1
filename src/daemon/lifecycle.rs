//! Readiness, watchdog, signals: what systemd and an operator see of the daemon.

use std::sync::Arc;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::heartbeat::{BEAT, Heartbeats, SILENCE};
use crate::jobs::Context;

/// Reads the configuration again on SIGHUP.
pub trait Reload: Send + Sync {
    /// The context of the new configuration over the same store; an error leaves the old one in force.
    fn reload(&self, old: &Context) -> Result<Context, String>;
}

pub(super) struct Lifecycle {
    pub hearts: Heartbeats,
    pub reload: Arc<dyn Reload>,
    pub contexts: watch::Sender<Context>,
    pub stop: CancellationToken,
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

/// A signal's stream; without one (never seen outside exotic sandboxes) it just never comes.
async fn next(stream: &mut Option<Signal>) {
    match stream {
        Some(stream) => {
            stream.recv().await;
        }
        None => std::future::pending().await,
    }
}

impl Lifecycle {
    pub fn ready(&self) {
        tell(&[
            NotifyState::Ready,
            NotifyState::Status("working by schedule"),
        ]);
        tracing::info!("ready");
    }

    /// Returns when a stop is wanted; the future it returns ends with the second signal.
    pub async fn until_stopped(self) -> impl Future<Output = ()> {
        let open = |kind| {
            signal(kind)
                .inspect_err(|error| tracing::warn!(%error, "a signal cannot be heard"))
                .ok()
        };
        let mut term = open(SignalKind::terminate());
        let mut int = open(SignalKind::interrupt());
        let mut hup = open(SignalKind::hangup());
        loop {
            tokio::select! {
                () = next(&mut term) => break,
                () = next(&mut int) => break,
                () = self.stop.cancelled() => break,
                () = next(&mut hup) => self.take_reload(),
                () = tokio::time::sleep(BEAT) => self.feed_watchdog(),
            }
        }
        tell(&[
            NotifyState::Stopping,
            NotifyState::Status("putting down what is in hand"),
        ]);
        tracing::info!("stopping: no new work is begun; a second signal cuts off what is in hand");
        self.stop.cancel();
        async move {
            tokio::select! {
                () = next(&mut term) => {}
                () = next(&mut int) => {}
            }
        }
    }

    fn feed_watchdog(&self) {
        let silent = self.hearts.silent(SILENCE);
        if silent.is_empty() {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(loops = ?silent, "a loop hangs; the watchdog is not fed");
        }
    }

    fn take_reload(&self) {
        let mut state = vec![NotifyState::Reloading];
        state.extend(NotifyState::monotonic_usec_now().ok());
        tell(&state);
        let old = self.contexts.borrow().clone();
        match self.reload.reload(&old) {
            Ok(context) => {
                self.contexts.send_replace(context);
                tracing::info!("configuration read again");
                tell(&[
                    NotifyState::Ready,
                    NotifyState::Status("working by schedule"),
                ]);
            }
            Err(why) => {
                tracing::error!(%why, "the new configuration is not taken, the old one stays in force");
                tell(&[
                    NotifyState::Ready,
                    NotifyState::Status("the last reload was refused; see the log"),
                ]);
            }
        }
    }
}
