//! Leases: which process may do a shard of the work. The epoch rises with each new holder, so that what an old one does
//! can be told. Time is the database's: the clocks of nodes differ.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::schema::leases;
use super::time::Stamp;
use super::{AnyConnection, Result, dialect};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Ours, under this epoch.
    Held(i64),
    /// Another holder's.
    Elsewhere(String),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = leases)]
struct LeaseRow {
    holder: String,
    epoch: i64,
    expires_at: Stamp,
}

/// Takes a lease unless somebody else holds it.
pub fn acquire(
    conn: &mut AnyConnection,
    shard: &str,
    holder: &str,
    lease: TimeDelta,
) -> Result<Claim> {
    let now = dialect::now(conn)?;
    let row: Option<LeaseRow> = leases::table
        .find(shard)
        .select(LeaseRow::as_select())
        .first(conn)
        .optional()?;
    let epoch = match row {
        Some(row) if row.holder == holder => row.epoch,
        Some(row) if row.expires_at > now => return Ok(Claim::Elsewhere(row.holder)),
        Some(row) => row.epoch + 1,
        None => {
            diesel::insert_into(leases::table)
                .values((
                    leases::shard.eq(shard),
                    leases::holder.eq(holder),
                    leases::epoch.eq(1),
                    leases::expires_at.eq(now + lease),
                ))
                .execute(conn)?;
            return Ok(Claim::Held(1));
        }
    };
    diesel::update(leases::table.find(shard))
        .set((
            leases::holder.eq(holder),
            leases::epoch.eq(epoch),
            leases::expires_at.eq(now + lease),
        ))
        .execute(conn)?;
    Ok(Claim::Held(epoch))
}

/// Holds on to a lease; false if another holder has had it since.
pub fn renew(
    conn: &mut AnyConnection,
    shard: &str,
    holder: &str,
    epoch: i64,
    lease: TimeDelta,
) -> Result<bool> {
    let until = dialect::now(conn)? + lease;
    let renewed = diesel::update(
        leases::table
            .find(shard)
            .filter(leases::holder.eq(holder))
            .filter(leases::epoch.eq(epoch)),
    )
    .set(leases::expires_at.eq(until))
    .execute(conn)?;
    Ok(renewed == 1)
}

/// Gives a lease back; the epoch stays, so that the next holder gets a higher one. False if another holder has had it
/// since: what was done under it may have been done twice.
pub fn release(conn: &mut AnyConnection, shard: &str, holder: &str, epoch: i64) -> Result<bool> {
    renew(conn, shard, holder, epoch, TimeDelta::zero())
}
