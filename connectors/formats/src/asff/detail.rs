//! What ASFF says beyond the common words: vulnerabilities, actions, tags, ports.

use poamd_contract::detail::{Attack, Detail, Flaw};

use super::Asff;
use super::shape::Vulnerability;
use crate::attack::{Story, of_fields};
use crate::flaw::{cves_of, cvss, cwes, fix, known, millionths, packages, place, references, yes};
use crate::lenient::{Part, Text};
use crate::marks::some;
use crate::product::Maker;
use crate::reach::{of_title, range, tags};

impl Asff<'_> {
    pub(super) fn detail(&self, maker: Maker, title: &str) -> Detail {
        let reach = self.reach(maker, title);
        Detail {
            flaw: self.flaw(),
            attack: self.attack(maker),
            tags: tags(self.resources.items.first().map(|r| &r.tags)),
            ports: reach.0,
            reachable: reach.1,
        }
    }

    /// The first vulnerability names the finding; the others' ids and packages stand beside it.
    fn flaw(&self) -> Option<Flaw> {
        let all = &self.vulnerabilities.items;
        let first = all.first()?;
        let ids = |v: &'_ Part<Vulnerability<'_>>| -> Vec<String> {
            let related = v.related_vulnerabilities.items.iter().map(Text::text);
            cves_of(v.id.text(), related)
        };
        let found: Vec<String> = all.iter().flat_map(ids).collect();
        let code = || all.iter().flat_map(|v| &v.code_vulnerabilities.items);
        let weaknesses = code().flat_map(|c| c.cwes.items.iter().map(Text::text));
        let mut packages = packages(all.iter().flat_map(|v| &v.vulnerable_packages.items));
        packages.extend(code().filter_map(|c| {
            let file = &c.file;
            place(file.path.text(), &file.start, &file.end)
        }));
        let addresses = first.reference_urls.items.iter().map(Text::text);
        known(Flaw {
            cves: crate::flaw::cves(found.iter().map(String::as_str)),
            cwes: cwes(weaknesses),
            cvss: cvss(&first.cvss),
            epss: millionths(&first.epss_score),
            exploit: yes(first.exploit_available.text()),
            exploited_at: first.last_known_exploit_at.value,
            fix: fix(first.fix_available.text()),
            packages,
            vendor: some(first.vendor.name.text(), 128),
            vendor_severity: some(first.vendor.vendor_severity.text(), 64),
            references: references(addresses.chain([first.vendor.url.text()])),
            ..Flaw::default()
        })
    }

    fn attack(&self, maker: Maker) -> Option<Attack> {
        let guardduty = maker == Maker::GuardDuty;
        if !guardduty && self.action.is_none() && self.threats.items.is_empty() {
            return None;
        }
        let mut story = Story::default();
        if let Some(action) = &self.action {
            story.of_action(action);
        }
        if guardduty && self.action.is_none() {
            of_fields(&mut story, self.product_fields.guardduty_paths());
        } else {
            let service = |(path, _): &(&str, &str)| !path.starts_with("action/");
            of_fields(
                &mut story,
                self.product_fields.guardduty_paths().filter(service),
            );
        }
        if let Some(detection) = &self.detection {
            story.of_sequence(&detection.sequence);
        }
        for threat in &self.threats.items {
            let words = format!("{} {}", threat.kind.text(), threat.value.text());
            story.evidence("indicator", &words);
            story.evidence("threat list", threat.source.text());
        }
        for resource in self.resources.items.iter().take(4) {
            let key = match resource.kind.text() {
                "AwsEc2Instance" => "instance",
                "AwsIamAccessKey" => "access key",
                "AwsS3Bucket" => "bucket",
                _ => continue,
            };
            let id = resource.id.text();
            story.target(key, id.rsplit(['/', ':']).next().unwrap_or(id));
        }
        story.end()
    }

    /// Ports and whether the internet reaches them.
    fn reach(&self, maker: Maker, title: &str) -> (Vec<(u16, u16)>, Option<bool>) {
        let said = self.network.as_ref().and_then(|network| {
            let open = &network.open_port_range;
            range(&open.begin, &open.end)
        });
        let network = |t: &Text<'_>| t.text().ends_with("Network Reachability");
        if maker == Maker::Inspector && self.types.items.iter().any(network) {
            let (ports, reachable) = of_title(title);
            return (said.map_or(ports, |said| vec![said]), reachable);
        }
        (said.into_iter().collect(), None)
    }
}
