//! The only writer to outside systems: queued effects are claimed before the first byte, sent, and settled with their
//! event in one transaction.
//!
//! Not in it: what is wanted there (`tickets`, `reports`).

pub mod backoff;
pub mod mail;
pub mod tickets;
pub mod writeback;
