//! Times as they are read. SQLite keeps them as text, and what this program writes there has one form; trying all that
//! SQLite may write takes longer than reading the rest of a row.

use chrono::{NaiveDate, NaiveDateTime};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::Pg;
use diesel::sql_types::{Nullable, Timestamp};
use diesel::sqlite::Sqlite;

use super::connection::MultiBackend;

type Raw<'a, DB> = <DB as Backend>::RawValue<'a>;

/// A time, for `deserialize_as`.
#[derive(Debug, FromSqlRow)]
pub struct Kept(NaiveDateTime);

/// A time that need not be there.
#[derive(Debug, FromSqlRow)]
pub struct MaybeKept(Option<NaiveDateTime>);

impl From<Kept> for NaiveDateTime {
    fn from(kept: Kept) -> Self {
        kept.0
    }
}

impl From<MaybeKept> for Option<NaiveDateTime> {
    fn from(kept: MaybeKept) -> Self {
        kept.0
    }
}

impl FromSql<Timestamp, Sqlite> for Kept {
    fn from_sql(mut value: Raw<'_, Sqlite>) -> deserialize::Result<Self> {
        match plain(value.read_text()) {
            Some(time) => Ok(Self(time)),
            None => <NaiveDateTime as FromSql<Timestamp, Sqlite>>::from_sql(value).map(Self),
        }
    }
}

impl FromSql<Timestamp, Pg> for Kept {
    fn from_sql(value: Raw<'_, Pg>) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<Timestamp, MultiBackend> for Kept {
    fn from_sql(value: Raw<'_, MultiBackend>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Timestamp>()
    }
}

impl<DB> FromSql<Nullable<Timestamp>, DB> for MaybeKept
where
    DB: Backend,
    Kept: FromSql<Timestamp, DB>,
{
    fn from_sql(value: Raw<'_, DB>) -> deserialize::Result<Self> {
        Kept::from_sql(value).map(|kept| Self(Some(kept.0)))
    }

    fn from_nullable_sql(value: Option<Raw<'_, DB>>) -> deserialize::Result<Self> {
        value.map_or(Ok(Self(None)), Self::from_sql)
    }
}

/// `2026-11-22 07:00:00`, to the microsecond where there is a fraction.
fn plain(text: &str) -> Option<NaiveDateTime> {
    let (seconds, fraction) = match text.split_at_checked(19)? {
        (seconds, "") => (seconds, 0),
        (seconds, rest) => (seconds, micros(rest.strip_prefix('.')?)?),
    };
    let at = |from: usize, to: usize| number(seconds.as_bytes().get(from..to)?);
    let marks = [4, 7, 10, 13, 16].map(|at| seconds.as_bytes()[at]);
    if &marks != b"-- ::" {
        return None;
    }
    let year = i32::try_from(at(0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, at(5, 7)?, at(8, 10)?)?.and_hms_micro_opt(
        at(11, 13)?,
        at(14, 16)?,
        at(17, 19)?,
        fraction,
    )
}

/// Up to six digits behind the point.
fn micros(digits: &str) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    let unit = 10_u32.checked_pow(6_u32.checked_sub(u32::try_from(digits.len()).ok()?)?)?;
    Some(number(digits.as_bytes())? * unit)
}

/// At most six digits.
fn number(digits: &[u8]) -> Option<u32> {
    let add = |sum: u32, digit: &u8| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    };
    digits.iter().try_fold(0, add)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// As diesel writes it.
    const FORM: &str = "%F %T%.f";

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(micros in 0_i64..=253_402_300_799_999_999, whole: bool) {
            let micros = if whole { micros / 1_000_000 * 1_000_000 } else { micros };
            let time = chrono::DateTime::from_timestamp_micros(micros).unwrap().naive_utc();
            prop_assert_eq!(plain(&time.format(FORM).to_string()), Some(time));
        }

        #[test]
        fn what_has_another_form_is_left_to_diesel(text in "[0-9TZ:. +-]{0,32}|\\PC{0,24}") {
            let usual = NaiveDateTime::parse_from_str(&text, FORM).ok();
            prop_assert!(plain(&text).is_none_or(|time| usual == Some(time)));
        }
    }

    #[test]
    fn no_time_is_made_up() {
        for text in [
            "2026-02-30 07:00:00",
            "2026-11-22T07:00:00",
            "2026-11-22 24:00:00",
            "2026-11-22 07:00:00.",
            "2026-11-22 07:00:00.1234567",
            "2026-11-22 07:00:00Z",
            "+026-11-22 07:00:00",
            "",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
    }
}
