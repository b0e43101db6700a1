//! Whether a desk is still the one its tickets stand on: who we are there, which site it is, whose tickets those are.
//! Where it is not, nothing is concluded and nothing is written: the ids we know are other people's tickets there.

use std::collections::HashMap;
use std::sync::Arc;

use poamd_contract::desk::{Desk, TicketSnapshot};

use super::{DeskRules, Result};
use crate::store::tickets::{self, TicketRow};
use crate::store::{Store, outbox};

/// So many tickets without their marker, and the greater part of all, are a matter of the site or of rights.
const BARE_AT_ONCE: usize = 2;

/// Why nothing may be concluded from a desk, before anything is read there; `None` if it is the one it was.
pub(super) async fn doubt(
    store: &Store,
    desk: &Arc<dyn Desk>,
    rules: &DeskRules,
) -> Result<Option<String>> {
    // The address first: a wrong one should not be shown our credential more often than need be.
    if let Some(why) = check_site(store, rules)? {
        return Ok(Some(why));
    }
    let me = match desk.identity().await {
        Ok(me) => me,
        Err(error) => return Ok(Some(error.what)),
    };
    let (name, sign_in) = (&rules.name, &rules.sign_in);
    match store.read_here(|conn| tickets::pinned_identity(conn, name, sign_in))? {
        Some(id) if id == me.id => {}
        Some(id) => {
            return Ok(Some(format!(
                "{name} answers {sign_in} as {}, and used to as {id}: check whose credential it is",
                me.id
            )));
        }
        None => store.write_here(|conn| tickets::pin_identity(conn, name, sign_in, &me.id))?,
    }
    let pinned = store.read_here(|conn| tickets::pinned_site(conn, name))?;
    if pinned.as_deref() != Some(rules.site.as_str()) {
        store.write_here(|conn| tickets::pin_site(conn, name, &rules.site))?;
    }
    Ok(None)
}

/// A desk without tickets may be pointed elsewhere at will.
fn check_site(store: &Store, rules: &DeskRules) -> Result<Option<String>> {
    let name = &rules.name;
    Ok(store.read_here(|conn| {
        let moved = match tickets::pinned_site(conn, name)? {
            Some(site) if site != rules.site => site,
            _ => return Ok(None),
        };
        // A create that was only tried may have made one.
        let has_tickets = outbox::was_tried(conn, name)?
            || tickets::of_desk(conn, name)?
                .iter()
                .any(|t| t.remote_id.is_some());
        Ok(has_tickets.then(|| {
            format!(
                "its url is {} now, but its tickets stand on {moved}; if that is another site, set url back and give the \
                 new site a desk with another name; if it is the same site under a new address, say so: \
                 poamd ticket moved --desk {name}",
                rules.site
            )
        }))
    })?)
}

/// Why the tickets that were read cannot be ours. A marker that one person removed is no proof of that; a ticket that
/// bears another's is.
pub(super) fn strangers(
    rules: &DeskRules,
    known: &[TicketRow],
    seen: &HashMap<String, TicketSnapshot>,
) -> Option<String> {
    let mut bare = Vec::new();
    for ticket in known {
        let Some(snapshot) = ticket.remote_id.as_deref().and_then(|id| seen.get(id)) else {
            continue;
        };
        match snapshot.marker_key.as_deref() {
            Some(key) if key == ticket.marker_key => {}
            Some(key) => {
                return Some(format!(
                    "ticket {} on {} is marked {key}, and should be marked {}: is url another site?",
                    snapshot.ticket.key, rules.name, ticket.marker_key
                ));
            }
            None => bare.push(snapshot),
        }
    }
    let first = bare.first()?;
    if bare.len() >= BARE_AT_ONCE && bare.len() * 2 > seen.len() {
        return Some(format!(
            "{} of {} tickets on {} bear no marker, {} first: is url another site, or may we no longer read what marks them?",
            bare.len(),
            seen.len(),
            rules.name,
            first.ticket.key
        ));
    }
    tracing::warn!(
        desk = rules.name,
        ticket = first.ticket.key,
        count = bare.len(),
        "a ticket of ours lost its marker; it is known by its id still, but a look-up would not find it"
    );
    None
}
