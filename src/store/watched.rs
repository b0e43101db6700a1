//! Watched accounts as connectors reach them: the active rows of `accounts`.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use poamd_contract::account::AccountAccess;
use poamd_contract::ids::Region;

use super::schema::accounts;
use super::time::{Stamp, stamp};
use super::{AnyConnection, Result, StoreError, from_json};

/// One account to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    pub access: AccountAccess,
    /// Prod, Dev, Test …
    pub label: String,
    /// Its baseline scan is still to be made.
    pub baseline_due: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
struct Row {
    id: String,
    name: String,
    partition: String,
    label: String,
    role: Option<String>,
    external_id: Option<String>,
    regions: String,
    baseline_at: Option<Stamp>,
}

/// All active accounts, by number.
pub fn watched(conn: &mut AnyConnection) -> Result<Vec<Watched>> {
    let rows: Vec<Row> = accounts::table
        .filter(accounts::active.eq(true))
        .filter(accounts::removed_at.is_null())
        .order(accounts::id)
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(Row::into_watched).collect()
}

/// The baseline scan of an account was made.
pub fn baseline_done(conn: &mut AnyConnection, account: &str, at: DateTime<Utc>) -> Result<()> {
    diesel::update(
        accounts::table
            .find(account)
            .filter(accounts::baseline_at.is_null()),
    )
    .set(accounts::baseline_at.eq(stamp(at)))
    .execute(conn)?;
    Ok(())
}

impl Row {
    fn into_watched(self) -> Result<Watched> {
        let bad = |why: String| StoreError::Row {
            what: format!("account {}", self.id),
            why,
        };
        let regions: Vec<Region> = from_json(
            &format!("the regions of account {}", self.id),
            &self.regions,
        )?;
        Ok(Watched {
            access: AccountAccess {
                id: self
                    .id
                    .parse()
                    .map_err(|e: poamd_contract::ids::BadId| bad(e.to_string()))?,
                partition: self
                    .partition
                    .parse()
                    .map_err(|e: poamd_contract::ids::BadId| bad(e.to_string()))?,
                name: self.name,
                role: self.role,
                external_id: self.external_id,
                regions,
            },
            label: self.label,
            baseline_due: self.baseline_at.is_none(),
        })
    }
}
