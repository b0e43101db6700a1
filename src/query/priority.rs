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
use crate::domain::priority::{Inputs, Intelligence, priority};
use crate::domain::signals::{Signals, says_reachable};
use crate::store::intel::{self, CveIntel};
use crate::store::{self, AnyConnection, Result, signals};

/// What the rows of records themselves do not say.
struct Around {
    signals: HashMap<i64, Signals>,
    intel: HashMap<String, CveIntel>,
    laid: HashMap<i64, Laid>,
    /// Account and ARN of what the internet reaches, by any open finding.
    reachable: HashSet<(String, String)>,
    /// Account and ARN → open GuardDuty findings.
    activity: HashMap<(String, String), usize>,
}

/// Works out the priority of each record.
pub fn fill(
    conn: &mut AnyConnection,
    snapshot: &Snapshot,
    clocks: &Clocks,
    today: NaiveDate,
    views: &mut [PoamView],
) -> Result<()> {
    let around = Around::load(conn, snapshot, views)?;
    for view in views {
        let (label, weight) = snapshot
            .accounts
            .get(&view.account)
            .map_or(("", 100), |row| (row.label.as_str(), row.weight));
        let ranked = around.rank(view, clocks.of(label), weight, today);
        view.priority = Some(ranked.points);
        view.priority_terms = ranked.terms;
    }
    Ok(())
}

impl Around {
    fn load(conn: &mut AnyConnection, snapshot: &Snapshot, views: &[PoamView]) -> Result<Self> {
        let wanted: HashSet<i64> = views.iter().map(|view| view.id.0).collect();
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
        for view in views {
            if view.kind == WeaknessKind::Vulnerability && is_cve(&view.weakness) {
                let of = all.entry(view.id.0).or_default();
                of.cves.entry(view.weakness.clone()).or_default();
            }
        }
        let cves: BTreeSet<&str> = all
            .values()
            .flat_map(|of| of.cves.keys().map(String::as_str))
            .collect();
        let cves: Vec<&str> = cves.into_iter().collect();
        let mut facts: BTreeMap<i64, Vec<store::facts::FactRow>> = BTreeMap::new();
        for row in store::facts::all(conn)? {
            facts.entry(row.record_id).or_default().push(row);
        }
        let mut activity: HashMap<(String, String), usize> = HashMap::new();
        let attacks = snapshot.findings.iter().filter(|finding| {
            finding.source == "guardduty"
                && finding.status.0 == FindingStatus::Open
                && !finding.sample
        });
        for finding in attacks {
            *activity
                .entry((finding.account.clone(), finding.arn.clone()))
                .or_default() += 1;
        }
        Ok(Self {
            intel: intel::of_cves(conn, &cves)?,
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
        view: &PoamView,
        policy: &clock::Policy,
        weight: i64,
        today: NaiveDate,
    ) -> crate::domain::priority::Priority {
        let nothing = Signals::default();
        let signals = self.signals.get(&view.id.0).unwrap_or(&nothing);
        let key = |arn: &String| (view.account.clone(), arn.clone());
        let elsewhere = view
            .items
            .iter()
            .any(|item| self.reachable.contains(&key(&item.arn)));
        let laid = self.laid.get(&view.id.0).cloned().unwrap_or_default();
        let exposed = laid.exposed_or(&signals.exposed(elsewhere, policy.missing.exposed));
        let intelligence = self.intelligence(view, signals, policy, &exposed);
        // An incident is that activity itself.
        let activity = if view.kind == WeaknessKind::Incident {
            0
        } else {
            view.items
                .iter()
                .filter_map(|item| self.activity.get(&key(&item.arn)))
                .sum()
        };
        priority(&Inputs {
            severity: view.severity,
            signals,
            intelligence: &intelligence,
            exposed: &exposed,
            activity,
            items: view.items.len(),
            detected: day(&view.detected).unwrap_or(today),
            due: view.due,
            today,
            weight,
        })
    }

    /// The worst of the record's CVEs.
    fn intelligence(
        &self,
        view: &PoamView,
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
            severity: view.severity.unwrap_or(Severity::Low),
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
