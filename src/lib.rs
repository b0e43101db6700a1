//! poamd, in the order the data flows.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod config;
pub mod daemon;
pub mod delivery;
pub mod domain;
pub mod exchange;
pub mod intake;
pub mod jobs;
pub mod poam;
pub mod policy;
pub mod query;
pub mod render;
pub mod reports;
pub mod scan;
pub mod store;
pub mod telemetry;
pub mod tickets;
pub mod wiring;
