//! The raw body of a reply in place of what the SDK makes of it: pulls and imports share one lenient parser, a page the
//! SDK cannot type is still taken, and nobody pays for typing what is thrown away.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, OutputOrError,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::config_bag::ConfigBag;

/// The largest reply that is read (`reliability-security.md` F8).
const LARGEST: u64 = 32 * 1024 * 1024;
/// Headers in which AWS names a request.
const REQUEST_IDS: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];
/// Of an id no more is kept: it is foreign text.
const LONGEST_ID: usize = 128;

/// The bytes of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Body {
    pub bytes: Vec<u8>,
    /// The service's own id of the request, where it gives one.
    pub request: Option<String>,
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            request: None,
        }
    }
}

/// Records the body of one attempt's successful reply. The call itself then ends as an error that says so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Option<Body>>>);

impl Tape {
    /// The body of a 2xx reply, if one came whole; once.
    pub(crate) fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Tape {
    fn name(&self) -> &'static str {
        "poamd-tape"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let length = response
            .headers()
            .get("content-length")
            .and_then(|text| text.parse::<u64>().ok());
        if let Some(length) = length.filter(|length| *length > LARGEST) {
            return Err(format!("the reply has {length} bytes, more than {LARGEST}").into());
        }
        // A refusal is read by the SDK, which knows the services' words.
        if response.status().is_success() {
            let unread = SharedResponseDeserializer::new(Unread(self.clone()));
            config.interceptor_state().store_put(unread);
        }
        Ok(())
    }
}

/// Keeps a reply instead of reading it.
#[derive(Debug)]
struct Unread(Tape);

impl DeserializeResponse for Unread {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _config: &ConfigBag,
    ) -> OutputOrError {
        let bytes = response.body().bytes().unwrap_or_default().to_vec();
        let request = request_id(response);
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Body { bytes, request });
        Err(OrchestratorError::other(
            "the reply is kept as it came, not read",
        ))
    }
}

fn request_id(response: &HttpResponse) -> Option<String> {
    let mut named = REQUEST_IDS.iter().map(|name| response.headers().get(*name));
    let id = named.find_map(|id| id)?;
    Some(id.chars().take(LONGEST_ID).collect())
}
