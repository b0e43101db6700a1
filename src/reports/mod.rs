//! Reports: what each one says, its samples, and the files attached to it.

pub mod attachment;
pub mod context;
pub mod samples;
