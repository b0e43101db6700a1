//! Finding formats (ASFF, OCSF, GuardDuty, Inspector2, Inspector Classic, Suricata EVE) to poamd's finding reports.
//!
//! Pure: bytes in, reports out; no network, no clock, no ledger. What a report means for a record is the
//! application's. In reading order: what is taken from a document (`lenient`, `marks`), whose it is and
//! what it is about (`given`, `origin`, `resource`, `technology`, `product`, `control`, `weakness`, `flaw`, `attack`, `reach`), one file a format,
//! and how documents are found in what was sent (`unpack`, `scan`, `repair`, `input`, `envelope`, `take`, `documents`).

mod arn_view;
mod asff;
mod attack;
mod control;
mod detect;
mod document;
mod documents;
mod envelope;
mod eve;
mod flaw;
mod given;
mod guardduty;
mod hash;
mod input;
mod inspector2;
mod inspector_classic;
mod inspector_details;
mod lenient;
mod marks;
mod ocsf;
mod origin;
mod product;
mod reach;
mod repair;
mod resource;
mod scan;
mod take;
mod technology;
mod unpack;
mod weakness;

pub use detect::Format;
pub use documents::{Documents, parse_documents, parse_page, read_documents};
pub use given::{Given, Reading, stands_alone};
pub use hash::{content_hash, raw_hash};
pub use inspector_details::inspector_details;
pub use technology::technology;
pub use unpack::unpacked;
