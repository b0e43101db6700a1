//! Finds where a JSON value ends by its quotes and brackets alone, so that one broken document does
//! not hide where the next one begins. It does not say whether the value is valid JSON.

/// The state of a walk over one value; fed piece by piece.
#[derive(Debug, Default, Clone)]
pub(crate) struct Walk {
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_scalar: bool,
}

impl Walk {
    /// How many of `bytes` belong to the value if it ends in them, `None` if it goes on.
    ///
    /// A number or word ends before the byte that delimits it.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.string(&bytes[at..]);
                if !self.in_string && self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            match bytes[at] {
                b'"' if self.in_scalar => return Some(at),
                b'"' => self.in_string = true,
                b'{' | b'[' if self.in_scalar => return Some(at),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                b',' | b' ' | b'\t' | b'\n' | b'\r' if self.depth == 0 => return Some(at),
                _ if self.depth == 0 => self.in_scalar = true,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Walks on inside a string; returns how many bytes it took.
    fn string(&mut self, bytes: &[u8]) -> usize {
        let mut at = usize::from(std::mem::take(&mut self.escaped) && !bytes.is_empty());
        while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
            at += found + 1;
            if bytes[at - 1] == b'"' {
                self.in_string = false;
                return at;
            }
            if at == bytes.len() {
                self.escaped = true;
                return at;
            }
            at += 1;
        }
        bytes.len()
    }
}

/// JSON's white space, the byte-order mark's bytes, and the record separator of JSON text sequences.
pub(crate) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x1e)
}

/// The places behind the first byte where a further object may begin: a `{` after `,`, `[`, `}` or a line end.
pub(crate) fn object_starts(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut before = 0u8;
    let mut new_line = false;
    bytes.iter().enumerate().filter_map(move |(at, byte)| {
        let starts = *byte == b'{' && at > 0 && (new_line || matches!(before, b',' | b'[' | b'}'));
        if *byte == b'\n' {
            new_line = true;
        } else if !is_blank(*byte) {
            before = *byte;
            new_line = false;
        }
        starts.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_brackets_close() {
        for (text, want) in [
            (r#"{"a":[1,{"b":"}\"]"}]} ,"#, Some(22)),
            (r#""x,y" ,"#, Some(5)),
            ("12.5,", Some(4)),
            ("true]", Some(4)),
            ("[[]", None),
            (r#"{"a":"#, None),
            ("12", None),
        ] {
            assert_eq!(Walk::default().feed(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn pieces_give_the_same_end() {
        let text = r#"{"a":["\\\"",{"b":"}"}],"c":1}, {"next":1}"#.as_bytes();
        let whole = Walk::default().feed(text);
        for cut in 0..text.len() {
            let mut walk = Walk::default();
            let end = walk
                .feed(&text[..cut])
                .or_else(|| walk.feed(&text[cut..]).map(|n| n + cut));
            assert_eq!(end, whole, "cut at {cut}");
        }
    }

    #[test]
    fn starts_of_objects_are_not_those_of_members() {
        let text = br#"{"a":{"b":[{"c":1}]}, {"d":1}"#;
        assert_eq!(object_starts(text).collect::<Vec<_>>(), [11, 22]);
    }
}
