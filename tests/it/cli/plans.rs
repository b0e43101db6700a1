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
