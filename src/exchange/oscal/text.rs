//! Text as OSCAL takes it: nothing at the edges, never empty, one line where one is asked for; Markdown in which
//! foreign text is no mark.

use crate::render::{sink, spreadsheet};

/// One line of plain text; `None` if nothing is left.
pub fn line(text: &str) -> Option<String> {
    kept(&sink::text(text))
}

/// Plain text without its line ends as Markdown of one line.
pub fn markup_line(text: &str) -> Option<String> {
    kept(&escaped(&sink::text(text)))
}

/// Plain text with its lines as Markdown.
pub fn markup(text: &str) -> Option<String> {
    kept(&escaped(&spreadsheet::lines(text)))
}

fn kept(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if matches!(c, '\\' | '<' | '[' | ']' | '`' | '*' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_edges_and_no_marks() {
        assert_eq!(line(" a\r\nb\t "), Some("a b".to_owned()));
        assert_eq!(line(" \n "), None);
        assert_eq!(
            markup("a\n\n[x](y) <b>"),
            Some("a\n\n\\[x\\](y) \\<b>".to_owned())
        );
        assert_eq!(markup_line("`a`\n# b"), Some("\\`a\\` \\# b".to_owned()));
    }
}
