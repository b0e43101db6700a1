//! Watched accounts: those declared in the configuration and those added by hand. None is ever deleted.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::account::AccountAccess;
use poamd_contract::ids::Region;
use serde_json::{Value, json};

use super::audit::{self, Event};
use super::schema::accounts;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, StoreError, findings, from_json, to_json};
use crate::domain::account::Account;

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = accounts, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct AccountRow {
    pub id: String,
    pub name: String,
    pub partition: String,
    pub label: String,
    pub role: Option<String>,
    pub external_id: Option<String>,
    /// JSON array of text.
    pub regions: String,
    pub canonical_id: Option<String>,
    pub canonical_name: Option<String>,
    /// JSON array of text.
    pub contacts: String,
    pub notes: String,
    /// In hundredths.
    pub weight: i64,
    pub active: bool,
    /// Stands in the configuration.
    pub declared: bool,
    /// When its first scan ended.
    pub baseline_at: Option<Stamp>,
    pub created_at: Stamp,
    pub changed_at: Stamp,
    pub removed_at: Option<Stamp>,
    /// The account in whose organization it was found; none for one that somebody wrote down.
    pub found_by: Option<String>,
}

impl AccountRow {
    pub fn regions(&self) -> Result<Vec<Region>> {
        from_json(&format!("account {}: regions", self.id), &self.regions)
    }

    /// The account as rules see it.
    pub fn account(&self) -> Result<Account> {
        let bad = |why: poamd_contract::ids::BadId| StoreError::Row {
            what: format!("account {}", self.id),
            why: why.to_string(),
        };
        Ok(Account {
            access: AccountAccess {
                id: self.id.parse().map_err(bad)?,
                name: self.name.clone(),
                partition: self.partition.parse().map_err(bad)?,
                role: self.role.clone(),
                external_id: self.external_id.clone(),
                regions: self.regions()?,
            },
            label: self.label.clone(),
            contacts: self.contacts()?,
            notes: self.notes.clone(),
            weight: self.weight,
            active: self.active,
            s3_canonical_id: self.canonical_id.clone(),
            s3_name: self.canonical_name.clone(),
        })
    }

    pub fn contacts(&self) -> Result<Vec<String>> {
        from_json(&format!("account {}: contacts", self.id), &self.contacts)
    }

    /// The row of an account; `before` keeps what only the ledger knows.
    fn of(account: &Account, declared: bool, before: Option<&Self>, at: Stamp) -> Result<Self> {
        let access = &account.access;
        Ok(Self {
            id: access.id.to_string(),
            name: access.name.clone(),
            partition: access.partition.to_string(),
            label: account.label.clone(),
            role: access.role.clone(),
            external_id: access.external_id.clone(),
            regions: to_json(&access.regions)?,
            canonical_id: account.s3_canonical_id.clone(),
            canonical_name: account.s3_name.clone(),
            contacts: to_json(&account.contacts)?,
            notes: account.notes.clone(),
            weight: account.weight,
            active: account.active,
            declared,
            baseline_at: before.and_then(|b| b.baseline_at),
            created_at: before.map_or(at, |b| b.created_at),
            changed_at: before.map_or(at, |b| b.changed_at),
            removed_at: None,
            found_by: before.and_then(|b| b.found_by.clone()),
        })
    }
}

/// Who did it, and when.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub actor: &'a str,
    pub at: DateTime<Utc>,
}

/// Every account there ever was, by number.
pub fn all(conn: &mut AnyConnection) -> Result<Vec<AccountRow>> {
    Ok(accounts::table
        .order(accounts::id)
        .select(AccountRow::as_select())
        .load(conn)?)
}

pub fn find(conn: &mut AnyConnection, id: &str) -> Result<Option<AccountRow>> {
    Ok(accounts::table
        .find(id)
        .select(AccountRow::as_select())
        .first(conn)
        .optional()?)
}

/// Adds an account, or brings a removed one back with its history. False if one of that number is there already.
pub fn add(conn: &mut AnyConnection, account: &Account, by: By<'_>) -> Result<bool> {
    let before = find(conn, account.access.id.as_str())?;
    if before.as_ref().is_some_and(|b| b.removed_at.is_none()) {
        return Ok(false);
    }
    put(conn, account, false, before.as_ref(), by)?;
    Ok(true)
}

/// What becomes of accounts that were declared and that a configuration does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undeclared {
    /// They stay as they are: somebody looks at the ledger, perhaps with a configuration of two lines.
    Kept,
    /// They become inactive: the daemon goes by this configuration.
    Retired,
}

/// Makes the table say what the configuration declares: new ones are added, changed ones changed. Returns how many rows
/// changed.
pub fn declare(
    conn: &mut AnyConnection,
    declared: &[Account],
    others: Undeclared,
    by: By<'_>,
) -> Result<usize> {
    let rows = all(conn)?;
    let mut changed = 0;
    for account in declared {
        let before = rows.iter().find(|r| r.id == account.access.id.as_str());
        changed += usize::from(put(conn, account, true, before, by)?);
    }
    let gone = |r: &&AccountRow| {
        others == Undeclared::Retired
            && r.declared
            && !declared.iter().any(|a| a.access.id.as_str() == r.id)
    };
    for row in rows.iter().filter(gone) {
        let next = AccountRow {
            active: false,
            declared: false,
            ..row.clone()
        };
        write(conn, next, by, "account.declared-no-longer", json!({}))?;
        changed += 1;
    }
    Ok(changed)
}

/// Whether [`declare`] would change anything; takes no write lock.
pub fn is_declared(
    conn: &mut AnyConnection,
    declared: &[Account],
    others: Undeclared,
) -> Result<bool> {
    let rows = all(conn)?;
    let known = rows.iter().filter(|r| r.declared).count();
    if others == Undeclared::Retired && known != declared.len() {
        return Ok(false);
    }
    for account in declared {
        let Some(row) = rows.iter().find(|r| r.id == account.access.id.as_str()) else {
            return Ok(false);
        };
        if *row != AccountRow::of(account, true, Some(row), row.changed_at)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes down an account that an organization shows: a new one, one that changed, or one that comes back.
pub fn found(
    conn: &mut AnyConnection,
    account: &Account,
    found_by: &str,
    by: By<'_>,
) -> Result<bool> {
    let before = find(conn, account.access.id.as_str())?;
    let same = AccountRow {
        found_by: Some(found_by.to_owned()),
        ..AccountRow::of(account, false, before.as_ref(), stamp(by.at))?
    };
    let Some(known) = before else {
        diesel::insert_into(accounts::table)
            .values(&same)
            .execute(conn)?;
        let body = json!({
            "name": same.name, "label": same.label, "partition": same.partition, "role": same.role,
            "external_id": same.external_id.is_some(), "regions": account.access.regions, "found_by": found_by,
        });
        note(conn, &same.id, by, "account.found", body)?;
        return Ok(true);
    };
    if known == same {
        return Ok(false);
    }
    let body = json!({
        "name": same.name, "label": same.label, "role": same.role, "regions": account.access.regions,
        "active": same.active, "was_active": known.active, "found_by": found_by,
    });
    write(conn, same, by, "account.changed", body)?;
    Ok(true)
}

/// Looks no longer at an account that an organization lost; all that is known of it stays.
pub fn retire(conn: &mut AnyConnection, id: &str, why: &str, by: By<'_>) -> Result<bool> {
    let Some(row) = find(conn, id)?.filter(|row| row.active) else {
        return Ok(false);
    };
    let next = AccountRow {
        active: false,
        ..row
    };
    write(conn, next, by, "account.retired", json!({ "why": why }))?;
    Ok(true)
}

/// Ends the watch over an account; its items, findings and records stay. False if there is none to remove.
pub fn remove(conn: &mut AnyConnection, id: &str, by: By<'_>) -> Result<bool> {
    let Some(row) = find(conn, id)?.filter(|r| r.removed_at.is_none()) else {
        return Ok(false);
    };
    let next = AccountRow {
        active: false,
        removed_at: Some(stamp(by.at)),
        ..row
    };
    write(conn, next, by, "account.removed", json!({}))?;
    Ok(true)
}

fn put(
    conn: &mut AnyConnection,
    account: &Account,
    declared: bool,
    before: Option<&AccountRow>,
    by: By<'_>,
) -> Result<bool> {
    let next = AccountRow::of(account, declared, before, stamp(by.at))?;
    if before == Some(&next) {
        return Ok(false);
    }
    let kind = match before {
        None => "account.added",
        Some(before) if before.removed_at.is_some() => "account.added-again",
        Some(_) => "account.changed",
    };
    let body = json!({
        "name": next.name, "label": next.label, "partition": next.partition, "role": next.role,
        "external_id": next.external_id.is_some(), "regions": account.access.regions,
        "active": next.active, "declared": next.declared,
    });
    if before.is_none() {
        diesel::insert_into(accounts::table)
            .values(&next)
            .execute(conn)?;
        note(conn, &next.id, by, kind, body)?;
    } else {
        write(conn, next, by, kind, body)?;
    }
    Ok(true)
}

fn write(
    conn: &mut AnyConnection,
    mut row: AccountRow,
    by: By<'_>,
    kind: &'static str,
    body: Value,
) -> Result<()> {
    row.changed_at = stamp(by.at);
    // Clocks, grouping and overrides go by them.
    let was = find(conn, &row.id)?;
    if was.is_some_and(|was| (was.label, was.name) != (row.label.clone(), row.name.clone())) {
        findings::enqueue_account(conn, &row.id)?;
    }
    diesel::update(accounts::table.find(&row.id))
        .set(&row)
        .execute(conn)?;
    note(conn, &row.id, by, kind, body)
}

fn note(
    conn: &mut AnyConnection,
    id: &str,
    by: By<'_>,
    kind: &'static str,
    body: Value,
) -> Result<()> {
    audit::append(
        conn,
        &Event {
            at: by.at,
            actor: by.actor.to_owned(),
            kind,
            subject: format!("account:{id}"),
            body,
        },
    )?;
    Ok(())
}
