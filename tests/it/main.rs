//! Tests of the whole, one file a subject.

#![allow(clippy::unwrap_used)]

mod architecture;
mod config;
mod crash;
mod outbox;
mod policies;
mod reports;
mod smtp;
mod store;
mod support;
mod systemd;
mod templates;
mod tickets;
