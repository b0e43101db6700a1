//! Folders whose files must stand in a list, and lists that must have their files.

use std::collections::BTreeSet;
use std::fs;

use super::source::root;

/// The names in a folder, without their ends.
fn names(folder: &str) -> BTreeSet<String> {
    let entries =
        fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

/// The words before the colons in the list that a macro makes.
fn listed(file: &str, list: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let opening = format!("\n{list}! {{\n");
    let (_, rest) = text
        .split_once(&opening)
        .unwrap_or_else(|| panic!("{file} has no list {list}!"));
    let (inside, _) = rest.split_once("\n}").unwrap();
    inside
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(word, _)| word.trim().to_owned())
        .collect()
}

fn without(mut names: BTreeSet<String>, helpers: &[&str]) -> BTreeSet<String> {
    for helper in helpers {
        assert!(
            names.remove(*helper),
            "{helper} is gone: strike it from this test"
        );
    }
    names
}

#[test]
fn every_finding_source_stands_in_the_list() {
    let files = without(
        names("connectors/aws/src/sources"),
        &[
            "health",
            "inspector_details",
            "inspector_scans",
            "look",
            "mod",
            "paging",
            "shards",
        ],
    );
    assert_eq!(
        files,
        listed("connectors/aws/src/sources/mod.rs", "sources")
    );
}

#[test]
fn every_watch_stands_in_the_list() {
    let files = without(
        names("connectors/aws/src/watches"),
        &["authorization", "mod"],
    );
    assert_eq!(
        files,
        listed("connectors/aws/src/watches/mod.rs", "watches")
    );
}

/// A report is a file of this name and a folder of templates of this name.
#[test]
fn every_report_has_its_file_and_its_templates() {
    let kinds: BTreeSet<String> = poamd::reports::kinds().map(str::to_owned).collect();
    assert_eq!(without(names("templates/reports"), &["partials"]), kinds);
    let files = names("src/reports");
    assert!(
        kinds.is_subset(&files),
        "{kinds:?} are not all files of src/reports: {files:?}"
    );
    for kind in kinds {
        let templates = names(&format!("templates/reports/{kind}"));
        assert_eq!(
            templates,
            ["body.html", "body.txt", "subject.txt"]
                .map(str::to_owned)
                .into(),
            "{kind}"
        );
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let sqlite = names("migrations/sqlite");
    assert_eq!(sqlite, names("migrations/postgres"));
    assert!(!sqlite.is_empty());
    for migration in sqlite {
        for database in ["sqlite", "postgres"] {
            let files = names(&format!("migrations/{database}/{migration}"));
            assert_eq!(
                files,
                ["down", "up"].map(str::to_owned).into(),
                "{database} {migration}"
            );
        }
    }
}

/// A policy and its tests are neighbours.
#[test]
fn every_policy_has_its_tests_beside_it() {
    let services = names("policies/checks/aws");
    assert!(services.contains("s3"), "{services:?}");
    let checks = services
        .iter()
        .map(|service| format!("policies/checks/aws/{service}"));
    for folder in checks.chain(["policies/lib".to_owned()]) {
        let (tests, policies): (BTreeSet<String>, BTreeSet<String>) = names(&folder)
            .into_iter()
            .partition(|name| name.ends_with("_test"));
        let wanted: BTreeSet<String> = policies
            .iter()
            .map(|policy| format!("{policy}_test"))
            .collect();
        assert_eq!(tests, wanted, "{folder}");
    }
}
