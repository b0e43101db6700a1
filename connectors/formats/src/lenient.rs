//! Leaves, parts and lists of a document that take what is there, of whatever JSON type, and remember
//! when it was not the type the format says. They never fail: only broken JSON does.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One value; `odd` if its type or form was not the expected one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf<T> {
    pub(crate) value: Option<T>,
    pub(crate) odd: bool,
}

pub(crate) type Text<'a> = Leaf<Cow<'a, str>>;
pub(crate) type Number = Leaf<f64>;
pub(crate) type Flag = Leaf<bool>;
pub(crate) type Time = Leaf<DateTime<Utc>>;

impl<T> Leaf<T> {
    const MISSING: Self = Self {
        value: None,
        odd: false,
    };
    const ODD: Self = Self {
        value: None,
        odd: true,
    };

    fn of(value: T) -> Self {
        Self {
            value: Some(value),
            odd: false,
        }
    }

    fn oddly(value: Option<T>) -> Self {
        Self { value, odd: true }
    }
}

impl<T> Default for Leaf<T> {
    fn default() -> Self {
        Self::MISSING
    }
}

impl Text<'_> {
    /// The text; empty if there is none.
    pub(crate) fn text(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// How a type is made of each kind of JSON scalar.
pub(crate) trait Scalar<'a>: Sized {
    fn text(text: Cow<'a, str>) -> Leaf<Self>;
    fn number(number: Num) -> Leaf<Self>;
    fn flag(flag: bool) -> Leaf<Self>;
}

/// A JSON number as it was written: whole numbers keep every digit.
#[derive(Clone, Copy)]
pub(crate) enum Num {
    Whole(i128),
    Real(f64),
}

impl Num {
    #[allow(
        clippy::cast_precision_loss,
        reason = "scores and times; account numbers go by `Whole`"
    )]
    fn real(self) -> f64 {
        match self {
            Self::Whole(n) => n as f64,
            Self::Real(n) => n,
        }
    }
}

impl<'de: 'a, 'a> Scalar<'de> for Cow<'a, str> {
    fn text(text: Cow<'de, str>) -> Leaf<Self> {
        Leaf::of(text)
    }

    fn number(number: Num) -> Leaf<Self> {
        Leaf::oddly(Some(Cow::Owned(match number {
            Num::Whole(n) => n.to_string(),
            Num::Real(n) => n.to_string(),
        })))
    }

    fn flag(flag: bool) -> Leaf<Self> {
        Leaf::oddly(Some(Cow::Borrowed(if flag { "true" } else { "false" })))
    }
}

impl<'a> Scalar<'a> for f64 {
    fn text(text: Cow<'a, str>) -> Leaf<Self> {
        Leaf::oddly(text.trim().parse().ok().filter(|n: &f64| n.is_finite()))
    }

    fn number(number: Num) -> Leaf<Self> {
        Leaf::of(number.real())
    }

    fn flag(_: bool) -> Leaf<Self> {
        Leaf::ODD
    }
}

impl<'a> Scalar<'a> for bool {
    fn text(text: Cow<'a, str>) -> Leaf<Self> {
        Leaf::oddly(match text.trim() {
            t if t.eq_ignore_ascii_case("true") => Some(true),
            t if t.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        })
    }

    fn number(_: Num) -> Leaf<Self> {
        Leaf::ODD
    }

    fn flag(flag: bool) -> Leaf<Self> {
        Leaf::of(flag)
    }
}

impl<'a> Scalar<'a> for DateTime<Utc> {
    fn text(text: Cow<'a, str>) -> Leaf<Self> {
        match time_of_text(&text) {
            Some(time) => Leaf::of(time),
            None => Leaf::ODD,
        }
    }

    fn number(number: Num) -> Leaf<Self> {
        match time_of_epoch(number.real()) {
            Some(time) => Leaf::of(time),
            None => Leaf::ODD,
        }
    }

    fn flag(_: bool) -> Leaf<Self> {
        Leaf::ODD
    }
}

/// RFC 3339, the same without zone (UTC then), or seconds since 1970 as text.
fn time_of_text(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(time.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
        .or_else(|| time_of_epoch(text.parse().ok()?))
}

/// Seconds since 1970, as the wire of Inspector writes them; milliseconds where seconds would lie
/// beyond the year 5000. Nothing before 1970.
fn time_of_epoch(number: f64) -> Option<DateTime<Utc>> {
    let seconds = if number >= 1e11 { number / 1e3 } else { number };
    if !(0.0..1e11).contains(&seconds) {
        return None;
    }
    // Microseconds are as fine as a double can be at today's dates.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "within 1e17 by the check above"
    )]
    DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
}

struct LeafVisitor<T>(PhantomData<T>);

impl<'de, T: Scalar<'de>> Visitor<'de> for LeafVisitor<T> {
    type Value = Leaf<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Leaf<T>, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Leaf<T>, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Leaf<T>, E> {
        Ok(T::number(Num::Whole(number.into())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Leaf<T>, E> {
        Ok(T::number(Num::Whole(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Leaf<T>, E> {
        Ok(T::number(Num::Real(number)))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Leaf<T>, E> {
        Ok(T::flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Leaf<T>, E> {
        Ok(Leaf::MISSING)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Leaf<T>, A::Error> {
        // A list of one is how some exporters write a value; what follows the first has no place.
        let first = seq.next_element::<Leaf<T>>()?.unwrap_or_default();
        drain(seq)?;
        Ok(Leaf::oddly(first.value))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Leaf<T>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Leaf::ODD)
    }
}

fn drain<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<usize, A::Error> {
    let mut count = 0;
    while seq.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok(count)
}

impl<'de, T: Scalar<'de>> Deserialize<'de> for Leaf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor(PhantomData))
    }
}

/// An object inside a document; empty and `odd` if it was not an object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Part<T> {
    pub(crate) inner: T,
    pub(crate) present: bool,
    pub(crate) odd: bool,
}

impl<T> std::ops::Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

struct PartVisitor<T>(PhantomData<T>);

impl<T: Default> PartVisitor<T> {
    fn odd<E>() -> Result<Part<T>, E> {
        Ok(Part {
            inner: T::default(),
            present: false,
            odd: true,
        })
    }
}

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for PartVisitor<T> {
    type Value = Part<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part<T>, A::Error> {
        let inner = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Part {
            inner,
            present: true,
            odd: false,
        })
    }

    fn visit_unit<E>(self) -> Result<Part<T>, E> {
        Ok(Part::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Part<T>, E> {
        Self::odd()
    }

    fn visit_u64<E>(self, _: u64) -> Result<Part<T>, E> {
        Self::odd()
    }

    fn visit_i64<E>(self, _: i64) -> Result<Part<T>, E> {
        Self::odd()
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part<T>, E> {
        Self::odd()
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part<T>, E> {
        Self::odd()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Part<T>, A::Error> {
        let first = seq.next_element::<Part<T>>()?.unwrap_or_default();
        drain(seq)?;
        Ok(Part { odd: true, ..first })
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor(PhantomData))
    }
}

/// At most `MOST` elements; what stood behind them is only counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List<T, const MOST: usize> {
    pub(crate) items: Vec<T>,
    pub(crate) dropped: usize,
    pub(crate) odd: bool,
}

impl<T, const MOST: usize> Default for List<T, MOST> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            dropped: 0,
            odd: false,
        }
    }
}

struct ListVisitor<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> ListVisitor<T, MOST> {
    fn alone(item: T) -> List<T, MOST> {
        List {
            items: vec![item],
            dropped: 0,
            odd: true,
        }
    }

    fn odd<E>() -> Result<List<T, MOST>, E> {
        Ok(List {
            odd: true,
            ..List::default()
        })
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for ListVisitor<T, MOST> {
    type Value = List<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T, MOST>, A::Error> {
        let mut items = Vec::new();
        while items.len() < MOST {
            match seq.next_element()? {
                Some(item) => items.push(item),
                None => {
                    return Ok(List {
                        items,
                        dropped: 0,
                        odd: false,
                    });
                }
            }
        }
        Ok(List {
            items,
            dropped: drain(seq)?,
            odd: false,
        })
    }

    fn visit_unit<E>(self) -> Result<List<T, MOST>, E> {
        Ok(List::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List<T, MOST>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Self::alone)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<List<T, MOST>, E> {
        T::deserialize(BorrowedStrDeserializer::new(text)).map(Self::alone)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<List<T, MOST>, E> {
        T::deserialize(StrDeserializer::new(text)).map(Self::alone)
    }

    fn visit_u64<E>(self, _: u64) -> Result<List<T, MOST>, E> {
        Self::odd()
    }

    fn visit_i64<E>(self, _: i64) -> Result<List<T, MOST>, E> {
        Self::odd()
    }

    fn visit_f64<E>(self, _: f64) -> Result<List<T, MOST>, E> {
        Self::odd()
    }

    fn visit_bool<E>(self, _: bool) -> Result<List<T, MOST>, E> {
        Self::odd()
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for List<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
    fn times_of_every_form() {
        for (text, want) in [
            ("2026-11-20T05:12:41+00:00", Some(1_795_151_561)),
            ("2026-11-20T05:12:41", Some(1_795_151_561)),
            ("2026-11-20 05:12:41.250", Some(1_795_151_561)),
            ("2026-11-20T05:12:41.000+0000", Some(1_795_151_561)),
            ("1795151561", Some(1_795_151_561)),
            ("1795151561000", Some(1_795_151_561)),
            ("2026-11-20T11:02:51999Z", None),
            ("yesterday", None),
            ("-5", None),
            ("1e300", None),
        ] {
            assert_eq!(time_of_text(text).map(|t| t.timestamp()), want, "{text}");
        }
    }

    #[test]
    fn lists_are_capped_and_count_what_they_dropped() {
        let doc: Doc<'_> = serde_json::from_str(r#"{"list":["1","2","3","4"]}"#).unwrap();
        assert_eq!((doc.list.items.len(), doc.list.dropped), (2, 2));
    }
}
