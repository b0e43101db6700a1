//! What poamd says on a ticket, beyond the ticket's own text.

use chrono::{DateTime, NaiveDate, Utc};
use poamd_contract::desk::{Block, Text};

use super::{Result, Rules};
use crate::domain::deadline::last_day;
use crate::domain::record::RecordId;
use crate::render::blocks::disarm;
use crate::render::reply::{
    ClosingView, ReceiptView, RefusalView, render_closing, render_receipt, render_refusal,
};
use crate::render::templates::Templates;
use crate::store::justifications::JustificationRow;
use crate::store::records::RecordRow;

pub(super) fn closing(
    templates: &Templates,
    record: &RecordRow,
    findings: usize,
    rules: &Rules,
    at: DateTime<Utc>,
) -> Result<Text> {
    let evidence = match findings {
        1 => "the finding on this record is fixed, by a positive signal or two complete looks that no longer saw it".to_owned(),
        n => format!("all {n} findings on this record are fixed, each by a positive signal or two complete looks that no longer saw it"),
    };
    let view = ClosingView {
        id: RecordId(record.id).to_string(),
        evidence,
        at,
        reopen_days: rules.reopen_days,
    };
    Ok(render_closing(templates, &view)?)
}

/// Facts of ours only, so no template and no foreign text.
pub(super) fn reopening(record: &RecordRow) -> Text {
    let due = record
        .due
        .map_or_else(String::new, |due| format!(" It is due on {due}."));
    paragraphs(&[format!(
        "{} is open again: the weakness was seen again after it was said or found to be fixed.{due}",
        RecordId(record.id)
    )])
}

pub(super) fn refusal(
    templates: &Templates,
    record: i64,
    author: &str,
    cause: &str,
    explain: bool,
) -> Result<Text> {
    let view = RefusalView {
        id: RecordId(record).to_string(),
        author: author.to_owned(),
        cause: cause.to_owned(),
        explain,
    };
    Ok(render_refusal(templates, &view)?)
}

pub(super) struct Receipt<'a> {
    pub record: i64,
    pub author: &'a str,
    pub reason: &'a str,
    pub items: usize,
    pub at: DateTime<Utc>,
    pub until: NaiveDate,
    pub hash: &'a str,
}

pub(super) fn receipt(templates: &Templates, receipt: &Receipt<'_>) -> Result<Text> {
    let view = ReceiptView {
        id: RecordId(receipt.record).to_string(),
        author: receipt.author.to_owned(),
        reason: receipt.reason.to_owned(),
        items: receipt.items,
        at: receipt.at,
        until: receipt.until,
        hash: receipt.hash.to_owned(),
    };
    Ok(render_receipt(templates, &view)?)
}

pub(super) fn help() -> Text {
    paragraphs(&[
        "Commands stand at the beginning of a line, in a comment of their own.".to_owned(),
        "To justify the findings on this record: a slash and the word justify, then the reason in at least 20 characters, then if wanted expires=YYYY-MM-DD and on:ITEM. In place of the slash, \"poam:\" does as well.".to_owned(),
        "In the same way, status tells how the record stands. Only people who were given the right can justify.".to_owned(),
    ])
}

pub(super) fn status(
    record: &RecordRow,
    items: usize,
    in_force: Option<&JustificationRow>,
) -> Text {
    let rating = record.rating.map_or("unrated", |r| r.0.word());
    let due = record
        .due
        .map_or_else(|| "no due date".to_owned(), |d| format!("due on {d}"));
    let justified = match in_force {
        Some(j) => format!(
            "A justification of {} holds until {}.",
            j.accepted_at.date(),
            last_day(j.expires_at.and_utc())
        ),
        None => "No justification is in force.".to_owned(),
    };
    let plural = if items == 1 { "item" } else { "items" };
    paragraphs(&[
        format!(
            "{} is {}, rated {rating}, {due}, with {items} {plural} still affected.",
            RecordId(record.id),
            record.status.0
        ),
        justified,
    ])
}

fn paragraphs(lines: &[String]) -> Text {
    let blocks = lines
        .iter()
        .map(|text| Block::Paragraph { text: text.clone() });
    disarm(Text {
        blocks: blocks.collect(),
    })
}
