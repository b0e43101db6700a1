//! What people lay down about a record is seen where records are looked at.

use super::House;

/// The first record that is late, and how many are.
fn late(house: &House) -> (String, usize) {
    let rows = house
        .run(&["poam", "list", "--late", "--format", "json"])
        .rows();
    let first = rows.first().map(|row| row["id"].as_str().unwrap());
    (first.unwrap_or_default().to_owned(), rows.len())
}

fn ids(house: &House, filter: &str) -> Vec<String> {
    let rows = house
        .run(&["poam", "list", filter, "--format", "json"])
        .rows();
    rows.iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_vendor_that_was_asked_lately_keeps_a_record_from_being_late() {
    let house = House::with_findings();
    let (id, before) = late(&house);
    assert!(before > 0, "nothing is late in the fixtures");
    let wait = [
        "poam",
        "vendor",
        "wait",
        &id,
        "--vendor",
        "Example",
        "--product",
        "libexample",
        "--why",
        "case 4711 of their support",
    ];
    house.run(&wait).done();
    assert_eq!(late(&house).1, before - 1);
    assert!(ids(&house, "--check-in-overdue").is_empty());

    // Thirty-one days later nobody has asked.
    house.clock.advance(chrono::TimeDelta::days(31));
    assert_eq!(ids(&house, "--check-in-overdue"), std::slice::from_ref(&id));
    assert!(ids(&house, "--late").contains(&id));
    let why = "asked their support, no date yet";
    house
        .run(&["poam", "vendor", "check-in", &id, "--why", why])
        .done();
    assert!(ids(&house, "--check-in-overdue").is_empty());
    assert!(!ids(&house, "--late").contains(&id));
    let shown = house.run(&["poam", "show", &id]).done().out;
    assert!(shown.contains("libexample (Example) since"), "{shown}");
}

#[test]
fn the_plan_and_a_deviation_are_shown_with_the_record() {
    let house = House::with_findings();
    let id = late(&house).0;
    let request = [
        "poam",
        "deviation",
        "request",
        &id,
        "--kind",
        "false-positive",
        "--why",
        "the scanner reads an old package list; the package was removed in October",
    ];
    house.run(&request).done();
    assert_eq!(
        ids(&house, "--deviation-pending"),
        std::slice::from_ref(&id)
    );
    let step = [
        "poam",
        "milestone",
        "add",
        &id,
        "Ask the vendor of the scanner",
        "--due",
        "2026-12-15",
    ];
    house.run(&step).done();
    let whole = house.run(&["poam", "show", &id, "--format", "json"]).json();
    assert_eq!(whole["deviation"]["kind"], "false-positive");
    assert_eq!(whole["deviation"]["state"], "requested");
    let steps = whole["milestones"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["due"], "2026-12-15");
    assert!(whole["plan"].is_string() && whole["controls"].is_array());
    let shown = house.run(&["poam", "show", &id]).done().out;
    for part in [
        "milestone (1)",
        "plan ",
        "deviation false-positive requested",
    ] {
        assert!(shown.contains(part), "{part} is missing: {shown}");
    }
    let csv = house
        .run(&["poam", "list", "--deviation-pending", "--format", "csv"])
        .done();
    assert!(csv.out.contains("old package list"), "{}", csv.out);
    house
        .run(&[
            "poam",
            "deviation",
            "withdraw",
            &id,
            "--why",
            "it was there after all",
        ])
        .done();
    assert!(ids(&house, "--deviation-pending").is_empty());
}

#[test]
fn files_and_what_inspector_told_are_shown_with_the_record() {
    let house = House::with_findings();
    let id = late(&house).0;
    let number: i64 = id.trim_start_matches("POAM-").parse().unwrap();
    let plain = house.run(&["poam", "show", &id]).done().out;
    assert!(!plain.contains("\nfile "), "{plain}");
    std::fs::write(house.path("scan.csv"), "host,port\nweb-1,22\n").unwrap();
    let file = house.path("scan.csv");
    let attach = [
        "poam",
        "attach",
        &id,
        file.to_str().unwrap(),
        "--kind",
        "scan",
        "--why",
        "what our own scanner saw",
    ];
    house.run(&attach).done();
    let detail = serde_json::json!({ "flaw": {
        "cves": ["CVE-2024-1086"], "epss": 840_000, "kev_added": "2024-05-30", "kev_due": "2024-06-20",
        "kev_action": "Apply mitigations per vendor instructions or discontinue use of the product if mitigations are \
                       unavailable.",
        "exploit": true, "exploited_since": "2024-03-26T00:00:00Z", "exploited_at": "2026-10-01T00:00:00Z",
        "proofs": (1..=7).map(|n| serde_json::json!({ "rule": format!("rule-{n}"), "detail": "seen in the wild" }))
            .collect::<Vec<_>>(),
        "techniques": ["T1068", "T1611"], "tools": ["a kit"] } });
    house
        .store()
        .write_here(|conn| {
            let mut row = poamd::store::findings::of_record(conn, number)?.remove(0);
            row.detail = detail.to_string();
            poamd::store::findings::update(conn, &row)
        })
        .unwrap();
    let shown = house.run(&["poam", "show", &id]).done().out;
    for line in [
        "flaw      CVE-2024-1086; EPSS 84.00 %",
        "cisa      known exploited since 2024-05-30; due 2024-06-20; Apply mitigations",
        "          per vendor instructions or discontinue use of the product if",
        "exploit   one is known, seen since 2024-03-26, last on 2026-10-01",
        "proof     rule-1: seen in the wild",
        "          and 2 more proofs: --format json",
        "technique T1068, T1611",
        "used by   a kit",
    ] {
        assert!(
            shown.lines().any(|l| l == line),
            "{line} is missing in\n{shown}"
        );
    }
    assert!(
        shown.contains("file      1 scan scan.csv, 2026-"),
        "{shown}"
    );
    assert!(shown.contains("what our own scanner saw"), "{shown}");
    let json = house.run(&["poam", "show", &id, "--format", "json"]).json();
    assert_eq!(json["files"][0]["name"], "scan.csv");
    assert_eq!(json["files"][0]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["flaw"]["proofs"].as_array().unwrap().len(), 7);
    let new = [
        "flaw ",
        "cisa ",
        "exploit ",
        "proof ",
        "technique ",
        "file ",
        "plan ",
        "milestone ",
        "      ",
    ];
    for line in shown
        .lines()
        .filter(|l| new.iter().any(|word| l.starts_with(word)))
    {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
