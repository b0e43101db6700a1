//! Nouns and rules of the ledger. No I/O, no async, no database; a clock comes as a value.

pub mod account;
pub mod blind;
pub mod clock;
pub mod command;
pub mod controls;
pub mod deadline;
pub mod deviation;
pub mod escalation;
pub mod evaluation;
pub mod finding;
pub mod fingerprint;
pub mod glob;
pub mod intel;
pub mod mail;
pub mod marker;
pub mod milestone;
pub mod overrides;
pub mod plan;
pub mod priority;
pub mod rating;
pub mod record;
pub mod record_fact;
pub mod score;
pub mod signals;
pub mod ticket;
pub mod timetable;
