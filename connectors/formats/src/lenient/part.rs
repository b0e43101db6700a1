//! An object inside a document.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::drain;

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
