//! What a policy says of itself: its `meta` rule, read and checked. Not in it: how a policy is evaluated.

use poamd_contract::severity::Severity;
use serde::Deserialize;

/// Longest title, in characters; the ledger's limit for titles (`FindingReport::title`).
const TITLE_CHARS: usize = 256;
/// Longest rationale or remediation, in characters.
const TEXT_CHARS: usize = 4096;
const ID_CHARS: usize = 80;

/// Whether an entry of a list is well formed.
type Form = fn(&str) -> bool;

/// The facts a policy states in its `meta` rule; complete and well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyMeta {
    /// Kebab case, technology first; also the name of the file.
    pub id: String,
    pub title: String,
    /// The technology whose items it judges.
    pub technology: String,
    pub severity: Severity,
    /// In tenths of a point, 0–100.
    pub score: u16,
    /// Why it matters.
    pub rationale: String,
    /// How to fix it.
    pub remediation: String,
    /// NIST SP 800-53 Rev. 5 controls (`AC-6(2)`).
    pub controls: Vec<String>,
    /// https addresses.
    pub references: Vec<String>,
    /// Security Hub controls that are the same weakness (`EC2.13`); may be empty.
    pub equivalent: Vec<String>,
    /// A finding of it means that the internet reaches the item (IRV of FedRAMP VER, "exposed" of BOD 26-04).
    pub exposes: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMeta {
    id: String,
    title: String,
    technology: String,
    severity: String,
    score: f64,
    rationale: String,
    remediation: String,
    controls: Vec<String>,
    references: Vec<String>,
    equivalent: Vec<String>,
    #[serde(default)]
    exposes: bool,
}

impl PolicyMeta {
    /// Reads `meta` as JSON.
    ///
    /// # Errors
    /// One line for each thing that is missing or malformed, with what is expected.
    pub fn from_json(json: &str) -> Result<Self, Vec<String>> {
        let raw: RawMeta = serde_json::from_str(json).map_err(|e| {
            vec![format!(
                "meta: {} (policies/README.md lists the fields)",
                plain(&e)
            )]
        })?;
        let mut problems = Vec::new();
        raw.check_identity(&mut problems);
        raw.check_texts(&mut problems);
        raw.check_lists(&mut problems);
        let severity = Severity::from_label(&raw.severity);
        if severity.is_none() {
            problems.push(format!(
                "meta.severity: {:?} is none of critical, high, medium, low, informational",
                raw.severity
            ));
        }
        let score = tenths(raw.score);
        if score.is_none() {
            problems.push(format!(
                "meta.score: {} is no number from 0 to 10 with at most one decimal",
                raw.score
            ));
        }
        match (severity, score) {
            (Some(severity), Some(score)) if problems.is_empty() => {
                Ok(raw.into_meta(severity, score))
            }
            _ => Err(problems),
        }
    }
}

impl RawMeta {
    fn check_identity(&self, problems: &mut Vec<String>) {
        if !is_kebab(&self.id) || self.id.len() > ID_CHARS {
            problems.push(format!(
                "meta.id: {:?} is not kebab case of at most {ID_CHARS} characters (a-z, 0-9, dashes)",
                self.id
            ));
        }
        if !is_kebab(&self.technology) {
            problems.push(format!(
                "meta.technology: {:?} is no name of a technology (a-z, 0-9, dashes)",
                self.technology
            ));
        } else if !self
            .id
            .strip_prefix(&self.technology)
            .is_some_and(|rest| rest.starts_with('-'))
        {
            problems.push(format!(
                "meta.id: {:?} must begin with its technology, {:?}",
                self.id,
                format!("{}-", self.technology)
            ));
        }
    }

    fn check_texts(&self, problems: &mut Vec<String>) {
        for (field, text, most) in [
            ("title", &self.title, TITLE_CHARS),
            ("rationale", &self.rationale, TEXT_CHARS),
            ("remediation", &self.remediation, TEXT_CHARS),
        ] {
            if text.trim().is_empty()
                || text.chars().count() > most
                || text.chars().any(|c| c.is_control() && c != '\n')
            {
                problems.push(format!(
                    "meta.{field}: must be text of 1 to {most} characters"
                ));
            }
        }
        if self.title.contains('\n') {
            problems.push("meta.title: must be one line".to_owned());
        }
    }

    fn check_lists(&self, problems: &mut Vec<String>) {
        if self.controls.is_empty() {
            problems.push("meta.controls: name at least one NIST 800-53 control".to_owned());
        }
        if self.references.is_empty() {
            problems.push("meta.references: name at least one address".to_owned());
        }
        let lists: [(&str, &[String], Form, &str); 3] = [
            (
                "controls",
                &self.controls,
                is_nist_control,
                "a NIST 800-53 control such as AC-6(2)",
            ),
            ("references", &self.references, is_https, "an https address"),
            (
                "equivalent",
                &self.equivalent,
                is_hub_control,
                "a Security Hub control such as EC2.13",
            ),
        ];
        for (field, entries, valid, expected) in lists {
            for entry in entries.iter().filter(|entry| !valid(entry)) {
                problems.push(format!("meta.{field}: {entry:?} is not {expected}"));
            }
            if (1..entries.len()).any(|i| entries[..i].contains(&entries[i])) {
                problems.push(format!("meta.{field}: names something twice"));
            }
        }
    }

    fn into_meta(self, severity: Severity, score: u16) -> PolicyMeta {
        PolicyMeta {
            id: self.id,
            title: self.title,
            technology: self.technology,
            severity,
            score,
            rationale: self.rationale,
            remediation: self.remediation,
            controls: self.controls,
            references: self.references,
            equivalent: self.equivalent,
            exposes: self.exposes,
        }
    }
}

/// serde's message without the position, which is one in JSON that nobody wrote.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// Points to tenths; `None` unless within 0–10 and of at most one decimal.
fn tenths(points: f64) -> Option<u16> {
    let scaled = points * 10.0;
    (0..=100u16).find(|tenths| (f64::from(*tenths) - scaled).abs() < 1e-9)
}

fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// `AC-6`, `AC-6(10)`.
fn is_nist_control(text: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let Some((family, rest)) = text.split_once('-') else {
        return false;
    };
    let (number, enhancement) = rest
        .split_once('(')
        .map_or((rest, None), |(n, e)| (n, Some(e)));
    family.len() == 2
        && family.bytes().all(|b| b.is_ascii_uppercase())
        && digits(number)
        && enhancement.is_none_or(|e| e.strip_suffix(')').is_some_and(digits))
}

/// `EC2.13`, `APIGateway.1`.
fn is_hub_control(text: &str) -> bool {
    text.split_once('.').is_some_and(|(service, number)| {
        !service.is_empty()
            && service.bytes().all(|b| b.is_ascii_alphanumeric())
            && !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn is_https(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "id": "s3-x", "title": "t", "technology": "s3", "severity": "HIGH", "score": 7.5, "rationale": "r",
            "remediation": "m", "controls": ["AC-6", "AC-6(10)"], "references": ["https://example.com/a"],
            "equivalent": ["S3.4"],
        })
    }

    #[test]
    fn a_complete_meta_is_read() {
        let meta = PolicyMeta::from_json(&good().to_string()).unwrap();
        assert_eq!((meta.score, meta.severity), (75, Severity::High));
        assert!(!meta.exposes, "only what says so exposes");
        let mut open = good();
        open["exposes"] = json!(true);
        assert!(PolicyMeta::from_json(&open.to_string()).unwrap().exposes);
    }

    #[test]
    fn each_flaw_is_named() {
        for (field, bad, named) in [
            ("id", json!("S3_x"), "meta.id"),
            ("id", json!("ec2-x"), "must begin with its technology"),
            ("id", json!("s3x"), "must begin with its technology"),
            ("title", json!(""), "meta.title"),
            ("title", json!("a\nb"), "one line"),
            ("technology", json!("S 3"), "meta.technology"),
            ("severity", json!("huge"), "meta.severity"),
            ("score", json!(10.1), "meta.score"),
            ("score", json!(-1), "meta.score"),
            ("score", json!(1.25), "meta.score"),
            ("score", json!("9"), "invalid type"),
            ("rationale", json!("  "), "meta.rationale"),
            (
                "remediation",
                json!("x".repeat(TEXT_CHARS + 1)),
                "meta.remediation",
            ),
            ("controls", json!([]), "meta.controls"),
            ("controls", json!(["AC6"]), "NIST"),
            ("controls", json!(["AC-6(1"]), "NIST"),
            ("references", json!(["http://example.com"]), "https"),
            ("equivalent", json!(["EC2"]), "Security Hub"),
            ("equivalent", json!(["EC2.13", "EC2.13"]), "twice"),
            ("exposes", json!("yes"), "invalid type"),
            ("extra", json!(1), "unknown field"),
        ] {
            let mut meta = good();
            meta[field] = bad.clone();
            let problems = PolicyMeta::from_json(&meta.to_string())
                .unwrap_err()
                .join("\n");
            assert!(problems.contains(named), "{field} = {bad}: {problems}");
        }
        for field in good().as_object().unwrap().keys() {
            let mut meta = good();
            meta.as_object_mut().unwrap().remove(field);
            let problems = PolicyMeta::from_json(&meta.to_string())
                .unwrap_err()
                .join("\n");
            assert!(
                problems.contains(&format!("missing field `{field}`")),
                "{problems}"
            );
        }
    }
}
