//! Bad input: kept with what it has, capped and marked; set aside only without identity; never a panic,
//! and never at the neighbours' cost.

use std::time::Instant;

use poamd_contract::finding::Channel;
use poamd_formats::{Format, parse_page};
use proptest::prelude::*;

use crate::{bytes, import, one};

/// A whole finding with an id of one's own.
fn good(name: &str) -> String {
    format!(
        r#"{{"SchemaVersion":"2018-10-08","Id":"{name}","ProductArn":"arn:aws:securityhub:us-east-1::product/acme/acme","GeneratorId":"g","AwsAccountId":"123456789012","Region":"us-east-1","Title":"t","Severity":{{"Label":"HIGH"}},"UpdatedAt":"2026-11-20T00:00:00Z","Resources":[{{"Type":"AwsS3Bucket","Id":"arn:aws:s3:::b"}}]}}"#
    )
}

/// `good` with `from` replaced.
fn but(from: &str, to: &str) -> String {
    let text = good("bad");
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

#[test]
fn bad_form_is_kept_and_marked() {
    let wide = format!(r#""Title":"{}""#, "Ü".repeat(300));
    let many = format!(
        r#""Resources":[{}]"#,
        vec![r#"{"Type":"Other","Id":"r"}"#; 40].join(",")
    );
    let deep = format!(r#""Title":{}1{}"#, "[".repeat(10_000), "]".repeat(10_000));
    let unknown = format!(
        r#""Title":"t","Unknown":{}1{}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    for (what, text, mark) in [
        (
            "number as title",
            but(r#""Title":"t""#, r#""Title":5"#),
            "title-wrong-type",
        ),
        (
            "object as title",
            but(r#""Title":"t""#, r#""Title":{"a":1}"#),
            "title-missing",
        ),
        ("no title", but(r#""Title":"t","#, ""), "title-missing"),
        ("long title", but(r#""Title":"t""#, &wide), "title-capped"),
        (
            "NUL in the title",
            but(r#""Title":"t""#, r#""Title":"a\u0000b""#),
            "title-nul",
        ),
        (
            "bare NUL",
            but(r#""Title":"t""#, "\"Title\":\"a\0b\""),
            "repaired",
        ),
        (
            "lone surrogate",
            but(r#""Title":"t""#, r#""Title":"\ud800""#),
            "repaired",
        ),
        (
            "account as number",
            but(r#""123456789012""#, "123456789012"),
            "account-wrong-type",
        ),
        (
            "no account",
            but(
                r#""AwsAccountId":"123456789012","#,
                r#""AwsAccountId":null,"#,
            )
            .replace("::product", ":123456789012:product"),
            "account-from-arn",
        ),
        (
            "no region",
            but(r#""Region":"us-east-1","#, ""),
            "region-from-arn",
        ),
        (
            "unknown severity",
            but("HIGH", "HUGE"),
            "severity-unknown:HUGE",
        ),
        (
            "no severity",
            but(r#""Severity":{"Label":"HIGH"},"#, ""),
            "severity-missing",
        ),
        (
            "bad time",
            but("2026-11-20T00:00:00Z", "soon"),
            "updated-unreadable",
        ),
        (
            "no time",
            but(r#""UpdatedAt":"2026-11-20T00:00:00Z","#, ""),
            "updated-missing",
        ),
        (
            "resources as object",
            but(
                r#"[{"Type":"AwsS3Bucket","Id":"arn:aws:s3:::b"}]"#,
                r#"{"Type":"AwsS3Bucket","Id":"arn:aws:s3:::b"}"#,
            ),
            "resources-wrong-type",
        ),
        (
            "resources as text",
            but(
                r#"[{"Type":"AwsS3Bucket","Id":"arn:aws:s3:::b"}]"#,
                r#""b""#,
            ),
            "resources-missing",
        ),
        (
            "forty resources",
            but(
                r#""Resources":[{"Type":"AwsS3Bucket","Id":"arn:aws:s3:::b"}]"#,
                &many,
            ),
            "resources-capped",
        ),
        (
            "no product",
            but(
                r#""ProductArn":"arn:aws:securityhub:us-east-1::product/acme/acme","#,
                "",
            ),
            "product-missing",
        ),
        (
            "key twice",
            but(r#""Title":"t""#, r#""Title":"s","Title":"t""#),
            "repaired",
        ),
        (
            "huge number",
            but(r#"{"Label":"HIGH"}"#, r#"{"Normalized":1e999}"#),
            "repaired",
        ),
        (
            "not a number",
            but(
                r#"{"Label":"HIGH"}"#,
                r#"{"Label":"HIGH","Normalized":NaN}"#,
            ),
            "repaired",
        ),
        (
            "trailing comma",
            but(r#"{"Label":"HIGH"}"#, r#"{"Label":"HIGH",}"#),
            "repaired",
        ),
        (
            "deep title",
            but(r#""Title":"t""#, &deep),
            "title-wrong-type",
        ),
    ] {
        let got = one(text.as_bytes());
        assert!(
            got.marks.iter().any(|m| m == mark),
            "{what}: {:?}",
            got.marks
        );
        assert_eq!(got.native_id, "bad", "{what}");
        assert!(
            got.title.chars().count() <= 256
                && got.resources.len() <= 32
                && !got.title.contains('\0'),
            "{what}"
        );
        assert!(got.signal.is_open(), "{what}");
    }
    assert!(
        one(but(r#""Title":"t""#, &unknown).as_bytes())
            .marks
            .is_empty(),
        "unknown keys are skipped, however deep"
    );
    let got = one(but(r#""Title":"t""#, &wide).as_bytes());
    assert!(got.title.ends_with('…') && got.title.chars().count() == 256);
}

#[test]
fn invalid_utf8_is_repaired() {
    let mut text = but(r#""Title":"t""#, r#""Title":"aXb""#).into_bytes();
    let at = text.windows(3).position(|w| w == b"aXb").unwrap();
    text[at + 1] = 0xff;
    let got = one(&text);
    assert_eq!(got.title, "a\u{fffd}b");
    assert_eq!(got.marks, ["repaired"]);
}

#[test]
fn a_title_of_ten_megabytes_costs_its_own_length_only() {
    let text = but(
        r#""Title":"t""#,
        &format!(r#""Title":"{}""#, "x".repeat(10 << 20)),
    );
    let list = format!("[{},{text},{}]", good("a"), good("c"));
    let page = import(list.as_bytes());
    assert_eq!(page.reports.len(), 3);
    assert_eq!(page.reports[1].marks, ["title-capped"]);
}

#[test]
fn only_what_has_no_identity_is_set_aside() {
    for (what, text, word) in [
        ("no id", but(r#""Id":"bad","#, ""), "no id"),
        (
            "no account",
            but(r#""AwsAccountId":"123456789012","#, ""),
            "no AWS account",
        ),
        (
            "account no number",
            but("123456789012", "me"),
            "no AWS account",
        ),
        ("a number", "5".to_owned(), "not an object"),
        ("a list", "[{}]".to_owned(), "no finding of a known format"),
        ("empty", "{}".to_owned(), "no finding of a known format"),
        ("no value", r#"{"Id": }"#.to_owned(), "not JSON"),
        ("rubbish in it", r#"{"Id" 5 "x"}"#.to_owned(), "not JSON"),
    ] {
        let list = format!(r#"{{"Findings":[{},{text},{}]}}"#, good("a"), good("c"));
        let page = import(list.as_bytes());
        let ids: Vec<_> = page.reports.iter().map(|r| r.native_id.as_str()).collect();
        assert_eq!(ids, ["a", "c"], "{what}: {:?}", page.set_aside);
        assert_eq!(page.set_aside.len(), 1, "{what}: {:?}", page.set_aside);
        let aside = &page.set_aside[0];
        assert!(aside.reason.contains(word), "{what}: {}", aside.reason);
        assert_eq!(aside.place, "test.json, document 2", "{what}");
        assert!(
            !aside.excerpt.is_empty() && aside.excerpt.chars().count() <= 400,
            "{what}"
        );
    }
}

#[test]
fn a_file_cut_off_anywhere_keeps_what_is_whole() {
    let text = format!(
        r#"{{"Findings":[{},{},{}]}}"#,
        good("a"),
        good("b"),
        good("c")
    );
    let ends: Vec<usize> = ["a", "b", "c"]
        .iter()
        .map(|n| text.find(&good(n)).unwrap() + good(n).len())
        .collect();
    for cut in 0..text.len() {
        let page = import(&text.as_bytes()[..cut]);
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(page.reports.len(), whole, "cut at {cut}");
        if cut > 0 {
            assert!(page.damaged, "cut at {cut}");
            assert!(
                (1..=2).contains(&page.set_aside.len()),
                "cut at {cut}: {:?}",
                page.set_aside
            );
        }
    }
}

#[test]
fn what_is_no_json_at_all_is_one_piece_set_aside() {
    for text in [
        "hello",
        "<html><body>\n<p>x</p>\n</body></html>",
        "a,b\n1,2\n",
        "\u{1f600}",
    ] {
        let page = import(text.as_bytes());
        assert!(page.reports.is_empty() && page.damaged, "{text}");
        assert_eq!(page.set_aside.len(), 1, "{text}: {:?}", page.set_aside);
    }
    let page = import(
        format!(
            "# exported by hand\n{}\nnot this\n{}\n",
            good("a"),
            good("c")
        )
        .as_bytes(),
    );
    assert_eq!(page.reports.len(), 2);
}

#[test]
fn hostile_nesting_is_linear() {
    let begin = Instant::now();
    for text in [
        "[".repeat(1 << 20),
        "{\"a\":".repeat(1 << 18),
        "[{".repeat(1 << 19),
        "\"".repeat(1 << 20),
        "{".repeat(1 << 20),
        format!("[{}", "x{}".repeat(1 << 18)),
        format!("[{}", "[]x".repeat(1 << 18)),
        format!("[{}", ",{}]".repeat(1 << 18)),
        format!("[{}", "{\"\n".repeat(1 << 18)),
        format!("{{\"Findings\":[{}", "},:".repeat(1 << 18)),
    ] {
        let begin = Instant::now();
        assert!(import(text.as_bytes()).reports.is_empty());
        println!("{:?}: {:?}", text.get(..20), begin.elapsed());
    }
    assert!(begin.elapsed().as_secs() < 60, "took {:?}", begin.elapsed());
}

fn fixtures() -> Vec<Vec<u8>> {
    [
        "asff/02-securityhub-cloudtrail.2-govcloud-split-by-standard.json",
        "asff/09-inspector-ec2-cve-kev-high.json",
        "guardduty/get-findings-commercial.json",
        "inspector2/list-findings-page1-wire.json",
    ]
    .iter()
    .map(|file| bytes(file))
    .collect()
}

/// One change of one byte: put in, taken out, or another.
fn mutate(bytes: &mut Vec<u8>, at: usize, byte: u8, how: u8) {
    let at = at % bytes.len();
    match how % 3 {
        0 => bytes.insert(at, byte),
        1 => drop(bytes.remove(at)),
        _ => bytes[at] = byte,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = import(&bytes);
        let _ = parse_page(Format::GuardDuty, Channel::Pull, "p", &bytes);
    }

    #[test]
    fn arbitrary_json_like_text_never_panics(text in r#"[\[\]{}:,"\\a0 \n]{0,200}"#) {
        let _ = import(text.as_bytes());
        let _ = parse_page(Format::Asff, Channel::Hub, "p", text.as_bytes());
    }

    #[test]
    fn mutated_fixtures_never_panic(
        which in 0usize..4,
        changes in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = fixtures().swap_remove(which);
        for (at, byte, how) in changes {
            mutate(&mut bytes, at, byte, how);
        }
        let page = import(&bytes);
        prop_assert!(page.reports.iter().all(|r| r.title.chars().count() <= 256));
        prop_assert!(page.set_aside.iter().all(|s| s.excerpt.chars().count() <= 400));
    }
}

#[test]
fn one_changed_byte_costs_no_neighbour() {
    let length = good("bad").len();
    for (at, how, fixed) in (0..length).flat_map(|at| (0..6).map(move |n| (at, n % 3, n > 2))) {
        for byte in *b"\"\\{}[]:,x0 \n\0\xff" {
            let mut bad = good("bad").into_bytes();
            mutate(&mut bad, at, byte, how);
            let mut text = format!(r#"{{"Findings":[{},"#, good("a")).into_bytes();
            text.extend(&bad);
            text.extend(format!(r#",{},{}],"NextToken":"x"}}"#, good("c"), good("d")).into_bytes());
            let page = if fixed {
                parse_page(Format::Asff, Channel::Hub, "p", &text)
            } else {
                import(&text)
            };
            for name in ["a", "c", "d"] {
                assert!(
                    page.reports.iter().any(|r| r.native_id == name),
                    "{name} was lost to {}: {:?}",
                    String::from_utf8_lossy(&bad),
                    &page.set_aside[..page.set_aside.len().min(3)]
                );
            }
            assert!(
                page.set_aside.len() <= 12,
                "{} scraps of {}",
                page.set_aside.len(),
                String::from_utf8_lossy(&bad)
            );
        }
    }
}
