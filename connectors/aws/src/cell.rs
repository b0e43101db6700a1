//! One account in one region: its clients, and the one place every call goes through. It holds the
//! rate, the retries and the renewal of credentials, so that sources and watches say only what they ask.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use poamd_contract::chance::Chance;
use poamd_contract::ids::Region;

use crate::config::AwsConfig;
use crate::credentials::Keyring;
use crate::error::{Kind, Place, Trouble};
use crate::fips::{self, Fips};
use crate::operation::Operation;
use crate::pace::Pace;
use crate::tape::{Body, Tape};
use crate::throttle::Throttle;

/// The first pause before a retry is at most this, and doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Seconds a page of a hundred findings may take to come.
const ROUND_TRIP: f64 = 1.0;
/// A `Retry-After` beyond this ends the call.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// What all cells of a process share.
pub(crate) struct Wiring {
    pub config: AwsConfig,
    pub chance: Arc<dyn Chance>,
    pub pace: Arc<dyn Pace>,
    pub throttle: Throttle,
}

/// An SDK call under way.
pub(crate) type Sent<O, E> = BoxFuture<'static, Result<O, SdkError<E, HttpResponse>>>;

/// One account × region.
#[derive(Clone)]
pub(crate) struct Cell {
    pub wiring: Arc<Wiring>,
    pub account: String,
    pub region: Region,
    pub keyring: Arc<Keyring>,
    pub sdk: SdkConfig,
}

macro_rules! clients {
    ($($name:ident: $sdk:ident;)*) => {
        impl Cell {
            $(pub(crate) fn $name(&self) -> Result<$sdk::Client, Trouble> {
                let endpoint = self.endpoint(stringify!($name))?;
                let mut builder = $sdk::config::Builder::from(&self.sdk);
                builder.set_use_fips(Some(endpoint.fips)).set_endpoint_url(endpoint.url);
                Ok($sdk::Client::from_conf(builder.build()))
            })*
        }
    };
}

clients! {
    ec2: aws_sdk_ec2;
    guardduty: aws_sdk_guardduty;
    iam: aws_sdk_iam;
    inspector: aws_sdk_inspector;
    inspector2: aws_sdk_inspector2;
    organizations: aws_sdk_organizations;
    securityhub: aws_sdk_securityhub;
    sts: aws_sdk_sts;
}

struct Endpoint {
    url: Option<String>,
    fips: bool,
}

impl Cell {
    /// S3; buckets are named in the path where the endpoint is our own, since `bucket.host` may not resolve.
    pub(crate) fn s3(&self) -> Result<aws_sdk_s3::Client, Trouble> {
        let endpoint = self.endpoint("s3")?;
        let mut builder = aws_sdk_s3::config::Builder::from(&self.sdk);
        builder
            .set_use_fips(Some(endpoint.fips))
            .set_force_path_style(Some(endpoint.url.is_some()))
            .set_endpoint_url(endpoint.url);
        Ok(aws_sdk_s3::Client::from_conf(builder.build()))
    }

    /// The same account in another region.
    pub(crate) fn in_region(&self, region: Region) -> Self {
        let name = aws_config::Region::new(region.as_str().to_owned());
        Self {
            sdk: self.sdk.to_builder().region(name).build(),
            region,
            ..self.clone()
        }
    }

    /// Where `service` is asked; an endpoint that was set wins over FIPS.
    fn endpoint(&self, service: &str) -> Result<Endpoint, Trouble> {
        let url = self.wiring.config.endpoint_of(service).map(str::to_owned);
        if url.is_some() || !self.wiring.config.use_fips {
            return Ok(Endpoint { url, fips: false });
        }
        match fips::endpoint(service, &self.region) {
            Fips::OwnHost => Ok(Endpoint { url, fips: true }),
            Fips::OrdinaryHost => Ok(Endpoint { url, fips: false }),
            Fips::None => Err(Trouble::new(
                Kind::Other,
                format!(
                    "account {} region {}: no FIPS endpoint of {service} in region {}; \
                     leave the region out, set [aws.endpoint_urls] {service}, or switch use_fips off",
                    self.account, self.region, self.region
                ),
            )),
        }
    }

    /// Makes a call; `attempt` starts it and is asked again for each retry.
    pub(crate) async fn call<O, E, F>(
        &self,
        operation: &'static Operation,
        mut attempt: F,
    ) -> Result<O, Trouble>
    where
        O: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: FnMut() -> Sent<O, E> + Send,
    {
        let place = self.place(operation);
        self.attempts(operation, &mut || {
            let (sent, place) = (attempt(), place.clone());
            Box::pin(async move { sent.await.map_err(|error| Trouble::of(&place, &error)) })
        })
        .await
    }

    /// Makes a call that changes something, once: after an unclear answer the caller reads before it writes again.
    pub(crate) async fn once<O, E, F>(
        &self,
        operation: &'static Operation,
        mut attempt: F,
    ) -> Result<O, Trouble>
    where
        O: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: FnMut() -> Sent<O, E> + Send,
    {
        let Wiring { pace, throttle, .. } = &*self.wiring;
        let (account, region) = (self.account.as_str(), self.region.as_str());
        self.keyring.ready().await?;
        let wait = throttle.take(account, region, operation, pace.now());
        if !wait.is_zero() {
            pace.sleep(wait).await;
        }
        let answer = attempt()
            .await
            .map_err(|error| Trouble::of(&self.place(operation), &error));
        match &answer {
            Ok(_) => throttle.succeeded(account, region, operation, pace.now()),
            Err(trouble) if trouble.kind == Kind::Throttled => {
                throttle.throttled(account, region, operation, pace.now());
            }
            Err(trouble) if trouble.kind == Kind::Expired => self.keyring.forget().await,
            Err(_) => {}
        }
        answer
    }

    /// Makes a call and returns the reply's bytes as they came; the SDK does not read them.
    pub(crate) async fn raw<O, E, F>(
        &self,
        operation: &'static Operation,
        mut attempt: F,
    ) -> Result<Body, Trouble>
    where
        O: Send + 'static,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        F: FnMut(Tape) -> Sent<O, E> + Send,
    {
        let place = self.place(operation);
        self.attempts(operation, &mut || {
            let tape = Tape::default();
            let (sent, place) = (attempt(tape.clone()), place.clone());
            Box::pin(async move {
                let result = sent.await;
                match (tape.take(), result) {
                    (Some(body), _) => Ok(body),
                    (None, Ok(_)) => Err(Trouble::unusable(&place, "the reply has no body")),
                    (None, Err(error)) => Err(Trouble::of(&place, &error)),
                }
            })
        })
        .await
    }

    /// How many chains of pages reach the rate of a call: as many as go out in a round trip of the slowest kind, and
    /// one for the reader's own time.
    pub(crate) fn chains(&self, operation: &'static Operation) -> usize {
        let config = &self.wiring.config;
        let needed = f64::from(operation.rate.per_second) * config.budget * ROUND_TRIP + 1.0;
        (needed.ceil() as usize).min(config.chains.max(1))
    }

    pub(crate) fn place(&self, operation: &'static Operation) -> Place {
        Place {
            account: self.account.clone(),
            region: self.region.to_string(),
            operation,
        }
    }

    async fn attempts<T: Send>(
        &self,
        operation: &'static Operation,
        once: &mut (dyn FnMut() -> BoxFuture<'static, Result<T, Trouble>> + Send),
    ) -> Result<T, Trouble> {
        let Wiring { pace, throttle, .. } = &*self.wiring;
        let (account, region) = (self.account.as_str(), self.region.as_str());
        let mut renewed = false;
        let mut tried = 0;
        loop {
            self.keyring.ready().await?;
            let wait = throttle.take(account, region, operation, pace.now());
            if !wait.is_zero() {
                pace.sleep(wait).await;
            }
            let trouble = match once().await {
                Ok(answer) => {
                    throttle.succeeded(account, region, operation, pace.now());
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            tried += 1;
            if trouble.kind == Kind::Expired && !renewed {
                renewed = true;
                self.keyring.forget().await;
                continue;
            }
            let Some(pause) = self.pause_before_retry(operation, tried, &trouble) else {
                return Err(trouble);
            };
            tracing::debug!(tried, cause = %trouble.what, "asking again");
            pace.sleep(pause).await;
        }
    }

    /// How long to wait before asking again, if at all. A service that wants us to wait for long gets that: the
    /// next round asks.
    fn pause_before_retry(
        &self,
        operation: &'static Operation,
        tried: u32,
        trouble: &Trouble,
    ) -> Option<Duration> {
        let Wiring {
            config,
            pace,
            throttle,
            ..
        } = &*self.wiring;
        let (account, region) = (self.account.as_str(), self.region.as_str());
        if trouble.kind == Kind::Throttled {
            throttle.throttled(account, region, operation, pace.now());
        }
        let asked = trouble.retry_after.unwrap_or_default();
        let again = trouble.is_transient()
            && asked <= LONGEST_ASKED
            && tried < config.attempts.max(1)
            && throttle.may_retry(account, region, operation);
        again.then(|| self.pause(tried).max(asked))
    }

    /// Full jitter: anything from nothing to the doubled pause.
    fn pause(&self, tried: u32) -> Duration {
        let ceiling = PAUSE
            .saturating_mul(1 << tried.saturating_sub(1).min(10))
            .min(LONGEST_PAUSE);
        ceiling.mul_f64(self.wiring.chance.fraction())
    }
}
