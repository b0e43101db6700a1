//! Text against a pattern with `*` and `?`, in any case.

/// Whether the whole value matches; without `*` and `?` it has to be equal.
pub fn matches(pattern: &str, value: &str) -> bool {
    let lower = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    matches_chars(&lower(pattern), &lower(value))
}

/// `*` any characters, `?` one. Linear but for the last `*`, to which it goes back.
pub fn matches_chars(pattern: &[char], value: &[char]) -> bool {
    let (mut p, mut v) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while v < value.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, v));
                p += 1;
            }
            Some(c) if *c == '?' || *c == value[v] => {
                p += 1;
                v += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    p = star + 1;
                    v = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
