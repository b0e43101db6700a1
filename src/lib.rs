//! poamd, in the order the data flows.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod domain;
pub mod store;
