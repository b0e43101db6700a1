//! Tests of the whole, one file a subject.

#![allow(clippy::unwrap_used)]

mod config;
mod policies;
mod systemd;
mod templates;
