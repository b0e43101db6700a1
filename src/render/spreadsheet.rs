//! Cells of a spreadsheet file: text that is never a formula, never a link, and never longer than a cell may be.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::sink::hides;

/// What a cell holds, in UTF-16 units (Excel specifications and limits).
pub const CELL: usize = 32_767;

/// Foreign text as the text of a cell: lines are kept, what hides or turns text is shown. What is too long is cut where
/// everybody sees it.
pub fn cell(text: &str) -> Cow<'_, str> {
    match lines(text) {
        Cow::Borrowed(clean) => bounded(clean, CELL),
        Cow::Owned(clean) => Cow::Owned(bounded(&clean, CELL).into_owned()),
    }
}

/// Text of at most so many UTF-16 units; what is cut is told at its end.
pub fn bounded(text: &str, most: usize) -> Cow<'_, str> {
    bounded_of(text, most, "")
}

/// The same, with where the whole is.
pub fn bounded_of<'t>(text: &'t str, most: usize, whole: &str) -> Cow<'t, str> {
    if text.len() <= most || units(text) <= most {
        return Cow::Borrowed(text);
    }
    // Room for the mark and its number.
    let whole = match whole {
        "" => String::new(),
        whole => format!("; whole: {whole}"),
    };
    let room = most.saturating_sub(45 + units(&whole));
    let mut kept = String::with_capacity(room);
    let mut used = 0;
    for c in text.chars() {
        used += c.len_utf16();
        if used > room {
            break;
        }
        kept.push(c);
    }
    let left = text.chars().count() - kept.chars().count();
    // Writing to a String cannot fail.
    let _ = write!(kept, "\n[cut here: {left} more characters{whole}]");
    Cow::Owned(kept)
}

/// Whether a spreadsheet would take the text for a formula once somebody edits its cell.
pub fn could_be_formula(text: &str) -> bool {
    matches!(super::csv::csv_cell(text), Cow::Owned(_))
}

/// The text with its lines; nothing invisible but line feeds.
pub fn lines(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && hides(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' => {}
            '\t' => shown.push(' '),
            '\n' => shown.push('\n'),
            c if hides(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Length in UTF-16 units, as spreadsheets count.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_and_what_hides_is_shown() {
        assert_eq!(cell("a\r\nb\tc"), "a\nb c");
        assert_eq!(
            cell("x\u{0}\u{1b}[1m\u{202e}"),
            "x\\u{0}\\u{1b}[1m\\u{202e}"
        );
        assert_eq!(cell("=1+1"), "=1+1");
        assert!(could_be_formula("=1+1") && could_be_formula(" @x") && !could_be_formula("a=1"));
    }

    #[test]
    fn what_is_too_long_is_cut_where_everybody_sees_it() {
        assert_eq!(cell(&"a".repeat(CELL)).len(), CELL);
        for letter in ["a", "ü", "𝄞"] {
            let cut = cell(&letter.repeat(40_000)).into_owned();
            assert!(units(&cut) <= CELL, "{letter}");
            let kept = cut.matches(letter).count();
            let told = format!("[cut here: {} more characters]", 40_000 - kept);
            // The mark has an "a" of its own.
            assert!(cut.ends_with("more characters]"), "{letter}: {told}");
        }
    }
}
