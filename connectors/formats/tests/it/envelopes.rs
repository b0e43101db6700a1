//! Every form findings come in, pages of a file, and readers that fail.

use std::io::{self, Read};

use poamd_contract::finding::{Channel, FindingReport};
use poamd_formats::{Format, parse_page, read_documents};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{bytes, import};

fn value(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}

/// Without the document, whose white space is the envelope's.
fn bare(mut report: FindingReport) -> FindingReport {
    assert!(report.raw.take().is_some());
    report
}

const HUB: &str = "asff/18-page1-with-next-token.json";
const GUARDDUTY: &str = "guardduty/get-findings-commercial.json";
const INSPECTOR: &str = "inspector2/list-findings-page1-wire.json";
const OCSF: &str = "ocsf/get-findings-v2-inspector-vulnerability.json";

#[test]
fn every_envelope_gives_the_same_findings() {
    for (file, key, count) in [
        (HUB, "Findings", 2),
        (GUARDDUTY, "findings", 3),
        (INSPECTOR, "findings", 3),
        (OCSF, "Findings", 1),
    ] {
        let reply = value(file);
        let want: Vec<_> = import(reply.to_string().as_bytes())
            .reports
            .into_iter()
            .map(bare)
            .collect();
        assert_eq!(want.len(), count);
        let list = reply[key].as_array().unwrap();
        let lines: String = list.iter().map(|f| format!("{f}\n")).collect();
        let crlf: String = list.iter().map(|f| format!("{f}\r\n")).collect();
        let pretty: String = list
            .iter()
            .map(|f| serde_json::to_string_pretty(f).unwrap() + "\n")
            .collect();
        for (name, text) in [
            ("list", reply[key].to_string()),
            ("lines", lines.clone()),
            ("lines of Windows", crlf),
            ("pretty objects", pretty),
            ("objects without a space", lines.replace('\n', "")),
            ("list of replies", format!("[{reply}]")),
            ("byte-order mark", format!("\u{feff}{reply}")),
            (
                "token first",
                format!(
                    r#"{{"NextToken":"a\"]}}","ResponseMetadata":{{"x":[1]}},"{key}":{}}}"#,
                    reply[key]
                ),
            ),
        ] {
            let mut page = import(text.as_bytes());
            let reports: Vec<_> = page.reports.drain(..).map(bare).collect();
            assert_eq!(reports, want, "{file} as {name}");
            assert!(
                page.set_aside.is_empty() && !page.damaged,
                "{file} as {name}: {:?}",
                page.set_aside
            );
        }
        let alone: Vec<_> = list
            .iter()
            .flat_map(|f| import(f.to_string().as_bytes()).reports)
            .map(bare)
            .collect();
        assert_eq!(alone, want, "{file}, one by one");
    }
}

#[test]
fn replies_one_after_the_other_and_formats_mixed() {
    let text = format!("{}\n{}\n{}", value(HUB), value(GUARDDUTY), value(INSPECTOR));
    let page = import(text.as_bytes());
    assert_eq!(page.reports.len(), 8);
    let mixed = format!(
        "[{},{},{}]",
        value(HUB)["Findings"][0],
        value(GUARDDUTY)["findings"][0],
        value(INSPECTOR)["findings"][0]
    );
    let sources: Vec<_> = import(mixed.as_bytes())
        .reports
        .into_iter()
        .map(|r| r.source)
        .collect();
    assert_eq!(sources, ["securityhub", "guardduty", "inspector"]);
}

#[test]
fn a_reply_of_a_service() {
    for (format, file, channel, count) in [
        (Format::Asff, HUB, Channel::Hub, 2),
        (Format::GuardDuty, GUARDDUTY, Channel::Pull, 3),
        (Format::Inspector2, INSPECTOR, Channel::Pull, 3),
        (Format::Ocsf, OCSF, Channel::Hub, 1),
    ] {
        assert_eq!(format.pulled_by(), channel);
        let page = parse_page(format, channel, "page 1", &bytes(file));
        assert_eq!(page.reports.len(), count, "{file}");
        assert!(page.reports.iter().all(|r| r.channel == channel));
        assert!(!page.damaged && page.set_aside.is_empty());
    }
    for empty in [
        r#"{"Findings":[]}"#,
        r#"{"findings":null,"nextToken":""}"#,
        r#"{ "NextToken": null, "findings" : [ ] }"#,
    ] {
        let page = parse_page(Format::Asff, Channel::Hub, "page 1", empty.as_bytes());
        assert!(
            page.reports.is_empty() && page.set_aside.is_empty() && !page.damaged,
            "{empty}"
        );
    }
}

#[test]
fn a_reply_that_is_none_is_set_aside_and_damaged() {
    for bad in [
        "",
        "{}",
        "<html>{x}</html>",
        "null",
        "garbage",
        r#"{"Findings":3}"#,
        r#"{"message":"no"}"#,
        r#"{"Findings":["#,
    ] {
        let page = parse_page(Format::Asff, Channel::Hub, "page 7", bad.as_bytes());
        assert!(page.reports.is_empty() && page.damaged, "{bad}");
        assert_eq!(page.set_aside.len(), 1, "{bad}: {:?}", page.set_aside);
        assert!(page.set_aside[0].place.starts_with("page 7"));
    }
}

#[test]
fn a_long_file_comes_in_pages_and_in_order() {
    let one = value(HUB)["Findings"][0].to_string();
    let list: Vec<String> = (0..5000)
        .map(|n| one.replacen("/finding/", &format!("/finding/{n:05}-"), 1))
        .collect();
    for text in [
        format!("{{\"Findings\":[{}]}}", list.join(",")),
        list.join("\n"),
    ] {
        let pages: Vec<_> = read_documents(Channel::File, "f", Dribble(text.as_bytes()))
            .collect::<io::Result<_>>()
            .unwrap();
        let sizes: Vec<_> = pages.iter().map(|p| p.reports.len()).collect();
        assert_eq!(sizes, [1000, 1000, 1000, 1000, 1000]);
        for (n, report) in pages.iter().flat_map(|p| &p.reports).enumerate() {
            assert!(
                report.native_id.contains(&format!("/finding/{n:05}-")),
                "{n}: {}",
                report.native_id
            );
        }
    }
}

/// Gives a few bytes at a time.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(7919);
        self.0.read(&mut buffer[..most])
    }
}

/// Gives its bytes, then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            n => Ok(n),
        }
    }
}

#[test]
fn a_reader_that_fails_ends_the_pages_with_its_error() {
    let one = value(HUB)["Findings"][0].to_string();
    let text = vec![one; 2500].join("\n");
    let mut pages = read_documents(Channel::File, "f", Failing(text.as_bytes()));
    let mut reports = 0;
    let error = loop {
        match pages.next().unwrap() {
            Ok(page) => reports += page.reports.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the disk is gone");
    assert!(reports >= 2000, "{reports}");
    assert!(pages.next().is_none());
}

/// What stands in a list, one by one, in lists in lists, and behind damage.
fn many() -> String {
    let one = |n: usize| {
        format!(
            r#"{{"Id":"id-{n}","ProductArn":"arn:aws:securityhub:us-east-1::product/a/b","AwsAccountId":"123456789012","Title":"\\ \" {{[ {n}"}}"#
        )
    };
    let each: Vec<String> = (0..9).map(one).collect();
    format!(
        "{{\"Findings\":[{},{}]}}\n{}\n[[{}],[{}]]\n{{\"Id\": broken}}\n{}\n{}",
        each[0], each[1], each[2], each[3], each[4], each[5], each[6]
    )
}

#[test]
fn what_is_recognised_is_what_would_have_been_read() {
    let text = many();
    let digest = |raw: &[u8]| -> [u8; 32] { Sha256::digest(raw).into() };
    let plain = import(text.as_bytes());
    // Every so many of the documents that were taken; all there is, for 0.
    let read = |every: usize| {
        let known: Vec<[u8; 32]> = plain
            .reports
            .iter()
            .skip(1)
            .step_by(every.max(1))
            .map(|r| digest(r.raw.as_deref().unwrap().as_bytes()))
            .collect();
        let pages = read_documents(Channel::File, "test.json", Dribble(text.as_bytes()))
            .recognising(move |s| every == 0 || known.contains(s));
        let pages: Vec<_> = pages.map(Result::unwrap).collect();
        assert_eq!(pages.len(), 1);
        pages.into_iter().next().unwrap()
    };
    let (one, half, all) = (read(usize::MAX), read(2), read(0));
    assert!(plain.reports.len() == 7 && !plain.set_aside.is_empty());
    for page in [&one, &half] {
        let mut reports = page.reports.iter().map(|r| r.raw.clone().unwrap());
        let mut recognised = page.recognised.iter().peekable();
        for (n, report) in plain.reports.iter().enumerate() {
            let raw = report.raw.as_deref().unwrap();
            match recognised.next_if(|r| r.sha256 == digest(raw.as_bytes())) {
                Some(known) => assert_eq!(&*known.bytes, raw.as_bytes(), "document {n}"),
                None => assert_eq!(reports.next().as_deref(), Some(raw), "document {n}"),
            }
        }
        assert!(reports.next().is_none() && recognised.next().is_none());
        assert_eq!(page.set_aside, plain.set_aside);
    }
    assert_eq!((one.recognised.len(), half.recognised.len()), (1, 3));
    assert!(all.reports.is_empty() && all.recognised.len() >= 7);
}
