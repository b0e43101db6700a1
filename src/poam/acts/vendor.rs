//! Waiting for a vendor's fix: begun, kept alive by check-ins, ended by a release or by a person.

use chrono::NaiveDate;
use poamd_contract::detail::Fix;
use serde_json::json;

use super::super::Ground;
use super::{Act, ActError, Doing, Done, Result, refused};
use crate::domain::finding::FindingStatus;
use crate::domain::signals::Signals;
use crate::domain::{clock, vendor};
use crate::store::findings;
use crate::store::time::stamp;
use crate::store::vendors::{self, NewVendorCheckin, NewVendorDependency, VendorDependencyRow};

/// Most characters of a name.
const NAME: usize = 250;

impl<'a> Act<'a> {
    /// Begins to wait.
    pub fn wait(&'a self, vendor: &str, product: &str) -> Result<Done> {
        let (vendor, product) = (vendor.trim(), product.trim());
        if vendor.is_empty() || product.is_empty() {
            return refused("say which vendor and which product: --vendor NAME --product NAME");
        }
        if [vendor, product].iter().any(|t| t.chars().count() > NAME) {
            return refused(format!("a name is longer than {NAME} characters"));
        }
        self.live(|doing| {
            if let Some(wait) = vendors::live(doing.conn, doing.row.id)? {
                return refused(format!(
                    "{} waits for {} already; end that first: poamd poam vendor end {}",
                    self.record, wait.vendor, self.record
                ));
            }
            let row = NewVendorDependency {
                record_id: doing.row.id,
                product: product.to_owned(),
                vendor: vendor.to_owned(),
                live: true,
                actor: self.actor.to_owned(),
                since: stamp(self.now),
                released: None,
                ended_at: None,
            };
            let id = vendors::insert(doing.conn, &row)?;
            doing.event(
                "vendor.waiting",
                json!({ "dependency": id, "vendor": vendor, "product": product }),
            )?;
            doing.touch()?;
            doing.warn_of_vendor()?;
            doing.warn_of_fix()?;
            let by = vendor::next_check_in(doing.today());
            Ok(format!(
                "waits for {vendor}; the next check-in is due by {by}"
            ))
        })
    }

    /// Asked the vendor: what they said.
    pub fn check_in(&'a self, on: Option<NaiveDate>) -> Result<Done> {
        self.live(|doing| {
            let wait = doing.wait()?;
            if wait.released.is_some() {
                return refused("the vendor has shipped the fix; there is nothing to ask any more");
            }
            let today = doing.today();
            let day = vendor::day(on.unwrap_or(today), wait.since.date(), today)
                .map_err(ActError::Refused)?;
            vendors::insert_checkin(
                doing.conn,
                &NewVendorCheckin {
                    dependency_id: wait.id,
                    day,
                    note: self.why.trim().to_owned(),
                    actor: self.actor.to_owned(),
                    at: stamp(self.now),
                },
            )?;
            doing.event(
                "vendor.checked-in",
                json!({ "dependency": wait.id, "day": day }),
            )?;
            doing.touch()?;
            doing.warn_of_vendor()?;
            let by = vendor::next_check_in(day);
            Ok(format!("has a check-in of {day}; the next is due by {by}"))
        })
    }

    /// The vendor shipped the fix: the due day counts from then.
    pub fn released(&'a self, on: Option<NaiveDate>) -> Result<Done> {
        self.live(|doing| {
            let mut wait = doing.wait()?;
            if let Some(day) = wait.released {
                return refused(format!("the release of {day} is known already"));
            }
            let today = doing.today();
            // The fix may have been out before anybody began to wait for it; before the weakness was seen it was none.
            let first = doing.row.detected_at.date();
            let day = vendor::day(on.unwrap_or(today), first, today).map_err(ActError::Refused)?;
            if doing.row.due.is_some_and(|due| due < wait.since.date()) {
                return refused(format!(
                    "{} was late before anybody waited for {}, so their release moves no day; end the wait: \
                     poamd poam vendor end {}",
                    self.record, wait.vendor, self.record
                ));
            }
            wait.released = Some(day);
            wait.released_at = Some(stamp(self.now));
            vendors::update(doing.conn, &wait)?;
            doing.event(
                "vendor.released",
                json!({ "dependency": wait.id, "day": day }),
            )?;
            doing.touch()?;
            doing.decide(
                Ground::Release,
                &json!({ "vendor_release": day, "dependency": wait.id, "why": self.why }),
            )?;
            let due = doing.row.due.map_or("has no due day".to_owned(), |due| {
                format!("is due on {due} ({})", doing.row.due_rule)
            });
            Ok(format!("has a fix since {day} and {due}"))
        })
    }

    /// Waits no longer.
    pub fn end_wait(&'a self) -> Result<Done> {
        self.live(|doing| {
            let mut wait = doing.wait()?;
            wait.live = false;
            wait.ended_at = Some(stamp(self.now));
            vendors::update(doing.conn, &wait)?;
            doing.event("vendor.ended", json!({ "dependency": wait.id }))?;
            doing.touch()?;
            Ok("waits for no vendor".to_owned())
        })
    }
}

impl Doing<'_, '_> {
    /// What speaks against waiting: a fix that a finding knows of, or a day that waits for nobody.
    fn warn_of_fix(&mut self) -> Result<()> {
        let findings = findings::of_record(self.conn, self.row.id)?;
        let mut all = Signals::default();
        for finding in findings
            .iter()
            .filter(|f| f.status.0 != FindingStatus::Fixed)
        {
            all.add(&finding.detail);
        }
        if all.fix == Some(Fix::Yes) {
            self.warnings.push(
                "its findings say that a fix is there; an assessor will ask what there is to wait for".to_owned(),
            );
        }
        if !clock::knows_vendors(&self.row.due_rule) {
            self.warnings.push(format!(
                "it stays late while it waits: its day knows no wait for vendors ({})",
                self.row.due_rule
            ));
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<VendorDependencyRow> {
        match vendors::live(self.conn, self.row.id)? {
            Some(wait) => Ok(wait),
            None => refused(format!(
                "{} waits for no vendor; begin with poamd poam vendor wait {}",
                self.act.record, self.act.record
            )),
        }
    }
}
