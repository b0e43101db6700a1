//! The small line grammar of ticket templates, and its parse into [`Text`].
//!
//! A line beginning `# ` is a heading, `- ` a bullet, `| ` a line of code; other lines up to an empty one are a
//! paragraph. It is parsed after the values were inserted, and still no value can begin a block: the sink keeps each
//! value on one line and puts a mark before it, and only a marker at the very start of a line, before any mark, counts.

use poamd_contract::desk::{Block, Text};

use super::sink::VALUE;

/// Parses rendered ticket text.
pub fn parse(rendered: &str) -> Text {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fresh = true;
    for line in rendered.lines() {
        if line.trim().is_empty() {
            fresh = true;
            continue;
        }
        let (kind, rest) = match (
            line.strip_prefix("# "),
            line.strip_prefix("- "),
            line.strip_prefix("| "),
        ) {
            (Some(rest), _, _) => ('#', rest),
            (_, Some(rest), _) => ('-', rest),
            (_, _, Some(rest)) => ('|', rest),
            _ => (' ', line),
        };
        let text = without_marks(rest);
        match (kind, blocks.last_mut()) {
            ('#', _) => blocks.push(Block::Heading { text }),
            ('-', Some(Block::Bullets { items })) if !fresh => items.push(text),
            ('-', _) => blocks.push(Block::Bullets { items: vec![text] }),
            ('|', Some(Block::Code { text: code })) if !fresh => {
                code.push('\n');
                code.push_str(&text);
            }
            ('|', _) => blocks.push(Block::Code { text }),
            (_, Some(Block::Paragraph { text: paragraph })) if !fresh => {
                paragraph.push(' ');
                paragraph.push_str(&text);
            }
            _ => blocks.push(Block::Paragraph { text }),
        }
        fresh = false;
    }
    Text { blocks }
}

/// One line: a summary.
pub fn line(rendered: &str) -> String {
    without_marks(rendered)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Quotes every line that a reader of commands could take for one. Lines in `>` are never commands
/// (`itsm.md` 4.8), and our replies must contain none.
pub fn disarm(text: Text) -> Text {
    let blocks = text.blocks.into_iter().map(|block| match block {
        Block::Heading { text } => Block::Heading {
            text: disarmed(&text),
        },
        Block::Paragraph { text } => Block::Paragraph {
            text: disarmed(&text),
        },
        Block::Code { text } => Block::Code {
            text: disarmed(&text),
        },
        Block::Bullets { items } => Block::Bullets {
            items: items.iter().map(|item| disarmed(item)).collect(),
        },
    });
    Text {
        blocks: blocks.collect(),
    }
}

fn disarmed(text: &str) -> String {
    let quoted = text.lines().map(|line| {
        if is_command_like(line) {
            format!("> {line}")
        } else {
            line.to_owned()
        }
    });
    quoted.collect::<Vec<_>>().join("\n")
}

/// `/…`, `poam…`, `@poam…`, also in full-width letters, after anything that is neither letter nor digit.
fn is_command_like(line: &str) -> bool {
    let folded: String = line
        .chars()
        .map(fold)
        .filter(|c| !c.is_whitespace())
        .take(8)
        .collect();
    let word = folded.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '>'));
    word.starts_with('/')
        || word.starts_with("poam:")
        || word.starts_with("poamd:")
        || folded.starts_with("@poam")
}

fn fold(c: char) -> char {
    let narrow = match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2044}' | '\u{2215}' => '/',
        c => c,
    };
    narrow.to_ascii_lowercase()
}

fn without_marks(text: &str) -> String {
    text.chars()
        .filter(|c| *c != VALUE)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sink;

    #[test]
    fn lines_become_blocks() {
        let text = parse("# Where\none\ntwo\n\nthree\n- a\n- b\n\n- c\n| x\n| y\n");
        assert_eq!(
            text.blocks,
            [
                Block::Heading {
                    text: "Where".into()
                },
                Block::Paragraph {
                    text: "one two".into()
                },
                Block::Paragraph {
                    text: "three".into()
                },
                Block::Bullets {
                    items: vec!["a".into(), "b".into()]
                },
                Block::Bullets {
                    items: vec!["c".into()]
                },
                Block::Code {
                    text: "x\ny".into()
                },
            ]
        );
    }

    #[test]
    fn a_value_never_begins_a_block() {
        for value in ["# x", "- x", "| x", "\n# x", "a\n\n- x"] {
            let text = parse(&format!("{}\n", sink::block(value)));
            assert!(
                matches!(text.blocks[..], [Block::Paragraph { .. }]),
                "{value:?}: {text:?}"
            );
        }
        let text = parse(&format!("- {}\n", sink::block("# x\n- y")));
        assert_eq!(
            text.blocks,
            [Block::Bullets {
                items: vec!["# x - y".into()]
            }]
        );
    }

    #[test]
    fn lines_that_read_as_commands_are_quoted() {
        for line in [
            "/justify x",
            " /fp",
            "poam: justify",
            "@poam justify",
            "／justify",
            "ＰＯＡＭ： justify",
            "* /justify",
            "Poam : x",
        ] {
            assert!(is_command_like(line), "{line}");
        }
        for line in [
            "POAM-000001 is justified.",
            "Write /justify",
            "> /justify",
            "and/or",
        ] {
            assert!(!is_command_like(line), "{line}");
        }
        let text = disarm(Text {
            blocks: vec![Block::Code {
                text: "a\n/justify".into(),
            }],
        });
        assert_eq!(
            text.blocks,
            [Block::Code {
                text: "a\n> /justify".into()
            }]
        );
    }
}
