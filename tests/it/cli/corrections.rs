//! What a new user stumbled over: acts that moved or hid a day they may not, options that were dropped without a word.

use std::os::unix::fs::PermissionsExt;

use diesel::prelude::*;
use poamd::cli::failure::Exit;
use poamd::store::schema::blobs;
use serde_json::Value;

use super::House;

fn record(house: &House, weakness: &str) -> Value {
    let rows = house.run(&["poam", "list", "--format", "json"]).rows();
    let mut found = rows.into_iter().filter(|r| r["weakness"] == weakness);
    found.next().unwrap()
}

fn id(house: &House, weakness: &str) -> String {
    record(house, weakness)["id"].as_str().unwrap().to_owned()
}

fn is_late(house: &House, id: &str) -> bool {
    let rows = house
        .run(&["poam", "list", "--late", "--format", "json"])
        .rows();
    rows.iter().any(|r| r["id"] == id)
}

fn wait(house: &House, id: &str) -> super::Ran {
    house.run(&[
        "poam",
        "vendor",
        "wait",
        id,
        "--vendor",
        "Acme",
        "--product",
        "Box",
        "--why",
        "case 4711 at Acme",
    ])
}

#[test]
fn a_vendor_moves_no_day_of_a_record_that_was_late_before_anybody_waited() {
    let house = House::with_findings();
    let id = id(&house, "CloudTrail.2");
    let due = record(&house, "CloudTrail.2")["due"].clone();
    assert!(is_late(&house, &id));
    let mute = house.run(&[
        "poam",
        "vendor",
        "wait",
        &id,
        "--vendor",
        "Acme",
        "--product",
        "Box",
    ]);
    assert_eq!(mute.exit, Exit::Usage, "{}", mute.err);
    wait(&house, &id).done();
    assert!(!is_late(&house, &id), "Rev5 knows waits for vendors");
    let shipped = house.run(&["poam", "vendor", "released", &id, "--why", "advisory 1"]);
    assert_eq!(shipped.exit, Exit::Failed);
    assert!(
        shipped.err.contains("late before anybody waited"),
        "{}",
        shipped.err
    );
    assert_eq!(record(&house, "CloudTrail.2")["due"], due);
}

#[test]
fn what_cisa_wants_fixed_waits_for_no_vendor() {
    let house = House::with_findings();
    let kev = house.path("kev.json");
    let catalog = serde_json::json!({ "catalogVersion": "x", "dateReleased": "2026-11-20T00:00:00Z", "count": 1,
        "vulnerabilities": [{ "cveID": "CVE-2024-1086", "dateAdded": "2024-05-30", "dueDate": "2024-06-20" }] });
    std::fs::write(&kev, catalog.to_string()).unwrap();
    house
        .run(&["intel", "import", kev.to_str().unwrap()])
        .done();
    let id = id(&house, "CVE-2024-1086");
    let said = wait(&house, &id).done().out;
    assert!(said.contains("it stays late while it waits"), "{said}");
    assert!(is_late(&house, &id));
    let unlikely = house.run(&[
        "poam",
        "evaluate",
        &id,
        "--lev",
        "no",
        "--why",
        "behind a filter",
    ]);
    assert_eq!(unlikely.exit, Exit::Failed);
    assert!(
        unlikely.err.contains("in CISA's catalog"),
        "{}",
        unlikely.err
    );
}

#[test]
fn what_has_to_be_said_is_not_nothing() {
    let house = House::with_findings();
    let id = id(&house, "CloudTrail.2");
    wait(&house, &id).done();
    let empty = house.run(&["poam", "vendor", "check-in", &id, "--why", " "]);
    assert_eq!(empty.exit, Exit::Usage);
    assert!(empty.err.contains("it is empty"), "{}", empty.err);
    let step = |args: &[&str]| house.run(&[&["poam", "milestone"], args].concat());
    step(&["add", &id, "Ask Acme", "--due", "2026-12-01"]).done();
    let rows = record(&house, "CloudTrail.2")["milestones"].clone();
    let number = rows.as_array().unwrap().last().unwrap()["number"].to_string();
    let again = step(&[
        "update",
        &id,
        &number,
        "--due",
        "2026-12-01",
        "--why",
        "freeze",
    ]);
    assert_eq!(again.exit, Exit::Failed);
    assert!(again.err.contains("says that already"), "{}", again.err);
    let odd = step(&["add", &id, "Ask Acme", "--due", "1.12.2026"]);
    assert!(odd.err.contains("2026-11-30"), "{}", odd.err);
}

#[test]
fn an_export_drops_no_option_and_keeps_to_days_that_were() {
    let house = House::with_findings();
    let out = house.path("out");
    let to = out.to_str().unwrap();
    for (args, said) in [
        (
            &["--format", "csv", "--as-of", "2027-01-01"][..],
            "still to come",
        ),
        (
            &["--format", "csv", "--since", "2026-11-01"],
            "--since says nothing",
        ),
        (
            &["--format", "json", "--emass", "rev4"],
            "--emass says nothing",
        ),
        (
            &["--format", "ver-report", "--since", "2026-12-01"],
            "after the day the form is of",
        ),
        (
            &["--format", "emass", "--into", to, "--out", to],
            "name the same file",
        ),
        (&["--format", "csv", "--as-of", "yesterday"], "2026-11-30"),
    ] {
        let ran = house.run(&[&["export"], args].concat());
        assert_eq!(ran.exit, Exit::Usage, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
    }
    house
        .run(&["export", "--format", "csv", "--out", to])
        .done();
    let mode = std::fs::metadata(&out).unwrap().permissions().mode();
    assert_eq!(
        mode & 0o777,
        0o600,
        "a list of ways in is nobody else's to read"
    );
}

#[test]
fn a_filled_form_is_not_filled_again() {
    let house = House::with_findings();
    let (first, second) = (house.path("a.xlsx"), house.path("b.xlsx"));
    let (first, second) = (first.to_str().unwrap(), second.to_str().unwrap());
    house
        .run(&["export", "--format", "emass", "--out", first])
        .done();
    let again = house.run(&[
        "export", "--format", "emass", "--into", first, "--out", second,
    ]);
    assert_eq!(again.exit, Exit::Failed);
    assert!(again.err.contains("holds items already"), "{}", again.err);
    assert!(!std::path::Path::new(second).exists());
}

#[test]
fn an_attached_file_that_was_altered_shows() {
    let house = House::with_findings();
    let id = id(&house, "CloudTrail.2");
    let file = house.path("scan.txt");
    std::fs::write(&file, "all well").unwrap();
    house
        .run(&["poam", "attach", &id, file.to_str().unwrap()])
        .done();
    let whole = house.run(&["evidence", "verify"]).done().out;
    assert!(
        whole.contains("attached: 1 file as they were attached"),
        "{whole}"
    );
    let store = house.store();
    store
        .write_here(|conn| {
            let packed = blobs::zstd.eq(vec![1_u8, 2, 3]);
            Ok(diesel::update(blobs::table).set(packed).execute(conn)?)
        })
        .unwrap();
    let broken = house.run(&["evidence", "verify"]);
    assert_eq!(broken.exit, Exit::Failed);
    assert!(broken.err.contains("scan.txt"), "{}", broken.err);
}
