//! What a policy sees of an item: `input`. Facts that Rego is bad at (documents, networks) are worked out here, once
//! an item.

use chrono::{DateTime, SecondsFormat, Utc};
use poamd_contract::item::SeenItem;
use regorus::Value;
use serde_json::{Map, json};

use super::engine::{Failure, INPUT_VALUES};
use super::{access, exposure};

/// What an evaluation knows beside the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The time of the evaluation, `input.now`.
    pub now: DateTime<Utc>,
    pub account_name: String,
    /// Prod, Dev, Test …; empty if the account has none.
    pub account_label: String,
}

/// `input`, and what of the item could not be read.
pub(super) struct Prepared {
    pub(super) value: Value,
    pub(super) unreadable: Option<Failure>,
}

/// Builds `input` (fields: policies/README.md).
pub(super) fn prepare(item: &SeenItem, context: &Context) -> Result<Prepared, Failure> {
    if values_in(&item.config) + values_in(&item.volatile) > INPUT_VALUES {
        return Err(Failure::InputTooLarge);
    }
    let mut input = Map::new();
    input.insert(
        "now".to_owned(),
        context
            .now
            .to_rfc3339_opts(SecondsFormat::Secs, true)
            .into(),
    );
    input.insert(
        "account".to_owned(),
        json!({ "id": item.account, "name": context.account_name, "label": context.account_label }),
    );
    input.insert(
        "item".to_owned(),
        json!({
            "technology": item.technology, "name": item.name, "arn": item.arn, "region": item.region,
            "partition": item.partition,
        }),
    );
    let mut unreadable = Vec::new();
    match item.technology.as_str() {
        "securitygroup" => {
            let exposure = exposure::of_security_group(&item.config);
            input.insert("exposure".to_owned(), json!(exposure));
            unreadable = exposure.unreadable;
        }
        "policy" => {
            let access = access::of_managed_policy(&item.config);
            input.insert("access".to_owned(), json!(access));
            unreadable = access.unreadable;
        }
        _ => {}
    }
    input.insert("config".to_owned(), item.config.clone());
    input.insert("volatile".to_owned(), item.volatile.clone());
    Ok(Prepared {
        value: Value::from(serde_json::Value::Object(input)),
        unreadable: (!unreadable.is_empty()).then(|| Failure::Unreadable(unreadable.join("; "))),
    })
}

/// How many values a value is made of, itself included.
fn values_in(value: &serde_json::Value) -> usize {
    1 + match value {
        serde_json::Value::Array(list) => list.iter().map(values_in).sum(),
        serde_json::Value::Object(fields) => fields.values().map(values_in).sum(),
        _ => 0,
    }
}
