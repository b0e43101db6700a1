//! What a policy says of an item, read from the value of its `findings` rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Value;

use super::engine::{Failure, MOST_FINDINGS};
use super::meta::PolicyMeta;

/// Longest evidence key, in characters: it is part of a finding's identity, not a place for text.
const EVIDENCE_CHARS: usize = 256;
/// Longest message, in characters.
const MESSAGE_CHARS: usize = 2000;

/// One policy's word on one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Something is wrong.
    Finding {
        policy: Arc<PolicyMeta>,
        /// The part of the item that is wrong, normalised; one for each thing to fix.
        evidence: String,
        /// What is wrong with it, one sentence.
        message: String,
    },
    /// The policy could not judge the item. This is not a pass: the absence of its findings proves nothing.
    Error {
        policy: Arc<PolicyMeta>,
        failure: Failure,
    },
}

impl Verdict {
    pub fn policy(&self) -> &Arc<PolicyMeta> {
        match self {
            Self::Finding { policy, .. } | Self::Error { policy, .. } => policy,
        }
    }
}

/// Reads a set of `{"evidence": text, "message": text}`. Two messages for one evidence are one finding.
pub(super) fn read(policy: &Arc<PolicyMeta>, value: &Value) -> Result<Vec<Verdict>, Failure> {
    let Value::Set(set) = value else {
        return Err(Failure::BadResult(
            "`findings` is no set; write `findings contains finding if {…}`".to_owned(),
        ));
    };
    if set.len() > MOST_FINDINGS {
        return Err(Failure::TooManyFindings);
    }
    let mut by_evidence: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in set.iter() {
        let Value::Object(fields) = finding else {
            return Err(Failure::BadResult("a finding is no object".to_owned()));
        };
        if fields.len() != 2 {
            return Err(Failure::BadResult(
                "a finding has exactly the fields evidence and message".to_owned(),
            ));
        }
        let evidence = text(finding, "evidence", EVIDENCE_CHARS)?;
        by_evidence
            .entry(evidence)
            .or_default()
            .push(text(finding, "message", MESSAGE_CHARS)?);
    }
    Ok(by_evidence
        .into_iter()
        .map(|(evidence, messages)| Verdict::Finding {
            policy: Arc::clone(policy),
            evidence,
            message: messages.join(" "),
        })
        .collect())
}

/// A field's text with its white space folded: keys that look alike are alike.
fn text(finding: &Value, field: &str, most: usize) -> Result<String, Failure> {
    let Value::String(text) = &finding[field] else {
        return Err(Failure::BadResult(format!(
            "a finding's {field} is no text"
        )));
    };
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.is_empty() || folded.chars().count() > most || folded.chars().any(char::is_control) {
        return Err(Failure::BadResult(format!(
            "a finding's {field} must be 1 to {most} printable characters"
        )));
    }
    Ok(folded)
}
