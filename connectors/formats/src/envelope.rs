//! Tells a reply (`{"Findings": [...], "NextToken": ...}`) from a finding, by its first keys.

use std::io::{self, Read};

use crate::input::{CHUNK, Input};
use crate::scan::{Walk, is_blank};

/// First keys of findings: they spare the look at the others.
const FIRST_OF_FINDING: [&str; 19] = [
    "SchemaVersion",
    "schemaVersion",
    "Id",
    "id",
    "ProductArn",
    "AwsAccountId",
    "awsAccountId",
    "AccountId",
    "accountId",
    "Arn",
    "arn",
    "findingArn",
    "class_uid",
    "activity_id",
    "finding_info",
    "metadata",
    "timestamp",
    "flow_id",
    "event_type",
];

/// True if the object at the window's beginning holds a list of findings; looks no further than the window.
pub(crate) fn is_envelope<R: Read>(input: &mut Input<R>) -> io::Result<bool> {
    if let Some((key, _)) = key_after(input.bytes(), 1)
        && FIRST_OF_FINDING.iter().any(|first| first.as_bytes() == key)
    {
        return Ok(false);
    }
    input.want(CHUNK)?;
    let bytes = input.bytes();
    let mut at = 1;
    while let Some((key, value)) = key_after(bytes, at) {
        if is_findings(key) && bytes.get(value) == Some(&b'[') {
            return Ok(true);
        }
        let Some(length) = Walk::default().feed(&bytes[value..]) else {
            return Ok(false);
        };
        at = value + length;
        at += bytes[at..]
            .iter()
            .take_while(|b| is_blank(**b) || **b == b',')
            .count();
    }
    Ok(false)
}

/// True if the member at the window's beginning is the list of findings, or `null` in its place.
pub(crate) fn is_list_of_findings<R: Read>(input: &mut Input<R>) -> io::Result<bool> {
    // Keys of a reply are short; this much shows the key and the first byte of its value.
    input.want(4096)?;
    let bytes = input.bytes();
    Ok(key_after(bytes, 0).is_some_and(|(key, value)| {
        is_findings(key) && matches!(bytes.get(value), Some(b'[' | b'n'))
    }))
}

/// The key at the beginning of `bytes` and where the byte behind its colon is.
pub(crate) fn key_at(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let body = bytes.strip_prefix(b"\"")?;
    let length = body.iter().position(|b| matches!(b, b'"' | b'\\'))?;
    if body[length] == b'\\' {
        return None;
    }
    let behind = length + 2;
    let blank = bytes[behind..].iter().take_while(|b| is_blank(**b)).count();
    (bytes.get(behind + blank) == Some(&b':')).then_some((&body[..length], behind + blank + 1))
}

/// The key at `at` or behind white space, and where its value begins.
fn key_after(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let at = at
        + bytes
            .get(at..)?
            .iter()
            .take_while(|b| is_blank(**b))
            .count();
    let (key, behind) = key_at(&bytes[at..])?;
    let behind = at + behind;
    Some((
        key,
        behind + bytes[behind..].iter().take_while(|b| is_blank(**b)).count(),
    ))
}

fn is_findings(key: &[u8]) -> bool {
    matches!(key, b"Findings" | b"findings")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn replies_are_not_findings() {
        for (text, want) in [
            (r#"{"Findings":[]}"#, true),
            (r#"{ "NextToken" : "x{\"" , "findings" : [ ] }"#, true),
            (r#"{"failedItems":{"a":[1]},"findings":[{}]}"#, true),
            (r#"{"Findings":{}}"#, false),
            (r#"{"Id":"x","findings":[]}"#, false),
            (r#"{"x":1}"#, false),
            ("{}", false),
            ("{", false),
        ] {
            let mut input = Input::new(text.as_bytes());
            input.peek().unwrap();
            assert_eq!(is_envelope(&mut input).unwrap(), want, "{text}");
        }
    }
}
