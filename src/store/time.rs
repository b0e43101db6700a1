//! Times as the databases keep them. SQLite has them as text, and what this program writes there has one form: trying all
//! that SQLite may write takes longer than reading the rest of a row, and walking a format string longer than writing it.

use std::fmt::{self, Write as _};
use std::ops::Add;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Timestamp;
use diesel::sqlite::Sqlite;
use serde::{Deserialize, Serialize};

use super::connection::MultiBackend;

/// `2026-11-22 07:00:00.123456`.
const LONGEST: usize = 26;

type Raw<'a, DB> = <DB as Backend>::RawValue<'a>;

/// UTC without a zone; what [`stamp`] makes is whole microseconds, as PostgreSQL has them.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow, Serialize, Deserialize,
)]
#[diesel(sql_type = Timestamp)]
#[serde(transparent)]
pub struct Stamp(NaiveDateTime);

/// The moment, as the databases keep it.
pub fn stamp(time: DateTime<Utc>) -> Stamp {
    let whole = DateTime::from_timestamp_micros(time.timestamp_micros());
    Stamp(whole.unwrap_or(time).naive_utc())
}

impl Stamp {
    pub fn and_utc(self) -> DateTime<Utc> {
        self.0.and_utc()
    }

    pub fn date(self) -> NaiveDate {
        self.0.date()
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Add<TimeDelta> for Stamp {
    type Output = Self;

    fn add(self, span: TimeDelta) -> Self {
        Self(self.0 + span)
    }
}

/// ISO 8601 without a zone, as `meta` has it: `2026-11-22T07:00:00`.
impl FromStr for Stamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(|time: NaiveDateTime| stamp(time.and_utc()))
    }
}

impl ToSql<Timestamp, Sqlite> for Stamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        let mut text = String::with_capacity(LONGEST);
        write!(text, "{}", self.0)?;
        out.set_value(text);
        Ok(IsNull::No)
    }
}

impl ToSql<Timestamp, Pg> for Stamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamp, Pg>::to_sql(&self.0, out)
    }
}

impl ToSql<Timestamp, MultiBackend> for Stamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Timestamp, self));
        Ok(IsNull::No)
    }
}

impl FromSql<Timestamp, Sqlite> for Stamp {
    fn from_sql(mut value: Raw<'_, Sqlite>) -> deserialize::Result<Self> {
        match plain(value.read_text()) {
            Some(time) => Ok(Self(time)),
            None => <NaiveDateTime as FromSql<Timestamp, Sqlite>>::from_sql(value).map(Self),
        }
    }
}

impl FromSql<Timestamp, Pg> for Stamp {
    fn from_sql(value: Raw<'_, Pg>) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<Timestamp, MultiBackend> for Stamp {
    fn from_sql(value: Raw<'_, MultiBackend>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Timestamp>()
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
    use diesel::prelude::*;
    use proptest::prelude::*;

    use super::*;

    #[derive(QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }

    /// What SQLite has of a time.
    #[allow(
        clippy::disallowed_methods,
        reason = "no typed form shows a time as text"
    )]
    fn text(time: impl ToSql<Timestamp, Sqlite>) -> String {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        let asked = diesel::sql_query("SELECT ? AS text").bind::<Timestamp, _>(time);
        asked.get_result::<Text>(&mut conn).unwrap().text
    }

    /// As diesel writes it.
    const FORM: &str = "%F %T%.f";

    proptest! {
        #[test]
        fn it_is_written_as_diesel_writes_it(micros in -93_000_000_000_000_000_i64..=300_000_000_000_000_000) {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            prop_assert_eq!(text(stamp(time)), text(time.naive_utc()));
        }

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
