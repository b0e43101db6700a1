//! Priorities of records as they are shown: worked out from what is in the ledger on the day somebody looks, so that
//! nothing is written because a day has passed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use poamd_contract::finding::WeaknessKind;
use poamd_contract::severity::Severity;

use super::Snapshot;
use super::poam::PoamView;
use crate::domain::clock::{self, Clocks, Flaw, Kev, Known};
use crate::domain::evaluation::{Evaluation, Judged, Laid};
use crate::domain::finding::FindingStatus;
use crate::domain::intel::is_cve;
use crate::domain::priority::{Inputs, Intelligence, Priority, priority, standing};
use crate::domain::signals::{Signals, says_reachable};
use crate::store::intel::{self, CveIntel};
use crate::store::time::{Stamp, stamp};
use crate::store::{self, AnyConnection, Result, signals};

/// What a record brings itself.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    pub id: i64,
    pub kind: WeaknessKind,
    pub weakness: &'a str,
    pub account: &'a str,
    /// ARNs of the items on which it is not fixed.
    pub items: Vec<&'a str>,
    pub severity: Option<Severity>,
    pub detected: NaiveDate,
    pub due: Option<NaiveDate>,
    /// Of the account.
    pub label: &'a str,
    /// Of the account, in hundredths.
    pub weight: i64,
}

/// Account and ARN of a resource.
type Place = (String, String);

/// What the rows of records themselves do not say.
struct Around {
    signals: HashMap<i64, Signals>,
    intel: HashMap<String, CveIntel>,
    laid: HashMap<i64, Laid>,
    /// What the internet reaches, by any open finding.
    reachable: HashSet<Place>,
    /// Open GuardDuty findings.
    activity: HashMap<Place, usize>,
}

/// Works out the priority of each record.
pub fn fill(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    clocks: &Clocks,
    today: NaiveDate,
    views: &mut [PoamView],
) -> Result<()> {
    let attacks = snapshot.findings.iter().filter(|finding| {
        finding.source == ATTACKS && finding.status.0 == FindingStatus::Open && !finding.sample
    });
    let attacks = attacks.map(|finding| (finding.account.clone(), finding.arn.clone()));
    let subjects: Vec<Subject<'_>> = views
        .iter()
        .map(|view| Subject::of(view, snapshot, today))
        .collect();
    let until = snapshot.until.map(stamp);
    let around = Around::load(conn, attacks, &subjects, until)?;
    let ranked: Vec<Priority> = subjects
        .iter()
        .map(|subject| around.rank(subject, clocks, today, priority))
        .collect();
    for (view, ranked) in views.iter_mut().zip(ranked) {
        view.priority = Some(ranked.points);
        view.priority_terms = ranked.terms;
    }
    Ok(())
}

/// What of the priority of each record no day moves by itself ([`standing`]), in their order.
pub fn that_stand(
    conn: &mut AnyConnection,
    clocks: &Clocks,
    subjects: &[Subject<'_>],
) -> Result<Vec<Priority>> {
    let attacks = signals::of_source(conn, ATTACKS)?;
    let around = Around::load(conn, attacks.into_iter(), subjects, None)?;
    let rank = |s: &Subject<'_>| around.rank(s, clocks, s.detected, standing);
    Ok(subjects.iter().map(rank).collect())
}

/// Whose findings are activity of attackers.
const ATTACKS: &str = "guardduty";

impl<'a> Subject<'a> {
    fn of(view: &'a PoamView, snapshot: &'a Snapshot, today: NaiveDate) -> Self {
        let account = snapshot.accounts.get(&view.account);
        Self {
            id: view.id.0,
            kind: view.kind,
            weakness: &view.weakness,
            account: &view.account,
            items: view.items.iter().map(|item| item.arn.as_str()).collect(),
            severity: view.severity,
            detected: day(&view.detected).unwrap_or(today),
            due: view.due,
            label: account.map_or("", |row| row.label.as_str()),
            weight: account.map_or(100, |row| row.weight),
        }
    }
}

impl Around {
    fn load(
        conn: &mut AnyConnection,
        attacks: impl Iterator<Item = Place>,
        subjects: &[Subject<'_>],
        until: Option<Stamp>,
    ) -> Result<Self> {
        let wanted: HashSet<i64> = subjects.iter().map(|subject| subject.id).collect();
        let mut all: HashMap<i64, Signals> = HashMap::new();
        let mut reachable = HashSet::new();
        signals::details(conn, |row| {
            if says_reachable(&row.detail) && row.status.0 == FindingStatus::Open {
                reachable.insert((row.account.clone(), row.arn.clone()));
            }
            if let Some(record) = row.record_id.filter(|id| wanted.contains(id)) {
                all.entry(record).or_default().add(&row.detail);
            }
        })?;
        for subject in subjects {
            if subject.kind == WeaknessKind::Vulnerability && is_cve(subject.weakness) {
                let of = all.entry(subject.id).or_default();
                of.cves.entry(subject.weakness.to_owned()).or_default();
            }
        }
        let cves: BTreeSet<&str> = all
            .values()
            .flat_map(|of| of.cves.keys().map(String::as_str))
            .collect();
        let cves: Vec<&str> = cves.into_iter().collect();
        let mut facts: BTreeMap<i64, Vec<store::facts::FactRow>> = BTreeMap::new();
        let mut laid = store::facts::all(conn)?;
        laid.retain(|row| until.is_none_or(|end| row.at <= end));
        for row in laid {
            facts.entry(row.record_id).or_default().push(row);
        }
        let mut activity: HashMap<Place, usize> = HashMap::new();
        for place in attacks {
            *activity.entry(place).or_default() += 1;
        }
        Ok(Self {
            intel: intel::at(conn, &cves, until)?,
            laid: facts
                .into_iter()
                .map(|(record, rows)| {
                    let said = rows
                        .iter()
                        .map(|row| (row.name.as_str(), row.value.as_str(), row.why.as_str()));
                    (record, Laid::of(said))
                })
                .collect(),
            signals: all,
            reachable,
            activity,
        })
    }

    fn rank(
        &self,
        subject: &Subject<'_>,
        clocks: &Clocks,
        today: NaiveDate,
        sum: fn(&Inputs<'_>) -> Priority,
    ) -> Priority {
        let policy = clocks.of(subject.label);
        let nothing = Signals::default();
        let signals = self.signals.get(&subject.id).unwrap_or(&nothing);
        let key = |arn: &str| (subject.account.to_owned(), arn.to_owned());
        let mut items = subject.items.iter();
        let elsewhere = items.any(|arn| self.reachable.contains(&key(arn)));
        let laid = self.laid.get(&subject.id).cloned().unwrap_or_default();
        let exposed = laid.exposed_or(&signals.exposed(elsewhere, policy.missing.exposed));
        let intelligence = self.intelligence(subject, signals, policy, &exposed);
        // An incident is that activity itself.
        let activity = if subject.kind == WeaknessKind::Incident {
            0
        } else {
            let items = subject.items.iter();
            items.filter_map(|arn| self.activity.get(&key(arn))).sum()
        };
        sum(&Inputs {
            severity: subject.severity,
            signals,
            intelligence: &intelligence,
            exposed: &exposed,
            activity,
            items: subject.items.len(),
            detected: subject.detected,
            due: subject.due,
            today,
            weight: subject.weight,
        })
    }

    /// The worst of the record's CVEs.
    fn intelligence(
        &self,
        subject: &Subject<'_>,
        signals: &Signals,
        policy: &clock::Policy,
        exposed: &Judged<bool>,
    ) -> Intelligence {
        let known = Known {
            flaws: Vec::new(),
            exposed: exposed.clone(),
            evaluation: Evaluation::default(),
            vendor_released: None,
        };
        let inputs = clock::Inputs {
            policy,
            detected: Default::default(),
            severity: subject.severity.unwrap_or(Severity::Low),
            known: &known,
        };
        let nothing = CveIntel::default();
        signals
            .cves
            .iter()
            .map(|(cve, passed_on)| {
                let of = self.intel.get(cve).unwrap_or(&nothing);
                let listed = of.kev.as_ref().map(|row| Kev {
                    added: Some(row.added),
                    due: Some(row.due),
                });
                let flaw = Flaw {
                    cve: cve.clone(),
                    kev: Kev::sooner(*passed_on, listed),
                    automatable: of.ssvc.as_ref().and_then(|row| row.automatable),
                    impact: of.ssvc.as_ref().and_then(|row| row.impact()),
                };
                Intelligence {
                    in_kev: flaw.kev.is_some(),
                    ransomware: of.kev.as_ref().is_some_and(|row| row.ransomware),
                    epss: of.epss,
                    exploitation: of.ssvc.as_ref().and_then(|row| row.exploitation.clone()),
                    bod: clock::answers(&flaw, &inputs).row.map(|row| row.days),
                }
            })
            .fold(Intelligence::default(), Intelligence::worst)
    }
}

fn day(time: &str) -> Option<NaiveDate> {
    time.get(..10)?.parse().ok()
}
