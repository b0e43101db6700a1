//! Text to plain fields and journal entries, harmless to the server's own markup, and our own entries recognised.

use poamd_contract::desk::{Block, Text};
use poamd_http::one_line;

/// Columns of `task`: `short_description` 160, `description` and journal input 4000 characters.
const SHORT: usize = 160;
const LONG: usize = 4000;
/// Fewer characters than this of our part say nothing.
const LEAST: usize = 200;
/// Between our part of a description and what people write below it.
const BORDER: &str = "---- kept by poamd above this line; your notes belong below ----";
const CUT: &str = "\n… (cut: the whole of it is in poamd)";

pub fn short(text: &str) -> String {
    one_line(&harmless(text), SHORT)
}

/// A description: our part, the border, then `theirs`. `None` if `theirs` leaves no room for ours: the server would
/// cut what stands last, which is theirs.
pub fn description(text: &Text, theirs: &str) -> Option<String> {
    let around = BORDER.chars().count() + theirs.chars().count() + 2;
    let room = LONG.saturating_sub(around);
    let ours = render(text);
    if room < LEAST.min(ours.chars().count()) {
        return None;
    }
    Some(format!(
        "{}\n{BORDER}{}{theirs}",
        cut(&ours, room),
        if theirs.is_empty() { "" } else { "\n" }
    ))
}

/// What people wrote in a description: all behind the border, or all of it if the border is gone.
pub fn theirs(description: &str) -> &str {
    match description.split_once(BORDER) {
        Some((_, theirs)) => theirs.trim_start_matches(['\r', '\n']),
        None => description,
    }
}

/// A journal entry that ends with what it is: `[poamd re:<sys_id> key:<key>]`.
pub fn entry(text: &Text, reply_to: Option<&str>, key: &str) -> String {
    let tail = match reply_to {
        Some(to) => format!("[poamd re:{to} key:{key}]"),
        None => format!("[poamd key:{key}]"),
    };
    format!(
        "{}\n{tail}",
        cut(&render(text), LONG.saturating_sub(tail.chars().count() + 1))
    )
}

/// A closing note: plain text of several lines.
pub fn note(text: &str) -> String {
    cut(&harmless(text), LONG)
}

/// Our own entry's last line read back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tail {
    pub key: Option<String>,
    pub reply_to: Option<String>,
}

/// Reads the tail; only the caller knows whether the entry is ours.
pub fn tail(entry: &str) -> Tail {
    let last = entry
        .trim_end()
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim();
    let Some(inner) = last
        .strip_prefix("[poamd ")
        .and_then(|rest| rest.strip_suffix(']'))
    else {
        return Tail::default();
    };
    let mut words = inner.split(' ').peekable();
    let reply_to = words
        .next_if(|word| word.starts_with("re:"))
        .and_then(|word| word.strip_prefix("re:"))
        .map(str::to_owned);
    let key = words
        .next()
        .and_then(|word| word.strip_prefix("key:"))
        .filter(|key| !key.is_empty())
        .map(str::to_owned);
    Tail {
        reply_to: reply_to.filter(|_| key.is_some()),
        key,
    }
}

/// Keys stand in a line that is split at blanks and brackets.
pub fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 200
        && key
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'[' && b != b']')
}

/// Lines of an entry: without quoted ones and what stands in `[code]`.
pub fn lines(entry: &str) -> Vec<String> {
    let mut code = false;
    let mut lines = Vec::new();
    for line in entry.lines() {
        let lower = line.to_ascii_lowercase();
        let opens = lower.rfind("[code]");
        let closes = lower.rfind("[/code]");
        let inside = code;
        code = match (opens, closes) {
            (None, None) => code,
            (opens, closes) => opens > closes,
        };
        if !inside && opens.is_none() && closes.is_none() && !line.trim_start().starts_with('>') {
            lines.push(line.to_owned());
        }
    }
    lines
}

fn render(text: &Text) -> String {
    let blocks: Vec<String> = text
        .blocks
        .iter()
        .map(|block| match block {
            Block::Heading { text } => one_line(text, LONG),
            Block::Paragraph { text } | Block::Code { text } => text.clone(),
            Block::Bullets { items } => items
                .iter()
                .map(|item| format!("- {}", one_line(item, LONG)))
                .collect::<Vec<_>>()
                .join("\n"),
        })
        .filter(|block| !block.trim().is_empty())
        .collect();
    harmless(&blocks.join("\n\n"))
}

/// Breaks what the server would act on: `[code]` switches HTML on in journals, a leading `javascript:` is evaluated.
/// Controls and characters that reorder text are replaced.
fn harmless(text: &str) -> String {
    let text: String = text
        .replace("\r\n", "\n")
        .chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\r' => '\n',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect();
    let text = break_word(
        &break_word(&text, "[code]", "[ code]"),
        "[/code]",
        "[ /code]",
    );
    let start = text.trim_start();
    if start
        .get(..11)
        .is_some_and(|head| head.eq_ignore_ascii_case("javascript:"))
    {
        return format!("javascript :{}", &start[11..]);
    }
    text
}

/// Replaces an ASCII word in any case.
fn break_word(text: &str, word: &str, by: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut broken = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in lower.match_indices(word) {
        broken.push_str(&text[from..at]);
        broken.push_str(by);
        from = at + word.len();
    }
    broken.push_str(&text[from..]);
    broken
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let keep = room.saturating_sub(CUT.chars().count());
    text.chars().take(keep).chain(CUT.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> Text {
        Text {
            blocks: vec![Block::Paragraph { text: text.into() }],
        }
    }

    #[test]
    fn server_markup_is_broken() {
        let sent = entry(&p("a [CODE]<b>[/Code] \u{1b}[31m"), None, "k1");
        assert_eq!(sent, "a [ code]<b>[ /code] \u{fffd}[31m\n[poamd key:k1]");
        assert!(
            !short(" JavaScript:gs.sleep(1)")
                .to_lowercase()
                .starts_with("javascript:")
        );
        assert_eq!(short("a\nb"), "a b");
    }

    #[test]
    fn a_tail_survives_cutting_and_is_read_back() {
        let id = "0a".repeat(16);
        let sent = entry(&p(&"x".repeat(9_000)), Some(&id), "receipt-1");
        assert_eq!(sent.chars().count(), LONG);
        assert!(sent.contains("(cut:"));
        assert_eq!(
            tail(&sent),
            Tail {
                key: Some("receipt-1".into()),
                reply_to: Some(id)
            }
        );
        assert_eq!(
            tail(&entry(&p("x"), None, "n")),
            Tail {
                key: Some("n".into()),
                reply_to: None
            }
        );
        for other in [
            "",
            "words",
            "[poamd]",
            "[poamd re:x]",
            "[poamd key:]",
            "[poamd key:a]\nmore",
        ] {
            assert_eq!(tail(other), Tail::default(), "{other}");
        }
    }

    #[test]
    fn lines_leave_out_quotes_and_code() {
        let text = "/justify a\n> /justify quoted\n  > q\n[code]<p>/justify b</p>\n/justify c\n[/code]\n/justify d\nx [code]y[/code] z\nlast";
        assert_eq!(lines(text), ["/justify a", "/justify d", "last"]);
    }

    #[test]
    fn what_people_wrote_below_the_border_is_kept() {
        let first = description(&p("old"), "").unwrap();
        assert_eq!(theirs(&first), "");
        let edited = format!("{first}\r\nkeep me");
        let second = description(&p("new"), theirs(&edited)).unwrap();
        assert_eq!(theirs(&second), "keep me");
        assert!(second.starts_with("new\n") && !second.contains("old"));
        assert_eq!(theirs("all mine"), "all mine");
        let long = p(&"x".repeat(9_000));
        for (theirs, room) in [
            (0, true),
            (4, true),
            (3_700, true),
            (3_800, false),
            (9_000, false),
        ] {
            let theirs = "y".repeat(theirs);
            let all = description(&long, &theirs);
            assert_eq!(all.is_some(), room, "{}", theirs.len());
            let fits = |all: &String| all.chars().count() <= LONG && all.ends_with(&theirs);
            assert!(all.as_ref().is_none_or(fits));
        }
        assert!(description(&p("short"), &"y".repeat(3_900)).is_some());
    }
}
