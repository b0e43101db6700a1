//! What a new record begins with, written with it: contact, plan, controls, milestones.

use std::collections::BTreeMap;

use poamd_contract::detail::Detail;
use poamd_contract::finding::{ResourceRef, WeaknessKind};
use serde_json::{Value, json};

use super::Round;
use super::group::Loaded;
use crate::domain::controls::{self, Asked};
use crate::domain::opening::{self, Owned};
use crate::domain::plan::Plan;
use crate::domain::record::RecordId;
use crate::domain::record_fact::FactName;
use crate::store::accounts::AccountRow;
use crate::store::audit::Event;
use crate::store::facts::NewFact;
use crate::store::findings::FindingRow;
use crate::store::milestones::NewMilestone;
use crate::store::time::stamp;
use crate::store::{AnyConnection, Result, facts, from_json, milestones, to_json};

/// Lays it down; gives the event that tells of it.
pub(super) fn lay(
    conn: &mut AnyConnection,
    round: &Round<'_>,
    group: &Loaded,
    plan: &Plan,
    id: i64,
) -> Result<Event> {
    let (now, actor) = (round.now, round.actor);
    let rows: Vec<&FindingRow> = plan
        .attach
        .iter()
        .filter_map(|i| group.findings.get(*i))
        .collect();
    let mut body = json!({});
    for (name, value, why) in known(round, group, &rows)? {
        // What our own rules give has the form of its name, or is left out.
        let Ok(value) = name.check(&value) else {
            continue;
        };
        let row = NewFact {
            record_id: id,
            name: name.as_str().to_owned(),
            value: to_json(&value)?,
            why: why.clone(),
            actor: actor.to_owned(),
            at: stamp(now),
        };
        facts::insert(conn, &row)?;
        body[name.as_str()] = json!({ "value": value, "why": why });
    }
    let fix = opening::plan(&remediation(&rows), &group.weakness, group.kind);
    let mut steps = Vec::new();
    for (number, (description, due)) in
        (1..).zip(opening::milestones(now.date_naive(), plan.facts.due, &fix))
    {
        steps.push(json!({ "number": number, "text": description, "due": due }));
        milestones::insert(
            conn,
            &NewMilestone {
                record_id: id,
                number,
                description,
                due,
                actor: actor.to_owned(),
                at: stamp(now),
            },
        )?;
    }
    body["milestones"] = Value::Array(steps);
    Ok(Event {
        at: now,
        actor: actor.to_owned(),
        kind: "record.planned",
        subject: RecordId(id).to_string(),
        body,
    })
}

type Known = Vec<(FactName, Value, String)>;

fn known(round: &Round<'_>, group: &Loaded, rows: &[&FindingRow]) -> Result<Known> {
    let mut requirements: Vec<String> = Vec::new();
    let mut tags: Vec<BTreeMap<String, String>> = Vec::new();
    let (mut technology, mut ports) = (String::new(), false);
    for row in rows {
        let what = format!("finding {}", row.fingerprint);
        requirements.extend(from_json::<Vec<String>>(&what, &row.requirements)?);
        if !row.detail.is_empty() {
            let detail: Detail = from_json(&what, &row.detail)?;
            ports |= !detail.ports.is_empty();
            tags.push(detail.tags);
        }
        if technology.is_empty() {
            let resources: Vec<ResourceRef> = from_json(&what, &row.resources)?;
            let primary = resources.into_iter().find(|r| r.id == row.arn);
            technology = primary.and_then(|r| r.technology).unwrap_or_default();
        }
    }
    let account = round.around.watched.get(&group.account);
    let contacts = account
        .map(AccountRow::contacts)
        .transpose()?
        .unwrap_or_default();
    let source = rows.first().map_or("", |row| row.source.as_str());
    let (ids, why) = controls::controls(&Asked {
        requirements: &requirements,
        weakness: &group.weakness,
        source,
        kind: match group.kind {
            _ if source != "inspector" => None,
            WeaknessKind::Vulnerability => Some("PACKAGE_VULNERABILITY"),
            _ if ports => Some("NETWORK_REACHABILITY"),
            _ => Some("CODE_VULNERABILITY"),
        },
        baseline: round.rules.baseline,
    });
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let advice = remediation(rows);
    let told = if advice.is_empty() {
        "no source says how"
    } else {
        "the source's advice"
    };
    let plan = opening::plan(&advice, &group.weakness, group.kind);
    let mut known = vec![
        (FactName::Plan, Value::from(plan), told.to_owned()),
        (FactName::Controls, json!(ids), why),
    ];
    let owned = Owned {
        account: &group.account,
        label: account.map_or("", |a| a.label.as_str()),
        technology: &technology,
        tags: &tags,
        contacts: &contacts,
    };
    if let Some((who, why)) = opening::contact(&round.rules.contacts, &owned) {
        known.push((FactName::Contact, Value::from(who), why));
    }
    Ok(known)
}

/// The advice of the first finding that has one; findings are in the order of their fingerprints.
fn remediation(rows: &[&FindingRow]) -> String {
    let advice = rows.iter().map(|row| row.remediation.trim());
    advice
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
        .to_owned()
}
