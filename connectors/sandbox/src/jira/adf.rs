//! Rich text as Jira Cloud takes it: the published schema and the refusals the schema does not show.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::openapi;

static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
    let schema: Value =
        serde_json::from_str(include_str!("../../contracts/jira/adf-v1-full.schema.json"))
            .expect("the embedded schema is JSON, which a test holds");
    openapi::compile(&schema).expect("the embedded schema is a schema, which a test holds")
});

/// Largest text of one rich-text field, in characters (`itsm.md` 1.4).
pub const LIMIT: usize = 32_767;

/// Why a value is refused as rich text, in the words of the real server; `None` if it is taken.
pub fn refusal(value: &Value) -> Option<String> {
    if !value.is_object() {
        return Some(
            "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
                .to_owned(),
        );
    }
    if let Some(why) = openapi::complaints(&SCHEMA, value).into_iter().next() {
        return Some(format!("INVALID_INPUT ({why})"));
    }
    if has_empty_text(value) {
        return Some("INVALID_INPUT (empty text node)".to_owned());
    }
    (plain(value).chars().count() > LIMIT).then(|| {
        format!("The entered text is too long. It exceeds the allowed limit of {LIMIT} characters.")
    })
}

/// The text of a document, a line for each block, for the history and for tests.
pub fn plain(value: &Value) -> String {
    let mut text = String::new();
    flatten(value, &mut text);
    text.trim_end().to_owned()
}

/// One paragraph a line.
pub fn document(text: &str) -> Value {
    let paragraph = |line: &str| match line {
        "" => json!({ "type": "paragraph", "content": [] }),
        line => json!({ "type": "paragraph", "content": [{ "type": "text", "text": line }] }),
    };
    json!({ "type": "doc", "version": 1, "content": text.lines().map(paragraph).collect::<Vec<_>>() })
}

fn has_empty_text(value: &Value) -> bool {
    let empty = value["type"] == "text" && value["text"].as_str().is_none_or(str::is_empty);
    empty
        || value["content"]
            .as_array()
            .is_some_and(|c| c.iter().any(has_empty_text))
}

fn flatten(value: &Value, text: &mut String) {
    match value["type"].as_str() {
        Some("text") => text.push_str(value["text"].as_str().unwrap_or_default()),
        Some("hardBreak") => text.push('\n'),
        Some("mention") => text.push_str(value["attrs"]["text"].as_str().unwrap_or_default()),
        _ => {}
    }
    value["content"]
        .as_array()
        .into_iter()
        .flatten()
        .for_each(|inner| flatten(inner, text));
    if matches!(
        value["type"].as_str(),
        Some("paragraph" | "heading" | "codeBlock")
    ) {
        text.push('\n');
    }
}
