//! The shapes of the Table API: every value is a string, absent is not empty.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use poamd_contract::clock::is_of_our_days;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub struct One {
    pub result: Row,
}

#[derive(Debug, Deserialize)]
pub struct Many {
    pub result: Vec<Row>,
}

/// A record as stored values. References are plain strings if asked so, else objects with `value`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, Value>")]
pub struct Row(BTreeMap<String, String>);

impl From<BTreeMap<String, Value>> for Row {
    fn from(map: BTreeMap<String, Value>) -> Self {
        let plain = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Object(mut reference) => match reference.remove("value") {
                Some(Value::String(text)) => Some(text),
                _ => None,
            },
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) => None,
        };
        Self(
            map.into_iter()
                .filter_map(|(name, value)| Some((name, plain(value)?)))
                .collect(),
        )
    }
}

impl Row {
    /// The value, or `None` if the field is absent: unknown to the table, or hidden from us.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// The value; absent reads as empty.
    pub fn text(&self, field: &str) -> &str {
        self.get(field).unwrap_or_default()
    }
}

/// A stored time such as `2026-11-22 05:06:07`, in UTC.
pub fn time(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
        .ok()
        .map(|time| time.and_utc())
        // What the databases can write.
        .filter(is_of_our_days)
}

/// 32 hex digits: safe in paths and queries.
pub fn is_sys_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// The server's own words: the Table API's error, or OAuth's.
pub fn error_text(json: &Value) -> Option<String> {
    let error = &json["error"];
    let words: Vec<&str> = [
        &error["message"],
        &error["detail"],
        &json["error_description"],
    ]
    .into_iter()
    .chain(error.is_string().then_some(error))
    .filter_map(Value::as_str)
    .filter(|text| !text.is_empty())
    .collect();
    (!words.is_empty()).then(|| words.join(": "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_take_strings_and_references() {
        let row: Row = serde_json::from_value(
            json!({"a": "x", "b": {"link": "l", "value": "y"}, "c": "", "d": null, "e": 3}),
        )
        .unwrap();
        assert_eq!(
            (
                row.get("a"),
                row.get("b"),
                row.get("c"),
                row.get("d"),
                row.get("e")
            ),
            (Some("x"), Some("y"), Some(""), None, Some("3"))
        );
    }

    #[test]
    fn times_are_utc_and_ids_are_hex() {
        assert_eq!(
            time("2026-11-22 05:06:07").unwrap().to_rfc3339(),
            "2026-11-22T05:06:07+00:00"
        );
        assert_eq!(time(""), None);
        assert!(is_sys_id(&"0a".repeat(16)));
        for bad in [
            "",
            "0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A",
            "0a^ORDERBY",
            &"0".repeat(31),
        ] {
            assert!(!is_sys_id(bad), "{bad}");
        }
    }

    #[test]
    fn both_kinds_of_error_words_are_read() {
        let body = json!({"error": {"message": "Operation Failed", "detail": "Data Policy Exception"}, "status": "failure"});
        assert_eq!(
            error_text(&body).unwrap(),
            "Operation Failed: Data Policy Exception"
        );
        assert_eq!(
            error_text(&json!({"error": "invalid_grant", "error_description": "no"})).unwrap(),
            "no: invalid_grant"
        );
        assert_eq!(error_text(&json!({})), None);
    }
}
