//! What OCSF says beyond the common words: vulnerabilities, evidences, tags.

use poamd_contract::detail::{self, Attack, Detail, Fix, Flaw};

use super::Ocsf;
use super::shape::{Cvss, Endpoint, Evidence, Package, Vulnerability};
use crate::attack::{Story, network, place, port, provider};
use crate::flaw::{
    cves, cves_of, cwes, known, millionths, place as code_place, rating, references, version,
};
use crate::lenient::{Part, Text};
use crate::marks::{short, some};
use crate::product::{Maker, Product};
use crate::reach::{of_title, tags};

impl Ocsf<'_> {
    pub(super) fn detail(&self, product: &Product<'_>, title: &str) -> Detail {
        let network = |t: &Text<'_>| t.text().ends_with("Network Reachability");
        let reach = product.maker == Maker::Inspector && self.info.types.items.iter().any(network);
        let (ports, reachable) = if reach {
            of_title(title)
        } else {
            Default::default()
        };
        Detail {
            flaw: self.flaw(),
            attack: self.attack(),
            tags: tags(self.resources.items.first().map(|r| &r.tags)),
            ports,
            reachable,
        }
    }

    fn flaw(&self) -> Option<Flaw> {
        let all = &self.vulnerabilities.items;
        let first = all.first()?;
        let ids: Vec<String> = all.iter().flat_map(|v| ids(v)).collect();
        let mut packages: Vec<_> = all.iter().flat_map(|v| &v.packages.items).collect();
        packages.retain(|p| !p.name.text().is_empty());
        packages.truncate(32);
        let mut packages: Vec<_> = packages.into_iter().map(|p| package(p)).collect();
        packages.extend(all.iter().flat_map(|v| &v.code.items).filter_map(|c| {
            let path = [&c.file.path, &c.file.name];
            let path = path.into_iter().find(|leaf| !leaf.text().is_empty())?;
            code_place(path.text(), &c.start, &c.end)
        }));
        let weaknesses = all.iter().flat_map(|v| {
            let many = v.cve.cwes.items.iter().map(|c| c.uid.text());
            [v.cwe.uid.text(), v.cve.cwe_uid.text(), v.cve.cwe.uid.text()]
                .into_iter()
                .chain(many)
        });
        let addresses = [&first.references, &first.cve.references];
        let addresses = addresses.into_iter().flat_map(|l| &l.items).map(Text::text);
        known(Flaw {
            cves: cves(ids.iter().map(String::as_str)),
            cwes: cwes(weaknesses),
            cvss: first
                .cve
                .cvss
                .items
                .iter()
                .filter_map(|c| cvss(c))
                .collect(),
            epss: millionths(&first.cve.epss.score),
            exploit: first.exploit.value,
            exploited_at: first.exploited_dt.value.or(first.exploited.value),
            fix: first
                .fix
                .value
                .map(|fix| if fix { Fix::Yes } else { Fix::No }),
            packages,
            vendor: some(first.vendor.text(), 128),
            vendor_severity: some(first.severity.text(), 64),
            references: references(addresses),
            ..Flaw::default()
        })
    }

    fn attack(&self) -> Option<Attack> {
        let mut story = Story::default();
        for evidence in &self.evidences.items {
            of_evidence(&mut story, evidence);
        }
        for attack in &self.info.attacks.items {
            for (kind, named) in [("tactic", &attack.tactic), ("technique", &attack.technique)] {
                let words = format!("{} {}", named.uid.text(), named.name.text());
                story.evidence(kind, &words);
            }
        }
        let attack = story.end()?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float cast saturates"
        )]
        Some(Attack {
            count: self.count.value.map(|n| n as u64),
            ..attack
        })
    }
}

fn ids(of: &Vulnerability<'_>) -> Vec<String> {
    let id = if of.cve.uid.text().is_empty() {
        of.advisory.uid.text()
    } else {
        of.cve.uid.text()
    };
    cves_of(id, of.related.items.iter().map(Text::text))
}

/// Who rated stands in `src_url`, which AWS fills with a name (`NVD`), or in `vendor_name`.
fn cvss(of: &Cvss<'_>) -> Option<detail::Cvss> {
    let by = [of.vendor.text(), of.src.text()];
    let by = by.into_iter().find(|by| !by.is_empty()).unwrap_or_default();
    rating(of.version.text(), of.base.value, of.vector.text(), by)
}

fn package(of: &Package<'_>) -> detail::Package {
    detail::Package {
        name: short(of.name.text(), 256),
        version: version(of.epoch.text(), of.version.text(), of.release.text()),
        fixed_in: some(of.fixed_in.text(), 128).filter(|v| v != "NotAvailable"),
        manager: some(of.manager.text(), 128),
        path: some(of.path.text(), 512),
        remediation: some(of.remediation.description.text(), 256),
    }
}

fn of_evidence(story: &mut Story, of: &Evidence<'_>) {
    let (api, connection) = (&of.api, &of.connection);
    let attack = &mut story.attack;
    let what = [&api.operation, &of.query.hostname];
    let what = what.into_iter().find(|leaf| !leaf.text().is_empty());
    attack.what = attack.what.take().or_else(|| some(what?.text(), 256));
    attack.service = attack
        .service
        .take()
        .or_else(|| some(api.service.name.text(), 128));
    attack.direction = attack
        .direction
        .take()
        .or_else(|| some(connection.direction.text(), 128));
    attack.protocol = attack
        .protocol
        .take()
        .or_else(|| some(connection.protocol.text(), 128));
    let user = &of.actor.user;
    story.target("user", user.name.text());
    story.target("user type", user.kind.text());
    story.target("access key", user.credential.text());
    let path = [&of.process.path, &of.process.name];
    let path = path.into_iter().find(|leaf| !leaf.text().is_empty());
    story.evidence("process", path.map_or("", Text::text));
    // Where it comes from or goes to is the side whose place is known; without one, the source.
    let placed = |e: &Part<Endpoint<'_>>| e.location.present || e.network.present;
    let (far, near) = if placed(&of.dst) && !placed(&of.src) {
        (&of.dst, &of.src)
    } else {
        (&of.src, &of.dst)
    };
    story.attack.local_port = story.attack.local_port.or_else(|| port(&near.port));
    story.target("address", near.ip.text());
    story.actor(actor(far));
}

fn actor(of: &Endpoint<'_>) -> detail::Actor {
    let location = &of.location;
    // GeoJSON's order: longitude, latitude.
    let pair = |at: usize| location.coordinates.items.get(at).and_then(|n| n.value);
    let domain = [&of.domain, &of.hostname];
    let domain = domain.into_iter().find(|leaf| !leaf.text().is_empty());
    detail::Actor {
        address: some(of.ip.text(), 128),
        domain: domain.and_then(|leaf| some(leaf.text(), 256)),
        port: port(&of.port),
        country: some(location.country.text(), 128),
        city: some(location.city.text(), 128),
        place: place(
            location.lat.value.or_else(|| pair(1)),
            location.long.value.or_else(|| pair(0)),
        ),
        network: network(of.network.number.text(), of.network.name.text()),
        provider: provider(location.isp.text(), location.provider.text()),
        ..detail::Actor::default()
    }
}
