//! Where foreign text becomes harmless: one sink for each kind of output.
//!
//! A sink is applied by the template engine to every value, so no template can forget it. All of them show control
//! characters and marks that hide or turn text (`reliability-security.md` T21) instead of passing them on, and keep a
//! value on one line, so that a value can never begin a line of its own.

use std::fmt::Write as _;

/// Stands before every value in ticket text. A private-use character that no value keeps, so the parser of blocks can
/// tell a marker written in a template from one that came with a value.
pub const VALUE: char = '\u{e0ff}';

/// Plain text: one line, nothing invisible.
pub fn text(value: &str) -> String {
    let mut line = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\r' => {}
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => line.push(' '),
            c if hides(c) => {
                // Writing to a String cannot fail.
                let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line
}

/// HTML text and quoted attribute values.
pub fn html(value: &str) -> String {
    handlebars::html_escape(&text(value))
}

/// Ticket text before it is parsed into blocks.
pub fn block(value: &str) -> String {
    format!("{VALUE}{}", text(value))
}

/// Controls, and format characters that hide text or turn its direction.
pub(super) fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_passes_and_a_value_stays_on_its_line() {
        assert_eq!(text("a\r\nb\tc\u{2028}d"), "a b c d");
        assert_eq!(
            text("safe\u{202e}exe\u{0}\u{1b}[31m\u{200b}"),
            "safe\\u{202e}exe\\u{0}\\u{1b}[31m\\u{200b}"
        );
        assert_eq!(text("Grüße, 東京 – “ok”"), "Grüße, 東京 – “ok”");
        assert_eq!(
            html("<a href=\"x\" title='y'>&"),
            "&lt;a href&#x3D;&quot;x&quot; title&#x3D;&#x27;y&#x27;&gt;&amp;"
        );
        assert_eq!(block(&format!("{VALUE}x")), format!("{VALUE}\\u{{e0ff}}x"));
    }
}
