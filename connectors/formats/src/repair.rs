//! Makes JSON of what is nearly JSON: invalid UTF-8, control characters and lone surrogates inside
//! strings, numbers beyond a double, commas before a bracket, nesting without end. Slow, and only for
//! the one document the fast path refused. Brackets and quotes are taken as they stand.

use std::fmt::Write;

/// Deeper values are replaced by `null`. The formats themselves need twelve levels.
const DEEPEST: usize = 64;

/// The document with everything outside JSON replaced by the nearest thing inside it.
pub(crate) fn repair(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = Repair {
        rest: &text,
        out: String::with_capacity(text.len() + 16),
        depth: 0,
    };
    while out.step() {}
    out.out
}

struct Repair<'a> {
    rest: &'a str,
    out: String,
    depth: usize,
}

impl<'a> Repair<'a> {
    /// Takes one token; `false` at the end.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.bytes().next() else {
            return false;
        };
        match first {
            b'"' => self.string(),
            b'{' | b'[' if self.depth >= DEEPEST => {
                let end = crate::scan::Walk::default()
                    .feed(self.rest.as_bytes())
                    .unwrap_or(self.rest.len());
                self.take(end);
                self.out.push_str("null");
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.copy(1);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.drop_comma();
                self.copy(1);
            }
            b',' | b':' => self.copy(1),
            b if b.is_ascii_whitespace() || b.is_ascii_control() => {
                self.take(1);
                self.out.push(' ');
            }
            _ => self.word(),
        }
        true
    }

    fn take(&mut self, count: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(count);
        self.rest = tail;
        head
    }

    fn copy(&mut self, count: usize) {
        let head = self.take(count);
        self.out.push_str(head);
    }

    fn drop_comma(&mut self) {
        let kept = self.out.trim_end_matches(' ').len();
        if self.out[..kept].ends_with(',') {
            self.out.truncate(kept - 1);
        }
    }

    /// A number, `true`, `false`, `null`, or something else, which becomes `null`.
    fn word(&mut self) {
        let end = self
            .rest
            .find(|c: char| {
                matches!(c, '"' | '{' | '}' | '[' | ']' | ',' | ':') || c.is_ascii_whitespace()
            })
            .unwrap_or(self.rest.len());
        let word = self.take(end);
        let known =
            matches!(word, "true" | "false" | "null") || serde_json::from_str::<f64>(word).is_ok();
        self.out.push_str(if known { word } else { "null" });
    }

    fn string(&mut self) {
        self.copy(1);
        loop {
            let plain = self
                .rest
                .bytes()
                .take_while(|b| *b >= 0x20 && *b != b'"' && *b != b'\\')
                .count();
            self.copy(plain);
            match self.rest.bytes().next() {
                None => return,
                Some(b'"') => return self.copy(1),
                Some(b'\\') => self.escape(),
                Some(control) => {
                    self.take(1);
                    // Writing to a String cannot fail.
                    let _ = write!(self.out, "\\u{control:04x}");
                }
            }
        }
    }

    fn escape(&mut self) {
        let bytes = self.rest.as_bytes();
        match bytes.get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.copy(2),
            Some(b'u') => match (unit(bytes), bytes.get(6..).and_then(unit)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => self.copy(12),
                (Some(0xd800..=0xdfff), _) => {
                    self.take(6);
                    self.out.push('\u{fffd}');
                }
                (Some(_), _) => self.copy(6),
                (None, _) => self.lone_backslash(),
            },
            _ => self.lone_backslash(),
        }
    }

    fn lone_backslash(&mut self) {
        self.take(1);
        self.out.push_str("\\\\");
    }
}

/// The code unit of a `\uXXXX` at the beginning of `bytes`.
fn unit(bytes: &[u8]) -> Option<u32> {
    let hex = bytes.get(..6)?.strip_prefix(b"\\u")?;
    let hex = std::str::from_utf8(hex).ok()?;
    hex.bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(hex, 16).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_json_stays() {
        let text = r#"{"a":[1,-2.5e3,true,null,"x\"\\\u00e4\ud83d\ude00"],"b":{}}"#;
        assert_eq!(repair(text.as_bytes()), text);
    }

    #[test]
    fn what_is_nearly_json_becomes_json() {
        for (bytes, want) in [
            (b"{\"a\":\"x\xff\"}".as_slice(), "{\"a\":\"x\u{fffd}\"}"),
            (b"{\"a\":\"x\0y\"}", r#"{"a":"x\u0000y"}"#),
            (br#"{"a":"\ud800x"}"#, "{\"a\":\"\u{fffd}x\"}"),
            (
                br#"{"a":"\udc00\ud800\u0041"}"#,
                "{\"a\":\"\u{fffd}\u{fffd}\\u0041\"}",
            ),
            (br#"{"a":1e999,"b":NaN}"#, r#"{"a":null,"b":null}"#),
            (br#"{"a":[1,2 , ],}"#, r#"{"a":[1,2 ]}"#),
            (br#"{"a":"\x"}"#, r#"{"a":"\\x"}"#),
        ] {
            let got = repair(bytes);
            assert_eq!(got, want);
            assert!(
                serde_json::from_str::<serde_json::Value>(&got).is_ok(),
                "{got}"
            );
        }
    }

    #[test]
    fn nesting_ends() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let got = repair(deep.as_bytes());
        assert!(got.len() < 200, "{}", got.len());
        assert!(serde_json::from_str::<serde_json::Value>(&got).is_ok());
    }
}
