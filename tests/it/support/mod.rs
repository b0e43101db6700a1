//! What several tests share, one file a purpose.

pub mod aws;
pub mod databases;
pub mod desks;
pub mod findings;
pub mod ledger;
pub mod reports;
pub mod skips;
pub mod stage;
