//! Text to the Atlassian Document Format and back.
//!
//! Writing uses `doc, paragraph, text, hardBreak, bulletList, listItem, heading, codeBlock, rule` only, and text nodes
//! without marks: foreign text becomes neither link nor mention. Reading accepts everything (`itsm.md` 1.4).

use chrono::DateTime;
use poamd_contract::desk::{Block, Text};
use serde_json::{Value, json};

/// Room of one document in characters of JSON. The server takes 32,767 and does not say whether it counts text or JSON.
pub const ROOM: usize = 30_000;
/// Kept free for what stands around our text.
const AROUND: usize = 200;
/// Less room than this for our text says nothing.
const LEAST: usize = 200;
/// Between our part of a description and what people write below it.
const BORDER: &str = "Everything above this line is kept by poamd and overwritten when it changes. Your notes belong below.";
const CUT: &str = "… (cut: the whole of it is in poamd)";

/// A document of its own, e.g. a comment.
pub fn document(text: &Text) -> Value {
    json!({"version": 1, "type": "doc", "content": blocks(text, ROOM)})
}

/// A description: our part, the border, then `theirs`, the nodes people wrote. `None` if they leave no room for ours:
/// the server refuses an edit with a text that is too long, all its fields.
pub fn description(text: &Text, theirs: Vec<Value>) -> Option<Value> {
    let taken = theirs
        .iter()
        .map(|node| node.to_string().encode_utf16().count())
        .sum::<usize>();
    let room = ROOM.saturating_sub(taken);
    if room < AROUND + LEAST {
        return None;
    }
    let mut content = blocks(text, room);
    content.push(paragraph(BORDER));
    content.push(json!({"type": "rule"}));
    content.extend(theirs);
    Some(json!({"version": 1, "type": "doc", "content": content}))
}

/// What people wrote in a description: all nodes behind the border, or all of them if the border is gone.
pub fn theirs(description: &Value) -> Vec<Value> {
    let nodes = description["content"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let Some(border) = nodes.iter().position(|node| flat(node).trim() == BORDER) else {
        return nodes.to_vec();
    };
    let rest = &nodes[border + 1..];
    // Only its type counts: editors give nodes attributes of their own.
    match rest.split_first() {
        Some((rule, behind)) if rule["type"] == "rule" => behind.to_vec(),
        _ => rest.to_vec(),
    }
}

fn blocks(text: &Text, room: usize) -> Vec<Value> {
    let mut writer = Writer {
        nodes: Vec::new(),
        left: room.saturating_sub(AROUND),
    };
    for block in &text.blocks {
        let whole = match block {
            Block::Heading { text } => {
                let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
                writer.add(&line, 90, |line| json!({"type": "heading", "attrs": {"level": 3}, "content": inline(line)}))
            }
            Block::Paragraph { text } => writer.add(text, 70, paragraph),
            Block::Code { text } => writer.add(
                text,
                90,
                |text| json!({"type": "codeBlock", "content": [{"type": "text", "text": text}]}),
            ),
            Block::Bullets { items } => writer.bullets(items),
        };
        if !whole {
            writer.nodes.push(paragraph(CUT));
            break;
        }
    }
    writer.nodes
}

/// Collects nodes while there is room.
struct Writer {
    nodes: Vec<Value>,
    left: usize,
}

impl Writer {
    /// Adds a node made of `text`, cut where the room ends; empty text makes none. False if it was cut.
    fn add(&mut self, text: &str, around: usize, node: impl Fn(&str) -> Value) -> bool {
        let text = clean(text);
        if text.trim().is_empty() {
            return true;
        }
        let (text, whole) = self.take(&text, around);
        if !text.trim().is_empty() {
            self.nodes.push(node(text));
        }
        whole
    }

    fn bullets(&mut self, items: &[String]) -> bool {
        let mut list = Vec::new();
        let mut all = true;
        for item in items
            .iter()
            .map(|item| clean(item))
            .filter(|item| !item.trim().is_empty())
        {
            let (text, whole) = self.take(&item, 130);
            if !text.trim().is_empty() {
                list.push(json!({"type": "listItem", "content": [paragraph(text)]}));
            }
            all = whole;
            if !all {
                break;
            }
        }
        if !list.is_empty() {
            self.nodes
                .push(json!({"type": "bulletList", "content": list}));
        }
        all
    }

    /// As much of `text` as there is room for beside `around` characters of structure.
    fn take<'a>(&mut self, text: &'a str, around: usize) -> (&'a str, bool) {
        let mut left = self.left.saturating_sub(around);
        for (at, c) in text.char_indices() {
            let cost = cost(c);
            if cost > left {
                self.left = 0;
                return (&text[..at], false);
            }
            left -= cost;
        }
        self.left = left;
        (text, true)
    }
}

/// Length in JSON, in UTF-16 units; a line break becomes a `hardBreak` and opens a new text node.
fn cost(c: char) -> usize {
    match c {
        '\n' => 48,
        '"' | '\\' | '\t' => 2,
        _ => c.len_utf16(),
    }
}

/// Without what neither XML (Jira's store) nor a reader can take: controls, and characters that reorder text.
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\r' => '\n',
            '\n' | '\t' => c,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                '\u{fffd}'
            }
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

fn paragraph(text: &str) -> Value {
    json!({"type": "paragraph", "content": inline(text)})
}

fn inline(text: &str) -> Vec<Value> {
    let mut nodes = Vec::new();
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            nodes.push(json!({"type": "hardBreak"}));
        }
        if !line.is_empty() {
            nodes.push(json!({"type": "text", "text": line}));
        }
    }
    nodes
}

/// A document read: what counts as lines a person wrote, and the whole as plain text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Top-level lines without quotes, code, panels and tables. A list item bears its mark (`- `, `1. `), so it is
    /// never taken for a command.
    pub lines: Vec<String>,
    pub text: String,
}

pub fn read(document: &Value) -> Read {
    let mut read = Read::default();
    // A plain string is what older imports left behind.
    if let Some(text) = document.as_str() {
        read.lines = text.lines().map(str::to_owned).collect();
        read.text = text.to_owned();
        return read;
    }
    let mut all = Vec::new();
    for node in document["content"].as_array().into_iter().flatten() {
        let lines = lines_of(node, 0);
        if matches!(
            node["type"].as_str(),
            Some("paragraph" | "heading" | "bulletList" | "orderedList" | "taskList")
        ) {
            read.lines.extend(lines.iter().cloned());
        }
        all.extend(lines);
    }
    read.text = all.join("\n");
    read
}

/// How deep a document is followed; no editor makes one deeper.
const DEPTH: usize = 32;

fn lines_of(node: &Value, depth: usize) -> Vec<String> {
    if depth > DEPTH {
        return Vec::new();
    }
    let children = || node["content"].as_array().into_iter().flatten();
    match node["type"].as_str().unwrap_or_default() {
        "paragraph" | "heading" | "codeBlock" | "taskItem" | "decisionItem" | "caption" => {
            flat(node).split('\n').map(str::to_owned).collect()
        }
        "bulletList" | "taskList" | "decisionList" => children()
            .flat_map(|item| marked("- ", lines_of(item, depth + 1)))
            .collect(),
        "orderedList" => children()
            .zip(1..)
            .flat_map(|(item, n)| marked(&format!("{n}. "), lines_of(item, depth + 1)))
            .collect(),
        "blockquote" => children()
            .flat_map(|child| lines_of(child, depth + 1))
            .map(|line| format!("> {line}"))
            .collect(),
        "tableRow" => vec![
            children()
                .map(|cell| lines_of(cell, depth + 1).join(" "))
                .collect::<Vec<_>>()
                .join(" | "),
        ],
        "rule" => vec!["---".to_owned()],
        _ if node["content"].is_array() => children()
            .flat_map(|child| lines_of(child, depth + 1))
            .collect(),
        _ => Some(inline_text(node))
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect(),
    }
}

fn marked(mark: &str, mut lines: Vec<String>) -> Vec<String> {
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, mark);
    }
    // A further line of an item is part of it, not a line of its own.
    lines
        .iter_mut()
        .skip(1)
        .for_each(|line| line.insert_str(0, "  | "));
    lines
}

/// The inline text of a node and everything below it.
fn flat(node: &Value) -> String {
    flat_to(node, 0)
}

fn flat_to(node: &Value, depth: usize) -> String {
    match node["content"].as_array() {
        Some(children) if depth <= DEPTH => children
            .iter()
            .map(|child| flat_to(child, depth + 1))
            .collect(),
        _ => inline_text(node),
    }
}

fn inline_text(node: &Value) -> String {
    let attribute = |name: &str| node["attrs"][name].as_str().unwrap_or_default().to_owned();
    match node["type"].as_str().unwrap_or_default() {
        "text" => node["text"].as_str().unwrap_or_default().to_owned(),
        "hardBreak" => "\n".to_owned(),
        "emoji" => [attribute("text"), attribute("shortName")]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        "inlineCard" | "blockCard" | "embedCard" => attribute("url"),
        "date" => attribute("timestamp")
            .parse()
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .map(|time| time.format("%Y-%m-%d").to_string())
            .unwrap_or_default(),
        // Mentions, statuses and whatever comes later keep their words in `text`.
        _ => [
            attribute("text"),
            node["text"].as_str().unwrap_or_default().to_owned(),
        ]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "adf_tests.rs"]
mod tests;
