//! What shall stand with each finding in its hub, against what was wanted before. Writes only the difference, and does
//! not even look while the ledger stands as it stood.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::domain::record::RecordId;
use crate::domain::writeback::{Asked, Switches, Wanted};
use crate::store::audit::{self, Event};
use crate::store::time::stamp;
use crate::store::writebacks::{self, InHub, WritebackRow};
use crate::store::{AnyConnection, Result, Store, to_json};

/// Records a transaction.
const BITE: i64 = 200;

/// Works out all wishes. Returns how many are new or changed.
pub fn plan(
    store: &Store,
    switches: Switches,
    service: &str,
    now: DateTime<Utc>,
    actor: &str,
) -> Result<u64> {
    // Deviations end by their day, without an event of the moment.
    let head = store.read_here(audit::head)?.0;
    let mark = format!("{head} {} {switches:?}", now.date_naive());
    if store.read_here(writebacks::mark)?.as_ref() == Some(&mark) {
        return Ok(0);
    }
    let (mut after, mut wanted) = (0, 0);
    loop {
        let bite = Bite {
            switches,
            service,
            now,
            actor,
        };
        let (last, changed) = store.write_here(|c| bite.plan(c, after))?;
        wanted += changed;
        match last {
            Some(last) => after = last,
            None => break,
        }
    }
    store.write_here(|c| writebacks::set_mark(c, &mark))?;
    Ok(wanted)
}

struct Bite<'a> {
    switches: Switches,
    service: &'a str,
    now: DateTime<Utc>,
    actor: &'a str,
}

impl Bite<'_> {
    /// Plans the next records; gives the last of them, and how many wishes changed.
    fn plan(&self, conn: &mut AnyConnection, after: i64) -> Result<(Option<i64>, u64)> {
        let records = writebacks::records_after(conn, after, BITE)?;
        let Some(last) = records.last().copied() else {
            return Ok((None, 0));
        };
        let shown = once_each(writebacks::in_hub(conn, &records, self.service)?);
        let known = known(conn, &shown)?;
        let mut said: HashMap<i64, (Wanted, Wanted, Option<Asked>)> = HashMap::new();
        let mut changes = Vec::new();
        for finding in &shown {
            let Some(record) = finding.record_id else {
                continue;
            };
            let (all, undecided, asked) = match said.entry(record) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(place) => place.insert(self.wanted(conn, record)?),
            };
            let joined = finding.joined_at.map(|at| at.and_utc());
            let severity = finding.severity.map(|s| s.0);
            // What came later, or became worse, nobody has decided on.
            let wanted: &Wanted = match asked {
                Some(asked) if !asked.covers(joined, severity) => undecided,
                _ => all,
            };
            let row = known.get(&(finding.account.as_str(), finding.native_id.as_str()));
            if self.want(conn, finding, record, wanted, row)? {
                changes.push(json!({
                    "account": finding.account, "finding": finding.native_id,
                    "poam": RecordId(record), "wanted": wanted,
                }));
            }
        }
        if !changes.is_empty() {
            let event = Event {
                at: self.now,
                actor: self.actor.to_owned(),
                kind: "writeback.wanted",
                subject: format!("hub:{}", self.service),
                body: json!({ "findings": changes.len() }),
            };
            audit::append_batch(conn, event, &to_json(&changes)?)?;
        }
        Ok((Some(last), changes.len() as u64))
    }

    /// What shall stand with the findings of a record that its decision is on, and with the others; and the decision.
    fn wanted(
        &self,
        conn: &mut AnyConnection,
        record: i64,
    ) -> Result<(Wanted, Wanted, Option<Asked>)> {
        let said = writebacks::said(conn, record)?;
        let wanted = Wanted::of(
            &RecordId(record).to_string(),
            said.ticket.as_deref(),
            said.asked,
            self.switches,
            self.now.date_naive(),
        );
        let undecided = Wanted {
            decision: None,
            ..wanted.clone()
        };
        Ok((wanted, undecided, said.asked))
    }

    /// Puts a wish in line if it differs from the last; true if it does.
    fn want(
        &self,
        conn: &mut AnyConnection,
        finding: &InHub,
        record: i64,
        wanted: &Wanted,
        row: Option<&WritebackRow>,
    ) -> Result<bool> {
        let Some(row) = row else {
            // Nothing is begun with what a complete look no longer showed.
            let begins = finding.absent == 0 && *wanted != Wanted::default();
            if begins {
                writebacks::insert(conn, finding, record, wanted, self.now)?;
            }
            return Ok(begins);
        };
        let next = WritebackRow {
            cell: finding.cell.clone(),
            record_id: record,
            wanted: to_json(wanted)?,
            seen_hash: finding.content_hash,
            ..row.clone()
        };
        if next == *row {
            return Ok(false);
        }
        let next = WritebackRow {
            state: writebacks::PENDING.to_owned(),
            attempt: 0,
            not_before: stamp(self.now),
            error: None,
            changed_at: stamp(self.now),
            ..next
        };
        writebacks::update(conn, &next)?;
        Ok(true)
    }
}

/// Each native id through one cell: its own account's, where it is read there, else the first.
fn once_each(shown: Vec<InHub>) -> Vec<InHub> {
    let mut once: Vec<InHub> = Vec::with_capacity(shown.len());
    for finding in shown {
        let own = |f: &InHub| f.cell.split('/').next() == Some(f.account.as_str());
        match once.last_mut() {
            Some(last)
                if last.account == finding.account && last.native_id == finding.native_id =>
            {
                if own(&finding) && !own(last) {
                    *last = finding;
                }
            }
            _ => once.push(finding),
        }
    }
    once
}

fn known<'a>(
    conn: &mut AnyConnection,
    shown: &'a [InHub],
) -> Result<HashMap<(&'a str, &'a str), WritebackRow>> {
    let mut known = HashMap::with_capacity(shown.len());
    for same in shown.chunk_by(|a, b| a.account == b.account) {
        let ids: Vec<&str> = same.iter().map(|f| f.native_id.as_str()).collect();
        let mut rows: HashMap<String, WritebackRow> =
            writebacks::of_findings(conn, &same[0].account, &ids)?
                .into_iter()
                .map(|row| (row.native_id.clone(), row))
                .collect();
        for finding in same {
            if let Some(row) = rows.remove(&finding.native_id) {
                known.insert((finding.account.as_str(), finding.native_id.as_str()), row);
            }
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_written_through_its_own_account_where_that_is_read() {
        let shown = |account: &str, id: &str, cell: &str| InHub {
            record_id: Some(1),
            account: account.to_owned(),
            native_id: id.to_owned(),
            cell: format!("{cell}/us-gov-west-1/securityhub"),
            content_hash: 1,
            absent: 0,
            joined_at: None,
            severity: None,
        };
        let chosen = once_each(vec![
            shown("2", "a", "1"),
            shown("2", "a", "2"),
            shown("2", "b", "1"),
            shown("2", "b", "3"),
        ]);
        let cells: Vec<&str> = chosen.iter().map(|f| &f.cell[..1]).collect();
        assert_eq!(cells, ["2", "1"]);
    }
}
