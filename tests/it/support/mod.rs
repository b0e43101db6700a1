//! What several tests share, one file a purpose.

pub mod databases;
pub mod desks;
pub mod ledger;
pub mod reports;
