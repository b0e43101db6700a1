//! What leaves: queued effects are claimed before the first byte, and their outcome is written with its event.

pub mod mail;
