//! Suricata's EVE records, one JSON object a line. An alert is an incident of its signature on the internal side of
//! the connection; everything else (flows, DNS, statistics) is traffic, and passed over. EVE knows no account:
//! `Given` says whose network the sensor stands in.

use std::net::IpAddr;

use poamd_contract::detail::{Actor, Attack, Detail};
use poamd_contract::finding::{FindingReport, Identity, Signal, WeaknessKind};
use poamd_contract::severity::Severity;
use poamd_contract::source::Page;
use serde::Deserialize;

use crate::attack::{Story, port};
use crate::document::{Document, NO_ACCOUNT, NO_ID};
use crate::given::Given;
use crate::lenient::{List, Number, Part, Text, Time};
use crate::marks::{Marks, TITLE, short, some};
use crate::origin::Clues;
use crate::resource::{Named, place};
use crate::weakness::weakness;

/// Before the account in the name of a sensor: no ARN begins so.
const PRODUCT: &str = "suricata/";

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Eve<'a> {
    timestamp: Time,
    event_type: Text<'a>,
    src_ip: Text<'a>,
    src_port: Number,
    dest_ip: Text<'a>,
    dest_port: Number,
    /// Of the packet (since Suricata 7): `to_server`, `to_client`.
    direction: Text<'a>,
    proto: Text<'a>,
    app_proto: Text<'a>,
    host: Text<'a>,
    in_iface: Text<'a>,
    alert: Part<Alert<'a>>,
    http: Part<Http<'a>>,
    tls: Part<Tls<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Alert<'a> {
    action: Text<'a>,
    gid: Text<'a>,
    signature_id: Text<'a>,
    signature: Text<'a>,
    category: Text<'a>,
    severity: Number,
    metadata: Part<Metadata<'a>>,
}

/// What writers of rules say of them: lists, as EVE has them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Metadata<'a> {
    signature_severity: List<Text<'a>, 4>,
    mitre_tactic_id: List<Text<'a>, 8>,
    mitre_technique_id: List<Text<'a>, 8>,
    malware_family: List<Text<'a>, 8>,
    cve: List<Text<'a>, 8>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Http<'a> {
    hostname: Text<'a>,
    http_user_agent: Text<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Tls<'a> {
    sni: Text<'a>,
}

/// One end of the connection. Its port is that of the service, and none on the side that calls: a client's is drawn anew
/// with each connection and says nothing of the incident.
struct End<'a> {
    address: &'a str,
    port: Option<u16>,
}

impl<'a> Document<'a> for Eve<'a> {
    fn is_like(&self) -> bool {
        self.event_type.value.is_some()
    }

    fn is_finding(&self) -> bool {
        self.event_type.text() == "alert"
    }

    fn report(&self, given: &Given, mut marks: Marks) -> Result<FindingReport, &'static str> {
        let alert = &self.alert;
        let signature = alert.signature_id.text();
        if signature.is_empty() || self.dest_ip.text().is_empty() && self.src_ip.text().is_empty() {
            return Err(NO_ID);
        }
        // What the sensor's place is, the one who feeds its records says.
        let origin = Clues {
            account: given.account.as_ref().map_or("", |a| a.as_str()),
            region: given.region.as_ref().map_or("", |r| r.as_str()),
            ..Clues::default()
        };
        let origin = origin.settle(given, &mut marks).ok_or(NO_ACCOUNT)?;
        let (near, far, direction) = self.ends();
        let address = short(near.address, 64);
        let generator = if alert.gid.text().is_empty() {
            "1"
        } else {
            alert.gid.text()
        };
        let rule = format!("{}:{}", short(generator, 16), short(signature, 32));
        let resource = Named {
            id: address.as_str().into(),
            kind: "NetworkAddress",
            ..Named::default()
        };
        let resource = resource.reference(&origin, &mut marks);
        let region = place(&origin, None, None);
        let at = marks.time("updated", &self.timestamp);
        if at.is_none() {
            marks.add("updated-missing");
        }
        Ok(FindingReport {
            source: "suricata".to_owned(),
            channel: given.channel,
            native_id: format!("suricata/{region}/{rule}/{address}"),
            identity: Identity::Product {
                product_arn: format!("{PRODUCT}{}/{region}", origin.account),
                id: format!("{rule}/{address}"),
            },
            weakness: weakness(
                WeaknessKind::Incident,
                &format!("suricata/{rule} on {address}"),
            ),
            title: marks.required("title", &alert.signature, TITLE),
            description: self.description(&rule),
            remediation: String::new(),
            severity: self.severity(&mut marks),
            score: None,
            requirements: Vec::new(),
            first_observed: at,
            last_observed: at,
            created: None,
            updated: at,
            signal: Signal::Open,
            sample: false,
            detail: Box::new(Detail {
                attack: Some(self.attack(&near, &far, direction)),
                ..Detail::default()
            }),
            region,
            account: origin.account,
            partition: origin.partition,
            resources: vec![resource],
            marks: marks.into_list(),
            raw: None,
        })
    }
}

impl Eve<'_> {
    /// The internal end, the other one, and which way it went. Between two of a kind the destination is ours:
    /// it is what was attacked.
    fn ends(&self) -> (End<'_>, End<'_>, &'static str) {
        let (calls, answers) = self.ports();
        let src = End {
            address: self.src_ip.text(),
            port: calls,
        };
        let dest = End {
            address: self.dest_ip.text(),
            port: answers,
        };
        let outwards = is_internal(src.address) && !is_internal(dest.address);
        if outwards || dest.address.is_empty() {
            (src, dest, "OUTBOUND")
        } else {
            (dest, src, "INBOUND")
        }
    }

    /// The port of the source and of the destination, only the service's of the two.
    fn ports(&self) -> (Option<u16>, Option<u16>) {
        if self.direction.text() == "to_client" {
            (port(&self.src_port), None)
        } else {
            (None, port(&self.dest_port))
        }
    }

    /// No addresses of the other side and no times: the next alert of the same incident says the same.
    fn description(&self, rule: &str) -> String {
        let category = short(self.alert.category.text(), 256);
        let protocol = short(self.proto.text(), 32);
        let (calls, answers) = self.ports();
        let port = calls.or(answers);
        let port = port.map_or(String::new(), |p| format!(" port {p}"));
        let words = [
            category.as_str(),
            &format!("Suricata rule {rule}, {protocol}{port}."),
        ];
        let words: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
        words.join(". ")
    }

    /// Suricata counts from 1, the worst; a rule's writers may call it critical.
    fn severity(&self, marks: &mut Marks) -> Option<Severity> {
        let critical = self.alert.metadata.signature_severity.items.iter();
        let critical = critical.map(Text::text).any(|word| word == "Critical");
        #[allow(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        match self.alert.severity.value.map(|n| n as i64) {
            Some(1) if critical => Some(Severity::Critical),
            Some(1) => Some(Severity::High),
            Some(2) => Some(Severity::Medium),
            Some(3) => Some(Severity::Low),
            Some(n) if n > 3 => Some(Severity::Informational),
            _ => {
                marks.add("severity-missing");
                None
            }
        }
    }

    fn attack(&self, near: &End<'_>, far: &End<'_>, direction: &str) -> Attack {
        let alert = &self.alert;
        let mut story = Story::default();
        story.attack.action = "alert".to_owned();
        story.attack.what = some(alert.signature.text(), 256);
        story.attack.service = some(self.app_proto.text(), 128).filter(|p| p != "failed");
        story.attack.protocol = some(self.proto.text(), 32);
        story.attack.direction = Some(direction.to_owned());
        story.attack.local_port = near.port;
        story.attack.blocked = match alert.action.text() {
            "blocked" => Some(true),
            "allowed" => Some(false),
            _ => None,
        };
        story.attack.count = Some(1);
        let domain = [&self.http.hostname, &self.tls.sni];
        let domain = domain.into_iter().find(|leaf| !leaf.text().is_empty());
        story.actor(Actor {
            address: some(far.address, 64),
            port: far.port,
            domain: domain.and_then(|leaf| some(leaf.text(), 256)),
            ..Actor::default()
        });
        story.target("address", near.address);
        story.target("sensor", self.host.text());
        story.target("interface", self.in_iface.text());
        story.evidence("category", alert.category.text());
        story.evidence("agent", self.http.http_user_agent.text());
        let said = &alert.metadata;
        for (kind, list) in [("threat", &said.malware_family), ("cve", &said.cve)] {
            for text in &list.items {
                story.evidence(kind, text.text());
            }
        }
        let tactics = [
            ("tactic", &said.mitre_tactic_id),
            ("technique", &said.mitre_technique_id),
        ];
        for (kind, list) in tactics {
            for text in &list.items {
                story.evidence(kind, text.text());
            }
        }
        story.end().unwrap_or_default()
    }
}

/// Addresses that are nobody's on the internet: private ones, shared ones, of the link, of the machine.
fn is_internal(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(ip)) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private() || ip.is_link_local() || ip.is_loopback() || shared
        }
        Ok(IpAddr::V6(ip)) => {
            ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback()
        }
        Err(_) => false,
    }
}

/// Whether a report is of a file of alerts: each of them is seen the first time when it is seen.
pub(crate) fn is_alert(report: &FindingReport) -> bool {
    matches!(&report.identity, Identity::Product { product_arn, .. } if product_arn.starts_with(PRODUCT))
}

/// The alerts of one incident on a page become one report: the newest, with the first time, their number, and
/// everybody who took part. A scan of an hour is thousands of lines. What was recognised between them stays there.
pub(crate) fn fold(page: &mut Page) {
    let reports = &mut page.reports;
    if !reports.iter().any(is_alert) {
        return;
    }
    let mut places = std::collections::HashMap::new();
    let mut out: Vec<FindingReport> = Vec::with_capacity(reports.len());
    let mut recognised = page.recognised.iter_mut().peekable();
    for (at, report) in reports.drain(..).enumerate() {
        while let Some(one) = recognised.next_if(|one| one.before <= at) {
            one.before = out.len();
        }
        if !is_alert(&report) {
            out.push(report);
            continue;
        }
        let key = (report.account.clone(), report.native_id.clone());
        match places.get(&key) {
            Some(at) => join(&mut out[*at], report),
            None => {
                places.insert(key, out.len());
                out.push(report);
            }
        }
    }
    recognised.for_each(|one| one.before = out.len());
    *reports = out;
    // In which order they came is no news.
    for report in reports.iter_mut().filter(|r| is_alert(r)) {
        if let Some(attack) = &mut report.detail.attack {
            let key = |a: &Actor| (a.address.clone(), a.domain.clone());
            attack.actors.sort_by_cached_key(key);
        }
    }
}

fn join(known: &mut FindingReport, further: FindingReport) {
    let (newer, older) = if further.updated >= known.updated {
        let older = std::mem::replace(known, further);
        (known, older)
    } else {
        (known, further)
    };
    let first = [newer.first_observed, older.first_observed];
    newer.first_observed = first.into_iter().flatten().min();
    if let (Some(attack), Some(before)) = (&mut newer.detail.attack, older.detail.attack) {
        let count = attack.count.unwrap_or(1) + before.count.unwrap_or(1);
        let mut story = Story {
            attack: std::mem::take(attack),
        };
        story.attack.count = Some(count);
        before.actors.into_iter().for_each(|a| story.actor(a));
        *attack = story.attack;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use poamd_contract::finding::Channel;
    use poamd_contract::source::Recognised;

    use super::*;

    fn given() -> Given {
        Given {
            channel: Channel::File,
            account: Some("210987654321".parse().unwrap()),
            region: Some("us-gov-west-1".parse().unwrap()),
        }
    }

    fn report(src: &str, dest: &str, alert: &str) -> FindingReport {
        let text = format!(
            r#"{{"timestamp":"2026-11-20T05:12:41.123456+0000","flow_id":1,"in_iface":"eth0","event_type":"alert","src_ip":"{src}","src_port":51234,
            "dest_ip":"{dest}","dest_port":22,"proto":"TCP","app_proto":"ssh","alert":{{"action":"allowed","gid":1,"signature_id":2001219,"rev":20,
            "signature":"ET SCAN Potential SSH Scan","category":"Attempted Information Leak"{alert}}}}}"#
        );
        serde_json::from_str::<Eve<'_>>(&text)
            .unwrap()
            .report(&given(), Marks::default())
            .unwrap()
    }

    #[test]
    fn the_incident_is_on_the_internal_side() {
        for (src, dest, near, far, direction) in [
            (
                "198.51.100.7",
                "10.20.1.25",
                "10.20.1.25",
                "198.51.100.7",
                "INBOUND",
            ),
            (
                "10.20.1.25",
                "198.51.100.7",
                "10.20.1.25",
                "198.51.100.7",
                "OUTBOUND",
            ),
            ("10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.1", "INBOUND"),
            (
                "fd00::1",
                "2001:db8::1",
                "fd00::1",
                "2001:db8::1",
                "OUTBOUND",
            ),
            (
                "100.64.3.2",
                "198.51.100.7",
                "100.64.3.2",
                "198.51.100.7",
                "OUTBOUND",
            ),
        ] {
            let got = report(src, dest, r#","severity":2"#);
            let attack = got.detail.attack.unwrap();
            assert_eq!(got.resources[0].id, near, "{src} {dest}");
            assert_eq!(attack.actors[0].address.as_deref(), Some(far));
            assert_eq!(attack.direction.as_deref(), Some(direction));
            assert_eq!(got.weakness.id, format!("suricata/1:2001219 on {near}"));
        }
        let got = report("198.51.100.7", "10.20.1.25", r#","severity":2"#);
        let attack = got.detail.attack.unwrap();
        assert_eq!((attack.actors[0].port, attack.local_port), (None, Some(22)));
        let got = report("10.20.1.25", "198.51.100.7", r#","severity":2"#);
        let attack = got.detail.attack.unwrap();
        assert_eq!((attack.actors[0].port, attack.local_port), (Some(22), None));
        assert_eq!(
            (got.account.as_str(), got.partition.as_str()),
            ("210987654321", "aws-us-gov")
        );
        assert!(got.marks.is_empty(), "{:?}", got.marks);
    }

    #[test]
    fn the_next_alert_of_an_incident_says_the_same() {
        let said = |src: &str, dest: &str, (from, to): (u16, u16), direction: &str, second: u32| {
            let text = format!(
                r#"{{"timestamp":"2026-11-20T05:12:{second}.123456+0000","event_type":"alert","direction":"{direction}",
                "src_ip":"{src}","src_port":{from},"dest_ip":"{dest}","dest_port":{to},"proto":"TCP",
                "alert":{{"signature_id":1,"signature":"s","category":"c","severity":2}}}}"#
            );
            serde_json::from_str::<Eve<'_>>(&text)
                .unwrap()
                .report(&given(), Marks::default())
                .unwrap()
        };
        let (far, near) = ("198.51.100.7", "10.0.0.1");
        type Way<'a> = (&'a str, &'a str, &'a str, fn(u16) -> (u16, u16));
        let ways: [Way<'_>; 5] = [
            (far, near, "to_server", |n| (n, 22)),
            (far, near, "", |n| (n, 22)),
            (near, far, "to_server", |n| (n, 443)),
            (near, far, "to_client", |n| (80, n)),
            (far, near, "to_client", |n| (443, n)),
        ];
        for (src, dest, direction, ports) in ways {
            let first = said(src, dest, ports(51234), direction, 10);
            let next = said(src, dest, ports(40001), direction, 50);
            let case = format!("{src} {direction}");
            assert!(first.first_observed < next.first_observed);
            assert_eq!(
                (&first.description, &first.detail),
                (&next.description, &next.detail),
                "{case}"
            );
            assert!(first.description.contains(" port "), "{case}");
            assert_eq!(
                crate::content_hash(&first),
                crate::content_hash(&next),
                "{case}"
            );
        }
        let folded = |sides: [&str; 2]| {
            let mut page = Page {
                reports: sides.map(|s| said(s, near, (1, 22), "", 10)).to_vec(),
                ..Page::default()
            };
            fold(&mut page);
            crate::content_hash(&page.reports[0])
        };
        assert_eq!(folded([far, "198.51.100.8"]), folded(["198.51.100.8", far]));
        assert_ne!(folded([far, "198.51.100.8"]), folded([far, far]));
    }

    #[test]
    fn severities_are_the_tables() {
        for (alert, want) in [
            (r#","severity":1"#, Some(Severity::High)),
            (
                r#","severity":1,"metadata":{"signature_severity":["Critical"]}"#,
                Some(Severity::Critical),
            ),
            (r#","severity":2"#, Some(Severity::Medium)),
            (r#","severity":3"#, Some(Severity::Low)),
            (r#","severity":4"#, Some(Severity::Informational)),
            ("", None),
        ] {
            assert_eq!(
                report("198.51.100.7", "10.0.0.1", alert).severity,
                want,
                "{alert}"
            );
        }
    }

    #[test]
    fn alerts_of_one_incident_are_one_report() {
        let reports = (0..100)
            .map(|n| {
                report(
                    &format!("198.51.100.{}", n % 50),
                    "10.0.0.1",
                    r#","severity":2"#,
                )
            })
            .collect();
        let mut page = Page {
            reports,
            ..Page::default()
        };
        let other = report("198.51.100.7", "10.0.0.2", r#","severity":2"#);
        page.reports.push(other);
        page.recognised = [0, 1, 100, 101]
            .into_iter()
            .map(|before| Recognised {
                before,
                sha256: [0; 32],
                bytes: Box::default(),
            })
            .collect();
        fold(&mut page);
        assert_eq!(page.reports.len(), 2);
        let places: Vec<usize> = page.recognised.iter().map(|r| r.before).collect();
        assert_eq!(places, [0, 1, 1, 2]);
        let attack = page.reports[0].detail.attack.as_ref().unwrap();
        assert_eq!((attack.count, attack.actors.len()), (Some(100), 32));
    }
}
