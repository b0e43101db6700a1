//! poamd's look at its own looks: a place that could not be seen for too long is a finding, until it is seen again.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::finding::{
    Channel, FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use poamd_contract::ids::{Partition, Region};
use poamd_contract::source::Page;
use serde_json::json;

use super::{Counts, Door, Intake, Synonyms};
use crate::domain::blind::{self, Gap, Place, Sight, Watch};
use crate::store::accounts::{self, AccountRow};
use crate::store::audit::{self, Event};
use crate::store::coverage::{self, CoverageRow};
use crate::store::{AnyConnection, Result, Store, findings};

/// One look at the looks.
pub struct Vigil<'a> {
    pub run: i64,
    pub actor: &'a str,
    pub now: DateTime<Utc>,
    /// How long a gap may last before it is a weakness.
    pub limit: TimeDelta,
    /// Which services are looked at today.
    pub services: &'a dyn Fn(&str) -> bool,
}

impl Vigil<'_> {
    /// Opens what has not been seen for too long, closes what is seen again. Writes nothing if nothing changed.
    pub fn keep(&self, store: &Store) -> Result<Counts> {
        let (reports, given_up) = store.read_here(|conn| self.reports(conn))?;
        if reports.is_empty() {
            return Ok(Counts::default());
        }
        if !given_up.is_empty() {
            store.write_here(|conn| self.tell(conn, &given_up))?;
        }
        let (door, names) = (Door::Vigil, Arc::new(Synonyms::new()));
        let mut intake = Intake::open(store.clone(), door, self.run, self.actor, self.now, names)?;
        intake.page(Page {
            reports,
            ..Page::default()
        })?;
        Ok(intake.counts())
    }

    /// What changed, and which of the gaps that end are of places that are watched no longer.
    fn reports(&self, conn: &mut AnyConnection) -> Result<(Vec<FindingReport>, Vec<Place>)> {
        let rows = coverage::at(conn, self.now)?;
        let sights: Vec<Sight> = rows.iter().map(sight).collect();
        let accounts = accounts::all(conn)?;
        let watched = accounts.iter().map(watch).collect::<Result<Vec<_>>>()?;
        let labels: BTreeMap<&str, &str> = accounts
            .iter()
            .map(|a| (a.id.as_str(), a.label.as_str()))
            .collect();
        let mut reports = Vec::new();
        for gap in blind::gaps(&sights, &watched, self.services, self.now, self.limit) {
            let place = &gap.place;
            let cell = format!("{}/{}/{}", place.account, place.region, place.service);
            let worst = findings::worst_open_of_cell(conn, &cell)?;
            let label = labels.get(place.account.as_str()).copied();
            let severity = blind::severity(&place.service, label.unwrap_or_default(), worst);
            reports.extend(opened(&gap).map(|report| FindingReport {
                severity: Some(severity),
                ..report
            }));
        }
        let (mut over, mut given_up): (Vec<Place>, Vec<Place>) = (Vec::new(), Vec::new());
        for (native_id, signal) in findings::native_ids_of_cell(conn, &Door::Vigil.name())? {
            let Some(place) = native_id.parse::<Place>().ok().filter(|_| signal.is_open()) else {
                continue;
            };
            if blind::is_unwatched(&place, &watched) {
                given_up.push(place);
            } else if blind::is_over(&place, &sights) {
                over.push(place);
            }
        }
        let ended = over.iter().chain(&given_up);
        reports.extend(ended.filter_map(|place| self.passed(place)));
        Ok((reports, given_up))
    }

    /// A gap that ends because nobody has to look there any more ends by that name.
    fn tell(&self, conn: &mut AnyConnection, given_up: &[Place]) -> Result<()> {
        for place in given_up {
            let event = Event {
                at: self.now,
                actor: self.actor.to_owned(),
                kind: "gap.unwatched",
                subject: format!("{}/{}/{}", place.account, place.region, place.service),
                body: json!({ "why": "the account or its region is no longer watched; what is open there stays open" }),
            };
            audit::append(conn, &event)?;
        }
        Ok(())
    }

    /// A complete look is there, or none is asked for any more: the evidence.
    fn passed(&self, place: &Place) -> Option<FindingReport> {
        Some(FindingReport {
            signal: Signal::Passed,
            updated: Some(self.now),
            ..bare(place)?
        })
    }
}

fn sight(row: &CoverageRow) -> Sight {
    Sight {
        place: Place {
            account: row.account.clone(),
            region: row.region.clone(),
            service: row.service.clone(),
        },
        state: row.state.clone(),
        reason: row.reason.clone(),
        blind_since: row.blind_since.map(|at| at.and_utc()),
        ever: row.last_complete.is_some(),
    }
}

fn watch(row: &AccountRow) -> Result<Watch> {
    Ok(Watch {
        account: row.id.clone(),
        regions: row.regions()?.iter().map(ToString::to_string).collect(),
        since: row.created_at.and_utc(),
        active: row.active && row.removed_at.is_none(),
    })
}

fn opened(gap: &Gap) -> Option<FindingReport> {
    let place = &gap.place;
    let service = blind::words(&place.service);
    let reason = if gap.reason.is_empty() {
        String::new()
    } else {
        format!(" ({})", gap.reason)
    };
    Some(FindingReport {
        description: cut(&format!(
            "{service} in account {}, {}: {}{reason} since {}. What is open there stays open, and what is new there is not \
             seen. A failure of detection is a weakness of its own (FedRAMP VDR).",
            place.account,
            place.region,
            gap.state,
            gap.since.format("%Y-%m-%dT%H:%M:%SZ"),
        )),
        remediation: "Put right what the reason says: rights of the role, the service switched on, the network. The next \
                      complete look closes this. `poamd coverage list` shows every gap; what is no longer to be watched is \
                      taken out of the account's regions."
            .to_owned(),
        first_observed: Some(gap.since),
        ..bare(place)?
    })
}

/// What a gap's report is before it says anything; `None` for a place with no proper account or region.
fn bare(place: &Place) -> Option<FindingReport> {
    let region: Region = place.region.parse().ok()?;
    let native_id = place.to_string();
    Some(FindingReport {
        source: blind::SOURCE.to_owned(),
        channel: Channel::Scan,
        identity: Identity::Product {
            product_arn: blind::SOURCE.to_owned(),
            id: native_id.clone(),
        },
        weakness: Weakness {
            id: blind::weakness(&place.service),
            kind: WeaknessKind::Other,
            equivalent: Vec::new(),
        },
        account: place.account.parse().ok()?,
        partition: Partition::of_region(&region),
        title: blind::title(&place.service),
        description: String::new(),
        remediation: String::new(),
        severity: None,
        score: None,
        resources: vec![ResourceRef {
            id: native_id.clone(),
            kind: "CoverageCell".to_owned(),
            technology: None,
            name: format!("{} in {}", place.service, place.region),
            region: Some(region.clone()),
        }],
        native_id,
        region,
        requirements: Vec::new(),
        first_observed: None,
        last_observed: None,
        created: None,
        updated: None,
        signal: Signal::Open,
        sample: false,
        marks: Vec::new(),
        detail: Box::default(),
        raw: None,
    })
}

/// The contract's bound of a description.
fn cut(text: &str) -> String {
    text.chars().take(4_096).collect()
}
