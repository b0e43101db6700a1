//! All templates with all samples: they render, say something, are well formed, and show nothing foreign unescaped.

#![allow(clippy::unwrap_used)]

use poamd::render::reply::{ClosingView, ReceiptView, RefusalView};
use poamd::render::templates::{Sampled, Templates};
use poamd::render::ticket::TicketSample;
use poamd::reports::context::PoamReport;

/// Elements without an end tag.
const VOID: [&str; 3] = ["meta", "br", "!doctype"];

fn each<C: Sampled>(mut look: impl FnMut(&str, &str, &str)) {
    let templates = Templates::packaged().unwrap();
    templates.prove::<C>().unwrap();
    for (sample, data) in C::samples() {
        for name in C::TEMPLATES {
            let rendered = templates.render(name, &data).unwrap();
            assert!(
                rendered.trim().len() > 10,
                "{name} says nothing for {sample}"
            );
            if sample != "hostile" {
                assert!(
                    !rendered.contains("{{") && !rendered.contains("}}"),
                    "{name} with {sample}: {rendered}"
                );
            }
            assert!(
                !rendered.contains(['\0', '\u{202e}', '\r']),
                "{name} with {sample} passes controls on"
            );
            assert!(
                !rendered.contains("49x") && !rendered.contains(" 49\n"),
                "{name} evaluates a value"
            );
            look(name, sample, &rendered);
        }
    }
}

#[test]
fn every_template_belongs_to_a_kind_of_data_with_samples() {
    let mut sampled: Vec<&str> = Vec::new();
    sampled.extend(PoamReport::TEMPLATES);
    sampled.extend(TicketSample::TEMPLATES);
    sampled.extend(ReceiptView::TEMPLATES);
    sampled.extend(RefusalView::TEMPLATES);
    sampled.extend(ClosingView::TEMPLATES);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    let files = walkdir::WalkDir::new(folder)
        .follow_links(true)
        .into_iter()
        .filter_map(Result::ok);
    let on_disk = files
        .filter(|file| file.path().extension().is_some_and(|end| end == "hbs"))
        .count();
    let templates = Templates::packaged().unwrap();
    assert_eq!(
        templates.names().len(),
        on_disk,
        "a template was added or removed since src/render/templates.rs was built"
    );
    for name in templates.names() {
        assert!(
            sampled.contains(&name.as_str()) || name.contains("/partials/"),
            "{name} is rendered by no test"
        );
    }
}

#[test]
fn ticket_text_renders_with_every_sample() {
    each::<TicketSample>(|_, _, _| {});
    each::<ReceiptView>(|_, _, _| {});
    each::<RefusalView>(|_, _, _| {});
    each::<ClosingView>(|_, _, _| {});
}

#[test]
fn reports_render_with_every_sample() {
    each::<PoamReport>(|name, sample, rendered| {
        if name.ends_with(".html") {
            balanced(rendered).unwrap_or_else(|cause| panic!("{name} with {sample}: {cause}"));
            assert!(
                !rendered.contains("<script") && !rendered.contains("javascript:"),
                "{name} with {sample}"
            );
            assert!(
                !rendered.contains("src=") && !rendered.contains("url("),
                "{name} loads something"
            );
            assert!(
                rendered.contains("<html lang=\"en\">")
                    && rendered.contains("scope=\"row\"") == (sample != "empty")
            );
            assert!(
                rendered.len() < 100_000,
                "mail clients cut mails above 100 KB: {}",
                rendered.len()
            );
        } else {
            for line in rendered.lines() {
                let fits = line.chars().count() <= 78
                    || line.split_whitespace().any(|word| word.len() > 40);
                assert!(fits, "{name} with {sample} has the line {line:?}");
            }
        }
        if name.ends_with("subject.txt") {
            assert_eq!(rendered.trim_end().lines().count(), 1);
        }
    });
}

#[test]
fn the_report_says_what_a_reader_looks_for() {
    each::<PoamReport>(|name, sample, rendered| {
        if sample != "typical" || name.ends_with("subject.txt") {
            return;
        }
        for part in [
            "agency-prod",
            "EST",
            "POAM-000101",
            "billing-prod",
            "SEC-40",
            "41 days late",
            "Opened: 3",
            "Closed: 2",
            "Reopened: 1",
            "Dana Reyes",
            "guardduty:ListDetectors",
            "48213",
            "5f2d9b0c6e7a41f38c1b9d2e4a6f80735d1c2b3a495867f0e1d2c3b4a5968778",
            "poamd 0.1.0",
        ] {
            assert!(rendered.contains(part), "{name}: {part} is missing");
        }
    });
    let subject = Templates::packaged()
        .unwrap()
        .render("reports/poam/subject.txt", &PoamReport::samples()[1].1)
        .unwrap();
    assert_eq!(
        subject.trim_end(),
        "POA&M agency-prod 2026-11-22: 3 late, 14 open, 2 coverage gaps"
    );
}

/// Whether all elements close in order, and all attributes are quoted.
fn balanced(html: &str) -> Result<(), String> {
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        if rest[..start].contains('>') && open.last().is_none_or(|name| name != "style") {
            return Err(format!("a lone > near {:?}", &rest[..start.min(80)]));
        }
        let end = rest[start..].find('>').ok_or("an unclosed tag")? + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if tag.matches('"').count() % 2 == 1 || tag.contains('\n') {
            return Err(format!("bad quotes in <{tag}>"));
        }
        let name = tag
            .trim_start_matches('/')
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_lowercase();
        if let Some(closing) = tag.strip_prefix('/') {
            let last = open.pop().unwrap_or_default();
            if last != closing {
                return Err(format!("</{closing}> closes <{last}>"));
            }
        } else if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("still open: {open:?}"))
    }
}
