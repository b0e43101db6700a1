//! TOML values as the types of the configuration. What a value has to look like is its [`Kind`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono_tz::Tz;
use poamd_contract::ids::{AccountId, Partition, Region};
use toml::Spanned;
use toml::de::DeValue;
use url::Url;

use super::address;
use super::cron::CronExpr;
use super::document::Source;
use super::problem::{did_you_mean, quoted};
use super::schema::Kind;
use super::{duration, secret};

/// Which key a value belongs to, and where to note what is wrong with it.
#[derive(Clone)]
pub(crate) struct Place<'s> {
    pub source: &'s Source<'s>,
    /// `[mail] port`
    pub key: String,
}

impl Place<'_> {
    /// Notes a problem at a value.
    pub fn fail<T>(&self, value: &Spanned<DeValue<'_>>, what: impl Into<String>) -> Option<T> {
        self.source
            .problem(Some(value.span().start), &self.key, what);
        None
    }

    /// The place of an entry of this table.
    fn entry(&self, name: &str) -> Self {
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        Self {
            source: self.source,
            key: format!("{}.{shown}", self.key),
        }
    }
}

/// A type that can be read from a value. `None` means that a problem has been noted.
pub(crate) trait FromToml: Sized {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self>;
}

fn wrong_type<T>(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<T> {
    let found = match value.get_ref() {
        DeValue::String(_) => "text in quotes",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    place.fail(value, format!("is {found}, expected {kind}"))
}

/// The text of a value, one line unless the kind says otherwise.
fn text_of(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<String> {
    let Some(text) = value.get_ref().as_str() else {
        return wrong_type(value, kind, place);
    };
    if matches!(kind, Kind::Prose) {
        return Some(text.to_owned());
    }
    if text.trim().is_empty() {
        return place.fail(value, format!("is empty, expected {kind}"));
    }
    if text.chars().any(char::is_control) {
        return place.fail(
            value,
            format!(
                "{} has a control character in it, expected {kind}",
                quoted(text)
            ),
        );
    }
    Some(text.to_owned())
}

/// One of the names a key allows.
fn chosen(text: &str, names: &[&str]) -> Result<(), String> {
    if names.contains(&text) {
        return Ok(());
    }
    let hint = did_you_mean(text, names.iter().copied());
    Err(format!(
        "{} is not one of {}{hint}",
        quoted(text),
        names.join(", ")
    ))
}

fn is_name(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl FromToml for String {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let text = text_of(value, kind, place)?;
        let checked = match kind {
            Kind::Choice(names) => chosen(&text, names),
            Kind::Name if !is_name(&text) => Err(format!("{} is not a {kind}", quoted(&text))),
            Kind::Mailbox => address::mailbox(&text).map(|_| ()),
            _ => Ok(()),
        };
        match checked {
            Ok(()) => Some(text),
            Err(what) => place.fail(value, what),
        }
    }
}

impl FromToml for bool {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        value
            .get_ref()
            .as_bool()
            .or_else(|| wrong_type(value, kind, place))
    }
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl FromToml for $type {
            fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
                let Some(number) = value.get_ref().as_integer() else { return wrong_type(value, kind, place) };
                let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
                let allowed = |n: &i64| !matches!(kind, Kind::Integer { min, max } if n < min || n > max);
                let fits = parsed.filter(allowed).and_then(|n| <$type>::try_from(n).ok());
                fits.or_else(|| place.fail(value, format!("{number} is impossible, expected {kind}")))
            }
        }
    )+};
}

integers!(u16, u32);

impl FromToml for f64 {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().to_owned(),
            _ => return wrong_type(value, kind, place),
        };
        let allowed = |n: &f64| match kind {
            Kind::Fraction { min, max } => n >= min && n <= max,
            _ => n.is_finite(),
        };
        let fits = text.parse::<f64>().ok().filter(allowed);
        fits.or_else(|| place.fail(value, format!("{text} is impossible, expected {kind}")))
    }
}

impl FromToml for Duration {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let text = text_of(value, kind, place)?;
        match duration::parse(&text) {
            Ok(duration) => match kind {
                Kind::Duration { min, max } if duration < *min || duration > *max => place.fail(
                    value,
                    format!("{} is impossible, expected {kind}", quoted(&text)),
                ),
                _ => Some(duration),
            },
            Err(what) => place.fail(value, what),
        }
    }
}

impl FromToml for Tz {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let text = text_of(value, kind, place)?;
        Tz::from_str(&text).ok().or_else(|| {
            let hint = did_you_mean(&text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
            place.fail(
                value,
                format!(
                    "{} is not an IANA time zone such as \"America/New_York\"{hint}",
                    quoted(&text)
                ),
            )
        })
    }
}

impl FromToml for Url {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let text = text_of(value, kind, place)?;
        let parsed = if matches!(kind, Kind::Proxy) {
            address::proxy(&text)
        } else {
            address::url(&text)
        };
        parsed.map_or_else(|what| place.fail(value, what), Some)
    }
}

impl FromToml for PathBuf {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        Some(place.source.folder().join(text_of(value, kind, place)?))
    }
}

/// Types that read themselves from one line of text and say what is wrong with it.
macro_rules! from_text {
    ($($type:ty: $parse:expr),+ $(,)?) => {$(
        impl FromToml for $type {
            fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
                let text = text_of(value, kind, place)?;
                let parsed: Result<$type, String> = $parse(&text);
                match parsed {
                    Ok(parsed) => Some(parsed),
                    Err(what) => place.fail(value, what),
                }
            }
        }
    )+};
}

from_text! {
    CronExpr: CronExpr::parse,
    Region: |text: &str| text.parse::<Region>().map_err(|e| e.to_string()),
    Partition: |text: &str| text.parse::<Partition>().map_err(|e| e.to_string()),
    AccountId: |text: &str| text.parse::<AccountId>().map_err(|e| e.to_string()),
}

impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let (Kind::List(of), Some(entries)) = (kind, value.get_ref().as_array()) else {
            return wrong_type(value, kind, place);
        };
        // All entries are read before the first bad one counts, so that each gets its line.
        let read: Vec<Option<T>> = entries
            .iter()
            .map(|entry| T::from_toml(entry, of, place))
            .collect();
        read.into_iter().collect()
    }
}

impl<T: FromToml> FromToml for BTreeMap<String, T> {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let (Kind::Map { keys, of }, Some(table)) = (kind, value.get_ref().as_table()) else {
            return wrong_type(value, kind, place);
        };
        let read: Vec<Option<(String, T)>> = table
            .iter()
            .map(|(name, entry)| {
                let name: &str = name.get_ref();
                let place = place.entry(name);
                if !keys.is_empty() && !keys.contains(&name) {
                    let hint = did_you_mean(name, keys.iter().copied());
                    return place.fail(
                        entry,
                        format!("unknown key, there are {}{hint}", keys.join(", ")),
                    );
                }
                T::from_toml(entry, of, &place).map(|read| (name.to_owned(), read))
            })
            .collect();
        read.into_iter().collect()
    }
}

impl FromToml for secret::Secret {
    fn from_toml(value: &Spanned<DeValue<'_>>, kind: &Kind, place: &Place<'_>) -> Option<Self> {
        let Some(table) = value.get_ref().as_table() else {
            // The value is not repeated: it may well be the secret itself.
            return place.fail(
                value,
                format!("a secret never stands in this file; write where it is kept: {kind}"),
            );
        };
        let entries: Vec<(&str, &Spanned<DeValue<'_>>)> =
            table.iter().map(|(k, v)| (&**k.get_ref(), v)).collect();
        let [(by, at)] = entries.as_slice() else {
            return place.fail(
                value,
                format!("names no place or more than one, expected {kind}"),
            );
        };
        let place = place.entry(by);
        match *by {
            "credential" => credential(at, &place),
            "file" => PathBuf::from_toml(at, &Kind::Path, &place).map(Self::File),
            "env" => String::from_toml(at, &Kind::Text, &place).map(Self::Env),
            _ => {
                let hint = did_you_mean(by, ["credential", "file", "env"]);
                place.fail(at, format!("unknown key, expected {kind}{hint}"))
            }
        }
    }
}

fn credential(value: &Spanned<DeValue<'_>>, place: &Place<'_>) -> Option<secret::Secret> {
    let name = String::from_toml(value, &Kind::Text, place)?;
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
        && !name.starts_with('.');
    if plain {
        return Some(secret::Secret::Credential(name));
    }
    place.fail(
        value,
        "is not the name of a systemd credential (letters, digits, \"_\", \".\" and \"-\")",
    )
}

/// A set of names as an enum that reads itself; the names also go into the key's [`Kind::Choice`].
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// Every value as it is written in the file.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl $crate::config::value::FromToml for $name {
            fn from_toml(
                value: &toml::Spanned<toml::de::DeValue<'_>>,
                kind: &$crate::config::schema::Kind,
                place: &$crate::config::value::Place<'_>,
            ) -> Option<Self> {
                let text = <String as $crate::config::value::FromToml>::from_toml(value, kind, place)?;
                match text.as_str() {
                    $($text => Some(Self::$variant),)+
                    _ => place.fail(value, format!("expected {kind}")),
                }
            }
        }
    };
}

pub(crate) use choice;
