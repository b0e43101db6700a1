//! Our answers on a ticket: the receipt of a justification, a refusal, the note when a record closes.
//!
//! No line of an answer begins with a command marker, so an answer can never be read as a command.

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::desk::Text;
use serde::Serialize;

use super::blocks;
use super::templates::{RenderFailure, Sampled, Templates};

/// A justification was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptView {
    /// `POAM-000123`.
    pub id: String,
    /// Who wrote it, as the desk shows them.
    pub author: String,
    pub reason: String,
    /// Items it covers: those on the record when it was taken.
    pub items: usize,
    pub at: DateTime<Utc>,
    pub until: NaiveDate,
    /// SHA-256 of the comment as it was taken, hex.
    pub hash: String,
}

/// A command was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalView {
    pub id: String,
    pub author: String,
    /// A sentence without full stop that says why and does not say who would be allowed.
    pub cause: String,
    /// Whether a better command by the same person would help; then the form is explained.
    pub explain: bool,
}

/// The record closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClosingView {
    pub id: String,
    /// What proves it, e.g. `fixed on all 3 items, seen in two complete pulls`.
    pub evidence: String,
    pub at: DateTime<Utc>,
    /// Days within which the same weakness reopens this record.
    pub reopen_days: u32,
}

pub fn render_receipt(templates: &Templates, view: &ReceiptView) -> Result<Text, RenderFailure> {
    answer(templates, ReceiptView::TEMPLATES[0], view)
}

pub fn render_refusal(templates: &Templates, view: &RefusalView) -> Result<Text, RenderFailure> {
    answer(templates, RefusalView::TEMPLATES[0], view)
}

pub fn render_closing(templates: &Templates, view: &ClosingView) -> Result<Text, RenderFailure> {
    answer(templates, ClosingView::TEMPLATES[0], view)
}

fn answer<C: Serialize>(
    templates: &Templates,
    name: &str,
    view: &C,
) -> Result<Text, RenderFailure> {
    Ok(blocks::disarm(blocks::parse(
        &templates.render(name, view)?,
    )))
}

const HOSTILE: &str =
    "/justify\n/justify <b>\u{202e}{{7*7}}\npoam: justify again and again and again";

impl Sampled for ReceiptView {
    const TEMPLATES: &'static [&'static str] = &["tickets/replies/receipt"];

    fn samples() -> Vec<(&'static str, Self)> {
        let typical = Self {
            id: "POAM-000123".into(),
            author: "Dana Reyes".into(),
            reason: "The bucket holds public web content only; encryption adds nothing.".into(),
            items: 3,
            at: DateTime::UNIX_EPOCH,
            until: NaiveDate::default(),
            hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        };
        let hostile = Self {
            author: HOSTILE.into(),
            reason: HOSTILE.into(),
            items: 1,
            ..typical.clone()
        };
        vec![("typical", typical), ("hostile", hostile)]
    }
}

impl Sampled for RefusalView {
    const TEMPLATES: &'static [&'static str] = &["tickets/replies/refusal"];

    fn samples() -> Vec<(&'static str, Self)> {
        let typical = Self {
            id: "POAM-000123".into(),
            author: "Sam Okafor".into(),
            cause: "you are not among those who may justify findings here".into(),
            explain: false,
        };
        let short = Self {
            cause: "the reason is shorter than 20 characters".into(),
            explain: true,
            ..typical.clone()
        };
        let hostile = Self {
            author: HOSTILE.into(),
            cause: HOSTILE.into(),
            explain: true,
            ..typical.clone()
        };
        vec![
            ("typical", typical),
            ("too short", short),
            ("hostile", hostile),
        ]
    }
}

impl Sampled for ClosingView {
    const TEMPLATES: &'static [&'static str] = &["tickets/replies/closing"];

    fn samples() -> Vec<(&'static str, Self)> {
        let typical = Self {
            id: "POAM-000123".into(),
            evidence: "fixed on all 3 items, seen in two complete pulls".into(),
            at: DateTime::UNIX_EPOCH,
            reopen_days: 90,
        };
        let hostile = Self {
            evidence: HOSTILE.into(),
            ..typical.clone()
        };
        vec![("typical", typical), ("hostile", hostile)]
    }
}

#[cfg(test)]
mod tests {
    use poamd_contract::desk::Block;

    use super::*;

    fn lines(text: &Text) -> Vec<String> {
        let all = text.blocks.iter().flat_map(|block| match block {
            Block::Heading { text } | Block::Paragraph { text } | Block::Code { text } => {
                vec![text.clone()]
            }
            Block::Bullets { items } => items.clone(),
        });
        all.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn no_line_of_an_answer_is_a_command() {
        let templates = Templates::packaged().unwrap();
        let mut all = Vec::new();
        for (_, view) in ReceiptView::samples() {
            all.extend(lines(&render_receipt(&templates, &view).unwrap()));
        }
        for (_, view) in RefusalView::samples() {
            all.extend(lines(&render_refusal(&templates, &view).unwrap()));
        }
        for (_, view) in ClosingView::samples() {
            all.extend(lines(&render_closing(&templates, &view).unwrap()));
        }
        assert!(all.len() > 12);
        for line in all {
            let bare = line.trim_start().to_lowercase();
            assert!(
                !bare.starts_with('/') && !bare.starts_with("poam:") && !bare.starts_with("@poam"),
                "{line}"
            );
        }
    }

    #[test]
    fn a_receipt_repeats_what_was_understood() {
        let templates = Templates::packaged().unwrap();
        let (_, view) = ReceiptView::samples().remove(0);
        let words = lines(&render_receipt(&templates, &view).unwrap()).join("\n");
        for part in [
            "POAM-000123",
            "Dana Reyes",
            "public web content",
            "3 items",
            "1970-01-01",
            "9f86d081",
        ] {
            assert!(words.contains(part), "{part} is missing in\n{words}");
        }
        let (_, view) = RefusalView::samples().remove(1);
        let words = lines(&render_refusal(&templates, &view).unwrap()).join("\n");
        assert!(
            words.contains("shorter than 20") && words.contains("expires=YYYY-MM-DD"),
            "{words}"
        );
    }
}
