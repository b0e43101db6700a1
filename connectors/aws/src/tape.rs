//! The raw body of a reply, kept beside what the SDK makes of it: pulls and imports share one lenient
//! parser, and a page whose typed reading fails is still taken.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// The largest reply that is read (`reliability-security.md` F8).
const LARGEST: u64 = 32 * 1024 * 1024;

/// Records the body of one attempt's successful reply.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Option<Vec<u8>>>>);

impl Tape {
    /// The body of a 2xx reply, if one came whole; once.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
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
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let length = context
            .response()
            .headers()
            .get("content-length")
            .and_then(|text| text.parse::<u64>().ok());
        match length {
            Some(length) if length > LARGEST => {
                Err(format!("the reply has {length} bytes, more than {LARGEST}").into())
            }
            _ => Ok(()),
        }
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success()
            && let Some(bytes) = response.body().bytes()
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.to_vec());
        }
        Ok(())
    }
}
