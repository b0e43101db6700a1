//! The desks' stand-ins held against the facts of the real products, over HTTP, by a client of no connector.

#![allow(clippy::unwrap_used)]

mod common;
mod core_faults;
mod jira_comments;
mod jira_contract;
mod jira_hands;
mod jira_issues;
mod jira_search;
mod jira_workflow;
mod judge;
mod servicenow_queries;
mod servicenow_writes;
