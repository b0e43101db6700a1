//! The helpers templates may call. They return values, which then pass the sink like any other; only `wrap` writes
//! lines itself, and applies the sink to what it is given.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext,
    RenderErrorReason, Renderable, handlebars_helper,
};
use serde_json::Value;

use super::sink;
use crate::domain::rating::Rating;

/// The width of plain text; mail clients quote at 78.
const TEXT_WIDTH: usize = 74;
/// What stands where there is no date.
const NO_DATE: &str = "–";

// A day as `2026-11-22`; `–` if there is none.
handlebars_helper!(date: |value: Json| day(value).map_or_else(|| NO_DATE.to_owned(), |day| day.to_string()));

// An instant in a zone, with the zone's abbreviation: `2026-11-22 01:10 EST`.
handlebars_helper!(time: |value: Json, zone: str| instant(value, zone));

// `1 record`, `2 records`.
handlebars_helper!(plural: |count: u64, one: str, many: str| format!("{count} {}", if count == 1 { one } else { many }));

// A share as a whole percentage; nothing of nothing is 0 %.
handlebars_helper!(percent: |part: u64, whole: u64| format!("{} %", (part * 100 + whole / 2).checked_div(whole).unwrap_or(0)));

// The compliance word of a rating.
handlebars_helper!(rating: |value: str| value.parse::<Rating>().map_or_else(|_| value.to_owned(), |known| known.word().to_owned()));

// Left-aligned in a column, cut if too long.
handlebars_helper!(pad: |value: Json, width: u64| { let width = columns(width); format!("{:<width$}", shorten(&plain(value), width)) });

// Right-aligned in a column, cut if too long.
handlebars_helper!(padl: |value: Json, width: u64| { let width = columns(width); format!("{:>width$}", shorten(&plain(value), width)) });

// At most so many characters, the last one an ellipsis if something is missing.
handlebars_helper!(cut: |value: str, width: u64| shorten(&sink::text(value), columns(width)));

// Days left in words: `in 3 days`, `today`, `12 days late`.
handlebars_helper!(days: |left: i64| match left {
    0 => "today".to_owned(),
    1 => "tomorrow".to_owned(),
    -1 => "1 day late".to_owned(),
    left if left < 0 => format!("{} days late", left.unsigned_abs()),
    left => format!("in {left} days"),
});

// Whether an address may become a link: https, or http to this machine.
handlebars_helper!(web_url: |value: Json| value.as_str().is_some_and(is_web_url));

pub(super) fn register(registry: &mut Handlebars<'static>) {
    registry.register_helper("if", Box::new(Condition { wanted: true }));
    registry.register_helper("unless", Box::new(Condition { wanted: false }));
    registry.register_helper("date", Box::new(date));
    registry.register_helper("time", Box::new(time));
    registry.register_helper("plural", Box::new(plural));
    registry.register_helper("percent", Box::new(percent));
    registry.register_helper("rating", Box::new(rating));
    registry.register_helper("pad", Box::new(pad));
    registry.register_helper("padl", Box::new(padl));
    registry.register_helper("cut", Box::new(cut));
    registry.register_helper("days", Box::new(days));
    registry.register_helper("web_url", Box::new(web_url));
}

/// `{{wrap text 4}}`: the text in lines of at most 74 characters, those after the first indented.
pub(super) fn register_text(registry: &mut Handlebars<'static>) {
    registry.register_helper("wrap", Box::new(wrap));
}

/// `if` and `unless` that fail on a name that does not exist; the engine's take it for false even in strict mode, so a
/// misspelt name would silently hide a section.
struct Condition {
    wanted: bool,
}

impl HelperDef for Condition {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let name = if self.wanted { "if" } else { "unless" };
        let parameter = helper
            .param(0)
            .ok_or(RenderErrorReason::ParamNotFoundForIndex(name, 0))?;
        if parameter.is_value_missing() {
            return Err(
                RenderErrorReason::MissingVariable(parameter.relative_path().cloned()).into(),
            );
        }
        let holds = parameter.value().is_truthy(false) == self.wanted;
        let branch = if holds {
            helper.template()
        } else {
            helper.inverse()
        };
        branch.map_or(Ok(()), |branch| {
            branch.render(registry, context, state, out)
        })
    }
}

fn wrap(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let text = helper.param(0).and_then(|value| value.value().as_str());
    let text = text.ok_or(RenderErrorReason::ParamNotFoundForIndex("wrap", 0))?;
    let indent = helper
        .param(1)
        .and_then(|value| value.value().as_u64())
        .unwrap_or(0);
    out.write(&wrapped(&sink::text(text), columns(indent)))?;
    Ok(())
}

fn wrapped(text: &str, indent: usize) -> String {
    let room = TEXT_WIDTH.saturating_sub(indent).max(20);
    folded(text, room).join(&format!("\n{}", " ".repeat(indent)))
}

/// A text in lines of at most so many characters, unless a word is longer; at least one line.
pub fn folded(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = line.chars().count();
        if length > 0 && length + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn day(value: &Value) -> Option<NaiveDate> {
    let text = value.as_str()?;
    text.parse()
        .ok()
        .or_else(|| text.parse::<DateTime<Utc>>().ok().map(|at| at.date_naive()))
}

fn instant(value: &Value, zone: &str) -> String {
    let at = value
        .as_str()
        .and_then(|text| text.parse::<DateTime<Utc>>().ok());
    match (at, zone.parse::<Tz>()) {
        (Some(at), Ok(zone)) => at
            .with_timezone(&zone)
            .format("%Y-%m-%d %H:%M %Z")
            .to_string(),
        (Some(at), Err(_)) => at.format("%Y-%m-%d %H:%M UTC").to_string(),
        (None, _) => NO_DATE.to_owned(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => sink::text(text),
        Value::Null => NO_DATE.to_owned(),
        other => other.to_string(),
    }
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn columns(width: u64) -> usize {
    usize::try_from(width).unwrap_or(TEXT_WIDTH).min(10_000)
}

fn is_web_url(text: &str) -> bool {
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return false;
    }
    let Ok(url) = url::Url::parse(text) else {
        return false;
    };
    match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn helpers_say_what_a_reader_expects() {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(sink::text);
        register(&mut registry);
        register_text(&mut registry);
        let data = json!({
            "day": "2026-11-22", "at": "2026-07-01T11:10:00Z", "none": null, "zone": "America/New_York",
            "long": "abcdefghij", "r": "high", "n": 1, "late": -3, "url": "javascript:alert(1)",
            "words": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen",
        });
        for (template, want) in [
            (
                "{{date day}} {{date at}} {{date none}}",
                "2026-11-22 2026-07-01 –",
            ),
            ("{{time at zone}}", "2026-07-01 07:10 EDT"),
            (
                "{{plural n \"record\" \"records\"}}, {{plural 2 \"record\" \"records\"}}",
                "1 record, 2 records",
            ),
            ("{{percent 1 3}} {{percent 0 0}}", "33 % 0 %"),
            ("{{rating r}}", "High"),
            (
                "[{{pad long 5}}][{{pad r 6}}][{{padl n 3}}]",
                "[abcd…][high  ][  1]",
            ),
            (
                "{{days late}}, {{days 0}}, {{days 9}}",
                "3 days late, today, in 9 days",
            ),
            ("{{#if (web_url url)}}link{{else}}none{{/if}}", "none"),
            (
                "{{wrap words 2}}",
                "one two three four five six seven eight nine ten eleven twelve thirteen\n  fourteen",
            ),
        ] {
            assert_eq!(
                registry.render_template(template, &data).unwrap(),
                want,
                "{template}"
            );
        }
        assert!(
            registry
                .render_template("{{#if missing}}x{{/if}}", &data)
                .is_err()
        );
        assert!(registry.render_template("{{missing}}", &data).is_err());
    }

    #[test]
    fn only_web_addresses_become_links() {
        for (text, is) in [
            ("https://jira.example.com/browse/SEC-1", true),
            ("http://127.0.0.1:4711/browse/SEC-1", true),
            ("http://jira.example.com/", false),
            ("data:text/html,x", false),
            (" https://x", false),
            ("//evil", false),
        ] {
            assert_eq!(is_web_url(text), is, "{text}");
        }
    }
}
