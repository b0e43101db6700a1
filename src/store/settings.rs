//! Single values that the ledger remembers of itself, by name.

use diesel::prelude::*;

use super::schema::meta;
use super::{AnyConnection, Result};

pub fn get(conn: &mut AnyConnection, key: &str) -> Result<Option<String>> {
    Ok(meta::table
        .find(key)
        .select(meta::value)
        .first(conn)
        .optional()?)
}

pub fn set(conn: &mut AnyConnection, key: &str, value: &str) -> Result<()> {
    let there = diesel::update(meta::table.find(key))
        .set(meta::value.eq(value))
        .execute(conn)?;
    if there == 0 {
        diesel::insert_into(meta::table)
            .values((meta::key.eq(key), meta::value.eq(value)))
            .execute(conn)?;
    }
    Ok(())
}
