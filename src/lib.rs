//! poamd, in the order the data flows.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod config;
pub mod domain;
pub mod intake;
pub mod poam;
pub mod policy;
pub mod render;
pub mod reports;
pub mod scan;
pub mod store;
