//! Resource configurations as JSON with AWS's own field names: what is absent is left out, keys and
//! lists without an order are sorted, so that equal configurations are equal texts.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// An object under construction.
#[derive(Debug, Default)]
pub(crate) struct Object(BTreeMap<&'static str, Value>);

impl Object {
    /// Adds a field.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.0.insert(key, value.into());
        self
    }

    /// Adds a field if there is a value for it.
    pub(crate) fn maybe(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(
            object
                .0
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect(),
        )
    }
}

/// A list whose order means nothing.
pub(crate) fn unordered(values: impl IntoIterator<Item = impl Into<Value>>) -> Value {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    values.sort_by_cached_key(Value::to_string);
    Value::Array(values)
}

/// Tags as AWS gives them, sorted.
pub(crate) fn tags<'a>(
    tags: impl IntoIterator<Item = (Option<&'a str>, Option<&'a str>)>,
) -> Value {
    unordered(
        tags.into_iter()
            .map(|(key, value)| Object::default().maybe("Key", key).maybe("Value", value)),
    )
}

/// RFC 3339, in UTC.
pub(crate) fn time(time: &DateTime) -> Option<String> {
    time.fmt(Format::DateTime).ok()
}

/// A policy document. IAM hands it out percent-encoded, S3 plain; what is no JSON stays text.
pub(crate) fn document(text: &str) -> Value {
    let parse = |text: &str| serde_json::from_str::<Value>(text).ok().map(sorted);
    parse(text)
        .or_else(|| {
            percent_decode_str(text)
                .decode_utf8()
                .ok()
                .and_then(|decoded| parse(&decoded))
        })
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The same with all keys sorted, whatever order `serde_json` was built to keep.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            Value::Object(fields.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_come_plain_encoded_or_broken() {
        let meant = json!({"Statement": [{"Action": "*", "Effect": "Allow"}]});
        assert_eq!(
            document(r#"{"Statement":[{"Effect":"Allow","Action":"*"}]}"#),
            meant
        );
        let encoded = "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22%2A%22%7D%5D%7D";
        assert_eq!(document(encoded), meant);
        assert_eq!(
            document(encoded).to_string(),
            r#"{"Statement":[{"Action":"*","Effect":"Allow"}]}"#
        );
        assert_eq!(document("nonsense"), json!("nonsense"));
    }

    #[test]
    fn equal_sets_are_equal_texts() {
        let (a, b) = (
            Object::default().with("K", 1),
            Object::default().with("K", 2),
        );
        let (c, d) = (
            Object::default().with("K", 2),
            Object::default().with("K", 1),
        );
        assert_eq!(unordered([a, b]).to_string(), unordered([c, d]).to_string());
        assert_eq!(
            Value::from(Object::default().maybe("A", None::<&str>).with("B", true)),
            json!({"B": true})
        );
    }
}
