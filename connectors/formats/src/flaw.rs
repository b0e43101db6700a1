//! What all formats know of a vulnerability in software, in the contract's words and bounded.

use poamd_contract::detail::{Cvss, Fix, Flaw, Package};
use serde::Deserialize;

use crate::document;
use crate::lenient::{List, Number, Part, Text};
use crate::marks::{short, some};
use crate::weakness::is_cve;

/// Ids, ratings, packages and addresses of one flaw; what stands behind them is in the raw document.
const CVES: usize = 64;
const CWES: usize = 16;
const RATINGS: usize = 8;
const PACKAGES: usize = 32;
const REFERENCES: usize = 10;
/// Characters of a name, of a path or advice, and of an address.
const WORD: usize = 128;
const LINE: usize = 256;
const ADDRESS: usize = 512;

/// One CVSS rating, as ASFF and Inspector2 write it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(crate) struct Rating<'a> {
    #[serde(rename = "version", alias = "Version")]
    pub(crate) version: Text<'a>,
    #[serde(rename = "baseScore", alias = "BaseScore")]
    pub(crate) base: Number,
    #[serde(rename = "scoringVector", alias = "ScoringVector")]
    pub(crate) vector: Text<'a>,
    #[serde(rename = "BaseVector")]
    pub(crate) base_vector: Text<'a>,
    #[serde(rename = "source", alias = "Source")]
    pub(crate) by: Text<'a>,
}

pub(crate) type Ratings<'a> = List<Part<Rating<'a>>, RATINGS>;

/// CVE ids, capital, the one the finding is named after first, each once.
pub(crate) fn cves<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in ids.filter(|id| is_cve(id)) {
        if found.len() < CVES && !found.iter().any(|known| known.eq_ignore_ascii_case(id)) {
            found.push(id.to_ascii_uppercase());
        }
    }
    found
}

/// The CVEs with the one that names the weakness first: it is the smallest where the finding's own id is none
/// ([`crate::weakness::vulnerability`]).
pub(crate) fn cves_of<'a>(id: &'a str, related: impl Iterator<Item = &'a str>) -> Vec<String> {
    if is_cve(id) {
        return cves(std::iter::once(id).chain(related));
    }
    let mut found = cves(related);
    if let Some(at) = (0..found.len()).min_by_key(|at| &found[*at]) {
        found[..=at].rotate_right(1);
    }
    found
}

/// `CWE-416`, whether written so or as a number.
pub(crate) fn cwes<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in ids {
        let id = match id.trim() {
            number if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
                format!("CWE-{}", short(number, 8))
            }
            id => short(id, 32).to_ascii_uppercase(),
        };
        if id.starts_with("CWE-") && found.len() < CWES && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

pub(crate) fn cvss(ratings: &Ratings<'_>) -> Vec<Cvss> {
    let of = |r: &Part<Rating<'_>>| {
        let vector = [&r.vector, &r.base_vector]
            .into_iter()
            .find(|v| !v.text().is_empty());
        rating(
            r.version.text(),
            r.base.value,
            vector.map_or("", Text::text),
            r.by.text(),
        )
    };
    ratings.items.iter().filter_map(of).collect()
}

/// One rating; `None` without a score between 0 and 10.
pub(crate) fn rating(version: &str, base: Option<f64>, vector: &str, by: &str) -> Option<Cvss> {
    Some(Cvss {
        version: short(version, 16),
        base: tenths(base?)?,
        vector: short(vector, LINE),
        by: short(by, WORD),
    })
}

/// A score from 0 to 10 in tenths.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 100 by the check above it"
)]
fn tenths(score: f64) -> Option<u16> {
    (0.0..=10.0)
        .contains(&score)
        .then(|| (score * 10.0).round() as u16)
}

/// A probability in millionths.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 1,000,000 by the check above it"
)]
pub(crate) fn millionths(probability: &Number) -> Option<u32> {
    let probability = probability.value?;
    (0.0..=1.0)
        .contains(&probability)
        .then(|| (probability * 1e6).round() as u32)
}

/// `YES`, `NO`, `PARTIAL`.
pub(crate) fn fix(word: &str) -> Option<Fix> {
    [
        ("YES", Fix::Yes),
        ("NO", Fix::No),
        ("PARTIAL", Fix::Partial),
    ]
    .into_iter()
    .find_map(|(known, fix)| word.eq_ignore_ascii_case(known).then_some(fix))
}

/// `YES` or `NO`.
pub(crate) fn yes(word: &str) -> Option<bool> {
    match word {
        "YES" | "Yes" | "yes" | "true" => Some(true),
        "NO" | "No" | "no" | "false" => Some(false),
        _ => None,
    }
}

pub(crate) fn packages<'a, 'b: 'a>(
    of: impl Iterator<Item = &'a Part<document::Package<'b>>>,
) -> Vec<Package> {
    of.filter(|p| !p.name.text().is_empty())
        .take(PACKAGES)
        .map(|p| Package {
            name: short(p.name.text(), LINE),
            version: version(p.epoch.text(), p.version.text(), p.release.text()),
            fixed_in: some(p.fixed_in.text(), WORD).filter(|v| v != "NotAvailable"),
            manager: some(p.manager.text(), WORD),
            path: some(p.path.text(), ADDRESS),
            remediation: some(p.remediation.text(), LINE),
        })
        .collect()
}

/// `epoch:version-release`, as package managers write it.
pub(crate) fn version(epoch: &str, version: &str, release: &str) -> String {
    let mut out = String::new();
    if !matches!(epoch, "" | "0") {
        out.push_str(&short(epoch, 16));
        out.push(':');
    }
    out.push_str(&short(version, WORD));
    if !release.is_empty() && !version.ends_with(release) {
        out.push('-');
        out.push_str(&short(release, WORD));
    }
    out
}

/// A place in the customer's own code.
pub(crate) fn place(path: &str, begin: &Number, end: &Number) -> Option<Package> {
    let name = some(path, ADDRESS)?;
    let lines = match (begin.value, end.value) {
        (Some(begin), Some(end)) if end > begin => format!(":{begin:.0}-{end:.0}"),
        (Some(begin), _) => format!(":{begin:.0}"),
        _ => String::new(),
    };
    Some(Package {
        path: Some(format!("{name}{lines}")),
        name,
        ..Package::default()
    })
}

/// Addresses to read on, each once. Foreign: whoever shows one escapes it.
pub(crate) fn references<'a>(of: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for address in of.filter(|a| a.starts_with("https://") || a.starts_with("http://")) {
        if found.len() < REFERENCES && !found.iter().any(|known| known == address) {
            found.push(short(address, ADDRESS));
        }
    }
    found
}

/// `None` for a flaw of which nothing is known.
pub(crate) fn known(flaw: Flaw) -> Option<Flaw> {
    (flaw != Flaw::default()).then_some(flaw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cve_that_names_the_weakness_is_first() {
        let related = ["CVE-2099-2000", "GHSA-x", "cve-2099-1000", "CVE-2099-2000"];
        assert_eq!(
            cves_of("GHSA-x", related.into_iter()),
            ["CVE-2099-1000", "CVE-2099-2000"]
        );
        assert_eq!(
            cves_of("CVE-2099-3000", related.into_iter())[0],
            "CVE-2099-3000"
        );
    }

    #[test]
    fn scores_outside_their_scale_are_none() {
        for (score, want) in [
            (7.8, Some(78)),
            (10.0, Some(100)),
            (0.0, Some(0)),
            (10.1, None),
            (-0.1, None),
            (f64::NAN, None),
        ] {
            assert_eq!(tenths(score), want, "{score}");
        }
    }

    #[test]
    fn versions_are_written_as_package_managers_do() {
        for (epoch, number, release, want) in [
            ("0", "5.10.205", "195.804.amzn2", "5.10.205-195.804.amzn2"),
            ("1", "3.0", "", "1:3.0"),
            ("", "2.1-3", "3", "2.1-3"),
        ] {
            assert_eq!(version(epoch, number, release), want);
        }
    }

    #[test]
    fn cwes_have_one_form() {
        assert_eq!(
            cwes(["416", "cwe-79", "x", "CWE-416"].into_iter()),
            ["CWE-416", "CWE-79"]
        );
    }
}
