//! The one HTTP client every REST connector uses: where it may connect, how it signs in, and what a failed call means.
//!
//! In reading order: [`Endpoint`] (where, and through what), [`Call`] (one request and whether it changes something),
//! [`Client`] (sends it), [`Reply`] (what came back). Not in it: any knowledge of a particular product, retries, waiting, and the clock.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod call;
mod client;
mod endpoint;
mod judge;
mod line;
mod reply;

pub use call::{Call, Effect};
pub use client::{Client, Options, SignIn};
pub use endpoint::Endpoint;
pub use line::one_line;
pub use reply::Reply;
pub use reqwest::{Method, StatusCode};
