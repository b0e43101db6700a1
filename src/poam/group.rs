//! Everything there is of one weakness in one account, as the plan wants it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use poamd_contract::finding::{Channel, ResourceRef, WeaknessKind};
use poamd_contract::severity::Severity;

use super::{Round, known};
use crate::domain::finding::FindingStatus;
use crate::domain::grouping::{self, Seen};
use crate::domain::overrides::Counted;
use crate::domain::plan::{Current, Facts, Group, Held, Member};
use crate::domain::record::{RecordId, RecordStatus};
use crate::store::findings::{self, FindingRow, ReportRow};
use crate::store::records::{self, RecordRow};
use crate::store::time::Stamp;
use crate::store::{AnyConnection, Result, coverage, deviations, from_json};

pub(super) struct Loaded {
    pub account: String,
    /// Of the weakness, or of one item of it.
    pub key: String,
    pub weakness: String,
    pub kind: WeaknessKind,
    pub facts: Group,
    /// The stored row of the live or, without one, the newest closed record.
    pub row: Option<RecordRow>,
    /// The findings, in the order of the members.
    pub findings: Vec<FindingRow>,
}

/// Every group that findings of a weakness belong to: one, unless a rule groups by item, records were merged, or a rule
/// changed while records were live.
pub(super) fn load(
    conn: &mut AnyConnection,
    round: &Round<'_>,
    account: &str,
    weakness: &str,
) -> Result<Vec<Loaded>> {
    let rows = findings::of_weakness(conn, account, weakness)?;
    let names = round.around.names_of(account);
    let label = names.label.as_str();
    let mut book = Book::of(conn, account, weakness, &rows)?;
    let mut homes: BTreeMap<String, Vec<FindingRow>> = BTreeMap::new();
    for row in rows {
        let home = match row.record_id.and_then(|id| book.get(id)) {
            Some(record) if record.status.0.is_live() => record.group_key.clone(),
            Some(record) if record.status.0 == RecordStatus::Superseded => {
                let key = record.group_key.clone();
                book.home(conn, key)?
            }
            _ => {
                let key = grouping::key(&round.rules.grouping, &seen(&row, label)?.borrow());
                book.home(conn, key)?
            }
        };
        homes.entry(home).or_default().push(row);
    }
    homes
        .into_iter()
        .map(|(key, rows)| book.group(conn, round, weakness, key, rows))
        .collect()
}

/// What a grouping rule sees of a finding.
struct SeenRow<'a> {
    row: &'a FindingRow,
    technology: String,
    label: &'a str,
}

fn seen<'a>(row: &'a FindingRow, label: &'a str) -> Result<SeenRow<'a>> {
    let what = format!("finding {}: resources", row.fingerprint);
    let resources: Vec<ResourceRef> = from_json(&what, &row.resources)?;
    let primary = resources.into_iter().find(|r| r.id == row.arn);
    Ok(SeenRow {
        row,
        technology: primary.and_then(|r| r.technology).unwrap_or_default(),
        label,
    })
}

impl SeenRow<'_> {
    fn borrow(&self) -> Seen<'_> {
        Seen {
            weakness: &self.row.weakness_id,
            kind: self.row.weakness_kind.0,
            arn: &self.row.arn,
            source: &self.row.source,
            technology: &self.technology,
            account: &self.row.account,
            label: self.label,
        }
    }
}

/// The records that matter to a weakness in an account.
struct Book {
    account: String,
    /// Newest first.
    records: Vec<RecordRow>,
    /// Keys that were asked for already.
    asked: BTreeSet<String>,
}

/// Records may be merged into merged ones; a ring is cut here.
const HOPS: usize = 32;

impl Book {
    fn of(
        conn: &mut AnyConnection,
        account: &str,
        weakness: &str,
        rows: &[FindingRow],
    ) -> Result<Self> {
        let mut records = records::of_weakness(conn, account, weakness)?;
        let elsewhere: BTreeSet<i64> = rows
            .iter()
            .filter_map(|row| row.record_id)
            .filter(|id| !records.iter().any(|r| r.id == *id))
            .collect();
        for id in elsewhere {
            records.extend(records::find(conn, id)?);
        }
        Ok(Self {
            account: account.to_owned(),
            records,
            asked: BTreeSet::new(),
        })
    }

    fn get(&self, id: i64) -> Option<&RecordRow> {
        self.records.iter().find(|r| r.id == id)
    }

    /// Records of a key, newest first.
    fn of_key(&self, key: &str) -> impl Iterator<Item = &RecordRow> {
        let mut found: Vec<&RecordRow> =
            self.records.iter().filter(|r| r.group_key == key).collect();
        found.sort_by_key(|r| std::cmp::Reverse(r.id));
        found.into_iter()
    }

    /// Makes sure that all records of a key are there: after a merge some of them are of other weaknesses.
    fn ask(&mut self, conn: &mut AnyConnection, key: &str) -> Result<()> {
        if !self.asked.insert(key.to_owned()) {
            return Ok(());
        }
        let more = records::of_group(conn, &self.account, key)?;
        let known: BTreeSet<i64> = self.records.iter().map(|r| r.id).collect();
        self.records
            .extend(more.into_iter().filter(|r| !known.contains(&r.id)));
        Ok(())
    }

    /// The record that the newest of a key was merged into, if none of the key lives.
    fn merged_into(&self, key: &str) -> Option<i64> {
        if self.of_key(key).any(|r| r.status.0.is_live()) {
            return None;
        }
        let newest = self.of_key(key).next()?;
        newest
            .superseded_by
            .filter(|_| newest.status.0 == RecordStatus::Superseded)
    }

    /// The key under which what belongs to a key lives now: that of the record its own was merged into.
    fn home(&mut self, conn: &mut AnyConnection, mut key: String) -> Result<String> {
        for _ in 0..HOPS {
            self.ask(conn, &key)?;
            let into = self.merged_into(&key);
            let Some(into) = into else { break };
            if self.get(into).is_none() {
                self.records.extend(records::find(conn, into)?);
            }
            let next = self.get(into).map(|r| r.group_key.clone());
            match next {
                Some(next) if next != key => key = next,
                _ => break,
            }
        }
        Ok(key)
    }

    fn group(
        &mut self,
        conn: &mut AnyConnection,
        round: &Round<'_>,
        weakness: &str,
        key: String,
        mut rows: Vec<FindingRow>,
    ) -> Result<Loaded> {
        self.ask(conn, &key)?;
        let live = self.of_key(&key).find(|r| r.status.0.is_live());
        let past = self
            .of_key(&key)
            .filter(|r| r.status.0 == RecordStatus::Closed)
            .max_by_key(|r| (r.closed_at, r.id));
        if let Some(record) = live.or(past) {
            add_others(conn, record.id, weakness, &mut rows)?;
        }
        let settled = self.settled(conn, past, &rows)?;
        let looked = match live.and_then(|r| r.claimed_at) {
            Some(claimed) => looked_twice(conn, round, &rows, claimed)?,
            None => BTreeSet::new(),
        };
        let is_settled = |id: i64| settled.contains(&id);
        let names = round.around.names_of(&self.account);
        let members: Vec<Member> = rows
            .iter()
            .map(|row| {
                let counted = round.around.counted(row, &names);
                let settled = row.record_id.is_some_and(is_settled);
                member(row, counted, &looked, settled)
            })
            .collect();
        let live = live.map(|row| current(row, false));
        let past = past.map(|row| current(row, is_settled(row.id)));
        let record = live.as_ref().or_else(|| {
            let window = round.rules.reopen_window;
            past.as_ref().filter(|p| p.reopens(round.now, window))
        });
        let record = record.map(|r| r.id.0);
        // What is on no record and opens none says nothing of one: samples, what is switched off, false positives.
        let counts = |(row, member): &(&FindingRow, &Member)| {
            let ours = record.is_some() && row.record_id == record;
            row.status.0 != FindingStatus::Fixed && (ours || member.opens())
        };
        let there = rows.iter().zip(&members).filter(counts);
        let there: Vec<&FindingRow> = there.map(|(row, _)| row).collect();
        let policy = round.rules.clocks.of(&names.label);
        let (known, adjustment) = known::of(conn, policy, &there, record)?;
        let row = live.as_ref().or(past.as_ref()).map(|r| r.id.0);
        Ok(Loaded {
            account: self.account.clone(),
            weakness: weakness.to_owned(),
            kind: rows
                .first()
                .map_or(WeaknessKind::Other, |r| r.weakness_kind.0),
            facts: Group {
                members,
                live,
                past,
                clocks: policy.clone(),
                known,
                adjustment,
            },
            row: row.and_then(|id| self.get(id)).cloned(),
            key,
            findings: rows,
        })
    }

    /// Which of the closed records that matter to these findings an approved false positive closed.
    fn settled(
        &self,
        conn: &mut AnyConnection,
        past: Option<&RecordRow>,
        rows: &[FindingRow],
    ) -> Result<Vec<i64>> {
        let all = rows.iter().filter_map(|r| r.record_id);
        let mut closed: BTreeSet<i64> = all.chain(past.map(|r| r.id)).collect();
        closed.retain(|id| {
            let record = self.get(*id);
            record.is_some_and(|r| r.status.0 == RecordStatus::Closed)
        });
        match closed.into_iter().collect::<Vec<_>>().as_slice() {
            [] => Ok(Vec::new()),
            closed => deviations::false_positives(conn, closed),
        }
    }
}

/// Adds the findings of other weaknesses that a record holds, as after a merge.
fn add_others(
    conn: &mut AnyConnection,
    record: i64,
    weakness: &str,
    rows: &mut Vec<FindingRow>,
) -> Result<()> {
    if findings::has_others(conn, record, weakness)? {
        let mut others = findings::of_record(conn, record)?;
        others.retain(|f| !rows.iter().any(|r| r.fingerprint == f.fingerprint));
        rows.extend(others);
        rows.sort_unstable_by(|a, b| a.fingerprint.cmp(&b.fingerprint));
    }
    Ok(())
}

fn member(row: &FindingRow, counted: Counted, looked: &BTreeSet<i64>, settled: bool) -> Member {
    Member {
        fingerprint: row.fingerprint.clone(),
        status: row.status.0,
        // Only an approved deviation lowers a rating (`design.md`, Words); an override may raise it.
        severity: counted.severity.max(row.severity.map(|s| s.0)),
        detected: row.severity.map(|s| s.0),
        sample: row.sample,
        disabled: counted.disabled,
        score: counted.score,
        justified: row.justified,
        detected_at: row.detected_at.and_utc(),
        title: row.title.clone(),
        record: row.record_id.map(RecordId),
        looked_twice_since_claim: looked.contains(&row.id),
        settled,
    }
}

fn current(row: &RecordRow, settled: bool) -> Current {
    let detected_at = row.detected_at.and_utc();
    Current {
        id: RecordId(row.id),
        status: row.status.0,
        facts: Facts {
            title: row.title.clone(),
            severity: row.severity.map_or(Severity::Low, |s| s.0),
            adjusted: row.adjusted_severity.map(|s| s.0),
            score: row.score,
            unjustified_score: row.unjustified_score,
            detected_at,
            due: row.due,
            due_rule: row.due_rule.clone(),
            held: row.held_due.map(|due| Held {
                due,
                rule: row.held_rule.clone().unwrap_or_default(),
            }),
        },
        closed_at: row.closed_at.map(|t| t.and_utc()),
        settled,
    }
}

/// When the look at everything before the last one began, by cell.
fn second_looks(conn: &mut AnyConnection) -> Result<HashMap<String, Stamp>> {
    let cells = coverage::all(conn)?.into_iter();
    Ok(cells
        .filter_map(|c| {
            let name = format!("{}/{}/{}", c.account, c.region, c.service);
            Some((name, c.previous_full?))
        })
        .collect())
}

/// Findings all of whose cells were looked at completely, and at everything, twice after the claim.
fn looked_twice(
    conn: &mut AnyConnection,
    round: &Round<'_>,
    rows: &[FindingRow],
    claimed: Stamp,
) -> Result<BTreeSet<i64>> {
    let second_look = match round.looks.get() {
        Some(there) => there,
        None => {
            let there = second_looks(conn)?;
            round.looks.get_or_init(|| there)
        }
    };
    let ids: Vec<i64> = rows.iter().map(|r| r.id).collect();
    let reports = findings::reports_of(conn, &ids)?;
    let covered = |report: &&ReportRow| {
        second_look
            .get(&report.cell)
            .is_some_and(|second| *second > claimed)
    };
    Ok(reports
        .into_iter()
        .filter(|(_, reports)| {
            let live: Vec<&ReportRow> = reports
                .iter()
                .filter(|r| r.channel.0 != Channel::File)
                .collect();
            !live.is_empty() && live.iter().all(covered)
        })
        .map(|(id, _)| id)
        .collect())
}
