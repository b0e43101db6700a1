//! Foreign text on one line: no control characters, no secrets, not too long.

/// Longest text of a server that is passed on, in characters.
pub(crate) const MAX_SERVER_TEXT: usize = 500;

/// `text` on one line of at most `max` characters: white space runs become one blank, control and
/// direction-changing characters become `\u{..}`, a cut is shown by `…`.
pub fn one_line(text: &str, max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max * 4));
    let mut room = max;
    let mut blank = false;
    for c in text.trim().chars() {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        if std::mem::take(&mut blank) && room > 0 {
            line.push(' ');
            room -= 1;
        }
        let width = if is_unsafe(c) {
            c.escape_unicode().count()
        } else {
            1
        };
        if width >= room {
            line.push('…');
            return line;
        }
        room -= width;
        if is_unsafe(c) {
            line.extend(c.escape_unicode())
        } else {
            line.push(c)
        }
    }
    line
}

/// Controls, and format characters that reorder or hide text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `text` with every known secret taken out. Shorter ones than four characters are no secrets and would shred the text.
pub(crate) fn redact<'a>(text: &str, secrets: impl Iterator<Item = &'a str>) -> String {
    secrets
        .filter(|secret| secret.len() >= 4)
        .fold(text.to_owned(), |text, secret| {
            text.replace(secret, "[secret]")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_escapes_folds_and_cuts() {
        assert_eq!(one_line(" a\r\n\tb ", 10), "a b");
        assert_eq!(one_line("a\u{1b}[31mred", 100), "a\\u{1b}[31mred");
        assert_eq!(one_line("x\u{202e}y", 100), "x\\u{202e}y");
        let cut = one_line(&"é".repeat(600), 500);
        assert_eq!(cut.chars().count(), 500);
        assert!(cut.ends_with('…'));
        assert!(one_line(&"\u{7}".repeat(300), 500).chars().count() <= 500);
    }

    #[test]
    fn secrets_are_taken_out() {
        let text = redact(
            "token hunter2-long was refused",
            ["hunter2-long", "", "was"].into_iter(),
        );
        assert_eq!(text, "token [secret] was refused");
    }
}
