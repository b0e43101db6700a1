//! Tickets: how records hang together with desks, what we wrote there, what was last seen.

use diesel::prelude::*;
use poamd_contract::desk::{Marker, TicketRef, TicketState};

use super::columns::Col;
use super::schema::{accounts, meta, tickets};
use super::time::Stamp;
use super::{AnyConnection, Result, from_json, to_json, versions};
use crate::domain::ticket::{Link, Seen, Written};

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Identifiable, AsChangeset)]
#[diesel(table_name = tickets, treat_none_as_null = true)]
pub struct TicketRow {
    pub id: i64,
    pub record_id: i64,
    pub desk: String,
    /// 1, and one more each time the desk no longer lets the ticket before it change.
    pub generation: i64,
    pub marker_key: String,
    pub marker_label: String,
    pub link: Col<Link>,
    pub remote_id: Option<String>,
    pub remote_key: Option<String>,
    pub url: Option<String>,
    /// As last seen, or as we last set it.
    pub state: Option<Col<TicketState>>,
    /// The desk's own word for the state.
    pub status: Option<String>,
    /// Version up to which it was read, comments included.
    pub version: Option<String>,
    /// Version up to which its comments were read.
    pub comments_version: Option<String>,
    /// When they were last read, changed or not.
    pub comments_read_at: Option<Stamp>,
    /// The highest key on the desk before the first create.
    pub probe_after: Option<String>,
    /// JSON of [`Written`].
    pub written: String,
    /// JSON of [`Seen`].
    pub seen: String,
    pub created_at: Stamp,
    pub changed_at: Stamp,
}

impl TicketRow {
    pub fn marker(&self) -> Marker {
        Marker {
            key: self.marker_key.clone(),
            label: self.marker_label.clone(),
        }
    }

    /// The ticket on the desk, once it is known.
    pub fn remote(&self) -> Option<TicketRef> {
        Some(TicketRef {
            id: self.remote_id.clone()?,
            key: self.remote_key.clone()?,
            url: self.url.clone().unwrap_or_default(),
        })
    }

    /// What people call it: its key, or the marker while it has none.
    pub fn name(&self) -> &str {
        self.remote_key.as_deref().unwrap_or(&self.marker_label)
    }

    pub fn state(&self) -> Option<TicketState> {
        self.state.map(|s| s.0)
    }

    pub fn written(&self) -> Result<Written> {
        from_json(&format!("ticket {}: written", self.id), &self.written)
    }

    pub fn seen(&self) -> Result<Seen> {
        from_json(&format!("ticket {}: seen", self.id), &self.seen)
    }

    pub fn set_written(&mut self, written: &Written) -> Result<()> {
        self.written = to_json(written)?;
        Ok(())
    }

    pub fn set_seen(&mut self, seen: &Seen) -> Result<()> {
        self.seen = to_json(seen)?;
        Ok(())
    }
}

/// Makes the row of a ticket that is wanted: link `creating`, nothing known of the desk.
pub fn insert(
    conn: &mut AnyConnection,
    record: i64,
    desk: &str,
    generation: i64,
    marker: &Marker,
    now: Stamp,
) -> Result<i64> {
    Ok(diesel::insert_into(tickets::table)
        .values((
            tickets::record_id.eq(record),
            tickets::desk.eq(desk),
            tickets::generation.eq(generation),
            tickets::marker_key.eq(&marker.key),
            tickets::marker_label.eq(&marker.label),
            tickets::link.eq(Col(Link::Creating)),
            tickets::written.eq(to_json(&Written::default())?),
            tickets::seen.eq(to_json(&Seen::default())?),
            tickets::created_at.eq(now),
            tickets::changed_at.eq(now),
        ))
        .returning(tickets::id)
        .get_result(conn)?)
}

/// Writes a ticket anew and keeps what was shown of it, if that changed.
pub fn update(conn: &mut AnyConnection, row: &TicketRow) -> Result<()> {
    if let Some(was) = find(conn, row.id)? {
        versions::keep_ticket(conn, &was, row)?;
    }
    diesel::update(tickets::table.find(row.id))
        .set(row)
        .execute(conn)?;
    Ok(())
}

/// Keeps the highest key known before the first create; a later one would hide the ticket it made.
pub fn set_probe_after(conn: &mut AnyConnection, id: i64, key: &str) -> Result<()> {
    diesel::update(
        tickets::table
            .filter(tickets::id.eq(id))
            .filter(tickets::probe_after.is_null()),
    )
    .set(tickets::probe_after.eq(key))
    .execute(conn)?;
    Ok(())
}

pub fn find(conn: &mut AnyConnection, id: i64) -> Result<Option<TicketRow>> {
    Ok(tickets::table
        .find(id)
        .select(TicketRow::as_select())
        .first(conn)
        .optional()?)
}

/// Tickets of a record, the newest generation first.
pub fn of_record(conn: &mut AnyConnection, record: i64) -> Result<Vec<TicketRow>> {
    Ok(tickets::table
        .filter(tickets::record_id.eq(record))
        .order(tickets::id.desc())
        .select(TicketRow::as_select())
        .load(conn)?)
}

pub fn of_desk(conn: &mut AnyConnection, desk: &str) -> Result<Vec<TicketRow>> {
    Ok(tickets::table
        .filter(tickets::desk.eq(desk))
        .order(tickets::id)
        .select(TicketRow::as_select())
        .load(conn)?)
}

pub fn all(conn: &mut AnyConnection) -> Result<Vec<TicketRow>> {
    Ok(tickets::table
        .order(tickets::id)
        .select(TicketRow::as_select())
        .load(conn)?)
}

/// Number, name and label of every account, for routing.
pub fn accounts_by_name(conn: &mut AnyConnection) -> Result<Vec<(String, String, String)>> {
    Ok(accounts::table
        .select((accounts::id, accounts::name, accounts::label))
        .load(conn)?)
}

/// The identity a desk answered with first under a sign-in name.
pub fn pinned_identity(
    conn: &mut AnyConnection,
    desk: &str,
    sign_in: &str,
) -> Result<Option<String>> {
    Ok(meta::table
        .find(pin(desk, sign_in))
        .select(meta::value)
        .first(conn)
        .optional()?)
}

pub fn pin_identity(conn: &mut AnyConnection, desk: &str, sign_in: &str, id: &str) -> Result<()> {
    diesel::insert_into(meta::table)
        .values((meta::key.eq(pin(desk, sign_in)), meta::value.eq(id)))
        .execute(conn)?;
    Ok(())
}

/// The address a desk had when its identity was last found to be right.
pub fn pinned_site(conn: &mut AnyConnection, desk: &str) -> Result<Option<String>> {
    Ok(meta::table
        .find(site_pin(desk))
        .select(meta::value)
        .first(conn)
        .optional()?)
}

/// Keeps the address of a desk.
pub fn pin_site(conn: &mut AnyConnection, desk: &str, site: &str) -> Result<()> {
    unpin_site(conn, desk)?;
    diesel::insert_into(meta::table)
        .values((meta::key.eq(site_pin(desk)), meta::value.eq(site)))
        .execute(conn)?;
    Ok(())
}

/// The next address of a desk counts as that of the same site. False if it had none.
pub fn unpin_site(conn: &mut AnyConnection, desk: &str) -> Result<bool> {
    let gone = diesel::delete(meta::table.find(site_pin(desk))).execute(conn)?;
    Ok(gone == 1)
}

fn site_pin(desk: &str) -> String {
    format!("desk-site:{desk}")
}

fn pin(desk: &str, sign_in: &str) -> String {
    format!("desk-identity:{desk}:{sign_in}")
}
