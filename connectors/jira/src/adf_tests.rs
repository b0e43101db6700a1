//! What is written and read back, and what never gets through.

use super::*;

fn p(text: &str) -> Block {
    Block::Paragraph { text: text.into() }
}

fn all_nodes<'a>(node: &'a Value, into: &mut Vec<&'a Value>) {
    into.push(node);
    for child in node["content"].as_array().into_iter().flatten() {
        all_nodes(child, into);
    }
}

#[test]
fn only_allowed_nodes_and_no_empty_text() {
    let text = Text {
        blocks: vec![
            Block::Heading {
                text: "A\nB".into(),
            },
            p(""),
            p("one\n\ntwo\r\nthree"),
            Block::Bullets {
                items: vec!["x".into(), " ".into(), "[link](http://e) @mention".into()],
            },
            Block::Bullets { items: vec![] },
            Block::Code {
                text: "a\n\tb".into(),
            },
            Block::Code {
                text: String::new(),
            },
        ],
    };
    let document = document(&text);
    let mut nodes = Vec::new();
    all_nodes(&document, &mut nodes);
    for node in nodes {
        let kind = node["type"].as_str().unwrap();
        assert!(
            [
                "doc",
                "paragraph",
                "text",
                "hardBreak",
                "bulletList",
                "listItem",
                "heading",
                "codeBlock"
            ]
            .contains(&kind),
            "{kind}"
        );
        if kind == "text" {
            assert!(!node["text"].as_str().unwrap().is_empty());
            assert!(node.get("marks").is_none());
        }
    }
    assert_eq!(
        read(&document).text,
        "A B\none\n\ntwo\nthree\n- x\n- [link](http://e) @mention\na\n\tb"
    );
}

#[test]
fn control_and_direction_characters_are_replaced() {
    let document = document(&Text {
        blocks: vec![p("a\u{0}b\u{1b}[31m\u{202e}c")],
    });
    assert_eq!(read(&document).text, "a\u{fffd}b\u{fffd}[31m\u{fffd}c");
}

#[test]
fn a_document_stays_below_the_limit_and_says_that_it_was_cut() {
    let big = |blocks| document(&Text { blocks });
    for document in [
        big(vec![p(&"x".repeat(100_000)), p("never")]),
        big(vec![Block::Bullets {
            items: vec!["an item".into(); 5_000],
        }]),
        big(vec![p(&"\n".repeat(60_000)), p(&"\"".repeat(60_000))]),
        big(vec![Block::Code {
            text: "😀".repeat(40_000),
        }]),
        big(vec![p("short"); 3_000]),
    ] {
        let json = document.to_string();
        assert!(json.encode_utf16().count() <= 32_767, "{}", json.len());
        assert!(json.contains("(cut:"), "{}", &json[json.len() - 200..]);
    }
}

#[test]
fn lines_leave_out_quotes_code_and_panels() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let para = |children: Vec<Value>| json!({"type": "paragraph", "content": children});
    let document = json!({"type": "doc", "version": 1, "content": [
        para(vec![text("/justify it is "), json!({"type": "mention", "attrs": {"id": "1", "text": "@ann"}}), json!({"type": "hardBreak"}), text("second")]),
        {"type": "blockquote", "content": [para(vec![text("/justify quoted")])]},
        {"type": "codeBlock", "content": [text("/justify code")]},
        {"type": "panel", "attrs": {"panelType": "info"}, "content": [para(vec![text("/justify panel")])]},
        {"type": "bulletList", "content": [{"type": "listItem", "content": [para(vec![text("/justify item")]), para(vec![text("/justify more")])]}]},
        {"type": "expand", "content": [para(vec![text("/justify hidden")])]},
        {"type": "futureBlock", "content": [para(vec![text("/justify future")])]},
        {"type": "table", "content": [{"type": "tableRow", "content": [
            {"type": "tableCell", "content": [para(vec![text("a")])]}, {"type": "tableCell", "content": [para(vec![text("b")])]}]}]},
        para(vec![json!({"type": "date", "attrs": {"timestamp": "1795305600000"}}), json!({"type": "emoji", "attrs": {"shortName": ":x:"}})]),
        para(vec![json!({"type": "inlineCard", "attrs": {"url": "https://e.example"}}), json!({"type": "futureInline", "attrs": {"text": "!"}})]),
    ]});
    let read = read(&document);
    assert_eq!(
        read.lines,
        [
            "/justify it is @ann",
            "second",
            "- /justify item",
            "  | /justify more",
            "2026-11-22:x:",
            "https://e.example!"
        ]
    );
    for kept in [
        "> /justify quoted",
        "/justify code",
        "/justify panel",
        "/justify hidden",
        "/justify future",
        "a | b",
    ] {
        assert!(read.text.contains(kept), "{kept}");
    }
}

#[test]
fn reading_survives_anything() {
    for odd in [
        json!(null),
        json!(7),
        json!([]),
        json!({"content": "x"}),
        json!({"content": [null, {"type": 5}, {"content": [[]]}]}),
    ] {
        let _ = read(&odd);
        let _ = theirs(&odd);
    }
    let mut deep = json!({"type": "text", "text": "x"});
    for _ in 0..500 {
        deep = json!({"type": "panel", "content": [deep]});
    }
    assert_eq!(
        read(&json!({"content": [&deep]})).lines,
        Vec::<String>::new()
    );
}

#[test]
fn what_people_wrote_below_the_border_is_kept() {
    let ours = |words: &str| Text {
        blocks: vec![p(words)],
    };
    let first = description(&ours("old"), Vec::new()).unwrap();
    assert_eq!(theirs(&first), Vec::<Value>::new());
    let mut edited = first.clone();
    // The editor names the nodes it has touched.
    for node in edited["content"].as_array_mut().unwrap() {
        node["attrs"] = json!({"localId": "4711"});
    }
    let note =
        json!({"type": "panel", "attrs": {"panelType": "note"}, "content": [paragraph("keep me")]});
    edited["content"].as_array_mut().unwrap().push(note.clone());
    let second = description(&ours("new"), theirs(&edited)).unwrap();
    assert_eq!(theirs(&second), vec![note]);
    let text = read(&second).text;
    assert!(text.starts_with("new\n") && !text.contains("old"), "{text}");
    // Without the border nothing is known to be ours, so nothing is overwritten.
    assert_eq!(
        theirs(&json!({"content": [paragraph("all mine")]})),
        vec![paragraph("all mine")]
    );
}

#[test]
fn our_part_gives_way_to_what_people_wrote() {
    let ours = Text {
        blocks: vec![p(&"x".repeat(40_000))],
    };
    for (theirs, room) in [
        (0, true),
        (20_000, true),
        (29_000, true),
        (29_700, false),
        (40_000, false),
    ] {
        let note = paragraph(&"y".repeat(theirs));
        let document = description(&ours, vec![note.clone()]);
        assert_eq!(document.is_some(), room, "{theirs}");
        if let Some(document) = document {
            assert!(document.to_string().encode_utf16().count() <= 32_767);
            assert_eq!(document["content"].as_array().unwrap().last(), Some(&note));
        }
    }
}
