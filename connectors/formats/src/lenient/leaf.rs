//! One value: what it is made of, by the JSON type it came as.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::drain;

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
    pub(super) const MISSING: Self = Self {
        value: None,
        odd: false,
    };
    pub(super) const ODD: Self = Self {
        value: None,
        odd: true,
    };

    pub(super) fn of(value: T) -> Self {
        Self {
            value: Some(value),
            odd: false,
        }
    }

    pub(super) fn oddly(value: Option<T>) -> Self {
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
    pub(super) fn real(self) -> f64 {
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

impl<'de, T: Scalar<'de>> Deserialize<'de> for Leaf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor(PhantomData))
    }
}
