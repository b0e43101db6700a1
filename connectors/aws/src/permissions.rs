//! The read-only IAM policy a watched account's role needs: exactly the calls this crate makes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::probe::CALLER_IDENTITY;

/// What is needed beside [`document`] to write back to Security Hub.
pub(crate) fn writing(actions: impl IntoIterator<Item = &'static str>) -> Value {
    policy("PoamdWriteBack", actions)
}

/// What the role that asks an organization needs.
pub(crate) fn reading(actions: impl IntoIterator<Item = &'static str>) -> Value {
    policy("PoamdOrganization", actions)
}

/// The policy of a watched account's role: all of its calls list or describe.
pub(crate) fn document(actions: impl IntoIterator<Item = &'static str>) -> Value {
    let caller = [CALLER_IDENTITY.action];
    policy("PoamdReadOnly", actions.into_iter().chain(caller))
}

/// A policy document with these actions, on every resource.
fn policy(sid: &str, actions: impl IntoIterator<Item = &'static str>) -> Value {
    let actions: BTreeSet<&str> = actions.into_iter().collect();
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
}
