//! The read-only IAM policy a watched account's role needs: exactly the calls this crate makes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::probe::CALLER_IDENTITY;

/// What is needed beside [`document`] to write back to Security Hub.
pub(crate) fn writing(actions: impl IntoIterator<Item = &'static str>) -> Value {
    let actions: BTreeSet<&str> = actions.into_iter().collect();
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "PoamdWriteBack", "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
}

/// A policy document with these actions, on every resource: all of them list or describe.
pub(crate) fn document(actions: impl IntoIterator<Item = &'static str>) -> Value {
    let mut actions: BTreeSet<&str> = actions.into_iter().collect();
    actions.insert(CALLER_IDENTITY.action);
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "PoamdReadOnly", "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
}
