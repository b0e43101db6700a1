//! Nouns and rules of the ledger. No I/O, no async, no database; a clock comes as a value.

pub mod account;
pub mod command;
pub mod controls;
pub mod deadline;
pub mod deviation;
pub mod finding;
pub mod fingerprint;
pub mod mail;
pub mod marker;
pub mod milestone;
pub mod plan;
pub mod rating;
pub mod record;
pub mod record_fact;
pub mod score;
pub mod ticket;
pub mod timetable;
