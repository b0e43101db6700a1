//! A map of texts with an end, in either form it is written: `{"k": "v"}` or `[{"key": "k", "value": "v"}]`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Part, Text, drain};

/// At most `MOST` entries, in the order they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pairs<'a, const MOST: usize> {
    pub(crate) items: Vec<(Text<'a>, Text<'a>)>,
    pub(crate) odd: bool,
}

impl<const MOST: usize> Pairs<'_, MOST> {
    /// The value of a key; empty if there is none.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.iter()
            .find(|(known, _)| *known == key)
            .map_or("", |(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items
            .iter()
            .map(|(key, value)| (key.text(), value.text()))
    }
}

/// One entry of the list form; OCSF says `name` for the key.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Entry<'a> {
    #[serde(rename = "key", alias = "Key")]
    key: Text<'a>,
    #[serde(rename = "name", alias = "Name")]
    name: Text<'a>,
    #[serde(rename = "value", alias = "Value")]
    value: Text<'a>,
}

struct PairsVisitor<const MOST: usize>;

impl<const MOST: usize> PairsVisitor<MOST> {
    fn odd<'a, E>() -> Result<Pairs<'a, MOST>, E> {
        Ok(Pairs {
            items: Vec::new(),
            odd: true,
        })
    }
}

impl<'de, const MOST: usize> Visitor<'de> for PairsVisitor<MOST> {
    type Value = Pairs<'de, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if items.len() < MOST {
                items.push((key, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Pairs { items, odd: false })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST {
            let Some(Part { inner: entry, .. }) = seq.next_element::<Part<Entry<'de>>>()? else {
                return Ok(Pairs { items, odd: false });
            };
            let key = if entry.key.text().is_empty() {
                entry.name
            } else {
                entry.key
            };
            if !key.text().is_empty() {
                items.push((key, entry.value));
            }
        }
        drain(seq)?;
        Ok(Pairs { items, odd: false })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Pairs::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Self::odd()
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Self::odd()
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Self::odd()
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Self::odd()
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Self::odd()
    }
}

impl<'de: 'a, 'a, const MOST: usize> Deserialize<'de> for Pairs<'a, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor::<MOST>)
    }
}

/// A key without the beginning that many share; `None` if it has another.
pub(crate) fn without<'a>(key: Cow<'a, str>, prefix: &str) -> Option<Cow<'a, str>> {
    match key {
        Cow::Borrowed(key) => key.strip_prefix(prefix).map(Cow::Borrowed),
        Cow::Owned(key) => key.strip_prefix(prefix).map(|k| Cow::Owned(k.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_forms_are_one_map_and_it_ends() {
        for text in [
            r#"{"a":"1","b":2,"c":"3"}"#,
            r#"[{"key":"a","value":"1"},{"Key":"b","Value":2},{"name":"c","value":"3"}]"#,
        ] {
            let pairs: Pairs<'_, 2> = serde_json::from_str(text).unwrap();
            assert_eq!(pairs.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
            assert_eq!((pairs.get("b"), pairs.get("c")), ("2", ""));
        }
        for text in [
            "1",
            "true",
            r#""x""#,
            "1.5",
            "-1",
            "null",
            "[1,[2],{}]",
            r#"{"a":{"b":1}}"#,
        ] {
            assert!(serde_json::from_str::<Pairs<'_, 2>>(text).is_ok(), "{text}");
        }
    }
}
