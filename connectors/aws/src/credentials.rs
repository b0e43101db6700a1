//! Credentials that renew themselves: the base ones, and those of assumed roles.
//!
//! They are renewed at 75 % of their life (`reliability-security.md` F5); until they really end, a
//! failed renewal changes nothing.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::clock::Clock;
use tokio::sync::Mutex;

use crate::error::{Kind, Trouble, causes};

/// Where credentials come from.
#[async_trait]
pub(crate) trait Issuer: Send + Sync + std::fmt::Debug {
    async fn issue(&self) -> Result<Credentials, Trouble>;
}

struct Held {
    credentials: Credentials,
    renew_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

/// One identity's credentials, kept and renewed.
pub(crate) struct Keyring {
    issuer: Box<dyn Issuer>,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<Held>>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    pub(crate) fn new(issuer: Box<dyn Issuer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer,
            clock,
            held: Mutex::new(None),
        }
    }

    /// Credentials that are good now.
    pub(crate) async fn ready(&self) -> Result<Credentials, Trouble> {
        let mut held = self.held.lock().await;
        let now = self.clock.now();
        if let Some(Held {
            credentials,
            renew_at,
            ..
        }) = held.as_ref()
            && renew_at.is_none_or(|at| now < at)
        {
            return Ok(credentials.clone());
        }
        match self.issuer.issue().await {
            Ok(credentials) => {
                let ends_at = credentials.expiry().and_then(instant);
                let renew_at =
                    ends_at.and_then(|end| now.checked_add_signed(three_quarters(end - now)));
                *held = Some(Held {
                    credentials: credentials.clone(),
                    renew_at,
                    ends_at,
                });
                Ok(credentials)
            }
            Err(trouble) => match held.as_ref() {
                Some(old) if old.ends_at.is_some_and(|end| now < end) => {
                    tracing::warn!(cause = %trouble.what, "credentials not renewed; the old ones are still good");
                    Ok(old.credentials.clone())
                }
                _ => Err(trouble),
            },
        }
    }

    /// Throws away what is held: the service called it expired.
    pub(crate) async fn forget(&self) {
        *self.held.lock().await = None;
    }
}

/// `None` for a time that no calendar has: such credentials are asked for again when the service calls them expired.
fn instant(time: SystemTime) -> Option<DateTime<Utc>> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    DateTime::from_timestamp(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())
}

fn three_quarters(life: TimeDelta) -> TimeDelta {
    TimeDelta::milliseconds(life.num_milliseconds() / 4 * 3)
}

impl ProvideCredentials for Keyring {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            self.ready()
                .await
                .map_err(|trouble| CredentialsError::provider_error(trouble.what))
        })
    }
}

/// Whatever an SDK provider gives: the default chain, or fixed keys.
#[derive(Debug)]
pub(crate) struct FromProvider(pub(crate) SharedCredentialsProvider);

#[async_trait]
impl Issuer for FromProvider {
    async fn issue(&self) -> Result<Credentials, Trouble> {
        self.0.provide_credentials().await.map_err(|error| {
            let cause = causes(&error);
            Trouble::new(Kind::Denied, format!("no AWS base credentials: {cause}; set [aws] keys, a profile or an instance role"))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicU32, Ordering};

    use poamd_contract::clock::ManualClock;

    use super::*;

    #[test]
    fn an_end_that_no_calendar_has_is_none() {
        let far = std::time::Duration::from_secs(u64::MAX / 4);
        let far = SystemTime::UNIX_EPOCH.checked_add(far).unwrap();
        assert_eq!(instant(far), None);
        let soon = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        assert_eq!(instant(SystemTime::from(soon)), Some(soon));
    }

    #[derive(Debug)]
    struct Hourly {
        clock: Arc<ManualClock>,
        issued: Arc<AtomicU32>,
        works: Arc<std::sync::atomic::AtomicBool>,
    }

    #[async_trait]
    impl Issuer for Hourly {
        async fn issue(&self) -> Result<Credentials, Trouble> {
            if !self.works.load(Ordering::SeqCst) {
                return Err(Trouble::new(Kind::Transient, "sts is down"));
            }
            let n = self.issued.fetch_add(1, Ordering::SeqCst);
            let end = SystemTime::from(self.clock.now() + TimeDelta::hours(1));
            Ok(Credentials::new(
                format!("AKIA{n}"),
                "s",
                None,
                Some(end),
                "test",
            ))
        }
    }

    #[tokio::test]
    async fn renews_at_three_quarters_and_outlives_a_failed_renewal() {
        let clock = Arc::new(ManualClock::at("2026-11-01T00:00:00Z".parse().unwrap()));
        let (issued, works) = (Arc::new(AtomicU32::new(0)), Arc::new(true.into()));
        let issuer = Hourly {
            clock: clock.clone(),
            issued: issued.clone(),
            works: Arc::clone(&works),
        };
        let keyring = Keyring::new(Box::new(issuer), clock.clone());

        assert_eq!(keyring.ready().await.unwrap().access_key_id(), "AKIA0");
        clock.advance(TimeDelta::minutes(44));
        assert_eq!(keyring.ready().await.unwrap().access_key_id(), "AKIA0");
        clock.advance(TimeDelta::minutes(2));
        works.store(false, Ordering::SeqCst);
        assert_eq!(
            keyring.ready().await.unwrap().access_key_id(),
            "AKIA0",
            "still good for 14 minutes"
        );
        clock.advance(TimeDelta::minutes(15));
        assert!(
            keyring
                .ready()
                .await
                .unwrap_err()
                .what
                .contains("sts is down")
        );
        works.store(true, Ordering::SeqCst);
        assert_eq!(keyring.ready().await.unwrap().access_key_id(), "AKIA1");
        keyring.forget().await;
        assert_eq!(keyring.ready().await.unwrap().access_key_id(), "AKIA2");
        assert_eq!(issued.load(Ordering::SeqCst), 3);
    }
}
