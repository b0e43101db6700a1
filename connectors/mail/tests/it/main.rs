//! The mailer against servers: a scripted one for every fault, and aiosmtpd, which this project did not write.

#![allow(clippy::unwrap_used)]

mod aiosmtpd;
mod compose;
mod faults;
mod server;
mod tls;
