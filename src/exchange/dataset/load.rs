//! The dataset out of the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use poamd_contract::detail::Detail;

use super::{
    Asset, Comment, Dataset, Deviation, Document, Evaluation, Finding, Flaws, Milestone,
    MilestoneChange, Record, Step, System, Vendor,
};
use crate::domain::controls::ControlId;
use crate::domain::finding::FindingStatus;
use crate::domain::record_fact::{FactName, RecordFacts};
use crate::query::filter::Filter;
use crate::query::poam::{self, PoamView};
use crate::query::{Snapshot, end_of};
use crate::store::attachments::AttachmentRow;
use crate::store::deviations::{DeviationRow, DeviationStepRow};
use crate::store::milestones::{MilestoneChangeRow, MilestoneRow};
use crate::store::records::RecordRow;
use crate::store::shown::{self, ShownFinding, ShownText};
use crate::store::time::{Stamp, stamp};
use crate::store::vendors::{VendorCheckinRow, VendorDependencyRow};
use crate::store::{self, AnyConnection, Result, intel, versions};

/// The moment that a form is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What was laid down later is left out.
    pub until: DateTime<Utc>,
    /// The end of a day in the past was asked for.
    pub is_past: bool,
}

impl Moment {
    /// The ledger as it is.
    pub fn now(now: DateTime<Utc>) -> Self {
        Self {
            until: now,
            is_past: false,
        }
    }

    /// As it was at the end of a day; a day that is not over is now.
    pub fn as_of(day: Option<NaiveDate>, now: DateTime<Utc>) -> Self {
        match day.map(end_of) {
            Some(end) if end < now => Self {
                until: end,
                is_past: true,
            },
            _ => Self::now(now),
        }
    }

    /// The ledger at the moment.
    pub fn snapshot(self, conn: &mut AnyConnection) -> Result<Snapshot> {
        if self.is_past {
            Snapshot::as_of(conn, self.until)
        } else {
            Snapshot::load(conn)
        }
    }

    /// The day, in UTC.
    pub fn day(self) -> NaiveDate {
        self.until.date_naive()
    }

    fn saw(self, at: Stamp) -> bool {
        at <= stamp(self.until)
    }
}

/// What people laid down about the records, as of a moment, by record.
#[derive(Default)]
struct LaidDown {
    facts: HashMap<i64, RecordFacts>,
    milestones: HashMap<i64, Vec<MilestoneRow>>,
    milestone_changes: HashMap<i64, Vec<MilestoneChangeRow>>,
    deviations: HashMap<i64, Vec<DeviationRow>>,
    steps: HashMap<i64, Vec<DeviationStepRow>>,
    vendors: HashMap<i64, Vec<VendorDependencyRow>>,
    checkins: HashMap<i64, Vec<VendorCheckinRow>>,
    comments: HashMap<i64, Vec<Comment>>,
    documents: HashMap<i64, Vec<AttachmentRow>>,
}

fn by<T>(rows: Vec<T>, key: impl Fn(&T) -> i64) -> HashMap<i64, Vec<T>> {
    let mut map: HashMap<i64, Vec<T>> = HashMap::new();
    for row in rows {
        map.entry(key(&row)).or_default().push(row);
    }
    map
}

fn seen<T>(mut rows: Vec<T>, moment: Moment, at: impl Fn(&T) -> Stamp) -> Vec<T> {
    rows.retain(|row| moment.saw(at(row)));
    rows
}

impl LaidDown {
    fn load(conn: &mut AnyConnection, moment: Moment) -> Result<Self> {
        let facts = seen(store::facts::all(conn)?, moment, |r| r.at);
        let facts = store::facts::by_record(&facts)?;
        let comments = seen(store::comments::all(conn)?, moment, |r| r.at);
        let mut said: HashMap<i64, Vec<Comment>> = HashMap::new();
        for row in comments {
            said.entry(row.record_id).or_default().push(Comment {
                body: row.body,
                actor: row.actor,
                at: row.at.and_utc(),
            });
        }
        let milestones = seen(store::milestones::all(conn)?, moment, |r| r.at);
        let changes = seen(store::milestones::all_change(conn)?, moment, |r| r.at);
        let deviations = seen(store::deviations::all(conn)?, moment, |r| r.requested_at);
        let steps = seen(store::deviations::all_step(conn)?, moment, |r| r.at);
        let vendors = seen(store::vendors::all(conn)?, moment, |r| r.since);
        let checkins = seen(store::vendors::all_checkin(conn)?, moment, |r| r.at);
        let documents = seen(store::attachments::all(conn)?, moment, |r| r.at);
        Ok(Self {
            facts,
            milestones: by(milestones, |r| r.record_id),
            milestone_changes: by(changes, |r| r.record_id),
            deviations: by(deviations, |r| r.record_id),
            steps: by(steps, |r| r.deviation_id),
            vendors: by(vendors, |r| r.record_id),
            checkins: by(checkins, |r| r.dependency_id),
            comments: said,
            documents: by(documents, |r| r.record_id),
        })
    }

    /// A text that somebody laid down.
    fn text(&self, record: i64, name: FactName) -> Option<String> {
        let text = self.facts.get(&record)?.text(name);
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn texts(&self, record: i64, name: FactName) -> Vec<String> {
        let facts = self.facts.get(&record);
        facts.map(|facts| facts.texts(name)).unwrap_or_default()
    }

    fn deviations(&self, record: i64, moment: Moment) -> Vec<Deviation> {
        let rows = self.deviations.get(&record).map_or(&[][..], Vec::as_slice);
        rows.iter().map(|row| self.deviation(row, moment)).collect()
    }

    /// A deviation in the state that it had at the moment.
    fn deviation(&self, row: &DeviationRow, moment: Moment) -> Deviation {
        let steps = self.steps.get(&row.id).map_or(&[][..], Vec::as_slice);
        let state = match steps.last() {
            Some(step) if moment.is_past => step.state.0,
            _ => row.state.0,
        };
        Deviation {
            id: row.id,
            kind: row.kind.0,
            state,
            severity: row.severity.map(|s| s.0),
            rationale: row.rationale.clone(),
            mitigations: row.mitigations.clone(),
            requested_by: row.requested_by.clone(),
            requested_at: row.requested_at.and_utc(),
            expires: row.expires,
            steps: steps
                .iter()
                .map(|step| Step {
                    state: step.state.0,
                    note: step.note.clone(),
                    actor: step.actor.clone(),
                    at: step.at.and_utc(),
                })
                .collect(),
        }
    }

    fn vendor(&self, record: i64, moment: Moment) -> Option<Vendor> {
        let row = self.vendors.get(&record)?.last()?;
        let checkins = self.checkins.get(&row.id).map_or(&[][..], Vec::as_slice);
        Some(Vendor {
            product: row.product.clone(),
            vendor: row.vendor.clone(),
            live: row.ended_at.is_none_or(|ended| !moment.saw(ended)),
            since: row.since.and_utc(),
            released: row
                .released
                .filter(|_| row.released_at.is_none_or(|at| moment.saw(at))),
            checkins: checkins
                .iter()
                .map(|row| (row.day, row.note.clone()))
                .collect(),
        })
    }

    fn documents(&self, record: i64) -> Vec<Document> {
        let rows = self.documents.get(&record).map_or(&[][..], Vec::as_slice);
        rows.iter()
            .map(|row| Document {
                kind: row.kind.clone(),
                name: row.name.clone(),
                media_type: row.media_type.clone(),
                sha256: row.sha256.clone(),
                note: row.note.clone(),
                deviation: row.deviation_id,
                at: row.at.and_utc(),
            })
            .collect()
    }

    fn evaluation(&self, record: i64) -> Evaluation {
        let Some(facts) = self.facts.get(&record) else {
            return Evaluation::default();
        };
        let ratings = facts.n_ratings();
        let fallen = ratings.windows(2).filter(|pair| pair[1].1 < pair[0].1);
        Evaluation {
            completed: facts.evaluated_at(),
            internet_reachable: facts.flag(FactName::Irv),
            likely_exploitable: facts.flag(FactName::Lev),
            rating: facts.n_rating(),
            reductions: fallen.map(|pair| pair[1]).collect(),
            impact: self.text(record, FactName::AgencyImpact),
            next_reduction: facts.next_reduction().map(|next| (next.day, next.to)),
            overdue_reason: self.text(record, FactName::OverdueReason),
            supplementary: self.text(record, FactName::Supplementary),
            acceptance: self.text(record, FactName::AcceptanceRationale),
            mitigation: self.text(record, FactName::Mitigation),
        }
    }
}

/// Reads everything that forms need of the records that a filter lets through.
pub fn load(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    filter: &Filter,
    system: &System,
    moment: Moment,
) -> Result<Dataset> {
    let views = poam::bare(conn, snapshot, filter)?;
    let laid_down = LaidDown::load(conn, moment)?;
    let mut texts: HashMap<String, ShownText> = HashMap::new();
    let (said, unkept_texts) = if moment.is_past {
        versions::texts_at(conn, moment.until)?
    } else {
        (shown::texts(conn)?, 0)
    };
    for text in said {
        texts.insert(format!("{}/{}", text.account, text.fingerprint), text);
    }
    let rows: HashMap<i64, &RecordRow> = snapshot.records.iter().map(|r| (r.id, r)).collect();
    let mut findings: HashMap<i64, Vec<Seen<'_>>> = HashMap::new();
    for finding in &snapshot.findings {
        let Some(record) = finding.record_id else {
            continue;
        };
        let key = format!("{}/{}", finding.account, finding.fingerprint);
        let text = texts.remove(&key).unwrap_or_default();
        let overridden = snapshot.is_overridden(finding);
        let seen = findings.entry(record).or_default();
        seen.push(Seen {
            row: finding,
            text,
            overridden,
        });
    }
    let mut records = Vec::with_capacity(views.len());
    for view in views {
        let Some(row) = rows.get(&view.id.0) else {
            continue;
        };
        let findings = findings.remove(&row.id).unwrap_or_default();
        let label = snapshot.account_type(&row.account);
        records.push(record(
            view, row, label, findings, &laid_down, system, moment,
        ));
    }
    look_up(conn, &mut records, moment)?;
    let today = moment.day();
    let newest = records.iter().map(|r| r.changed).max();
    let stamp = if moment.is_past {
        moment.until
    } else {
        let midnight = today.and_time(NaiveTime::MIN).and_utc();
        newest.map_or(midnight, |newest| newest.max(midnight))
    };
    Ok(Dataset {
        system: system.clone(),
        today,
        stamp,
        unkept_texts,
        records,
    })
}

/// Adds what the catalogs of that moment say of the CVEs.
fn look_up(conn: &mut AnyConnection, records: &mut [Record], moment: Moment) -> Result<()> {
    let until = moment.is_past.then(|| stamp(moment.until));
    let cves = records.iter().flat_map(|r| r.flaw.cves.iter());
    let cves: BTreeSet<&str> = cves.map(String::as_str).collect();
    if cves.is_empty() {
        return Ok(());
    }
    let cves: Vec<&str> = cves.into_iter().collect();
    let kev = intel::kev(conn, until)?;
    let epss = intel::epss(conn, &cves, until)?;
    for record in records {
        record.flaw.look_up(&kev, &epss);
    }
    Ok(())
}

/// What the findings of a record say together.
struct Said {
    description: String,
    recommendation: String,
    sources: Vec<String>,
    requirements: Vec<String>,
    flaw: Flaws,
    ports: HashMap<String, Vec<(u16, u16)>>,
    tags: Vec<BTreeMap<String, String>>,
}

/// A finding with what it says at the moment.
struct Seen<'a> {
    row: &'a ShownFinding,
    text: ShownText,
    overridden: bool,
}

fn said(findings: &[Seen<'_>]) -> Said {
    let mut by_age: Vec<_> = findings.iter().collect();
    by_age.sort_by_key(|seen| (seen.row.detected_at, &seen.row.fingerprint));
    let first = |text: fn(&ShownText) -> &str| {
        let mut all = by_age.iter().map(|seen| text(&seen.text).trim());
        all.find(|t| !t.is_empty()).unwrap_or_default().to_owned()
    };
    let mut said = Said {
        description: first(|t| &t.description),
        recommendation: first(|t| &t.remediation),
        sources: Vec::new(),
        requirements: Vec::new(),
        flaw: Flaws::default(),
        ports: HashMap::new(),
        tags: Vec::new(),
    };
    let mut known = HashSet::new();
    for Seen {
        row: finding, text, ..
    } in by_age
    {
        if known.insert(finding.source.clone()) {
            said.sources.push(finding.source.clone());
        }
        let required: Vec<String> = serde_json::from_str(&text.requirements).unwrap_or_default();
        said.requirements.extend(required);
        let detail: Detail = serde_json::from_str(&text.detail).unwrap_or_default();
        if let Some(flaw) = &detail.flaw {
            said.flaw.add(flaw);
        }
        if !detail.ports.is_empty() && finding.status.0 != FindingStatus::Fixed {
            let ports = said.ports.entry(finding.arn.clone()).or_default();
            ports.extend(detail.ports);
        }
        if !detail.tags.is_empty() {
            said.tags.push(detail.tags);
        }
    }
    said
}

fn record(
    view: PoamView,
    row: &RecordRow,
    account_label: Option<String>,
    findings: Vec<Seen<'_>>,
    laid_down: &LaidDown,
    system: &System,
    moment: Moment,
) -> Record {
    let mut said = said(&findings);
    let id = row.id;
    let controls = match laid_down.texts(id, FactName::Controls) {
        named if !named.is_empty() => named,
        _ => required(&said.requirements),
    };
    if said.flaw.cves.is_empty() && row.weakness_id.starts_with("CVE-") {
        said.flaw.cves.push(row.weakness_id.clone());
    }
    let mut record = Record {
        id: view.id,
        weakness: view.weakness,
        kind: view.kind,
        title: view.title,
        description: said.description,
        safe_description: laid_down.text(id, FactName::SafeDescription),
        account: view.account,
        account_name: view.account_name,
        account_label,
        sources: said.sources,
        status: view.status,
        detected: row.detected_at.and_utc(),
        due: view.due,
        due_rule: view.due_rule,
        closed: row.closed_at.map(|at| at.and_utc()),
        changed: row.changed_at.and_utc(),
        original: row.original_severity.0,
        severity: row.adjusted_severity.map(|s| s.0).or(view.severity),
        rating: view.rating,
        assets: assets(view.items, &said.ports),
        controls,
        contact: laid_down
            .text(id, FactName::Contact)
            .or_else(|| system.contact.clone()),
        resources_required: laid_down.text(id, FactName::ResourcesRequired),
        plan: laid_down.text(id, FactName::Plan),
        recommendation: said.recommendation,
        services: match laid_down.texts(id, FactName::ServiceName) {
            named if !named.is_empty() => named,
            _ => system.service.iter().cloned().collect(),
        },
        milestones: milestones(laid_down, id),
        milestone_changes: milestone_changes(laid_down, id),
        vendor: laid_down.vendor(id, moment),
        deviations: laid_down.deviations(id, moment),
        justification: view.justification,
        documents: laid_down.documents(id),
        comments: laid_down.comments.get(&id).cloned().unwrap_or_default(),
        tickets: view.tickets,
        flaw: said.flaw,
        evaluation: laid_down.evaluation(id),
        findings: findings.into_iter().map(finding).collect(),
        previous: view.previous,
        superseded_by: view.superseded_by,
    };
    record.changed = newest(&record, laid_down);
    record
}

/// The controls that requirements name, each once.
fn required(requirements: &[String]) -> Vec<String> {
    let ids = requirements.iter();
    let ids: BTreeSet<ControlId> = ids.filter_map(|r| ControlId::of_requirement(r)).collect();
    ids.iter().map(ControlId::to_string).collect()
}

fn assets(
    items: Vec<crate::query::ItemRef>,
    ports: &HashMap<String, Vec<(u16, u16)>>,
) -> Vec<Asset> {
    items
        .into_iter()
        .map(|item| {
            let mut ports = ports.get(&item.arn).cloned().unwrap_or_default();
            ports.sort_unstable();
            ports.dedup();
            Asset { item, ports }
        })
        .collect()
}

fn milestones(laid_down: &LaidDown, record: i64) -> Vec<Milestone> {
    let rows = laid_down.milestones.get(&record);
    let mut all: Vec<Milestone> = rows
        .into_iter()
        .flatten()
        .map(|row| Milestone {
            number: row.number,
            description: row.description.clone(),
            due: row.due,
            laid_down: row.at.and_utc(),
        })
        .collect();
    all.sort_by_key(|m| m.number);
    all
}

fn milestone_changes(laid_down: &LaidDown, record: i64) -> Vec<MilestoneChange> {
    let rows = laid_down.milestone_changes.get(&record);
    rows.into_iter()
        .flatten()
        .map(|row| MilestoneChange {
            number: row.number,
            kind: row.kind.0,
            said: match row.description.is_empty() {
                true => row.why.clone(),
                false => row.description.clone(),
            },
            due: row.due,
            at: row.at.and_utc(),
        })
        .collect()
}

fn finding(seen: Seen<'_>) -> Finding {
    let Seen {
        row,
        text,
        overridden,
    } = seen;
    Finding {
        fingerprint: row.fingerprint.clone(),
        source: row.source.clone(),
        region: row.region.clone(),
        title: row.title.clone(),
        description: text.description,
        severity: row.severity.map(|s| s.0),
        overridden,
        status: row.status.0,
        arn: row.arn.clone(),
        detected: row.detected_at.and_utc(),
        last_seen: row.last_seen.and_utc(),
        closed: row.closed_at.map(|at| at.and_utc()),
    }
}

/// The newest change of anything about a record.
fn newest(record: &Record, laid_down: &LaidDown) -> DateTime<Utc> {
    let facts = laid_down.facts.get(&record.id.0).into_iter();
    let facts = facts.flat_map(|f| f.holding().map(|(_, laid)| laid.at));
    let steps = record
        .deviations
        .iter()
        .flat_map(|d| d.steps.iter().map(|s| s.at).chain([d.requested_at]));
    [record.changed]
        .into_iter()
        .chain(facts)
        .chain(steps)
        .chain(record.milestones.iter().map(|m| m.laid_down))
        .chain(record.milestone_changes.iter().map(|c| c.at))
        .chain(record.comments.iter().map(|c| c.at))
        .chain(record.documents.iter().map(|d| d.at))
        .max()
        .unwrap_or(record.changed)
}
