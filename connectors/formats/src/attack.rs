//! Who did what from where: GuardDuty's actions and sequences in the contract's words, bounded.

mod fields;
mod shape;

use poamd_contract::detail::{Actor, Attack};

pub(crate) use fields::of_fields;
pub(crate) use shape::{Action, Detection, Sequence};
use shape::{Connection, Endpoint, Probe, RemoteIp};

use crate::lenient::{Number, Text};
use crate::marks::{short, some};

/// Remote sides, facts of the target, and things it rests on; what stands behind them is in the raw document.
const ACTORS: usize = 32;
const FACTS: usize = 24;
const EVIDENCE: usize = 32;
/// Characters of a word and of a line.
const WORD: usize = 128;
const LINE: usize = 256;

/// Writes into an attack within its bounds.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub(crate) attack: Attack,
}

impl Story {
    /// A further remote side, once.
    pub(crate) fn actor(&mut self, actor: Actor) {
        let actors = &mut self.attack.actors;
        if actor != Actor::default() && actors.len() < ACTORS && !actors.contains(&actor) {
            actors.push(actor);
        }
    }

    /// A fact of what was attacked or used; the first of a name stays.
    pub(crate) fn target(&mut self, name: &str, value: &str) {
        let target = &mut self.attack.target;
        if let Some(value) = some(value, LINE)
            && target.len() < FACTS
        {
            target.entry(name.to_owned()).or_insert(value);
        }
    }

    /// `kind: words`, once.
    pub(crate) fn evidence(&mut self, kind: &str, words: &str) {
        let evidence = &mut self.attack.evidence;
        if let Some(words) = some(words, LINE) {
            let line = format!("{kind}: {words}");
            if evidence.len() < EVIDENCE && !evidence.contains(&line) {
                evidence.push(line);
            }
        }
    }

    /// `None` if nothing is known.
    pub(crate) fn end(self) -> Option<Attack> {
        (self.attack != Attack::default()).then_some(self.attack)
    }

    pub(crate) fn of_action(&mut self, action: &Action<'_>) {
        self.attack.action = short(action.kind.text(), WORD);
        let call = &action.call;
        self.attack.what = some(call.api.text(), LINE);
        self.attack.service = some(call.service.text(), WORD);
        self.evidence("caller", call.caller.text());
        self.evidence("error", call.error.text());
        self.evidence("agent", call.agent.text());
        self.evidence("remote account", call.account.id.text());
        self.actor(Actor {
            domain: some(call.domain.domain.text(), LINE),
            ..remote(&call.remote)
        });
        self.of_connection(&action.connection);
        let dns = &action.dns;
        self.what(&dns.domain);
        self.protocol(&dns.protocol);
        self.blocked(dns.blocked.value);
        self.of_probe(&action.probe);
        let kubernetes = &action.kubernetes;
        let request = format!("{} {}", kubernetes.verb.text(), kubernetes.uri.text());
        self.attack.what = self.attack.what.take().or_else(|| some(&request, LINE));
        self.actor(remote(&kubernetes.remote));
        self.actor(remote(&action.login.remote));
    }

    fn of_connection(&mut self, connection: &Connection<'_>) {
        self.attack.direction = some(connection.direction.text(), WORD);
        self.protocol(&connection.protocol);
        self.blocked(connection.blocked.value);
        self.attack.local_port = port(&connection.local_port.port);
        self.actor(Actor {
            port: port(&connection.remote_port.port),
            ..remote(&connection.remote)
        });
    }

    fn of_probe(&mut self, probe: &Probe<'_>) {
        self.blocked(probe.blocked.value);
        for probed in &probe.probes.items {
            let port = port(&probed.local_port.port);
            self.attack.local_port = self.attack.local_port.or(port);
            if let Some(port) = port {
                self.evidence("probed port", &port.to_string());
            }
            self.actor(remote(&probed.remote));
        }
    }

    pub(crate) fn of_sequence(&mut self, sequence: &Sequence<'_>) {
        for actor in &sequence.actors.items {
            let user = &actor.user;
            self.actor(Actor {
                user: some(user.name.text(), LINE).or_else(|| some(user.uid.text(), LINE)),
                ..Actor::default()
            });
            self.target("user", user.name.text());
            self.target("user type", user.kind.text());
            self.target("access key", user.credential.text());
        }
        for endpoint in &sequence.endpoints.items {
            self.actor(of_endpoint(endpoint));
        }
        for signal in &sequence.signals.items {
            let name = [&signal.name, &signal.title]
                .into_iter()
                .find(|leaf| !leaf.text().is_empty());
            let words = format!("{} {}", signal.kind.text(), name.map_or("", Text::text));
            self.evidence("signal", &words);
        }
        for indicator in &sequence.indicators.items {
            let kind = match indicator.key.text() {
                "ATTACK_TACTIC" => "tactic".to_owned(),
                "ATTACK_TECHNIQUE" => "technique".to_owned(),
                key => short(&key.to_lowercase().replace('_', " "), WORD),
            };
            if indicator.values.items.is_empty() {
                self.evidence("indicator", &kind);
            }
            for value in &indicator.values.items {
                self.evidence(&kind, value.text());
            }
        }
    }

    fn what(&mut self, leaf: &Text<'_>) {
        let what = self.attack.what.take();
        self.attack.what = what.or_else(|| some(leaf.text(), LINE));
    }

    fn protocol(&mut self, leaf: &Text<'_>) {
        let protocol = self.attack.protocol.take();
        self.attack.protocol = protocol.or_else(|| some(leaf.text(), WORD));
    }

    fn blocked(&mut self, flag: Option<bool>) {
        self.attack.blocked = self.attack.blocked.or(flag);
    }
}

fn remote(of: &RemoteIp<'_>) -> Actor {
    let address = [&of.v4, &of.v6]
        .into_iter()
        .find(|leaf| !leaf.text().is_empty());
    Actor {
        address: address.and_then(|leaf| some(leaf.text(), WORD)),
        country: some(of.country.name.text(), WORD),
        country_code: some(of.country.code.text(), 8),
        city: some(of.city.name.text(), WORD),
        place: place(of.place.lat.value, of.place.lon.value),
        network: network(of.network.asn.text(), of.network.name.text()),
        provider: provider(of.network.isp.text(), of.network.org.text()),
        ..Actor::default()
    }
}

fn of_endpoint(of: &Endpoint<'_>) -> Actor {
    Actor {
        address: some(of.ip.text(), WORD),
        domain: some(of.domain.text(), LINE),
        port: port(&of.port),
        country: some(of.location.country.text(), WORD),
        city: some(of.location.city.text(), WORD),
        place: place(of.location.lat.value, of.location.lon.value),
        network: network(of.network.number.text(), of.network.name.text()),
        ..Actor::default()
    }
}

/// `AS64500 Example Net`.
pub(crate) fn network(number: &str, name: &str) -> Option<String> {
    let number = match number.trim().trim_start_matches("AS") {
        "" | "0" => String::new(),
        number => format!("AS{number} "),
    };
    some(&format!("{number}{}", name.trim()), LINE)
}

pub(crate) fn provider(isp: &str, org: &str) -> Option<String> {
    some(if isp.trim().is_empty() { org } else { isp }, LINE)
}

/// Latitude and longitude in millionths of a degree, both or none.
pub(crate) fn place(lat: Option<f64>, lon: Option<f64>) -> Option<(i32, i32)> {
    let (lat, lon) = (lat?, lon?);
    #[allow(
        clippy::cast_possible_truncation,
        reason = "within 180 million by the check above it"
    )]
    ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon))
        .then(|| ((lat * 1e6).round() as i32, (lon * 1e6).round() as i32))
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 65,535 by the check above it"
)]
pub(crate) fn port(number: &Number) -> Option<u16> {
    let number = number.value?;
    (number.fract() == 0.0 && (0.0..=65535.0).contains(&number)).then_some(number as u16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_outside_the_earth_are_none() {
        assert_eq!(
            place(Some(38.9072), Some(-77.0369)),
            Some((38_907_200, -77_036_900))
        );
        for (lat, lon) in [
            (Some(91.0), Some(0.0)),
            (Some(0.0), Some(-180.5)),
            (Some(f64::NAN), Some(0.0)),
            (Some(1.0), None),
        ] {
            assert_eq!(place(lat, lon), None);
        }
    }

    #[test]
    fn both_cases_tell_the_same_story() {
        let wire = r#"{"actionType":"NETWORK_CONNECTION","networkConnectionAction":{"connectionDirection":"INBOUND","protocol":"TCP","blocked":false,
            "localPortDetails":{"port":22,"portName":"SSH"},"remotePortDetails":{"port":51234},
            "remoteIpDetails":{"ipAddressV4":"198.51.100.7","country":{"countryName":"Examplia","countryCode":"EX"},"city":{"cityName":"Sample"},
            "geoLocation":{"lat":10.5,"lon":-20.25},"organization":{"asn":"64500","asnOrg":"Example Net","isp":"ISP","org":"Org"}}}}"#;
        let asff = r#"{"ActionType":"NETWORK_CONNECTION","NetworkConnectionAction":{"ConnectionDirection":"INBOUND","Protocol":"TCP","Blocked":false,
            "LocalPortDetails":{"Port":22,"PortName":"SSH"},"RemotePortDetails":{"Port":51234},
            "RemoteIpDetails":{"IpAddressV4":"198.51.100.7","Country":{"CountryName":"Examplia","CountryCode":"EX"},"City":{"CityName":"Sample"},
            "GeoLocation":{"Lat":10.5,"Lon":-20.25},"Organization":{"Asn":64500,"AsnOrg":"Example Net","Isp":"ISP","Org":"Org"}}}}"#;
        let told = [wire, asff].map(|text| {
            let mut story = Story::default();
            story.of_action(&serde_json::from_str(text).unwrap());
            story.end().unwrap()
        });
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0].local_port, Some(22));
        assert_eq!(
            told[0].actors,
            [Actor {
                address: Some("198.51.100.7".into()),
                port: Some(51234),
                country: Some("Examplia".into()),
                country_code: Some("EX".into()),
                city: Some("Sample".into()),
                place: Some((10_500_000, -20_250_000)),
                network: Some("AS64500 Example Net".into()),
                provider: Some("ISP".into()),
                ..Actor::default()
            }]
        );
    }

    #[test]
    fn it_has_bounds() {
        let mut story = Story::default();
        for n in 0..1000 {
            story.actor(Actor {
                address: Some(format!("198.51.100.{n}")),
                ..Actor::default()
            });
            story.target(&format!("fact {n}"), &"x".repeat(1000));
            story.evidence("process", &format!("{n}{}", "x".repeat(1000)));
        }
        let attack = story.end().unwrap();
        assert_eq!(
            (
                attack.actors.len(),
                attack.target.len(),
                attack.evidence.len()
            ),
            (ACTORS, FACTS, EVIDENCE)
        );
        assert!(attack.target.values().all(|v| v.chars().count() <= LINE));
    }
}
