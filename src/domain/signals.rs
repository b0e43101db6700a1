//! What the details of a record's findings say that clocks and priorities go by: CVEs, exploits, fixes, exposure.
//! Read from the JSON that the findings keep; the parts that nobody asks for here are not even built.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::detail::Fix;
use serde::Deserialize;

use super::clock::Kev;
use super::evaluation::Judged;

/// CVEs of one record beyond which nobody reads on.
const CVES: usize = 200;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Slim {
    flaw: Option<SlimFlaw>,
    tags: BTreeMap<String, String>,
    ports: Vec<(u16, u16)>,
    reachable: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SlimFlaw {
    cves: Vec<String>,
    epss: Option<u32>,
    exploit: Option<bool>,
    exploited_at: Option<DateTime<Utc>>,
    fix: Option<Fix>,
    kev_added: Option<NaiveDate>,
    kev_due: Option<NaiveDate>,
}

/// The CVE ids that a detail names; none if it names none or is no detail.
pub fn cves_of(detail: &str) -> Vec<String> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Named {
        flaw: Option<Ids>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Ids {
        cves: Vec<String>,
    }
    if !detail.contains("\"cves\"") {
        return Vec::new();
    }
    serde_json::from_str::<Named>(detail)
        .ok()
        .and_then(|named| named.flaw)
        .map_or_else(Vec::new, |ids| ids.cves)
}

/// Everything together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// CVE → what the detector passes on of CISA's catalog.
    pub cves: BTreeMap<String, Option<Kev>>,
    /// The highest EPSS probability that a detector gave, in millionths.
    pub epss: Option<u32>,
    pub exploit: Option<bool>,
    /// The newest exploitation that a detector saw.
    pub exploited_at: Option<DateTime<Utc>>,
    /// The best there is for any of them: a fix for one is work that can be done.
    pub fix: Option<Fix>,
    pub ports: BTreeSet<(u16, u16)>,
    /// A detector says that the internet reaches it: one that does outweighs any that does not.
    pub reachable: Option<bool>,
    /// The owner's word, by a tag: its key and value, and what it means.
    pub tagged: Option<(String, bool)>,
}

impl Signals {
    /// Adds the detail of a finding; empty or foreign text says nothing.
    pub fn add(&mut self, detail: &str) {
        if detail.is_empty() {
            return;
        }
        let Ok(slim) = serde_json::from_str::<Slim>(detail) else {
            return;
        };
        self.ports.extend(slim.ports);
        self.reachable = either(self.reachable, slim.reachable);
        for (key, value) in &slim.tags {
            if let Some(public) = exposure_tag(key, value)
                && self.tagged.as_ref().is_none_or(|(_, was)| public && !was)
            {
                self.tagged = Some((format!("{key}={value}"), public));
            }
        }
        if let Some(flaw) = slim.flaw {
            self.add_flaw(&flaw);
        }
    }

    fn add_flaw(&mut self, flaw: &SlimFlaw) {
        let listed = (flaw.kev_added.is_some() || flaw.kev_due.is_some()).then_some(Kev {
            added: flaw.kev_added,
            due: flaw.kev_due,
        });
        // What a detector says of the catalog it says of the CVE the finding is named after.
        for (index, cve) in flaw.cves.iter().enumerate() {
            if self.cves.len() >= CVES && !self.cves.contains_key(cve) {
                continue;
            }
            let kev = listed.filter(|_| index == 0);
            let entry = self.cves.entry(cve.clone()).or_default();
            *entry = Kev::sooner(*entry, kev);
        }
        self.epss = self.epss.max(flaw.epss);
        self.exploit = either(self.exploit, flaw.exploit);
        self.exploited_at = self.exploited_at.max(flaw.exploited_at);
        let rank = |fix: Option<Fix>| match fix {
            None => 0,
            Some(Fix::No) => 1,
            Some(Fix::Partial) => 2,
            Some(Fix::Yes) => 3,
        };
        if rank(flaw.fix) > rank(self.fix) {
            self.fix = flaw.fix;
        }
    }

    /// Whether the internet reaches it, by the best evidence: the owner's tag, then what detectors say of it, then what
    /// another finding says of the same resource. Without any it is as `missing` has it.
    pub fn exposed(&self, elsewhere: bool, missing: bool) -> Judged<bool> {
        if let Some((tag, public)) = &self.tagged {
            return Judged::by_person(*public, format!("the owner's tag {tag}"));
        }
        match self.reachable {
            Some(true) => Judged::by_person(true, "its detector says that the internet reaches it"),
            _ if elsewhere => Judged::by_person(
                true,
                "another finding says that the internet reaches the resource",
            ),
            Some(false) => Judged::by_person(
                false,
                "its detector says that the internet does not reach it",
            ),
            None if missing => Judged::assumed(
                true,
                "assumed: nothing says whether the internet reaches it ([poam] missing_exposure)",
            ),
            None => Judged::assumed(
                false,
                "assumed: nothing says that the internet reaches it ([poam] missing_exposure)",
            ),
        }
    }
}

/// A detail says that the internet reaches its resource.
pub fn says_reachable(detail: &str) -> bool {
    detail.contains("\"reachable\":true")
}

fn either(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (a, b) => a.or(b),
    }
}

/// What an owner's tag says of exposure; `None` if it says nothing.
fn exposure_tag(key: &str, value: &str) -> Option<bool> {
    const KEYS: [&str; 5] = [
        "exposure",
        "internetfacing",
        "publiclyexposed",
        "networkexposure",
        "internetreachable",
    ];
    let key: String = key
        .rsplit(':')
        .next()
        .unwrap_or(key)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_lowercase();
    if !KEYS.contains(&key.as_str()) {
        return None;
    }
    match value.trim().to_lowercase().as_str() {
        "public" | "internet" | "external" | "internet-facing" | "true" | "yes" => Some(true),
        "internal" | "private" | "none" | "false" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals(details: &[&str]) -> Signals {
        let mut all = Signals::default();
        details.iter().for_each(|detail| all.add(detail));
        all
    }

    #[test]
    fn the_worst_of_all_findings_counts() {
        let all = signals(&[
            r#"{"flaw":{"cves":["CVE-1","CVE-2"],"epss":1000,"exploit":false,"fix":"no","kev_due":"2026-03-01"}}"#,
            r#"{"flaw":{"cves":["CVE-1"],"epss":900000,"exploit":true,"fix":"yes","kev_due":"2026-02-01"},"reachable":false}"#,
            r#"{"reachable":true,"ports":[[22,22]]}"#,
            "",
            "no json",
        ]);
        assert_eq!(all.cves["CVE-1"].unwrap().due, "2026-02-01".parse().ok());
        assert_eq!(all.cves["CVE-2"], None);
        assert_eq!(
            (all.epss, all.exploit, all.fix, all.reachable),
            (Some(900_000), Some(true), Some(Fix::Yes), Some(true))
        );
        assert_eq!(all.ports, BTreeSet::from([(22, 22)]));
    }

    #[test]
    fn the_owners_tag_goes_before_what_detectors_say() {
        let inside = r#"{"reachable":true,"tags":{"team:Exposure":"internal"}}"#;
        let judged = signals(&[inside]).exposed(true, true);
        assert!(!judged.value && !judged.assumed, "{judged:?}");
        let both =
            signals(&[inside, r#"{"tags":{"internet-facing":"yes"}}"#]).exposed(false, false);
        assert!(both.value, "one public item makes it public: {both:?}");
    }

    #[test]
    fn without_evidence_the_setting_counts_and_says_so() {
        let nothing = Signals::default();
        for missing in [true, false] {
            let judged = nothing.exposed(false, missing);
            assert_eq!((judged.value, judged.assumed), (missing, true));
        }
        let elsewhere = nothing.exposed(true, false);
        assert_eq!((elsewhere.value, elsewhere.assumed), (true, false));
        let denied = signals(&[r#"{"reachable":false}"#]);
        assert!(!denied.exposed(false, true).value);
        assert!(denied.exposed(true, false).value);
    }

    #[test]
    fn cves_are_read_without_the_rest() {
        assert_eq!(
            cves_of(r#"{"flaw":{"cves":["CVE-1"],"epss":"odd"}}"#),
            ["CVE-1"]
        );
        assert!(cves_of(r#"{"tags":{}}"#).is_empty());
        assert!(cves_of("\"cves\" is no json").is_empty());
    }
}
