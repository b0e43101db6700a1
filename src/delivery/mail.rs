//! Hands queued mails to the mail server: claim before the first byte, one verdict a mail, written with its event.
//!
//! Reports arrive at least once (`reliability-security.md` 2.1): where nobody can say whether the server took a mail,
//! the same bytes go out again, with the same Message-ID, so that servers and readers can tell the copies.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::chance::Chance;
use poamd_contract::clock::Clock;
use poamd_contract::error::{ConnectorError, Retry};
use poamd_contract::mailing::{Accepted, Mailer};
use tokio_util::sync::CancellationToken;

use crate::domain::mail::MailState;
use crate::store::mails::{self, Claimed, Verdict};
use crate::store::{Result, Store};

/// How long an unclear mail waits before the same bytes go out again.
pub const UNCLEAR_WAIT: TimeDelta = TimeDelta::minutes(5);
/// How long a mail that was tried is tried again.
pub const LIFE: TimeDelta = TimeDelta::days(3);
/// The longest that handing over one mail may take, unless set otherwise.
const SEND_LIMIT: Duration = Duration::from_secs(270);
/// By so much the lease outlasts the attempt.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(4 * 3600);
/// However long a server wants us to wait.
const LONGEST_ASKED: Duration = Duration::from_secs(12 * 3600);

/// Sends what waits in the mail outbox.
#[derive(Clone)]
pub struct MailDispatcher {
    store: Store,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    /// Who claims; different for every process that lives at the same time.
    holder: String,
    send_limit: Duration,
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct MailSummary {
    pub sent: u64,
    pub retried: u64,
    pub rejected: u64,
    pub ambiguous: u64,
    pub expired: u64,
    /// Found in the hands of a process that died.
    pub recovered: u64,
}

impl MailSummary {
    /// Mails that were in hand.
    pub fn tried(&self) -> u64 {
        self.sent + self.retried + self.rejected + self.ambiguous
    }
}

impl MailDispatcher {
    pub fn new(
        store: Store,
        mailer: Arc<dyn Mailer>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        holder: impl Into<String>,
    ) -> Self {
        Self {
            store,
            mailer,
            clock,
            chance,
            holder: holder.into(),
            send_limit: SEND_LIMIT,
        }
    }

    /// Allows one mail this long, for servers that are slow to judge. Its lease, and with it the wait after a crash,
    /// is thirty seconds longer.
    pub fn with_send_limit(mut self, limit: Duration) -> Self {
        self.send_limit = limit;
        self
    }

    /// Hands over the mail that has waited longest, if one is due; [`MailSummary::tried`] says whether there was one.
    pub async fn run_once(&self) -> Result<MailSummary> {
        let mut summary = self.tidy_up().await?;
        summary.add(self.step().await?.0);
        Ok(summary)
    }

    /// Hands over everything that is due, one after the other, until nothing is, the server refuses our sign-in, or
    /// `stop` is set. A mail in hand is finished first.
    pub async fn drain(&self, stop: &CancellationToken) -> Result<MailSummary> {
        let mut total = self.tidy_up().await?;
        while !stop.is_cancelled() {
            let (done, go_on) = self.step().await?;
            total.add(done);
            if !go_on {
                break;
            }
        }
        Ok(total)
    }

    /// Takes over what dead processes left, and gives up on what is too old.
    async fn tidy_up(&self) -> Result<MailSummary> {
        let (holder, now) = (self.holder.clone(), self.clock.now());
        let (recovered, expired) = self
            .store
            .write(move |conn| {
                let recovered = mails::recover(conn, &holder, now)?;
                Ok((recovered, mails::expire(conn, LIFE, &holder, now)?))
            })
            .await?;
        if expired > 0 {
            tracing::error!(
                mails = expired,
                "mails could not be delivered in time and were given up; poamd doctor names them"
            );
        }
        Ok(MailSummary {
            recovered: recovered as u64,
            expired: expired as u64,
            ..MailSummary::default()
        })
    }

    /// One mail; false if there was none, or if trying the next one is useless now.
    async fn step(&self) -> Result<(MailSummary, bool)> {
        let (holder, now) = (self.holder.clone(), self.clock.now());
        let lease = delta(self.send_limit.saturating_add(LEASE_MARGIN));
        // Committed before the first byte leaves.
        let claimed = self
            .store
            .write(move |conn| mails::claim(conn, &holder, lease, now))
            .await?;
        let Some(mail) = claimed else {
            return Ok((MailSummary::default(), false));
        };
        let answer = self.hand_over(&mail).await;
        let go_on = !matches!(&answer, Err(error) if error.retry == Retry::Auth);
        let now = self.clock.now();
        let verdict = self.judge(answer, &mail, now);
        tell(&mail, &verdict);
        let mut summary = MailSummary::default();
        summary.count(verdict.state);
        let holder = self.holder.clone();
        let ours = self
            .store
            .write(move |conn| mails::settle(conn, &mail, &holder, &verdict, now))
            .await?;
        if !ours {
            tracing::warn!("a mail's lease ran out while it was being sent; it will go out again");
        }
        Ok((summary, go_on))
    }

    async fn hand_over(&self, mail: &Claimed) -> Result<Accepted, ConnectorError> {
        if !mail.is_intact() {
            return Err(ConnectorError::new(
                Retry::Never,
                "the frozen bytes of the mail were altered in the database; it is not sent: queue the report again",
            ));
        }
        tokio::time::timeout(self.send_limit, self.mailer.send(&mail.envelope))
            .await
            .unwrap_or_else(|_| {
                let limit = self.send_limit.as_secs();
                Err(ConnectorError::new(
                    Retry::Unclear,
                    format!(
                        "the mail server was not done within {limit} s; it may have taken the mail"
                    ),
                ))
            })
    }

    fn judge(
        &self,
        answer: Result<Accepted, ConnectorError>,
        mail: &Claimed,
        now: DateTime<Utc>,
    ) -> Verdict {
        let error = match answer {
            Ok(accepted) => {
                return Verdict {
                    state: MailState::Sent,
                    not_before: now,
                    error: None,
                    answer: Some(accepted.answer),
                };
            }
            Err(error) => error,
        };
        let (state, not_before) = match error.retry {
            Retry::Unclear => (MailState::Ambiguous, now + UNCLEAR_WAIT),
            // A wrong password is no verdict on the mail: it waits until somebody has put it right.
            Retry::Auth | Retry::Conflict => (MailState::Retry, now + self.backoff(mail, None)),
            Retry::Later(at_least) => (MailState::Retry, now + self.backoff(mail, at_least)),
            Retry::Never | Retry::Gone => (MailState::Rejected, now),
        };
        Verdict {
            state,
            not_before,
            error: Some(error.what),
            answer: None,
        }
    }

    /// Doubling from a minute to four hours, a quarter of it by chance; never less than the server asked for.
    fn backoff(&self, mail: &Claimed, at_least: Option<Duration>) -> TimeDelta {
        let doublings = u32::try_from(mail.attempt.clamp(1, 16) - 1).unwrap_or(0);
        let wait = FIRST_WAIT
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(LONGEST_WAIT);
        let wait = wait.mul_f64(1.0 + self.chance.fraction() / 4.0);
        delta(wait.max(at_least.unwrap_or_default()).min(LONGEST_ASKED))
    }
}

fn delta(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(LIFE)
}

fn tell(mail: &Claimed, verdict: &Verdict) {
    let words = verdict.error.as_deref().or(verdict.answer.as_deref());
    let (report, id, words) = (&mail.report, &mail.message_id, words.unwrap_or_default());
    match verdict.state {
        MailState::Sent => tracing::info!(report, id, words, "report mailed"),
        MailState::Rejected => tracing::error!(
            report,
            id,
            words,
            "the mail was refused for good; poamd doctor shows it"
        ),
        state => tracing::warn!(
            report,
            id,
            words,
            state = state.as_str(),
            not_before = %verdict.not_before,
            "the mail goes out again"
        ),
    }
}

impl MailSummary {
    fn count(&mut self, state: MailState) {
        match state {
            MailState::Sent => self.sent += 1,
            MailState::Retry => self.retried += 1,
            MailState::Rejected => self.rejected += 1,
            MailState::Ambiguous => self.ambiguous += 1,
            MailState::Expired => self.expired += 1,
            MailState::Rendered | MailState::Sending => {}
        }
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.retried += other.retried;
        self.rejected += other.rejected;
        self.ambiguous += other.ambiguous;
        self.expired += other.expired;
        self.recovered += other.recovered;
    }
}
