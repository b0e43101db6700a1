//! What could not be taken is listed, told once, and taken off by a person with a reason.

use poamd::cli::failure::Exit;
use poamd::store::audit;

use super::House;
use crate::support::findings::assert_audited;

/// A file that breaks off in its second finding, with one before it that has no id.
fn cut_off() -> String {
    let whole = std::fs::read_to_string(super::fixtures()[0].clone()).unwrap();
    let document: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let finding = &document["Findings"][0];
    let mut nameless = finding.clone();
    nameless["Id"] = serde_json::Value::Null;
    let cut = &finding.to_string()[..400];
    format!("{{\"Findings\":[{finding},{nameless},{cut}")
}

#[test]
fn quarantine_lists_shows_and_lets_go_with_a_reason() {
    let house = House::with("");
    let file = house.path("cut.json");
    std::fs::write(&file, cut_off()).unwrap();
    let file = file.to_str().unwrap();
    house.run(&["import", file]).done();

    let rows = house
        .run(&["quarantine", "list", "--format", "json"])
        .rows();
    let reasons: Vec<&str> = rows.iter().map(|r| r["reason"].as_str().unwrap()).collect();
    assert_eq!(rows.len(), 2, "each trouble once: {reasons:?}");
    let cut = rows
        .iter()
        .find(|r| r["reason"].as_str().unwrap().contains("cut off"));
    let number = cut.unwrap()["id"].clone();
    let id = number.to_string();
    assert!(cut.unwrap()["place"].as_str().unwrap().contains("cut.json"));

    let shown = house.run(&["quarantine", "show", &id]).done();
    assert!(
        shown.out.contains("cut off") && shown.out.contains("begins"),
        "{}",
        shown.out
    );
    let doctor = house.run(&["doctor"]);
    assert!(
        doctor.out.contains("poamd quarantine dismiss"),
        "{}",
        doctor.out
    );

    let blank = house.run(&["quarantine", "dismiss", &id, "--why", " "]);
    assert_eq!(blank.exit, Exit::Usage);
    let why = "fetched again, the whole file is in";
    house
        .run(&["quarantine", "dismiss", &id, "--why", why])
        .done();
    let rows = house
        .run(&["quarantine", "list", "--format", "json"])
        .rows();
    let row = rows.iter().find(|r| r["id"] == number).unwrap();
    assert_eq!(
        (row["state"].as_str(), row["dismissed_why"].as_str()),
        (Some("dismissed"), Some(why))
    );
    let doctor = house.run(&["doctor"]);
    assert!(!doctor.out.contains("cut off"), "{}", doctor.out);
    let table = house.run(&["quarantine", "list"]).done().out;
    assert!(
        table.contains("1 document that wait, 2 documents"),
        "{table}"
    );
    assert!(!table.contains("cut off"), "{table}");
    let twice = house
        .run(&["quarantine", "dismiss", &id, "--why", why])
        .done();
    assert!(twice.out.contains("was dismissed before"), "{}", twice.out);

    // The same file once more: what was dismissed stays so.
    house.run(&["import", file]).done();
    assert_eq!(
        house
            .run(&["quarantine", "list", "--format", "json"])
            .rows()
            .len(),
        2
    );
    let gone = house.run(&["quarantine", "dismiss", "99", "--why", "no such"]);
    assert_eq!(gone.exit, Exit::Failed);

    let store = house.store();
    assert_audited(&store);
    let events = store.read_here(|c| audit::list(c, None, 100)).unwrap();
    let kinds: Vec<&str> = events.iter().map(|e| e.kind.as_str()).collect();
    for (kind, times) in [("documents.set-aside", 1), ("quarantine.dismissed", 1)] {
        assert_eq!(
            kinds.iter().filter(|k| **k == kind).count(),
            times,
            "{kinds:?}"
        );
    }
}
