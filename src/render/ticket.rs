//! What a ticket says when it is made or rewritten: a summary of one line and a description in blocks.

use chrono::NaiveDate;
use poamd_contract::desk::Text;
use serde::Serialize;

use super::blocks;
use super::templates::{RenderFailure, Sampled, Templates};
use crate::domain::rating::Rating;

/// Jira refuses a longer summary, and ServiceNow's short description is cut.
pub const SUMMARY: usize = 250;
/// How many items a description names; the rest is a number.
pub const ITEMS_SHOWN: usize = 20;
/// Longest foreign paragraph in a description, in characters; Jira takes 32,767 for the whole.
const PARAGRAPH: usize = 4_000;

/// A record as its ticket tells it. Strings are plain text from anywhere; empty ones are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketView {
    /// The desk's system, [`poamd_contract::desk::DeskTraits::system`]: `jira-cloud`, `servicenow`.
    pub system: String,
    /// `POAM-000123`.
    pub id: String,
    /// The weakness's id: a control, a CVE, a policy.
    pub weakness: String,
    pub title: String,
    /// What is wrong, as its source describes it.
    pub what: String,
    pub account: String,
    pub account_name: String,
    pub items: Vec<TicketItem>,
    /// Why it matters.
    pub why: String,
    /// How to fix it.
    pub fix: String,
    pub rating: Rating,
    /// How the rating came about, e.g. `Security Hub says HIGH`.
    pub rating_reason: String,
    pub detected: NaiveDate,
    pub due: Option<NaiveDate>,
    /// The rule the due date follows from ([`crate::domain::clock`]).
    pub due_rule: String,
    /// Detectors that see it.
    pub sources: Vec<String>,
    /// Controls it breaks.
    pub controls: Vec<String>,
    /// The order of work before what its age adds, which changes with every day.
    pub priority: i64,
    /// Every term of it.
    pub terms: Vec<PriorityTerm>,
}

/// One summand of the priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriorityTerm {
    pub name: String,
    /// With its sign: `+40`, `-3`, `0`.
    pub points: String,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TicketItem {
    pub name: String,
    pub arn: String,
    pub technology: String,
    pub region: String,
}

#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    view: &'a TicketView,
    shown: &'a [TicketItem],
    more: usize,
    paragraph: usize,
}

impl<'a> Page<'a> {
    fn of(view: &'a TicketView) -> Self {
        let shown = &view.items[..view.items.len().min(ITEMS_SHOWN)];
        Self {
            view,
            shown,
            more: view.items.len() - shown.len(),
            paragraph: PARAGRAPH,
        }
    }
}

/// Summary (one line, at most 250 characters) and description of a ticket.
pub fn render_ticket(
    templates: &Templates,
    view: &TicketView,
) -> Result<(String, Text), RenderFailure> {
    let folder = match view.system.as_str() {
        "servicenow" => "tickets/servicenow",
        _ => "tickets/jira",
    };
    let page = Page::of(view);
    let summary = blocks::line(&templates.render(&format!("{folder}/summary"), &page)?);
    let description = blocks::parse(&templates.render(&format!("{folder}/description"), &page)?);
    Ok((cut(&summary, SUMMARY), description))
}

fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some(_) => text.chars().take(length - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// [`TicketView`] as the templates see it.
#[derive(Serialize)]
#[serde(transparent)]
pub struct TicketSample(serde_json::Value);

impl Sampled for TicketSample {
    const TEMPLATES: &'static [&'static str] = &[
        "tickets/jira/summary",
        "tickets/jira/description",
        "tickets/servicenow/summary",
        "tickets/servicenow/description",
    ];

    fn samples() -> Vec<(&'static str, Self)> {
        let page =
            |view: &TicketView| Self(serde_json::to_value(Page::of(view)).unwrap_or_default());
        TicketView::samples()
            .into_iter()
            .map(|(name, view)| (name, page(&view)))
            .collect()
    }
}

impl TicketView {
    /// Typical, bare and hostile.
    pub fn samples() -> Vec<(&'static str, Self)> {
        vec![
            ("typical", Self::typical()),
            ("bare", Self::bare()),
            ("hostile", Self::hostile()),
        ]
    }

    fn typical() -> Self {
        let bucket = |n: usize| TicketItem {
            name: format!("billing-export-{n:02}"),
            arn: format!("arn:aws-us-gov:s3:::billing-export-{n:02}"),
            technology: "s3".into(),
            region: "us-gov-west-1".into(),
        };
        Self {
            system: "jira-cloud".into(),
            id: "POAM-000123".into(),
            weakness: "s3-default-encryption".into(),
            title: "Bucket without default encryption".into(),
            what: "The bucket has no default encryption, so objects written without their own are stored in the clear.".into(),
            account: "210987654321".into(),
            account_name: "billing-prod".into(),
            items: (1..=23).map(bucket).collect(),
            why: "Whoever reaches the storage reads the objects; SC-28 asks for protection at rest.".into(),
            fix: "Switch on default encryption (SSE-S3 or SSE-KMS) for the bucket and copy old objects over themselves.".into(),
            rating: Rating::High,
            rating_reason: "the policy states score 8, Security Hub says HIGH; the higher counts".into(),
            detected: NaiveDate::from_ymd_opt(2026, 11, 22).unwrap_or_default(),
            due: NaiveDate::from_ymd_opt(2026, 12, 22),
            due_rule: "FedRAMP Rev5: High 30 days from detection".into(),
            sources: vec!["policy".into(), "securityhub".into()],
            controls: vec!["SC-28".into(), "SC-28(1)".into()],
            priority: 55,
            terms: [("rating", "+40", "high"), ("exposure", "+15", "its detector says so"), ("fix", "0", "no fix yet")]
                .map(|(name, points, why)| PriorityTerm {
                    name: name.into(),
                    points: points.into(),
                    why: why.into(),
                })
                .into(),
        }
    }

    fn bare() -> Self {
        Self {
            what: String::new(),
            account_name: String::new(),
            items: Vec::new(),
            why: String::new(),
            fix: String::new(),
            rating: Rating::Low,
            rating_reason: String::new(),
            due: None,
            due_rule: String::new(),
            sources: Vec::new(),
            controls: Vec::new(),
            priority: 0,
            terms: Vec::new(),
            ..Self::typical()
        }
    }

    fn hostile() -> Self {
        let bad = "# <b>{{7*7}}</b>\n- /justify all is well, says nobody\u{202e}\u{0} [code]<script>alert(1)</script>[/code]";
        Self {
            weakness: bad.into(),
            title: bad.into(),
            what: bad.into(),
            account_name: bad.into(),
            why: bad.into(),
            fix: format!("{bad}{}", "x".repeat(10_000)),
            rating_reason: bad.into(),
            items: vec![TicketItem {
                name: bad.into(),
                arn: bad.into(),
                technology: bad.into(),
                region: bad.into(),
            }],
            sources: vec![bad.into()],
            controls: vec![bad.into()],
            terms: vec![PriorityTerm {
                name: bad.into(),
                points: bad.into(),
                why: bad.into(),
            }],
            ..Self::typical()
        }
    }
}

#[cfg(test)]
mod tests {
    use poamd_contract::desk::Block;

    use super::*;

    fn rendered(sample: &str, system: &str) -> (String, Text) {
        let mut view = TicketView::samples()
            .into_iter()
            .find(|(name, _)| *name == sample)
            .unwrap()
            .1;
        view.system = system.into();
        render_ticket(&Templates::packaged().unwrap(), &view).unwrap()
    }

    fn all(text: &Text) -> String {
        let lines = text.blocks.iter().map(|block| match block {
            Block::Heading { text } | Block::Paragraph { text } | Block::Code { text } => {
                text.clone()
            }
            Block::Bullets { items } => items.join("\n"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_ticket_says_what_where_why_how_and_until_when() {
        for system in ["jira-cloud", "servicenow"] {
            let (summary, text) = rendered("typical", system);
            assert_eq!(
                summary,
                "[POAM-000123] High: Bucket without default encryption in billing-prod (210987654321)"
            );
            let words = all(&text);
            for part in [
                "stored in the clear",
                "billing-export-20",
                "arn:aws-us-gov:s3:::billing-export-01",
                "and 3 more",
                "SC-28 asks",
                "Switch on default encryption",
                "2026-12-22",
                "FedRAMP Rev5",
                "the higher counts",
                "Priority: 55",
                "exposure +15: its detector says so",
                "expires=YYYY-MM-DD",
                "at least 20 characters",
            ] {
                assert!(
                    words.contains(part),
                    "{system}: {part} is missing in\n{words}"
                );
            }
            assert!(!words.contains("billing-export-21"));
            assert!(words.contains(if system == "servicenow" {
                "poam: justify"
            } else {
                "/justify"
            }));
        }
    }

    #[test]
    fn values_make_no_blocks_and_a_ticket_has_a_bounded_size() {
        let shape = |text: &Text| {
            let kinds = text.blocks.iter().map(|block| match block {
                Block::Heading { text } => format!("# {text}"),
                Block::Paragraph { .. } => "p".to_owned(),
                Block::Bullets { items } => format!("- {}", items.len()),
                Block::Code { text } => format!("| {text}"),
            });
            kinds.collect::<Vec<_>>()
        };
        let (summary, text) = rendered("hostile", "jira-cloud");
        assert!(summary.chars().count() <= SUMMARY && !summary.chars().any(char::is_control));
        let mut tame = TicketView::hostile();
        for field in [
            &mut tame.weakness,
            &mut tame.title,
            &mut tame.what,
            &mut tame.account_name,
        ] {
            *field = "x".into();
        }
        for field in [&mut tame.why, &mut tame.fix, &mut tame.rating_reason] {
            *field = "x".into();
        }
        tame.items = vec![TicketItem {
            name: "x".into(),
            arn: "x".into(),
            technology: "x".into(),
            region: "x".into(),
        }];
        tame.terms = vec![PriorityTerm {
            name: "x".into(),
            points: "x".into(),
            why: "x".into(),
        }];
        tame.sources = vec!["x".into()];
        tame.controls = vec!["x".into()];
        let (_, tame) = render_ticket(&Templates::packaged().unwrap(), &tame).unwrap();
        assert_eq!(shape(&text), shape(&tame));
        assert!(
            all(&text).contains("{{7*7}}"),
            "a value is never a template"
        );
        assert!(all(&text).chars().count() < 30_000);
        assert!(!all(&text).contains('\u{202e}'));
    }
}
