//! What the sources said, by record and day; whether it is whole.

use poamd::cli::failure::Exit;
use poamd::store::audit::sha256_hex;
use poamd::store::evidence;
use poamd_contract::finding::Signal;
use poamd_contract::source::Page;

use super::House;
use crate::support::findings::{hub, open, plan, report};

/// A document with a control character that a terminal would obey.
fn document(day: u32) -> String {
    format!("{{\"Id\":\"S3.8/a\",\"UpdatedAt\":\"2026-11-{day:02}\",\"Title\":\"\u{9b}31m\"}}")
}

/// A house whose ledger saw a finding on the 1st and another word of it on the 5th.
fn house() -> House {
    let house = House::with("");
    let store = house.store();
    for day in [1, 5] {
        let now = format!("2026-11-{day:02}T12:00:00Z").parse().unwrap();
        let mut one = report("a", now, Signal::Open);
        one.raw = Some(document(day).into());
        let mut intake = open(&store, hub(), now);
        let page = Page {
            reports: vec![one],
            ..Page::default()
        };
        intake.page(page).unwrap();
        let manifest = intake.manifest(now);
        store.write_here(|c| evidence::note(c, &manifest)).unwrap();
        plan(&store, now);
    }
    house
}

#[test]
fn a_record_shows_what_was_said_on_a_day() {
    let house = house();
    let show = |on: &[&str]| {
        let mut args = vec!["poam", "show", "POAM-000001", "--evidence"];
        args.extend(on);
        house.run(&args)
    };
    for (on, day) in [
        (&["--on", "2026-11-01"][..], 1),
        (&["--on", "2026-11-04"], 1),
        (&["--on", "2026-11-05"], 5),
        (&[], 5),
    ] {
        let told = show(&[on, &["--format", "json"]].concat()).json();
        let one = &told["documents"][0];
        assert_eq!(one["document"], document(day).as_str());
        assert_eq!(one["sha256"], sha256_hex(document(day).as_bytes()).as_str());
        assert_eq!(one["door"], "123456789012/us-east-1/securityhub");
        assert_eq!(one["taken"], format!("2026-11-{day:02}T12:00:00Z"));
        let text = show(on).done().out;
        assert!(text.contains(&format!("2026-11-{day:02}\"")), "{text}");
        assert!(!text.contains('\u{9b}'), "{text:?}");
    }
    let folder = house.path("said");
    show(&["--on", "2026-11-01", "--into", folder.to_str().unwrap()]).done();
    let kept = folder.join(format!("{}.json", sha256_hex(document(1).as_bytes())));
    assert_eq!(std::fs::read(kept).unwrap(), document(1).as_bytes());
    let ahead = show(&["--on", "2027-01-01"]);
    assert!(ahead.err.contains("still to come"), "{}", ahead.err);
    let early = show(&["--on", "2026-10-31"]);
    assert_eq!(early.exit, Exit::Failed);
    assert!(
        early.err.contains("was opened at 2026-11-01"),
        "{}",
        early.err
    );
    let none = house.run(&["poam", "show", "7", "--evidence"]);
    assert!(none.err.contains("no record POAM-000007"), "{}", none.err);
}

#[test]
fn evidence_is_listed_by_run_and_verified() {
    let house = house();
    let rows = house.run(&["evidence", "list", "--format", "json"]).rows();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["run"], &rows[0]["kept"]), (&2.into(), &1.into()));
    let one = house.run(&["evidence", "list", "--run", "1", "--format", "json"]);
    assert_eq!(one.rows().len(), 1);
    let whole = house.run(&["evidence", "verify"]).done().out;
    assert!(
        whole.contains("2 documents in 2 packs as they came"),
        "{whole}"
    );
    let log = house.run(&["audit", "verify"]).done().out;
    assert!(log.contains("2 documents in 2 packs as they came"), "{log}");
    let forged = evidence::pack(&[("{}", &[0; 32])]).unwrap();
    let now = "2026-11-06T00:00:00Z".parse().unwrap();
    house
        .store()
        .write_here(|c| evidence::insert_pack(c, 3, &forged, 1, "file", now, 1))
        .unwrap();
    for verb in [["evidence", "verify"], ["audit", "verify"]] {
        let broken = house.run(&verb);
        assert_eq!(broken.exit, Exit::Failed);
        assert!(broken.err.contains("pack 3"), "{}", broken.err);
    }
}
