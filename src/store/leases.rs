//! Leases: which daemon may write a shard of the ledger. The epoch rises with each new holder, so that a write of an
//! old one can be told.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

use super::columns::stamp;
use super::schema::leases;
use super::{AnyConnection, Result};

#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = leases)]
pub struct LeaseRow {
    pub shard: String,
    pub holder: String,
    pub epoch: i64,
    pub expires_at: NaiveDateTime,
}

/// Takes or renews a lease; the epoch to write under, or `None` while somebody else holds it.
pub fn acquire(
    conn: &mut AnyConnection,
    shard: &str,
    holder: &str,
    now: DateTime<Utc>,
    lease: TimeDelta,
) -> Result<Option<i64>> {
    let until = stamp(now + lease);
    let Some(row) = find(conn, shard)? else {
        diesel::insert_into(leases::table)
            .values((
                leases::shard.eq(shard),
                leases::holder.eq(holder),
                leases::epoch.eq(1),
                leases::expires_at.eq(until),
            ))
            .execute(conn)?;
        return Ok(Some(1));
    };
    let ours = row.holder == holder;
    if !ours && row.expires_at > stamp(now) {
        return Ok(None);
    }
    let epoch = if ours { row.epoch } else { row.epoch + 1 };
    let taken = diesel::update(
        leases::table
            .filter(leases::shard.eq(shard))
            .filter(leases::holder.eq(&row.holder))
            .filter(leases::epoch.eq(row.epoch)),
    )
    .set((
        leases::holder.eq(holder),
        leases::epoch.eq(epoch),
        leases::expires_at.eq(until),
    ))
    .execute(conn)?;
    Ok((taken == 1).then_some(epoch))
}

/// Gives a lease back; the epoch stays, so that the next holder gets a higher one.
pub fn release(
    conn: &mut AnyConnection,
    shard: &str,
    holder: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    diesel::update(
        leases::table
            .filter(leases::shard.eq(shard))
            .filter(leases::holder.eq(holder)),
    )
    .set(leases::expires_at.eq(stamp(now)))
    .execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut AnyConnection, shard: &str) -> Result<Option<LeaseRow>> {
    Ok(leases::table
        .find(shard)
        .select(LeaseRow::as_select())
        .first(conn)
        .optional()?)
}
