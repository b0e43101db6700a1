//! Values into text for people: templates, the sinks that make foreign text harmless, and the forms built on them.
//!
//! In reading order: the sinks, what a template may contain, the helpers it may call, the set of templates, ticket
//! text, CSV. Not in it: queries, and the decision what a report or a ticket says.

pub mod blocks;
pub mod csv;
pub mod guard;
mod helpers;
pub mod reply;
pub mod sink;
pub mod spreadsheet;
pub mod templates;
pub mod ticket;

pub use helpers::folded;
