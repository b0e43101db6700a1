//! One document's bytes to one report: the fast way, and the slow one for bytes that are not quite JSON.

use poamd_contract::finding::FindingReport;
use serde_json::Value;

use crate::asff::Asff;
use crate::detect::{Format, Kind, detect};
use crate::document::Document;
use crate::eve::Eve;
use crate::given::Given;
use crate::guardduty::GuardDuty;
use crate::inspector_classic::InspectorClassic;
use crate::inspector2::Inspector2;
use crate::marks::Marks;
use crate::ocsf::Ocsf;
use crate::repair::repair;

/// What came of the object at the beginning of some bytes.
pub(crate) enum Attempt {
    /// The report and the document's length.
    Taken(Box<FindingReport>, usize),
    /// JSON, and no finding that can be taken; why, and its length.
    Refused(&'static str, usize),
    /// A document that is no finding and is not expected to be one; its length.
    Passed(usize),
    /// The bytes end inside it.
    Short,
    /// Not JSON as it stands.
    Broken,
}

/// What came of one format's try.
enum Try {
    Is(Attempt),
    /// JSON of another format.
    Unlike(usize),
}

/// Takes the object `bytes` begin with. Without a fixed format the one before it is tried first.
pub(crate) fn take(
    bytes: &[u8],
    fixed: Option<Format>,
    guess: &mut Format,
    given: &Given,
) -> Attempt {
    let length = match attempt(bytes, *guess, given, fixed.is_some()) {
        Try::Is(attempt) => return attempt,
        Try::Unlike(length) => length,
    };
    match detect(&bytes[..length]) {
        Some(Kind::Finding(format)) => {
            *guess = format;
            match attempt(bytes, format, given, true) {
                Try::Is(attempt) => attempt,
                Try::Unlike(_) => Attempt::Broken,
            }
        }
        Some(Kind::Aside(reason)) => Attempt::Refused(reason, length),
        // Keys that stand twice: the slow way sorts them out.
        None => Attempt::Broken,
    }
}

fn attempt(bytes: &[u8], format: Format, given: &Given, sure: bool) -> Try {
    match format {
        Format::Asff => attempt_as::<Asff<'_>>(bytes, given, sure),
        Format::GuardDuty => attempt_as::<GuardDuty<'_>>(bytes, given, sure),
        Format::Inspector2 => attempt_as::<Inspector2<'_>>(bytes, given, sure),
        Format::InspectorClassic => attempt_as::<InspectorClassic<'_>>(bytes, given, sure),
        Format::Ocsf => attempt_as::<Ocsf<'_>>(bytes, given, sure),
        Format::Eve => attempt_as::<Eve<'_>>(bytes, given, sure),
    }
}

fn attempt_as<'a, D: Document<'a>>(bytes: &'a [u8], given: &Given, sure: bool) -> Try {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<D>();
    let document = match stream.next() {
        Some(Ok(document)) => document,
        Some(Err(error)) if error.is_eof() => return Try::Is(Attempt::Short),
        Some(Err(_)) => return Try::Is(Attempt::Broken),
        None => return Try::Is(Attempt::Short),
    };
    let length = stream.byte_offset();
    if !sure && !document.is_like() {
        return Try::Unlike(length);
    }
    if !document.is_finding() {
        return Try::Is(Attempt::Passed(length));
    }
    Try::Is(match document.report(given, Marks::default()) {
        Ok(mut report) => {
            report.raw = Some(raw(&bytes[..length]));
            Attempt::Taken(Box::new(report), length)
        }
        Err(reason) => Attempt::Refused(reason, length),
    })
}

/// Takes one whole document that is not quite JSON. `Err` says why not even repair made it one.
pub(crate) fn take_repaired(
    bytes: &[u8],
    fixed: Option<Format>,
    guess: &mut Format,
    given: &Given,
) -> Result<Box<FindingReport>, String> {
    let mut value: Value = serde_json::from_str(&repair(bytes))
        .map_err(|error| format!("it is not JSON, and could not be repaired: {error}"))?;
    merge_twins(&mut value);
    let text = value.to_string();
    let source = raw(bytes);
    let format = match (fixed, detect(text.as_bytes())) {
        (Some(format), _) | (None, Some(Kind::Finding(format))) => format,
        (None, Some(Kind::Aside(reason))) => return Err(reason.to_owned()),
        (None, None) => *guess,
    };
    *guess = format;
    match format {
        Format::Asff => repaired_as::<Asff<'_>>(&text, &source, given),
        Format::GuardDuty => repaired_as::<GuardDuty<'_>>(&text, &source, given),
        Format::Inspector2 => repaired_as::<Inspector2<'_>>(&text, &source, given),
        Format::InspectorClassic => repaired_as::<InspectorClassic<'_>>(&text, &source, given),
        Format::Ocsf => repaired_as::<Ocsf<'_>>(&text, &source, given),
        Format::Eve => repaired_as::<Eve<'_>>(&text, &source, given),
    }
}

/// The document as it came. What was no UTF-8 was no JSON either: there it shows where.
fn raw(bytes: &[u8]) -> Box<str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes).into(),
    }
}

fn repaired_as<'a, D: Document<'a>>(
    text: &'a str,
    source: &str,
    given: &Given,
) -> Result<Box<FindingReport>, String> {
    let document: D =
        serde_json::from_str(text).map_err(|error| format!("it could not be repaired: {error}"))?;
    let mut marks = Marks::default();
    marks.add("repaired");
    let mut report = document.report(given, marks).map_err(str::to_owned)?;
    report.raw = Some(source.into());
    Ok(Box::new(report))
}

/// Keys that stand twice, once with a capital (`arn` and `Arn`), are one key to the formats that come in both
/// cases: the first is kept. Keys that stand twice the same way, a `Value` has already made one.
fn merge_twins(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let twins: Vec<String> = map
                .keys()
                .filter_map(|key| capital(key))
                .filter(|k| map.contains_key(k))
                .collect();
            for twin in twins {
                map.remove(&twin);
            }
            map.values_mut().for_each(merge_twins);
        }
        Value::Array(list) => list.iter_mut().for_each(merge_twins),
        _ => {}
    }
}

fn capital(key: &str) -> Option<String> {
    let first = key.chars().next().filter(char::is_ascii_lowercase)?;
    Some(format!("{}{}", first.to_ascii_uppercase(), &key[1..]))
}
