//! Addresses of cells, and formulas moved from one row to another.

/// `AB` for 28.
pub fn column_letters(number: u16) -> String {
    let mut letters = Vec::new();
    let mut left = number;
    while left > 0 {
        left -= 1;
        letters.push(b'A' + (left % 26) as u8);
        left /= 26;
    }
    letters.iter().rev().map(|b| char::from(*b)).collect()
}

/// 28 for `AB`; `None` for what is no column.
pub fn column_number(letters: &str) -> Option<u16> {
    if letters.is_empty() || letters.len() > 3 {
        return None;
    }
    letters.bytes().try_fold(0u16, |number, byte| {
        let digit = byte
            .is_ascii_uppercase()
            .then(|| u16::from(byte - b'A' + 1))?;
        number.checked_mul(26)?.checked_add(digit)
    })
}

/// Column and row of `AB12`, dollar signs left out.
pub fn address(text: &str) -> Option<(u16, u32)> {
    let text = text.replace('$', "");
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = text.split_at(digits);
    Some((column_number(letters)?, row.parse().ok()?))
}

/// A formula as it reads some rows further down and columns to the right: what has a dollar sign stays, and so does text
/// in quotes.
pub fn moved(formula: &str, rows: i64, columns: i64) -> String {
    let bytes = formula.as_bytes();
    let mut out = String::with_capacity(formula.len() + 8);
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                let end = formula[at + 1..]
                    .find(char::from(quote))
                    .map_or(bytes.len(), |found| at + found + 2);
                out.push_str(&formula[at..end]);
                at = end;
            }
            byte if byte.is_ascii_alphabetic() || byte == b'$' || byte == b'_' => {
                let end = word_end(bytes, at);
                let is_call = bytes.get(end) == Some(&b'(');
                let word = &formula[at..end];
                match moved_reference(word, rows, columns) {
                    Some(reference) if !is_call => out.push_str(&reference),
                    _ => out.push_str(word),
                }
                at = end;
            }
            _ => {
                let c = formula[at..].chars().next().unwrap_or(' ');
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    out
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'_' | b'.');
    let length = bytes[start..].iter().take_while(|b| inside(b)).count();
    start + length
}

/// `$A9` two rows down is `$A11`; `None` for a word that is no reference.
fn moved_reference(word: &str, rows: i64, columns: i64) -> Option<String> {
    let (column, row) = word.split_at(word.find(|c: char| c.is_ascii_digit())?);
    let row_stays = column.len() > 1 && column.ends_with('$');
    let (dollar, letters) = match column.strip_prefix('$') {
        Some(letters) => ("$", letters),
        None => ("", column),
    };
    let number = column_number(letters.trim_end_matches('$'))?;
    let number = match dollar {
        "" => u16::try_from(i64::from(number) + columns).ok()?,
        _ => number,
    };
    let row: i64 = row.parse().ok()?;
    let (mark, row) = if row_stays {
        ("$", row)
    } else {
        ("", row + rows)
    };
    (row > 0).then(|| format!("{dollar}{}{mark}{row}", column_letters(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_as_spreadsheets_do() {
        for (letters, number) in [
            ("A", 1),
            ("Z", 26),
            ("AA", 27),
            ("AE", 31),
            ("BE", 57),
            ("XFD", 16_384),
        ] {
            assert_eq!(column_letters(number), letters);
            assert_eq!(column_number(letters), Some(number));
        }
        assert_eq!(column_number("a"), None);
        assert_eq!(address("$AB$12"), Some((28, 12)));
    }

    #[test]
    fn a_formula_moves_with_its_row() {
        for (formula, want) in [
            ("IF(T9=\"N/A9\",S9,$K9+30)", "IF(T11=\"N/A9\",S11,$K11+30)"),
            ("SUM(A$9:A9)", "SUM(A$9:A11)"),
            ("'Sheet A9'!B9&LOG10(A9)", "'Sheet A9'!B11&LOG10(A11)"),
            ("\"ü\"&A9", "\"ü\"&A11"),
        ] {
            assert_eq!(moved(formula, 2, 0), want);
        }
        assert_eq!(moved("$A9+B$9+C9", 1, 1), "$A10+C$9+D10");
    }
}
