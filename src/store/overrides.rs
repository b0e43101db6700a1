//! Overrides, in force and removed, and the findings they are about.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::finding::ResourceRef;
use poamd_contract::severity::Severity;

use super::accounts::AccountRow;
use super::columns::Col;
use super::schema::{findings, overrides};
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, StoreError, accounts};
use crate::domain::finding::FindingStatus;
use crate::domain::overrides::{AccountNames, AccountPattern, Override, Overrides, Subject};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = overrides, treat_none_as_null = true)]
pub struct OverrideRow {
    pub id: i64,
    pub weakness: Option<String>,
    pub technology: Option<String>,
    pub account_pattern: Option<String>,
    /// Tenths of a point.
    pub score: Option<i64>,
    pub severity: Option<Col<Severity>>,
    pub disabled: bool,
    pub why: String,
    pub actor: String,
    pub at: Stamp,
    pub removed_at: Option<Stamp>,
    pub removed_by: Option<String>,
    pub removed_why: Option<String>,
}

#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = overrides)]
pub struct NewOverride {
    pub weakness: Option<String>,
    pub technology: Option<String>,
    pub account_pattern: Option<String>,
    pub score: Option<i64>,
    pub severity: Option<Col<Severity>>,
    pub disabled: bool,
    pub why: String,
    pub actor: String,
    pub at: Stamp,
}

impl OverrideRow {
    pub fn parsed(&self) -> Result<Override> {
        let account = self
            .account_pattern
            .as_deref()
            .map(str::parse::<AccountPattern>)
            .transpose()
            .map_err(|e| StoreError::Row {
                what: format!("override {}", self.id),
                why: e.to_string(),
            })?;
        Ok(Override {
            id: self.id,
            weakness: self.weakness.clone(),
            technology: self.technology.clone(),
            account,
            score: self.score,
            severity: self.severity.map(|s| s.0),
            disabled: self.disabled,
        })
    }
}

pub fn insert(conn: &mut AnyConnection, row: &NewOverride) -> Result<i64> {
    Ok(diesel::insert_into(overrides::table)
        .values(row)
        .returning(overrides::id)
        .get_result(conn)?)
}

pub fn update(conn: &mut AnyConnection, row: &OverrideRow) -> Result<()> {
    diesel::update(overrides::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut AnyConnection, id: i64) -> Result<Option<OverrideRow>> {
    Ok(overrides::table
        .find(id)
        .select(OverrideRow::as_select())
        .first(conn)
        .optional()?)
}

/// All of them, oldest first, removed ones too.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<OverrideRow>> {
    Ok(overrides::table
        .order(overrides::id)
        .select(OverrideRow::as_select())
        .load(conn)?)
}

/// Those in force, in the order in which they are asked.
pub fn in_force(conn: &mut AnyConnection) -> Result<Overrides> {
    let rows: Vec<OverrideRow> = overrides::table
        .filter(overrides::removed_at.is_null())
        .order(overrides::id)
        .select(OverrideRow::as_select())
        .load(conn)?;
    let parsed: Result<Vec<Override>> = rows.iter().map(OverrideRow::parsed).collect();
    Ok(Overrides::new(parsed?))
}

/// Those that were in force at a moment.
pub fn in_force_at(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Overrides> {
    let moment = stamp(moment);
    let mut rows = all(conn)?;
    rows.retain(|row| row.at <= moment && row.removed_at.is_none_or(|removed| removed > moment));
    let parsed: Result<Vec<Override>> = rows.iter().map(OverrideRow::parsed).collect();
    Ok(Overrides::new(parsed?))
}

/// Accounts by number, as patterns see them.
pub fn account_names(conn: &mut AnyConnection) -> Result<BTreeMap<String, AccountNames>> {
    Ok(named(&accounts::all(conn)?))
}

/// The same of accounts that are at hand.
pub fn named<'a>(rows: impl IntoIterator<Item = &'a AccountRow>) -> BTreeMap<String, AccountNames> {
    let names = rows.into_iter().map(|row| {
        let names = AccountNames {
            id: row.id.clone(),
            name: row.name.clone(),
            label: row.label.clone(),
            partition: row.partition.clone(),
        };
        (row.id.clone(), names)
    });
    names.collect()
}

/// An account that is not watched is known by its number alone.
pub fn names_of(accounts: &BTreeMap<String, AccountNames>, account: &str) -> AccountNames {
    accounts
        .get(account)
        .cloned()
        .unwrap_or_else(|| AccountNames {
            id: account.to_owned(),
            ..AccountNames::default()
        })
}

/// The technology of the primary resource, from the JSON a finding keeps of its resources.
pub fn technology(resources: &str) -> String {
    let resources: Vec<ResourceRef> = serde_json::from_str(resources).unwrap_or_default();
    resources
        .into_iter()
        .next()
        .map_or_else(String::new, |one| {
            one.technology.unwrap_or_else(|| one.kind.to_lowercase())
        })
}

/// Account and weakness of every finding that an override is about and that is not fixed, or stands on a record.
pub fn touched(conn: &mut AnyConnection, one: &Override) -> Result<BTreeSet<(String, String)>> {
    let accounts = account_names(conn)?;
    let rows = findings::table
        .filter(
            findings::status
                .ne(Col(FindingStatus::Fixed))
                .or(findings::record_id.is_not_null()),
        )
        .select((
            findings::account,
            findings::weakness_id,
            findings::resources,
        ))
        .load_iter::<(String, String, String), _>(conn)?;
    let mut touched = BTreeSet::new();
    for row in rows {
        let (account, weakness, resources) = row?;
        let names = names_of(&accounts, &account);
        let technology = match &one.technology {
            Some(_) => technology(&resources),
            None => String::new(),
        };
        let subject = Subject {
            weakness: &weakness,
            technology: &technology,
            account: &names,
        };
        if one.matches(&subject) {
            touched.insert((account, weakness));
        }
    }
    Ok(touched)
}
