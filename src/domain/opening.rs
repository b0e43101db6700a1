//! What is laid down when a record opens, from what is known then: who answers, how it will be fixed, by which steps.
//! Frozen from then on; people change it by acts.

use chrono::{Days, NaiveDate};
use poamd_contract::finding::WeaknessKind;
use std::collections::BTreeMap;

/// Most characters of a plan (eMASS).
const PLAN: usize = 2_000;
/// Most characters of the fix in a milestone.
const STEP: usize = 160;

/// Who answers for what; what a rule does not name fits everything. The first that fits and gives somebody holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactRule {
    /// Its number.
    pub account: Option<String>,
    /// Of the account, in any case.
    pub label: Option<String>,
    pub technology: Option<String>,
    /// Key of a tag of the item; its value is the contact unless `contact` says who.
    pub tag: Option<String>,
    pub contact: Option<String>,
}

/// A record as the rules of contacts see it.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    pub account: &'a str,
    pub label: &'a str,
    pub technology: &'a str,
    /// Of its items, the first that has one counts.
    pub tags: &'a [BTreeMap<String, String>],
    /// Of the account.
    pub contacts: &'a [String],
}

/// The contact, and why.
pub fn contact(rules: &[ContactRule], of: &Owned<'_>) -> Option<(String, String)> {
    let is = |wanted: &Option<String>, has: &str| {
        wanted
            .as_deref()
            .is_none_or(|w| w.eq_ignore_ascii_case(has))
    };
    for rule in rules {
        if !(is(&rule.account, of.account)
            && is(&rule.label, of.label)
            && is(&rule.technology, of.technology))
        {
            continue;
        }
        let tagged = rule.tag.as_deref().map(|key| {
            let value = of.tags.iter().find_map(|tags| tags.get(key));
            (key, value.map(|v| v.trim()).filter(|v| !v.is_empty()))
        });
        match (tagged, &rule.contact) {
            (Some((_, None)), _) => {}
            (Some((key, Some(_))), Some(who)) => {
                return Some((who.clone(), format!("its item has the tag {key}")));
            }
            (Some((key, Some(value))), None) => {
                return Some((value.to_owned(), format!("tag {key} of its item")));
            }
            (None, Some(who)) => return Some((who.clone(), "a rule in [[contacts]]".to_owned())),
            (None, None) => {}
        }
    }
    let all = of.contacts.join(", ");
    (!all.is_empty()).then(|| (all, "contacts of the account".to_owned()))
}

/// How it will be fixed: the source's own advice, else what such a weakness always asks for.
pub fn plan(remediation: &str, weakness: &str, kind: WeaknessKind) -> String {
    let text = remediation.trim();
    if !text.is_empty() {
        return cut(text, PLAN);
    }
    match kind {
        WeaknessKind::Control | WeaknessKind::Policy => {
            format!("Configure the items as {weakness} asks; the next complete looks verify it.")
        }
        WeaknessKind::Vulnerability => {
            format!(
                "Update what has {weakness} to a version without it; the next complete looks verify it."
            )
        }
        WeaknessKind::Incident => {
            "Investigate, contain and recover; write down the cause and close the way it took."
                .to_owned()
        }
        WeaknessKind::Other => {
            format!("Correct what {weakness} reports; the next complete looks verify it.")
        }
    }
}

/// Three steps from the day of opening to the day before the due day; one where there is no room. None without a due
/// day, or after it: a step that is late when it is written helps nobody.
pub fn milestones(
    opened: NaiveDate,
    due: Option<NaiveDate>,
    plan: &str,
) -> Vec<(String, NaiveDate)> {
    let Some(days) = due.map(|due| (due - opened).num_days()).filter(|d| *d >= 0) else {
        return Vec::new();
    };
    let after = |days: i64| {
        opened
            .checked_add_days(Days::new(days.unsigned_abs()))
            .unwrap_or(opened)
    };
    let fix = cut(plan.split(". ").next().unwrap_or(plan).trim(), STEP);
    if days < 4 {
        return vec![(format!("Fix and verify: {fix}"), after((days - 1).max(0)))];
    }
    vec![
        (
            "Confirm it with the owner of the items and agree on the fix".to_owned(),
            after(days / 4),
        ),
        (format!("Fix: {fix}"), after(days * 3 / 4)),
        (
            "Verify that it is no longer detected".to_owned(),
            after(days - 1),
        ),
    ]
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(most - 1).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_lie_between_the_opening_and_the_due_day() {
        let opened: NaiveDate = "2026-09-01".parse().unwrap();
        for days in 0..400 {
            let due = opened + chrono::TimeDelta::days(days);
            let steps = milestones(opened, Some(due), "Switch it on. Then look.");
            assert_eq!(steps.len(), if days < 4 { 1 } else { 3 }, "{days}");
            assert!(steps.is_sorted_by_key(|(_, day)| *day), "{days}");
            assert!(
                steps
                    .iter()
                    .all(|(_, day)| *day >= opened && (*day < due || days == 0)),
                "{days}"
            );
        }
        assert_eq!(
            milestones(opened, Some("2026-08-31".parse().unwrap()), "x"),
            []
        );
        assert_eq!(milestones(opened, None, "x"), []);
    }

    #[test]
    fn tags_and_rules_go_before_the_account() {
        let tags = [BTreeMap::from([(
            "Owner".to_owned(),
            "web team".to_owned(),
        )])];
        let contacts = ["ops@example.gov".to_owned()];
        let of = Owned {
            account: "123456789012",
            label: "Prod",
            technology: "s3",
            tags: &tags,
            contacts: &contacts,
        };
        let tag = |key: &str| ContactRule {
            tag: Some(key.into()),
            ..ContactRule::default()
        };
        let storage = ContactRule {
            technology: Some("s3".into()),
            contact: Some("storage".into()),
            ..ContactRule::default()
        };
        let who = |rules: &[ContactRule]| contact(rules, &of).unwrap().0;
        assert_eq!(who(&[tag("Owner"), storage.clone()]), "web team");
        assert_eq!(who(&[tag("Team"), storage]), "storage");
        assert_eq!(who(&[]), "ops@example.gov");
        assert_eq!(
            contact(
                &[],
                &Owned {
                    contacts: &[],
                    ..of
                }
            ),
            None
        );
    }

    #[test]
    fn the_sources_advice_is_the_plan() {
        assert_eq!(
            plan(" Turn it on ", "S3.8", WeaknessKind::Control),
            "Turn it on"
        );
        assert!(plan("", "S3.8", WeaknessKind::Control).contains("S3.8"));
        assert_eq!(
            plan(&"x".repeat(3_000), "S3.8", WeaknessKind::Control)
                .chars()
                .count(),
            PLAN
        );
    }
}
