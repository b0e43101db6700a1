//! The monthly report that people read (VER: MUST, all classes), as Markdown or HTML from one list of blocks.

use chrono::NaiveDate;

use super::super::dataset::{Dataset, Record};
use super::redact::redact;
use super::{Accepted, Period, Sorted, Vulnerability};
use crate::domain::rating::Rating;
use crate::render::sink;

/// One piece of the report.
enum Block {
    Title(String),
    Heading(String),
    Text(String),
    Table {
        head: Vec<&'static str>,
        rows: Vec<Vec<String>>,
    },
}

/// As Markdown.
pub fn markdown(data: &Dataset, since: Option<NaiveDate>) -> String {
    let mut out = String::new();
    for block in blocks(data, since) {
        match block {
            Block::Title(text) => out.push_str(&format!("# {}\n\n", escaped(&text))),
            Block::Heading(text) => out.push_str(&format!("## {}\n\n", escaped(&text))),
            Block::Text(text) => out.push_str(&format!("{}\n\n", escaped(&text))),
            Block::Table { head, rows } => {
                out.push_str(&format!("| {} |\n", head.join(" | ")));
                out.push_str(&format!("|{}\n", " --- |".repeat(head.len())));
                for row in rows {
                    let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
                    out.push_str(&format!("| {} |\n", cells.join(" | ")));
                }
                out.push('\n');
            }
        }
    }
    out
}

/// As one HTML page without scripts, links and foreign resources.
pub fn html(data: &Dataset, since: Option<NaiveDate>) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n<style>\n\
         body {{ font: 14px/1.45 system-ui, sans-serif; max-width: 90rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }}\n\
         table {{ border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }}\n\
         th, td {{ border: 1px solid #c9c9c9; padding: .3rem .5rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; min-width: 3.5rem }}\n\
         th {{ background: #eef1f6 }}\n</style>\n</head>\n<body>\n",
        sink::html(&title(data))
    );
    for block in blocks(data, since) {
        match block {
            Block::Title(text) => out.push_str(&format!("<h1>{}</h1>\n", sink::html(&text))),
            Block::Heading(text) => out.push_str(&format!("<h2>{}</h2>\n", sink::html(&text))),
            Block::Text(text) => out.push_str(&format!("<p>{}</p>\n", sink::html(&text))),
            Block::Table { head, rows } => {
                let cell = |tag: &str, text: &str| format!("<{tag}>{}</{tag}>", sink::html(text));
                let head: String = head.iter().map(|text| cell("th", text)).collect();
                out.push_str(&format!("<table>\n<tr>{head}</tr>\n"));
                for row in rows {
                    let cells: String = row.iter().map(|text| cell("td", text)).collect();
                    out.push_str(&format!("<tr>{cells}</tr>\n"));
                }
                out.push_str("</table>\n");
            }
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn title(data: &Dataset) -> String {
    format!("{}: vulnerability detection and response", data.system.name)
}

fn head(data: &Dataset, period: Period) -> Block {
    let provider = match data.system.provider.as_str() {
        "" => String::new(),
        provider => format!("Provider: {provider}. "),
    };
    Block::Text(format!(
        "{provider}Period from {} to {}. Times are UTC. Details that would help exploitation are left out.",
        period.from.date_naive(),
        period.to.date_naive()
    ))
}

fn blocks(data: &Dataset, since: Option<NaiveDate>) -> Vec<Block> {
    let period = Period::of(data, since);
    let sorted = Sorted::of(data, period);
    let mut blocks = vec![
        Block::Title(title(data)),
        head(data, period),
        Block::Heading("Summary".to_owned()),
        summary(data, period, &sorted),
    ];
    blocks.extend(blind(data));
    let overdue: Vec<&Vulnerability> = sorted
        .active
        .iter()
        .filter(|v| v.overdue_status.is_overdue)
        .collect();
    blocks.push(Block::Heading(format!("Overdue ({})", overdue.len())));
    blocks.push(table(
        vec![
            "Id",
            "What",
            "Detected",
            "Why it is overdue",
            "Next reduction",
        ],
        overdue.iter().map(|v| {
            let why = v.overdue_status.explanation.clone().unwrap_or_default();
            vec![
                id(v),
                what(v),
                v.detection.detected_at.clone(),
                why,
                next(v),
            ]
        }),
    ));
    blocks.push(Block::Heading(format!("Active ({})", sorted.active.len())));
    blocks.push(table(
        vec![
            "Id",
            "What",
            "Detected by",
            "Detected",
            "Evaluated",
            "Internet-reachable",
            "Likely exploitable",
            "Rating",
            "Reductions",
            "Next reduction",
            "Note",
        ],
        sorted.active.iter().map(active),
    ));
    blocks.push(Block::Heading(format!(
        "Ended in the period ({})",
        sorted.ended.len()
    )));
    blocks.push(table(
        vec!["Id", "What", "Detected", "Disposition"],
        sorted.ended.iter().map(|v| {
            let end = v.final_disposition.unwrap_or_default().to_owned();
            vec![id(v), what(v), v.detection.detected_at.clone(), end]
        }),
    ));
    blocks.push(Block::Heading(format!(
        "Accepted ({})",
        sorted.accepted.len()
    )));
    blocks.push(table(
        vec!["Id", "What", "Detected", "Rating", "Why it is accepted"],
        sorted.accepted.iter().map(accepted),
    ));
    blocks
}

/// Where detection fails, by its records: what is not seen cannot be in the lists that follow.
fn blind(data: &Dataset) -> Vec<Block> {
    let gaps = data.gaps().map(|r| {
        let since = r.detected.format("%Y-%m-%d").to_string();
        vec![r.id.to_string(), redact(&r.title, r), since]
    });
    let rows: Vec<Vec<String>> = gaps.collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![
        Block::Heading(format!("Failures of detection ({})", rows.len())),
        Block::Table {
            head: vec!["Id", "What", "Since"],
            rows,
        },
    ]
}

fn summary(data: &Dataset, period: Period, sorted: &Sorted) -> Block {
    let rating = |wanted: Option<Rating>| {
        let live = |r: &&Record| r.status.is_live() && r.rating == wanted;
        data.records.iter().filter(live).count().to_string()
    };
    let detected = data
        .records
        .iter()
        .filter(|r| period.holds(r.detected))
        .count();
    let overdue = sorted
        .active
        .iter()
        .filter(|v| v.overdue_status.is_overdue)
        .count();
    let waiting = data
        .records
        .iter()
        .filter(|r| r.status.is_live() && r.vendor.as_ref().is_some_and(|v| v.live));
    let row = |what: &str, count: String| vec![what.to_owned(), count];
    Block::Table {
        head: vec!["What", "Count"],
        rows: vec![
            row("Detected in the period", detected.to_string()),
            row("Ended in the period", sorted.ended.len().to_string()),
            row("Active", sorted.active.len().to_string()),
            row("Overdue", overdue.to_string()),
            row("Accepted", sorted.accepted.len().to_string()),
            row("Waiting for a vendor", waiting.count().to_string()),
            row("High", rating(Some(Rating::High))),
            row("Moderate", rating(Some(Rating::Moderate))),
            row("Low", rating(Some(Rating::Low))),
        ],
    }
}

fn table(head: Vec<&'static str>, rows: impl Iterator<Item = Vec<String>>) -> Block {
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return Block::Text("None.".to_owned());
    }
    Block::Table { head, rows }
}

fn id(v: &Vulnerability) -> String {
    v.provider_tracking_id.clone()
}

fn what(v: &Vulnerability) -> String {
    v.vulnerability_description.clone()
}

fn active(v: &Vulnerability) -> Vec<String> {
    let yes = |is: Option<bool>| match is {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not evaluated",
    };
    let reductions = v.pain_reduction_events.iter();
    let reductions = reductions.map(|r| format!("N{} on {}", r.rating, &r.reduced_at[..10]));
    vec![
        id(v),
        what(v),
        v.detection.detection_source.clone(),
        v.detection.detected_at.clone(),
        v.evaluation_completed_at
            .clone()
            .unwrap_or_else(|| "no".to_owned()),
        yes(v.is_internet_reachable).to_owned(),
        yes(Some(v.is_likely_exploitable)).to_owned(),
        rating(v),
        reductions.collect::<Vec<_>>().join(", "),
        next(v),
        v.supplementary_risk_information.clone().unwrap_or_default(),
    ]
}

fn accepted(a: &Accepted) -> Vec<String> {
    let v = &a.vulnerability_detail;
    vec![
        id(v),
        what(v),
        v.detection.detected_at.clone(),
        rating(v),
        a.acceptance_rationale.clone(),
    ]
}

fn rating(v: &Vulnerability) -> String {
    v.current_rating
        .map_or_else(String::new, |n| format!("N{n}"))
}

fn next(v: &Vulnerability) -> String {
    let next = v.projected_next_reduction.as_ref();
    next.map_or_else(String::new, |next| {
        format!("N{} by {}", next.target_rating, &next.estimated_at[..10])
    })
}

/// Markdown text of one line: nothing in it is a mark, a tag or a link.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in sink::text(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '!' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
