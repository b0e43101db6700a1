//! What is shown: read models over the ledger, one noun a file. They are worked out of a [`Snapshot`], so that a list
//! is of one moment; the names of their fields are a contract with whoever reads the JSON.
//!
//! Not in it: how a view is printed (`cli`, `exchange`), and anything that writes.

pub mod account;
pub mod coverage;
pub mod evidence;
pub mod filter;
pub mod finding;
pub mod item;
pub mod laid;
pub mod poam;
pub mod priority;
pub mod quarantine;
pub mod ticket;
pub mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use poamd_contract::finding::ResourceRef;
use serde::Serialize;
use serde_json::Value;

use crate::domain::overrides::{Overrides, Subject};
use crate::store::accounts::AccountRow;
use crate::store::columns::Col;
use crate::store::items::ItemRow;
use crate::store::records::RecordRow;
use crate::store::shown::{self, ShownFinding, ShownJustification};
use crate::store::tickets::TicketRow;
use crate::store::time::Stamp;
use crate::store::{self, AnyConnection, Result, overrides, versions};

/// One column of a view as a flat table: its name, and the keys that lead to its value in the JSON of a row.
pub type Column = (&'static str, &'static [&'static str]);

/// Something that is listed.
pub trait View: Serialize {
    /// What several of them are called.
    const NOUN: &'static str;
    /// What several that are open are called.
    const OPEN: &'static str;
    /// Every field, in the order of the JSON; what is nested gets a column for each of its parts.
    const COLUMNS: &'static [Column];

    /// Still somebody's business; a table shows these.
    fn is_open(&self) -> bool;
}

/// An item as findings and records name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ItemRef {
    pub name: String,
    pub arn: String,
    pub technology: String,
    pub region: String,
}

/// A ticket as findings and records name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketRef {
    pub desk: String,
    pub key: String,
    pub url: String,
    /// `new`, `in-progress`, `done`, `closed`; `missing` if the desk has it no longer.
    pub state: String,
}

/// The ledger at one moment.
pub struct Snapshot {
    /// By number.
    pub accounts: BTreeMap<String, AccountRow>,
    /// By account and ARN.
    items: HashMap<(String, String), ItemRow>,
    /// By account and fingerprint.
    pub findings: Vec<ShownFinding>,
    /// By id.
    pub records: Vec<RecordRow>,
    /// By record, desk and generation.
    pub tickets: Vec<TicketRow>,
    justifications: Vec<ShownJustification>,
    /// Account and fingerprint of what counts as an override says.
    overridden: HashSet<(String, String)>,
    /// The moment it is of, if that is past.
    until: Option<DateTime<Utc>>,
}

impl Snapshot {
    /// As it is.
    pub fn load(conn: &mut AnyConnection) -> Result<Self> {
        shown::at_one_moment(conn, |conn| {
            let mut now = Self {
                findings: shown::findings(conn)?,
                records: store::records::all(conn)?,
                tickets: in_order(store::tickets::all(conn)?),
                justifications: shown::justifications(conn)?,
                ..Self::surroundings(store::accounts::all(conn)?, store::items::all(conn)?)
            };
            now.count_as_overridden(&overrides::in_force(conn)?)?;
            Ok(now)
        })
    }

    /// As it was when `moment` ended (for a day: [`end_of`]): records, the findings on them, tickets and justifications.
    /// What came later is left out; accounts and items are called as they were.
    pub fn as_of(conn: &mut AnyConnection, moment: DateTime<Utc>) -> Result<Self> {
        shown::at_one_moment(conn, |conn| {
            let mut then = Self {
                findings: versions::findings_at(conn, moment)?,
                records: versions::records_at(conn, moment)?,
                tickets: in_order(versions::tickets_at(conn, moment)?),
                justifications: versions::justifications_at(conn, moment)?,
                until: Some(moment),
                ..Self::surroundings(
                    versions::accounts_at(conn, moment)?,
                    versions::items_at(conn, moment)?,
                )
            };
            let there: BTreeSet<i64> = then.records.iter().map(|row| row.id).collect();
            then.tickets.retain(|row| there.contains(&row.record_id));
            then.count_as_overridden(&overrides::in_force_at(conn, moment)?)?;
            Ok(then)
        })
    }

    /// Findings count with what the overrides in force say; a mark names the one that does.
    fn count_as_overridden(&mut self, in_force: &Overrides) -> Result<()> {
        if in_force.is_empty() {
            return Ok(());
        }
        let accounts = overrides::named(self.accounts.values());
        for finding in &mut self.findings {
            let subject = Subject {
                weakness: &finding.weakness_id,
                technology: &overrides::technology(&finding.resources),
                account: &overrides::names_of(&accounts, &finding.account),
            };
            let counted = in_force.count(&subject, finding.severity.map(|s| s.0), finding.score);
            let Some(by) = counted.by else { continue };
            finding.severity = counted.severity.map(Col);
            finding.score = counted.score;
            if !counted.disabled {
                let key = (finding.account.clone(), finding.fingerprint.clone());
                self.overridden.insert(key);
            }
            let mut marks = texts(&finding.marks);
            marks.push(if counted.disabled {
                format!("disabled-by-override-{by}")
            } else {
                format!("override-{by}")
            });
            finding.marks = store::to_json(&marks)?;
        }
        Ok(())
    }

    /// Whether a finding counts with what an override says, not its detector.
    pub fn is_overridden(&self, finding: &ShownFinding) -> bool {
        let key = (finding.account.clone(), finding.fingerprint.clone());
        !self.overridden.is_empty() && self.overridden.contains(&key)
    }

    /// Accounts and items, with nothing on them yet.
    fn surroundings(accounts: Vec<AccountRow>, items: Vec<ItemRow>) -> Self {
        Self {
            accounts: accounts
                .into_iter()
                .map(|row| (row.id.clone(), row))
                .collect(),
            items: items
                .into_iter()
                .map(|row| ((row.account.clone(), row.arn.clone()), row))
                .collect(),
            overridden: HashSet::new(),
            findings: Vec::new(),
            records: Vec::new(),
            tickets: Vec::new(),
            justifications: Vec::new(),
            until: None,
        }
    }

    /// What people call an account; `None` for one that is not watched.
    pub fn account_name(&self, id: &str) -> Option<String> {
        self.accounts.get(id).map(|row| row.name.clone())
    }

    /// Numbers and names of every account that is watched or has findings.
    pub fn account_names(&self) -> BTreeSet<String> {
        let watched = self
            .accounts
            .values()
            .flat_map(|row| [row.id.clone(), row.name.clone()]);
        let found = self.findings.iter().map(|row| row.account.clone());
        watched.chain(found).collect()
    }

    /// Its label: Prod, Dev, Test …
    pub fn account_type(&self, id: &str) -> Option<String> {
        self.accounts.get(id).map(|row| row.label.clone())
    }

    /// The items a finding names, its primary one first.
    fn items_of(&self, finding: &ShownFinding) -> Vec<ItemRef> {
        let resources: Vec<ResourceRef> =
            serde_json::from_str(&finding.resources).unwrap_or_default();
        let mut named: Vec<ItemRef> = Vec::with_capacity(resources.len());
        for resource in &resources {
            let item = self.item(finding, resource);
            if !named.contains(&item) {
                named.push(item);
            }
        }
        named.sort_by_key(|item| item.arn != finding.arn);
        named
    }

    fn item(&self, finding: &ShownFinding, resource: &ResourceRef) -> ItemRef {
        let key = (finding.account.clone(), resource.id.clone());
        match self.items.get(&key) {
            Some(row) => ItemRef::of(row),
            None => ItemRef {
                name: resource.name.clone(),
                arn: resource.id.clone(),
                technology: resource.technology.clone().unwrap_or_default(),
                region: resource
                    .region
                    .as_ref()
                    .map_or_else(|| finding.region.clone(), ToString::to_string),
            },
        }
    }

    /// Tickets by record; those that are not yet made have no key and are left out.
    fn tickets_by_record(&self) -> HashMap<i64, Vec<TicketRef>> {
        let mut by_record: HashMap<i64, Vec<TicketRef>> = HashMap::new();
        for ticket in &self.tickets {
            if let Some(named) = TicketRef::of(ticket) {
                by_record.entry(ticket.record_id).or_default().push(named);
            }
        }
        by_record
    }

    /// Findings by the record they are on.
    fn findings_by_record(&self) -> HashMap<i64, Vec<&ShownFinding>> {
        let mut by_record: HashMap<i64, Vec<&ShownFinding>> = HashMap::new();
        for finding in &self.findings {
            if let Some(record) = finding.record_id {
                by_record.entry(record).or_default().push(finding);
            }
        }
        by_record
    }
}

impl ItemRef {
    fn of(row: &ItemRow) -> Self {
        Self {
            name: row.name.clone(),
            arn: row.arn.clone(),
            technology: row.technology.clone(),
            region: row.region.clone(),
        }
    }
}

impl TicketRef {
    fn of(row: &TicketRow) -> Option<Self> {
        Some(Self {
            desk: row.desk.clone(),
            key: row.remote_key.clone()?,
            url: row.url.clone().unwrap_or_default(),
            state: ticket::state_of(row),
        })
    }
}

fn in_order(mut tickets: Vec<TicketRow>) -> Vec<TicketRow> {
    tickets.sort_by(|a, b| {
        (a.record_id, &a.desk, a.generation).cmp(&(b.record_id, &b.desk, b.generation))
    });
    tickets
}

/// The last moment of a day in UTC, to the microsecond that the ledger keeps.
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN).and_utc();
    let last = TimeDelta::days(1) - TimeDelta::microseconds(1);
    // The last day there is has no end that can be written.
    midnight.checked_add_signed(last).unwrap_or(midnight)
}

/// A time of the ledger as it is shown: RFC 3339 in UTC, to the second.
pub fn time(at: Stamp) -> String {
    at.and_utc().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The same for a time that comes from the clock.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Tenths of a point as a JSON number.
fn points(tenths: i64) -> Value {
    Value::Number(crate::domain::score::number(tenths))
}

/// A JSON column of texts; what cannot be read shows as nothing.
fn texts(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
