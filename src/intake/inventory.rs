//! Takes seen items into the ledger: a new revision where the configuration changed, nothing where it did not.
//! Only a complete listing makes an item absent, and only the second one inactive.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use poamd_contract::coverage::Cell;
use poamd_contract::item::SeenItem;
use serde::Serialize;
use serde_json::json;

use crate::domain::finding::ABSENCES;
use crate::store::audit::{self, Event, sha256_hex};
use crate::store::items::{self, ItemRow, RevisionRow};
use crate::store::time::stamp;
use crate::store::{AnyConnection, Result, to_json};

/// What a listing changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    pub seen: u64,
    pub new: u64,
    pub changed: u64,
    pub gone: u64,
}

impl std::ops::AddAssign for Inventory {
    fn add_assign(&mut self, other: Self) {
        self.seen += other.seen;
        self.new += other.new;
        self.changed += other.changed;
        self.gone += other.gone;
    }
}

#[derive(Serialize)]
struct Change {
    item: String,
    revision: i64,
    state: &'static str,
}

/// Compares a listing with what is stored and writes the difference, with its audit event.
pub fn take_items(
    conn: &mut AnyConnection,
    cell: &Cell,
    technology: &str,
    seen: &[SeenItem],
    complete: bool,
    at: DateTime<Utc>,
    actor: &str,
) -> Result<Inventory> {
    let account = cell.account.as_str();
    // A service may list a thing twice, on two pages: the first time counts.
    let mut present = HashSet::new();
    let seen: Vec<&SeenItem> = seen
        .iter()
        .filter(|item| present.insert(item.arn.as_str()))
        .collect();
    let arns: Vec<&str> = seen.iter().map(|i| i.arn.as_str()).collect();
    let stored = items::by_arns(conn, account, &arns)?;
    let mut inventory = Inventory {
        seen: seen.len() as u64,
        ..Inventory::default()
    };
    let mut changes = Vec::new();
    for item in seen {
        changes.extend(take(conn, account, item, stored.get(&item.arn), at)?);
    }
    if complete {
        changes.extend(gone(conn, cell, technology, &present, at)?);
    }
    let count = |state| changes.iter().filter(|c| c.state == state).count() as u64;
    inventory.new = count("new");
    inventory.changed = count("changed") + count("back");
    inventory.gone = count("gone");
    if !changes.is_empty() {
        let event = Event {
            at,
            actor: actor.to_owned(),
            kind: "items.taken",
            subject: format!("{}/{}/{}", cell.account, cell.region, cell.service),
            body: json!({ "new": inventory.new, "changed": inventory.changed, "gone": inventory.gone }),
        };
        audit::append_batch(conn, event, &to_json(&changes)?)?;
    }
    Ok(inventory)
}

/// Writes one item if it is not as stored.
fn take(
    conn: &mut AnyConnection,
    account: &str,
    item: &SeenItem,
    stored: Option<&ItemRow>,
    at: DateTime<Utc>,
) -> Result<Option<Change>> {
    let config = to_json(&item.config)?;
    let hash = sha256_hex(config.as_bytes());
    let Some((row, state)) = next_row(item, stored, &hash, at) else {
        return Ok(None);
    };
    if let Some(was) = stored {
        items::update(conn, was, &row, stamp(at))?;
    } else {
        items::insert_all(conn, std::slice::from_ref(&row))?;
    }
    if state != "back" {
        let revision = RevisionRow {
            account: account.to_owned(),
            arn: item.arn.clone(),
            number: row.revision,
            seen_at: stamp(at),
            config,
        };
        items::insert_revision(conn, &revision)?;
    }
    Ok(Some(Change {
        item: item.arn.clone(),
        revision: row.revision,
        state,
    }))
}

/// Items that are not in a complete listing, once that makes them inactive.
fn gone(
    conn: &mut AnyConnection,
    cell: &Cell,
    technology: &str,
    present: &HashSet<&str>,
    at: DateTime<Utc>,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for row in items::of_technology(conn, cell.account.as_str(), technology)? {
        let here = cell.region.is_global() || row.region == cell.region.as_str();
        if here && !present.contains(row.arn.as_str()) && missed(conn, &row, at)? {
            changes.push(Change {
                revision: row.revision,
                item: row.arn,
                state: "gone",
            });
        }
    }
    Ok(changes)
}

/// Counts an absence; whether that makes the item inactive.
fn missed(conn: &mut AnyConnection, row: &ItemRow, at: DateTime<Utc>) -> Result<bool> {
    if row.absent >= ABSENCES {
        return Ok(false);
    }
    let absent = row.absent + 1;
    let active = absent < ABSENCES;
    let counted = ItemRow {
        absent,
        active,
        ..row.clone()
    };
    items::update(conn, row, &counted, stamp(at))?;
    Ok(!active)
}

/// The row as it should be and what happened; `None` if it is as stored.
fn next_row(
    item: &SeenItem,
    stored: Option<&ItemRow>,
    hash: &str,
    at: DateTime<Utc>,
) -> Option<(ItemRow, &'static str)> {
    let fresh = |revision, first_seen| ItemRow {
        account: item.account.to_string(),
        arn: item.arn.clone(),
        region: item.region.to_string(),
        technology: item.technology.clone(),
        name: item.name.clone(),
        active: true,
        revision,
        config_hash: hash.to_owned(),
        absent: 0,
        first_seen,
        last_modified: stamp(at),
    };
    match stored {
        None => Some((fresh(1, stamp(at)), "new")),
        Some(row) if row.revision == 0 => Some((fresh(1, row.first_seen), "new")),
        Some(row) if row.config_hash != hash => {
            Some((fresh(row.revision + 1, row.first_seen), "changed"))
        }
        Some(row) if row.absent > 0 || !row.active => Some((
            ItemRow {
                absent: 0,
                active: true,
                ..row.clone()
            },
            "back",
        )),
        Some(_) => None,
    }
}
