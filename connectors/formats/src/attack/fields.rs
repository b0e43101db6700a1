//! GuardDuty's findings in ASFF: what has no place there stands in `ProductFields`, under paths such as
//! `aws/guardduty/service/action/portProbeAction/portProbeDetails.0_/remoteIpDetails/country/countryName`.

use std::collections::BTreeMap;

use poamd_contract::detail::Actor;

use super::{LINE, Story, WORD, network, place, provider};
use crate::marks::{short, some};

/// What is said of one remote side, by its path.
#[derive(Default)]
struct Remote<'a> {
    actor: Actor,
    lat: Option<f64>,
    lon: Option<f64>,
    asn: &'a str,
    asn_name: &'a str,
    isp: &'a str,
    org: &'a str,
}

/// Paths behind `aws/guardduty/service/`, and their values.
pub(crate) fn of_fields<'a>(story: &mut Story, fields: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut remotes: BTreeMap<&str, Remote<'_>> = BTreeMap::new();
    for (path, value) in fields {
        match path.strip_prefix("action/") {
            Some("actionType") => story.attack.action = short(value, WORD),
            Some(rest) => of_action(story, &mut remotes, rest, value),
            None => of_service(story, path, value),
        }
    }
    for remote in remotes.into_values() {
        story.actor(Actor {
            place: place(remote.lat, remote.lon),
            network: network(remote.asn, remote.asn_name),
            provider: provider(remote.isp, remote.org),
            ..remote.actor
        });
    }
}

fn of_service(story: &mut Story, path: &str, value: &str) {
    match path {
        "count" => story.attack.count = value.parse().ok(),
        "resourceRole" => story.target("role", value),
        "featureName" => story.evidence("feature", value),
        _ if path.ends_with("threatListName") => story.evidence("threat list", value),
        _ if path.contains("threatNames") || path.ends_with("threatName") => {
            story.evidence("threat", value);
        }
        _ => {}
    }
}

fn of_action<'a>(
    story: &mut Story,
    remotes: &mut BTreeMap<&'a str, Remote<'a>>,
    path: &'a str,
    value: &'a str,
) {
    if let Some((group, field)) = path.split_once("remoteIpDetails/") {
        of_remote(remotes.entry(group).or_default(), field, value);
        return;
    }
    if let Some(group) = path.strip_suffix("remotePortDetails/port") {
        remotes.entry(group).or_default().actor.port = value.parse().ok();
        return;
    }
    let Some((_, field)) = path.split_once('/') else {
        return;
    };
    let attack = &mut story.attack;
    match field {
        "api" => attack.what = some(value, LINE),
        "domain" => attack.what = attack.what.take().or_else(|| some(value, LINE)),
        "serviceName" => attack.service = some(value, WORD),
        "callerType" => story.evidence("caller", value),
        "protocol" => attack.protocol = some(value, WORD),
        "connectionDirection" => attack.direction = some(value, WORD),
        "blocked" => attack.blocked = value.parse().ok(),
        _ if field.ends_with("localPortDetails/port") => {
            attack.local_port = attack.local_port.or_else(|| value.parse().ok());
        }
        _ => {}
    }
}

fn of_remote<'a>(remote: &mut Remote<'a>, field: &str, value: &'a str) {
    let actor = &mut remote.actor;
    match field {
        "ipAddressV4" | "ipAddressV6" => {
            actor.address = actor.address.take().or_else(|| some(value, WORD));
        }
        "country/countryName" => actor.country = some(value, WORD),
        "country/countryCode" => actor.country_code = some(value, 8),
        "city/cityName" => actor.city = some(value, WORD),
        "geoLocation/lat" => remote.lat = value.parse().ok(),
        "geoLocation/lon" => remote.lon = value.parse().ok(),
        "organization/asn" => remote.asn = value,
        "organization/asnOrg" => remote.asn_name = value,
        "organization/isp" => remote.isp = value,
        "organization/org" => remote.org = value,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_probe_has_its_own_remote_side() {
        let fields = [
            ("action/actionType", "PORT_PROBE"),
            ("action/portProbeAction/blocked", "false"),
            (
                "action/portProbeAction/portProbeDetails.0_/localPortDetails/port",
                "80",
            ),
            (
                "action/portProbeAction/portProbeDetails.0_/remoteIpDetails/ipAddressV4",
                "198.51.100.7",
            ),
            (
                "action/portProbeAction/portProbeDetails.0_/remoteIpDetails/geoLocation/lat",
                "1.5",
            ),
            (
                "action/portProbeAction/portProbeDetails.0_/remoteIpDetails/geoLocation/lon",
                "2",
            ),
            (
                "action/portProbeAction/portProbeDetails.1_/remoteIpDetails/ipAddressV4",
                "198.51.100.8",
            ),
            (
                "action/portProbeAction/portProbeDetails.1_/remoteIpDetails/organization/asn",
                "64500",
            ),
            (
                "action/portProbeAction/portProbeDetails.1_/remoteIpDetails/organization/asnOrg",
                "Example Net",
            ),
            (
                "evidence/threatIntelligenceDetails.0_/threatListName",
                "ProofPoint",
            ),
            ("count", "5"),
        ];
        let mut story = Story::default();
        of_fields(&mut story, fields.into_iter());
        let attack = story.end().unwrap();
        assert_eq!((attack.count, attack.local_port), (Some(5), Some(80)));
        assert_eq!(attack.blocked, Some(false));
        assert_eq!(attack.actors[0].place, Some((1_500_000, 2_000_000)));
        assert_eq!(attack.actors[1].address.as_deref(), Some("198.51.100.8"));
        assert_eq!(
            attack.actors[1].network.as_deref(),
            Some("AS64500 Example Net")
        );
        assert_eq!(attack.evidence, ["threat list: ProofPoint"]);
    }
}
