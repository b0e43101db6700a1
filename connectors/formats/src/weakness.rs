//! The public id of what is wrong, the same whichever channel it came through: CVE, control, GuardDuty
//! type on root resource.

use poamd_contract::finding::{Weakness, WeaknessKind};

use crate::marks::capped;

/// Characters of a weakness id.
const ID: usize = 512;

pub(crate) fn weakness(kind: WeaknessKind, id: &str) -> Weakness {
    Weakness {
        id: crate::marks::clean(&capped(id, ID)).into_owned(),
        kind,
        equivalent: Vec::new(),
    }
}

/// A package vulnerability. A CVE names it wherever there is one (`poam.md` 3.3, rule 4); another
/// database's id (GHSA, ALAS, RHSA …) then stands beside it.
pub(crate) fn vulnerability<'a>(id: &str, related: impl Iterator<Item = &'a str>) -> Weakness {
    if is_cve(id) {
        return weakness(WeaknessKind::Vulnerability, &id.to_ascii_uppercase());
    }
    // The smallest, because their order is not promised.
    match related.filter(|r| is_cve(r)).min() {
        Some(cve) => Weakness {
            equivalent: if id.is_empty() {
                Vec::new()
            } else {
                vec![capped(id, ID).into_owned()]
            },
            ..weakness(WeaknessKind::Vulnerability, &cve.to_ascii_uppercase())
        },
        None => weakness(WeaknessKind::Vulnerability, id),
    }
}

/// A flaw in code: the detector that found it, without its version.
pub(crate) fn code(detector: &str) -> Weakness {
    weakness(
        WeaknessKind::Vulnerability,
        detector.split("@v").next().unwrap_or(detector),
    )
}

/// Inspector's network reachability: its titles name port, gateway kind and protocol, never the instance.
pub(crate) fn reachability(title: &str) -> Weakness {
    weakness(
        WeaknessKind::Other,
        &format!("network-reachability/{title}"),
    )
}

/// GuardDuty: the type on its root resource.
pub(crate) fn incident(kind: &str, root: &str) -> Weakness {
    weakness(
        WeaknessKind::Incident,
        &format!("{} on {root}", guardduty_type(kind)),
    )
}

/// A GuardDuty or Macie type as its own service writes it (`Recon:EC2/PortProbe`): Security Hub puts a namespace before
/// it and a dash for the slash (`TTPs/Discovery/Recon:EC2-PortProbe`). Other texts stay.
pub(crate) fn guardduty_type(text: &str) -> String {
    let Some(colon) = text.find(':') else {
        return text.to_owned();
    };
    let start = text[..colon].rfind('/').map_or(0, |slash| slash + 1);
    let own = &text[start..];
    if text[colon..].contains('/') {
        own.to_owned()
    } else {
        own.replacen('-', "/", 1)
    }
}

/// `CVE-2024-1086`, in any case.
pub(crate) fn is_cve(text: &str) -> bool {
    let mut parts = text.split('-');
    let head = parts.next().is_some_and(|p| p.eq_ignore_ascii_case("CVE"));
    let digits = |p: &str, least| p.len() >= least && p.bytes().all(|b| b.is_ascii_digit());
    head && parts.next().is_some_and(|p| digits(p, 4))
        && parts.next().is_some_and(|p| digits(p, 4))
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guardduty_types_meet() {
        for (hub, own) in [
            (
                "TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS",
                "Backdoor:EC2/C&CActivity.B!DNS",
            ),
            (
                "TTPs/Policy:IAMUser-RootCredentialUsage",
                "Policy:IAMUser/RootCredentialUsage",
            ),
            (
                "TTPs/AttackSequence:S3-CompromisedData",
                "AttackSequence:S3/CompromisedData",
            ),
            (
                "TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort",
                "Recon:EC2/PortProbeUnprotectedPort",
            ),
            (
                "TTPs/Discovery/Recon:EC2/PortProbe-X",
                "Recon:EC2/PortProbe-X",
            ),
        ] {
            assert_eq!(guardduty_type(hub), own);
            assert_eq!(guardduty_type(own), own);
        }
    }

    #[test]
    fn a_cve_names_the_vulnerability_where_there_is_one() {
        let found = vulnerability(
            "GHSA-xxxx",
            ["GHSA-xxxx", "CVE-2099-2000", "CVE-2099-1000"].into_iter(),
        );
        assert_eq!(found.id, "CVE-2099-1000");
        assert_eq!(found.equivalent, ["GHSA-xxxx"]);
        assert_eq!(
            vulnerability("cve-2024-1086", std::iter::empty()).id,
            "CVE-2024-1086"
        );
        assert_eq!(
            vulnerability("ALAS2-2024-1", std::iter::empty()).id,
            "ALAS2-2024-1"
        );
    }

    #[test]
    fn only_cves_are_cves() {
        for (text, want) in [
            ("CVE-2024-1086", true),
            ("CVE-2024-123456", true),
            ("CVE-2024", false),
            ("CVE-2024-1-2", false),
            ("CWE-798", false),
        ] {
            assert_eq!(is_cve(text), want, "{text}");
        }
    }
}
