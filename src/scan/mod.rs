//! From what the watches saw to findings. Not in it: reading AWS, and how the ledger is kept.

pub mod judge;
pub mod look;
