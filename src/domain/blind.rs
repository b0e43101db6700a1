//! Places nobody can look at: when that is a weakness of its own, and how heavy it weighs. FedRAMP's CR26 demands it (VDR:
//! failures of the detection process are treated as vulnerabilities; `poam.md` 2.3). Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use poamd_contract::ids::BadId;
use poamd_contract::severity::Severity;

/// The detector that sees them: poamd, watching itself.
pub const SOURCE: &str = "poamd";
/// The service of the place that stands for a whole account nobody has ever looked at.
pub const ACCOUNT: &str = "account";
/// The region of that place, and of what has none.
pub const GLOBAL: &str = "global";
/// What such a weakness is called, before its service.
pub const WEAKNESS: &str = "detection-gap/";
const ID: &str = "poamd:detection-gap:";

/// Account × region × service, as text: a service can have an odd name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub account: String,
    pub region: String,
    pub service: String,
}

impl Place {
    /// The place that stands for an account nobody has ever looked at.
    pub fn whole(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: GLOBAL.to_owned(),
            service: ACCOUNT.to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ID}{}/{}/{}", self.account, self.region, self.service)
    }
}

impl FromStr for Place {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        let mut parts = text.strip_prefix(ID).unwrap_or_default().splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(account), Some(region), Some(service)) => Ok(Self {
                account: account.to_owned(),
                region: region.to_owned(),
                service: service.to_owned(),
            }),
            _ => Err(BadId {
                text: text.chars().take(80).collect(),
                expected: "the id of a detection gap",
            }),
        }
    }
}

/// How the last looks at a place went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    pub place: Place,
    /// A state of `coverage` (`complete`, `denied`, `stale` …).
    pub state: String,
    pub reason: Option<String>,
    /// Since when no look was complete.
    pub blind_since: Option<DateTime<Utc>>,
    /// It was looked at completely at least once.
    pub ever: bool,
}

/// An account of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    pub account: String,
    pub regions: Vec<String>,
    pub since: DateTime<Utc>,
    /// Neither switched off nor removed.
    pub active: bool,
}

/// A place that has not been seen for longer than it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub place: Place,
    pub state: String,
    pub reason: String,
    pub since: DateTime<Utc>,
}

/// The gaps that are weaknesses now. `services` says which services are looked at today; what the configuration no longer
/// names makes no new one. An account without a single complete look is one gap, however many services it has.
pub fn gaps(
    sights: &[Sight],
    watched: &[Watch],
    services: &dyn Fn(&str) -> bool,
    now: DateTime<Utc>,
    limit: TimeDelta,
) -> Vec<Gap> {
    let old = |since: &DateTime<Utc>| now - *since > limit;
    let ours: BTreeMap<&str, &Watch> = watched.iter().map(|w| (w.account.as_str(), w)).collect();
    let seen = |account: &str| {
        let complete = |s: &&Sight| s.place.account == account && s.ever;
        sights.iter().any(|s| complete(&s))
    };
    let unseen = |account: &str| {
        let watch = ours.get(account);
        watch.is_some_and(|w| w.active && old(&w.since)) && !seen(account)
    };
    let mut gaps: Vec<Gap> = watched
        .iter()
        .filter(|w| unseen(&w.account))
        .map(|w| Gap {
            place: Place::whole(&w.account),
            state: "never looked at".to_owned(),
            reason: "no look at it was ever complete".to_owned(),
            since: w.since,
        })
        .collect();
    for sight in sights {
        let Some(since) = sight.blind_since.filter(old) else {
            continue;
        };
        let in_scope = match ours.get(sight.place.account.as_str()) {
            Some(watch) => watch.covers(&sight.place, services),
            // A member that a hub used to show.
            None => !sight.ever,
        };
        if in_scope && is_failure(&sight.state) && !unseen(&sight.place.account) {
            gaps.push(Gap {
                place: sight.place.clone(),
                state: sight.state.clone(),
                reason: sight.reason.clone().unwrap_or_default(),
                since,
            });
        }
    }
    gaps
}

impl Watch {
    fn covers(&self, place: &Place, services: &dyn Fn(&str) -> bool) -> bool {
        let region = place.region == GLOBAL || self.regions.contains(&place.region);
        self.active && region && services(&place.service)
    }
}

/// A service that AWS has ended can be seen by nobody, so not seeing it is no failure.
fn is_failure(state: &str) -> bool {
    !matches!(state, "complete" | "ended")
}

/// Whether a gap is over: a complete look is there, or what it stood for is seen again.
pub fn is_over(place: &Place, sights: &[Sight]) -> bool {
    if place.service == ACCOUNT {
        let looked = |s: &Sight| s.place.account == place.account && s.ever;
        return sights.iter().any(looked);
    }
    sights
        .iter()
        .find(|s| s.place == *place)
        .is_none_or(|s| s.state == "complete")
}

/// Whether nobody has to look there any more: its account is watched no longer, or its region was taken out. Somebody
/// decided that, which is in the log; what is open there stays open.
pub fn is_unwatched(place: &Place, watched: &[Watch]) -> bool {
    let ours = watched.iter().find(|w| w.account == place.account);
    // A member that a hub used to show is none of ours to give up.
    ours.is_some_and(|watch| !watch.covers(place, &|_| true))
}

/// One weakness a service: all technologies that are scanned are one.
pub fn weakness(service: &str) -> String {
    let kind = service.split(':').next().unwrap_or(service);
    format!("{WEAKNESS}{kind}")
}

/// How heavy it weighs not to see a service: what detects attacks and flaws, and a whole account, are High, one technology's
/// configuration Medium. An account that holds no production weighs one level less. What stands open there and is no longer
/// watched counts at least as much, up to High.
pub fn severity(service: &str, label: &str, worst_open: Option<Severity>) -> Severity {
    let heavy = [
        "securityhub",
        "securityhub-v2",
        "guardduty",
        "inspector",
        ACCOUNT,
    ];
    let heavy = heavy.contains(&service);
    let light = ["dev", "test", "sandbox"].contains(&label.to_lowercase().as_str());
    let own = match (heavy, light) {
        (true, false) => Severity::High,
        (true, true) | (false, false) => Severity::Medium,
        (false, true) => Severity::Low,
    };
    own.max(worst_open.unwrap_or(own).min(Severity::High))
}

/// What people call a service.
pub fn words(service: &str) -> String {
    match service {
        "securityhub" => "Security Hub".to_owned(),
        "securityhub-v2" => "The new Security Hub".to_owned(),
        "guardduty" => "GuardDuty".to_owned(),
        "inspector" => "Inspector".to_owned(),
        "inspector-classic" => "Inspector Classic".to_owned(),
        ACCOUNT => "The whole account".to_owned(),
        other => other
            .strip_prefix("scan:")
            .map_or_else(|| other.to_owned(), |what| format!("Scan of {what}")),
    }
}

/// The title of the weakness, the same for all its places.
pub fn title(service: &str) -> String {
    match service {
        ACCOUNT => "Detection gap: nobody has ever looked at this account".to_owned(),
        scan if scan.starts_with("scan:") => {
            "Detection gap: the configuration of resources cannot be read completely".to_owned()
        }
        other => format!("Detection gap: {} cannot be read completely", words(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "111122223333";
    const MEMBER: &str = "444455556666";

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3_600, 0).unwrap()
    }

    fn place(account: &str, region: &str, service: &str) -> Place {
        Place {
            account: account.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        }
    }

    fn sight(place: Place, state: &str, blind: Option<i64>, ever: bool) -> Sight {
        Sight {
            place,
            state: state.to_owned(),
            reason: None,
            blind_since: blind.map(at),
            ever,
        }
    }

    fn watch(active: bool) -> Watch {
        Watch {
            account: A.to_owned(),
            regions: vec!["us-gov-west-1".to_owned()],
            since: at(0),
            active,
        }
    }

    fn found(sights: &[Sight], watched: &[Watch], hour: i64) -> Vec<String> {
        let services = |s: &str| s != "retired";
        gaps(sights, watched, &services, at(hour), TimeDelta::hours(24))
            .iter()
            .map(|g| format!("{}/{}", g.place.region, g.place.service))
            .collect()
    }

    #[test]
    fn a_gap_is_one_when_it_is_older_than_its_limit_and_ours_to_close() {
        let here = |service: &str, state: &str, blind| {
            sight(place(A, "us-gov-west-1", service), state, blind, true)
        };
        let ours = [watch(true)];
        let denied = [here("securityhub", "denied", Some(10))];
        assert_eq!(found(&denied, &ours, 34), [""; 0], "exactly the limit");
        assert_eq!(found(&denied, &ours, 35), ["us-gov-west-1/securityhub"]);
        for (sight, why) in [
            (here("securityhub", "complete", None), "it is seen"),
            (here("inspector-classic", "ended", Some(1)), "AWS ended it"),
            (here("retired", "denied", Some(1)), "nobody looks any more"),
        ] {
            assert_eq!(found(&[sight], &ours, 99), [""; 0], "{why}");
        }
        let elsewhere = sight(place(A, "eu-west-1", "securityhub"), "stale", Some(1), true);
        assert_eq!(found(&[elsewhere], &ours, 99), [""; 0], "a region given up");
        assert_eq!(found(&denied, &[watch(false)], 99), [""; 0], "switched off");
        let member = sight(
            place(MEMBER, "us-gov-west-1", "securityhub"),
            "partial",
            Some(1),
            false,
        );
        let own = here("guardduty", "complete", None);
        assert_eq!(
            found(&[member, own], &ours, 99),
            ["us-gov-west-1/securityhub"]
        );
    }

    #[test]
    fn an_account_nobody_has_ever_looked_at_is_one_gap() {
        let never = |service| sight(place(A, "us-gov-west-1", service), "denied", Some(1), false);
        let sights = [never("securityhub"), never("guardduty")];
        assert_eq!(found(&sights, &[watch(true)], 24), [""; 0]);
        assert_eq!(found(&sights, &[watch(true)], 25), ["global/account"]);
        assert_eq!(found(&[], &[watch(true)], 25), ["global/account"]);
        // One complete look, and it is the services that are not seen.
        let mut some = sights.to_vec();
        some[0].ever = true;
        assert_eq!(found(&some, &[watch(true)], 26).len(), 2);
    }

    #[test]
    fn a_gap_is_over_with_a_complete_look_and_with_nothing_less() {
        let hub = place(A, "us-gov-west-1", "securityhub");
        for (state, over) in [
            ("complete", true),
            ("stale", false),
            ("partial", false),
            ("off", false),
        ] {
            assert_eq!(
                is_over(&hub, &[sight(hub.clone(), state, None, true)]),
                over,
                "{state}"
            );
        }
        let whole = place(A, GLOBAL, ACCOUNT);
        assert!(!is_over(
            &whole,
            &[sight(hub.clone(), "denied", Some(1), false)]
        ));
        assert!(is_over(&whole, &[sight(hub, "complete", None, true)]));
    }

    #[test]
    fn what_is_blind_rates_it() {
        use Severity::{Critical, High, Low, Medium};
        for (service, label, worst, want) in [
            ("securityhub", "Prod", None, High),
            ("guardduty", "Test", None, Medium),
            ("scan:s3", "Prod", None, Medium),
            ("scan:s3", "dev", Some(Low), Low),
            ("scan:s3", "Dev", Some(Critical), High),
            (ACCOUNT, "", None, High),
        ] {
            assert_eq!(severity(service, label, worst), want, "{service} {label}");
        }
    }

    #[test]
    fn ids_read_as_they_print() {
        let scan = place(A, "us-gov-west-1", "scan:s3");
        assert_eq!(scan.to_string().parse(), Ok(scan));
        assert!("poamd:detection-gap:1".parse::<Place>().is_err());
        assert_eq!(weakness("scan:s3"), "detection-gap/scan");
        assert_eq!(weakness("inspector"), "detection-gap/inspector");
    }
}
