//! From what the watches saw to findings. Not in it: reading AWS, and the ledger.

pub mod judge;
