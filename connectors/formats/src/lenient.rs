//! Leaves, parts and lists of a document that take what is there, of whatever JSON type, and remember
//! when it was not the type the format says. They never fail: only broken JSON does.

mod leaf;
mod list;
mod pairs;
mod part;
mod time;

use serde::de::{IgnoredAny, SeqAccess};

pub(crate) use leaf::{Flag, Number, Text, Time};
pub(crate) use list::List;
pub(crate) use pairs::{Pairs, without};
pub(crate) use part::Part;

/// Skips what is left of a list and says how much that was.
fn drain<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<usize, A::Error> {
    let mut count = 0;
    while seq.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::borrow::Cow;

    use super::leaf::Leaf;
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, bound(deserialize = "'de: 'a"))]
    struct Doc<'a> {
        text: Text<'a>,
        number: Number,
        flag: Flag,
        time: Time,
        part: Part<Inner<'a>>,
        list: List<Text<'a>, 2>,
    }

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default, bound(deserialize = "'de: 'a"))]
    struct Inner<'a> {
        a: Text<'a>,
    }

    #[test]
    fn right_types_are_borrowed_and_not_odd() {
        let text = r#"{"text":"x","number":7.5,"flag":true,"time":"2026-11-20T05:12:41Z","part":{"a":"b"},"list":["1","2"]}"#;
        let doc: Doc<'_> = serde_json::from_str(text).unwrap();
        assert!(matches!(doc.text.value, Some(Cow::Borrowed("x"))));
        assert_eq!(doc.number, Leaf::of(7.5));
        assert_eq!(doc.flag, Leaf::of(true));
        assert_eq!(doc.time.value.unwrap().timestamp(), 1_795_151_561);
        assert_eq!(doc.part.a.text(), "b");
        assert_eq!(doc.list.items.len(), 2);
        assert!(!doc.list.odd && doc.list.dropped == 0 && !doc.part.odd);
    }

    #[test]
    fn wrong_types_are_taken_as_far_as_they_go() {
        let text = r#"{"text":12,"number":"7.5","flag":"TRUE","time":1795151561.5,"part":[{"a":["b"]}],"list":{"x":1}}"#;
        let doc: Doc<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(doc.text, Leaf::oddly(Some(Cow::Borrowed("12"))));
        assert_eq!(doc.number, Leaf::oddly(Some(7.5)));
        assert_eq!(doc.flag, Leaf::oddly(Some(true)));
        assert_eq!(
            doc.time.value.unwrap().timestamp_millis(),
            1_795_151_561_500
        );
        assert!(doc.part.odd && doc.part.a.odd);
        assert_eq!(doc.part.a.text(), "b");
        assert!(doc.list.odd);
    }

    #[test]
    fn every_type_in_every_place_is_no_error() {
        for value in [
            "null",
            "1",
            "-1",
            "1.5",
            "true",
            r#""t""#,
            r#""\u00e4""#,
            "[]",
            "[[1]]",
            "{}",
            r#"{"q":[{}]}"#,
        ] {
            for key in ["text", "number", "flag", "time", "part", "list"] {
                let text = format!(r#"{{"{key}":{value}}}"#);
                assert!(serde_json::from_str::<Doc<'_>>(&text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn lists_are_capped_and_count_what_they_dropped() {
        let doc: Doc<'_> = serde_json::from_str(r#"{"list":["1","2","3","4"]}"#).unwrap();
        assert_eq!((doc.list.items.len(), doc.list.dropped), (2, 2));
    }
}
