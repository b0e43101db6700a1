//! The vocabulary poamd and its connectors share, in reading order: ids, findings, items,
//! sources, watches, desks, mail, and what all of them need (clock, chance, errors, health).
//!
//! Not in it: HTTP, SQL, SDKs, an async runtime, and every rule of the application. A type enters
//! only when a connector needs it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod account;
pub mod arn;
pub mod chance;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod coverage;
pub mod desk;
pub mod detail;
pub mod error;
pub mod finding;
pub mod health;
pub mod hub;
pub mod ids;
pub mod item;
pub mod mailing;
pub mod organization;
pub mod secret;
pub mod severity;
pub mod source;
pub mod watch;
