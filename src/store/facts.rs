//! What people laid down about a record beside what was detected; the newest row of a name holds.

use std::collections::HashMap;

use diesel::prelude::*;

use super::schema::record_facts;
use super::time::Stamp;
use super::{AnyConnection, Result, from_json};
use crate::domain::record_fact::{Laid, RecordFacts};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = record_facts, treat_none_as_null = true)]
pub struct FactRow {
    pub id: i64,
    pub record_id: i64,
    /// One of the names of `domain::record_fact`.
    pub name: String,
    /// JSON.
    pub value: String,
    pub why: String,
    pub actor: String,
    pub at: Stamp,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = record_facts)]
pub struct NewFact {
    pub record_id: i64,
    pub name: String,
    pub value: String,
    pub why: String,
    pub actor: String,
    pub at: Stamp,
}

pub fn insert(conn: &mut AnyConnection, row: &NewFact) -> Result<i64> {
    Ok(diesel::insert_into(record_facts::table)
        .values(row)
        .returning(record_facts::id)
        .get_result(conn)?)
}

/// All of them, oldest first.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<FactRow>> {
    Ok(record_facts::table
        .order(record_facts::id)
        .select(FactRow::as_select())
        .load(conn)?)
}

pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<FactRow>> {
    Ok(record_facts::table
        .filter(record_facts::record_id.eq(record))
        .order(record_facts::id)
        .select(FactRow::as_select())
        .load(conn)?)
}

/// What is laid down of each record, read. A name that this binary does not know is left out.
pub fn by_record(rows: &[FactRow]) -> Result<HashMap<i64, RecordFacts>> {
    let mut facts: HashMap<i64, RecordFacts> = HashMap::new();
    for row in rows {
        let Ok(name) = row.name.parse() else { continue };
        let laid = Laid {
            value: from_json(&format!("fact {}", row.id), &row.value)?,
            why: row.why.clone(),
            actor: row.actor.clone(),
            at: row.at.and_utc(),
        };
        facts.entry(row.record_id).or_default().add(name, laid);
    }
    Ok(facts)
}
