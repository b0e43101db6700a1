//! From verdicts to findings: pure. Not in it: which of the findings known before are gone; that is the ledger's to
//! say, and only for what was judged.

use poamd_contract::detail::Detail;
use poamd_contract::finding::{
    Channel, FindingReport, Identity, ResourceRef, Signal, Weakness, WeaknessKind,
};
use poamd_contract::item::SeenItem;
use poamd_contract::severity::Severity;

use crate::policy::{PolicyMeta, Verdict};

const TITLE_CHARS: usize = 256;
const TEXT_CHARS: usize = 4096;
/// The least score of a policy that failed, in tenths: nobody knows what it would have found.
const ERROR_SCORE: u16 = 90;

/// What the policies say of one item, as findings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    pub reports: Vec<FindingReport>,
    /// Ids of the policies that failed on the item. The absence of *their* findings is no evidence: findings they
    /// made before must be carried over as they are.
    pub inconclusive: Vec<String>,
}

/// Turns verdicts into reports, in their order. The reports carry no times: the fold takes scan findings by presence.
pub fn judge(item: &SeenItem, verdicts: &[Verdict]) -> Judged {
    let mut judged = Judged::default();
    for verdict in verdicts {
        judged.reports.push(match verdict {
            Verdict::Finding {
                policy,
                evidence,
                message,
            } => finding(item, policy, evidence, message),
            Verdict::Error { policy, failure } => {
                judged.inconclusive.push(policy.id.clone());
                error(item, policy, &failure.to_string())
            }
        });
    }
    judged
}

fn finding(item: &SeenItem, policy: &PolicyMeta, evidence: &str, message: &str) -> FindingReport {
    let mut remediation = policy.remediation.clone();
    for reference in &policy.references {
        remediation.push('\n');
        remediation.push_str(reference);
    }
    FindingReport {
        title: capped(&policy.title, TITLE_CHARS),
        description: capped(&format!("{message}\n\n{}", policy.rationale), TEXT_CHARS),
        remediation,
        weakness: Weakness {
            id: policy.id.clone(),
            kind: WeaknessKind::Policy,
            equivalent: policy.equivalent.clone(),
        },
        severity: Some(policy.severity),
        score: Some(policy.score),
        requirements: policy
            .controls
            .iter()
            .map(|control| format!("NIST.800-53.r5 {control}"))
            .collect(),
        // Only that it is open is said: that one policy finds nothing says nothing of the others.
        detail: Box::new(Detail {
            reachable: policy.exposes.then_some(true),
            ..Detail::default()
        }),
        ..report(item, &policy.id, evidence)
    }
}

/// A policy that failed is a finding of its own: not of the weakness it looks for, which nobody has seen, and at
/// least high, since it may hide anything.
fn error(item: &SeenItem, policy: &PolicyMeta, cause: &str) -> FindingReport {
    let id = format!("{}-not-evaluated", policy.id);
    FindingReport {
        title: capped(
            &format!("Policy {} could not be evaluated", policy.id),
            TITLE_CHARS,
        ),
        description: capped(
            &format!(
                "{cause}\n\nWhat it would have found here is not known: {}",
                policy.title
            ),
            TEXT_CHARS,
        ),
        remediation: format!(
            "Mend the policy or what it reads, then run `poamd policy test` and scan again. This finding closes when {} can be evaluated.",
            policy.id
        ),
        weakness: Weakness {
            id: id.clone(),
            kind: WeaknessKind::Policy,
            equivalent: Vec::new(),
        },
        severity: Some(policy.severity.max(Severity::High)),
        score: Some(policy.score.max(ERROR_SCORE)),
        marks: vec!["policy-error".to_owned()],
        ..report(item, &id, "not evaluated")
    }
}

/// The part that every report of a scan shares.
fn report(item: &SeenItem, policy: &str, evidence: &str) -> FindingReport {
    FindingReport {
        source: "policy".to_owned(),
        channel: Channel::Scan,
        native_id: format!("policy:{policy}:{}:{evidence}", item.arn),
        identity: Identity::Policy {
            account: item.account.clone(),
            region: item.region.clone(),
            technology: item.technology.clone(),
            item: item.arn.clone(),
            policy: policy.to_owned(),
            evidence: evidence.to_owned(),
        },
        weakness: Weakness {
            id: policy.to_owned(),
            kind: WeaknessKind::Policy,
            equivalent: Vec::new(),
        },
        account: item.account.clone(),
        partition: item.partition.clone(),
        region: item.region.clone(),
        title: String::new(),
        description: String::new(),
        remediation: String::new(),
        severity: None,
        score: None,
        resources: vec![ResourceRef {
            id: item.arn.clone(),
            kind: String::new(),
            technology: Some(item.technology.clone()),
            name: item.name.clone(),
            region: Some(item.region.clone()),
        }],
        requirements: Vec::new(),
        first_observed: None,
        last_observed: None,
        created: None,
        updated: None,
        signal: Signal::Open,
        sample: false,
        marks: Vec::new(),
        detail: Box::default(),
        raw: None,
    }
}

fn capped(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::policy::{Failure, PolicySet};

    fn group() -> SeenItem {
        SeenItem {
            account: "123456789012".parse().unwrap(),
            partition: "aws-us-gov".parse().unwrap(),
            region: "us-gov-west-1".parse().unwrap(),
            technology: "securitygroup".to_owned(),
            name: "web".to_owned(),
            arn: "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:security-group/sg-1".to_owned(),
            config: json!({}),
            volatile: json!({}),
        }
    }

    fn meta() -> Arc<PolicyMeta> {
        Arc::clone(
            PolicySet::packaged()
                .unwrap()
                .get("securitygroup-ssh-open-to-world")
                .unwrap()
                .meta(),
        )
    }

    #[test]
    fn a_verdict_becomes_a_report_that_the_ledger_can_fold() {
        let verdict = Verdict::Finding {
            policy: meta(),
            evidence: "tcp/22 from ::/0".to_owned(),
            message: "TCP port 22 is open to ::/0 by: tcp 22.".to_owned(),
        };
        let judged = judge(&group(), &[verdict]);
        let [report] = &judged.reports[..] else {
            panic!("{judged:?}")
        };
        assert_eq!(
            (&report.source[..], report.channel, report.signal),
            ("policy", Channel::Scan, Signal::Open)
        );
        assert_eq!(
            report.native_id,
            "policy:securitygroup-ssh-open-to-world:arn:aws-us-gov:ec2:us-gov-west-1:123456789012:security-group/sg-1:tcp/22 from ::/0"
        );
        assert_eq!(
            (report.severity, report.score),
            (Some(Severity::High), Some(90))
        );
        assert_eq!(report.weakness.equivalent, ["EC2.13"]);
        assert_eq!(report.detail.reachable, Some(true));
        assert_eq!(report.resources[0].id, group().arn);
        assert_eq!(report.requirements[0], "NIST.800-53.r5 AC-4");
        assert!(
            report
                .description
                .starts_with("TCP port 22 is open to ::/0 by: tcp 22.\n\n")
        );
        assert!(report.remediation.ends_with("security-group-rules.html"));
        assert!(report.updated.is_none() && judged.inconclusive.is_empty());
        let Identity::Policy {
            policy,
            evidence,
            item,
            ..
        } = &report.identity
        else {
            panic!("{report:?}")
        };
        assert_eq!(
            (&policy[..], &evidence[..], item),
            (
                "securitygroup-ssh-open-to-world",
                "tcp/22 from ::/0",
                &group().arn
            )
        );
    }

    #[test]
    fn an_error_is_a_finding_of_its_own_and_proves_nothing() {
        let verdict = Verdict::Error {
            policy: meta(),
            failure: Failure::TimeLimit,
        };
        let judged = judge(&group(), &[verdict]);
        assert_eq!(judged.inconclusive, ["securitygroup-ssh-open-to-world"]);
        let report = &judged.reports[0];
        assert_eq!(
            report.weakness.id,
            "securitygroup-ssh-open-to-world-not-evaluated"
        );
        assert!(
            report.weakness.equivalent.is_empty(),
            "an unseen weakness is not the control's"
        );
        assert!(report.severity >= Some(Severity::High) && report.score >= Some(ERROR_SCORE));
        assert_eq!(report.marks, ["policy-error"]);
        assert_eq!(report.detail.reachable, None, "nobody has seen it");
    }
}
