//! Items and their revisions.

use std::collections::HashMap;

use diesel::prelude::*;

use super::dialect::insert_rows;
use super::schema::{item_revisions, items};
use super::time::Stamp;
use super::{AnyConnection, Result, versions};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = items, primary_key(account, arn), treat_none_as_default_value = false)]
pub struct ItemRow {
    pub account: String,
    pub arn: String,
    pub region: String,
    pub technology: String,
    pub name: String,
    pub active: bool,
    /// 0: known only because a finding names it.
    pub revision: i64,
    pub config_hash: String,
    /// Complete listings in a row that did not hold it.
    pub absent: i64,
    pub first_seen: Stamp,
    pub last_modified: Stamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = item_revisions)]
pub struct RevisionRow {
    pub account: String,
    pub arn: String,
    pub number: i64,
    pub seen_at: Stamp,
    /// JSON.
    pub config: String,
}

const KEYS_A_QUERY: usize = 500;

pub fn by_arns(
    conn: &mut AnyConnection,
    account: &str,
    arns: &[&str],
) -> Result<HashMap<String, ItemRow>> {
    let mut found = HashMap::with_capacity(arns.len());
    for keys in arns.chunks(KEYS_A_QUERY) {
        let rows: Vec<ItemRow> = items::table
            .filter(items::account.eq(account))
            .filter(items::arn.eq_any(keys))
            .select(ItemRow::as_select())
            .load(conn)?;
        found.extend(rows.into_iter().map(|r| (r.arn.clone(), r)));
    }
    Ok(found)
}

/// Those of these ARNs that are items.
pub fn known(conn: &mut AnyConnection, account: &str, arns: &[&str]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for keys in arns.chunks(KEYS_A_QUERY) {
        let there = items::table
            .filter(items::account.eq(account))
            .filter(items::arn.eq_any(keys))
            .select(items::arn);
        found.extend(there.load::<String>(conn)?);
    }
    Ok(found)
}

/// Items of a technology in an account that a scan has recorded.
pub fn of_technology(
    conn: &mut AnyConnection,
    account: &str,
    technology: &str,
) -> Result<Vec<ItemRow>> {
    Ok(items::table
        .filter(items::account.eq(account))
        .filter(items::technology.eq(technology))
        .filter(items::revision.gt(0))
        .select(ItemRow::as_select())
        .load(conn)?)
}

pub fn insert_all(conn: &mut AnyConnection, rows: &[ItemRow]) -> Result<()> {
    Ok(insert_rows!(conn, items::table, rows, 1_000)?)
}

/// Writes an item anew and keeps how it was called, if that changed.
pub fn update(conn: &mut AnyConnection, was: &ItemRow, row: &ItemRow, at: Stamp) -> Result<()> {
    versions::keep_item(conn, was, row, at)?;
    diesel::update(items::table.find((&row.account, &row.arn)))
        .set(row)
        .execute(conn)?;
    Ok(())
}

pub fn insert_revision(conn: &mut AnyConnection, row: &RevisionRow) -> Result<()> {
    diesel::insert_into(item_revisions::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Revisions of an item, oldest first.
pub fn revisions(conn: &mut AnyConnection, account: &str, arn: &str) -> Result<Vec<RevisionRow>> {
    Ok(item_revisions::table
        .filter(item_revisions::account.eq(account))
        .filter(item_revisions::arn.eq(arn))
        .order(item_revisions::number)
        .select(RevisionRow::as_select())
        .load(conn)?)
}

pub fn all(conn: &mut AnyConnection) -> Result<Vec<ItemRow>> {
    Ok(items::table
        .order((items::account, items::technology, items::arn))
        .select(ItemRow::as_select())
        .load(conn)?)
}
