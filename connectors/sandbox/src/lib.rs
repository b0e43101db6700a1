//! Stand-ins for Jira Cloud, ServiceNow, SMTP and AWS on loopback, with state, scriptable faults and a
//! history that tests read as the judge; and the bundled estate of `poamd demo`.
//!
//! Not in it: anything of poamd's own connectors. The stand-ins are written from the facts of the real
//! products, so that a mistake in a connector is not repeated here.

pub mod faults;
pub mod gate;
pub mod history;
pub mod openapi;
pub mod server;

pub mod jira;
pub mod servicenow;

pub mod aws;
pub mod estate;
pub mod smtp;
