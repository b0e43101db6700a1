//! A list with an end.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::drain;

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
