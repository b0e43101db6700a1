//! Takes text out of a document: NUL replaced, capped with a visible "…", and what was wrong noted.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::lenient::{List, Part, Text, Time};

/// Characters of a title (ASFF's own limit).
pub(crate) const TITLE: usize = 256;
/// Characters of a description.
pub(crate) const DESCRIPTION: usize = 4096;
/// Characters of how to fix it.
pub(crate) const REMEDIATION: usize = 4096;
/// Characters of an id; a longer one keeps its beginning and the hash of the whole.
const ID: usize = 1024;
/// Characters of a mark.
const MARK: usize = 80;
/// Marks of one report.
const MOST: usize = 16;

/// What was wrong with a document's form, in the order it was met.
#[derive(Debug, Default)]
pub(crate) struct Marks(Vec<String>);

impl Marks {
    pub(crate) fn add(&mut self, mark: &str) {
        if self.0.len() < MOST && !self.0.iter().any(|m| m == mark) {
            self.0.push(capped(&clean(mark), MARK).into_owned());
        }
    }

    /// `what-why`, as in `title-capped`.
    fn note(&mut self, what: &str, why: &str) {
        self.add(&format!("{what}-{why}"));
    }

    /// `what-unknown:THEIRS` for a word the format does not know.
    pub(crate) fn unknown(&mut self, what: &str, theirs: &str) {
        self.add(&format!("{what}-unknown:{theirs}"));
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.0
    }

    /// A text of at most `most` characters.
    pub(crate) fn text(&mut self, what: &str, leaf: &Text<'_>, most: usize) -> String {
        if leaf.odd {
            self.note(what, "wrong-type");
        }
        let text = leaf.text();
        if text.contains('\0') {
            self.note(what, "nul");
        }
        let short = capped(text, most);
        if short.len() != text.len() {
            self.note(what, "capped");
        }
        clean(&short).into_owned()
    }

    /// As [`Marks::text`], marked if there is none.
    pub(crate) fn required(&mut self, what: &str, leaf: &Text<'_>, most: usize) -> String {
        let text = self.text(what, leaf, most);
        if text.is_empty() {
            self.note(what, "missing");
        }
        text
    }

    /// An id: never cut so that two become one.
    pub(crate) fn id(&mut self, what: &str, text: &str) -> String {
        if text.contains('\0') {
            self.note(what, "nul");
        }
        let short = capped(text, ID);
        if short.len() == text.len() {
            return clean(text).into_owned();
        }
        self.note(what, "capped");
        let digest = Sha256::digest(text.as_bytes());
        let mut id = clean(&capped(text, 200)).into_owned();
        for byte in digest.iter().take(16) {
            id.push_str(&format!("{byte:02x}"));
        }
        id
    }

    pub(crate) fn time(&mut self, what: &str, leaf: &Time) -> Option<DateTime<Utc>> {
        if leaf.odd {
            self.note(what, "unreadable");
        }
        leaf.value
    }

    pub(crate) fn part<T>(&mut self, what: &str, part: &Part<T>) {
        if part.odd {
            self.note(what, "wrong-type");
        }
    }

    pub(crate) fn list<T, const N: usize>(&mut self, what: &str, list: &List<T, N>) {
        if list.odd {
            self.note(what, "wrong-type");
        }
        if list.dropped > 0 {
            self.note(what, "capped");
        }
    }
}

/// The first `most` characters, the last of them "…" if something was cut.
pub(crate) fn capped(text: &str, most: usize) -> Cow<'_, str> {
    // A text of so few bytes has no more characters than that.
    if text.len() <= most || text.char_indices().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let end = text
        .char_indices()
        .nth(most.saturating_sub(1))
        .map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}…", &text[..end]))
}

/// Foreign text for `Detail`: trimmed, capped, without NUL.
pub(crate) fn short(text: &str, most: usize) -> String {
    clean(&capped(text.trim(), most)).into_owned()
}

/// As [`short`]; `None` if there is none.
pub(crate) fn some(text: &str, most: usize) -> Option<String> {
    Some(short(text, most)).filter(|text| !text.is_empty())
}

/// NUL is the one character that PostgreSQL cannot keep.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The beginning of foreign bytes, at most 400 characters, control and direction characters escaped.
pub(crate) fn excerpt(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(1600)]);
    let mut out = String::new();
    let mut count = 0;
    for c in head.chars() {
        let hidden =
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let shown: Cow<'_, str> = if hidden {
            c.escape_default().to_string().into()
        } else {
            c.to_string().into()
        };
        count += shown.chars().count();
        if count > 399 {
            out.push('…');
            break;
        }
        out.push_str(&shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_fall_on_characters_and_are_seen() {
        assert_eq!(capped("äöü", 3), "äöü");
        assert_eq!(capped("äöüß", 3), "äö…");
        assert_eq!(capped("äöüß", 3).chars().count(), 3);
        assert_eq!(capped("", 3), "");
    }

    #[test]
    fn long_ids_stay_different() {
        let mut marks = Marks::default();
        let a = marks.id("id", &format!("{}a", "x".repeat(5000)));
        let b = marks.id("id", &format!("{}b", "x".repeat(5000)));
        assert_ne!(a, b);
        assert!(a.chars().count() < 300);
        assert_eq!(marks.into_list(), ["id-capped"]);
    }

    #[test]
    fn excerpts_are_short_and_plain() {
        let text = excerpt(format!("a\0b\n\u{202e}{}", "ä".repeat(2000)).as_bytes());
        assert!(text.starts_with("a\\u{0}b\\n\\u{202e}ää"), "{text}");
        assert!(text.chars().count() <= 400);
    }

    #[test]
    fn marks_are_bounded() {
        let mut marks = Marks::default();
        for n in 0..100 {
            marks.unknown("severity", &format!("{n}{}", "x".repeat(1000)));
        }
        let marks = marks.into_list();
        assert_eq!(marks.len(), 16);
        assert!(marks.iter().all(|m| m.chars().count() <= 80));
    }
}
