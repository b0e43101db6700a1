//! Intelligence, overrides and triggers as they are printed.

use poamd::cli::failure::Exit;
use serde_json::json;

use super::House;

fn catalog(released: &str, cve: &str, due: &str) -> String {
    json!({ "catalogVersion": "x", "dateReleased": format!("{released}T00:00:00Z"), "count": 1,
        "vulnerabilities": [{ "cveID": cve, "dateAdded": "2025-12-30", "dueDate": due }] })
    .to_string()
}

#[test]
fn a_list_of_intelligence_tells_what_is_there_how_old_it_is_and_what_to_fetch() {
    let house = House::with("");
    drop(house.store());
    let none = house.run(&["intel", "list"]).done().out;
    assert_eq!(none.matches("none yet").count(), 3, "{none}");
    let kev = house.path("kev.json");
    std::fs::write(&kev, catalog("2026-10-01", "CVE-2026-1000", "2026-01-20")).unwrap();
    let epss = house.path("epss.csv");
    std::fs::write(
        &epss,
        "#model_version:v1,score_date:2026-11-21T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1000,0.5,0.9\n",
    )
    .unwrap();
    let took = house.run(&[
        "intel",
        "import",
        kev.to_str().unwrap(),
        epss.to_str().unwrap(),
    ]);
    let took = took.done().out;
    for line in [
        "as of 2026-10-01, 1 entry, 1 changed",
        "as of 2026-11-21, 1 entry, 1 changed",
        "records: 0 opened",
    ] {
        assert!(took.contains(line), "{took}");
    }
    let ran = house.run(&["intel", "list"]).done();
    assert!(
        ran.out.contains("52 days, old") && ran.out.contains("1 day"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("poamd intel import FILE"), "{}", ran.err);
    let rows = house.run(&["intel", "list", "--format", "json"]).rows();
    let of = |kind: &str| rows.iter().find(|r| r["kind"] == kind).unwrap().clone();
    let kev = of("kev");
    assert_eq!(
        (
            &kev["as_of"],
            &kev["age_days"],
            &kev["stale"],
            &kev["entries"],
            &kev["actor"]
        ),
        (
            &json!("2026-10-01T00:00:00Z"),
            &json!(52),
            &json!(true),
            &json!(1),
            &json!("cli:tester#1000")
        )
    );
    assert_eq!(of("epss")["stale"], json!(false));
    assert_eq!(
        (&of("ssvc")["as_of"], &of("ssvc")["entries"]),
        (&json!(null), &json!(0))
    );
    let older = house.path("older.json");
    std::fs::write(&older, catalog("2026-09-01", "CVE-2026-1000", "2026-01-20")).unwrap();
    let refused = house.run(&["intel", "import", older.to_str().unwrap()]);
    assert_eq!(refused.exit, Exit::Failed);
    assert!(refused.err.contains("--older"), "{}", refused.err);
}

#[test]
fn what_was_due_before_it_was_detected_is_told_where_records_are_looked_at() {
    let house = House::with_findings();
    let rows = house.run(&["poam", "list", "--format", "json"]).rows();
    let cve = rows
        .iter()
        .find(|r| r["weakness"].as_str().unwrap().starts_with("CVE-") && r["status"] == "open")
        .unwrap();
    let (id, weakness) = (
        cve["id"].as_str().unwrap(),
        cve["weakness"].as_str().unwrap(),
    );
    let kev = house.path("kev.json");
    std::fs::write(&kev, catalog("2026-11-20", weakness, "2026-01-05")).unwrap();
    house
        .run(&["intel", "import", kev.to_str().unwrap()])
        .done();
    let shown = house.run(&["poam", "show", id]).done().out;
    assert!(
        shown.contains("due       2026-01-05 (CISA KEV")
            && shown.contains("due before it was detected"),
        "{shown}"
    );
    let late = house.run(&["poam", "list", "--late"]).done().out;
    assert!(
        late.contains(&format!("due before it was detected: {id}")),
        "{late}"
    );
    let rows = house
        .run(&["poam", "list", "--late", "--format", "json"])
        .rows();
    let row = rows.iter().find(|r| r["id"] == *id).unwrap();
    assert_eq!(row["due_before_detection"], json!(true));
    let others = rows.iter().filter(|r| r["id"] != *id);
    assert!(
        others
            .into_iter()
            .all(|r| r["due_before_detection"] == json!(false))
    );
}

#[test]
fn an_override_is_listed_with_who_and_why_and_stays_in_the_list_when_it_is_taken_back() {
    let house = House::with_findings();
    let refused = house.run(&[
        "override",
        "add",
        "--weakness",
        "S3.*",
        "--score",
        "1",
        "--why",
        "no",
    ]);
    assert_ne!(refused.exit, Exit::Done);
    assert!(refused.err.contains("assessor"), "{}", refused.err);
    house
        .run(&[
            "override",
            "add",
            "--weakness",
            "S3.*",
            "--score",
            "1.5",
            "--why",
            "logs only, nothing secret in them",
        ])
        .done();
    let rows = house.run(&["override", "list", "--format", "json"]).rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["weakness"], &rows[0]["score"], &rows[0]["actor"]),
        (&json!("S3.*"), &json!(1.5), &json!("cli:tester#1000")),
        "{rows:?}"
    );
    let id = rows[0]["id"].to_string();
    assert!(
        house
            .run(&["override", "list"])
            .done()
            .out
            .contains("logs only")
    );
    house
        .run(&["override", "remove", &id, "--why", "it was a mistake"])
        .done();
    let table = house.run(&["override", "list"]).done().out;
    assert!(!table.contains("logs only"), "{table}");
    let all = house.run(&["override", "list", "--all"]).done().out;
    assert!(all.contains("logs only"), "{all}");
    let again = house.run(&["override", "remove", &id, "--why", "it was a mistake"]);
    assert_eq!(again.exit, Exit::Failed);
}

#[test]
fn triggers_tell_the_distance_and_what_cannot_be_counted() {
    let house = House::with("[poam]\nato_vulnerabilities = 3\n");
    drop(house.store());
    let rows = house.run(&["poam", "triggers", "--format", "json"]).rows();
    assert_eq!(rows.len(), 7);
    assert_eq!(
        (&rows[0]["trigger"], &rows[0]["action"], &rows[0]["left"]),
        (
            &json!("5 High older than 30 days"),
            &json!("DFR"),
            &json!(5)
        )
    );
    let text = house.run(&["poam", "triggers"]).done().out;
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    // As it reads, wherever its lines end.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for line in [
        "DFR 5 High older than 30 days: 0 of 5, 5 to go",
        "CAP 10 Moderate older than 120 days: 0 of 10, 10 to go",
        "0 of 13, 13 to go (3 at authorization)",
        "10 % or more of the scans unauthenticated: unknown (not counted: nothing has been looked at yet)",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
}

#[test]
fn triggers_name_the_records_that_are_counted() {
    let house = House::with_findings();
    let rows = house.run(&["poam", "triggers", "--format", "json"]).rows();
    let records = house.run(&["poam", "list", "--format", "json"]).rows();
    let mut named = 0;
    for row in &rows {
        let ids = row["records"].as_array().unwrap();
        let all = ids.len() as u64 + row["more_records"].as_u64().unwrap();
        let of_records = row["trigger"].as_str().unwrap().contains("older");
        if of_records || row["trigger"].as_str().unwrap().starts_with("unique") {
            assert_eq!(Some(all), row["count"].as_u64(), "{row}");
        }
        for id in ids {
            assert!(records.iter().any(|record| record["id"] == *id), "{id}");
        }
        named += ids.len();
    }
    assert!(named > 0, "{rows:#?}");
    let text = house.run(&["poam", "triggers"]).done().out;
    for row in &rows {
        let ids = row["records"].as_array().unwrap();
        if let Some(first) = ids.first().and_then(|id| id.as_str()) {
            assert!(text.contains(&format!("\n     {first}")), "{text}");
        }
        if ids.len() > 5 {
            let more = ids.len() as u64 - 5 + row["more_records"].as_u64().unwrap();
            assert!(text.contains(&format!(" and {more} more")), "{text}");
        }
    }
    let ids = text.lines().filter(|line| line.starts_with("     POAM-"));
    assert!(ids.clone().count() > 0 && ids.into_iter().all(|line| line.chars().count() <= 80));
}

#[test]
fn an_export_of_a_past_day_counts_with_the_overrides_of_that_day() {
    let house = House::with_findings();
    let marked = |day: &str| -> usize {
        let export = ["export", "--format", "json", "--as-of", day];
        let rows = house.run(&export).rows();
        let findings = rows.iter().flat_map(|r| r["findings"].as_array().unwrap());
        findings
            .filter(|f| f["marks"].to_string().contains("\"override-1\""))
            .inspect(|f| assert_eq!(f["score"], json!(1.5)))
            .count()
    };
    house.clock.advance(chrono::TimeDelta::days(1));
    let add = [
        "override",
        "add",
        "--weakness",
        "S3.*",
        "--score",
        "1.5",
        "--why",
        "logs only, nothing secret in them",
    ];
    house.run(&add).done();
    house.clock.advance(chrono::TimeDelta::days(1));
    let remove = ["override", "remove", "1", "--why", "it was a mistake"];
    house.run(&remove).done();
    house.clock.advance(chrono::TimeDelta::days(1));
    assert_eq!(marked("2026-11-22"), 0, "not yet");
    assert!(marked("2026-11-23") > 0);
    assert_eq!(marked("2026-11-24"), 0, "no longer");
    assert_eq!(marked("2026-11-25"), 0, "today");
}
