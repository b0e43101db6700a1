//! CSV: one line a row, the columns of the view, lists joined by `; `. Foreign text cannot be a formula.

use std::io::{self, Write};

use serde_json::Value;

use crate::query::View;
use crate::render::csv::{csv_cell, writer};

const JOINT: &str = "; ";

/// Writes the names of the columns and all rows.
pub fn write<T: View>(out: &mut dyn Write, rows: &[T]) -> io::Result<()> {
    let mut table = writer();
    table.write_record(T::COLUMNS.iter().map(|(name, _)| *name))?;
    for row in rows {
        let row = serde_json::to_value(row)?;
        table.write_record(T::COLUMNS.iter().map(|(_, path)| cell(&row, path)))?;
    }
    let bytes = table.into_inner().map_err(|e| e.into_error())?;
    out.write_all(&bytes)
}

/// What stands at the end of a path, as text.
fn cell(row: &Value, path: &[&str]) -> String {
    let mut parts = Vec::new();
    let in_list = gather(row, path, &mut parts);
    let text = parts.join(JOINT);
    match parts.as_slice() {
        // A number of ours: a minus in front is no formula.
        [_] if !in_list && is_number(row, path) => text,
        _ => csv_cell(&text).into_owned(),
    }
}

fn is_number(row: &Value, path: &[&str]) -> bool {
    path.iter()
        .try_fold(row, |value, key| value.get(key))
        .is_some_and(Value::is_number)
}

/// Collects the values at the end of a path, of every element of a list on the way; true if there was a list.
fn gather(value: &Value, path: &[&str], parts: &mut Vec<String>) -> bool {
    match (value, path) {
        (Value::Array(values), _) => {
            for value in values {
                gather(value, path, parts);
            }
            true
        }
        (value, [key, rest @ ..]) => value
            .get(key)
            .is_some_and(|inner| gather(inner, rest, parts)),
        (Value::Null, []) => {
            parts.push(String::new());
            false
        }
        (Value::String(text), []) => {
            parts.push(text.clone());
            false
        }
        (other, []) => {
            parts.push(other.to_string());
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::query::Column;

    #[derive(Serialize)]
    struct Row {
        id: &'static str,
        score: i64,
        items: Vec<Part>,
        note: Option<Part>,
    }

    #[derive(Serialize)]
    struct Part {
        name: &'static str,
        arn: Option<&'static str>,
    }

    impl View for Row {
        const NOUN: &'static str = "rows";
        const OPEN: &'static str = "rows";
        const COLUMNS: &'static [Column] = &[
            ("id", &["id"]),
            ("score", &["score"]),
            ("items", &["items", "name"]),
            ("items.arn", &["items", "arn"]),
            ("note", &["note", "name"]),
        ];
        fn is_open(&self) -> bool {
            true
        }
    }

    #[test]
    fn lists_are_joined_in_step_and_formulas_are_disarmed() {
        let rows = [
            Row {
                id: "=1+1",
                score: -5,
                items: vec![
                    Part {
                        name: "a",
                        arn: None,
                    },
                    Part {
                        name: "b, \"c\"",
                        arn: Some("arn:b"),
                    },
                ],
                note: None,
            },
            Row {
                id: "x",
                score: 1,
                items: vec![],
                note: Some(Part {
                    name: "@n",
                    arn: None,
                }),
            },
        ];
        let mut out = Vec::new();
        write(&mut out, &rows).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"id\",\"score\",\"items\",\"items.arn\",\"note\"\r\n\
             \"'=1+1\",\"-5\",\"a; b, \"\"c\"\"\",\"; arn:b\",\"\"\r\n\
             \"x\",\"1\",\"\",\"\",\"'@n\"\r\n"
        );
    }
}
