//! Tests of the whole, one file a subject.

#![allow(clippy::unwrap_used)]

mod architecture;
mod as_of;
mod cli;
mod clocks;
mod closure;
mod config;
mod crash;
mod daemon;
mod dedupe;
mod desk_trouble;
mod details;
mod discover;
mod disk_full;
mod evidence;
mod feeds;
mod forms;
mod fuzzed;
mod gaps;
mod hubs;
mod import;
mod jobs;
mod ledger;
mod looks;
mod outbox;
mod pace;
mod paging;
mod parts;
mod planner;
mod plans;
mod policies;
mod pull;
mod recognised;
mod records;
mod reports;
mod scan;
mod smtp;
mod store;
mod support;
mod systemd;
mod templates;
mod tickets;
mod writeback;
