//! What a source tells of a finding beside its listing, put to what the listing says. Pure.

use poamd_contract::detail::{Detail, Flaw};

/// Entries of each list; what stands behind them is in the documents.
const LISTED: usize = 32;

/// The detail with what the supplement adds. What the listing says itself stays: it is the newer word, and it comes with
/// every look. So a supplement that is put to the same detail twice changes it once.
pub fn with_supplement(detail: &Detail, more: &Detail) -> Detail {
    let flaw = match (&detail.flaw, &more.flaw) {
        (Some(flaw), Some(more)) => Some(flaw_with(flaw, more)),
        (flaw, more) => flaw.as_ref().or(more.as_ref()).cloned(),
    };
    Detail {
        flaw,
        ..detail.clone()
    }
}

fn flaw_with(of: &Flaw, more: &Flaw) -> Flaw {
    Flaw {
        cwes: joined(&of.cwes, &more.cwes),
        epss: of.epss.or(more.epss),
        // That an exploit was seen outweighs that none was known.
        exploit: more.exploit.filter(|known| *known).or(of.exploit),
        exploited_at: of.exploited_at.max(more.exploited_at),
        exploited_since: of.exploited_since.or(more.exploited_since),
        kev_added: of.kev_added.or(more.kev_added),
        kev_due: of.kev_due.or(more.kev_due),
        kev_action: of.kev_action.clone().or_else(|| more.kev_action.clone()),
        risk: of.risk.or(more.risk),
        techniques: joined(&of.techniques, &more.techniques),
        tools: joined(&of.tools, &more.tools),
        proofs: joined(&of.proofs, &more.proofs),
        references: joined(&of.references, &more.references),
        ..of.clone()
    }
}

/// Both, each entry once.
fn joined<T: Clone + PartialEq>(of: &[T], more: &[T]) -> Vec<T> {
    let mut all = of.to_vec();
    for one in more {
        if all.len() < LISTED && !all.contains(one) {
            all.push(one.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(flaw: Flaw) -> Detail {
        Detail {
            flaw: Some(flaw),
            reachable: Some(true),
            ..Detail::default()
        }
    }

    fn more() -> Detail {
        detail(Flaw {
            cwes: vec!["CWE-416".into(), "CWE-79".into()],
            epss: Some(840_000),
            exploit: Some(true),
            kev_due: "2026-12-01".parse().ok(),
            techniques: vec!["T1068".into()],
            ..Flaw::default()
        })
    }

    #[test]
    fn a_supplement_fills_what_is_missing_and_takes_nothing_back() {
        let listed = detail(Flaw {
            cves: vec!["CVE-2026-1".into()],
            cwes: vec!["CWE-79".into()],
            epss: Some(10),
            exploit: Some(false),
            ..Flaw::default()
        });
        let got = with_supplement(&listed, &more());
        let flaw = got.flaw.as_ref().unwrap();
        assert_eq!(flaw.cves, ["CVE-2026-1"]);
        assert_eq!(flaw.cwes, ["CWE-79", "CWE-416"]);
        assert_eq!((flaw.epss, flaw.exploit), (Some(10), Some(true)));
        assert_eq!(flaw.kev_due, "2026-12-01".parse().ok());
        assert_eq!(got.reachable, Some(true));
        assert_eq!(with_supplement(&got, &more()), got, "twice is once");
    }

    #[test]
    fn nothing_to_add_adds_nothing() {
        let listed = detail(Flaw::default());
        assert_eq!(with_supplement(&listed, &Detail::default()), listed);
        let bare = Detail::default();
        let got = with_supplement(&bare, &more());
        assert_eq!(
            (got.flaw, got.reachable),
            (more().flaw, None),
            "a supplement speaks of the flaw alone"
        );
    }
}
